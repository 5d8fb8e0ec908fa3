//! Lists in the order of time, the latest first.
//!
//! What is listed so has an `id` of its own making in the `kind` index: a moment, and a part of its
//! key's digest. A position in the list therefore names nobody, though the items' keys hold addresses.

use crate::{
    Page, Position, Registry, Result,
    index::{Backwards, IndexQuery},
    table::{Item, Key, Kind},
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;

impl Registry {
    /// Items of a kind, the latest first, `size` at most, from a position on. What cannot be read is
    /// left out.
    pub(crate) async fn latest<T: DeserializeOwned>(
        &self,
        kind: Kind,
        from: Option<&Position>,
        size: usize,
    ) -> Result<Page<T>> {
        let size = size.max(1);
        let from = match from.and_then(Position::moment) {
            Some((at, own)) => Backwards::Before(id(at, own)),
            None => Backwards::FromTheEnd,
        };
        let query = IndexQuery::kind(kind).backwards(from).shown(size);
        let mut entries = self.index_entries(&query, size + 1).await?;
        let goes_on = entries.len() > size;
        entries.truncate(size);
        let next = entries.last().filter(|_| goes_on).and_then(position);
        let looked_at = entries.len();
        let items = entries.into_iter().filter_map(|item| self.readable(item)).collect();
        Ok(Page { items, next, looked_at })
    }
}

/// The `id` of the item with that key, by which it is listed at a moment.
pub(crate) fn listed_at(at: Timestamp, key: &Key) -> String {
    id(at, &key.digest())
}

/// To the second, and then by a text of the item's own, so that a list can go on after any of them.
fn id(at: Timestamp, own: &str) -> String {
    let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
    format!("{at}#{own}")
}

/// Where an entry stands in the list.
fn position(entry: &Item) -> Option<Position> {
    let (at, own) = entry.get("id")?.as_s().ok()?.split_once('#')?;
    Position::at(at.parse().ok()?, own)
}
