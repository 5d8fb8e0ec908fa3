//! Message texts, streamed.
//!
//! Where the server takes several commands at a time, those for the next messages go out before the
//! current one is answered. Of each text no more than one chunk is held.
//!
//! A server that does not stuff dots ends a text at a line of a single dot, and the rest of it stands where
//! the next answer should. A text that is shorter than it was listed is therefore whole only once an answer
//! has followed it. Left out: one whose server counts fewer bytes than it sends, as it does that takes LF for
//! CRLF, where what is missing is shorter than that.

use super::{
    Session,
    dialogue::{Dialogue, Status},
    dots::Dots,
    session::IN_FLIGHT,
};
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
    asked: Asked,
}

/// One message's text.
///
/// It is read with [`Body::chunk`] and must be ended with [`Body::finish`]: only then is it certain
/// that the server sent all of it. A body that is dropped before makes the session unusable.
pub struct Body<'b, S = MailStream> {
    dialogue: &'b mut Dialogue<S>,
    asked: &'b mut Asked,
    number: u32,
    /// How far the text has come; none, where reading failed or was given up in the middle.
    dots: Option<Dots>,
    length: u64,
}

/// What was asked for, and how far the answers have come.
struct Asked {
    ask: Ask,
    waiting: vec::IntoIter<u32>,
    in_flight: VecDeque<u32>,
    /// How many commands may be in flight.
    most: usize,
    begun: bool,
    /// An answer has been begun, and its end has not been read.
    inside: bool,
    /// The first line of the next answer, where it was read to see whether a text had ended.
    ahead: Option<Result<Status, Error>>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Retrieve,
    Headers,
}

impl<'s, S: AsyncRead + AsyncWrite + Unpin> Bodies<'s, S> {
    fn new(session: &'s mut Session<S>, numbers: Vec<u32>, ask: Ask) -> Self {
        let asked = Asked {
            most: if session.pipelines() { IN_FLIGHT } else { 1 },
            ask,
            waiting: numbers.into_iter(),
            in_flight: VecDeque::new(),
            begun: false,
            inside: false,
            ahead: None,
        };
        Self { dialogue: &mut session.dialogue, asked }
    }

    /// The next message's text; none after the last.
    ///
    /// # Errors
    /// [`Error::Refused`] when the server refuses one message: the next call goes on with the others.
    /// After any other error the session is unusable.
    pub async fn next(&mut self) -> Result<Option<Body<'_, S>>, Error> {
        let Self { dialogue, asked } = self;
        if std::mem::replace(&mut asked.inside, true) {
            return Err(Error::OutOfStep);
        }
        let ahead = asked.ahead.take().transpose()?;
        asked.send(dialogue).await?;
        let Some(number) = asked.in_flight.pop_front() else {
            asked.inside = false;
            if std::mem::take(&mut asked.begun) {
                dialogue.end();
            }
            return Ok(None);
        };
        let status = match ahead {
            Some(status) => status,
            None => dialogue.status().await?,
        };
        let command = match asked.ask {
            Ask::Retrieve => "RETR",
            Ask::Headers => "TOP",
        };
        if let Err(refused) = dialogue.accepted(command, status) {
            asked.inside = false;
            return Err(refused);
        }
        let dots = Some(dialogue.text());
        Ok(Some(Body { dialogue, asked, number, dots, length: 0 }))
    }
}

impl Asked {
    /// Sends commands, as many as may be in flight.
    async fn send<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        dialogue: &mut Dialogue<S>,
    ) -> Result<(), Error> {
        while self.in_flight.len() < self.most
            && let Some(number) = self.waiting.next()
        {
            if !self.begun {
                dialogue.begin()?;
                self.begun = true;
            }
            self.in_flight.push_back(number);
            dialogue.command(&match self.ask {
                Ask::Retrieve => format!("RETR {number}"),
                Ask::Headers => format!("TOP {number} 0"),
            });
        }
        dialogue.wire.push().await;
        Ok(())
    }

    /// Makes sure that an answer follows the text which has just ended: the next text's, or after the last
    /// one that to NOOP. That none comes says nothing of the text: it is the next one's failure.
    async fn look_ahead<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        dialogue: &mut Dialogue<S>,
    ) -> Result<(), Error> {
        self.send(dialogue).await?;
        let is_last = self.in_flight.is_empty();
        if is_last {
            dialogue.command("NOOP");
        }
        match dialogue.status().await {
            Err(Error::Protocol(_)) => Err(Error::Protocol("a text that ends early: no answer follows it")),
            Ok(_) if is_last => Ok(()),
            status => {
                self.ahead = Some(status);
                Ok(())
            }
        }
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
    pub async fn finish(self) -> Result<u32, Error> {
        self.finish_listed(0).await
    }

    /// As [`Body::finish`], for a message that the server lists with so many bytes (LIST); 0 where it does
    /// not say. Where fewer have come, an answer must follow.
    ///
    /// # Errors
    /// [`Error::Protocol`], when something else follows than an answer: the text must not be kept, and the
    /// session is unusable. And as [`Body::chunk`].
    pub async fn finish_listed(mut self, size: u64) -> Result<u32, Error> {
        while self.chunk().await?.is_some() {}
        if self.length < size && matches!(self.asked.ask, Ask::Retrieve) {
            self.asked.look_ahead(self.dialogue).await?;
        }
        self.asked.inside = false;
        Ok(self.number)
    }
}
