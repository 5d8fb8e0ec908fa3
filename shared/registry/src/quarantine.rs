//! Messages that could not be archived, on record.
//!
//! Guarantees: a mailbox's state counts just the records that there are. Records end together with the cursors that
//! have passed their messages: when everything is to be looked at again, and not before.
//!
//! Leaves out: messages that came into the archive without that, by hand or because the server has renumbered its
//! folder. They stay on record until then.

use crate::{
    Error, Registry, Result,
    table::{Item, Key, attributes, cut_for_key, number, text},
    update::Update,
    version,
};
use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{Delete, Put, TransactWriteItem},
};
use jiff::Timestamp;
use postroom_model::{MailboxId, MailboxState, Stuck};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often a transaction that met another writer is tried.
const ATTEMPTS: u32 = 6;
/// Records that end in one transaction, which may write a hundred items: they, and the mailbox's state.
const ENDED_AT_ONCE: usize = 99;
const ACTION: &str = "TransactWriteItems";
const PREFIX: &str = "QUARANTINE#";

/// A message that the archive lacks, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineRecord {
    /// The folder's name at the server.
    pub folder: String,
    /// The message and what happened to it.
    #[serde(flatten)]
    pub stuck: Stuck,
    /// When it was put on record.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub at: Timestamp,
}

impl Registry {
    /// Puts a message on record, counts it, and lets its folder move on, in one transaction. A
    /// message that is on record already is not counted again.
    ///
    /// # Errors
    /// [`Error`]; the call may then be repeated.
    pub async fn quarantine(
        &self,
        id: &MailboxId,
        folder: &str,
        stuck: &Stuck,
        now: Timestamp,
    ) -> Result<()> {
        // A transaction cannot create the map that it removes from.
        self.create_state(id).await?;
        for attempt in 0..ATTEMPTS {
            match self.quarantine_once(id, folder, stuck, now).await? {
                Written::Now => return Ok(()),
                Written::Refused => return self.set_stuck(id, folder, None).await,
                Written::Conflict => pause(attempt).await,
            }
        }
        Err(self.never_through())
    }

    async fn quarantine_once(
        &self,
        id: &MailboxId,
        folder: &str,
        stuck: &Stuck,
        now: Timestamp,
    ) -> Result<Written> {
        let key = record_key(id, folder, stuck, now);
        let record = QuarantineRecord { folder: folder.to_owned(), stuck: stuck.clone(), at: now };
        let mut item = attributes(&key, &record)?;
        item.extend(key.item());
        item.insert(version::NAME.to_owned(), version::value());
        let put = Put::builder()
            .table_name(&*self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build();
        let count = Update::of(Key::mailbox_state(id))
            .add("quarantined", number(1))
            .remove_entry("stuck", folder)
            .into_transaction(&self.table)
            .build();
        let unbuilt = |e| self.transaction_failed(SdkError::construction_failure(e));
        let put = TransactWriteItem::builder().put(put.map_err(unbuilt)?).build();
        let count = TransactWriteItem::builder().update(count.map_err(unbuilt)?).build();
        self.transact(vec![put, count]).await
    }

    /// Has the next run look at everything again that the mailbox's server holds, by its headers, as if
    /// another filter had left something out: what is archived is known, and what is not, such as a message
    /// in quarantine, is fetched. So nothing is in quarantine from now on; what fails again comes back there,
    /// after as many tries.
    ///
    /// # Errors
    /// [`Error`]; the call may then be repeated, and has to be.
    pub async fn look_again(&self, id: &MailboxId) -> Result<()> {
        for attempt in 0..ATTEMPTS {
            if self.look_again_once(id).await? {
                return Ok(());
            }
            pause(attempt).await;
        }
        Err(self.never_through())
    }

    /// `false`: a message was put on record, or the state written, at the same moment.
    async fn look_again_once(&self, id: &MailboxId) -> Result<bool> {
        let state: MailboxState = self.value(&Key::mailbox_state(id)).await?.unwrap_or_default();
        let mut items = self.quarantine_items(id).await?;
        items.iter().try_for_each(|item| self.check_version(item))?;
        let mut counted = state.quarantined;
        loop {
            let ended = items.split_off(items.len().saturating_sub(ENDED_AT_ONCE));
            let left = items.len() as u64;
            if !matches!(self.end_records(id, ended, counted, left).await?, Written::Now) {
                return Ok(false);
            }
            if left == 0 {
                return Ok(true);
            }
            counted = left;
        }
    }

    /// Deletes records of a mailbox whose state counts `counted`, so that it counts `left`, and notes there that
    /// everything is to be looked at: no record ends without that.
    async fn end_records(
        &self,
        id: &MailboxId,
        records: Vec<Item>,
        counted: u64,
        left: u64,
    ) -> Result<Written> {
        let unbuilt = |e| self.transaction_failed(SdkError::construction_failure(e));
        let update = Update::of(Key::mailbox_state(id))
            // No filter's fingerprint, but for one chance in 2⁶⁴.
            .set("left_out_by", number(fastrand::u64(..)))
            .set("quarantined", number(left))
            .when("attribute_not_exists(#quarantined) OR #quarantined = :counted")
            .value("counted", number(counted))
            .into_transaction(&self.table)
            .build();
        let mut items = vec![TransactWriteItem::builder().update(update.map_err(unbuilt)?).build()];
        for key in records.iter().filter_map(Key::from_item) {
            let delete = Delete::builder().table_name(&*self.table).set_key(Some(key.item())).build();
            items.push(TransactWriteItem::builder().delete(delete.map_err(unbuilt)?).build());
        }
        self.transact(items).await
    }

    async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<Written> {
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(Written::Now),
            Err(error) => refusal(&error).ok_or_else(|| self.transaction_failed(error)),
        }
    }

