//! Messages too large to hold: they flow from the mail server into a multipart upload.
//!
//! Guarantees: at most two parts are held at once, whatever the message's size; the object appears
//! only after the server's answer ended as it should, and only if the message has the size that its
//! identity says. Attachments are unpacked from what S3 holds, after the message is durable. Left out are
//! those of a known message that was never unpacked and lies in cold storage by now: it has no index.

use crate::{
    archive::{Archive, Checksum, Object, Put, Stored},
    key::Key,
    s3_error::S3Error,
    upload::{PART, Upload},
};
use bytes::{Bytes, BytesMut};
use postroom_mail::source::Body;
use postroom_model::Mailbox;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout_at};

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
    /// It has this size in bytes and not the one that it was said to have. Nothing was kept.
    Resized(u64),
}

impl Archive {
    /// Stores a message of `size` bytes while it is read, and what the mailbox wants beside it. Returned
    /// is its number too. With `beside`, the checksum that an earlier call returned in
    /// [`Large::Differs`], it is stored beside its identity's place.
    pub(crate) async fn store_large(
        &self,
        mailbox: &Mailbox,
        folder: &str,
        body: Body<'_>,
        size: u64,
        beside: Option<&Checksum>,
        give_up_at: Instant,
    ) -> Result<(u32, Large), LargeError> {
        let mut text = Text::new(body, give_up_at);
        let first = text.next_part().await?;
        let place = Key::new(&mailbox.id, &first, size);
        let key = beside.map_or_else(|| place.clone(), |checksum| place.beside(checksum));
        let (number, large) = match self.holds(&key.to_string()).await? {
            true => self.compare(&key, size, first, text).await?,
            false => self.send(Object::message(&key, folder, &first), size, first, text).await?,
        };
        if let Large::Stored(stored) = large
            && mailbox.attachments
            && !(stored == Stored::Known && self.holds(&key.index()).await?)
        {
            match self.unpack_stored(mailbox, &key, size, give_up_at).await {
                // The message is durable, and waiting would keep back what comes after it.
                Err(LargeError::S3(error)) if error.is_in_cold_storage() => {
                    tracing::warn!(
                        mailbox = %mailbox.id,
                        "a message of old lies in cold storage: its attachments are not unpacked"
                    );
                }
                unpacked => unpacked?,
            }
        }
        Ok((number, large))
    }

    /// Uploads a message of which the first part has been read.
    async fn send(
        &self,
        object: Object,
        size: u64,
        first: Bytes,
        mut text: Text<'_>,
    ) -> Result<(u32, Large), LargeError> {
        let mut upload = Upload::begin(self, object).await?;
        let sent = match text.send(first, &mut upload).await {
            Ok(()) => text.finish().await,
            Err(error) => Err(error),
        };
        match sent {
            Ok((number, read)) if read == size => {
                let large = match upload.complete().await? {
                    Put::Done(stored) => Large::Stored(stored),
                    Put::Differs(checksum) => Large::Differs(checksum),
                };
                Ok((number, large))
            }
            Ok((number, read)) => {
                upload.abort().await;
                Ok((number, Large::Resized(read)))
            }
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
        size: u64,
        first: Bytes,
        mut text: Text<'_>,
    ) -> Result<(u32, Large), LargeError> {
        let mut digests = Vec::new();
        let mut part = first;
        while !part.is_empty() {
            digests.push(Sha256::digest(&part).into());
            part = text.next_part().await?;
        }
        let (number, read) = text.finish().await?;
        if read != size {
            return Ok((number, Large::Resized(read)));
        }
        let checksum = Checksum::composite(&digests);
        let known = self.checksum_of(&key.to_string()).await? == Some(checksum.to_string());
        Ok((number, if known { Large::Stored(Stored::Known) } else { Large::Differs(checksum) }))
    }
}

/// A message's text as it is read, part by part.
struct Text<'b> {
    body: Body<'b>,
    /// What was read beyond the last part.
    ahead: Bytes,
    read: u64,
    give_up_at: Instant,
}

impl<'b> Text<'b> {
    fn new(body: Body<'b>, give_up_at: Instant) -> Self {
        Self { body, ahead: Bytes::new(), read: 0, give_up_at }
    }

    /// The next [`PART`] bytes of the message, fewer at its end, none after it.
    async fn next_part(&mut self) -> Result<Bytes, LargeError> {
        let part = timeout_at(self.give_up_at, self.read_part()).await;
        let part = part.map_err(|_| LargeError::GaveUp)??;
        self.read += part.len() as u64;
        Ok(part)
    }

    async fn read_part(&mut self) -> Result<Bytes, postroom_mail::Error> {
        let mut part = BytesMut::with_capacity(PART);
        loop {
            let room = PART - part.len();
            part.extend_from_slice(&self.ahead.split_to(self.ahead.len().min(room)));
            if part.len() == PART {
                break;
            }
            match self.body.chunk().await? {
                Some(chunk) => self.ahead = chunk,
                None => break,
            }
        }
        Ok(part.freeze())
    }

    /// Sends what has been read of it, and the rest.
    async fn send(&mut self, first: Bytes, upload: &mut Upload<'_>) -> Result<(), LargeError> {
        let mut part = first;
        while !part.is_empty() {
            upload.send(part).await?;
            part = self.next_part().await?;
        }
        Ok(())
    }

    /// The message's number, and how many bytes it had.
    async fn finish(self) -> Result<(u32, u64), LargeError> {
        Ok((self.body.finish().await?, self.read))
    }
}

#[cfg(test)]
mod tests;
