//! The fetch queue, from its consumer's side: work that goes on in messages of its own.

use aws_sdk_sqs::{Client, error::DisplayErrorContext};
use postroom_model::{Cause, MailboxId, Work};
use std::time::Duration;

/// The fetch queue.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) sqs: Client,
    pub(crate) url: String,
}

/// A message that could not be sent.
#[derive(Debug, thiserror::Error)]
#[error("SQS SendMessage to {url} failed: {reason}")]
pub(crate) struct QueueError {
    url: String,
    reason: String,
}

impl Queue {
    /// Lets the mailbox's backlog go on in a message of its own.
    pub(crate) async fn go_on(&self, mailbox: &MailboxId) -> Result<(), QueueError> {
        self.send(&Work::Mailbox { id: mailbox.clone(), cause: Cause::Backlog }, Duration::ZERO).await
    }

    /// Sends work that becomes visible after `delay` (at most 15 minutes).
    pub(crate) async fn send(&self, work: &Work, delay: Duration) -> Result<(), QueueError> {
        let failed = |reason: String| QueueError { url: self.url.clone(), reason };
        let body = serde_json::to_string(work).map_err(|error| failed(error.to_string()))?;
        let delay = i32::try_from(delay.as_secs().min(900)).unwrap_or(900);
        let send = self.sqs.send_message().queue_url(&self.url).message_body(body).delay_seconds(delay);
        send.send().await.map(drop).map_err(|error| failed(DisplayErrorContext(error).to_string()))
    }

    /// Lets a message that failed come again after `pause` instead of after the queue's visibility
    /// timeout. Where that fails, the longer time holds.
    pub(crate) async fn retry_after(&self, receipt: Option<&str>, pause: Duration) {
        let Some(receipt) = receipt else { return };
        let seconds = i32::try_from(pause.as_secs()).unwrap_or(i32::MAX);
        let change = self.sqs.change_message_visibility().queue_url(&self.url).receipt_handle(receipt);
        if let Err(error) = change.visibility_timeout(seconds).send().await {
            tracing::warn!(error = %DisplayErrorContext(error), "SQS ChangeMessageVisibility failed");
        }
    }
}
