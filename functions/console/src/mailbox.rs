//! One mailbox: its settings, and what can be done with it.
//!
//! Guarantees: a test saves nothing, and uses what stands in the form; settings are saved as a whole
//! or not at all where the form is wrong. A password is written and never shown.

use crate::{
    account::page,
    addressee::{Addressee, addressees},
    app::{App, Id},
    csrf::Posted,
    destination::Destinations,
    language::{Language, Speak},
    mailbox_form::{self, Form, Ground, Opener, Wrongs},
    mailbox_page::{MailboxPage, Shown},
    page,
    problem::Problem,
    session::Administrator,
    texts::Fill,
    trial,
    verdict::Verdict,
};
use axum::{
    extract::{Query, State as FromState},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{AccountId, Auth, Batch, Mailbox, MailboxId};
use postroom_registry::{AccountQuery, Former, LoadedMailbox, QuarantineRecord, Standing};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// Accounts whose names the form offers; others can be typed.
const OFFERED: usize = 200;
/// How long a transcript is written once it is turned on.
const TRANSCRIPT: SignedDuration = SignedDuration::from_hours(1);

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
    MovedBack,
    #[default]
    #[serde(other)]
    Nothing,
}

/// A mailbox with what belongs to it.
pub(crate) struct Found {
    pub(crate) loaded: LoadedMailbox,
    pub(crate) batch: Option<Batch>,
    pub(crate) has_password: bool,
    pub(crate) accounts: Vec<AccountId>,
    /// Its own owners, each with what is known of the address.
    pub(crate) owners: Vec<Addressee>,
    /// The messages that the archive lacks.
    pub(crate) quarantine: Vec<QuarantineRecord>,
    /// What it was before it was moved onto an account.
    pub(crate) former: Option<Former>,
    /// Where its transcripts lie.
    pub(crate) transcripts: String,
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
        Done::MovedBack => Some(t.moved_back),
    };
    let form = Form::of(&found.loaded.placed.mailbox);
    let page = page(&administrator, language, t.title.fill(&[("id", &id)]), format!("/mailboxes/{id}"));
    let shown = Shown { form, wrongs: Wrongs::default(), done, tested: None };
    Ok(page::html(&MailboxPage::new(page, &found, shown, app.clock(language))))
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
    // The password goes first: otherwise the one before would go to the new place for a moment. And it
    // never goes to the place of before a migration.
    if let Some(password) = password.filter(|_| mailbox.auth == Auth::Basic) {
        app.registry.forget_former(&id).await?;
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
        None => trial::try_anew(&app, &mailbox).await,
    };
    let tested = match result {
        Ok(n) => Verdict::well(id.as_str(), t.tested_ok, t.tested_ok_because.fill(&[("n", &n)])),
        Err(fault) => Verdict::failed(id.as_str(), t.tested_fails, &fault, language),
    };
    let page = page(&posted.visitor, language, t.title.fill(&[("id", &id)]), format!("/mailboxes/{id}"));
    let again = entered.then_some(t.tested_again);
    let shown = Shown { form, wrongs: Wrongs::default(), done: again, tested: Some(tested) };
    Ok(page::html(&MailboxPage::new(page, &found, shown, app.clock(language))))
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
        let quarantine = async {
            match loaded.state.quarantined {
                0 => Ok(Vec::new()),
                _ => Ok(app.registry.quarantined(id).await?),
            }
        };
        let owners = addressees(app, &loaded.placed.mailbox.owners, language);
        let (batch, quarantine, owners) = futures::try_join!(batch, quarantine, owners)?;
        Ok::<_, Problem>((loaded, batch, quarantine, owners))
    };
    let password = async { Ok(app.vault.password(id).await?.is_some()) };
    let accounts = async {
        let any = AccountQuery { standing: Standing::Any, provider: None, owner: None, text: None };
        let page = app.registry.accounts_page(&any, None, OFFERED).await?;
        Ok(page.items.into_iter().map(|(account, _)| account.id).collect())
    };
    let former = async { Ok(app.registry.former(id).await?) };
    let ((loaded, batch, quarantine, owners), has_password, accounts, former) =
        futures::try_join!(loaded, password, accounts, former)?;
    let transcripts = format!("s3://{}/transcripts/{id}/", app.settings.transcript_bucket);
    Ok(Found { loaded, batch, has_password, accounts, owners, quarantine, former, transcripts })
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
    let html = page::html(&MailboxPage::new(page, found, shown, app.clock(language)));
    (StatusCode::UNPROCESSABLE_ENTITY, html).into_response()
}
