//! Attachments beside their messages: names, bytes, the index; crashes in between; a message of 100 MB.

mod index;
mod large;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use fetch::Fetch;
use index::Index;
use postroom_model::{FaultClass, Mailbox, MailboxId, MailboxState};
use postroom_tests::{Act, Gate, Habit, Lab, OddMaildrop, OddServer, Quirk};
use serde_json::json;
use std::collections::BTreeMap;

fn mailbox(protocol: &str, port: u16) -> Mailbox {
    serde_json::from_value(json!({
        "id": "m", "protocol": protocol, "host": "127.0.0.1", "port": port, "tls": "none", "user": "m",
        "interval": "1m", "attachments": true,
    }))
    .expect("a mailbox")
}

async fn lab_with(mailbox: &Mailbox) -> (Lab, Fetch, MailboxId) {
    let lab = Lab::new().await;
    lab.add([(mailbox.clone(), "pw".to_owned())]).await;
    let fetch = lab.fetch();
    (lab, fetch, mailbox.id.clone())
}

fn class(state: &MailboxState) -> Option<FaultClass> {
    state.failure.as_ref().map(|failure| failure.fault.class)
}

/// A message with files of these names (as they stand in the header) and bytes.
fn message(n: usize, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = format!(
        "Date: Tue, 2 Jan 2024 10:00:00 +0000\r\nFrom: Ann <ann@example.org>\r\nTo: bob@example.org\r\n\
         Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= {n}\r\nMessage-ID: <{n}@test>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello {n}\r\n"
    );
    for (name, bytes) in files {
        text += &format!(
            "--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment{name}\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n"
        );
        for line in BASE64.encode(bytes).as_bytes().chunks(76) {
            text += &String::from_utf8_lossy(line);
            text += "\r\n";
        }
    }
    (text + "--b--\r\n").into_bytes()
}

