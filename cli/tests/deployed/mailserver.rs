//! Mail servers that answer from a script: IMAP and POP3, each with three messages in its mailbox.

use base64::{Engine, prelude::BASE64_STANDARD};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        TcpListener,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

const HEADER: &str = "From: ann@a.example\r\nSubject: s3cret diary\r\n\r\n";

/// A server on loopback, without TLS.
pub(crate) struct MailServer {
    pub(crate) port: u16,
    most: Arc<AtomicUsize>,
}

#[derive(Clone, Copy)]
enum Protocol {
    Imap,
    Pop3,
}

struct Peer {
    lines: Lines<BufReader<OwnedReadHalf>>,
    writing: OwnedWriteHalf,
    /// What a sign-in must have in it: a password or a token.
    accepts: &'static [&'static str],
}

impl MailServer {
    pub(crate) async fn imap(accepts: &'static [&'static str]) -> Self {
        Self::start(Protocol::Imap, accepts).await
    }

    pub(crate) async fn pop3(accepts: &'static [&'static str]) -> Self {
        Self::start(Protocol::Pop3, accepts).await
    }

    /// The most connections that there were at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    async fn start(protocol: Protocol, accepts: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("listens");
        let port = listener.local_addr().expect("address").port();
        let most = Arc::new(AtomicUsize::new(0));
        let (now, seen) = (Arc::new(AtomicUsize::new(0)), most.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("accepts");
                let (now, seen) = (now.clone(), seen.clone());
                tokio::spawn(async move {
                    seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let (reading, writing) = stream.into_split();
                    let peer = Peer { lines: BufReader::new(reading).lines(), writing, accepts };
                    // A client that has seen enough closes.
                    let _ended = match protocol {
                        Protocol::Imap => peer.speak_imap().await,
                        Protocol::Pop3 => peer.speak_pop3().await,
                    };
                    now.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, most }
    }
}

impl Peer {
    async fn say(&mut self, text: &str) -> Option<()> {
        self.writing.write_all(text.as_bytes()).await.ok()
    }

    async fn hear(&mut self) -> Option<String> {
        self.lines.next_line().await.ok()?
    }

    /// Whether what was sent to sign in is accepted.
    fn accepts(&self, response: &str) -> bool {
        let text = BASE64_STANDARD.decode(response.trim()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        self.accepts.iter().any(|secret| text.contains(secret))
    }

    async fn speak_imap(mut self) -> Option<()> {
        self.say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2] hello\r\n").await?;
        loop {
            let line = self.hear().await?;
            let (tag, command) = line.split_once(' ')?;
            let answer = match command.split(' ').next()? {
                "AUTHENTICATE" if self.accepts(command.rsplit(' ').next()?) => {
                    format!("{tag} OK [CAPABILITY IMAP4rev1] welcome\r\n")
                }
                "AUTHENTICATE" => format!("{tag} NO [AUTHENTICATIONFAILED] no\r\n"),
                "EXAMINE" => format!(
                    "* 3 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 4] x\r\n{tag} OK [READ-ONLY] done\r\n"
                ),
                "LOGOUT" => format!("* BYE\r\n{tag} OK\r\n"),
                _ => format!("{tag} OK done\r\n"),
            };
            self.say(&answer).await?;
        }
    }

    async fn speak_pop3(mut self) -> Option<()> {
        self.say("+OK hello\r\n").await?;
        loop {
            let line = self.hear().await?;
            let mut words = line.split(' ');
            let answer = match (words.next()?, words.next()) {
                ("CAPA", _) => "+OK\r\nSASL PLAIN XOAUTH2\r\nUIDL\r\nTOP\r\n.\r\n".to_owned(),
                ("AUTH", _) => {
                    let response = match words.next() {
                        Some(response) => response.to_owned(),
                        None => {
                            self.say("+ \r\n").await?;
                            self.hear().await?
                        }
                    };
                    let is_accepted = self.accepts(&response);
                    if is_accepted { "+OK\r\n" } else { "-ERR [AUTH] no\r\n" }.to_owned()
                }
                ("STAT", _) => "+OK 3 300\r\n".to_owned(),
                ("UIDL", None) => "+OK\r\n1 a\r\n2 b\r\n3 b\r\n.\r\n".to_owned(),
                ("LIST", None) => "+OK\r\n1 100\r\n2 100\r\n3 100\r\n.\r\n".to_owned(),
                ("TOP", _) => format!("+OK\r\n{HEADER}.\r\n"),
                _ => "+OK\r\n".to_owned(),
            };
            self.say(&answer).await?;
        }
    }
}
