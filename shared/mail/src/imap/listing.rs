//! Opening a folder, and which messages are in it.
//!
//! A message that a listing silently leaves out would be passed over for ever. It shows in the
//! messages' numbers, which have no gaps (RFC 3501 section 2.3.1.2): where one shows, the server is
//! asked once more, by SEARCH. Not seen is a message that is left out at the end of a listing with an
//! upper bound, at the beginning of one whose previous message is gone, or while messages disappear.

use super::{
    EmailId, Session,
    folders::quoted,
    gaps::{Gaps, Seen},
    response::{Data, Fetch, Response, Status, StatusKind, Tag},
};
use crate::{Error, classify::Moment};
use std::{collections::BTreeMap, ops::RangeInclusive};
use tokio::io::{AsyncRead, AsyncWrite};

/// The most UIDs, or ranges of them, that one SEARCH may answer.
const MAX_FOUND: usize = 20_000;

/// How a folder is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// By EXAMINE: nothing changes, not even `\Recent`.
    ReadOnly,
    /// By SELECT: messages can be marked, moved and deleted.
    ReadWrite,
}

/// A folder that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its UIDVALIDITY: UIDs mean the same messages as long as it is the same.
    pub uid_validity: u32,
    /// The UID that its next message gets at least, if the server says.
    pub uid_next: Option<u32>,
    /// How many messages are in it.
    pub exists: u32,
    /// Whether nothing in it can be changed, asked for or not.
    pub read_only: bool,
    /// The messages that were asked for.
    pub listing: Option<Listing>,
}

/// Messages of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The messages with the lowest UIDs, ascending; at most as many as were asked for.
    pub entries: Vec<Entry>,
    /// How many further ones, all with higher UIDs, the server listed.
    pub beyond: u64,
}

