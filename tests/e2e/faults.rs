//! Mail servers that misbehave: each fails by itself, with a reason, within its time; the others
//! finish; nothing is lost or stored twice.

mod alarm;
mod late;
mod refused;

use fetch::Fetch;
use postroom_model::{Actor, FaultClass, Mailbox, MailboxId, MailboxState};
use postroom_tests::{Lab, OddServer, Quirk, clock, invocation};
use std::time::{Duration, Instant};

/// Messages with a header, of different sizes.
fn messages(count: usize) -> Vec<Vec<u8>> {
    let text = |n| format!("Subject: {n}\r\nMessage-ID: <{n}@test>\r\n\r\n{}\r\n", "line\r\n".repeat(n * 7));
    (1..=count).map(|n| text(n).into_bytes()).collect()
}

fn mailbox(id: &str, port: u16) -> Mailbox {
    let text = format!(
        r#"{{"id":"{id}","protocol":"imap","host":"127.0.0.1","port":{port},"tls":"none","user":"{id}","interval":"1m"}}"#
    );
    serde_json::from_str(&text).expect("a mailbox")
}

async fn lab_with(servers: &[(&str, &OddServer)]) -> (Lab, Fetch, Vec<MailboxId>) {
    let lab = Lab::new().await;
    let mailboxes: Vec<_> = servers.iter().map(|(id, server)| mailbox(id, server.port())).collect();
    let ids = mailboxes.iter().map(|mailbox| mailbox.id.clone()).collect();
    lab.add(mailboxes.into_iter().map(|mailbox| (mailbox, "pw".to_owned()))).await;
    let fetch = lab.fetch();
    (lab, fetch, ids)
}

