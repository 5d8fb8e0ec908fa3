//! One batch's run: its mailboxes side by side, each for a slice of time.
//!
//! Guarantees: one request each to take the lease, to read all mailboxes, and to give the lease back,
//! and none per mailbox that has nothing new. A mailbox that fails or has more than fits into its
//! slice never delays its neighbours. The batch's message goes back to the queue only when AWS kept every
//! mailbox that was tried from getting anywhere (`brake`).
//!
//! All mailboxes are looked at side by side, because a look holds little (some 200 kB) and waits for the server. What
//! holds much is limited apart: those that have something to fetch wait for one of a few [`slots`](crate::slots), and
//! full maildrops for the memory of their listing (`listings`).
//!
//! The mailboxes' definitions and states may be read as they were a moment ago, at half the price. A definition that
//! has changed since the batch was last leased is not: whoever changes one notes it at the batch, and the lease tells.
//! By a state of before a run does what one would do that had begun then: runs may overlap, and what they write is
//! conditional.

use crate::{
    Fetch, Invocation,
    account::Accounts,
    brake::{Brake, Run, own_fault, refused},
    connections::Alone,
    metrics::Totals,
    outcome::{End, Report},
    slice::Slice,
};
use futures::StreamExt;
use jiff::Timestamp;
use postroom_model::{Batch, BatchId, Failure, MAX_MAILBOXES, Mailbox, MailboxId, NoTurn, Refusal, next_due};
use postroom_registry::{LeasedBatch, LoadedMailbox};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::Instant;

/// Mailboxes of a batch that are polled at once: all of them.
const SIDE_BY_SIDE: usize = MAX_MAILBOXES;
/// The slices of time after which no further mailbox begins that has waited for another.
const TURNS: u32 = 4;
/// Mailboxes that are listed at once, each of which writes to one of the few partitions that lists are read from, or
/// are noted as left.
const LISTED_AT_ONCE: usize = 4;
/// How long a lease outlives the function that took it.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

impl Fetch {
    /// Polls every mailbox of a batch that is neither paused nor resting.
    pub(crate) async fn run_batch(
        &self,
        id: &BatchId,
        due_at: Timestamp,
        invocation: &Invocation,
    ) -> Result<(), crate::Error> {
        let started = (self.clock)();
        let lease = invocation.lease(LEASE_MARGIN);
        let (batch, has_changed) = match self.registry.lease_batch(id, &lease, started).await? {
            LeasedBatch::Held { batch, has_changed } => (batch, has_changed),
            LeasedBatch::Busy => {
                tracing::info!(batch = %id, "the batch is being worked already");
                return Ok(());
            }
            LeasedBatch::Gone => {
                tracing::info!(batch = %id, "the batch is no longer there");
                return Ok(());
            }
        };
        // Messages pile up while nobody works them. A run that has gone through since has done what they ask for.
        if !has_changed && batch.completed_at.is_some_and(|at| at > due_at) {
            tracing::info!(batch = %id, "the batch has been worked since");
            return Ok(self.registry.leave_batch(id, &lease.owner).await?);
        }
        let mut totals = Totals::default();
        // Of messages that piled up, the first run that went through has taken the delay away.
        totals.lag(started.duration_since(batch.completed_at.map_or(due_at, |at| at.max(due_at))));
        let worked = self.work_batch(&batch, has_changed, invocation, &mut totals).await;
        // A message may name any time; a batch is never put off by it.
        let mut next = next_due(due_at.min(started), batch.interval, (self.clock)());
        // Until somebody has acted, the message that comes again is enough.
        if let Err(error) = &worked
            && error.lasts()
        {
            let pause = error.pause() * 2;
            next = (self.clock)().saturating_add(pause).unwrap_or(Timestamp::MAX).max(next);
        }
        let released =
            self.registry.release_batch(id, &lease.owner, worked.is_ok().then_some(started), next).await;
        totals.attachments(self.archive.take_unpacked());
        totals.emit(&self.metrics, (self.clock)());
        let (mailboxes, polls) = (batch.mailboxes.len(), totals.polls());
        match &worked {
            Ok(()) => tracing::info!(batch = %id, mailboxes, polls, "a batch is done"),
            Err(_) => tracing::info!(batch = %id, mailboxes, polls, "a batch goes back to the queue"),
        }
        worked?;
        if !released? {
            tracing::warn!(batch = %id, "the lease ended before the batch was done");
        }
        Ok(())
    }

