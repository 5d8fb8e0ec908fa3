//! Putting events on EventBridge.

use crate::{
    ExpiryCheck,
    event::{Detail, SOURCE},
    run::count,
};
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use postroom_model::Refusal;

/// The right that events need, and the bus that they go to.
const PUT: &str = "events:PutEvents";
const BUS: &str = "event bus default";
/// Events that one request takes at most.
const AT_ONCE: usize = 10;

/// What came of some events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Announced {
    /// Events that EventBridge took.
    pub(crate) taken: u64,
    /// Events that it did not take.
    pub(crate) failed: u64,
}

impl Announced {
    /// Of what [`put`] came to.
    pub(crate) fn of(taken: &[Option<String>]) -> Self {
        let failed = taken.iter().filter(|id| id.is_none()).count();
        Self { taken: count(taken.len() - failed), failed: count(failed) }
    }
}

/// Puts events on the default bus, ten in a request. What came of each, in their order: its id, or
/// `None` where it was not taken, which is told. Once EventBridge does not answer, no more is asked
/// of it.
pub(crate) async fn put(check: &ExpiryCheck, details: &[Detail]) -> Vec<Option<String>> {
    let mut taken = Vec::with_capacity(details.len());
    for some in details.chunks(AT_ONCE) {
        let entries = some.iter().map(entry).collect();
        match check.events.put_events().set_entries(Some(entries)).send().await {
            Ok(answer) => {
                let entries = answer.entries.unwrap_or_default();
                taken.extend(entries.into_iter().map(|entry| event_id(check, entry)));
            }
            Err(error) => {
                check.refusals.note(&postroom_aws::refusal(PUT, BUS, &error));
                break;
            }
        }
    }
    taken.resize(details.len(), None);
    taken
}

fn entry(detail: &Detail) -> PutEventsRequestEntry {
    let text = serde_json::to_string(detail).unwrap_or_default();
    PutEventsRequestEntry::builder().source(SOURCE).detail_type(detail.detail_type()).detail(text).build()
}

fn event_id(check: &ExpiryCheck, answer: PutEventsResultEntry) -> Option<String> {
    if let Some(code) = &answer.error_code {
        let said = answer.error_message.as_deref().unwrap_or_default();
        check.refusals.note(&Refusal::answered(PUT, BUS, code, said, 200));
    }
    answer.event_id
}
