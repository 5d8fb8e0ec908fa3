//! Everything that people and programs can read and that is not the vault.

use aws_sdk_dynamodb::types::AttributeValue;
use postroom_tests::{emulator, environment, own_log, stack_dynamodb, stack_s3, stack_sqs};
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
    places.extend(transcripts().await);
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
            // What is stored as bytes is stored as text here.
            let item = item.expect("an item");
            assert!(!item.values().any(AttributeValue::is_b), "{name} has bytes, which are not looked at");
            writeln!(text, "{item:?}").expect("text");
        }
        places.push(Place { name: format!("table {name}"), text });
    }
    places
}

async fn queues() -> Vec<Place> {
    let client = stack_sqs().await;
    let mut places = Vec::new();
    let queues = client.list_queues().send().await.expect("queues").queue_urls.unwrap_or_default();
    for url in queues {
        let got = client.receive_message().queue_url(&url).max_number_of_messages(10).visibility_timeout(5);
        let messages = got.send().await.expect("an answer").messages.unwrap_or_default();
        let text = messages.into_iter().filter_map(|message| message.body).collect();
        places.push(Place { name: format!("queue {url}"), text });
    }
    places
}

/// The archive holds mail as it came; what is ours there are transcripts.
async fn transcripts() -> Vec<Place> {
    let (client, bucket) = (stack_s3().await, environment("POSTROOM_TEST_BUCKET"));
    let mut places = Vec::new();
    let list = client.list_objects_v2().bucket(&bucket).prefix("transcripts/");
    for object in list.send().await.expect("a list").contents.unwrap_or_default() {
        let key = object.key.expect("a key");
        let got = client.get_object().bucket(&bucket).key(&key).send().await.expect("an object");
        let bytes = got.body.collect().await.expect("a body").to_vec();
        places.push(Place {
            name: format!("transcript {key}"),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        });
    }
    places
}
