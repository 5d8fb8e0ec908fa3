//! One mailbox's run: sign in, go through the folders, put the outcome on record.
//!
//! Guarantees: it ends within its time, whatever the server does; a failure is recorded at the
//! mailbox and goes no further. Nothing is written about a run that finds nothing new.
//!
//! A run takes as many sessions as it needs. A POP3 server removes messages only when a session ends, so
//! that a full maildrop is emptied in several. A server that ends a session because the access token has
//! expired gets a new one, and the run goes on from what is on record; one that does so again and again
//! without anything getting done, three times.

use crate::{
    Fetch, Invocation,
    folder::{FolderEnd, FolderRun},
    outcome::{End, Report},
    sign_in::SignedIn,
    slice::Slice,
    tally::LeftOuts,
    transcript::Recording,
    visit::Visit,
};
use futures::FutureExt;
use postroom_mail::{Transcript, source::Source};
use postroom_model::{AfterFetch, Auth, Fault, FaultClass, Mailbox, MailboxId};
use postroom_registry::LoadedMailbox;
use std::{collections::BTreeSet, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::time::timeout_at;

/// Folders of one mailbox at most: their cursors share one item of the registry.
const MAX_FOLDERS: usize = 1_000;

/// Sessions in a row that may end by an expired token without anything done in between.
const MAX_BARREN: u32 = 3;

/// A session is not worth signing in for when less of its time is left.
const SHORTEST: Duration = Duration::from_secs(5);

/// How a session ended, where the run may go on in another.
enum SessionEnd {
    /// The run is over.
    Over,
    /// It had to end for its deletions to take effect.
    Full {
        /// Messages that are left.
        left: u64,
        /// Whether the server wants some time to pass before the next.
        postpones: bool,
    },
    /// The server ended it, because the access token has expired.
    Expired(Fault),
}

/// One mailbox's run, in as many sessions as it takes.
struct MailboxRun<'a> {
    fetch: &'a Fetch,
    mailbox: Arc<Mailbox>,
    slice: Slice,
    transcript: Option<&'a Transcript>,
    /// Folders that this run is done with.
    done: BTreeSet<String>,
    /// What came of those.
    end: End,
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
        let mut visit = Visit::new(mailbox, state, (self.clock)());
        let run = MailboxRun {
            fetch: self,
            mailbox: Arc::new(mailbox.clone()),
            slice,
            transcript,
            done: BTreeSet::new(),
            end: End::Complete,
        };
        // Boxed: a run is many futures deep, and a batch holds fifty.
        let run = Box::pin(contained(&mailbox.id, run.run(&mut visit)));
        let end = match timeout_at(slice.end_at(), run).await {
            Ok(end) => end.unwrap_or_else(End::Failed),
            // What is too slow for a batch's slice gets the longer time of a message of its own.
            Err(_) if slice.in_batch => End::Unfinished,
            Err(_) => {
                End::Failed(Fault::new(FaultClass::TimedOut, "the mailbox took longer than its time limit"))
            }
        };
        let report = Report { tally: visit.tally, end };
        tell_left_out(&mailbox.id, visit.tally.left_out);
        let kept = async {
            if let Some(recording) = &recording {
                self.keep(recording, &report, &invocation.request_id, slice.grace / 4).await;
            }
        };
        let counted = self.record_day(mailbox, &visit, &report.end, (self.clock)());
        let (recorded, counted, ()) =
            tokio::join!(self.record(mailbox, state, &report, demand), counted, kept);
        recorded.and(counted).map(|()| report)
    }
}

/// Tells by which rules of its filter a mailbox's messages were left out. On record is how many they are.
fn tell_left_out(mailbox: &MailboxId, left_out: LeftOuts) {
    let LeftOuts { from, subject, size, since } = left_out;
    if left_out.all() > 0 {
        tracing::info!(%mailbox, from, subject, size, since, "messages are left out by the mailbox's filter");
    }
}

/// A run whose panic, which is a bug, is its own failure and no other's. What the panic says is not put
/// on record: there may be mail in it.
async fn contained(mailbox: &MailboxId, run: impl Future<Output = Result<End, Fault>>) -> Result<End, Fault> {
    // Nothing that a run shares with others is left half changed: locks are held over single steps.
    AssertUnwindSafe(run).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(%mailbox, "a run panicked");
        Err(Fault::new(FaultClass::Bug, "the run panicked; the function's log says where"))
    })
}

