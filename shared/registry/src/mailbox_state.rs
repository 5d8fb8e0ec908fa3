//! What `fetch` knows of mailboxes from one run to the next.

use crate::{
    PlacedMailbox, Registry, Result,
    batch_get::Consistency,
    remind::first_look,
    table::{Item, Key, attribute, number, seconds, text},
    update::{Outcome, Update},
};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use postroom_model::{
    Batch, Day, Failure, FolderCursor, Lease, MAX_MAILBOXES, MailboxId, MailboxState, NoTurn, Protocol, Run,
    Stuck, Subject,
};
use std::collections::{BTreeSet, HashMap};

/// A mailbox with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedMailbox {
    /// The mailbox and its batch.
    pub placed: PlacedMailbox,
    /// Its state; the default where nothing was recorded yet.
    pub state: MailboxState,
}

impl LoadedMailbox {
    /// When a poll last went through, as far as that is known at `now`. One that found nothing is recorded with its
    /// batch only, and says nothing of a mailbox that was not in the batch yet, had no turn, failed, rested, or was
    /// worked elsewhere.
    pub fn last_success(&self, batch: Option<&Batch>, now: Timestamp) -> Option<Timestamp> {
        let (placed, state) = (&self.placed, &self.state);
        let of_batch = match &state.no_turn {
            Some(no_turn) => no_turn.polled_at,
            None => batch
                .and_then(|batch| batch.completed_at)
                .filter(|completed| placed.batched_at.is_some_and(|since| since < *completed))
                .filter(|_| state.failure.is_none() && !state.is_resting(now)),
        };
        state.last_success.max(of_batch)
    }
}

/// What is counted when a cursor moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Messages stored.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages that the mailbox's filter left out, and the filter's
    /// [fingerprint](postroom_model::Filter::fingerprint).
    pub left_out: Option<(u64, u64)>,
}

impl Counted {
    pub(crate) fn add_to(&self, update: Update) -> Update {
        let update = update.add("messages", number(self.messages)).add("bytes", number(self.bytes));
        match self.left_out {
            Some((count, filter)) => update.add("left_out", number(count)).set("left_out_by", number(filter)),
            None => update,
        }
    }
}

impl Registry {
    /// Mailboxes with their states, strongly consistent, in one request for every fifty.
    ///
    /// A mailbox that does not exist is left out; one that cannot be read is an error of its own
    /// and does not hide its neighbours.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request), [`Error::Throttled`](crate::Error::Throttled).
    pub async fn load(&self, ids: &[MailboxId]) -> Result<Vec<(MailboxId, Result<LoadedMailbox>)>> {
        self.load_as_of(Consistency::Strong, ids).await
    }

    /// The same at half the price: each item may be as it was a moment ago.
    ///
    /// For a poll: a run that goes by it is one that began that moment earlier. Whatever a run writes about what is
    /// done is conditional on what it read, so that it does nothing which two runs at once could not do.
    ///
    /// # Errors
    /// As [`Registry::load`].
    pub async fn load_for_poll(&self, ids: &[MailboxId]) -> Result<Vec<(MailboxId, Result<LoadedMailbox>)>> {
        self.load_as_of(Consistency::Eventual, ids).await
    }

    async fn load_as_of(
        &self,
        consistency: Consistency,
        ids: &[MailboxId],
    ) -> Result<Vec<(MailboxId, Result<LoadedMailbox>)>> {
        // A BatchGetItem that names a key twice is refused.
        let ids: Vec<_> = ids.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut loaded = Vec::with_capacity(ids.len());
        for ids in ids.chunks(MAX_MAILBOXES) {
            let keys = ids.iter().flat_map(|id| [Key::mailbox(id), Key::mailbox_state(id)]);
            let mut items = self.items_as_of(consistency, keys).await?;
            for &id in ids {
                let Some(config) = items.remove(&Key::mailbox(id)) else { continue };
                let state = items.remove(&Key::mailbox_state(id));
                loaded.push((id.clone(), self.loaded(config, state)));
            }
        }
        Ok(loaded)
    }

