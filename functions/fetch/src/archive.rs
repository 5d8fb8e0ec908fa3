//! The archive: one S3 object a message, the exact bytes that the server delivered.
//!
//! Guarantees: an object is never overwritten (`If-None-Match: *`) and S3 checks its SHA-256. When a
//! call returns [`Stored::New`] or [`Stored::Known`], the message is durable, and its attachments and
//! index are where the mailbox wants them. Two messages that share an identity but not their bytes are
//! both kept. Leaves out: deleting; nothing here can.

use crate::{
    attachments, headers,
    key::Key,
    s3_error::{S3Error, is_conflict, is_missing, is_precondition_failed},
    upload::PART,
};
use aws_sdk_s3::{
    Client,
    types::{ChecksumAlgorithm, ChecksumMode},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use postroom_lambda::Refusals;
use postroom_model::{Mailbox, header_block};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The memory in bytes that storing a text of `size` bytes takes, the text included.
pub(crate) fn memory(mailbox: &Mailbox, size: u64) -> u64 {
    let unpacking = if mailbox.attachments { attachments::memory(size) } else { 0 };
    match size <= PART as u64 {
        true => size + unpacking,
        // It has gone by when its attachments are unpacked.
        false => (2 * PART as u64).max(unpacking),
    }
}

/// What came of storing a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    /// It is in the archive now.
    New,
    /// It was there already.
    Known,
}

/// The bucket that messages go to.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    pub(crate) s3: Client,
    pub(crate) bucket: String,
    /// Attachments that were unpacked and not yet counted.
    unpacked: Arc<AtomicU64>,
    /// What S3 did not do without harm to a message.
    pub(crate) refusals: Arc<Refusals>,
}

/// What is said of an object beside its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) key: String,
    pub(crate) content_type: String,
    pub(crate) metadata: HashMap<String, String>,
}

impl Object {
    /// A message's, with the kept header fields and the folder that it was found in.
    pub(crate) fn message(key: &Key, folder: &str, text: &[u8]) -> Self {
        let kept = headers::metadata(header_block(text));
        let folder = ("folder", headers::encode(folder));
        let metadata = kept.into_iter().chain([folder]).map(|(name, value)| (name.to_owned(), value));
        Self { key: key.to_string(), content_type: "message/rfc822".to_owned(), metadata: metadata.collect() }
    }
}

/// An object's place, after it was put where none may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is there now, or was there already.
    Done(Stored),
    /// Other bytes lie there; these have this checksum.
    Differs(Checksum),
}

/// An object's SHA-256 as S3 keeps it: of the whole, or of its parts' digests
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checksum {
    digest: [u8; 32],
    parts: Option<usize>,
}

impl Checksum {
    /// Of an object that is put in one request.
    pub(crate) fn whole(text: &[u8]) -> Self {
        Self { digest: Sha256::digest(text).into(), parts: None }
    }

    /// Of an object that is uploaded in parts, from their digests.
    pub(crate) fn composite(parts: &[[u8; 32]]) -> Self {
        Self { digest: Sha256::digest(parts.as_flattened()).into(), parts: Some(parts.len()) }
    }

    /// The digest as 64 hex digits.
    pub(crate) fn hex(&self) -> String {
        self.digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.digest))?;
        self.parts.map_or(Ok(()), |parts| write!(f, "-{parts}"))
    }
}

impl Archive {
    pub(crate) fn new(s3: Client, bucket: String, refusals: Arc<Refusals>) -> Self {
        Self { s3, bucket, unpacked: Arc::default(), refusals }
    }

    /// Counts attachments whose message is complete.
    pub(crate) fn count_unpacked(&self, attachments: usize) {
        self.unpacked.fetch_add(attachments as u64, Ordering::Relaxed);
    }

    /// How many attachments were unpacked since this was asked last.
    pub(crate) fn take_unpacked(&self) -> u64 {
        self.unpacked.swap(0, Ordering::Relaxed)
    }

    /// Stores a message that is held in memory whole, and what the mailbox wants beside it. `folder` is
    /// kept as metadata. One that `may_be_known` is looked for as another protocol delivers it too.
    pub(crate) async fn store(
        &self,
        mailbox: &Mailbox,
        folder: &str,
        text: Bytes,
        may_be_known: bool,
    ) -> Result<Stored, S3Error> {
        if may_be_known && self.holds_other_end(mailbox, &text).await? {
            return Ok(Stored::Known);
        }
        let place = Key::new(&mailbox.id, &text, text.len() as u64);
        let (key, stored) = match self.put(&Object::message(&place, folder, &text), &text).await? {
            Put::Done(stored) => (place, stored),
            Put::Differs(checksum) => {
                let beside = place.beside(&checksum);
                let created = self.create(&Object::message(&beside, folder, &text), &text, &checksum).await?;
                (beside, if created { Stored::New } else { Stored::Known })
            }
        };
        if mailbox.attachments && !(stored == Stored::Known && self.holds(&key.index()).await?) {
            self.unpack_held(mailbox, &key, &text).await?;
        }
        Ok(stored)
    }

