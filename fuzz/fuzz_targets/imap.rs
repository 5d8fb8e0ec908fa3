//! The IMAP reader and what it makes of refusals, from the greeting to the goodbye.
//!
//! Claims: however a server's words are cut, the same comes of them, the class of a failure included; a
//! text is exactly what the server sent, and as long as it was announced; memory stays within bounds;
//! every conversation ends; nothing is a refused password before one was sent; and no failure and no
//! transcript holds a secret.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom_fuzz::{FakeServer, Heard, IDLE, Input, TARGET, USER};
use postroom_mail::{
    Error, Protection, Transcript,
    imap::{Access, Bodies, Connection, Session, UidSet},
};
use postroom_model::SaslPolicy;
use std::fmt::Write;

/// The most memory that a conversation may take, beyond a share of what it was told: the window, the
/// longest response as it came and as it was read, one chunk, the transcript.
const MEMORY: usize = 2 * 1024 * 1024;
/// The most messages of a listing.
const CAP: usize = 500;
/// The most texts that are asked for in one command.
const TEXTS: usize = 3;

type Client<'s> = Session<&'s mut FakeServer>;

fuzz_target!(|data: &[u8]| {
    let said = FakeServer::with_tags(Input::new(data).said);
    let heard = Heard::from(data, &said, MEMORY + 64 * said.len(), poll);
    for text in &heard.texts {
        assert!(stands_in(text, &said), "a text that the server did not send: {text:?}");
    }
});

async fn poll(
    input: Input<'_>,
    server: &mut FakeServer,
    transcript: Option<&Transcript>,
    heard: &mut Heard,
) -> Result<(), Error> {
    let connection = Connection::over(server, &TARGET, Protection::Tls, IDLE, transcript).await;
    let Some(connection) = heard.greeted(connection) else { return Ok(()) };
    let mut session = connection.sign_in(USER, &heard.credential, SaslPolicy::Auto).await?;
    if input.option(3) {
        let wanted = ["INBOX".to_owned(), r"\Sent".to_owned(), "Arch*/%".to_owned()];
        let folders = session.resolve_folders(&wanted).await;
        heard.note(folders)?;
    }
    let access = if input.option(4) { Access::ReadWrite } else { Access::ReadOnly };
    let opened = session.open("INBOX", access, Some(1), CAP).await?;
    _ = write!(heard.story, "{opened:?} ");
    let entries = opened.listing.map(|listing| listing.entries).unwrap_or_default();
    assert!(entries.len() <= CAP && entries.windows(2).all(|pair| pair[0].uid < pair[1].uid));
    let uids: Vec<u32> = entries.iter().map(|entry| entry.uid).take(2 * TEXTS).collect();
    let batches: Vec<UidSet> =
        uids.chunks(TEXTS).flat_map(|uids| UidSet::split(uids.iter().copied())).collect();
    if input.option(5) {
        read(session.headers(batches.clone()), heard).await?;
    }
    read(session.bodies(batches.clone()), heard).await?;
    if let Some(set) = batches.first() {
        afterwards(&mut session, set, heard).await?;
    }
    session.logout().await;
    Ok(())
}

/// What is done to messages that are archived.
async fn afterwards(session: &mut Client<'_>, set: &UidSet, heard: &mut Heard) -> Result<(), Error> {
    let exists = session.exists(1).await;
    heard.note(exists)?;
    let read = session.mark_read(set).await;
    heard.note(read)?;
    let moved = session.move_to(set, "Archive").await;
    heard.note(moved)
}

/// Reads texts; what is refused is passed over.
async fn read(mut bodies: Bodies<'_, &mut FakeServer>, heard: &mut Heard) -> Result<(), Error> {
    loop {
        let mut body = match bodies.next().await {
            Ok(Some(body)) => body,
            Ok(None) => return Ok(()),
            Err(error) => {
                heard.pass_over(error)?;
                continue;
            }
        };
        let announced = body.size();
        let mut text = Vec::new();
        while let Some(chunk) = body.chunk().await? {
            assert!(!chunk.is_empty() && chunk.len() <= 64 * 1024);
            text.extend_from_slice(&chunk);
        }
        assert_eq!(text.len() as u64, announced);
        _ = write!(heard.story, "{} ", body.finish().await?);
        heard.texts.push(text);
    }
}

/// Whether a server that said this sent this text: as a literal, or in quotes.
fn stands_in(text: &[u8], said: &[u8]) -> bool {
    let literal = |line_end| [format!("{}}}{line_end}", text.len()).as_bytes(), text].concat();
    let literals = [literal("\r\n"), literal("\n")];
    let is_literal = literals.iter().any(|form| said.windows(form.len()).any(|piece| piece == *form));
    let mut quotes = (0..said.len()).filter(|at| said[*at] == b'"');
    is_literal || quotes.any(|at| is_quoted(text, &said[at + 1..]))
}

/// Whether this begins with the text and a quote. A backslash stands before what is meant as it is.
fn is_quoted(text: &[u8], said: &[u8]) -> bool {
    let mut said = said.iter();
    text.iter().all(|byte| match said.next() {
        Some(b'\\') => said.next() == Some(byte),
        Some(b'"') | None => false,
        other => other == Some(byte),
    }) && said.next() == Some(&b'"')
}
