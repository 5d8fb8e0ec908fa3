//! The memory that message texts may take, shared by all mailboxes that are worked side by side.
//!
//! Guarantees: texts held at once never exceed the budget. Whoever waits holds nothing of it, so waiting
//! cannot lock; the server waits with us, because nothing is read from it meanwhile. Left out: full maildrops,
//! which have a budget of their own (`listings`).

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The grain of the budget, in bytes.
const GRAIN: u64 = 1024;

/// Memory that may be taken and comes back by itself.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    grains: Arc<Semaphore>,
    total: u32,
}

/// Memory that was taken; it comes back when this is dropped. By default it is none.
#[derive(Debug, Default)]
pub(crate) struct Share {
    permit: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// Gives back what goes beyond that many bytes.
    pub(crate) fn keep(&mut self, bytes: u64) {
        let kept = usize::try_from(bytes.div_ceil(GRAIN)).unwrap_or(usize::MAX).max(1);
        if let Some(permit) = &mut self.permit {
            let beyond = permit.num_permits().saturating_sub(kept);
            drop(permit.split(beyond));
        }
    }
}

impl Budget {
    /// A budget of that many bytes, in steps of 1 KiB.
    pub(crate) fn new(bytes: u64) -> Self {
        let total = u32::try_from(bytes / GRAIN).unwrap_or(u32::MAX).clamp(1, Semaphore::MAX_PERMITS as u32);
        Self { grains: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// Waits until that many bytes are free, and takes them. Asking for more than there is takes all.
    pub(crate) async fn take(&self, bytes: u64) -> Share {
        let wanted = u32::try_from(bytes.div_ceil(GRAIN)).unwrap_or(u32::MAX).clamp(1, self.total);
        // The semaphore is never closed, so an error cannot happen.
        Share { permit: Arc::clone(&self.grains).acquire_many_owned(wanted).await.ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn shares_wait_for_one_another_and_come_back() {
        let budget = Budget::new(10 * GRAIN);
        let first = budget.take(9 * GRAIN).await;
        let second = budget.take(2 * GRAIN);
        tokio::pin!(second);
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut second).await.is_err());
        drop(first);
        drop(second.await);
        drop(budget.take(u64::MAX).await);

        let mut shrunk = budget.take(9 * GRAIN).await;
        shrunk.keep(10 * GRAIN);
        shrunk.keep(GRAIN + 1);
        drop(budget.take(8 * GRAIN).await);
        assert!(tokio::time::timeout(Duration::from_millis(20), budget.take(9 * GRAIN)).await.is_err());
    }
}
