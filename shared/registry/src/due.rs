//! What is due, page by page.

use crate::{
    Registry, Result,
    index::IndexQuery,
    table::{Item, Key, moment},
};
use jiff::Timestamp;

/// Entries that one page holds at most.
const PAGE: usize = 500;

/// What is due, page by page, the longest due first.
#[derive(Debug, Clone)]
pub struct DuePages<T> {
    registry: Registry,
    query: IndexQuery,
    read: fn(&str, Timestamp) -> Option<T>,
    position: Position,
}

#[derive(Debug, Clone)]
enum Position {
    Start,
    After(Item),
    End,
}

impl<T> DuePages<T> {
    /// What of `schedule` is due at `now`; `read` makes an entry of a partition key and a due time.
    pub(crate) fn new(
        registry: &Registry,
        schedule: &str,
        now: Timestamp,
        read: fn(&str, Timestamp) -> Option<T>,
    ) -> Self {
        let query = IndexQuery::due(schedule, now).limit(PAGE);
        Self { registry: registry.clone(), query, read, position: Position::Start }
    }

    /// The next page of at most 500 entries; `None` when there are no more. A page may be empty.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request); the same page may then be asked for again.
    pub async fn next_page(&mut self) -> Result<Option<Vec<T>>> {
        let start = match &self.position {
            Position::Start => None,
            Position::After(key) => Some(key.clone()),
            Position::End => return Ok(None),
        };
        let page = self.registry.index_page(&self.query, start).await?;
        self.position = page.last.map_or(Position::End, Position::After);
        Ok(Some(page.items.iter().filter_map(|item| self.entry(item)).collect()))
    }

    /// An entry that cannot be read is left out, so that it does not stop the schedule of all others.
    fn entry(&self, item: &Item) -> Option<T> {
        let pk = item.get("pk").and_then(|v| v.as_s().ok());
        let entry = pk.zip(moment(item, "due_at")).and_then(|(pk, due_at)| (self.read)(pk, due_at));
        if entry.is_none() {
            tracing::error!(key = Key::of(item), "an item of the schedule cannot be read and is left out");
        }
        entry
    }
}
