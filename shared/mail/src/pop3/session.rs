//! A signed-in session, and what happens to messages at the server after they are archived.

use super::dialogue::Dialogue;
use crate::{Capabilities, Error, MailStream, Traffic};
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

/// How long closing a connection may take.
const CLOSING: Duration = Duration::from_secs(1);
/// The most commands that are on their way at a time, where the server takes several.
pub(super) const IN_FLIGHT: usize = 32;

/// A signed-in connection. Its other commands are in the modules of what they work on: listing, bodies.
///
/// A server lets one session at a time have the mailbox, and nothing in it changes meanwhile (RFC 1939
/// section 4): a message's number is good to the end of the session, and no longer.
///
/// After an error for which [`Error::leaves_session_usable`] is false, after a call that was given
/// up in the middle, and after [`Bodies`](super::Bodies) that were not read to their end, every
/// further call is [`Error::OutOfStep`]: the connection is to be dropped, and made anew. Messages that
/// were marked as deleted in it stay.
pub struct Session<S = MailStream> {
    pub(super) dialogue: Dialogue<S>,
    pub(super) capabilities: Capabilities,
    /// What a listing that has been begun will list.
    pub(super) begun: Option<Count>,
}

/// What is in a mailbox, without the messages that this session has marked as deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How many messages.
    pub messages: u32,
    /// Their size in bytes, as the server says.
    pub bytes: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    pub(super) fn new(dialogue: Dialogue<S>, capabilities: Capabilities) -> Self {
        Self { dialogue, capabilities, begun: None }
    }

    /// What the server offered before the sign-in; nothing, if it does not know CAPA.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The least time between two sign-ins, if the server says (LOGIN-DELAY, RFC 2449 section 6.5).
    pub fn login_delay(&self) -> Option<Duration> {
        self.dialogue.login_delay
    }

    /// What has gone over the connection since it was encrypted.
    pub fn traffic(&self) -> Traffic {
        self.dialogue.wire.traffic()
    }

    /// How much is in the mailbox (STAT, RFC 1939 section 5).
    ///
    /// # Errors
    /// [`Error::Refused`], and what ends the session.
    pub async fn count(&mut self) -> Result<Count, Error> {
        let status = self.dialogue.exchange("STAT").await?;
        Count::parse(&self.dialogue.accepted("STAT", status)?)
    }

    /// Marks messages as deleted (DELE). They are gone when [`Session::quit`] says so, and not before.
    ///
    /// # Errors
    /// [`Error::Refused`] with the first refusal: the other messages are marked all the same. And what
    /// ends the session.
    pub async fn delete(&mut self, numbers: &[u32]) -> Result<(), Error> {
        let together = if self.pipelines() { IN_FLIGHT } else { 1 };
        let mut deleted = Ok(());
        self.dialogue.begin()?;
        for numbers in numbers.chunks(together) {
            for number in numbers {
                self.dialogue.command(&format!("DELE {number}"));
            }
            for _ in numbers {
                let status = self.dialogue.status().await?;
                deleted = deleted.and(self.dialogue.accepted("DELE", status).map(drop));
            }
        }
        self.dialogue.end();
        deleted
    }

    /// Takes back every mark of this session (RSET).
    ///
    /// # Errors
    /// [`Error::Refused`], and what ends the session.
    pub async fn reset(&mut self) -> Result<(), Error> {
        let status = self.dialogue.exchange("RSET").await?;
        self.dialogue.accepted("RSET", status).map(drop)
    }

    /// Ends the session (QUIT): the server removes what was marked as deleted, and says whether it
    /// could (RFC 1939 section 6).
    ///
    /// # Errors
    /// [`Error::Refused`], when some messages were not removed. [`Error::OutOfStep`], when the session
    /// was not usable any more: nothing was sent, and nothing is removed. After any other error nobody
    /// knows what was removed.
    pub async fn quit(mut self) -> Result<Traffic, Error> {
        let answered = self.dialogue.exchange("QUIT").await;
        _ = timeout(CLOSING, self.dialogue.wire.shutdown()).await;
        self.dialogue.accepted("QUIT", answered?)?;
        Ok(self.traffic())
    }

    /// Whether commands may follow one another before they are answered (RFC 2449 section 6.6).
    pub(super) fn pipelines(&self) -> bool {
        self.capabilities.has("PIPELINING")
    }
}

impl Count {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let mut numbers = text.split_ascii_whitespace().map_while(|word| word.parse::<u64>().ok());
        let messages = numbers.next().and_then(|count| u32::try_from(count).ok());
        let messages = messages.ok_or(Error::Protocol("an answer to STAT without a number of messages"))?;
        Ok(Self { messages, bytes: numbers.next().unwrap_or_default() })
    }
}
