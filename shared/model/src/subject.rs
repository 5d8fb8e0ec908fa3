//! What people are told of.

use crate::{AccountId, MailboxId, ProviderId};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What a reminder or an event is about. Written as `account:projects`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Subject {
    /// An account's authorization ends.
    Account(AccountId),
    /// A provider's client secret or certificate ends.
    Provider(ProviderId),
    /// A mailbox's password ends.
    Password(MailboxId),
    /// A provider's app registration fails.
    Incident(ProviderId),
    /// A mailbox has been failing for long.
    Mailbox(MailboxId),
    /// A person's address takes no mail.
    Address(String),
    /// Mail is fetched late.
    Schedule,
}

/// Why a text is not a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a subject, such as \"account:projects\"")]
pub struct NotASubject;

impl Subject {
    /// What kind of thing it is.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Account(_) => "account",
            Self::Provider(_) => "provider",
            Self::Password(_) => "password",
            Self::Incident(_) => "incident",
            Self::Mailbox(_) => "mailbox",
            Self::Address(_) => "address",
            Self::Schedule => "schedule",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Account(id) => id.as_str(),
            Self::Provider(id) | Self::Incident(id) => id.as_str(),
            Self::Password(id) | Self::Mailbox(id) => id.as_str(),
            Self::Address(address) => address,
            Self::Schedule => "batches",
        };
        write!(f, "{}:{name}", self.kind())
    }
}

impl FromStr for Subject {
    type Err = NotASubject;

    fn from_str(text: &str) -> Result<Self, NotASubject> {
        let (kind, name) = text.split_once(':').ok_or(NotASubject)?;
        Ok(match kind {
            "account" => Self::Account(name.parse().map_err(|_| NotASubject)?),
            "provider" => Self::Provider(name.parse().map_err(|_| NotASubject)?),
            "password" => Self::Password(name.parse().map_err(|_| NotASubject)?),
            "incident" => Self::Incident(name.parse().map_err(|_| NotASubject)?),
            "mailbox" => Self::Mailbox(name.parse().map_err(|_| NotASubject)?),
            "address" if !name.is_empty() => Self::Address(name.to_owned()),
            "schedule" => Self::Schedule,
            _ => return Err(NotASubject),
        })
    }
}

impl TryFrom<String> for Subject {
    type Error = NotASubject;

    fn try_from(text: String) -> Result<Self, NotASubject> {
        text.parse()
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_read_as_they_are_written() {
        for text in [
            "account:projects",
            "provider:contoso",
            "password:plant",
            "incident:contoso",
            "mailbox:plant",
            "address:ann@contoso.com",
            "schedule:batches",
        ] {
            assert_eq!(text.parse::<Subject>().expect(text).to_string(), text);
        }
        for bad in ["", "account", "account:", "account:A b", "address:", "thing:x"] {
            assert_eq!(bad.parse::<Subject>(), Err(NotASubject), "{bad}");
        }
    }
}
