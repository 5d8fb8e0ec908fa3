//! Message texts, streamed, whichever protocol brings them.

use super::folder::Entry;
use crate::{
    Error, MailStream,
    imap::{self, UidSet},
    pop3,
};
use bytes::Bytes;
use std::collections::HashMap;
use tokio::io::{AsyncRead, AsyncWrite};

/// Messages asked for in one IMAP command.
const COMMAND_MESSAGES: usize = 250;
/// Bytes asked for in one IMAP command, unless its first message alone is larger.
const COMMAND_BYTES: u64 = 8 << 20;

/// Message texts that were asked for, in the order in which the server sends them.
///
/// A message that is gone is left out: whoever asked for it finds its number missing. The server
/// decides which messages it sends; that they were asked for is the caller's to check.
pub enum Bodies<'s, S = MailStream> {
    /// From an IMAP server.
    Imap(imap::Bodies<'s, S>),
    /// From a POP3 server.
    Pop3 {
        /// The texts.
        bodies: pop3::Bodies<'s, S>,
        /// What the server says of the messages' sizes, by number.
        sizes: HashMap<u32, u64>,
    },
}

/// One message's text.
///
/// It is read with [`Body::chunk`] and must be ended with [`Body::finish`]: only then is it certain
/// that the server sent all of it. A body that is dropped before makes the session unusable.
pub enum Body<'b, S = MailStream> {
    /// From an IMAP server.
    Imap(imap::Body<'b, S>),
    /// From a POP3 server.
    Pop3 {
        /// The text.
        body: pop3::Body<'b, S>,
        /// What the server says of the whole message's size, in bytes.
        size: u64,
    },
}

/// How long a text is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// So long, or reading it fails.
    Exact(u64),
    /// About so long, or altogether different: the server says it of the whole message. 0 where it does
    /// not say.
    Claimed(u64),
}

impl Size {
    /// The number.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Exact(bytes) | Self::Claimed(bytes) => bytes,
        }
    }
}

impl<'s, S: AsyncRead + AsyncWrite + Unpin> Bodies<'s, S> {
    pub(super) fn imap(bodies: imap::Bodies<'s, S>) -> Self {
        Self::Imap(bodies)
    }

    pub(super) fn pop3(bodies: pop3::Bodies<'s, S>, entries: &[Entry]) -> Self {
        Self::Pop3 { bodies, sizes: entries.iter().map(|entry| (entry.number, entry.size)).collect() }
    }

    /// The next message's text; none after the last.
    ///
    /// # Errors
    /// [`Error::Refused`] when the server refuses one command, for one message or several: the next call
    /// goes on with the others. After any other error the session is unusable.
    pub async fn next(&mut self) -> Result<Option<Body<'_, S>>, Error> {
        match self {
            Self::Imap(bodies) => Ok(bodies.next().await?.map(Body::Imap)),
            Self::Pop3 { bodies, sizes } => {
                let body = bodies.next().await?;
                Ok(body.map(|body| {
                    let size = sizes.get(&body.number()).copied().unwrap_or_default();
                    Body::Pop3 { body, size }
                }))
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Body<'_, S> {
    /// How long the text is.
    pub fn size(&self) -> Size {
        match self {
            Self::Imap(body) => Size::Exact(body.size()),
            Self::Pop3 { size, .. } => Size::Claimed(*size),
        }
    }

    /// The next piece of the text, at most 64 KiB; none at its end.
    ///
    /// # Errors
    /// [`Error::ConnectionLost`] and [`Error::TimedOut`]: the session is unusable then.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match self {
            Self::Imap(body) => body.chunk().await,
            Self::Pop3 { body, .. } => body.chunk().await,
        }
    }

    /// Reads to the end of the answer, what is left of the text included, and returns the message's
    /// number. Only now may the text be taken for complete. Where a maildrop's text is shorter than listed, the
    /// beginning of the next answer has been read too.
    ///
    /// # Errors
    /// [`Error`]: the text must not be kept, and the session is unusable.
    pub async fn finish(self) -> Result<u32, Error> {
        match self {
            Self::Imap(body) => body.finish().await,
            Self::Pop3 { body, size } => body.finish_listed(size).await,
        }
    }
}

/// The IMAP commands that ask for these messages.
pub(super) fn commands(entries: &[Entry]) -> Vec<UidSet> {
    let mut commands = Vec::new();
    let mut rest = entries;
    while !rest.is_empty() {
        let mut bytes = 0u64;
        let fits = rest.iter().take(COMMAND_MESSAGES).take_while(|entry| {
            bytes = bytes.saturating_add(entry.size);
            bytes <= COMMAND_BYTES
        });
        let (asked, later) = rest.split_at(fits.count().max(1));
        commands.extend(UidSet::split(asked.iter().map(|entry| entry.number)));
        rest = later;
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_bounded_by_messages_and_bytes() {
        let shape = |sizes: &[u64]| -> Vec<String> {
            let entries: Vec<Entry> = sizes
                .iter()
                .zip(1..)
                .map(|(size, number)| Entry {
                    number,
                    size: *size,
                    may_be_known: false,
                    unique_id: None,
                    email_id: None,
                })
                .collect();
            commands(&entries).iter().map(ToString::to_string).collect()
        };
        assert_eq!(shape(&[]), Vec::<String>::new());
        assert_eq!(shape(&[1; 600]), ["1:250", "251:500", "501:600"]);
        assert_eq!(shape(&[COMMAND_BYTES, 1, u64::MAX, u64::MAX, 1]), ["1", "2", "3", "4", "5"]);
        assert_eq!(shape(&[COMMAND_BYTES - 1, 1, 1, 1]), ["1:2", "3:4"]);
    }
}
