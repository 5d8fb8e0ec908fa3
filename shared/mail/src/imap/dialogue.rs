//! Commands and their answers: tags, order, and what a refusal becomes.

use super::{
    literal::Part,
    response::{Data, Response, Status, StatusKind, Tag},
    shown,
};
use crate::{
    Answer, Capabilities, Error, Transcript,
    classify::{Moment, Refusal},
    redaction::Secrets,
    shown::View,
    transcript::MASK,
    wire::Wire,
};
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use std::{fmt, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};

/// One side of an IMAP connection.
///
/// It is *busy* from the first command of an exchange to its last answer. An exchange that fails or
/// is given up in the middle leaves it busy for good, so that no answer is ever taken for another's.
pub(super) struct Dialogue<S> {
    pub(super) wire: Wire<S>,
    pub(super) secrets: Secrets,
    /// What the server offers, as far as it said so since the last sign-in.
    pub(super) capabilities: Option<Capabilities>,
    /// Somebody has tried to sign in: only from then on can a password or token be refused.
    pub(super) identified: bool,
    /// How many messages the open folder has, as far as the server said so.
    pub(super) exists: Option<u32>,
    /// How many times messages have disappeared: numbers from before mean others after it.
    pub(super) disappearances: u64,
    /// Compression has been asked for, with or without success.
    pub(super) compression_tried: bool,
    /// Where what is said is written down, masked; nowhere in everyday use.
    pub(super) transcript: Option<Transcript>,
    last_tag: u32,
    busy: bool,
}

/// What a server says in a sign-in.
pub(super) enum Step {
    /// It waits for more.
    Challenge(String),
    /// It is done.
    Done(Status),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Dialogue<S> {
    pub(super) fn new(stream: S, idle_timeout: Duration, transcript: Option<&Transcript>) -> Self {
        Self {
            wire: Wire::new(stream, idle_timeout),
            secrets: Secrets::default(),
            capabilities: None,
            identified: false,
            exists: None,
            disappearances: 0,
            compression_tried: false,
            transcript: transcript.cloned(),
            last_tag: 0,
            busy: false,
        }
    }

    /// Begins an exchange.
    pub(super) fn begin(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.busy, true) { Err(Error::OutOfStep) } else { Ok(()) }
    }

    /// Ends an exchange: every command has its answer.
    pub(super) fn end(&mut self) {
        self.busy = false;
    }

    /// Queues a command. It may be shown: one that signs in goes by [`Dialogue::secret_command`].
    pub(super) fn command(&mut self, command: &str) -> Tag {
        self.queue_command(command, format_args!("{command}"))
    }

    /// Queues a command that carries a secret; a transcript has `masked` instead.
    pub(super) fn secret_command(&mut self, command: &SecretString, masked: fmt::Arguments<'_>) -> Tag {
        self.queue_command(command.expose_secret(), masked)
    }

    fn queue_command(&mut self, command: &str, shown: fmt::Arguments<'_>) -> Tag {
        self.last_tag += 1;
        self.wire.queue(format!("P{} {command}\r\n", self.last_tag).as_bytes());
        if let Some(transcript) = &self.transcript {
            transcript.sent(format_args!("P{} {shown}", self.last_tag));
        }
        Tag(self.last_tag)
    }

    /// Receives a response, or its beginning up to a literal that `streams` says is to be streamed.
    pub(super) async fn receive(&mut self, streams: fn(&[u8]) -> bool) -> Result<Part, Error> {
        let received = self.wire.receive(streams).await;
        if let Some(transcript) = &self.transcript {
            let response = &self.wire.response;
            let view = View { secrets: &self.secrets, identified: self.identified };
            match &received {
                Ok(Part::Complete) => transcript.received(view.response(response)),
                Ok(Part::Literal(length)) => {
                    transcript.received(format_args!("{}{{{length} bytes}}", view.response(response)));
                }
                Err(error) => transcript.note(broken_off(error, response.len())),
            }
        }
        received
    }

    /// Receives what follows a streamed literal, to the end of the response.
    pub(super) async fn receive_rest(&mut self) -> Result<Part, Error> {
        let received = self.wire.receive(|_| false).await;
        if let Some(transcript) = &self.transcript {
            let response = &self.wire.response;
            match &received {
                Ok(Part::Complete | Part::Literal(_)) => transcript.received(shown::fetch(response)),
                Err(error) => transcript.note(broken_off(error, response.len())),
            }
        }
        received
    }

    /// The next piece of a streamed literal of which `remaining` bytes are left.
    pub(super) async fn chunk(&mut self, remaining: u64) -> Result<Bytes, Error> {
        let chunk = self.wire.chunk(remaining).await;
        if let (Some(transcript), Err(error)) = (&self.transcript, &chunk) {
            transcript.note(format_args!("{error}; up to {remaining} bytes of the text were missing"));
        }
        chunk
    }

