//! The byte stream under a protocol of lines: what is sent, what is received, and the limits of both.
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
pub(crate) const WINDOW: usize = 64 * 1024;
/// The longest line of a response.
const MAX_LINE: usize = 64 * 1024;
/// The longest response, of several lines perhaps.
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

pub(crate) struct Wire<S> {
    link: Link<S>,
    window: Box<[u8]>,
    start: usize,
    end: usize,
    /// The response in hand, without its last line end.
    pub(crate) response: Vec<u8>,
}

/// How a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// With CRLF, as every standard demands.
    CrLf,
    /// With LF alone, as some servers do it.
    Lf,
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

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(stream: S, idle_timeout: Duration) -> Self {
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

    pub(crate) fn traffic(&self) -> Traffic {
        self.link.traffic
    }

    /// The stream itself, for what it knows of its own.
    pub(crate) fn stream(&self) -> &S {
        &self.link.stream
    }

    /// Puts bytes in the queue. They leave with the next [`Wire::push`], or the next wait.
    pub(crate) fn queue(&mut self, bytes: &[u8]) {
        self.link.outgoing.extend_from_slice(bytes);
    }

    /// Sends what is queued as far as possible without waiting.
    pub(crate) async fn push(&mut self) {
        poll_fn(|cx| {
            // What is left, and the reason why, show at the next wait.
            let _ = self.link.poll_send(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// Ends the connection in order; nobody waits for the other side.
    pub(crate) async fn shutdown(&mut self) -> io::Result<()> {
        self.link.stream.shutdown().await
    }

    /// The stream, if nothing that was received on it is unread.
    pub(crate) fn into_stream(self) -> Option<S> {
        (self.start == self.end).then_some(self.link.stream)
    }

    /// The next piece of a text of which `remaining` bytes are left: as much as fits in one chunk.
    pub(crate) async fn chunk(&mut self, remaining: u64) -> Result<Bytes, Error> {
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

    /// Receives what has come and is unread, at least one byte.
    pub(crate) async fn unread(&mut self) -> Result<&[u8], Error> {
        if self.start == self.end {
            self.fill().await?;
        }
        Ok(&self.window[self.start..self.end])
    }

    /// Counts bytes of [`Wire::unread`] as read.
    pub(crate) fn consume(&mut self, length: usize) {
        self.take(length);
    }

    /// Adds a line to the response in hand, whose present end is `begin`.
    pub(crate) async fn receive_line(&mut self, begin: usize) -> Result<LineEnd, Error> {
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
                let cr = self.response.pop_if(|last| *last == b'\r');
                return Ok(cr.map_or(LineEnd::Lf, |_| LineEnd::CrLf));
            }
            self.fill().await?;
        }
    }

    /// Adds so many bytes to the response in hand.
    pub(crate) async fn receive_kept(&mut self, mut length: usize) -> Result<(), Error> {
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
