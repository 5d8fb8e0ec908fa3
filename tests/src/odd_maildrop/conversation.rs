//! One client's conversation with the maildrop server.

use super::{Habit, Maildrop, Message, lock};
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::Instant,
};

/// What is asked for of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Header,
}

pub(super) struct Conversation {
    stream: BufReader<TcpStream>,
    maildrop: Arc<Mutex<Maildrop>>,
    habit: Habit,
    /// What the session sees: the maildrop as it was at the sign-in. None before.
    messages: Option<Vec<Message>>,
    /// The numbers of those that are marked as deleted.
    deleted: BTreeSet<u32>,
}

impl Conversation {
    pub(super) fn new(stream: TcpStream, maildrop: Arc<Mutex<Maildrop>>, habit: Habit) -> Self {
        Self { stream: BufReader::new(stream), maildrop, habit, messages: None, deleted: BTreeSet::new() }
    }

    pub(super) async fn run(mut self) -> io::Result<()> {
        self.say("+OK ready\r\n").await?;
        let mut line = String::new();
        while self.stream.read_line(&mut line).await? > 0 {
            let (command, argument) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
            let (command, argument) = (command.to_ascii_uppercase(), argument.to_owned());
            *lock(&self.maildrop).asked.entry(command.clone()).or_default() += 1;
            match (&*command, self.messages.is_some()) {
                ("CAPA", _) => self.offer().await?,
                ("QUIT", _) => return self.quit().await,
                ("USER", false) => self.say("+OK\r\n").await?,
                ("PASS", false) => self.sign_in().await?,
                ("AUTH", false) => self.authenticate(&argument).await?,
                (_, true) => self.answer(&command, &argument).await?,
                _ => self.say("-ERR sign in first\r\n").await?,
            }
            line.clear();
        }
        Ok(())
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(text.as_bytes()).await
    }

    async fn offer(&mut self) -> io::Result<()> {
        let has = |unknown: &[Habit], line| if unknown.contains(&self.habit) { "" } else { line };
        if self.habit == Habit::NoCapa {
            return self.say("-ERR unknown command\r\n").await;
        }
        let uidl = has(&[Habit::NoUidl, Habit::NeitherUidlNorTop], "UIDL\r\n");
        let top = has(&[Habit::NoTop, Habit::NeitherUidlNorTop], "TOP\r\n");
        let pipelining = if matches!(self.habit, Habit::CountsMany(_)) { "" } else { "PIPELINING\r\n" };
        let delay = match self.habit {
            Habit::LoginDelay(seconds) => format!("LOGIN-DELAY {seconds}\r\n"),
            _ => String::new(),
        };
        let text =
            format!("+OK\r\n{uidl}{top}{delay}{pipelining}USER\r\nSASL PLAIN XOAUTH2\r\nRESP-CODES\r\n.\r\n");
        self.say(&text).await
    }

    /// Takes anything for a secret; the initial response may come with the command or after it.
    async fn authenticate(&mut self, argument: &str) -> io::Result<()> {
        if !argument.contains(' ') {
            self.say("+ \r\n").await?;
            self.stream.read_line(&mut String::new()).await?;
        }
        self.sign_in().await
    }

    async fn sign_in(&mut self) -> io::Result<()> {
        let refusal = self.try_sign_in();
        self.say(refusal.unwrap_or("+OK signed in\r\n")).await
    }

