//! How far a round of messages is done, when they get done in any order.

use std::collections::BTreeSet;

/// The messages of one round, and which of them are done.
#[derive(Debug)]
pub(crate) struct Progress {
    pending: BTreeSet<u32>,
    durable: BTreeSet<u32>,
    highest: u32,
}

impl Progress {
    /// A round of these messages, none of them done.
    pub(crate) fn new(uids: impl IntoIterator<Item = u32>) -> Self {
        let pending: BTreeSet<u32> = uids.into_iter().collect();
        let highest = pending.last().copied().unwrap_or(0);
        Self { pending, durable: BTreeSet::new(), highest }
    }

    /// The message is durable in the archive.
    pub(crate) fn durable(&mut self, uid: u32) {
        if self.pending.remove(&uid) {
            self.durable.insert(uid);
        }
    }

    /// The message is no longer at the server.
    pub(crate) fn gone(&mut self, uid: u32) {
        self.pending.remove(&uid);
    }

    /// Whether the message is still to be done.
    pub(crate) fn is_pending(&self, uid: u32) -> bool {
        self.pending.contains(&uid)
    }

    /// The first message that is not done.
    pub(crate) fn first_pending(&self) -> Option<u32> {
        self.pending.first().copied()
    }

    /// The messages that are durable, in order.
    pub(crate) fn all_durable(&self) -> impl Iterator<Item = u32> {
        self.durable.iter().copied()
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
        progress.durable(9);
        progress.durable(3);
        progress.durable(4);
        assert_eq!((progress.mark(), progress.first_pending()), (4, Some(5)));
        progress.gone(5);
        assert_eq!((progress.mark(), progress.first_pending()), (9, None));
        assert_eq!(progress.all_durable().collect::<Vec<_>>(), [3, 9], "neither gone nor unasked for");
    }
}
