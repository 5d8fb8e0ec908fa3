//! A stored message's attachments, each an object of its own, and the index that says what they are.
//!
//! Guarantees: the index is put last, so that whoever finds one finds all that it names. A repeat puts
//! only what is missing: an attachment's key follows from the message, and its bytes are compared with
//! what lies there. Two parts of an attachment are held at most, whatever the message. Leaves out: what
//! an attachment is, and how its name becomes safe; `postroom-attachments` knows.

use crate::{
    archive::{Archive, Checksum, Object, Put},
    headers,
    index::Index,
    key::Key,
    large::LargeError,
    s3_error::S3Error,
    upload::{PART, Upload},
};
use bytes::Bytes;
use postroom_attachments::{Event, Part, Settings, Unpacker};
use postroom_model::Mailbox;
use std::collections::{BTreeMap, HashMap};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};

/// Attachments of one message that are put side by side.
const REQUESTS: usize = 8;

/// What grows beyond so many bytes has room for a whole part at once: blocks of one size leave no gaps in
/// memory.
const SMALL: usize = 256 << 10;

/// What the unpacker itself holds of any message at most, in bytes: header blocks, names, and the beginning
/// of a file whose name is not known yet.
const UNPACKER: u64 = 1 << 20;
/// How often it may hold what a small message has.
const COPIES: u64 = 4;
/// The fewest bytes of a message that make an attachment: a boundary, a field, and what ends them.
const LEAST_PART: u64 = 16;
/// The most attachments of one message: the parts that are looked at, and as many messages in them.
const MOST_PARTS: u64 = 2_001;
/// What is held for each until the index is put, in bytes: its key, its entry, and that once more as JSON.
const PER_PART: u64 = 2 << 10;

/// The memory in bytes that unpacking takes for a text of `size` bytes, the text not included. Bytes may
/// be handed out twice: in `winmail.dat`, and as the file in it. A message of many parts takes more than its
/// own size.
pub(crate) fn memory(size: u64) -> u64 {
    let parts = (size / LEAST_PART).min(MOST_PARTS) * PER_PART;
    UNPACKER.min(size.saturating_mul(COPIES)) + parts + size.saturating_mul(2).min(2 * PART as u64)
}

/// Attachments whose place is taken by other bytes: those of another release, or of other settings.
type Taken = BTreeMap<usize, Checksum>;

impl Archive {
    /// Completes what belongs to a message that is durable and held in memory.
    pub(crate) async fn unpack_held(
        &self,
        mailbox: &Mailbox,
        key: &Key,
        text: &Bytes,
    ) -> Result<(), S3Error> {
        let mut taken = Taken::new();
        loop {
            let mut unpacking = Unpacking::new(self, mailbox, key, &taken);
            let unpacked = unpacking.take(text).await;
            match unpacking.finish(unpacked, text.len() as u64).await? {
                Some(more) => taken.extend(more),
                None => return Ok(()),
            }
        }
    }

    /// Completes what belongs to a message of `size` bytes that is durable, by reading it back.
    pub(crate) async fn unpack_stored(
        &self,
        mailbox: &Mailbox,
        key: &Key,
        size: u64,
        give_up_at: Instant,
    ) -> Result<(), LargeError> {
        let mut taken = Taken::new();
        loop {
            let mut unpacking = Unpacking::new(self, mailbox, key, &taken);
            let unpacked = self.read_back(key, size, &mut unpacking, give_up_at).await;
            match unpacking.finish(unpacked, size).await? {
                Some(more) => taken.extend(more),
                None => return Ok(()),
            }
        }
    }

    async fn read_back(
        &self,
        key: &Key,
        size: u64,
        unpacking: &mut Unpacking<'_>,
        give_up_at: Instant,
    ) -> Result<(), LargeError> {
        let object = self.s3.get_object().bucket(&self.bucket).key(key.to_string()).send().await;
        let mut text = object.map_err(|error| S3Error::new("GetObject", &self.bucket, error))?.body;
        let mut read = 0;
        loop {
            let chunk = timeout_at(give_up_at, text.next()).await.map_err(|_| LargeError::GaveUp)?;
            let Some(chunk) = chunk else { break };
            let chunk = chunk.map_err(|_| S3Error::cut_off("GetObject", &self.bucket))?;
            read += chunk.len() as u64;
            unpacking.take(&chunk).await?;
        }
        if read == size {
            return Ok(());
        }
        Err(S3Error::cut_off("GetObject", &self.bucket).into())
    }
}

