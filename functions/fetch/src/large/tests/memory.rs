//! What a large message with a large attachment claims, measured in a process of its own.

use super::{maildrop::Maildrop, store};
use crate::{
    archive::{Stored, memory},
    bucket::{Bucket, mailbox},
    large::Large,
};
use std::{fs, io::Write, process::Command};

/// The variable that tells a process that it is the one to be measured.
const MEASURED: &str = "POSTROOM_TEST_MEASURED";
/// The attachment's size in bytes.
const ATTACHMENT: usize = 20 << 20;
/// What is claimed besides the bytes of the message: connections, requests under way, and what the
/// allocator keeps.
const BESIDES: u64 = 20 << 20;

/// A message whose attachment is a `winmail.dat` with one file, so that two attachments of that size are
/// open at once.
fn message(bytes: usize) -> Maildrop {
    let header = "Date: Fri, 1 Mar 2024 10:00:00 +0000\r\nContent-Type: multipart/mixed; boundary=b1\r\n\r\n\
        --b1\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\
        Content-Transfer-Encoding: base64\r\n\r\n";
    let blocks = bytes.div_ceil(5_700);
    let mut tnef = vec![0x78, 0x9f, 0x3e, 0x22, 0, 0];
    for (id, value) in [(0x0006_9002_u32, &[0; 14][..]), (0x0001_8010, b"a.bin\0")] {
        tnef.push(2);
        tnef.extend(id.to_le_bytes());
        tnef.extend((value.len() as u32).to_le_bytes());
        tnef.extend(value);
        let sum: u16 = value.iter().copied().map(u16::from).sum();
        tnef.extend(sum.to_le_bytes());
    }
    tnef.push(2);
    tnef.extend(0x0006_800f_u32.to_le_bytes());
    tnef.extend((5_700 * blocks as u32).to_le_bytes());
    let first = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, tnef);
    // One block again and again, so that the server holds no more.
    let block = [&[b'A'; 76][..], b"\r\n"].concat().repeat(100);
    let mut pieces = vec![header.to_owned().into(), format!("{first}\r\n").into()];
    pieces.extend(std::iter::repeat_n(bytes::Bytes::from(block), blocks));
    pieces.push("AAA=\r\n--b1--\r\n".into());
    Maildrop::new(pieces)
}

/// The most memory that the process has had, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
    line.trim_end_matches("kB").trim().parse::<u64>().expect("a number") << 10
}

#[tokio::test]
async fn a_large_message_with_a_large_attachment_claims_what_the_budget_says() {
    if std::env::var_os(MEASURED).is_none() {
        let name =
            "large::tests::memory::a_large_message_with_a_large_attachment_claims_what_the_budget_says";
        let program = std::env::current_exe().expect("this program");
        let output = Command::new(program).args(["--exact", name, "--nocapture"]).env(MEASURED, "1").output();
        let output = output.expect("a run");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("1 passed"), "{said}");
        return;
    }
    let (bucket, mailbox) = (Bucket::new().await, mailbox());
    let archive = bucket.archive();
    // What a process claims once.
    archive.store(&mailbox, "INBOX", message(100).text(), false).await.expect("stored");
    let message = message(ATTACHMENT);
    let before = peak();
    let large = store(&archive, &mailbox, &message, message.size()).await.expect("stored");
    let claimed = peak() - before;
    assert!(matches!(large, Large::Stored(Stored::New)), "{large:?}");
    let figures = format!("{claimed} bytes claimed by {} bytes of message", message.size());
    writeln!(std::io::stdout(), "{figures}").expect("written");
    assert!(claimed < memory(&mailbox, message.size()) + BESIDES, "{figures}");
    let sizes: Vec<u64> = bucket.sizes("attachments/").await;
    assert!(sizes.iter().filter(|size| **size >= ATTACHMENT as u64).count() == 2, "{sizes:?}");
}
