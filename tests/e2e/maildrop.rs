//! POP3 servers as they are: what is new is found, nothing is lost, nothing stored twice, whatever the
//! server knows, calls its messages, or does in the middle of a session.

mod cut_off;
mod full;
mod many;
mod removal;
mod stuck;

use fetch::Fetch;
use postroom_model::{FaultClass, Mailbox, MailboxId, MailboxState};
use postroom_tests::{Habit, Lab, OddMaildrop};
use serde_json::{Value, json};

fn message(n: usize) -> Vec<u8> {
    let lines = "line\r\n".repeat(n * 7);
    format!("Date: Tue, 2 Jan 2024 10:00:00 +0000\r\nMessage-ID: <{n}@test>\r\nSubject: {n}\r\n\r\n{lines}")
        .into()
}

fn messages(count: usize) -> Vec<Vec<u8>> {
    (1..=count).map(message).collect()
}

fn mailbox(port: u16, change: impl FnOnce(&mut Value)) -> Mailbox {
    let mut json = json!({
        "id": "m", "protocol": "pop3", "host": "127.0.0.1", "port": port, "tls": "none", "user": "m",
        "interval": "1m",
    });
    change(&mut json);
    serde_json::from_value(json).expect("a mailbox")
}

async fn lab_with(server: &OddMaildrop, change: impl FnOnce(&mut Value)) -> (Lab, Fetch, MailboxId) {
    let lab = Lab::new().await;
    let mailbox = mailbox(server.port(), change);
    let id = mailbox.id.clone();
    lab.add([(mailbox, "pw".to_owned())]).await;
    let fetch = lab.fetch();
    (lab, fetch, id)
}

fn class(state: &MailboxState) -> Option<FaultClass> {
    state.failure.as_ref().map(|failure| failure.fault.class)
}

