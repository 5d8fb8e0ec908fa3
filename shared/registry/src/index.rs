//! The indexes: how a list is read from one, page by page.

use crate::{
    Error, Registry, Result,
    table::{ACCOUNT_INDEX, DUE_INDEX, ENDING_INDEX, Item, KIND_INDEX, Kind, seconds, text},
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
    /// The most entries that one page holds; otherwise as many as fit into 1 MB.
    pub(crate) limit: Option<i32>,
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

    fn by_id(index: &'static str, partition: &'static str, value: &str) -> Self {
        Self { index, partition, value: value.to_owned(), range: "id", until: None, limit: None }
    }

    fn until(
        index: &'static str,
        partition: &'static str,
        value: &str,
        range: &'static str,
        until: Timestamp,
    ) -> Self {
        Self { index, partition, value: value.to_owned(), range, until: Some(until), limit: None }
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
            .set_exclusive_start_key(start);
        let request = match query.until {
            None => request.key_condition_expression("#partition = :partition"),
            Some(until) => request
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
