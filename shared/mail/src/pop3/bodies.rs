//! Message texts, streamed.
//!
//! Where the server takes several commands at a time, those for the next messages go out before the
//! current one is answered. Of each text no more than one chunk is held.

use super::{Session, dialogue::Dialogue, dots::Dots, session::IN_FLIGHT};
use crate::{Error, MailStream};
use bytes::Bytes;
use std::{collections::VecDeque, vec};
use tokio::io::{AsyncRead, AsyncWrite};

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// The texts of messages (RETR), exactly as the server holds them, in the order of `numbers`.
    ///
    /// Gmail counts a message as fetched when QUIT follows, and hides it then, if its owner wants it so.
    pub fn retrieve(&mut self, numbers: Vec<u32>) -> Bodies<'_, S> {
        Bodies::new(self, numbers, Ask::Retrieve)
    }

    /// The header blocks of messages, with the empty line that ends them (TOP, RFC 1939 section 7).
    ///
    /// TOP is an option: a server that does not know it refuses, and only the whole message is to be had.
    pub fn headers(&mut self, numbers: Vec<u32>) -> Bodies<'_, S> {
        Bodies::new(self, numbers, Ask::Headers)
    }
}

/// Message texts that were asked for, in the order in which they were.
pub struct Bodies<'s, S = MailStream> {
    dialogue: &'s mut Dialogue<S>,
    ask: Ask,
    waiting: vec::IntoIter<u32>,
    in_flight: VecDeque<u32>,
    /// How many commands may be in flight.
    most: usize,
    begun: bool,
    /// An answer has been begun, and its end has not been read.
    inside: bool,
}

/// One message's text.
///
/// It is read with [`Body::chunk`] and must be ended with [`Body::finish`]: only then is it certain
/// that the server sent all of it. A body that is dropped before makes the session unusable.
pub struct Body<'b, S = MailStream> {
    dialogue: &'b mut Dialogue<S>,
    inside: &'b mut bool,
    number: u32,
    /// How far the text has come; none, where reading failed or was given up in the middle.
    dots: Option<Dots>,
    length: u64,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Retrieve,
    Headers,
}

impl<'s, S: AsyncRead + AsyncWrite + Unpin> Bodies<'s, S> {
    fn new(session: &'s mut Session<S>, numbers: Vec<u32>, ask: Ask) -> Self {
        Self {
            most: if session.pipelines() { IN_FLIGHT } else { 1 },
            dialogue: &mut session.dialogue,
            ask,
            waiting: numbers.into_iter(),
            in_flight: VecDeque::new(),
            begun: false,
            inside: false,
        }
    }

    /// The next message's text; none after the last.
    ///
    /// # Errors
    /// [`Error::Refused`] when the server refuses one message: the next call goes on with the others.
    /// After any other error the session is unusable.
    pub async fn next(&mut self) -> Result<Option<Body<'_, S>>, Error> {
        if self.inside {
            return Err(Error::OutOfStep);
        }
        self.ask().await?;
        let Some(number) = self.in_flight.pop_front() else {
            if std::mem::take(&mut self.begun) {
                self.dialogue.end();
            }
            return Ok(None);
        };
        self.inside = true;
        let status = self.dialogue.status().await?;
        let command = match self.ask {
            Ask::Retrieve => "RETR",
            Ask::Headers => "TOP",
        };
        if let Err(refused) = self.dialogue.accepted(command, status) {
            self.inside = false;
            return Err(refused);
        }
        let dots = Some(self.dialogue.text());
        Ok(Some(Body { dialogue: self.dialogue, inside: &mut self.inside, number, dots, length: 0 }))
    }

    /// Sends commands, as many as may be in flight.
    async fn ask(&mut self) -> Result<(), Error> {
        while self.in_flight.len() < self.most
            && let Some(number) = self.waiting.next()
        {
            if !self.begun {
                self.dialogue.begin()?;
                self.begun = true;
            }
            self.in_flight.push_back(number);
            self.dialogue.command(&match self.ask {
                Ask::Retrieve => format!("RETR {number}"),
                Ask::Headers => format!("TOP {number} 0"),
            });
        }
        self.dialogue.wire.push().await;
        Ok(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Body<'_, S> {
    /// The message's number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The next piece of the text, at most 64 KiB; none at its end.
    ///
    /// # Errors
    /// [`Error::ConnectionLost`] and [`Error::TimedOut`]: the session is unusable then.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let mut dots = self.dots.take().ok_or(Error::OutOfStep)?;
        let chunk = self.dialogue.chunk(&mut dots, self.length).await?;
        self.dots = Some(dots);
        self.length += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Ok(chunk)
    }

    /// Reads what is left of the text, and returns the message's number. Only now may the text be taken
    /// for complete.
    ///
    /// # Errors
    /// As [`Body::chunk`].
    pub async fn finish(mut self) -> Result<u32, Error> {
        while self.chunk().await?.is_some() {}
        *self.inside = false;
        Ok(self.number)
    }
}
