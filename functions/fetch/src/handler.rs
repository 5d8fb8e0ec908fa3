//! Queue messages: one at a time in production, but any number is taken.

use crate::{Fetch, account::Accounts, metrics::Totals, outcome::End, slice::Slice};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use postroom_lambda::chain;
use postroom_model::{Cause, Fault, FaultClass, Lease, MailboxId, Refusal, Run, RunResult, Work};
use postroom_registry::LoadedMailbox;
use std::time::Duration;

/// How long a request waits before it looks again whether its mailbox is free.
const BUSY_PAUSE: Duration = Duration::from_secs(10);

/// How long a message rests that failed for a reason which may pass. The queue's own visibility
/// timeout is far longer, because it must outlast a whole run.
const RETRY_PAUSE: Duration = Duration::from_secs(60);
/// How long one rests that waits for somebody to act. Each time it comes again, mail servers are signed in to for
/// nothing.
const LASTING_PAUSE: Duration = Duration::from_secs(15 * 60);

/// One invocation of the function.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Its request id: the owner of its leases.
    pub request_id: String,
    /// When it will be stopped.
    pub deadline: Timestamp,
}

impl Invocation {
    pub(crate) fn lease(&self, margin: Duration) -> Lease {
        let until = self.deadline.saturating_add(margin).unwrap_or(Timestamp::MAX);
        Lease { owner: self.request_id.clone(), until }
    }
}

/// Why a queue message could not be worked. A mailbox that fails is not among the reasons.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The message is not one of ours.
    #[error("the queue message is not work that this release knows")]
    Poison(#[source] serde_json::Error),
    /// The registry refused or failed.
    #[error(transparent)]
    Registry(#[from] postroom_registry::Error),
    /// The queue refused or failed.
    #[error("work could not be sent on: {0}")]
    Queue(Box<Refusal>),
    /// AWS did not do what a mailbox's run needs. The mailbox is not to blame, and what it has is still to be
    /// fetched.
    #[error("a mailbox could not be worked: {0}")]
    Refused(Box<Refusal>),
}

impl Error {
    /// What AWS did not do, where that is why.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Poison(_) => None,
            Self::Registry(error) => error.refusal(),
            Self::Queue(refusal) | Self::Refused(refusal) => Some((**refusal).clone()),
        }
    }

    /// Whether somebody must act before it ends.
    pub(crate) fn lasts(&self) -> bool {
        self.refusal().is_some_and(|refusal| refusal.kind.lasts())
    }

    /// How long its message rests before it comes again.
    pub(crate) fn pause(&self) -> Duration {
        match self {
            // Time does not help what is not work: it goes to the dead-letter queue soon.
            Self::Poison(_) => Duration::ZERO,
            _ if self.lasts() => LASTING_PAUSE,
            _ => RETRY_PAUSE,
        }
    }
}

