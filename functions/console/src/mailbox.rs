//! The page of one mailbox: how it is doing, its settings, and what can be done with it.
//!
//! Guarantees: a test saves nothing, and uses what stands in the form; settings are saved as a whole
//! or not at all where the form is wrong. A password is written and never shown.

use crate::{
    account::page,
    addressee::{Addressee, addressees},
    app::{App, Id},
    calendar::When,
    condition::{Explained, State},
    csrf::Posted,
    destination::Destinations,
    language::{Language, Speak},
    mailbox_form::{self, Form, Ground, Opener, Wrongs},
    mailbox_state,
    page::{self, Page},
    problem::Problem,
    session::Administrator,
    texts::Fill,
    trial,
    verdict::Verdict,
};
use askama::Template;
use axum::{
    extract::{Query, State as FromState},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use jiff::{SignedDuration, Timestamp};
use postroom_language::Words;
use postroom_model::{AccountId, Auth, Batch, EndDate, Interval, Mailbox, MailboxId};
use postroom_registry::{AccountQuery, LoadedMailbox, Standing};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// Accounts whose names the form offers; others can be typed.
const OFFERED: usize = 200;
/// How long a transcript is written once it is turned on.
const TRANSCRIPT: SignedDuration = SignedDuration::from_hours(1);
/// The choices of how often; a mailbox's own is added where it is another.
const INTERVALS: [&str; 11] = ["1m", "2m", "5m", "10m", "15m", "30m", "1h", "2h", "6h", "12h", "1d"];

/// What was just done, as the address says it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    done: Done,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Done {
    Saved,
    Paused,
    Resumed,
    Transcribing,
    NotTranscribing,
    #[default]
    #[serde(other)]
    Nothing,
}

/// A mailbox with what belongs to it.
struct Found {
    loaded: LoadedMailbox,
    batch: Option<Batch>,
    has_password: bool,
    accounts: Vec<AccountId>,
    /// Its own owners, each with what is known of the address.
    owners: Vec<Addressee>,
}

/// `GET /mailboxes/{id}`.
pub(crate) async fn mailbox(
    FromState(app): FromState<App>,
    administrator: Administrator,
    language: Language,
    Id(id): Id<MailboxId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let found = find(&app, &id, language).await?;
    let t = &language.texts().mailbox;
    let done = match asked.done {
        Done::Nothing => None,
        Done::Saved => Some(t.saved),
        Done::Paused => Some(t.paused),
        Done::Resumed => Some(t.resumed),
        Done::Transcribing => Some(t.transcribing),
        Done::NotTranscribing => Some(t.not_transcribing),
    };
    let form = Form::of(&found.loaded.placed.mailbox);
    let page = page(&administrator, language, t.title.fill(&[("id", &id)]), format!("/mailboxes/{id}"));
    let shown = Shown { form, wrongs: Wrongs::default(), done, tested: None };
    Ok(page::html(&MailboxPage::new(page, &found, shown, app.now(), language)))
}

/// `POST /mailboxes/{id}`: saves the settings.
pub(crate) async fn save(
    FromState(app): FromState<App>,
    language: Language,
    Id(id): Id<MailboxId>,
    posted: Posted<Administrator>,
) -> Result<Response, Problem> {
    let found = find(&app, &id, language).await?;
    let (form, password) = (Form::sent(&posted.fields), mailbox_form::password(&posted.fields));
    let mailbox = match read(&app, &found, &form, password.as_ref(), language).await? {
        Ok(mailbox) => mailbox,
        Err(wrongs) => return Ok(wrong(&app, &posted.visitor, &found, form, *wrongs, language)),
    };
    // The password goes first: otherwise the one before would go to the new place for a moment.
    if let Some(password) = password.filter(|_| mailbox.auth == Auth::Basic) {
        app.vault.put_password(&id, &password).await?;
    }
    let now = app.now();
    app.registry.put_mailbox(&mailbox, now).await?;
    let placed = &found.loaded.placed;
    if mailbox.interval != placed.mailbox.interval || placed.batch.is_none() {
        app.registry.place_mailbox(&mailbox, now, fastrand::f64()).await?;
    }
    app.registry.end_rest(&id, now).await?;
    tracing::info!(mailbox = %id, "a mailbox's settings were changed");
    Ok(done(&id, "saved"))
}

