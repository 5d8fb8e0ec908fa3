//! What somebody may have to be told of, and when it is to be looked at.
//!
//! Guarantees: whatever makes it necessary to tell somebody, such as a refusal or an incident, brings
//! its subject into the index in the same write, so that no crash comes between the two. `remind_at` is
//! never later than the moment at which somebody must be told; it may be earlier, and then whoever looks
//! moves it on. It is moved on only from the moment that was seen: what was brought forward meanwhile
//! stays.
//!
//! Left out: who is told what.

use crate::{
    Page, Position, Registry, Result,
    index::IndexQuery,
    page::Source,
    table::{ACCOUNT_PREFIX, Item, Key, Kind, STATUS, moment, seconds, text},
    update::{Outcome, Update},
};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use postroom_model::Subject;

/// The kinds of subjects in the index, its partition keys. Mailboxes come last: of one that fails only
/// machines are told.
const KINDS: [&str; 6] = [ACCOUNT, PROVIDER, "password", "incident", "address", MAILBOX];
const ACCOUNT: &str = "account";
const PROVIDER: &str = "provider";
const MAILBOX: &str = "mailbox";
/// What is known of an account of which somebody may have to be told.
const KNOWN_OF: [&str; 2] = ["obtained_at", "refused_at"];
/// Entries that are looked through at once for what is not in the index.
const AT_ONCE: usize = 200;

/// A subject that is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueSubject {
    /// What it is.
    pub subject: Subject,
    /// Since when.
    pub remind_at: Timestamp,
}

impl Registry {
    /// The subjects that are to be looked at until a moment, at most `most` of them: the first of each
    /// kind, so that no kind keeps the others waiting. They come in the order of time, mailboxes last.
    /// An entry that cannot be read is left out.
    ///
    /// A moment has whole seconds, so that a subject which is brought forward twice within one second
    /// looks as if it were once: whoever looks asks for a second that has passed.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request).
    pub async fn due_subjects(&self, until: Timestamp, most: usize) -> Result<Vec<DueSubject>> {
        let mut due = shared(try_join_all(KINDS.map(|kind| self.due_of(kind, until, most))).await?, most);
        due.sort_by_key(|due| (due.subject.kind() == MAILBOX, due.remind_at));
        Ok(due)
    }

    /// The subjects of one kind ([`Subject::kind`]) that are to be looked at until a moment, the first
    /// first, at most `most` of them, as [`Registry::due_subjects`] lists them.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request).
    pub async fn due_of(&self, kind: &str, until: Timestamp, most: usize) -> Result<Vec<DueSubject>> {
        let query = IndexQuery::remind(kind, until).limit(most.max(1));
        let entries = self.index_entries(&query, most).await?;
        Ok(entries.iter().take(most).filter_map(due_subject).collect())
    }

    /// Moves the moment at which a subject is looked at on to `next`; `None`: it leaves the index, until
    /// something brings it back. `false`: it was brought forward since it was seen, or is gone, and
    /// nothing was written.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn set_reminder(&self, seen: &DueSubject, next: Option<Timestamp>) -> Result<bool> {
        let Some(key) = Key::subject(&seen.subject) else { return Ok(false) };
        let update = Update::of(key).when("#remind_at = :seen").value("seen", seconds(seen.remind_at));
        let update = match next {
            Some(next) => update.set("remind_at", seconds(next)),
            None => update.remove("remind").remove("remind_at"),
        };
        Ok(self.update(update).await?.is_done())
    }

    /// Accounts that were authorised or refused and are not in the index, `size` at most, from a position on:
    /// an earlier release had nobody look at them. Each call does a bounded amount of work, so that a page
    /// may have fewer and still go on ([`Page::next`]). What a later release has written into is left out.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request), [`Error::Throttled`](crate::Error::Throttled).
    pub async fn unseen_accounts(&self, from: Option<&Position>, size: usize) -> Result<Page<Subject>> {
        let query = IndexQuery::kind(Kind::Account).limit(AT_ONCE);
        let source =
            Source { query, key: |id| Key { pk: format!("{ACCOUNT_PREFIX}{id}"), sk: "ACCOUNT".into() } };
        self.page(&source, from, size, |entries| async move {
            let statuses = self.items(entries.iter().filter_map(status_key)).await?;
            let unseen = |entry: &Item| {
                let status = statuses.get(&status_key(entry)?)?;
                let is_known_of = KNOWN_OF.iter().any(|name| status.contains_key(*name));
                (is_known_of && self.is_unseen(status)).then(|| subject(ACCOUNT, entry))?
            };
            Ok(entries.iter().map(unseen).collect())
        })
        .await
    }

    /// Providers whose secret ends and that are not in the index, as [`Registry::unseen_accounts`] lists
    /// accounts.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request).
    pub async fn unseen_providers(&self, from: Option<&Position>, size: usize) -> Result<Page<Subject>> {
        let query = IndexQuery::kind(Kind::Provider).limit(AT_ONCE);
        let source = Source { query, key: |id| Key { pk: format!("PROVIDER#{id}"), sk: "PROVIDER".into() } };
        self.page(&source, from, size, |entries| async move {
            let ends = |entry: &Item| entry.contains_key("client_auth_expires");
            let unseen = |entry: &Item| ends(entry) && self.is_unseen(entry);
            Ok(entries.iter().map(|entry| unseen(entry).then(|| subject(PROVIDER, entry))?).collect())
        })
        .await
    }

    fn is_unseen(&self, item: &Item) -> bool {
        !item.contains_key("remind_at") && self.check_version(item).is_ok()
    }

    /// Has a subject looked at from `now` on, unless it is in the index by now. `false`: there is no such
    /// thing.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn look_at_unseen(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        let Some(key) = Key::subject(subject) else { return Ok(false) };
        let update = first_look(Update::of(key), subject, now).when("attribute_exists(#pk)").name("pk");
        Ok(self.update(update).await?.is_done())
    }

    /// Has a subject looked at from `now` on. `false`: there is no such thing.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn remind_now(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        let Some(key) = Key::subject(subject) else { return Ok(false) };
        let update = Update::of(key).when("attribute_exists(#pk)").name("pk");
        Ok(self.update_and_look(&update, subject, now).await?.is_done())
    }

    /// Makes an update of a subject's item that also has it looked at from a moment on: in the same
    /// request, and never later than it would be anyway. In any case `remind_at` becomes another moment
    /// than anybody has seen, so that whoever looks just now does not move it on.
    pub(crate) async fn update_and_look(
        &self,
        update: &Update,
        subject: &Subject,
        at: Timestamp,
    ) -> Result<Outcome> {
        let [forward, again] = looks(update, subject, at);
        let is_due = |item: Option<&Item>| item.and_then(|i| moment(i, "remind_at")).is_some_and(|m| m <= at);
        loop {
            match self.update(forward.clone()).await? {
                Outcome::Refused(item) if is_due(item.as_ref()) => {}
                outcome => return Ok(outcome),
            }
            match self.update(again.clone()).await? {
                Outcome::Refused(item) if !is_due(item.as_ref()) => {} // somebody has just moved it on
                outcome => return Ok(outcome),
            }
        }
    }

    /// As [`Registry::update_and_look`] where the item is such that this is `news`, a condition; elsewhere
    /// only the update is made.
    pub(crate) async fn update_and_look_if(
        &self,
        news: &'static str,
        update: &Update,
        subject: &Subject,
        at: Timestamp,
    ) -> Result<Outcome> {
        let old = update.clone().when(format!("NOT ({news})"));
        let [forward, again] = looks(&update.clone().when(news), subject, at);
        let mut refused = None;
        // Twice, because somebody may move it on in between.
        for attempt in [&old, &forward, &again, &old, &forward, &again] {
            match self.update(attempt.clone()).await? {
                Outcome::Refused(item) => refused = item,
                outcome => return Ok(outcome),
            }
        }
        Ok(Outcome::Refused(refused))
    }
}

