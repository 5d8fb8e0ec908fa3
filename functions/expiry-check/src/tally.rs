//! What one run came to.

use serde::Serialize;

/// What one run came to; the function's answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Whether another run was under way, so that this one did nothing.
    pub busy: bool,
    /// Subjects that were to be looked at.
    pub due: u64,
    /// Mails that SES took.
    pub mails: u64,
    /// Events that EventBridge took.
    pub events: u64,
    /// What went wrong: subjects that cannot be read, people and machines that could not be told.
    pub failed: u64,
    /// Subjects that are still due, for whatever reason; the next run takes them.
    pub left: u64,
    /// The same where the run's time was up before it had told everybody; otherwise 0.
    pub late: u64,
}
