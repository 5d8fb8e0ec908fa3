//! How connections are made: name resolution, allowed addresses, TCP, TLS.
//!
//! A name is resolved once, every address is checked, and exactly a checked address is connected
//! to. Certificates are checked by `postroom-trust`, for the name or address in the mailbox's settings.

use crate::{Error, MailStream, Stage};
use postroom_model::{Server, Tls, address};
use postroom_trust::TrustError;
use rustls::pki_types::ServerName;
use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::BufReader,
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsConnector;

/// How much is read from the network at once below TLS.
const RECEIVE_BUFFER: usize = 32 * 1024;
/// The most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// What a deployment allows and how long it waits.
#[derive(Debug, Clone)]
pub struct NetworkSettings {
    /// Private CAs in PEM, trusted in addition to the system's.
    pub extra_ca_pem: Option<String>,
    /// Whether addresses of this machine and its link may be connected to; for local stacks only.
    pub allow_local: bool,
    /// Hosts with which `tls = "none"` is allowed, and over which passwords and tokens may go
    /// unencrypted. With `allow_local`, loopback addresses are among them.
    pub plaintext_hosts: Vec<String>,
    /// The longest time for name resolution, TCP, TLS and greeting together.
    pub connect_timeout: Duration,
    /// The longest silence of a server that owes an answer, and the longest stall of a write.
    pub idle_timeout: Duration,
}

/// Makes connections. Cheap to clone; one is enough for a process.
#[derive(Clone)]
pub struct Network(Arc<Inner>);

struct Inner {
    settings: NetworkSettings,
    tls: TlsConnector,
}

impl Network {
    /// Loads the system's roots and reads the private CAs.
    ///
    /// # Errors
    /// [`TrustError`], when the private CAs cannot be read or there is no root at all.
    pub fn new(settings: NetworkSettings) -> Result<Self, TrustError> {
        let config = postroom_trust::client_config(settings.extra_ca_pem.as_deref())?;
        Ok(Self(Arc::new(Inner { settings, tls: TlsConnector::from(Arc::new(config)) })))
    }

    /// The longest time for connecting, the greeting included.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.0.settings.connect_timeout
    }

    /// The longest silence of a server that owes an answer.
    pub(crate) fn idle_timeout(&self) -> Duration {
        self.0.settings.idle_timeout
    }

    /// Opens TCP to a server, if its address, and its lack of TLS, are allowed. Three quarters of the
    /// connect timeout are for this, so that silence at this stage is not taken for a later one's.
    pub(crate) async fn tcp(&self, server: &Server) -> Result<TcpStream, Error> {
        let host = bare(&server.host);
        let limit = self.connect_timeout() * 3 / 4;
        let deadline = Instant::now() + limit;
        let addresses = timeout_at(deadline, resolve(host, server.port))
            .await
            .map_err(|_| Error::timed_out(Stage::Resolving, limit))??;
        self.check(server, &addresses)?;
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len()).unwrap_or(1).max(1);
        let mut last = None;
        for address in &addresses {
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true).map_err(|e| unreachable_host(host, &e))?;
                    return Ok(stream);
                }
                Ok(Err(e)) => last = Some(unreachable_host(host, &e)),
                Err(_) => last = last.or(Some(Error::timed_out(Stage::Connecting, limit))),
            }
        }
        Err(last.unwrap_or_else(|| unreachable_host(host, &io::ErrorKind::AddrNotAvailable.into())))
    }

    /// Encrypts a connection; the certificate must be valid for `host`.
    pub(crate) async fn tls(&self, host: &str, stream: TcpStream) -> Result<MailStream, Error> {
        let host = bare(host);
        let name = ServerName::try_from(host.to_owned())
            .map_err(|e| Error::Unreachable { host: host.to_owned(), reason: e.to_string() })?;
        let stream = BufReader::with_capacity(RECEIVE_BUFFER, stream);
        let stream = self.0.tls.connect(name, stream).await.map_err(|e| tls_error(host, &e))?;
        Ok(stream.into())
    }

    fn check(&self, server: &Server, addresses: &[SocketAddr]) -> Result<(), Error> {
        let settings = &self.0.settings;
        let host = bare(&server.host);
        let local = addresses.iter().map(SocketAddr::ip).find(|ip| address::is_local(*ip));
        if let Some(address) = local.filter(|_| !settings.allow_local) {
            return Err(Error::AddressRefused { host: host.to_owned(), address });
        }
        let listed = settings.plaintext_hosts.iter().any(|h| bare(h).eq_ignore_ascii_case(host));
        let loopback = settings.allow_local && addresses.iter().all(|a| address::is_loopback(a.ip()));
        if server.tls == Tls::None && !listed && !loopback {
            return Err(Error::PlaintextRefused { host: host.to_owned() });
        }
        Ok(())
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Network").field(&self.0.settings).finish()
    }
}

/// An IPv6 address without its brackets; anything else as it is.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host)
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found = tokio::net::lookup_host((host, port)).await.map_err(|e| unreachable_host(host, &e))?;
    Ok(found.take(MAX_ADDRESSES).collect())
}

fn unreachable_host(host: &str, e: &io::Error) -> Error {
    Error::Unreachable { host: host.to_owned(), reason: e.to_string() }
}

/// An error of the TLS handshake: the certificate's fault, or another.
fn tls_error(host: &str, e: &io::Error) -> Error {
    let host = host.to_owned();
    match e.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(e @ rustls::Error::InvalidCertificate(_)) => Error::Certificate { host, reason: e.to_string() },
        Some(rustls::Error::InvalidMessage(_)) => Error::NotTls { host },
        Some(e) => Error::Tls { host, reason: e.to_string() },
        None => Error::ConnectionLost,
    }
}
