//! Messages too large to hold: they flow from the mail server into a multipart upload.
//!
//! Guarantees: at most two parts are held at once, whatever the message's size; the object appears
//! only after the server's answer ended as it should. Leaves out: parts of an upload that was cut off
//! by a kill; the bucket's lifecycle rule removes them.

use crate::{
    archive::{Archive, Checksum, Key, Stored, metadata},
    s3_error::{S3Error, is_conflict, is_precondition_failed},
};
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::{Bytes, BytesMut};
use postroom_mail::imap::Body;
use postroom_model::MailboxId;
use sha2::{Digest, Sha256};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout_at},
};

/// The size of a part, in bytes: the least that S3 takes
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>). What is no larger is put in
/// one request. It must not change: an object's checksum depends on it.
pub(crate) const PART: usize = 5 << 20;

/// The memory that one large message takes: a part that fills and a part that is sent.
pub(crate) const MEMORY: u64 = 2 * PART as u64;

/// Why a large message was not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LargeError {
    /// The mail server's fault.
    #[error(transparent)]
    Mail(#[from] postroom_mail::Error),
    /// S3's.
    #[error(transparent)]
    S3(#[from] S3Error),
    /// The message did not arrive in time.
    #[error("the message did not arrive in time")]
    GaveUp,
}

/// What came of a large message.
#[derive(Debug)]
pub(crate) enum Large {
    /// It is durable.
    Stored(Stored),
    /// Another message lies in its place; this one, of this checksum, belongs beside it.
    Differs(Checksum),
}

/// A multipart upload under way.
struct Upload<'a> {
    archive: &'a Archive,
    key: Key,
    id: String,
    sending: Option<JoinHandle<Result<CompletedPart, S3Error>>>,
    sent: Vec<CompletedPart>,
    digests: Vec<[u8; 32]>,
}

impl Archive {
    /// Stores a message while it is read. Returned is its UID too. With `beside`, the checksum that
    /// an earlier call returned in [`Large::Differs`], it is stored beside its identity's place.
    pub(crate) async fn store_large(
        &self,
        mailbox: &MailboxId,
        folder: &str,
        mut body: Body<'_>,
        beside: Option<&Checksum>,
        give_up_at: Instant,
    ) -> Result<(u32, Large), LargeError> {
        let size = body.size();
        let mut part = next_part(&mut body, give_up_at).await?;
        let place = Key::new(mailbox, &part, size);
        let key = beside.map_or_else(|| place.clone(), |checksum| place.beside(checksum));
        if self.holds(&key).await? {
            return self.compare(&key, part, body, give_up_at).await;
        }
        let mut upload = Upload::begin(self, key, folder, &part).await?;
        let sent = loop {
            if let Err(error) = upload.send(part).await {
                break Err(error.into());
            }
            match next_part(&mut body, give_up_at).await {
                Ok(next) if next.is_empty() => break Ok(()),
                Ok(next) => part = next,
                Err(error) => break Err(error),
            }
        };
        let uid = match sent {
            Ok(()) => body.finish().await.map_err(LargeError::from),
            Err(error) => Err(error),
        };
        match uid {
            Ok(uid) => Ok((uid, upload.complete().await?)),
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }

    /// Reads a message to its end and compares it with the object in its place.
    async fn compare(
        &self,
        key: &Key,
        first: Bytes,
        mut body: Body<'_>,
        give_up_at: Instant,
    ) -> Result<(u32, Large), LargeError> {
        let mut digests = vec![Sha256::digest(&first).into()];
        loop {
            let part = next_part(&mut body, give_up_at).await?;
            if part.is_empty() {
                break;
            }
            digests.push(Sha256::digest(&part).into());
        }
        let uid = body.finish().await?;
        let checksum = Checksum::composite(&digests);
        let known = self.checksum_of(key).await?.as_deref() == Some(checksum.to_string().as_str());
        Ok((uid, if known { Large::Stored(Stored::Known) } else { Large::Differs(checksum) }))
    }
}

/// The next [`PART`] bytes of the message, fewer at its end, none after it.
async fn next_part(body: &mut Body<'_>, give_up_at: Instant) -> Result<Bytes, LargeError> {
    let part = timeout_at(give_up_at, read_part(body)).await;
    Ok(part.map_err(|_| LargeError::GaveUp)??)
}

async fn read_part(body: &mut Body<'_>) -> Result<Bytes, postroom_mail::Error> {
    let mut part = BytesMut::with_capacity(PART);
    while part.len() < PART {
        match body.chunk().await? {
            Some(chunk) => part.extend_from_slice(&chunk),
            None => break,
        }
    }
    Ok(part.freeze())
}

impl<'a> Upload<'a> {
    async fn begin(archive: &'a Archive, key: Key, folder: &str, text: &[u8]) -> Result<Self, S3Error> {
        let created = archive
            .s3
            .create_multipart_upload()
            .bucket(&archive.bucket)
            .key(key.to_string())
            .content_type("message/rfc822")
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .set_metadata(Some(metadata(folder, text)))
            .send()
            .await
            .map_err(|error| S3Error::new("CreateMultipartUpload", &archive.bucket, error))?;
        let id = created.upload_id().unwrap_or_default().to_owned();
        Ok(Self { archive, key, id, sending: None, sent: Vec::new(), digests: Vec::new() })
    }

