//! What each event asks of AWS: read from `counted.toml`, which the end-to-end tests hold against what they count.

use super::price::Rate;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What each event asks of AWS, of those that are reckoned with.
#[derive(Debug, Deserialize)]
pub(super) struct Counted {
    /// A poll by a process that has just started, where every mailbox has a password of its own.
    pub(super) poll_cold: Calls,
    /// A poll that finds nothing new, by a process that knows what to sign in with.
    pub(super) poll_empty: Calls,
    /// A poll that finds one message, in one mailbox.
    pub(super) poll_message: Calls,
    /// A poll that finds a hundred messages, in one mailbox.
    pub(super) poll_hundred: Calls,
    /// A poll that finds one message of 6 MiB.
    pub(super) poll_large: Calls,
    /// A poll that finds one message with two attachments, which are unpacked.
    pub(super) poll_attachments: Calls,
    /// A poll by a process that does not know the tokens of the one account that opens all mailboxes.
    pub(super) poll_token: Calls,
    /// A poll by a process that does not know the tokens of ten accounts: one request for up to twenty.
    pub(super) poll_tokens: Calls,
    /// A tick of `dispatch` with nothing due.
    pub(super) tick_idle: Calls,
    /// The same with twenty batches.
    pub(super) tick_twenty: Calls,
    /// A tick of `token-refresh` with nothing due.
    pub(super) refresh_idle: Calls,
    /// The same with one account.
    pub(super) refresh_one: Calls,
    /// A run of `expiry-check` with nothing due.
    pub(super) expiry_idle: Calls,
    /// The same with one account, of which one owner is mailed.
    pub(super) expiry_one: Calls,
    /// What a poll that finds nothing new sends to one mailbox's server.
    pub(super) wire: Wire,
    /// What is there whatever happens.
    pub(super) stack: Stack,
}

/// What goes to a mail server in a poll by IMAP over TLS 1.3 that finds nothing new.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wire {
    /// Bytes, those of TLS among them, where an access token of 2,000 bytes signs in.
    pub(super) token: f64,
    /// The same where a password does.
    pub(super) password: f64,
    /// Packets.
    pub(super) packets: f64,
    /// Bytes of a packet that are IP's and TCP's.
    pub(super) packet_head: f64,
}

/// What one event asks of AWS.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Calls {
    read_units: f64,
    write_units: f64,
    operations: BTreeMap<String, f64>,
}

/// What a stack has whatever happens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stack {
    /// Custom metrics.
    pub(super) metrics: f64,
    /// Metrics that alarms watch.
    pub(super) alarm_metrics: f64,
    /// Dashboards.
    pub(super) dashboards: f64,
    /// KMS keys.
    pub(super) keys: f64,
    /// Secrets of the stack's own.
    pub(super) secrets: f64,
}

/// How much of each.
pub(super) type Quantities = BTreeMap<Rate, f64>;

impl Counted {
    /// The figures of this release.
    ///
    /// # Panics
    /// Never: a test reads the same text.
    pub(super) fn read() -> Self {
        toml::from_str(include_str!("counted.toml")).unwrap_or_else(|error| unreachable!("{error}"))
    }
}

impl Calls {
    /// How much is paid for. Calls of DynamoDB are paid for by units alone; giving up an upload, and asking SES how
    /// much may be sent, by nothing.
    pub(super) fn paid(&self) -> Quantities {
        let mut paid =
            Quantities::from([(Rate::ReadUnits, self.read_units), (Rate::WriteUnits, self.write_units)]);
        for (operation, count) in &self.operations {
            let rate = match operation.split_once(' ').unwrap_or_default() {
                ("S3", "GetObject" | "HeadObject") => Rate::ObjectReads,
                ("S3", _) => Rate::ObjectWrites,
                ("SecretsManager", _) => Rate::SecretCalls,
                ("KMS", _) => Rate::KeyCalls,
                ("SQS", _) => Rate::QueueRequests,
                ("EventBridge", _) => Rate::Events,
                ("SES", "SendEmail") => Rate::Mails,
                _ => continue,
            };
            *paid.entry(rate).or_default() += count;
        }
        paid
    }

    /// What it has beyond another event, an `nth` of that.
    pub(super) fn beyond(&self, other: &Self, nth: f64) -> Quantities {
        let mut beyond = self.paid();
        for (rate, quantity) in other.paid() {
            *beyond.entry(rate).or_default() -= quantity;
        }
        beyond.values_mut().for_each(|quantity| *quantity /= nth);
        beyond
    }
}
