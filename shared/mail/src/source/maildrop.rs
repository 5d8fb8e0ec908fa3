//! A POP3 maildrop: which of its messages are new, and what is put on record of them.
//!
//! Two things are on record ([`MaildropCursor`]): a *prefix*, how many messages from the first on are
//! done and a digest of what they are, and the set of all ids that are done. As long as the prefix fits
//! the listing, and no message after it is done, what follows it is new, and the set is not needed.
//!
//! A message is known by the server's unique id. Where the server has none for it, or none of its own
//! ([`Listing`]), it is known by its header block and size, which takes a look at it (TOP). The prefix is
//! over the unique ids, in their absence over the sizes; if its last message has no id, that one's header
//! counts too. That is sound where new messages come at the end: a message that is deleted lets those after
//! it move up, so that another one is the last.
//!
//! Guarantees: a message that is not on record is never passed over, as long as the server keeps to what
//! is below. An id is on record only where its message is done, so that ids which are lost, or were written
//! by a run that did not get further, cost another look and nothing else. A set says something of one
//! maildrop and one filter: whatever makes its ids mean something else begins another. So does a listing of
//! which the set knows no id: the server has given out new ones, and may give out the old ones again.
//!
//! What a server without UIDL and without TOP has is new whenever a size or their number has changed; the
//! archive knows what it holds.
//!
//! Left out is what no listing shows:
//! - A server that gives the id of a message that is gone to another one (RFC 1939 section 7: it should
//!   not) hides that one, as from every client that goes by ids; unless the ids are the numbers of the
//!   session, which count as none, or all of them are others than before.
//! - A server that lacks ids and puts new messages before old ones hides one that comes as another goes
//!   which had the same size, in its place; so does one without TOP, wherever it puts them.
//! - Of messages without ids, one that comes as another goes with the same header and size is taken for it.

use super::{
    folder::{Entry, Fate, Moved, Page},
    position::MayBeKnown,
};
use crate::pop3::Listing;
use postroom_model::{MaildropCursor, Prefix, UniqueId};
use std::{collections::HashSet, ops::Range};

/// The most headers that are read for one page.
const HEADERS: usize = 250;
/// A set with more ids than this that nobody needs any more, and than there are messages, is written anew.
const STALE: usize = 500;

/// The most memory that a message takes, in bytes: its place in the listing, [`Message`], and its id once more.
const PER_MESSAGE: u64 = 80;
/// The most memory that an id of the set takes, in bytes, while the set grows.
const PER_KNOWN: u64 = 48;

/// An opened maildrop.
#[derive(Debug)]
pub(super) struct Maildrop {
    pub(super) present: u32,
    recorded: Option<MaildropCursor>,
    /// The cursor on record or in its place, whose prefix does not count.
    base: MaildropCursor,
    /// What is listed, but for the messages of a prefix that fits.
    messages: Vec<Message>,
    /// Where the sizes come from, until they are needed.
    listing: Option<Listing>,
    /// Everything before this place is done.
    at: usize,
    /// The marks of what is done and stays, from the listing's first message to that place.
    marks: Prefix,
    /// The header of the last of them, if it has no unique id.
    closing: Option<UniqueId>,
    /// The messages up to this place may be in the archive.
    known_through: Option<usize>,
    renumbered: bool,
    /// Whether the prefix on record fits the listing.
    fits: bool,
    needs_known: bool,
    known: HashSet<UniqueId>,
    /// How many ids are on record, if that was looked at.
    on_record: Option<usize>,
    /// The places of the last page: everything before its end was in a page.
    turned: Range<usize>,
    listed: usize,
    /// Messages in one page.
    cap: usize,
}

/// One message.
#[derive(Debug, Clone, Copy)]
struct Message {
    number: u32,
    size: u64,
    mark: Mark,
    id: Id,
    fate: Fate,
}

/// What a message counts as in the prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Uidl(UniqueId),
    Size(UniqueId),
}

