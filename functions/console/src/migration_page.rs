//! The pages of a run that moves mailboxes onto an account: how far it is, what came of each mailbox,
//! and the question before anything changes.
//!
//! Guarantees: a page that is asked for rehearses, and no more; only a form that says yes switches.

use crate::{
    account::page as frame,
    app::{App, Id},
    candidates,
    condition::{Explained, Mark, State},
    csrf::Posted,
    destination::Refusal,
    goal::{self, Misfit},
    language::{Language, Speak},
    migration::{self, End, MOST, Migration, Progress},
    page::{self, Page},
    problem::Problem,
    rehearsal, run,
    security::Navigation,
    session::Administrator,
    texts::Fill,
};
use askama::Template;
use axum::{
    extract::{Path, State as FromState},
    http::{HeaderName, header},
    response::{IntoResponse, Redirect, Response},
};
use postroom_language::Words;
use postroom_model::AccountId;

/// Where the run is.
const PATH: &str = "/migration";
/// While a run goes on, the browser asks again after this many seconds.
const ONWARD: (HeaderName, &str) = (header::REFRESH, "2; url=/migration");

/// `POST /accounts/{id}/move`: begins a run with the chosen mailboxes.
pub(crate) async fn begin(
    FromState(app): FromState<App>,
    language: Language,
    Id(id): Id<AccountId>,
    posted: Posted<Administrator>,
) -> Result<Response, Problem> {
    let Posted { visitor, fields } = posted;
    app.registry.account(&id).await?.ok_or_else(Problem::not_found)?;
    let goal = goal::sent(&fields)?;
    let chosen = candidates::chosen(&app, &fields, MOST).await?;
    if chosen.is_empty() {
        return Ok(nothing(&visitor, language));
    }
    run::start(&app, &visitor.key, Migration::new(id, goal, chosen, app.now())).await?;
    Ok(Redirect::to(PATH).into_response())
}

/// `GET /migration`: rehearses the next mailboxes while the run goes on, and shows how far it is.
pub(crate) async fn page(
    FromState(app): FromState<App>,
    language: Language,
    _: Navigation,
    administrator: Administrator,
) -> Result<Response, Problem> {
    let Some(mut run) = run::load::<Migration>(&app, &administrator.key).await? else {
        return Ok(nothing(&administrator, language));
    };
    if run.goes_on(app.now()) {
        let ends = rehearsal::rehearse_next(&app, &run).await?;
        run = migration::record(&app, &administrator.key, &ends).await?.unwrap_or(run);
    }
    let goes_on = run.goes_on(app.now());
    let html = page::html(&MigrationPage::new(&administrator, language, &run, goes_on));
    Ok(if goes_on { ([ONWARD], html).into_response() } else { html })
}

/// `POST /migration/{action}`: goes on, stops, rehearses again, or switches.
pub(crate) async fn act(
    FromState(app): FromState<App>,
    language: Language,
    Path(action): Path<String>,
    posted: Posted<Administrator>,
) -> Result<Response, Problem> {
    let Posted { visitor, fields } = posted;
    let key = &visitor.key;
    match action.as_str() {
        "go" => migration::set_stopped(&app, key, false).await?,
        "stop" => migration::set_stopped(&app, key, true).await?,
        "repeat" => migration::repeat(&app, key).await?,
        "switch" => {
            let Some(run) = run::load::<Migration>(&app, key).await? else {
                return Ok(nothing(&visitor, language));
            };
            let opened = run.opened().count();
            if opened > 0 && fields.get("confirmed") != Some("yes") {
                return Ok(page::html(&ConfirmPage::new(&visitor, language, &run, opened)));
            }
            let ends = rehearsal::switch(&app, &run).await?;
            let switched = ends.iter().filter(|(_, end)| *end == End::Switched).count();
            tracing::info!(account = %run.account, switched, of = opened, "mailboxes were moved onto an account");
            migration::record(&app, key, &ends).await?;
        }
        _ => return Err(Problem::not_found()),
    }
    Ok(Redirect::to(PATH).into_response())
}

fn nothing(administrator: &Administrator, language: Language) -> Response {
    let title = language.texts().migration.nothing.to_owned();
    page::html(&NothingPage { page: frame(administrator, language, title, PATH.to_owned()) })
}

#[derive(Template)]
#[template(path = "migration_none.html")]
struct NothingPage<'a> {
    page: Page<'a>,
}

/// The question before anything changes.
#[derive(Template)]
#[template(path = "migration_confirm.html")]
struct ConfirmPage<'a> {
    page: Page<'a>,
    count: String,
    /// The mailboxes that would be switched.
    mailboxes: Vec<&'a str>,
}

impl<'a> ConfirmPage<'a> {
    fn new(administrator: &'a Administrator, language: Language, run: &'a Migration, opened: usize) -> Self {
        let t = &language.texts().migration;
        let title = t.confirm_title.with("account", &run.account);
        Self {
            page: frame(administrator, language, title, PATH.to_owned()),
            count: t.confirm_count.with("n", opened),
            mailboxes: run.opened().map(|(mailbox, _)| mailbox.as_str()).collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "migration.html")]
struct MigrationPage<'a> {
    page: Page<'a>,
    account: &'a str,
    progress: Progress,
    /// How far it is, in words.
    standing: String,
    left_out: Option<String>,
    goes_on: bool,
    is_over: bool,
    /// What the button says that switches; none where nothing waits for it.
    switch: Option<String>,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    mailbox: &'a str,
    state: State,
    fault: Option<Explained>,
}