impl MailboxRun<'_> {
    async fn run(mut self, visit: &mut Visit) -> Result<End, Fault> {
        if visit.filter.is_new {
            match self.fetch.start_anew(&self.mailbox.id, visit).await {
                Ok(true) => {}
                Ok(false) => return Ok(End::Unfinished),
                Err(error) => return Err(error.fault()),
            }
        }
        let mut barren = 0;
        loop {
            let done_before = visit.tally.done();
            match self.session(visit).await? {
                SessionEnd::Over => return Ok(self.end),
                SessionEnd::Full { left, postpones } if postpones || self.slice.left() < SHORTEST => {
                    visit.tally.backlog += left;
                    let end = if postpones { End::Postponed } else { End::Unfinished };
                    return Ok(self.end.and(end));
                }
                SessionEnd::Full { .. } => {}
                SessionEnd::Expired(fault) => {
                    barren = if visit.tally.done() > done_before { 0 } else { barren + 1 };
                    if barren > MAX_BARREN || self.slice.is_over() {
                        return Err(fault);
                    }
                    tracing::info!(mailbox = %self.mailbox.id, "the access token expired in mid-session");
                }
            }
        }
    }

    /// One session, from sign-in to goodbye.
    async fn session(&mut self, visit: &mut Visit) -> Result<SessionEnd, Fault> {
        let signed_in = self.fetch.sign_in(&self.mailbox, self.slice, self.transcript).await?;
        let SignedIn { mut source, credential } = signed_in;
        visit.tally.signed_in = true;
        visit.next_session(self.slice);
        let delay = source.login_delay().unwrap_or_default();
        visit.next_sign_in = (self.fetch.clock)().saturating_add(delay).ok().filter(|_| !delay.is_zero());
        let worked = self.work(&mut source, visit).await;
        visit.allowance.received(source.traffic().bytes_in, (self.fetch.clock)());
        match worked {
            Ok(end) => {
                let Err(fault) = close(source, visit).await else { return Ok(end) };
                self.note(End::Failed(fault));
                Ok(SessionEnd::Over)
            }
            Err(fault) if fault.class == FaultClass::TokenRefused && self.is_oauth() => {
                self.fetch.credentials.forget(&self.mailbox, &credential).await;
                Ok(SessionEnd::Expired(fault))
            }
            Err(fault) => Err(fault),
        }
    }

    /// Takes in what came of a part of the run.
    fn note(&mut self, end: End) {
        let before = std::mem::replace(&mut self.end, End::Complete);
        self.end = before.and(end);
    }

    fn is_oauth(&self) -> bool {
        matches!(self.mailbox.auth, Auth::Oauth(_))
    }

    /// Goes through the folders. One that fails by itself does not stop the others; an error is one that
    /// ends the session and is nobody's in particular.
    async fn work(&mut self, source: &mut Source, visit: &mut Visit) -> Result<SessionEnd, Fault> {
        let (folders, move_to) = self.folders(source).await?;
        for (at, folder) in folders.iter().enumerate() {
            if self.done.contains(folder) {
                continue;
            }
            let run = FolderRun {
                fetch: self.fetch,
                mailbox: &self.mailbox,
                folder,
                move_to: move_to.as_deref(),
                is_further: at > 0,
                slice: self.slice,
            };
            let end = match run.run(source, visit).await {
                Ok(FolderEnd::Complete) => End::Complete,
                Ok(FolderEnd::DayIsOver) => End::Postponed,
                Ok(FolderEnd::OutOfTime | FolderEnd::Overtaken) => End::Unfinished,
                Ok(FolderEnd::CutOff) => {
                    visit.session.is_usable = false;
                    End::Unfinished
                }
                Ok(FolderEnd::SessionIsFull(left)) => {
                    let postpones = source.login_delay().is_some();
                    return Ok(SessionEnd::Full { left, postpones });
                }
                Err(error) if error.fault().class == FaultClass::TokenRefused => return Err(error.fault()),
                Err(error) => {
                    visit.session.is_usable = error.leaves_session_usable();
                    End::Failed(self.fetch.put_on_record(&self.mailbox, folder, error, visit).await)
                }
            };
            self.note(end);
            self.done.insert(folder.clone());
            if !visit.session.is_usable {
                break;
            }
        }
        Ok(SessionEnd::Over)
    }

    /// The names of the mailbox's folders at the server, and of the one that messages move to.
    async fn folders(&self, source: &mut Source) -> Result<(Vec<String>, Option<String>), Fault> {
        let Mailbox { folders, exclude_folders, after_fetch, .. } = &*self.mailbox;
        let found = source.resolve_folders(folders, exclude_folders).await;
        let mut found = found.map_err(|error| error.fault())?;
        let move_to = match after_fetch {
            AfterFetch::Move(folder) => {
                let found = source.resolve_folders(std::slice::from_ref(folder), &[]).await;
                found.map_err(|error| error.fault())?.into_iter().next()
            }
            AfterFetch::Leave | AfterFetch::MarkRead | AfterFetch::Delete => None,
        };
        // What was moved must not be found, and moved, again.
        found.retain(|folder| Some(folder) != move_to.as_ref());
        if found.is_empty() {
            let reason = "every folder that the mailbox names is excluded, or is the one that mail is moved to: \
                nothing can be fetched";
            return Err(Fault::new(FaultClass::Configuration, reason));
        }
        if found.len() > MAX_FOLDERS {
            let reason =
                format!("the mailbox's folders are {}; at most {MAX_FOLDERS} are fetched", found.len());
            return Err(Fault::new(FaultClass::Configuration, reason));
        }
        Ok((found, move_to))
    }
}

/// Says goodbye, unless that would let the server take for fetched what is not durable. Only what was to
/// be removed makes its answer matter.
async fn close(source: Source, visit: &Visit) -> Result<(), Fault> {
    let harms = source.deletes_at_close() && visit.session.read_in_vain;
    if !visit.session.is_usable || harms {
        return Ok(());
    }
    match source.close().await {
        Err(error) if visit.session.removed.messages > 0 => Err(error.fault()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_run_that_panics_is_a_failure_and_harms_no_other() {
        let panics = async { panic!("a bug") };
        let [one, other] = ["one", "other"].map(|id| id.parse::<MailboxId>().expect("an id"));
        let whole = async { Ok(End::Complete) };
        let (broken, whole) = tokio::join!(contained(&one, panics), contained(&other, whole));
        assert_eq!(broken.expect_err("a failure").class, FaultClass::Bug);
        assert!(matches!(whole, Ok(End::Complete)));
    }
}
