//! One folder's run: list what is new, archive it round by round, put on record how far it is done.
//!
//! Guarantees: the record moves only over messages that are durable in the archive, on record in
//! quarantine, left out by the mailbox's filter, or gone from the server. Which protocol the folder is
//! read by makes no difference here.
//!
//! # Where a run may break off
//!
//! An IMAP folder: texts durable → `after_fetch` at the server → cursor. A run that breaks off before the
//! cursor moves is repeated from there, and what is durable is found, not stored again.
//!
//! A maildrop that keeps its messages: texts durable → their ids on record → prefix and counters.
//! Before the ids are on record, the next run takes the messages for new, reads them and finds them.
//! After that, the prefix does not fit the listing any further than it did, the set of ids is read, and
//! says that they are done. An id is never on record before its message is durable.
//!
//! A maildrop that is emptied: texts durable → DELE → counters → QUIT. The server removes nothing
//! before QUIT (RFC 1939 section 6), so that whatever breaks off leaves the messages where they are. No
//! id is on record for them: what QUIT did not remove is read again and found. After QUIT they are gone,
//! and durable.
//!
//! A maildrop whose server takes RETR and QUIT for fetched, as Gmail does: QUIT is sent only when all
//! that was read in the session is durable. Otherwise the connection is dropped, and it comes again.

use crate::{
    Fetch,
    budget::Share,
    folder_error::FolderError,
    rounds::{LIST_CAP, Measure, rounds},
    slice::Slice,
    visit::{Removal, Session, Visit},
};
use postroom_mail::source::{Access, Cursor, Entry, Fate, Folder, Moved, Page, Position, Source};
use postroom_model::{AfterFetch, Mailbox, Protocol, Stuck};
use postroom_registry::Counted;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// The most that one POP3 session removes, as listed: it takes effect only when the session ends.
const SESSION: Measure = Measure::LONG;

/// How a folder's run ended, when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FolderEnd {
    /// Everything that was listed is done.
    Complete,
    /// Its time was up; the tally's backlog says what is left.
    OutOfTime,
    /// Its time was up in the middle of an answer: the session cannot be used further.
    CutOff,
    /// The day's bytes are used up; the tally's backlog says what is left.
    DayIsOver,
    /// The session has to end for what it did to take effect, and so many messages are left.
    SessionIsFull(u64),
    /// Another run moved the cursor meanwhile; it is ahead of this one.
    Overtaken,
}

/// One folder's run.
pub(crate) struct FolderRun<'a> {
    pub(crate) fetch: &'a Fetch,
    pub(crate) mailbox: &'a Arc<Mailbox>,
    /// The folder's name at the server.
    pub(crate) folder: &'a str,
    /// Where messages move to, by its name at the server, if they do.
    pub(crate) move_to: Option<&'a str>,
    /// Another folder of the mailbox came before it.
    pub(crate) is_further: bool,
    pub(crate) slice: Slice,
}

