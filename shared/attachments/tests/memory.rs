//! Memory stays bounded, whatever is sent. One test in a program of its own, because what it measures
//! is the peak of the whole process.

use std::io::Write;

use postroom_attachments::{Defect, Event, MessageIndex, Settings, Unpacker};

const MEGABYTE: usize = 1024 * 1024;

/// The most that unpacking a large message may claim, in kilobytes.
const LARGE: u64 = 256;

/// The most that unpacking anything may claim with the default limits, in kilobytes.
const HOSTILE: u64 = 2_048;

/// Lines of base64 that decode to 57 bytes each.
fn base64_lines(bytes: usize) -> impl Iterator<Item = Vec<u8>> {
    let line = [&[b'Q'; 76][..], b"\r\n"].concat();
    let block = line.repeat(100);
    std::iter::repeat_n(block, bytes / 5_700)
}

/// A part of a message, repeated.
fn repeated(piece: &[u8], bytes: usize) -> impl Iterator<Item = Vec<u8>> {
    let block = piece.repeat(10_000 / piece.len() + 1);
    let times = bytes / block.len() + 1;
    std::iter::repeat_n(block, times)
}

fn once(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    std::iter::once(text.to_vec())
}

/// The most memory that the process has had since it was last reset, in kilobytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
    line.trim_end_matches("kB").trim().parse().expect("a number")
}

/// Resets the peak to what the process has now (proc(5), clear_refs).
fn reset_peak() {
    std::fs::File::options()
        .write(true)
        .open("/proc/self/clear_refs")
        .expect("clear_refs")
        .write_all(b"5")
        .expect("a reset");
}

/// Unpacks a message; its index, and what that claimed in kilobytes.
fn unpack(settings: Settings, message: impl Iterator<Item = Vec<u8>>) -> (MessageIndex, u64) {
    let mut unpacker = Unpacker::new(settings);
    reset_peak();
    let before = peak();
    let mut handed_out = 0;
    let mut count = |event: Event<'_>| {
        if let Event::Bytes { bytes, .. } = event {
            handed_out += bytes.len() as u64;
        }
    };
    for block in message {
        let mut chunk = &block[..];
        while let Some(event) = unpacker.unpack(&mut chunk) {
            count(event);
        }
    }
    while let Some(event) = unpacker.finish() {
        count(event);
    }
    let claimed = peak() - before;
    let index = unpacker.into_index();
    assert_eq!(index.parts.iter().map(|part| part.size).sum::<u64>(), handed_out);
    (index, claimed)
}

fn has(index: &MessageIndex, defect: Defect) -> bool {
    index.defects.iter().any(|noted| noted.defect == defect)
}

#[test]
fn memory_is_bounded_whatever_is_sent() {
    let plain = Settings::default();
    let inside = Settings { look_inside: true, ..plain };
    let mixed = b"Subject: large\r\nContent-Type: multipart/mixed; boundary=b1\r\n\r\n--b1\r\n";
    let base64 = b"Content-Type: application/pdf; name=plan.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    let end = b"\r\n--b1--\r\n";
    // What a process claims once.
    unpack(plain, once(mixed).chain(once(base64)).chain(once(b"cGxhbg==")));
    let mut claims = Vec::new();

    let message = once(mixed).chain(once(base64)).chain(base64_lines(73 * MEGABYTE)).chain(once(end));
    let (index, claimed) = unpack(plain, message);
    assert!(index.parts[0].size > 70 * MEGABYTE as u64);
    assert_eq!(index.defects, []);
    claims.push(("an attachment of 70 MB in a message of 100 MB", claimed));

    let message = once(mixed).chain(once(base64)).chain(repeated(b"QUJD", 10 * MEGABYTE)).chain(once(end));
    let (index, claimed) = unpack(plain, message);
    assert_eq!(index.defects, []);
    claims.push(("a line of 10 MB", claimed));

    let header = once(b"To: ").chain(repeated(b"somebody@example.org,\r\n ", 5 * MEGABYTE));
    let header = header.chain(once(b"\r\nX-Junk: ")).chain(repeated(b"junk", 5 * MEGABYTE));
    let (index, claimed) = unpack(plain, header.chain(once(b"\r\n")).chain(once(mixed)).chain(once(base64)));
    assert_eq!((index.parts.len(), has(&index, Defect::FieldCut)), (1, true));
    claims.push(("a header of 10 MB", claimed));

    let part =
        format!("--b1\r\nContent-Type: application/pdf; name=\"{}.pdf\"\r\n\r\nx\r\n", "a".repeat(2_000));
    let (index, claimed) = unpack(plain, once(mixed).chain(repeated(part.as_bytes(), 2_000 * part.len())));
    assert_eq!((index.parts.len(), has(&index, Defect::TooManyParts)), (1_000 - 1, true));
    claims.push(("2,000 parts with long names", claimed));

    let level = format!("Subject: {}\r\nContent-Type: message/rfc822\r\n\r\n", "s".repeat(60_000));
    let (index, claimed) = unpack(inside, repeated(level.as_bytes(), 100 * level.len()));
    assert_eq!((index.parts.len(), has(&index, Defect::TooDeep)), (1, true));
    claims.push(("100 messages in one another", claimed));

    let hyphens = repeated(b"--b\r\n-\r\n", MEGABYTE).chain(repeated(b"-", 5 * MEGABYTE));
    let (_, claimed) = unpack(plain, once(mixed).chain(once(b"Content-Type: a/b\r\n\r\n")).chain(hyphens));
    claims.push(("hyphens", claimed));

    let quoted = b"Content-Type: a/b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=";
    let (_, claimed) = unpack(plain, once(quoted).chain(repeated(b" ", 5 * MEGABYTE)));
    claims.push(("blanks", claimed));

    let tnef = b"Content-Type: application/ms-tnef\r\n\r\n\x78\x9f\x3e\x22\0\0\
        \x02\x02\x90\x06\0\0\0\0\0\0\0\x02\x0f\x80\x06\0\0\0\0\x70";
    let (index, claimed) = unpack(plain, once(tnef).chain(repeated(b"data", 10 * MEGABYTE)));
    assert_eq!((index.parts.len(), has(&index, Defect::TnefBroken)), (2, true));
    claims.push(("a file of 10 MB in TNEF", claimed));

    assert!(claims[0].1 <= LARGE, "in kB: {claims:#?}");
    assert!(claims.iter().all(|(_, claimed)| *claimed <= HOSTILE), "in kB: {claims:#?}");
}
