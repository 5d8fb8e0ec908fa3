//! What needs no text: messages that the filter leaves out, and those that are in the archive already.
//!
//! Guarantees: a message is taken for known only where the archive holds one of the same header and
//! size. Of several with one header, only the first: the others' bytes decide. What leaves the server
//! must be known by its bytes. Memory: one header a mailbox while it is read, and those that are looked
//! up, all within the budget.

use crate::{
    filter, folder::FolderRun, folder_error::FolderError, progress::Progress, s3_error::S3Error,
    tally::Tally, texts::UPLOADS, visit::Visit,
};
use bytes::BytesMut;
use postroom_mail::source::{Entry, Size, Source};
use postroom_model::{MAX_HEADER, MessageIdentity, header_block};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use tokio::task::{JoinError, JoinSet};

impl FolderRun<'_> {
    /// Passes what needs no text. Returned are the messages whose header the filter has not seen though
    /// it has to: the server would not show it.
    pub(crate) async fn sift(
        &self,
        source: &mut Source,
        entries: &[Entry],
        progress: &mut Progress,
        visit: &mut Visit,
    ) -> Result<BTreeSet<u32>, FolderError> {
        let filter = &self.mailbox.filter;
        for entry in entries {
            if let Some(rule) = filter.by_size(entry.size) {
                progress.pass(entry.number);
                visit.tally.left_out.add(rule);
            } else if self.keeps() && visit.email_ids.has(entry) {
                progress.durable(entry.number);
                visit.tally.known += 1;
            }
        }
        let needs_header = |entry: &&Entry| {
            progress.is_pending(entry.number) && (filter.needs_header() || self.keeps() && entry.may_be_known)
        };
        let wanted: Vec<Entry> = entries.iter().filter(needs_header).copied().collect();
        if wanted.is_empty() {
            return Ok(BTreeSet::new());
        }
        let unseen = self.sift_headers(source, &wanted, progress, &mut visit.tally).await?;
        Ok(if filter.needs_header() { unseen } else { BTreeSet::new() })
    }

    /// Reads headers. Returned are the messages that did not show theirs.
    async fn sift_headers(
        &self,
        source: &mut Source,
        entries: &[Entry],
        progress: &mut Progress,
        tally: &mut Tally,
    ) -> Result<BTreeSet<u32>, FolderError> {
        let listed: BTreeMap<u32, &Entry> = entries.iter().map(|entry| (entry.number, entry)).collect();
        let mut unseen: BTreeSet<u32> = listed.keys().copied().collect();
        let mut lookups: JoinSet<Result<(u32, bool), S3Error>> = JoinSet::new();
        let mut headers_seen = HashSet::new();
        let mut headers = source.headers(entries);
        let ended = loop {
            // What was looked up so far counts.
            if self.slice.is_over() {
                break Err(FolderError::OutOfTime);
            }
            let mut body = match headers.next().await {
                Ok(Some(body)) => body,
                Ok(None) => break Ok(()),
                // What does not show its header is fetched whole.
                Err(error) if error.leaves_session_usable() => continue,
                Err(error) => return Err(error.into()),
            };
            let most = match body.size() {
                Size::Exact(size) => size.min(MAX_HEADER as u64),
                Size::Claimed(_) => MAX_HEADER as u64,
            };
            let mut share = self.fetch.budget.take(most).await;
            let mut text = BytesMut::new();
            while let Some(chunk) = body.chunk().await? {
                let room = MAX_HEADER.saturating_sub(text.len());
                text.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            let number = body.finish().await?;
            let Some(&entry) = listed.get(&number) else { continue };
            unseen.remove(&number);
            share.keep(text.len() as u64);
            let filter = &self.mailbox.filter;
            if filter.needs_header()
                && let Some(rule) = filter::leaves_out(filter, header_block(&text))
            {
                progress.pass(number);
                tally.left_out.add(rule);
                continue;
            }
            let may_be_known = self.keeps() && entry.may_be_known;
            if !may_be_known || !headers_seen.insert(MessageIdentity::new(&text, 0)) {
                continue;
            }
            let (archive, mailbox) = (self.fetch.archive.clone(), self.mailbox.clone());
            let sizes = entry.possible_sizes();
            lookups.spawn(async move {
                let found = archive.find(&mailbox, header_block(&text), &sizes).await?;
                drop(share);
                Ok((number, found))
            });
            while lookups.len() >= UPLOADS
                && let Some(lookup) = lookups.join_next().await
            {
                found(lookup, progress, tally)?;
            }
        };
        while let Some(lookup) = lookups.join_next().await {
            found(lookup, progress, tally)?;
        }
        ended.map(|()| unseen)
    }
}

fn found(
    lookup: Result<Result<(u32, bool), S3Error>, JoinError>,
    progress: &mut Progress,
    tally: &mut Tally,
) -> Result<(), FolderError> {
    let (number, is_there) = lookup??;
    if is_there {
        progress.durable(number);
        tally.known += 1;
    }
    Ok(())
}