impl FolderRun<'_> {
    /// Runs until everything is archived, or the time is up.
    pub(crate) async fn run(&self, source: &mut Source, visit: &mut Visit) -> Result<FolderEnd, FolderError> {
        let Some((mut folder, mut share)) = self.open(source, visit).await? else {
            return Ok(FolderEnd::CutOff);
        };
        let mut slot = None;
        while let Some(page) = source.page(&mut folder).await? {
            share.keep(folder.memory());
            let removal = visit.removal.take();
            if removal.is_some_and(|removal| removal.is_undone(folder.exists(), &page.entries)) {
                return Err(FolderError::NotRemoved);
            }
            if !page.entries.is_empty() && slot.is_none() {
                slot = self.fetch.slots.take(self.slice).await;
            }
            let finish = self.work_page(source, &mut folder, &page, visit).await?;
            // What of a page is known has no round, and may have taken its time.
            let looked_at = matches!(finish, None | Some(FolderEnd::OutOfTime | FolderEnd::DayIsOver));
            if looked_at && !self.commit_listed(&mut folder, visit).await? {
                return Ok(FolderEnd::Overtaken);
            }
            if let Some(finish) = finish {
                return Ok(finish);
            }
            self.count_traffic(source, visit).await?;
            if page.beyond > 0
                && let Some(end) = self.no_more(visit)
            {
                visit.tally.backlog += page.beyond;
                return Ok(end);
            }
        }
        if !self.commit_listed(&mut folder, visit).await? {
            return Ok(FolderEnd::Overtaken);
        }
        if let Some((from, ids)) = folder.rewritten() {
            let rewritten = self.fetch.registry.rewrite_known(&self.mailbox.id, from, &ids).await?;
            visit.state.maildrop = rewritten.or(visit.state.maildrop);
        }
        Ok(FolderEnd::Complete)
    }

    /// Puts on record what the listing alone tells. `false`: another run has moved the cursor.
    async fn commit_listed(&self, folder: &mut Folder, visit: &mut Visit) -> Result<bool, FolderError> {
        let moved = folder.moved(&[], |_| Fate::Pending);
        let counted = visit.counted_since(&visit.tally.clone());
        Ok(moved.is_nothing() || self.commit(folder, moved, &counted, visit).await?)
    }

    /// Why no further page is begun, if none is.
    fn no_more(&self, visit: &Visit) -> Option<FolderEnd> {
        if self.slice.is_over() {
            Some(FolderEnd::OutOfTime)
        } else {
            visit.allowance.is_used_up().then_some(FolderEnd::DayIsOver)
        }
    }

    /// Opens the folder where earlier runs have left it, and takes the memory that it needs; nothing, if the
    /// time was up before there was enough.
    async fn open(&self, source: &mut Source, visit: &Visit) -> Result<Option<(Folder, Share)>, FolderError> {
        let Mailbox { id, protocol, .. } = &**self.mailbox;
        let mut position = Position::of(*protocol, &visit.state, self.folder, self.mailbox.origin());
        let is_maildrop = *protocol == Protocol::Pop3;
        let copies = self.is_further && !position.is_recorded() && source.has_email_ids();
        if copies || is_maildrop && visit.filter.is_new {
            position = position.again();
        }
        let access = if self.leaves() { Access::ReadOnly } else { Access::ReadWrite };
        let memory = source.memory(&position).await?;
        let Ok(mut share) = timeout_at(self.slice.stop_at, self.fetch.listings.take(memory)).await else {
            return Ok(None);
        };
        let mut folder = source.open(self.folder, access, position, LIST_CAP).await?;
        if folder.read_only() && !self.leaves() {
            return Err(FolderError::ReadOnly);
        }
        if folder.is_renumbered() {
            tracing::info!(mailbox = %id, "a folder is looked at anew: its headers first");
        }
        if let Some(generation) = folder.needs_known() {
            folder.know(self.fetch.registry.known_ids(id, generation).await?);
        }
        share.keep(folder.memory());
        Ok(Some((folder, share)))
    }

    /// Works a page round by round; why it came to no end, if it did not.
    async fn work_page(
        &self,
        source: &mut Source,
        folder: &mut Folder,
        page: &Page,
        visit: &mut Visit,
    ) -> Result<Option<FolderEnd>, FolderError> {
        let stuck = visit.state.stuck.get(self.folder).and_then(|stuck| number_of(stuck, &page.entries));
        let measure = if self.leaves() { Measure::LONG } else { Measure::SHORT };
        let mut left = page.entries.len() as u64 + page.beyond;
        for round in rounds(&page.entries, measure, stuck) {
            let mut round = round;
            while !round.is_empty() {
                let is_stuck = round.first().is_some_and(|entry| Some(entry.number) == stuck);
                if source.deletes_at_close() && is_full(&visit.session, is_stuck) {
                    let removed = visit.session.removed.clone();
                    visit.removal = Some(Removal { present: folder.exists(), removed });
                    return Ok(Some(FolderEnd::SessionIsFull(left)));
                }
                if self.slice.is_over() {
                    visit.tally.backlog += left;
                    return Ok(Some(FolderEnd::OutOfTime));
                }
                self.count_traffic(source, visit).await?;
                let (fitting, later) = round.split_at(visit.allowance.fitting(round));
                if fitting.is_empty() {
                    visit.tally.backlog += left;
                    return Ok(Some(FolderEnd::DayIsOver));
                }
                let done_before = visit.tally.done();
                match self.round(source, folder, fitting, visit).await {
                    Ok(true) => {}
                    Ok(false) => return Ok(Some(FolderEnd::Overtaken)),
                    Err(FolderError::OutOfTime) => {
                        visit.tally.backlog += left.saturating_sub(visit.tally.done() - done_before);
                        return Ok(Some(FolderEnd::CutOff));
                    }
                    Err(error) => return Err(error),
                }
                left -= fitting.len() as u64;
                round = later;
            }
        }
        Ok(None)
    }

    /// Counts what was received, and puts it on record where it is much.
    async fn count_traffic(&self, source: &Source, visit: &mut Visit) -> Result<(), FolderError> {
        visit.allowance.received(source.traffic().bytes_in, (self.fetch.clock)());
        if let Some(day) = visit.allowance.halfway() {
            self.fetch.registry.record_day(&self.mailbox.id, day, None).await?;
            visit.allowance.recorded();
        }
        Ok(())
    }

    /// Puts on record how far the folder is done, and counts. `false` when another run has moved it.
    pub(crate) async fn commit(
        &self,
        folder: &mut Folder,
        moved: Moved,
        counted: &Counted,
        visit: &mut Visit,
    ) -> Result<bool, FolderError> {
        if moved.is_nothing() && *counted == Counted::default() {
            return Ok(true);
        }
        let committed = self.fetch.put_moved(&self.mailbox.id, self.folder, moved, counted, visit).await?;
        if let Some(cursor) = committed {
            folder.recorded(cursor);
        }
        Ok(committed.is_some())
    }

    /// Whether messages stay at the server as they are.
    pub(crate) fn leaves(&self) -> bool {
        self.mailbox.after_fetch == AfterFetch::Leave
    }

    /// Whether messages stay in their folder.
    pub(crate) fn keeps(&self) -> bool {
        matches!(self.mailbox.after_fetch, AfterFetch::Leave | AfterFetch::MarkRead)
    }
}