/// `POST /mailboxes/{id}/test`: connects with what stands in the form.
pub(crate) async fn test(
    FromState(app): FromState<App>,
    language: Language,
    Id(id): Id<MailboxId>,
    posted: Posted<Administrator>,
) -> Result<Response, Problem> {
    let found = find(&app, &id, language).await?;
    let (form, password) = (Form::sent(&posted.fields), mailbox_form::password(&posted.fields));
    let mailbox = match read(&app, &found, &form, password.as_ref(), language).await? {
        Ok(mailbox) => mailbox,
        Err(wrongs) => return Ok(wrong(&app, &posted.visitor, &found, form, *wrongs, language)),
    };
    let t = &language.texts().mailbox;
    let entered = password.is_some();
    let result = match password.filter(|_| mailbox.auth == Auth::Basic) {
        Some(password) => trial::try_password(&app, &mailbox, password).await,
        None => trial::try_out(&app, &mailbox).await,
    };
    let tested = match result {
        Ok(n) => Verdict::well(id.as_str(), t.tested_ok, t.tested_ok_because.fill(&[("n", &n)])),
        Err(fault) => Verdict::failed(id.as_str(), t.tested_fails, &fault, language),
    };
    let page = page(&posted.visitor, language, t.title.fill(&[("id", &id)]), format!("/mailboxes/{id}"));
    let again = entered.then_some(t.tested_again);
    let shown = Shown { form, wrongs: Wrongs::default(), done: again, tested: Some(tested) };
    Ok(page::html(&MailboxPage::new(page, &found, shown, app.now(), language)))
}

/// `POST /mailboxes/{id}/pause`.
pub(crate) async fn pause(
    FromState(app): FromState<App>,
    Id(id): Id<MailboxId>,
    _posted: Posted<Administrator>,
) -> Result<Response, Problem> {
    let found = app.registry.pause_mailbox(&id, Some(app.now())).await?;
    if found { Ok(done(&id, "paused")) } else { Err(Problem::not_found()) }
}

/// `POST /mailboxes/{id}/resume`.
pub(crate) async fn resume(
    FromState(app): FromState<App>,
    Id(id): Id<MailboxId>,
    _posted: Posted<Administrator>,
) -> Result<Response, Problem> {
    let found = app.registry.pause_mailbox(&id, None).await?;
    if found { Ok(done(&id, "resumed")) } else { Err(Problem::not_found()) }
}

/// `POST /mailboxes/{id}/transcript`: on for an hour, or off.
pub(crate) async fn transcript(
    FromState(app): FromState<App>,
    Id(id): Id<MailboxId>,
    posted: Posted<Administrator>,
) -> Result<Response, Problem> {
    let on = posted.fields.get("on") == Some("yes");
    let until = on.then(|| app.now().saturating_add(TRANSCRIPT).unwrap_or(Timestamp::MAX));
    let found = app.registry.set_transcript(&id, until).await?;
    let word = if on { "transcribing" } else { "not_transcribing" };
    if found { Ok(done(&id, word)) } else { Err(Problem::not_found()) }
}

fn done(id: &MailboxId, word: &str) -> Response {
    Redirect::to(&format!("/mailboxes/{id}?done={word}")).into_response()
}

async fn find(app: &App, id: &MailboxId, language: Language) -> Result<Found, Problem> {
    let loaded = async {
        let ids = [id.clone()];
        let mut loaded = app.registry.load(&ids).await?;
        let (_, loaded) = loaded.pop().ok_or_else(Problem::not_found)?;
        let loaded = loaded?;
        let batch = async {
            match &loaded.placed.batch {
                Some(batch) => Ok(app.registry.batch(batch).await?),
                None => Ok(None),
            }
        };
        let owners = addressees(app, &loaded.placed.mailbox.owners, language);
        let (batch, owners) = futures::try_join!(batch, owners)?;
        Ok::<_, Problem>((loaded, batch, owners))
    };
    let password = async { Ok(app.vault.password(id).await?.is_some()) };
    let accounts = async {
        let any = AccountQuery { standing: Standing::Any, provider: None, owner: None, text: None };
        let page = app.registry.accounts_page(&any, None, OFFERED).await?;
        Ok(page.items.into_iter().map(|(account, _)| account.id).collect())
    };
    let ((loaded, batch, owners), has_password, accounts) = futures::try_join!(loaded, password, accounts)?;
    Ok(Found { loaded, batch, has_password, accounts, owners })
}

