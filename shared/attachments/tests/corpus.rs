//! The corpus of awkward messages: what is made of each, that chunks make no difference, and where
//! Python's `email` package sees it differently.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use postroom_attachments::{Attachment, Defect, Event, Limits, MessageIndex, Noted, Settings, Unpacker};

/// Where Postroom's answer is not Python's, and why.
const INTENDED: [(&str, &str); 24] = [
    ("base64-blank-lines", "Python takes `BASE64 ` with a blank after it for another encoding"),
    ("base64-blocks", "Python stops at the first padding; senders encode block by block"),
    ("base64-no-padding", "Python gives base64 up that has a character too many; we keep what is whole"),
    ("blank-before-colon", "Python takes a field with a blank before its colon for the body"),
    (
        "boundary-same-twice",
        "where multiparts share a boundary, Python takes the first end for the end of all",
    ),
    ("deeply-nested", "what lies deeper than the bound is kept whole"),
    ("delivery-report", VERBATIM),
    ("encoding-uuencode", "Python decodes it; RFC 2045 knows no such encoding, and we keep the bytes"),
    ("external-body", VERBATIM),
    ("name-long", "a declared name is kept up to 512 bytes"),
    ("name-quotes", "Python keeps a quote that is not closed"),
    ("name-raw-8bit", "Python replaces raw bytes; we read them as UTF-8, else as Windows-1252"),
    (
        "name-rfc2231",
        "RFC 6266 prefers `filename*`, Python `filename`; and without a character set it is UTF-8",
    ),
    ("nested-base64", "Python parses the base64 as a message; we decode it first"),
    ("parts-by-thousands", "there is a bound: a thousand parts"),
    ("pgp-signed-nested", VERBATIM),
    (
        "quoted-printable-broken",
        "RFC 2045 drops blanks at the end of a line, and allows them in a soft break",
    ),
    ("smime-signed", VERBATIM),
    ("tnef-checksum", TNEF),
    ("tnef-code-page", TNEF),
    ("tnef-cut", TNEF),
    ("tnef-good", TNEF),
    ("tnef-lies", TNEF),
    ("tnef-names", TNEF),
];

const VERBATIM: &str = "Python writes what it parsed anew, with a line end more; we keep the bytes";
const TNEF: &str = "Python does not unpack TNEF";

fn corpus() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let entries = folder.read_dir().expect("the corpus");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let messages = paths.filter(|path| path.extension().is_some_and(|extension| extension == "eml"));
    let name = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let mut corpus: Vec<_> = messages.map(|path| (name(&path), path)).collect();
    corpus.sort();
    corpus
}

/// What an unpacker says and hands out, its bytes put together.
#[derive(Debug, PartialEq)]
struct Unpacked {
    /// What began and ended, in order.
    order: Vec<(usize, bool)>,
    contents: BTreeMap<usize, Vec<u8>>,
    index: MessageIndex,
}

fn unpack<'a>(settings: Settings, chunks: impl IntoIterator<Item = &'a [u8]>) -> Unpacked {
    let mut unpacker = Unpacker::new(settings);
    let mut order = Vec::new();
    let mut contents: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    let mut take = |event: Event<'_>| match event {
        Event::Begun { number, .. } => {
            order.push((number, true));
            assert_eq!(contents.insert(number, Vec::new()), None, "begins once");
        }
        Event::Bytes { number, bytes } => {
            assert!(!bytes.is_empty());
            contents.get_mut(&number).expect("it has begun").extend_from_slice(bytes);
        }
        Event::Ended { number, attachment } => {
            order.push((number, false));
            assert_eq!(attachment.size, contents[&number].len() as u64);
        }
    };
    for mut chunk in chunks {
        while let Some(event) = unpacker.unpack(&mut chunk) {
            take(event);
        }
    }
    while let Some(event) = unpacker.finish() {
        take(event);
    }
    let index = unpacker.into_index();
    assert_eq!(order.len(), 2 * index.parts.len(), "what has begun has ended");
    Unpacked { order, contents, index }
}

#[test]
fn every_message_is_unpacked_as_expected() {
    let mut report = String::new();
    for (name, path) in corpus() {
        let message = std::fs::read(path).expect("a message");
        writeln!(report, "{name}").expect("text");
        let plain = unpack(Settings::default(), [&message[..]]).index;
        describe(&mut report, &plain, "  ");
        let settings = Settings { inline_images: true, look_inside: true, ..Settings::default() };
        let more = unpack(settings, [&message[..]]).index;
        if (&more.parts, &more.defects) != (&plain.parts, &plain.defects) {
            report.push_str("  with inline images and a look inside\n");
            describe(&mut report, &more, "    ");
        }
    }
    insta::assert_snapshot!("corpus", report);
}

fn describe(report: &mut String, index: &MessageIndex, indent: &str) {
    for Attachment { part, size, sha256 } in &index.parts {
        let digest = &sha256.to_string()[..8];
        let name = part.declared_name.as_deref().filter(|declared| *declared != part.name);
        let declared = name.map(|name| format!(" {name:?}")).unwrap_or_default();
        let part = format!("{} {:?}{declared} {}", part.path, part.name, part.content_type);
        writeln!(report, "{indent}{part} {size} {digest}").expect("text");
    }
    for Noted { path, defect } in &index.defects {
        let place = if path.is_empty() { "message" } else { path };
        writeln!(report, "{indent}! {defect:?} in {place}").expect("text");
    }
}

