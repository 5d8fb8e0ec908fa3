//! What an authorization server must answer: begun here, recognised here.
//!
//! Guarantees, before anybody looks at a code (RFC 9700): the state is 256 random bits, works once
//! and for ten minutes; the browser that brings it is the one that began, because that one alone has
//! the cookie with the PKCE verifier and the nonce; the session is the one that began; the server is
//! the one that was asked, by its `iss` where it gives one (RFC 9207), and the code goes to that
//! server's token endpoint only. An answer that fails one of these changes nothing.
//!
//! Left out: what the answer is good for (`sign_in`, `consent`).

use crate::{
    app::App,
    guide,
    keys::{hash, random, same},
    language::Language,
    problem::Problem,
    session::{Session, dropped, jar, opened, sealed},
};
use axum::{http::HeaderMap, response::Response};
use axum_extra::extract::PrivateCookieJar;
use jiff::{SignedDuration, Timestamp};
use postroom_model::{Account, AccountId, Endpoints, Fault, FaultClass, ProviderId, TokenSet};
use postroom_oauth::{AuthorizationRequest, Identity};
use postroom_tokens::Registration;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

/// How long a person may take at the authorization server.
const LIFE: SignedDuration = SignedDuration::from_mins(10);
/// What is begun is kept under this kind, by the hash of its state.
const STATE: &str = "state";
/// The cookie's name, before the first characters of the state's hash.
const COOKIE: &str = "__Host-postroom-flow-";
/// Sign-ins that one browser may have begun and not finished; API Gateway takes 10 KB of headers.
const MOST_OPEN: usize = 4;
/// The longest code or error that is looked at.
const MAX_PARAMETER: usize = 4096;

/// What a sign-in at an authorization server is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// An administrator signs in, and then sees the page at this path.
    SignIn {
        /// The page.
        to: String,
    },
    /// Somebody consents for an account.
    Account {
        /// The account.
        account: AccountId,
        /// Whether it is one of a chain of them.
        in_chain: bool,
    },
}

/// A sign-in that is to begin.
#[derive(Debug)]
pub(crate) struct Flow<'a> {
    /// What for.
    pub(crate) purpose: Purpose,
    /// Where.
    pub(crate) provider: &'a ProviderId,
    /// The account that it is about; without one, `scopes` count.
    pub(crate) account: Option<&'a Account>,
    /// What is asked for where it is about no account.
    pub(crate) scopes: &'a [String],
    /// Whether the server shall let the person choose another user than the one it knows already.
    pub(crate) another_user: bool,
    /// The session that it belongs to, which the answer must come back to.
    pub(crate) session: Option<&'a Session>,
}

/// A sign-in that was begun.
#[derive(Debug)]
pub(crate) struct Begun {
    /// Where the browser goes.
    pub(crate) url: Url,
    /// The cookie that the browser needs to come back.
    pub(crate) jar: PrivateCookieJar,
}

/// What is kept of a sign-in that was begun. No secret among it.
#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    purpose: Purpose,
    provider: ProviderId,
    /// What was asked for.
    scopes: Vec<String>,
    /// The hash of the session's id.
    session: Option<String>,
}

/// What the browser keeps of it, encrypted.
#[derive(Serialize, Deserialize)]
struct Kept {
    state: String,
    verifier: String,
    nonce: String,
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    since: Timestamp,
}

/// Begins a sign-in.
///
/// # Errors
/// The fault that keeps it from beginning: of the provider, its server, or storage.
pub(crate) async fn begin(app: &App, headers: &HeaderMap, flow: Flow<'_>) -> Result<Begun, Fault> {
    let registration = app.tokens.registration(flow.provider).await.map_err(|error| error.fault())?;
    let state = random();
    let redirect = app.settings.redirect_url();
    let authorization = registration.client().authorize(&AuthorizationRequest {
        account: flow.account,
        scopes: flow.scopes,
        state: &state,
        redirect: &redirect,
        another_user: flow.another_user,
    })?;
    let now = app.now();
    let pending = Pending {
        purpose: flow.purpose,
        provider: flow.provider.clone(),
        scopes: scopes_in(&authorization.url),
        session: flow.session.map(|session| hash(&session.id)),
    };
    let key = hash(&state);
    let until = now.saturating_add(LIFE).unwrap_or(now);
    let stored = app.registry.put_ephemeral(STATE, &key, &pending, until, None, now).await;
    stored.map_err(|error| error.fault())?;
    let kept = Kept {
        state,
        verifier: authorization.verifier.expose_secret().to_owned(),
        nonce: authorization.nonce.expose_secret().to_owned(),
        since: now,
    };
    let jar = jar(app, headers).await.map_err(|_| storage("the console's key cannot be read"))?;
    let jar = without_oldest(jar).add(sealed(cookie(&key), &kept));
    Ok(Begun { url: authorization.url, jar })
}

