//! What became of a mail, as SES tells it through EventBridge.
//!
//! Guarantees: only what is final is believed: a mail that came back, a complaint, a delivery, a refusal
//! to send. Whose mail it was is taken from what we sent, never from what came back, which whoever sends
//! it back has written; of that, one line is kept without addresses. A delivery clears an address only
//! where it came after what is on record, because events may arrive in any order.
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

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Feedback {
    /// It did not reach that address.
    Lost { address: String, because: Rejection, said: String, at: Timestamp },
    /// It reached that address.
    Delivered { address: String, at: Timestamp },
    /// SES took it, and then did not send it: it takes it for malicious.
    Rejected { said: String },
    /// Nothing that is final, or of no address of ours.
    Nothing,
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
    /// Mails that SES took and did not send.
    pub rejected: u64,
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
    #[serde(default)]
    reject: Reject,
    mail: Mail,
}

#[derive(Deserialize)]
struct Mail {
    timestamp: Timestamp,
    #[serde(default)]
    destination: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    bounced_recipients: Vec<Report>,
    timestamp: Option<Timestamp>,
}

/// What a mail system reported (RFC 3464). That it names an address says nothing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    action: Option<String>,
    status: Option<String>,
    diagnostic_code: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complaint_feedback_type: Option<String>,
    timestamp: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
struct Delivery {
    timestamp: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
struct Reject {
    reason: Option<String>,
}

impl Feedback {
    /// Reads an event of EventBridge.
    ///
    /// # Errors
    /// [`NotFeedback`].
    pub(crate) fn read(event: Value) -> Result<Self, NotFeedback> {
        let Event { detail } = serde_json::from_value(event).map_err(|_| NotFeedback)?;
        let Detail { event_type, bounce, complaint, delivery, reject, mail } = detail;
        if event_type == "Reject" {
            return Ok(Self::Rejected { said: said(&reject.reason.unwrap_or_default()) });
        }
        // Every mail of ours goes to one address.
        let [address] = mail.destination.as_slice() else { return Ok(Self::Nothing) };
        let Some(address) = mail_address(address) else { return Ok(Self::Nothing) };
        let when = |at: Option<Timestamp>| at.unwrap_or(mail.timestamp);
        Ok(match event_type.as_str() {
            "Bounce" => match bounce.rejection() {
                Some(because) => {
                    let report = bounce.bounced_recipients.iter().find_map(|r| r.diagnostic_code.as_deref());
                    let said = said(report.unwrap_or_default());
                    Self::Lost { address, because, said, at: when(bounce.timestamp) }
                }
                None => Self::Nothing,
            },
            // Some providers report that a mail is none that was unwanted.
            "Complaint" if complaint.complaint_feedback_type.as_deref() != Some("not-spam") => {
                let (because, at) = (Rejection::Complained, when(complaint.timestamp));
                Self::Lost { address, because, said: String::new(), at }
            }
            "Delivery" => Self::Delivered { address, at: when(delivery.timestamp) },
            _ => Self::Nothing,
        })
    }

