//! `token-refresh`: a schedule tick; every account whose tokens are due is renewed.
//!
//! Guarantees: what is due is found by index; accounts are renewed side by side, a bounded number at a
//! time; one that fails or hangs stops no other, and each has one result. How one account is renewed
//! is `postroom-tokens`' matter, which `fetch` uses in the same way.

mod settings;
mod tally;

pub use postroom_lambda::SettingsError;
pub use settings::Settings;
pub use tally::Tally;

use aws_config::SdkConfig;
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use postroom_lambda::{Metrics, Unit};
use postroom_oauth::{Http, HttpError};
use postroom_registry::{DueAccount, Registry};
use postroom_tokens::{Demand, Outcome, Tokens};
use postroom_vault::{Sealer, Vault};

/// Accounts that are renewed at once.
const SIDE_BY_SIDE: usize = 16;
/// How long one account may be waited for.
const PATIENCE: SignedDuration = SignedDuration::from_secs(20);
/// No further account is begun this shortly before the function is stopped: its request and the
/// writes after it must have their time.
const MARGIN: SignedDuration = SignedDuration::from_secs(90);

/// The function, with its clients.
#[derive(Debug)]
pub struct TokenRefresh {
    registry: Registry,
    tokens: Tokens,
    metrics: Metrics,
    clock: fn() -> Timestamp,
}

/// What came of one due account.
struct Result {
    due: DueAccount,
    outcome: std::result::Result<Outcome, postroom_tokens::Error>,
}

impl TokenRefresh {
    /// Builds the clients once for all invocations of the process.
    ///
    /// # Errors
    /// [`HttpError`], when the private CA cannot be read.
    pub fn new(
        settings: Settings,
        aws: &SdkConfig,
        clock: fn() -> Timestamp,
    ) -> std::result::Result<Self, HttpError> {
        let registry = Registry::new(aws_sdk_dynamodb::Client::new(aws), settings.table);
        let vault = Vault::new(aws_sdk_secretsmanager::Client::new(aws), settings.secret_prefix);
        let sealer = Sealer::new(aws_sdk_kms::Client::new(aws), settings.token_key);
        let http = Http::new(settings.http)?;
        let tokens = Tokens::new(registry.clone(), vault, sealer, http, settings.lead, clock);
        Ok(Self { registry, tokens, metrics: Metrics::new(settings.stack), clock })
    }

    /// Renews what is due, until nothing is or the time is up; `deadline` is when the function is
    /// stopped. What is left is due at the next tick.
    ///
    /// # Errors
    /// [`postroom_registry::Error`], when what is due cannot be found out.
    pub async fn tick(&self, deadline: Timestamp) -> std::result::Result<Tally, postroom_registry::Error> {
        let now = (self.clock)();
        let last_start = deadline.saturating_sub(MARGIN).unwrap_or(Timestamp::MIN);
        let mut tally = Tally::default();
        let mut pages = self.registry.due_accounts(now);
        while let Some(page) = pages.next_page().await? {
            let mut results = futures::stream::iter(page)
                .map(|due| self.renew(due, last_start))
                .buffer_unordered(SIDE_BY_SIDE);
            while let Some(result) = results.next().await {
                match result {
                    Some(result) => self.note(&mut tally, now, result),
                    None => tally.left += 1,
                }
            }
        }
        self.tokens.settled().await;
        self.metrics.emit(
            now,
            None,
            &[
                ("Refreshed", Unit::Count, tally.refreshed as f64),
                ("OldestRefreshLag", Unit::Seconds, tally.oldest_lag_seconds as f64),
            ],
        );
        tracing::info!(
            refreshed = tally.refreshed,
            failed = tally.failed,
            left = tally.left,
            "a tick is done"
        );
        Ok(tally)
    }

    /// `None`: there is no time left for it.
    async fn renew(&self, due: DueAccount, last_start: Timestamp) -> Option<Result> {
        let now = (self.clock)();
        if now > last_start {
            return None;
        }
        let until = now.saturating_add(PATIENCE).unwrap_or(Timestamp::MAX);
        let outcome = self.tokens.renew(&due.id, Demand::Due, until).await;
        Some(Result { due, outcome })
    }

    fn note(&self, tally: &mut Tally, now: Timestamp, Result { due, outcome }: Result) {
        tally.lag(now.duration_since(due.due_at));
        let fault = match outcome {
            Ok(outcome) => {
                tracing::info!(account = %due.id, outcome = outcome.name(), "an account's tokens were due");
                match outcome {
                    Outcome::Refreshed(_) => {
                        tally.refreshed += 1;
                        return;
                    }
                    Outcome::NotDue(_) | Outcome::ChangedUnderneath(_) => return,
                    Outcome::Transient { fault, .. }
                    | Outcome::OwnerMustReauthorise(fault)
                    | Outcome::OperatorMustMend(fault) => fault,
                }
            }
            Err(error) => {
                tracing::error!(account = %due.id, %error, "an account's tokens could not be renewed");
                error.fault()
            }
        };
        tally.failed += 1;
        self.metrics.emit(now, Some(("Class", fault.class.name())), &[("RefreshFailures", Unit::Count, 1.0)]);
    }
}
