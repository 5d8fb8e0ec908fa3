//! What travels through the fetch queue.

use crate::{BatchId, MailboxId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One message of the fetch queue, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Work {
    /// Poll a batch: `{"batch":{"id":"5m-0001","due_at":1790000000}}`.
    Batch {
        /// Which.
        id: BatchId,
        /// When it was due, in seconds since 1970.
        #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
        due_at: Timestamp,
    },
    /// Work one mailbox on its own: `{"mailbox":{"id":"site-diary","cause":"backlog"}}`.
    Mailbox {
        /// Which.
        id: MailboxId,
        /// Why.
        cause: Cause,
    },
}

/// Why a mailbox is worked on its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// There is more than one run can take.
    Backlog,
    /// Somebody asked: the request whose outcome is to be recorded, at most 64 bytes.
    #[serde(deserialize_with = "request")]
    Demand(String),
}

fn request<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let fits = text.len() <= 64;
    if fits { Ok(text) } else { Err(serde::de::Error::custom("a request id of more than 64 bytes")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_is_what_the_docs_say() {
        let table = [
            r#"{"batch":{"id":"5m-0001","due_at":1790000000}}"#,
            r#"{"mailbox":{"id":"site-diary","cause":"backlog"}}"#,
            r#"{"mailbox":{"id":"site-diary","cause":{"demand":"r-1"}}}"#,
        ];
        for text in table {
            let work: Work = serde_json::from_str(text).expect("reads");
            assert_eq!(serde_json::to_string(&work).expect("writes"), text);
        }
        let long = format!(r#"{{"mailbox":{{"id":"a","cause":{{"demand":"{}"}}}}}}"#, "x".repeat(65));
        for poison in [
            long.as_str(),
            "",
            "{}",
            "[]",
            r#"{"batch":{"id":"../x","due_at":1}}"#,
            r#"{"mailbox":{"id":"a"}}"#,
        ] {
            assert!(serde_json::from_str::<Work>(poison).is_err(), "{poison}");
        }
    }
}
