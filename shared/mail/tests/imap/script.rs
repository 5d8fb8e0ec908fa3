//! Scripts of IMAP servers.

pub(crate) use crate::conversation::{IDLE, Step, against, password, script, server, token};
use postroom_mail::{
    Credential, Error, Protection,
    imap::{Bodies, Connection, Session},
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

/// Signs in as `ann`. Tells how many turns it took.
pub(crate) async fn sign_in(credential: &Credential, policy: SaslPolicy, text: &str) -> Result<u64, Error> {
    against(script(text), async |stream| {
        let session = greeted(stream).await?.sign_in("ann", credential, policy).await?;
        Ok(session.traffic().turns)
    })
    .await
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

/// Signs in, then plays the script.
pub(crate) async fn with<T>(text: &str, client: impl AsyncFnOnce(&mut Session<DuplexStream>) -> T) -> T {
    with_steps(after_sign_in(text), client).await
}

/// As [`with`], with steps from the greeting on.
pub(crate) async fn with_steps<T>(
    steps: Vec<Step>,
    client: impl AsyncFnOnce(&mut Session<DuplexStream>) -> T,
) -> T {
    against(steps, async |stream| client(&mut signed_in(stream).await.expect("signs in")).await).await
}

/// Reads texts to the end.
pub(crate) async fn read(bodies: &mut Bodies<'_, DuplexStream>) -> Result<Vec<(u32, String)>, Error> {
    let mut found = Vec::new();
    while let Some(mut body) = bodies.next().await? {
        let mut text = Vec::new();
        while let Some(chunk) = body.chunk().await? {
            text.extend_from_slice(&chunk);
        }
        assert_eq!(text.len() as u64, body.size());
        found.push((body.finish().await?, String::from_utf8_lossy(&text).into_owned()));
    }
    Ok(found)
}
