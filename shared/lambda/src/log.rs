//! Log lines: JSON on standard output.

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// The crates whose own lines follow `LOG_LEVEL`.
const OWN: [&str; 9] = [
    "console",
    "dispatch",
    "fetch",
    "postroom_lambda",
    "postroom_mail",
    "postroom_model",
    "postroom_oauth",
    "postroom_registry",
    "postroom_vault",
];

/// Starts logging: JSON lines at the level that the environment variable `LOG_LEVEL` names (`error`,
/// `warn`, `info`, `debug`, `trace`; `info` when it is missing or wrong). Call it once, first in `main`.
pub fn log() {
    let level = std::env::var("LOG_LEVEL").ok().and_then(|text| text.parse().ok());
    let own = OWN.map(|name| format!("{name}={}", level.unwrap_or(LevelFilter::INFO)));
    let filter = EnvFilter::builder().parse_lossy(format!("warn,{}", own.join(",")));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .init();
}