    /// Begins to send a part, once the one before it has arrived.
    async fn send(&mut self, part: Bytes) -> Result<(), S3Error> {
        self.settle().await?;
        let digest: [u8; 32] = Sha256::digest(&part).into();
        self.digests.push(digest);
        let number = i32::try_from(self.digests.len()).unwrap_or(i32::MAX);
        let request = self
            .archive
            .s3
            .upload_part()
            .bucket(&self.archive.bucket)
            .key(self.key.to_string())
            .upload_id(&self.id)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(BASE64.encode(digest))
            .body(part.into());
        let bucket = self.archive.bucket.clone();
        self.sending = Some(tokio::spawn(async move {
            let sent = request.customize().disable_payload_signing().send().await;
            let sent = sent.map_err(|error| S3Error::new("UploadPart", &bucket, error))?;
            Ok(CompletedPart::builder()
                .part_number(number)
                .set_e_tag(sent.e_tag)
                .checksum_sha256(BASE64.encode(digest))
                .build())
        }));
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), S3Error> {
        if let Some(sending) = self.sending.take() {
            match sending.await {
                Ok(part) => self.sent.push(part?),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        Ok(())
    }

    /// Turns the parts into an object, where none is yet.
    async fn complete(mut self) -> Result<Large, S3Error> {
        if let Err(error) = self.settle().await {
            self.abort().await;
            return Err(error);
        }
        let checksum = Checksum::composite(&self.digests);
        let parts =
            CompletedMultipartUpload::builder().set_parts(Some(std::mem::take(&mut self.sent))).build();
        let completed = self
            .archive
            .s3
            .complete_multipart_upload()
            .bucket(&self.archive.bucket)
            .key(self.key.to_string())
            .upload_id(&self.id)
            .if_none_match("*")
            .multipart_upload(parts)
            .send()
            .await;
        let error = match completed {
            Ok(_) => return Ok(Large::Stored(Stored::New)),
            Err(error) => error,
        };
        self.abort().await;
        if !is_precondition_failed(&error) && !is_conflict(&error) {
            return Err(S3Error::new("CompleteMultipartUpload", &self.archive.bucket, error));
        }
        // Somebody else stored a message in its place while this one was sent, or is about to.
        match self.archive.checksum_of(&self.key).await? {
            Some(there) if there == checksum.to_string() => Ok(Large::Stored(Stored::Known)),
            Some(_) => Ok(Large::Differs(checksum)),
            None => Err(S3Error::new("CompleteMultipartUpload", &self.archive.bucket, error)),
        }
    }

    /// Gives the parts up, as far as that works; the bucket's lifecycle rule sees to the rest.
    async fn abort(&mut self) {
        if let Some(sending) = self.sending.take() {
            sending.abort();
        }
        let archive = self.archive;
        let request = archive.s3.abort_multipart_upload().bucket(&archive.bucket).key(self.key.to_string());
        if let Err(error) = request.upload_id(&self.id).send().await {
            let error = S3Error::new("AbortMultipartUpload", &archive.bucket, error);
            tracing::warn!(%error, "parts of an upload stay behind until the bucket's lifecycle rule removes them");
        }
    }
}
