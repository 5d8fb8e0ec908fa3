//! Which messages are in the mailbox.
//!
//! Guarantees: an id that a message has here is its own: no other message that is listed has it, and it is
//! not merely the message's number in this session, which goes to another message as soon as one before it
//! is deleted. RFC 1939 section 7 allows the first for equal messages and forbids the second; servers do
//! both. Such messages count as having none.
//!
//! Left out: an id that a server gives to another message once its first is gone. No listing shows that.

use super::{
    Count, Session,
    dialogue::{Dialogue, Status},
    reply::Refused,
    uidl::uidl,
};
use crate::{Error, classify::Moment};
use postroom_model::{FaultClass, UniqueId};
use tokio::io::{AsyncRead, AsyncWrite};

/// The most messages that a mailbox may have: a listing of them takes 6 MB.
pub(crate) const MAX_MESSAGES: u32 = 250_000;
/// How much higher a message's number may be than the server's own count of messages, by which memory is set
/// aside.
const BEYOND: u32 = 10_000;

/// The messages of a mailbox, in compact form: 24 bytes for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The messages from number 1 on, each in its place; a number that is not listed has one too.
    slots: Vec<Slot>,
    /// The highest number that a message may have.
    highest: u32,
    present: u32,
    has_ids: bool,
    has_sizes: bool,
}

/// One message of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Its number, which is good for this session only.
    pub number: u32,
    /// What the server calls it, and no other message that is listed, in every session (UIDL, RFC 1939
    /// section 7). None, where the server has no ids, or none of its own for this message.
    pub uidl: Option<UniqueId>,
    /// Its size in bytes as the server says: a guide, some servers are wrong. 0 where it does not say.
    pub size: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Slot {
    size: u64,
    id: Option<UniqueId>,
    /// Whether UIDL and LIST have named it.
    named: [bool; 2],
}

/// The place of what a command names in `named`.
#[derive(Debug, Clone, Copy)]
enum By {
    Uidl = 0,
    List = 1,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Begins a listing: asks how much is in the mailbox, and where the server takes two commands at a time
    /// for the ids too, which wait until [`Session::list`] reads them. Whoever has to make room for a listing
    /// knows by this how large it gets; nothing but that may be asked of the session in between.
    ///
    /// # Errors
    /// [`Error::TooFull`] above 250,000 messages; and as [`Session::list`].
    pub async fn begin_list(&mut self) -> Result<Count, Error> {
        let together = self.pipelines();
        let dialogue = &mut self.dialogue;
        dialogue.begin()?;
        dialogue.command("STAT");
        if together {
            dialogue.command("UIDL");
        }
        let counted = dialogue.status().await?;
        if counted.is_err() {
            if together {
                _ = lines(dialogue, |_| Ok(())).await?;
            }
            dialogue.end();
        }
        let count = Count::parse(&dialogue.accepted("STAT", counted)?)?;
        if count.messages > MAX_MESSAGES {
            return Err(Error::TooFull { messages: count.messages, most: MAX_MESSAGES });
        }
        self.begun = Some(count);
        Ok(count)
    }

    /// The messages and their ids: STAT and UIDL, in one turn where the server allows it, and nothing more
    /// than STAT for an empty mailbox. Where the server has not an id for each, LIST too; otherwise
    /// sizes are left to [`Session::list_sizes`]. Goes on where [`Session::begin_list`] began.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::TooFull`] above 250,000 messages; [`Error::Protocol`] for a listing that
    /// is none, or of many more messages than the server counts; and what ends the session. A server that
    /// does not know UIDL is no error.
    pub async fn list(&mut self) -> Result<Listing, Error> {
        if self.begun.is_none() {
            self.begin_list().await?;
        }
        let present = self.begun.take().map_or(0, |count| count.messages);
        let together = self.pipelines();
        let dialogue = &mut self.dialogue;
        let highest = present.saturating_add(BEYOND).min(MAX_MESSAGES);
        let slots = Vec::with_capacity(present as usize);
        let mut listing = Listing { slots, highest, present, ..Listing::default() };
        let mut ids = Ok(());
        if together || present > 0 {
            if !together {
                dialogue.command("UIDL");
            }
            ids = lines(dialogue, |line| listing.add_id(line)).await?;
        }
        dialogue.end();
        // Some servers refuse to list the messages of an empty mailbox.
        if listing.present > 0 {
            listing.has_ids = ids.is_ok();
            if let Err(refused) = ids {
                self.excused(refused)?;
            }
            listing.drop_ids_of_nobody();
            let with_id = listing.slots.iter().filter(|slot| slot.id.is_some()).count();
            if with_id < listing.present as usize || with_id < listing.slots.len() {
                self.list_sizes(&mut listing).await?;
            }
        }
        Ok(listing)
    }

