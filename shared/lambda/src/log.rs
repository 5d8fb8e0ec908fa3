//! Log lines: JSON on standard output.

use std::panic::{self, PanicHookInfo};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// The crates whose own lines follow `LOG_LEVEL`.
const OWN: [&str; 13] = [
    "console",
    "dispatch",
    "expiry_check",
    "fetch",
    "postroom_lambda",
    "postroom_letter",
    "postroom_mail",
    "postroom_model",
    "postroom_oauth",
    "postroom_registry",
    "postroom_tokens",
    "postroom_vault",
    "token_refresh",
];

/// Starts logging: JSON lines at the level that the environment variable `LOG_LEVEL` names (`error`,
/// `warn`, `info`, `debug`, `trace`; `info` when it is missing or wrong). A panic becomes a line, too. Call it
/// once, first in `main`.
pub fn log() {
    let level = std::env::var("LOG_LEVEL").ok().and_then(|text| text.parse().ok());
    let level = level.unwrap_or(LevelFilter::INFO);
    let targets = Targets::new().with_default(LevelFilter::WARN).with_targets(OWN.map(|name| (name, level)));
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    tracing_subscriber::registry().with(targets).with(lines).init();
    panic::set_hook(Box::new(tell));
}

/// Says where a panic happened. Its message stays untold: a piece of a mail may be in it.
fn tell(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "a panic: this is a bug");
}
