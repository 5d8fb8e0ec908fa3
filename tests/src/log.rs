//! What the code under test logs, kept in a file so that it can be searched for secrets.

use std::{
    fs::{self, File},
    path::PathBuf,
    sync::Once,
};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Everything that is ours, down to what only somebody who looks for a fault turns on. Libraries'
/// lines are kept as functions keep them.
const OWN: [&str; 11] = [
    "dispatch",
    "expiry_check",
    "fetch",
    "postroom_lambda",
    "postroom_letter",
    "postroom_mail",
    "postroom_oauth",
    "postroom_registry",
    "postroom_tokens",
    "postroom_vault",
    "token_refresh",
];

/// Where the lines of all test processes are.
pub fn own_log() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tmp/tests.log"))
}

/// Keeps this process's log lines from now on.
///
/// # Panics
/// When there is no place for them.
pub(crate) fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let path = own_log();
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let file = File::options().create(true).append(true).open(path).expect("a file");
        let targets = Targets::new().with_default(LevelFilter::WARN);
        let targets = targets.with_targets(OWN.map(|name| (name, LevelFilter::TRACE)));
        let lines = tracing_subscriber::fmt::layer().json().with_writer(file);
        tracing_subscriber::registry().with(targets).with(lines).init();
    });
}
