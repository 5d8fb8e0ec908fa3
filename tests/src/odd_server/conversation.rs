//! One client's conversation with the IMAP server.

use super::{Quirk, Shared};
use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

pub(super) struct Conversation {
    stream: BufReader<TcpStream>,
    shared: Arc<Shared>,
    /// What was signed in with.
    secret: Option<String>,
    /// Bytes of texts that were delivered to this secret in this session.
    read: u64,
    /// The open folder's messages with their places in the list of all, by their UIDs from 1.
    open: Vec<(usize, Arc<[u8]>)>,
}

impl Conversation {
    pub(super) fn new(stream: BufReader<TcpStream>, shared: Arc<Shared>) -> Self {
        Self { stream, shared, secret: None, read: 0, open: Vec::new() }
    }

    pub(super) async fn run(mut self) -> io::Result<()> {
        if self.shared.quirk == Quirk::Silent {
            std::future::pending::<()>().await;
        }
        let offer = self.offer();
        self.say(&format!("* OK [CAPABILITY {offer}] ready\r\n")).await?;
        let mut line = String::new();
        while self.stream.read_line(&mut line).await? > 0 {
            let (tag, command) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
            let verb = command.to_ascii_uppercase();
            let done = format!("{tag} OK done\r\n");
            match () {
                () if verb.starts_with("AUTHENTICATE") || verb.starts_with("LOGIN") => {
                    self.sign_in(&done, tag, command).await?;
                }
                () if verb == "CAPABILITY" => {
                    self.say(&format!("* CAPABILITY {offer}\r\n{done}")).await?;
                }
                () if verb.starts_with("LIST") => self.list(&done).await?,
                () if verb.starts_with("EXAMINE") || verb.starts_with("SELECT") => {
                    self.open(command, tag, &done).await?;
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
                    self.shared.deletions.fetch_add(usize::from(deletes), Ordering::Relaxed);
                    self.say(&done).await?;
                }
            }
            line.clear();
        }
        Ok(())
    }

