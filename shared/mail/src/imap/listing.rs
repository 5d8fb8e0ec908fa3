//! Opening a folder, and which messages are in it.

use super::{
    Session,
    folders::quoted,
    response::{Data, Fetch, Response, Status, StatusKind, Tag},
};
use crate::{Error, classify::Moment};
use std::collections::BTreeMap;
use tokio::io::{AsyncRead, AsyncWrite};

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
    /// Its size in bytes as the server says: a guide, some servers are wrong. 0 where it does not say.
    pub size: u64,
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
        let opening = self.dialogue.command(&format!("{verb} {name}"));
        let listing = list_from.map(|first| (first, self.command_listing(first, None)));
        let (mut uid_validity, mut uid_next, mut exists) = (None, None, 0);
        let each = |response| {
            match response {
                Response::Status(status) => {
                    uid_validity = status.code_number("UIDVALIDITY").or(uid_validity);
                    uid_next = status.code_number("UIDNEXT").or(uid_next);
                }
                Response::Data(Data::Exists(count)) => exists = count,
                _ => {}
            }
            Ok(())
        };
        let status = self.dialogue.until(opening, each).await?;
        let mut gathered = Gathered::new(cap);
        let mut listed = None;
        if let Some((first, tag)) = listing {
            listed = Some(self.gather(tag, first, None, &mut gathered).await?);
        }
        self.dialogue.end();
        if status.kind != StatusKind::Ok {
            let answer = Some(self.dialogue.answer(&status, Moment::Folder));
            return Err(Error::Folder { folder: folder.to_owned(), answer });
        }
        // Some servers refuse to list the messages of an empty folder.
        if let Some(listed) = listed.filter(|_| exists > 0) {
            self.dialogue.accepted("UID FETCH", &listed)?;
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
        let tag = self.command_listing(first, last);
        let mut gathered = Gathered::new(cap);
        let status = self.gather(tag, first, last, &mut gathered).await?;
        self.dialogue.end();
        self.dialogue.accepted("UID FETCH", &status)?;
        Ok(gathered.into())
    }

    /// Whether the open folder has a message with this UID.
    ///
    /// # Errors
    /// [`Error::Refused`], and what ends the session.
    pub async fn exists(&mut self, uid: u32) -> Result<bool, Error> {
        self.dialogue.begin()?;
        let tag = self.dialogue.command(&format!("UID SEARCH UID {uid}"));
        let mut found = false;
        let each = |response| {
            if let Response::Data(Data::Search(uids)) = response {
                found |= uids.contains(&uid);
            }
            Ok(())
        };
        let status = self.dialogue.until(tag, each).await?;
        self.dialogue.end();
        self.dialogue.accepted("UID SEARCH", &status)?;
        Ok(found)
    }

    fn command_listing(&mut self, first: u32, last: Option<u32>) -> Tag {
        let first = first.max(1);
        let last = last.map_or_else(|| "*".to_owned(), |last| last.to_string());
        self.dialogue.command(&format!("UID FETCH {first}:{last} (UID RFC822.SIZE)"))
    }

    async fn gather(
        &mut self,
        tag: Tag,
        first: u32,
        last: Option<u32>,
        gathered: &mut Gathered,
    ) -> Result<Status, Error> {
        // `n:*` is the last message even if its UID is lower (RFC 3501 section 6.4.8).
        let wanted = first..=last.unwrap_or(u32::MAX);
        let each = |response| {
            if let Response::Data(Data::Fetch(Fetch { uid: Some(uid), size, .. })) = response
                && wanted.contains(&uid)
            {
                gathered.add(uid, size);
            }
            Ok(())
        };
        self.dialogue.until(tag, each).await
    }
}

/// The lowest UIDs seen so far, in bounded memory.
struct Gathered {
    cap: usize,
    sizes: BTreeMap<u32, u64>,
    beyond: u64,
}

impl Gathered {
    fn new(cap: usize) -> Self {
        Self { cap, sizes: BTreeMap::new(), beyond: 0 }
    }

    /// Takes a message in. One without a size is taken too: it is there, so it must not be missed;
    /// a size that comes later, or came before, stays.
    fn add(&mut self, uid: u32, size: Option<u64>) {
        let known = self.sizes.entry(uid).or_default();
        *known = size.unwrap_or(*known);
        if self.sizes.len() > self.cap {
            self.sizes.pop_last();
            self.beyond += 1;
        }
    }
}

impl From<Gathered> for Listing {
    fn from(gathered: Gathered) -> Self {
        let entries = gathered.sizes.into_iter().map(|(uid, size)| Entry { uid, size }).collect();
        Self { entries, beyond: gathered.beyond }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_uids_stay() {
        let mut gathered = Gathered::new(3);
        for (uid, size) in
            [(9, Some(1)), (5, None), (7, Some(2)), (5, Some(3)), (3, Some(4)), (11, None), (7, None)]
        {
            gathered.add(uid, size);
        }
        let listing = Listing::from(gathered);
        let entries: Vec<_> = listing.entries.iter().map(|e| (e.uid, e.size)).collect();
        assert_eq!(entries, [(3, 4), (5, 3), (7, 2)]);
        assert_eq!(listing.beyond, 2);
    }
}