/// A message that is being unpacked.
struct Unpacking<'a> {
    unpacker: Unpacker,
    mailbox: &'a Mailbox,
    outgoing: Outgoing<'a>,
}

impl<'a> Unpacking<'a> {
    fn new(archive: &'a Archive, mailbox: &'a Mailbox, key: &'a Key, taken: &'a Taken) -> Self {
        let settings = Settings { inline_images: mailbox.inline_images, ..Settings::default() };
        Self { unpacker: Unpacker::new(settings), mailbox, outgoing: Outgoing::new(archive, key, taken) }
    }

    /// Takes more of the text.
    async fn take(&mut self, text: &[u8]) -> Result<(), S3Error> {
        let mut text = text;
        while let Some(event) = self.unpacker.unpack(&mut text) {
            self.outgoing.take(event).await?;
        }
        Ok(())
    }

    /// Ends it after its whole text was taken: puts the index, or says what else must be put first. If
    /// something failed, gives up what is under way.
    async fn finish<E: From<S3Error>>(mut self, taken: Result<(), E>, size: u64) -> Result<Option<Taken>, E> {
        let ended = match taken {
            Ok(()) => self.end().await.map_err(E::from),
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            self.outgoing.abort().await;
            return Err(error);
        }
        let Outgoing { archive, key, keys, differing, .. } = self.outgoing;
        if !differing.is_empty() {
            return Ok(Some(differing));
        }
        let message = self.unpacker.into_index();
        let index = Index::new(&self.mailbox.id, key, size, &message, &keys);
        // One that is there already was put by another run, after attachments of its own.
        if archive.create_index(key, &index).await? {
            archive.count_unpacked(keys.len());
        }
        Ok(None)
    }

    async fn end(&mut self) -> Result<(), S3Error> {
        while let Some(event) = self.unpacker.finish() {
            self.outgoing.take(event).await?;
        }
        self.outgoing.settle().await
    }
}

/// Attachments on their way to S3.
///
/// One that is open fills a part. While only one is, as much as a part may be on its way; while two are,
/// nothing is.
struct Outgoing<'a> {
    archive: &'a Archive,
    key: &'a Key,
    taken: &'a Taken,
    open: Vec<Open<'a>>,
    sending: JoinSet<Result<Sent, S3Error>>,
    /// Bytes that `sending` holds.
    in_flight: usize,
    /// Where attachments lie, by number.
    keys: BTreeMap<usize, String>,
    differing: Taken,
}

/// An attachment of which more is to come.
struct Open<'a> {
    number: usize,
    object: Object,
    filling: Vec<u8>,
    upload: Option<Upload<'a>>,
}

/// An attachment that was put in one request.
struct Sent {
    number: usize,
    size: usize,
    put: Put,
}

impl<'a> Outgoing<'a> {
    fn new(archive: &'a Archive, key: &'a Key, taken: &'a Taken) -> Self {
        Self {
            archive,
            key,
            taken,
            open: Vec::new(),
            sending: JoinSet::new(),
            in_flight: 0,
            keys: BTreeMap::new(),
            differing: Taken::new(),
        }
    }

    async fn take(&mut self, event: Event<'_>) -> Result<(), S3Error> {
        match event {
            Event::Begun { number, part } => self.begin(number, part).await,
            Event::Bytes { number, bytes } => self.fill(number, bytes).await,
            Event::Ended { number, .. } => self.end(number).await,
        }
    }

