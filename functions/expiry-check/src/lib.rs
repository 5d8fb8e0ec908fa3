//! `expiry-check`: a schedule tick; people and machines hear of what ends, in time and once.
//!
//! Guarantees: work grows with what is due, which an index tells. Everybody who is to be told of
//! something gets one message in a run, about everything of theirs; what was told is put on record
//! after SES or EventBridge took it, by thing, end, stage and recipient, and is not told again. A crash
//! between the two may repeat one message and skips none: a subject stays due until everybody has been
//! told, and stages that were missed give way to the one that is reached. Whoever was mailed counts as told
//! for good only when the mail has not come back an hour later; until then others may have to stand in.
//! What fails stops nothing else.
//!
//! Left out: rules of time, which are `postroom-model`'s; sending, which is `postroom-letter`'s; who
//! brings something into the index, which is whoever changes it.

mod announcement;
mod audience;
mod block;
mod dead_end;
mod decision;
mod earlier;
pub mod event;
mod facts;
mod feedback;
#[cfg(test)]
mod fixtures;
mod lag;
mod letter;
mod look;
mod mailboxes;
mod matter;
mod round;
mod run;
mod settings;
mod tally;
mod tell;
mod texts;
mod trigger;

pub use feedback::{Heard, NotFeedback};
pub use postroom_lambda::SettingsError;
pub use settings::Settings;
pub use tally::Tally;
pub use trigger::NotATrigger;

use aws_config::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use postroom_lambda::{Metrics, Refusals, Unit, chain};
use postroom_letter::Post;
use postroom_model::{ProviderId, Refusal};
use postroom_registry::Registry;
use postroom_vault::Vault;
use run::Run;
use serde::Serialize;
use trigger::Trigger;

/// Nothing is begun this shortly before the function is stopped: what was told must be put on record.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);
/// Moments of the registry have whole seconds: a second that has passed gets no further entries.
const PASSED: SignedDuration = SignedDuration::from_secs(1);
/// The short-lived item that says that a run is under way.
const RUN: (&str, &str) = ("run", "expiry-check");

/// The function, with its clients.
#[derive(Debug)]
pub struct ExpiryCheck {
    settings: Settings,
    registry: Registry,
    vault: Vault,
    events: aws_sdk_eventbridge::Client,
    /// `None`: nobody is mailed.
    post: Option<Post>,
    metrics: Metrics,
    refusals: Refusals,
    clock: fn() -> Timestamp,
}

/// What the function answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To the schedule.
    Run(Tally),
    /// To SES.
    Feedback(Heard),
}

/// Why a run, or one subject of it, failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What started the function is nothing to act on.
    #[error(transparent)]
    Trigger(#[from] NotATrigger),
    /// The registry did not answer.
    #[error(transparent)]
    Registry(#[from] postroom_registry::Error),
    /// An account's provider does not exist.
    #[error("the account's provider {0} does not exist")]
    ProviderMissing(ProviderId),
}

impl Error {
    /// What AWS did not do, where that is why.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Registry(error) => error.refusal(),
            Self::Trigger(_) | Self::ProviderMissing(_) => None,
        }
    }
}

impl ExpiryCheck {
    /// Builds the clients once for all invocations of the process.
    pub fn new(settings: Settings, aws: &SdkConfig, clock: fn() -> Timestamp) -> Self {
        let registry = Registry::new(aws_sdk_dynamodb::Client::new(aws), settings.table.clone());
        let vault = Vault::new(aws_sdk_secretsmanager::Client::new(aws), settings.secret_prefix.clone());
        let post = settings.sender.clone().map(|sender| {
            let client = aws_sdk_sesv2::Client::new(aws);
            Post::new(client, sender, settings.operators.clone(), settings.configuration_set.clone())
        });
        let events = aws_sdk_eventbridge::Client::new(aws);
        let metrics = Metrics::new(settings.stack.clone());
        let refusals = Refusals::default();
        Self { settings, registry, vault, events, post, metrics, refusals, clock }
    }

    /// Answers an event: the schedule's, which is a run; SES's, which is put on record. `deadline` is
    /// when the function is stopped.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn answer(&self, event: serde_json::Value, deadline: Timestamp) -> Result<Answer, Error> {
        // Boxed: a run is many futures deep.
        let answer = Box::pin(self.act(event, deadline)).await;
        if let Err(error) = &answer
            && !self.refusals.noted(error.refusal())
        {
            tracing::error!(error = chain(error), "an event came to nothing");
        }
        self.refusals.tell("expiry-check", &self.metrics, (self.clock)());
        answer
    }

    async fn act(&self, event: serde_json::Value, deadline: Timestamp) -> Result<Answer, Error> {
        let now = (self.clock)();
        match Trigger::read(event, self.settings.may_be_told_the_date)? {
            Trigger::Tick => {
                let now = now.saturating_sub(PASSED).unwrap_or(Timestamp::MIN);
                self.check(now, deadline).await.map(Answer::Run)
            }
            Trigger::At(now) => self.check(now, deadline).await.map(Answer::Run),
            Trigger::Feedback(feedback) => {
                let heard = feedback.record(&self.registry).await?;
                let Heard { undeliverable, cleared, rejected } = heard;
                if rejected > 0 {
                    let failed = ("RemindersFailed", Unit::Count, rejected as f64);
                    self.metrics.emit((self.clock)(), None, &[failed]);
                }
                tracing::info!(undeliverable, cleared, rejected, "SES told what became of a mail");
                Ok(Answer::Feedback(heard))
            }
        }
    }

    /// Tells what is due at `now`; what is left is due at the next run. While another run is under way,
    /// nothing is done.
    ///
    /// # Errors
    /// [`Error::Registry`], when what is due cannot be found out.
    pub async fn check(&self, now: Timestamp, deadline: Timestamp) -> Result<Tally, Error> {
        let (kind, key) = RUN;
        if !self.registry.claim_ephemeral(kind, key, deadline, (self.clock)()).await? {
            tracing::info!("another run is under way");
            return Ok(Tally { busy: true, ..Tally::default() });
        }
        let until = deadline.saturating_sub(MARGIN).unwrap_or(Timestamp::MIN);
        let tally = Run::new(self, now, until).go().await;
        if let Ok(tally) = &tally {
            self.note(tally);
            self.look_at_the_rest(now, until).await;
        }
        // A claim that is not given back ends at the deadline.
        if let Err(error) = self.registry.take_ephemeral::<bool>(kind, key, (self.clock)()).await
            && !self.refusals.noted(error.refusal())
        {
            tracing::warn!(%error, "the next run may have to wait");
        }
        tally
    }

    fn note(&self, tally: &Tally) {
        let Tally { due, mails, events, failed, left, late, .. } = *tally;
        self.metrics.emit(
            (self.clock)(),
            None,
            &[
                ("ReminderRuns", Unit::Count, 1.0),
                ("RemindersSent", Unit::Count, mails as f64),
                ("RemindersFailed", Unit::Count, failed as f64),
                ("SubjectsDue", Unit::Count, due as f64),
                // What was left for other reasons is in RemindersFailed.
                ("SubjectsLeft", Unit::Count, late as f64),
            ],
        );
        tracing::info!(due, mails, events, failed, left, "a run is done");
    }
}
