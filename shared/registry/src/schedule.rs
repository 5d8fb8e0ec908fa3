//! The schedule: which batches are due, who works them, and which mailboxes they hold.

use crate::{
    Registry, Result,
    definitions::definition,
    due::DuePages,
    index::IndexQuery,
    table::{Key, Kind, attribute, moment, seconds, text},
    update::{Outcome, Update},
};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use postroom_model::{Batch, BatchId, Lease, MailboxId, first_due};

/// The batches' value of `schedule`, the `due` index's partition key.
const SCHEDULE: &str = "batch";
/// Mailboxes that are placed side by side.
const PLACED_AT_ONCE: usize = 16;

/// What came of asking for a batch's lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeasedBatch {
    /// It is the caller's now: the batch as it stands.
    Held(Batch),
    /// Somebody else's lease has not ended.
    Busy,
    /// There is no such batch any more.
    Gone,
}

/// A batch that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueBatch {
    /// Which.
    pub id: BatchId,
    /// Since when.
    pub due_at: Timestamp,
}

/// The due batches, page by page, the longest due first.
pub type DueBatches = DuePages<DueBatch>;

impl Registry {
    /// The batches that are due at `now`. An emptied batch is never among them.
    pub fn due_batches(&self, now: Timestamp) -> DueBatches {
        DuePages::new(self, SCHEDULE, now, |pk, due_at| Some(DueBatch { id: Key::batch_id(pk)?, due_at }))
    }

    /// Since when the batch is due that has been due longest, if it is due at `until`: one request,
    /// however many are.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn oldest_due_batch(&self, until: Timestamp) -> Result<Option<Timestamp>> {
        let page = self.index_page(&IndexQuery::due(SCHEDULE, until).limit(1), None).await?;
        Ok(page.items.first().and_then(|item| moment(item, "due_at")))
    }

    /// Moves a due batch's time on to `move_to`, unless somebody else has moved it since it was seen
    /// at `seen_due_at`: then `false`.
    ///
    /// A lost message costs the time up to `move_to`; [`Registry::release_batch`] sets the real next
    /// due time.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn claim(&self, id: &BatchId, seen_due_at: Timestamp, move_to: Timestamp) -> Result<bool> {
        let update = Update::of(Key::batch(id))
            .set("due_at", seconds(move_to))
            .when("#due_at = :seen")
            .value("seen", seconds(seen_due_at));
        Ok(self.update(update).await?.is_done())
    }

    /// Takes a batch's lease and returns the batch, in one request. The lease is free when there is
    /// none, when it has ended at `now`, or when `lease` has the same owner.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn lease_batch(&self, id: &BatchId, lease: &Lease, now: Timestamp) -> Result<LeasedBatch> {
        let key = Key::batch(id);
        let lease_value = attribute(&key, lease)?;
        let update = Update::of(key)
            .set("lease", lease_value)
            .when(
                "attribute_exists(#pk) AND (attribute_not_exists(#lease) OR #lease.#until <= :now OR #lease.#owner = :owner)",
            )
            .name("pk")
            .name("until")
            .name("owner")
            .value("now", seconds(now))
            .value("owner", text(&lease.owner))
            .returning();
        Ok(match self.update(update).await? {
            Outcome::Done(Some(item)) => LeasedBatch::Held(self.decode(item)?),
            Outcome::Refused(Some(_)) => LeasedBatch::Busy,
            Outcome::Done(None) | Outcome::Refused(None) | Outcome::NoSuchPath => LeasedBatch::Gone,
        })
    }

    /// Gives a batch's lease back, sets when the batch is next due, and records when the run began
    /// that went through all its mailboxes, if it did. `false`: the lease was no longer `owner`'s,
    /// and nothing was written.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn release_batch(
        &self,
        id: &BatchId,
        owner: &str,
        completed_at: Option<Timestamp>,
        next_due: Timestamp,
    ) -> Result<bool> {
        let mut update = Update::of(Key::batch(id))
            .remove("lease")
            .set("due_at", seconds(next_due))
            .when("#lease.#owner = :owner")
            .name("owner")
            .value("owner", text(owner));
        if let Some(at) = completed_at {
            update = update.set("completed_at", seconds(at));
        }
        Ok(self.update(update).await?.is_done())
    }

    /// Writes a batch's interval and mailboxes, and places those of its mailboxes in it that exist
    /// and have another place: write the mailboxes first. Asked again, it changes nothing.
    ///
    /// A batch that is new or was empty becomes due within a minute of `now`, spread by `dice` in
    /// `0.0..1.0`; one that is empty now leaves the schedule. Lease, completion and due time of a
    /// batch that has them stay; those in `batch` are not looked at.
    ///
    /// # Errors
    /// [`Error`](crate::Error); the call may then be repeated.
    pub async fn put_batch(&self, batch: &Batch, now: Timestamp, dice: f64) -> Result<()> {
        self.place(&batch.id, &batch.mailboxes, now).await?;
        self.update(membership(batch, now, dice)?).await.map(drop)
    }

    pub(crate) async fn place(&self, batch: &BatchId, mailboxes: &[MailboxId], now: Timestamp) -> Result<()> {
        let elsewhere = self.load(mailboxes).await?.into_iter().filter_map(|(id, loaded)| match loaded {
            Ok(loaded) if loaded.placed.batch.as_ref() == Some(batch) => None,
            Ok(_) | Err(_) => Some(id),
        });
        futures::stream::iter(elsewhere)
            .map(|id| async move {
                let update = Update::of(Key::mailbox(&id))
                    .set("batch", text(batch.as_str()))
                    .set("batched_at", seconds(now))
                    .when("attribute_exists(#pk) AND (attribute_not_exists(#batch) OR #batch <> :batch)")
                    .name("pk");
                self.update(update).await.map(drop)
            })
            .buffer_unordered(PLACED_AT_ONCE)
            .try_collect()
            .await
    }
}

/// Sets a batch's interval and mailboxes, and its due time where it has none.
pub(crate) fn membership(batch: &Batch, now: Timestamp, dice: f64) -> Result<Update> {
    let key = Key::batch(&batch.id);
    let membership = Batch { due_at: None, lease: None, completed_at: None, ..batch.clone() };
    let item = definition(Kind::Batch, &key, &membership)?;
    let update = item.into_iter().fold(Update::of(key), |update, (name, value)| update.set(&name, value));
    Ok(if batch.mailboxes.is_empty() {
        update.remove("schedule").remove("due_at")
    } else {
        update.set("schedule", text(SCHEDULE)).set_if_absent("due_at", seconds(first_due(now, dice)))
    })
}
