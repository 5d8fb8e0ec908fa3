//! Sending letters through SES.

use crate::{Answer, SendError, send_error::Sender};
use aws_sdk_sesv2::{
    Client,
    config::{Config, retry::RetryConfig},
    types::{Body, Content, Destination, EmailContent, Message},
};
use postroom_model::{Refusal, RefusalKind, mail_address};
use std::fmt;

/// SES, with what every letter has. Cheap to clone. `Debug` shows no address.
#[derive(Clone)]
pub struct Post {
    client: Client,
    sender: String,
    reply_to: Vec<String>,
    configuration_set: Option<String>,
}

/// A letter, as text and as HTML.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// The subject line.
    pub subject: String,
    /// The text for programs that show no HTML.
    pub text: String,
    /// The same as an HTML document.
    pub html: String,
}

/// The id that SES gave a letter: its events and its `Message-ID` header name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageId(pub String);

/// What SES lets the account send (`GetAccount`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quota {
    /// Letters a second.
    pub per_second: f64,
    /// Letters that are left of the 24 hours that end now; `None`: as many as one likes.
    pub left: Option<f64>,
    /// Whether the account is in the sandbox, where only verified addresses can be sent to.
    pub sandbox: bool,
    /// Whether anything can be sent at all.
    pub sending_enabled: bool,
}

impl Post {
    /// Letters from `sender`, whose answers go to `reply_to`; to the sender where that is empty. What
    /// becomes of them is told to the destinations of the configuration set.
    pub fn new(
        client: Client,
        sender: String,
        reply_to: Vec<String>,
        configuration_set: Option<String>,
    ) -> Self {
        Self { client, sender, reply_to, configuration_set }
    }

    /// Sends a letter to one address, and tries that once, however the client is configured: where no
    /// answer came, SES may have taken it. Whoever sends knows whether another try is worth a letter
    /// that comes twice.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(&self, letter: &Letter, to: &str) -> Result<MessageId, SendError> {
        let sender = Sender { address: &self.sender, reply_to: &self.reply_to };
        let sent = self
            .client
            .send_email()
            .from_email_address(&self.sender)
            .set_reply_to_addresses(Some(self.reply_to.clone()).filter(|addresses| !addresses.is_empty()))
            .set_configuration_set_name(self.configuration_set.clone())
            .destination(Destination::builder().to_addresses(as_sent(to)).build())
            .content(EmailContent::builder().simple(message(letter)?).build())
            .customize()
            .config_override(Config::builder().retry_config(RetryConfig::disabled()))
            .send()
            .await;
        let sent = sent.map_err(|error| SendError::of_send(&error, sender))?;
        // SES names every message it takes; one without a name was taken all the same.
        Ok(MessageId(sent.message_id.unwrap_or_default()))
    }

    /// What of an error AWS did not do for want of something, or because it takes exception to a letter, where the
    /// request needed this right.
    pub fn refusal(&self, right: &str, error: &SendError) -> Option<Refusal> {
        let resource = match &self.configuration_set {
            Some(set) => format!("SES, configuration set {set}"),
            None => "SES".to_owned(),
        };
        match error {
            SendError::Throttled => Some(Refusal::throttled(right, &resource)),
            SendError::Passing(said) => Some(Refusal::unanswered(right, &resource, said)),
            SendError::Stopped(answer) => {
                Some(answered(right, &resource, answer)).filter(|refusal| refusal.kind != RefusalKind::Other)
            }
            SendError::Rejected(answer) => Some(answered(right, &resource, answer)),
            SendError::QuotaUsedUp | SendError::Recipient(_) | SendError::Unverified(_) => None,
        }
    }

    /// What can be sent now.
    ///
    /// # Errors
    /// [`SendError`], which is never about an address.
    pub async fn quota(&self) -> Result<Quota, SendError> {
        let account =
            self.client.get_account().send().await.map_err(|error| SendError::of_request(&error))?;
        let quota = account.send_quota();
        let left = quota.filter(|quota| quota.max24_hour_send >= 0.0);
        Ok(Quota {
            // An account in the sandbox has one a second.
            per_second: quota.map(|quota| quota.max_send_rate).filter(|rate| *rate > 0.0).unwrap_or(1.0),
            left: left.map(|quota| (quota.max24_hour_send - quota.sent_last24_hours).max(0.0)),
            sandbox: !account.production_access_enabled(),
            sending_enabled: account.sending_enabled(),
        })
    }
}

fn answered(right: &str, resource: &str, Answer { code, status, said }: &Answer) -> Refusal {
    // Where SES says nothing, its code stands there.
    let message = if said == code { "" } else { said };
    Refusal::answered(right, resource, code, message, *status)
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("configuration_set", &self.configuration_set).finish_non_exhaustive()
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Letter")
    }
}

fn message(letter: &Letter) -> Result<Message, SendError> {
    let utf8 = |text: &str| {
        let content = Content::builder().data(text).charset("UTF-8").build();
        content.map_err(|error| SendError::Passing(error.to_string()))
    };
    let body = Body::builder().text(utf8(&letter.text)?).html(utf8(&letter.html)?).build();
    Ok(Message::builder().subject(utf8(&letter.subject)?).body(body).build())
}

/// An address as SES takes it: a domain in other letters than ASCII's goes as Punycode
/// (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Destination.html>).
fn as_sent(address: &str) -> String {
    mail_address(address).unwrap_or_else(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_go_as_punycode() {
        for (address, sent) in [
            ("ann@contoso.com", "ann@contoso.com"),
            ("ann@müller.example", "ann@xn--mller-kva.example"),
            // SES takes no such local part, and says so.
            ("jörg@müller.example", "jörg@xn--mller-kva.example"),
            ("no address", "no address"),
        ] {
            assert_eq!(as_sent(address), sent);
        }
    }
}
