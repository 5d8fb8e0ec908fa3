//! What `fetch` knows of a mailbox from one run to the next.

use crate::{Fault, FaultClass, FolderCursor, MaildropCursor, Protocol, UniqueId, retry_after};
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is known of a mailbox besides its definition.
///
/// A poll that finds nothing new writes nothing here: that it happened is written once for its
/// whole batch ([`Batch::completed_at`](crate::Batch::completed_at)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MailboxState {
    /// How far each folder is archived, by the folder's name at the server.
    pub folders: BTreeMap<String, FolderCursor>,
    /// How far a POP3 maildrop is archived. It stays when the mailbox moves to IMAP, as the folders'
    /// cursors do the other way round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maildrop: Option<MaildropCursor>,
    /// By which protocol a cursor was last moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched_by: Option<Protocol>,
    /// Messages archived so far.
    pub messages: u64,
    /// Bytes archived so far.
    pub bytes: u64,
    /// Messages that are on record in quarantine.
    pub quarantined: u64,
    /// Messages that the mailbox's filter has left out so far.
    pub left_out: u64,
    /// The filter that left something out, by its fingerprint: another one looks at everything again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out_by: Option<u64>,
    /// What was read from the server on the last day on which that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<Day>,
    /// The mailbox has used up its day and is left alone until then.
    #[serde(skip_serializing_if = "Option::is_none", with = "jiff::fmt::serde::timestamp::second::optional")]
    pub rest_until: Option<Timestamp>,
    /// When a run that had something to write last succeeded.
    #[serde(skip_serializing_if = "Option::is_none", with = "jiff::fmt::serde::timestamp::second::optional")]
    pub last_success: Option<Timestamp>,
    /// That the mailbox has no turn in the runs of its batch; absent once it has had one that went well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_turn: Option<NoTurn>,
    /// Why the mailbox fails now; absent while it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Messages that the last run saw and left for the next.
    pub backlog: u64,
    /// Who works this mailbox on its own, outside its batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// A message that keeps a folder from moving on, by the folder's name.
    pub stuck: BTreeMap<String, Stuck>,
    /// The outcome of the last run that somebody asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_demand: Option<Run>,
}

impl MailboxState {
    /// Whether the mailbox rests after a failure or for the rest of its day, or is worked elsewhere.
    pub fn is_resting(&self, now: Timestamp) -> bool {
        self.rest_until.is_some_and(|until| now < until)
            || self.failure.as_ref().is_some_and(|failure| now < failure.not_before)
            || self.lease.as_ref().is_some_and(|lease| now < lease.until)
    }
}

/// A mailbox has no turn in the runs of its batch, for want of time or of a connection that its user may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoTurn {
    /// When the first of those runs began.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub since: Timestamp,
    /// When a poll had gone through before, which the batch no longer says.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    pub polled_at: Option<Timestamp>,
}

/// What was read from a mailbox's server on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// The day, in UTC.
    pub date: Date,
    /// Bytes read.
    pub bytes: u64,
}

/// A mailbox's failures since it last worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The latest fault.
    pub fault: Fault,
    /// When the first of them happened.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub since: Timestamp,
    /// When the latest of them happened.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub at: Timestamp,
    /// How many there were in a row.
    pub count: u32,
    /// The schedule leaves the mailbox alone until then.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub not_before: Timestamp,
}

impl Failure {
    /// How long a mailbox may fail before somebody is told.
    pub const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

    /// The failure after one more fault; `dice` as in [`retry_after`].
    pub fn next(previous: Option<&Self>, fault: Fault, now: Timestamp, dice: f64) -> Self {
        let count = previous.map_or(0, |p| p.count).saturating_add(1);
        let pause = retry_after(&fault, count, dice);
        let since = previous.map_or(now, |p| p.since);
        Self { fault, since, at: now, count, not_before: now.saturating_add(pause).unwrap_or(Timestamp::MAX) }
    }
}

/// Who works on something, and until when others keep away. A lease saves double work; that nothing
/// is stored twice or lost does not depend on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The holder: the function's request id.
    pub owner: String,
    /// When it ends by itself.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub until: Timestamp,
}

/// A message that could not be archived, and how often that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// The folder's UIDVALIDITY; 0 in a maildrop.
    pub uid_validity: u32,
    /// The message's UID; in a maildrop the number that it had then.
    pub uid: u32,
    /// What a maildrop's message is known by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_id: Option<UniqueId>,
    /// Its size in bytes, as the server lists it: with the Message-ID, what people find it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its Message-ID, where the server showed its header: printable ASCII, `%XX` for what is not, cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Runs that it has broken.
    pub attempts: u32,
    /// What happened.
    pub fault: Fault,
}

impl Stuck {
    /// Runs that one message may break before it is put on record in quarantine: three where the
    /// server's answer is at fault; ten, which the pauses between them spread over a day, where the
    /// connection broke and the message may be innocent.
    pub fn max_attempts(class: FaultClass) -> u32 {
        match class {
            FaultClass::ConnectionLost | FaultClass::TimedOut | FaultClass::TemporarilyUnavailable => 10,
            _ => 3,
        }
    }
}

/// One finished run of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The request it answers.
    pub request: String,
    /// When it ended.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub finished_at: Timestamp,
    /// What came of it.
    pub result: RunResult,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    /// Everything that was there is archived.
    Done {
        /// Messages stored by this run.
        messages: u64,
        /// Bytes stored by this run.
        bytes: u64,
    },
    /// It went well as far as it came; the rest follows by itself.
    Unfinished {
        /// Messages stored by this run.
        messages: u64,
        /// Bytes stored by this run.
        bytes: u64,
        /// Messages left for the next run.
        backlog: u64,
    },
    /// It failed.
    Failed(Fault),
}
