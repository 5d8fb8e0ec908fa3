//! Log lines: JSON on standard output.

use std::{
    error::Error,
    panic::{self, PanicHookInfo},
    process::ExitCode,
};
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
    // It prints an error's insides; what an invocation fails with is said by the function itself.
    let targets = targets.with_target("lambda_runtime::layers::panic", LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    tracing_subscriber::registry().with(targets).with(lines).init();
    panic::set_hook(Box::new(tell));
}

/// What a function's `main` ends with: one that could not start, or not go on, says why in one line.
pub fn started(run: Result<(), Box<dyn Error + Send + Sync>>) -> ExitCode {
    let Err(error) = run else { return ExitCode::SUCCESS };
    tracing::error!(error = chain(&*error), "the function cannot start");
    ExitCode::FAILURE
}

/// An error with what lies beneath it, as one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Says where a panic happened. Its message stays untold: a piece of a mail may be in it.
fn tell(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "a panic: this is a bug");
}