async fn assert_archived(lab: &Lab, id: &MailboxId, mut expected: Vec<Vec<u8>>, what: &str) {
    expected.sort();
    assert!(lab.archived(id).await == expected, "{what}: every message is there, once");
    lab.assert_written_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_new_is_fetched_whatever_the_server_knows() {
    use Habit::{
        ForgetsUidls, IgnoresDele, NeitherUidlNorTop, NoCapa, NoTop, NoUidl, NumbersForUidls, RefusesQuit,
        SharesUidls, SizesOff,
    };
    // How many texts are read where one is new.
    for (habit, texts) in [
        (Habit::None, 1),
        (NoCapa, 1),
        (NoUidl, 1),
        (NoTop, 1),
        // There is nothing to know a message by but its text.
        (NeitherUidlNorTop, 10),
        // The message whose id it gives to the new one, too, had it for its own until then.
        (SharesUidls, 2),
        (NumbersForUidls, 1),
        (ForgetsUidls, 1),
        (SizesOff(2), 1),
        (SizesOff(900), 1),
        (SizesOff(-30), 1),
        (IgnoresDele, 1),
        (RefusesQuit, 1),
    ] {
        let server = OddMaildrop::start(messages(9), habit).await;
        let (lab, fetch, id) = lab_with(&server, |_| {}).await;
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages), (None, 9), "{habit:?}: {:?}", state.failure);
        assert_archived(&lab, &id, messages(9), &format!("{habit:?}")).await;
        assert_eq!(server.asked("RETR"), 9, "{habit:?}");

        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages), (None, 9), "{habit:?}: nothing new");
        let again = server.asked("RETR");
        assert!(again == 0 || habit == NeitherUidlNorTop, "{habit:?}: {again} read again");

        server.deliver(&message(10));
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages), (None, 10), "{habit:?}: one new");
        let again = server.asked("RETR");
        assert_eq!(again, texts, "{habit:?}: read for one that is new");
        assert_archived(&lab, &id, messages(10), &format!("{habit:?}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_maildrop_is_nothing_to_fetch() {
    for habit in [Habit::None, Habit::NoUidl, Habit::NeitherUidlNorTop, Habit::NoCapa] {
        let server = OddMaildrop::start(Vec::new(), habit).await;
        let (lab, fetch, id) = lab_with(&server, |_| {}).await;
        for expected in [0, 1] {
            let state = lab.fetch_one(&fetch, &id).await;
            assert_eq!((class(&state), state.messages), (None, expected), "{habit:?}: {:?}", state.failure);
            server.deliver(&message(1));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_ids_for_all_messages_cost_a_look_at_their_headers() {
    for (habit, whole) in [
        (Habit::None, 0),
        (Habit::SizesOff(2), 0),
        (Habit::SizesOff(-2), 0),
        // What cannot be known by header and size is known by its bytes.
        (Habit::SizesOff(900), 20),
        (Habit::NoTop, 20),
    ] {
        let server = OddMaildrop::start(messages(20), habit).await;
        let (lab, fetch, id) = lab_with(&server, |_| {}).await;
        assert_eq!(lab.fetch_one(&fetch, &id).await.messages, 20, "{habit:?}");
        let first = server.asked("RETR");
        assert_eq!((first, server.asked("TOP")), (20, 0), "{habit:?}: at first everything is new");

        server.renumber();
        server.deliver(&message(21));
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages), (None, 21), "{habit:?}: {:?}", state.failure);
        assert_eq!(server.asked("RETR"), whole + 1, "{habit:?}");
        assert_archived(&lab, &id, messages(21), &format!("{habit:?}")).await;

        server.asked("TOP");
        lab.fetch_one(&fetch, &id).await;
        assert_eq!((server.asked("RETR"), server.asked("TOP")), (0, 0), "{habit:?}: the look is over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_others_delete_and_messages_that_come_between_are_told_apart() {
    for habit in [Habit::None, Habit::NoUidl, Habit::SharesUidls, Habit::NumbersForUidls] {
        let server = OddMaildrop::start(messages(30), habit).await;
        let (lab, fetch, id) = lab_with(&server, |_| {}).await;
        assert_eq!(lab.fetch_one(&fetch, &id).await.messages, 30, "{habit:?}");
        server.asked("RETR");
        server.remove(3..9);
        server.deliver(&message(31));
        server.remove(0..1);
        server.deliver(&message(32));
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages), (None, 32), "{habit:?}: {:?}", state.failure);
        assert_archived(&lab, &id, messages(32), &format!("{habit:?}")).await;
        let read = server.asked("RETR");
        assert!(read == 2 || habit == Habit::SharesUidls, "{habit:?}: {read} for two new ones");
        server.asked("TOP");
        lab.fetch_one(&fetch, &id).await;
        assert_eq!(server.asked("RETR"), 0, "{habit:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_come_byte_for_byte_whatever_their_dots_and_lines() {
    let header = "Message-ID: <dots@test>\r\n";
    let bodies: [&[u8]; 10] = [
        b"",
        b".\r\n",
        b"..\r\n.\r\n..\r\n",
        b".a\r\n\r\n.\r\n\r\nb.\r\n",
        b"\r\n\r\n\r\n",
        b"8 bit: \xff\xfe\x80\r\n",
        b"nul: \0 and bare \n and bare \r in a line\r\n",
        b"+OK not an answer\r\n-ERR neither\r\n",
        b"\n.\nafter a bare line feed\r\n",
        &[&[b'x'; 200_000][..], b"\r\n"].concat(),
    ];
    let mut texts: Vec<Vec<u8>> = (0..)
        .zip(bodies)
        .map(|(n, body)| [format!("X-N: {n}\r\n{header}\r\n").as_bytes(), body].concat())
        .collect();
    texts.push(b"Subject: no body\r\n\r\n".to_vec());
    texts.push(b"no header at all\r\n".to_vec());
    texts.push(b"\r\nonly a body\r\n".to_vec());
    // A dot at every edge of a read of 4 to 64 KiB.
    for length in [4093, 4094, 4095, 4096, 8190, 8191, 16383, 65533, 65534, 65535, 65536] {
        let mut text = format!("Message-ID: <{length}@test>\r\n\r\n").into_bytes();
        text.resize(length, b'x');
        text.extend_from_slice(b"\r\n.\r\n..x\r\n");
        texts.push(text);
    }
    let server = OddMaildrop::start(texts.clone(), Habit::None).await;
    let (lab, fetch, id) = lab_with(&server, |_| {}).await;
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!(class(&state), None, "{:?}", state.failure);
    assert_archived(&lab, &id, texts, "dots").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maildrop_that_somebody_else_has_is_left_for_later() {
    let server = OddMaildrop::start(messages(2), Habit::InUse).await;
    let (lab, fetch, id) = lab_with(&server, |_| {}).await;
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!(class(&state), Some(FaultClass::TemporarilyUnavailable), "{:?}", state.failure);
    assert_eq!(state.failure.expect("a failure").fault.class.actor(), postroom_model::Actor::Nobody);
}
