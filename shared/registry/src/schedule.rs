//! The schedule: which batches are due, who works them, and which mailboxes they hold.

use crate::{
    Registry, Result,
    due::DuePages,
    index::IndexQuery,
    table::{Item, Key, attribute, attributes, moment, seconds, text},
    update::{Outcome, Update},
};
use aws_sdk_dynamodb::types::AttributeValue;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use postroom_model::{Batch, BatchId, Lease, MailboxId, first_due};
use std::collections::BTreeSet;

/// The batches' value of `schedule`, the `due` index's partition key.
const SCHEDULE: &str = "batch";
/// The attribute of a batch that says since when it waits: from its first claim until a run goes through all its
/// mailboxes. No index has it, so that it costs a poll nothing.
const WAITS_SINCE: &str = "waits_since";
/// The value of `remind` of batches that came due again while they waited, by since when they do.
const WAITING: &str = "batch";
/// Mailboxes that are placed side by side.
const PLACED_AT_ONCE: usize = 16;
/// The attribute of a batch whose membership, or a mailbox's definition, has changed since its lease was last taken.
const CHANGED: &str = "changed";
/// The attribute by which earlier releases had batches in the index `kind`: every write of a batch was a second one
/// there.
const LISTED: &str = "kind";

/// What came of asking for a batch's lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeasedBatch {
    /// It is the caller's now.
    Held {
        /// The batch as it stands.
        batch: Batch,
        /// Whether its membership, or the definition of one of its mailboxes, has changed since its lease was last
        /// taken: then [`Registry::load_for_poll`] might miss that.
        has_changed: bool,
    },
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
    /// The batches that have mailboxes: those in the schedule, and those among `named`, each as it stands. The
    /// schedule's index may lack one while its due time is being moved; whoever must miss none names those in which
    /// mailboxes have their places.
    ///
    /// # Errors
    /// [`Error`](crate::Error); one item that cannot be read fails the list, because a batch that is missing from it
    /// may be made a second time.
    pub async fn batches(&self, named: impl IntoIterator<Item = BatchId>) -> Result<Vec<Batch>> {
        let mut ids: BTreeSet<BatchId> = named.into_iter().collect();
        let entries = self.index_entries(&IndexQuery::due(SCHEDULE, Timestamp::MAX), usize::MAX).await?;
        let scheduled = |entry: &Item| Key::batch_id(entry.get("pk")?.as_s().ok()?);
        ids.extend(entries.iter().filter_map(scheduled));
        let items = self.items(ids.iter().map(Key::batch)).await?;
        let batches: Result<Vec<Batch>> = items.into_values().map(|item| self.decode(item)).collect();
        let mut batches = batches?;
        batches.retain(|batch| !batch.mailboxes.is_empty());
        batches.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(batches)
    }

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

    /// Since when the batch waits that waits longest for a run that goes through, of those that came due again
    /// meanwhile ([`Registry::note_waiting`]), if it waits since `until` or longer: one request, however many do.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn oldest_waiting_batch(&self, until: Timestamp) -> Result<Option<Timestamp>> {
        let page = self.index_page(&IndexQuery::remind(WAITING, until).limit(1), None).await?;
        Ok(page.items.first().and_then(|item| moment(item, "remind_at")))
    }

    /// Moves a due batch's time on to `move_to`, and says since when it waits for a run that goes through: since
    /// `seen_due_at`, or longer if an earlier claim has come to nothing so far. `None`: somebody else has moved it
    /// since it was seen at `seen_due_at`.
    ///
    /// A lost message costs the time up to `move_to`; [`Registry::release_batch`] sets the real next
    /// due time.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn claim(
        &self,
        id: &BatchId,
        seen_due_at: Timestamp,
        move_to: Timestamp,
    ) -> Result<Option<Timestamp>> {
        let update = Update::of(Key::batch(id))
            .set("due_at", seconds(move_to))
            .set_if_absent(WAITS_SINCE, seconds(seen_due_at))
            .when("#due_at = :seen")
            .value("seen", seconds(seen_due_at))
            .returning_set();
        Ok(match self.update(update).await? {
            Outcome::Done(set) => Some(set.and_then(|set| moment(&set, WAITS_SINCE)).unwrap_or(seen_due_at)),
            Outcome::Refused(_) | Outcome::NoSuchPath => None,
        })
    }

    /// Makes a batch due at `due_at` again that was claimed until `claimed_until`, unless somebody else has moved
    /// it since.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn give_back(&self, id: &BatchId, claimed_until: Timestamp, due_at: Timestamp) -> Result<()> {
        let update = Update::of(Key::batch(id))
            .set("due_at", seconds(due_at))
            .when("#due_at = :seen")
            .value("seen", seconds(claimed_until));
        self.update(update).await.map(drop)
    }

    /// Has a batch found as one that waits since `since` ([`Registry::oldest_waiting_batch`]), until a run goes
    /// through. `false`: one has, since then.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn note_waiting(&self, id: &BatchId, since: Timestamp) -> Result<bool> {
        let update = Update::of(Key::batch(id))
            .set("remind", text(WAITING))
            .set("remind_at", seconds(since))
            // A release that knows nothing of this leaves it when a run goes through.
            .when("#waits_since = :since AND (attribute_not_exists(#completed_at) OR #completed_at < :since)")
            .name(WAITS_SINCE)
            .name("completed_at")
            .value("since", seconds(since));
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
            .remove(CHANGED)
            .remove(LISTED)
            .when(
                "attribute_exists(#pk) AND (attribute_not_exists(#lease) OR #lease.#until <= :now OR #lease.#owner = :owner)",
            )
            .name("pk")
            .name("until")
            .name("owner")
            .value("now", seconds(now))
            .value("owner", text(&lease.owner))
            .returning_old();
        Ok(match self.update(update).await? {
            Outcome::Done(Some(before)) => {
                let has_changed = before.contains_key(CHANGED);
                let batch = Batch { lease: Some(lease.clone()), ..self.decode(before)? };
                LeasedBatch::Held { batch, has_changed }
            }
            Outcome::Refused(Some(_)) => LeasedBatch::Busy,
            Outcome::Done(None) | Outcome::Refused(None) | Outcome::NoSuchPath => LeasedBatch::Gone,
        })
    }

    /// Gives a batch's lease back, sets when the batch is next due, and records when the run began
    /// that went through its mailboxes, if it did; those that had no turn in it are known by
    /// [`Registry::record_no_turn`]. `false`: the lease was no longer `owner`'s, and nothing was written.
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
            update = no_longer_waits(update.set("completed_at", seconds(at)));
        }
        Ok(self.update(update).await?.is_done())
    }

    /// Gives a batch's lease back that was taken for nothing; when it is due stays as it is.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn leave_batch(&self, id: &BatchId, owner: &str) -> Result<()> {
        let update = Update::of(Key::batch(id)).remove("lease").when("#lease.#owner = :owner");
        self.update(update.name("owner").value("owner", text(owner))).await.map(drop)
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

    /// Notes at the batch of a mailbox, whose definition was `before`, that it is another now.
    pub(crate) async fn note_change(&self, before: Option<&Item>) -> Result<()> {
        let batch = before.and_then(|item| item.get("batch")?.as_s().ok()?.parse().ok());
        let Some(batch) = batch else { return Ok(()) };
        let update = Update::of(Key::batch(&batch)).set(CHANGED, AttributeValue::Bool(true));
        self.update(update.when("attribute_exists(#pk)").name("pk")).await.map(drop)
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

fn no_longer_waits(update: Update) -> Update {
    [WAITS_SINCE, "remind", "remind_at"].into_iter().fold(update, Update::remove)
}

/// Sets a batch's interval and mailboxes, and its due time where it has none.
pub(crate) fn membership(batch: &Batch, now: Timestamp, dice: f64) -> Result<Update> {
    let key = Key::batch(&batch.id);
    let membership = Batch { due_at: None, lease: None, completed_at: None, ..batch.clone() };
    let item = attributes(&key, &membership)?;
    let update = item.into_iter().fold(Update::of(key), |update, (name, value)| update.set(&name, value));
    let update = update.set(CHANGED, AttributeValue::Bool(true)).remove(LISTED);
    Ok(if batch.mailboxes.is_empty() {
        no_longer_waits(update.remove("schedule").remove("due_at"))
    } else {
        update.set("schedule", text(SCHEDULE)).set_if_absent("due_at", seconds(first_due(now, dice)))
    })
}
