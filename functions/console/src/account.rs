//! The page of one account: all that is known of it, and what can be done with it.
//!
//! Guarantees: looking changes nothing. Checking renews the access token where that is due, as a fetch
//! would, and changes nothing else.

use crate::{
    addressee::{Addressee, addressees},
    adoption::{self, Candidates},
    app::{App, Id},
    calendar::When,
    coming::Coming,
    condition::{Condition, Ends, Explained, State},
    csrf::Posted,
    guide::Guide,
    language::{Language, Speak},
    mailbox_state,
    notice::Noticed,
    outcome::Report,
    page::{self, Page, Section},
    problem::Problem,
    reminder::Told,
    session::Administrator,
    texts::{Fill, account::Account as AccountTexts},
    trial::{self, Trials},
    verdict::{Verdict, Verdicts},
};
use askama::Template;
use axum::{
    extract::{Query, State as FromState},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use postroom_language::Words;
use postroom_model::{
    Account, AccountId, AccountStatus, Calendar, Fault, Grant, MailboxId, MailboxState, Provider, Reminder,
    Subject, authorization_expiry,
};
use postroom_registry::{DueSubject, PlacedMailbox};
use postroom_tokens::Demand;
use std::collections::HashMap;
use url::Url;

/// How long a page may wait for a token: API Gateway waits for 30 seconds in all.
pub(crate) const PATIENCE: SignedDuration = SignedDuration::from_secs(12);

/// Mailboxes of the account that are shown.
const SHOWN: usize = 200;
/// The latest of its reminders that are shown.
const TOLD: usize = 10;

/// An account with what belongs to it.
struct Found {
    account: Account,
    status: AccountStatus,
    provider: Option<Provider>,
    /// The first of its mailboxes.
    mailboxes: Vec<PlacedMailbox>,
    /// Whether it has others.
    has_more: bool,
    states: HashMap<MailboxId, MailboxState>,
    /// Its owners, each with what is known of the address.
    owners: Vec<Addressee>,
    /// What was told about it, in the order of time.
    told: Vec<Reminder>,
}

/// `GET /accounts/{id}`.
pub(crate) async fn account(
    FromState(app): FromState<App>,
    administrator: Administrator,
    language: Language,
    Id(id): Id<AccountId>,
    Query(search): Query<adoption::Search>,
    noticed: Noticed,
) -> Result<Response, Problem> {
    let (found, candidates) =
        futures::try_join!(find(&app, &id, language), adoption::candidates(&app, &id, &search))?;
    let page = page(
        &administrator,
        language,
        language.texts().account.title.fill(&[("id", &id)]),
        format!("/accounts/{id}"),
    );
    let report = noticed.report(&id, language);
    let redirect = app.settings.redirect_url();
    let coming = found.coming(&app.settings.calendar, app.now());
    let shown = Shown { report, candidates, coming, redirect: &redirect };
    let html = page::html(&AccountPage::new(page, &found, shown, app.now(), language));
    Ok((noticed.jar, html).into_response())
}

/// `POST /accounts/{id}/check`: gets a token that counts, and tries mailboxes out with it.
pub(crate) async fn check(
    FromState(app): FromState<App>,
    language: Language,
    Id(id): Id<AccountId>,
    posted: Posted<Administrator>,
) -> Result<Response, Problem> {
    let account = app.registry.account(&id).await?.ok_or_else(Problem::not_found)?;
    let t = &language.texts().account;
    let mut verdicts = Vec::new();
    let token = token(&app, &account).await?;
    let works = token.is_ok();
    verdicts.push(match token {
        Ok(()) => Verdict::well(t.checked_token, t.checked_ok, t.checked_token_ok.to_owned()),
        Err(fault) => Verdict::failed(t.checked_token, t.checked_fails, &fault, language),
    });
    let mut note = None;
    if works {
        let trials = trial::try_account(&app, &account).await?;
        note = trials_note(&trials, t);
        verdicts.extend(trials.tried.into_iter().map(|trial| match trial.result {
            Ok(n) => {
                Verdict::well(trial.mailbox.as_str(), t.checked_ok, t.checked_mailbox.fill(&[("n", &n)]))
            }
            Err(fault) => Verdict::failed(trial.mailbox.as_str(), t.checked_fails, &fault, language),
        }));
    }
    let page =
        page(&posted.visitor, language, t.checked_title.fill(&[("id", &id)]), format!("/accounts/{id}"));
    Ok(page::html(&Verdicts {
        page,
        lead: t.checked_lead.to_owned(),
        verdicts,
        note,
        back: format!("/accounts/{id}"),
        back_label: t.back_to,
    }))
}

/// Whether the account has a token that counts now. A service account has one for each mailbox, so
/// that its mailboxes tell.
async fn token(app: &App, account: &Account) -> Result<Result<(), Fault>, Problem> {
    if account.grant == Grant::ServiceAccount {
        return Ok(Ok(()));
    }
    let until = app.now().saturating_add(PATIENCE).unwrap_or(Timestamp::MAX);
    let outcome = app.tokens.renew(&account.id, Demand::Stale { refused: None }, until).await;
    Ok(match outcome {
        Ok(outcome) => outcome.tokens().map(drop),
        Err(error) => Err(error.fault()),
    })
}

fn trials_note(trials: &Trials, t: &AccountTexts) -> Option<String> {
    match (trials.tried.len(), trials.of) {
        (_, 0) => Some(t.checked_none.to_owned()),
        (tried, of) if tried < of => Some(t.checked_some.fill(&[("n", &tried), ("all", &of)])),
        _ => None,
    }
}

async fn find(app: &App, id: &AccountId, language: Language) -> Result<Found, Problem> {
    let registry = &app.registry;
    let account = async {
        let account = registry.account(id).await?.ok_or_else(Problem::not_found)?;
        let provider = async { Ok(registry.provider(&account.provider).await?) };
        let owners = addressees(app, &account.owners, language);
        let (provider, owners) = futures::try_join!(provider, owners)?;
        Ok::<_, Problem>((account, provider, owners))
    };
    let mailboxes = async {
        let mut mailboxes = registry.first_mailboxes_of(id, SHOWN + 1).await?;
        let has_more = mailboxes.len() > SHOWN;
        mailboxes.truncate(SHOWN);
        let states = mailbox_state::of(app, &mailboxes).await?;
        Ok((mailboxes, states, has_more))
    };
    let status = async { Ok(registry.account_status(id).await?) };
    let subject = Subject::Account(id.clone());
    let told = async { Ok(registry.reminders_of(&subject, None).await?) };
    let ((account, provider, owners), (mailboxes, states, has_more), status, told) =
        futures::try_join!(account, mailboxes, status, told)?;
    Ok(Found { account, status, provider, mailboxes, has_more, states, owners, told })
}

impl Found {
    /// What its owners are told next.
    fn coming(&self, calendar: &Calendar, now: Timestamp) -> Option<Coming> {
        let subject = Subject::Account(self.account.id.clone());
        let due = DueSubject { subject, remind_at: self.status.remind_at? };
        let expiry = authorization_expiry(&self.account, self.provider.as_ref()?, &self.status)?;
        Coming::of(&due, expiry, &self.told, calendar, now)
    }
}

/// The frame of a page about accounts, which can be asked for again at `path`.
pub(crate) fn page(
    administrator: &Administrator,
    language: Language,
    title: String,
    path: String,
) -> Page<'_> {
    Page::alone(language, title)
        .within(Section::Accounts)
        .signed_in(&administrator.name, &administrator.csrf)
        .at(path)
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    page: Page<'a>,
    id: &'a str,
    /// What came of the consent that was just given.
    report: Option<Report>,
    state: State,
    fault: Option<Explained>,
    warning: Option<&'static str>,
    /// What the button says; none where nobody's consent is needed.
    authorise: Option<&'static str>,
    /// Whether that is what is to be done next.
    is_next: bool,
    can_send: bool,
    can_revoke: bool,
    provider: String,
    has_provider: bool,
    grant: String,
    login: &'a str,
    authorised: Option<String>,
    scopes: &'a [String],
    missing: &'a [String],
    access_ends: Option<When>,
    renewed: Option<When>,
    renews: Option<When>,
    ends: Ends,
    reauthorise_every: Option<String>,
    owners: &'a [Addressee],
    told: Vec<Told>,
    next: String,
    mailboxes: Vec<MailboxRow<'a>>,
    more: Option<String>,
    guide: Option<Guide>,
    /// Whether the guide is still to be followed.
    guide_is_open: bool,
    candidates: Option<Candidates>,
}

