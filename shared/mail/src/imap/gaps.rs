//! Messages that a listing leaves out, found by the messages' numbers.
//!
//! Between two messages whose numbers are not consecutive there are others, and their UIDs are
//! between the two UIDs. Numbers that contradict the UIDs say nothing and are passed over.

use std::{fmt::Write, ops::RangeInclusive};

/// The most messages that one question is about, unless they are all in one gap.
const MAX_MISSING: u32 = 1_000;
/// The most gaps that one question names; with two UIDs each, its line stays short.
const MAX_RANGES: usize = 200;

/// A message that the server listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) uid: u32,
    /// Its number in the folder, from 1.
    pub(super) sequence: u32,
}

/// The gaps of a listing, ascending.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gaps(Vec<Gap>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Gap {
    /// The UIDs that its messages can have; to the folder's end, if that is [`u32::MAX`].
    uids: RangeInclusive<u32>,
    /// How many messages are missing.
    missing: u32,
}

/// A question for the UIDs in some gaps.
#[derive(Debug)]
pub(super) struct Question<'a>(&'a [Gap]);

impl Gaps {
    /// The gaps between messages, from UID `first` on. `seen` ascends by UID; `before` is a message
    /// before `first`. Where it is known that the folder has `present` messages, the gap between the
    /// last one seen and the folder's end counts too.
    pub(super) fn between(
        before: Option<Seen>,
        seen: impl Iterator<Item = Seen>,
        first: u32,
        present: Option<u32>,
    ) -> Self {
        let mut gaps = Vec::new();
        let mut last = before;
        for seen in seen {
            if let Some(before) = last {
                let uids = before.uid.saturating_add(1).max(first)..=seen.uid.saturating_sub(1);
                let missing = seen.sequence.saturating_sub(before.sequence).saturating_sub(1);
                gaps.push(Gap { uids, missing });
            }
            last = Some(seen);
        }
        if let Some(present) = present {
            let Seen { uid, sequence } = last.unwrap_or(Seen { uid: 0, sequence: 0 });
            // There is no UID after the largest number.
            let uids = uid.saturating_add(1).max(first)..=u32::MAX;
            gaps.push(Gap { uids, missing: present.saturating_sub(sequence) });
        }
        gaps.retain(|gap| gap.missing > 0 && !gap.uids.is_empty());
        Self(gaps)
    }

    /// The questions that are to be asked, if any.
    pub(super) fn questions(&self) -> impl Iterator<Item = Question<'_>> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            let mut missing = 0u32;
            let fits = rest.iter().take(MAX_RANGES).take_while(|gap| {
                missing = missing.saturating_add(gap.missing);
                missing <= MAX_MISSING
            });
            let (asked, later) = rest.split_at(fits.count().max(1).min(rest.len()));
            rest = later;
            Some(Question(asked)).filter(|question| !question.0.is_empty())
        })
    }
}

impl Question<'_> {
    /// The UIDs that are asked for, as they go over the wire.
    pub(super) fn set(&self) -> String {
        let mut set = String::new();
        for Gap { uids, .. } in self.0 {
            let comma = if set.is_empty() { "" } else { "," };
            let (first, last) = (uids.start(), uids.end());
            // Writing to a string cannot fail.
            _ = match *last {
                u32::MAX => write!(set, "{comma}{first}:*"),
                _ if first == last => write!(set, "{comma}{first}"),
                _ => write!(set, "{comma}{first}:{last}"),
            };
        }
        set
    }

    /// The UIDs in an answer that were asked for. A server may name others, as the last message
    /// where `n:*` was asked for.
    pub(super) fn among(&self, found: RangeInclusive<u32>) -> impl Iterator<Item = u32> {
        let clip = move |gap: &Gap| *gap.uids.start().max(found.start())..=*gap.uids.end().min(found.end());
        self.0.iter().flat_map(clip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(
        before: Option<(u32, u32)>,
        seen: &[(u32, u32)],
        first: u32,
        present: Option<u32>,
    ) -> Vec<String> {
        let seen_at = |(uid, sequence)| Seen { uid, sequence };
        let seen = seen.iter().copied().map(seen_at);
        let gaps = Gaps::between(before.map(seen_at), seen, first, present);
        gaps.questions().map(|question| question.set()).collect()
    }

    #[test]
    fn gaps_show_in_the_numbers() {
        let none: [&str; 0] = [];
        let start = Some((0, 0));
        assert_eq!(sets(start, &[(5, 1), (9, 2)], 1, Some(2)), none, "UIDs may have gaps");
        assert_eq!(sets(start, &[(5, 1), (9, 3), (10, 5)], 1, None), ["6:8"], "none fits between 9 and 10");
        assert_eq!(sets(start, &[(5, 2), (9, 4), (11, 6)], 1, Some(9)), ["1:4,6:8,10,12:*"]);
        assert_eq!(sets(start, &[(5, 2), (9, 1)], 1, None), ["1:4"], "numbers that contradict the UIDs");
        assert_eq!(sets(None, &[(5, 7)], 4, None), none, "nothing is known of what was before");
        assert_eq!(sets(Some((7, 3)), &[(12, 5)], 8, Some(5)), ["8:11"]);
        assert_eq!(sets(Some((2, 3)), &[(12, 5)], 8, Some(5)), ["8:11"], "not what was not asked for");
        assert_eq!(sets(Some((7, 3)), &[], 8, Some(3)), none);
        assert_eq!(sets(Some((7, 3)), &[], 8, Some(4)), ["8:*"]);
        assert_eq!(sets(None, &[], 8, Some(4)), ["8:*"], "at least the last one is to be listed");
        assert_eq!(sets(None, &[], 1, Some(0)), none);
        assert_eq!(sets(start, &[(u32::MAX, 1)], 1, Some(2)), ["4294967295:*"]);
    }

    #[test]
    fn questions_are_short() {
        let every_second: Vec<_> = (1..=500).map(|n| (1000 * n, 2 * n)).collect();
        let questions = sets(Some((0, 0)), &every_second, 1, None);
        assert_eq!(questions.len(), 3);
        assert!(questions.iter().all(|question| question.len() < 6000));
        let large = [(10_000, 900), (20_000, 1_800), (90_000, 9_000)];
        assert_eq!(sets(Some((0, 0)), &large, 1, None), ["1:9999", "10001:19999", "20001:89999"]);
    }

    #[test]
    fn only_what_is_asked_for_is_taken() {
        let seen = [(5, 2), (9, 4)].map(|(uid, sequence)| Seen { uid, sequence });
        let gaps = Gaps::between(Some(Seen { uid: 0, sequence: 0 }), seen.into_iter(), 1, None);
        let question = gaps.questions().next().expect("there are gaps");
        assert_eq!(question.among(1..=u32::MAX).collect::<Vec<_>>(), [1, 2, 3, 4, 6, 7, 8]);
        assert_eq!(question.among(5..=6).collect::<Vec<_>>(), [6]);
        assert_eq!(question.among(9..=9).count(), 0);
    }
}
