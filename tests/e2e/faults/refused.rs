//! What AWS denies, has lost, or is asked too often for. Each run says so in one line, with the right, the resource
//! and what to do; an alarm rings; nothing is lost, or held against a mailbox or an account; and when it is mended,
//! everything goes on by itself.

mod fetch;
mod reminders;
mod schedules;

use super::alarm::Alarm;
use jiff::Timestamp;
use postroom_tests::{Act, Gate, Lab, own_log};
use serde_json::{Value, json};
use std::fs;

/// How AWS does not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Denied,
    Missing,
    Throttled,
}

impl Way {
    /// The message of the log line.
    fn line(self) -> &'static str {
        match self {
            Self::Denied => "a right is missing",
            Self::Missing => "a resource is missing",
            Self::Throttled => "AWS is asked too often",
        }
    }
}

/// One thing that AWS does not do.
#[derive(Debug, Clone, Copy)]
struct Refused {
    way: Way,
    /// The right that the line names.
    right: &'static str,
    /// What requests are refused: all whose operation ([`postroom_tests::Request::operation`]) has this in it.
    operation: &'static str,
    /// The alarm of the template that rings.
    alarm: &'static str,
}

impl Refused {
    const fn new(way: Way, right: &'static str, operation: &'static str, alarm: &'static str) -> Self {
        Self { way, right, operation, alarm }
    }

    /// What AWS answers then, as its services write it. The lab's name is in it, as a stack's is in those of its
    /// roles.
    fn act(self, lab: &str) -> Act {
        let (service, _) = self.right.split_once(':').expect("a right");
        let who = format!("arn:aws:sts::111122223333:assumed-role/{lab}-Role-1A2B/{lab}-Function");
        let right = if service == "sqs" { self.right.to_lowercase() } else { self.right.to_owned() };
        let arn = arn(service, lab);
        let denied = match self.right {
            // Of sending SES decides by itself, and writes as nobody else does.
            "ses:SendEmail" => {
                format!("User `{who}' is not authorized to perform `{right}' on resource `{arn}'")
            }
            // What is nobody's in particular is everything's.
            "ses:GetAccount" => format!(
                "User: {who} is not authorized to perform: {right} on resource: * because no identity-based policy \
                 allows the {right} action"
            ),
            _ => format!(
                "User: {who} is not authorized to perform: {right} on resource: {arn} because no identity-based \
                 policy allows the {right} action"
            ),
        };
        let (status, code, message) = match (self.way, service) {
            (Way::Denied, "sqs") => (403, "com.amazonaws.sqs#AccessDenied", denied),
            (Way::Denied, "s3") => (403, "AccessDenied", denied),
            (Way::Denied, "ses") => (403, "AccessDeniedException", denied),
            (Way::Denied, _) => (400, "com.amazon.coral.service#AccessDeniedException", denied),
            (Way::Missing, "s3") => {
                (404, "NoSuchBucket", format!("The specified bucket does not exist: {lab}"))
            }
            (Way::Missing, "sqs") => (
                400,
                "com.amazonaws.sqs#QueueDoesNotExist",
                format!("The specified queue does not exist: {lab}"),
            ),
            (Way::Missing, "kms") => {
                (400, "DisabledException", format!("arn:aws:kms:…:key/{lab} is disabled."))
            }
            (Way::Missing, "ses") => {
                (404, "NotFoundException", format!("Configuration set <{lab}-reminders> does not exist."))
            }
            (Way::Missing, _) => (
                400,
                "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
                format!("Requested resource not found: Table: {lab} not found"),
            ),
            (Way::Throttled, "s3") => (503, "SlowDown", format!("Please reduce your request rate: {lab}")),
            (Way::Throttled, "ses") => (429, "TooManyRequestsException", format!("Rate exceeded: {lab}")),
            (Way::Throttled, _) => (400, "ThrottlingException", format!("Rate exceeded: {lab}")),
        };
        let body = match service {
            "s3" => format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
            _ => json!({"__type": code, "message": message}).to_string(),
        };
        Act::RefuseWith(status, body)
    }

