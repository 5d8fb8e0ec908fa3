//! Polls of a full batch: what they cost when nothing is new, and what mail adds.

use super::{FULL, Metered, assert_reckoned, batch, ids, mailbox};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use postroom_tests::{Habit, OddMaildrop, OddServer, Quirk};
use serde_json::json;

/// Calls of the queue's event source mapping for each message: it is received and deleted.
const OF_THE_QUEUE: u64 = 2;

fn message(n: usize, bytes: usize) -> Vec<u8> {
    let head = format!(
        "Received: from mx.example.org by mail.contoso.example; Tue, 2 Jan 2024 10:00:00 +0000\r\n\
         Date: Tue, 2 Jan 2024 10:00:00 +0000\r\nFrom: Ann Example <ann@example.org>\r\n\
         To: site-diary@contoso.example\r\nSubject: Site diary {n}\r\nMessage-ID: <{n}@example.org>\r\n"
    );
    format!("{head}\r\n{}\r\n", "x".repeat(bytes)).into_bytes()
}

/// A message with two files.
fn with_files(n: usize) -> Vec<u8> {
    let part = |name: &str| {
        let bytes = BASE64.encode(name.repeat(8));
        format!(
            "--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename={name}.pdf\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{bytes}\r\n"
        )
    };
    let text = format!(
        "Date: Tue, 2 Jan 2024 10:00:00 +0000\r\nFrom: ann@example.org\r\nMessage-ID: <{n}@files>\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nhello\r\n{}{}--b--\r\n",
        part("plan"),
        part("photo")
    );
    text.into_bytes()
}

/// Forty-seven mailboxes that stay quiet, one that gets mail, one whose attachments are unpacked, and a maildrop.
#[tokio::test(flavor = "multi_thread")]
async fn a_poll_costs_five_calls_and_what_is_new() {
    let quiet = OddServer::start(vec![message(0, 100)], Quirk::None).await;
    let busy = OddServer::start(vec![message(0, 100)], Quirk::None).await;
    let unpacked = OddServer::start(vec![message(0, 100)], Quirk::None).await;
    let maildrop = OddMaildrop::start(vec![message(0, 100)], Habit::None).await;

    let metered = Metered::new().await;
    let lab = &metered.lab;
    let mailboxes = ids().enumerate().map(|(at, id)| match at {
        0 => mailbox(&id, busy.port(), |_| {}),
        1 => mailbox(&id, unpacked.port(), |json| json["attachments"] = json!(true)),
        2 => mailbox(&id, maildrop.port(), |json| json["protocol"] = json!("pop3")),
        _ => mailbox(&id, quiet.port(), |_| {}),
    });
    lab.add(mailboxes.map(|mailbox| (mailbox, "correct horse".to_owned()))).await;
    let batch = batch(lab, "5m-0001", ids()).await;

    metered.poll(&lab.fetch(), &batch).await;
    assert_eq!(metered.archived(&batch).await, FULL as u64, "each had one message");
    let fetch = metered.fetch();
    let cold = metered.poll(&fetch, &batch).await;
    let empty = metered.poll(&fetch, &batch).await;
    let calls = empty.calls() + OF_THE_QUEUE;
    assert!(calls <= 5, "a poll of {FULL} mailboxes that finds nothing costs {calls} calls: {empty:?}");

    let mut archived = FULL as u64;
    let mut events = vec![("poll_cold", cold), ("poll_empty", empty)];
    busy.deliver(&[], &message(1, 10_000));
    events.push(("poll_message", metered.poll(&fetch, &batch).await));
    for n in 2..102 {
        busy.deliver(&[], &message(n, 1_000));
    }
    events.push(("poll_hundred", metered.poll(&fetch, &batch).await));
    busy.deliver(&[], &message(102, 6 << 20));
    events.push(("poll_large", metered.poll(&fetch, &batch).await));
    unpacked.deliver(&[], &with_files(1));
    events.push(("poll_attachments", metered.poll(&fetch, &batch).await));
    maildrop.deliver(&message(1, 10_000));
    events.push(("poll_maildrop", metered.poll(&fetch, &batch).await));
    archived += 1 + 100 + 1 + 1 + 1;
    assert_eq!(metered.archived(&batch).await, archived);
    assert_reckoned(&events);
}
