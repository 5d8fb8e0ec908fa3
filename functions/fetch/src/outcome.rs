//! What comes of a mailbox's run, and what of it goes on record.
//!
//! Guarantees: a run that finds nothing and counts nothing writes nothing. A message is on record in
//! quarantine before the cursor passes it.

use crate::{Fetch, folder::is_same, folder_error::FolderError, tally::Tally, visit::Visit};
use jiff::Timestamp;
use postroom_model::{Failure, Fault, Mailbox, MailboxState, Run, RunResult, Stuck};
use postroom_registry::Counted;

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
    /// There is more, and it is left to a later poll: the mailbox is not to be read sooner.
    Postponed,
    /// It failed.
    Failed(Fault),
}

impl End {
    /// What came of two parts of a run: the first failure, else what is to be done next at the earliest.
    pub(crate) fn and(self, later: Self) -> Self {
        match (self, later) {
            // What the deployment lacks is not held against the mailbox, whatever else is wrong with it.
            (Self::Failed(_), Self::Failed(fault)) if fault.is_the_deployments() => Self::Failed(fault),
            (Self::Failed(fault), _) | (_, Self::Failed(fault)) => Self::Failed(fault),
            (Self::Unfinished, _) | (_, Self::Unfinished) => Self::Unfinished,
            (Self::Postponed, _) | (_, Self::Postponed) => Self::Postponed,
            (Self::Complete, Self::Complete) => Self::Complete,
        }
    }
}

impl Report {
    fn result(&self) -> RunResult {
        let Tally { messages, bytes, backlog, .. } = self.tally;
        match &self.end {
            End::Complete => RunResult::Done { messages, bytes },
            End::Unfinished | End::Postponed => RunResult::Unfinished { messages, bytes, backlog },
            End::Failed(fault) => RunResult::Failed(fault.clone()),
        }
    }
}

impl Fetch {
    /// Remembers a message that broke the run, and quarantines one that broke too many. Returned is the
    /// fault as it is kept at the mailbox.
    pub(crate) async fn put_on_record(
        &self,
        mailbox: &Mailbox,
        folder: &str,
        error: FolderError,
        visit: &mut Visit,
    ) -> Fault {
        let seen = error.fault();
        let FolderError::Message { entry, uid_validity, past, fault, .. } = error else { return seen };
        let earlier = visit.state.stuck.get(folder);
        let earlier = earlier.filter(|s| s.uid_validity == uid_validity && is_same(s, &entry));
        let attempts = earlier.map_or(0, |stuck| stuck.attempts) + 1;
        let stuck = Stuck {
            uid_validity,
            uid: entry.number,
            unique_id: entry.unique_id,
            size: Some(entry.size),
            message_id: visit.message_id.take(),
            attempts,
            fault: *fault,
        };
        let recorded = if attempts < Stuck::max_attempts(seen.class) {
            self.registry.set_stuck(&mailbox.id, folder, Some(&stuck)).await
        } else {
            let quarantined = self.registry.quarantine(&mailbox.id, folder, &stuck, (self.clock)()).await;
            if quarantined.is_ok() {
                tracing::warn!(mailbox = %mailbox.id, uid = stuck.uid, class = %stuck.fault.class, "a message is quarantined");
                visit.tally.quarantined += 1;
            }
            match quarantined {
                // Another run may have moved the cursor; then it is not this one's to move.
                Ok(()) => {
                    let nothing = Counted::default();
                    self.put_moved(&mailbox.id, folder, *past, &nothing, visit).await.map(drop)
                }
                Err(error) => Err(error),
            }
        };
        match recorded {
            Ok(()) => seen,
            Err(error) => error.fault(),
        }
    }

    /// Why a run outside its batch comes to nothing for want of something that AWS does not do: its message goes
    /// back to the queue. What else it was refused, which is its mailbox's own matter, is only told.
    pub(crate) fn refused(&self, end: &End) -> Option<crate::Error> {
        let End::Failed(fault) = end else { return None };
        if fault.is_the_deployments() {
            return fault.refusal.clone().map(crate::Error::Refused);
        }
        self.tell_own(end);
        None
    }