/// One message of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its UID.
    pub uid: u32,
    /// Its size in bytes as the server says: a guide, some servers are wrong. 0 where it is unknown:
    /// the server does not say, or left the message out of its listing.
    pub size: u64,
    /// What it has in common with its copies in other folders, where it was asked for
    /// ([`Session::ask_for_email_ids`]) and the server told it.
    pub email_id: Option<EmailId>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Opens a folder by its wire name. With `list_from`, the messages from that UID on are listed
    /// in the same turn, at most `cap` of them.
    ///
    /// # Errors
    /// [`Error::Folder`] when the server refuses, and what ends the session.
    pub async fn open(
        &mut self,
        folder: &str,
        access: Access,
        list_from: Option<u32>,
        cap: usize,
    ) -> Result<Opened, Error> {
        let verb = match access {
            Access::ReadOnly => "EXAMINE",
            Access::ReadWrite => "SELECT",
        };
        let name = quoted(folder)?;
        self.dialogue.begin()?;
        self.dialogue.exists = None;
        let opening = self.dialogue.command(&format!("{verb} {name}"));
        let listing = list_from.map(|first| self.command_listing(first, None));
        let (mut uid_validity, mut uid_next) = (None, None);
        let each = |response| {
            if let Response::Status(status) = response {
                uid_validity = status.code_number("UIDVALIDITY").or(uid_validity);
                uid_next = status.code_number("UIDNEXT").or(uid_next);
            }
            Ok(())
        };
        let status = self.dialogue.until(opening, each).await?;
        let present = self.dialogue.exists;
        let exists = present.unwrap_or_default();
        let mut gathered = Gathered::new(cap, list_from.unwrap_or_default(), None);
        let mut listed = None;
        if let Some(tag) = listing {
            listed = Some(self.gather(tag, &mut gathered).await?);
        }
        self.dialogue.end();
        if status.kind != StatusKind::Ok {
            self.dialogue.exists = None;
            let answer = Some(self.dialogue.answer(&status, Moment::Folder));
            return Err(Error::Folder { folder: folder.to_owned(), answer });
        }
        // Some servers refuse to list the messages of an empty folder.
        if let Some(listed) = listed.filter(|_| exists > 0) {
            self.dialogue.accepted("UID FETCH", &listed)?;
            let nothing_new = uid_next.is_some_and(|next| next <= gathered.first());
            self.complete(&mut gathered, present.filter(|_| !nothing_new)).await?;
        }
        Ok(Opened {
            uid_validity: uid_validity
                .filter(|v| *v > 0)
                .ok_or(Error::Protocol("a folder without UIDVALIDITY"))?,
            uid_next,
            exists,
            read_only: access == Access::ReadOnly || status.has_code("READ-ONLY"),
            listing: listing.map(|_| gathered.into()),
        })
    }

    /// The messages of the open folder from UID `first` to `last` (to the end, if none), at most
    /// `cap` of them.
    ///
    /// # Errors
    /// [`Error::Refused`], and what ends the session.
    pub async fn list_messages(
        &mut self,
        first: u32,
        last: Option<u32>,
        cap: usize,
    ) -> Result<Listing, Error> {
        self.dialogue.begin()?;
        let present = self.dialogue.exists;
        let tag = self.command_listing(first, last);
        let mut gathered = Gathered::new(cap, first, last);
        let status = self.gather(tag, &mut gathered).await?;
        self.dialogue.end();
        self.dialogue.accepted("UID FETCH", &status)?;
        self.complete(&mut gathered, present).await?;
        Ok(gathered.into())
    }

    /// Whether the open folder has a message with this UID.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Protocol`] when the server does not answer the question, even if
    /// it says that it has; and what ends the session.
    pub async fn exists(&mut self, uid: u32) -> Result<bool, Error> {
        let found = self.search(&uid.to_string()).await?;
        Ok(found.iter().any(|uids| uids.contains(&uid)))
    }

    /// Which of these UIDs the open folder has; perhaps others among them.
    async fn search(&mut self, uids: &str) -> Result<Vec<RangeInclusive<u32>>, Error> {
        self.dialogue.begin()?;
        let tag = self.dialogue.command(&format!("UID SEARCH UID {uids}"));
        let mut found: Option<Vec<_>> = None;
        let each = |response| {
            if let Response::Data(Data::Search(uids)) = response {
                let found = found.get_or_insert_default();
                found.extend(uids);
                if found.len() > MAX_FOUND {
                    return Err(Error::Protocol("more than 20000 results of one search"));
                }
            }
            Ok(())
        };
        let status = self.dialogue.until(tag, each).await?;
        self.dialogue.end();
        self.dialogue.accepted("UID SEARCH", &status)?;
        found.ok_or(Error::Protocol("a search without a result"))
    }

    /// Adds the messages that the server left out of a listing to its end. `present` is how many
    /// were in the folder before it.
    async fn complete(&mut self, gathered: &mut Gathered, present: Option<u32>) -> Result<(), Error> {
        if self.dialogue.disappearances != gathered.disappearances {
            return Ok(());
        }
        // Others may have come meanwhile; without a disappearance none can have gone.
        let present = present.zip(self.dialogue.exists).map(|(before, after)| before.min(after));
        for question in gathered.gaps(present).questions() {
            let found = self.search(&question.set()).await?;
            for (count, uid) in found.into_iter().flat_map(|uids| question.among(uids)).enumerate() {
                if count >= MAX_FOUND {
                    return Err(Error::Protocol("more than 20000 results of one search"));
                }
                gathered.add(uid, Message::default());
            }
        }
        Ok(())
    }

    /// Asks from the message before the first, whose number shows whether the first is left out.
    fn command_listing(&mut self, first: u32, last: Option<u32>) -> Tag {
        let first = first.saturating_sub(1).max(1);
        let last = last.map_or_else(|| "*".to_owned(), |last| last.to_string());
        let id = self.email_ids.map_or("", |item| item.in_listing());
        self.dialogue.command(&format!("UID FETCH {first}:{last} (UID RFC822.SIZE{id})"))
    }

    async fn gather(&mut self, tag: Tag, gathered: &mut Gathered) -> Result<Status, Error> {
        gathered.disappearances = self.dialogue.disappearances;
        let each = |response| {
            if let Response::Data(Data::Fetch(fetch)) = response {
                gathered.see(&fetch);
            }
            Ok(())
        };
        self.dialogue.until(tag, each).await
    }
}