    fn never_through(&self) -> Error {
        Error::Throttled { table: self.table.to_string(), action: ACTION }
    }

    fn transaction_failed(&self, error: SdkError<TransactWriteItemsError>) -> Error {
        Error::request(&self.table, ACTION, error)
    }

    /// The messages of a mailbox that are on record, by UIDVALIDITY and UID. All of them are held in
    /// memory, a few hundred bytes each.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn quarantined(&self, id: &MailboxId) -> Result<Vec<QuarantineRecord>> {
        self.quarantine_items(id).await?.into_iter().map(|item| self.decode(item)).collect()
    }

    async fn quarantine_items(&self, id: &MailboxId) -> Result<Vec<Item>> {
        let query = self
            .client
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(&Key::mailbox(id).pk))
            .expression_attribute_values(":prefix", text(PREFIX));
        let mut pages = query.into_paginator().send();
        let mut items = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| Error::request(&self.table, "Query", e))?;
            items.extend(page.items.unwrap_or_default());
        }
        Ok(items)
    }
}

/// Waits a moment longer after each attempt.
async fn pause(attempt: u32) {
    let pause = Duration::from_millis(20) * 2u32.pow(attempt);
    tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
}

/// What came of one transaction.
enum Written {
    Now,
    /// A condition did not hold.
    Refused,
    /// Another writer was there at the same moment.
    Conflict,
}

/// What a cancelled transaction means, where it is not a failure.
fn refusal(error: &SdkError<TransactWriteItemsError>) -> Option<Written> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error.as_service_error()? else {
        return None;
    };
    let because = |code| cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some(code));
    if because("ConditionalCheckFailed") {
        Some(Written::Refused)
    } else if because("TransactionConflict") {
        Some(Written::Conflict)
    } else {
        None
    }
}

/// Numbers have all their digits, so that records come in order of their UIDs. A maildrop's numbers last no
/// longer than a session: there the message's id stands for it. One without an id has a record of its own each
/// time, because another message may have had its number.
fn record_key(id: &MailboxId, folder: &str, stuck: &Stuck, now: Timestamp) -> Key {
    let sk = match (stuck.unique_id, stuck.uid_validity) {
        (Some(unique_id), _) => format!("{PREFIX}{unique_id}"),
        (None, 0) => format!("{PREFIX}{:010}#{:010}#{}", 0, stuck.uid, now.as_second()),
        (None, _) => {
            let folder = cut_for_key(folder);
            format!("{PREFIX}{:010}#{:010}#{folder}", stuck.uid_validity, stuck.uid)
        }
    };
    Key { sk, ..Key::mailbox(id) }
}
