//! Message texts, streamed.
//!
//! Commands for the next batches go out before the current one is answered, so that the server never
//! waits for us. Of each text no more than one chunk is held.

use super::{
    Session, UidSet,
    dialogue::Dialogue,
    literal::Part,
    response::{BodyText, Data, Fetch, Response, Tag, announces_body},
};
use crate::{Error, MailStream, classify::Moment, wire::Pace};
use bytes::Bytes;
use std::collections::VecDeque;
use tokio::io::{AsyncRead, AsyncWrite};

/// The most batches that are asked for at a time: the one that is read, and two ahead.
const IN_FLIGHT: usize = 3;

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// The texts of messages of the open folder, exactly as the server holds them. They are not
    /// marked as read by it.
    pub fn bodies(&mut self, batches: Vec<UidSet>) -> Bodies<'_, S> {
        Bodies::new(self, batches, "(UID BODY.PEEK[])", b"BODY[]")
    }

    /// The header blocks of messages of the open folder, with the empty line that ends them, and
    /// the messages' sizes.
    pub fn headers(&mut self, batches: Vec<UidSet>) -> Bodies<'_, S> {
        Bodies::new(self, batches, "(UID RFC822.SIZE BODY.PEEK[HEADER])", b"BODY[HEADER]")
    }
}

/// Message texts that were asked for, in the order in which the server sends them.
///
/// A message that is gone is left out: whoever asked for it finds its UID missing. The server
/// decides which messages it sends; that they were asked for is the caller's to check.
pub struct Bodies<'s, S = MailStream> {
    dialogue: &'s mut Dialogue<S>,
    /// What is asked for.
    items: &'static str,
    /// The name of the text among it, as the server gives it back.
    section: &'static [u8],
    waiting: VecDeque<UidSet>,
    in_flight: VecDeque<Tag>,
    /// What had come when it was begun.
    from: Pace,
    begun: bool,
    /// A response has been begun, and its end has not been read.
    inside: bool,
}

/// One message's text.
///
/// It is read with [`Body::chunk`] and must be ended with [`Body::finish`]: only then is it certain
/// that the server sent all of it. A body that is dropped before makes the session unusable.
pub struct Body<'b, S = MailStream> {
    dialogue: &'b mut Dialogue<S>,
    inside: &'b mut bool,
    fetch: Fetch,
    text: Text,
    size: u64,
}

/// What is left of a text.
enum Text {
    /// So many bytes are still to come.
    Streamed(u64),
    /// These bytes, which have come already.
    Held(Bytes),
    /// Nobody knows: reading failed, or was given up in the middle.
    Lost,
}

impl<'s, S: AsyncRead + AsyncWrite + Unpin> Bodies<'s, S> {
    fn new(
        session: &'s mut Session<S>,
        batches: Vec<UidSet>,
        items: &'static str,
        section: &'static [u8],
    ) -> Self {
        Self {
            from: session.dialogue.wire.pace(),
            dialogue: &mut session.dialogue,
            items,
            section,
            waiting: batches.into(),
            in_flight: VecDeque::new(),
            begun: false,
            inside: false,
        }
    }

