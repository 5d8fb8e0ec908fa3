//! What machines are told: events on EventBridge's default bus, with the source `postroom`.
//!
//! Guarantees: an event holds no mail address and no secret, and nothing that a server said in its own
//! words; a field of a version never changes its meaning, and a version only gains fields.
//!
//! The detail of each, in JSON (see `docs/events.md` for its schema):
//!
//! | detail-type | detail |
//! |---|---|
//! | `Postroom Expiry` | [`Detail`] with [`Expiring`]: something ends, and reached a stage |
//! | `Postroom Incident` | [`Detail`] with [`Trouble`]: something fails, goes on failing, works again |

mod summary;

use jiff::Timestamp;
use postroom_model::{
    Account, ClientAuth, Expiry, FaultClass, Governs, ProviderId, Rejection, Stage, Subject,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Who sends these events.
pub const SOURCE: &str = "postroom";
/// What versions of [`Detail`] are counted by.
const VERSION: u32 = 1;
/// Bytes of the digest that stands for an address.
const DIGEST: usize = 6;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Detail {
    version: u32,
    stack: String,
    subject: Named,
    /// When it was seen.
    #[serde(serialize_with = "moment")]
    at: Timestamp,
    /// The same as a sentence.
    summary: String,
    #[serde(flatten)]
    news: News,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Named {
    kind: &'static str,
    id: String,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum News {
    /// Something ends.
    Expiry(Expiring),
    /// Something fails.
    Incident(Trouble),
}

/// Something ends. Subjects: `account`, `provider`, `password`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expiring {
    /// When it ends, or ended.
    #[serde(serialize_with = "moment")]
    pub ends_at: Timestamp,
    /// Why then.
    pub governs: Governs,
    /// How near that is: `month`, `week`, `day` or `overdue`.
    pub stage: &'static str,
    /// How often it was said before that it has ended; 0 before.
    pub repeat: u32,
    /// The provider of an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderId>,
    /// What of a provider ends: `secret`, `certificate` or `service_account`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_auth: Option<ClientAuth>,
    /// Mailboxes that use an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailboxes: Option<usize>,
}

/// Something fails. Subjects: `incident` (a provider's app registration), `mailbox`, `schedule`,
/// `address` (an operator's, which takes no mail; the event has a digest in place of it).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// How it stands.
    pub state: State,
    /// When it began.
    #[serde(serialize_with = "moment")]
    pub since: Timestamp,
    /// What kind of failure it is, as in `postroom status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<FaultClass>,
    /// Why an address takes no mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection: Option<Rejection>,
}

/// How a failure stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is new.
    Opened,
    /// It goes on, and that is said again.
    Open,
    /// It is over.
    Closed,
}

impl Expiring {
    /// An end at one of its stages.
    pub fn new(expiry: &Expiry, stage: Stage) -> Self {
        let (stage, repeat) = match stage {
            Stage::Month => ("month", 0),
            Stage::Week => ("week", 0),
            Stage::Day => ("day", 0),
            Stage::Overdue(repeat) => ("overdue", repeat),
        };
        Self {
            ends_at: expiry.at,
            governs: expiry.governs,
            stage,
            repeat,
            provider: None,
            client_auth: None,
            mailboxes: None,
        }
    }

    /// The same of an account with so many mailboxes.
    #[must_use]
    pub fn of_account(self, account: &Account, mailboxes: usize) -> Self {
        Self { provider: Some(account.provider.clone()), mailboxes: Some(mailboxes), ..self }
    }
}

impl Detail {
    /// An event of a stack about something, as it is seen at `at`.
    pub fn new(stack: &str, subject: &Subject, at: Timestamp, news: News) -> Self {
        let id = match subject {
            Subject::Address(address) => digest(stack, address),
            other => other.to_string().split_once(':').map_or_else(String::new, |(_, id)| id.to_owned()),
        };
        let summary = summary::of(subject, &id, &news);
        Self {
            version: VERSION,
            stack: stack.to_owned(),
            subject: Named { kind: subject.kind(), id },
            at,
            summary,
            news,
        }
    }

    /// The event's `detail-type`.
    pub fn detail_type(&self) -> &'static str {
        match self.news {
            News::Expiry(_) => "Postroom Expiry",
            News::Incident(_) => "Postroom Incident",
        }
    }
}

