//! A server that says what it was told to, whatever it hears.

use crate::Pieces;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What stands for the tag of the next command in what an IMAP server says: tags are counted, and
/// would never fit after the fuzzer has moved things about.
const NEXT_TAG: u8 = 0x01;

/// What a server does after its last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It closes the connection.
    Closes,
    /// It falls silent.
    Hangs,
}

/// The client's end of a connection to a server that says what it was told to, in pieces.
#[derive(Debug)]
pub struct FakeServer {
    says: Vec<u8>,
    at: usize,
    pieces: Pieces,
    ending: Ending,
    waits: bool,
    /// What it has heard.
    pub heard: Vec<u8>,
}

impl FakeServer {
    /// One that says this.
    pub fn new(says: Vec<u8>, pieces: Pieces, ending: Ending) -> Self {
        Self { says, at: 0, pieces, ending, waits: false, heard: Vec::new() }
    }

    /// The same, which says a line only when it is listened to: what the client says then is the same
    /// whatever the pieces, because a client that has unread answers keeps what it has to say back.
    pub fn line_by_line(self) -> Self {
        Self { waits: true, ..self }
    }

    /// What an IMAP server says, each [`NEXT_TAG`] being the tag of the command that is to be answered next.
    pub fn with_tags(says: &[u8]) -> Vec<u8> {
        let mut tagged = Vec::with_capacity(says.len());
        let mut tag = 0;
        for byte in says {
            if *byte == NEXT_TAG {
                tag += 1;
                tagged.extend_from_slice(format!("P{tag} ").as_bytes());
            } else {
                tagged.push(*byte);
            }
        }
        tagged
    }
}

impl AsyncRead for FakeServer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.says[self.at..];
        if rest.is_empty() && self.ending == Ending::Hangs {
            return Poll::Pending;
        }
        let line = rest.iter().position(|byte| *byte == b'\n').filter(|_| self.waits);
        let left = line.map_or(rest.len(), |line_end| line_end + 1);
        let piece = self.pieces.next(left).min(into.remaining());
        into.put_slice(&self.says[self.at..self.at + piece]);
        self.at += piece;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for FakeServer {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.heard.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
