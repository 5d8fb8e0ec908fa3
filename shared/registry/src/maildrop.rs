//! How far POP3 maildrops are archived: a cursor in the mailbox's state, and beside it the ids of the
//! messages that are done.
//!
//! Guarantees: ids are on record before the cursor that counts them, so that a crash in between, or
//! another run that moves the cursor first, leaves ids too many and never too few; an id is only ever on
//! record where its message is done. A cursor without its set costs a look at headers, never a message.
//!
//! The ids lie in items of at most [`IDS`], so that one new message writes 7 KB at most, in generations.
//! What an id says holds for its generation alone: for one maildrop of one server and user, and for one
//! filter. So a set that is begun, or written anew, gets a number by chance, one of 2³², and not the next: a
//! run that broke off before its cursor was on record leaves ids under a number that nobody asks for. Were it
//! the next, they would count once the mailbox has become another server's, or has got yet another filter,
//! and its messages would be passed over. Other generations' items are deleted once the cursor names the new
//! one.
//!
//! Ids of what a filter has left out are done for that filter only. Which one it was is therefore on record
//! before they are.

use crate::{
    Counted, Error, Registry, Result,
    table::{Item, Key, attribute, number, text},
    update::Update,
};
use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use futures::future::try_join_all;
use postroom_model::{MailboxId, MaildropCursor, Protocol, UniqueId};
use std::collections::HashSet;

/// Ids in one item.
const IDS: usize = MaildropCursor::PART as usize;
/// Ids of one set: more, and something is wrong.
const MAX_IDS: usize = 1_000_000;
/// Items that are written or deleted side by side.
const AT_ONCE: usize = 8;

impl Registry {
    /// Puts the ids of messages that are done on record, then moves the maildrop's cursor from `from` to
    /// `to` and adds to the mailbox's counters. Returned is the cursor as it is on record now: it tells
    /// besides where the next ids go, and the number of its set. A set is begun where there was no cursor, or
    /// one of another generation, whose ids are deleted. `None`: somebody else has moved the cursor since it
    /// was read, or fetches under another filter, and nothing that counts was written.
    ///
    /// # Errors
    /// [`Error`]; the call may then be repeated.
    pub async fn advance_maildrop(
        &self,
        id: &MailboxId,
        from: Option<MaildropCursor>,
        to: MaildropCursor,
        ids: &[UniqueId],
        counted: &Counted,
    ) -> Result<Option<MaildropCursor>> {
        let goes_on = from.filter(|from| from.generation == to.generation);
        let to = if goes_on.is_some() { to } else { with_new_set(to) };
        if let Some((1.., filter)) = counted.left_out
            && let Some(from) = goes_on
            && !self.note_filter(id, from, filter).await?
        {
            return Ok(None);
        }
        let (parts, to) = parts(to, ids);
        let writes = parts.into_iter().map(|(part, ids)| {
            self.update(Update::of(Key::known(id, to.generation, part)).add("ids", set(ids)))
        });
        for writes in in_turns(writes) {
            try_join_all(writes).await?;
        }
        if !self.move_maildrop(id, from, to, counted).await? {
            return Ok(None);
        }
        if goes_on.is_none() {
            self.delete_known(id, |of| of != to.generation).await?;
        }
        Ok(Some(to))
    }

    /// Puts on record which filter has left something out. `false`: somebody else has moved the cursor, or
    /// another filter has.
    async fn note_filter(&self, id: &MailboxId, from: MaildropCursor, filter: u64) -> Result<bool> {
        let key = Key::mailbox_state(id);
        let update = Update::of(key.clone())
            .set("left_out_by", number(filter))
            .when("attribute_not_exists(#left_out_by) OR #left_out_by = :left_out_by")
            .when("#maildrop = :from")
            .name("maildrop")
            .value("from", attribute(&key, &from)?);
        Ok(self.update(update).await?.is_done())
    }

    async fn move_maildrop(
        &self,
        id: &MailboxId,
        from: Option<MaildropCursor>,
        to: MaildropCursor,
        counted: &Counted,
    ) -> Result<bool> {
        let key = Key::mailbox_state(id);
        let update = counted.add_to(Update::of(key.clone())).set("maildrop", attribute(&key, &to)?);
        let update = update.set("fetched_by", attribute(&key, &Protocol::Pop3)?);
        let update = match from {
            Some(from) => update.when("#maildrop = :from").value("from", attribute(&key, &from)?),
            None => update.when("attribute_not_exists(#maildrop)"),
        };
        Ok(self.update(update).await?.is_done())
    }

    /// The ids that are on record in one generation of a maildrop's set, strongly consistent.
    ///
    /// # Errors
    /// [`Error::TooManyIds`] above a million, and the others.
    pub async fn known_ids(&self, id: &MailboxId, generation: u32) -> Result<HashSet<UniqueId>> {
        let mut known = HashSet::new();
        let mut start = None;
        loop {
            let (items, last) = self.known_page(id, Some(generation), start).await?;
            for item in items {
                self.check_version(&item)?;
                let Some(AttributeValue::Bs(ids)) = item.get("ids") else { continue };
                known.extend(ids.iter().filter_map(|id| UniqueId::from_bytes(id.as_ref())));
            }
            if known.len() > MAX_IDS {
                return Err(Error::TooManyIds { mailbox: id.to_string(), most: MAX_IDS });
            }
            start = last;
            if start.is_none() {
                return Ok(known);
            }
        }
    }

