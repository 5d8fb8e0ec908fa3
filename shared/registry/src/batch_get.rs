//! Many items by their keys.

use crate::{
    Error, Registry, Result,
    table::{Item, Key},
};
use aws_sdk_dynamodb::{
    error::SdkError, operation::batch_get_item::BatchGetItemError, types::KeysAndAttributes,
};
use futures::{StreamExt as _, TryStreamExt as _};
use std::{collections::HashMap, time::Duration};

/// Keys that one `BatchGetItem` takes at most.
const KEYS: usize = 100;
/// Requests that are made side by side.
const AT_ONCE: usize = 4;
/// How often what a `BatchGetItem` left undone is asked for.
const ATTEMPTS: u32 = 8;
/// The first pause before asking again; it doubles, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const BATCH_GET: &str = "BatchGetItem";

/// How much an item that is read may lag behind
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consistency {
    /// It is as the last write that was answered left it.
    Strong,
    /// It may be as it was a moment ago, each item for itself. It costs half.
    Eventual,
}

impl Registry {
    /// Items by their keys, of which none may come twice, strongly consistent; what does not exist is left out.
    pub(crate) async fn items(&self, keys: impl IntoIterator<Item = Key>) -> Result<HashMap<Key, Item>> {
        self.items_as_of(Consistency::Strong, keys).await
    }

    /// The same, with a choice of how much they may lag behind.
    pub(crate) async fn items_as_of(
        &self,
        consistency: Consistency,
        keys: impl IntoIterator<Item = Key>,
    ) -> Result<HashMap<Key, Item>> {
        let keys: Vec<Item> = keys.into_iter().map(|key| key.item()).collect();
        let requests = keys.chunks(KEYS).map(|keys| self.items_at_once(consistency, keys.to_vec()));
        let requests: Vec<_> = requests.collect();
        let answers: Vec<_> = futures::stream::iter(requests).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(answers.into_iter().flatten().filter_map(|item| Some((Key::from_item(&item)?, item))).collect())
    }

    /// At most [`KEYS`] items. DynamoDB may leave some of them for another request.
    async fn items_at_once(&self, consistency: Consistency, mut keys: Vec<Item>) -> Result<Vec<Item>> {
        let is_strong = consistency == Consistency::Strong;
        let mut items = Vec::with_capacity(keys.len());
        for attempt in 0..ATTEMPTS {
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(is_strong).build();
            let wanted = wanted.map_err(|e| self.batch_get_failed(SdkError::construction_failure(e)))?;
            let request = self.client.batch_get_item().request_items(&*self.table, wanted);
            let answer = request.send().await.map_err(|e| self.batch_get_failed(e))?;
            items.extend(answer.responses.unwrap_or_default().remove(&*self.table).unwrap_or_default());
            let left = answer.unprocessed_keys.unwrap_or_default().remove(&*self.table);
            match left {
                Some(left) if !left.keys.is_empty() => keys = left.keys,
                _ => return Ok(items),
            }
            let pause = (FIRST_PAUSE * 2u32.pow(attempt)).min(LONGEST_PAUSE);
            tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
        }
        Err(Error::Throttled { table: self.table.to_string(), action: BATCH_GET })
    }

    fn batch_get_failed(&self, error: SdkError<BatchGetItemError>) -> Error {
        Error::request(&self.table, BATCH_GET, error)
    }
}
