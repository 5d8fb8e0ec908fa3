//! The counters of a run.

use crate::outcome::{End, Report};
use jiff::{SignedDuration, Timestamp};
use postroom_lambda::{Metrics, Unit};
use postroom_model::FaultClass;
use std::collections::BTreeMap;

/// The least lag that may count as late: of `FetchLagLimitSeconds`.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// What several mailboxes' runs add up to.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    polls: u64,
    messages: u64,
    bytes: u64,
    attachments: u64,
    known: u64,
    left_out: u64,
    quarantined: u64,
    failures: BTreeMap<&'static str, u64>,
    lag: Option<SignedDuration>,
}

impl Totals {
    /// How late the work began.
    pub(crate) fn lag(&mut self, lag: SignedDuration) {
        self.lag = Some(lag.max(SignedDuration::ZERO));
    }

    /// How many attachments were unpacked.
    pub(crate) fn attachments(&mut self, attachments: u64) {
        self.attachments += attachments;
    }

    pub(crate) fn add(&mut self, report: &Report) {
        self.polls += 1;
        self.messages += report.tally.messages;
        self.bytes += report.tally.bytes;
        self.known += report.tally.known;
        self.left_out += report.tally.left_out.all();
        self.quarantined += report.tally.quarantined;
        if let End::Failed(fault) = &report.end {
            self.failed(fault.class);
        }
    }

    /// One mailbox failed.
    pub(crate) fn failed(&mut self, class: FaultClass) {
        *self.failures.entry(class.name()).or_default() += 1;
    }

    pub(crate) fn polls(&self) -> u64 {
        self.polls
    }

    /// Writes the counters; failures once more for each class.
    #[expect(clippy::cast_precision_loss, reason = "metrics are floating-point numbers")]
    pub(crate) fn emit(&self, metrics: &Metrics, now: Timestamp) {
        let failures: u64 = self.failures.values().sum();
        let mut values = vec![
            ("Polls", Unit::Count, self.polls as f64),
            ("Messages", Unit::Count, self.messages as f64),
            ("HandledMessages", Unit::Count, (self.messages + self.known + self.left_out) as f64),
            ("Bytes", Unit::Bytes, self.bytes as f64),
            ("Attachments", Unit::Count, self.attachments as f64),
            ("KnownMessages", Unit::Count, self.known as f64),
            ("LeftOutMessages", Unit::Count, self.left_out as f64),
            ("QuarantinedMessages", Unit::Count, self.quarantined as f64),
        ];
        if failures == 0 {
            values.push(("Failures", Unit::Count, 0.0));
        }
        if let Some(lag) = self.lag {
            values.push(("Lag", Unit::Seconds, lag.as_secs_f64()));
            // What waited in the queue, `dispatch` does not see.
            if lag >= LATE {
                values.push(("OldestDueLag", Unit::Seconds, lag.as_secs_f64()));
            }
        }
        metrics.emit(now, None, &values);
        for (class, count) in &self.failures {
            metrics.emit(now, Some(("Class", class)), &[("Failures", Unit::Count, *count as f64)]);
        }
    }
}
