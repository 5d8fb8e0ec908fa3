//! An owner's page: the one account that a personal link opens.
//!
//! Guarantees: looking at a link changes nothing, because mail scanners look at links; pressing its
//! button uses it up, for the first who does. Whoever came by a link sees that account, its mailboxes
//! and one button, and reaches no other.

use crate::{
    app::App,
    condition::{Condition, Explained, State as Words},
    csrf::Fields,
    language::Language,
    link::{LinkError, PersonalLink},
    notice::Noticed,
    outcome::Report,
    page::{self, Page},
    problem::Problem,
    security::{Limited, Source},
    session::{Owner, Session, Who, jar},
    texts::Fill,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};

/// Links that were opened are kept under this kind, by their nonce.
const LINK: &str = "link";
/// Mailboxes that are listed.
const SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage<'a> {
    page: Page<'a>,
    token: &'a str,
}

/// `GET /link/{token}`: a page with a button.
pub(crate) async fn link(
    State(app): State<App>,
    language: Language,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    let link = read(&app, &token).await?;
    let used: Option<(bool, u64)> = app.registry.ephemeral(LINK, &link.nonce, app.now()).await?;
    if used.is_some() {
        return Err(Problem::link_used());
    }
    let page = Page::alone(language, language.texts().owner.link_title).at(format!("/link/{token}"));
    Ok(page::html(&LinkPage { page, token: &token }))
}

/// `POST /link`: opens the account, once.
pub(crate) async fn open(
    State(app): State<App>,
    source: Source,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Problem> {
    source.limit(&app, Limited::Link).await?;
    let link = read(&app, fields.get("token").unwrap_or_default()).await?;
    if !app.registry.claim_ephemeral(LINK, &link.nonce, link.until, app.now()).await? {
        return Err(Problem::link_used());
    }
    tracing::info!(account = %link.account, "an owner's link was opened");
    let session = Session::new(Who::Owner { account: link.account }, app.now());
    let jar = jar(&app, &headers).await?;
    Ok((session.kept_in(jar), Redirect::to("/mine")).into_response())
}

async fn read(app: &App, token: &str) -> Result<PersonalLink, Problem> {
    PersonalLink::read(&app.keys().await?.links, token, app.now()).map_err(|error| match error {
        LinkError::Invalid => Problem::link_invalid(),
        LinkError::Expired => Problem::link_expired(),
    })
}

#[derive(Template)]
#[template(path = "mine.html")]
struct MinePage<'a> {
    page: Page<'a>,
    report: Option<Report>,
    state: Words,
    fault: Option<Explained>,
    login: Option<String>,
    mailboxes: Vec<&'a str>,
    more: Option<String>,
}

/// `GET /mine`: the owner's account.
pub(crate) async fn mine(
    State(app): State<App>,
    language: Language,
    owner: Owner,
    noticed: Noticed,
) -> Result<Response, Problem> {
    let id = &owner.account;
    let account = app.registry.account(id).await?.ok_or_else(Problem::not_found)?;
    let status = app.registry.account_status(id).await?;
    let mailboxes = app.registry.mailboxes_of(id).await?;
    let condition = Condition::of(&account, &status, app.now());
    let t = &language.texts().owner;
    let more = mailboxes.len().saturating_sub(SHOWN);
    let page = Page::alone(language, t.title).at("/mine").signed_in(id.as_str(), &owner.csrf);
    let html = page::html(&MinePage {
        page,
        report: noticed.report(id, language),
        state: condition.state(&status, app.now(), language),
        fault: condition.fault().map(|fault| Explained::new(fault, language)),
        login: account.login.as_ref().map(|login| t.login.fill(&[("login", login)])),
        mailboxes: mailboxes.iter().take(SHOWN).map(|placed| placed.mailbox.user.as_str()).collect(),
        more: (more > 0).then(|| t.more.fill(&[("n", &more)])),
    });
    Ok((noticed.jar, html).into_response())
}
