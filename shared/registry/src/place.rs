//! One mailbox's place among the batches.

use crate::{
    Error, Registry, Result,
    schedule::membership,
    table::{Key, attribute, number},
};
use jiff::Timestamp;
use postroom_model::{Batch, Interval, Mailbox, MailboxId, assign};
use std::{collections::BTreeMap, time::Duration};

/// How often a place is looked for while others change the batches.
const ATTEMPTS: u32 = 8;
/// The pause before looking again; it grows with each attempt. The schedule's index lags by less.
const PAUSE: Duration = Duration::from_millis(100);

impl Registry {
    /// Gives a mailbox a place in a batch of its interval, and takes it out of every other batch.
    /// Nothing is written where it has that place already. A batch that is new or was empty becomes
    /// due as in [`Registry::put_batch`].
    ///
    /// # Errors
    /// [`Error`]; the call may then be repeated.
    pub async fn place_mailbox(&self, mailbox: &Mailbox, now: Timestamp, dice: f64) -> Result<()> {
        for attempt in 0..ATTEMPTS {
            let place = self.mailbox(&mailbox.id).await?.and_then(|placed| placed.batch);
            let batches = self.batches(place).await?;
            if self.place_among(&batches, mailbox, now, dice).await? {
                return Ok(());
            }
            tokio::time::sleep((PAUSE * (attempt + 1)).mul_f64(fastrand::f64())).await;
        }
        Err(Error::Throttled { table: self.table.to_string(), action: "UpdateItem" })
    }

    /// `false`: the batches are no longer what they were.
    async fn place_among(
        &self,
        batches: &[Batch],
        mailbox: &Mailbox,
        now: Timestamp,
        dice: f64,
    ) -> Result<bool> {
        let members = |batch: &Batch| -> Vec<(MailboxId, Interval)> {
            batch.mailboxes.iter().map(|id| (id.clone(), batch.interval)).collect()
        };
        let mut wanted: BTreeMap<_, _> = batches.iter().flat_map(members).collect();
        wanted.insert(mailbox.id.clone(), mailbox.interval);
        let (gains, losses): (Vec<_>, Vec<_>) =
            assign(batches, &wanted).into_iter().partition(|batch| batch.mailboxes.contains(&mailbox.id));
        // It gains its new place first: polled twice for a moment is better than not at all.
        for batch in &gains {
            let before = batches.iter().find(|old| old.id == batch.id);
            if !self.change_batch(before, batch, now, dice).await? {
                return Ok(false);
            }
        }
        let holds =
            |batch: &&Batch| batch.interval == mailbox.interval && batch.mailboxes.contains(&mailbox.id);
        if let Some(batch) = gains.iter().chain(batches).find(holds) {
            self.place(&batch.id, std::slice::from_ref(&mailbox.id), now).await?;
        }
        for batch in &losses {
            let before = batches.iter().find(|old| old.id == batch.id);
            if !self.change_batch(before, batch, now, dice).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes a batch's mailboxes where they still are what they were before.
    async fn change_batch(
        &self,
        before: Option<&Batch>,
        after: &Batch,
        now: Timestamp,
        dice: f64,
    ) -> Result<bool> {
        let update = membership(after, now, dice)?;
        let update = match before {
            // There may be one that is empty.
            None => update
                .name("pk")
                .value("none", number(0))
                .when("attribute_not_exists(#pk) OR size(#mailboxes) = :none"),
            Some(before) => {
                let before = attribute(&Key::batch(&after.id), &before.mailboxes)?;
                update.value("before", before).when("#mailboxes = :before")
            }
        };
        Ok(self.update(update).await?.is_done())
    }
}
