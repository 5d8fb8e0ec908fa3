//! A TCP relay on loopback that counts what passes.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinHandle,
};

/// A running relay; it stops when this is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    down: Arc<AtomicU64>,
    up: Arc<AtomicU64>,
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
        let up = Arc::new(AtomicU64::new(0));
        let counters = (Arc::clone(&down), Arc::clone(&up));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // An error is a side that went away.
                let (down, up) = counters.clone();
                tokio::spawn(relay(client, to, down, up));
            }
        });
        Self { address, down, up, task }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Bytes that came from the server so far, TLS included.
    pub fn bytes_down(&self) -> u64 {
        self.down.load(Ordering::Relaxed)
    }

    /// Bytes that clients sent so far, TLS included.
    pub fn bytes_up(&self) -> u64 {
        self.up.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(client: TcpStream, to: u16, down: Arc<AtomicU64>, up: Arc<AtomicU64>) -> std::io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", to)).await?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let up = tokio::spawn(pass(from_client, to_server, up));
    let passed = pass(from_server, to_client, down).await;
    up.abort();
    passed
}

/// Passes on what comes, until no more does, and counts it.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    counter: Arc<AtomicU64>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 65536];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        counter.fetch_add(length as u64, Ordering::Relaxed);
        to.write_all(&buffer[..length]).await?;
    }
}
