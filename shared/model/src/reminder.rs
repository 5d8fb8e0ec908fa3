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
    /// When that stage began.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub began_at: Timestamp,
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

impl Reminder {
    /// Whether it tells its recipient of a stage of its end that began at a moment. How often an end was
    /// said again is another number where it is said more or less often since, so what counts there is
    /// the moment.
    pub fn tells(&self, stage: Stage, began_at: Timestamp) -> bool {
        match stage {
            Stage::Overdue(_) => self.stage.is_overdue() && self.began_at >= began_at,
            before => self.stage == before,
        }
    }
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Recipient {
    /// A person, by mail; the address as [`mail_address`](crate::mail_address) has it.
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
    /// The address, as people are told apart by it.
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
    /// Mail to it came back for a reason that may pass, such as a full mailbox.
    Returned,
    /// Its owner reported a mail as unwanted.
    Complained,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Calendar, Expiry};
    use jiff::{SignedDuration, tz::TimeZone};

    /// The days on which one recipient hears of what ended on day 0, where the days between two of them
    /// are others from day 30 on.
    fn told(before: Option<u16>, after: Option<u16>) -> Vec<i64> {
        let start: Timestamp = "2027-01-01T09:00:00Z".parse().expect("a moment");
        let expiry = Expiry::noted(start, Governs::ClientSecret);
        let mut told: Vec<Reminder> = Vec::new();
        for hour in 0..24 * 60 {
            let now = start + SignedDuration::from_hours(hour);
            let repeat_days = if hour < 24 * 30 { before } else { after };
            let calendar = Calendar { zone: TimeZone::UTC, repeat_days };
            let Some(stage) = calendar.standing(&expiry, now).stage else { continue };
            let began_at = calendar.begins(&expiry, stage);
            if !told.iter().any(|told| told.tells(stage, began_at)) {
                told.push(Reminder {
                    subject: Subject::Schedule,
                    ends_at: start,
                    governs: expiry.governs,
                    stage,
                    began_at,
                    recipient: Recipient::Events,
                    sent_at: now,
                    message_id: None,
                });
            }
        }
        told.into_iter().map(|told| told.sent_at.duration_since(start).as_hours() / 24).collect()
    }

    #[test]
    fn another_number_of_days_neither_repeats_nor_silences() {
        for (before, after, expected) in [
            (Some(7), Some(7), &[0, 7, 14, 21, 28, 35, 42, 49, 56][..]),
            (Some(7), Some(14), &[0, 7, 14, 21, 28, 42, 56]),
            (Some(7), Some(10), &[0, 7, 14, 21, 28, 30, 40, 50]),
            (Some(14), Some(7), &[0, 14, 28, 35, 42, 49, 56]),
            (Some(7), None, &[0, 7, 14, 21, 28]),
            (None, Some(7), &[0, 30, 35, 42, 49, 56]),
        ] {
            assert_eq!(told(before, after), expected, "{before:?} {after:?}");
        }
    }

    #[test]
    fn a_stage_before_the_end_is_told_once_whenever_it_began() {
        let (now, later) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1));
        let reminder = Reminder {
            subject: Subject::Schedule,
            ends_at: later,
            governs: Governs::Policy,
            stage: Stage::Week,
            began_at: now,
            recipient: Recipient::Events,
            sent_at: now,
            message_id: None,
        };
        assert!(reminder.tells(Stage::Week, now) && reminder.tells(Stage::Week, later));
        assert!(!reminder.tells(Stage::Day, now) && !reminder.tells(Stage::Overdue(0), now));
    }
}
