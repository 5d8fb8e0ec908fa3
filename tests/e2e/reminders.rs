//! `expiry-check` on a table, an SES and an EventBridge of its own: who is told what, and when, as time
//! passes, as things fail, and as people act.
//!
//! Time is made up: a run is told which moment it is. What is done in between is done at made-up times
//! too, by the same calls that the other functions make.

mod address;
mod bad_input;
mod cast;
mod due;
mod incidents;
mod mended;
mod once;
mod owners;
mod schema;
mod ses;
mod silence;
mod year;

use expiry_check::ExpiryCheck;
use jiff::{Timestamp, Zoned};
use postroom_model::{
    Account, AccountId, Fault, FaultClass, Lease, Mailbox, Provider, Recipient, Reminder, TokenSet,
};
use postroom_registry::LeasedAccount;
use postroom_tests::{Lab, Mail, later, run_at};
use postroom_tokens::{Consent, Tokens};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicI64, Ordering},
};

/// A moment, written as RFC 3339 has it.
fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

/// A moment so many hours after another.
fn hours(from: Timestamp, hours: i64) -> Timestamp {
    later(from, hours * 3600)
}

/// A moment so many days of 24 hours after another.
fn days(from: Timestamp, days: i64) -> Timestamp {
    hours(from, days * 24)
}

/// The first five minutes past an hour that are not before a moment: when the schedule runs next.
fn next_tick(moment: Timestamp) -> Timestamp {
    let seconds = moment.as_second() - 300;
    Timestamp::from_second(300 + seconds + (-seconds).rem_euclid(3600)).expect("in range")
}

/// Seconds since 1970 of the clock that [`Tokens`] of these tests read. Each test that moves it has
/// one of its own.
type Clock = AtomicI64;

fn set(clock: &Clock, now: Timestamp) {
    clock.store(now.as_second(), Ordering::SeqCst);
}

fn read(clock: &Clock) -> Timestamp {
    Timestamp::from_second(clock.load(Ordering::SeqCst)).expect("in range")
}

/// A lab with a sender, a queue of events, and the key of personal links.
async fn lab() -> Lab {
    let lab = Lab::new().await;
    lab.open_post().await;
    lab.make_link_key().await;
    lab
}

/// A provider that nobody asks for tokens; `change` edits its JSON.
async fn provider(lab: &Lab, id: &str, now: Timestamp, change: impl FnOnce(&mut Value)) -> Provider {
    let mut json = json!({
        "id": id, "preset": "custom", "endpoints": {"issuer": "https://sso.test/"}, "client_id": "postroom",
        "client_auth": "secret", "scopes": ["mail"],
    });
    change(&mut json);
    let provider: Provider = serde_json::from_value(json).expect("a provider");
    lab.registry.put_provider(&provider, now).await.expect("a stored provider");
    provider
}

/// An account of these owners, by their names ([`Lab::person`]); `change` edits its JSON.
async fn account(
    lab: &Lab,
    id: &str,
    provider: &str,
    owners: &[&str],
    now: Timestamp,
    change: impl FnOnce(&mut Value),
) -> AccountId {
    let owners: Vec<String> = owners.iter().map(|name| lab.person(name)).collect();
    let mut json = json!({"id": id, "provider": provider, "grant": "authorization_code", "owners": owners});
    change(&mut json);
    let account: Account = serde_json::from_value(json).expect("an account");
    lab.registry.put_account(&account, now).await.expect("a stored account");
    account.id
}

/// A mailbox that is opened by an account, or by a password where that is `None`.
async fn mailbox(
    lab: &Lab,
    id: &str,
    account: Option<&str>,
    owners: &[&str],
    now: Timestamp,
    change: impl FnOnce(&mut Value),
) -> Mailbox {
    let owners: Vec<String> = owners.iter().map(|name| lab.person(name)).collect();
    let auth = account.map_or(json!("basic"), |account| json!({"oauth": account}));
    let mut json = json!({
        "id": id, "protocol": "imap", "host": "mail.test", "port": 993, "tls": "implicit", "user": id,
        "auth": auth, "owners": owners, "interval": "5m",
    });
    change(&mut json);
    let mailbox: Mailbox = serde_json::from_value(json).expect("a mailbox");
    lab.registry.put_mailbox(&mailbox, now).await.expect("a stored mailbox");
    mailbox
}

/// What a consent brings at `now`: made-up tokens, whose refresh token ends after so many seconds where
/// they are given.
fn brought(now: Timestamp, refresh_expires_in: Option<i64>) -> TokenSet {
    let mut answer = json!({
        "access_token": format!("access-{:032x}", fastrand::u128(..)), "token_type": "Bearer",
        "refresh_token": format!("refresh-{:032x}", fastrand::u128(..)), "expires_in": 3600, "scope": "mail",
    });
    if let Some(seconds) = refresh_expires_in {
        answer["refresh_token_expires_in"] = seconds.into();
    }
    TokenSet::from_response(&answer.to_string(), now).expect("a token set")
}

