//! Scripts of IMAP servers.

pub(crate) use crate::conversation::{IDLE, Step, against, password, script, server, token};
use postroom_mail::{
    Error, Protection,
    imap::{Connection, Session},
};
use postroom_model::SaslPolicy;
use tokio::io::DuplexStream;

/// Reads the greeting.
pub(crate) async fn greeted(stream: DuplexStream) -> Result<Connection<DuplexStream>, Error> {
    Connection::over(stream, &server(), Protection::Tls, IDLE, None).await
}

/// Greets and signs in as `ann`.
pub(crate) async fn signed_in(stream: DuplexStream) -> Result<Session<DuplexStream>, Error> {
    greeted(stream).await?.sign_in("ann", &password(), SaslPolicy::Auto).await
}

/// The beginning of every script with [`signed_in`].
pub(crate) const SIGN_IN: &str = "
    S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready
    C: P1 AUTHENTICATE PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=
    S: P1 OK [CAPABILITY IMAP4rev1 UIDPLUS MOVE LIST-EXTENDED SPECIAL-USE] signed in
";

/// A script that goes on after [`SIGN_IN`].
pub(crate) fn after_sign_in(text: &str) -> Vec<Step> {
    [script(SIGN_IN), script(text)].concat()
}
