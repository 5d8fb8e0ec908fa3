//! Who looks at a page: an administrator who signed in, or an owner who came by a personal link.
//!
//! Guarantees: a session lies in one cookie, encrypted and authenticated under a key from the vault,
//! that only this host gets, that no script reads and that no other site's form sends. It ends half
//! an hour to an hour after the last page (an owner's half an hour after the link was opened), at the latest eight
//! hours after signing in, and at once with signing out: that is on record, so that a copy of the
//! cookie is worth nothing afterwards.
//!
//! Left out: who may sign in (`sign_in`), and which links open a session (`mine`).

use crate::{
    app::App,
    csrf::Posted,
    keys::{hash, random},
    problem::Problem,
};
use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::{
    PrivateCookieJar,
    cookie::{Cookie, SameSite},
};
use jiff::{SignedDuration, Timestamp};
use postroom_model::AccountId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::convert::Infallible;

const COOKIE: &str = "__Host-postroom";
/// An administrator's session ends this long after a page that began the time anew: pages do so when
/// half of it is over.
const ADMINISTRATOR: SignedDuration = SignedDuration::from_hours(1);
/// And this long after signing in, whatever happened since.
const LONGEST: SignedDuration = SignedDuration::from_hours(8);
/// An owner's session ends this long after the link was opened.
const OWNER: SignedDuration = SignedDuration::from_mins(30);
/// What is kept of a session that was ended by hand.
const SIGNED_OUT: &str = "signed-out";

/// A session, as its cookie holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Tells this session from every other.
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) who: Who,
    /// What every form of this session carries.
    pub(crate) csrf: String,
    /// When it ends unless another page is asked for.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    until: Timestamp,
    /// When it ends anyway.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    ends: Timestamp,
}

/// Whose a session is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Who {
    /// An administrator.
    Administrator {
        /// Names what is kept for this person; it tells nobody who that is.
        key: String,
        /// The name or address shown to that person.
        name: String,
    },
    /// The owner of one account, and of nothing else.
    Owner {
        /// The account.
        account: AccountId,
        /// Which of its owners: a keyed hash of the address, as the link had it.
        owner: String,
    },
}

impl Session {
    /// How whoever it belongs to is called on pages.
    pub(crate) fn name(&self) -> &str {
        match &self.who {
            Who::Administrator { name, .. } => name,
            Who::Owner { account, .. } => account.as_str(),
        }
    }

    /// Whether it is an administrator's.
    pub(crate) fn is_administrators(&self) -> bool {
        matches!(self.who, Who::Administrator { .. })
    }

    /// A new session.
    pub(crate) fn new(who: Who, now: Timestamp) -> Self {
        let (idle, longest) = match who {
            Who::Administrator { .. } => (ADMINISTRATOR, LONGEST),
            Who::Owner { .. } => (OWNER, OWNER),
        };
        let until = now.saturating_add(idle).unwrap_or(Timestamp::MAX);
        let ends = now.saturating_add(longest).unwrap_or(Timestamp::MAX);
        Self { id: random(), who, csrf: random(), until, ends }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until || now >= self.ends
    }

    /// The session with its idle time begun anew, once half of it is over; `None` before that.
    fn prolonged(&self, now: Timestamp) -> Option<Self> {
        let Who::Administrator { .. } = self.who else { return None };
        let until = now.saturating_add(ADMINISTRATOR).unwrap_or(Timestamp::MAX).min(self.ends);
        let gained = until.duration_since(self.until);
        (!self.is_over(now) && gained > ADMINISTRATOR / 2).then(|| Self { until, ..self.clone() })
    }

    /// The jar with the session's cookie in it, to be given to the browser.
    pub(crate) fn kept_in(&self, jar: PrivateCookieJar) -> PrivateCookieJar {
        jar.add(sealed(COOKIE.to_owned(), self))
    }

    /// Ends the session for good: whoever has a copy of its cookie is signed out with it.
    pub(crate) async fn end(&self, app: &App) -> Result<(), Problem> {
        app.registry.claim_ephemeral(SIGNED_OUT, &hash(&self.id), self.ends, app.now()).await?;
        Ok(())
    }
}