    /// Tells what AWS did not do where that is the mailbox's own matter.
    pub(crate) fn tell_own(&self, end: &End) {
        if let End::Failed(Fault { refusal: Some(refusal), .. }) = end {
            self.refusals.note(refusal);
        }
    }

    /// Writes down what came of a run, where there is something to write. `before` is the mailbox's state
    /// when it began.
    pub(crate) async fn record(
        &self,
        mailbox: &Mailbox,
        before: &MailboxState,
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
            // Whoever asked for the run hears of it; the mailbox is as it was. Its batch knows whether it stands
            // alone with that.
            End::Failed(fault) if fault.is_the_deployments() => match &run {
                Some(run) => self.registry.record_demand(&mailbox.id, run).await,
                None => Ok(()),
            },
            End::Failed(fault) => {
                tracing::warn!(
                    mailbox = %mailbox.id, class = %fault.class, messages = tally.messages,
                    "a mailbox failed"
                );
                let failure = Failure::next(before.failure.as_ref(), fault.clone(), now, fastrand::f64());
                self.registry.record_failure(&mailbox.id, &failure, run.as_ref()).await
            }
            // A run whose time was up before it had done anything is no success: what failed before
            // is not over.
            End::Unfinished if tally.done() == 0 && run.is_none() => {
                if before.backlog != tally.backlog {
                    self.registry.record_backlog(&mailbox.id, tally.backlog).await?;
                }
                Ok(())
            }
            End::Complete | End::Unfinished | End::Postponed => {
                let news = tally.messages > 0 || before.backlog != tally.backlog;
                let is_over = before.failure.is_some() || before.no_turn.is_some();
                if news || is_over || run.is_some() || !before.stuck.is_empty() {
                    self.registry.record_success(&mailbox.id, now, tally.backlog, run.as_ref()).await?;
                }
                Ok(())
            }
        }
    }

    /// Puts on record what was read of the day's bytes, where that is worth a write. Lets the mailbox rest
    /// once they are used up, and as long as its server wants between two sign-ins, where the next poll
    /// would come sooner. A run that AWS has stopped is no reason to rest for the day: what it read counts,
    /// because the provider counts it, but its mail is to come as soon as it can.
    pub(crate) async fn record_day(
        &self,
        mailbox: &Mailbox,
        visit: &Visit,
        end: &End,
        now: Timestamp,
    ) -> Result<(), postroom_registry::Error> {
        let is_stopped = matches!(end, End::Failed(fault) if fault.is_the_deployments());
        let rest_until = visit.allowance.rest_until(fastrand::f64());
        let rest_until = rest_until.filter(|until| now < *until && !is_stopped);
        let found_something = visit.tally.done() > 0 || rest_until.is_some();
        let rest_until = rest_until.max(visit.next_sign_in.filter(|next| comes_sooner(mailbox, now, *next)));
        match (visit.allowance.at_end(found_something), rest_until) {
            (Some(day), _) => self.registry.record_day(&mailbox.id, day, rest_until).await,
            (None, Some(until)) => self.registry.rest(&mailbox.id, until).await,
            (None, None) => Ok(()),
        }
    }
}

/// Whether a mailbox that was polled now is polled again before that.
fn comes_sooner(mailbox: &Mailbox, now: Timestamp, next: Timestamp) -> bool {
    now.saturating_add(mailbox.interval.duration()).is_ok_and(|due| due < next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use postroom_model::FaultClass;

    #[test]
    fn the_first_failure_counts_and_what_is_to_be_done_soonest() {
        let failed = |reason| End::Failed(Fault::new(FaultClass::Folder, reason));
        let both = |one: End, other: End| format!("{:?}", one.and(other));
        let says = |end: End| format!("{end:?}");
        assert_eq!(both(failed("a"), failed("b")), says(failed("a")));
        assert_eq!(both(End::Unfinished, failed("b")), says(failed("b")));
        assert_eq!(both(End::Unfinished, End::Postponed), says(End::Unfinished));
        assert_eq!(both(End::Postponed, End::Complete), says(End::Postponed));
        assert_eq!(both(End::Complete, End::Complete), says(End::Complete));
    }
}
