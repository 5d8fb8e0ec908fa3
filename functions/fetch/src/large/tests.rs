//! Large messages from a POP3 server, whose chunks end anywhere, into a bucket of an AWS API.

mod maildrop;
mod memory;

use super::*;
use crate::bucket::{Bucket, Fate, mailbox};
use maildrop::{Maildrop, retrieve};
use serde_json::Value;
use std::time::Duration;

const HEADER: &[u8] = b"Date: Fri, 1 Mar 2024 10:00:00 +0000\r\nSubject: drawings\r\n\
    Content-Type: multipart/mixed; boundary=b1\r\n\r\n--b1\r\n\r\nSee below.\r\n--b1\r\n\
    Content-Type: image/vnd.dwg\r\nContent-Disposition: attachment; filename=site.dwg\r\n";

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(120)
}

/// A message whose attachment, as it stands in it, has so many lines.
fn drawing(lines: usize) -> Maildrop {
    let lines: String = (0..lines).map(|number| format!("{number:0>98}\r\n")).collect();
    Maildrop::new([Bytes::from_static(HEADER), b"\r\n"[..].into(), lines.into(), b"--b1--\r\n"[..].into()])
}

async fn store(
    archive: &Archive,
    mailbox: &Mailbox,
    message: &Maildrop,
    size: u64,
) -> Result<Large, LargeError> {
    let mut source = message.sign_in().await;
    let mut bodies = retrieve(&mut source);
    let body = bodies.next().await.expect("an answer").expect("a message");
    let (number, large) = archive.store_large(mailbox, "INBOX", body, size, None, soon()).await?;
    assert_eq!(number, 1);
    assert!(bodies.next().await.expect("the session goes on").is_none());
    Ok(large)
}

#[tokio::test]
async fn a_large_message_is_stored_once_with_its_attachments() {
    let bucket = Bucket::new().await;
    let mailbox = mailbox();
    let message = drawing(PART / 100 + 1);
    let size = message.size();
    assert!(size > PART as u64);
    let archive = bucket.archive();
    for expected in [Stored::New, Stored::Known, Stored::Known] {
        let large = store(&archive, &mailbox, &message, size).await.expect("stored");
        assert!(matches!(large, Large::Stored(stored) if stored == expected), "{large:?}");
    }
    let keys = bucket.keys().await;
    let [attachment, index, text] = &keys[..] else { panic!("{keys:?}") };
    assert_eq!(bucket.get(text).await.bytes, message.text());
    let index: Value = serde_json::from_slice(&bucket.get(index).await.bytes).expect("JSON");
    assert_eq!(
        (&index["key"], &index["size"], &index["parts"][0]["key"]),
        (&text[..].into(), &size.into(), &attachment[..].into())
    );
    let found = bucket.get(attachment).await;
    assert_eq!(
        (found.bytes.len() as u64, &found.content_type[..]),
        (index["parts"][0]["size"].as_u64().expect("a size"), "image/vnd.dwg")
    );
    let end = message.text().len() - b"\r\n--b1--\r\n".len();
    assert_eq!(found.bytes, message.text()[HEADER.len() + 2..end]);
    assert_eq!((bucket.versions().await, bucket.uploads().await), (keys, 0));
}

#[tokio::test]
async fn a_message_of_another_size_than_was_said_is_not_kept() {
    let bucket = Bucket::new().await;
    let (archive, mailbox) = (bucket.archive(), mailbox());
    let message = drawing(PART / 100 + 1);
    for _ in 0..2 {
        let large = store(&archive, &mailbox, &message, message.size() + 2).await.expect("read");
        assert!(matches!(large, Large::Resized(size) if size == message.size()), "{large:?}");
        assert_eq!((bucket.keys().await.len(), bucket.uploads().await), (0, 0));
    }
    // Also where something lies in the place that it would have had.
    let place = Key::new(&mailbox.id, &message.text(), message.size() + 2).to_string();
    bucket.put(&place, b"another message").await;
    let large = store(&archive, &mailbox, &message, message.size() + 2).await.expect("read");
    assert!(matches!(large, Large::Resized(size) if size == message.size()), "{large:?}");
    assert_eq!(bucket.keys().await, [place]);
}

