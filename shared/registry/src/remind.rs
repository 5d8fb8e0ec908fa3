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
    Registry, Result,
    index::IndexQuery,
    table::{Item, Key, moment, seconds, text},
    update::Update,
};
use futures::future::try_join_all;
use jiff::Timestamp;
use postroom_model::Subject;

/// The kinds of subjects in the index, its partition keys.
const KINDS: [&str; 6] = ["account", "provider", "password", "incident", "mailbox", "address"];

/// A subject that is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueSubject {
    /// What it is.
    pub subject: Subject,
    /// Since when.
    pub remind_at: Timestamp,
}

impl Registry {
    /// The subjects that are to be looked at until a moment, the first first, at most `most` of them.
    /// An entry that cannot be read is left out.
    ///
    /// A moment has whole seconds, so that a subject which is brought forward twice within one second
    /// looks as if it were once: whoever looks asks for a second that has passed.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request).
    pub async fn due_subjects(&self, until: Timestamp, most: usize) -> Result<Vec<DueSubject>> {
        let queries = KINDS.map(|kind| IndexQuery::remind(kind, until).limit(most.max(1)));
        let entries = try_join_all(queries.iter().map(|query| self.index_entries(query, most))).await?;
        let mut due: Vec<_> = entries.into_iter().flatten().filter_map(|item| due_subject(&item)).collect();
        due.sort_by_key(|due| due.remind_at);
        due.truncate(most);
        Ok(due)
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

    /// Has a subject looked at from `now` on. `false`: there is no such thing.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn remind_now(&self, subject: &Subject, now: Timestamp) -> Result<bool> {
        let Some(key) = Key::subject(subject) else { return Ok(false) };
        let update = due_for_a_look(Update::of(key), subject, now);
        Ok(self.update(update.when("attribute_exists(#pk)").name("pk")).await?.is_done())
    }
}

/// Has a subject looked at from a moment on; the update is one of its item.
pub(crate) fn due_for_a_look(update: Update, subject: &Subject, at: Timestamp) -> Update {
    update.set("remind", text(subject.kind())).set("remind_at", seconds(at))
}

/// The same for a subject that is not in the index; one that is stays where it is.
pub(crate) fn first_look(update: Update, subject: &Subject, at: Timestamp) -> Update {
    update.set_if_absent("remind", text(subject.kind())).set_if_absent("remind_at", seconds(at))
}

/// What an entry of the index stands for.
fn due_subject(entry: &Item) -> Option<DueSubject> {
    let attribute = |name| entry.get(name)?.as_s().ok();
    let subject = || {
        let (_, name) = attribute("pk")?.split_once('#')?;
        format!("{}:{name}", attribute("remind")?).parse().ok()
    };
    let due = subject().zip(moment(entry, "remind_at"));
    if due.is_none() {
        tracing::error!(
            key = Key::of(entry),
            "an item of the index of reminders cannot be read and is left out"
        );
    }
    due.map(|(subject, remind_at)| DueSubject { subject, remind_at })
}