/// The lowest UIDs seen so far, in bounded memory.
struct Gathered {
    cap: usize,
    wanted: RangeInclusive<u32>,
    /// Whether it goes to the folder's end.
    to_end: bool,
    messages: BTreeMap<u32, Message>,
    beyond: u64,
    /// The last message before the wanted ones, if it was seen.
    anchor: Option<Seen>,
    /// How many times messages had disappeared when it began.
    disappearances: u64,
}

/// What is known of a message.
#[derive(Default)]
struct Message {
    size: Option<u64>,
    sequence: Option<u32>,
    email_id: Option<EmailId>,
}

impl Gathered {
    fn new(cap: usize, first: u32, last: Option<u32>) -> Self {
        let first = first.max(1);
        Self {
            cap,
            wanted: first..=last.unwrap_or(u32::MAX),
            to_end: last.is_none(),
            messages: BTreeMap::new(),
            beyond: 0,
            // Before the first of all UIDs there is nothing.
            anchor: (first == 1).then_some(Seen { uid: 0, sequence: 0 }),
            disappearances: 0,
        }
    }

    fn first(&self) -> u32 {
        *self.wanted.start()
    }

    /// Takes in what the server says, which may be of a message that is not wanted: `n:*` is the last
    /// message even if its UID is lower (RFC 3501 section 6.4.8).
    fn see(&mut self, fetch: &Fetch) {
        let Some(uid) = fetch.uid else { return };
        let &Fetch { size, sequence, email_id, .. } = fetch;
        if self.wanted.contains(&uid) {
            self.add(uid, Message { size, sequence: Some(sequence), email_id });
        } else if uid < self.first() && self.anchor.is_none_or(|anchor| anchor.uid <= uid) {
            self.anchor = Some(Seen { uid, sequence });
        }
    }

    /// Takes a message in. One without a size is taken too: it is there, so it must not be missed;
    /// a size that comes later, or came before, stays.
    fn add(&mut self, uid: u32, told: Message) {
        let known = self.messages.entry(uid).or_default();
        known.size = told.size.or(known.size);
        known.sequence = told.sequence.or(known.sequence);
        known.email_id = told.email_id.or(known.email_id);
        if self.messages.len() > self.cap {
            self.messages.pop_last();
            self.beyond += 1;
        }
    }

    /// Where messages are left out, of the `present` ones of the folder.
    fn gaps(&self, present: Option<u32>) -> Gaps {
        let seen = self.messages.iter();
        let seen = seen.filter_map(|(uid, message)| Some(Seen { uid: *uid, sequence: message.sequence? }));
        // What is beyond the listing is the next one's concern.
        let present = present.filter(|_| self.to_end && self.beyond == 0);
        Gaps::between(self.anchor, seen, self.first(), present)
    }
}

impl From<Gathered> for Listing {
    fn from(gathered: Gathered) -> Self {
        let entries = gathered.messages.into_iter();
        let entries = entries.map(|(uid, message)| {
            let Message { size, email_id, .. } = message;
            Entry { uid, size: size.unwrap_or_default(), email_id }
        });
        Self { entries: entries.collect(), beyond: gathered.beyond }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_uids_stay() {
        let mut gathered = Gathered::new(3, 1, None);
        for (uid, size) in
            [(9, Some(1)), (5, None), (7, Some(2)), (5, Some(3)), (3, Some(4)), (11, None), (7, None)]
        {
            gathered.add(uid, Message { size, ..Message::default() });
        }
        let listing = Listing::from(gathered);
        let entries: Vec<_> = listing.entries.iter().map(|e| (e.uid, e.size)).collect();
        assert_eq!(entries, [(3, 4), (5, 3), (7, 2)]);
        assert_eq!(listing.beyond, 2);
    }
}
