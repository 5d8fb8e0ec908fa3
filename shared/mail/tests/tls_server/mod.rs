//! A server with a certificate, which knows as much of a protocol as a sign-in needs.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// A protocol's words.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    /// What it greets with before TLS.
    pub(crate) plain_greeting: &'static str,
    /// The line that asks for TLS.
    pub(crate) starttls: &'static str,
    /// What it greets with under TLS; nothing where TLS was asked for.
    pub(crate) greeting: &'static str,
    /// What answers a line under TLS.
    pub(crate) answer: fn(&str) -> String,
}

/// What a server does with a connection, after which it closes it.
#[derive(Clone)]
pub(crate) enum Behaviour {
    /// TLS, then the protocol.
    Implicit(TlsAcceptor),
    /// Greets, takes the line that asks for TLS, says this, then TLS and the protocol.
    Starttls(&'static str, TlsAcceptor),
    /// Says this, whatever the client does.
    Says(&'static str),
    /// Says nothing.
    Silent,
}

/// Serves every connection to a port of loopback.
pub(crate) async fn serve(words: Words, behaviour: Behaviour) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(converse(words, behaviour.clone(), tcp));
        }
    });
    port
}

async fn converse(words: Words, behaviour: Behaviour, mut tcp: TcpStream) {
    let (acceptor, greeting) = match behaviour {
        Behaviour::Implicit(acceptor) => (acceptor, words.greeting),
        Behaviour::Starttls(agreement, acceptor) => {
            _ = tcp.write_all(words.plain_greeting.as_bytes()).await;
            let mut command = vec![0; words.starttls.len()];
            _ = tcp.read_exact(&mut command).await;
            assert_eq!(command, words.starttls.as_bytes());
            _ = tcp.write_all(agreement.as_bytes()).await;
            (acceptor, "")
        }
        Behaviour::Says(text) => {
            _ = tcp.write_all(text.as_bytes()).await;
            _ = tcp.read(&mut [0; 512]).await;
            return;
        }
        Behaviour::Silent => return std::future::pending().await,
    };
    let Ok(mut tls) = acceptor.accept(tcp).await else { return };
    _ = tls.write_all(greeting.as_bytes()).await;
    let mut line = Vec::new();
    while let Ok(byte) = tls.read_u8().await {
        line.push(byte);
        if byte == b'\n' {
            let answer = (words.answer)(&String::from_utf8_lossy(&line));
            line.clear();
            _ = tls.write_all(answer.as_bytes()).await;
        }
    }
}
