//! Servers on which one message is in several folders: All Mail and labels at Gmail, and what says so by
//! OBJECTID. No text is read twice.

use fetch::Fetch;
use postroom_model::{FaultClass, Mailbox, MailboxId, MailboxState};
use postroom_tests::{Lab, OddServer, Quirk};
use serde_json::json;

const ALL: &str = "[Gmail]/All Mail";
const FOLDERS: [&str; 3] = ["INBOX", "Work", ALL];

/// Messages with large texts, so that a text that is read shows.
fn message(n: usize) -> Vec<u8> {
    let lines = "0123456789abcdef\r\n".repeat(200);
    format!("Date: Tue, 2 Jan 2024 10:00:00 +0000\r\nMessage-ID: <{n}@test>\r\n\r\n{n}\r\n{lines}").into()
}

/// Thirty messages: ten in INBOX, ten under a label (five of them in INBOX too), all in All Mail.
async fn server(quirk: Quirk) -> OddServer {
    let [inbox, work, all] =
        [0..10, 5..15, 0..30].map(|places: std::ops::Range<usize>| places.collect::<Vec<_>>());
    let folders = [("INBOX", &*inbox), ("Work", &*work), (ALL, &*all)];
    OddServer::with_folders((0..30).map(message).collect(), &folders, quirk).await
}

async fn lab_with(server: &OddServer, after: &str) -> (Lab, Fetch, MailboxId) {
    let lab = Lab::new().await;
    let mailbox: Mailbox = serde_json::from_value(json!({
        "id": "labels", "protocol": "imap", "host": "127.0.0.1", "port": server.port(), "tls": "none",
        "user": "labels", "interval": "1m", "folders": FOLDERS, "after_fetch": after,
    }))
    .expect("a mailbox");
    let id = mailbox.id.clone();
    lab.add([(mailbox, "pw".to_owned())]).await;
    let fetch = lab.fetch();
    (lab, fetch, id)
}

fn class(state: &MailboxState) -> Option<FaultClass> {
    state.failure.as_ref().map(|failure| failure.fault.class)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_mail_and_labels_are_read_once() {
    for (quirk, after) in
        [(Quirk::GmailIds, "leave"), (Quirk::GmailIds, "mark_read"), (Quirk::EmailIds, "leave")]
    {
        let server = server(quirk).await;
        let (lab, fetch, id) = lab_with(&server, after).await;
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages), (None, 30), "{quirk:?} {after}: {:?}", state.failure);
        assert_eq!(server.delivered(), 30, "{quirk:?} {after}: each text once");
        assert_eq!(state.folders[ALL].last_uid, 30, "{quirk:?} {after}");

        server.deliver(&["INBOX", ALL], &message(30));
        server.deliver(&FOLDERS, &message(31));
        server.deliver(&[ALL], &message(32));
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages), (None, 33), "{quirk:?} {after}: {:?}", state.failure);
        assert_eq!(server.delivered(), 33, "{quirk:?} {after}: the new ones once, the old ones not again");
        let mut expected: Vec<_> = (0..33).map(message).collect();
        expected.sort();
        assert!(lab.archived(&id).await == expected, "{quirk:?} {after}");
        lab.assert_written_once().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_cut_off_between_folders_reads_headers_of_what_it_has_and_nothing_twice() {
    let server = server(Quirk::GmailIds).await;
    let (lab, fetch, id) = lab_with(&server, "leave").await;
    let loaded = lab.registry.load(std::slice::from_ref(&id)).await.expect("an answer").remove(0).1;
    let inbox = Mailbox { folders: vec!["INBOX".to_owned()], ..loaded.expect("a mailbox").placed.mailbox };
    let whole = Mailbox { folders: FOLDERS.map(str::to_owned).to_vec(), ..inbox.clone() };
    lab.registry.put_mailbox(&inbox, postroom_tests::clock()).await.expect("stored");
    assert_eq!(lab.fetch_one(&fetch, &id).await.messages, 10);
    lab.registry.put_mailbox(&whole, postroom_tests::clock()).await.expect("stored");
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!((class(&state), state.messages), (None, 30), "{:?}", state.failure);
    assert_eq!(server.delivered(), 30, "what INBOX has was not read again for All Mail");
    assert!(server.headers() > 0, "it was looked at");
    lab.assert_written_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_ids_a_message_in_two_folders_is_stored_once_all_the_same() {
    let server = server(Quirk::None).await;
    let (lab, fetch, id) = lab_with(&server, "leave").await;
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!((class(&state), state.messages), (None, 30), "{:?}", state.failure);
    assert_eq!(lab.keys(&id).await.len(), 30);
    lab.assert_written_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_messages_are_deleted_each_folder_is_worked_whole() {
    let server = server(Quirk::GmailIds).await;
    let (lab, fetch, id) = lab_with(&server, "delete").await;
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!((class(&state), state.messages), (None, 30), "{:?}", state.failure);
    assert!(server.deletions() >= 3, "in every folder");
    lab.assert_written_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_that_are_excluded_are_not_opened() {
    let server = server(Quirk::GmailIds).await;
    for (folders, excluded, opened) in [
        (vec!["*"], vec!["\\All"], vec!["INBOX", "Work"]),
        (vec!["*"], vec![ALL, "W*"], vec!["INBOX"]),
        (vec!["INBOX", ALL], vec!["[Gmail]/*"], vec!["INBOX"]),
    ] {
        let (lab, fetch, id) = lab_with(&server, "leave").await;
        let loaded = lab.registry.load(std::slice::from_ref(&id)).await.expect("an answer").remove(0).1;
        let mailbox = loaded.expect("a mailbox").placed.mailbox;
        let own = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        let mailbox = Mailbox { folders: own(folders), exclude_folders: own(excluded), ..mailbox };
        lab.add([(mailbox, "pw".to_owned())]).await;
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!(class(&state), None, "{:?}", state.failure);
        assert_eq!(state.folders.keys().map(String::as_str).collect::<Vec<_>>(), opened);
    }
}
