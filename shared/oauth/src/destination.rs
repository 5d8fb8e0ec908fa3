//! Where requests may go.
//!
//! People name issuers and token URLs, and servers name further ones in their metadata. So every URL
//! is checked before its request, and every name once it is resolved: exactly the checked addresses
//! are connected to.

use crate::http::HttpSettings;
use postroom_model::{Fault, FaultClass, address};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, SocketAddr};
use url::{Host, Url};

/// The most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Why nothing is sent to a URL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// Neither https nor http.
    #[error("{0}: only https addresses are used")]
    Scheme(String),
    /// A user name or a password in the URL.
    #[error("the address at {0} carries a user name or password, which is not sent")]
    Credentials(String),
    /// http, where that is not allowed.
    #[error("http://{0} is not encrypted: give its https address, or allow the host explicitly")]
    Plaintext(String),
    /// An address of this machine or its link.
    #[error("{host} is {address}, an address of this machine or its link, which is not connected to")]
    Address {
        /// The host as it was named.
        host: String,
        /// What it resolved to.
        address: IpAddr,
    },
}

impl From<&Refused> for Fault {
    fn from(refused: &Refused) -> Self {
        Fault::new(FaultClass::Configuration, refused.to_string())
    }
}

/// Checks all of a URL that can be checked before its name is resolved.
pub(crate) fn check(url: &Url, settings: &HttpSettings) -> Result<(), Refused> {
    let host = url.host_str().unwrap_or_default();
    match url.scheme() {
        "https" => {}
        "http" if plaintext_allowed(url, settings) => {}
        "http" => return Err(Refused::Plaintext(host.to_owned())),
        scheme => return Err(Refused::Scheme(scheme.to_owned())),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::Credentials(host.to_owned()));
    }
    match literal(url) {
        Some(address) if !settings.allow_local && address::is_local(address) => {
            Err(Refused::Address { host: host.to_owned(), address })
        }
        _ => Ok(()),
    }
}

/// With `allow_local`, http may go to this machine: its addresses, and names that mean it by
/// definition (RFC 6761 section 6.3).
fn plaintext_allowed(url: &Url, settings: &HttpSettings) -> bool {
    let host = url.host_str().unwrap_or_default();
    let this_machine = match literal(url) {
        Some(address) => address::is_loopback(address),
        None => host == "localhost" || host.ends_with(".localhost"),
    };
    settings.plaintext_hosts.iter().any(|listed| bare(listed).eq_ignore_ascii_case(bare(host)))
        || (settings.allow_local && this_machine)
}

/// An IPv6 address without its brackets; anything else as it is.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host)
}

/// The address that a URL names without a name; it never comes by the resolver.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(v4) => Some(IpAddr::V4(v4)),
        Host::Ipv6(v6) => Some(IpAddr::V6(v6)),
        Host::Domain(_) => None,
    }
}

/// Resolves names by the system, and refuses those with an address of this machine or its link.
pub(crate) struct Resolver {
    pub(crate) allow_local: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_local = self.allow_local;
        Box::pin(async move {
            let host = name.as_str();
            // The port is the request's; whoever connects fills it in.
            let found = tokio::net::lookup_host((host, 0)).await?;
            let addresses: Vec<SocketAddr> = found.take(MAX_ADDRESSES).collect();
            let local = addresses.iter().map(SocketAddr::ip).find(|address| address::is_local(*address));
            if let Some(address) = local.filter(|_| !allow_local) {
                return Err(Refused::Address { host: host.to_owned(), address }.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
