//! One folder's run: list what is newer than the cursor, archive it, move the cursor.
//!
//! Guarantees: the cursor moves only over messages that are durable in the archive, on record in
//! quarantine, or gone from the server. What happens to a message at the server (`after_fetch`)
//! happens after it is durable and before the cursor passes it, so that a crash repeats work and
//! never skips it. What a round does is in `round`; what it is made of, in `listing`.

use crate::{
    archive::Archive,
    budget::Budget,
    large::LargeError,
    listing::{LIST_CAP, Next, Page, Pages, rounds},
    progress::Progress,
    round::Tally,
    s3_error::S3Error,
};
use postroom_mail::imap::{Access, Entry, Opened, Session, UidSet};
use postroom_model::{AfterFetch, Fault, FaultClass, FolderCursor, Mailbox};
use postroom_registry::Registry;
use tokio::time::Instant;

/// How a folder's run ended, when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    /// Everything that was listed is done.
    Complete,
    /// Its time was up; the tally's backlog says what is left.
    OutOfTime,
    /// Its time was up in the middle of an answer: the session cannot be used further.
    CutOff,
    /// Another run moved the cursor meanwhile; it is ahead of this one.
    Overtaken,
}

/// Why a folder's run failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    /// The mail server or the way to it.
    #[error(transparent)]
    Mail(#[from] postroom_mail::Error),
    /// The archive.
    #[error(transparent)]
    Archive(#[from] S3Error),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] postroom_registry::Error),
    /// One message cannot be had; everything before it is done.
    #[error("message UID {uid} cannot be fetched")]
    Message {
        /// Whether the session can be used further.
        session_usable: bool,
        /// The folder's cursor, just before the message.
        cursor: FolderCursor,
        /// The message.
        uid: u32,
        /// What happened.
        fault: Fault,
    },
    /// The time was up in the middle of a round.
    #[error("the time for the mailbox was up")]
    OutOfTime,
    /// A message did not arrive before the time for the mailbox was up.
    #[error("the message did not arrive in the time that there was")]
    GaveUp,
    /// The folder may only be read, and something is to be changed in it.
    #[error("the folder may only be read, and after_fetch asks for a change in it")]
    ReadOnly,
    /// The server lists a message and does not deliver it.
    #[error("the server lists a message that it does not deliver")]
    Withheld,
    /// An upload's task ended in a panic.
    #[error("an upload stopped in mid-flight")]
    Upload(#[source] tokio::task::JoinError),
}

impl From<LargeError> for FolderError {
    fn from(error: LargeError) -> Self {
        match error {
            LargeError::Mail(error) => Self::Mail(error),
            LargeError::S3(error) => Self::Archive(error),
            LargeError::GaveUp => Self::GaveUp,
        }
    }
}

impl FolderError {
    /// Whether the session can be used further: the mailbox's other folders may be well.
    pub(crate) fn leaves_session_usable(&self) -> bool {
        match self {
            Self::Mail(error) => error.leaves_session_usable(),
            Self::Message { session_usable, .. } => *session_usable,
            Self::Withheld | Self::ReadOnly => true,
            Self::Archive(_) | Self::Registry(_) | Self::OutOfTime | Self::GaveUp | Self::Upload(_) => false,
        }
    }

    /// The fault as it is kept at the mailbox.
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::Mail(error) => error.fault(),
            Self::Archive(error) => error.fault(),
            Self::Registry(error) => Fault::new(FaultClass::Storage, error.to_string()),
            Self::Message { fault, uid, .. } => {
                Fault { reason: format!("message UID {uid}: {}", fault.reason), ..fault.clone() }
            }
            Self::OutOfTime | Self::GaveUp => Fault::new(FaultClass::TimedOut, self.to_string()),
            Self::ReadOnly => Fault::new(FaultClass::NoMailboxAccess, self.to_string()),
            Self::Withheld => Fault::new(FaultClass::Protocol, self.to_string()),
            Self::Upload(_) => Fault::new(FaultClass::Bug, self.to_string()),
        }
    }
}

