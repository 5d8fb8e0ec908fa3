//! Many secrets in few requests.

use crate::{
    Error, Result, Vault,
    secret::{ABSENT, Value, parse, says_deleted},
};
use secrecy::SecretString;
use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

/// Secrets that one `BatchGetSecretValue` reads at most.
const BATCH: usize = 20;
const BATCH_GET: &str = "BatchGetSecretValue";

impl Vault {
    /// The values of secrets by their names, twenty in one request. One that has none is left out; one that cannot
    /// be read is an error of its own and does not hide its neighbours.
    pub(crate) async fn many<T: Value, I: Clone + Eq + Hash>(
        &self,
        names: &BTreeMap<String, &I>,
    ) -> Result<HashMap<I, Result<T>>> {
        let mut values = HashMap::with_capacity(names.len());
        for names_at_once in names.keys().collect::<Vec<_>>().chunks(BATCH) {
            let first = names_at_once[0];
            let request = self.client.batch_get_secret_value();
            let request = names_at_once.iter().fold(request, |r, name| r.secret_id_list(name.as_str()));
            let mut pages = request.into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|e| Error::request(first, BATCH_GET, e))?;
                for entry in page.secret_values.unwrap_or_default() {
                    let Some((name, &id)) = entry.name().and_then(|name| names.get_key_value(name)) else {
                        continue;
                    };
                    let text = SecretString::from(entry.secret_string.unwrap_or_default());
                    values.insert(id.clone(), parse(name, &text));
                }
                for error in page.errors.unwrap_or_default() {
                    let Some((name, &id)) = error.secret_id().and_then(|name| names.get_key_value(name))
                    else {
                        continue;
                    };
                    let (code, message) = (error.error_code(), error.message());
                    if code == Some(ABSENT) || says_deleted(code, message) {
                        continue;
                    }
                    let error = Error::of_entry(name, BATCH_GET, code.unwrap_or("unnamed error"), message);
                    values.insert(id.clone(), Err(error));
                }
            }
        }
        Ok(values)
    }
}
