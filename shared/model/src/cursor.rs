//! How far a folder is archived.

use serde::{Deserialize, Serialize};

/// How far one IMAP folder is archived (RFC 3501 section 2.3.1.1): every message up to `last_uid`
/// is durable in the archive, on record in quarantine, or no longer there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderCursor {
    /// The folder's UIDVALIDITY when the UIDs were read.
    pub uid_validity: u32,
    /// The highest UID that is done; 0 when none is.
    pub last_uid: u32,
    /// Whose folder it is ([`Mailbox::origin`](crate::Mailbox::origin)): another server or user may
    /// have the same UIDVALIDITY. Absent in what an early release wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<u64>,
    /// After the server renumbered the folder: messages below this UID were there before, so that
    /// their headers are looked at first, and only what the archive lacks is fetched whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_below: Option<u32>,
}

impl FolderCursor {
    /// A folder of which nothing is archived.
    pub fn start(uid_validity: u32, origin: u64) -> Self {
        Self { uid_validity, last_uid: 0, origin: Some(origin), known_below: None }
    }

    /// The same folder after the server renumbered it; `uid_next` is the new UIDNEXT.
    pub fn renumbered(uid_validity: u32, origin: u64, uid_next: u32) -> Self {
        Self { known_below: Some(uid_next), ..Self::start(uid_validity, origin) }
    }

    /// The same, where the archive may hold what is below this UID and not done.
    pub fn may_be_known_below(self, uid: u32) -> Self {
        Self { known_below: self.known_below.max(Some(uid)), ..self }.advance(0)
    }

    /// Whether the cursor speaks of this folder of this origin.
    pub fn is_of(self, uid_validity: u32, origin: u64) -> bool {
        self.uid_validity == uid_validity && self.origin.is_none_or(|own| own == origin)
    }

    /// The cursor once everything up to `uid` is done. It never moves back.
    pub fn advance(self, uid: u32) -> Self {
        let last_uid = self.last_uid.max(uid);
        let known_below = self.known_below.filter(|below| last_uid.saturating_add(1) < *below);
        Self { last_uid, known_below, ..self }
    }

    /// Whether the archive may hold this message under an earlier UID.
    pub fn may_be_known(self, uid: u32) -> bool {
        self.known_below.is_some_and(|below| uid < below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_moves_forward_only_and_forgets_the_renumbering_when_past_it() {
        let cursor = FolderCursor::renumbered(7, 1, 10);
        assert!(cursor.may_be_known(9) && !cursor.may_be_known(10));
        let cursor = cursor.advance(5).advance(3);
        assert_eq!((cursor.last_uid, cursor.known_below), (5, Some(10)));
        assert_eq!(cursor.advance(9).known_below, None);
        let known = |below| FolderCursor::start(7, 1).advance(5).may_be_known_below(below).known_below;
        assert_eq!((known(12), known(6)), (Some(12), None), "nothing is below that is not done");
        let renumbered = FolderCursor::renumbered(7, 1, 10);
        assert_eq!(renumbered.may_be_known_below(6), renumbered);
        assert!(cursor.is_of(7, 1) && !cursor.is_of(8, 1) && !cursor.is_of(7, 2));
    }
}
