//! One mailbox's run: sign in, go through the folders, put the outcome on record.
//!
//! Guarantees: it ends within its time, whatever the server does; a failure is recorded at the
//! mailbox and goes no further. Nothing is written about a run that finds nothing new.

use crate::{
    Fetch, Invocation,
    folder::{Finish, FolderError, FolderRun},
    round::Tally,
    transcript::Recording,
};
use jiff::{SignedDuration, Timestamp};
use postroom_mail::{Credential, Transcript, imap};
use postroom_model::{
    AfterFetch, Failure, Fault, FaultClass, FolderCursor, Mailbox, MailboxState, Protocol, Run, RunResult,
    Stuck,
};
use postroom_registry::LoadedMailbox;
use secrecy::ExposeSecret;
use std::time::Duration;
use tokio::time::Instant;

/// What a run may take beyond its time, to finish the message it is reading, and a third of that
/// again to record the outcome; less where the function itself has little time.
const GRACE: Duration = Duration::from_secs(20);

/// What a renewal of tokens may take once it is begun.
const RENEWAL: Duration = Duration::from_secs(25);

/// Folders of one mailbox at most: their cursors share one item of the registry.
const MAX_FOLDERS: usize = 1_000;

/// When a run ends, and what the end of its time means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    /// No new message is read after this.
    pub(crate) stop_at: Instant,
    /// What the run may take beyond that, to finish the message it is reading.
    pub(crate) grace: Duration,
    /// Whether the mailbox goes on in a message of its own when its time is up.
    pub(crate) in_batch: bool,
}

/// What came of a mailbox's run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) tally: Tally,
    pub(crate) end: End,
}

/// How a mailbox's run ended.
#[derive(Debug)]
pub(crate) enum End {
    /// Everything that was there is archived.
    Complete,
    /// There is more than fitted into the time.
    Unfinished,
    /// It failed.
    Failed(Fault),
}

impl Fetch {
    /// Runs one mailbox and puts the outcome on record; `demand` is the request that asked for it.
    /// Where somebody wants to see its runs, a transcript is written beside that.
    pub(crate) async fn run_mailbox(
        &self,
        loaded: &LoadedMailbox,
        slice: Slice,
        demand: Option<&str>,
        invocation: &Invocation,
    ) -> Result<Report, postroom_registry::Error> {
        let LoadedMailbox { placed, state } = loaded;
        let mailbox = &placed.mailbox;
        let recording = Recording::of(placed, (self.clock)());
        let transcript = recording.as_ref().map(|recording| &recording.transcript);
        let mut tally = Tally::default();
        let run = self.work(mailbox, state, slice, transcript, &mut tally);
        let end = match tokio::time::timeout_at(slice.end_at(), run).await {
            Ok(Ok(Finish::Complete)) => End::Complete,
            Ok(Ok(Finish::OutOfTime | Finish::CutOff | Finish::Overtaken)) => End::Unfinished,
            Ok(Err(fault)) => End::Failed(fault),
            // What is too slow for a batch's slice gets the longer time of a message of its own.
            Err(_) if slice.in_batch => End::Unfinished,
            Err(_) => {
                End::Failed(Fault::new(FaultClass::TimedOut, "the mailbox took longer than its time limit"))
            }
        };
        let report = Report { tally, end };
        let kept = async {
            if let Some(recording) = &recording {
                self.keep(recording, &report, &invocation.request_id, slice.grace / 4).await;
            }
        };
        let (recorded, ()) = tokio::join!(self.record(mailbox, state, &report, demand), kept);
        recorded.map(|()| report)
    }