/// The mailbox that a form describes, or what is wrong with it.
async fn read(
    app: &App,
    found: &Found,
    form: &Form,
    password: Option<&SecretString>,
    language: Language,
) -> Result<Result<Mailbox, Box<Wrongs>>, Problem> {
    let account = match form.account.parse::<AccountId>() {
        Ok(id) if form.auth == "oauth" => opener(app, &id, &found.loaded.placed.mailbox).await?,
        _ => None,
    };
    let ground = Ground {
        before: &found.loaded.placed.mailbox,
        has_password: found.has_password,
        account: account.as_ref(),
        network: &app.settings.network,
        t: &language.texts().mailbox,
    };
    Ok(form.read(password.map(ExposeSecret::expose_secret), &ground))
}

async fn opener(app: &App, id: &AccountId, stored: &Mailbox) -> Result<Option<Opener>, Problem> {
    let Some(account) = app.registry.account(id).await? else { return Ok(None) };
    let provider = app.registry.provider(&account.provider).await?;
    let destinations = Destinations::of(app, &account, provider.clone(), Some(stored)).await?;
    Ok(Some(Opener { account: account.id, provider, destinations }))
}

fn wrong(
    app: &App,
    administrator: &Administrator,
    found: &Found,
    form: Form,
    wrongs: Wrongs,
    language: Language,
) -> Response {
    let id = &found.loaded.placed.mailbox.id;
    let page = page(
        administrator,
        language,
        language.texts().mailbox.title.fill(&[("id", id)]),
        format!("/mailboxes/{id}"),
    );
    let shown = Shown { form, wrongs, done: None, tested: None };
    let html = page::html(&MailboxPage::new(page, found, shown, app.now(), language));
    (StatusCode::UNPROCESSABLE_ENTITY, html).into_response()
}

/// What stands in the form, and what is said about it.
struct Shown {
    form: Form,
    wrongs: Wrongs,
    done: Option<&'static str>,
    tested: Option<Verdict>,
}

#[derive(Template)]
#[template(path = "mailbox.html")]
struct MailboxPage<'a> {
    page: Page<'a>,
    id: &'a str,
    form: Form,
    wrongs: Wrongs,
    is_wrong: bool,
    done: Option<&'static str>,
    tested: Option<Verdict>,
    state: State,
    fault: Option<Explained>,
    archived: String,
    last: Option<When>,
    polled: Option<When>,
    /// When its password ends, in words; none where it has none.
    password_ends: Option<String>,
    owners: &'a [Addressee],
    backlog: u64,
    quarantined: u64,
    is_paused: bool,
    transcript_until: Option<String>,
    transcript_what: String,
    has_password: bool,
    accounts: &'a [AccountId],
    intervals: Vec<(String, String, bool)>,
    port_hint: String,
}

impl<'a> MailboxPage<'a> {
    fn new(page: Page<'a>, found: &'a Found, shown: Shown, now: Timestamp, language: Language) -> Self {
        let t = &language.texts().mailbox;
        let Shown { form, wrongs, done, tested } = shown;
        let LoadedMailbox { placed, state } = &found.loaded;
        let mailbox = &placed.mailbox;
        let when = |at: Option<Timestamp>| at.map(|at| When::new(at, now, language));
        let transcript_until = placed.transcript_until.filter(|until| *until > now);
        let place = format!("transcripts/{}/", mailbox.id);
        let usual = mailbox.protocol.default_port(mailbox.server.tls);
        Self {
            page,
            id: mailbox.id.as_str(),
            is_wrong: wrongs != Wrongs::default(),
            wrongs,
            done,
            tested,
            state: mailbox_state::words(placed, state, now, language),
            fault: state.failure.as_ref().map(|failure| Explained::new(&failure.fault, language)),
            archived: t
                .archived_what
                .fill(&[("n", &language.number(state.messages)), ("size", &size(state.bytes))]),
            last: when(state.last_success),
            polled: when(found.batch.as_ref().and_then(|batch| batch.completed_at)),
            password_ends: (mailbox.auth == Auth::Basic)
                .then(|| password_ends(mailbox.password_expires, now, language)),
            owners: &found.owners,
            backlog: state.backlog,
            quarantined: state.quarantined,
            is_paused: placed.paused_at.is_some(),
            transcript_until: transcript_until
                .map(|until| t.transcript_on.fill(&[("when", &language.moment(until))])),
            transcript_what: t.transcript_what.fill(&[("place", &place)]),
            has_password: found.has_password,
            accounts: &found.accounts,
            intervals: intervals(&form.interval, language),
            port_hint: t.port_hint.fill(&[("port", &usual)]),
            form,
        }
    }

