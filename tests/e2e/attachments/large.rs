//! A message of 100 MB with an attachment of 70 MB: unpacked within the function's memory.

use super::{assert_unpacked, index::Part, mailbox};
use postroom_model::MailboxId;
use postroom_tests::{Habit, Lab, OddMaildrop, OddServer, Process, Quirk, Worked};

/// The memory that such a run may take, code and all: far less than the message.
const MOST: u64 = 80 << 20;

/// A message with a file of so many mebibytes, and a text that makes it longer by a third.
fn message(mebibytes: usize) -> Vec<u8> {
    let mut text = b"Message-ID: <large@test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: application/octet-stream; name=dump.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    // 57 bytes are a line of 76 characters.
    let line = b"cG9zdHJvb20gcG9zdHJvb20gcG9zdHJvb20gcG9zdHJvb20gcG9zdHJvb20gcG9zdHJvb20gcG9z\r\n";
    text.reserve(mebibytes << 21);
    for _ in 0..(mebibytes << 20) / 57 {
        text.extend_from_slice(line);
    }
    text.extend_from_slice(b"--b--\r\n");
    text
}

async fn assert_bounded(lab: &Lab, id: &MailboxId, what: &str) {
    let errand = lab.one_mailbox(id);
    let mut process = Process::start(env!("CARGO_BIN_EXE_work"), &errand).await;
    process.go().await;
    let Worked { peak_memory } = process.came().await;
    let state = lab.states(std::slice::from_ref(id)).await.remove(0);
    assert_eq!((state.failure, state.messages), (None, 1), "{what}");
    assert!(peak_memory < MOST, "{what}: {} MiB at most", peak_memory >> 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_100_mb_is_unpacked_in_bounded_memory() {
    let text = message(72);
    assert!(text.len() > 100_000_000);
    let imap = OddServer::start(vec![text.clone()], Quirk::None).await;
    let pop3 = OddMaildrop::start(vec![text.clone()], Habit::None).await;
    for (protocol, port) in [("imap", imap.port()), ("pop3", pop3.port())] {
        let (lab, _, id) = super::lab_with(&mailbox(protocol, port)).await;
        assert_bounded(&lab, &id, protocol).await;
        assert!(lab.archived(&id).await == [text.clone()], "{protocol}: byte for byte");
        let indexes = assert_unpacked(&lab, &id, protocol).await;
        let sizes: Vec<_> = indexes.values().flat_map(|index| index.parts()).map(Part::size).collect();
        assert_eq!(sizes, [((72 << 20) / 57) * 57], "{protocol}");
    }
}
