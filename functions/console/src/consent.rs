//! Consent: a person lets Postroom use an account, at the account's authorization server.
//!
//! Guarantees: an account's tokens are replaced only by tokens of the person who was expected, with
//! the scopes that mail needs; whatever else an answer brings is dropped, and the account stays as it
//! was. An owner authorises an account whose `login` nobody has set only as the person who did so
//! before. Right after a consent mailboxes are tried out, and the schedule takes up all of them.
//!
//! Tokens of the wrong person are revoked where that can hurt nobody, and the person is known by a
//! verified address: a server that revokes one of a
//! person's tokens may revoke all that this app has of that person (RFC 7009 section 2.1), and those
//! may be another account's. They are dropped in any case.

use crate::{
    app::{App, Id},
    chain,
    csrf::Posted,
    flow::{self, Answered, Flow, Parameters, Purpose, RedeemError},
    language::{Language, Speak},
    notice::Notice,
    outcome::{Authorised, Outcome, Trouble, short_name},
    ownership::still_owned,
    page::{self, Page},
    problem::Problem,
    security::{Limited, Navigation, Source},
    session::{Administrator, Owner, Session, Who},
    sign_in,
    texts::Fill,
    trial,
};
use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{Account, AccountId, TokenSet};
use postroom_oauth::{Identity, Revocation, is_enough, missing_scopes};
use postroom_registry::{AccountQuery, Standing};
use postroom_tokens::{Consent, Registration};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// How long tokens may wait for whoever changes the account's now.
const PATIENCE: SignedDuration = SignedDuration::from_secs(6);
/// When a callback must be done: API Gateway gives up after 30 seconds.
const LONGEST: Duration = Duration::from_secs(25);
/// Accounts that are looked through before somebody's tokens are revoked.
const LOOKED_THROUGH: usize = 1000;

#[derive(Template)]
#[template(path = "leaving.html")]
struct LeavingPage<'a> {
    page: Page<'a>,
    login: Option<String>,
    url: &'a str,
}

/// `POST /accounts/{id}/authorise`: sends an administrator to the account's authorization server.
pub(crate) async fn authorise(
    State(app): State<App>,
    language: Language,
    headers: HeaderMap,
    Id(id): Id<AccountId>,
    posted: Posted<Administrator>,
) -> Result<Response, Problem> {
    let another = posted.fields.has("another");
    begin_alone(&app, &headers, &posted.visitor.session, &id, another, language).await
}

/// `POST /mine/authorise`: sends an owner there, for the one account that is open to that person.
pub(crate) async fn authorise_mine(
    State(app): State<App>,
    language: Language,
    headers: HeaderMap,
    posted: Posted<Owner>,
) -> Result<Response, Problem> {
    let Posted { visitor, fields } = posted;
    still_owned(&app, &visitor.account, &visitor.owner).await?;
    let another = fields.has("another");
    begin_alone(&app, &headers, &visitor.session, &visitor.account, another, language).await
}

async fn begin_alone(
    app: &App,
    headers: &HeaderMap,
    session: &Session,
    id: &AccountId,
    another_user: bool,
    language: Language,
) -> Result<Response, Problem> {
    let account = app.registry.account(id).await?.ok_or_else(Problem::not_found)?;
    let outcome = match begin(app, headers, session, &account, false, another_user).await {
        Ok(begun) => return Ok(leave(begun, &account, language)),
        Err(outcome) => outcome,
    };
    let jar = crate::session::jar(app, headers).await?;
    Ok(told(session, id, outcome, jar))
}

/// Begins a consent.
///
/// # Errors
/// What keeps it from beginning, as what came of it.
pub(crate) async fn begin(
    app: &App,
    headers: &HeaderMap,
    session: &Session,
    account: &Account,
    in_chain: bool,
    another_user: bool,
) -> Result<flow::Begun, Outcome> {
    if !account.grant.needs_consent() {
        return Err(Outcome::Failed(Trouble::NotByConsent));
    }
    if must_be_known(session, account) {
        let status = app.registry.account_status(&account.id).await;
        let status = status.map_err(|error| Outcome::fault(&error.fault()))?;
        if status.identity.is_none() {
            return Err(Outcome::Failed(Trouble::NoLogin));
        }
    }
    let flow = Flow {
        purpose: Purpose::Account { account: account.id.clone(), in_chain },
        provider: &account.provider,
        account: Some(account),
        scopes: &[],
        another_user,
        session: Some(session),
    };
    flow::begin(app, headers, flow).await.map_err(|fault| Outcome::fault(&fault))
}

