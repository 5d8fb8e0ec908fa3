//! What became of a mail, as SES tells it through EventBridge.
//!
//! Guarantees: only what is final is believed: a mail that came back for good, a complaint, a delivery.
//! What a mail system said is kept without addresses. A delivery clears an address only where it came
//! after what is on record, because events may arrive in any order.
//!
//! Source: <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>,
//! wrapped as in <https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html>.

use crate::Error;
use jiff::Timestamp;
use postroom_letter::said;
use postroom_model::{Rejection, mail_address};
use postroom_registry::Registry;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What became of a mail to some addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Feedback(Vec<(String, Fate)>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    Rejected { because: Rejection, said: String, at: Timestamp },
    Delivered { at: Timestamp },
}

/// SES said something that cannot be read. What it is would name addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of SES that cannot be read")]
pub struct NotFeedback;

/// What was learnt from it; the function's answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Heard {
    /// Addresses that take no mail, which was not known.
    pub undeliverable: u64,
    /// Addresses that take mail again.
    pub cleared: u64,
}

#[derive(Deserialize)]
struct Event {
    detail: Detail,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    event_type: String,
    #[serde(default)]
    bounce: Bounce,
    #[serde(default)]
    complaint: Complaint,
    #[serde(default)]
    delivery: Delivery,
    mail: Mail,
}

#[derive(Deserialize)]
struct Mail {
    timestamp: Timestamp,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    bounced_recipients: Vec<Recipient>,
    timestamp: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complained_recipients: Vec<Recipient>,
    complaint_feedback_type: Option<String>,
    timestamp: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
struct Delivery {
    recipients: Vec<String>,
    timestamp: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: String,
    diagnostic_code: Option<String>,
}

impl Feedback {
    /// Reads an event of EventBridge. What is not final says nothing of any address.
    ///
    /// # Errors
    /// [`NotFeedback`].
    pub(crate) fn read(event: Value) -> Result<Self, NotFeedback> {
        let Event { detail } = serde_json::from_value(event).map_err(|_| NotFeedback)?;
        let Detail { event_type, bounce, complaint, delivery, mail } = detail;
        let rejected = |recipients: Vec<Recipient>, because, at: Option<Timestamp>| {
            let at = at.unwrap_or(mail.timestamp);
            let fate = move |recipient: Recipient| {
                let said = said(&recipient.diagnostic_code.unwrap_or_default());
                (recipient.email_address, Fate::Rejected { because, said, at })
            };
            recipients.into_iter().map(fate).collect()
        };
        let fates: Vec<_> = match event_type.as_str() {
            // Others may pass: a full mailbox, an automatic reply.
            "Bounce" if bounce.bounce_type == "Permanent" => {
                rejected(bounce.bounced_recipients, Rejection::Bounced, bounce.timestamp)
            }
            // Some providers report that a mail is none that was unwanted.
            "Complaint" if complaint.complaint_feedback_type.as_deref() != Some("not-spam") => {
                rejected(complaint.complained_recipients, Rejection::Complained, complaint.timestamp)
            }
            "Delivery" => {
                let at = delivery.timestamp.unwrap_or(mail.timestamp);
                delivery.recipients.into_iter().map(|address| (address, Fate::Delivered { at })).collect()
            }
            _ => Vec::new(),
        };
        let named = |(address, fate): (String, Fate)| Some((mail_address(&address)?, fate));
        Ok(Self(fates.into_iter().filter_map(named).collect()))
    }

    /// Puts it on record.
    ///
    /// # Errors
    /// [`Error::Registry`]; it may then be repeated.
    pub(crate) async fn record(self, registry: &Registry) -> Result<Heard, Error> {
        let mut heard = Heard::default();
        for (address, fate) in self.0 {
            match fate {
                Fate::Rejected { because, said, at } => {
                    let new = registry.record_undeliverable(&address, because, &said, at).await?;
                    heard.undeliverable += u64::from(new);
                }
                Fate::Delivered { at } => {
                    let mut people = registry.people(std::slice::from_ref(&address)).await?;
                    let known = people.remove(&address).and_then(|person| person.undeliverable);
                    if known.is_some_and(|known| known.seen_at < at) {
                        heard.cleared += u64::from(registry.clear_undeliverable(&address).await?);
                    }
                }
            }
        }
        Ok(heard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    fn read(mut detail: Value) -> Vec<(String, Fate)> {
        detail["mail"] = json!({ "timestamp": "2027-04-11T09:00:00.000Z", "messageId": "m" });
        let event = json!({ "source": "aws.ses", "detail-type": "Email", "detail": detail });
        Feedback::read(event).expect("reads").0
    }

    fn bounce(kind: &str) -> Value {
        json!({ "eventType": "Bounce", "bounce": {
            "bounceType": kind, "bounceSubType": "General", "timestamp": "2027-04-11T09:00:05.000Z",
            "bouncedRecipients": [{
                "emailAddress": "Ben@Contoso.com", "action": "failed", "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 <ben@contoso.com>: user unknown",
            }],
        }})
    }

    #[test]
    fn a_mail_that_came_back_for_good_counts() {
        let fate = Fate::Rejected {
            because: Rejection::Bounced,
            said: "smtp; 550 5.1.1 … user unknown".into(),
            at: at("2027-04-11T09:00:05Z"),
        };
        assert_eq!(read(bounce("Permanent")), [("ben@contoso.com".to_owned(), fate)]);
        assert_eq!(read(bounce("Transient")), []);
        assert_eq!(read(bounce("Undetermined")), []);
    }

    #[test]
    fn a_complaint_counts_unless_it_is_none() {
        let complaint = |kind: &str| {
            json!({ "eventType": "Complaint", "complaint": {
                "complainedRecipients": [{ "emailAddress": "ann@contoso.com" }, { "emailAddress": "?" }],
                "complaintFeedbackType": kind,
            }})
        };
        let fate = Fate::Rejected {
            because: Rejection::Complained,
            said: String::new(),
            at: at("2027-04-11T09:00:00Z"),
        };
        assert_eq!(read(complaint("abuse")), [("ann@contoso.com".to_owned(), fate)]);
        assert_eq!(read(complaint("not-spam")), []);
    }

    #[test]
    fn a_delivery_counts() {
        let detail = json!({ "eventType": "Delivery", "delivery": {
            "recipients": ["ann@contoso.com"], "timestamp": "2027-04-11T09:00:02.000Z",
        }});
        let fate = Fate::Delivered { at: at("2027-04-11T09:00:02Z") };
        assert_eq!(read(detail), [("ann@contoso.com".to_owned(), fate)]);
        assert_eq!(read(json!({ "eventType": "Reject", "reject": { "reason": "Bad content" } })), []);
    }

    #[test]
    fn samples_are_read() {
        for sample in [
            include_str!("../../../events/ses-bounce.json"),
            include_str!("../../../events/ses-complaint.json"),
            include_str!("../../../events/ses-delivery.json"),
        ] {
            let event = serde_json::from_str(sample).expect("JSON");
            assert_eq!(Feedback::read(event).expect("reads").0.len(), 1, "{sample}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let event = json!({ "source": "aws.ses", "detail": { "mail": "ann@contoso.com" } });
        assert_eq!(Feedback::read(event), Err(NotFeedback));
    }
}
