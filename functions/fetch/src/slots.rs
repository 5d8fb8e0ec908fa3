//! Slots of mailboxes that have something to fetch.
//!
//! Guarantees: however many are polled at once, only so many fetch. Connections to S3, of which each may have some, stay
//! well below the 1,024 files that a Lambda function may have open
//! (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>), and what a mailbox needs besides its
//! texts (`budget`) does not add up. Whoever waits holds a session and its listing; whoever has a slot waits for no other
//! listing, so waiting cannot lock.

use crate::slice::Slice;
use std::sync::Arc;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout_at,
};

/// Mailboxes that fetch at once.
const SLOTS: usize = 16;

/// The slots that there are.
#[derive(Debug, Clone)]
pub(crate) struct Slots(Arc<Semaphore>);

/// A mailbox's slot; the next one has it when this is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
}

impl Default for Slots {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(SLOTS)))
    }
}

impl Slots {
    /// Waits for a slot as long as there is time to begin anything; none where there is not.
    pub(crate) async fn take(&self, slice: Slice) -> Option<Slot> {
        // The semaphore is never closed, so an error cannot happen.
        let taken = timeout_at(slice.stop_at, Arc::clone(&self.0).acquire_owned()).await;
        taken.ok()?.ok().map(|permit| Slot { _permit: permit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::Instant;

    fn slice(length: Duration) -> Slice {
        Slice { stop_at: Instant::now() + length, grace: Duration::ZERO, in_batch: true }
    }

    #[tokio::test]
    async fn slots_are_waited_for_until_the_time_is_up() {
        let (slots, long) = (Slots::default(), slice(Duration::from_secs(60)));
        let mut taken = Vec::new();
        for _ in 0..SLOTS {
            taken.push(slots.take(long).await.expect("a slot"));
        }
        assert!(slots.take(slice(Duration::from_millis(20))).await.is_none(), "all are taken");
        let waiting = tokio::spawn({
            let slots = slots.clone();
            async move { slots.take(long).await.is_some() }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!waiting.is_finished(), "it waits");
        taken.pop();
        assert!(waiting.await.expect("runs"), "the one that was given back");
    }
}
