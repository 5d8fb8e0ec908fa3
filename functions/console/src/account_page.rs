//! The page of one account.

use crate::{
    account::{Found, SHOWN},
    addressee::Addressee,
    calendar::{Clock, When},
    candidates::Candidates,
    coming::Coming,
    condition::{Condition, Ends, Explained, State},
    guide::Guide,
    language::{Language, Speak},
    mailbox_state,
    migration::Migration,
    outcome::Report,
    page::Page,
    reminder::Told,
    revocation::irrevocable,
    texts::{Fill, account::Account as AccountTexts},
};
use askama::Template;
use jiff::Timestamp;
use postroom_language::{Words, visible};
use postroom_model::{Account, Grant, MailboxState, Protocol};
use postroom_registry::PlacedMailbox;
use std::collections::BTreeSet;
use url::Url;

/// The latest of its reminders that are shown.
const TOLD: usize = 10;

#[derive(Template)]
#[template(path = "account.html")]
pub(crate) struct AccountPage<'a> {
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
    /// Why there is nothing to revoke, where nobody's consent is needed.
    irrevocable: Option<&'static str>,
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
    /// Where its tokens may go.
    hosts: BTreeSet<String>,
    /// How far mailboxes have been moved here, while that is under way.
    under_way: Option<String>,
}

struct MailboxRow<'a> {
    id: &'a str,
    user: &'a str,
    state: State,
    fault: Option<Explained>,
    last: Option<When>,
}

/// What a page shows besides what is known of its account.
pub(crate) struct Shown<'a> {
    pub(crate) report: Option<Report>,
    pub(crate) candidates: Option<Candidates>,
    /// The administrator's run that moves mailboxes to an account.
    pub(crate) run: Option<Migration>,
    pub(crate) coming: Option<Coming>,
    pub(crate) redirect: &'a Url,
}

impl<'a> AccountPage<'a> {
    pub(crate) fn new(page: Page<'a>, found: &'a Found, shown: Shown<'_>, clock: Clock<'_>) -> Self {
        let Clock { now, language, .. } = clock;
        let Shown { report, candidates, run, coming, redirect } = shown;
        let t = &language.texts().account;
        let Found { account, status, provider, mailboxes, states, owners, .. } = found;
        let condition = Condition::of(account, status, now);
        let when = |at: Option<Timestamp>| at.map(|at| clock.when(at));
        let own = Some(account.scopes.as_slice()).filter(|scopes| !scopes.is_empty());
        let inherited = provider.as_ref().map(|provider| provider.scopes.as_slice());
        let new = MailboxState::default();
        let rows = mailboxes.iter().map(|placed| {
            let state = states.get(&placed.mailbox.id).unwrap_or(&new);
            MailboxRow::new(placed, state, clock)
        });
        let needs_consent = account.grant.needs_consent();
        let irrevocable = irrevocable(account.grant, t);
        let authorise = if status.obtained_at.is_some() { t.reauthorise } else { t.authorise };
        Self {
            page,
            id: account.id.as_str(),
            report,
            state: condition.state(status, clock),
            fault: condition.fault().map(|fault| Explained::new(fault, language)),
            warning: (account.grant == Grant::Password).then_some(t.grant_password_warning),
            authorise: needs_consent.then_some(authorise),
            is_next: condition.needs_consent(),
            can_send: needs_consent && found.may_have_owners(),
            can_revoke: irrevocable.is_none() && (status.obtained_at.is_some() || status.journal.is_some()),
            irrevocable,
            provider: match provider {
                Some(provider) => provider.id.to_string(),
                None => t.provider_missing.fill(&[("provider", &account.provider)]),
            },
            has_provider: provider.is_some(),
            grant: grant(account, t),
            login: account.login.as_deref().unwrap_or(t.login_any),
            authorised: status.authorised_at.map(|at| {
                let at = clock.moment(at);
                match &status.identity {
                    Some(identity) => t.authorised.fill(&[("identity", &visible(identity)), ("when", &at)]),
                    None => t.authorised_unnamed.fill(&[("when", &at)]),
                }
            }),
            scopes: own.or(inherited).unwrap_or_default(),
            missing: &status.missing_scopes,
            access_ends: when(status.access_expires_at),
            renewed: when(status.obtained_at),
            renews: when(status.due_at),
            ends: Ends::of(&condition, status, clock),
            reauthorise_every: account.reauthorise_every.map(|every| language.period(every)),
            owners,
            told: found.told.iter().rev().take(TOLD).map(|told| Told::new(told, clock)).collect(),
            next: next(coming.as_ref(), clock),
            mailboxes: rows.collect(),
            more: found.has_more.then(|| t.mailboxes_more.fill(&[("n", &SHOWN)])),
            guide: provider
                .as_ref()
                .and_then(|provider| Guide::of(account, provider, mailboxes, redirect, language)),
            guide_is_open: condition != Condition::Works,
            candidates,
            hosts: found.destinations().hosts(&[Protocol::Imap, Protocol::Pop3]),
            under_way: run
                .filter(|run| run.account == account.id && !run.is_settled())
                .map(|run| under_way(&run, language)),
        }
    }
}

