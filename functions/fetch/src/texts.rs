//! Message texts, from the server into the archive.
//!
//! Guarantees: a message is stored only when the server's answer ended as it should, and under the size
//! that it really has. Texts held at once stay within the budget. When reading ends, also by failing, no
//! upload is under way that `progress` and `tally` do not know of. A message whose bytes or header cannot be
//! stored, be it that they make this program panic, keeps no other from being stored.
//!
//! What a POP3 server lists as a message's size is a guide. A text that turns out larger than what was
//! set aside for it is read to its end and not kept, and asked for once more, now that its size is known.

use crate::{
    archive::{Checksum, Stored, memory},
    filter,
    folder::FolderRun,
    folder_error::FolderError,
    large::{Large, LargeError},
    progress::Progress,
    s3_error::S3Error,
    tally::Tally,
    upload::PART,
};
use bytes::BytesMut;
use futures::FutureExt;
use postroom_mail::source::{Bodies, Body, Entry, Size, Source};
use postroom_model::{Fault, FaultClass, header_block};
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
};
use tokio::{task::JoinSet, time::timeout_at};

/// Uploads of one mailbox under way at once.
pub(crate) const UPLOADS: usize = 32;
/// How often one message is asked for once more: for its size, for a place beside another, for both.
const REPEATS: usize = 4;
/// What is set aside beyond a size that is only claimed, and a quarter of it.
const ALLOWANCE: u64 = 64 << 10;

/// The texts of some messages, on their way into the archive.
pub(crate) struct Texts<'r> {
    pub(crate) run: &'r FolderRun<'r>,
    /// Messages whose header nobody has shown to the filter.
    pub(crate) unjudged: &'r BTreeSet<u32>,
    pub(crate) progress: &'r mut Progress,
    pub(crate) tally: &'r mut Tally,
    /// Messages that cannot be stored though others can, and why.
    pub(crate) unstorable: BTreeMap<u32, Fault>,
}

/// What has come of the texts that were read so far.
#[derive(Default)]
struct Read {
    uploads: JoinSet<Ended>,
    again: Vec<(Entry, Again)>,
}

/// Why a message is to be asked for once more.
#[derive(Debug)]
enum Again {
    /// It has this size.
    Sized(u64),
    /// It belongs beside another message of the same identity.
    Beside(Checksum),
}

/// What is known of a message that is asked for once more.
#[derive(Debug, Default)]
struct Known {
    size: Option<u64>,
    beside: Option<Checksum>,
}

/// An upload that ended.
#[derive(Debug)]
struct Ended {
    number: u32,
    size: u64,
    stored: Result<Stored, Unstored>,
}

/// Why a message was not stored.
#[derive(Debug)]
enum Unstored {
    /// The archive is at fault.
    Archive(S3Error),
    /// The message is, whose bytes other people chose.
    Message(Fault),
}

impl From<S3Error> for Unstored {
    fn from(error: S3Error) -> Self {
        if error.is_about_the_object() { Self::Message(error.fault()) } else { Self::Archive(error) }
    }
}

/// A message's storing, whose panic is the message's fault and nobody else's. What the panic says is not put
/// on record: there may be mail in it.
async fn contained<T>(storing: impl Future<Output = T>) -> Result<T, Fault> {
    // Nothing that is shared is left half changed: what lies in S3 is whole or not there.
    let stored = AssertUnwindSafe(storing).catch_unwind().await;
    stored.map_err(|_| {
        let reason = "storing the message panicked; the function's log says where";
        Fault::new(FaultClass::Bug, reason)
    })
}