    fn offer(&self) -> &'static str {
        match self.shared.quirk {
            Quirk::GmailIds => "IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2 X-GM-EXT-1 SPECIAL-USE",
            Quirk::EmailIds => "IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2 OBJECTID",
            _ => "IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2",
        }
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(text.as_bytes()).await
    }

    async fn sign_in(&mut self, done: &str, tag: &str, command: &str) -> io::Result<()> {
        match self.shared.quirk {
            Quirk::Garbage => {
                return self.stream.get_mut().write_all(&[0xff, 0, b'\r', b'\n'].repeat(64)).await;
            }
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
                return self.say(&format!("{tag} NO {words}\r\n")).await;
            }
            _ => {}
        }
        let secret = command.split_once(' ').map_or("", |(_, secret)| secret);
        self.shared.offered.lock().expect("nobody panics with it").insert(secret.to_owned());
        if self.shared.ended.lock().expect("nobody panics with it").contains(secret) {
            return self.say(&format!("{tag} NO AUTHENTICATE failed.\r\n")).await;
        }
        self.secret = Some(secret.to_owned());
        self.shared.sign_ins.fetch_add(1, Ordering::Relaxed);
        let sessions = self.shared.sessions.fetch_add(1, Ordering::Relaxed) + 1;
        self.shared.most_sessions.fetch_max(sessions, Ordering::Relaxed);
        self.say(done).await
    }

    async fn list(&mut self, done: &str) -> io::Result<()> {
        let names: String = {
            let store = self.shared.store.lock().expect("nobody panics with it");
            let names = store.folders.iter().flatten().map(|(name, _)| {
                let attributes = if name.ends_with("All Mail") { "\\All" } else { "" };
                format!("* LIST ({attributes}) \"/\" \"{name}\"\r\n")
            });
            names.collect()
        };
        self.say(&format!("{names}{done}")).await
    }

    async fn open(&mut self, command: &str, tag: &str, done: &str) -> io::Result<()> {
        let name = command.split_once(' ').map_or("", |(_, name)| name.trim_matches('"'));
        let found = {
            let store = self.shared.store.lock().expect("nobody panics with it");
            let found = match &store.folders {
                None => Some((0, (0..store.messages.len()).collect())),
                Some(folders) => folders
                    .iter()
                    .enumerate()
                    .find(|(_, (folder, _))| *folder == name)
                    .map(|(at, (_, places))| (at, places.clone())),
            };
            found.map(|(at, places)| {
                let message = |place: usize| (place, Arc::clone(&store.messages[place]));
                (at + 7, places.into_iter().map(message).collect())
            })
        };
        let Some((validity, open)) = found else {
            return self.say(&format!("{tag} NO [NONEXISTENT] Unknown Mailbox\r\n")).await;
        };
        self.open = open;
        let (exists, next) = (self.open.len(), self.open.len() + 1);
        self.say(&format!(
            "* {exists} EXISTS\r\n* OK [UIDVALIDITY {validity}] v\r\n* OK [UIDNEXT {next}] n\r\n{done}"
        ))
        .await
    }

    async fn fetch(&mut self, verb: &str, done: &str) -> io::Result<()> {
        let (set, items) = verb["UID FETCH ".len()..].split_once(' ').unwrap_or_default();
        let tag = done.split(' ').next().unwrap_or_default();
        let texts = items.contains("BODY");
        if let Quirk::Refuses(refused) = self.shared.quirk
            && texts
            && self.uids(set).contains(&refused)
        {
            return self.say(&format!("{tag} NO [SERVERBUG] Internal error occurred\r\n")).await;
        }
        for uid in self.uids(set) {
            let (place, text) = self.open[uid as usize - 1].clone();
            let size = text.len();
            let mut known = format!("UID {uid}");
            if items.contains("RFC822.SIZE") {
                known += &format!(" RFC822.SIZE {size}");
            }
            if items.contains("X-GM-MSGID") {
                known += &format!(" X-GM-MSGID {}", 1_278_455_344_230_334_865 + place);
            }
            if items.contains("EMAILID") {
                known += &format!(" EMAILID (M{place:08x})");
            }
            if items.contains("[HEADER]") {
                self.header(uid, &text, &known).await?;
            } else if !texts {
                self.say(&format!("* {uid} FETCH ({known})\r\n")).await?;
            } else {
                if self.secret_ends() {
                    return self.end_secret().await;
                }
                self.text(uid, &text, &known).await?;
            }
        }
        self.say(done).await
    }

    async fn header(&mut self, uid: u32, text: &[u8], known: &str) -> io::Result<()> {
        let end = text.windows(4).position(|four| four == b"\r\n\r\n").map_or(text.len(), |at| at + 4);
        self.shared.headers.fetch_add(1, Ordering::Relaxed);
        self.say(&format!("* {uid} FETCH ({known} BODY[HEADER] {{{end}}}\r\n")).await?;
        self.stream.get_mut().write_all(&text[..end]).await?;
        self.say(")\r\n").await
    }

    async fn text(&mut self, uid: u32, text: &[u8], known: &str) -> io::Result<()> {
        let mut announced = text.len();
        match self.shared.quirk {
            Quirk::Withholds(quiet) if quiet == uid => return Ok(()),
            Quirk::Empties(empty) if empty == uid => {
                return self.say(&format!("* {uid} FETCH ({known} BODY[] \"\")\r\n")).await;
            }
            Quirk::ClosesInLiteral(last) if last == uid => {
                self.say(&format!("* {uid} FETCH ({known} BODY[] {{{announced}}}\r\n")).await?;
                self.stream.get_mut().write_all(&text[..text.len() / 2]).await?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            Quirk::Huge => {
                self.say(&format!("* {uid} FETCH ({known} BODY[] {{4294967295}}\r\n")).await?;
                let zeros = vec![0; 65536];
                loop {
                    self.stream.get_mut().write_all(&zeros).await?;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            Quirk::Slow => tokio::time::sleep(Duration::from_millis(5)).await,
            Quirk::SendsMoreThanAnnounced(odd) if odd == uid => announced -= 3,
            _ => {}
        }
        self.shared.delivered.fetch_add(1, Ordering::Relaxed);
        self.shared.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
        self.read += text.len() as u64;
        self.say(&format!("* {uid} FETCH ({known} BODY[] {{{announced}}}\r\n")).await?;
        self.stream.get_mut().write_all(text).await?;
        self.say(")\r\n").await
    }

    fn secret_ends(&self) -> bool {
        matches!(self.shared.quirk, Quirk::SecretEnds(after) if self.read >= after)
    }

    /// Ends the session as Exchange Online does when an access token ends.
    async fn end_secret(&mut self) -> io::Result<()> {
        self.shared.ended.lock().expect("nobody panics with it").extend(self.secret.clone());
        self.say("* BYE Session invalidated - AccessTokenExpired\r\n").await?;
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    /// The open folder's messages of a set such as `1:3,5,7:*`.
    fn uids(&self, set: &str) -> Vec<u32> {
        let last = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
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

impl Drop for Conversation {
    fn drop(&mut self) {
        if self.secret.is_some() {
            self.shared.sessions.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