/// Every message has its index, and every part of it its object: the same bytes, and no others.
async fn assert_unpacked(lab: &Lab, id: &MailboxId, what: &str) -> BTreeMap<String, Index> {
    let mut indexes = BTreeMap::new();
    let mut objects = Vec::new();
    for key in lab.keys_below(&format!("index/{id}/")).await {
        let index = Index::read(&lab.object(&key).await);
        let message = key.replacen("index/", "mail/", 1).replace(".json", ".eml");
        assert_eq!(index.key(), message, "{what}");
        for part in index.parts() {
            part.assert_is(&lab.object(part.key()).await, what);
            objects.push(part.key().to_owned());
        }
        indexes.insert(message, index);
    }
    objects.sort();
    assert_eq!(lab.keys_below(&format!("attachments/{id}/")).await, objects, "{what}");
    assert_eq!(lab.keys(id).await, indexes.keys().cloned().collect::<Vec<_>>(), "{what}");
    lab.assert_written_once().await;
    indexes
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attachment_is_an_object_beside_its_message_under_a_safe_name() {
    let files: [(&str, &[u8]); 8] = [
        ("; filename=plan.pdf", b"one"),
        ("; filename=plan.pdf", b"two"),
        ("; filename=\"../../etc/passwd\"", b"three"),
        ("; filename*=utf-8''Stra%C3%9Fe%20Plan.pdf", b"four"),
        ("; filename=\"=?utf-8?b?w5xiZXJzaWNodC5wZGY=?=\"", b"five"),
        ("", b"six"),
        ("; filename=index.json", b"seven"),
        ("; filename=empty.bin", b""),
    ];
    let text = message(1, &files);
    let imap = OddServer::start(vec![text.clone()], Quirk::None).await;
    let pop3 = OddMaildrop::start(vec![text], Habit::None).await;
    for (protocol, port) in [("imap", imap.port()), ("pop3", pop3.port())] {
        let (lab, fetch, id) = lab_with(&mailbox(protocol, port)).await;
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages), (None, 1), "{protocol}: {:?}", state.failure);
        let indexes = assert_unpacked(&lab, &id, protocol).await;
        let index = indexes.values().next().expect("an index");
        let names: Vec<_> = index.parts().iter().map(index::Part::name).collect();
        assert_eq!((names[0], names[1], names[2]), ("plan.pdf", "plan (2).pdf", "passwd"), "{protocol}");
        assert!(names[3] == "Straße Plan.pdf" && names[4] == "Übersicht.pdf", "{protocol}: {names:?}");
        assert!(names.iter().all(|name| !name.contains(['/', '\\']) && !name.starts_with('.')), "{names:?}");
        let sizes: Vec<_> = index.parts().iter().map(index::Part::size).collect();
        assert_eq!(sizes, [3, 3, 5, 4, 4, 3, 5, 0], "{protocol}");
        assert_eq!(index["subject"], "Grüße 1");
        assert_eq!(index["message_id"], "1@test");
        assert_eq!(index["from"][0]["address"], "ann@example.org");
        assert_eq!(index["defects"], json!([]));
        assert_eq!(index["mailbox"], "m");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_without_attachments_and_messages_that_cannot_be_read_have_an_index_too() {
    let broken = [
        b"Subject: only a header\r\n".to_vec(),
        b"\r\n\r\n".to_vec(),
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\nno part ever comes\r\n".to_vec(),
        b"Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\r\n"
            .to_vec(),
        vec![b'\xff'; 3000].into_iter().chain(*b"\r\n").collect(),
        b"Subject: fine\r\n\r\nfine\r\n".to_vec(),
    ];
    let server = OddServer::start(broken.to_vec(), Quirk::None).await;
    let (lab, fetch, id) = lab_with(&mailbox("imap", server.port())).await;
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!((class(&state), state.messages), (None, 6), "{:?}", state.failure);
    let mut expected = broken.to_vec();
    expected.sort();
    assert!(lab.archived(&id).await == expected, "archived all the same");
    let indexes = assert_unpacked(&lab, &id, "broken").await;
    let marked = indexes.values().filter(|index| index["defects"] != json!([])).count();
    assert!(marked >= 2, "what is broken is marked: {marked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_anywhere_is_repeated_and_nothing_is_missing_or_written_twice() {
    let text = |n: usize| {
        let bytes = [n as u8; 700];
        message(n, &[("; filename=a.pdf", &bytes), ("; filename=b.pdf", b"b"), ("; filename=c.pdf", b"c")])
    };
    let expected: Vec<_> = (1..=3).map(text).collect();
    let imap = OddServer::start(expected.clone(), Quirk::None).await;
    let pop3 = OddMaildrop::start(expected, Habit::None).await;
    for (protocol, port) in [("imap", imap.port()), ("pop3", pop3.port())] {
        let (lab, _, id) = lab_with(&mailbox(protocol, port)).await;
        let gate = Gate::start().await;
        let bucket = format!("PUT /{}/", lab.bucket);
        // The nth write of each run is done, or not, and nobody hears of it.
        for nth in [0, 1, 2, 3, 4, 6, 9] {
            let (bucket, mut seen) = (bucket.clone(), 0);
            gate.script(move |request| {
                if !request.operation().starts_with(&bucket) {
                    return None;
                }
                seen += 1;
                (seen > nth).then_some(if nth % 2 == 0 { Act::Cut } else { Act::Refuse(403, "AccessDenied") })
            });
            let state = lab.fetch_behind(&gate, &id).await;
            let complete = lab.keys_below(&format!("index/{id}/")).await.len() as u64;
            let passed = state.messages;
            assert_eq!(state.quarantined, 0, "{protocol} {nth}: no message is to blame");
            assert!(passed <= complete, "{protocol} {nth}: {passed} passed, {complete} complete");
            if protocol == "pop3" {
                pop3.free().await;
            }
        }
        gate.open();
        let state = lab.fetch_one(&lab.fetch(), &id).await;
        assert_eq!(class(&state), None, "{protocol}: {:?}", state.failure);
        assert_eq!(assert_unpacked(&lab, &id, protocol).await.len(), 3, "{protocol}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_that_are_turned_on_later_come_with_what_is_new() {
    let server = OddServer::start(vec![message(1, &[("; filename=a.pdf", b"a")])], Quirk::None).await;
    let with = mailbox("imap", server.port());
    let without = Mailbox { attachments: false, ..with.clone() };
    let (lab, fetch, id) = lab_with(&without).await;
    assert_eq!(lab.fetch_one(&fetch, &id).await.messages, 1);
    assert_eq!(lab.keys_below("index/").await.len() + lab.keys_below("attachments/").await.len(), 0);
    lab.registry.put_mailbox(&with, postroom_tests::clock()).await.expect("stored");
    server.deliver(&[], &message(2, &[("; filename=b.pdf", b"b")]));
    assert_eq!(lab.fetch_one(&fetch, &id).await.messages, 2);
    assert_eq!(lab.keys_below("index/").await.len(), 1, "of the new one");
    assert_eq!(server.delivered(), 2, "the old one is not read again for it");
}
