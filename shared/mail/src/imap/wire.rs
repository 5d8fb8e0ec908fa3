//! The byte stream under IMAP: what is sent, what is received, and the limits of both.
//!
//! Commands are queued and leave together in one write; whatever waits for bytes also pushes out
//! what is still queued, so that neither side can block the other for ever. Memory is one window
//! of [`WINDOW`] bytes, one response of at most [`MAX_RESPONSE`] bytes, and the chunk in hand.

use crate::{Error, Stage};
use bytes::{BufMut, Bytes, BytesMut};
use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

/// How much is received ahead of what is parsed; also the longest chunk.
const WINDOW: usize = 64 * 1024;
/// The longest line of a response.
const MAX_LINE: usize = 64 * 1024;
/// The longest literal that is kept, as opposed to streamed.
const MAX_LITERAL: u64 = 64 * 1024;
/// The most literals in one response.
const MAX_LITERALS: usize = 16;
/// The longest response, its literals included.
const MAX_RESPONSE: usize = 256 * 1024;
/// A rest of a literal that is at least this long is received past the window.
const DIRECT: usize = 16 * 1024;

/// What has gone over a connection since it was encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes received, TLS not counted.
    pub bytes_in: u64,
    /// Bytes sent, TLS not counted.
    pub bytes_out: u64,
    /// Client-to-server turns: writes that follow a read.
    pub turns: u64,
}

pub(super) struct Wire<S> {
    link: Link<S>,
    window: Box<[u8]>,
    start: usize,
    end: usize,
    /// The response in hand, without its last line end; literals stand after their `{n}` and CRLF.
    response: Vec<u8>,
}

/// The stream and what is still to be sent on it.
struct Link<S> {
    stream: S,
    idle_timeout: Duration,
    outgoing: Vec<u8>,
    flushed: bool,
    /// Writing failed; reading may still tell why.
    broken: bool,
    heard: bool,
    traffic: Traffic,
}

