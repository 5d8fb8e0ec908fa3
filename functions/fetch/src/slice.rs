//! How long one mailbox's run may take.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio::time::Instant;

/// What a run may take beyond its time, to finish the message it is reading, and a third of that
/// again to record the outcome; less where the function itself has little time.
const GRACE: Duration = Duration::from_secs(20);

/// What a renewal of tokens may take once it is begun.
const RENEWAL: Duration = Duration::from_secs(25);

/// When a run ends, and what the end of its time means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    /// No new message is read after this.
    pub(crate) stop_at: Instant,
    /// What the run may take beyond that, to finish the message it is reading.
    pub(crate) grace: Duration,
    /// Whether the mailbox goes on in a message of its own when its time is up.
    pub(crate) in_batch: bool,
}

impl Slice {
    /// The longest slice of a function that is stopped at `deadline`: time to finish a message and to
    /// record the outcome is left.
    pub(crate) fn longest(now: Timestamp, deadline: Timestamp) -> Self {
        let left = Duration::try_from(deadline.duration_since(now)).unwrap_or_default();
        let grace = GRACE.min(left / 4);
        let stop_at = Instant::now() + left.saturating_sub(grace + grace / 3);
        Self { stop_at, grace, in_batch: false }
    }

    /// A slice of at most `length` for a mailbox that goes on alone when it is over.
    pub(crate) fn in_batch(self, length: Duration) -> Self {
        Self { stop_at: self.stop_at.min(Instant::now() + length), in_batch: true, ..self }
    }

    /// Whether no new message is read any more.
    pub(crate) fn is_over(self) -> bool {
        Instant::now() >= self.stop_at
    }

    /// How much time there is for new messages.
    pub(crate) fn left(self) -> Duration {
        self.stop_at.saturating_duration_since(Instant::now())
    }

    /// A message that is still being read is given up after this.
    pub(crate) fn give_up_at(self) -> Instant {
        self.stop_at + self.grace * 3 / 4
    }

    /// Whatever is still going on is broken off after this.
    pub(crate) fn end_at(self) -> Instant {
        self.stop_at + self.grace
    }

    /// When a renewal of tokens may be begun at the latest: its request and the writes after it must
    /// be done when the function is stopped.
    pub(crate) fn last_renewal(self, now: Timestamp) -> Timestamp {
        let left = self.end_at().saturating_duration_since(Instant::now()).saturating_sub(RENEWAL);
        SignedDuration::try_from(left).ok().and_then(|left| now.checked_add(left).ok()).unwrap_or(now)
    }
}