    /// The messages' sizes (LIST), unless the listing has them; also the messages that UIDL left out.
    ///
    /// # Errors
    /// As [`Session::list`].
    pub async fn list_sizes(&mut self, listing: &mut Listing) -> Result<(), Error> {
        if listing.has_sizes || listing.present == 0 {
            return Ok(());
        }
        self.read_sizes(|number, rest| listing.add_size(number, rest)).await?;
        listing.has_sizes = true;
        Ok(())
    }

    /// Whether the mailbox has a message with this number that is not marked as deleted (LIST). POP3's no
    /// has no reason that a program could read, so that it is believed only when the listing has not the
    /// message either.
    ///
    /// # Errors
    /// [`Error::Refused`], where the server cannot say now; and what ends the session.
    pub async fn exists(&mut self, number: u32) -> Result<bool, Error> {
        self.dialogue.begin()?;
        self.dialogue.command(&format!("LIST {number}"));
        let status = self.dialogue.status().await?;
        self.dialogue.end();
        match self.dialogue.accepted("LIST", status) {
            Ok(_) => Ok(true),
            Err(error) if is_a_no(&error) => {
                let mut is_listed = false;
                self.read_sizes(|listed, _| {
                    is_listed |= listed == number;
                    Ok(())
                })
                .await?;
                Ok(is_listed)
            }
            Err(error) => Err(error),
        }
    }

