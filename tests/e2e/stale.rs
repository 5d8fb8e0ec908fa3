//! Polls by what the registry was a moment ago: nothing is lost, nothing is stored twice, and what was defined since
//! counts.
//!
//! DynamoDB's cheaper reads may lag behind
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html>). The emulator's
//! never do, so a gate answers them with what was there before.

use fetch::Fetch;
use postroom_model::{Mailbox, MailboxId};
use postroom_tests::{Act, Gate, Habit, Lab, OddMaildrop, OddServer, Quirk, clock, invocation};
use serde_json::{Value, json};

fn message(n: usize) -> Vec<u8> {
    format!("Message-ID: <{n}@test>\r\n\r\n{}\r\n", "x".repeat(n * 101)).into_bytes()
}

fn mailbox(port: u16, change: impl FnOnce(&mut Value)) -> Mailbox {
    let mut json = json!({
        "id": "m", "protocol": "imap", "host": "127.0.0.1", "port": port, "tls": "none", "user": "m",
        "interval": "1m",
    });
    change(&mut json);
    serde_json::from_value(json).expect("a mailbox")
}

/// What the registry holds of mailboxes, as DynamoDB's JSON.
async fn held(lab: &Lab) -> Vec<Value> {
    let table = aws_sdk_dynamodb::Client::new(&lab.aws).scan().table_name(&lab.settings.table).send().await;
    let table = table.expect("items");
    let items = table.items().iter().map(|item| Value::Object(postroom_test_table::of_item(item)));
    items.filter(|item| item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("MAILBOX#"))).collect()
}

/// From now on reads that may lag behind see these items.
fn lag(gate: &Gate, items: Vec<Value>) {
    gate.script(move |request| {
        if request.operation() != "DynamoDB_20120810.BatchGetItem" {
            return None;
        }
        let asked: Value = serde_json::from_str(&request.text()).ok()?;
        let (table, wanted) = asked["RequestItems"].as_object()?.iter().next()?;
        if wanted["ConsistentRead"] == true {
            return None;
        }
        let keys = wanted["Keys"].as_array()?;
        let is_asked =
            |item: &&Value| keys.iter().any(|key| key["pk"] == item["pk"] && key["sk"] == item["sk"]);
        let found: Vec<&Value> = items.iter().filter(is_asked).collect();
        Some(Act::Answer(json!({"Responses": {table: found}, "UnprocessedKeys": {}}).to_string()))
    });
}

/// Polls the batch that [`Lab::poll`] has made, as it is.
async fn poll_again(fetch: &Fetch) {
    let body = json!({"batch": {"id": "1m-0001", "due_at": clock().as_second()}}).to_string();
    fetch.work_message(&body, &invocation(90)).await.expect("a worked batch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_by_an_earlier_state_loses_nothing_and_stores_nothing_twice() {
    for (protocol, after_fetch) in
        [("imap", "leave"), ("imap", "delete"), ("pop3", "leave"), ("pop3", "delete")]
    {
        let what = format!("{protocol}, {after_fetch}");
        let first: Vec<_> = (1..=3).map(message).collect();
        let imap = OddServer::start(first.clone(), Quirk::None).await;
        let pop3 = OddMaildrop::start(first, Habit::None).await;
        let deliver = |n| match protocol {
            "imap" => imap.deliver(&[], &message(n)),
            _ => pop3.deliver(&message(n)),
        };
        let port = if protocol == "imap" { imap.port() } else { pop3.port() };
        let (lab, gate) = (Lab::new().await, Gate::start().await);
        let mailbox = mailbox(port, |json| {
            json["protocol"] = json!(protocol);
            json["after_fetch"] = json!(after_fetch);
        });
        lab.add([(mailbox.clone(), "pw".to_owned())]).await;
        let ids = [mailbox.id.clone()];
        let fetch = lab.fetch_through(&gate).await;
        assert_eq!(lab.poll(&fetch, &ids).await[0].messages, 3, "{what}");
        let before = held(&lab).await;

        deliver(4);
        deliver(5);
        assert_eq!(lab.fetch_one(&lab.fetch(), &ids[0]).await.messages, 5, "{what}: a run elsewhere");
        deliver(6);
        let delivered = imap.delivered();
        lag(&gate, before);
        poll_again(&fetch).await;
        if (protocol, after_fetch) == ("imap", "leave") {
            assert_eq!(imap.delivered() - delivered, 3, "it reads again what another run has stored");
        }
        gate.open();
        poll_again(&fetch).await;

        let state = lab.states(&ids).await.remove(0);
        assert_eq!((state.quarantined, &state.failure), (0, &None), "{what}");
        assert_archived(&lab, &ids[0], &what).await;
    }
}

async fn assert_archived(lab: &Lab, id: &MailboxId, what: &str) {
    let mut expected: Vec<_> = (1..=6).map(message).collect();
    expected.sort();
    assert!(lab.archived(id).await == expected, "{what}: every message is there, once");
    lab.assert_written_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_defined_before_a_poll_counts_for_it() {
    let (here, there) =
        (OddServer::start(vec![], Quirk::None).await, OddServer::start(vec![message(1)], Quirk::None).await);
    let (lab, gate) = (Lab::new().await, Gate::start().await);
    let before = mailbox(here.port(), |_| {});
    let id = before.id.clone();
    lab.add([(before.clone(), "pw".to_owned())]).await;
    let fetch = lab.fetch_through(&gate).await;
    lab.poll(&fetch, std::slice::from_ref(&id)).await;
    lag(&gate, held(&lab).await);
    let signed_in = async || {
        let before = (here.sign_ins(), there.sign_ins());
        poll_again(&fetch).await;
        (here.sign_ins() - before.0, there.sign_ins() - before.1)
    };
    assert_eq!(signed_in().await, (1, 0));

    lab.registry.put_mailbox(&mailbox(there.port(), |_| {}), clock()).await.expect("written");
    assert_eq!(signed_in().await, (0, 1), "the old server sees nobody any more");
    assert_eq!(signed_in().await, (1, 0), "the reads lag behind, for far longer than DynamoDB's do");
    for (is_polled, paused_at) in [(0, Some(clock())), (1, None)] {
        assert!(lab.registry.pause_mailbox(&id, paused_at).await.expect("an answer"));
        assert_eq!(signed_in().await, (0, is_polled), "paused: {paused_at:?}");
    }
    lab.registry.delete_mailbox(&id).await.expect("deleted");
    assert_eq!(signed_in().await, (0, 0), "it is gone");
}
