//! One account: all that is known of it, and what can be done with it.
//!
//! Guarantees: looking changes nothing. Checking renews the access token where that is due, as a fetch
//! would, and changes nothing else.

use crate::{
    account_page::{AccountPage, Shown},
    addressee::{Addressee, addressees},
    app::{App, Id},
    candidates::{self, Search},
    coming::Coming,
    csrf::Posted,
    destination::Destinations,
    language::{Language, Speak},
    mailbox_state,
    migration::Migration,
    notice::Noticed,
    page::{self, Page, Section},
    problem::Problem,
    run,
    session::Administrator,
    texts::{Fill, account::Account as AccountTexts},
    trial::{self, Trials},
    verdict::{Verdict, Verdicts},
};
use axum::{
    extract::{Query, State as FromState},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{
    Account, AccountId, AccountStatus, Calendar, Fault, Grant, MailboxId, MailboxState, Provider, Reminder,
    Subject, authorization_ends,
};
use postroom_registry::{DueSubject, PlacedMailbox};
use postroom_tokens::Demand;
use std::collections::HashMap;

/// How long a page may wait for a token: API Gateway waits for 30 seconds in all.
pub(crate) const PATIENCE: SignedDuration = SignedDuration::from_secs(12);

/// Mailboxes of the account that are shown.
pub(crate) const SHOWN: usize = 200;

/// An account with what belongs to it.
pub(crate) struct Found {
    pub(crate) account: Account,
    pub(crate) status: AccountStatus,
    pub(crate) provider: Option<Provider>,
    /// The first of its mailboxes.
    pub(crate) mailboxes: Vec<PlacedMailbox>,
    /// Whether it has others.
    pub(crate) has_more: bool,
    pub(crate) states: HashMap<MailboxId, MailboxState>,
    /// Its owners, each with what is known of the address.
    pub(crate) owners: Vec<Addressee>,
    /// What was told about it, in the order of time.
    pub(crate) told: Vec<Reminder>,
}

/// `GET /accounts/{id}`.
pub(crate) async fn account(
    FromState(app): FromState<App>,
    administrator: Administrator,
    language: Language,
    Id(id): Id<AccountId>,
    Query(search): Query<Search>,
    noticed: Noticed,
) -> Result<Response, Problem> {
    let (found, candidates, run) = futures::try_join!(
        find(&app, &id, language),
        candidates::found(&app, &id, &search),
        run::load::<Migration>(&app, &administrator.key)
    )?;
    let page = page(
        &administrator,
        language,
        language.texts().account.title.fill(&[("id", &id)]),
        format!("/accounts/{id}"),
    );
    let report = noticed.report(&id, language);
    let redirect = app.settings.redirect_url();
    let coming = found.coming(&app.settings.calendar, app.now());
    let shown = Shown { report, candidates, run, coming, redirect: &redirect };
    let html = page::html(&AccountPage::new(page, &found, shown, app.clock(language)));
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
    // Perhaps somebody has just mended what it rests for.
    let outcome = match app.tokens.end_rest(&account.id).await {
        Ok(()) => app.tokens.renew(&account.id, Demand::Stale { refused: None }, until).await,
        Err(error) => Err(error),
    };
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
    /// Whether somebody may own it: of more mailboxes than are shown, one may have an owner.
    pub(crate) fn may_have_owners(&self) -> bool {
        let of_mailboxes = || self.mailboxes.iter().any(|placed| !placed.mailbox.owners.is_empty());
        self.has_more || !self.account.owners.is_empty() || of_mailboxes()
    }

    /// Where its tokens may go, as far as its mailboxes are shown.
    pub(crate) fn destinations(&self) -> Destinations {
        let mailboxes = self.mailboxes.iter().map(|placed| placed.mailbox.clone());
        let by_user = self.account.grant == Grant::ServiceAccount;
        Destinations { provider: self.provider.clone(), mailboxes: mailboxes.collect(), by_user }
    }

    /// What its owners are told next.
    pub(crate) fn coming(&self, calendar: &Calendar, now: Timestamp) -> Option<Coming> {
        let subject = Subject::Account(self.account.id.clone());
        let due = DueSubject { subject, remind_at: self.status.remind_at? };
        let ends = authorization_ends(&self.account, self.provider.as_ref()?, &self.status);
        Coming::of(&due, &ends, &self.told, calendar, now)
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
