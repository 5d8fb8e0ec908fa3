//! A process of its own that runs `expiry-check` once, so that tests can kill it: wiring only.

use postroom_tests::{ERRAND, Round};
use std::io::{self, Write};

#[tokio::main]
async fn main() -> io::Result<()> {
    let round = std::env::var(ERRAND).map_err(io::Error::other)?;
    let round: Round = serde_json::from_str(&round)?;
    writeln!(io::stdout(), "ready")?;
    io::stdin().read_line(&mut String::new())?;
    let answer = round.run().await;
    writeln!(io::stdout(), "{answer}")
}
