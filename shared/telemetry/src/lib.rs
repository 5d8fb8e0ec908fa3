//! What functions say of themselves: log lines and metrics, both as JSON lines on standard output.
//!
//! Guarantees: only Postroom's own crates log below `warn`, because a library's debug lines may hold
//! what it sends. Leaves out: what a line may say. Nobody logs an address, a subject or a token.

mod metrics;

pub use metrics::{Metrics, Unit};

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// The crates whose own lines follow `LOG_LEVEL`, by the beginning of their names.
const OWN: [&str; 10] = [
    "console",
    "dispatch",
    "fetch",
    "postroom_mail",
    "postroom_model",
    "postroom_oauth",
    "postroom_registry",
    "postroom_telemetry",
    "postroom_vault",
    "token_refresh",
];

/// Starts logging: JSON lines at the level that the environment variable `LOG_LEVEL` names (`error`,
/// `warn`, `info`, `debug`, `trace`; `info` when it is missing or wrong). Call it once, first in `main`.
pub fn init() {
    let level = std::env::var("LOG_LEVEL").ok().and_then(|text| text.parse().ok());
    let level = level.unwrap_or(LevelFilter::INFO);
    let filter = EnvFilter::builder().parse_lossy(directives(level));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .init();
}

fn directives(level: LevelFilter) -> String {
    let own = OWN.map(|name| format!("{name}={level}"));
    format!("warn,{}", own.join(","))
}