    async fn begin(&mut self, number: usize, part: &Part) -> Result<(), S3Error> {
        if !self.open.is_empty() {
            self.settle().await?;
        }
        let key = match self.taken.get(&number) {
            Some(checksum) => self.key.attachment_beside(&part.name, checksum),
            None => self.key.attachment(&part.name),
        };
        self.keys.insert(number, key.clone());
        let object = Object { key, content_type: part.content_type.clone(), metadata: metadata(part) };
        self.open.push(Open { number, object, filling: Vec::new(), upload: None });
        Ok(())
    }

    async fn fill(&mut self, number: usize, bytes: &[u8]) -> Result<(), S3Error> {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let Some(at) = self.place(number) else { return Ok(()) };
            if self.open[at].filling.len() == PART {
                self.send_part(at).await?;
            }
            let filling = &mut self.open[at].filling;
            let (now, later) = bytes.split_at(bytes.len().min(PART - filling.len()));
            if filling.len() + now.len() > SMALL {
                filling.reserve_exact(PART - filling.len());
            }
            filling.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Sends the part that an attachment has filled.
    async fn send_part(&mut self, at: usize) -> Result<(), S3Error> {
        self.settle().await?;
        let open = &mut self.open[at];
        let part = std::mem::take(&mut open.filling).into();
        let upload = match &mut open.upload {
            Some(upload) => upload,
            none => none.insert(Upload::begin(self.archive, open.object.clone()).await?),
        };
        upload.send(part).await?;
        if self.open.len() > 1 { self.settle().await } else { Ok(()) }
    }

    async fn end(&mut self, number: usize) -> Result<(), S3Error> {
        let Some(at) = self.place(number) else { return Ok(()) };
        if self.open[at].upload.is_some() {
            self.send_part(at).await?;
        }
        let Open { object, filling, upload, .. } = self.open.swap_remove(at);
        if let Some(upload) = upload {
            let put = upload.complete().await?;
            self.note(number, put);
            return Ok(());
        }
        let size = filling.len();
        self.make_room(PART - size).await?;
        let (archive, bytes) = (self.archive.clone(), filling.into());
        self.in_flight += size;
        self.sending
            .spawn(async move { Ok(Sent { number, size, put: archive.put(&object, &bytes).await? }) });
        if self.open.is_empty() { Ok(()) } else { self.settle().await }
    }

    fn place(&self, number: usize) -> Option<usize> {
        self.open.iter().position(|open| open.number == number)
    }

    /// Waits until no more than so many bytes are on their way, and one more request may be.
    async fn make_room(&mut self, bytes: usize) -> Result<(), S3Error> {
        while self.in_flight > bytes || self.sending.len() >= REQUESTS {
            self.join_one().await?;
        }
        Ok(())
    }

    /// Waits until nothing is on its way.
    async fn settle(&mut self) -> Result<(), S3Error> {
        for open in &mut self.open {
            if let Some(upload) = &mut open.upload {
                upload.settle().await?;
            }
        }
        while !self.sending.is_empty() {
            self.join_one().await?;
        }
        Ok(())
    }

    async fn join_one(&mut self) -> Result<(), S3Error> {
        let Some(sent) = self.sending.join_next().await else { return Ok(()) };
        let Sent { number, size, put } = match sent {
            Ok(sent) => sent?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        self.in_flight -= size;
        self.note(number, put);
        Ok(())
    }

    /// A key that carries the hash of its bytes is never another attachment's.
    fn note(&mut self, number: usize, put: Put) {
        if let Put::Differs(checksum) = put
            && !self.taken.contains_key(&number)
        {
            self.differing.insert(number, checksum);
        }
    }

    async fn abort(self) {
        for upload in self.open.into_iter().filter_map(|open| open.upload) {
            upload.abort().await;
        }
    }
}

/// What is said of an attachment beside its bytes: its path in the message, and its name as declared.
fn metadata(part: &Part) -> HashMap<String, String> {
    let declared = part.declared_name.as_deref().map(headers::encode).filter(|name| !name.is_empty());
    let declared = declared.map(|name| ("declared-name".to_owned(), name));
    [("part".to_owned(), part.path.clone())].into_iter().chain(declared).collect()
}

#[cfg(test)]
mod tests;