impl Fetch {
    /// Works every message of an event; those that failed are named in the answer and come again,
    /// until the queue moves them to its dead-letter queue.
    pub async fn handle(&self, event: SqsEvent, invocation: &Invocation) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for record in event.records {
            let body = record.body.as_deref().unwrap_or_default();
            // Boxed: a run is many futures deep.
            if let Err(error) = Box::pin(self.work_message(body, invocation)).await {
                if !self.refusals.noted(error.refusal()) {
                    tracing::error!(error = chain(&error), "a queue message could not be worked");
                }
                let receipt = record.receipt_handle.as_deref();
                if let Err(refusal) = self.queue.retry_after(receipt, error.pause()).await {
                    // Where that fails, the queue's own, longer time holds.
                    self.refusals.note(&refusal);
                }
                response.add_failure(record.message_id.unwrap_or_default());
            }
        }
        // The process may be frozen now, and a renewal must not be frozen half done.
        self.credentials.settled().await;
        self.refusals.tell("fetch", &self.metrics, (self.clock)());
        response
    }

    /// Works one message's text.
    ///
    /// # Errors
    /// [`Error`]; a mailbox that fails is an outcome on record, not an error.
    pub async fn work_message(&self, body: &str, invocation: &Invocation) -> Result<(), Error> {
        match serde_json::from_str(body).map_err(Error::Poison)? {
            Work::Batch { id, due_at } => self.run_batch(&id, due_at, invocation).await,
            Work::Mailbox { id, cause } => self.run_alone(&id, cause, invocation).await,
        }
    }

    /// Works one mailbox outside its batch, for as long as the function may run.
    async fn run_alone(&self, id: &MailboxId, cause: Cause, invocation: &Invocation) -> Result<(), Error> {
        let now = (self.clock)();
        if !self.registry.lease_mailbox(id, &invocation.lease(Duration::ZERO), now).await? {
            return self.wait_for(id, cause).await;
        }
        let worked = self.run_leased(id, &cause, now, invocation).await;
        self.registry.release_mailbox(id, &invocation.request_id).await?;
        match worked? {
            Some(End::Unfinished) => {
                self.queue.go_on(id).await.map_err(|refusal| Error::Queue(Box::new(refusal)))
            }
            Some(end) => self.refused(&end).map_or(Ok(()), Err),
            None => Ok(()),
        }
    }

    /// Works a mailbox whose lease is held. Nothing comes of one that is gone or paused, or that rests
    /// when nobody asked for it.
    async fn run_leased(
        &self,
        id: &MailboxId,
        cause: &Cause,
        now: Timestamp,
        invocation: &Invocation,
    ) -> Result<Option<End>, Error> {
        let found = self.registry.load(std::slice::from_ref(id)).await?.into_iter().next();
        let Some((_, loaded)) = found else {
            tracing::info!(mailbox = %id, "the mailbox is no longer there");
            return Ok(None);
        };
        let loaded = loaded?;
        let LoadedMailbox { placed, state } = &loaded;
        if placed.paused_at.is_some() {
            return self.leave_paused(id, cause).await.map(|()| None);
        }
        let rests = state.failure.as_ref().is_some_and(|failure| now < failure.not_before)
            || state.rest_until.is_some_and(|until| now < until);
        if rests && *cause == Cause::Backlog {
            return Ok(None);
        }
        let demand = match cause {
            Cause::Demand(request) => Some(request.as_str()),
            Cause::Backlog => None,
        };
        let slice = Slice::longest(now, invocation.deadline);
        let report = self.run_mailbox(&loaded, slice, demand, invocation).await?;
        let mut accounts = Accounts::default();
        accounts.note(&placed.mailbox, state, &report);
        self.record_accounts(accounts).await;
        let mut totals = Totals::default();
        totals.add(&report);
        totals.attachments(self.archive.take_unpacked());
        totals.emit(&self.metrics, (self.clock)());
        Ok(Some(report.end))
    }

    /// The mailbox is paused: somebody who asked for it is told so.
    async fn leave_paused(&self, id: &MailboxId, cause: &Cause) -> Result<(), Error> {
        tracing::info!(mailbox = %id, "the mailbox is paused");
        let Cause::Demand(request) = cause else { return Ok(()) };
        let result = RunResult::Failed(Fault::new(FaultClass::Paused, "the mailbox is paused"));
        let run = Run { request: request.clone(), finished_at: (self.clock)(), result };
        Ok(self.registry.record_demand(id, &run).await?)
    }

    /// The mailbox is worked by another run: somebody who asked for it waits for its end; a backlog
    /// is in good hands.
    async fn wait_for(&self, id: &MailboxId, cause: Cause) -> Result<(), Error> {
        tracing::info!(mailbox = %id, "the mailbox is being worked already");
        if let Cause::Demand(_) = cause {
            let sent = self.queue.send(&Work::Mailbox { id: id.clone(), cause }, BUSY_PAUSE).await;
            sent.map_err(|refusal| Error::Queue(Box::new(refusal)))?;
        }
        Ok(())
    }
}
