//! The memory that full maildrops may take, shared by all mailboxes that are worked side by side.
//!
//! Guarantees: a POP3 server lists a maildrop whole, and what is held of such listings and of the sets of ids
//! that belong to them stays within a bound that no server sets. Whoever waits here holds no share of the
//! budget of texts, and whoever holds one of those never waits here, so that the two cannot lock.
//!
//! Left out: what is small, be it a maildrop or a page of an IMAP folder. Each mailbox may have that much, so that
//! one full maildrop that takes its time keeps only other full ones waiting.

use crate::budget::{Budget, Share};

/// What the fullest maildrop takes with as many ids on record, in bytes.
const TOTAL: u64 = 32 << 20;
/// What counts as small, in bytes: some 13,000 messages, or 8,000 with their ids.
const SMALL: u64 = 1 << 20;

/// The memory that full maildrops may take.
#[derive(Debug, Clone)]
pub(crate) struct Listings(Budget);

impl Listings {
    pub(crate) fn new() -> Self {
        Self(Budget::new(TOTAL))
    }

    /// Waits until that many bytes are free, and takes them; nothing for a small maildrop.
    pub(crate) async fn take(&self, bytes: u64) -> Share {
        if bytes > SMALL { self.0.take(bytes).await } else { Share::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn a_full_maildrop_waits_for_another_and_a_small_one_for_none() {
        let listings = Listings::new();
        let mut full = listings.take(TOTAL).now_or_never().expect("there is room");
        assert!(listings.take(SMALL + 1).now_or_never().is_none());
        assert!(listings.take(SMALL).now_or_never().is_some());
        full.keep(TOTAL / 2);
        let other = listings.take(TOTAL / 2).now_or_never().expect("what is given back");
        drop((full, other));
        assert!(listings.take(u64::MAX).now_or_never().is_some(), "alone, whatever it takes");
    }
}
