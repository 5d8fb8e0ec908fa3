//! The POP3 reader, from the greeting to QUIT.
//!
//! Claims: however a server's words are cut, the same comes of them; a text is exactly what the server
//! sent, its stuffed dots undone; memory stays within bounds; every conversation ends; and no failure and
//! no transcript holds a secret.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom_fuzz::{FakeServer, Heard, IDLE, Input, TARGET, USER};
use postroom_mail::{
    Error, Protection, Transcript,
    pop3::{Bodies, Connection, Session},
};
use postroom_model::SaslPolicy;
use std::fmt::Write;

/// The most memory that a conversation may take, beyond a share of what it was told and its listing:
/// the window, the longest response, one chunk, the transcript.
const MEMORY: usize = 1024 * 1024;
/// The most memory that a listing may take for each message, while it grows.
const PER_MESSAGE: usize = 24 * 3;
/// The most messages of a mailbox.
const MESSAGES: usize = 1_000_000;
/// The most texts that are asked for.
const TEXTS: usize = 4;

type Client<'s> = Session<&'s mut FakeServer>;

fuzz_target!(|data: &[u8]| {
    let said = Input::new(data).said;
    let most = MEMORY + 16 * data.len() + PER_MESSAGE * highest_number(said);
    let heard = Heard::from(data, said, most, poll);
    for text in &heard.texts {
        assert!(stands_in(text, said), "a text that the server did not send: {text:?}");
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
    _ = write!(heard.story, "{:?} ", connection.capabilities());
    let policy = match (input.option(2), input.option(3)) {
        (_, false) => SaslPolicy::Auto,
        (false, true) => SaslPolicy::Apop,
        (true, true) => SaslPolicy::Xoauth2,
    };
    let mut session = connection.sign_in(USER, &heard.credential, policy).await?;
    let numbers = list(&mut session, heard).await?;
    if input.option(4) {
        read(session.headers(numbers.clone()), heard).await?;
    }
    read(session.retrieve(numbers.clone()), heard).await?;
    if input.option(5) {
        let deleted = session.delete(&numbers).await;
        heard.note(deleted)?;
    }
    session.quit().await.map(drop)
}

/// Lists the mailbox; the numbers of its first messages.
async fn list(session: &mut Client<'_>, heard: &mut Heard) -> Result<Vec<u32>, Error> {
    let mut listing = session.list().await?;
    let sized = session.list_sizes(&mut listing).await;
    heard.note(sized)?;
    let messages: Vec<_> = listing.iter().collect();
    assert!(messages.windows(2).all(|pair| pair[0].number < pair[1].number));
    let has_uidls = listing.has_uidls() || listing.present() == 0;
    assert!(has_uidls || messages.iter().all(|message| message.uidl.is_none()));
    _ = write!(heard.story, "{} {messages:?} ", listing.present());
    let exists = session.exists(1).await;
    heard.note(exists)?;
    Ok(messages.iter().map(|message| message.number).take(TEXTS).collect())
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
        let mut text = Vec::new();
        while let Some(chunk) = body.chunk().await? {
            assert!(!chunk.is_empty() && chunk.len() <= 64 * 1024);
            text.extend_from_slice(&chunk);
        }
        _ = write!(heard.story, "{} ", body.finish().await?);
        heard.texts.push(text);
    }
}

/// The highest number of a message that a server can have listed.
fn highest_number(said: &[u8]) -> usize {
    let lines = said.split(|byte| *byte == b'\n');
    let numbers = lines.filter_map(|line| {
        let line = line.strip_prefix(b".").unwrap_or(line).trim_ascii_start();
        let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
        std::str::from_utf8(&line[..digits]).ok()?.parse().ok()
    });
    numbers.filter(|number| *number <= MESSAGES).max().unwrap_or_default()
}

/// Whether a server that said this sent this text, as RFC 1939 section 3 has it sent.
fn stands_in(text: &[u8], said: &[u8]) -> bool {
    let mut begins = (1..said.len()).filter(|at| said[at - 1] == b'\n');
    begins.any(|at| stands_at(text, &said[at..], b"\r\n") || stands_at(text, &said[at..], b"\n"))
}

fn stands_at(mut text: &[u8], mut said: &[u8], line_end: &[u8]) -> bool {
    while let Some(length) = said.windows(line_end.len()).position(|piece| piece == line_end) {
        let (line, rest) = said.split_at(length + line_end.len());
        if line == b".\r\n" || line == b".\n" {
            return text.is_empty();
        }
        match text.strip_prefix(line.strip_prefix(b".").unwrap_or(line)) {
            Some(after) => (text, said) = (after, rest),
            None => return false,
        }
    }
    false
}