    fn is(&self, field: &str, value: &str) -> bool {
        field == value
    }
}

/// When a password ends, in words.
fn password_ends(end: Option<EndDate>, now: Timestamp, language: Language) -> String {
    let t = &language.texts().mailbox;
    end.map_or(t.password_ends_unknown.to_owned(), |end| {
        let (date, distance) = (language.date(end.day()), language.distance(end.at(), now));
        let text = if end.at() <= now { t.password_ended } else { t.password_ends_then };
        text.fill(&[("date", &date), ("distance", &distance)])
    })
}

/// A number of bytes in its largest fitting unit.
fn size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = units.into_iter().find(|(_, bits)| bytes >> bits > 0);
    unit.map_or_else(|| format!("{bytes} B"), |(name, bits)| format!("{} {name}", bytes >> bits))
}

/// Value, words and whether it is chosen, of each choice of how often.
fn intervals(chosen: &str, language: Language) -> Vec<(String, String, bool)> {
    let mut known: Vec<Interval> = INTERVALS.iter().filter_map(|text| text.parse().ok()).collect();
    let chosen = chosen.parse::<Interval>().ok();
    if let Some(own) = chosen.filter(|own| !known.contains(own)) {
        known.push(own);
        known.sort();
    }
    let choice =
        |interval: Interval| (interval.to_string(), language.interval(interval), chosen == Some(interval));
    known.into_iter().map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use postroom_model::{Fault, FaultClass};

    fn html(found: &Found, shown: Shown, language: Language) -> String {
        let administrator = fixtures::administrator();
        let id = &found.loaded.placed.mailbox.id;
        let title = language.texts().mailbox.title.fill(&[("id", id)]);
        let page = page(&administrator, language, title, format!("/mailboxes/{id}"));
        fixtures::html(&MailboxPage::new(page, found, shown, fixtures::now(), language))
    }

    #[test]
    fn a_mailbox_is_the_same_in_both_languages() {
        let mut found = Found {
            loaded: LoadedMailbox {
                placed: fixtures::mailbox("legacy-plant", None),
                state: fixtures::failing(),
            },
            batch: None,
            has_password: true,
            accounts: vec!["projects".parse().expect("id"), "reports".parse().expect("id")],
            owners: Vec::new(),
        };
        for language in Language::ALL {
            let known = fixtures::undeliverable();
            found.owners = vec![Addressee::new(&known.address, Some(&known), language)];
            let t = &language.texts().mailbox;
            let mut form = Form::of(&found.loaded.placed.mailbox);
            form.host = "127.0.0.1".into();
            let wrongs = Wrongs { host: Some(t.wrong_host_local), ..Wrongs::default() };
            let fault =
                Fault::new(FaultClass::PasswordRefused, "LOGIN sign-in refused: NO Invalid \"credentials\"");
            let tested = Some(Verdict::failed("legacy-plant", t.tested_fails, &fault, language));
            let shown = Shown { form, wrongs, done: Some(t.tested_again), tested };
            insta::assert_snapshot!(format!("mailbox_{language}"), html(&found, shown, language));
        }
    }

    #[test]
    fn a_paused_mailbox_can_be_resumed_and_a_transcript_stopped() {
        let mut placed = fixtures::mailbox("site-diary", Some("projects"));
        placed.paused_at = Some(fixtures::at("2026-11-21T12:00:00Z"));
        placed.transcript_until = Some(fixtures::at("2026-11-22T12:30:00Z"));
        let found = Found {
            loaded: LoadedMailbox { placed, state: fixtures::fetched() },
            batch: None,
            has_password: false,
            accounts: Vec::new(),
            owners: Vec::new(),
        };
        let form = Form::of(&found.loaded.placed.mailbox);
        let shown = Shown { form, wrongs: Wrongs::default(), done: None, tested: None };
        let html = html(&found, shown, Language::En);
        assert!(html.contains("/resume") && !html.contains("/pause"));
        assert!(html.contains("until 22 November 2026, 12:30 UTC") && html.contains("Stop the transcript"));
        assert!(html.contains("700 MiB"));
    }
}
