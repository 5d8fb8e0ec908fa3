//! What a deployment has to do in a month.

use crate::args::{ArchitectureArg, CostArgs};
use postroom_model::{Interval, MAX_MAILBOXES};
use serde::Serialize;

/// Hours of a month, as AWS counts them.
pub(super) const HOURS: f64 = 730.0;
/// Seconds of a month.
pub(super) const SECONDS: f64 = HOURS * 3600.0;
/// Mailboxes of a batch.
#[expect(clippy::cast_precision_loss, reason = "it is fifty")]
pub(super) const BATCH: f64 = MAX_MAILBOXES as f64;
/// Seconds between two renewals of an account's tokens, where access tokens live for an hour: they come due ten to
/// twenty minutes before that, and wait for the next tick.
const RENEWED_EVERY: f64 = 3600.0 - 900.0 + 150.0;
/// Seconds for which a process keeps a password.
const PASSWORD_AGE: f64 = 600.0;

/// What a deployment has to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Load {
    /// Mailboxes.
    pub mailboxes: u32,
    /// How often each is polled.
    pub interval: Interval,
    /// Messages that come to each in a day.
    pub messages_a_day: f64,
    /// Bytes of a message.
    pub message_bytes: u64,
    /// Attachments of a message that are unpacked.
    pub attachments: f64,
    /// Accounts whose tokens open mailboxes.
    pub accounts: u32,
    /// Mailboxes that have a password of their own instead.
    pub passwords: u32,
    /// Seconds from connecting to a mailbox until it is known that nothing is new.
    pub poll_seconds: f64,
    /// The most runs of `fetch` at a time.
    pub concurrency: u32,
    /// MiB of `fetch`.
    pub memory: u32,
    /// The processors.
    pub architecture: ArchitectureArg,
    /// Whether runs are traced.
    pub tracing: bool,
    /// Months for which the archive has been filled.
    pub months: f64,
}

impl Load {
    /// What the command line says; without a number of accounts, each opens fifty mailboxes.
    pub(super) fn of(args: &CostArgs) -> Self {
        let passwords = args.passwords.min(args.mailboxes);
        let by_token = args.mailboxes - passwords;
        let accounts = args.accounts.unwrap_or_else(|| by_token.div_ceil(50)).min(by_token);
        Self {
            mailboxes: args.mailboxes,
            interval: args.interval,
            messages_a_day: args.messages,
            message_bytes: args.message_size,
            attachments: args.attachments,
            accounts,
            passwords,
            poll_seconds: args.poll_seconds,
            concurrency: args.concurrency,
            memory: args.memory,
            architecture: args.architecture,
            tracing: !args.no_tracing,
            months: args.months,
        }
    }

    pub(super) fn batches(&self) -> f64 {
        (f64::from(self.mailboxes) / BATCH).ceil()
    }

    fn interval_seconds(&self) -> f64 {
        self.interval.duration().as_secs_f64()
    }

    /// How often each batch is polled.
    pub(super) fn rounds(&self) -> f64 {
        SECONDS / self.interval_seconds()
    }

    /// Polls of batches.
    pub(super) fn polls(&self) -> f64 {
        self.batches() * self.rounds()
    }

    /// Messages that come.
    pub(super) fn messages(&self) -> f64 {
        f64::from(self.mailboxes) * self.messages_a_day * HOURS / 24.0
    }

    /// Polls of single mailboxes that find something: messages come independently of one another.
    pub(super) fn finds(&self) -> f64 {
        let expected = self.messages_a_day * self.interval_seconds() / 86_400.0;
        f64::from(self.mailboxes) * self.rounds() * -(-expected).exp_m1()
    }

    /// Renewals of tokens.
    pub(super) fn renewals(&self) -> f64 {
        f64::from(self.accounts) * SECONDS / RENEWED_EVERY
    }

    /// Batches whose mailboxes have passwords.
    pub(super) fn password_batches(&self) -> f64 {
        f64::from(self.passwords) / BATCH
    }

    /// Accounts that a batch needs tokens of.
    pub(super) fn accounts_of_a_batch(&self) -> f64 {
        let batches = f64::from(self.mailboxes - self.passwords) / BATCH;
        if batches > 0.0 { (f64::from(self.accounts) / batches).max(1.0) } else { 0.0 }
    }

    /// The most of them that work at a time: all batches come due together where they were applied together.
    fn processes(&self) -> f64 {
        self.batches().min(f64::from(self.concurrency)).max(1.0)
    }

    /// Seconds of a month in which batches begin, where each takes so many. `dispatch` hands them out once a minute,
    /// all that have come due, and they come due in every minute.
    pub(super) fn beginning_seconds(&self, each: f64) -> f64 {
        let ticks = (self.interval_seconds() / 60.0).max(1.0).min(self.batches());
        let waves = (self.batches() / ticks / f64::from(self.concurrency)).ceil() - 1.0;
        self.rounds() * ticks * (2.0 + waves * each)
    }

    /// The part of polls by which a process does not know a token.
    pub(super) fn unknown_tokens(&self) -> f64 {
        self.unknown(RENEWED_EVERY)
    }

    /// The same of passwords.
    pub(super) fn unknown_passwords(&self) -> f64 {
        self.unknown(PASSWORD_AGE)
    }

    /// The part of polls by which a process does not know what it keeps for so many seconds. All batches come at
    /// once where they were applied at once, each poll to any of as many processes as work side by side.
    fn unknown(&self, kept: f64) -> f64 {
        let processes = self.processes();
        let polls = (kept / self.interval_seconds()).max(1.0);
        processes * (1.0 - (1.0 - 1.0 / processes).powf(polls)) / polls
    }
}
