//! How far a round of messages is done, when they get done in any order.

use std::collections::BTreeSet;

/// The messages of one round that are not done yet.
#[derive(Debug)]
pub(crate) struct Progress {
    pending: BTreeSet<u32>,
    highest: u32,
}

impl Progress {
    /// A round of these messages, none of them done.
    pub(crate) fn new(uids: impl IntoIterator<Item = u32>) -> Self {
        let pending: BTreeSet<u32> = uids.into_iter().collect();
        let highest = pending.last().copied().unwrap_or(0);
        Self { pending, highest }
    }

    /// The message is durable, or no longer there.
    pub(crate) fn done(&mut self, uid: u32) {
        self.pending.remove(&uid);
    }

    /// The first message that is not done.
    pub(crate) fn first_pending(&self) -> Option<u32> {
        self.pending.first().copied()
    }

    /// Every message that is not done, in order.
    pub(crate) fn pending(&self) -> impl Iterator<Item = u32> {
        self.pending.iter().copied()
    }

    /// The highest UID up to which everything in the round is done.
    pub(crate) fn mark(&self) -> u32 {
        self.first_pending().map_or(self.highest, |uid| uid - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_never_passes_what_is_pending() {
        let mut progress = Progress::new([3, 5, 9]);
        assert_eq!(progress.mark(), 2);
        progress.done(9);
        progress.done(3);
        progress.done(4);
        assert_eq!((progress.mark(), progress.first_pending()), (4, Some(5)));
        progress.done(5);
        assert_eq!((progress.mark(), progress.pending().count()), (9, 0));
    }
}