struct MailboxRow<'a> {
    id: &'a str,
    user: &'a str,
    state: State,
    fault: Option<Explained>,
    last: Option<When>,
}

/// What a page shows besides what is known of its account.
struct Shown<'a> {
    report: Option<Report>,
    candidates: Option<Candidates>,
    coming: Option<Coming>,
    redirect: &'a Url,
}

impl<'a> AccountPage<'a> {
    fn new(page: Page<'a>, found: &'a Found, shown: Shown<'_>, now: Timestamp, language: Language) -> Self {
        let Shown { report, candidates, coming, redirect } = shown;
        let t = &language.texts().account;
        let Found { account, status, provider, mailboxes, states, owners, .. } = found;
        let condition = Condition::of(account, status, now);
        let when = |at: Option<Timestamp>| at.map(|at| When::new(at, now, language));
        let own = Some(account.scopes.as_slice()).filter(|scopes| !scopes.is_empty());
        let inherited = provider.as_ref().map(|provider| provider.scopes.as_slice());
        let new = MailboxState::default();
        let rows = mailboxes.iter().map(|placed| {
            let state = states.get(&placed.mailbox.id).unwrap_or(&new);
            MailboxRow::new(placed, state, now, language)
        });
        let needs_consent = account.grant.needs_consent();
        let authorise = if status.obtained_at.is_some() { t.reauthorise } else { t.authorise };
        Self {
            page,
            id: account.id.as_str(),
            report,
            state: condition.state(status, now, language),
            fault: condition.fault().map(|fault| Explained::new(fault, language)),
            warning: (account.grant == Grant::Password).then_some(t.grant_password_warning),
            authorise: needs_consent.then_some(authorise),
            is_next: condition.needs_consent(),
            can_send: needs_consent && !account.owners.is_empty(),
            can_revoke: status.obtained_at.is_some() || status.journal.is_some(),
            provider: match provider {
                Some(provider) => provider.id.to_string(),
                None => t.provider_missing.fill(&[("provider", &account.provider)]),
            },
            has_provider: provider.is_some(),
            grant: grant(account, t),
            login: account.login.as_deref().unwrap_or(t.login_any),
            authorised: status.authorised_at.map(|at| {
                let at = language.moment(at);
                match &status.identity {
                    Some(identity) => t.authorised.fill(&[("identity", identity), ("when", &at)]),
                    None => t.authorised_unnamed.fill(&[("when", &at)]),
                }
            }),
            scopes: own.or(inherited).unwrap_or_default(),
            missing: &status.missing_scopes,
            access_ends: when(status.access_expires_at),
            renewed: when(status.obtained_at),
            renews: when(status.due_at),
            ends: Ends::of(&condition, status, now, language),
            reauthorise_every: account.reauthorise_every.map(|every| language.period(every)),
            owners,
            told: found.told.iter().rev().take(TOLD).map(|told| Told::new(told, now, language)).collect(),
            next: next(coming.as_ref(), language),
            mailboxes: rows.collect(),
            more: found.has_more.then(|| t.mailboxes_more.fill(&[("n", &SHOWN)])),
            guide: provider
                .as_ref()
                .and_then(|provider| Guide::of(account, provider, mailboxes, redirect, language)),
            guide_is_open: condition != Condition::Works,
            candidates,
        }
    }
}

