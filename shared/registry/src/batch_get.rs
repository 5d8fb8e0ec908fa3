//! Many items by their keys, strongly consistent.

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

impl Registry {
    /// Items by their keys, of which none may come twice; what does not exist is left out.
    pub(crate) async fn items(&self, keys: impl IntoIterator<Item = Key>) -> Result<HashMap<Key, Item>> {
        let keys: Vec<Item> = keys.into_iter().map(|key| key.item()).collect();
        let requests: Vec<_> = keys.chunks(KEYS).map(|keys| self.items_at_once(keys.to_vec())).collect();
        let answers: Vec<_> = futures::stream::iter(requests).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(answers.into_iter().flatten().filter_map(|item| Some((Key::from_item(&item)?, item))).collect())
    }

    /// At most [`KEYS`] items. DynamoDB may leave some of them for another request.
    async fn items_at_once(&self, mut keys: Vec<Item>) -> Result<Vec<Item>> {
        let mut items = Vec::with_capacity(keys.len());
        for attempt in 0..ATTEMPTS {
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
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
