//! A token set's life at a real authorization server, which rotates refresh tokens and revokes the
//! whole authorization when one is used twice: nothing that was issued is lost, whoever is killed,
//! refused, cancelled or overtaken.

mod consent;
mod custody;
mod demands;
mod grants;
mod incidents;
mod kills;
mod mailboxes;
mod refusals;
mod revocation;
mod schedule;

use jiff::Timestamp;
use postroom_model::{AccountId, TokenSet};
use postroom_registry::Incident;
use postroom_tests::{Lab, Refreshes, clock, digest, later, refreshes};
use postroom_tokens::{Demand, Outcome};

/// Somebody needs a token that works now.
const STALE: Demand = Demand::Stale { refused: None };

/// For how long a test waits for another holder of a lease, by the present time.
fn soon() -> Timestamp {
    later(clock(), 30)
}

/// The same by any clock.
fn patient() -> Timestamp {
    later(clock(), 100_000)
}

/// The digest of the access token that an outcome brings.
fn token(outcome: &Outcome) -> Option<String> {
    outcome.clone().tokens().ok().map(|tokens| digest(&tokens.access_token))
}

async fn current(lab: &Lab, id: &AccountId) -> TokenSet {
    lab.vault.token_set(id).await.expect("an answer").expect("a token set")
}

async fn granted(id: &AccountId) -> Refreshes {
    refreshes(id.as_str()).await
}

/// So many refreshes that the server granted, and none that it refused.
fn only(granted: u64) -> Refreshes {
    Refreshes { granted, refused: 0 }
}

async fn incidents(lab: &Lab) -> Vec<Incident> {
    lab.registry.incidents().await.expect("an answer")
}