/// One folder's run.
pub(crate) struct FolderRun<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) archive: &'a Archive,
    pub(crate) budget: &'a Budget,
    pub(crate) mailbox: &'a Mailbox,
    /// The folder's name at the server.
    pub(crate) folder: &'a str,
    /// The cursor as the registry has it.
    pub(crate) recorded: Option<FolderCursor>,
    /// A message that broke earlier runs: it gets a round of its own.
    pub(crate) stuck: Option<u32>,
    /// Where messages move to, by its name at the server, if they do.
    pub(crate) move_to: Option<&'a str>,
    /// No new message is read after this.
    pub(crate) stop_at: Instant,
    /// A message that is being read is given up after this.
    pub(crate) give_up_at: Instant,
    /// Whether the mailbox has longer time when it is alone: then a message that was given up is not
    /// to blame.
    pub(crate) in_batch: bool,
}

impl FolderRun<'_> {
    /// Runs until everything is archived, or the time is up.
    pub(crate) async fn run(
        mut self,
        session: &mut Session,
        tally: &mut Tally,
    ) -> Result<Finish, FolderError> {
        let access = match self.mailbox.after_fetch {
            AfterFetch::Leave => Access::ReadOnly,
            AfterFetch::MarkRead | AfterFetch::Move(_) | AfterFetch::Delete => Access::ReadWrite,
        };
        let list_from = self.recorded.map(|cursor| cursor.last_uid.saturating_add(1));
        let opened = session.open(self.folder, access, list_from, LIST_CAP).await?;
        if opened.read_only && self.mailbox.after_fetch != AfterFetch::Leave {
            return Err(FolderError::ReadOnly);
        }
        let mut cursor = self.adopt(&opened);
        let mut listing = opened.listing.filter(|_| self.recorded == Some(cursor));
        let mut pages = Pages::new(opened.exists, opened.uid_next);
        loop {
            let page = match listing.take() {
                Some(listing) => Page::new(listing, None),
                None => pages.next(session, cursor).await?,
            };
            let mut left = page.listing.entries.len() as u64 + page.listing.beyond;
            let leaves = self.mailbox.after_fetch == AfterFetch::Leave;
            for round in rounds(&page.listing.entries, self.stuck, leaves) {
                if Instant::now() >= self.stop_at {
                    tally.backlog += left;
                    return Ok(Finish::OutOfTime);
                }
                let done_before = tally.messages + tally.known;
                match self.round(session, cursor, round, tally).await {
                    Ok(Some(moved)) => cursor = moved,
                    Ok(None) => return Ok(Finish::Overtaken),
                    Err(FolderError::OutOfTime) => {
                        let done = tally.messages + tally.known - done_before;
                        tally.backlog += left.saturating_sub(done);
                        return Ok(Finish::CutOff);
                    }
                    Err(error) => return Err(error),
                }
                left -= round.len() as u64;
            }
            match page.next {
                Next::After(last) => cursor = cursor.advance(last),
                Next::AfterListed => {}
                Next::End => break,
            }
        }
        let origin = self.mailbox.origin();
        let renumbered = self.recorded.is_some_and(|recorded| !recorded.is_of(cursor.uid_validity, origin));
        if renumbered && !self.commit(cursor, 0, 0).await? {
            return Ok(Finish::Overtaken);
        }
        Ok(Finish::Complete)
    }

    /// The cursor to go on from, now that the folder's UIDVALIDITY is known.
    fn adopt(&self, opened: &Opened) -> FolderCursor {
        let origin = self.mailbox.origin();
        match self.recorded {
            None => FolderCursor::start(opened.uid_validity, origin),
            Some(cursor) if cursor.is_of(opened.uid_validity, origin) => cursor,
            Some(_) => {
                tracing::info!(mailbox = %self.mailbox.id, "the server renumbered a folder: its headers are looked at again");
                FolderCursor::renumbered(opened.uid_validity, origin, opened.uid_next.unwrap_or(u32::MAX))
            }
        }
    }

    /// One round. The moved cursor is returned; nothing, when another run has overtaken this one.
    async fn round(
        &mut self,
        session: &mut Session,
        cursor: FolderCursor,
        entries: &[Entry],
        tally: &mut Tally,
    ) -> Result<Option<FolderCursor>, FolderError> {
        let before = *tally;
        let mut progress = Progress::new(entries.iter().map(|entry| entry.uid));
        let fetched = self.archive_round(session, cursor, entries, &mut progress, tally).await;
        let failed = match fetched {
            Ok(()) => self.explain_missing(session, &mut progress).await.err(),
            Err(error) => Some(error),
        };
        let moved = cursor.advance(progress.mark());
        let settled = match &failed {
            None => self.after_fetch(session, &progress).await,
            // Without a working session, what should happen at the server is left to the next run,
            // which therefore must see these messages again.
            Some(_) if self.mailbox.after_fetch != AfterFetch::Leave => Ok(false),
            Some(_) => Ok(true),
        };
        let to = if matches!(settled, Ok(true)) { moved } else { cursor };
        let committed = self.commit(to, tally.messages - before.messages, tally.bytes - before.bytes).await?;
        settled?;
        match failed {
            Some(error) => Err(self.blame(error, to, &progress)),
            None => Ok(committed.then_some(to)),
        }
    }

    /// Finds out why the server did not deliver some of what it listed: gone, or withheld.
    async fn explain_missing(
        &self,
        session: &mut Session,
        progress: &mut Progress,
    ) -> Result<(), FolderError> {
        while let Some(uid) = progress.first_pending() {
            if session.exists(uid).await? {
                return Err(FolderError::Withheld);
            }
            progress.gone(uid);
        }
        Ok(())
    }

    /// Does at the server what the mailbox asks for, to messages that are durable.
    async fn after_fetch(&self, session: &mut Session, progress: &Progress) -> Result<bool, FolderError> {
        for set in UidSet::split(progress.all_durable()) {
            match &self.mailbox.after_fetch {
                AfterFetch::Leave => break,
                AfterFetch::MarkRead => session.mark_read(&set).await?,
                AfterFetch::Move(folder) => session.move_to(&set, self.move_to.unwrap_or(folder)).await?,
                AfterFetch::Delete => session.delete(&set).await?,
            }
        }
        Ok(true)
    }

    /// Moves the recorded cursor and counts what was stored. `false` when another run moved it.
    async fn commit(&mut self, to: FolderCursor, messages: u64, bytes: u64) -> Result<bool, FolderError> {
        if self.recorded == Some(to) && messages == 0 {
            return Ok(true);
        }
        let id = &self.mailbox.id;
        let moved = self.registry.advance(id, self.folder, self.recorded, to, messages, bytes).await?;
        self.recorded = Some(to);
        Ok(moved)
    }

    /// Blames the first message that is not done for an error that a message can cause.
    fn blame(&self, error: FolderError, cursor: FolderCursor, progress: &Progress) -> FolderError {
        let fault = error.fault();
        let may_be_the_message = match &error {
            FolderError::Withheld => true,
            FolderError::GaveUp if self.in_batch => return FolderError::OutOfTime,
            FolderError::GaveUp => true,
            FolderError::Mail(_) => matches!(
                fault.class,
                FaultClass::ConnectionLost
                    | FaultClass::Protocol
                    | FaultClass::TemporarilyUnavailable
                    | FaultClass::TimedOut
                    | FaultClass::Unknown
            ),
            _ => false,
        };
        let session_usable = error.leaves_session_usable();
        match progress.first_pending() {
            Some(uid) if may_be_the_message => FolderError::Message { session_usable, cursor, uid, fault },
            _ => error,
        }
    }
}
