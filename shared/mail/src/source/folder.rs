//! An opened folder: what is new in it, and what is on record of it.

use super::{maildrop::Maildrop, uid_folder::UidFolder};
use crate::imap::EmailId;
use postroom_model::{FolderCursor, MaildropCursor, UniqueId};
use std::collections::HashSet;

/// One message that is to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its number: the UID at an IMAP server; at a POP3 server the message number, which is good for this
    /// session only.
    pub number: u32,
    /// Its size in bytes as the server says: a guide, some servers are wrong. 0 where it does not say.
    pub size: u64,
    /// The archive may hold it already: its header is to be looked at first.
    pub may_be_known: bool,
    /// What a maildrop's message is known by; none where the server lets nobody find out.
    pub unique_id: Option<UniqueId>,
    /// What it has in common with its copies in other folders, if the server says.
    pub email_id: Option<EmailId>,
}

impl Entry {
    /// The sizes under which the archive may hold it. A server may end a message with CRLF over POP3
    /// that has none over IMAP, as Dovecot does, so that the same message has two bytes more.
    pub fn possible_sizes(&self) -> [u64; 3] {
        [self.size, self.size.saturating_add(2), self.size.saturating_sub(2)]
    }
}

/// Some of the messages that are to be fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The messages, ascending by number.
    pub entries: Vec<Entry>,
    /// How many further ones there are at least, as far as the server has listed them; they are in later
    /// pages.
    pub beyond: u64,
}

/// How far a folder is archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// An IMAP folder.
    Uid(FolderCursor),
    /// A POP3 maildrop.
    Maildrop(MaildropCursor),
}

/// What has become of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is still to be fetched.
    Pending,
    /// It is durable in the archive, on record in quarantine, left out by a filter, or gone.
    Done,
    /// It is durable in the archive and marked as deleted at the server.
    Removed,
}

/// What is to be put on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// An IMAP folder's cursor moves.
    Uid {
        /// The cursor on record.
        from: Option<FolderCursor>,
        /// The cursor in its place.
        to: FolderCursor,
    },
    /// A maildrop's cursor moves.
    Maildrop {
        /// The cursor on record.
        from: Option<MaildropCursor>,
        /// The cursor in its place.
        to: MaildropCursor,
        /// What is known beyond what is on record: recorded first, so that a crash repeats work.
        ids: Vec<UniqueId>,
    },
}

impl Moved {
    /// Whether there is nothing to be put on record.
    pub fn is_nothing(&self) -> bool {
        match self {
            Self::Uid { from, to } => *from == Some(*to),
            Self::Maildrop { from, to, ids } => *from == Some(*to) && ids.is_empty(),
        }
    }
}

/// An opened folder.
#[derive(Debug)]
pub struct Folder(pub(super) Kind);

#[derive(Debug)]
pub(super) enum Kind {
    Uid(UidFolder),
    Maildrop(Box<Maildrop>),
}

impl Folder {
    /// Whether nothing in it can be changed, asked for or not.
    pub fn read_only(&self) -> bool {
        match &self.0 {
            Kind::Uid(folder) => folder.read_only,
            Kind::Maildrop(_) => false,
        }
    }

    /// How many messages are in it, by the server's own count.
    pub fn exists(&self) -> u32 {
        match &self.0 {
            Kind::Uid(folder) => folder.exists,
            Kind::Maildrop(maildrop) => maildrop.present,
        }
    }

    /// How far it is archived, what was moved and is not on record included.
    pub fn cursor(&self) -> Cursor {
        match &self.0 {
            Kind::Uid(folder) => Cursor::Uid(folder.cursor),
            Kind::Maildrop(maildrop) => Cursor::Maildrop(maildrop.cursor()),
        }
    }

    /// Whether the folder was archived before and is looked at anew: the server renumbered its messages,
    /// or it has become another server's or user's.
    pub fn is_renumbered(&self) -> bool {
        match &self.0 {
            Kind::Uid(folder) => folder.is_renumbered(),
            Kind::Maildrop(maildrop) => maildrop.is_renumbered(),
        }
    }

    /// How much memory it takes now, in bytes, beyond what any folder takes; [`Source::memory`] is the most.
    ///
    /// [`Source::memory`]: super::Source::memory
    pub fn memory(&self) -> u64 {
        match &self.0 {
            Kind::Uid(_) => 0,
            Kind::Maildrop(maildrop) => maildrop.footprint(),
        }
    }

    /// The generation of the set of known ids that is needed before the first page ([`Folder::know`]),
    /// because the listing is not what it was. Without the set every message is new.
    pub fn needs_known(&self) -> Option<u32> {
        match &self.0 {
            Kind::Uid(_) => None,
            Kind::Maildrop(maildrop) => maildrop.needs_known(),
        }
    }

    /// Takes in the ids that are on record.
    pub fn know(&mut self, ids: HashSet<UniqueId>) {
        if let Kind::Maildrop(maildrop) = &mut self.0 {
            maildrop.know(ids);
        }
    }

    /// Takes in what has become of messages of the last page, in their order, and tells what is to be put
    /// on record. With no messages it is what the listing alone tells: at the end of a run this is to be
    /// recorded too, unless it [is nothing](Moved::is_nothing), or the next run looks at the same again.
    pub fn moved(&mut self, entries: &[Entry], fate: impl Fn(u32) -> Fate) -> Moved {
        match &mut self.0 {
            Kind::Uid(folder) => folder.moved(entries, fate),
            Kind::Maildrop(maildrop) => maildrop.moved(entries, fate),
        }
    }

    /// Takes in what is on record now.
    pub fn recorded(&mut self, cursor: Cursor) {
        match (&mut self.0, cursor) {
            (Kind::Uid(folder), Cursor::Uid(cursor)) => folder.recorded = Some(cursor),
            (Kind::Maildrop(maildrop), Cursor::Maildrop(cursor)) => maildrop.recorded(cursor),
            (Kind::Uid(_), Cursor::Maildrop(_)) | (Kind::Maildrop(_), Cursor::Uid(_)) => {}
        }
    }

    /// After the last page: the cursor on record and the ids that are still needed, where so many others
    /// are on record that the set is worth writing anew.
    pub fn rewritten(&self) -> Option<(MaildropCursor, Vec<UniqueId>)> {
        match &self.0 {
            Kind::Uid(_) => None,
            Kind::Maildrop(maildrop) => maildrop.rewritten(),
        }
    }
}
