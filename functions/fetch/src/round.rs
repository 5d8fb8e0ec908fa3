//! One round of a folder's run: messages that are read, and stored side by side.
//!
//! Guarantees: a message is stored only when the server's answer ended as it should. When a round
//! ends, also by failing, no upload is under way that `progress` and `tally` do not know of. Texts
//! held at once stay within the budget.

use crate::{
    archive::{Checksum, Key, Stored},
    folder::{FolderError, FolderRun},
    large::{self, Large},
    listing::commands,
    progress::Progress,
    s3_error::S3Error,
};
use bytes::BytesMut;
use postroom_mail::imap::{Bodies, Body, Entry, Session, UidSet};
use postroom_model::{AfterFetch, FolderCursor, MAX_HEADER, header_block};
use std::collections::{BTreeMap, BTreeSet};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};

/// Uploads of one mailbox under way at once.
const UPLOADS: usize = 32;

/// What a mailbox's run has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Whether the mail server let it in.
    pub(crate) signed_in: bool,
    /// Messages stored.
    pub(crate) messages: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Messages that were in the archive already.
    pub(crate) known: u64,
    /// Messages put on record in quarantine.
    pub(crate) quarantined: u64,
    /// Messages seen and left for the next run.
    pub(crate) backlog: u64,
}

