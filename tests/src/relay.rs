//! A TCP relay on loopback that counts what passes from the server to the client.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A running relay; it stops when this is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    down: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Relays to a port of loopback.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start(to: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let down = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&down);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // An error is a side that went away.
                tokio::spawn(relay(client, to, Arc::clone(&counter)));
            }
        });
        Self { address, down, task }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Bytes that came from the server so far, TLS included.
    pub fn bytes_down(&self) -> u64 {
        self.down.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(client: TcpStream, to: u16, down: Arc<AtomicU64>) -> std::io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", to)).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut buffer = vec![0; 65536];
    loop {
        let length = from_server.read(&mut buffer).await?;
        if length == 0 {
            up.abort();
            return Ok(());
        }
        down.fetch_add(length as u64, Ordering::Relaxed);
        to_client.write_all(&buffer[..length]).await?;
    }
}
