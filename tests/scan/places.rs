//! Everything that people and programs can read and that is not the vault.

use aws_sdk_dynamodb::types::AttributeValue;
use postroom_tests::{emulator, own_log, stack_dynamodb, stack_s3, stack_sqs};
use std::fmt::Write as _;

/// A place and all of its text.
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// All places.
pub(crate) async fn all() -> Vec<Place> {
    let own = std::fs::read_to_string(own_log()).expect("a log");
    let mut places = vec![Place { name: "the tests' own log".to_owned(), text: own }];
    for group in emulator::log_groups().await {
        places.push(Place { text: emulator::log(&group).await, name: format!("log {group}") });
    }
    places.extend(tables().await);
    places.extend(queues().await);
    for (name, service, path) in [
        ("mails", "ses", "/_ministack/ses/messages"),
        ("the functions' settings", "lambda", emulator::FUNCTIONS),
    ] {
        places.push(Place { name: name.to_owned(), text: emulator::get(service, path).await.to_string() });
    }
    places.extend(objects().await);
    places
}

async fn tables() -> Vec<Place> {
    let client = stack_dynamodb().await;
    let mut places = Vec::new();
    let mut names = client.list_tables().into_paginator().items().send();
    while let Some(name) = names.next().await {
        let name = name.expect("a name");
        let mut text = String::new();
        let mut items = client.scan().table_name(&name).into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item.expect("an item");
            writeln!(text, "{item:?}").expect("text");
            // Debug shows bytes as numbers.
            for bytes in item.values().flat_map(bytes) {
                writeln!(text, "{}", String::from_utf8_lossy(bytes)).expect("text");
            }
        }
        places.push(Place { name: format!("table {name}"), text });
    }
    places
}

fn bytes(value: &AttributeValue) -> Vec<&[u8]> {
    match value {
        AttributeValue::B(bytes) => vec![bytes.as_ref()],
        AttributeValue::Bs(set) => set.iter().map(AsRef::as_ref).collect(),
        _ => Vec::new(),
    }
}

async fn queues() -> Vec<Place> {
    let client = stack_sqs().await;
    let mut places = Vec::new();
    let queues = client.list_queues().send().await.expect("queues").queue_urls.unwrap_or_default();
    for url in queues {
        let mut text = String::new();
        loop {
            // Long enough that none is read twice.
            let got = client.receive_message().queue_url(&url).max_number_of_messages(10);
            let got = got.visibility_timeout(120).send().await.expect("an answer");
            let Some(messages) = got.messages.filter(|messages| !messages.is_empty()) else { break };
            text.extend(messages.into_iter().filter_map(|message| message.body));
        }
        places.push(Place { name: format!("queue {url}"), text });
    }
    places
}

/// What is ours in the archives of the stack and of all labs: transcripts, the indexes of messages, and
/// what objects are called and say of themselves. Messages and attachments are as they came.
async fn objects() -> Vec<Place> {
    let client = stack_s3().await;
    let mut places = Vec::new();
    let buckets = client.list_buckets().send().await.expect("buckets").buckets.unwrap_or_default();
    for bucket in buckets.into_iter().filter_map(|bucket| bucket.name) {
        let mut names = String::new();
        let mut objects = client.list_objects_v2().bucket(&bucket).into_paginator().send();
        while let Some(page) = objects.next().await {
            for key in page.expect("a page").contents.unwrap_or_default().into_iter().filter_map(|o| o.key) {
                writeln!(names, "{key}").expect("text");
                if key.starts_with("transcripts/") || key.starts_with("index/") {
                    let got = client.get_object().bucket(&bucket).key(&key).send().await.expect("an object");
                    let metadata = format!("{:?}", got.metadata);
                    let bytes = got.body.collect().await.expect("a body").to_vec();
                    let text = metadata + &String::from_utf8_lossy(&bytes);
                    places.push(Place { name: format!("object {key} of {bucket}"), text });
                }
            }
        }
        places.push(Place { name: format!("the keys of {bucket}"), text: names });
    }
    places
}
