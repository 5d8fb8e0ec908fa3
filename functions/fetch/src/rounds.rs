//! What a page of a folder is worked in: rounds, between two moves of the cursor.

use postroom_mail::source::Entry;

/// Messages listed at once, whatever the folder holds: about 1 MB in each mailbox.
pub(crate) const LIST_CAP: usize = 4_000;

/// The most that one round takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measure {
    /// Messages.
    pub(crate) messages: usize,
    /// Bytes, as the server lists them, unless the first message alone is larger.
    pub(crate) bytes: u64,
}

impl Measure {
    /// Where messages are left at the server: a round that ends early counts for what it has done.
    pub(crate) const LONG: Self = Self { messages: 2_000, bytes: 128 << 20 };
    /// Where something is to happen to messages at the server: a round that ends early is repeated,
    /// and had better be short.
    pub(crate) const SHORT: Self = Self { messages: 250, bytes: 8 << 20 };
}

/// Cuts a page into rounds. The message `alone`, which broke earlier runs, has a round of its own, so
/// that what comes before it is done by the time it breaks another.
pub(crate) fn rounds(entries: &[Entry], measure: Measure, alone: Option<u32>) -> Vec<&[Entry]> {
    let mut rounds = Vec::new();
    let (mut start, mut size) = (0, 0u64);
    for (at, entry) in entries.iter().enumerate() {
        let full = at - start >= measure.messages || size.saturating_add(entry.size) > measure.bytes;
        let apart = alone
            .is_some_and(|number| number == entry.number || at > start && number == entries[at - 1].number);
        if (full || apart) && at > start {
            rounds.push(&entries[start..at]);
            (start, size) = (at, 0);
        }
        size = size.saturating_add(entry.size);
    }
    if start < entries.len() {
        rounds.push(&entries[start..]);
    }
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_bounded_by_number_and_bytes_and_a_stuck_message_has_its_own() {
        let entry = |number| Entry { number, size: 10, may_be_known: false, unique_id: None, email_id: None };
        let entries: Vec<Entry> = (1..=5).map(entry).collect();
        let shape = |messages, bytes, alone| -> Vec<Vec<u32>> {
            let rounds = rounds(&entries, Measure { messages, bytes }, alone);
            rounds.into_iter().map(|round| round.iter().map(|entry| entry.number).collect()).collect()
        };
        assert_eq!(shape(2, 100, None), [vec![1, 2], vec![3, 4], vec![5]]);
        assert_eq!(shape(9, 20, None), [vec![1, 2], vec![3, 4], vec![5]]);
        assert_eq!(shape(9, 1, None).len(), 5);
        assert_eq!(shape(9, 100, Some(4)), [vec![1, 2, 3], vec![4], vec![5]]);
        assert_eq!(shape(9, 100, Some(1)), [vec![1], vec![2, 3, 4, 5]]);
        assert!(rounds(&[], Measure::LONG, None).is_empty());
    }
}