    /// LIST, and each line of its answer as a message's number and what follows.
    async fn read_sizes(
        &mut self,
        mut each: impl FnMut(u32, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.dialogue.begin()?;
        self.dialogue.command("LIST");
        let read = lines(&mut self.dialogue, |line| {
            let (number, rest) = numbered(line)?;
            each(number, rest)
        });
        let sizes = read.await?;
        self.dialogue.end();
        self.dialogue.accepted("LIST", sizes.map(|()| String::new())).map(drop)
    }

    /// That a server which refuses UIDL has none, rather than that it cannot now.
    fn excused(&self, refused: Refused) -> Result<(), Error> {
        let answer = self.dialogue.answer(&refused, Moment::Command);
        let error = Error::Refused { command: "UIDL", answer };
        if is_a_no(&error) && !self.capabilities.has("UIDL") { Ok(()) } else { Err(error) }
    }
}

/// Whether a refusal says no, rather than that the server cannot now.
fn is_a_no(error: &Error) -> bool {
    error.answer().is_some_and(|answer| matches!(answer.class, FaultClass::Unknown | FaultClass::Protocol))
}

/// One answer of several lines.
async fn lines<S: AsyncRead + AsyncWrite + Unpin>(
    dialogue: &mut Dialogue<S>,
    each: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<Result<(), Refused>, Error> {
    let status: Status = dialogue.status().await?;
    match status {
        Ok(_) => dialogue.lines(MAX_MESSAGES as usize, each).await.map(Ok),
        Err(refused) => Ok(Err(refused)),
    }
}

impl Listing {
    /// A listing of messages with these ids and sizes.
    #[cfg(test)]
    pub(crate) fn of(messages: impl IntoIterator<Item = (Option<UniqueId>, u64)>) -> Self {
        let slot = |(id, size)| Slot { size, id, named: [true; 2] };
        let slots: Vec<Slot> = messages.into_iter().map(slot).collect();
        let present = slots.len() as u32;
        let mut listing = Self { slots, highest: present, present, has_ids: true, has_sizes: true };
        listing.drop_ids_of_nobody();
        listing
    }

    /// The messages, by number.
    pub fn iter(&self) -> impl Iterator<Item = Message> {
        let listed = self.slots.iter().zip(1..).filter(|(slot, _)| slot.is_listed());
        listed.map(|(slot, number)| Message { number, uidl: slot.id, size: slot.size })
    }

    /// How many messages are in the mailbox by the server's own count: more than it listed, where it
    /// leaves some out.
    pub fn present(&self) -> u32 {
        self.present
    }

    /// How much memory it takes, in bytes.
    pub(crate) fn footprint(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    /// Whether the server has unique ids. Without them, a message is known by its header alone.
    pub fn has_uidls(&self) -> bool {
        self.has_ids
    }

    /// Drops all ids if they are only the messages' numbers, and otherwise those that several messages have.
    fn drop_ids_of_nobody(&mut self) {
        let mut named = self.slots.iter().zip(1u32..).filter_map(|(slot, number)| Some((slot.id?, number)));
        if named.all(|(id, number)| id == UniqueId::of_uidl(&number.to_string())) {
            self.has_ids = false;
            self.slots.iter_mut().for_each(|slot| slot.id = None);
            return;
        }
        let mut ids = Vec::with_capacity(self.slots.len());
        ids.extend(self.slots.iter().filter_map(|slot| slot.id));
        ids.sort_unstable();
        let mut shared: Vec<UniqueId> =
            ids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        shared.dedup();
        for slot in &mut self.slots {
            slot.id = slot.id.filter(|id| shared.binary_search(id).is_err());
        }
    }

    /// Reads `number id`.
    fn add_id(&mut self, line: &[u8]) -> Result<(), Error> {
        let (number, rest) = numbered(line)?;
        let id = uidl(rest)?.map(|id| UniqueId::of_uidl(&id));
        self.slot(number, By::Uidl)?.id = id;
        Ok(())
    }

    /// Reads the size of a message, and perhaps something more. A size that is none is no reason to leave
    /// the message where it is.
    fn add_size(&mut self, number: u32, rest: &[u8]) -> Result<(), Error> {
        let size = rest.split(|b| *b == b' ').next().unwrap_or_default();
        let size = std::str::from_utf8(size).ok().and_then(|size| size.parse().ok());
        self.slot(number, By::List)?.size = size.unwrap_or_default();
        Ok(())
    }

    /// The place of a message that a command names for the first time.
    fn slot(&mut self, number: u32, by: By) -> Result<&mut Slot, Error> {
        if number > self.highest {
            return Err(Error::Protocol("a message's number far beyond the server's own count"));
        }
        let at = number as usize - 1;
        if at >= self.slots.len() {
            self.slots.resize(at + 1, Slot::default());
        }
        let slot = &mut self.slots[at];
        match std::mem::replace(&mut slot.named[by as usize], true) {
            true => Err(Error::Protocol("a message that is listed twice")),
            false => Ok(slot),
        }
    }
}

impl Slot {
    fn is_listed(&self) -> bool {
        self.named.contains(&true)
    }
}

/// A message's number, and what follows it without the spaces around.
fn numbered(line: &[u8]) -> Result<(u32, &[u8]), Error> {
    let line = line.trim_ascii();
    let end = line.iter().position(|b| !b.is_ascii_digit()).unwrap_or(line.len());
    let (number, rest) = line.split_at(end);
    let number = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
    match number.filter(|number| *number > 0 && rest.first().is_none_or(u8::is_ascii_whitespace)) {
        Some(number) => Ok((number, rest.trim_ascii())),
        None => Err(Error::Protocol("a line of a listing without a message's number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_listings_are_read() {
        for (line, expected) in [
            ("1 120", (1, "120")),
            (" 1\t120 octets ", (1, "120 octets")),
            ("4294967295", (u32::MAX, "")),
            ("7  a b", (7, "a b")),
        ] {
            let (number, rest) = numbered(line.as_bytes()).expect(line);
            assert_eq!((number, rest), (expected.0, expected.1.as_bytes()));
        }
        for line in ["", "0 1", "-1 1", "x 1", "1x 1", "4294967296 1", "+OK", "1.5 2"] {
            assert!(numbered(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn a_message_takes_little_memory() {
        assert!(size_of::<Slot>() <= 24);
    }
}
