//! The life of an account's token set: obtained, kept, renewed once, revoked.
//!
//! Guarantees:
//! - One change of an account's token set at a time: whoever changes it holds the account's lease, and
//!   everything it writes down names the number of that lease. Many that need the same stale token
//!   cause one request to the authorization server.
//! - A token set that was issued is not lost. Its answer is sealed and written to the registry first
//!   (the journal, one quick write), then put into Secrets Manager, then recorded; whoever holds the
//!   lease next finishes a journal that it finds. Nobody is given a token before it is in Secrets
//!   Manager. The work between the request and the record goes on when its caller is cancelled.
//! - No blind overwrite: Secrets Manager compares the version that was read with the current one. What
//!   an administrator put there meanwhile stays, and the set that came too late stays beside it.
//! - A token set is shown to the servers of the provider that issued it: what an account has from another
//!   one counts for nothing.
//! - A fault that may pass never counts as bad credentials, and before an authorization is called dead
//!   the vault is read again, because somebody else may have renewed it.
//!
//! Left out: when a process dies after the server has answered and before the journal is written (a
//! few milliseconds), the answer dies with it. Most servers then take the old refresh token once
//! more; one that revokes on reuse (RFC 9700 section 4.14.2) wants the owner's consent again.
//!
//! Rooms: `renewal` decides, `request` asks, `refusal` says what follows from a no, `custody` makes
//! durable, `record` says what is written down, `consent` and `revocation` begin and end a token set's
//! life, `registration` is what talks to a provider.

mod access;
mod consent;
mod custody;
mod error;
mod journal;
mod lease;
mod outcome;
mod record;
mod refusal;
mod registration;
mod renewal;
mod request;
mod revocation;

pub use access::Access;
pub use consent::{Accepted, Consent};
pub use error::Error;
pub use outcome::{Demand, Outcome};
pub use registration::Registration;
pub use revocation::Revoked;

use jiff::{SignedDuration, Timestamp};
use postroom_oauth::Http;
use postroom_registry::Registry;
use postroom_vault::{Sealer, Vault};
use std::sync::Arc;
use tokio::sync::RwLock;

/// Where token sets are changed: nothing else writes one. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tokens(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    vault: Vault,
    sealer: Sealer,
    http: Http,
    lead: SignedDuration,
    clock: fn() -> Timestamp,
    servers: registration::Servers,
    /// Read by every change that is under way, written by who waits for their end.
    under_way: Arc<RwLock<()>>,
}

impl Tokens {
    /// Access tokens are renewed `lead` to twice the `lead` before they end.
    pub fn new(
        registry: Registry,
        vault: Vault,
        sealer: Sealer,
        http: Http,
        lead: SignedDuration,
        clock: fn() -> Timestamp,
    ) -> Self {
        let servers = registration::Servers::default();
        let under_way = Arc::default();
        Self(Arc::new(Inner { registry, vault, sealer, http, lead, clock, servers, under_way }))
    }

    /// Waits until every change that this process has begun is done, also those whose callers were
    /// cancelled. A function calls it before it ends, because it may be frozen afterwards.
    pub async fn settled(&self) {
        drop(self.0.under_way.write().await);
    }

    fn now(&self) -> Timestamp {
        (self.0.clock)()
    }
}

fn later(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.saturating_add(by).unwrap_or(Timestamp::MAX)
}
