//! A maildrop in which 100,000 messages stay: what work costs follows from what is new.

use super::{assert_archived, class, mailbox};
use postroom_tests::{Gate, Habit, Lab, OddMaildrop};
use serde_json::json;
use std::collections::BTreeMap;

const MANY: usize = 100_000;
/// Messages of at most so many bytes are archived. The many are larger, so that a test need not store
/// them all: what is left out is done as much as what is archived.
const MOST: usize = 60;

fn small(n: usize) -> Vec<u8> {
    format!("Message-ID: <{n}@new>\r\n\r\nnew\r\n").into_bytes()
}

fn large(n: usize) -> Vec<u8> {
    format!("Message-ID: <{n}@test>\r\n\r\n{}\r\n", "x".repeat(MOST)).into_bytes()
}

/// How many requests there were, and how many of them to an operation of DynamoDB.
fn count(came: &BTreeMap<String, usize>, operation: &str) -> (usize, usize) {
    let named = came.iter().filter(|(name, _)| name.ends_with(operation)).map(|(_, count)| count);
    (came.values().sum(), named.sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_poll_of_a_maildrop_writes_nothing() {
    let server = OddMaildrop::start((1..=MANY).map(large).collect(), Habit::None).await;
    let lab = Lab::new().await;
    let mailbox = mailbox(server.port(), |json| json["filter"] = json!({"max_bytes": MOST}));
    let ids = [mailbox.id.clone()];
    lab.add([(mailbox, "pw".to_owned())]).await;
    let gate = Gate::start().await;
    let fetch = lab.fetch_through(&gate).await;
    let first = lab.fetch_within(&fetch, &ids[0], 600).await;
    assert_eq!((class(&first), first.left_out), (None, MANY as u64), "{:?}", first.failure);
    let (requests, _) = count(&gate.came(), "");
    assert!(requests < 1_500, "{requests} requests for {MANY} ids");
    for command in ["UIDL", "LIST", "RETR", "TOP"] {
        server.asked(command);
    }

    let before = lab.poll(&fetch, &ids).await;
    gate.came();
    for command in ["UIDL", "LIST"] {
        server.asked(command);
    }
    assert_eq!(lab.poll(&fetch, &ids).await, before, "nothing is written about the mailbox");
    let came = gate.came();
    assert_eq!(
        came.keys().filter(|name| name.ends_with("Query")).count(),
        0,
        "the set is not read: {came:?}"
    );
    assert_eq!(count(&came, "UpdateItem"), (3, 2), "the lease is taken and given back: {came:?}");
    let asked = ["UIDL", "LIST", "RETR", "TOP"].map(|command| server.asked(command));
    assert_eq!(asked, [1, 0, 0, 0], "only ids are listed");

    server.deliver(&small(1));
    let state = lab.poll(&fetch, &ids).await.remove(0);
    assert_eq!((class(&state), state.messages, state.left_out), (None, 1, MANY as u64));
    let came = gate.came();
    assert_eq!(came.keys().filter(|name| name.ends_with("Query")).count(), 0, "{came:?}");
    assert!(count(&came, "").0 <= 10, "one message costs few requests: {came:?}");
    assert_eq!((server.asked("RETR"), server.asked("TOP")), (1, 0));

    // A message that goes from the middle: the prefix no longer fits, and the set decides.
    server.remove(500..503);
    server.deliver(&small(2));
    let state = lab.poll(&fetch, &ids).await.remove(0);
    assert_eq!((class(&state), state.messages, state.left_out), (None, 2, MANY as u64));
    assert_eq!((server.asked("RETR"), server.asked("TOP")), (1, 0));
    let came = gate.came();
    assert!(count(&came, "Query").1 >= 1 && count(&came, "").0 < 100, "the set is read once: {came:?}");
    lab.poll(&fetch, &ids).await;
    let came = gate.came();
    assert_eq!(count(&came, "Query").1, 0, "and not again: {came:?}");
    assert_archived(&lab, &ids[0], vec![small(1), small(2)], "of many").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_is_mostly_of_messages_that_are_gone_is_written_anew() {
    let server = OddMaildrop::start((1..=4_000).map(large).collect(), Habit::None).await;
    let lab = Lab::new().await;
    let mailbox = mailbox(server.port(), |json| json["filter"] = json!({"max_bytes": MOST}));
    let id = mailbox.id.clone();
    lab.add([(mailbox, "pw".to_owned())]).await;
    let fetch = lab.fetch();
    let first = lab.fetch_one(&fetch, &id).await;
    assert_eq!((class(&first), first.left_out), (None, 4_000), "{:?}", first.failure);
    server.remove(10..3_900);
    server.deliver(&small(1));
    let second = lab.fetch_one(&fetch, &id).await;
    assert_eq!((class(&second), second.messages), (None, 1), "{:?}", second.failure);
    let generations = [&first, &second].map(|state| state.maildrop.expect("a cursor").generation);
    assert_ne!(generations[0], generations[1], "another set");
    let items = lab.items().await;
    assert!(!items.contains(&format!("{}#", generations[0])) || generations[0] < 10, "the old one is gone");
    // What is still there is still known.
    server.remove(0..1);
    let third = lab.fetch_one(&fetch, &id).await;
    assert_eq!((class(&third), third.messages, third.left_out), (None, 1, 4_000), "{:?}", third.failure);
    lab.registry.delete_mailbox(&id).await.expect("deleted");
    assert!(!lab.items().await.contains("KNOWN#"), "a mailbox that is deleted leaves no ids");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_every_header_goes_on_where_the_time_was_up() {
    let server = OddMaildrop::start((1..=700).map(large).collect(), Habit::NoUidl).await;
    let mut lab = Lab::new().await;
    let mailbox = mailbox(server.port(), |json| json["filter"] = json!({"max_bytes": MOST}));
    let ids = [mailbox.id.clone()];
    lab.add([(mailbox, "pw".to_owned())]).await;
    let first = lab.fetch_one(&lab.fetch(), &ids[0]).await;
    assert_eq!((class(&first), first.left_out), (None, 700), "{:?}", first.failure);

    // One goes, so that every header is looked at, in slices that are over at once.
    server.remove(0..1);
    server.deliver(&small(1));
    lab.settings.slice = std::time::Duration::ZERO;
    let fetch = lab.fetch();
    server.asked("TOP");
    let mut prefix = 0;
    for poll in 1..=3 {
        let state = lab.poll(&fetch, &ids).await.remove(0);
        assert!(server.asked("TOP") <= 252, "{poll}: a page, and no further");
        let done = state.maildrop.expect("a cursor").prefix.messages;
        assert!(done > prefix, "{poll}: {done} are on record, {prefix} were");
        prefix = done;
    }
    let state = lab.fetch_one(&fetch, &ids[0]).await;
    assert_eq!((class(&state), state.messages, state.left_out), (None, 1, 700), "{:?}", state.failure);
    assert_archived(&lab, &ids[0], vec![small(1)], "behind all the others").await;
}