/// What a server's answer brought, once it is known to be an answer to what we asked.
#[derive(Debug)]
pub(crate) struct Answered {
    /// What it was for.
    pub(crate) purpose: Purpose,
    /// The scopes that were asked for.
    pub(crate) scopes: Vec<String>,
    /// The cookies without this sign-in's.
    pub(crate) jar: PrivateCookieJar,
    /// The provider that was asked.
    pub(crate) provider: ProviderId,
    registration: Result<Registration, Fault>,
    code: Result<SecretString, Denial>,
    verifier: SecretString,
    nonce: SecretString,
}

/// An authorization server's refusal (RFC 6749 section 4.1.2.1).
#[derive(Debug, Clone)]
pub(crate) enum Denial {
    /// The person, or whoever decides for that person, said no.
    Declined,
    /// Anything else.
    Other(Fault),
}

/// The parameters of a callback, as they came.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Parameters {
    state: Option<String>,
    code: Option<SecretString>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Parameters {
    /// The page for a directory's answer to its administrator, which is about no flow of ours; `None`
    /// where this is none.
    pub(crate) fn directory(&self, language: Language) -> Option<Response> {
        guide::consented(self.state.as_deref(), self.error.is_some(), language)
    }
}

/// Tokens, and who it was that consented, as far as the server says.
#[derive(Debug)]
pub(crate) struct Redeemed {
    /// The token set; nobody has it but us.
    pub(crate) tokens: TokenSet,
    /// Who signed in; `None` where nobody asked for an id_token and there is none.
    pub(crate) identity: Option<Identity>,
}

/// Why a code brought no tokens that may be used.
#[derive(Debug)]
pub(crate) enum RedeemError {
    /// The person said no.
    Declined,
    /// The server refused or failed.
    Fault(Fault),
    /// What it says of the person cannot be trusted, or it says nothing.
    Identity(String),
}

/// Recognises an answer: what it answers, that it came to the browser and the session that began,
/// and that the right server gave it.
///
/// # Errors
/// [`Problem`]; then nothing has happened but that the state, where it was ours, is used up.
pub(crate) async fn recognise(
    app: &App,
    headers: &HeaderMap,
    session: Option<&Session>,
    parameters: Parameters,
) -> Result<Answered, Problem> {
    let state = parameters.state.as_deref().filter(|state| !state.is_empty() && state.len() <= 128);
    let state = state.ok_or_else(|| Problem::invalid("a callback without a state"))?;
    let key = hash(state);
    let jar = jar(app, headers).await?;
    // The browser first: a state that somebody else brings is not used up by it.
    let kept = opened::<Kept>(&jar, &cookie(&key)).filter(|kept| same(&kept.state, state));
    let kept = kept.ok_or_else(|| Problem::other_browser("no cookie of this sign-in"))?;
    let pending: Option<Pending> = app.registry.take_ephemeral(STATE, &key, app.now()).await?;
    let pending = pending.ok_or_else(|| Problem::state_unknown("the state is used, too old or unknown"))?;
    if pending.session.is_some() && pending.session != session.map(|session| hash(&session.id)) {
        return Err(Problem::other_browser("the session that began is not the present one"));
    }
    let registration = app.tokens.registration(&pending.provider).await;
    if let Ok(registration) = &registration
        && !registration.server.accepts_iss(parameters.iss.as_deref())
    {
        tracing::warn!(provider = %pending.provider, "an answer names another issuer, or none");
        return Err(Problem::other_server("the answer's iss is not the issuer that was asked"));
    }
    Ok(Answered {
        purpose: pending.purpose,
        scopes: pending.scopes,
        jar: dropped(jar, cookie(&key)),
        provider: pending.provider,
        registration: registration.map_err(|error| error.fault()),
        code: code(parameters)?,
        verifier: kept.verifier.into(),
        nonce: kept.nonce.into(),
    })
}

fn code(parameters: Parameters) -> Result<Result<SecretString, Denial>, Problem> {
    let Parameters { code, error, error_description, .. } = parameters;
    if let Some(error) = error.filter(|error| !error.is_empty()) {
        return Ok(Err(Denial::of(&error, error_description.as_deref())));
    }
    let code = code.filter(|code| (1..=MAX_PARAMETER).contains(&code.expose_secret().len()));
    code.map(Ok).ok_or_else(|| Problem::invalid("a callback with neither a code nor an error"))
}