    async fn work_batch(
        &self,
        batch: &Batch,
        has_changed: bool,
        invocation: &Invocation,
        totals: &mut Totals,
    ) -> Result<(), crate::Error> {
        let now = (self.clock)();
        let loaded = match has_changed {
            true => self.registry.load(&batch.mailboxes).await?,
            false => self.registry.load_for_poll(&batch.mailboxes).await?,
        };
        let (mut active, mut unlisted) = (Vec::new(), Vec::new());
        let mut alone = Alone::default();
        for (id, loaded) in loaded {
            if let Ok(LoadedMailbox { placed, .. }) = &loaded
                && placed.listed_under.is_none()
            {
                unlisted.push(placed.mailbox.clone());
            }
            match loaded {
                Ok(loaded) if loaded.placed.paused_at.is_some() || loaded.state.is_resting(now) => {
                    if loaded.state.lease.is_some_and(|lease| now < lease.until) {
                        alone.note(&loaded.placed.mailbox);
                    }
                }
                Ok(loaded) => active.push(loaded),
                // Nothing is put on record at it: perhaps a later release works it at this moment.
                Err(error) => {
                    totals.failed(error.class());
                    tracing::error!(mailbox = %id, %error, "a mailbox cannot be read from the registry");
                }
            }
        }
        let wanted: Vec<_> = active.iter().map(|loaded| &loaded.placed.mailbox).collect();
        self.credentials.prefetch(&wanted, now, &self.refusals).await;
        let longest = Slice::longest(now, invocation.deadline);
        tracing::debug!(batch = %batch.id, active = active.len(), "working a batch");
        let last_turn = Instant::now() + self.slice * TURNS;
        let mut lanes = alone.lanes(&active);
        let (mut runs, brake) = (Vec::new(), Brake::default());
        // What the brake has held back goes on once another mailbox gets through.
        while !lanes.is_empty() && !brake.is_on() {
            let turns = Turns { longest, last: last_turn, brake: &brake };
            let ran = self.run_lanes(lanes, turns, invocation).await;
            lanes = ran
                .into_iter()
                .map(|(done, left)| {
                    runs.extend(done);
                    left
                })
                .filter(|left| !left.is_empty())
                .collect();
        }
        self.list(unlisted).await;
        let ran: BTreeSet<&MailboxId> = runs.iter().map(|(loaded, _)| &loaded.placed.mailbox.id).collect();
        let left = active.iter().filter(|loaded| !ran.contains(&loaded.placed.mailbox.id)).collect();
        self.settle(runs, alone, totals).await?;
        self.note_left(left, batch, now).await;
        Ok(())
    }

    /// Puts on record which mailboxes had no turn in a run that began at `now`, so that nobody takes it for theirs.
    async fn note_left(&self, left: Vec<&LoadedMailbox>, batch: &Batch, now: Timestamp) {
        if left.is_empty() {
            return;
        }
        tracing::info!(batch = %batch.id, left = left.len(), "mailboxes had no turn");
        let noted = left.into_iter().filter(|loaded| loaded.state.no_turn.is_none()).map(|loaded| async {
            let id = &loaded.placed.mailbox.id;
            let no_turn = NoTurn { since: now, polled_at: loaded.last_success(Some(batch), now) };
            if let Err(error) = self.registry.record_no_turn(id, &no_turn).await
                && !self.refusals.noted(error.refusal())
            {
                tracing::warn!(mailbox = %id, %error, "that a mailbox had no turn could not be recorded");
            }
        });
        futures::stream::iter(noted.collect::<Vec<_>>()).buffer_unordered(LISTED_AT_ONCE).count().await;
    }

