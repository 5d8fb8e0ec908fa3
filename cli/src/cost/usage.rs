//! How much of everything a deployment uses in a month: counted calls, times how often they happen.
//!
//! What cannot be counted here is a constant with its reason: times of functions at AWS, and log lines that Lambda
//! writes.

use super::{
    counted::{Counted, Quantities},
    load::{BATCH, HOURS, Load, SECONDS},
    price::Rate,
};
use crate::args::ArchitectureArg;
use serde::Serialize;
use std::collections::BTreeMap;

/// What something is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Looking for mail.
    Polls,
    /// Archiving it, and keeping it.
    Messages,
    /// Renewing tokens, reading what mailboxes are signed in to with, and reminding people.
    SignIn,
    /// Whatever there is to fetch: ticks, metrics, alarms, keys.
    Stack,
    /// What the table and the logs hold.
    Storage,
    /// Secrets' own price.
    Secrets,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Polls, Self::Messages, Self::SignIn, Self::Stack, Self::Storage, Self::Secrets];

    /// As a bill names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Polls => "polls",
            Self::Messages => "messages",
            Self::SignIn => "sign-in",
            Self::Stack => "the stack",
            Self::Storage => "storage",
            Self::Secrets => "secrets",
        }
    }
}

/// How much is used, of what and for what.
pub(super) type Usage = BTreeMap<(Purpose, Rate), f64>;

/// Messages in one request to the queue.
const SENT_AT_ONCE: f64 = 10.0;
/// Requests of the queue's event source mapping for each message: it is received and deleted.
const OF_THE_QUEUE: f64 = 2.0;
/// What the mapping asks an idle queue: five pollers, each waiting for twenty seconds
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>).
const IDLE_POLLS: f64 = 5.0 * SECONDS / 20.0;

/// Secrets that are read in one request; `poll_tokens` counts one.
const TOKENS_AT_ONCE: f64 = 20.0;
/// Accounts whose tokens it reads; each is looked up, too.
const ACCOUNTS_COUNTED: f64 = 10.0;
/// Batches of the event that `tick_twenty` counts.
const TICK_COUNTED: f64 = 20.0;
/// Messages that `poll_hundred` has beyond `poll_message`.
const HUNDRED_BEYOND: f64 = 99.0;
/// Attachments of the message that `poll_attachments` counts.
const ATTACHMENTS_COUNTED: f64 = 2.0;
/// Bytes of a part of an upload, and the most that is put in one request (`functions/fetch/src/upload.rs`).
const PART: f64 = 5_242_880.0;
/// Parts of the message that `poll_large` counts.
const PARTS_COUNTED: f64 = 2.0;
/// Bytes of an attachment for each byte of the text that it comes in: base64.
const DECODED: f64 = 0.75;

/// Seconds of a run of `fetch` besides waiting for its slowest mailbox: 0.1 for requests to AWS, and 0.2 for what does
/// not pass while servers are waited for. Fifty sign-ins over TLS and looks take 0.08 s of a whole processor in a debug
/// build, and 512 MiB have 29 % of one.
const RUN_SECONDS: f64 = 0.3;
/// Seconds by which a mailbox that finds mail takes longer: it lists, fetches, stores and records.
const FIND_SECONDS: f64 = 0.3;
/// Bytes of mail that a run moves in a second.
const SPEED: f64 = 5e6;
/// Seconds of a tick that finds nothing.
const TICK_SECONDS: f64 = 0.1;
/// Seconds by which each batch makes a tick longer.
const DISPATCH_SECONDS: f64 = 0.005;
/// Seconds of a renewal: the authorization server's answer, and what is written.
const RENEWAL_SECONDS: f64 = 1.0;
/// GiB of `dispatch` and `token-refresh`.
const SMALL: f64 = 0.25;
/// GiB of `expiry-check` and `console`.
const MEDIUM: f64 = 0.5;

/// Ticks of `dispatch`, `token-refresh` and `expiry-check`.
const TICKS: [f64; 3] = [HOURS * 60.0, HOURS * 12.0, HOURS];
/// Requests to the console: people look at it now and then.
const VISITS: f64 = 1_000.0;
/// Seconds of each.
const VISIT_SECONDS: f64 = 0.2;
/// Mails about an account in a month: its authorization ends once a year, in four stages.
const MAILS: f64 = 4.0 / 12.0;

/// Bytes of the log of a run of `fetch`: metrics 620, its line 170, three lines of Lambda's 560, and 26 for each line
/// that CloudWatch adds.
const RUN_LOG: f64 = 1_480.0;
/// The same of a tick: metrics 350, its line 140.
const TICK_LOG: f64 = 1_180.0;
/// A further line.
const LOG_LINE: f64 = 250.0;
/// What CloudWatch makes of a byte by compressing it (<https://aws.amazon.com/cloudwatch/pricing/>).
const COMPRESSED: f64 = 0.15;

/// Traces of X-Ray: one a second, and of further runs each twentieth
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html>).
const TRACED: f64 = 0.05;

