//! An IMAP server on loopback that is honest but for one quirk.
//!
//! It knows one mailbox, `INBOX`, and the few commands that a careful client sends. What it does
//! wrong, it does as servers were seen to do it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What the server does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quirk {
    /// Nothing.
    None,
    /// It closes the connection in the middle of the message with this UID.
    ClosesInLiteral(u32),
    /// It announces fewer bytes than it sends for the message with this UID.
    SendsMoreThanAnnounced(u32),
    /// It lists the message with this UID and never delivers it.
    Withholds(u32),
    /// It refuses every command that asks for the text of the message with this UID.
    Refuses(u32),
    /// It delivers the message with this UID as an empty one.
    Empties(u32),
    /// It answers the sign-in with bytes that mean nothing.
    Garbage,
    /// It answers the sign-in with a line that never ends.
    EndlessLine,
    /// It accepts the connection and says nothing.
    Silent,
    /// It greets, and then sends a byte a second.
    Drips,
    /// It asks to be left alone for so many milliseconds.
    Throttles(u64),
    /// It announces a message of four gigabytes and sends zeros for as long as somebody reads.
    Huge,
    /// It sends endless unsolicited answers.
    Chatters,
    /// It rests five milliseconds before every message.
    Slow,
}

/// A running server; it stops when this is dropped.
#[derive(Debug)]
pub struct OddServer {
    address: SocketAddr,
    delivered: Arc<AtomicUsize>,
    deletions: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl OddServer {
    /// Serves the messages, with UIDs from 1, on a free port of loopback.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start(messages: Vec<Vec<u8>>, quirk: Quirk) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let messages = Arc::new(messages);
        let delivered = Arc::new(AtomicUsize::new(0));
        let deletions = Arc::new(AtomicUsize::new(0));
        let (counter, deleted) = (Arc::clone(&delivered), Arc::clone(&deletions));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let messages = Arc::clone(&messages);
                let (delivered, deletions) = (Arc::clone(&counter), Arc::clone(&deleted));
                tokio::spawn(async move {
                    // An error is a client that went away.
                    let _ = Conversation {
                        stream: BufReader::new(stream),
                        messages,
                        delivered,
                        deletions,
                        quirk,
                    }
                    .run()
                    .await;
                });
            }
        });
        Self { address, delivered, deletions, task }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl OddServer {
    /// How many commands it got that mark messages as deleted.
    pub fn deletions(&self) -> usize {
        self.deletions.load(Ordering::Relaxed)
    }

    /// How many texts it has begun to deliver.
    pub fn delivered(&self) -> usize {
        self.delivered.load(Ordering::Relaxed)
    }
}

impl Drop for OddServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Conversation {
    stream: BufReader<TcpStream>,
    messages: Arc<Vec<Vec<u8>>>,
    delivered: Arc<AtomicUsize>,
    deletions: Arc<AtomicUsize>,
    quirk: Quirk,
}

impl Conversation {
    async fn run(mut self) -> std::io::Result<()> {
        if self.quirk == Quirk::Silent {
            std::future::pending::<()>().await;
        }
        self.say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n").await?;
        let mut line = String::new();
        while self.stream.read_line(&mut line).await? > 0 {
            let (tag, command) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
            let verb = command.to_ascii_uppercase();
            let done = format!("{tag} OK done\r\n");
            match () {
                () if verb.starts_with("AUTHENTICATE") || verb.starts_with("LOGIN") => {
                    self.sign_in(&done, tag).await?;
                }
                () if verb.starts_with("EXAMINE") || verb.starts_with("SELECT") => {
                    let (exists, next) = (self.messages.len(), self.messages.len() + 1);
                    let answer = format!(
                        "* {exists} EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT {next}] n\r\n{done}"
                    );
                    self.say(&answer).await?;
                }
                () if verb.starts_with("UID FETCH") => self.fetch(&verb, &done).await?,
                () if verb.starts_with("UID SEARCH UID ") => {
                    let uid = &verb["UID SEARCH UID ".len()..];
                    self.say(&format!("* SEARCH {uid}\r\n{done}")).await?;
                }
                () if verb == "LOGOUT" => {
                    self.say(&format!("* BYE bye\r\n{done}")).await?;
                    return Ok(());
                }
                () => {
                    let deletes = verb.contains("\\DELETED");
                    self.deletions.fetch_add(usize::from(deletes), Ordering::Relaxed);
                    self.say(&done).await?;
                }
            }
            line.clear();
        }
        Ok(())
    }

