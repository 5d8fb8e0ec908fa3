//! A connection that has been greeted and not signed in.

use super::{
    apop,
    dialogue::{Dialogue, FEW},
    reply::Reply,
};
use crate::{
    Capabilities, CertificateInfo, Credential, Error, MailStream, Mechanism, Network, Protection, Transcript,
    classify::Moment, opening::Opening, sasl::Offer,
};
use postroom_model::{FaultClass, SaslPolicy, Server, Tls};
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// A connection whose server has greeted and said what it offers.
pub struct Connection<S = MailStream> {
    pub(super) dialogue: Dialogue<S>,
    /// Whether the server knows CAPA.
    knows_capa: bool,
    pub(super) capabilities: Capabilities,
    /// The greeting, if it can be trusted: none after STLS, where the server does not greet again.
    pub(super) greeting: Option<String>,
    pub(super) server: Server,
    protection: Protection,
}

/// Connects to a server: address check, TCP, TLS or STLS, greeting, capabilities.
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
        let (stream, protection) = opening.stream(|tcp| stls(tcp, idle_timeout, transcript)).await?;
        let mut dialogue = Dialogue::new(stream, idle_timeout, transcript);
        let greeting = match server.tls {
            Tls::Starttls => None,
            Tls::Implicit | Tls::None => Some(greeting(&mut dialogue).await?),
        };
        Connection::greeted(dialogue, greeting, server, protection).await
    };
    opening.run(connecting).await
}

/// Asks for STLS (RFC 2595 section 4). Nothing the server says before TLS is kept, and nothing may
/// follow its agreement: somebody in between could have put it there (CVE-2011-0411).
async fn stls(
    tcp: TcpStream,
    idle_timeout: Duration,
    transcript: Option<&Transcript>,
) -> Result<TcpStream, Error> {
    let mut dialogue = Dialogue::new(tcp, idle_timeout, transcript);
    greeting(&mut dialogue).await?;
    if let Err(refused) = dialogue.exchange("STLS").await? {
        return Err(Error::NoStarttls(dialogue.answer(&refused, Moment::Greeting)));
    }
    dialogue.wire.into_stream().ok_or(Error::Protocol("plaintext after the agreement to start TLS"))
}

async fn greeting<S: AsyncRead + AsyncWrite + Unpin>(dialogue: &mut Dialogue<S>) -> Result<String, Error> {
    match dialogue.reply().await {
        Ok(Reply::Ok(text)) => Ok(text),
        Ok(Reply::Refused(refused)) => Err(Error::Bye(dialogue.answer(&refused, Moment::Greeting))),
        Ok(Reply::Challenge(_)) | Err(Error::Protocol(_)) => {
            Err(Error::Protocol("what answers at this port is no POP3 server"))
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
        let greeting = greeting(&mut dialogue).await?;
        Self::greeted(dialogue, Some(greeting), server, protection).await
    }

    /// Asks what the server offers (CAPA, RFC 2449 section 5). Old servers do not know the question.
    async fn greeted(
        mut dialogue: Dialogue<S>,
        greeting: Option<String>,
        server: &Server,
        protection: Protection,
    ) -> Result<Self, Error> {
        let mut capabilities = Capabilities::default();
        dialogue.begin()?;
        dialogue.command("CAPA");
        let knows_capa = match dialogue.status().await? {
            Ok(_) => {
                let each = |line: &[u8]| {
                    capabilities.add_line(&String::from_utf8_lossy(line));
                    Ok(())
                };
                dialogue.lines(FEW, each).await?;
                true
            }
            Err(refused) => {
                let answer = dialogue.answer(&refused, Moment::Command);
                if matches!(answer.class, FaultClass::Throttled | FaultClass::TemporarilyUnavailable) {
                    return Err(Error::Refused { command: "CAPA", answer });
                }
                false
            }
        };
        dialogue.end();
        let delay =
            capabilities.arguments("LOGIN-DELAY").and_then(|text| text.split(' ').next()?.parse().ok());
        dialogue.login_delay = delay.map(Duration::from_secs);
        let server = server.clone();
        Ok(Self { dialogue, knows_capa, capabilities, greeting, server, protection })
    }

    /// What the server offers; nothing, if it does not know CAPA.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The mechanism that [`Connection::sign_in`] uses with this credential: the best that is offered
    /// and allowed here. A server that does not say what it offers is taken to know USER and PASS, and
    /// what is asked for by name.
    ///
    /// # Errors
    /// [`Error::NoMechanism`] and [`Error::PlaintextRefused`].
    pub fn mechanism(&self, credential: &Credential, policy: SaslPolicy) -> Result<Mechanism, Error> {
        self.protection.allows_secrets(&self.server)?;
        let knows_user = !self.knows_capa || self.capabilities.has("USER");
        let offer = Offer {
            mechanisms: self.knows_capa.then(|| self.capabilities.mechanisms()),
            own: knows_user.then_some(Mechanism::UserPass),
            apop: self.timestamp().is_some(),
        };
        credential.mechanism(policy, &offer)
    }

    /// What APOP digests, if the server offers it and it can be trusted.
    pub(super) fn timestamp(&self) -> Option<&str> {
        self.greeting.as_deref().and_then(apop::timestamp)
    }
}

impl Connection {
    /// The certificate with which the server has proved its name; none without TLS.
    pub fn certificate(&self) -> Option<CertificateInfo> {
        self.dialogue.wire.stream().certificate()
    }
}
