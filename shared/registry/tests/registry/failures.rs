//! What the registry says when DynamoDB refuses, fails or does not answer.

use crate::support::{Counter, Fixture, at, client, id, mailbox};
use postroom_model::Subject;
use postroom_registry::Registry;
use serde_json::{Value, json};
use std::{error::Error as _, sync::Arc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

#[tokio::test]
async fn an_error_names_the_table_and_the_action_and_says_nothing_twice() {
    let fixture = Fixture::new().await;
    fixture.registry.ping().await.expect("answers");
    let registry = Registry::new(fixture.client.clone(), "no-such-table");
    let error = registry.ping().await.expect_err("no table");
    let text = error.to_string();
    assert!(
        text.starts_with("DynamoDB GetItem on table no-such-table: ResourceNotFoundException: "),
        "{text}"
    );
    assert!(error.source().is_none() && !error.is_transient());

    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("binds").local_addr().expect("address");
    let registry = Registry::new(client(&format!("http://{nobody}"), Counter(Arc::default())), "t");
    let error = registry.put_mailbox(&mailbox("m"), at(1000)).await.expect_err("nobody there");
    assert_eq!(error.to_string(), "DynamoDB UpdateItem on table t: not reached");
    let source = error.source().expect("the connection's error").to_string();
    assert!(error.is_transient() && !error.to_string().contains(&source));
}

#[tokio::test]
async fn an_error_names_no_address() {
    let fixture = Fixture::new().await;
    let address = "ann@contoso.example";
    fixture.put_raw(&format!("OWNER#{address}"), "OWNER", json!({ "id": address, "v": 99 })).await;
    let pk = format!("REMINDER#address:{address}");
    fixture.put_raw(&pk, &format!("000000000001#week#{address}"), json!({ "v": 99 })).await;
    let owner = fixture.registry.owner(address).await.expect_err("too new").to_string();
    let subject = Subject::Address(address.into());
    let reminder = fixture.registry.reminders_of(&subject, None).await.expect_err("too new").to_string();
    for (text, kind) in [(owner, "item OWNER#"), (reminder, "item REMINDER#")] {
        assert!(text.starts_with(kind) && !text.contains("ann") && !text.contains("contoso"), "{text}");
    }
}

/// An endpoint that gives these answers, one for each connection, and then the bodies it was sent.
async fn scripted(answers: Vec<(u16, String)>) -> (String, tokio::task::JoinHandle<Vec<Value>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let endpoint = format!("http://{}", listener.local_addr().expect("address"));
    let served = tokio::spawn(async move {
        let mut bodies = Vec::new();
        for (status, answer) in answers {
            let (mut stream, _) = listener.accept().await.expect("accepts");
            let mut request = Vec::new();
            let body = loop {
                let mut some = [0; 4096];
                let read = stream.read(&mut some).await.expect("reads");
                assert_ne!(read, 0, "the request ends early");
                request.extend_from_slice(&some[..read]);
                let text = String::from_utf8_lossy(&request);
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head
                    .lines()
                    .find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if length == Some(body.len()) {
                    break body.to_owned();
                }
            };
            bodies.push(serde_json::from_str(&body).expect("JSON"));
            let head = format!(
                "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                answer.len()
            );
            stream.write_all((head + &answer).as_bytes()).await.expect("writes");
        }
        bodies
    });
    (endpoint, served)
}

#[tokio::test]
async fn what_dynamodb_left_undone_is_asked_for_again() {
    let config = |name: &str| {
        format!(
            r#"{{"pk":{{"S":"MAILBOX#{name}"}},"sk":{{"S":"CONFIG"}},"id":{{"S":"{name}"}},"protocol":{{"S":"imap"}},
                "host":{{"S":"h"}},"port":{{"N":"993"}},"tls":{{"S":"implicit"}},"user":{{"S":"u"}}}}"#
        )
    };
    let undone = r#"{"t":{"Keys":[{"pk":{"S":"MAILBOX#b"},"sk":{"S":"CONFIG"}}],"ConsistentRead":true}}"#;
    let (endpoint, served) = scripted(vec![
        (200, format!(r#"{{"Responses":{{"t":[{}]}},"UnprocessedKeys":{undone}}}"#, config("a"))),
        (200, format!(r#"{{"Responses":{{}},"UnprocessedKeys":{undone}}}"#)),
        (200, format!(r#"{{"Responses":{{"t":[{}]}},"UnprocessedKeys":{{}}}}"#, config("b"))),
    ])
    .await;
    let registry = Registry::new(client(&endpoint, Counter(Arc::default())), "t");
    let loaded = registry.load(&[id("a"), id("b")]).await.expect("loads");
    assert_eq!(
        loaded.iter().map(|(name, l)| (name.as_str(), l.is_ok())).collect::<Vec<_>>(),
        [("a", true), ("b", true)]
    );
    let bodies = served.await.expect("serves");
    assert_eq!(bodies[0]["RequestItems"]["t"]["ConsistentRead"], true);
    assert_eq!(bodies[0]["RequestItems"]["t"]["Keys"].as_array().map(Vec::len), Some(4));
    let rest = serde_json::from_str::<Value>(undone).expect("JSON");
    assert_eq!(bodies[1]["RequestItems"], rest);
    assert_eq!(bodies[1], bodies[2]);
}

#[tokio::test]
async fn overload_is_transient_and_refusal_is_not() {
    for (status, code, transient) in [
        (400, "ProvisionedThroughputExceededException", true),
        (400, "ThrottlingException", true),
        (500, "InternalServerError", true),
        (400, "AccessDeniedException", false),
        (400, "ValidationException", false),
    ] {
        let answer = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"Words."}}"#);
        let (endpoint, _served) = scripted(vec![(status, answer)]).await;
        let registry = Registry::new(client(&endpoint, Counter(Arc::default())), "t");
        let error = registry.delete_mailbox(&id("m")).await.expect_err("refused");
        assert_eq!(error.to_string(), format!("DynamoDB DeleteItem on table t: {code}: Words."));
        assert_eq!(error.is_transient(), transient, "{code}");
    }
}