    /// The next message's text; none after the last.
    ///
    /// # Errors
    /// [`Error::Refused`] when the server refuses one batch: the next call goes on with the others.
    /// After any other error the session is unusable.
    pub async fn next(&mut self) -> Result<Option<Body<'_, S>>, Error> {
        if self.inside {
            return Err(Error::OutOfStep);
        }
        loop {
            self.ask().await?;
            if self.in_flight.is_empty() {
                if std::mem::take(&mut self.begun) {
                    self.dialogue.end();
                }
                return Ok(None);
            }
            self.inside = true;
            let received = self.receive().await;
            let received = received.inspect_err(|e| self.inside = !e.leaves_session_usable())?;
            if let Some((fetch, text, size)) = received {
                let inside = &mut self.inside;
                return Ok(Some(Body { dialogue: self.dialogue, inside, fetch, text, size }));
            }
            self.inside = false;
        }
    }

    /// Sends commands, as many as may be in flight. Where the rest had better come compressed, what is in
    /// flight comes first.
    async fn ask(&mut self) -> Result<(), Error> {
        if !self.waiting.is_empty() && self.dialogue.compression_pays(self.from) {
            if !self.in_flight.is_empty() {
                return Ok(());
            }
            self.dialogue.end();
            self.dialogue.compress().await?;
            self.dialogue.begin()?;
        }
        while self.in_flight.len() < IN_FLIGHT
            && let Some(set) = self.waiting.pop_front()
        {
            if !self.begun {
                self.dialogue.begin()?;
                self.begun = true;
            }
            self.in_flight.push_back(self.dialogue.command(&format!("UID FETCH {set} {}", self.items)));
        }
        self.dialogue.wire.push().await;
        Ok(())
    }

    /// That a text is what was asked for: a part must not be taken for the whole.
    fn check_section(&self, fetch: &Fetch) -> Result<(), Error> {
        match fetch.body == BodyText::Absent || fetch.section == self.section {
            true => Ok(()),
            false => Err(Error::Protocol("another part of a message than was asked for")),
        }
    }

    /// Receives one response: perhaps a text, with its size.
    async fn receive(&mut self) -> Result<Option<(Fetch, Text, u64)>, Error> {
        if let Part::Literal(length) = self.dialogue.receive(announces_body).await? {
            let fetch = Fetch::parse_head(&self.dialogue.wire.response)?;
            self.check_section(&fetch)?;
            return Ok(Some((fetch, Text::Streamed(length), length)));
        }
        match self.dialogue.parse(Moment::Goodbye)? {
            Response::Data(Data::Fetch(mut fetch)) => {
                self.check_section(&fetch)?;
                match std::mem::take(&mut fetch.body) {
                    BodyText::Quoted(text) => {
                        let size = text.len() as u64;
                        Ok(Some((fetch, Text::Held(text.into()), size)))
                    }
                    BodyText::Nil | BodyText::Absent | BodyText::Streamed => Ok(None),
                }
            }
            Response::Tagged(tag, status) => {
                if self.in_flight.front().is_none_or(|expected| *expected != tag) {
                    return Err(Error::Protocol("an answer to no command in flight"));
                }
                self.in_flight.pop_front();
                self.dialogue.accepted("UID FETCH", &status).map(|()| None)
            }
            Response::Continuation(_) => {
                Err(Error::Protocol("a continuation request where nothing is to be continued"))
            }
            Response::Status(_) | Response::Data(_) => Ok(None),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Body<'_, S> {
    /// The text's length in bytes, as the server announced it.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The message's UID, if the server has told it already.
    pub fn uid(&self) -> Option<u32> {
        self.fetch.uid
    }

    /// The whole message's size, if it was asked for and the server has told it already.
    pub fn rfc822_size(&self) -> Option<u64> {
        self.fetch.size
    }

    /// The next piece of the text, at most 64 KiB; none at its end.
    ///
    /// # Errors
    /// [`Error::ConnectionLost`] and [`Error::TimedOut`]: the session is unusable then.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match std::mem::replace(&mut self.text, Text::Lost) {
            Text::Lost => Err(Error::OutOfStep),
            Text::Held(bytes) => {
                self.text = Text::Held(Bytes::new());
                Ok(Some(bytes).filter(|b| !b.is_empty()))
            }
            Text::Streamed(0) => {
                self.text = Text::Streamed(0);
                Ok(None)
            }
            Text::Streamed(remaining) => {
                let chunk = self.dialogue.chunk(remaining).await?;
                self.text = Text::Streamed(remaining - chunk.len() as u64);
                Ok(Some(chunk))
            }
        }
    }

    /// Reads to the end of the response, what is left of the text included, and returns the
    /// message's UID. Only now may the text be taken for complete.
    ///
    /// # Errors
    /// [`Error::Protocol`], when something else follows than the end of the response: the text was
    /// not as long as announced, and must not be kept. The session is unusable after an error.
    pub async fn finish(mut self) -> Result<u32, Error> {
        while self.chunk().await?.is_some() {}
        if matches!(self.text, Text::Streamed(_)) {
            match self.dialogue.receive_rest().await? {
                Part::Complete => self.fetch.parse_rest(&self.dialogue.wire.response)?,
                Part::Literal(_) => return Err(Error::Protocol("a literal in an unexpected place")),
            }
        }
        *self.inside = false;
        self.fetch.uid.ok_or(Error::Protocol("a message without its UID"))
    }
}
