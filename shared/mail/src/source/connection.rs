//! A connection that has been greeted and not signed in, whichever protocol it speaks.

use super::Source;
use crate::{
    Capabilities, CertificateInfo, Credential, Error, MailStream, Mechanism, Network, Transcript, imap, pop3,
};
use postroom_model::{Protocol, SaslPolicy, Server};
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection whose server has greeted and said what it offers.
pub enum Connection<S = MailStream> {
    /// To an IMAP server.
    Imap(imap::Connection<S>),
    /// To a POP3 server.
    Pop3(pop3::Connection<S>),
}

/// Connects to a server: address check, TCP, TLS, greeting, capabilities. What happens and what is said,
/// from now to the end of the session, is written down in the transcript if there is one.
///
/// # Errors
/// [`Error`]; the whole takes at most the network's connect timeout.
pub async fn connect_recorded(
    network: &Network,
    protocol: Protocol,
    server: &Server,
    transcript: Option<&Transcript>,
) -> Result<Connection, Error> {
    Ok(match protocol {
        Protocol::Imap => Connection::Imap(imap::connect_recorded(network, server, transcript).await?),
        Protocol::Pop3 => Connection::Pop3(pop3::connect_recorded(network, server, transcript).await?),
    })
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// What the server offers before the sign-in; nothing, if it does not say.
    pub fn capabilities(&self) -> &Capabilities {
        match self {
            Self::Imap(connection) => connection.capabilities(),
            Self::Pop3(connection) => connection.capabilities(),
        }
    }

    /// The mechanism that [`Connection::sign_in`] uses with this credential.
    ///
    /// # Errors
    /// [`Error::NoMechanism`] and [`Error::PlaintextRefused`].
    pub fn mechanism(&self, credential: &Credential, policy: SaslPolicy) -> Result<Mechanism, Error> {
        match self {
            Self::Imap(connection) => connection.mechanism(credential, policy),
            Self::Pop3(connection) => connection.mechanism(credential, policy),
        }
    }

    /// Signs in, once, with the best mechanism that is offered and allowed.
    ///
    /// # Errors
    /// [`Error::NoMechanism`], [`Error::PlaintextRefused`], [`Error::Unsendable`] before anything is
    /// sent; [`Error::SignInRefused`] with the server's reason after that.
    pub async fn sign_in(
        self,
        user: &str,
        credential: &Credential,
        policy: SaslPolicy,
    ) -> Result<Source<S>, Error> {
        Ok(match self {
            Self::Imap(connection) => Source::Imap(connection.sign_in(user, credential, policy).await?),
            Self::Pop3(connection) => Source::Pop3(connection.sign_in(user, credential, policy).await?),
        })
    }
}

impl Connection {
    /// The certificate with which the server has proved its name; none without TLS.
    pub fn certificate(&self) -> Option<CertificateInfo> {
        match self {
            Self::Imap(connection) => connection.certificate(),
            Self::Pop3(connection) => connection.certificate(),
        }
    }
}
