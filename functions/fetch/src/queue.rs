//! The fetch queue, from its consumer's side: work that goes on in messages of its own.

use aws_sdk_sqs::Client;
use postroom_model::{Cause, MailboxId, Refusal, Work};
use std::time::Duration;

/// The rights that it needs.
const SEND: &str = "sqs:SendMessage";
const CHANGE: &str = "sqs:ChangeMessageVisibility";

/// The fetch queue.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) sqs: Client,
    pub(crate) url: String,
}

impl Queue {
    /// Lets the mailbox's backlog go on in a message of its own.
    pub(crate) async fn go_on(&self, mailbox: &MailboxId) -> Result<(), Refusal> {
        self.send(&Work::Mailbox { id: mailbox.clone(), cause: Cause::Backlog }, Duration::ZERO).await
    }

    /// Sends work that becomes visible after `delay` (at most 15 minutes).
    pub(crate) async fn send(&self, work: &Work, delay: Duration) -> Result<(), Refusal> {
        let body = serde_json::to_string(work).map_err(|_| Refusal::unbuilt(SEND, &self.resource()))?;
        let delay = i32::try_from(delay.as_secs().min(900)).unwrap_or(900);
        let send = self.sqs.send_message().queue_url(&self.url).message_body(body).delay_seconds(delay);
        send.send().await.map(drop).map_err(|error| postroom_aws::refusal(SEND, &self.resource(), &error))
    }

    /// Lets a message that failed come again after `pause` instead of after the queue's visibility
    /// timeout.
    pub(crate) async fn retry_after(&self, receipt: Option<&str>, pause: Duration) -> Result<(), Refusal> {
        let Some(receipt) = receipt else { return Ok(()) };
        let seconds = i32::try_from(pause.as_secs()).unwrap_or(i32::MAX);
        let change = self.sqs.change_message_visibility().queue_url(&self.url).receipt_handle(receipt);
        let changed = change.visibility_timeout(seconds).send().await;
        changed.map(drop).map_err(|error| postroom_aws::refusal(CHANGE, &self.resource(), &error))
    }

    fn resource(&self) -> String {
        format!("queue {}", self.url)
    }
}