    /// Signs in and goes through the folders. A folder that fails by itself does not stop the others.
    async fn work(
        &self,
        mailbox: &Mailbox,
        state: &MailboxState,
        slice: Slice,
        transcript: Option<&Transcript>,
        tally: &mut Tally,
    ) -> Result<Finish, Fault> {
        if mailbox.protocol == Protocol::Pop3 {
            return Err(Fault::new(FaultClass::Unsupported, "POP3 is not fetched by this release"));
        }
        let mut session = self.sign_in(mailbox, slice, transcript).await?;
        tally.signed_in = true;
        let mut folders = session.resolve_folders(&mailbox.folders).await.map_err(|error| error.fault())?;
        let move_to = match &mailbox.after_fetch {
            AfterFetch::Move(folder) => {
                let found = session.resolve_folders(std::slice::from_ref(folder)).await;
                found.map_err(|error| error.fault())?.into_iter().next()
            }
            AfterFetch::Leave | AfterFetch::MarkRead | AfterFetch::Delete => None,
        };
        // What was moved must not be found, and moved, again.
        folders.retain(|folder| Some(folder) != move_to.as_ref());
        if folders.len() > MAX_FOLDERS {
            let reason =
                format!("the mailbox's folders are {}; at most {MAX_FOLDERS} are fetched", folders.len());
            return Err(Fault::new(FaultClass::Configuration, reason));
        }
        let mut result = Ok(Finish::Complete);
        for folder in &folders {
            let run = FolderRun {
                registry: &self.registry,
                archive: &self.archive,
                budget: &self.budget,
                mailbox,
                folder,
                recorded: state.folders.get(folder).copied(),
                stuck: state.stuck.get(folder).map(|stuck| stuck.uid),
                move_to: move_to.as_deref(),
                stop_at: slice.stop_at,
                give_up_at: slice.give_up_at(),
                in_batch: slice.in_batch,
            };
            match run.run(&mut session, tally).await {
                Ok(Finish::Complete) => {}
                Ok(Finish::CutOff) => {
                    result = result.and(Ok(Finish::CutOff));
                    break;
                }
                Ok(finish @ (Finish::OutOfTime | Finish::Overtaken)) => result = result.and(Ok(finish)),
                Err(error) => {
                    let usable = error.leaves_session_usable();
                    let fault = self.put_on_record(mailbox, folder, state, error, tally).await;
                    result = result.and(Err(fault));
                    if !usable {
                        break;
                    }
                }
            }
        }
        session.logout().await;
        result
    }

    /// Signs in. A secret that was refused is read again from the vault: somebody may have put a new
    /// one there.
    async fn sign_in(
        &self,
        mailbox: &Mailbox,
        slice: Slice,
        transcript: Option<&Transcript>,
    ) -> Result<imap::Session, Fault> {
        let now = (self.clock)();
        let until = slice.last_renewal(now);
        let credential = self.credentials.of(mailbox, now, until).await?;
        let refused = match self.sign_in_with(mailbox, &credential, transcript).await {
            Err(fault) if matches!(fault.class, FaultClass::TokenRefused | FaultClass::PasswordRefused) => {
                fault
            }
            other => return other,
        };
        self.credentials.forget(mailbox, &credential).await;
        let renewed = self.credentials.of(mailbox, (self.clock)(), until).await?;
        if same(&credential, &renewed) {
            return Err(refused);
        }
        self.sign_in_with(mailbox, &renewed, transcript).await
    }

    async fn sign_in_with(
        &self,
        mailbox: &Mailbox,
        credential: &Credential,
        transcript: Option<&Transcript>,
    ) -> Result<imap::Session, Fault> {
        let connection = imap::connect_recorded(&self.network, &mailbox.server, transcript).await;
        let connection = connection.map_err(|error| error.fault())?;
        let session = connection.sign_in(&mailbox.user, credential, mailbox.sasl).await;
        session.map_err(|error| error.fault())
    }

    /// Remembers a message that broke the run, and quarantines one that broke too many.
    async fn put_on_record(
        &self,
        mailbox: &Mailbox,
        folder: &str,
        state: &MailboxState,
        error: FolderError,
        tally: &mut Tally,
    ) -> Fault {
        let seen = error.fault();
        let FolderError::Message { cursor, uid, fault, .. } = error else { return seen };
        let earlier =
            state.stuck.get(folder).filter(|s| (s.uid_validity, s.uid) == (cursor.uid_validity, uid));
        let attempts = earlier.map_or(0, |stuck| stuck.attempts) + 1;
        let stuck = Stuck { uid_validity: cursor.uid_validity, uid, unique_id: None, attempts, fault };
        let recorded = if attempts < Stuck::max_attempts(seen.class) {
            self.registry.set_stuck(&mailbox.id, folder, Some(&stuck)).await
        } else {
            tally.quarantined += 1;
            self.quarantine(mailbox, folder, cursor, &stuck).await
        };
        match recorded {
            Ok(()) => seen,
            Err(error) => Fault::new(FaultClass::Storage, error.to_string()),
        }
    }