/// Finds out whose session a request belongs to, before its page is made, and prolongs it.
pub(crate) async fn recognise(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let session = match session_of(&app, request.headers()).await {
        Ok(session) => session,
        Err(problem) => return problem.into_response(),
    };
    let Some(session) = session else { return next.run(request).await };
    let prolonged = session.prolonged(app.now());
    request.extensions_mut().insert(session.clone());
    let mut response = next.run(request).await;
    // Also for who makes the page of a problem.
    response.extensions_mut().insert(session);
    // A page that changes the session itself, such as signing out, has the last word.
    let changed = response.headers().get_all(header::SET_COOKIE).iter();
    let changed = changed.filter_map(|value| value.to_str().ok());
    let changed = changed.filter_map(|cookie| cookie.split_once('=')).any(|(name, _)| name == COOKIE);
    match (prolonged, app.keys().await) {
        (Some(session), Ok(keys)) if !changed => {
            (session.kept_in(PrivateCookieJar::new(keys.cookies.clone())), response).into_response()
        }
        _ => response,
    }
}

async fn session_of(app: &App, headers: &HeaderMap) -> Result<Option<Session>, Problem> {
    let named = |cookie: &str| cookie.split_once('=').is_some_and(|(name, _)| name.trim() == COOKIE);
    let mut cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    if !cookies.any(|cookies| cookies.split(';').any(named)) {
        return Ok(None);
    }
    let jar = jar(app, headers).await?;
    let Some(session) = opened::<Session>(&jar, COOKIE).filter(|session| !session.is_over(app.now())) else {
        return Ok(None);
    };
    let ended: Option<(bool, u64)> =
        app.registry.ephemeral(SIGNED_OUT, &hash(&session.id), app.now()).await?;
    Ok(ended.is_none().then_some(session))
}

/// The cookies of a request that this console made.
pub(crate) async fn jar(app: &App, headers: &HeaderMap) -> Result<PrivateCookieJar, Problem> {
    Ok(PrivateCookieJar::from_headers(headers, app.keys().await?.cookies.clone()))
}

/// `POST /sign-out`: ends the session, whoever's it is.
pub(crate) async fn sign_out(
    State(app): State<App>,
    headers: HeaderMap,
    posted: Posted<Session>,
) -> Result<Response, Problem> {
    posted.visitor.end(&app).await?;
    let jar = dropped(jar(&app, &headers).await?, COOKIE.to_owned());
    Ok((jar, Redirect::to("/sign-in")).into_response())
}

/// A cookie of this host alone (RFC 6265bis section 4.1.3.2), which no script reads, and which other
/// sites' forms do not send. It lasts as long as the browser runs; what is in it says when it ends.
fn bare(name: String) -> Cookie<'static> {
    Cookie::build((name, "")).path("/").secure(true).http_only(true).same_site(SameSite::Lax).build()
}

/// A cookie with a value that the jar will encrypt.
pub(crate) fn sealed<T: Serialize>(name: String, value: &T) -> Cookie<'static> {
    let mut cookie = bare(name);
    cookie.set_value(serde_json::to_string(value).unwrap_or_default());
    cookie
}

/// The value of a cookie that this console made and nobody changed.
pub(crate) fn opened<T: DeserializeOwned>(jar: &PrivateCookieJar, name: &str) -> Option<T> {
    serde_json::from_str(jar.get(name)?.value()).ok()
}

/// The jar without a cookie.
pub(crate) fn dropped(jar: PrivateCookieJar, name: String) -> PrivateCookieJar {
    jar.remove(bare(name))
}

/// An administrator who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Administrator {
    /// The name or address shown to that person.
    pub(crate) name: String,
    /// What every form carries.
    pub(crate) csrf: String,
    /// Names what is kept for this person.
    pub(crate) key: String,
    /// The session itself.
    pub(crate) session: Session,
}

/// An owner who came by a personal link.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    /// The one account that is open to this person.
    pub(crate) account: AccountId,
    /// Which of its owners this is: a keyed hash of the address.
    pub(crate) owner: String,
    /// What every form carries.
    pub(crate) csrf: String,
    /// The session itself.
    pub(crate) session: Session,
}

impl FromRequestParts<App> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Problem> {
        match parts.extensions.get::<Self>() {
            Some(session) => Ok(session.clone()),
            None => Err(Problem::not_signed_in(parts)),
        }
    }
}

impl OptionalFromRequestParts<App> for Session {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().cloned())
    }
}

impl FromRequestParts<App> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let session = <Session as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        match &session.who {
            Who::Administrator { key, name } => {
                Ok(Self { name: name.clone(), csrf: session.csrf.clone(), key: key.clone(), session })
            }
            Who::Owner { .. } => Err(Problem::not_signed_in(parts)),
        }
    }
}

impl FromRequestParts<App> for Owner {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let session = <Session as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        match &session.who {
            Who::Owner { account, owner } => Ok(Self {
                account: account.clone(),
                owner: owner.clone(),
                csrf: session.csrf.clone(),
                session,
            }),
            Who::Administrator { .. } => Err(Problem::link_needed()),
        }
    }
}
