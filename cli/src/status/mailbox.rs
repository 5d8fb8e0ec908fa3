//! How one mailbox is doing, from its record and its batch's.

use super::{FaultReport, OwnerReport};
use jiff::Timestamp;
use postroom_model::{
    Auth, Batch, EndDate, Fault, FaultClass, Interval, MailboxId, Protocol, Stuck, UniqueId,
};
use postroom_registry::{LoadedMailbox, QuarantineRecord};
use serde::Serialize;

/// How one mailbox is doing.
#[derive(Debug, Clone, Serialize)]
pub struct MailboxReport {
    /// Which.
    pub id: MailboxId,
    /// In one word.
    pub status: MailboxStatus,
    /// How its server is spoken to.
    pub protocol: Protocol,
    /// Where its server answers.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// How it signs in.
    pub auth: Auth,
    /// Time between two polls.
    pub interval: Interval,
    /// When its password ends, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_expires: Option<EndDate>,
    /// Who is told when its account must be authorised again, or its password ends.
    pub owners: Vec<OwnerReport>,
    /// When a poll last went through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success: Option<Timestamp>,
    /// Since when it has had no turn in the runs of its batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_turn_since: Option<Timestamp>,
    /// When the schedule takes it next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_try: Option<Timestamp>,
    /// Why it fails, while it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureReport>,
    /// Messages archived so far.
    pub messages: u64,
    /// Bytes archived so far.
    pub bytes: u64,
    /// Messages that the last run saw and left for the next.
    pub backlog: u64,
    /// Messages that its filter has left out so far.
    pub left_out: u64,
    /// Messages on record in quarantine.
    pub quarantined: u64,
    /// Until when it rests because it has read what it may read on one day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rests_until: Option<Timestamp>,
    /// Whether attachments are unpacked beside its messages.
    pub attachments: bool,
    /// Those messages one by one, where the mailbox was asked for by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Vec<QuarantineReport>>,
}

/// A message that could not be archived.
#[derive(Debug, Clone, Serialize)]
pub struct QuarantineReport {
    /// The folder's name at the server.
    pub folder: String,
    /// The folder's UIDVALIDITY; 0 in a maildrop.
    pub uid_validity: u32,
    /// The message's UID; in a maildrop the number that it had then.
    pub uid: u32,
    /// What a maildrop's message is known by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique_id: Option<UniqueId>,
    /// Its size in bytes, as the server lists it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its Message-ID, where the server showed its header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// What kind of fault it was.
    pub class: FaultClass,
    /// What the server or the system said.
    pub reason: String,
    /// When it was put on record.
    pub at: Timestamp,
}

impl From<QuarantineRecord> for QuarantineReport {
    fn from(QuarantineRecord { folder, stuck, at }: QuarantineRecord) -> Self {
        let Stuck { uid_validity, uid, unique_id, size, message_id, fault, .. } = stuck;
        let Fault { class, reason, .. } = fault;
        Self { folder, uid_validity, uid, unique_id, size, message_id, class, reason, at }
    }
}

/// A mailbox in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MailboxStatus {
    /// Its last poll went through.
    Working,
    /// Its last poll failed.
    Failing,
    /// It was not polled yet.
    Waiting,
    /// It is in no batch: the manifest must be applied again.
    Unscheduled,
}

/// Why a mailbox fails.
#[derive(Debug, Clone, Serialize)]
pub struct FailureReport {
    /// The latest fault.
    #[serde(flatten)]
    pub fault: FaultReport,
    /// When the first in a row happened.
    pub since: Timestamp,
    /// When the latest happened.
    pub at: Timestamp,
    /// How many there were in a row.
    pub count: u32,
}

impl MailboxReport {
    /// A mailbox's report at `now`, from its record and its batch.
    pub fn new(
        loaded: &LoadedMailbox,
        batch: Option<&Batch>,
        owners: Vec<OwnerReport>,
        now: Timestamp,
    ) -> Self {
        let (mailbox, state) = (&loaded.placed.mailbox, &loaded.state);
        let last_success = loaded.last_success(batch, now);
        let failure = state.failure.as_ref().map(|failure| FailureReport {
            fault: (&failure.fault).into(),
            since: failure.since,
            at: failure.at,
            count: failure.count,
        });
        let status = match (&failure, batch, last_success) {
            (Some(_), ..) => MailboxStatus::Failing,
            (_, None, _) => MailboxStatus::Unscheduled,
            (_, Some(_), None) => MailboxStatus::Waiting,
            (_, Some(_), Some(_)) => MailboxStatus::Working,
        };
        let rests_until = state.rest_until.filter(|until| now < *until);
        let not_before = state.failure.as_ref().map(|failure| failure.not_before).max(rests_until);
        Self {
            id: mailbox.id.clone(),
            status,
            protocol: mailbox.protocol,
            host: mailbox.server.host.clone(),
            port: mailbox.server.port,
            auth: mailbox.auth.clone(),
            interval: mailbox.interval,
            password_expires: mailbox.password_expires,
            owners,
            last_success,
            no_turn_since: state.no_turn.as_ref().map(|no_turn| no_turn.since),
            next_try: batch.and_then(|batch| batch.due_at).map(|due| not_before.unwrap_or(due).max(due)),
            failure,
            messages: state.messages,
            bytes: state.bytes,
            backlog: state.backlog,
            left_out: state.left_out,
            quarantined: state.quarantined,
            rests_until,
            attachments: mailbox.attachments,
            quarantine: None,
        }
    }

    /// The report with the messages that are on record in quarantine.
    pub fn with_quarantine(self, records: Vec<QuarantineRecord>) -> Self {
        Self { quarantine: Some(records.into_iter().map(QuarantineReport::from).collect()), ..self }
    }
}