    /// The next response. A BYE is an error.
    pub(super) async fn response(&mut self) -> Result<Response, Error> {
        match self.receive(|_| false).await? {
            Part::Complete => self.parse(Moment::Goodbye),
            Part::Literal(_) => Err(Error::Protocol("a literal in an unexpected place")),
        }
    }

    /// The greeting: whether it is one is for the caller to see.
    pub(super) async fn greeting(&mut self) -> Result<Response, Error> {
        self.receive(|_| false).await?;
        self.parse(Moment::Greeting)
    }

    /// Parses the response in hand. A BYE, at this moment, is an error.
    pub(super) fn parse(&mut self, moment: Moment) -> Result<Response, Error> {
        match Response::parse(&self.wire.response)? {
            Response::Status(status) if status.kind == StatusKind::Bye => {
                Err(Error::Bye(self.answer(&status, moment)))
            }
            Response::Data(Data::Capabilities(found)) => {
                self.capabilities = Some(found);
                Ok(Response::Data(Data::Other))
            }
            response => {
                self.count(&response);
                Ok(response)
            }
        }
    }

    /// Keeps up with how many messages the open folder has.
    fn count(&mut self, response: &Response) {
        match response {
            Response::Data(Data::Exists(count)) => self.exists = Some(*count),
            Response::Data(Data::Expunge) => {
                self.exists = self.exists.map(|count| count.saturating_sub(1));
                self.disappearances += 1;
            }
            Response::Data(Data::Vanished) => {
                self.exists = None;
                self.disappearances += 1;
            }
            _ => {}
        }
    }

    /// Reads up to a command's own answer and hands everything before it to `each`.
    pub(super) async fn until(
        &mut self,
        tag: Tag,
        mut each: impl FnMut(Response) -> Result<(), Error>,
    ) -> Result<Status, Error> {
        loop {
            match self.response().await? {
                Response::Tagged(found, status) if found == tag => return Ok(status),
                Response::Tagged(..) => return Err(Error::Protocol("an answer to no command in flight")),
                Response::Continuation(_) => {
                    return Err(Error::Protocol("a continuation request where nothing is to be continued"));
                }
                response => each(response)?,
            }
        }
    }

    /// One command whose other responses do not matter, from beginning to end.
    pub(super) async fn exchange(&mut self, command: &str) -> Result<Status, Error> {
        self.begin()?;
        let tag = self.command(command);
        let status = self.until(tag, |_| Ok(())).await?;
        self.end();
        Ok(status)
    }

    /// Queues a line that a continuation request of a sign-in asked for; no transcript shows it.
    pub(super) fn secret_line(&mut self, line: &str) {
        self.wire.queue(line.as_bytes());
        self.wire.queue(b"\r\n");
        if let Some(transcript) = &self.transcript {
            transcript.sent(MASK);
        }
    }

    /// Reads up to the next continuation request, or the sign-in's final answer.
    pub(super) async fn sign_in_step(&mut self, tag: Tag) -> Result<Step, Error> {
        loop {
            match self.response().await? {
                Response::Continuation(challenge) => return Ok(Step::Challenge(challenge)),
                Response::Tagged(found, status) if found == tag => return Ok(Step::Done(status)),
                Response::Tagged(..) => return Err(Error::Protocol("an answer to no command in flight")),
                Response::Status(_) | Response::Data(_) => {}
            }
        }
    }

    /// That a command was accepted.
    pub(super) fn accepted(&self, command: &'static str, status: &Status) -> Result<(), Error> {
        match status.kind {
            StatusKind::Ok => Ok(()),
            _ => Err(Error::Refused { command, answer: self.answer(status, Moment::Command) }),
        }
    }

    /// What the server offers: what it has said already, or an answer to CAPABILITY.
    pub(super) async fn capabilities(&mut self) -> Result<&Capabilities, Error> {
        if self.capabilities.is_none() {
            let status = self.exchange("CAPABILITY").await?;
            self.accepted("CAPABILITY", &status)?;
        }
        Ok(self.capabilities.get_or_insert_default())
    }

    /// A refusal in words that may be shown.
    pub(super) fn answer(&self, status: &Status, moment: Moment) -> Answer {
        let refusal = Refusal {
            status: status.kind.name(),
            code: status.code.as_ref().map(|(name, _)| name.as_str()),
            text: &status.text,
            bad: status.kind == StatusKind::Bad,
        };
        refusal.answer(if self.identified { moment } else { Moment::Greeting }, &self.secrets)
    }
}

/// That a response did not come to its end.
fn broken_off(error: &Error, length: usize) -> String {
    format!("{error}; {length} bytes of a response had come")
}
