//! The byte stream under a protocol of lines: what is sent, what is received, and the limits of both.
//!
//! Commands are queued and leave together in one write; whatever waits for bytes also pushes out
//! what is still queued, so that neither side can block the other for ever. Memory is one window
//! of [`WINDOW`] bytes, one response of at most [`MAX_RESPONSE`] bytes, and the chunk in hand; where the
//! connection is compressed, also what it takes to unpack it, some 64 KiB. Every limit is one of unpacked
//! bytes.

use crate::{
    Error, Stage,
    deflate::{self, Inflow},
};
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
    time::{Instant, timeout},
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
    /// Bytes received, TLS and compression undone.
    pub bytes_in: u64,
    /// The same, TLS alone undone: fewer where the connection is compressed.
    pub carried_in: u64,
    /// Bytes sent, TLS not counted.
    pub bytes_out: u64,
    /// Client-to-server turns: writes that follow a read.
    pub turns: u64,
}

/// How much has come, and how long was waited for it: time in which we had something else to do is not
/// the connection's.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace {
    /// Bytes, TLS not counted.
    pub(crate) bytes: u64,
    waited: Duration,
}

impl Pace {
    /// What came after `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        let bytes = self.bytes.saturating_sub(before.bytes);
        Self { bytes, waited: self.waited.saturating_sub(before.waited) }
    }

    /// Whether it is less than so many bytes a second.
    pub(crate) fn is_below(self, bytes_per_second: u64) -> bool {
        u128::from(self.bytes) * 1000 < u128::from(bytes_per_second) * self.waited.as_millis()
    }
}

pub(crate) struct Wire<S> {
    link: Link<S>,
    /// What unpacks, where the connection is compressed.
    inflow: Option<Inflow>,
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
    waited: Duration,
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
            waited: Duration::ZERO,
            traffic: Traffic::default(),
        };
        Self { link, inflow: None, window: vec![0; WINDOW].into(), start: 0, end: 0, response: Vec::new() }
    }

    pub(crate) fn traffic(&self) -> Traffic {
        let traffic = self.link.traffic;
        Traffic { bytes_in: self.inflow.as_ref().map_or(traffic.carried_in, Inflow::total), ..traffic }
    }

    /// How fast the connection has been.
    pub(crate) fn pace(&self) -> Pace {
        Pace { bytes: self.link.traffic.carried_in, waited: self.link.waited }
    }

    /// From here on, both directions are compressed: what has come and is unread is so already.
    pub(crate) fn compress(&mut self) {
        let unread = &self.window[self.start..self.end];
        let plain = self.link.traffic.carried_in.saturating_sub(unread.len() as u64);
        self.inflow = Some(Inflow::new(unread, plain));
        (self.start, self.end) = (0, 0);
    }

    /// The stream itself, for what it knows of its own.
    pub(crate) fn stream(&self) -> &S {
        &self.link.stream
    }

    /// Puts bytes in the queue. They leave with the next [`Wire::push`], or the next wait.
    pub(crate) fn queue(&mut self, bytes: &[u8]) {
        match self.inflow {
            None => self.link.outgoing.extend_from_slice(bytes),
            Some(_) => self.link.outgoing.extend_from_slice(&deflate::stored(bytes)),
        }
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
            if missing >= DIRECT && self.inflow.is_none() {
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
                // What was there before is not the line's: a literal may end with CR.
                let is_crlf = self.response.len() > begin && self.response.pop_if(|b| *b == b'\r').is_some();
                return Ok(if is_crlf { LineEnd::CrLf } else { LineEnd::Lf });
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
        self.end = match &mut self.inflow {
            None => self.link.receive(&mut &mut *self.window).await?,
            Some(inflow) => self.link.receive_packed(inflow, &mut self.window).await?,
        };
        Ok(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    /// Receives at least one byte, and sends meanwhile.
    async fn receive(&mut self, into: &mut impl BufMut) -> Result<usize, Error> {
        let (limit, begun) = (self.idle_timeout, Instant::now());
        let exchange = poll_fn(|cx| {
            if let Poll::Ready(Err(_)) = self.poll_send(cx) {
                // The server may have said why before it closed: reading shows it.
                self.broken = true;
            }
            pin!(self.stream.read_buf(into)).poll(cx)
        });
        let received = timeout(limit, exchange).await.map_err(|_| Error::timed_out(Stage::Answer, limit))?;
        self.waited += begun.elapsed();
        match received {
            Ok(0) | Err(_) => Err(Error::ConnectionLost),
            Ok(length) => {
                self.heard = true;
                self.traffic.carried_in += length as u64;
                Ok(length)
            }
        }
    }

    /// Receives until at least one byte is unpacked. All of it may take no longer than one silence, so that
    /// blocks with nothing in them do not hold us for ever.
    async fn receive_packed(&mut self, inflow: &mut Inflow, into: &mut [u8]) -> Result<usize, Error> {
        let limit = self.idle_timeout;
        let unpacking = async {
            loop {
                match inflow.unpack(into)? {
                    0 => {
                        let received = self.receive(&mut inflow.free()).await?;
                        inflow.received(received);
                    }
                    unpacked => return Ok(unpacked),
                }
            }
        };
        timeout(limit, unpacking).await.map_err(|_| Error::timed_out(Stage::Answer, limit))?
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
