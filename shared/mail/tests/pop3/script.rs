//! Scripts of POP3 servers.

pub(crate) use crate::conversation::{IDLE, Step, against, password, script, server, token};
use postroom_mail::{
    Credential, Error, Protection,
    pop3::{Bodies, Connection, Session},
};
use postroom_model::SaslPolicy;
use tokio::io::DuplexStream;

/// Reads the greeting, and what is offered.
pub(crate) async fn greeted(stream: DuplexStream) -> Result<Connection<DuplexStream>, Error> {
    Connection::over(stream, &server(), Protection::Tls, IDLE, None).await
}

/// Greets and signs in as `ann`.
pub(crate) async fn signed_in(stream: DuplexStream) -> Result<Session<DuplexStream>, Error> {
    greeted(stream).await?.sign_in("ann", &password(), SaslPolicy::Auto).await
}

/// Signs in as `ann`. Tells how many turns it took.
pub(crate) async fn sign_in(credential: &Credential, policy: SaslPolicy, text: &str) -> Result<u64, Error> {
    against(script(text), async |stream| {
        let session = greeted(stream).await?.sign_in("ann", credential, policy).await?;
        Ok(session.traffic().turns)
    })
    .await
}

/// The beginning of a script with [`signed_in`] at a server that takes several commands at a time.
pub(crate) const PIPELINING: &str = "
    S: +OK ready
    C: CAPA
    S: +OK
    S: SASL PLAIN
    S: UIDL
    S: TOP
    S: PIPELINING
    S: .
    C: AUTH PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=
    S: +OK in
";

/// The beginning of a script with [`signed_in`] at a server that takes one command after the other.
pub(crate) const ONE_BY_ONE: &str = "
    S: +OK ready
    C: CAPA
    S: +OK
    S: USER
    S: UIDL
    S: TOP
    S: .
    C: USER ann
    S: +OK
    C: PASS s3cret-password
    S: +OK in
";

/// The beginning of a script with [`signed_in`] at a server that does not know CAPA.
pub(crate) const OLD: &str = "
    S: +OK QPOP ready
    C: CAPA
    S: -ERR Unknown command: \"capa\".
    C: USER ann
    S: +OK
    C: PASS s3cret-password
    S: +OK ann has 2 messages
";

/// Plays scripts one after the other to a client that signs in first.
pub(crate) async fn with<T>(parts: &[&str], client: impl AsyncFnOnce(&mut Session<DuplexStream>) -> T) -> T {
    with_steps(script(&parts.concat()), client).await
}

/// As [`with`], with steps.
pub(crate) async fn with_steps<T>(
    steps: Vec<Step>,
    client: impl AsyncFnOnce(&mut Session<DuplexStream>) -> T,
) -> T {
    against(steps, async |stream| client(&mut signed_in(stream).await.expect("signs in")).await).await
}

/// Reads texts to the end; a refusal stands in its place.
pub(crate) async fn read(
    bodies: &mut Bodies<'_, DuplexStream>,
) -> Result<Vec<(u32, Result<String, String>)>, Error> {
    let mut found: Vec<(u32, Result<String, String>)> = Vec::new();
    loop {
        let mut body = match bodies.next().await {
            Ok(Some(body)) => body,
            Ok(None) => return Ok(found),
            Err(error) if error.leaves_session_usable() => {
                found.push((0, Err(error.to_string())));
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut text = Vec::new();
        while let Some(chunk) = body.chunk().await? {
            assert!(!chunk.is_empty() && chunk.len() <= 64 * 1024);
            text.extend_from_slice(&chunk);
        }
        found.push((body.finish().await?, Ok(String::from_utf8_lossy(&text).into_owned())));
    }
}