impl Fetch {
    /// Puts on record how far a folder is done. Returned is what stands there now; nothing, when another
    /// run has moved it.
    pub(crate) async fn put_moved(
        &self,
        id: &postroom_model::MailboxId,
        folder: &str,
        moved: Moved,
        counted: &Counted,
        visit: &mut Visit,
    ) -> Result<Option<Cursor>, postroom_registry::Error> {
        match moved {
            Moved::Uid { from, to } => {
                if !self.registry.advance(id, folder, from, to, counted).await? {
                    return Ok(None);
                }
                visit.state.folders.insert(folder.to_owned(), to);
                visit.filter.note(counted);
                Ok(Some(Cursor::Uid(to)))
            }
            Moved::Maildrop { from, to, ids } => {
                let Some(to) = self.registry.advance_maildrop(id, from, to, &ids, counted).await? else {
                    return Ok(None);
                };
                visit.state.maildrop = Some(to);
                visit.filter.note(counted);
                Ok(Some(Cursor::Maildrop(to)))
            }
        }
    }
}

/// Whether what a session has removed should take effect before more is done: it is much, or took long,
/// or a message is next that broke earlier runs and could undo it.
fn is_full(session: &Session, is_stuck: bool) -> bool {
    let Session { removed, full_at, .. } = session;
    let is_much = removed.messages >= SESSION.messages as u64 || removed.bytes >= SESSION.bytes;
    removed.messages > 0 && (is_much || is_stuck || Instant::now() >= *full_at)
}

/// The number that a message which broke earlier runs has now.
fn number_of(stuck: &Stuck, entries: &[Entry]) -> Option<u32> {
    let is_it = |entry: &&Entry| is_same(stuck, entry);
    entries.iter().find(is_it).map(|entry| entry.number)
}

/// Whether this is the message that broke earlier runs. In a maildrop a number is good for one session.
pub(crate) fn is_same(stuck: &Stuck, entry: &Entry) -> bool {
    match (stuck.unique_id, entry.unique_id) {
        (Some(stuck), Some(listed)) => stuck == listed,
        _ => stuck.uid == entry.number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visit::Removed;
    use postroom_model::{Fault, FaultClass, UniqueId};
    use std::time::Duration;

    #[test]
    fn a_session_is_full_when_much_would_be_lost_with_it() {
        let later = Instant::now() + Duration::from_secs(60);
        let session = |messages, bytes, full_at| Session {
            removed: Removed { messages, bytes, ..Removed::default() },
            full_at,
            read_in_vain: false,
            is_usable: true,
        };
        for (session, is_stuck, expected) in [
            (session(1, 1, later), false, false),
            (session(1, 1, later), true, true),
            (session(0, 0, later), true, false),
            (session(0, 0, Instant::now()), false, false),
            (session(1, 1, Instant::now()), false, true),
            (session(2_000, 1, later), false, true),
            (session(1, 128 << 20, later), false, true),
        ] {
            assert_eq!(is_full(&session, is_stuck), expected, "{session:?} {is_stuck}");
        }
    }

    #[test]
    fn a_stuck_message_of_a_maildrop_is_known_by_its_id_whatever_its_number() {
        let id = |text| Some(UniqueId::of_uidl(text));
        let stuck = |unique_id| Stuck {
            uid_validity: 0,
            uid: 3,
            unique_id,
            size: None,
            message_id: None,
            attempts: 1,
            fault: Fault::new(FaultClass::Protocol, ""),
        };
        let entry =
            |number, unique_id| Entry { number, size: 1, may_be_known: false, unique_id, email_id: None };
        let entries = [entry(1, id("b")), entry(2, id("a")), entry(3, id("c"))];
        assert_eq!(number_of(&stuck(id("a")), &entries), Some(2));
        assert_eq!(number_of(&stuck(id("z")), &entries), None);
        assert_eq!(number_of(&stuck(None), &entries), Some(3));
        assert_eq!(number_of(&stuck(id("a")), &[entry(3, None)]), Some(3), "the server has no ids now");
    }
}