/// How a received part of a response ended.
pub(super) enum Part {
    /// The response is complete.
    Complete,
    /// It goes on with a literal of so many bytes, which is to be streamed.
    Literal(u64),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: S, idle_timeout: Duration) -> Self {
        let link = Link {
            stream,
            idle_timeout,
            outgoing: Vec::new(),
            flushed: true,
            broken: false,
            heard: true,
            traffic: Traffic::default(),
        };
        Self { link, window: vec![0; WINDOW].into(), start: 0, end: 0, response: Vec::new() }
    }

    pub(super) fn traffic(&self) -> Traffic {
        self.link.traffic
    }

    /// The stream itself, for what it knows of its own.
    pub(super) fn stream(&self) -> &S {
        &self.link.stream
    }

    /// Puts bytes in the queue. They leave with the next [`Wire::push`], or the next wait.
    pub(super) fn queue(&mut self, bytes: &[u8]) {
        self.link.outgoing.extend_from_slice(bytes);
    }

    /// Sends what is queued as far as possible without waiting.
    pub(super) async fn push(&mut self) {
        poll_fn(|cx| {
            // What is left, and the reason why, show at the next wait.
            let _ = self.link.poll_send(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// Ends the connection in order; nobody waits for the other side.
    pub(super) async fn shutdown(&mut self) -> io::Result<()> {
        self.link.stream.shutdown().await
    }

    /// The stream, if nothing that was received on it is unread.
    pub(super) fn into_stream(self) -> Option<S> {
        (self.start == self.end).then_some(self.link.stream)
    }

    /// The response in hand.
    pub(super) fn response(&self) -> &[u8] {
        &self.response
    }

    /// Receives a response, or the rest of one. It is handed out before its end where `streams`
    /// says, of the text up to a literal, that the literal is one to be streamed.
    pub(super) async fn receive(&mut self, streams: fn(&[u8]) -> bool) -> Result<Part, Error> {
        self.response.clear();
        for _ in 0..=MAX_LITERALS {
            let begin = self.response.len();
            self.receive_line(begin).await?;
            let Some((length, mark)) = announced_literal(&self.response, begin)? else {
                return Ok(Part::Complete);
            };
            if streams(&self.response[..mark]) {
                self.response.truncate(mark);
                return Ok(Part::Literal(length));
            }
            if length > MAX_LITERAL {
                return Err(Error::Protocol("a literal longer than 64 KiB where none is expected"));
            }
            self.response.extend_from_slice(b"\r\n");
            self.receive_kept(usize::try_from(length).unwrap_or(usize::MAX)).await?;
        }
        Err(Error::Protocol("too many literals in one response"))
    }

    /// The next piece of a streamed literal of which `remaining` bytes are left: as much as fits in
    /// one chunk.
    pub(super) async fn chunk(&mut self, remaining: u64) -> Result<Bytes, Error> {
        let length = usize::try_from(remaining).unwrap_or(WINDOW).min(WINDOW);
        let mut chunk = BytesMut::with_capacity(length);
        loop {
            let piece = self.take(length - chunk.len());
            chunk.extend_from_slice(piece);
            let missing = length - chunk.len();
            if missing == 0 {
                return Ok(chunk.freeze());
            }
            if missing >= DIRECT {
                self.link.receive(&mut (&mut chunk).limit(missing)).await?;
            } else {
                self.fill().await?;
            }
        }
    }

    async fn receive_line(&mut self, begin: usize) -> Result<(), Error> {
        loop {
            let unread = &self.window[self.start..self.end];
            let line_end = unread.iter().position(|b| *b == b'\n');
            let piece = self.take(line_end.map_or(usize::MAX, |at| at + 1)).len();
            let piece = self.start - piece..self.start;
            self.response.extend_from_slice(&self.window[piece]);
            let length = self.response.len();
            if length - begin > MAX_LINE {
                return Err(Error::Protocol("a line longer than 64 KiB"));
            }
            if length > MAX_RESPONSE {
                return Err(Error::Protocol("a response longer than 256 KiB"));
            }
            if line_end.is_some() {
                self.response.pop();
                self.response.pop_if(|last| *last == b'\r');
                return Ok(());
            }
            self.fill().await?;
        }
    }

    async fn receive_kept(&mut self, mut length: usize) -> Result<(), Error> {
        while length > 0 {
            let piece = self.take(length).len();
            let piece = self.start - piece..self.start;
            length -= piece.len();
            self.response.extend_from_slice(&self.window[piece]);
            if length > 0 {
                self.fill().await?;
            }
        }
        Ok(())
    }

    /// Consumes up to `most` bytes of the window.
    fn take(&mut self, most: usize) -> &[u8] {
        let begin = self.start;
        self.start += most.min(self.end - begin);
        &self.window[begin..self.start]
    }

    /// Receives at least one byte into the window, all of which has been consumed.
    async fn fill(&mut self) -> Result<(), Error> {
        (self.start, self.end) = (0, 0);
        let mut free = &mut *self.window;
        self.end = self.link.receive(&mut free).await?;
        Ok(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    /// Receives at least one byte, and sends meanwhile.
    async fn receive(&mut self, into: &mut impl BufMut) -> Result<usize, Error> {
        let limit = self.idle_timeout;
        let exchange = poll_fn(|cx| {
            if let Poll::Ready(Err(_)) = self.poll_send(cx) {
                // The server may have said why before it closed: reading shows it.
                self.broken = true;
            }
            pin!(self.stream.read_buf(into)).poll(cx)
        });
        let received = timeout(limit, exchange).await.map_err(|_| Error::timed_out(Stage::Answer, limit))?;
        match received {
            Ok(0) | Err(_) => Err(Error::ConnectionLost),
            Ok(length) => {
                self.heard = true;
                self.traffic.bytes_in += length as u64;
                Ok(length)
            }
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.broken {
            return Poll::Ready(Ok(()));
        }
        while !self.outgoing.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.outgoing))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing.drain(..sent);
            self.flushed = false;
            self.traffic.bytes_out += sent as u64;
            self.traffic.turns += u64::from(std::mem::take(&mut self.heard));
        }
        if !self.flushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }
}

/// The literal that the last line of a response announces (RFC 3501 section 4.3), and where its
/// mark begins. The last line begins at `begin`. Status responses, continuations and tagged
/// responses end in text for people, which announces nothing.
fn announced_literal(response: &[u8], begin: usize) -> Result<Option<(u64, usize)>, Error> {
    const STATUS: [&[u8]; 5] = [b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"];
    let is_data = match response {
        [b'*', b' ', rest @ ..] => {
            let word = rest.split(|b| *b == b' ').next().unwrap_or_default();
            !STATUS.iter().any(|status| word.eq_ignore_ascii_case(status))
        }
        // The rest of a response, after a streamed literal.
        [first, ..] => matches!(first, b' ' | b')'),
        [] => false,
    };
    let Some(line) = response[begin..].strip_suffix(b"}").filter(|_| is_data) else { return Ok(None) };
    let open = line.iter().rposition(|b| !b.is_ascii_digit());
    let Some(open) = open.filter(|at| line[*at] == b'{' && *at + 1 < line.len()) else { return Ok(None) };
    let digits = std::str::from_utf8(&line[open + 1..]).unwrap_or_default();
    let length = digits.parse().map_err(|_| Error::Protocol("a literal's length beyond 64 bits"))?;
    Ok(Some((length, begin + open)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_announced_by_data_only() {
        for (response, begin, expected) in [
            ("* 1 FETCH (BODY[] {42}", 0, Some((42, 18))),
            ("* LIST () \"/\" {3}\r\n{5}", 22, None),
            ("* LIST () \"/\" {3}\r\n{5} {7}", 22, Some((7, 23))),
            (" FLAGS {1}", 0, Some((1, 7))),
            ("* OK see {42}", 0, None),
            ("* no {42}", 0, None),
            ("P1 OK {42}", 0, None),
            ("+ {42}", 0, None),
            ("* 1 FETCH {}", 0, None),
            ("* 1 FETCH 42}", 0, None),
            ("", 0, None),
        ] {
            assert_eq!(
                announced_literal(response.as_bytes(), begin).expect("in range"),
                expected,
                "{response}"
            );
        }
        assert!(announced_literal(b"* 1 FETCH (BODY[] {18446744073709551616}", 0).is_err());
    }
}
