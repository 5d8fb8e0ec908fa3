//! One round of a folder's run: what is between two moves of the cursor.
//!
//! Guarantees: what happens to a message at the server (`after_fetch`) happens after it is durable and
//! before the cursor passes it, so that a crash repeats work and never skips it. A message is blamed
//! only for an error that a message can cause, and only the first that is not done.

use crate::{
    folder::{FolderRun, is_same},
    folder_error::FolderError,
    headers,
    progress::Progress,
    texts::Texts,
    visit::Visit,
};
use bytes::BytesMut;
use postroom_mail::source::{Cursor, Entry, Fate, Folder, Source};
use postroom_model::{AfterFetch, Fault, MAX_HEADER, Stuck, header_block};
use std::collections::BTreeMap;

impl FolderRun<'_> {
    /// One round. `false`: another run has overtaken this one.
    pub(crate) async fn round(
        &self,
        source: &mut Source,
        folder: &mut Folder,
        entries: &[Entry],
        visit: &mut Visit,
    ) -> Result<bool, FolderError> {
        let before = visit.tally;
        let mut progress = Progress::new(entries.iter().map(|entry| entry.number));
        let failed = match self.archive_round(source, entries, &mut progress, visit).await {
            Ok(unstorable) => self.explain_missing(source, &mut progress, &unstorable).await.err(),
            Err(error) => Some(error),
        };
        let durable = || entries.iter().filter(|entry| progress.is_durable(entry.number));
        durable().for_each(|entry| visit.email_ids.add(entry));
        visit.session.read_in_vain |= failed.is_some();
        let settled = match &failed {
            None => self.after_fetch(source, &progress).await.map(|()| true),
            // Without a working session, what should happen at the server is left to the next run,
            // which therefore must see these messages again.
            Some(_) => Ok(self.leaves()),
        };
        let counts = matches!(settled, Ok(true));
        if counts && self.mailbox.after_fetch == AfterFetch::Delete {
            visit.session.removed.add(durable());
        }
        let moved = folder.moved(entries, |number| match () {
            () if !counts || progress.is_pending(number) => Fate::Pending,
            () if self.mailbox.after_fetch == AfterFetch::Delete && progress.is_durable(number) => {
                Fate::Removed
            }
            () => Fate::Done,
        });
        if !counts {
            // They are left out, and counted, by the run that sees them again.
            visit.tally.left_out = before.left_out;
        }
        let counted = visit.counted_since(&before);
        let committed = self.commit(folder, moved, &counted, visit).await?;
        settled?;
        match failed {
            Some(error) => Err(self.blame(error, folder, entries, &progress)),
            None => Ok(committed),
        }
    }

    /// Archives a round: first what needs no text, then the texts of the rest. Returned are the messages
    /// that cannot be stored, and why.
    async fn archive_round(
        &self,
        source: &mut Source,
        entries: &[Entry],
        progress: &mut Progress,
        visit: &mut Visit,
    ) -> Result<BTreeMap<u32, Fault>, FolderError> {
        Box::pin(self.look_at_stuck(source, entries, visit)).await?;
        let unjudged = self.sift(source, entries, progress, visit).await?;
        let wanted: Vec<Entry> = entries.iter().filter(|e| progress.is_pending(e.number)).copied().collect();
        let tally = &mut visit.tally;
        let unstorable = BTreeMap::new();
        let mut texts = Texts { run: self, unjudged: &unjudged, progress, tally, unstorable };
        match texts.archive(source, &wanted).await {
            Err(FolderError::Mail(error)) if error.leaves_session_usable() && wanted.len() > 1 => {
                texts.archive_one_by_one(source, &wanted).await?;
            }
            result => result?,
        }
        Ok(texts.unstorable)
    }

    /// Looks at the header of a message that broke earlier runs, when it is tried for the last time: people
    /// find it by that. Not earlier, because the look itself may be what breaks the next.
    async fn look_at_stuck(
        &self,
        source: &mut Source,
        entries: &[Entry],
        visit: &mut Visit,
    ) -> Result<(), FolderError> {
        let Some(stuck) = visit.state.stuck.get(self.folder) else { return Ok(()) };
        let is_last = stuck.attempts + 1 >= Stuck::max_attempts(stuck.fault.class);
        let Some(entry) = entries.first().filter(|entry| is_last && is_same(stuck, entry)) else {
            return Ok(());
        };
        let mut headers = source.headers(std::slice::from_ref(entry));
        loop {
            let mut body = match headers.next().await {
                Ok(Some(body)) => body,
                Ok(None) => return Ok(()),
                Err(error) if error.leaves_session_usable() => continue,
                Err(error) => return Err(error.into()),
            };
            let _share = self.fetch.budget.take(MAX_HEADER as u64).await;
            let mut text = BytesMut::new();
            while let Some(chunk) = body.chunk().await? {
                let room = MAX_HEADER.saturating_sub(text.len());
                text.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            if body.finish().await? == entry.number {
                visit.message_id = headers::message_id(header_block(&text));
            }
        }
    }

    /// Finds out why some of what was listed is not done: it cannot be stored, or the server did not deliver
    /// it, because it is gone or withheld.
    async fn explain_missing(
        &self,
        source: &mut Source,
        progress: &mut Progress,
        unstorable: &BTreeMap<u32, Fault>,
    ) -> Result<(), FolderError> {
        while let Some(number) = progress.first_pending() {
            if let Some(fault) = unstorable.get(&number) {
                return Err(FolderError::Unstorable { session_usable: true, fault: fault.clone() });
            }
            if source.exists(number).await? {
                return Err(FolderError::Withheld);
            }
            progress.pass(number);
        }
        Ok(())
    }

    /// Does at the server what the mailbox asks for, to messages that are durable.
    async fn after_fetch(&self, source: &mut Source, progress: &Progress) -> Result<(), FolderError> {
        let durable = progress.all_durable();
        if durable.is_empty() {
            return Ok(());
        }
        match &self.mailbox.after_fetch {
            AfterFetch::Leave => {}
            AfterFetch::MarkRead => source.mark_read(&durable).await?,
            AfterFetch::Move(folder) => source.move_to(&durable, self.move_to.unwrap_or(folder)).await?,
            AfterFetch::Delete => source.delete(&durable).await?,
        }
        Ok(())
    }

    /// Blames the first message that is not done for an error that a message can cause.
    fn blame(
        &self,
        error: FolderError,
        folder: &mut Folder,
        entries: &[Entry],
        progress: &Progress,
    ) -> FolderError {
        if matches!(error, FolderError::GaveUp) && self.slice.in_batch {
            return FolderError::OutOfTime;
        }
        let pending = progress.first_pending();
        let pending = entries.iter().find(|entry| Some(entry.number) == pending);
        match pending.filter(|_| error.may_be_a_message()) {
            Some(entry) => FolderError::Message {
                session_usable: error.leaves_session_usable(),
                entry: *entry,
                uid_validity: match folder.cursor() {
                    Cursor::Uid(cursor) => cursor.uid_validity,
                    Cursor::Maildrop(_) => 0,
                },
                past: Box::new(folder.moved(std::slice::from_ref(entry), |_| Fate::Done)),
                fault: Box::new(error.fault()),
            },
            None => error,
        }
    }
}
