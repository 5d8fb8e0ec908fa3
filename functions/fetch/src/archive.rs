//! The archive: one S3 object a message, the exact bytes that the server delivered.
//!
//! Guarantees: an object is never overwritten (`If-None-Match: *`) and S3 checks its SHA-256. When a
//! call returns [`Stored::New`] or [`Stored::Known`], the message is durable. Two messages that share
//! an identity but not their bytes are both kept. Leaves out: deleting; nothing here can.

use crate::{
    headers,
    s3_error::{S3Error, is_conflict, is_missing, is_precondition_failed},
};
use aws_sdk_s3::{
    Client,
    types::{ChecksumAlgorithm, ChecksumMode},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use postroom_model::{MailboxId, MessageIdentity, header_block};
use sha2::{Digest, Sha256};
use std::{fmt, time::Duration};

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
}

/// Where a message lies: `mail/<mailbox>/<yyyy>/<mm>/<dd>/<identity>.eml`. A message without any
/// date lies under `0000/00/00`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    stem: String,
}

impl Key {
    /// The place of a message of `size` bytes whose text begins with `text`.
    pub(crate) fn new(mailbox: &MailboxId, text: &[u8], size: u64) -> Self {
        let identity = MessageIdentity::new(text, size);
        let day = match headers::day(header_block(text)) {
            Some(day) => day.strftime("%Y/%m/%d").to_string(),
            None => "0000/00/00".to_owned(),
        };
        Self { stem: format!("mail/{mailbox}/{day}/{identity}") }
    }

    /// The place beside it, for a message that shares the identity but not the bytes: its own hash
    /// tells it apart from every other.
    pub(crate) fn beside(&self, checksum: &Checksum) -> Self {
        let digest: String = checksum.digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { stem: format!("{}-{digest}", self.stem) }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.eml", self.stem)
    }
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
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.digest))?;
        self.parts.map_or(Ok(()), |parts| write!(f, "-{parts}"))
    }
}

impl Archive {
    /// Stores a message that is held in memory whole. `folder` is kept as metadata.
    pub(crate) async fn store(
        &self,
        mailbox: &MailboxId,
        folder: &str,
        text: Bytes,
    ) -> Result<Stored, S3Error> {
        let key = Key::new(mailbox, &text, text.len() as u64);
        let checksum = Checksum::whole(&text);
        if self.put(&key, folder, &text, &checksum).await? {
            return Ok(Stored::New);
        }
        if self.checksum_of(&key).await?.as_deref() == Some(checksum.to_string().as_str()) {
            return Ok(Stored::Known);
        }
        let created = self.put(&key.beside(&checksum), folder, &text, &checksum).await?;
        Ok(if created { Stored::New } else { Stored::Known })
    }

    /// Whether an object lies there.
    pub(crate) async fn holds(&self, key: &Key) -> Result<bool, S3Error> {
        let head = self.s3.head_object().bucket(&self.bucket).key(key.to_string()).send().await;
        match head {
            Ok(_) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(S3Error::new("HeadObject", &self.bucket, error)),
        }
    }

    /// The SHA-256 that S3 keeps for the object, in the form of [`Checksum`]'s `Display`.
    pub(crate) async fn checksum_of(&self, key: &Key) -> Result<Option<String>, S3Error> {
        let head = self.s3.head_object().bucket(&self.bucket).key(key.to_string());
        match head.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(head) => Ok(head.checksum_sha256().map(str::to_owned)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(S3Error::new("HeadObject", &self.bucket, error)),
        }
    }

    /// Puts an object where none is. `false` means that there is one already.
    async fn put(&self, key: &Key, folder: &str, text: &Bytes, checksum: &Checksum) -> Result<bool, S3Error> {
        // Two writers of one key at the same moment: S3 tells one of them to try again.
        for attempt in 0..5 {
            let put = self
                .s3
                .put_object()
                .bucket(&self.bucket)
                .key(key.to_string())
                .if_none_match("*")
                .content_type("message/rfc822")
                .checksum_algorithm(ChecksumAlgorithm::Sha256)
                .checksum_sha256(checksum.to_string())
                .set_metadata(Some(metadata(folder, text)))
                .body(text.clone().into());
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

/// An object's metadata: the kept header fields, and the folder the message was found in.
pub(crate) fn metadata(folder: &str, text: &[u8]) -> std::collections::HashMap<String, String> {
    let kept = headers::metadata(header_block(text));
    let folder = ("folder", headers::encode(folder));
    kept.into_iter().chain([folder]).map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_follows_from_the_message_alone() {
        let mailbox: MailboxId = "site-diary".parse().expect("id");
        let text = b"Date: Fri, 1 Mar 2024 10:00:00 +0000\r\n\r\nbody";
        let key = Key::new(&mailbox, text, text.len() as u64);
        assert_eq!(
            key.to_string(),
            "mail/site-diary/2024/03/01/9e0d3dbad4bf934b1db2e51278ad57dc8b75591257710b75de70c39e84e42576-44.eml"
        );
        assert_eq!(key, Key::new(&mailbox, header_block(text), text.len() as u64));
        assert!(Key::new(&mailbox, b"", 0).to_string().starts_with("mail/site-diary/0000/00/00/e3b0c442"));
        let beside = key.beside(&Checksum::whole(text)).to_string();
        assert!(beside.starts_with("mail/site-diary/2024/03/01/") && beside != key.to_string());
    }

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