    /// Takes the maildrop, if that can be; or says why not.
    fn try_sign_in(&mut self) -> Option<&'static str> {
        let mut maildrop = lock(&self.maildrop);
        if maildrop.taken || self.habit == Habit::InUse {
            return Some("-ERR [IN-USE] Do you have another POP session running?\r\n");
        }
        let last = maildrop.last_sign_in.replace(Instant::now());
        if let (Habit::LoginDelay(seconds), Some(last)) = (self.habit, last)
            && last.elapsed() < Duration::from_secs(u64::from(seconds))
        {
            return Some("-ERR [LOGIN-DELAY] minimum time between mail checks violation\r\n");
        }
        maildrop.taken = true;
        maildrop.sessions += 1;
        let session = maildrop.sessions;
        let mut messages = maildrop.messages.clone();
        for (at, message) in messages.iter_mut().enumerate() {
            match self.habit {
                Habit::SharesUidls => message.uidl = format!("id{}", at / 2),
                Habit::NumbersForUidls => message.uidl = (at + 1).to_string(),
                Habit::ForgetsUidls => message.uidl = format!("{session}-{at}"),
                _ => {}
            }
        }
        self.messages = Some(messages);
        None
    }

    /// What a signed-in session may ask.
    async fn answer(&mut self, command: &str, argument: &str) -> io::Result<()> {
        use Habit::{NeitherUidlNorTop, NoTop, NoUidl};
        let mut arguments = argument.split(' ').map(|number| number.parse::<u32>().ok());
        let number = arguments.next().flatten();
        match (command, self.habit) {
            ("UIDL", NoUidl | NeitherUidlNorTop) | ("TOP", NoTop | NeitherUidlNorTop) => {
                self.say("-ERR unknown command\r\n").await
            }
            ("STAT", Habit::CountsMany(count)) => self.say(&format!("+OK {count} 1\r\n")).await,
            ("STAT", _) => {
                let (count, bytes) =
                    self.present().fold((0, 0), |(n, sum), (_, size, _)| (n + 1, sum + size));
                self.say(&format!("+OK {count} {bytes}\r\n")).await
            }
            ("LIST", _) => self.list(number, |(number, size, _)| format!("{number} {size}")).await,
            ("UIDL", Habit::CountsMany(_)) => {
                tokio::time::sleep(Duration::from_secs(3)).await;
                self.list(number, |(number, _, uidl)| format!("{number} {uidl}")).await
            }
            ("UIDL", _) => self.list(number, |(number, _, uidl)| format!("{number} {uidl}")).await,
            ("RETR", _) => self.text(number, Part::Whole).await,
            ("TOP", _) => self.text(number, Part::Header).await,
            ("DELE", _) => {
                let number = number.filter(|number| self.message(*number).is_some());
                self.deleted.extend(number.filter(|_| self.habit != Habit::IgnoresDele));
                self.say(if number.is_some() { "+OK\r\n" } else { "-ERR no such message\r\n" }).await
            }
            ("RSET", _) => {
                self.deleted.clear();
                self.say("+OK\r\n").await
            }
            ("NOOP", _) => self.say("+OK\r\n").await,
            _ => self.say("-ERR unknown command\r\n").await,
        }
    }

    /// What is listed: number, size and unique id.
    fn present(&self) -> impl Iterator<Item = (u32, u64, &str)> {
        let off = if let Habit::SizesOff(bytes) = self.habit { bytes } else { 0 };
        let messages = (1..).zip(self.messages.iter().flatten());
        let messages = messages.filter(|(number, _)| !self.deleted.contains(number));
        messages.map(move |(number, message)| {
            let size = (message.text.len() as u64).saturating_add_signed(off);
            (number, size, &*message.uidl)
        })
    }

    fn message(&self, number: u32) -> Option<&Message> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        let there = !self.deleted.contains(&number);
        self.messages.as_ref()?.get(at).filter(|_| there)
    }

    async fn list(&mut self, only: Option<u32>, line: impl Fn((u32, u64, &str)) -> String) -> io::Result<()> {
        let mut text = String::new();
        if let Some(only) = only {
            match self.present().find(|(number, ..)| *number == only) {
                Some(found) => text = format!("+OK {}\r\n", line(found)),
                None => text.push_str("-ERR no such message\r\n"),
            }
        } else {
            text.push_str("+OK\r\n");
            for message in self.present() {
                write!(text, "{}\r\n", line(message)).expect("text");
            }
            text.push_str(".\r\n");
        }
        self.say(&text).await
    }

    async fn text(&mut self, number: Option<u32>, part: Part) -> io::Result<()> {
        let Some(Message { id, text, .. }) = number.and_then(|number| self.message(number)) else {
            return self.say("-ERR no such message\r\n").await;
        };
        let (id, text) = (*id, Arc::clone(text));
        let end = text.windows(4).position(|four| four == b"\r\n\r\n").map_or(text.len(), |at| at + 4);
        let text = if part == Part::Header { &text[..end] } else { &text[..] };
        let mut more = Vec::new();
        lock(&self.maildrop).bytes += text.len() as u64;
        match self.habit {
            Habit::Refuses(refused) if refused == id => {
                return self.say("-ERR message is damaged\r\n").await;
            }
            Habit::RefusesForGood(refused) if refused == id => {
                return self.say("-ERR [SYS/PERM] message is damaged\r\n").await;
            }
            Habit::ClosesInRetr(last) if last == id && part == Part::Whole => {
                self.say("+OK\r\n").await?;
                self.stream.get_mut().write_all(&text[..text.len() / 2]).await?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            Habit::EndlessLine(endless) if endless == id && part == Part::Whole => {
                self.say("+OK\r\n").await?;
                loop {
                    self.say(&"never ends ".repeat(512)).await?;
                }
            }
            Habit::Grows(grows) if grows == id && part == Part::Whole => {
                more = b"more\r\n".repeat(lock(&self.maildrop).bytes as usize / text.len().max(1));
            }
            Habit::Slow => tokio::time::sleep(Duration::from_millis(5)).await,
            _ => {}
        }
        let text = if self.habit == Habit::StuffsNoDots { text.to_vec() } else { stuffed(text) };
        let wire = [b"+OK\r\n", &*text, &*more, b".\r\n"].concat();
        self.stream.get_mut().write_all(&wire).await
    }

    /// Removes what was marked, and says goodbye.
    async fn quit(mut self) -> io::Result<()> {
        let farewell = match self.habit {
            Habit::RefusesQuit | Habit::FailsQuit => "-ERR some deleted messages not removed\r\n",
            _ => "+OK bye\r\n",
        };
        if self.habit != Habit::FailsQuit {
            let numbered = (1..).zip(self.messages.iter().flatten());
            let gone = numbered.filter(|(number, _)| self.deleted.contains(number));
            let gone: BTreeSet<u64> = gone.map(|(_, message)| message.id).collect();
            lock(&self.maildrop).messages.retain(|message| !gone.contains(&message.id));
        }
        self.release();
        self.say(farewell).await
    }

    fn release(&mut self) {
        if self.messages.take().is_some() {
            lock(&self.maildrop).taken = false;
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.release();
    }
}

/// A text as it goes over the wire (RFC 1939 section 3), with an end of its last line.
fn stuffed(text: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(text.len() + 16);
    let mut line_begins = true;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line_begins && line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
        line_begins = line.ends_with(b"\r\n");
    }
    if !wire.is_empty() && !wire.ends_with(b"\r\n") {
        wire.extend_from_slice(b"\r\n");
    }
    wire
}
