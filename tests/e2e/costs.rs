//! What each event costs in calls of AWS and in DynamoDB's units: counted, and the same as `postroom cost` reckons
//! with (`cli/src/cost/counted.toml`).
//!
//! Names have the length of names that people give, and the ids of invocations are those of Lambda, because units
//! depend on the size of items. What the queue's event source mapping asks for is AWS's own and is not seen here:
//! it receives and deletes each message. What goes to mail servers is counted, too.

mod poll;
mod schedule;
mod tokens;
mod wire;

use aws_config::SdkConfig;
use fetch::{Fetch, Invocation};
use postroom_model::{Batch, Mailbox, MailboxId};
use postroom_tests::{Counted, Lab, Meter, clock, later};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write as _};

/// What the command line reckons with.
const RECKONED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../cli/src/cost/counted.toml");
/// Mailboxes of a full batch.
const FULL: usize = 50;

/// An event's part of the file.
#[derive(Deserialize)]
struct Reckoned {
    #[serde(default)]
    read_units: f64,
    #[serde(default)]
    write_units: f64,
    #[serde(default)]
    operations: BTreeMap<String, u64>,
}

/// What was counted is what is reckoned with.
fn assert_reckoned(events: &[(&str, Counted)]) {
    let file: toml::Table = std::fs::read_to_string(RECKONED).expect("a file").parse().expect("TOML");
    let mut differing = String::new();
    for (name, counted) in events {
        let reckoned = file.get(*name).cloned().unwrap_or_else(|| toml::Table::new().into());
        let Reckoned { read_units, write_units, operations } = reckoned.try_into().expect("an event");
        if *counted != (Counted { operations, read_units, write_units }) {
            let Counted { operations, read_units, write_units } = counted;
            writeln!(differing, "\n[{name}]\nread_units = {read_units:?}\nwrite_units = {write_units:?}")
                .expect("text");
            writeln!(differing, "[{name}.operations]").expect("text");
            for (operation, count) in operations {
                writeln!(differing, "\"{operation}\" = {count}").expect("text");
            }
        }
    }
    assert!(differing.is_empty(), "counted otherwise than cli/src/cost/counted.toml says:\n{differing}");
}

/// A lab with a meter before its AWS API.
struct Metered {
    lab: Lab,
    meter: Meter,
    /// How AWS is reached by way of the meter.
    aws: SdkConfig,
}

impl Metered {
    async fn new() -> Self {
        let (lab, meter) = (Lab::new().await, Meter::start().await);
        let aws = lab.aws.clone().into_builder().endpoint_url(meter.endpoint()).build();
        Self { lab, meter, aws }
    }

    /// A process of `fetch` that has just started.
    fn fetch(&self) -> Fetch {
        Fetch::new(self.lab.settings.clone(), &self.aws, clock).expect("usable settings")
    }

    /// What a poll of the batch costs, after `dispatch` has handed it out.
    async fn poll(&self, fetch: &Fetch, batch: &Batch) -> Counted {
        let registry = &self.lab.registry;
        let due = registry.batch(&batch.id).await.expect("an answer").and_then(|batch| batch.due_at);
        let claimed = registry.claim(&batch.id, due.expect("a due time"), later(clock(), 1020)).await;
        assert!(claimed.expect("an answer").is_some(), "nobody else hands it out");
        self.meter.counted();
        let body = json!({"batch": {"id": batch.id, "due_at": clock().as_second()}}).to_string();
        let deadline = later(clock(), 90);
        let request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned();
        fetch.work_message(&body, &Invocation { request_id, deadline }).await.expect("a worked batch");
        let counted = self.meter.counted();
        for (id, state) in batch.mailboxes.iter().zip(self.lab.states(&batch.mailboxes).await) {
            assert!(state.failure.is_none(), "{id}: {:?}", state.failure);
        }
        counted
    }

    /// Messages that are archived, by all mailboxes.
    async fn archived(&self, batch: &Batch) -> u64 {
        self.lab.states(&batch.mailboxes).await.iter().map(|state| state.messages).sum()
    }
}

/// The ids of a full batch's mailboxes.
fn ids() -> impl Iterator<Item = String> {
    (1..=FULL).map(|n| format!("site-diary-muenchen-{n:02}"))
}

/// A mailbox at a server on loopback; `change` edits its JSON.
fn mailbox(id: &str, port: u16, change: impl FnOnce(&mut Value)) -> Mailbox {
    let mut json = json!({
        "id": id, "protocol": "imap", "host": "127.0.0.1", "port": port, "tls": "none",
        "user": format!("{id}@contoso.example"), "owners": ["site.management@contoso.example"], "interval": "5m",
    });
    change(&mut json);
    serde_json::from_value(json).expect("a mailbox")
}

/// A batch of these mailboxes that is due.
async fn batch(lab: &Lab, id: &str, mailboxes: impl Iterator<Item = String>) -> Batch {
    let mailboxes: Vec<MailboxId> = mailboxes.map(|id| id.parse().expect("an id")).collect();
    let batch = Batch {
        id: id.parse().expect("an id"),
        interval: "5m".parse().expect("an interval"),
        mailboxes,
        due_at: None,
        lease: None,
        completed_at: None,
    };
    lab.registry.put_batch(&batch, clock(), 0.0).await.expect("a stored batch");
    batch
}
