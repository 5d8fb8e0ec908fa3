//! What was told to whom.
//!
//! Guarantees: a subject's end, a stage's beginning and a recipient have one record, whoever writes it at the same
//! time. Records go by themselves after 400 days.
//!
//! Left out: sending. A record is written after the mail or the event was taken, so that a crash between
//! the two may repeat one and skips none.

use crate::{
    Error, Page, Position, Registry, Result,
    definitions::definition,
    latest::listed_at,
    table::{Key, Kind, cut_for_key, seconds, text},
    update::Update,
};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{Reminder, Stage, Subject};

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
        item.insert("id".into(), text(&listed_at(reminder.sent_at, &key)));
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
            .expression_attribute_values(":pk", text(&Key::reminder(subject, String::new()).pk));
        let query = match ends_at {
            None => query.key_condition_expression("pk = :pk"),
            Some(at) => query
                .key_condition_expression("pk = :pk AND begins_with(sk, :end)")
                .expression_attribute_values(":end", text(&format!("{}#", digits(at)))),
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
        self.latest(Kind::Reminder, from, size).await
    }
}

/// Where a reminder is on record. An end has all its digits, so that ends come in order. That an end has
/// come is said again and again, each time from another moment on.
fn record_key(reminder: &Reminder) -> Key {
    let Reminder { subject, ends_at, stage, began_at, recipient, .. } = reminder;
    let stage = match stage {
        Stage::Overdue(_) => format!("overdue-{}", digits(*began_at)),
        before => before.to_string(),
    };
    let recipient = recipient.to_string();
    Key::reminder(subject, format!("{}#{stage}#{}", digits(*ends_at), cut_for_key(&recipient)))
}

fn digits(at: Timestamp) -> String {
    format!("{:012}", at.as_second())
}