/// What an event calls an address: the same for the same address of a stack, and in hexadecimal. It
/// hides an address from whoever does not know it, and confirms it to whoever does.
fn digest(stack: &str, address: &str) -> String {
    let digest = Sha256::digest(format!("{stack}\n{address}"));
    digest.iter().take(DIGEST).map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 3339, in whole seconds of UTC.
fn moment<S: serde::Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&at.strftime("%Y-%m-%dT%H:%M:%SZ"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    #[test]
    fn details_are_what_the_schema_says() {
        let account =
            serde_json::json!({ "id": "projects", "provider": "contoso", "grant": "authorization_code" });
        let account: Account = serde_json::from_value(account).expect("an account");
        let end = at("2027-04-11T09:00:00.5Z");
        let expiry = Expiry { at: end, governs: Governs::IdleLimit, since: Timestamp::MIN };
        let news = News::Expiry(Expiring::new(&expiry, Stage::Overdue(2)).of_account(&account, 12));
        let subject = "account:projects".parse().expect("a subject");
        let detail = Detail::new("post", &subject, at("2027-04-25T09:00:00Z"), news);
        assert_eq!(detail.detail_type(), "Postroom Expiry");
        assert_eq!(
            serde_json::to_value(&detail).expect("writes"),
            serde_json::json!({
                "version": 1, "stack": "post", "subject": { "kind": "account", "id": "projects" },
                "at": "2027-04-25T09:00:00Z",
                "summary": "The authorization of account projects ended on 11 April 2027 at 09:00 UTC: the server \
                    ends what is not renewed for so long. 12 mailboxes use it. This is said again until it is solved (repeat 2).",
                "ends_at": "2027-04-11T09:00:00Z", "governs": "idle_limit",
                "stage": "overdue", "repeat": 2, "provider": "contoso", "mailboxes": 12,
            })
        );

        assert_eq!(mistakes(EXPIRY, &detail), [""; 0]);

        let trouble = Trouble {
            state: State::Opened,
            since: at("2027-04-11T09:00:00Z"),
            class: Some(FaultClass::AppRegistration),
            rejection: None,
        };
        let subject = "incident:contoso".parse().expect("a subject");
        let detail = Detail::new("post", &subject, at("2027-04-11T10:00:00Z"), News::Incident(trouble));
        assert_eq!(detail.detail_type(), "Postroom Incident");
        assert_eq!(
            serde_json::to_value(&detail).expect("writes"),
            serde_json::json!({
                "version": 1, "stack": "post", "subject": { "kind": "incident", "id": "contoso" },
                "at": "2027-04-11T10:00:00Z",
                "summary": "The app registration at provider contoso fails, since 11 April 2027 at 09:00 UTC, \
                    and with it all its accounts.",
                "state": "opened", "since": "2027-04-11T09:00:00Z",
                "class": "app_registration",
            })
        );
        assert_eq!(mistakes(INCIDENT, &detail), [""; 0]);
    }

    const EXPIRY: &str = include_str!("../../../docs/events/expiry.schema.json");
    const INCIDENT: &str = include_str!("../../../docs/events/incident.schema.json");

    fn mistakes(schema: &str, detail: &Detail) -> Vec<String> {
        let schema = serde_json::from_str(schema).expect("JSON");
        let schema = jsonschema::validator_for(&schema).expect("a schema");
        let detail = serde_json::to_value(detail).expect("writes");
        schema.iter_errors(&detail).map(|mistake| mistake.to_string()).collect()
    }

    #[test]
    fn every_reason_and_class_is_in_the_schema() {
        let end = at("2027-04-11T09:00:00Z");
        let subject = "password:plant".parse().expect("a subject");
        for stage in [Stage::Month, Stage::Week, Stage::Day, Stage::Overdue(0)] {
            let expiry = Expiry { at: end, governs: Governs::Password, since: end };
            let detail = Detail::new("post", &subject, end, News::Expiry(Expiring::new(&expiry, stage)));
            assert_eq!(mistakes(EXPIRY, &detail), [""; 0], "{stage}");
        }
        let subject = "mailbox:plant".parse().expect("a subject");
        for class in FaultClass::ALL {
            for state in [State::Opened, State::Closed] {
                let trouble = Trouble { state, since: end, class: Some(*class), rejection: None };
                let detail = Detail::new("post", &subject, end, News::Incident(trouble));
                assert_eq!(mistakes(INCIDENT, &detail), [""; 0], "{class}");
            }
        }
    }
}