    /// Writes a maildrop's set anew, with only the ids that are still needed, and deletes what was there
    /// before, also what crashes have left behind. Returned is the cursor as it is on record now. `None`:
    /// somebody else has moved it since it was read, and what is on record stays.
    ///
    /// # Errors
    /// [`Error`]; the call may then be repeated.
    pub async fn rewrite_known(
        &self,
        id: &MailboxId,
        from: MaildropCursor,
        ids: &[UniqueId],
    ) -> Result<Option<MaildropCursor>> {
        let (parts, to) = parts(with_new_set(from), ids);
        let generation = to.generation;
        let writes = parts.into_iter().map(|(part, ids)| {
            self.update(Update::of(Key::known(id, generation, part)).set("ids", set(ids)))
        });
        for writes in in_turns(writes) {
            try_join_all(writes).await?;
        }
        if !self.move_maildrop(id, Some(from), to, &Counted::default()).await? {
            self.delete_known(id, |of| of == generation).await?;
            return Ok(None);
        }
        self.delete_known(id, |of| of != generation).await?;
        Ok(Some(to))
    }

    /// Deletes the items of some generations of a maildrop's set.
    pub(crate) async fn delete_known(&self, id: &MailboxId, which: impl Fn(u32) -> bool) -> Result<()> {
        let mut start = None;
        loop {
            let (items, last) = self.known_page(id, None, start).await?;
            let keys = items.iter().filter_map(Key::from_item);
            let keys: Vec<Key> = keys.filter(|key| key.known_generation().is_none_or(&which)).collect();
            for keys in keys.chunks(AT_ONCE) {
                try_join_all(keys.iter().map(|key| self.delete(key))).await?;
            }
            start = last;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    /// Some items of a maildrop's set: of one generation, or the keys of all. Where there are more, after
    /// which key.
    async fn known_page(
        &self,
        id: &MailboxId,
        generation: Option<u32>,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>)> {
        let query = self
            .client
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .expression_attribute_values(":pk", text(&Key::known(id, 0, 0).pk))
            .set_exclusive_start_key(start);
        let query = match generation {
            Some(generation) => query
                .key_condition_expression("pk = :pk AND begins_with(sk, :generation)")
                .expression_attribute_values(":generation", text(&Key::known_prefix(generation))),
            None => query.key_condition_expression("pk = :pk").projection_expression("pk, sk"),
        };
        let page = query.send().await.map_err(|e| Error::request(&self.table, "Query", e))?;
        Ok((page.items.unwrap_or_default(), page.last_evaluated_key))
    }
}

/// The cursor with a set that is begun.
fn with_new_set(cursor: MaildropCursor) -> MaildropCursor {
    MaildropCursor { generation: fastrand::u32(..), part: 0, filled: 0, ..cursor }
}

/// Which part of the set takes which ids, and the cursor after that.
fn parts(mut cursor: MaildropCursor, ids: &[UniqueId]) -> (Vec<(u32, &[UniqueId])>, MaildropCursor) {
    let mut parts = Vec::new();
    let mut rest = ids;
    while !rest.is_empty() {
        let filled = cursor.filled as usize;
        if filled >= IDS {
            (cursor.part, cursor.filled) = (cursor.part.wrapping_add(1), 0);
            continue;
        }
        let (taken, later) = rest.split_at(rest.len().min(IDS - filled));
        parts.push((cursor.part, taken));
        cursor.filled += taken.len() as u32;
        rest = later;
    }
    (parts, cursor)
}

/// What is to be done, in turns of a few at a time.
fn in_turns<T>(mut all: impl Iterator<Item = T>) -> impl Iterator<Item = Vec<T>> {
    std::iter::from_fn(move || Some(all.by_ref().take(AT_ONCE).collect::<Vec<_>>()).filter(|t| !t.is_empty()))
}

fn set(ids: &[UniqueId]) -> AttributeValue {
    // A set that names a value twice is refused.
    let ids: HashSet<&UniqueId> = ids.iter().collect();
    AttributeValue::Bs(ids.into_iter().map(|id| Blob::new(id.as_bytes())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_filled_one_after_the_other() {
        let ids: Vec<UniqueId> = (0..2_000).map(|n| UniqueId::of_uidl(&n.to_string())).collect();
        let shape = |cursor: MaildropCursor, count: usize| {
            let (parts, after) = parts(cursor, &ids[..count]);
            let parts: Vec<_> = parts.into_iter().map(|(part, ids)| (part, ids.len())).collect();
            (parts, (after.part, after.filled))
        };
        let start = MaildropCursor::start(1);
        assert_eq!(shape(start, 0), (vec![], (0, 0)));
        assert_eq!(shape(start, 1), (vec![(0, 1)], (0, 1)));
        assert_eq!(shape(start, 600), (vec![(0, 600)], (0, 600)));
        assert_eq!(shape(start, 1_300), (vec![(0, 600), (1, 600), (2, 100)], (2, 100)));
        let begun = MaildropCursor { part: 3, filled: 599, ..start };
        assert_eq!(shape(begun, 2), (vec![(3, 1), (4, 1)], (4, 1)));
        assert_eq!(shape(MaildropCursor { filled: 600, ..begun }, 1), (vec![(4, 1)], (4, 1)));
        assert_eq!(shape(MaildropCursor { filled: u32::MAX, ..begun }, 0), (vec![], (3, u32::MAX)));
    }
}
