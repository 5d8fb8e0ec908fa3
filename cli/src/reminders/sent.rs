//! What was told to whom.

use crate::{Error, deployment::Deployment};
use jiff::Timestamp;
use postroom_model::{Governs, Recipient, Reminder, Stage, Subject};
use serde::Serialize;

/// One thing that was told to one recipient.
#[derive(Debug, Clone, Serialize)]
pub struct SentReport {
    /// When.
    pub sent_at: Timestamp,
    /// What it was about.
    pub subject: Subject,
    /// How near its end was.
    pub stage: Stage,
    /// Who was told.
    pub recipient: Recipient,
    /// When it ends.
    pub ends_at: Timestamp,
    /// What makes it end then.
    pub ended_by: Governs,
    /// The id of the mail or of the event; absent where nothing could be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
}

impl From<Reminder> for SentReport {
    fn from(reminder: Reminder) -> Self {
        let Reminder { subject, ends_at, governs, stage, recipient, sent_at, message_id, .. } = reminder;
        Self { sent_at, subject, stage, recipient, ends_at, ended_by: governs, message_id }
    }
}

/// What was told last, of one subject or of all, and whether there is more.
pub(super) async fn sent(
    deployment: &Deployment,
    subject: Option<&Subject>,
    limit: usize,
) -> Result<(Vec<SentReport>, bool), Error> {
    let registry = &deployment.registry;
    let (mut reminders, more) = match subject {
        Some(subject) => {
            let mut reminders = registry.reminders_of(subject, None).await?;
            reminders.reverse();
            let more = reminders.len() > limit;
            (reminders, more)
        }
        None => {
            let (mut reminders, mut from) = (Vec::new(), None);
            loop {
                let page = registry.reminders(from.as_ref(), limit - reminders.len()).await?;
                reminders.extend(page.items);
                from = page.next;
                if from.is_none() || reminders.len() >= limit {
                    break (reminders, from.is_some());
                }
            }
        }
    };
    reminders.truncate(limit);
    Ok((reminders.into_iter().map(SentReport::from).collect(), more))
}