impl<'a> MailboxRow<'a> {
    fn new(placed: &'a PlacedMailbox, state: &MailboxState, clock: Clock<'_>) -> Self {
        Self {
            id: placed.mailbox.id.as_str(),
            user: &placed.mailbox.user,
            state: mailbox_state::words(placed, state, clock),
            fault: state.failure.as_ref().map(|failure| Explained::new(&failure.fault, clock.language)),
            last: state.last_success.map(|at| clock.when(at)),
        }
    }
}

/// How far a run is, in words.
fn under_way(run: &Migration, language: Language) -> String {
    let progress = run.progress();
    language.texts().migration.under_way.fill(&[("done", &progress.done()), ("all", &progress.all)])
}

/// What is told next about an account, in words.
fn next(coming: Option<&Coming>, clock: Clock<'_>) -> String {
    let language = clock.language;
    let t = &language.texts().reminder;
    let Some(coming) = coming else { return t.of_account_no_next.to_owned() };
    let stage = language.texts().stage(coming.stage, &coming.subject);
    let when = coming.at.map_or(t.next_run.to_owned(), |at| clock.moment(at));
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
    use crate::{account::page, fixtures};
    use postroom_model::{Calendar, Subject};

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
                Addressee::new(
                    owner,
                    Some(&known).filter(|known| known.address == *owner),
                    fixtures::clock(language),
                )
            })
            .collect()
    }

    fn html(found: &Found, candidates: Option<Candidates>, language: Language) -> String {
        let administrator = fixtures::administrator();
        let title = language.texts().account.title.fill(&[("id", &found.account.id)]);
        let page = page(&administrator, language, title, format!("/accounts/{}", found.account.id));
        let redirect = Url::parse("https://post.example/callback").expect("url");
        let coming = found.coming(&berlin(), fixtures::now());
        let shown = Shown { report: None, candidates, run: None, coming, redirect: &redirect };
        fixtures::html(&AccountPage::new(page, found, shown, fixtures::clock(language)))
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
        assert!(!robot.contains("/revoke") && robot.contains("take these rights away"));
        let shop = html(&found("shop", Vec::new()), None, Language::En);
        assert!(shop.contains("no second factor") && shop.contains("change the password"));
        assert!(!shop.contains("/revoke"));
        let tenders = html(&found("tenders", Vec::new()), None, Language::En);
        assert!(tenders.contains("/revoke") && !tenders.contains("nothing to revoke"));
        let new = html(&found("bridge-17", Vec::new()), None, Language::En);
        assert!(new.contains(">Authorise<") && !new.contains("/revoke"));
    }
}
