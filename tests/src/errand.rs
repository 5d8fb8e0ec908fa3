//! Renewals for a process of its own, which a test can kill.

use crate::{clock, lab, log};
use jiff::{SignedDuration, Timestamp};
use postroom_model::AccountId;
use postroom_tokens::{Demand, Error, Outcome, Tokens};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicI64, Ordering};

/// What a process of `renew` is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Errand {
    /// Where AWS answers.
    pub endpoint: String,
    /// The registry's table.
    pub table: String,
    /// What the names of secrets begin with.
    pub secret_prefix: String,
    /// The KMS key.
    pub token_key: String,
    /// Whose tokens are demanded.
    pub account: AccountId,
    /// How many demand them at once.
    pub demands: usize,
    /// How far its clock is ahead, in seconds.
    pub ahead: i64,
    /// How long a demand waits for others, in seconds.
    pub patience: i64,
}

/// What came of one demand; it may be printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Came {
    /// The outcome's name.
    pub outcome: String,
    /// The digest of the access token.
    pub token: Option<String>,
}

impl From<Result<Outcome, Error>> for Came {
    fn from(outcome: Result<Outcome, Error>) -> Self {
        match outcome {
            Ok(outcome) => {
                let name = outcome.name().to_owned();
                let token = outcome.tokens().ok().map(|tokens| digest(&tokens.access_token));
                Self { outcome: name, token }
            }
            Err(error) => Self { outcome: error.to_string(), token: None },
        }
    }
}

/// A token's digest, to compare and to print.
pub fn digest(token: &SecretString) -> String {
    let digest: [u8; 32] = Sha256::digest(token.expose_secret()).into();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

static AHEAD: AtomicI64 = AtomicI64::new(0);

/// The clock of a process on an errand.
fn own_clock() -> Timestamp {
    let ahead = SignedDuration::from_secs(AHEAD.load(Ordering::Relaxed));
    clock().checked_add(ahead).expect("in range")
}

impl Errand {
    /// Demands the tokens, all at once.
    ///
    /// # Panics
    /// When a demand does.
    pub async fn run(self) -> Vec<Came> {
        AHEAD.store(self.ahead, Ordering::Relaxed);
        log::keep();
        let aws = lab::aws(&self.endpoint).await;
        let tokens = lab::tokens(&aws, &self.table, &self.secret_prefix, &self.token_key, own_clock);
        let until = own_clock().checked_add(SignedDuration::from_secs(self.patience)).expect("in range");
        demand(&tokens, &self.account, self.demands, until).await
    }
}

/// Demands an account's tokens many times at once, of one [`Tokens`].
///
/// # Panics
/// When a demand does.
pub async fn demand(tokens: &Tokens, account: &AccountId, demands: usize, until: Timestamp) -> Vec<Came> {
    let demands = (0..demands).map(|_| {
        let (tokens, account) = (tokens.clone(), account.clone());
        tokio::spawn(async move { tokens.renew(&account, Demand::Stale { refused: None }, until).await })
    });
    let mut came = Vec::new();
    for demand in demands.collect::<Vec<_>>() {
        came.push(demand.await.expect("a demand that ends").into());
    }
    came
}
