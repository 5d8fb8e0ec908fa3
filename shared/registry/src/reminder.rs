//! What was told to whom.
//!
//! Guarantees: a subject's end, a stage and a recipient have one record, whoever writes it at the same
//! time. Records go by themselves after 400 days.
//!
//! Left out: sending. A record is written after the mail or the event was taken, so that a crash between
//! the two may repeat one and skips none.

use crate::{
    Error, Page, Position, Registry, Result,
    definitions::definition,
    index::{Backwards, IndexQuery},
    table::{Item, Key, Kind, cut_for_key, seconds, text},
    update::Update,
};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{Reminder, Subject};
use sha2::{Digest, Sha256};

/// How long a record is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 400);

impl Registry {
    /// Puts on record that somebody was told. `false`: it was on record already, and nothing was
    /// written.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn record_reminder(&self, reminder: &Reminder) -> Result<bool> {
        let key = record_key(reminder);
        let mut item = definition(Kind::Reminder, &key, reminder)?;
        item.insert("id".into(), text(&listed_as(reminder.sent_at, &own_text(&key))));
        let expires_at = reminder.sent_at.saturating_add(KEPT).unwrap_or(Timestamp::MAX);
        item.insert("expires_at".into(), seconds(expires_at));
        let update = item.into_iter().fold(Update::of(key), |update, (name, value)| update.set(&name, value));
        Ok(self.update(update.when("attribute_not_exists(#pk)").name("pk")).await?.is_done())
    }

    /// What was told of a subject, or of one end of it, in the order of time; strongly consistent. All
    /// of it is held in memory, a few hundred bytes each.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn reminders_of(&self, subject: &Subject, ends_at: Option<Timestamp>) -> Result<Vec<Reminder>> {
        let query = self
            .client
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .expression_attribute_values(":pk", text(&partition(subject)));
        let query = match ends_at {
            None => query.key_condition_expression("pk = :pk"),
            Some(at) => query
                .key_condition_expression("pk = :pk AND begins_with(sk, :end)")
                .expression_attribute_values(":end", text(&end_in_key(at))),
        };
        let mut pages = query.into_paginator().send();
        let mut reminders: Vec<Reminder> = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| Error::request(&self.table, "Query", e))?;
            for item in page.items.unwrap_or_default() {
                reminders.push(self.decode(item)?);
            }
        }
        reminders.sort_by_key(|reminder| reminder.sent_at);
        Ok(reminders)
    }

    /// What was told, the latest first, `size` at most, from a position on. What cannot be read is left
    /// out.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn reminders(&self, from: Option<&Position>, size: usize) -> Result<Page<Reminder>> {
        let size = size.max(1);
        let from = match from.and_then(Position::moment) {
            Some((at, id)) => Backwards::Before(listed_as(at, id)),
            None => Backwards::FromTheEnd,
        };
        let query = IndexQuery::kind(Kind::Reminder).backwards(from).shown(size);
        let mut entries = self.index_entries(&query, size + 1).await?;
        let goes_on = entries.len() > size;
        entries.truncate(size);
        let next = entries.last().filter(|_| goes_on).and_then(position);
        let looked_at = entries.len();
        let items = entries.into_iter().filter_map(|item| self.readable(item)).collect();
        Ok(Page { items, next, looked_at })
    }
}

/// Where a reminder is on record. An end has all its digits, so that ends come in order.
fn record_key(reminder: &Reminder) -> Key {
    let Reminder { subject, ends_at, stage, recipient, .. } = reminder;
    let recipient = recipient.to_string();
    let sk = format!("{}{stage}#{}", end_in_key(*ends_at), cut_for_key(&recipient));
    Key { pk: partition(subject), sk }
}

fn partition(subject: &Subject) -> String {
    format!("REMINDER#{}", cut_for_key(&subject.to_string()))
}

fn end_in_key(ends_at: Timestamp) -> String {
    format!("{:012}#", ends_at.as_second())
}

/// A reminder's `id`, by which the list is in the order of time: to the second, and then by a text that
/// is its own, so that a list can go on after any of them.
fn listed_as(sent_at: Timestamp, own: &str) -> String {
    let sent_at = Timestamp::from_second(sent_at.as_second()).unwrap_or(sent_at);
    format!("{sent_at}#{own}")
}

/// The text of a record's own: a part of its key's digest, which tells strangers nothing.
fn own_text(key: &Key) -> String {
    let digest: [u8; 32] = Sha256::digest(key.to_string()).into();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Where a record stands in the list.
fn position(entry: &Item) -> Option<Position> {
    let (sent_at, own) = entry.get("id")?.as_s().ok()?.split_once('#')?;
    Position::at(sent_at.parse().ok()?, own)
}
