//! The pages of a chain: how far it is, what came of the last account, who is next, and at the end
//! what works, what does not, and what to do.

use crate::{
    app::App,
    chain::{self, Chain, End, Progress},
    condition::{Mark, State as Words},
    consent::{self, refresh},
    csrf::Posted,
    language::{Language, Speak},
    letter,
    outcome::{Outcome, Report, Trouble},
    page::{self, Page, Section},
    problem::Problem,
    run,
    session::{Administrator, jar},
    texts::Fill,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{Account, AccountId};
use std::collections::HashSet;

/// After a consent that went well the browser goes on by itself after so many seconds.
const PAUSE: u32 = 3;
/// Only a page that is looked at right after that consent does so.
const FRESH: SignedDuration = SignedDuration::from_secs(30);

/// `POST /accounts/selected`: begins a chain with the selected accounts, or mails their owners.
pub(crate) async fn selected(
    State(app): State<App>,
    language: Language,
    headers: HeaderMap,
    posted: Posted<Administrator>,
) -> Result<Response, Problem> {
    let Posted { visitor, fields } = posted;
    let accounts = if fields.get("all") == Some("needed") {
        chain::needed(&app).await?
    } else {
        let ids = fields.all("account").map(str::parse).collect::<Result<Vec<AccountId>, _>>();
        let mut seen = HashSet::new();
        ids.map_err(Problem::invalid)?.into_iter().filter(|id| seen.insert(id.clone())).collect()
    };
    match fields.get("do") {
        Some("links") => letter::send_to_owners(&app, &visitor, language, &accounts).await,
        Some("authorise") if accounts.is_empty() => Ok(nothing(&visitor, language)),
        Some("authorise") => {
            let chain = chain::start(&app, &visitor.key, accounts).await?;
            go(&app, &headers, &visitor, language, chain).await
        }
        _ => Err(Problem::invalid("a selection without something to do")),
    }
}

/// `GET /chain`: how far the administrator's chain is.
pub(crate) async fn page(
    State(app): State<App>,
    language: Language,
    headers: HeaderMap,
    administrator: Administrator,
) -> Result<Response, Problem> {
    let Some(chain) = run::load::<Chain>(&app, &administrator.key).await? else {
        return Ok(nothing(&administrator, language));
    };
    let next = match chain.next().filter(|_| !chain.stopped) {
        Some(id) => Some((id.clone(), app.registry.account(id).await?)),
        None => None,
    };
    let mut onward = None;
    if let Some((_, Some(account))) = &next
        && goes_on(&chain, app.now())
    {
        // What keeps it from beginning is told when the person presses the button.
        onward = consent::begin(&app, &headers, &administrator.session, account, true, false).await.ok();
    }
    let page = ChainPage::new(&administrator, language, &chain, next.as_ref(), onward.is_some());
    let html = page::html(&page);
    Ok(match onward {
        Some(begun) => (begun.jar, refresh(PAUSE, &begun.url), html).into_response(),
        None => html,
    })
}

/// Whether the browser goes on by itself: the last consent went well, and just now.
fn goes_on(chain: &Chain, now: Timestamp) -> bool {
    let went_well = matches!(chain.last(), Some((_, End::Consent(outcome))) if outcome.is_well());
    went_well && !chain.stopped && now.duration_since(chain.moved_at) < FRESH
}

/// `POST /chain/{action}`: goes on, passes one over, stops, or tries one again.
pub(crate) async fn act(
    State(app): State<App>,
    language: Language,
    headers: HeaderMap,
    Path(action): Path<String>,
    posted: Posted<Administrator>,
) -> Result<Response, Problem> {
    let Posted { visitor, fields } = posted;
    let account = fields.get("account").map(str::parse::<AccountId>).transpose();
    let account = account.map_err(Problem::invalid)?;
    let chain = match (action.as_str(), account) {
        ("go", _) => chain::set_stopped(&app, &visitor.key, false).await?,
        ("skip", Some(account)) => {
            chain::skip(&app, &visitor.key, &account).await?;
            return Ok(Redirect::to("/chain").into_response());
        }
        ("stop", _) => {
            chain::set_stopped(&app, &visitor.key, true).await?;
            return Ok(Redirect::to("/chain").into_response());
        }
        (action @ ("another" | "repeat"), Some(account)) => {
            let another = action == "another";
            return once_more(&app, &headers, &visitor, language, &account, another).await;
        }
        ("repeat", None) => chain::repeat(&app, &visitor.key).await?,
        _ => return Err(Problem::not_found()),
    };
    match chain {
        Some(chain) => go(&app, &headers, &visitor, language, chain).await,
        None => Ok(Redirect::to("/chain").into_response()),
    }
}

/// Goes on with the next account of a chain.
async fn go(
    app: &App,
    headers: &HeaderMap,
    visitor: &Administrator,
    language: Language,
    chain: Chain,
) -> Result<Response, Problem> {
    match chain.next() {
        Some(next) => once_more(app, headers, visitor, language, next, false).await,
        None => Ok(Redirect::to("/chain").into_response()),
    }
}

/// Sends the administrator to one account's authorization server, as part of the chain.
async fn once_more(
    app: &App,
    headers: &HeaderMap,
    visitor: &Administrator,
    language: Language,
    id: &AccountId,
    another_user: bool,
) -> Result<Response, Problem> {
    let outcome = match app.registry.account(id).await? {
        Some(account) => {
            let begun = consent::begin(app, headers, &visitor.session, &account, true, another_user).await;
            match begun {
                Ok(begun) => return Ok(consent::leave(begun, &account, language)),
                Err(outcome) => outcome,
            }
        }
        None => Outcome::Failed(Trouble::Changed),
    };
    chain::record(app, &visitor.key, id, outcome).await?;
    Ok((jar(app, headers).await?, Redirect::to("/chain")).into_response())
}

/// The page that says that there is nothing to authorise, whatever run there was before.
fn nothing(administrator: &Administrator, language: Language) -> Response {
    let page = frame(administrator, language, language.texts().chain.title.to_owned());
    page::html(&NoChainPage { page })
}

fn frame(administrator: &Administrator, language: Language, title: String) -> Page<'_> {
    Page::alone(language, title)
        .within(Section::Accounts)
        .signed_in(&administrator.name, &administrator.csrf)
        .at("/chain")
}

