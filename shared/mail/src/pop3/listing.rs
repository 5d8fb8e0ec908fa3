//! Which messages are in the mailbox.

use super::{
    Count, Session,
    dialogue::{Dialogue, Status},
    reply::Refused,
    uidl::uidl,
};
use crate::{Error, classify::Moment};
use postroom_model::FaultClass;
use tokio::io::{AsyncRead, AsyncWrite};

/// The most messages that a mailbox may have: more lines than that, and a listing has no end.
const MAX_MESSAGES: usize = 1_000_000;

/// Messages of a mailbox, in compact form: 16 bytes for each, and its unique id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The messages from number `first` on, each in its place; a number that is not listed has one too.
    slots: Vec<Slot>,
    first: u32,
    /// Every unique id, one after the other.
    ids: String,
    has_ids: bool,
    listed: usize,
    present: u32,
    /// How many further messages UIDL and LIST have named.
    beyond: [u32; 2],
}

/// One message of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'l> {
    /// Its number, which is good for this session only.
    pub number: u32,
    /// What it is known by in every session (RFC 1939 section 7), at most 71 bytes of printable ASCII
    /// without spaces: an id that is longer or has other bytes is replaced by a hash of it. None, where
    /// the server has no ids, or none for this message.
    pub uidl: Option<&'l str>,
    /// Another message of the listing has the same id: it says nothing about either.
    pub duplicate: bool,
    /// Its size in bytes as the server says: a guide, some servers are wrong. 0 where it does not say.
    pub size: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Slot {
    size: u64,
    /// Where its id begins and how long it is; nothing, if it has none.
    id: u32,
    id_length: u8,
    /// Whether UIDL and LIST have named it.
    named: [bool; 2],
    duplicate: bool,
}

/// The place of what a command names in `beyond` and `named`.
#[derive(Debug, Clone, Copy)]
enum By {
    Uidl = 0,
    List = 1,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// The messages from number `first` (1, if it is 0) on, at most `cap` of them: STAT, UIDL and LIST,
    /// in one turn where the server allows it, and nothing more than STAT for an empty mailbox.
    ///
    /// The server sends all of its listing in any case; memory is for `cap` messages.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Protocol`] for a listing that is none, or of more than a million
    /// messages; and what ends the session. A server that does not know UIDL is no error.
    pub async fn list(&mut self, first: u32, cap: usize) -> Result<Listing, Error> {
        let together = self.pipelines();
        let cap = cap.min(MAX_MESSAGES);
        let mut listing = Listing { first: first.max(1), ..Listing::default() };
        let dialogue = &mut self.dialogue;
        dialogue.begin()?;
        dialogue.command("STAT");
        if together {
            dialogue.command("UIDL");
            dialogue.command("LIST");
        }
        let counted = dialogue.status().await?;
        let is_empty = match &counted {
            Ok(text) => Count::parse(text)?.messages == 0,
            Err(_) => true,
        };
        let (mut ids, mut sizes) = (Ok(()), Ok(()));
        if together || !is_empty {
            if !together {
                dialogue.command("UIDL");
            }
            ids = lines(dialogue, |line| listing.add_id(line, cap)).await?;
            if !together {
                dialogue.command("LIST");
            }
            sizes = lines(dialogue, |line| listing.add_size(line, cap)).await?;
        }
        dialogue.end();
        let counted = Count::parse(&dialogue.accepted("STAT", counted)?)?;
        listing.present = counted.messages;
        // Some servers refuse to list the messages of an empty mailbox.
        if counted.messages > 0 {
            listing.has_ids = ids.is_ok();
            if let Err(refused) = ids {
                self.excused(refused)?;
            }
            self.dialogue.accepted("LIST", sizes.map(|()| String::new()))?;
        }
        Ok(listing.complete())
    }

    /// That a server which refuses UIDL has none, rather than that it cannot now.
    fn excused(&self, refused: Refused) -> Result<(), Error> {
        let answer = self.dialogue.answer(&refused, Moment::Command);
        let has_none = matches!(answer.class, FaultClass::Unknown | FaultClass::Protocol);
        if has_none && !self.capabilities.has("UIDL") {
            return Ok(());
        }
        Err(Error::Refused { command: "UIDL", answer })
    }
}

