//! Putting events on EventBridge.

use crate::{
    event::{Detail, SOURCE},
    run::count,
};
use aws_sdk_eventbridge::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata},
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};

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
/// `None` where it was not taken, which is logged. Once EventBridge does not answer, no more is asked
/// of it.
pub(crate) async fn put(client: &Client, details: &[Detail]) -> Vec<Option<String>> {
    let mut taken = Vec::with_capacity(details.len());
    for some in details.chunks(AT_ONCE) {
        let entries = some.iter().map(entry).collect();
        match client.put_events().set_entries(Some(entries)).send().await {
            Ok(answer) => taken.extend(answer.entries.unwrap_or_default().into_iter().map(event_id)),
            Err(error) => {
                let code = error.code().unwrap_or("no answer");
                let (error, count) = (DisplayErrorContext(&error).to_string(), details.len() - taken.len());
                tracing::error!(code, error, count, "events were not put: the next run tries again");
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

fn event_id(answer: PutEventsResultEntry) -> Option<String> {
    if let Some(code) = &answer.error_code {
        tracing::error!(code, error = answer.error_message, "an event was refused");
    }
    answer.event_id
}
