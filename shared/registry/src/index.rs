//! The indexes: how a list is read from one, page by page.

use crate::{
    Error, Registry, Result,
    table::{ACCOUNT_INDEX, DUE_INDEX, ENDING_INDEX, Item, KIND_INDEX, Kind, REMIND_INDEX, seconds, text},
};
use jiff::Timestamp;

/// A question to an index.
#[derive(Debug, Clone)]
pub(crate) struct IndexQuery {
    pub(crate) index: &'static str,
    /// The attribute that is the index's partition key.
    pub(crate) partition: &'static str,
    /// Its value.
    pub(crate) value: String,
    /// The attribute that is the index's range key, in the order of which entries come.
    pub(crate) range: &'static str,
    /// Entries up to this moment, where the range is one of moments.
    pub(crate) until: Option<Timestamp>,
    /// The last entries first, where the range is one of texts: all, or those before one.
    pub(crate) backwards: Option<Backwards>,
    /// The most entries that one page holds; otherwise as many as fit into 1 MB.
    pub(crate) limit: Option<i32>,
}

/// From where an index is read backwards.
#[derive(Debug, Clone)]
pub(crate) enum Backwards {
    FromTheEnd,
    /// From the entry before the one with this range key.
    Before(String),
}

/// Some entries of an index.
#[derive(Debug)]
pub(crate) struct IndexPage {
    pub(crate) items: Vec<Item>,
    /// The key after which the index goes on, where it may.
    pub(crate) last: Option<Item>,
}

impl IndexQuery {
    /// All items of a kind, by id.
    pub(crate) fn kind(kind: Kind) -> Self {
        Self::by_id(KIND_INDEX, "kind", kind.name())
    }

    /// The mailboxes of an account, by id.
    pub(crate) fn account(account: &str) -> Self {
        Self::by_id(ACCOUNT_INDEX, "account", account)
    }

    /// What is due in a schedule until a moment, the longest due first.
    pub(crate) fn due(schedule: &str, until: Timestamp) -> Self {
        Self::until(DUE_INDEX, "schedule", schedule, "due_at", until)
    }

    /// What ends until a moment, the first to end first.
    pub(crate) fn ending(what: &str, until: Timestamp) -> Self {
        Self::until(ENDING_INDEX, "ending", what, "ends_at", until)
    }

    /// What is to be looked at until a moment, the first first.
    pub(crate) fn remind(kind: &str, until: Timestamp) -> Self {
        Self::until(REMIND_INDEX, "remind", kind, "remind_at", until)
    }

    fn by_id(index: &'static str, partition: &'static str, value: &str) -> Self {
        let value = value.to_owned();
        Self { index, partition, value, range: "id", until: None, backwards: None, limit: None }
    }

    fn until(
        index: &'static str,
        partition: &'static str,
        value: &str,
        range: &'static str,
        until: Timestamp,
    ) -> Self {
        let value = value.to_owned();
        Self { index, partition, value, range, until: Some(until), backwards: None, limit: None }
    }

    /// The same question, the last entries first.
    pub(crate) fn backwards(self, from: Backwards) -> Self {
        Self { backwards: Some(from), ..self }
    }

    /// The same question for a list of which every entry is shown, `size` at a time: one entry more
    /// than that shows whether the list goes on.
    pub(crate) fn shown(self, size: usize) -> Self {
        self.limit(size.max(1).saturating_add(1))
    }

    /// The same question for pages of at most `limit` entries.
    pub(crate) fn limit(self, limit: usize) -> Self {
        Self { limit: Some(limit.try_into().unwrap_or(i32::MAX)), ..self }
    }
}

impl Registry {
    /// One page, after the entry with the key `start`.
    pub(crate) async fn index_page(&self, query: &IndexQuery, start: Option<Item>) -> Result<IndexPage> {
        let request = self
            .client
            .query()
            .table_name(&*self.table)
            .index_name(query.index)
            .expression_attribute_names("#partition", query.partition)
            .expression_attribute_values(":partition", text(&query.value))
            .set_limit(query.limit)
            .set_scan_index_forward(query.backwards.as_ref().map(|_| false))
            .set_exclusive_start_key(start);
        let request = match (query.until, &query.backwards) {
            (None, Some(Backwards::Before(range))) => request
                .key_condition_expression("#partition = :partition AND #range < :before")
                .expression_attribute_names("#range", query.range)
                .expression_attribute_values(":before", text(range)),
            (None, _) => request.key_condition_expression("#partition = :partition"),
            (Some(until), _) => request
                .key_condition_expression("#partition = :partition AND #range <= :until")
                .expression_attribute_names("#range", query.range)
                .expression_attribute_values(":until", seconds(until)),
        };
        let page = request.send().await.map_err(|e| Error::request(&self.table, "Query", e))?;
        Ok(IndexPage { items: page.items.unwrap_or_default(), last: page.last_evaluated_key })
    }

    /// Entries from the first on, whole pages, until there are `most`.
    pub(crate) async fn index_entries(&self, query: &IndexQuery, most: usize) -> Result<Vec<Item>> {
        let mut entries = Vec::new();
        let mut start = None;
        loop {
            let page = self.index_page(query, start).await?;
            entries.extend(page.items);
            start = page.last;
            if start.is_none() || entries.len() >= most {
                return Ok(entries);
            }
        }
    }
}
