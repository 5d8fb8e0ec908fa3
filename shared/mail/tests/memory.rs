//! Memory stays within what is said before, however full a mailbox is. One test in a program of its own,
//! because what it measures is the peak of the whole process.

use postroom_mail::{
    Credential, Protection, imap, pop3,
    source::{Access, Connection, Folder, MayBeKnown, Position, Source},
};
use postroom_model::{MaildropCursor, Prefix, Protocol, SaslPolicy, Server, Tls, UniqueId};
use std::{collections::HashSet, fmt::Write as _, future::Future, io::Write as _, time::Duration};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

/// The most messages that a maildrop may have.
const FULL: u32 = 250_000;
/// Messages of an IMAP folder.
const FOLDER: u32 = 500_000;
/// Messages in a page.
const PAGE: usize = 4_000;
/// What a page and the connection take, in kilobytes.
const BESIDE: u64 = 2_048;

/// The most memory that the process has had since it was last reset, in kilobytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
    line.trim_end_matches("kB").trim().parse().expect("a number")
}

/// Resets the peak to what the process has now (proc(5), clear_refs).
fn reset_peak() {
    let mut reset = std::fs::File::options().write(true).open("/proc/self/clear_refs").expect("clear_refs");
    reset.write_all(b"5").expect("a reset");
}

/// What the server calls a message.
fn name(number: u32) -> String {
    format!("UID{number}-1447683500")
}

/// Sends a line for each message, some at a time, so that the server itself takes little.
async fn list(stream: &mut BufReader<DuplexStream>, messages: u32, line: impl Fn(u32) -> String) {
    for first in (1..=messages).step_by(500) {
        let mut text = String::new();
        for number in first..=messages.min(first + 499) {
            write!(text, "{}\r\n", line(number)).expect("text");
        }
        stream.write_all(text.as_bytes()).await.expect("the client reads");
    }
}

async fn maildrop(stream: DuplexStream, messages: u32) {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"+OK\r\n").await.expect("the client reads");
    let mut line = String::new();
    while stream.read_line(&mut line).await.expect("no failure") > 0 {
        let said = match line.trim_end() {
            "CAPA" => "-ERR\r\n".to_owned(),
            "STAT" => format!("+OK {messages} 1\r\n"),
            command @ ("UIDL" | "LIST") => {
                stream.write_all(b"+OK\r\n").await.expect("the client reads");
                match command {
                    "UIDL" => list(&mut stream, messages, |n| format!("{n} {}", name(n))).await,
                    _ => list(&mut stream, messages, |n| format!("{n} 100")).await,
                }
                ".\r\n".to_owned()
            }
            _ => "+OK\r\n".to_owned(),
        };
        stream.write_all(said.as_bytes()).await.expect("the client reads");
        line.clear();
    }
}

async fn folder(stream: DuplexStream, messages: u32) {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"* OK [CAPABILITY IMAP4rev1] ready\r\n").await.expect("the client reads");
    let mut line = String::new();
    while stream.read_line(&mut line).await.expect("no failure") > 0 {
        let tag = line.split(' ').next().unwrap_or_default().to_owned();
        if line.contains("EXAMINE") {
            let opened = format!("* {messages} EXISTS\r\n* OK [UIDVALIDITY 7]\r\n");
            stream.write_all(opened.as_bytes()).await.expect("the client reads");
        } else if line.contains("FETCH") {
            list(&mut stream, messages, |n| format!("* {n} FETCH (UID {n} RFC822.SIZE 100)")).await;
        }
        stream.write_all(format!("{tag} OK done\r\n").as_bytes()).await.expect("the client reads");
        line.clear();
    }
}

async fn signed_in(protocol: Protocol, stream: DuplexStream) -> Source<DuplexStream> {
    let server = Server { host: "mail.example".into(), port: 993, tls: Tls::Implicit };
    let (protection, idle) = (Protection::Tls, Duration::from_secs(60));
    let connection = match protocol {
        Protocol::Imap => {
            imap::Connection::over(stream, &server, protection, idle, None).await.map(Connection::Imap)
        }
        Protocol::Pop3 => {
            pop3::Connection::over(stream, &server, protection, idle, None).await.map(Connection::Pop3)
        }
    };
    let credential = Credential::Password("s3cret-password".to_owned().into());
    let signed_in = connection.expect("greets").sign_in("ann", &credential, SaslPolicy::Auto).await;
    signed_in.expect("signs in")
}

/// Opens a folder and turns its first page. Returned is what it was said to take and what it took, in
/// kilobytes, and how many messages the page has.
async fn open<F: Future<Output = ()> + Send + 'static>(
    serve: impl FnOnce(DuplexStream) -> F,
    protocol: Protocol,
    position: Position,
    known: impl Iterator<Item = UniqueId>,
) -> (u64, u64, usize) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let server = tokio::spawn(serve(theirs));
    let mut source = signed_in(protocol, ours).await;
    reset_peak();
    let before = peak();
    let said = source.memory(&position).await.expect("is told");
    let mut folder: Folder = source.open("INBOX", Access::ReadOnly, position, PAGE).await.expect("opens");
    if folder.needs_known().is_some() {
        // As it is read: nobody knows before how many there are.
        let mut ids = HashSet::new();
        known.for_each(|id| _ = ids.insert(id));
        folder.know(ids);
    }
    let page = source.page(&mut folder).await.expect("works").expect("there is one");
    let took = peak() - before;
    assert!(folder.memory() <= said, "{} of {said}", folder.memory());
    server.abort();
    (said >> 10, took, page.entries.len())
}

#[tokio::test]
async fn the_fullest_mailboxes_take_what_was_said() {
    // First, while nothing lies free in the process that others have given back.
    let position = Position::Uid { recorded: None, may_be_known: MayBeKnown::Nothing, origin: 1 };
    let none = std::iter::empty();
    let serve = |stream| folder(stream, FOLDER);
    let (said, took, page) = open(serve, Protocol::Imap, position, none).await;
    assert_eq!((said, page), (0, PAGE));
    assert!(took <= BESIDE, "an IMAP folder: {took} kB");

    let at_maildrop =
        |recorded| Position::Maildrop { recorded, may_be_known: MayBeKnown::Nothing, origin: 1 };
    let none = std::iter::empty();
    let serve = |stream| maildrop(stream, FULL);
    let (said, took, page) = open(serve, Protocol::Pop3, at_maildrop(None), none).await;
    assert_eq!(page, PAGE);
    assert!(took <= said + BESIDE && said <= 32 << 10, "a new maildrop: {took} kB of {said}");

    // The listing is another than before, and the set of ids decides.
    let done = FULL - 1_000;
    let start = MaildropCursor::start(1);
    let prefix = Prefix::default().then(UniqueId::of_uidl("gone"));
    let (part, filled) = (done / MaildropCursor::PART, done % MaildropCursor::PART);
    let recorded = MaildropCursor { prefix, part, filled, ..start };
    let known = (1..=done).map(|number| UniqueId::of_uidl(&name(number)));
    let (said, took, page) = open(serve, Protocol::Pop3, at_maildrop(Some(recorded)), known).await;
    assert_eq!(page, 1_000);
    assert!(took <= said + BESIDE && said <= 32 << 10, "one that was listed before: {took} kB of {said}");
}