impl FolderRun<'_> {
    /// Archives a round: first the headers of what may be known, then the texts of the rest.
    pub(crate) async fn archive_round(
        &self,
        session: &mut Session,
        cursor: FolderCursor,
        entries: &[Entry],
        progress: &mut Progress,
        tally: &mut Tally,
    ) -> Result<(), FolderError> {
        // What leaves the server must be known by its bytes, not by its header alone.
        let stays = matches!(self.mailbox.after_fetch, AfterFetch::Leave | AfterFetch::MarkRead);
        let maybe_known: Vec<Entry> =
            entries.iter().filter(|e| stays && cursor.may_be_known(e.uid)).copied().collect();
        if !maybe_known.is_empty() {
            for uid in self.find_known(session, &maybe_known).await? {
                progress.durable(uid);
                tally.known += 1;
            }
        }
        let wanted: Vec<Entry> = entries.iter().filter(|e| progress.is_pending(e.uid)).copied().collect();
        match self.archive_texts(session, &wanted, progress, tally).await {
            Err(FolderError::Mail(error)) if error.leaves_session_usable() && wanted.len() > 1 => {
                self.archive_one_by_one(session, &wanted, progress, tally).await
            }
            result => result,
        }
    }

    /// Asks for messages one by one, after the server refused a command that asked for several: only
    /// what is refused alone is to blame.
    async fn archive_one_by_one(
        &self,
        session: &mut Session,
        entries: &[Entry],
        progress: &mut Progress,
        tally: &mut Tally,
    ) -> Result<(), FolderError> {
        let mut refused = Ok(());
        for entry in entries {
            if !progress.is_pending(entry.uid) {
                continue;
            }
            match self.archive_texts(session, std::slice::from_ref(entry), progress, tally).await {
                Ok(()) => {}
                Err(FolderError::Mail(error)) if error.leaves_session_usable() => {
                    refused = refused.and(Err(error.into()));
                }
                Err(error) => return Err(error),
            }
        }
        refused
    }

    /// Those of the messages that the archive holds, by their headers. Of several that share a place
    /// only the first is taken for known; the others' bytes decide.
    async fn find_known(&self, session: &mut Session, entries: &[Entry]) -> Result<Vec<u32>, FolderError> {
        let listed: BTreeMap<u32, u64> = entries.iter().map(|entry| (entry.uid, entry.size)).collect();
        let mut known = Vec::new();
        let mut lookups: JoinSet<Result<(u32, bool), S3Error>> = JoinSet::new();
        let mut places = BTreeSet::new();
        let mut headers = session.headers(commands(entries));
        loop {
            let mut body = match headers.next().await {
                Ok(Some(body)) => body,
                Ok(None) => break,
                // What is not known by its header is fetched whole.
                Err(error) if error.leaves_session_usable() => continue,
                Err(error) => return Err(error.into()),
            };
            let _share = self.budget.take(body.size().min(MAX_HEADER as u64)).await;
            let mut text = BytesMut::new();
            while let Some(chunk) = body.chunk().await? {
                let room = MAX_HEADER.saturating_sub(text.len());
                text.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            let uid = body.finish().await?;
            let Some(&size) = listed.get(&uid) else { continue };
            let (archive, key) =
                (self.archive.clone(), Key::new(&self.mailbox.id, header_block(&text), size));
            if !places.insert(key.to_string()) {
                continue;
            }
            lookups.spawn(async move { Ok((uid, archive.holds(&key).await?)) });
            while lookups.len() >= UPLOADS
                && let Some(lookup) = lookups.join_next().await
            {
                let (uid, holds) = lookup.map_err(FolderError::Upload)??;
                known.extend(holds.then_some(uid));
            }
        }
        while let Some(lookup) = lookups.join_next().await {
            let (uid, holds) = lookup.map_err(FolderError::Upload)??;
            known.extend(holds.then_some(uid));
        }
        Ok(known)
    }

    /// Reads texts and uploads them side by side.
    async fn archive_texts(
        &self,
        session: &mut Session,
        entries: &[Entry],
        progress: &mut Progress,
        tally: &mut Tally,
    ) -> Result<(), FolderError> {
        let mut uploads = JoinSet::new();
        let mut again = Vec::new();
        let listed: BTreeMap<u32, u64> = entries.iter().map(|entry| (entry.uid, entry.size)).collect();
        let bodies = session.bodies(commands(entries));
        let read = self.read_texts(bodies, &listed, &mut uploads, &mut again, progress, tally).await;
        let mut settled = Ok(());
        while let Some(upload) = uploads.join_next().await {
            settled = settle(upload, progress, tally).and(settled);
        }
        settled.and(read)?;
        for (uid, checksum) in again {
            self.store_beside(session, uid, &checksum, progress, tally).await?;
        }
        Ok(())
    }

    /// Reads texts until there are no more or the time is up. Small ones are left to `uploads`; large
    /// ones that belong beside another message are left to `again`.
    async fn read_texts(
        &self,
        mut bodies: Bodies<'_>,
        listed: &BTreeMap<u32, u64>,
        uploads: &mut JoinSet<Result<Uploaded, S3Error>>,
        again: &mut Vec<(u32, Checksum)>,
        progress: &mut Progress,
        tally: &mut Tally,
    ) -> Result<(), FolderError> {
        let mut refused = Ok(());
        loop {
            while uploads.len() >= UPLOADS
                && let Some(upload) = uploads.join_next().await
            {
                settle(upload, progress, tally)?;
            }
            if Instant::now() >= self.stop_at {
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
            let size = body.size();
            if size <= large::PART as u64 {
                timeout_at(self.give_up_at, self.upload_small(body, listed, uploads))
                    .await
                    .map_err(|_| FolderError::GaveUp)??;
                continue;
            }
            let _share = self.budget.take(large::MEMORY).await;
            let give_up_at = self.give_up_at;
            match self.archive.store_large(&self.mailbox.id, self.folder, body, None, give_up_at).await? {
                (uid, Large::Stored(stored)) => count(uid, size, stored, progress, tally),
                (uid, Large::Differs(checksum)) => again.push((uid, checksum)),
            }
        }
    }

    /// Stores a large message whose place is taken by another of the same identity.
    async fn store_beside(
        &self,
        session: &mut Session,
        uid: u32,
        checksum: &Checksum,
        progress: &mut Progress,
        tally: &mut Tally,
    ) -> Result<(), FolderError> {
        let _share = self.budget.take(large::MEMORY).await;
        let mut bodies = session.bodies(vec![UidSet::one(uid)]);
        while let Some(body) = bodies.next().await? {
            let size = body.size();
            let (archive, id) = (self.archive, &self.mailbox.id);
            let stored = archive.store_large(id, self.folder, body, Some(checksum), self.give_up_at).await?;
            if let (uid, Large::Stored(stored)) = stored {
                count(uid, size, stored, progress, tally);
            }
        }
        Ok(())
    }

    /// Reads a text that fits into memory, and begins its upload. Left out is what was not asked for,
    /// and an empty text of a message that is not: servers answer so for what they cannot read.
    async fn upload_small(
        &self,
        mut body: Body<'_>,
        listed: &BTreeMap<u32, u64>,
        uploads: &mut JoinSet<Result<Uploaded, S3Error>>,
    ) -> Result<(), FolderError> {
        let size = body.size();
        let share = self.budget.take(size).await;
        let mut text = BytesMut::with_capacity(usize::try_from(size).unwrap_or(large::PART));
        while let Some(chunk) = body.chunk().await? {
            text.extend_from_slice(&chunk);
        }
        let uid = body.finish().await?;
        match listed.get(&uid) {
            Some(&expected) if size > 0 || expected == 0 => {}
            _ => return Ok(()),
        }
        let (archive, mailbox, folder) =
            (self.archive.clone(), self.mailbox.id.clone(), self.folder.to_owned());
        uploads.spawn(async move {
            let stored = archive.store(&mailbox, &folder, text.freeze()).await?;
            drop(share);
            Ok(Uploaded { uid, size, stored })
        });
        Ok(())
    }
}

/// An upload that succeeded.
#[derive(Debug)]
struct Uploaded {
    uid: u32,
    size: u64,
    stored: Stored,
}

fn settle(
    upload: Result<Result<Uploaded, S3Error>, tokio::task::JoinError>,
    progress: &mut Progress,
    tally: &mut Tally,
) -> Result<(), FolderError> {
    let Uploaded { uid, size, stored } = upload.map_err(FolderError::Upload)??;
    count(uid, size, stored, progress, tally);
    Ok(())
}

fn count(uid: u32, size: u64, stored: Stored, progress: &mut Progress, tally: &mut Tally) {
    progress.durable(uid);
    match stored {
        Stored::New => {
            tally.messages += 1;
            tally.bytes += size;
        }
        Stored::Known => tally.known += 1,
    }
}
