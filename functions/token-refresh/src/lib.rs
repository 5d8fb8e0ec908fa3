//! `token-refresh`: a schedule tick; every account whose tokens are due is renewed.
//!
//! Guarantees: what is due is found by index, the longest due first; accounts are renewed side by side, a
//! bounded number at a time and no faster than Secrets Manager takes it; one that fails or hangs stops no
//! other, and each has one result. How one account is renewed is `postroom-tokens`' matter, which `fetch`
//! uses in the same way.

mod settings;
mod tally;

pub use postroom_lambda::SettingsError;
pub use settings::Settings;
pub use tally::Tally;

use aws_config::SdkConfig;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use postroom_lambda::{Metrics, Refusals, Unit, chain};
use postroom_model::AccountId;
use postroom_oauth::{Http, HttpError};
use postroom_registry::{DueAccount, Registry};
use postroom_tokens::{Demand, Outcome, Tokens};
use postroom_vault::{Sealer, Vault};
use std::time::Duration;
use tokio::{
    sync::Mutex,
    time::{Interval, MissedTickBehavior, interval},
};

/// Accounts that are renewed at once: as many as begin in the time that a slow server takes.
const SIDE_BY_SIDE: usize = 32;
/// Time from the beginning of one renewal to that of the next. A renewal makes two writes to Secrets Manager,
/// which takes fifty a second in a region and no more
/// (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>); ten of them are
/// left to `fetch`, the console and the command line.
const PACE: Duration = Duration::from_millis(50);
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
    refusals: Refusals,
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
        Ok(Self {
            registry,
            tokens,
            metrics: Metrics::new(settings.stack),
            refusals: Refusals::default(),
            clock,
        })
    }

    /// Renews what is due, until nothing is or the time is up; `deadline` is when the function is
    /// stopped. What is left is due at the next tick.
    ///
    /// # Errors
    /// [`postroom_registry::Error`], when what is due cannot be found out.
    pub async fn tick(&self, deadline: Timestamp) -> std::result::Result<Tally, postroom_registry::Error> {
        // Boxed: a tick is many futures deep.
        let tally = Box::pin(self.renew_due(deadline)).await;
        if let Err(error) = &tally
            && !self.refusals.noted(error.refusal())
        {
            tracing::error!(error = chain(error), "what is due cannot be found out");
        }
        self.refusals.tell("token-refresh", &self.metrics, (self.clock)());
        tally
    }

    async fn renew_due(&self, deadline: Timestamp) -> std::result::Result<Tally, postroom_registry::Error> {
        let now = (self.clock)();
        let last_start = deadline.saturating_sub(MARGIN).unwrap_or(Timestamp::MIN);
        let mut tally = Tally::default();
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let pace = &Mutex::new(pace);
        let pages = stream::try_unfold(self.registry.due_accounts(now), async |mut pages| {
            let page = pages.next_page().await?;
            Ok::<_, postroom_registry::Error>(page.map(|page| (stream::iter(page).map(Ok), pages)))
        });
        let due = pages.try_flatten().boxed();
        let renewals = due.map(|due| async { Ok(self.renew(due?, last_start, pace).await) });
        let mut results = renewals.buffer_unordered(SIDE_BY_SIDE);
        let mut unknown = Ok(());
        let mut failing = Vec::new();
        while let Some(result) = results.next().await {
            match result {
                Ok(Some(result)) => failing.extend(self.note(&mut tally, now, result)),
                Ok(None) => tally.left += 1,
                // What has begun is ended in good order.
                Err(error) => unknown = Err(error),
            }
        }
        self.tokens.settled().await;
        self.note_failing(&mut tally, now, &failing).await;
        let mut values = vec![("Refreshed", Unit::Count, tally.refreshed as f64)];
        // Nobody knows how late it is what cannot be found out. Silence makes the alarm ring.
        if unknown.is_ok() || tally.oldest_lag_seconds > 0 {
            values.push(("OldestRefreshLag", Unit::Seconds, tally.oldest_lag_seconds as f64));
        }
        self.metrics.emit(now, None, &values);
        tracing::info!(
            refreshed = tally.refreshed,
            failed = tally.failed,
            left = tally.left,
            "a tick is done"
        );
        unknown.map(|()| tally)
    }

    /// `None`: there is no time left for it.
    async fn renew(&self, due: DueAccount, last_start: Timestamp, pace: &Mutex<Interval>) -> Option<Result> {
        if (self.clock)() <= last_start {
            pace.lock().await.tick().await;
        }
        let now = (self.clock)();
        if now > last_start {
            return None;
        }
        let until = now.saturating_add(PATIENCE).unwrap_or(Timestamp::MAX);
        let outcome = self.tokens.renew(&due.id, Demand::Due, until).await;
        Some(Result { due, outcome })
    }

    /// Returned is the account, where what failed is something that should pass by itself.
    fn note(&self, tally: &mut Tally, now: Timestamp, Result { due, outcome }: Result) -> Option<AccountId> {
        tally.lag(now.duration_since(due.due_at));
        let mut should_pass = false;
        let fault = match outcome {
            Ok(outcome) => {
                tracing::info!(account = %due.id, outcome = outcome.name(), "an account's tokens were due");
                match outcome {
                    Outcome::Refreshed(_) => {
                        tally.refreshed += 1;
                        return None;
                    }
                    Outcome::NotDue(_) | Outcome::ChangedUnderneath(_) => return None,
                    Outcome::Transient { fault, .. } => {
                        should_pass = true;
                        fault
                    }
                    Outcome::OwnerMustReauthorise(fault) => fault,
                    Outcome::OperatorMustMend(fault) => {
                        self.metrics.emit(now, None, &[("RegistrationFailures", Unit::Count, 1.0)]);
                        fault
                    }
                }
            }
            Err(error) => {
                // What AWS did not do is told once a tick, however many accounts it was refused.
                if error.refusal().is_none() {
                    tracing::error!(account = %due.id, %error, "an account's tokens could not be renewed");
                }
                error.fault()
            }
        };
        if let Some(refusal) = &fault.refusal {
            self.refusals.note_of(refusal, &due.id);
        }
        tally.failed += 1;
        self.metrics.emit(now, Some(("Class", fault.class.name())), &[("RefreshFailures", Unit::Count, 1.0)]);
        should_pass.then_some(due.id)
    }

    /// What should pass by itself is tried again soon, and never late by that: how long it has been failing counts.
    async fn note_failing(&self, tally: &mut Tally, now: Timestamp, failing: &[AccountId]) {
        match self.registry.account_statuses(failing).await {
            Ok(statuses) => {
                let since = statuses.values().filter_map(|status| status.failing_since);
                since.for_each(|since| tally.lag(now.duration_since(since)));
            }
            Err(error) => {
                if !self.refusals.noted(error.refusal()) {
                    tracing::error!(
                        error = chain(&error),
                        "how long accounts have been failing cannot be read"
                    );
                }
            }
        }
    }
}
