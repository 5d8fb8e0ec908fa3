//! One batch's run: its mailboxes side by side, each for a slice of time.
//!
//! Guarantees: one request each to take the lease, to read all mailboxes, and to give the lease back,
//! and none per mailbox that has nothing new. A mailbox that fails or has more than fits into its
//! slice never delays its neighbours.

use crate::{
    Fetch, Invocation,
    account::Accounts,
    connections::Alone,
    metrics::Totals,
    outcome::{End, Report},
    slice::Slice,
};
use futures::StreamExt;
use jiff::Timestamp;
use postroom_model::{BatchId, Lease, next_due};
use postroom_registry::{LeasedBatch, LoadedMailbox};
use std::time::Duration;
use tokio::time::Instant;

/// Mailboxes of a batch that are worked at once.
const SIDE_BY_SIDE: usize = 16;
/// The slices of time after which no further mailbox begins that has waited for another of its user: what a
/// whole batch of slow ones takes.
const TURNS: u32 = 4;
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
        let batch = match self.registry.lease_batch(id, &lease, started).await? {
            LeasedBatch::Held(batch) => batch,
            LeasedBatch::Busy => {
                tracing::info!(batch = %id, "the batch is being worked already");
                return Ok(());
            }
            LeasedBatch::Gone => {
                tracing::info!(batch = %id, "the batch is no longer there");
                return Ok(());
            }
        };
        let mut totals = Totals::default();
        totals.lag(started.duration_since(due_at));
        let worked = self.work_batch(&batch.mailboxes, &lease, invocation, &mut totals).await;
        // A message may name any time; a batch is never put off by it.
        let next = next_due(due_at.min(started), batch.interval, (self.clock)());
        let released =
            self.registry.release_batch(id, &lease.owner, worked.is_ok().then_some(started), next).await;
        totals.attachments(self.archive.take_unpacked());
        totals.emit(&self.metrics, (self.clock)());
        tracing::info!(batch = %id, mailboxes = batch.mailboxes.len(), polls = totals.polls(), "a batch is done");
        worked?;
        if !released? {
            tracing::warn!(batch = %id, "the lease ended before the batch was done");
        }
        Ok(())
    }

    async fn work_batch(
        &self,
        mailboxes: &[postroom_model::MailboxId],
        lease: &Lease,
        invocation: &Invocation,
        totals: &mut Totals,
    ) -> Result<(), crate::Error> {
        let now = (self.clock)();
        let mut active: Vec<LoadedMailbox> = Vec::new();
        let mut alone = Alone::default();
        for (id, loaded) in self.registry.load(mailboxes).await? {
            if let Ok(LoadedMailbox { placed, .. }) = &loaded
                && placed.listed_under.is_none()
            {
                self.registry.list_mailbox(&placed.mailbox).await?;
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
        tracing::debug!(lease = %lease.owner, active = active.len(), "working a batch");
        let last_turn = Instant::now() + self.slice * TURNS;
        let reports = futures::stream::iter(alone.lanes(&active))
            .map(|lane| async move {
                let mut reports = Vec::new();
                for loaded in lane {
                    // Who waited in vain is due again with the batch.
                    if longest.is_over() || !reports.is_empty() && Instant::now() >= last_turn {
                        break;
                    }
                    let slice = longest.in_batch(self.slice);
                    reports.push((loaded, self.run_mailbox(loaded, slice, None, invocation).await));
                }
                reports
            })
            .buffer_unordered(SIDE_BY_SIDE)
            .collect::<Vec<_>>()
            .await;
        let mut failed = Vec::new();
        let mut accounts = Accounts::default();
        for (loaded, run) in reports.into_iter().flatten() {
            let id = &loaded.placed.mailbox.id;
            match run {
                Ok(report) => {
                    totals.add(&report);
                    accounts.note(&loaded.placed.mailbox, &loaded.state, &report);
                    // A backlog beyond what its user's connections allow goes on with the next poll.
                    if let Report { end: End::Unfinished, .. } = report
                        && alone.has_room(&loaded.placed.mailbox)
                    {
                        alone.note(&loaded.placed.mailbox);
                        if let Err(refusal) = self.queue.go_on(id).await {
                            failed.push(crate::Error::Queue(Box::new(refusal)));
                        }
                    }
                    failed.extend(self.refused(&report.end));
                }
                // What AWS refuses goes back to the queue, which rings in the end. What would fail again and again
                // for what it is must not take the others' polls with it.
                Err(error) if error.fault().is_the_deployments() => failed.push(error.into()),
                Err(error) => {
                    tracing::error!(mailbox = %id, %error, "a mailbox's outcome could not be recorded");
                }
            }
        }
        if let Err(error) = self.record_accounts(accounts).await {
            failed.push(error.into());
        }
        // One fails the message; the others are told with it.
        let first = failed.pop();
        failed.iter().filter_map(crate::Error::refusal).for_each(|refusal| self.refusals.note(&refusal));
        first.map_or(Ok(()), Err)
    }
}