fn class(state: &MailboxState) -> Option<FaultClass> {
    state.failure.as_ref().map(|failure| failure.fault.class)
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_servers_fail_with_a_class_within_their_time_and_good_ones_finish() {
    let table = [
        ("garbage", Quirk::Garbage, FaultClass::Protocol),
        ("endless-line", Quirk::EndlessLine, FaultClass::Protocol),
        ("silent", Quirk::Silent, FaultClass::TimedOut),
        ("drips", Quirk::Drips, FaultClass::TimedOut),
        ("chatters", Quirk::Chatters, FaultClass::TimedOut),
        ("huge", Quirk::Huge, FaultClass::TimedOut),
        ("throttles", Quirk::Throttles(90_000), FaultClass::Throttled),
        ("closes", Quirk::ClosesInLiteral(2), FaultClass::ConnectionLost),
        ("more-than-announced", Quirk::SendsMoreThanAnnounced(2), FaultClass::Protocol),
        ("withholds", Quirk::Withholds(2), FaultClass::Protocol),
    ];
    let mut servers = Vec::new();
    for (id, quirk, _) in table {
        servers.push((id, OddServer::start(messages(3), quirk).await));
    }
    let good = OddServer::start(messages(20), Quirk::None).await;
    let mut all: Vec<_> = servers.iter().map(|(id, server)| (*id, server)).collect();
    all.push(("good", &good));
    let (mut lab, _, ids) = lab_with(&all).await;
    lab.settings.slice = Duration::from_secs(10);
    let fetch = lab.fetch();

    let started = Instant::now();
    let mut states = lab.poll(&fetch, &ids).await;
    assert!(started.elapsed() < Duration::from_secs(60), "took {:?}", started.elapsed());
    let good = states.pop().expect("the good one");
    assert_eq!((class(&good), good.messages), (None, 20));
    let good = ids.last().expect("the good one");
    let mut expected = messages(20);
    expected.sort();
    assert_eq!(lab.archived(good).await, expected);

    for ((id, _, expected), state) in table.iter().zip(&mut states) {
        // A server that keeps talking uses up its slice in the batch, and fails when it is alone.
        if class(state).is_none() {
            assert_eq!(*expected, FaultClass::TimedOut, "{id} failed in the batch");
            assert_eq!(state.last_success, None, "{id} did not succeed either");
            *state = lab.fetch_within(&fetch, &id.parse().expect("an id"), 8).await;
        }
        let failure = state.failure.as_ref().expect("a failure");
        assert_eq!(failure.fault.class, *expected, "{id}: {}", failure.fault.reason);
        assert!(failure.not_before > failure.at, "{id} rests");
        assert!(!failure.fault.reason.is_empty(), "{id}");
    }
    let throttled = states[6].failure.as_ref().expect("a failure");
    assert!(
        throttled.not_before.duration_since(throttled.at).as_secs() >= 90,
        "the server's pause is honoured"
    );
    assert_eq!(throttled.fault.class.actor(), Actor::Nobody);
    // What came before the bad message is archived, and the cursor stands before it.
    for at in [7, 8, 9] {
        let cursor = states[at].folders.get("INBOX");
        assert_eq!(cursor.map(|c| c.last_uid), Some(1), "{}: {:?}", ids[at], states[at]);
    }
    // The first pause after a breach of the protocol is minutes long.
    let resting = lab.poll(&fetch, &ids[8..9]).await;
    assert_eq!(resting[0].failure.as_ref().map(|f| f.count), Some(1), "a resting mailbox is left alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_keeps_failing_is_quarantined_on_record_and_the_rest_goes_on() {
    use FaultClass::{ConnectionLost, Protocol, TemporarilyUnavailable};
    for (quirk, expected, attempts) in [
        (Quirk::Withholds(2), Protocol, 3),
        (Quirk::SendsMoreThanAnnounced(2), Protocol, 3),
        (Quirk::Empties(2), Protocol, 3),
        (Quirk::Refuses(2), TemporarilyUnavailable, 10),
        (Quirk::ClosesInLiteral(2), ConnectionLost, 10),
    ] {
        let server = OddServer::start(messages(5), quirk).await;
        let (lab, fetch, ids) = lab_with(&[("stuck", &server)]).await;
        for attempt in 1..=attempts {
            let state = lab.fetch_one(&fetch, &ids[0]).await;
            assert_eq!(class(&state), Some(expected), "{quirk:?}");
            assert_eq!(state.quarantined, u64::from(attempt == attempts), "{quirk:?} {attempt}");
            assert_eq!(state.failure.map(|failure| failure.count), Some(attempt), "{quirk:?}");
        }
        let state = lab.fetch_one(&fetch, &ids[0]).await;
        assert_eq!((class(&state), state.folders["INBOX"].last_uid), (None, 5), "{quirk:?}");
        let records = lab.registry.quarantined(&ids[0]).await.expect("records");
        assert_eq!(records.iter().map(|r| r.stuck.uid).collect::<Vec<_>>(), [2], "the guilty one alone");
        let mut expected = messages(5);
        expected.remove(1);
        expected.sort();
        assert_eq!(lab.archived(&ids[0]).await, expected, "{quirk:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_share_a_header_but_not_their_bytes_are_both_kept() {
    let text = |body: &str| format!("Message-ID: <same@test>\r\n\r\n{body}\r\n").into_bytes();
    let twins = vec![text("one"), text("two"), text("one")];
    let server = OddServer::start(twins, Quirk::None).await;
    let (lab, fetch, ids) = lab_with(&[("twins", &server)]).await;
    let state = lab.fetch_one(&fetch, &ids[0]).await;
    assert_eq!(class(&state), None);
    assert_eq!(state.folders["INBOX"].last_uid, 3);
    assert_eq!(lab.archived(&ids[0]).await, [text("one"), text("two")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_twins_are_both_kept_too() {
    let text = |body: char| {
        let mut text = b"Message-ID: <same@test>\r\n\r\n".to_vec();
        text.resize(12 << 20, b'x');
        text.push(body as u8);
        text
    };
    let server = OddServer::start(vec![text('a'), text('b'), text('a')], Quirk::None).await;
    let (lab, fetch, ids) = lab_with(&[("large-twins", &server)]).await;
    for _ in 0..2 {
        let state = lab.fetch_one(&fetch, &ids[0]).await;
        assert_eq!((class(&state), state.folders["INBOX"].last_uid), (None, 3));
    }
    assert!(lab.archived(&ids[0]).await == [text('a'), text('b')], "both, byte for byte");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_mailbox_leaves_its_batch_and_goes_on_alone() {
    let server = OddServer::start(messages(40), Quirk::None).await;
    let (mut lab, _, ids) = lab_with(&[("backlog", &server)]).await;
    lab.settings.slice = Duration::ZERO;
    let fetch = lab.fetch();
    let states = lab.poll(&fetch, &ids).await;
    assert_eq!((class(&states[0]), states[0].backlog), (None, 40), "nothing fits into no time");
    let sqs = aws_sdk_sqs::Client::new(&lab.aws);
    let got = sqs.receive_message().queue_url(&lab.settings.queue_url).wait_time_seconds(5).send().await;
    let messages = got.expect("an answer").messages.unwrap_or_default();
    assert_eq!(messages[0].body(), Some(r#"{"mailbox":{"id":"backlog","cause":"backlog"}}"#));
    let state = lab.fetch_one(&fetch, &ids[0]).await;
    assert_eq!((state.backlog, state.messages), (0, 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_that_finds_nothing_writes_nothing_about_its_mailboxes() {
    let server = OddServer::start(messages(3), Quirk::None).await;
    let (lab, fetch, ids) = lab_with(&[("quiet", &server)]).await;
    let first = lab.poll(&fetch, &ids).await;
    assert_eq!(first[0].messages, 3);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(lab.poll(&fetch, &ids).await, first, "not even the time");
    let batch = lab.registry.batch(&"1m-0001".parse().expect("an id")).await.expect("read").expect("there");
    assert!(batch.completed_at > first[0].last_success, "the batch says that it was polled");
    assert_eq!(batch.lease, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_moves_to_another_server_starts_there_from_its_beginning() {
    let old = OddServer::start(messages(5), Quirk::None).await;
    let (lab, fetch, ids) = lab_with(&[("moved", &old)]).await;
    assert_eq!(lab.fetch_one(&fetch, &ids[0]).await.messages, 5);
    let other = OddServer::start(messages(8).split_off(4), Quirk::None).await;
    let mut mailbox = mailbox("moved", other.port());
    mailbox.user = "somebody-else".to_owned();
    lab.registry.put_mailbox(&mailbox, clock()).await.expect("stored");
    let state = lab.fetch_one(&fetch, &ids[0]).await;
    assert_eq!((class(&state), state.messages), (None, 8), "one was known, three are new");
    let mut expected = messages(8);
    expected.sort();
    assert_eq!(lab.archived(&ids[0]).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_goes_nowhere_but_where_it_was_stored_for() {
    let servers =
        [OddServer::start(messages(1), Quirk::None).await, OddServer::start(messages(1), Quirk::None).await];
    let [old, other] = &servers;
    let (lab, fetch, ids) = lab_with(&[("moved", old), ("neighbour", old)]).await;
    let polled = async || lab.poll(&fetch, &ids).await.iter().all(|state| state.failure.is_none());
    assert!(polled().await, "and the process knows the passwords now");
    assert!(old.saw("moved", "pw"));

    let mut moved = mailbox("moved", other.port());
    moved.server.host = "localhost".to_owned();
    lab.vault.put_password(&moved.id, &"another".to_owned().into()).await.expect("stored");
    lab.registry.put_mailbox(&moved, clock()).await.expect("stored");
    assert!(polled().await);
    assert!(other.saw("moved", "another"));
    assert!(!other.saw("moved", "pw"), "the former password was shown to the new server");
    assert!(!old.saw("moved", "another"), "and the new one to the former");
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_stays_at_the_server_while_the_archive_does_not_take_it() {
    let server = OddServer::start(messages(3), Quirk::None).await;
    let (mut lab, _, _) = lab_with(&[]).await;
    let mut mailbox = mailbox("refused", server.port());
    mailbox.after_fetch = postroom_model::AfterFetch::Delete;
    let id = mailbox.id.clone();
    lab.add([(mailbox, "pw".to_owned())]).await;
    let bucket = std::mem::replace(&mut lab.settings.bucket, "no-such-bucket".to_owned());
    let body = format!(r#"{{"mailbox":{{"id":"{id}","cause":"backlog"}}}}"#);
    lab.fetch().work_message(&body, &invocation(90)).await.expect_err("it goes back to the queue");
    let state = lab.states(std::slice::from_ref(&id)).await.remove(0);
    assert_eq!((class(&state), state.messages), (None, 0), "the mailbox is not to blame");
    assert_eq!(server.deletions(), 0, "nothing is deleted that is not durable");
    lab.settings.bucket = bucket;
    let state = lab.fetch_one(&lab.fetch(), &id).await;
    assert_eq!((class(&state), state.messages), (None, 3));
    assert!(server.deletions() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn time_that_ends_in_the_middle_of_a_folder_is_no_failure_and_the_rest_follows() {
    // Three seconds' worth, of which two are granted: time enough for the first on a machine that is busy.
    let server = OddServer::start(messages(600), Quirk::Slow).await;
    let (mut lab, _, _) = lab_with(&[]).await;
    let mut mailbox = mailbox("many", server.port());
    mailbox.folders = vec!["INBOX".to_owned(), "Other".to_owned()];
    let id = mailbox.id.clone();
    lab.add([(mailbox, "pw".to_owned())]).await;
    lab.settings.slice = Duration::from_secs(2);
    let fetch = lab.fetch();
    let state = lab.poll(&fetch, std::slice::from_ref(&id)).await.remove(0);
    assert_eq!(class(&state), None, "{:?}", state.failure);
    let done = state.folders["INBOX"].last_uid;
    assert!((1..600).contains(&done) && state.backlog > 0, "{done} done, {} left", state.backlog);
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!((class(&state), state.folders["INBOX"].last_uid), (None, 600));
    assert_eq!(state.folders["Other"].last_uid, 600);
}
