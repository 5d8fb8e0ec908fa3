//! The test stack's authorization server, as tests move it (`infra/local/authserver/controls.mjs`).

use crate::{User, environment, http};
use postroom_model::TokenSet;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// How often a user's refresh tokens were used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refreshes {
    /// With new tokens for an answer.
    pub granted: u64,
    /// In vain.
    pub refused: u64,
}

/// A token set for a user, as the token endpoint answers at the end of a sign-in.
///
/// # Panics
/// When the authorization server does not answer.
pub async fn token_set(user: &str) -> String {
    control("POST", &format!("token?user={user}")).await
}

/// The same for a time that is made up: as if it had been obtained then. It lives for an hour by what
/// is known here; at the server it ends `seconds` from now.
///
/// # Panics
/// As [`token_set`].
pub async fn token_set_of(user: &User, obtained_at: jiff::Timestamp, seconds: u64) -> TokenSet {
    let answer = control("POST", &format!("token?user={}&seconds={seconds}", user.name())).await;
    let mut tokens = TokenSet::from_response(&answer, obtained_at).expect("a token set");
    tokens.expires_at = obtained_at.checked_add(jiff::SignedDuration::from_hours(1)).ok();
    tokens
}

/// Has the server do what tests ask of it; `what` is a control with its parameters.
///
/// # Panics
/// When the server does not do it.
pub async fn control(method: &str, what: &str) -> String {
    let issuer = environment("POSTROOM_TEST_ISSUER");
    let address = format!("{}/control/{what}", issuer.trim_end_matches('/'));
    let (code, body) = http(method, &address, "", "").await;
    assert_eq!(code, 200, "{what}");
    body
}

/// How often a user's refresh tokens were used so far.
///
/// # Panics
/// When the server does not say.
pub async fn refreshes(user: &str) -> Refreshes {
    let body = control("GET", &format!("refreshes?user={user}")).await;
    let counts: Value = serde_json::from_str(&body).expect("JSON");
    let count = |name: &str| counts[name].as_u64().expect("a count");
    Refreshes { granted: count("granted"), refused: count("refused") }
}

/// Whether the server takes an access token: it answers whose it is (OpenID Connect Core section 5.3).
///
/// # Panics
/// When the server does not answer.
pub async fn works(token: &SecretString) -> bool {
    let issuer = environment("POSTROOM_TEST_ISSUER");
    let address = format!("{}/me", issuer.trim_end_matches('/'));
    let header = format!("Authorization: Bearer {}\r\n", token.expose_secret());
    let (code, _) = http("GET", &address, &header, "").await;
    assert!(matches!(code, 200 | 401), "{code}");
    code == 200
}
