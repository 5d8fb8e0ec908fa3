//! Commands and their answers: order, limits, and what a refusal becomes.

use super::{
    dots::Dots,
    reply::{Refused, Reply},
};
use crate::{
    Answer, Error, Transcript,
    classify::{Moment, Refusal},
    redaction::Secrets,
    shown::{View, length},
    transcript::MASK,
    wire::{LineEnd, WINDOW, Wire},
};
use bytes::{Bytes, BytesMut};
use secrecy::{ExposeSecret, SecretString};
use std::{fmt, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};

/// One side of a POP3 connection.
///
/// It is *busy* from the first command of an exchange to its last answer. An exchange that fails or
/// is given up in the middle leaves it busy for good, so that no answer is ever taken for another's.
pub(super) struct Dialogue<S> {
    pub(super) wire: Wire<S>,
    pub(super) secrets: Secrets,
    /// Somebody has tried to sign in: from then on, what is no answer may be a piece of a message.
    pub(super) identified: bool,
    /// The least time between two sign-ins, if the server says (RFC 2449 section 6.5).
    pub(super) login_delay: Option<Duration>,
    /// Where what is said is written down, masked; nowhere in everyday use.
    pub(super) transcript: Option<Transcript>,
    /// How the server ended its last line.
    line_end: LineEnd,
    busy: bool,
}

/// The first line of an answer, where no sign-in is under way.
pub(super) type Status = Result<String, Refused>;