/// The page between a form of ours and the authorization server: a form must not lead off this host,
/// and a page may.
pub(crate) fn leave(begun: flow::Begun, account: &Account, language: Language) -> Response {
    let flow::Begun { url, jar } = begun;
    let t = &language.texts().consent;
    let page = Page::alone(language, t.leaving.fill(&[("host", &url.host_str().unwrap_or_default())]));
    let login = account.login.as_ref().map(|login| t.leaving_as.fill(&[("login", login)]));
    let html = page::html(&LeavingPage { page, login, url: url.as_str() });
    (jar, refresh(0, &url), html).into_response()
}

/// A header that sends the browser on after some seconds.
pub(crate) fn refresh(seconds: u32, url: &Url) -> HeaderMap {
    // A URL is ASCII without line ends, so that it is a header's value too.
    let value = HeaderValue::from_str(&format!("{seconds}; url={url}"));
    value.into_iter().map(|value| (header::REFRESH, value)).collect()
}

/// `GET /callback`: what an authorization server answers, whatever it was asked for.
pub(crate) async fn callback(
    State(app): State<App>,
    _: Navigation,
    source: Source,
    headers: HeaderMap,
    session: Option<Session>,
    language: Language,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Response, Problem> {
    let end = Instant::now() + LONGEST;
    source.limit(&app, Limited::Callback).await?;
    let Query(parameters) =
        parameters.map_err(|_| Problem::invalid("the callback's parameters cannot be read"))?;
    if let Some(page) = parameters.directory(language) {
        return Ok(page);
    }
    let answered = flow::recognise(&app, &headers, session.as_ref(), parameters).await?;
    match (answered.purpose.clone(), session) {
        (Purpose::SignIn { to }, session) => sign_in::complete(&app, answered, &to, session).await,
        (Purpose::Account { account, in_chain }, Some(session)) => {
            complete(&app, answered, &session, &account, in_chain, end).await
        }
        (Purpose::Account { .. }, None) => Err(Problem::other_browser("nobody is signed in")),
    }
}

async fn complete(
    app: &App,
    answered: Answered,
    session: &Session,
    id: &AccountId,
    in_chain: bool,
    end: Instant,
) -> Result<Response, Problem> {
    // Whoever owned it when this began may not any more; then the code is not even redeemed.
    if let Who::Owner { owner, .. } = &session.who {
        still_owned(app, id, owner).await?;
    }
    let outcome = match app.registry.account(id).await? {
        Some(account) if account.provider == answered.provider => {
            settle(app, &answered, session, &account, end).await
        }
        _ => Outcome::Failed(Trouble::Changed),
    };
    match &outcome {
        Outcome::Authorised(_) => tracing::info!(account = %id, "an account was authorised"),
        Outcome::Failed(Trouble::Fault(fault)) if app.refusals.noted(fault.refusal.as_deref().cloned()) => {}
        Outcome::Failed(Trouble::Fault(fault)) => {
            tracing::warn!(account = %id, class = %fault.class, "a consent failed");
        }
        Outcome::Failed(_) => tracing::info!(account = %id, "a consent was not used"),
    }
    if in_chain
        && let Who::Administrator { key, .. } = &session.who
        && chain::record(app, key, id, outcome.clone()).await?
    {
        return Ok((answered.jar, Redirect::to("/chain")).into_response());
    }
    Ok(told(session, id, outcome, answered.jar))
}

/// Back to the page where it began, which tells what came of it.
fn told(
    session: &Session,
    id: &AccountId,
    outcome: Outcome,
    jar: axum_extra::extract::PrivateCookieJar,
) -> Response {
    let to = match session.who {
        Who::Administrator { .. } => format!("/accounts/{id}"),
        Who::Owner { .. } => "/mine".to_owned(),
    };
    (Notice { account: id.clone(), outcome }.kept_in(jar), Redirect::to(&to)).into_response()
}

/// Redeems, checks, keeps, and tries out.
async fn settle(
    app: &App,
    answered: &Answered,
    session: &Session,
    account: &Account,
    end: Instant,
) -> Outcome {
    let redeemed = match answered.redeem(app, account.login.is_some()).await {
        Ok(redeemed) => redeemed,
        Err(RedeemError::Declined) => return Outcome::Failed(Trouble::Declined),
        Err(RedeemError::Fault(fault)) => return Outcome::fault(&fault),
        Err(RedeemError::Identity(why)) => return Outcome::Failed(Trouble::Unidentified(why)),
    };
    let flow::Redeemed { tokens, identity } = redeemed;
    if let (Some(identity), Some(expected)) = (&identity, &account.login)
        && !identity.is(expected)
    {
        // Without one it might be somebody whose tokens are in use here under another name.
        if identity.email.is_some()
            && identity.email_verified
            && let Ok(registration) = answered.registration()
        {
            give_back(app, registration, identity, &tokens).await;
        }
        let signed_in = short_name(identity.shown());
        return Outcome::Failed(Trouble::WrongPerson { expected: expected.clone(), signed_in });
    }
    if must_be_known(session, account) {
        match app.registry.account_status(&account.id).await {
            Ok(status) if is_the_same(identity.as_ref(), status.identity.as_deref()) => {}
            Ok(_) => return Outcome::Failed(Trouble::NoLogin),
            Err(error) => return Outcome::fault(&error.fault()),
        }
    }
    let missing = missing_scopes(&answered.scopes, tokens.scope.as_deref());
    if !is_enough(&answered.scopes, &missing) {
        return Outcome::missing(missing);
    }
    let consent = Consent { at: app.now(), identity: identity.map(|identity| short_name(identity.shown())) };
    let until = app.now().saturating_add(PATIENCE).unwrap_or(Timestamp::MAX);
    let shown = consent.identity.clone();
    let accepted = match app.tokens.accept(&account.id, tokens, consent, until).await {
        Ok(accepted) => accepted,
        Err(error) => return Outcome::fault(&error.fault()),
    };
    let renews = accepted.tokens.refresh_token.is_some();
    let trials = match timeout_at(end, trial::try_account(app, account)).await {
        Ok(Ok(trials)) => Some(trials),
        Ok(Err(error)) => {
            tracing::warn!(%error, account = %account.id, "its mailboxes could not be tried");
            None
        }
        Err(_) => None,
    };
    Outcome::Authorised(Authorised::new(shown, accepted.missing_scopes, renews, trials))
}

/// Whether only the person who consented before may do so again: an owner's link opens the account, and
/// nobody has said whose it is.
fn must_be_known(session: &Session, account: &Account) -> bool {
    account.login.is_none() && !session.is_administrators()
}

/// Whether the person who signed in is the one who did before.
fn is_the_same(identity: Option<&Identity>, before: Option<&str>) -> bool {
    let known = identity.zip(before);
    known.is_some_and(|(identity, before)| identity.is(before) || short_name(identity.shown()) == before)
}

/// Revokes tokens of somebody who is nobody's account here, as far as that can be known.
async fn give_back(app: &App, registration: &Registration, identity: &Identity, tokens: &TokenSet) {
    match belongs_to_an_account(app, identity).await {
        Ok(false) => {}
        Ok(true) => return,
        Err(error) => return tracing::warn!(%error, "tokens of the wrong person were dropped, not revoked"),
    }
    match registration.client().revoke(tokens, app.now()).await {
        Ok(Revocation::Revoked | Revocation::NotOffered) => {}
        Err(fault) => tracing::warn!(class = %fault.class, "tokens of the wrong person were not revoked"),
    }
}

/// Whether an account may be this person's, at whatever provider: two may be one server. Where there
/// are too many to look through, one may be.
async fn belongs_to_an_account(app: &App, identity: &Identity) -> Result<bool, postroom_registry::Error> {
    let query = AccountQuery { standing: Standing::Any, provider: None, owner: None, text: None };
    let mut from = None;
    let mut seen = 0;
    loop {
        let page = app.registry.accounts_page(&query, from.as_ref(), LOOKED_THROUGH).await?;
        seen += page.items.len();
        let is_theirs = page.items.iter().any(|(account, status)| {
            [&account.login, &status.identity].into_iter().flatten().any(|name| identity.is(name))
        });
        match page.next {
            _ if is_theirs => return Ok(true),
            Some(_) if seen >= LOOKED_THROUGH => return Ok(true),
            Some(next) => from = Some(next),
            None => return Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refresh_header_names_the_whole_url() {
        let url = Url::parse("https://sso.example/authorize?a=b&c=ä").expect("url");
        let header = refresh(3, &url);
        let value = header.get(header::REFRESH).and_then(|value| value.to_str().ok());
        assert_eq!(value, Some("3; url=https://sso.example/authorize?a=b&c=%C3%A4"));
    }
}
