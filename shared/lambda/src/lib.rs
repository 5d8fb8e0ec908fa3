//! The edge of every function: what its `main` wires. Settings, log lines, metrics, the clock, AWS.
//!
//! Guarantees: only Postroom's own crates log below `warn`, because a library's debug lines may hold
//! what it sends. Leaves out: what a line may say. Nobody logs an address, a subject or a token.

mod aws;
mod environment;
mod log;
mod metrics;
mod refusals;

pub use aws::{EnvironmentError, aws};
pub use environment::{Environment, Reach, SettingsError};
pub use log::{chain, log, started};
pub use metrics::{Metrics, Unit};
pub use refusals::Refusals;

/// The present moment. Only `main` asks for it; everything else is told.
#[expect(clippy::disallowed_methods, reason = "the clock comes in here")]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