/// What a message is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Id {
    /// The server's id, or the header.
    Is(UniqueId),
    /// The header, which nobody has looked at.
    Unread,
    /// Nothing: the header is not to be had.
    Nothing,
}

impl Mark {
    fn of(message: crate::pop3::Message) -> Self {
        match message.uidl {
            Some(id) => Self::Uidl(id),
            None => Self::Size(UniqueId::of_header(b"", message.size)),
        }
    }

    fn id(self) -> UniqueId {
        match self {
            Self::Uidl(id) | Self::Size(id) => id,
        }
    }
}

/// The most memory in bytes that a maildrop of so many messages takes, with the set that is on record of it.
pub(super) fn memory(messages: u32, recorded: Option<MaildropCursor>) -> u64 {
    let known = recorded.map_or(0, |cursor| cursor.ids());
    u64::from(messages) * PER_MESSAGE + known.saturating_mul(PER_KNOWN)
}

/// The message whose header tells whether the prefix fits, if it takes one: the prefix's last.
pub(super) fn closing_message(listing: &Listing, prefix: Prefix) -> Option<crate::pop3::Message> {
    let last = (prefix.messages as usize).checked_sub(1)?;
    listing.iter().nth(last).filter(|message| message.uidl.is_none())
}

/// The prefix as it is put on record.
fn closed(marks: Prefix, closing: Option<UniqueId>) -> Prefix {
    Prefix { digest: closing.map_or(marks.digest, |header| marks.then(header).digest), ..marks }
}

impl Maildrop {
    /// A maildrop that was listed. `closing` is the header of the [`closing_message`], where it takes one
    /// and the server lets us look.
    pub(super) fn new(
        listing: Listing,
        recorded: Option<MaildropCursor>,
        may_be_known: MayBeKnown,
        origin: u64,
        closing: Option<UniqueId>,
        cap: usize,
    ) -> Self {
        let goes_on =
            recorded.filter(|cursor| cursor.origin == origin && may_be_known != MayBeKnown::Everything);
        let base = match (goes_on, recorded) {
            (Some(cursor), _) => cursor,
            (None, Some(cursor)) => anew(cursor, origin),
            (None, None) => MaildropCursor::start(origin),
        };
        let renumbered = goes_on.is_none() && recorded.is_some();
        let listed = listing.iter().count();
        let mut marks = Prefix::default();
        let fits = listed == 0 || {
            let done = listing.iter().take(base.prefix.messages as usize);
            marks = done.fold(marks, |marks, message| marks.then(Mark::of(message).id()));
            let is_closed = closing_message(&listing, base.prefix).is_none() || closing.is_some();
            closed(marks, closing) == base.prefix && (is_closed || listed == base.prefix.messages as usize)
        };
        let done = if fits { marks.messages as usize } else { 0 };
        let messages = if done < listed { messages(&listing, done) } else { Vec::new() };
        let known_through = match base.known_through {
            _ if renumbered || may_be_known != MayBeKnown::Nothing => messages.len().checked_sub(1),
            Some(id) => {
                let found = messages.iter().rposition(|message| message.mark.id() == id);
                found.or(messages.len().checked_sub(1))
            }
            None => None,
        };
        Self {
            present: listing.present(),
            recorded,
            base,
            messages,
            listing: Some(listing).filter(|_| done < listed),
            at: 0,
            marks: if fits { marks } else { Prefix::default() },
            closing: closing.filter(|_| fits),
            known_through,
            renumbered,
            needs_known: !fits || base.scattered && done < listed,
            fits,
            known: HashSet::new(),
            on_record: None,
            turned: 0..0,
            listed,
            cap: cap.max(1),
        }
    }

    /// How much memory it takes, in bytes.
    pub(super) fn footprint(&self) -> u64 {
        let listing = self.listing.as_ref().map_or(0, Listing::footprint);
        let messages = self.messages.len() * (size_of::<Message>() + UniqueId::BYTES);
        (listing + messages) as u64 + self.known.len() as u64 * PER_KNOWN
    }

    pub(super) fn is_renumbered(&self) -> bool {
        self.renumbered
    }