/// One answer of several lines.
async fn lines<S: AsyncRead + AsyncWrite + Unpin>(
    dialogue: &mut Dialogue<S>,
    each: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<Result<(), Refused>, Error> {
    let status: Status = dialogue.status().await?;
    match status {
        Ok(_) => dialogue.lines(MAX_MESSAGES, each).await.map(Ok),
        Err(refused) => Ok(Err(refused)),
    }
}

impl Listing {
    /// The messages, by number.
    pub fn iter(&self) -> impl Iterator<Item = Message<'_>> {
        let listed = self.slots.iter().zip(self.first..).filter(|(slot, _)| slot.is_listed());
        listed.map(|(slot, number)| Message {
            number,
            uidl: Some(self.id(slot)).filter(|id| !id.is_empty()),
            duplicate: slot.duplicate,
            size: slot.size,
        })
    }

    /// How many messages are in it.
    pub fn len(&self) -> usize {
        self.listed
    }

    /// Whether none is in it.
    pub fn is_empty(&self) -> bool {
        self.listed == 0
    }

    /// How many further messages, all with higher numbers, the server listed.
    pub fn beyond(&self) -> u32 {
        self.beyond[0].max(self.beyond[1])
    }

    /// How many messages are in the mailbox by the server's own count: more than it listed, where it
    /// leaves some out.
    pub fn present(&self) -> u32 {
        self.present
    }

    /// Whether the server has unique ids. Without them, a message is known by its header alone.
    pub fn has_uidls(&self) -> bool {
        self.has_ids
    }

    /// How many messages share their id with another.
    pub fn duplicates(&self) -> usize {
        self.slots.iter().filter(|slot| slot.duplicate).count()
    }

    fn id(&self, slot: &Slot) -> &str {
        let begin = slot.id as usize;
        self.ids.get(begin..begin + usize::from(slot.id_length)).unwrap_or_default()
    }

    /// Reads `number id`.
    fn add_id(&mut self, line: &[u8], cap: usize) -> Result<(), Error> {
        let (number, rest) = numbered(line)?;
        let begin = self.ids.len();
        let Some(slot) = self.slot(number, cap, By::Uidl)? else { return Ok(()) };
        if let Some(id) = uidl(rest)? {
            slot.id = u32::try_from(begin).map_err(|_| Error::Protocol("unique ids of more than 4 GiB"))?;
            slot.id_length = u8::try_from(id.len()).unwrap_or(u8::MAX);
            self.ids.push_str(&id);
        }
        Ok(())
    }

    /// Reads `number size`, and perhaps something more. A size that is none is no reason to leave the
    /// message where it is.
    fn add_size(&mut self, line: &[u8], cap: usize) -> Result<(), Error> {
        let (number, rest) = numbered(line)?;
        if let Some(slot) = self.slot(number, cap, By::List)? {
            let size = rest.split(|b| *b == b' ').next().unwrap_or_default();
            let size = std::str::from_utf8(size).ok().and_then(|size| size.parse().ok());
            slot.size = size.unwrap_or_default();
        }
        Ok(())
    }

    /// The place of a message that a command names for the first time; none, if it is not asked for.
    fn slot(&mut self, number: u32, cap: usize, by: By) -> Result<Option<&mut Slot>, Error> {
        let Some(at) = number.checked_sub(self.first) else { return Ok(None) };
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        if at >= cap {
            self.beyond[by as usize] += 1;
            return Ok(None);
        }
        if at >= self.slots.len() {
            self.slots.resize(at + 1, Slot::default());
        }
        let slot = &mut self.slots[at];
        match std::mem::replace(&mut slot.named[by as usize], true) {
            true => Err(Error::Protocol("a message that is listed twice")),
            false => Ok(Some(slot)),
        }
    }

    /// Looks at what both commands have named together.
    fn complete(mut self) -> Self {
        self.listed = self.slots.iter().filter(|slot| slot.is_listed()).count();
        let mut by_id: Vec<usize> =
            (0..self.slots.len()).filter(|at| self.slots[*at].id_length > 0).collect();
        by_id.sort_unstable_by_key(|at| self.id(&self.slots[*at]));
        for pair in by_id.windows(2) {
            if let [one, other] = *pair
                && self.id(&self.slots[one]) == self.id(&self.slots[other])
            {
                self.slots[one].duplicate = true;
                self.slots[other].duplicate = true;
            }
        }
        self
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
        assert!(size_of::<Slot>() <= 16);
    }
}
