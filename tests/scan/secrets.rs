//! Every secret that the local Secrets Manager holds.

use futures::StreamExt;
use postroom_tests::stack_secrets;
use serde_json::Value;
use std::collections::BTreeMap;

/// Shorter ones are words that stand anywhere.
const SHORTEST: usize = 8;
/// What a secret's value may hold that is none.
const NO_SECRETS: [&str; 5] = ["certificate", "client_email", "issued_by", "private_key_id", "scope"];

/// A secret, with a name that may be printed.
#[derive(Clone)]
pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Every secret text in the vault, those of earlier versions too, once each.
pub(crate) async fn in_vault() -> Vec<Secret> {
    let client = &stack_secrets().await;
    let mut versions = Vec::new();
    let mut pages = client.list_secrets().into_paginator().send();
    while let Some(page) = pages.next().await {
        for secret in page.expect("a page").secret_list.unwrap_or_default() {
            let name = secret.name.expect("a name");
            let listed = client.list_secret_version_ids().secret_id(&name).include_deprecated(true);
            let listed = listed.send().await.expect("versions").versions.unwrap_or_default();
            versions
                .extend(listed.into_iter().filter_map(|version| Some((name.clone(), version.version_id?))));
        }
    }
    let values = futures::stream::iter(versions).map(async |(name, version)| {
        let value = client.get_secret_value().secret_id(&name).version_id(version).send().await;
        (name, value.ok().and_then(|value| value.secret_string).unwrap_or_default())
    });
    let mut found = BTreeMap::new();
    let mut values = values.buffer_unordered(16);
    while let Some((name, value)) = values.next().await {
        match serde_json::from_str::<Value>(&value) {
            Ok(Value::Object(fields)) => {
                for (field, value) in fields.iter().filter(|(field, _)| !NO_SECRETS.contains(&field.as_str()))
                {
                    add(&mut found, &format!("{field} of {name}"), value.as_str().unwrap_or_default());
                }
            }
            Ok(_) | Err(_) => add(&mut found, &name, &value),
        }
    }
    found.into_iter().map(|(text, name)| Secret { name, text }).collect()
}

/// A key in PEM counts line by line: a log line would have its line ends written otherwise.
fn add(found: &mut BTreeMap<String, String>, name: &str, text: &str) {
    let lines = text.lines().filter(|line| line.len() >= SHORTEST && !line.starts_with("-----"));
    for line in lines {
        found.entry(line.to_owned()).or_insert_with(|| name.to_owned());
    }
}
