//! A mail server that takes or refuses whatever opens it: tokens and passwords.

use crate::pop3;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// A mail server on this machine; it ends with the test.
pub(crate) struct MailServer {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
}

impl MailServer {
    /// A server that takes everybody, or nobody.
    pub(crate) async fn start(takes: bool) -> Self {
        Self::serving(move |tcp| serve(tcp, takes)).await
    }

    /// The same by POP3.
    pub(crate) async fn pop3(takes: bool) -> Self {
        Self::serving(move |tcp| pop3::serve(tcp, takes)).await
    }

    async fn serving<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(tcp));
            }
        });
        Self { port, connections }
    }

    /// Connections that were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(tcp: TcpStream, takes: bool) {
    let mut tcp = BufReader::new(tcp);
    let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 AUTH=PLAIN] ready\r\n";
    if tcp.get_mut().write_all(greeting.as_bytes()).await.is_err() {
        return;
    }
    let mut line = String::new();
    loop {
        line.clear();
        if !matches!(tcp.read_line(&mut line).await, Ok(1..)) {
            return;
        }
        let (tag, command) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
        let word = command.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let answer = match word.as_str() {
            "AUTHENTICATE" if !takes => format!("{tag} NO [AUTHENTICATIONFAILED] no\r\n"),
            "CAPABILITY" => format!("* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n"),
            "LIST" => format!("* LIST () \"/\" INBOX\r\n{tag} OK done\r\n"),
            "EXAMINE" | "SELECT" => format!(
                "* 42 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 43] x\r\n\
                 * FLAGS ()\r\n{tag} OK [READ-ONLY] done\r\n"
            ),
            "LOGOUT" => format!("* BYE\r\n{tag} OK done\r\n"),
            _ => format!("{tag} OK done\r\n"),
        };
        if tcp.get_mut().write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
