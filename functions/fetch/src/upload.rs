//! A multipart upload under way, whatever it carries.
//!
//! Guarantees: one part is sent while the next one fills, never more; the object appears only when
//! [`Upload::complete`] is called, and only where none is. Leaves out: parts of an upload that was cut
//! off by a kill; the bucket's lifecycle rule removes them.

use crate::{
    archive::{Archive, Checksum, Object, Put, Stored},
    s3_error::{S3Error, is_conflict, is_missing, is_precondition_failed},
};
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use postroom_model::RefusalKind;
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;

/// The size of a part, in bytes: the least that S3 takes
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>). What is no larger is put in
/// one request. It must not change: an object's checksum depends on it.
pub(crate) const PART: usize = 5 << 20;

/// A multipart upload under way. Every part but the last has [`PART`] bytes.
#[derive(Debug)]
pub(crate) struct Upload<'a> {
    archive: &'a Archive,
    key: String,
    id: String,
    sending: Option<JoinHandle<Result<CompletedPart, S3Error>>>,
    sent: Vec<CompletedPart>,
    digests: Vec<[u8; 32]>,
}

impl<'a> Upload<'a> {
    /// Begins an upload.
    pub(crate) async fn begin(archive: &'a Archive, object: Object) -> Result<Self, S3Error> {
        let created = archive
            .s3
            .create_multipart_upload()
            .bucket(&archive.bucket)
            .key(&object.key)
            .content_type(object.content_type)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .set_metadata(Some(object.metadata))
            .send()
            .await
            .map_err(|error| S3Error::new("CreateMultipartUpload", &archive.bucket, error))?;
        let id = created.upload_id().unwrap_or_default().to_owned();
        Ok(Self { archive, key: object.key, id, sending: None, sent: Vec::new(), digests: Vec::new() })
    }

    /// Begins to send a part, once the one before it has arrived.
    pub(crate) async fn send(&mut self, part: Bytes) -> Result<(), S3Error> {
        self.settle().await?;
        let digest: [u8; 32] = Sha256::digest(&part).into();
        self.digests.push(digest);
        let number = i32::try_from(self.digests.len()).unwrap_or(i32::MAX);
        let request = self
            .archive
            .s3
            .upload_part()
            .bucket(&self.archive.bucket)
            .key(&self.key)
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

    /// Waits until no part is on its way.
    pub(crate) async fn settle(&mut self) -> Result<(), S3Error> {
        if let Some(sending) = self.sending.take() {
            match sending.await {
                Ok(part) => self.sent.push(part?),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        Ok(())
    }

    /// Turns the parts into an object, where none is yet.
    pub(crate) async fn complete(mut self) -> Result<Put, S3Error> {
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
            .key(&self.key)
            .upload_id(&self.id)
            .if_none_match("*")
            .multipart_upload(parts)
            .send()
            .await;
        let error = match completed {
            Ok(_) => return Ok(Put::Done(Stored::New)),
            Err(error) => error,
        };
        let (archive, key) = (self.archive, self.key.clone());
        self.abort().await;
        if !is_precondition_failed(&error) && !is_conflict(&error) && !is_missing(&error) {
            return Err(S3Error::new("CompleteMultipartUpload", &archive.bucket, error));
        }
        // Somebody else stored something in its place while this one was sent, or is about to; or an
        // earlier attempt of this request did its work, and its answer was lost.
        match archive.checksum_of(&key).await? {
            Some(there) if there == checksum.to_string() => Ok(Put::Done(Stored::Known)),
            Some(_) => Ok(Put::Differs(checksum)),
            None => Err(S3Error::new("CompleteMultipartUpload", &archive.bucket, error)),
        }
    }

    /// Gives the parts up, as far as that works; the bucket's lifecycle rule sees to the rest. That it may not is
    /// told with what else AWS does not do.
    pub(crate) async fn abort(self) {
        if let Some(sending) = self.sending {
            sending.abort();
        }
        let archive = self.archive;
        let request = archive.s3.abort_multipart_upload().bucket(&archive.bucket).key(&self.key);
        if let Err(error) = request.upload_id(&self.id).send().await {
            let error = S3Error::new("AbortMultipartUpload", &archive.bucket, error);
            if error.refusal().kind == RefusalKind::Other {
                tracing::warn!(%error, "parts of an upload stay behind until the bucket's lifecycle rule removes them");
            } else {
                archive.refusals.note(error.refusal());
            }
        }
    }
}