    /// Whether the archive holds a message that differs only in the CRLF at its end: Dovecot gives each one
    /// over POP3, also those that have none over IMAP.
    async fn holds_other_end(&self, mailbox: &Mailbox, text: &Bytes) -> Result<bool, S3Error> {
        let size = text.len() as u64;
        let without = text.strip_suffix(b"\r\n").map(|without| (size - 2, Checksum::whole(without)));
        let with = Sha256::new().chain_update(text).chain_update(b"\r\n").finalize();
        let with = (size + 2, Checksum { digest: with.into(), parts: None });
        for (size, checksum) in without.into_iter().chain([with]) {
            let key = Key::new(&mailbox.id, text, size);
            let is_it = self.checksum_of(&key.to_string()).await? == Some(checksum.to_string());
            if is_it && (!mailbox.attachments || self.holds(&key.index()).await?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the archive holds the message with this header, of one of these sizes in bytes, and what
    /// the mailbox wants beside it: the index is written last.
    pub(crate) async fn find(
        &self,
        mailbox: &Mailbox,
        header: &[u8],
        sizes: &[u64],
    ) -> Result<bool, S3Error> {
        for &size in sizes {
            let key = Key::new(&mailbox.id, header, size);
            let last = if mailbox.attachments { key.index() } else { key.to_string() };
            if self.holds(&last).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether an object lies there.
    pub(crate) async fn holds(&self, key: &str) -> Result<bool, S3Error> {
        let head = self.s3.head_object().bucket(&self.bucket).key(key).send().await;
        match head {
            Ok(_) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(S3Error::new("HeadObject", &self.bucket, error)),
        }
    }

    /// The SHA-256 that S3 keeps for the object, in the form of [`Checksum`]'s `Display`; empty where it
    /// keeps none. None, where there is no object.
    pub(crate) async fn checksum_of(&self, key: &str) -> Result<Option<String>, S3Error> {
        let head = self.s3.head_object().bucket(&self.bucket).key(key);
        match head.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(head) => Ok(Some(head.checksum_sha256().unwrap_or_default().to_owned())),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(S3Error::new("HeadObject", &self.bucket, error)),
        }
    }

    /// Puts an object where none is, and compares it with what is there else.
    pub(crate) async fn put(&self, object: &Object, bytes: &Bytes) -> Result<Put, S3Error> {
        let checksum = Checksum::whole(bytes);
        if self.create(object, bytes, &checksum).await? {
            return Ok(Put::Done(Stored::New));
        }
        let there = self.checksum_of(&object.key).await?;
        Ok(match there == Some(checksum.to_string()) {
            true => Put::Done(Stored::Known),
            false => Put::Differs(checksum),
        })
    }

    /// Puts an object where none is. `false` means that there is one already.
    pub(crate) async fn create(
        &self,
        object: &Object,
        bytes: &Bytes,
        checksum: &Checksum,
    ) -> Result<bool, S3Error> {
        // Two writers of one key at the same moment: S3 tells one of them to try again.
        for attempt in 0..5 {
            let put = self
                .s3
                .put_object()
                .bucket(&self.bucket)
                .key(&object.key)
                .if_none_match("*")
                .content_type(&object.content_type)
                .checksum_algorithm(ChecksumAlgorithm::Sha256)
                .checksum_sha256(checksum.to_string())
                .set_metadata(Some(object.metadata.clone()))
                .body(bytes.clone().into());
            // The checksum header is signed and S3 checks the body against it: signing the body as
            // well would only hash it a second time.
            match put.customize().disable_payload_signing().send().await {
                Ok(_) => return Ok(true),
                Err(error) if is_precondition_failed(&error) => return Ok(false),
                Err(error) if is_conflict(&error) && attempt < 4 => {
                    tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
                }
                Err(error) => return Err(S3Error::new("PutObject", &self.bucket, error)),
            }
        }
        unreachable!("the last attempt returns")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_in_the_form_that_s3_keeps() {
        // By Python's hashlib: sha256(b""), and sha256(sha256(b"").digest()).
        assert_eq!(Checksum::whole(b"").to_string(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        let part = Sha256::digest(b"").into();
        assert_eq!(
            Checksum::composite(&[part]).to_string(),
            "Xfbg4nYTWdMKgnUFjimfzAOBU0VF9Vz0PkGYP11MlFY=-1"
        );
    }
}