#[tokio::test]
async fn another_message_in_its_place_sends_it_beside() {
    let bucket = Bucket::new().await;
    let (archive, mailbox) = (bucket.archive(), mailbox());
    let message = drawing(PART / 100 + 1);
    let place = Key::new(&mailbox.id, &message.text(), message.size());
    bucket.put(&place.to_string(), b"another message").await;
    let large = store(&archive, &mailbox, &message, message.size()).await.expect("read");
    let Large::Differs(checksum) = large else { panic!("{large:?}") };
    assert_eq!(bucket.keys().await.len(), 1);
    for expected in [Stored::New, Stored::Known] {
        let mut source = message.sign_in().await;
        let mut bodies = retrieve(&mut source);
        let body = bodies.next().await.expect("an answer").expect("a message");
        let stored = archive.store_large(&mailbox, "INBOX", body, message.size(), Some(&checksum), soon());
        let (_, large) = stored.await.expect("stored");
        assert!(matches!(large, Large::Stored(stored) if stored == expected), "{large:?}");
    }
    let keys = bucket.keys().await;
    let beside = place.beside(&checksum);
    assert_eq!(keys, [beside.attachment("site.dwg"), beside.index(), beside.to_string(), place.to_string()]);
    assert_eq!(bucket.versions().await, keys);
}

#[tokio::test]
async fn a_repeat_completes_what_a_crash_left_of_a_large_message() {
    let mailbox = mailbox();
    let message = drawing(PART / 100 + 1);
    let size = message.size();
    // The requests are: is it there, begin, two parts, complete; read back; begin, two parts, complete;
    // the index.
    let unsent = [3, 4, 5, 8, 9, 10].map(|at| (at, Fate::Unsent));
    let unanswered = [4, 9, 10].map(|at| (at, Fate::Unanswered));
    for (at, fate) in unsent.into_iter().chain(unanswered) {
        let bucket = Bucket::new().await;
        let crashed = store(&bucket.crashing(at, fate), &mailbox, &message, size).await;
        assert!(crashed.is_err(), "{fate:?} {at}: {crashed:?}");
        let left = bucket.keys().await;
        let has = |prefix: &str| left.iter().any(|key| key.starts_with(prefix));
        assert!(has("attachments/") || !has("index/"), "the index comes last: {left:?}");
        assert!(has("mail/") || !has("attachments/"), "the message comes first: {left:?}");
        let large = store(&bucket.archive(), &mailbox, &message, size).await.expect("stored");
        let expected = if has("mail/") { Stored::Known } else { Stored::New };
        assert!(matches!(large, Large::Stored(stored) if stored == expected), "{large:?}");
        let keys = bucket.keys().await;
        assert_eq!((keys.len(), &bucket.versions().await), (3, &keys), "nothing is stored twice");
    }
}

#[tokio::test]
async fn a_message_that_does_not_arrive_in_time_is_given_up() {
    let bucket = Bucket::new().await;
    let message = drawing(2 * PART / 100).that_stalls_after(PART * 3 / 2);
    let mut source = message.sign_in().await;
    let mut bodies = retrieve(&mut source);
    let body = bodies.next().await.expect("an answer").expect("a message");
    let give_up_at = Instant::now() + Duration::from_secs(2);
    let stored =
        bucket.archive().store_large(&mailbox(), "INBOX", body, message.size(), None, give_up_at).await;
    assert!(matches!(stored, Err(LargeError::GaveUp)), "{stored:?}");
    assert_eq!((bucket.keys().await.len(), bucket.uploads().await), (0, 0));
}
