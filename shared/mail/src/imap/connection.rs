//! A connection that has been greeted and not signed in.

use super::{
    dialogue::Dialogue,
    response::{Response, StatusKind},
};
use crate::{
    Capabilities, CertificateInfo, Credential, Error, MailStream, Mechanism, Network, Protection, Transcript,
    classify::Moment, opening::Opening, sasl::Offer,
};
use postroom_model::{SaslPolicy, Server, Tls};
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// A connection whose server has greeted and said what it offers.
pub struct Connection<S = MailStream> {
    pub(super) dialogue: Dialogue<S>,
    pub(super) capabilities: Capabilities,
    pub(super) server: Server,
    protection: Protection,
}

/// Connects to a server: address check, TCP, TLS or STARTTLS, greeting, capabilities.
///
/// # Errors
/// [`Error`]; the whole takes at most the network's connect timeout.
pub async fn connect(network: &Network, server: &Server) -> Result<Connection, Error> {
    connect_recorded(network, server, None).await
}

/// Connects as [`connect`] does, and writes down what happens and what is said, from now to the end of
/// the session, in the transcript if there is one.
///
/// # Errors
/// As [`connect`].
pub async fn connect_recorded(
    network: &Network,
    server: &Server,
    transcript: Option<&Transcript>,
) -> Result<Connection, Error> {
    let opening = Opening::new(network, server, transcript);
    let idle_timeout = network.idle_timeout();
    let connecting = async {
        let (stream, protection) = opening.stream(|tcp| starttls(tcp, idle_timeout, transcript)).await?;
        let mut dialogue = Dialogue::new(stream, idle_timeout, transcript);
        if server.tls != Tls::Starttls {
            greeting(&mut dialogue).await?;
        }
        Connection::greeted(dialogue, server, protection).await
    };
    opening.run(connecting).await
}

/// Asks for STARTTLS (RFC 3501 section 6.2.1). Nothing the server says before TLS is kept, and
/// nothing may follow its agreement: somebody in between could have put it there.
async fn starttls(
    tcp: TcpStream,
    idle_timeout: Duration,
    transcript: Option<&Transcript>,
) -> Result<TcpStream, Error> {
    let mut dialogue = Dialogue::new(tcp, idle_timeout, transcript);
    greeting(&mut dialogue).await?;
    let status = dialogue.exchange("STARTTLS").await?;
    if status.kind != StatusKind::Ok {
        return Err(Error::NoStarttls(dialogue.answer(&status, Moment::Greeting)));
    }
    dialogue.wire.into_stream().ok_or(Error::Protocol("plaintext after the agreement to start TLS"))
}

async fn greeting<S: AsyncRead + AsyncWrite + Unpin>(dialogue: &mut Dialogue<S>) -> Result<(), Error> {
    match dialogue.greeting().await {
        Ok(Response::Status(status)) if status.kind == StatusKind::Ok => {
            dialogue.capabilities = status.capabilities();
            Ok(())
        }
        Ok(Response::Status(status)) if status.kind == StatusKind::Preauth => {
            Err(Error::Protocol("the server takes us for somebody before we have signed in (PREAUTH)"))
        }
        Ok(_) | Err(Error::Protocol(_)) => {
            Err(Error::Protocol("what answers at this port is no IMAP server"))
        }
        Err(error) => Err(error),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Reads the greeting over a stream that somebody else has opened. What is said is written down in
    /// the transcript, if there is one.
    ///
    /// # Errors
    /// [`Error`], when the server does not greet, or refuses us.
    pub async fn over(
        stream: S,
        server: &Server,
        protection: Protection,
        idle_timeout: Duration,
        transcript: Option<&Transcript>,
    ) -> Result<Self, Error> {
        let mut dialogue = Dialogue::new(stream, idle_timeout, transcript);
        greeting(&mut dialogue).await?;
        Self::greeted(dialogue, server, protection).await
    }

    async fn greeted(
        mut dialogue: Dialogue<S>,
        server: &Server,
        protection: Protection,
    ) -> Result<Self, Error> {
        let capabilities = dialogue.capabilities().await?.clone();
        Ok(Self { dialogue, capabilities, server: server.clone(), protection })
    }

    /// What the server offers before sign-in.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The mechanism that [`Connection::sign_in`] uses with this credential: the best that is offered
    /// and allowed here.
    ///
    /// # Errors
    /// [`Error::NoMechanism`] and [`Error::PlaintextRefused`].
    pub fn mechanism(&self, credential: &Credential, policy: SaslPolicy) -> Result<Mechanism, Error> {
        self.protection.allows_secrets(&self.server)?;
        let offer = Offer {
            mechanisms: Some(self.capabilities.mechanisms()),
            own: (!self.capabilities.has("LOGINDISABLED")).then_some(Mechanism::Command),
            apop: false,
        };
        credential.mechanism(policy, &offer)
    }
}

impl Connection {
    /// The certificate with which the server has proved its name; none without TLS.
    pub fn certificate(&self) -> Option<CertificateInfo> {
        self.dialogue.wire.stream().certificate()
    }
}