    /// Puts it on record.
    ///
    /// # Errors
    /// [`Error::Registry`]; it may then be repeated.
    pub(crate) async fn record(self, registry: &Registry) -> Result<Heard, Error> {
        let mut heard = Heard::default();
        match self {
            Self::Lost { address, because, said, at } => {
                let new = registry.record_undeliverable(&address, because, &said, at).await?;
                heard.undeliverable = u64::from(new);
            }
            Self::Delivered { address, at } => {
                let mut people = registry.people(std::slice::from_ref(&address)).await?;
                let known = people.remove(&address).and_then(|person| person.undeliverable);
                if known.is_some_and(|known| known.seen_at < at) {
                    heard.cleared = u64::from(registry.clear_undeliverable(&address).await?);
                }
            }
            Self::Rejected { said } => {
                tracing::error!(said, "SES took a mail and did not send it: somebody was not told");
                heard.rejected = 1;
            }
            Self::Nothing => {}
        }
        Ok(heard)
    }
}

impl Bounce {
    /// Why a mail came back; `None`: it did not, and somebody's absence was reported.
    fn rejection(&self) -> Option<Rejection> {
        if self.bounce_type == "Permanent" {
            return Some(Rejection::Bounced);
        }
        // By now SES has given up. But it counts automatic answers ("out of office") as bounces that
        // pass, too: those are no reports.
        let is_report = |r: &Report| r.action.is_some() || r.status.is_some() || r.diagnostic_code.is_some();
        self.bounced_recipients.iter().any(is_report).then_some(Rejection::Returned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    fn to(destination: Value, mut detail: Value) -> Feedback {
        detail["mail"] = json!({
            "timestamp": "2027-04-11T09:00:00.000Z", "messageId": "m", "destination": destination,
        });
        let event = json!({ "source": "aws.ses", "detail-type": "Email", "detail": detail });
        Feedback::read(event).expect("reads")
    }

    fn to_ben(detail: Value) -> Feedback {
        to(json!(["Ben@Contoso.com"]), detail)
    }

    fn bounce(kind: &str) -> Value {
        json!({ "eventType": "Bounce", "bounce": {
            "bounceType": kind, "bounceSubType": "General", "timestamp": "2027-04-11T09:00:05.000Z",
            "bouncedRecipients": [{
                "emailAddress": "eve@contoso.com", "action": "failed", "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 <ben@contoso.com>: user\u{202e} unknown",
            }],
        }})
    }

    fn lost(because: Rejection, said: &str, moment: &str) -> Feedback {
        Feedback::Lost { address: "ben@contoso.com".into(), because, said: said.into(), at: at(moment) }
    }

    #[test]
    fn a_mail_that_came_back_counts() {
        for (kind, because) in [
            ("Permanent", Rejection::Bounced),
            ("Transient", Rejection::Returned),
            ("Undetermined", Rejection::Returned),
        ] {
            let said = "smtp; 550 5.1.1 … user unknown";
            assert_eq!(to_ben(bounce(kind)), lost(because, said, "2027-04-11T09:00:05Z"), "{kind}");
        }
        let mut away = bounce("Transient");
        away["bounce"]["bouncedRecipients"] = json!([{ "emailAddress": "ben@contoso.com" }]);
        assert_eq!(to_ben(away), Feedback::Nothing, "somebody is out of office");
    }

    #[test]
    fn a_domain_is_known_however_it_is_written() {
        for written in ["ben@müller.example", "Ben@XN--mller-kva.example"] {
            let Feedback::Lost { address, .. } = to(json!([written]), bounce("Permanent")) else {
                panic!("{written}");
            };
            assert_eq!(Some(address), mail_address("ben@Müller.example"));
        }
    }

    #[test]
    fn whose_mail_it_was_is_what_we_know() {
        for destination in [json!([]), json!(["ann@contoso.com", "ben@contoso.com"]), json!(["Ben"])] {
            for kind in ["Permanent", "Transient"] {
                assert_eq!(to(destination.clone(), bounce(kind)), Feedback::Nothing, "{destination}");
            }
        }
        let complaint = json!({ "eventType": "Complaint", "complaint": {
            "complainedRecipients": [{ "emailAddress": "eve@contoso.com" }],
        }});
        assert_eq!(to_ben(complaint), lost(Rejection::Complained, "", "2027-04-11T09:00:00Z"));
    }

    #[test]
    fn a_complaint_counts_unless_it_is_none() {
        let complaint =
            |kind: &str| json!({ "eventType": "Complaint", "complaint": { "complaintFeedbackType": kind } });
        let expected = lost(Rejection::Complained, "", "2027-04-11T09:00:00Z");
        assert_eq!(to_ben(complaint("abuse")), expected);
        assert_eq!(to_ben(complaint("not-spam")), Feedback::Nothing);
    }

    #[test]
    fn a_delivery_counts_and_so_does_a_mail_that_ses_did_not_send() {
        let detail = json!({ "eventType": "Delivery", "delivery": {
            "recipients": ["eve@contoso.com"], "timestamp": "2027-04-11T09:00:02.000Z",
        }});
        let (address, moment) = ("ben@contoso.com".to_owned(), at("2027-04-11T09:00:02Z"));
        assert_eq!(to_ben(detail), Feedback::Delivered { address, at: moment });
        let reject = json!({ "eventType": "Reject", "reject": { "reason": "Bad content" } });
        assert_eq!(to_ben(reject), Feedback::Rejected { said: "Bad content".into() });
        assert_eq!(to_ben(json!({ "eventType": "Send", "send": {} })), Feedback::Nothing);
    }

    #[test]
    fn samples_are_read() {
        for sample in [
            include_str!("../../../events/ses-bounce.json"),
            include_str!("../../../events/ses-complaint.json"),
            include_str!("../../../events/ses-delivery.json"),
        ] {
            let event = serde_json::from_str(sample).expect("JSON");
            assert_ne!(Feedback::read(event).expect("reads"), Feedback::Nothing, "{sample}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let event = json!({ "source": "aws.ses", "detail": { "mail": "ann@contoso.com" } });
        assert_eq!(Feedback::read(event), Err(NotFeedback));
    }
}
