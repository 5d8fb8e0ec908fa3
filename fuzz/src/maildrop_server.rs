//! A POP3 server that keeps to the rules, with the habits that servers have within them.

use std::{
    collections::{HashSet, VecDeque},
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A message of a maildrop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its number in the subject: the same number, the same text.
    pub name: u32,
    /// What the server calls it.
    pub uidl: Option<String>,
}

/// A maildrop and the server's habits; one connection at a time.
#[derive(Debug, Default)]
pub struct MaildropServer {
    /// What it holds.
    pub letters: Vec<Letter>,
    /// It does not know UIDL.
    pub lacks_uidl: bool,
    /// What it gives out as ids are the numbers of the session.
    pub numbers_for_uidls: bool,
    /// It does not know TOP.
    pub lacks_top: bool,
    /// It takes several commands at a time.
    pub pipelines: bool,
    /// It lists every message with so many bytes too many.
    pub exaggerates: usize,
    /// It closes the connection instead of sending this text, counted from 0.
    pub breaks_at: Option<usize>,
    /// How many texts it was asked for in this connection.
    pub retrieved: usize,
    heard: Vec<u8>,
    says: VecDeque<u8>,
    marked: HashSet<usize>,
    closed: bool,
}

impl Letter {
    /// Its text; many have the same size.
    pub fn text(&self) -> String {
        format!("{}{}\r\n", self.header(), "x".repeat(self.name as usize % 3))
    }

    /// Its header block.
    pub fn header(&self) -> String {
        format!("Subject: {:06}\r\n\r\n", self.name)
    }
}

impl MaildropServer {
    /// Begins a connection.
    pub fn greet(&mut self) {
        self.heard.clear();
        self.says.clear();
        self.marked.clear();
        (self.closed, self.retrieved) = (false, 0);
        self.say("+OK ready");
    }

    fn answer(&mut self, command: &str) {
        let mut words = command.split(' ');
        let verb = words.next().unwrap_or_default();
        let number = words.next().and_then(|word| word.parse().ok()).unwrap_or(0usize);
        let letter = number.checked_sub(1).filter(|at| *at < self.letters.len() && !self.marked.contains(at));
        match (verb, letter) {
            ("CAPA", _) => self.offer(),
            ("USER" | "PASS" | "NOOP", _) => self.say("+OK"),
            ("STAT", _) => {
                let bytes: usize = self.letters.iter().map(|letter| self.size(letter)).sum();
                self.say(&format!("+OK {} {bytes}", self.letters.len()));
            }
            ("UIDL", _) if self.lacks_uidl => self.say("-ERR unknown command"),
            ("UIDL", _) if self.numbers_for_uidls => self.list(|_, at| Some((at + 1).to_string())),
            ("UIDL", _) => self.list(|server, at| server.letters[at].uidl.clone()),
            ("LIST", None) if number == 0 => {
                self.list(|server, at| Some(server.size(&server.letters[at]).to_string()))
            }
            ("LIST", Some(at)) => self.say(&format!("+OK {number} {}", self.size(&self.letters[at]))),
            ("TOP", _) if self.lacks_top => self.say("-ERR unknown command"),
            ("TOP", Some(at)) => self.say(&format!("+OK\r\n{}.", self.letters[at].header())),
            ("RETR", Some(at)) if self.breaks_at == Some(self.retrieved) => {
                self.closed = true;
                self.say(&format!("+OK\r\n{}", self.letters[at].header()));
            }
            ("RETR", Some(at)) => {
                self.retrieved += 1;
                self.say(&format!("+OK\r\n{}.", self.letters[at].text()));
            }
            ("DELE", Some(at)) => {
                self.marked.insert(at);
                self.say("+OK");
            }
            ("QUIT", _) => {
                let mut at = 0..;
                let marked = std::mem::take(&mut self.marked);
                self.letters.retain(|_| at.next().is_none_or(|at| !marked.contains(&at)));
                self.say("+OK");
                self.closed = true;
            }
            _ => self.say("-ERR no such message"),
        }
    }

    fn offer(&mut self) {
        let offers = [("UIDL", !self.lacks_uidl), ("TOP", !self.lacks_top), ("PIPELINING", self.pipelines)];
        let offers = offers.into_iter().filter(|(_, is_offered)| *is_offered);
        let lines: String = offers.map(|(name, _)| format!("{name}\r\n")).collect();
        self.say(&format!("+OK\r\nUSER\r\n{lines}."));
    }

    fn list(&mut self, what: impl Fn(&Self, usize) -> Option<String>) {
        let places = (0..self.letters.len()).filter(|at| !self.marked.contains(at));
        let lines = places.filter_map(|at| Some(format!("{} {}\r\n", at + 1, what(self, at)?)));
        let lines: String = lines.collect();
        self.say(&format!("+OK\r\n{lines}."));
    }

    fn size(&self, letter: &Letter) -> usize {
        letter.text().len() + self.exaggerates
    }

    fn say(&mut self, text: &str) {
        self.says.extend(text.as_bytes());
        self.says.extend(b"\r\n");
    }
}

impl AsyncRead for MaildropServer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.says.len().min(into.remaining());
        if length == 0 && !self.closed {
            return Poll::Pending;
        }
        let piece: Vec<u8> = self.says.drain(..length).collect();
        into.put_slice(&piece);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for MaildropServer {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.heard.extend_from_slice(bytes);
        while let Some(line_end) = self.heard.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.heard.drain(..=line_end).collect();
            if !self.closed {
                self.answer(String::from_utf8_lossy(&line).trim_end());
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
