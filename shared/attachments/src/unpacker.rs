//! The push parser's outside.

use crate::index::MessageIndex;
use crate::outbox::Outbox;
use crate::part::{Attachment, Part};
use crate::settings::Settings;
use crate::walker::Walker;

/// How much of a chunk is worked before what it brought is handed out, in bytes. It bounds what waits:
/// a byte is handed out at most three times.
const STRIDE: usize = 16 * 1024;

/// Unpacks one message. Feed it with [`unpack`](Self::unpack), then [`finish`](Self::finish), then take
/// the [`index`](Self::into_index).
#[derive(Debug)]
pub struct Unpacker {
    walker: Option<Walker>,
    outbox: Outbox,
}

/// What happened. Parts are known by their number: their place in [`MessageIndex::parts`].
///
/// Up to three are under way at once: a nested message, a `winmail.dat` in it, a file in that.
#[derive(Debug, PartialEq)]
pub enum Event<'a> {
    /// An attachment begins.
    Begun {
        /// Its number.
        number: usize,
        /// What is known of it.
        part: &'a Part,
    },
    /// More of an attachment, decoded.
    Bytes {
        /// Which one.
        number: usize,
        /// Never empty; some tens of kilobytes, and for a file inside TNEF up to
        /// [`Limits::tnef_hold_bytes`](crate::Limits::tnef_hold_bytes) more.
        bytes: &'a [u8],
    },
    /// An attachment has ended.
    Ended {
        /// Which one.
        number: usize,
        /// Its size and digest, and what is known of it now.
        attachment: &'a Attachment,
    },
}

impl Unpacker {
    /// An unpacker for one message.
    pub fn new(settings: Settings) -> Self {
        Self { walker: Some(Walker::of_message(&settings)), outbox: Outbox::new(settings) }
    }

    /// Takes bytes off the front of the chunk until something happens; `None` when the chunk is used up.
    pub fn unpack(&mut self, chunk: &mut &[u8]) -> Option<Event<'_>> {
        while self.outbox.is_empty() {
            self.outbox.clear();
            let (now, later) = chunk.split_at(chunk.len().min(STRIDE));
            if now.is_empty() {
                return None;
            }
            if let Some(walker) = &mut self.walker {
                walker.push(now, &mut self.outbox);
            }
            *chunk = later;
        }
        self.outbox.take()
    }

    /// Says that the message has ended, and what this brings; to be called until it returns `None`.
    pub fn finish(&mut self) -> Option<Event<'_>> {
        if self.outbox.is_empty() {
            self.outbox.clear();
        }
        if let Some(walker) = self.walker.take() {
            walker.finish(&mut self.outbox);
        }
        self.outbox.take()
    }

    /// The index of what was found, after [`finish`](Self::finish). A caller that stops early gets what
    /// was found so far.
    pub fn into_index(mut self) -> MessageIndex {
        while self.finish().is_some() {}
        let (envelope, parts, defects) = self.outbox.into_parts();
        MessageIndex {
            from: envelope.from,
            to: envelope.to,
            cc: envelope.cc,
            subject: envelope.subject,
            date: envelope.date,
            message_id: envelope.message_id,
            parts,
            defects: defects.into_list(),
        }
    }
}