    /// How far the maildrop is done.
    pub(super) fn cursor(&self) -> MaildropCursor {
        // An empty maildrop forgets nothing: its messages may come back.
        if self.listed == 0 {
            return self.base;
        }
        let ahead = self.known_through.filter(|last| self.at <= *last);
        let is_looked_through = self.on_record.is_none() || self.turned.end == self.messages.len();
        let is_done = |message: &Message| message.fate == Fate::Done;
        MaildropCursor {
            prefix: closed(self.marks, self.closing),
            scattered: !is_looked_through || self.messages[self.at..].iter().any(is_done),
            known_through: ahead.and_then(|last| Some(self.messages.get(last)?.mark.id())),
            ..self.base
        }
    }

    /// The generation of the set that is needed, if one is.
    pub(super) fn needs_known(&self) -> Option<u32> {
        self.needs_known.then_some(self.base.generation)
    }

    /// Takes in the ids that are on record. If none of the server's ids is among them, it has given out
    /// new ones: then the archive may hold everything that is there, and the old ids, which might be given
    /// out again, count no longer.
    pub(super) fn know(&mut self, ids: HashSet<UniqueId>) {
        if !std::mem::take(&mut self.needs_known) {
            return;
        }
        let (mut with_id, mut known) = (0, 0);
        for message in &mut self.messages {
            if let Id::Is(id) = message.id {
                with_id += 1;
                if ids.contains(&id) {
                    known += 1;
                    message.fate = Fate::Done;
                }
            }
        }
        self.on_record = Some(ids.len());
        let has_new_ids = !self.fits && with_id > 0 && known == 0;
        if has_new_ids && self.known_through.is_none() {
            self.known_through = self.messages.len().checked_sub(1);
            self.renumbered = true;
        }
        if with_id < self.messages.len() {
            self.known = ids;
        } else if has_new_ids {
            self.base = anew(self.base, self.base.origin);
            self.on_record = Some(0);
        }
        self.settle();
    }

    /// Where the sizes come from, if the next page needs them and they were not asked for.
    pub(super) fn sizes_needed(&mut self) -> Option<&mut Listing> {
        let is_new = self.messages.iter().any(|message| message.fate == Fate::Pending);
        self.listing.as_mut().filter(|_| is_new)
    }

    /// Takes the sizes over.
    pub(super) fn take_sizes(&mut self) {
        let Some(listing) = self.listing.take() else { return };
        let mut sizes = listing.iter();
        for message in &mut self.messages {
            if let Some(listed) = sizes.find(|listed| listed.number == message.number) {
                message.size = listed.size;
            }
        }
    }

    /// Begins the next page, after the last. Returned are the messages whose headers are to be looked at
    /// ([`Maildrop::identify`]): numbers and sizes.
    pub(super) fn turn_page(&mut self) -> Vec<(u32, u64)> {
        let (mut pending, mut unread) = (0, Vec::new());
        let begin = self.turned.end;
        let mut end = begin;
        for message in &self.messages[begin..] {
            if message.fate == Fate::Pending {
                pending += 1;
                let is_unread = message.id == Id::Unread;
                if pending > self.cap || is_unread && unread.len() >= HEADERS {
                    break;
                }
                unread.extend(is_unread.then_some((message.number, message.size)));
            }
            end += 1;
        }
        self.turned = begin..end;
        unread
    }

    /// Takes in what a look at headers has shown: what each message that has one is known by. The others
    /// of the page that were not known before are known by nothing.
    pub(super) fn identify(&mut self, headers: &[(u32, UniqueId)]) {
        for &(number, id) in headers {
            if let Some(message) = self.message(number) {
                message.id = Id::Is(id);
            }
        }
        for message in &mut self.messages[self.turned.clone()] {
            match message.id {
                // One that shares its header and size with another is known only once.
                Id::Is(id) if message.fate == Fate::Pending && self.known.remove(&id) => {
                    message.fate = Fate::Done;
                }
                Id::Unread if message.fate == Fate::Pending => message.id = Id::Nothing,
                _ => {}
            }
        }
        self.settle();
    }

