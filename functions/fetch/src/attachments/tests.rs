//! Messages and their attachments in a bucket of an AWS API.

use super::*;
use crate::{
    archive::Stored,
    bucket::{Bucket, Fate, mailbox},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A message with a drawing, a diary of the same name, and a nested message.
fn message(drawing: &[u8]) -> Bytes {
    let mut text = b"From: =?utf-8?Q?J=C3=BCrgen?= <j@example.org>\r\nTo: site@example.org\r\n\
        Subject: =?utf-8?Q?Pl=C3=A4ne?=\r\nDate: Fri, 1 Mar 2024 10:00:00 +0100\r\n\
        Message-ID: <1@example.org>\r\nContent-Type: multipart/mixed; boundary=b1\r\n\r\n\
        --b1\r\n\r\nSee below.\r\n\
        --b1\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: binary\r\n\
        Content-Disposition: attachment; filename*=utf-8''..%2FPl%C3%A4ne.pdf\r\n\r\n"
        .to_vec();
    text.extend_from_slice(drawing);
    text.extend_from_slice(
        b"\r\n--b1\r\nContent-Type: pdf; name=\"Pl\xc3\xa4ne.pdf\"\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nZGlhcnk=\r\n\
        --b1\r\nContent-Type: message/rfc822\r\n\r\nSubject: nested\r\n\r\ntext\r\n\
        --b1\r\nContent-Type: text/plain; name=empty.txt\r\n\r\n\r\n--b1--\r\n",
    );
    text.into()
}

/// What a drawing of so many bytes looks like: no two parts of it are the same.
fn drawing(size: usize) -> Vec<u8> {
    (0_u64..).flat_map(|number| format!("{number:015}|").into_bytes()).take(size).collect()
}

fn mistakes(index: &Value) -> Vec<String> {
    let schema = include_str!("../../../../docs/archive/index.schema.json");
    let schema = serde_json::from_str(schema).expect("JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    schema.iter_errors(index).map(|mistake| mistake.to_string()).collect()
}

/// Checks that an index says what lies in the bucket, and returns it.
async fn check_index(bucket: &Bucket, key: &str) -> Value {
    let index: Value = serde_json::from_slice(&bucket.get(key).await.bytes).expect("JSON");
    assert_eq!(mistakes(&index), [""; 0], "{index:#}");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    assert_eq!(bucket.get(&text(&index["key"])).await.bytes.len(), index["size"]);
    for part in index["parts"].as_array().expect("parts") {
        let object = bucket.get(&text(&part["key"])).await;
        let digest: String = Sha256::digest(&object.bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(
            (object.bytes.len(), digest),
            (part["size"].as_u64().expect("a size") as usize, text(&part["sha256"]))
        );
        assert_eq!(
            (object.content_type, &object.metadata["part"]),
            (text(&part["content_type"]), &text(&part["path"]))
        );
    }
    index
}

#[tokio::test]
async fn each_attachment_is_an_object_and_the_index_says_what_they_are() {
    let bucket = Bucket::new().await;
    let mailbox = mailbox();
    let text = message(b"drawing");
    let stored = bucket.archive().store(&mailbox, "INBOX", text.clone(), false).await;
    assert_eq!(stored.expect("stored"), Stored::New);
    let key = Key::new(&mailbox.id, &text, text.len() as u64);
    let index = check_index(&bucket, &key.index()).await;
    let attachment = |name: &str| key.attachment(name);
    let mut parts = index["parts"].clone();
    for part in parts.as_array_mut().expect("parts") {
        part.as_object_mut().expect("a part").remove("sha256");
    }
    let expected = json!([
        { "path": "2", "name": "Pläne.pdf", "declared_name": "../Pläne.pdf", "key": attachment("Pläne.pdf"),
          "content_type": "application/pdf", "disposition": "attachment", "size": 7 },
        { "path": "3", "name": "Pläne (2).pdf", "declared_name": "Pläne.pdf",
          "key": attachment("Pläne (2).pdf"), "content_type": "application/octet-stream",
          "parameters": [{ "name": "name", "value": "Pläne.pdf" }], "size": 5 },
        { "path": "4", "name": "part-4.eml", "key": attachment("part-4.eml"),
          "content_type": "message/rfc822", "size": 23 },
        { "path": "5", "name": "empty.txt", "declared_name": "empty.txt", "key": attachment("empty.txt"),
          "content_type": "text/plain", "parameters": [{ "name": "name", "value": "empty.txt" }], "size": 0 },
    ]);
    assert_eq!(parts, expected, "{parts:#}");
    let expected = json!({
        "version": 1, "mailbox": "site-diary", "key": key.to_string(), "size": text.len(),
        "message_id": "1@example.org", "date": "2024-03-01T10:00:00+01:00",
        "from": [{ "name": "Jürgen", "address": "j@example.org" }], "to": [{ "address": "site@example.org" }],
        "cc": [], "subject": "Pläne", "parts": index["parts"],
        "defects": [{ "path": "3", "defect": "type_unreadable" }],
    });
    assert_eq!(index, expected, "{index:#}");
    let object = bucket.get(&key.attachment("Pläne.pdf")).await;
    assert_eq!(object.metadata["declared-name"], "../Pl%C3%A4ne.pdf");
    assert_eq!(bucket.keys().await.len(), 6);
}

#[tokio::test]
async fn a_mailbox_without_attachments_has_messages_alone_and_may_change_its_mind() {
    let bucket = Bucket::new().await;
    let wants = mailbox();
    let plain = Mailbox { attachments: false, ..wants.clone() };
    let text = message(b"drawing");
    let (archive, sizes) = (bucket.archive(), [7, text.len() as u64]);
    assert!(!archive.find(&plain, &text, &sizes).await.expect("an answer"));
    assert_eq!(archive.store(&plain, "INBOX", text.clone(), false).await.expect("stored"), Stored::New);
    assert_eq!(bucket.keys().await.len(), 1);
    assert!(archive.find(&plain, &text, &sizes).await.expect("an answer"));
    // The message is there, and what the mailbox wants beside it is not.
    assert!(!archive.find(&wants, &text, &sizes).await.expect("an answer"));
    assert_eq!(archive.store(&wants, "INBOX", text.clone(), false).await.expect("stored"), Stored::Known);
    assert!(archive.find(&wants, &text, &sizes).await.expect("an answer"));
    assert_eq!((bucket.keys().await.len(), archive.take_unpacked()), (6, 4));
    let before = bucket.requests();
    assert_eq!(archive.store(&wants, "INBOX", text, false).await.expect("stored"), Stored::Known);
    assert_eq!(bucket.requests() - before, 3, "the message, its checksum, and whether there is an index");
}

#[tokio::test]
async fn a_repeat_completes_what_a_crash_left_and_stores_nothing_twice() {
    let mailbox = mailbox();
    for fate in [Fate::Unsent, Fate::Unanswered] {
        let mut at = 0;
        loop {
            let bucket = Bucket::new().await;
            let text = message(b"drawing");
            let key = Key::new(&mailbox.id, &text, text.len() as u64);
            let crashed = bucket.crashing(at, fate).store(&mailbox, "INBOX", text.clone(), false).await;
            let left = bucket.keys().await;
            assert!(!left.contains(&key.index()) || left.len() == 6, "the index comes last: {left:?}");
            let stored =
                bucket.archive().store(&mailbox, "INBOX", text.clone(), false).await.expect("stored");
            assert_eq!(stored == Stored::Known, left.contains(&key.to_string()));
            check_index(&bucket, &key.index()).await;
            assert_eq!(bucket.versions().await, bucket.keys().await, "nothing is stored twice");
            assert_eq!(bucket.keys().await.len(), 6);
            if crashed.is_ok() {
                assert_eq!(at, 6, "{fate:?}");
                break;
            }
            at += 1;
        }
    }
}

#[tokio::test]
async fn a_place_that_is_taken_by_other_bytes_is_left_alone() {
    let bucket = Bucket::new().await;
    let mailbox = mailbox();
    let drawing = drawing(PART + 1);
    for text in [message(b"drawing"), message(&drawing)] {
        let key = Key::new(&mailbox.id, &text, text.len() as u64);
        let taken = key.attachment("Pläne.pdf");
        bucket.put(&taken, b"by another release").await;
        bucket.archive().store(&mailbox, "INBOX", text, false).await.expect("stored");
        let index = check_index(&bucket, &key.index()).await;
        assert_eq!(bucket.get(&taken).await.bytes, &b"by another release"[..]);
        let beside = index["parts"][0]["key"].as_str().expect("a key");
        assert!(beside.ends_with("-Pläne.pdf") && beside.len() == taken.len() + 65, "{beside}");
        assert_eq!(index["parts"][0]["name"], "Pläne.pdf");
        assert_eq!(index["parts"][1]["key"], key.attachment("Pläne (2).pdf"));
    }
    assert_eq!(bucket.versions().await, bucket.keys().await, "nothing is stored twice");
}

#[tokio::test]
async fn two_messages_of_one_identity_have_attachments_of_their_own() {
    let bucket = Bucket::new().await;
    let mailbox = mailbox();
    let archive = bucket.archive();
    for _ in 0..2 {
        for drawing in [b"drawing", b"another"] {
            archive.store(&mailbox, "INBOX", message(drawing), false).await.expect("stored");
        }
    }
    let keys = bucket.keys().await;
    let indexes: Vec<&String> = keys.iter().filter(|key| key.starts_with("index/")).collect();
    assert_eq!((keys.len(), indexes.len()), (12, 2), "{keys:#?}");
    let mut digests = Vec::new();
    for index in indexes {
        digests.push(check_index(&bucket, index).await["parts"][0]["sha256"].clone());
    }
    assert_ne!(digests[0], digests[1]);
    assert_eq!(bucket.versions().await, keys);
}

#[tokio::test]
async fn whatever_a_message_is_like_it_is_archived_and_its_index_is_true() {
    let bucket = Bucket::new().await;
    let mailbox = Mailbox { inline_images: true, ..mailbox() };
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/attachments/tests/corpus");
    let mut defects = 0;
    for entry in std::fs::read_dir(corpus).expect("the corpus") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "eml") {
            continue;
        }
        let text: Bytes = std::fs::read(&path).expect("a message").into();
        bucket.archive().store(&mailbox, "INBOX", text.clone(), false).await.expect("stored");
        let key = Key::new(&mailbox.id, &text, text.len() as u64);
        let index = check_index(&bucket, &key.index()).await;
        defects += index["defects"].as_array().expect("defects").len();
    }
    assert!(defects > 20);
    assert_eq!(bucket.versions().await, bucket.keys().await);
}

/// A `winmail.dat` with one file (MS-OXTNEF).
fn winmail(file: &[u8]) -> Vec<u8> {
    let mut tnef = vec![0x78, 0x9f, 0x3e, 0x22, 0, 0];
    for (id, value) in [(0x0006_9002_u32, &[0; 14][..]), (0x0001_8010, b"site.dwg\0"), (0x0006_800f, file)] {
        tnef.push(2);
        tnef.extend(id.to_le_bytes());
        tnef.extend(u32::try_from(value.len()).expect("a length").to_le_bytes());
        tnef.extend(value);
        let sum = value.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
        tnef.extend(sum.to_le_bytes());
    }
    tnef
}

#[tokio::test]
async fn two_large_attachments_may_be_open_at_once() {
    let bucket = Bucket::new().await;
    let mailbox = mailbox();
    let file = drawing(PART + PART / 2);
    let mut text = b"Content-Type: application/ms-tnef; name=winmail.dat\r\n\
        Content-Transfer-Encoding: binary\r\n\r\n"
        .to_vec();
    text.extend(winmail(&file));
    let text = Bytes::from(text);
    bucket.archive().store(&mailbox, "INBOX", text.clone(), false).await.expect("stored");
    let key = Key::new(&mailbox.id, &text, text.len() as u64);
    let index = check_index(&bucket, &key.index()).await;
    assert_eq!(index["defects"], json!([]));
    let names = ["winmail.dat", "site.dwg"];
    let keys = names.map(|name| key.attachment(name));
    assert_eq!(index["parts"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        keys,
        [0, 1].map(|part: usize| index["parts"][part]["key"].as_str().expect("a key").to_owned())
    );
    assert_eq!(bucket.get(&keys[1]).await.bytes, file);
    assert_eq!(bucket.uploads().await, 0);
}

#[tokio::test]
async fn an_attachment_of_just_a_part_is_put_in_one_request_and_one_byte_more_in_parts() {
    let bucket = Bucket::new().await;
    let mailbox = mailbox();
    for (size, in_parts) in [(PART, false), (PART + 1, true), (2 * PART, true)] {
        let text = message(&drawing(size));
        bucket.archive().store(&mailbox, "INBOX", text.clone(), false).await.expect("stored");
        let key = Key::new(&mailbox.id, &text, text.len() as u64);
        let index = check_index(&bucket, &key.index()).await;
        assert_eq!(index["parts"][0]["size"], size);
        let attachment = key.attachment("Pläne.pdf");
        let checksum =
            bucket.archive().checksum_of(&attachment).await.expect("an answer").expect("an object");
        assert_eq!(checksum.contains('-'), in_parts, "{checksum}");
    }
}

#[tokio::test]
async fn an_upload_that_fails_is_given_up() {
    let bucket = Bucket::new().await;
    let mailbox = mailbox();
    let text = message(&drawing(2 * PART));
    // The message, and the first part of its attachment's upload; the request after that fails.
    let failed = bucket.failing(3).store(&mailbox, "INBOX", text.clone(), false).await;
    assert!(failed.is_err());
    assert_eq!((bucket.keys().await.len(), bucket.uploads().await), (1, 0));
    let stored = bucket.archive().store(&mailbox, "INBOX", text, false).await.expect("stored");
    assert_eq!((stored, bucket.keys().await.len()), (Stored::Known, 6));
}

#[test]
fn what_many_parts_take_is_set_aside() {
    let part = "--b\r\nContent-Type: a/b\r\n\r\n\r\n";
    let text = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n", part.repeat(1_100));
    let mailbox = mailbox();
    let key = Key::new(&mailbox.id, text.as_bytes(), text.len() as u64);
    let mut unpacker = Unpacker::new(Settings::default());
    let mut keys = BTreeMap::new();
    let mut note = |event: Event<'_>| {
        if let Event::Begun { number, part } = event {
            keys.insert(number, key.attachment(&part.name));
        }
    };
    let mut rest = text.as_bytes();
    while let Some(event) = unpacker.unpack(&mut rest) {
        note(event);
    }
    while let Some(event) = unpacker.finish() {
        note(event);
    }
    assert!(keys.len() > 900, "{} attachments", keys.len());
    let index = unpacker.into_index();
    let parts = index.parts.iter().map(|part| size_of_val(part) + 2 * part.part.name.len() + 128);
    let held = parts.sum::<usize>() + keys.values().map(|key| size_of::<String>() + key.len()).sum::<usize>();
    let written = Index::new(&mailbox.id, &key, text.len() as u64, &index, &keys);
    let written = serde_json::to_vec(&written).expect("JSON").len();
    let size = text.len() as u64;
    let set_aside = memory(size) - 2 * size;
    assert!((held + 2 * written) as u64 <= set_aside, "{held} and {written} of {set_aside}");
}

#[tokio::test]
async fn a_message_that_another_protocol_delivered_without_its_last_crlf_is_known() {
    let bucket = Bucket::new().await;
    let (archive, mailbox) = (bucket.archive(), mailbox());
    let with = message(b"drawing");
    let without = with.slice(..with.len() - 2);
    assert!(with.ends_with(b"\r\n"));
    for (first, second) in [(with.clone(), without.clone()), (without, with)] {
        let other = Mailbox { id: format!("m{}", first.len()).parse().expect("an id"), ..mailbox.clone() };
        assert_eq!(archive.store(&other, "INBOX", first, false).await.expect("stored"), Stored::New);
        let before = bucket.versions().await;
        assert_eq!(
            archive.store(&other, "INBOX", second.clone(), true).await.expect("stored"),
            Stored::Known
        );
        assert_eq!(bucket.versions().await, before, "stored once");
        assert_eq!(archive.store(&other, "INBOX", second, false).await.expect("stored"), Stored::New);
    }
}

#[tokio::test]
async fn what_s3_can_never_take_is_the_objects_fault_and_what_fails_now_is_not() {
    let bucket = Bucket::new().await;
    let metadata = HashMap::from([("declared-name".to_owned(), "a\nb".to_owned())]);
    let object = Object { key: "mail/m/x".to_owned(), content_type: "message/rfc822".to_owned(), metadata };
    let text = Bytes::from_static(b"text");
    let refused = bucket.archive().put(&object, &text).await.expect_err("refused");
    assert!(refused.is_about_the_object(), "{refused:?}");
    let object = Object { metadata: HashMap::new(), ..object };
    let failed = bucket.failing(0).put(&object, &text).await.expect_err("failed");
    assert!(!failed.is_about_the_object(), "{failed:?}");
}
