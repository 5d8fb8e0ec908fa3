//! The IMAP reader and what it makes of refusals, from the greeting to the goodbye.
//!
//! Claims: however a server's words are cut, the same comes of them, the class of a failure included; a
//! text is exactly what the server sent, and as long as it was announced; memory stays within bounds;
//! every conversation ends; nothing is a refused password before one was sent; and no failure and no
//! transcript holds a secret.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom_fuzz::{
    Ending, FakeServer, IDLE, Input, Pieces, TARGET, USER, bounded, check_early_error, check_error,
    check_transcript, password, run, token,
};
use postroom_mail::{
    Credential, Error, Protection, Transcript,
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

/// What came of a conversation.
struct Heard {
    credential: Credential,
    story: String,
    texts: Vec<Vec<u8>>,
}

fuzz_target!(|data: &[u8]| {
    let input = Input::new(data);
    let said = FakeServer::with_tags(input.said);
    let most = MEMORY + 64 * said.len();
    let whole = bounded(most, || converse(input, &said, Pieces::Whole));
    let cut = bounded(most, || converse(input, &said, Pieces::of(data)));
    assert_eq!((&whole.story, &whole.texts), (&cut.story, &cut.texts), "pieces make a difference");
    for text in &whole.texts {
        assert!(stands_in(text, &said), "a text that the server did not send: {text:?}");
    }
});

fn converse(input: Input<'_>, said: &[u8], pieces: Pieces) -> Heard {
    let ending = if input.option(0) { Ending::Hangs } else { Ending::Closes };
    let mut server = FakeServer::new(said.to_vec(), pieces, ending);
    let credential = if input.option(2) { token() } else { password() };
    let mut heard = Heard { credential, story: String::new(), texts: Vec::new() };
    run(async {
        let transcript = input.option(1).then(Transcript::new);
        if let Err(error) = poll(input, &mut server, transcript.as_ref(), &mut heard).await {
            let shown = check_error(&error, &heard.credential);
            heard.story.push_str(&shown);
        }
        if let Some(transcript) = transcript {
            check_transcript(&transcript, &heard.credential);
        }
    });
    heard
}

async fn poll(
    input: Input<'_>,
    server: &mut FakeServer,
    transcript: Option<&Transcript>,
    heard: &mut Heard,
) -> Result<(), Error> {
    let connection = match Connection::over(server, &TARGET, Protection::Tls, IDLE, transcript).await {
        Ok(connection) => connection,
        Err(error) => {
            heard.story = check_early_error(&error);
            return Ok(());
        }
    };
    let mut session = connection.sign_in(USER, &heard.credential, SaslPolicy::Auto).await?;
    if input.option(3) {
        let wanted = ["INBOX".to_owned(), r"\Sent".to_owned(), "Arch*/%".to_owned()];
        let folders = session.resolve_folders(&wanted).await;
        note(folders.map(|folders| _ = write!(heard.story, "{folders:?} ")), heard)?;
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
    note(exists.map(|exists| _ = write!(heard.story, "{exists} ")), heard)?;
    let read = session.mark_read(set).await;
    note(read, heard)?;
    let moved = session.move_to(set, "Archive").await;
    note(moved, heard)
}

/// Reads texts; what is refused is passed over.
async fn read(mut bodies: Bodies<'_, &mut FakeServer>, heard: &mut Heard) -> Result<(), Error> {
    loop {
        let mut body = match bodies.next().await {
            Ok(Some(body)) => body,
            Ok(None) => return Ok(()),
            Err(error) => {
                note(Err(error), heard)?;
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

/// Passes on what ends a session.
fn note(result: Result<(), Error>, heard: &mut Heard) -> Result<(), Error> {
    match result {
        Err(error) if error.leaves_session_usable() => {
            let shown = check_error(&error, &heard.credential);
            heard.story.push_str(&shown);
            Ok(())
        }
        result => result,
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
