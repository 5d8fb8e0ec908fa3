//! Passes loopback connections on: as a faster end of TLS in front of a mail server, as a distance in
//! front of it, and as the one instrument that counts what every client says and hears.
//!
//! A client's *turn* is a piece of what it sends after it has heard something. Distance makes turns
//! distinct: what is sent without waiting arrives before anything is heard.

use crate::{Result, print};
use clap::Args;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde::Serialize;
use std::{
    io,
    net::Ipv4Addr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use tokio_rustls::TlsAcceptor;

/// What is read at once.
const BUFFER: usize = 64 * 1024;
/// Pieces under way in one direction; with [`BUFFER`] more than such a distance can hold.
const UNDER_WAY: usize = 1024;

#[derive(Args)]
pub(crate) struct Options {
    /// The port to listen on.
    #[arg(long)]
    listen: u16,
    /// The port of the server.
    #[arg(long)]
    server: u16,
    /// The certificate chain, when TLS ends here; the server is then spoken to without.
    #[arg(long, requires = "key")]
    certificate: Option<PathBuf>,
    /// The certificate's key.
    #[arg(long)]
    key: Option<PathBuf>,
    /// Milliseconds from one end to the other, in each direction.
    #[arg(long, default_value_t = 0)]
    delay: u64,
}

/// What went over one connection, without TLS where that ends here.
#[derive(Debug, Default)]
struct Traffic {
    turns: AtomicU64,
    bytes_up: AtomicU64,
    bytes_down: AtomicU64,
    /// The client has heard something since it last spoke.
    heard: AtomicBool,
}

#[derive(Serialize)]
struct Report {
    turns: u64,
    bytes_up: u64,
    bytes_down: u64,
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

pub(crate) fn run(options: Options) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(options))
}

async fn serve(options: Options) -> Result<()> {
    let tls = match (&options.certificate, &options.key) {
        (Some(certificate), Some(key)) => {
            let chain = CertificateDer::pem_file_iter(certificate)?.collect::<std::result::Result<_, _>>()?;
            let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
            Some(TlsAcceptor::from(Arc::new(config)))
        }
        _ => None,
    };
    let delay = Duration::from_millis(options.delay);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.listen)).await?;
    loop {
        let (client, _) = listener.accept().await?;
        let tls = tls.clone();
        tokio::spawn(async move {
            let traffic = Arc::new(Traffic::default());
            // A client that leaves in mid-flight is its own affair: what was counted is what happened.
            _ = connection(client, options.server, tls, delay, &traffic).await;
            let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
            let report = Report {
                turns: count(&traffic.turns),
                bytes_up: count(&traffic.bytes_up),
                bytes_down: count(&traffic.bytes_down),
            };
            _ = print(&report);
        });
    }
}

async fn connection(
    client: TcpStream,
    server: u16,
    tls: Option<TlsAcceptor>,
    delay: Duration,
    traffic: &Arc<Traffic>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    // The kernel has answered the client already: this is the time that TCP's own handshake takes.
    sleep(2 * delay).await;
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await?;
    server.set_nodelay(true)?;
    match tls {
        Some(tls) => {
            let client = tls.accept(BufReader::with_capacity(BUFFER, client)).await?;
            exchange(tokio::io::split(client), server.into_split(), delay, traffic).await;
        }
        None => exchange(client.into_split(), server.into_split(), delay, traffic).await,
    }
    Ok(())
}

async fn exchange<R, W, R2, W2>(
    (client_read, client_write): (R, W),
    (server_read, server_write): (R2, W2),
    delay: Duration,
    traffic: &Arc<Traffic>,
) where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
    R2: AsyncRead + Unpin + Send + 'static,
    W2: AsyncWrite + Unpin + Send + 'static,
{
    let up = tokio::spawn(pass(client_read, server_write, Direction::Up, delay, Arc::clone(traffic)));
    let down = pass(server_read, client_write, Direction::Down, delay, Arc::clone(traffic));
    _ = down.await;
    _ = up.await;
}

/// Passes one direction on until its end, then closes it at the other side.
async fn pass(
    mut from: impl AsyncRead + Unpin + Send + 'static,
    mut to: impl AsyncWrite + Unpin,
    direction: Direction,
    delay: Duration,
    traffic: Arc<Traffic>,
) -> io::Result<()> {
    if delay.is_zero() {
        let mut buffer = vec![0; BUFFER];
        loop {
            let length = from.read(&mut buffer).await.unwrap_or(0);
            if length == 0 {
                return to.shutdown().await;
            }
            traffic.sent(direction, length);
            traffic.arrived(direction);
            to.write_all(&buffer[..length]).await?;
            to.flush().await?;
        }
    }
    let (sender, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(UNDER_WAY);
    let counted = Arc::clone(&traffic);
    tokio::spawn(async move {
        loop {
            let mut buffer = Vec::with_capacity(BUFFER);
            match from.read_buf(&mut buffer).await {
                Ok(length) if length > 0 => counted.sent(direction, length),
                _ => break,
            }
            if sender.send((Instant::now() + delay, buffer)).await.is_err() {
                break;
            }
        }
    });
    while let Some((due, piece)) = pieces.recv().await {
        sleep_until(due).await;
        traffic.arrived(direction);
        to.write_all(&piece).await?;
        to.flush().await?;
    }
    to.shutdown().await
}

impl Traffic {
    /// Something was sent from one end.
    fn sent(&self, direction: Direction, length: usize) {
        let bytes = match direction {
            Direction::Up => {
                // What a client says before it has heard anything is its first turn too.
                let first = self.bytes_up.load(Ordering::Relaxed) == 0;
                if self.heard.swap(false, Ordering::Relaxed) || first {
                    self.turns.fetch_add(1, Ordering::Relaxed);
                }
                &self.bytes_up
            }
            Direction::Down => &self.bytes_down,
        };
        bytes.fetch_add(length as u64, Ordering::Relaxed);
    }

    /// Something has arrived at the other end.
    fn arrived(&self, direction: Direction) {
        if let Direction::Down = direction {
            self.heard.store(true, Ordering::Relaxed);
        }
    }
}
