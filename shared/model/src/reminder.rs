//! What people and machines were told, and who cannot be told.

use crate::{Governs, Stage, Subject};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing that was told to one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// What it was about.
    pub subject: Subject,
    /// The end that it was about: another end is another reminder.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub ends_at: Timestamp,
    /// What makes it end then.
    pub governs: Governs,
    /// How near that end was.
    pub stage: Stage,
    /// Who was told.
    pub recipient: Recipient,
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub sent_at: Timestamp,
    /// The id of the mail (SES) or of the event (EventBridge); `None` where nothing could be sent to
    /// that address at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Recipient {
    /// A person, by mail; the address in small letters.
    Person(String),
    /// Machines, by an event. Written as `events`, which is no address.
    Events,
}

const EVENTS: &str = "events";

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Person(address) => address,
            Self::Events => EVENTS,
        })
    }
}

impl From<String> for Recipient {
    fn from(text: String) -> Self {
        if text == EVENTS { Self::Events } else { Self::Person(text) }
    }
}

impl From<Recipient> for String {
    fn from(recipient: Recipient) -> Self {
        recipient.to_string()
    }
}

/// A person's address that takes no mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undeliverable {
    /// The address, in small letters.
    #[serde(rename = "id")]
    pub address: String,
    /// What happened to the latest mail to it.
    pub because: Rejection,
    /// What the mail system said, cleaned and cut.
    pub said: String,
    /// When that happened first.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub since: Timestamp,
    /// When it happened last.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub seen_at: Timestamp,
}

/// Why an address takes no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// It is not an address.
    Invalid,
    /// SES refused to send to it: it is on the suppression list, or not verified in the sandbox.
    Refused,
    /// Mail to it came back for good.
    Bounced,
    /// Its owner reported a mail as unwanted.
    Complained,
}
