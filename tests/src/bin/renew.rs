//! A process of its own that demands an account's tokens, so that tests can kill it: wiring only.

use postroom_tests::{ERRAND, Errand};
use std::io::{self, Write};

#[tokio::main]
async fn main() -> io::Result<()> {
    let errand = std::env::var(ERRAND).map_err(io::Error::other)?;
    let errand: Errand = serde_json::from_str(&errand)?;
    writeln!(io::stdout(), "ready")?;
    io::stdin().read_line(&mut String::new())?;
    let came = errand.run().await;
    writeln!(io::stdout(), "{}", serde_json::to_string(&came)?)
}