/// An update with a look at its item's subject: where that is not looked at yet, or later; and where it
/// is.
fn looks(update: &Update, subject: &Subject, at: Timestamp) -> [Update; 2] {
    let forward = due_for_a_look(update.clone(), subject, at)
        .when("attribute_not_exists(#remind_at) OR #remind_at > :remind_at");
    let again = update.clone().set("remind", text(subject.kind())).count_down("remind_at");
    [forward, again.when("#remind_at <= :remind_at").value("remind_at", seconds(at))]
}

/// Has a subject looked at from a moment on, whenever it was to be; the update is one of its item.
pub(crate) fn due_for_a_look(update: Update, subject: &Subject, at: Timestamp) -> Update {
    update.set("remind", text(subject.kind())).set("remind_at", seconds(at))
}

/// When something is looked at from a moment on that is held to be looked at at another, if at all: not
/// later than that, and not at the same moment, as in [`Registry::update_and_look`].
pub(crate) fn brought_forward(held: Option<Timestamp>, at: Timestamp) -> Timestamp {
    let sooner =
        |held: Timestamp| held.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MIN);
    held.filter(|held| *held <= at).map_or(at, sooner)
}

/// The same for a subject that is not in the index; one that is stays where it is.
pub(crate) fn first_look(update: Update, subject: &Subject, at: Timestamp) -> Update {
    update.set_if_absent("remind", text(subject.kind())).set_if_absent("remind_at", seconds(at))
}

/// The first of each list, then the second of each, up to `most`.
fn shared<T>(lists: Vec<Vec<T>>, most: usize) -> Vec<T> {
    let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut chosen = Vec::new();
    while chosen.len() < most {
        let before = chosen.len();
        chosen.extend(lists.iter_mut().filter_map(Iterator::next));
        if chosen.len() == before {
            break;
        }
    }
    chosen.truncate(most);
    chosen
}

/// The key of the status of an account of which this is an item.
fn status_key(account: &Item) -> Option<Key> {
    Some(Key { sk: STATUS.into(), ..Key::from_item(account)? })
}

/// What an item is as a subject of a kind.
fn subject(kind: &str, item: &Item) -> Option<Subject> {
    let (_, name) = item.get("pk")?.as_s().ok()?.split_once('#')?;
    format!("{kind}:{name}").parse().ok()
}

/// What an entry of the index stands for.
fn due_subject(entry: &Item) -> Option<DueSubject> {
    let kind = entry.get("remind").and_then(|kind| kind.as_s().ok());
    let due = kind.and_then(|kind| subject(kind, entry)).zip(moment(entry, "remind_at"));
    if due.is_none() {
        tracing::error!(
            key = Key::of(entry),
            "an item of the index of reminders cannot be read and is left out"
        );
    }
    due.map(|(subject, remind_at)| DueSubject { subject, remind_at })
}
