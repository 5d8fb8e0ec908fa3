//! How far a round of messages is done, when they get done in any order.

use std::collections::BTreeSet;

/// The messages of one round, by their numbers, and which of them are done.
#[derive(Debug)]
pub(crate) struct Progress {
    pending: BTreeSet<u32>,
    durable: BTreeSet<u32>,
}

impl Progress {
    /// A round of these messages, none of them done.
    pub(crate) fn new(numbers: impl IntoIterator<Item = u32>) -> Self {
        let pending = numbers.into_iter().collect();
        Self { pending, durable: BTreeSet::new() }
    }

    /// The message is durable in the archive.
    pub(crate) fn durable(&mut self, number: u32) {
        if self.pending.remove(&number) {
            self.durable.insert(number);
        }
    }

    /// The message is done without being in the archive: it is left out, or no longer at the server.
    pub(crate) fn pass(&mut self, number: u32) {
        self.pending.remove(&number);
    }

    /// Whether the message is still to be done.
    pub(crate) fn is_pending(&self, number: u32) -> bool {
        self.pending.contains(&number)
    }

    /// Whether the message is durable in the archive.
    pub(crate) fn is_durable(&self, number: u32) -> bool {
        self.durable.contains(&number)
    }

    /// The first message that is not done.
    pub(crate) fn first_pending(&self) -> Option<u32> {
        self.pending.first().copied()
    }

    /// The messages that are durable, in order.
    pub(crate) fn all_durable(&self) -> Vec<u32> {
        self.durable.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_done_once_and_in_one_way() {
        let mut progress = Progress::new([3, 5, 9]);
        progress.durable(9);
        progress.durable(3);
        progress.durable(4);
        progress.pass(3);
        assert_eq!((progress.first_pending(), progress.is_pending(9)), (Some(5), false));
        progress.pass(5);
        assert_eq!(progress.first_pending(), None);
        assert_eq!(progress.all_durable(), [3, 9], "neither passed nor unasked for");
        assert!(progress.is_durable(3) && !progress.is_durable(4) && !progress.is_durable(5));
    }
}