#[test]
fn it_makes_no_difference_how_a_message_is_cut() {
    for (name, path) in corpus() {
        let message = std::fs::read(path).expect("a message");
        let settings = Settings { inline_images: true, look_inside: true, ..Settings::default() };
        let whole = unpack(settings, [&message[..]]);
        let bytes = unpack(settings, message.chunks(1));
        assert_eq!(bytes, whole, "{name}, byte by byte");
        for split in 0..message.len() {
            let halves = unpack(settings, [&message[..split], &message[split..]]);
            assert_eq!(halves, whole, "{name}, cut at {split}");
        }
    }
}

#[test]
fn what_is_kept_whole_is_kept_byte_by_byte() {
    for (name, boundary) in [("smime-signed", "sig"), ("pgp-encrypted", "enc")] {
        let (_, path) = corpus().into_iter().find(|(found, _)| found == name).expect("the message");
        let message = std::fs::read(path).expect("a message");
        let unpacked = unpack(Settings::default(), [&message[..]]);
        let kept = String::from_utf8(unpacked.contents[&0].clone()).expect("text");
        let (header, body) = kept.split_once("\r\n\r\n").expect("a header");
        assert!(header.starts_with("MIME-Version: 1.0\r\nContent-Type: multipart/"), "{header}");
        assert!(header.contains(boundary), "{header}");
        assert!(message.ends_with(format!("\r\n\r\n{body}").as_bytes()), "{name}");
        assert!(body.contains(&format!("--{boundary}\r\n")), "{body}");
    }
}

#[test]
fn whatever_is_broken_nothing_panics_and_chunks_make_no_difference() {
    let mut random = fastrand::Rng::with_seed(5);
    let messages: Vec<Vec<u8>> =
        corpus().iter().map(|(_, path)| std::fs::read(path).expect("a message")).collect();
    let odd: [&[u8]; 12] =
        [b"\r\n", b"\n\n", b"--", b"--b1\r\n", b"\r", b"=", b";", b"\"", b"=?", b"?=", b"*0*=", b"\0\xff"];
    for round in 0..5_000 {
        let mut message = messages[random.usize(0..messages.len())].clone();
        for _ in 0..random.usize(1..8) {
            let at = random.usize(0..=message.len());
            let end = (at + random.usize(0..20)).min(message.len());
            let other = &messages[random.usize(0..messages.len())];
            let from = random.usize(0..=other.len());
            let to = (from + random.usize(0..200)).min(other.len());
            let piece = if random.bool() { odd[random.usize(0..odd.len())] } else { &other[from..to] };
            message.splice(at..end, piece.iter().copied());
        }
        let settings = Settings {
            inline_images: random.bool(),
            look_inside: random.bool(),
            limits: Limits {
                header_bytes: random.usize(0..5_000),
                depth: random.usize(0..5),
                ..Limits::default()
            },
        };
        let whole = unpack(settings, [&message[..]]);
        let length = random.usize(1..50);
        let pieces = unpack(settings, message.chunks(length));
        let shown = || String::from_utf8_lossy(&message).into_owned();
        assert_eq!(pieces, whole, "round {round}, chunks of {length}:\n{}", shown());
    }
}

fn large_header() -> String {
    let junk = format!("X-Junk: {}\r\n {}\r\n", "j".repeat(900), "k".repeat(900)).repeat(300);
    let to = format!("To: somebody@example.org{}\r\n", ",\r\n somebody@example.org".repeat(25_000));
    format!("{junk}{to}Content-Type: application/pdf; name=plan.pdf\r\n\r\nplan\r\n")
}

fn many_parts() -> String {
    let part = "--b1\r\nContent-Type: application/pdf; name=plan.pdf\r\n\r\nplan\r\n".repeat(2_000);
    format!("Content-Type: multipart/mixed; boundary=b1\r\n\r\n{part}--b1--\r\n")
}

#[test]
fn a_name_in_tnef_that_comes_too_late_stands_in_the_index() {
    let (_, path) = corpus().into_iter().find(|(name, _)| name == "tnef-good").expect("the message");
    let message = std::fs::read(path).expect("a message");
    let limits = Limits { tnef_hold_bytes: 4, ..Limits::default() };
    let index = unpack(Settings { limits, ..Settings::default() }, message.chunks(10)).index;
    let file = &index.parts[1].part;
    assert_eq!((&file.name[..], file.declared_name.as_deref()), ("part-2.1.bin", Some("Site plan ä.pdf")));
    assert!(index.defects.contains(&Noted { path: "2.1".into(), defect: Defect::TnefNameLate }));
    // Here the name came first.
    assert_eq!(index.parts[2].part.name, "diary.txt");
}

#[test]
fn python_sees_the_same_but_for_what_is_intended() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut corpus = corpus();
    for (name, message) in [("header-of-a-megabyte", large_header()), ("parts-by-thousands", many_parts())] {
        let path = folder.path().join(name);
        std::fs::write(&path, message).expect("a message");
        corpus.push((name.to_owned(), path));
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/compare.py");
    let output = Command::new("python3").arg(script).args(corpus.iter().map(|(_, path)| path)).output();
    let output = output.expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    type Found = Vec<(Option<String>, u64, String)>;
    let theirs: BTreeMap<PathBuf, Found> = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut unexpected = String::new();
    for (name, path) in &corpus {
        let message = std::fs::read(path).expect("a message");
        let parts = unpack(Settings::default(), [&message[..]]).index.parts;
        let ours: Found = parts
            .into_iter()
            .map(|found| (found.part.declared_name, found.size, found.sha256.to_string()))
            .collect();
        let intended = INTENDED.iter().any(|(differing, _)| differing == name);
        if (ours == theirs[path]) == intended {
            writeln!(unexpected, "{name}\n  ours   {ours:?}\n  theirs {:?}", theirs[path]).expect("text");
        }
    }
    assert!(unexpected.is_empty(), "{unexpected}");
}