    async fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.stream.get_mut().write_all(text.as_bytes()).await
    }

    async fn sign_in(&mut self, done: &str, tag: &str) -> std::io::Result<()> {
        match self.quirk {
            Quirk::Garbage => self.stream.get_mut().write_all(&[0xff, 0, b'\r', b'\n'].repeat(64)).await,
            Quirk::EndlessLine => loop {
                self.say(&"* OK never ends ".repeat(512)).await?;
            },
            Quirk::Drips => loop {
                self.say("*").await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            },
            Quirk::Chatters => loop {
                self.say(&"* 1 EXISTS\r\n".repeat(512)).await?;
                tokio::time::sleep(Duration::from_millis(10)).await;
            },
            Quirk::Throttles(pause) => {
                let words = format!("Request is throttled. Suggested Backoff Time: {pause} milliseconds");
                self.say(&format!("{tag} NO {words}\r\n")).await
            }
            _ => self.say(done).await,
        }
    }

    async fn fetch(&mut self, verb: &str, done: &str) -> std::io::Result<()> {
        let set = verb["UID FETCH ".len()..].split(' ').next().unwrap_or_default().to_owned();
        let texts = verb.contains("BODY");
        if let Quirk::Refuses(refused) = self.quirk
            && texts
            && self.uids(&set).contains(&refused)
        {
            let tag = done.split(' ').next().unwrap_or_default();
            return self.say(&format!("{tag} NO [SERVERBUG] Internal error occurred\r\n")).await;
        }
        for uid in self.uids(&set) {
            let text = self.messages[uid as usize - 1].clone();
            if verb.contains("BODY.PEEK[HEADER]") {
                let end =
                    text.windows(4).position(|four| four == b"\r\n\r\n").map_or(text.len(), |at| at + 4);
                let sizes = format!("UID {uid} RFC822.SIZE {} BODY[HEADER] {{{end}}}", text.len());
                self.say(&format!("* {uid} FETCH ({sizes}\r\n")).await?;
                self.stream.get_mut().write_all(&text[..end]).await?;
                self.say(")\r\n").await?;
                continue;
            }
            if !texts {
                self.say(&format!("* {uid} FETCH (UID {uid} RFC822.SIZE {})\r\n", text.len())).await?;
                continue;
            }
            match self.quirk {
                Quirk::Withholds(quiet) if quiet == uid => continue,
                Quirk::Empties(empty) if empty == uid => {
                    self.say(&format!("* {uid} FETCH (UID {uid} BODY[] \"\")\r\n")).await?;
                    continue;
                }
                Quirk::ClosesInLiteral(last) if last == uid => {
                    self.say(&format!("* {uid} FETCH (UID {uid} BODY[] {{{}}}\r\n", text.len())).await?;
                    self.stream.get_mut().write_all(&text[..text.len() / 2]).await?;
                    return Err(std::io::ErrorKind::ConnectionAborted.into());
                }
                Quirk::Huge => {
                    self.say(&format!("* {uid} FETCH (UID {uid} BODY[] {{4294967295}}\r\n")).await?;
                    let zeros = vec![0; 65536];
                    loop {
                        self.stream.get_mut().write_all(&zeros).await?;
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                }
                Quirk::Slow => tokio::time::sleep(Duration::from_millis(5)).await,
                _ => {}
            }
            self.delivered.fetch_add(1, Ordering::Relaxed);
            let short = matches!(self.quirk, Quirk::SendsMoreThanAnnounced(odd) if odd == uid);
            let announced = text.len() - if short { 3 } else { 0 };
            self.say(&format!("* {uid} FETCH (UID {uid} BODY[] {{{announced}}}\r\n")).await?;
            self.stream.get_mut().write_all(&text).await?;
            self.say(")\r\n").await?;
        }
        self.say(done).await
    }

    /// The messages of a set such as `1:3,5,7:*`.
    fn uids(&self, set: &str) -> Vec<u32> {
        let last = u32::try_from(self.messages.len()).unwrap_or(u32::MAX);
        let number = |text: &str| if text == "*" { last } else { text.parse().unwrap_or(0) };
        let ranges = set.split(',').map(|part| {
            let (from, to) = part.split_once(':').unwrap_or((part, part));
            let (from, to) = (number(from), number(to));
            from.min(to)..=from.max(to)
        });
        let ranges: Vec<_> = ranges.collect();
        (1..=last).filter(|uid| ranges.iter().any(|range| range.contains(uid))).collect()
    }
}
