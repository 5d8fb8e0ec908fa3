//! What can go wrong with a mail server, in the variants that a caller acts on.

use crate::Mechanism;
use postroom_model::{Fault, FaultClass};
use std::{fmt, net::IpAddr, time::Duration};

/// A failure at a mail server. Its text never holds a password or token, nor anything of a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name does not resolve, or nobody answers at any of its addresses.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// The host that was asked for.
        host: String,
        /// What the resolver or the network said.
        reason: String,
    },
    /// The host is at an address of this machine or its link, and the deployment does not allow those.
    #[error("{host} is at the local address {address}, to which this deployment does not connect")]
    AddressRefused {
        /// The host that was asked for.
        host: String,
        /// Where it is.
        address: IpAddr,
    },
    /// A password or token would have crossed an unencrypted connection.
    #[error("{host} is not a host to which passwords and tokens may go unencrypted")]
    PlaintextRefused {
        /// The host that was asked for.
        host: String,
    },
    /// The certificate is not one that we trust for this host.
    #[error("the certificate of {host} is refused: {reason}")]
    Certificate {
        /// The host that was asked for.
        host: String,
        /// What is wrong with the certificate.
        reason: String,
    },
    /// TLS fails for another reason than the certificate.
    #[error("TLS with {host} fails: {reason}")]
    Tls {
        /// The host that was asked for.
        host: String,
        /// What TLS says.
        reason: String,
    },
    /// What answers at the port speaks no TLS.
    #[error("{host} does not speak TLS on this port: wrong port, or a wrong `tls` setting")]
    NotTls {
        /// The host that was asked for.
        host: String,
    },
    /// The server offers no STARTTLS (POP3: STLS).
    #[error("the server refuses STARTTLS: {0}")]
    NoStarttls(Answer),
    /// The server took too long.
    #[error("{waiting_for} did not come within {limit:?}")]
    TimedOut {
        /// How far we had come.
        stage: Stage,
        /// What was waited for, for people.
        waiting_for: &'static str,
        /// The time limit.
        limit: Duration,
    },
    /// The connection ended in the middle.
    #[error("the server closed the connection before it had answered")]
    ConnectionLost,
    /// The server ended the session with a BYE, or refused us where POP3 has a greeting.
    #[error("the server ended the session: {0}")]
    Bye(Answer),
    /// The server offers no way to sign in that may be used.
    #[error("the server does not offer {wanted}; it offers {offered}")]
    NoMechanism {
        /// What was looked for.
        wanted: &'static str,
        /// What there is.
        offered: String,
    },
    /// A user name, password or token that no protocol can carry.
    #[error("{0}")]
    Unsendable(&'static str),
    /// The server refused the sign-in.
    #[error("{mechanism} sign-in refused: {answer}{}", reason(challenge))]
    SignInRefused {
        /// How it was tried.
        mechanism: Mechanism,
        /// The final answer.
        answer: Answer,
        /// The reason that came before it, as the OAuth mechanisms send one, decoded.
        challenge: Option<String>,
    },
    /// A folder is not there or cannot be opened. The session can be used further.
    #[error("folder {folder:?}{}", because(answer))]
    Folder {
        /// Its name, or the pattern that nothing matches.
        folder: String,
        /// What the server said, if it was asked.
        answer: Option<Answer>,
    },
    /// The server refused a command. The session can be used further.
    #[error("{command} refused: {answer}")]
    Refused {
        /// The command.
        command: &'static str,
        /// What the server said.
        answer: Answer,
    },
    /// More messages are in a maildrop than can be listed.
    #[error(
        "{messages} messages are in the maildrop, and at most {most} can be listed by POP3: delete some at the \
         server, or fetch it by IMAP; `after_fetch = \"delete\"` keeps one from getting so full"
    )]
    TooFull {
        /// How many the server counts.
        messages: u32,
        /// The most that can be listed.
        most: u32,
    },
    /// The server breaks its protocol.
    #[error("the server breaks the protocol: {0}")]
    Protocol(&'static str),
    /// The session was used after a failure, or after an answer that was not read to its end.
    #[error("the session was left in the middle of an answer")]
    OutOfStep,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The host's name is being resolved.
    Resolving,
    /// TCP is being opened.
    Connecting,
    /// TLS is being agreed upon.
    Encrypting,
    /// The server owes its greeting, or says what it offers.
    Greeting,
    /// The server owes an answer, or does not read.
    Answer,
}

/// What a server said when it refused: cleaned, cut and classified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What kind of refusal it is.
    pub class: FaultClass,
    /// The server's words: status, response code without its arguments, text.
    pub text: String,
    /// The response code in capitals (RFC 5530; POP3: RFC 2449 section 8), if there was one.
    pub code: Option<String>,
    /// How long the server asked to be left alone.
    pub retry_after: Option<Duration>,
}

impl Stage {
    /// What is waited for.
    pub(crate) fn waiting_for(self) -> &'static str {
        match self {
            Self::Resolving => "an answer to the name's resolution",
            Self::Connecting => "a TCP connection",
            Self::Encrypting => "TLS",
            Self::Greeting => "the server's greeting",
            Self::Answer => "the server's answer",
        }
    }
}

impl Error {
    /// That a stage took longer than its limit.
    pub(crate) fn timed_out(stage: Stage, limit: Duration) -> Self {
        Self::TimedOut { stage, waiting_for: stage.waiting_for(), limit }
    }

    /// The failure in words that may be stored and shown.
    pub fn fault(&self) -> Fault {
        let fault = Fault::new(self.class(), self.to_string());
        match self.answer().and_then(|a| a.retry_after) {
            Some(pause) => fault.with_retry_after(pause),
            None => fault,
        }
    }

    /// Whether the session can be used further: the server refused one command, no more.
    pub fn leaves_session_usable(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Folder { .. })
    }

    /// What the server said, where it refused something.
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::NoStarttls(answer)
            | Self::Bye(answer)
            | Self::SignInRefused { answer, .. }
            | Self::Refused { answer, .. } => Some(answer),
            Self::Folder { answer, .. } => answer.as_ref(),
            _ => None,
        }
    }

    fn class(&self) -> FaultClass {
        match self {
            Self::Unreachable { .. } => FaultClass::Unreachable,
            Self::AddressRefused { .. }
            | Self::NotTls { .. }
            | Self::Unsendable(_)
            | Self::TooFull { .. } => FaultClass::Configuration,
            Self::PlaintextRefused { .. } => FaultClass::PlaintextRefused,
            Self::Certificate { .. } | Self::Tls { .. } => FaultClass::Certificate,
            Self::TimedOut { .. } => FaultClass::TimedOut,
            Self::ConnectionLost => FaultClass::ConnectionLost,
            Self::NoStarttls(_) | Self::NoMechanism { .. } => FaultClass::NoMechanism,
            Self::Folder { answer: None, .. } => FaultClass::Folder,
            Self::Bye(answer)
            | Self::SignInRefused { answer, .. }
            | Self::Refused { answer, .. }
            | Self::Folder { answer: Some(answer), .. } => answer.class,
            Self::Protocol(_) => FaultClass::Protocol,
            Self::OutOfStep => FaultClass::Bug,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn reason(challenge: &Option<String>) -> String {
    challenge.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"))
}

fn because(answer: &Option<Answer>) -> String {
    answer.as_ref().map_or_else(|| " matches none of the mailbox's folders".to_owned(), |a| format!(": {a}"))
}
