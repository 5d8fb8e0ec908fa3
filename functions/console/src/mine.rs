//! An owner's page: the one account that a personal link opens.
//!
//! Guarantees: looking at a link changes nothing, because mail scanners look at links; pressing its
//! button uses it up, for the first who does. Whoever came by a link sees that account, those of its
//! mailboxes that name the same owner, and one button, and reaches no other; whoever is an owner neither
//! of the account nor of a mailbox that uses it has no link and no page any more; and a link from before
//! somebody authorised the account opens nothing.

use crate::{
    app::App,
    condition::{Condition, Explained, State as Words},
    csrf::Fields,
    language::{Language, Speak},
    mailbox_state,
    notice::Noticed,
    outcome::Report,
    ownership::still_owned,
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
use postroom_letter::{LinkError, PersonalLink};
use postroom_model::MailboxId;
use postroom_registry::PlacedMailbox;

/// Links that were opened are kept under this kind, by their nonce.
const LINK: &str = "link";
/// Mailboxes that are listed.
const SHOWN: usize = 20;
/// Mailboxes of others whose states are looked at; of more, the page says how many there are.
const LOOKED_AT: usize = 200;

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
    still_owned(&app, &link.account, &link.owner).await?;
    refuse_overtaken(&app, &link).await?;
    let used: Option<(bool, u64)> = app.registry.ephemeral(LINK, &link.nonce, app.now()).await?;
    if used.is_some() {
        return Err(Problem::link_used());
    }
    let page = Page::alone(language, language.texts().owner.link_title).at(format!("/link/{token}"));
    Ok(page::html(&LinkPage { page, token: &token }))
}

/// `POST /link`: opens the account, once. The session that the browser had is over then.
pub(crate) async fn open(
    State(app): State<App>,
    source: Source,
    headers: HeaderMap,
    replaced: Option<Session>,
    fields: Fields,
) -> Result<Response, Problem> {
    source.limit(&app, Limited::Link).await?;
    let link = read(&app, fields.get("token").unwrap_or_default()).await?;
    still_owned(&app, &link.account, &link.owner).await?;
    refuse_overtaken(&app, &link).await?;
    if !app.registry.claim_ephemeral(LINK, &link.nonce, link.until, app.now()).await? {
        return Err(Problem::link_used());
    }
    tracing::info!(account = %link.account, "an owner's link was opened");
    if let Some(replaced) = replaced {
        replaced.end(&app).await?;
    }
    let session = Session::new(Who::Owner { account: link.account, owner: link.owner }, app.now());
    let jar = jar(&app, &headers).await?;
    Ok((session.kept_in(jar), Redirect::to("/mine")).into_response())
}

async fn read(app: &App, token: &str) -> Result<PersonalLink, Problem> {
    PersonalLink::read(app.keys().await?.links()?, token, app.now()).map_err(|error| match error {
        LinkError::Invalid => Problem::link_invalid(),
        LinkError::Expired => Problem::link_expired(),
    })
}

/// Refuses a link that was made before somebody authorised the account: what it was sent for is done,
/// and whoever finds it in an old mail has no business here.
async fn refuse_overtaken(app: &App, link: &PersonalLink) -> Result<(), Problem> {
    let authorised_at = app.registry.account_status(&link.account).await?.authorised_at;
    let is_newer = authorised_at.is_some_and(|at| at.as_second() > link.authorised_at);
    if is_newer { Err(Problem::link_overtaken()) } else { Ok(()) }
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
    /// Mailboxes that are other people's: how many, and whether they work.
    others: Option<String>,
}

/// `GET /mine`: the owner's account.
pub(crate) async fn mine(
    State(app): State<App>,
    language: Language,
    owner: Owner,
    noticed: Noticed,
) -> Result<Response, Problem> {
    let id = &owner.account;
    let account = still_owned(&app, id, &owner.owner).await?;
    let status = app.registry.account_status(id).await?;
    let mailboxes = app.registry.mailboxes_of(id).await?;
    let condition = Condition::of(&account, &status, app.now());
    let t = &language.texts().owner;
    let keys = app.keys().await?;
    let links = keys.links()?;
    let (mailboxes, others): (Vec<_>, Vec<_>) =
        mailboxes.into_iter().partition(|placed| links.lists(&placed.mailbox.owners, &owner.owner));
    let own: Vec<&MailboxId> = mailboxes.iter().map(|placed| &placed.mailbox.id).collect();
    let more = mailboxes.len().saturating_sub(SHOWN);
    let page = Page::alone(language, t.title).at("/mine").signed_in(id.as_str(), &owner.csrf);
    let html = page::html(&MinePage {
        page,
        report: noticed.report(id, language).map(|report| report.about(&own, language)),
        state: condition.state(&status, app.clock(language)),
        fault: condition.fault().map(|fault| Explained::new(fault, language)),
        login: account.login.as_ref().map(|login| t.login.fill(&[("login", login)])),
        mailboxes: mailboxes.iter().take(SHOWN).map(|placed| placed.mailbox.user.as_str()).collect(),
        more: (more > 0).then(|| t.more.fill(&[("n", &more)])),
        others: others_in_words(&app, &others, language).await?,
    });
    Ok((noticed.jar, html).into_response())
}

/// How many mailboxes of other people use the account, and whether they work; no name of theirs.
async fn others_in_words(
    app: &App,
    others: &[PlacedMailbox],
    language: Language,
) -> Result<Option<String>, Problem> {
    let t = &language.texts().owner;
    let n = others.len();
    if !(1..=LOOKED_AT).contains(&n) {
        return Ok((n > 0).then(|| t.others.fill(&[("n", &n)])));
    }
    let states = mailbox_state::of(app, others).await?;
    let fail = states.values().filter(|state| state.failure.is_some()).count();
    Ok(Some(t.others_fail.fill(&[("n", &n), ("fail", &fail)])))
}
