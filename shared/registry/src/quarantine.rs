//! Messages that could not be archived, on record.

use crate::{
    Error, Registry, Result,
    table::{Key, attributes, cut_for_key, number, text},
    update::Update,
    version,
};
use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{Put, TransactWriteItem},
};
use jiff::Timestamp;
use postroom_model::{MailboxId, Stuck};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often a transaction that met another writer is tried.
const ATTEMPTS: u32 = 6;
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
                Quarantined::Now => return Ok(()),
                Quarantined::Before => return self.set_stuck(id, folder, None).await,
                Quarantined::Conflict => {
                    let pause = Duration::from_millis(20) * 2u32.pow(attempt);
                    tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
                }
            }
        }
        Err(Error::Throttled { table: self.table.to_string(), action: ACTION })
    }

    async fn quarantine_once(
        &self,
        id: &MailboxId,
        folder: &str,
        stuck: &Stuck,
        now: Timestamp,
    ) -> Result<Quarantined> {
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
        let answer = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(put.map_err(unbuilt)?).build())
            .transact_items(TransactWriteItem::builder().update(count.map_err(unbuilt)?).build())
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Quarantined::Now),
            Err(error) => refusal(&error).ok_or_else(|| self.transaction_failed(error)),
        }
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
        let query = self
            .client
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(&Key::mailbox(id).pk))
            .expression_attribute_values(":prefix", text(PREFIX));
        let mut pages = query.into_paginator().send();
        let mut records = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| Error::request(&self.table, "Query", e))?;
            for item in page.items.unwrap_or_default() {
                records.push(self.decode(item)?);
            }
        }
        Ok(records)
    }
}

/// What came of one transaction.
enum Quarantined {
    Now,
    Before,
    Conflict,
}

/// What a cancelled transaction means, where it is not a failure.
fn refusal(error: &SdkError<TransactWriteItemsError>) -> Option<Quarantined> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error.as_service_error()? else {
        return None;
    };
    let because = |code| cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some(code));
    if because("ConditionalCheckFailed") {
        Some(Quarantined::Before)
    } else if because("TransactionConflict") {
        Some(Quarantined::Conflict)
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
