//! Lists for people, page by page, with a bounded amount of work for each.

use crate::{
    Registry, Result,
    index::IndexQuery,
    table::{Item, Key, moment, seconds, text},
};
use jiff::Timestamp;
use postroom_model::MailboxId;
use std::{fmt, str::FromStr};

/// Pages of an index that are read for one page of a list at most.
const INDEX_PAGES: usize = 4;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What was found.
    pub items: Vec<T>,
    /// Where the list goes on; `None` at its end. A page that is not full may go on: then there was
    /// much to look at and little to find.
    pub next: Option<Position>,
    /// How many entries were looked at.
    pub looked_at: usize,
}

/// Where a list goes on. Its text is opaque, and safe in a URL without escaping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The id of the last entry that was looked at: every id has the same form.
    id: MailboxId,
    /// The moment that comes before the id, in a list in the order of time.
    at: Option<Timestamp>,
}

/// A text that is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no position in a list")]
pub struct NotAPosition;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "{}~{}", at.as_second(), self.id),
            None => write!(f, "{}", self.id),
        }
    }
}

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let (at, id) = match text.split_once('~') {
            None => (None, text),
            Some((second, id)) => {
                let second = second.parse().map_err(|_| NotAPosition)?;
                (Some(Timestamp::from_second(second).map_err(|_| NotAPosition)?), id)
            }
        };
        Ok(Self { id: id.parse().map_err(|_| NotAPosition)?, at })
    }
}

impl Position {
    /// Where an entry of an index stands; `None` for one whose key is none of ours.
    fn of(entry: &Item, query: &IndexQuery) -> Option<Self> {
        let (_, id) = entry.get("pk")?.as_s().ok()?.split_once('#')?;
        let at = match query.until {
            Some(_) => Some(moment(entry, query.range)?),
            None => None,
        };
        Some(Self { id: id.parse().ok()?, at })
    }

    /// The position of an entry with a moment and an id.
    pub(crate) fn at(at: Timestamp, id: &str) -> Option<Self> {
        Some(Self { id: id.parse().ok()?, at: Some(at) })
    }

    /// Its moment and its id, where it has both.
    pub(crate) fn moment(&self) -> Option<(Timestamp, &str)> {
        Some((self.at?, self.id.as_str()))
    }

    /// The key of its entry: `key` makes the item's own. A position without a moment stands before
    /// all that have one; one beyond the question's end, which DynamoDB refuses, stands at that end.
    fn start(&self, query: &IndexQuery, key: fn(&MailboxId) -> Key) -> Item {
        let mut start = key(&self.id).item();
        start.insert(query.partition.to_owned(), text(&query.value));
        let range = match query.until {
            Some(until) => seconds(self.at.unwrap_or(Timestamp::MIN).min(until)),
            None => text(self.id.as_str()),
        };
        start.insert(query.range.to_owned(), range);
        start
    }
}

/// What a list is read from.
pub(crate) struct Source {
    pub(crate) query: IndexQuery,
    /// The key of the item with an id.
    pub(crate) key: fn(&MailboxId) -> Key,
}

impl Registry {
    /// Reads an index from a position on until `size` entries are found or enough was looked at.
    /// `read` says of each entry of an index page what it stands for, or `None` to pass it over.
    pub(crate) async fn page<T, F: Future<Output = Result<Vec<Option<T>>>>>(
        &self,
        source: &Source,
        from: Option<&Position>,
        size: usize,
        read: impl Fn(Vec<Item>) -> F,
    ) -> Result<Page<T>> {
        let Source { query, key } = source;
        let mut page = Page { items: Vec::new(), next: from.cloned(), looked_at: 0 };
        let mut start = from.map(|from| from.start(query, *key));
        for _ in 0..INDEX_PAGES {
            let found = self.index_page(query, start).await?;
            let positions: Vec<_> = found.items.iter().map(|item| Position::of(item, query)).collect();
            let mut left = positions.len();
            for (entry, position) in read(found.items).await?.into_iter().zip(positions) {
                left -= 1;
                page.looked_at += 1;
                page.items.extend(entry);
                page.next = position.or(page.next);
                if page.items.len() >= size.max(1) {
                    if left == 0 && found.last.is_none() {
                        page.next = None;
                    }
                    return Ok(page);
                }
            }
            if found.last.is_none() {
                page.next = None;
                return Ok(page);
            }
            start = found.last;
        }
        Ok(page)
    }
}
