//! What a folder's run works through: pages of a folder, rounds of a page, commands of a round.
//!
//! Guarantees: at most [`LIST_CAP`] messages are listed at once, whatever the folder holds.

use postroom_mail::imap::{Entry, Listing, Session, UidSet};
use postroom_model::FolderCursor;

/// Messages listed at once.
pub(crate) const LIST_CAP: usize = 10_000;
/// Messages in one round: between two moves of the cursor.
const ROUND_MESSAGES: usize = 2_000;
/// Bytes in one round, unless its first message alone is larger.
const ROUND_BYTES: u64 = 128 << 20;
/// Messages asked for in one command.
const COMMAND_MESSAGES: usize = 250;
/// Bytes asked for in one command, unless its first message alone is larger.
const COMMAND_BYTES: u64 = 8 << 20;

/// A folder of which more is new than one listing should hold is listed by windows of UIDs, wider
/// where UIDs are sparse.
pub(crate) struct Pages {
    /// The folder's last UID, where a window is needed to reach it.
    last: Option<u32>,
    width: u32,
}

/// A part of a folder.
pub(crate) struct Page {
    pub(crate) listing: Listing,
    pub(crate) next: Next,
}

/// Where a folder's run goes on after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// After this UID: everything up to it was listed.
    After(u32),
    /// After the page's last message: there was more than a listing holds.
    AfterListed,
    /// Nowhere: the page went to the folder's end.
    End,
}

impl Page {
    /// What was listed when asked for everything up to `last`, or up to the folder's end.
    pub(crate) fn new(listing: Listing, last: Option<u32>) -> Self {
        let next = match last {
            _ if listing.beyond > 0 => Next::AfterListed,
            Some(last) => Next::After(last),
            None => Next::End,
        };
        Self { listing, next }
    }
}

impl Pages {
    pub(crate) fn new(exists: u32, uid_next: Option<u32>) -> Self {
        let many = exists as usize > LIST_CAP;
        Self { last: uid_next.filter(|_| many).map(|next| next.saturating_sub(1)), width: LIST_CAP as u32 }
    }

    pub(crate) async fn next(
        &mut self,
        session: &mut Session,
        cursor: FolderCursor,
    ) -> Result<Page, postroom_mail::Error> {
        let first = cursor.last_uid.saturating_add(1);
        let last = first.saturating_add(self.width - 1);
        let last = self.last.filter(|&end| last < end).map(|_| last);
        let listing = session.list_messages(first, last, LIST_CAP).await?;
        self.adapt(&listing);
        Ok(Page::new(listing, last))
    }

    fn adapt(&mut self, listing: &Listing) {
        if listing.beyond > 0 {
            self.width = LIST_CAP as u32;
        } else if listing.entries.len() < LIST_CAP / 4 {
            self.width = self.width.saturating_mul(2);
        }
    }
}

/// Cuts a listing into rounds; a message that broke earlier runs has a round of its own, so that
/// what comes before it is done by the time it breaks another.
pub(crate) fn rounds(entries: &[Entry], stuck: Option<u32>, leaves: bool) -> Vec<&[Entry]> {
    // A round that ends early counts for what it has done where messages are left at the server, and
    // is repeated where something is to happen to them: then it had better be short.
    let (messages, bytes) =
        if leaves { (ROUND_MESSAGES, ROUND_BYTES) } else { (COMMAND_MESSAGES, COMMAND_BYTES) };
    cut(entries, messages, bytes, stuck)
}

/// The commands that ask for these messages.
pub(crate) fn commands(entries: &[Entry]) -> Vec<UidSet> {
    cut(entries, COMMAND_MESSAGES, COMMAND_BYTES, None)
        .into_iter()
        .flat_map(|part| UidSet::split(part.iter().map(|entry| entry.uid)))
        .collect()
}

/// Cuts entries into runs of at most so many messages and bytes; `alone` makes a run of its own.
fn cut(entries: &[Entry], messages: usize, bytes: u64, alone: Option<u32>) -> Vec<&[Entry]> {
    let mut runs = Vec::new();
    let (mut start, mut size) = (0, 0u64);
    for (at, entry) in entries.iter().enumerate() {
        let full = at - start >= messages || size.saturating_add(entry.size) > bytes;
        let apart = alone.is_some_and(|uid| uid == entry.uid || at > start && uid == entries[at - 1].uid);
        if (full || apart) && at > start {
            runs.push(&entries[start..at]);
            (start, size) = (at, 0);
        }
        size = size.saturating_add(entry.size);
    }
    if start < entries.len() {
        runs.push(&entries[start..]);
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_held_too_much_is_gone_on_from_where_it_ended() {
        let listing = |listed, beyond| Listing {
            entries: (1..=listed).map(|uid| Entry { uid, size: 1 }).collect(),
            beyond,
        };
        let mut pages = Pages::new(1_000_000, Some(2_000_000));
        pages.adapt(&listing(10, 0));
        assert_eq!(pages.width, 2 * LIST_CAP as u32, "sparse: a wider window");
        pages.adapt(&listing(LIST_CAP as u32, 10_000));
        assert_eq!(pages.width, LIST_CAP as u32, "dense again");
        assert_eq!(Page::new(listing(5, 7), Some(30_000)).next, Next::AfterListed);
        assert_eq!(Page::new(listing(5, 7), None).next, Next::AfterListed);
        assert_eq!(Page::new(listing(5, 0), Some(30_000)).next, Next::After(30_000));
        assert_eq!(Page::new(listing(5, 0), None).next, Next::End);
    }

    #[test]
    fn rounds_are_bounded_by_number_and_bytes_and_a_stuck_message_has_its_own() {
        let entries: Vec<Entry> = (1..=5).map(|uid| Entry { uid, size: 10 }).collect();
        let shape = |messages, bytes, first| -> Vec<Vec<u32>> {
            let runs = cut(&entries, messages, bytes, first);
            runs.into_iter().map(|run| run.iter().map(|entry| entry.uid).collect()).collect()
        };
        assert_eq!(shape(2, 100, None), [vec![1, 2], vec![3, 4], vec![5]]);
        assert_eq!(shape(9, 20, None), [vec![1, 2], vec![3, 4], vec![5]]);
        assert_eq!(shape(9, 1, None).len(), 5);
        assert_eq!(shape(9, 100, Some(4)), [vec![1, 2, 3], vec![4], vec![5]]);
        assert_eq!(shape(9, 100, Some(1)), [vec![1], vec![2, 3, 4, 5]]);
        assert!(cut(&[], 1, 1, None).is_empty());
    }
}