    /// The page; it is empty where all its messages turned out to be known. None after the last.
    pub(super) fn page(&self) -> Option<Page> {
        let is_pending = |message: &&Message| message.fate == Fate::Pending;
        let beyond = self.messages[self.turned.end..].iter().filter(is_pending).count() as u64;
        let entries = self.turned.clone().filter_map(|at| {
            let message = self.messages[at];
            let may_be_known = self.known_through.is_some_and(|last| at <= last);
            (message.fate == Fate::Pending).then(|| message.entry(may_be_known))
        });
        (!self.turned.is_empty()).then(|| Page { entries: entries.collect(), beyond })
    }

    pub(super) fn moved(&mut self, entries: &[Entry], fate: impl Fn(u32) -> Fate) -> Moved {
        let mut ids = Vec::new();
        for entry in entries {
            let Some(message) = self.message(entry.number).filter(|m| m.fate == Fate::Pending) else {
                continue;
            };
            message.fate = fate(entry.number);
            ids.extend(message.known_by().filter(|_| message.fate == Fate::Done));
        }
        self.settle();
        Moved::Maildrop { from: self.recorded, to: self.cursor(), ids }
    }

    pub(super) fn recorded(&mut self, cursor: MaildropCursor) {
        self.recorded = Some(cursor);
        self.base = cursor;
    }

    /// After the last page: the cursor on record and the ids that are still needed, where many others are
    /// on record.
    pub(super) fn rewritten(&self) -> Option<(MaildropCursor, Vec<UniqueId>)> {
        // Where the prefix fits, the ids of its messages are not at hand.
        let (recorded, on_record) = self.recorded.zip(self.on_record.filter(|_| !self.fits))?;
        if self.turned.end < self.messages.len() || recorded != self.cursor() {
            return None;
        }
        let done = self.messages.iter().filter(|message| message.fate == Fate::Done);
        let needed: Vec<UniqueId> = done.filter_map(|message| message.known_by()).collect();
        let stale = on_record.saturating_sub(needed.len());
        (stale > STALE.max(self.listed)).then_some((recorded, needed))
    }

    fn message(&mut self, number: u32) -> Option<&mut Message> {
        let at = self.messages.binary_search_by_key(&number, |message| message.number).ok()?;
        self.messages.get_mut(at)
    }

    /// Moves on to the first message that is not done.
    fn settle(&mut self) {
        while let Some(message) = self.messages.get(self.at).filter(|message| message.fate != Fate::Pending) {
            // What is removed will not be in the next listing.
            if message.fate == Fate::Done {
                self.marks = self.marks.then(message.mark.id());
                self.closing = match message.mark {
                    Mark::Uidl(_) => None,
                    Mark::Size(_) => message.known_by(),
                };
            }
            self.at += 1;
        }
    }
}

impl Message {
    fn known_by(&self) -> Option<UniqueId> {
        match self.id {
            Id::Is(id) => Some(id),
            Id::Unread | Id::Nothing => None,
        }
    }

    fn entry(&self, may_be_known: bool) -> Entry {
        Entry {
            number: self.number,
            size: self.size,
            may_be_known,
            unique_id: self.known_by(),
            email_id: None,
        }
    }
}

/// The cursor at the maildrop's beginning, with another set: what is in this one does not count any more.
fn anew(cursor: MaildropCursor, origin: u64) -> MaildropCursor {
    MaildropCursor { generation: cursor.generation.wrapping_add(1), ..MaildropCursor::start(origin) }
}

/// The messages of a listing after so many.
fn messages(listing: &Listing, after: usize) -> Vec<Message> {
    let message = |message: crate::pop3::Message| Message {
        number: message.number,
        size: message.size,
        mark: Mark::of(message),
        id: message.uidl.map_or(Id::Unread, Id::Is),
        fate: Fate::Pending,
    };
    listing.iter().skip(after).map(message).collect()
}

#[cfg(test)]
mod tests;
