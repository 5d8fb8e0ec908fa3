//! Sets of UIDs as they go over the wire.

use std::fmt;

/// The longest set, in octets. With a command and a folder's name around it, the line stays under
/// the 8,000 octets that servers accept at least (RFC 7162 section 4).
const MAX_OCTETS: usize = 6000;

/// UIDs in the compact form of RFC 3501 section 9, as `1:4,7`. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UidSet {
    text: String,
    count: usize,
}

impl UidSet {
    /// One UID, which is not 0.
    pub fn one(uid: u32) -> Self {
        Self { text: uid.to_string(), count: 1 }
    }

    /// As few sets as can go over the wire, ascending. Order and repetition of the UIDs do not
    /// matter; 0, which is no UID, is left out.
    pub fn split(uids: impl IntoIterator<Item = u32>) -> Vec<Self> {
        let mut uids: Vec<u32> = uids.into_iter().filter(|uid| *uid != 0).collect();
        uids.sort_unstable();
        uids.dedup();
        let mut sets: Vec<Self> = Vec::new();
        for run in uids.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
            let text = match run {
                [one] => one.to_string(),
                [first, .., last] => format!("{first}:{last}"),
                [] => continue,
            };
            match sets.last_mut().filter(|set| set.text.len() + 1 + text.len() <= MAX_OCTETS) {
                Some(set) => {
                    set.text.push(',');
                    set.text.push_str(&text);
                    set.count += run.len();
                }
                None => sets.push(Self { text, count: run.len() }),
            }
        }
        sets
    }

    /// How many UIDs are in it.
    pub fn count(&self) -> usize {
        self.count
    }
}

impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_compact() {
        for (uids, expected) in [
            (vec![7], "7"),
            (vec![1, 2, 3, 4, 7], "1:4,7"),
            (vec![9, 1, 2, 2, 0], "1:2,9"),
            (vec![u32::MAX - 1, u32::MAX], "4294967294:4294967295"),
        ] {
            let sets = UidSet::split(uids.clone());
            assert_eq!(sets.len(), 1);
            assert_eq!(sets[0].to_string(), expected, "{uids:?}");
        }
        assert_eq!(UidSet::split([]), []);
        assert_eq!(UidSet::split([5]), [UidSet::one(5)]);
    }

    #[test]
    fn sets_stay_within_the_line() {
        let sets = UidSet::split((0..5000).map(|n| 4_000_000_000 + 2 * n));
        assert_eq!(sets.iter().map(UidSet::count).sum::<usize>(), 5000);
        assert!(sets.len() < 11 && sets.iter().all(|set| set.to_string().len() <= MAX_OCTETS));
    }
}