    /// Puts the message on record, then lets the cursor pass it.
    async fn quarantine(
        &self,
        mailbox: &Mailbox,
        folder: &str,
        cursor: FolderCursor,
        stuck: &Stuck,
    ) -> Result<(), postroom_registry::Error> {
        self.registry.quarantine(&mailbox.id, folder, stuck, (self.clock)()).await?;
        tracing::warn!(mailbox = %mailbox.id, uid = stuck.uid, class = %stuck.fault.class, "a message is quarantined");
        let past = cursor.advance(stuck.uid);
        let recorded = self.registry.load(std::slice::from_ref(&mailbox.id)).await?;
        let now_at =
            recorded.into_iter().find_map(|(_, loaded)| loaded.ok()?.state.folders.get(folder).copied());
        // Another run may have moved the cursor; then it is not this one's to move.
        if now_at.is_none_or(|at| at == cursor) {
            self.registry.advance(&mailbox.id, folder, now_at, past, 0, 0).await?;
        }
        Ok(())
    }

    /// Writes down what came of a run, where there is something to write.
    async fn record(
        &self,
        mailbox: &Mailbox,
        state: &MailboxState,
        report: &Report,
        demand: Option<&str>,
    ) -> Result<(), postroom_registry::Error> {
        let now = (self.clock)();
        let run = demand.map(|request| Run {
            request: request.to_owned(),
            finished_at: now,
            result: report.result(),
        });
        let Report { tally, end } = report;
        match end {
            End::Failed(fault) => {
                tracing::warn!(
                    mailbox = %mailbox.id, class = %fault.class, messages = tally.messages,
                    "a mailbox failed"
                );
                let failure = Failure::next(state.failure.as_ref(), fault.clone(), now, fastrand::f64());
                self.registry.record_failure(&mailbox.id, &failure, run.as_ref()).await
            }
            // A run whose time was up before it had done anything is no success: what failed before
            // is not over.
            End::Unfinished if tally.messages + tally.known == 0 && run.is_none() => {
                if state.backlog != tally.backlog {
                    self.registry.record_backlog(&mailbox.id, tally.backlog).await?;
                }
                Ok(())
            }
            End::Complete | End::Unfinished => {
                let news = tally.messages > 0 || state.failure.is_some() || state.backlog != tally.backlog;
                if news || run.is_some() || !state.stuck.is_empty() {
                    self.registry.record_success(&mailbox.id, now, tally.backlog, run.as_ref()).await?;
                }
                Ok(())
            }
        }
    }
}

fn same(one: &Credential, other: &Credential) -> bool {
    match (one, other) {
        (Credential::Password(one), Credential::Password(other))
        | (Credential::AccessToken(one), Credential::AccessToken(other)) => {
            one.expose_secret() == other.expose_secret()
        }
        _ => false,
    }
}

impl Report {
    fn result(&self) -> RunResult {
        let Tally { messages, bytes, backlog, .. } = self.tally;
        match &self.end {
            End::Complete => RunResult::Done { messages, bytes },
            End::Unfinished => RunResult::Unfinished { messages, bytes, backlog },
            End::Failed(fault) => RunResult::Failed(fault.clone()),
        }
    }
}

impl Slice {
    /// The longest slice of a function that is stopped at `deadline`: time to finish a message and to
    /// record the outcome is left.
    pub(crate) fn longest(now: Timestamp, deadline: Timestamp) -> Self {
        let left = Duration::try_from(deadline.duration_since(now)).unwrap_or_default();
        let grace = GRACE.min(left / 4);
        let stop_at = Instant::now() + left.saturating_sub(grace + grace / 3);
        Self { stop_at, grace, in_batch: false }
    }

    /// A message that is still being read is given up after this.
    fn give_up_at(self) -> Instant {
        self.stop_at + self.grace * 3 / 4
    }

    /// Whatever is still going on is broken off after this.
    fn end_at(self) -> Instant {
        self.stop_at + self.grace
    }

    /// When a renewal of tokens may be begun at the latest: its request and the writes after it must
    /// be done when the function is stopped.
    fn last_renewal(self, now: Timestamp) -> Timestamp {
        let left = self.end_at().saturating_duration_since(Instant::now()).saturating_sub(RENEWAL);
        SignedDuration::try_from(left).ok().and_then(|left| now.checked_add(left).ok()).unwrap_or(now)
    }

    /// A slice of at most `length` for a mailbox that goes on alone when it is over.
    pub(crate) fn in_batch(self, length: Duration) -> Self {
        Self { stop_at: self.stop_at.min(Instant::now() + length), in_batch: true, ..self }
    }
}