    fn loaded(&self, config: Item, state: Option<Item>) -> Result<LoadedMailbox> {
        let state = state.map(|state| self.decode(state)).transpose()?.unwrap_or_default();
        Ok(LoadedMailbox { placed: self.decode(config)?, state })
    }

    /// Moves a folder's cursor from `from` to `to` and adds to the mailbox's counters, in one
    /// request. `false`: somebody else has moved the cursor since it was read, and nothing was
    /// written.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn advance(
        &self,
        id: &MailboxId,
        folder: &str,
        from: Option<FolderCursor>,
        to: FolderCursor,
        counted: &Counted,
    ) -> Result<bool> {
        let key = Key::mailbox_state(id);
        let update = counted.add_to(Update::of(key.clone()));
        let update = update.set("fetched_by", attribute(&key, &Protocol::Imap)?);
        let update = update.set_entry("folders", folder, attribute(&key, &to)?);
        let update = match from {
            Some(from) => update.when("#folders.#entry = :from").value("from", attribute(&key, &from)?),
            None => update.when("attribute_not_exists(#folders.#entry)"),
        };
        Ok(self.update_state(id, update).await?.is_done())
    }

    /// Records that a run went well: what failed before is over. Without a backlog no message keeps
    /// a folder from moving on either.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn record_success(
        &self,
        id: &MailboxId,
        now: Timestamp,
        backlog: u64,
        demand: Option<&Run>,
    ) -> Result<()> {
        let key = Key::mailbox_state(id);
        let update = Update::of(key.clone())
            .set("last_success", seconds(now))
            .set("backlog", number(backlog))
            .remove("no_turn")
            .remove("failure");
        let update = match backlog {
            0 => update.set("stuck", AttributeValue::M(HashMap::new())),
            _ => update,
        };
        self.update(with_demand(update, &key, demand)?).await.map(drop)
    }

    /// Records that a mailbox has no turn in the runs of its batch, unless that is on record. The next success
    /// ends it.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn record_no_turn(&self, id: &MailboxId, no_turn: &NoTurn) -> Result<()> {
        let key = Key::mailbox_state(id);
        let no_turn = attribute(&key, no_turn)?;
        self.update(Update::of(key).set_if_absent("no_turn", no_turn)).await.map(drop)
    }

    /// Records how many messages a run saw that had no time to fetch any.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn record_backlog(&self, id: &MailboxId, backlog: u64) -> Result<()> {
        self.update(Update::of(Key::mailbox_state(id)).set("backlog", number(backlog))).await.map(drop)
    }

    /// Records what was read from a mailbox's server today, and until when it rests because that was
    /// enough.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn record_day(&self, id: &MailboxId, day: Day, rest_until: Option<Timestamp>) -> Result<()> {
        let key = Key::mailbox_state(id);
        let update = Update::of(key.clone()).set("day", attribute(&key, &day)?);
        self.update(update.set_or_remove("rest_until", rest_until.map(seconds))).await.map(drop)
    }

    /// Lets a mailbox rest until a moment, without anything being wrong with it.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn rest(&self, id: &MailboxId, until: Timestamp) -> Result<()> {
        self.update(Update::of(Key::mailbox_state(id)).set("rest_until", seconds(until))).await.map(drop)
    }

    /// Records that a run failed. A mailbox that nobody looks at yet is looked at when it has failed for
    /// a day.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn record_failure(
        &self,
        id: &MailboxId,
        failure: &Failure,
        demand: Option<&Run>,
    ) -> Result<()> {
        let key = Key::mailbox_state(id);
        let look = failure.since.saturating_add(Failure::PATIENCE).unwrap_or(Timestamp::MAX);
        let update = Update::of(key.clone()).set("failure", attribute(&key, failure)?);
        let update = first_look(update, &Subject::Mailbox(id.clone()), look);
        self.update(with_demand(update, &key, demand)?).await.map(drop)
    }

    /// Records the outcome of a run that somebody asked for, and nothing else.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn record_demand(&self, id: &MailboxId, demand: &Run) -> Result<()> {
        let key = Key::mailbox_state(id);
        self.update(with_demand(Update::of(key.clone()), &key, Some(demand))?).await.map(drop)
    }

    /// Ends a mailbox's rest after a failure at `now`, because somebody has mended what failed: the
    /// schedule tries it again. `false`: it has not failed.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn end_rest(&self, id: &MailboxId, now: Timestamp) -> Result<bool> {
        let update = Update::of(Key::mailbox_state(id))
            .set_entry("failure", "not_before", seconds(now))
            .when("attribute_exists(#failure.#entry)");
        Ok(self.update(update).await?.is_done())
    }

    /// Ends a mailbox's rest for the remainder of its day or until its next sign-in: another limit may be in
    /// force, or another server.
    pub(crate) async fn end_quota(&self, id: &MailboxId) -> Result<()> {
        let update = Update::of(Key::mailbox_state(id)).remove("rest_until");
        // The condition keeps a mailbox that was never fetched from getting a state.
        self.update(update.when("attribute_exists(#rest_until)").name("rest_until")).await.map(drop)
    }

    /// Takes the lease of a mailbox that is worked on its own. It is free when there is none, when
    /// it has ended at `now`, or when `lease` has the same owner. `false`: it is somebody else's.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn lease_mailbox(&self, id: &MailboxId, lease: &Lease, now: Timestamp) -> Result<bool> {
        let key = Key::mailbox_state(id);
        let value = attribute(&key, lease)?;
        let update = Update::of(key)
            .set("lease", value)
            .when("attribute_not_exists(#lease) OR #lease.#until <= :now OR #lease.#owner = :owner")
            .name("until")
            .name("owner")
            .value("now", seconds(now))
            .value("owner", text(&lease.owner));
        Ok(self.update(update).await?.is_done())
    }

    /// Gives a mailbox's lease back. `false`: it was no longer `owner`'s.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn release_mailbox(&self, id: &MailboxId, owner: &str) -> Result<bool> {
        let update = Update::of(Key::mailbox_state(id))
            .remove("lease")
            .when("#lease.#owner = :owner")
            .name("owner")
            .value("owner", text(owner));
        Ok(self.update(update).await?.is_done())
    }

    /// Records which message keeps a folder from moving on, or that none does.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn set_stuck(&self, id: &MailboxId, folder: &str, stuck: Option<&Stuck>) -> Result<()> {
        let key = Key::mailbox_state(id);
        let update = match stuck {
            Some(stuck) => Update::of(key.clone()).set_entry("stuck", folder, attribute(&key, stuck)?),
            // The condition keeps a removal from failing where there is nothing to remove.
            None => Update::of(key).remove_entry("stuck", folder).when("attribute_exists(#stuck.#entry)"),
        };
        self.update_state(id, update).await.map(drop)
    }

    /// Makes an update that may write into a map of the state, and creates the maps where the state
    /// does not have them yet.
    async fn update_state(&self, id: &MailboxId, update: Update) -> Result<Outcome> {
        match self.update(update.clone()).await? {
            Outcome::NoSuchPath => {
                self.create_state(id).await?;
                self.update(update).await
            }
            outcome => Ok(outcome),
        }
    }

    /// Makes sure that a mailbox's state has its maps.
    pub(crate) async fn create_state(&self, id: &MailboxId) -> Result<()> {
        let empty = || AttributeValue::M(HashMap::new());
        let update = Update::of(Key::mailbox_state(id))
            .set_if_absent("folders", empty())
            .set_if_absent("stuck", empty());
        self.update(update).await.map(drop)
    }
}

fn with_demand(update: Update, key: &Key, demand: Option<&Run>) -> Result<Update> {
    Ok(match demand {
        Some(run) => update.set("last_demand", attribute(key, run)?),
        None => update,
    })
}