#[derive(Template)]
#[template(path = "chain_none.html")]
struct NoChainPage<'a> {
    page: Page<'a>,
}

#[derive(Template)]
#[template(path = "chain.html")]
struct ChainPage<'a> {
    page: Page<'a>,
    progress: Progress,
    /// How far it is, in words.
    standing: String,
    left_out: Option<String>,
    last: Option<Last<'a>>,
    next: Option<Next<'a>>,
    is_stopped: bool,
    rows: Vec<Row<'a>>,
    can_repeat: bool,
}

struct Last<'a> {
    title: String,
    account: &'a str,
    report: Option<Report>,
    can_repeat: bool,
}

struct Next<'a> {
    title: String,
    account: &'a str,
    who: String,
    going_on: Option<String>,
}

struct Row<'a> {
    account: &'a str,
    state: Words,
    report: Option<Report>,
}

impl<'a> ChainPage<'a> {
    fn new(
        administrator: &'a Administrator,
        language: Language,
        chain: &'a Chain,
        next: Option<&'a (AccountId, Option<Account>)>,
        goes_on: bool,
    ) -> Self {
        let t = &language.texts().chain;
        let progress = chain.progress();
        let is_over = chain.next().is_none();
        let n = (progress.done() + 1).min(progress.all);
        let values: [(&str, &dyn std::fmt::Display); 2] = [("n", &n), ("all", &progress.all)];
        let (title, standing) = match () {
            () if is_over => (t.over_title.to_owned(), t.over.fill(&values)),
            () if chain.stopped => (
                t.stopped_title.to_owned(),
                t.stopped.fill(&[("n", &progress.done()), ("all", &progress.all)]),
            ),
            () => (t.title.to_owned(), t.standing.fill(&values)),
        };
        let last = chain.last().filter(|_| !is_over && !chain.stopped).map(|(account, end)| Last {
            title: t.last.fill(&[("account", account)]),
            account: account.as_str(),
            report: report(account, end, language),
            can_repeat: !matches!(end, End::Consent(outcome) if outcome.is_well()),
        });
        let next = next.map(|(id, account)| Next {
            title: t.next.fill(&[("account", id)]),
            account: id.as_str(),
            who: match account.as_ref().and_then(|account| account.login.as_ref()) {
                Some(login) => t.next_as.fill(&[("login", login)]),
                None => t.next_anybody.to_owned(),
            },
            going_on: goes_on.then(|| t.going_on.fill(&[("n", &PAUSE)])),
        });
        let rows = chain.steps.iter().map(|step| Row {
            account: step.account.as_str(),
            state: state(step.end.as_ref(), language),
            report: step
                .end
                .as_ref()
                .filter(|_| is_over || chain.stopped)
                .filter(|end| !matches!(end, End::Consent(outcome) if outcome.is_well()))
                .and_then(|end| report(&step.account, end, language)),
        });
        Self {
            progress,
            standing,
            left_out: (chain.left_out > 0)
                .then(|| t.left_out.fill(&[("most", &chain::MOST), ("n", &chain.left_out)])),
            last,
            next,
            is_stopped: chain.stopped && !is_over,
            rows: rows.collect(),
            can_repeat: is_over && progress.failed + progress.skipped > 0,
            page: frame(administrator, language, title),
        }
    }

    /// What came of the accounts so far, each with its number.
    fn counts(&self) -> Vec<Words> {
        let t = &self.page.t.chain;
        let count = |mark, n: usize, words: &'static str| {
            (n > 0).then(|| Words { mark, words, because: Some(n.to_string()) })
        };
        let Progress { works, unwell, failed, skipped, .. } = self.progress;
        [
            count(Mark::Ok, works, t.works),
            count(Mark::Warn, unwell, t.unwell),
            count(Mark::Bad, failed, t.failed),
            count(Mark::Idle, skipped, t.skipped),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn report(account: &AccountId, end: &End, language: Language) -> Option<Report> {
    match end {
        End::Skipped => None,
        End::Consent(outcome) => Some(Report::new(account, outcome, language)),
    }
}

fn state(end: Option<&End>, language: Language) -> Words {
    let t = &language.texts().chain;
    let (mark, words) = match end {
        None => (Mark::Idle, t.to_come),
        Some(End::Skipped) => (Mark::Idle, t.skipped),
        Some(End::Consent(outcome)) if outcome.is_well() => (Mark::Ok, t.works),
        Some(End::Consent(outcome)) if outcome.is_authorised() => (Mark::Warn, t.unwell),
        Some(End::Consent(_)) => (Mark::Bad, t.failed),
    };
    Words { mark, words, because: None }
}