impl Denial {
    fn of(error: &str, description: Option<&str>) -> Self {
        let description: String = description.unwrap_or_default().chars().take(MAX_PARAMETER).collect();
        let answer = serde_json::json!({"error": error, "error_description": description});
        let fault = postroom_oauth::classify(400, &answer.to_string(), None);
        match fault.class {
            FaultClass::ConsentRequired if error == "access_denied" => Self::Declined,
            _ => Self::Other(fault),
        }
    }
}

impl Answered {
    /// The provider, as it can be talked to.
    ///
    /// # Errors
    /// The fault that keeps it from being talked to.
    pub(crate) fn registration(&self) -> Result<&Registration, Fault> {
        self.registration.as_ref().map_err(Clone::clone)
    }

    /// Redeems the code, and finds out who consented. `by_address`: the person is told by an address, for
    /// which the server is asked where its id_token has none.
    ///
    /// # Errors
    /// [`RedeemError`].
    pub(crate) async fn redeem(&self, app: &App, by_address: bool) -> Result<Redeemed, RedeemError> {
        let code = self.code.as_ref().map_err(|denial| match denial {
            Denial::Declined => RedeemError::Declined,
            Denial::Other(fault) => RedeemError::Fault(fault.clone()),
        })?;
        let registration = self.registration().map_err(RedeemError::Fault)?;
        let client = registration.client();
        let redirect = app.settings.redirect_url();
        let answer = client.redeem(code, &self.verifier, &redirect, app.now()).await;
        let answer = answer.map_err(RedeemError::Fault)?;
        // What was asked for decides: what the server says of itself may be another thing by now.
        let expected = self.scopes.iter().any(|scope| scope == "openid");
        let identity = match &answer.id_token {
            _ if names_nobody(registration) => None,
            Some(id_token) => {
                let identity = client.identity(id_token, Some(&self.nonce), app.now()).await;
                let identity = identity.map_err(|error| RedeemError::Identity(error.to_string()))?;
                Some(if by_address {
                    client.with_userinfo(identity, &answer.tokens.access_token).await
                } else {
                    identity
                })
            }
            None if expected => {
                return Err(RedeemError::Identity("the server sent no id_token".to_owned()));
            }
            None => None,
        };
        Ok(Redeemed { tokens: answer.tokens, identity })
    }
}

/// Whether the provider gives addresses and no issuer, so that there is nothing to check an id_token
/// against: people are then not known by name, whatever the server sends.
fn names_nobody(registration: &Registration) -> bool {
    let no_issuer = matches!(registration.provider.endpoints, Endpoints::Explicit { issuer: None, .. });
    no_issuer && !registration.server.openid
}

/// The scopes that an authorization request asks for, those for the identity among them.
fn scopes_in(url: &Url) -> Vec<String> {
    let scope = url.query_pairs().find_map(|(name, value)| (name == "scope").then(|| value.into_owned()));
    scope.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

fn cookie(key: &str) -> String {
    format!("{COOKIE}{}", &key[..8])
}

/// The jar with room for one more sign-in.
fn without_oldest(jar: PrivateCookieJar) -> PrivateCookieJar {
    let open = jar.iter().filter(|cookie| cookie.name().starts_with(COOKIE));
    let mut open: Vec<(Option<Timestamp>, String)> = open
        .map(|cookie| {
            let kept = serde_json::from_str::<Kept>(cookie.value()).ok();
            (kept.map(|kept| kept.since), cookie.name().to_owned())
        })
        .collect();
    open.sort();
    let surplus = (open.len() + 1).saturating_sub(MOST_OPEN);
    open.into_iter().take(surplus).fold(jar, |jar, (_, name)| dropped(jar, name))
}

fn storage(reason: &str) -> Fault {
    Fault::new(FaultClass::Storage, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_who_declines_is_told_apart_from_a_server_that_refuses() {
        assert!(matches!(Denial::of("access_denied", None), Denial::Declined));
        assert!(matches!(Denial::of("access_denied", Some("The user said no")), Denial::Declined));
        for (error, description, class) in [
            ("server_error", None, FaultClass::TemporarilyUnavailable),
            ("consent_required", None, FaultClass::ConsentRequired),
            ("login_required", None, FaultClass::InteractionRequired),
            ("invalid_scope", None, FaultClass::AppRegistration),
            ("access_denied", Some("AADSTS90094: admin consent"), FaultClass::AdminConsentRequired),
        ] {
            let Denial::Other(fault) = Denial::of(error, description) else { panic!("{error}") };
            assert_eq!(fault.class, class, "{error}");
        }
    }

    #[test]
    fn what_is_asked_for_is_read_from_the_request() {
        let url = Url::parse("https://sso.example/authorize?scope=openid+imap%20b&state=s").expect("url");
        assert_eq!(scopes_in(&url), ["openid", "imap", "b"]);
    }
}