/// A person consents at the time of the clock that `tokens` reads.
async fn consent(tokens: &Tokens, id: &AccountId, now: Timestamp, brought: TokenSet) {
    let consent = Consent { at: now, identity: Some(id.to_string()) };
    tokens.accept(id, brought, consent, later(now, 30)).await.expect("accepted");
}

/// A renewal is refused at `moment`, as `postroom-tokens` puts it on record.
async fn refuse(lab: &Lab, id: &AccountId, class: FaultClass, moment: Timestamp) {
    let lease = Lease { owner: "a test".to_owned(), until: later(moment, 60) };
    let held = lab.registry.lease_account(id, &lease, moment).await.expect("an answer");
    let LeasedAccount::Held(status) = held else { panic!("somebody holds {id}") };
    let fault = Fault::new(class, "as a test asked");
    let recorded = lab.registry.record_refusal(id, status.fence, &fault, 1, None, moment).await;
    assert!(recorded.expect("an answer"), "{id}");
}

/// Everything that is on record, in the order of time.
async fn on_record(lab: &Lab) -> Vec<Reminder> {
    let (mut found, mut from) = (Vec::new(), None);
    loop {
        let page = lab.registry.reminders(from.as_ref(), 100).await.expect("a page");
        found.extend(page.items);
        from = page.next;
        if from.is_none() {
            found.reverse();
            return found;
        }
    }
}

/// The mails to a person of a lab.
fn to<'a>(mails: &'a [Mail], lab: &Lab, name: &str) -> Vec<&'a Mail> {
    mails.iter().filter(|mail| mail.to == [lab.person(name)]).collect()
}

/// A line of a timeline: when, in Berlin, what, its stage, and who was told.
fn line(lab: &Lab, reminder: &Reminder) -> String {
    let when: Zoned = reminder.sent_at.in_tz("Europe/Berlin").expect("a zone");
    let Reminder { subject, stage, recipient, .. } = reminder;
    let who = recipient.to_string();
    let who = who.strip_suffix(&lab.person("")).unwrap_or(&who);
    format!("{} {subject} {stage} {who}", when.strftime("%Y-%m-%d %H:%M%:z"))
}

/// What a run told.
struct Told {
    /// The mails that SES took, in that order.
    mails: Vec<Mail>,
    /// The events that were delivered, in that order.
    events: Vec<Value>,
}

/// A lab with `expiry-check` on it, and how much of what was told has been looked at.
struct Watch<'a> {
    lab: &'a Lab,
    check: ExpiryCheck,
    mails: usize,
    events: usize,
}

impl<'a> Watch<'a> {
    fn new(lab: &'a Lab) -> Self {
        Self::of(lab, lab.checker())
    }

    fn of(lab: &'a Lab, check: ExpiryCheck) -> Self {
        Self { lab, check, mails: 0, events: 0 }
    }

    /// Runs at a moment, and returns what that told.
    async fn run(&mut self, now: Timestamp) -> Told {
        run_at(&self.check, now).await;
        self.told().await
    }

    /// What was told since this was last asked.
    async fn told(&mut self) -> Told {
        let (mails, events) = (self.lab.mails().await, self.lab.events().await);
        let told = Told { mails: mails[self.mails..].to_vec(), events: events[self.events..].to_vec() };
        (self.mails, self.events) = (mails.len(), events.len());
        told
    }
}

/// Every mail is on record and names what it was about; every event is on record; nobody was told a
/// thing twice.
async fn assert_on_record(lab: &Lab) {
    let (mails, records) = (lab.mails().await, on_record(lab).await);
    for mail in &mails {
        let of_it: Vec<&Reminder> =
            records.iter().filter(|r| r.message_id.as_deref() == Some(mail.message_id.as_str())).collect();
        assert!(!of_it.is_empty(), "a mail that is not on record: {}", mail.subject);
        for reminder in of_it {
            assert_eq!(mail.to, [reminder.recipient.to_string()], "{reminder:?}");
            let subject = reminder.subject.to_string();
            let (_, name) = subject.split_once(':').expect("a subject");
            let html = mail.body_html.as_deref().unwrap_or_default();
            assert!(mail.body_text.contains(name) && html.contains(name), "{name}: {}", mail.body_text);
        }
    }
    let known: BTreeSet<&str> = mails.iter().map(|mail| mail.message_id.as_str()).collect();
    for reminder in records.iter().filter(|reminder| matches!(reminder.recipient, Recipient::Person(_))) {
        let id = reminder.message_id.as_deref();
        assert!(
            id.is_none_or(|id| known.contains(id)),
            "a record of a mail that SES does not have: {reminder:?}"
        );
    }
}
