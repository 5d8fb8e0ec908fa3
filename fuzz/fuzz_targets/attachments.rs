//! The walk through a message to its attachments.
//!
//! Claims: however a message is cut, the same comes of it; memory stays within the bounds that
//! `postroom-attachments` gives; no byte is handed out more than three times; what begins ends, with the
//! size and digest of what was handed out; and names are safe and unlike one another.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom_attachments::{Event, Limits, MessageIndex, Settings, Sha256Sum, Unpacker};
use postroom_fuzz::{Input, Pieces, bounded};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};

/// The most memory that unpacking may take with the default limits.
const MEMORY: usize = 2 * 1024 * 1024;
/// How often a byte may be handed out.
const TIMES: usize = 3;
/// The longest name, in bytes.
const NAME: usize = 200;

/// What was unpacked: the bytes of each attachment, and the index.
#[derive(Debug, PartialEq)]
struct Unpacked {
    contents: BTreeMap<usize, Vec<u8>>,
    index: MessageIndex,
}

fuzz_target!(|data: &[u8]| {
    let input = Input::new(data);
    let tight = Limits { header_bytes: 200, depth: 3, parts: 5, description_bytes: 100, tnef_hold_bytes: 50 };
    let settings = Settings {
        inline_images: input.option(0),
        look_inside: input.option(1),
        limits: if input.option(2) { tight } else { Limits::default() },
    };
    bounded(MEMORY, || drain(settings, input.said));
    let whole = unpack(settings, input.said, Pieces::Whole);
    let cut = unpack(settings, input.said, Pieces::of(data));
    assert_eq!(whole, cut, "pieces make a difference");
    if input.said.len() <= 2_000 {
        assert_eq!(whole, unpack(settings, input.said, Pieces::single()), "pieces make a difference");
    }
    check(&whole, settings, input.said);
});

/// Unpacks and keeps nothing.
fn drain(settings: Settings, mut message: &[u8]) {
    let mut unpacker = Unpacker::new(settings);
    while unpacker.unpack(&mut message).is_some() {}
    unpacker.into_index();
}

fn unpack(settings: Settings, message: &[u8], mut pieces: Pieces) -> Unpacked {
    let mut unpacker = Unpacker::new(settings);
    let mut contents: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    let mut open = HashSet::new();
    let mut take = |event: Event<'_>| match event {
        Event::Begun { number, .. } => {
            assert!(contents.insert(number, Vec::new()).is_none(), "it begins once");
            open.insert(number);
            assert!(open.len() <= 3, "{} at once", open.len());
        }
        Event::Bytes { number, bytes } => {
            assert!(!bytes.is_empty() && open.contains(&number));
            contents.entry(number).or_default().extend_from_slice(bytes);
        }
        Event::Ended { number, attachment } => {
            assert!(open.remove(&number), "it ends once");
            let sha256 = Sha256Sum(Sha256::digest(&contents[&number]).into());
            assert_eq!((attachment.size, attachment.sha256), (contents[&number].len() as u64, sha256));
        }
    };
    let mut rest = message;
    while !rest.is_empty() {
        let (mut chunk, after) = rest.split_at(pieces.next(rest.len()));
        while let Some(event) = unpacker.unpack(&mut chunk) {
            take(event);
        }
        rest = after;
    }
    while let Some(event) = unpacker.finish() {
        take(event);
    }
    assert!(open.is_empty(), "what begins ends");
    Unpacked { contents, index: unpacker.into_index() }
}

fn check(unpacked: &Unpacked, settings: Settings, message: &[u8]) {
    let Unpacked { contents, index } = unpacked;
    let parts = &index.parts;
    assert!(contents.keys().copied().eq(0..parts.len()), "parts are numbered as they stand in the index");
    let handed_out: usize = contents.values().map(Vec::len).sum();
    assert!(handed_out <= TIMES * message.len(), "{handed_out} bytes of {}", message.len());
    // A message is not counted among its own parts, nor is a nested one.
    assert!(parts.len() <= 2 * settings.limits.parts + 1, "{} parts: {parts:?}", parts.len());
    let mut names = HashSet::new();
    for (number, attachment) in parts.iter().enumerate() {
        let name = &attachment.part.name;
        assert_eq!(attachment.size, contents[&number].len() as u64);
        assert!((1..=NAME).contains(&name.len()), "{name:?}");
        let is_unsafe = |c: char| c.is_control() || r#"/\<>:"|?*"#.contains(c);
        assert!(
            !name.contains(is_unsafe) && !name.starts_with(['.', ' ']) && !name.ends_with(['.', ' ']),
            "{name:?}"
        );
        assert!(names.insert(name.to_lowercase()), "two are called {name:?}");
    }
}