impl Texts<'_> {
    /// Reads texts and uploads them side by side.
    pub(crate) async fn archive(
        &mut self,
        source: &mut Source,
        entries: &[Entry],
    ) -> Result<(), FolderError> {
        let again = self.read(source, entries, &Known::default()).await?;
        for (entry, why) in again {
            self.ask_again(source, entry, why).await?;
        }
        Ok(())
    }

    /// Asks for messages one by one, after the server refused a command that asked for several: only
    /// what is refused alone is to blame.
    pub(crate) async fn archive_one_by_one(
        &mut self,
        source: &mut Source,
        entries: &[Entry],
    ) -> Result<(), FolderError> {
        let mut refused = Ok(());
        for entry in entries {
            if !self.progress.is_pending(entry.number) {
                continue;
            }
            match self.archive(source, std::slice::from_ref(entry)).await {
                Ok(()) => {}
                Err(FolderError::Mail(error)) if error.leaves_session_usable() => {
                    refused = refused.and(Err(error.into()));
                }
                Err(error) => return Err(error),
            }
        }
        refused
    }

    /// Asks for a message until it is stored.
    async fn ask_again(&mut self, source: &mut Source, entry: Entry, why: Again) -> Result<(), FolderError> {
        let (mut why, mut known) = (why, Known::default());
        for _ in 0..REPEATS {
            match why {
                Again::Sized(size) => known.size = Some(size),
                Again::Beside(checksum) => known.beside = Some(checksum),
            }
            match self.read(source, &[entry], &known).await?.pop() {
                Some((_, next)) => why = next,
                None => return Ok(()),
            }
        }
        Err(FolderError::Unsteady)
    }

    /// Reads texts and stores them. Returned are those that are to be asked for once more.
    async fn read(
        &mut self,
        source: &mut Source,
        entries: &[Entry],
        known: &Known,
    ) -> Result<Vec<(Entry, Again)>, FolderError> {
        let mut read = Read::default();
        if entries.is_empty() {
            return Ok(read.again);
        }
        let listed: BTreeMap<u32, Entry> = entries.iter().map(|entry| (entry.number, *entry)).collect();
        let ended = self.read_all(source.bodies(entries), &listed, known, &mut read).await;
        let mut settled = Ok(());
        while let Some(upload) = read.uploads.join_next().await {
            settled = self.settle(upload?).and(settled);
        }
        settled.and(ended)?;
        Ok(read.again)
    }

    /// Reads texts until there are no more or the time is up.
    async fn read_all(
        &mut self,
        mut bodies: Bodies<'_>,
        listed: &BTreeMap<u32, Entry>,
        known: &Known,
        read: &mut Read,
    ) -> Result<(), FolderError> {
        let mut refused = Ok(());
        loop {
            while read.uploads.len() >= UPLOADS
                && let Some(upload) = read.uploads.join_next().await
            {
                self.settle(upload?)?;
            }
            if self.run.slice.is_over() {
                return Err(FolderError::OutOfTime);
            }
            let body = match bodies.next().await {
                Ok(Some(body)) => body,
                Ok(None) => return refused,
                // The server refused one command; what the others bring is taken all the same.
                Err(error) if error.leaves_session_usable() => {
                    refused = Err(error.into());
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let (size, room) = room(known.size.map_or(body.size(), Size::Exact));
            if size > PART as u64 {
                self.take_large(body, size, listed, known, read).await?;
            } else {
                timeout_at(self.run.slice.give_up_at(), self.take_small(body, room, listed, read))
                    .await
                    .map_err(|_| FolderError::GaveUp)??;
            }
        }
    }

    /// Reads a text that fits into memory, and begins its upload. Left out is what was not asked for,
    /// and an empty text of a message that is not: servers answer so for what they cannot read.
    async fn take_small(
        &mut self,
        mut body: Body<'_>,
        room: u64,
        listed: &BTreeMap<u32, Entry>,
        read: &mut Read,
    ) -> Result<(), FolderError> {
        let share = self.run.fetch.budget.take(memory(self.run.mailbox, room)).await;
        let mut text = BytesMut::with_capacity(usize::try_from(room).unwrap_or(PART));
        let mut size = 0;
        while let Some(chunk) = body.chunk().await? {
            size += chunk.len() as u64;
            if size <= room {
                text.extend_from_slice(&chunk);
            }
        }
        let number = body.finish().await?;
        let Some(entry) = listed.get(&number).filter(|entry| size > 0 || entry.size == 0) else {
            return Ok(());
        };
        if size > room {
            read.again.push((*entry, Again::Sized(size)));
            return Ok(());
        }
        if self.unjudged.contains(&number) {
            let header = header_block(&text);
            if let Some(rule) = filter::leaves_out(&self.run.mailbox.filter, header) {
                self.progress.pass(number);
                self.tally.left_out.add(rule);
                return Ok(());
            }
        }
        let (archive, mailbox) = (self.run.fetch.archive.clone(), self.run.mailbox.clone());
        let folder = self.run.folder.to_owned();
        let may_be_known = entry.may_be_known;
        read.uploads.spawn(async move {
            let stored = contained(archive.store(&mailbox, &folder, text.freeze(), may_be_known)).await;
            drop(share);
            let stored = stored.map_err(Unstored::Message).and_then(|stored| stored.map_err(Unstored::from));
            Ended { number, size, stored }
        });
        Ok(())
    }

    /// Lets a text that does not fit into memory flow through.
    async fn take_large(
        &mut self,
        body: Body<'_>,
        size: u64,
        listed: &BTreeMap<u32, Entry>,
        known: &Known,
        read: &mut Read,
    ) -> Result<(), FolderError> {
        let FolderRun { fetch, mailbox, folder, slice, .. } = self.run;
        let _share = fetch.budget.take(memory(mailbox, size)).await;
        let (beside, give_up_at) = (known.beside.as_ref(), slice.give_up_at());
        // Boxed, as it is large itself.
        let storing = Box::pin(fetch.archive.store_large(mailbox, folder, body, size, beside, give_up_at));
        let unstorable = |fault| FolderError::Unstorable { session_usable: false, fault };
        let (number, large) = match contained(storing).await.map_err(unstorable)? {
            Err(LargeError::S3(error)) if error.is_about_the_object() => {
                return Err(unstorable(error.fault()));
            }
            stored => stored?,
        };
        let Some(entry) = listed.get(&number) else { return Ok(()) };
        match large {
            Large::Stored(stored) => self.count(number, size, stored),
            Large::Differs(checksum) => read.again.push((*entry, Again::Beside(checksum))),
            Large::Resized(0) => {}
            Large::Resized(size) => read.again.push((*entry, Again::Sized(size))),
        }
        Ok(())
    }

    fn settle(&mut self, Ended { number, size, stored }: Ended) -> Result<(), FolderError> {
        match stored {
            Ok(stored) => self.count(number, size, stored),
            Err(Unstored::Message(fault)) => {
                self.unstorable.insert(number, fault);
            }
            Err(Unstored::Archive(error)) => return Err(error.into()),
        }
        Ok(())
    }

    fn count(&mut self, number: u32, size: u64, stored: Stored) {
        self.progress.durable(number);
        match stored {
            Stored::New => {
                self.tally.messages += 1;
                self.tally.bytes += size;
            }
            Stored::Known => self.tally.known += 1,
        }
    }
}

/// The size of a text as far as it is known, and how much memory is set aside for it if it is small.
fn room(size: Size) -> (u64, u64) {
    match size {
        Size::Exact(size) => (size, size),
        Size::Claimed(size) => (size, size.saturating_add(size / 4 + ALLOWANCE).min(PART as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_size_is_not_taken_at_its_word() {
        let part = PART as u64;
        assert_eq!(room(Size::Exact(100)), (100, 100));
        assert_eq!(room(Size::Claimed(0)), (0, ALLOWANCE));
        assert_eq!(room(Size::Claimed(1000)), (1000, 1250 + ALLOWANCE));
        assert_eq!(room(Size::Claimed(part)), (part, part), "no more than fits into memory");
        assert_eq!(room(Size::Claimed(u64::MAX)), (u64::MAX, part));
    }

    #[tokio::test]
    async fn what_panics_over_a_message_is_that_messages_fault() {
        let fault = contained(async { panic!("over its bytes") as Stored }).await.expect_err("contained");
        assert_eq!(fault.class, FaultClass::Bug);
        assert!(!fault.reason.contains("bytes"), "{}", fault.reason);
        assert_eq!(contained(async { Stored::New }).await.expect("stored"), Stored::New);
    }
}