    /// Works lanes of mailboxes side by side. Returned are the runs of each, and what the brake held back.
    async fn run_lanes<'m>(
        &self,
        lanes: Vec<Vec<&'m LoadedMailbox>>,
        turns: Turns<'_>,
        invocation: &Invocation,
    ) -> Vec<(Vec<Ran<'m>>, Vec<&'m LoadedMailbox>)> {
        let Turns { longest, last, brake } = turns;
        futures::stream::iter(lanes)
            .map(|lane| async move {
                let mut runs = Vec::new();
                let mut lane = lane.into_iter();
                while !brake.is_on()
                    && let Some(loaded) = lane.next()
                {
                    // Who waited in vain is due again with the batch.
                    if longest.is_over() || !runs.is_empty() && Instant::now() >= last {
                        return (runs, Vec::new());
                    }
                    let run = self.run_mailbox(loaded, longest.in_batch(self.slice), None, invocation).await;
                    brake.note(&run);
                    runs.push((loaded, run));
                }
                (runs, lane.collect())
            })
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await
    }

    /// Sees to what runs leave to be done: backlogs, what is known of accounts, what AWS did not do.
    async fn settle(
        &self,
        runs: Vec<Ran<'_>>,
        mut alone: Alone,
        totals: &mut Totals,
    ) -> Result<(), crate::Error> {
        let mut accounts = Accounts::default();
        let mut is_through = false;
        let mut stopped: Vec<(&LoadedMailbox, Refusal)> = Vec::new();
        let mut unsent: Vec<Refusal> = Vec::new();
        for (loaded, run) in runs {
            let mailbox = &loaded.placed.mailbox;
            if let Ok(report) = &run {
                totals.add(report);
                accounts.note(mailbox, &loaded.state, report);
            }
            if let Some(refusal) = refused(&run) {
                stopped.push((loaded, refusal));
                continue;
            }
            match run {
                // A backlog beyond what its user's connections allow goes on with the next poll.
                Ok(Report { end: End::Unfinished, .. }) if alone.has_room(mailbox) => {
                    alone.note(mailbox);
                    match self.queue.go_on(&mailbox.id).await {
                        Ok(()) => is_through = true,
                        Err(refusal) => unsent.push(refusal),
                    }
                }
                Ok(report) => {
                    is_through = true;
                    self.tell_own(&report.end);
                }
                Err(error) => {
                    is_through = true;
                    tracing::error!(mailbox = %mailbox.id, %error, "a mailbox's outcome could not be recorded");
                }
            }
        }
        self.record_accounts(accounts).await;
        if !is_through {
            if let Some((loaded, refusal)) = stopped.pop() {
                for (loaded, refusal) in &stopped {
                    self.refusals.note_of(refusal, &loaded.placed.mailbox.id);
                }
                unsent.iter().for_each(|refusal| self.refusals.note(refusal));
                tracing::info!(mailbox = %loaded.placed.mailbox.id, right = refusal.right, "a mailbox was refused by AWS");
                return Err(crate::Error::Refused(Box::new(refusal)));
            }
            if let Some(refusal) = unsent.pop() {
                unsent.iter().for_each(|refusal| self.refusals.note(refusal));
                return Err(crate::Error::Queue(Box::new(refusal)));
            }
        }
        unsent.iter().for_each(|refusal| self.refusals.note(refusal));
        let blamed = stopped.iter().map(|(loaded, refusal)| self.blame(loaded, refusal));
        futures::stream::iter(blamed.collect::<Vec<_>>()).buffer_unordered(SIDE_BY_SIDE).count().await;
        Ok(())
    }

    /// Others get through, and this mailbox does not: that is its own failure, and it rests.
    async fn blame(&self, loaded: &LoadedMailbox, refusal: &Refusal) {
        self.refusals.note_of(refusal, &loaded.placed.mailbox.id);
        let (id, now) = (&loaded.placed.mailbox.id, (self.clock)());
        let fault = own_fault(refusal);
        tracing::warn!(mailbox = %id, class = %fault.class, right = refusal.right, "a mailbox failed");
        let failure = Failure::next(loaded.state.failure.as_ref(), fault, now, fastrand::f64());
        if let Err(error) = self.registry.record_failure(id, &failure, None).await
            && !self.refusals.noted(error.refusal())
        {
            tracing::error!(mailbox = %id, %error, "a mailbox's outcome could not be recorded");
        }
    }

    /// Gives mailboxes of an earlier release their entry in the lists that people see. Where that fails, the
    /// next poll does it.
    async fn list(&self, mailboxes: Vec<Mailbox>) {
        let listed = mailboxes.iter().map(|mailbox| async move {
            if let Err(error) = self.registry.list_mailbox(mailbox).await
                && !self.refusals.noted(error.refusal())
            {
                tracing::warn!(mailbox = %mailbox.id, %error, "a mailbox is not in the lists yet");
            }
        });
        futures::stream::iter(listed.collect::<Vec<_>>()).buffer_unordered(LISTED_AT_ONCE).count().await;
    }
}

/// A mailbox and what came of its run.
type Ran<'m> = (&'m LoadedMailbox, Run);

/// Which mailboxes of a lane may begin.
#[derive(Debug, Clone, Copy)]
struct Turns<'b> {
    /// The longest time that there is.
    longest: Slice,
    /// After this none begins that has waited for another of its user.
    last: Instant,
    brake: &'b Brake,
}
