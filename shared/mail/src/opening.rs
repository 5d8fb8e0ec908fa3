//! The way to a server up to its greeting: TCP, TLS, the time that all of it may take.

use crate::{Answer, Error, MailStream, Network, Stage, Transcript};
use postroom_model::{FaultClass, Server, Tls};
use std::{
    future::Future,
    sync::{Mutex, PoisonError},
};
use tokio::{net::TcpStream, time::timeout};

/// How a stream is protected: what may be sent over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Encrypted, and the server's certificate checked.
    Tls,
    /// Not encrypted, to a host that the deployment allows that with.
    AllowedPlaintext,
    /// Not encrypted: nothing secret may be sent.
    Plaintext,
}

impl Protection {
    /// That a password or token may be sent to this server.
    ///
    /// # Errors
    /// [`Error::PlaintextRefused`].
    pub(crate) fn allows_secrets(self, server: &Server) -> Result<(), Error> {
        match self {
            Self::Tls | Self::AllowedPlaintext => Ok(()),
            Self::Plaintext => Err(Error::PlaintextRefused { host: server.host.clone() }),
        }
    }
}

/// A connection that is being made; its transcript, if there is one, tells what happens.
pub(crate) struct Opening<'a> {
    network: &'a Network,
    server: &'a Server,
    transcript: Option<&'a Transcript>,
    /// How far it has come.
    stage: Mutex<Stage>,
}

impl<'a> Opening<'a> {
    pub(crate) fn new(network: &'a Network, server: &'a Server, transcript: Option<&'a Transcript>) -> Self {
        if let Some(transcript) = transcript {
            transcript.note(format_args!("connecting to {}:{}", server.host, server.port));
        }
        Self { network, server, transcript, stage: Mutex::new(Stage::Connecting) }
    }

    /// Runs to the end of the greeting, for at most the network's connect timeout.
    pub(crate) async fn run<C>(
        &self,
        connecting: impl Future<Output = Result<C, Error>>,
    ) -> Result<C, Error> {
        let limit = self.network.connect_timeout();
        let connected = match timeout(limit, connecting).await {
            Ok(Err(Error::TimedOut { stage: Stage::Answer, limit, .. })) => {
                Err(Error::timed_out(self.stage(), limit))
            }
            Ok(result) => result,
            Err(_) => Err(Error::timed_out(self.stage(), limit)),
        };
        if let (Some(transcript), Err(error)) = (self.transcript, &connected) {
            transcript.note(error);
        }
        connected
    }

    /// Opens a stream that is protected as the server's settings say. `starttls` asks for TLS in the words
    /// of the protocol; nobody greets after it.
    pub(crate) async fn stream<T>(
        &self,
        starttls: impl FnOnce(TcpStream) -> T,
    ) -> Result<(MailStream, Protection), Error>
    where
        T: Future<Output = Result<TcpStream, Error>>,
    {
        let tcp = self.tcp().await?;
        match self.server.tls {
            Tls::Implicit => Ok((self.encrypt(tcp).await?, Protection::Tls)),
            Tls::Starttls => {
                let tcp = starttls(tcp).await.map_err(before_tls)?;
                Ok((self.encrypt(tcp).await?, Protection::Tls))
            }
            // The network has checked that the host may be spoken to in plaintext.
            Tls::None => Ok((tcp.into(), Protection::AllowedPlaintext)),
        }
    }

    /// Opens TCP. The greeting is next, unless it is encrypted first.
    async fn tcp(&self) -> Result<TcpStream, Error> {
        let tcp = self.network.tcp(self.server).await?;
        if let (Some(transcript), Ok(address)) = (self.transcript, tcp.peer_addr()) {
            transcript.note(format_args!("connected to {address}"));
        }
        self.reached(Stage::Greeting);
        Ok(tcp)
    }

    /// Encrypts. What the server offers is next.
    async fn encrypt(&self, tcp: TcpStream) -> Result<MailStream, Error> {
        self.reached(Stage::Encrypting);
        let stream = self.network.tls(&self.server.host, tcp).await?;
        if let Some(transcript) = self.transcript {
            transcript.note(stream.protection());
        }
        self.reached(Stage::Greeting);
        Ok(stream)
    }

    fn stage(&self) -> Stage {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reached(&self, stage: Stage) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }
}

/// What a refusal before TLS comes to. Anybody in between could have written it: it must neither
/// pause the mailbox nor cost it its token.
fn before_tls(error: Error) -> Error {
    let harmless = |answer, class| Answer { class, retry_after: None, ..answer };
    match error {
        Error::Bye(answer) => Error::Bye(harmless(answer, FaultClass::TemporarilyUnavailable)),
        Error::NoStarttls(answer) => Error::NoStarttls(harmless(answer, FaultClass::NoMechanism)),
        error => error,
    }
}