    /// Has the gate refuse it from now on.
    fn at(self, gate: &Gate, lab: &Lab) {
        let act = self.act(&lab.settings.stack);
        gate.script(move |request| request.operation().contains(self.operation).then(|| act.clone()));
    }

    /// What was told of it since the log had `before`: one line of these, and nothing else that names the lab.
    fn assert_told_once(self, function: &str, lab: &Lab, before: &Log) {
        let name = &lab.settings.stack;
        let lines = before.since(name);
        let [line] = lines.as_slice() else { panic!("{self:?}: {lines:#?}") };
        let fields = &line["fields"];
        let text = |field: &str| fields[field].as_str().unwrap_or_default().to_owned();
        assert_eq!(text("message"), self.way.line(), "{self:?}: {line}");
        assert_eq!((&*text("function"), &*text("right")), (function, self.right), "{self:?}: {line}");
        assert_eq!(line["level"], "ERROR", "{self:?}");
        assert!(text("advice").len() > 20 && !text("said").is_empty(), "{self:?}: {line}");
        let service = self.right.split(':').next().expect("a service");
        match (self.way, self.right) {
            (Way::Denied, "ses:GetAccount") => {
                assert!(text("resource").starts_with("SES"), "{self:?}: {line}")
            }
            // Of an object's name only the first part is told.
            (Way::Denied, _) => {
                assert_eq!(text("resource"), arn(service, name).replace("1.eml", "…"), "{self:?}");
            }
            _ => assert!(text("resource").len() > 3, "{self:?}: {line}"),
        }
        assert!(!line.to_string().contains('@'), "{line}");
        self.assert_alarm();
    }

    /// The runbook says of the alarm what to do.
    fn assert_alarm(self) {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let runbook = fs::read_to_string(format!("{root}/docs/operations.md")).expect("the runbook");
        assert!(runbook.contains(&format!("\n### {}\n", self.alarm)), "{self:?}");
        if self.way != Way::Throttled {
            assert_eq!(self.alarm, LACKS, "{self:?}: what lasts rings at once");
        }
    }

    /// The alarm rings, by what the lab's functions have written up to now. What the queue brings about is AWS's to
    /// measure.
    fn assert_rings(self, lab: &Lab, now: Timestamp) {
        match Alarm::named(self.alarm) {
            Some(alarm) => assert!(alarm.rings(&lab.settings.stack, now), "{self:?}: {alarm:?}"),
            None => assert_eq!(self.alarm, "DeadLetterAlarm", "{self:?}"),
        }
    }
}

/// What rings where a right or a resource is missing, whatever else does.
const LACKS: &str = "RefusedByAwsAlarm";

fn arn(service: &str, lab: &str) -> String {
    match service {
        "s3" => format!("arn:aws:s3:::{lab}/mail/1.eml"),
        "ses" => format!("arn:aws:ses:eu-central-1:111122223333:identity/{lab}.test"),
        _ => format!("arn:aws:{service}:eu-central-1:111122223333:{lab}"),
    }
}

/// A place in the log.
struct Log(usize);

impl Log {
    fn now() -> Self {
        Self(fs::read(own_log()).map_or(0, |log| log.len()))
    }

    /// The warnings and errors since then that name something.
    fn since(&self, name: &str) -> Vec<Value> {
        let log = fs::read(own_log()).expect("a log");
        let text = String::from_utf8_lossy(&log[self.0..]).into_owned();
        let lines = text.lines().filter(|line| line.contains(name));
        let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| matches!(line["level"].as_str(), Some("WARN" | "ERROR"))).collect()
    }
}

/// A lab whose functions reach AWS by way of a gate; its own registry, vault and archive do not.
pub(super) async fn gated() -> (Lab, Gate) {
    let (mut lab, gate) = (Lab::new().await, Gate::start().await);
    lab.aws = lab.aws.to_builder().endpoint_url(gate.endpoint()).build();
    (lab, gate)
}
