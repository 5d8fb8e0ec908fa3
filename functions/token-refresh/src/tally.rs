//! What one tick came to.

use jiff::SignedDuration;
use serde::Serialize;

/// What one tick came to; the function's answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Accounts with a new token set.
    pub refreshed: u64,
    /// Accounts without one, for whatever reason.
    pub failed: u64,
    /// Due accounts for which there was no time; the next tick takes them.
    pub left: u64,
    /// How late the latest of them was, in seconds: since it was due, or since when it has been failing for reasons
    /// that should pass by themselves.
    pub oldest_lag_seconds: i64,
}

impl Tally {
    pub(crate) fn lag(&mut self, lag: SignedDuration) {
        self.oldest_lag_seconds = self.oldest_lag_seconds.max(lag.as_secs());
    }
}
