//! Why a folder's run fails, and whom it blames.

use crate::{large::LargeError, s3_error::S3Error};
use postroom_mail::source::{Entry, Moved};
use postroom_model::{Fault, FaultClass};

/// Why a folder's run failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    /// The mail server or the way to it.
    #[error(transparent)]
    Mail(#[from] postroom_mail::Error),
    /// The archive.
    #[error(transparent)]
    Archive(#[from] S3Error),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] postroom_registry::Error),
    /// One message cannot be had; everything before it is done.
    #[error("message {} cannot be fetched", entry.number)]
    Message {
        /// Whether the session can be used further.
        session_usable: bool,
        /// The message.
        entry: Entry,
        /// The folder's UIDVALIDITY; 0 in a maildrop.
        uid_validity: u32,
        /// What is to be put on record when the message is passed over.
        past: Box<Moved>,
        /// What happened.
        fault: Box<Fault>,
    },
    /// The time was up in the middle of a round.
    #[error("the time for the mailbox was up")]
    OutOfTime,
    /// A message did not arrive before the time for the mailbox was up.
    #[error("the message did not arrive in the time that there was")]
    GaveUp,
    /// The folder may only be read, and something is to be changed in it.
    #[error("the folder may only be read, and after_fetch asks for a change in it")]
    ReadOnly,
    /// The server lists a message and does not deliver it.
    #[error("the server lists a message that it does not deliver")]
    Withheld,
    /// The server delivers a message in another size each time.
    #[error("the server delivers a message in another size each time")]
    Unsteady,
    /// The server has not removed what it said it had.
    #[error("the server still lists messages that it said were removed")]
    NotRemoved,
    /// One message cannot be stored; the others can.
    #[error("the message cannot be stored: {}", fault.reason)]
    Unstorable {
        /// Whether the session can be used further.
        session_usable: bool,
        /// What happened.
        fault: Fault,
    },
    /// A task of this process was ended from outside.
    #[error("a task stopped in mid-flight")]
    Task(#[from] tokio::task::JoinError),
}

impl From<LargeError> for FolderError {
    fn from(error: LargeError) -> Self {
        match error {
            LargeError::Mail(error) => Self::Mail(error),
            LargeError::S3(error) => Self::Archive(error),
            LargeError::GaveUp => Self::GaveUp,
        }
    }
}

impl FolderError {
    /// Whether the session can be used further: the mailbox's other folders may be well.
    pub(crate) fn leaves_session_usable(&self) -> bool {
        match self {
            Self::Mail(error) => error.leaves_session_usable(),
            Self::Message { session_usable, .. } | Self::Unstorable { session_usable, .. } => *session_usable,
            Self::Withheld | Self::Unsteady | Self::ReadOnly | Self::NotRemoved => true,
            Self::Archive(_) | Self::Registry(_) | Self::OutOfTime | Self::GaveUp | Self::Task(_) => false,
        }
    }

    /// The fault as it is kept at the mailbox.
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::Mail(error) => error.fault(),
            Self::Archive(error) => error.fault(),
            Self::Registry(error) => error.fault(),
            Self::Message { fault, entry, uid_validity, .. } => {
                let number = if *uid_validity == 0 { "message" } else { "message UID" };
                Fault { reason: format!("{number} {}: {}", entry.number, fault.reason), ..(**fault).clone() }
            }
            Self::OutOfTime | Self::GaveUp => Fault::new(FaultClass::TimedOut, self.to_string()),
            Self::ReadOnly => Fault::new(FaultClass::NoMailboxAccess, self.to_string()),
            Self::Withheld | Self::Unsteady | Self::NotRemoved => {
                Fault::new(FaultClass::Protocol, self.to_string())
            }
            Self::Unstorable { fault, .. } => fault.clone(),
            Self::Task(_) => Fault::new(FaultClass::Bug, self.to_string()),
        }
    }

    /// Whether a message can be the cause of it. A server that refuses one message and goes on may say
    /// so in whatever words, as long as they are not about the mailbox.
    pub(crate) fn may_be_a_message(&self) -> bool {
        let Self::Mail(error) = self else {
            return matches!(self, Self::Withheld | Self::Unsteady | Self::GaveUp | Self::Unstorable { .. });
        };
        match error.fault().class {
            FaultClass::ConnectionLost
            | FaultClass::Protocol
            | FaultClass::TemporarilyUnavailable
            | FaultClass::TimedOut
            | FaultClass::Unknown => true,
            FaultClass::Throttled
            | FaultClass::OverQuota
            | FaultClass::NoMailboxAccess
            | FaultClass::TokenRefused
            | FaultClass::WebLoginRequired => false,
            _ => error.leaves_session_usable(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postroom_mail::{Answer, Error};

    #[test]
    fn a_message_is_blamed_for_what_a_message_can_cause() {
        let refused = |class| {
            let answer = Answer { class, text: "no".into(), code: None, retry_after: None };
            FolderError::Mail(Error::Refused { command: "RETR", answer })
        };
        for class in [FaultClass::Unknown, FaultClass::AccountPolicy, FaultClass::Folder, FaultClass::Bug] {
            assert!(refused(class).may_be_a_message(), "{class}");
        }
        for class in [FaultClass::Throttled, FaultClass::OverQuota, FaultClass::NoMailboxAccess] {
            assert!(!refused(class).may_be_a_message(), "{class}");
        }
        assert!(FolderError::Mail(Error::ConnectionLost).may_be_a_message());
        assert!(!FolderError::Mail(Error::OutOfStep).may_be_a_message(), "our own fault");
        assert!(FolderError::Unsteady.may_be_a_message() && !FolderError::OutOfTime.may_be_a_message());
    }
}