/// Bytes in the table and its indexes of a mailbox and of an account.
const MAILBOX_BYTES: f64 = 4_000.0;
const ACCOUNT_BYTES: f64 = 6_000.0;

const GB: f64 = 1e9;

/// What a deployment uses in a month.
pub(super) fn usage(load: &Load, counted: &Counted) -> Usage {
    let mut month = Month { load, counted, usage: Usage::new() };
    month.polls();
    month.messages();
    month.sign_in();
    month.stack();
    month.storage();
    month.secrets();
    month.usage.retain(|_, quantity| *quantity > 0.0);
    month.usage
}

struct Month<'a> {
    load: &'a Load,
    counted: &'a Counted,
    usage: Usage,
}

impl Month<'_> {
    fn polls(&mut self) {
        let Self { load, counted, .. } = *self;
        let polls = load.polls();
        let mut empty = counted.poll_empty.paid();
        // Each mailbox is read; the last batch need not be full.
        let full = f64::from(load.mailboxes) / (load.batches() * BATCH);
        empty.entry(Rate::ReadUnits).and_modify(|units| *units *= full);
        self.times(Purpose::Polls, &empty, polls);
        let mut dispatched = counted.tick_twenty.beyond(&counted.tick_idle, TICK_COUNTED);
        dispatched.insert(Rate::QueueRequests, OF_THE_QUEUE);
        self.times(Purpose::Polls, &dispatched, polls);
        let sends = (load.batches() / SENT_AT_ONCE).ceil() * load.rounds();
        self.add(Purpose::Polls, Rate::QueueRequests, sends);

        // All mailboxes of a batch are polled at once (`functions/fetch/src/batch.rs`).
        let seconds = RUN_SECONDS + load.poll_seconds;
        self.runs(Purpose::Polls, polls, seconds, f64::from(load.memory) / 1024.0, RUN_LOG);
        self.traces(Purpose::Polls, polls, load.beginning_seconds(seconds));
        self.compute(Purpose::Polls, polls * DISPATCH_SECONDS, SMALL);
        let wire = &counted.wire;
        let by_token = f64::from(load.mailboxes - load.passwords);
        let bytes = f64::from(load.mailboxes) * wire.packets * wire.packet_head
            + by_token * wire.token
            + f64::from(load.passwords) * wire.password;
        self.add(Purpose::Polls, Rate::TrafficOut, bytes * load.rounds() / GB);
    }

    fn messages(&mut self) {
        let Self { load, counted, .. } = *self;
        let (messages, finds) = (load.messages(), load.finds());
        let each = counted.poll_hundred.beyond(&counted.poll_message, HUNDRED_BEYOND);
        let mut find = counted.poll_message.beyond(&counted.poll_empty, 1.0);
        for (rate, quantity) in &each {
            *find.entry(*rate).or_default() -= quantity;
        }
        self.times(Purpose::Messages, &each, messages);
        self.times(Purpose::Messages, &find, finds);
        let bytes = load.message_bytes as f64;
        if bytes > PART {
            let large = counted.poll_large.beyond(&counted.poll_message, 1.0);
            self.times(Purpose::Messages, &large, messages);
            let further = (bytes / PART).ceil() - PARTS_COUNTED;
            self.add(Purpose::Messages, Rate::ObjectWrites, messages * further);
        }
        if load.attachments > 0.0 {
            let unpacked = counted.poll_attachments.beyond(&counted.poll_message, 1.0);
            self.times(Purpose::Messages, &unpacked, messages);
            let further = load.attachments - ATTACHMENTS_COUNTED;
            self.add(Purpose::Messages, Rate::ObjectWrites, messages * further);
        }
        let seconds = finds * FIND_SECONDS + messages * bytes / SPEED;
        self.compute(Purpose::Messages, seconds, f64::from(load.memory) / 1024.0);
        let kept = messages * bytes * load.months;
        let unpacked = if load.attachments > 0.0 { kept * DECODED } else { 0.0 };
        self.add(Purpose::Messages, Rate::ObjectStorage, (kept + unpacked) / GB);
    }

    fn sign_in(&mut self) {
        let Self { load, counted, .. } = *self;
        let renewals = load.renewals();
        let renewal = counted.refresh_one.beyond(&counted.refresh_idle, 1.0);
        self.times(Purpose::SignIn, &renewal, renewals);
        self.compute(Purpose::SignIn, renewals * RENEWAL_SECONDS, SMALL);
        self.add(Purpose::SignIn, Rate::LogIngestion, renewals * LOG_LINE / GB);

        let token_polls = load.polls() - load.password_batches() * load.rounds();
        let accounts = load.accounts_of_a_batch();
        if accounts > 1.0 {
            let mut tokens = counted.poll_tokens.beyond(&counted.poll_empty, 1.0);
            let looked_up = tokens.remove(&Rate::ReadUnits).unwrap_or_default() / ACCOUNTS_COUNTED;
            let unknown = token_polls * load.unknown_tokens() * accounts;
            self.add(Purpose::SignIn, Rate::ReadUnits, unknown * looked_up);
            let any_unknown = 1.0 - (1.0 - load.unknown_tokens()).powf(accounts);
            let requests = (accounts / TOKENS_AT_ONCE).ceil();
            self.times(Purpose::SignIn, &tokens, token_polls * any_unknown * requests);
        } else {
            let token = counted.poll_token.beyond(&counted.poll_empty, 1.0);
            self.times(Purpose::SignIn, &token, token_polls * accounts * load.unknown_tokens());
        }
        let passwords = counted.poll_cold.beyond(&counted.poll_empty, 1.0);
        let reads = load.password_batches() * load.rounds() * load.unknown_passwords();
        self.times(Purpose::SignIn, &passwords, reads);

        let mail = counted.expiry_one.beyond(&counted.expiry_idle, 1.0);
        self.times(Purpose::SignIn, &mail, f64::from(load.accounts) * MAILS);
    }

    fn stack(&mut self) {
        let Self { counted, .. } = *self;
        let [dispatch, refresh, expiry] = TICKS;
        self.times(Purpose::Stack, &counted.tick_idle.paid(), dispatch);
        self.times(Purpose::Stack, &counted.refresh_idle.paid(), refresh);
        self.times(Purpose::Stack, &counted.expiry_idle.paid(), expiry);
        self.runs(Purpose::Stack, dispatch, TICK_SECONDS, SMALL, TICK_LOG);
        self.runs(Purpose::Stack, refresh, TICK_SECONDS, SMALL, TICK_LOG);
        self.runs(Purpose::Stack, expiry, TICK_SECONDS, MEDIUM, TICK_LOG);
        self.runs(Purpose::Stack, VISITS, VISIT_SECONDS, MEDIUM, TICK_LOG);
        let alone = dispatch + refresh + expiry + VISITS;
        self.traces(Purpose::Stack, alone, alone);
        self.add(Purpose::Stack, Rate::ScheduledStarts, TICKS.iter().sum());
        self.add(Purpose::Stack, Rate::QueueRequests, IDLE_POLLS);
        self.add(Purpose::Stack, Rate::ApiRequests, VISITS);
        self.add(Purpose::Stack, Rate::Metrics, counted.stack.metrics);
        self.add(Purpose::Stack, Rate::AlarmMetrics, counted.stack.alarm_metrics);
        self.add(Purpose::Stack, Rate::Dashboards, counted.stack.dashboards);
        self.add(Purpose::Stack, Rate::Keys, counted.stack.keys);
    }

    fn storage(&mut self) {
        let load = self.load;
        let table = f64::from(load.mailboxes) * MAILBOX_BYTES + f64::from(load.accounts) * ACCOUNT_BYTES;
        self.add(Purpose::Storage, Rate::TableStorage, table / GB);
        self.add(Purpose::Storage, Rate::TableBackup, table / GB);
        let logs: f64 =
            self.usage.iter().filter(|((_, rate), _)| *rate == Rate::LogIngestion).map(|(_, gb)| gb).sum();
        self.add(Purpose::Storage, Rate::LogStorage, logs * COMPRESSED);
    }

    fn secrets(&mut self) {
        let Load { accounts, passwords, .. } = *self.load;
        // The app registration's is one more.
        let provider = if accounts > 0 { 1.0 } else { 0.0 };
        let secrets = f64::from(accounts) + f64::from(passwords) + provider + self.counted.stack.secrets;
        self.add(Purpose::Secrets, Rate::Secrets, secrets);
    }

    /// Runs of a function that take so many seconds with so many GiB, and write so many bytes of log.
    fn runs(&mut self, purpose: Purpose, runs: f64, seconds: f64, memory: f64, log: f64) {
        self.add(purpose, Rate::LambdaRequests, runs);
        self.compute(purpose, runs * seconds, memory);
        self.add(purpose, Rate::LogIngestion, runs * log / GB);
    }

    /// What is traced of runs that begin in so many seconds of a month.
    fn traces(&mut self, purpose: Purpose, runs: f64, seconds: f64) {
        if self.load.tracing {
            let first = runs.min(seconds);
            self.add(purpose, Rate::Traces, first + (runs - first) * TRACED);
        }
    }

    fn compute(&mut self, purpose: Purpose, seconds: f64, memory: f64) {
        let rate = match self.load.architecture {
            ArchitectureArg::Arm64 => Rate::ComputeArm,
            ArchitectureArg::X86_64 => Rate::ComputeX86,
        };
        self.add(purpose, rate, seconds * memory);
    }

    fn times(&mut self, purpose: Purpose, quantities: &Quantities, times: f64) {
        for (rate, quantity) in quantities {
            self.add(purpose, *rate, quantity * times);
        }
    }

    fn add(&mut self, purpose: Purpose, rate: Rate, quantity: f64) {
        *self.usage.entry((purpose, rate)).or_default() += quantity;
    }
}