impl<'a> MailboxRow<'a> {
    fn new(placed: &'a PlacedMailbox, state: &MailboxState, now: Timestamp, language: Language) -> Self {
        Self {
            id: placed.mailbox.id.as_str(),
            user: &placed.mailbox.user,
            state: mailbox_state::words(placed, state, now, language),
            fault: state.failure.as_ref().map(|failure| Explained::new(&failure.fault, language)),
            last: state.last_success.map(|at| When::new(at, now, language)),
        }
    }
}

/// What is told next about an account, in words.
fn next(coming: Option<&Coming>, language: Language) -> String {
    let t = &language.texts().reminder;
    let Some(coming) = coming else { return t.of_account_no_next.to_owned() };
    let stage = language.texts().stage(coming.stage, &coming.subject);
    let when = coming.at.map_or(t.next_run.to_owned(), |at| language.moment(at));
    t.of_account_next.fill(&[("stage", &stage), ("when", &when)])
}

fn grant(account: &Account, t: &AccountTexts) -> String {
    match account.grant {
        Grant::AuthorizationCode => t.grant_authorization_code.to_owned(),
        Grant::ClientCredentials => t.grant_client_credentials.to_owned(),
        Grant::ServiceAccount => t.grant_service_account.to_owned(),
        Grant::DeviceCode => t.grant_device_code.fill(&[("id", &account.id)]),
        Grant::Password => t.grant_password.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn found(id: &str, mailboxes: Vec<PlacedMailbox>) -> Found {
        let (account, status) = fixtures::account(id);
        let provider = fixtures::providers().into_iter().find(|provider| provider.id == account.provider);
        let states = mailboxes.iter().map(|placed| {
            let fails = placed.mailbox.id.as_str().ends_with('2');
            (placed.mailbox.id.clone(), if fails { fixtures::failing() } else { fixtures::fetched() })
        });
        Found {
            owners: Vec::new(),
            told: Vec::new(),
            account,
            status,
            provider,
            states: states.collect(),
            mailboxes,
            has_more: false,
        }
    }

    fn berlin() -> Calendar {
        let zone = jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone");
        Calendar { zone, repeat_days: Some(7) }
    }

    fn owners(account: &Account, language: Language) -> Vec<Addressee> {
        let known = fixtures::undeliverable();
        let owners = account.owners.iter();
        owners
            .map(|owner| {
                Addressee::new(owner, Some(&known).filter(|known| known.address == *owner), language)
            })
            .collect()
    }

    fn html(found: &Found, candidates: Option<Candidates>, language: Language) -> String {
        let administrator = fixtures::administrator();
        let title = language.texts().account.title.fill(&[("id", &found.account.id)]);
        let page = page(&administrator, language, title, format!("/accounts/{}", found.account.id));
        let redirect = Url::parse("https://post.example/callback").expect("url");
        let coming = found.coming(&berlin(), fixtures::now());
        let shown = Shown { report: None, candidates, coming, redirect: &redirect };
        fixtures::html(&AccountPage::new(page, found, shown, fixtures::now(), language))
    }

    #[test]
    fn an_account_is_the_same_in_both_languages() {
        let mailboxes = vec![
            fixtures::mailbox("site-diary", Some("archive")),
            fixtures::mailbox("plans-2", Some("archive")),
        ];
        let mut found = found("archive", mailboxes);
        let subject = Subject::Account(found.account.id.clone());
        found.account.reauthorise_every = Some("6mo".parse().expect("a period"));
        found.status.refused_at = Some(fixtures::at("2026-11-08T08:00:00Z"));
        found.status.remind_at = found.status.refused_at;
        found.told = fixtures::reminders().into_iter().filter(|told| told.subject == subject).collect();
        let candidates = Candidates {
            text: "a".into(),
            mailboxes: vec![
                fixtures::mailbox("press", None).mailbox,
                fixtures::mailbox("tenders", Some("reports")).mailbox,
            ],
            is_cut: true,
        };
        for language in Language::ALL {
            found.owners = owners(&found.account, language);
            let html = html(&found, Some(candidates.clone()), language);
            insta::assert_snapshot!(format!("account_{language}"), html);
        }
    }

    #[test]
    fn an_app_only_account_shows_what_to_do_in_the_directory() {
        let mut found = found("robot", vec![fixtures::mailbox("site-diary", Some("robot"))]);
        for language in Language::ALL {
            found.owners = owners(&found.account, language);
            insta::assert_snapshot!(format!("app_only_{language}"), html(&found, None, language));
        }
    }

    #[test]
    fn nobody_is_asked_for_what_would_not_help() {
        let robot = html(&found("robot", Vec::new()), None, Language::En);
        assert!(!robot.contains("/authorise") && !robot.contains("/link\""));
        let shop = html(&found("shop", Vec::new()), None, Language::En);
        assert!(shop.contains("no second factor") && shop.contains("/revoke"));
        let new = html(&found("bridge-17", Vec::new()), None, Language::En);
        assert!(new.contains(">Authorise<") && !new.contains("/revoke"));
    }
}
