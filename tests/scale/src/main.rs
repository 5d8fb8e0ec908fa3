//! Measures what the functions ask of AWS with many mailboxes; `make bench ONLY=scale` runs it.
//!
//! It prints one line of JSON for each size. The functions print their metrics too, so the lines go to
//! a file of their own.

use clap::Parser;
use postroom_lambda::now;
use postroom_scale::{Deployment, Step};
use serde_json::json;
use std::{error::Error, fs::File, io::Write as _, path::PathBuf, time::Instant};

/// Pages of the console: the first; searches that find few, none, and an owner's; what waits for somebody,
/// and what ends soon; an account that opens a thousand mailboxes; a mailbox.
const PAGES: [&str; 8] = [
    "/",
    "/?q=account-0012",
    "/?q=nobody",
    "/?owner=owner-0003%40scale.test",
    "/?show=needs",
    "/?show=soon",
    "/accounts/account-00750",
    "/mailboxes/mailbox-000004",
];
/// Accounts of which somebody is to be told, and accounts whose tokens are to be renewed.
const ACCOUNTS_DUE: [usize; 3] = [0, 100, 2000];

#[derive(Parser)]
struct Options {
    /// Where the AWS API answers.
    #[arg(long, env = "AWS_ENDPOINT_URL")]
    endpoint: String,
    /// How many mailboxes there are, one deployment after another.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000")]
    mailboxes: Vec<usize>,
    /// Where the figures go.
    #[arg(long)]
    report: PathBuf,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let mut report = File::create(&options.report)?;
    for mailboxes in options.mailboxes {
        let begun = Instant::now();
        let deployment = Deployment::make(&options.endpoint, mailboxes, now()).await;
        let filled = begun.elapsed().as_secs_f64();
        let figures = json!({
            "mailboxes": deployment.mailboxes(),
            "batches": deployment.batches(),
            "accounts": deployment.accounts(),
            "filled_in_seconds": filled,
            "dispatch": ticks(&deployment).await,
            "console": pages(&deployment).await,
            "expiry-check": runs(&deployment).await,
            "token-refresh": renewals(&deployment).await,
        });
        writeln!(report, "{figures}")?;
        deployment.remove().await;
    }
    Ok(())
}

/// Nothing due, and as many batches as are a hundredth, a tenth and all of 2,000, if there are so many.
async fn ticks(deployment: &Deployment) -> Vec<Step> {
    let mut steps = Vec::new();
    for due in [0, 20, 200, 2000].into_iter().filter(|due| *due <= deployment.batches()) {
        steps.push(deployment.dispatch(due).await);
    }
    steps
}

async fn pages(deployment: &Deployment) -> Vec<Step> {
    let mut steps = Vec::new();
    for path in PAGES {
        steps.push(deployment.page(path).await);
    }
    steps
}

async fn runs(deployment: &Deployment) -> Vec<Step> {
    let mut steps = vec![deployment.upgrade().await];
    for (nth, due) in (0..).zip(ACCOUNTS_DUE) {
        steps.push(deployment.expiry_check(due, nth).await);
    }
    steps
}

async fn renewals(deployment: &Deployment) -> Vec<Step> {
    let mut steps = Vec::new();
    for due in ACCOUNTS_DUE {
        steps.push(deployment.token_refresh(due).await);
    }
    steps
}