impl<S: AsyncRead + AsyncWrite + Unpin> Dialogue<S> {
    pub(super) fn new(stream: S, idle_timeout: Duration, transcript: Option<&Transcript>) -> Self {
        Self {
            wire: Wire::new(stream, idle_timeout),
            secrets: Secrets::default(),
            identified: false,
            login_delay: None,
            transcript: transcript.cloned(),
            line_end: LineEnd::CrLf,
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

    /// Queues a command. It may be shown: one that signs in goes by [`Dialogue::secret_line`].
    pub(super) fn command(&mut self, command: &str) {
        self.queue(command, format_args!("{command}"));
    }

    /// Queues a line that carries a secret; a transcript has `masked` instead.
    pub(super) fn secret_line(&mut self, line: &SecretString, masked: fmt::Arguments<'_>) {
        self.queue(line.expose_secret(), masked);
    }

    fn queue(&mut self, line: &str, shown: fmt::Arguments<'_>) {
        self.wire.queue(line.as_bytes());
        self.wire.queue(b"\r\n");
        if let Some(transcript) = &self.transcript {
            transcript.sent(shown);
        }
    }

    /// Answers a challenge of a sign-in; no transcript shows it.
    pub(super) fn answer_challenge(&mut self, line: &str) {
        self.queue(line, format_args!("{MASK}"));
    }

    /// The first line of the next answer.
    pub(super) async fn reply(&mut self) -> Result<Reply, Error> {
        self.wire.response.clear();
        let received = self.wire.receive_line(0).await;
        let line = &self.wire.response;
        let reply = received.and_then(|line_end| {
            self.line_end = line_end;
            Reply::parse(line)
        });
        if let Some(transcript) = &self.transcript {
            let view = View { secrets: &self.secrets, identified: self.identified };
            match &reply {
                Ok(Reply::Challenge(challenge)) => transcript.received(view.challenge(challenge)),
                Ok(Reply::Ok(_) | Reply::Refused(_)) => transcript.received(view.text(line)),
                Err(Error::Protocol(_)) if self.identified => transcript.received(length(line.len())),
                Err(Error::Protocol(_)) => transcript.received(view.text(line)),
                Err(error) => {
                    transcript.note(format_args!("{error}; {} bytes of an answer had come", line.len()));
                }
            }
        }
        reply
    }

    /// The first line of the next answer, where no sign-in is under way.
    pub(super) async fn status(&mut self) -> Result<Status, Error> {
        match self.reply().await? {
            Reply::Ok(text) => Ok(Ok(text)),
            Reply::Refused(refused) => Ok(Err(refused)),
            Reply::Challenge(_) => Err(Error::Protocol("a challenge where nobody signs in")),
        }
    }

    /// One command with an answer of one line, from beginning to end.
    pub(super) async fn exchange(&mut self, command: &'static str) -> Result<Status, Error> {
        self.begin()?;
        self.command(command);
        let status = self.status().await?;
        self.end();
        Ok(status)
    }

    /// Hands each further line of an answer to `each`, to the one that ends it. A transcript has the
    /// lines themselves only where they are few.
    pub(super) async fn lines(
        &mut self,
        most: usize,
        mut each: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut count = 0;
        // As in a message's text: an LF alone is no end of a line where the server ends its own with CRLF.
        let mut begins = true;
        let ended = loop {
            self.wire.response.clear();
            let is_whole = match self.wire.receive_line(0).await {
                Ok(line_end) => line_end == LineEnd::CrLf || self.line_end == LineEnd::Lf,
                Err(error) => break Err(error),
            };
            let line = self.wire.response.as_slice();
            if line == b"." && begins && is_whole {
                break Ok(());
            }
            begins = is_whole;
            count += 1;
            if count > most {
                break Err(Error::Protocol("an answer of more lines than any can have"));
            }
            let line = line.strip_prefix(b".").unwrap_or(line);
            if let (Some(transcript), true) = (&self.transcript, most <= FEW) {
                let view = View { secrets: &self.secrets, identified: self.identified };
                transcript.received(view.text(line));
            }
            if let Err(error) = each(line) {
                break Err(error);
            }
        };
        if let Some(transcript) = &self.transcript {
            match &ended {
                Ok(()) if most <= FEW => transcript.received("."),
                Ok(()) => transcript.received(format_args!("{{{count} lines}}")),
                Err(error) => transcript.note(format_args!("{error}; {count} lines of an answer had come")),
            }
        }
        ended
    }

    /// The beginning of a message's text, after the line that announces it.
    pub(super) fn text(&self) -> Dots {
        Dots::new(self.line_end)
    }

    /// The next piece of a message's text, none after its end. `before` is how many bytes have come.
    pub(super) async fn chunk(&mut self, dots: &mut Dots, before: u64) -> Result<Option<Bytes>, Error> {
        let mut chunk = BytesMut::new();
        let had_ended = dots.ended();
        while !dots.ended() && chunk.len() + 1 < WINDOW {
            let unread = match self.wire.unread().await {
                Ok(unread) => unread,
                Err(error) => {
                    if let Some(transcript) = &self.transcript {
                        let length = before + chunk.len() as u64;
                        transcript.note(format_args!("{error}; {length} bytes of the text had come"));
                    }
                    return Err(error);
                }
            };
            chunk.reserve(WINDOW - chunk.len());
            let room = WINDOW - 1 - chunk.len();
            let taken = dots.undo(&unread[..unread.len().min(room)], &mut chunk);
            self.wire.consume(taken);
        }
        if let (Some(transcript), true) = (&self.transcript, dots.ended() && !had_ended) {
            transcript.received(format_args!("{{{} bytes}}", before + chunk.len() as u64));
        }
        Ok(Some(chunk.freeze()).filter(|chunk| !chunk.is_empty()))
    }

    /// That a command was accepted.
    pub(super) fn accepted(&self, command: &'static str, status: Status) -> Result<String, Error> {
        status.map_err(|refused| Error::Refused { command, answer: self.answer(&refused, Moment::Command) })
    }

    /// A refusal in words that may be shown.
    pub(super) fn answer(&self, refused: &Refused, moment: Moment) -> Answer {
        let Refused { code, text } = refused;
        let refusal = Refusal { status: "-ERR", code: *code, text, bad: not_understood(text) };
        let mut answer = refusal.answer(moment, &self.secrets);
        if *code == Some("LOGIN-DELAY") {
            answer.retry_after = answer.retry_after.or(self.login_delay);
        }
        answer
    }
}

/// An answer of at most so many lines is shown in a transcript.
pub(super) const FEW: usize = 100;

/// Whether a refusal says that the server does not know the command, or not here. POP3 has no word for
/// that, as IMAP has BAD. `Protocol error.` is Microsoft's.
fn not_understood(text: &str) -> bool {
    const WORDS: [&str; 9] = [
        "unknown command",
        "unrecognized command",
        "unimplemented",
        "not implemented",
        "invalid command",
        "bad command",
        "syntax error",
        "protocol error",
        "not valid in this state",
    ];
    let text = text.to_ascii_lowercase();
    WORDS.iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_not_known_is_told_from_one_that_is_refused() {
        for text in [
            "Unknown command.",
            "Protocol error. Connection is closed. 10",
            "Command is not valid in this state.",
        ] {
            assert!(not_understood(text), "{text}");
        }
        for text in ["Logon failure: unknown user name or bad password.", "", "no such message"] {
            assert!(!not_understood(text), "{text}");
        }
    }
}
