//! A process of its own that fetches one mailbox, so that tests can measure it: wiring only.

use postroom_tests::{ERRAND, OneMailbox};
use std::io::{self, Write};

#[tokio::main]
async fn main() -> io::Result<()> {
    let errand = std::env::var(ERRAND).map_err(io::Error::other)?;
    let errand: OneMailbox = serde_json::from_str(&errand)?;
    writeln!(io::stdout(), "ready")?;
    io::stdin().read_line(&mut String::new())?;
    let worked = errand.run().await;
    writeln!(io::stdout(), "{}", serde_json::to_string(&worked)?)
}
