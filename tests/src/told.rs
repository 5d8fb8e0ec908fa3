//! What a lab told people and machines: mails that SES took, events that EventBridge delivered to a
//! queue of the lab's own.

use crate::{Lab, emulator};
use serde::Deserialize;
use serde_json::{Value, json};

/// A mail that SES took.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Mail {
    /// SES's id.
    pub message_id: String,
    /// Who it went to.
    pub to: Vec<String>,
    /// Its subject line.
    pub subject: String,
    /// As plain text.
    pub body_text: String,
    /// As HTML.
    pub body_html: Option<String>,
}

impl Lab {
    /// Where the mails of this lab come from: they are told apart from others' by it.
    pub fn sender(&self) -> String {
        format!("postroom@{}.test", self.settings.stack)
    }

    /// Lets mails come from this lab's sender, and has its events delivered.
    ///
    /// # Panics
    /// When the local AWS API does not do it.
    pub async fn open_post(&self) {
        let ses = aws_sdk_sesv2::Client::new(&self.aws);
        ses.create_email_identity().email_identity(self.sender()).send().await.expect("a sender");
        let sqs = aws_sdk_sqs::Client::new(&self.aws);
        let queue = sqs.create_queue().queue_name(self.events_queue()).send().await.expect("a queue");
        let queue = queue.queue_url.expect("a URL");
        let arn = aws_sdk_sqs::types::QueueAttributeName::QueueArn;
        let found = sqs.get_queue_attributes().queue_url(queue).attribute_names(arn.clone()).send().await;
        let found = found.expect("attributes").attributes.expect("attributes");
        let stack = &self.settings.stack;
        let pattern = json!({"source": ["postroom"], "detail": {"stack": [stack]}});
        let rule = json!({"Name": stack, "EventPattern": pattern.to_string(), "State": "ENABLED"});
        emulator::ask("events", "AWSEvents.PutRule", &rule).await;
        let targets = json!({"Rule": stack, "Targets": [{"Id": "queue", "Arn": found[&arn]}]});
        emulator::ask("events", "AWSEvents.PutTargets", &targets).await;
    }

    /// Every mail from this lab, in the order in which SES took them.
    ///
    /// # Panics
    /// When the local SES does not show them.
    pub async fn mails(&self) -> Vec<Mail> {
        let all = emulator::get("ses", "/_ministack/ses/messages").await;
        let by_account = all["messages"].as_object().expect("accounts");
        let ours = by_account.values().filter_map(Value::as_array).flatten();
        let ours = ours.filter(|mail| mail["Source"].as_str().is_some_and(|s| s.contains(&self.sender())));
        ours.map(|mail| Mail::deserialize(mail).expect("a mail")).collect()
    }

    /// Every event of this lab as EventBridge delivered it, in that order.
    ///
    /// # Panics
    /// When the local SQS does not show them.
    pub async fn events(&self) -> Vec<Value> {
        let path = format!("/_ministack/sqs/messages?QueueUrl={}", self.events_queue());
        let by_account = emulator::get("sqs", &path).await;
        let regions = by_account["messages"].as_object().expect("accounts").values();
        let queues =
            regions.filter_map(Value::as_object).flatten().filter_map(|(_, queues)| queues.as_object());
        let messages = queues.flatten().filter_map(|(_, messages)| messages.as_array()).flatten();
        messages.map(event).collect()
    }

    fn events_queue(&self) -> String {
        format!("{}-events", self.settings.stack)
    }
}

fn event(message: &Value) -> Value {
    serde_json::from_str(message["Body"].as_str().expect("a body")).expect("JSON")
}
