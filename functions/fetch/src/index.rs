//! The index of a message: a small JSON object that says what the message is and where its attachments
//! lie.
//!
//! Guarantees: its form is `docs/archive/index.schema.json`, and what it says follows from the message
//! alone. Leaves out: the message's texts.

use crate::{
    archive::{Archive, Checksum, Object},
    key::Key,
    s3_error::S3Error,
};
use bytes::Bytes;
use postroom_attachments::{Address, Attachment, MessageIndex, Noted};
use postroom_model::MailboxId;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// The version of the index's form. A version only gains fields, and none changes its meaning.
const VERSION: u32 = 1;

/// A message's index as it is stored.
#[derive(Debug, Serialize)]
pub(crate) struct Index<'a> {
    version: u32,
    mailbox: &'a MailboxId,
    /// The key of the message.
    key: String,
    /// The message's size in bytes.
    size: u64,
    message_id: Option<&'a str>,
    date: Option<&'a str>,
    from: &'a [Address],
    to: &'a [Address],
    cc: &'a [Address],
    subject: Option<&'a str>,
    parts: Vec<StoredPart<'a>>,
    defects: &'a [Noted],
}

/// An attachment and where it lies.
#[derive(Debug, Serialize)]
struct StoredPart<'a> {
    key: &'a str,
    #[serde(flatten)]
    attachment: &'a Attachment,
}

impl<'a> Index<'a> {
    /// The index of a message of `size` bytes, whose attachments lie under `keys`, by their numbers.
    pub(crate) fn new(
        mailbox: &'a MailboxId,
        key: &Key,
        size: u64,
        message: &'a MessageIndex,
        keys: &'a BTreeMap<usize, String>,
    ) -> Self {
        let parts = message.parts.iter().enumerate();
        let parts =
            parts.filter_map(|(number, attachment)| Some(StoredPart { key: keys.get(&number)?, attachment }));
        Self {
            version: VERSION,
            mailbox,
            key: key.to_string(),
            size,
            message_id: message.message_id.as_deref(),
            date: message.date.as_deref(),
            from: &message.from,
            to: &message.to,
            cc: &message.cc,
            subject: message.subject.as_deref(),
            parts: parts.collect(),
            defects: &message.defects,
        }
    }
}

impl Archive {
    /// Puts a message's index where none is.
    pub(crate) async fn create_index(&self, key: &Key, index: &Index<'_>) -> Result<bool, S3Error> {
        let text = serde_json::to_vec(index).expect("texts and numbers can be written as JSON");
        let object = Object {
            key: key.index(),
            content_type: "application/json".to_owned(),
            metadata: HashMap::new(),
        };
        let text = Bytes::from(text);
        self.create(&object, &text, &Checksum::whole(&text)).await
    }
}
