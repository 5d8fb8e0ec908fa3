//! An IMAP folder, listed page by page.
//!
//! Guarantees: at most as many messages are listed at once as asked for, whatever the folder holds.
//! A folder of which more is new than that is listed by windows of UIDs, wider where UIDs are sparse.

use super::{
    folder::{Entry, Fate, Moved, Page},
    position::MayBeKnown,
};
use crate::imap::{Listing, Opened};
use postroom_model::FolderCursor;

/// An opened IMAP folder.
#[derive(Debug)]
pub(super) struct UidFolder {
    pub(super) read_only: bool,
    pub(super) exists: u32,
    pub(super) recorded: Option<FolderCursor>,
    pub(super) cursor: FolderCursor,
    /// The cursor was not gone on from.
    restarted: bool,
    /// What was listed when the folder was opened.
    listed: Option<Listing>,
    next: Next,
    /// The folder's last UID, where a window is needed to reach it.
    last: Option<u32>,
    cap: u32,
    width: u32,
}

/// What comes after the last page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The messages after the cursor.
    AfterCursor,
    /// The messages after this UID, up to which everything was listed.
    After(u32),
    /// Nothing: the page went to the folder's end, or has a message that is pending.
    Nothing,
}

/// What to list: from a UID to another, or to the folder's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    /// What was listed when the folder was opened.
    Opened,
    From(u32, Option<u32>),
}

impl UidFolder {
    pub(super) fn new(
        opened: Opened,
        recorded: Option<FolderCursor>,
        may_be_known: MayBeKnown,
        origin: u64,
        cap: usize,
    ) -> Self {
        let Opened { uid_validity, uid_next, exists, read_only, listing } = opened;
        let end = uid_next.unwrap_or(u32::MAX);
        let goes_on = recorded
            .filter(|cursor| cursor.is_of(uid_validity, origin) && may_be_known != MayBeKnown::Everything);
        let cursor = match (goes_on, may_be_known) {
            (Some(cursor), MayBeKnown::Rest) => cursor.may_be_known_below(end),
            (Some(cursor), _) => cursor,
            (None, MayBeKnown::Nothing) if recorded.is_none() => FolderCursor::start(uid_validity, origin),
            (None, _) => FolderCursor::renumbered(uid_validity, origin, end),
        };
        let restarted = goes_on.is_none() && recorded.is_some_and(|recorded| recorded != cursor);
        let cap = u32::try_from(cap).unwrap_or(u32::MAX).max(1);
        Self {
            read_only,
            exists,
            recorded,
            cursor,
            restarted,
            listed: listing.filter(|_| goes_on.is_some()),
            next: Next::AfterCursor,
            last: uid_next.filter(|_| exists > cap).map(|next| next.saturating_sub(1)),
            cap,
            width: cap,
        }
    }

    /// Messages in one page at most.
    pub(super) fn cap(&self) -> usize {
        self.cap as usize
    }

    pub(super) fn is_renumbered(&self) -> bool {
        self.restarted
    }

    /// What to list for the next page; none, if there is none.
    pub(super) fn window(&mut self) -> Option<Window> {
        match self.next {
            Next::Nothing => return None,
            Next::After(last) => self.cursor = self.cursor.advance(last),
            Next::AfterCursor if self.listed.is_some() => return Some(Window::Opened),
            Next::AfterCursor => {}
        }
        let first = self.cursor.last_uid.saturating_add(1);
        let last = first.saturating_add(self.width - 1);
        Some(Window::From(first, self.last.filter(|end| last < *end).map(|_| last)))
    }

    /// Takes in what was listed when the folder was opened.
    pub(super) fn opened_page(&mut self) -> Page {
        let listing = self.listed.take().unwrap_or_default();
        self.page(listing, None)
    }

    /// Takes in what was listed up to `last`, or up to the folder's end.
    pub(super) fn page(&mut self, listing: Listing, last: Option<u32>) -> Page {
        self.next = match last {
            _ if listing.beyond > 0 => Next::AfterCursor,
            Some(last) => Next::After(last),
            None => Next::Nothing,
        };
        if listing.beyond > 0 {
            self.width = self.cap;
        } else if listing.entries.len() < self.cap as usize / 4 {
            self.width = self.width.saturating_mul(2);
        }
        let entries = listing.entries.iter().map(|entry| Entry {
            number: entry.uid,
            size: entry.size,
            may_be_known: self.cursor.may_be_known(entry.uid),
            unique_id: None,
            email_id: entry.email_id,
        });
        Page { entries: entries.collect(), beyond: listing.beyond }
    }