impl<'a> MigrationPage<'a> {
    fn new(administrator: &'a Administrator, language: Language, run: &'a Migration, goes_on: bool) -> Self {
        let t = &language.texts().migration;
        let (progress, is_over) = (run.progress(), run.is_over());
        let standing = match () {
            () if progress.switched > 0 => {
                t.standing_switched.fill(&[("n", &progress.switched), ("all", &progress.all)])
            }
            () if is_over => t.standing_over.with("all", progress.all),
            () => t.standing.fill(&[("n", &progress.done()), ("all", &progress.all)]),
        };
        let title = t.title.with("account", &run.account);
        let left_out = (run.left_out > 0).then(|| t.left_out.fill(&[("most", &MOST), ("n", &run.left_out)]));
        let rows = run.steps.iter().map(|step| Row::new(step.mailbox.as_str(), step.end.as_ref(), language));
        Self {
            page: frame(administrator, language, title, PATH.to_owned()),
            account: run.account.as_str(),
            progress,
            standing,
            left_out,
            goes_on,
            is_over,
            switch: (is_over && progress.opened > 0).then(|| t.switch.with("n", progress.opened)),
            rows: rows.collect(),
        }
    }

    /// What came of the mailboxes so far, each with its number.
    fn counts(&self) -> Vec<State> {
        let t = &self.page.t.migration;
        let count = |mark, n: usize, words: &'static str| {
            (n > 0).then(|| State { mark, words, because: Some(n.to_string()) })
        };
        let Progress { opened, switched, already, left, .. } = self.progress;
        let counts = [
            count(Mark::Ok, switched, t.switched),
            count(Mark::Ok, opened, t.opened),
            count(Mark::Idle, already, t.already),
            count(Mark::Bad, left, t.left),
        ];
        counts.into_iter().flatten().collect()
    }
}

impl<'a> Row<'a> {
    fn new(mailbox: &'a str, end: Option<&End>, language: Language) -> Self {
        let t = &language.texts().migration;
        let left = |because: &str| (Mark::Bad, t.left, Some(because.to_owned()));
        let mut fault = None;
        let (mark, words, because) = match end {
            None => (Mark::Idle, t.to_come, None),
            Some(End::Opened(opened)) => (
                Mark::Ok,
                t.opened,
                Some(t.opened_because.with("n", language.number(opened.messages.into()))),
            ),
            Some(End::Switched) => (Mark::Ok, t.switched, None),
            Some(End::Already) => (Mark::Idle, t.already, None),
            Some(End::Gone) => (Mark::Idle, t.gone, None),
            Some(End::Failed(failed)) => {
                let explained = Explained::new(failed, language);
                let what = explained.words.what;
                fault = Some(explained);
                left(what)
            }
            Some(End::Refused(Refusal::Host)) => left(t.left_host),
            Some(End::Refused(Refusal::User)) => left(t.left_user),
            Some(End::Misfit(Misfit::Folders)) => left(t.left_folders),
            Some(End::Misfit(Misfit::AfterFetch)) => left(t.left_after),
            Some(End::Changed) => left(t.left_changed),
        };
        Self { mailbox, state: State { mark, words, because }, fault }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixtures,
        migration::{Opened, Step},
    };
    use postroom_model::{Fault, FaultClass, Move};

    fn run(ends: Vec<Option<End>>) -> Migration {
        let steps = ends.into_iter().enumerate().map(|(n, end)| {
            let mailbox = format!("plant-{n}").parse().expect("id");
            Step { mailbox, end }
        });
        let account = "projects".parse().expect("id");
        let run = Migration::new(account, Move::default(), Vec::new(), fixtures::now());
        Migration { steps: steps.collect(), ..run }
    }

    fn html(run: &Migration, goes_on: bool, language: Language) -> String {
        fixtures::html(&MigrationPage::new(&fixtures::administrator(), language, run, goes_on))
    }

    #[test]
    fn what_came_of_each_is_the_same_in_both_languages() {
        let fault = Fault::new(FaultClass::TokenRefused, "NO AUTHENTICATE <b>failed</b>.");
        let run = run(vec![
            Some(End::Opened(Opened { messages: 1204, what: String::new() })),
            Some(End::Switched),
            Some(End::Already),
            Some(End::Gone),
            Some(End::Failed(fault)),
            Some(End::Refused(Refusal::Host)),
            Some(End::Refused(Refusal::User)),
            Some(End::Misfit(Misfit::Folders)),
            Some(End::Misfit(Misfit::AfterFetch)),
            Some(End::Changed),
        ]);
        let run = Migration { left_out: 3, ..run };
        for language in Language::ALL {
            insta::assert_snapshot!(format!("migration_{language}"), html(&run, false, language));
            let administrator = fixtures::administrator();
            let confirm = ConfirmPage::new(&administrator, language, &run, 1);
            insta::assert_snapshot!(format!("migration_confirm_{language}"), fixtures::html(&confirm));
        }
    }

    #[test]
    fn nothing_is_switched_before_all_are_rehearsed() {
        let opened = || Some(End::Opened(Opened { messages: 1, what: String::new() }));
        let going = html(&run(vec![opened(), None]), true, Language::En);
        assert!(going.contains("1 of 2 rehearsed. Nothing was changed."));
        assert!(going.contains("/migration/stop") && !going.contains("/migration/switch"));
        let waiting = html(&run(vec![opened(), None]), false, Language::En);
        assert!(waiting.contains("/migration/go") && !waiting.contains("/migration/switch"));
        let over = html(&run(vec![opened(), opened()]), false, Language::En);
        assert!(over.contains("Switch those that opened (2)") && !over.contains("/migration/repeat"));
        let settled = html(&run(vec![Some(End::Switched)]), false, Language::En);
        assert!(!settled.contains("/migration/switch") && settled.contains("change them there too"));
    }
}
