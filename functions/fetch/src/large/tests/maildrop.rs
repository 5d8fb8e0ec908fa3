//! A POP3 server with one message.

use bytes::{Bytes, BytesMut};
use postroom_mail::{
    Credential, Network, NetworkSettings,
    source::{Bodies, Entry, Source, connect_recorded},
};
use postroom_model::{Protocol, SaslPolicy, Server, Tls};
use std::time::Duration;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// A message in pieces, none of whose lines begins with a dot.
pub(crate) struct Maildrop {
    pieces: Vec<Bytes>,
    stalls_after: usize,
}

impl Maildrop {
    pub(crate) fn new(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        Self { pieces: pieces.into_iter().collect(), stalls_after: usize::MAX }
    }

    /// The server says no more after so many bytes.
    pub(crate) fn that_stalls_after(self, bytes: usize) -> Self {
        Self { stalls_after: bytes, ..self }
    }

    /// The message's size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len() as u64).sum()
    }

    /// The whole message.
    pub(crate) fn text(&self) -> Bytes {
        let mut text = BytesMut::new();
        self.pieces.iter().for_each(|piece| text.extend_from_slice(piece));
        text.freeze()
    }

    /// Starts a server for one connection, and signs in.
    pub(crate) async fn sign_in(&self) -> Source {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (pieces, stalls_after) = (self.pieces.clone(), self.stalls_after);
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a connection");
            // That the client goes away is its business.
            _ = serve(stream, pieces, stalls_after).await;
        });
        let network = Network::new(NetworkSettings {
            extra_ca_pem: None,
            allow_local: true,
            plaintext_hosts: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
        });
        let server = Server { host: "127.0.0.1".to_owned(), port, tls: Tls::None };
        let network = network.expect("a network");
        let connection = connect_recorded(&network, Protocol::Pop3, &server, None).await.expect("a greeting");
        let credential = Credential::Password("secret".to_owned().into());
        connection.sign_in("site", &credential, SaslPolicy::Auto).await.expect("signed in")
    }
}

/// Asks for the message.
pub(crate) fn retrieve(source: &mut Source) -> Bodies<'_> {
    source.bodies(&[Entry { number: 1, size: 0, may_be_known: false, unique_id: None, email_id: None }])
}

async fn serve(mut stream: TcpStream, pieces: Vec<Bytes>, stalls_after: usize) -> std::io::Result<()> {
    let (read, mut write) = stream.split();
    let mut commands = BufReader::new(read).lines();
    write.write_all(b"+OK hello\r\n").await?;
    while let Some(command) = commands.next_line().await? {
        match command.split(' ').next() {
            Some("CAPA") => write.write_all(b"+OK\r\nUSER\r\n.\r\n").await?,
            Some("RETR") => {
                write.write_all(b"+OK\r\n").await?;
                let mut sent = 0;
                for piece in &pieces {
                    write.write_all(piece).await?;
                    sent += piece.len();
                    if sent > stalls_after {
                        std::future::pending::<()>().await;
                    }
                }
                write.write_all(b".\r\n").await?;
            }
            _ => write.write_all(b"+OK\r\n").await?,
        }
    }
    Ok(())
}