    /// Everything before the first message that is pending is done. No page comes after it: a cursor cannot
    /// pass it.
    pub(super) fn moved(&mut self, entries: &[Entry], fate: impl Fn(u32) -> Fate) -> Moved {
        let pending = entries.iter().find(|entry| fate(entry.number) == Fate::Pending);
        let mark = match pending {
            Some(entry) => {
                self.next = Next::Nothing;
                entry.number.saturating_sub(1)
            }
            None => entries.last().map_or(0, |entry| entry.number),
        };
        self.cursor = self.cursor.advance(mark);
        let is_news = !entries.is_empty() || self.restarted;
        // That a folder has nothing new is not worth a write.
        let to = self.recorded.filter(|_| !is_news).unwrap_or(self.cursor);
        Moved::Uid { from: self.recorded, to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap;

    const CAP: usize = 1_000;

    fn folder(recorded: Option<FolderCursor>, may_be_known: MayBeKnown) -> UidFolder {
        let opened = Opened {
            uid_validity: 7,
            uid_next: Some(200_001),
            exists: 100_000,
            read_only: false,
            listing: None,
        };
        UidFolder::new(opened, recorded, may_be_known, 1, CAP)
    }

    fn listing(uids: impl IntoIterator<Item = u32>, beyond: u64) -> Listing {
        let entries = uids.into_iter().map(|uid| imap::Entry { uid, size: 1, email_id: None });
        Listing { entries: entries.collect(), beyond }
    }

    /// Lists the next page and has everything done.
    fn turn(folder: &mut UidFolder, listed: Listing) -> Window {
        let window = folder.window().expect("there is more");
        let Window::From(_, last) = window else { panic!("nothing was listed when it was opened") };
        let page = folder.page(listed, last);
        folder.moved(&page.entries, |_| Fate::Done);
        window
    }

    #[test]
    fn windows_are_wider_where_uids_are_sparse_and_go_on_where_a_page_ended() {
        let mut folder = folder(None, MayBeKnown::Nothing);
        assert_eq!(turn(&mut folder, listing([3, 9], 0)), Window::From(1, Some(1_000)));
        assert_eq!(turn(&mut folder, listing([], 0)), Window::From(1_001, Some(3_000)), "twice as wide");
        assert_eq!(turn(&mut folder, listing(3_001..=4_000, 3_000)), Window::From(3_001, Some(7_000)));
        assert_eq!(turn(&mut folder, listing(4_001..=5_000, 0)), Window::From(4_001, Some(5_000)), "dense");
        folder.width = 1_000_000;
        assert_eq!(turn(&mut folder, listing([199_000], 9)), Window::From(5_001, None), "to the end");
        assert_eq!(turn(&mut folder, listing([199_001], 0)), Window::From(199_001, None));
        assert_eq!(folder.window(), None);
        assert_eq!(folder.cursor.last_uid, 199_001);
    }

    #[test]
    fn the_cursor_never_passes_what_is_pending() {
        let mut folder = folder(None, MayBeKnown::Nothing);
        folder.window();
        let page = folder.page(listing([3, 5, 9], 0), Some(1_000));
        let moved = folder.moved(&page.entries, |uid| if uid == 5 { Fate::Pending } else { Fate::Done });
        let to = FolderCursor::start(7, 1).advance(4);
        assert_eq!(moved, Moved::Uid { from: None, to });
        assert_eq!((folder.window(), folder.cursor), (None, to), "nor does a page that would come after it");
        folder.recorded = Some(to);
        let moved = folder.moved(&page.entries[1..], |_| Fate::Removed);
        assert_eq!(moved, Moved::Uid { from: Some(to), to: to.advance(9) });
    }

    #[test]
    fn what_is_put_on_record_without_a_message() {
        let on_record = FolderCursor::start(7, 1).advance(5);
        let nothing = |recorded, may_be_known| {
            let mut folder = folder(recorded, may_be_known);
            while let Some(Window::From(_, last)) = folder.window() {
                folder.page(Listing::default(), last);
            }
            let moved = folder.moved(&[], |_| Fate::Pending);
            (moved.is_nothing(), moved)
        };
        assert!(nothing(Some(on_record), MayBeKnown::Nothing).0, "nothing new is worth no write");
        assert!(!nothing(None, MayBeKnown::Nothing).0);
        let renumbered = FolderCursor { uid_validity: 6, ..on_record };
        let (is_nothing, Moved::Uid { from, to }) = nothing(Some(renumbered), MayBeKnown::Nothing) else {
            panic!("a folder")
        };
        assert!(
            !is_nothing && from == Some(renumbered) && to.is_of(7, 1),
            "or it is looked at again and again"
        );
        assert!(nothing(Some(on_record), MayBeKnown::Rest).0);
        assert!(!nothing(Some(on_record), MayBeKnown::Everything).0);
    }

    #[test]
    fn what_is_looked_at_again_may_be_known_up_to_uidnext() {
        let cursor = FolderCursor::start(7, 1).advance(5);
        let other_origin = FolderCursor { origin: Some(2), ..cursor };
        let (rest, everything) = (MayBeKnown::Rest, MayBeKnown::Everything);
        for (recorded, may_be_known, from, is_renumbered, is_known) in [
            (None, everything, 1, false, true),
            (None, rest, 1, false, true),
            (Some(cursor), everything, 1, true, true),
            (Some(cursor), rest, 6, false, true),
            (Some(other_origin), MayBeKnown::Nothing, 1, true, true),
            (Some(cursor), MayBeKnown::Nothing, 6, false, false),
        ] {
            let mut folder = folder(recorded, may_be_known);
            assert_eq!(folder.is_renumbered(), is_renumbered);
            let Some(Window::From(first, last)) = folder.window() else { panic!("a window") };
            let page = folder.page(listing([first, 300_000], 0), last);
            let known: Vec<_> = page.entries.iter().map(|entry| entry.may_be_known).collect();
            assert_eq!((first, known), (from, vec![is_known, false]));
        }
    }
}
