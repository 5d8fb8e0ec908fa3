//! `dispatch`: on every tick of the schedule, sends the batches that are due to the fetch queue.
//!
//! Guarantees: work grows with what is due, never with what exists. A batch is claimed by moving its
//! due time on before its message is sent; when the message cannot be sent, the claim is taken back,
//! and when that is cut off by a crash, the batch is due again after [`REDELIVERY`]. Two ticks at
//! once send a batch once. However many are due, they are claimed no faster than the index takes it, the
//! longest due first, and none when the time is nearly up. A batch that comes due again although no run went
//! through since its last claim is as late as it has been waiting in all. Leaves out: everything about mail.

mod settings;

pub use postroom_lambda::SettingsError;
pub use settings::Settings;

use aws_config::SdkConfig;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use postroom_lambda::{Metrics, Refusals, Unit, chain};
use postroom_model::{Refusal, Work};
use postroom_registry::{DueBatch, Registry};
use serde::Serialize;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// A batch whose message was lost is sent again after this: longer than a run's lease can last, so
/// that it does not find the batch still busy. `fetch` sets the true next due time when it has worked
/// the batch.
pub const REDELIVERY: SignedDuration = SignedDuration::from_mins(17);

/// Batches that are claimed side by side, and then sent.
const PORTION: usize = 30;
/// Time from one portion to the next. A claim takes an entry out of the index `due` and puts another in: two
/// write units of one partition, which has a thousand a second
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>). Beyond
/// that DynamoDB refuses writes to the table itself. What is left is `fetch`'s, which gives batches back.
const PACE: Duration = Duration::from_millis(100);
/// No further portion is begun this shortly before the function is stopped: what is claimed must be sent.
const MARGIN: Duration = Duration::from_secs(10);
/// Messages in one `SendMessageBatch`: the most that SQS takes.
const MESSAGES: usize = 10;
/// The right that sending them needs.
const SEND: &str = "sqs:SendMessage";

/// The function, with its clients.
#[derive(Debug)]
pub struct Dispatch {
    registry: Registry,
    sqs: aws_sdk_sqs::Client,
    queue_url: String,
    metrics: Metrics,
    refusals: Refusals,
}

/// What a tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tick {
    /// Batches sent to the queue.
    pub sent: usize,
    /// Batches that another tick had claimed first.
    pub taken: usize,
    /// Batches that could not be claimed; they are still due.
    pub failed: usize,
    /// Batches whose message the queue did not take; they are due again at once.
    pub returned: usize,
    /// Batches that were seen and not tried, because there was no time or because nothing got through; they are
    /// still due.
    pub left: usize,
    /// How long the batch had been waiting for a run that waits longest, of those that came due, in seconds.
    pub oldest_lag_seconds: i64,
}

impl Tick {
    fn lag(&mut self, now: Timestamp, since: Timestamp) {
        self.oldest_lag_seconds = self.oldest_lag_seconds.max(now.as_second() - since.as_second());
    }

    /// Whether none of the batches since then was sent, nor was another tick's.
    fn got_nowhere_since(self, before: Self) -> bool {
        (self.sent, self.taken) == (before.sent, before.taken)
    }
}

impl Dispatch {
    /// Builds the clients once for all invocations of the process.
    pub fn new(settings: Settings, aws: &SdkConfig) -> Self {
        Self {
            registry: Registry::new(aws_sdk_dynamodb::Client::new(aws), settings.table),
            sqs: aws_sdk_sqs::Client::new(aws),
            queue_url: settings.queue_url,
            metrics: Metrics::new(settings.stack),
            refusals: Refusals::default(),
        }
    }

    /// Sends every batch that is due at `now`, or as many as there is time for: `deadline` is when the
    /// function is stopped.
    ///
    /// # Errors
    /// When the registry cannot be read. What was sent by then stays sent; the rest is
    /// still due at the next tick.
    pub async fn tick(&self, now: Timestamp, deadline: Timestamp) -> Result<Tick, postroom_registry::Error> {
        let mut tick = Tick::default();
        let done = self.hand_out(&mut tick, now, deadline).await;
        if let Err(error) = &done {
            self.note(error, "what is due cannot be found out");
        }
        // What was done by then is done.
        if done.is_ok() || tick != Tick::default() {
            self.count(&tick, now);
        }
        self.refusals.tell("dispatch", &self.metrics, now);
        done.map(|()| tick)
    }

    async fn hand_out(
        &self,
        tick: &mut Tick,
        now: Timestamp,
        deadline: Timestamp,
    ) -> Result<(), postroom_registry::Error> {
        let time = Duration::try_from(deadline.duration_since(now)).unwrap_or_default();
        let last_start = Instant::now() + time.saturating_sub(MARGIN);
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pages = self.registry.due_batches(now);
        'pages: while let Some(page) = pages.next_page().await? {
            page.iter().for_each(|due| tick.lag(now, due.due_at));
            let mut portions = page.chunks(PORTION);
            while let Some(portion) = portions.next() {
                pace.tick().await;
                if Instant::now() >= last_start {
                    tick.left = portion.len() + portions.map(<[_]>::len).sum::<usize>();
                    tracing::warn!(left = tick.left, "there is no time for more batches: they stay due");
                    break 'pages;
                }
                let before = *tick;
                let claimed = self.claim(portion, now, tick).await;
                for messages in claimed.chunks(MESSAGES) {
                    self.send(messages, now, tick).await;
                }
                // What a whole portion was refused, the next ones would be; one batch must not stop the others.
                if self.refusals.lasts() && tick.got_nowhere_since(before) {
                    tick.left = portions.map(<[_]>::len).sum();
                    break 'pages;
                }
            }
        }
        Ok(())
    }

    /// What AWS did not do is told once a tick, however many batches it was refused.
    fn note(&self, error: &postroom_registry::Error, message: &'static str) {
        if !self.refusals.noted(error.refusal()) {
            tracing::error!(error = chain(error), "{message}");
        }
    }

    /// Those of the batches that are this tick's to send.
    async fn claim(&self, portion: &[DueBatch], now: Timestamp, tick: &mut Tick) -> Vec<DueBatch> {
        let mut claims = futures::stream::iter(portion.to_vec())
            .map(|due| async move {
                let since = self.registry.claim(&due.id, due.due_at, claimed_until(now)).await?;
                let Some(since) = since else { return Ok(None) };
                let waits = since < due.due_at && self.is_noted_as_waiting(&due, since).await;
                Ok(Some((if waits { since } else { due.due_at }, due)))
            })
            .buffer_unordered(PORTION);
        let mut claimed = Vec::new();
        while let Some(claim) = claims.next().await {
            match claim {
                Ok(Some((since, due))) => {
                    tick.lag(now, since);
                    claimed.push(due);
                }
                Ok(None) => tick.taken += 1,
                // What is claimed must be sent, also when another claim fails: that batch stays due.
                Err(error) => {
                    tick.failed += 1;
                    self.note(&error, "a batch could not be claimed; it stays due");
                }
            }
        }
        claimed
    }

    /// Whether no run went through since a batch was first claimed; then others find it by that, too.
    async fn is_noted_as_waiting(&self, due: &DueBatch, since: Timestamp) -> bool {
        self.registry.note_waiting(&due.id, since).await.unwrap_or_else(|error| {
            self.note(&error, "a batch that waits could not be put on record as late");
            true
        })
    }

    /// Sends at most ten batches in one request, and gives back what the queue did not take.
    async fn send(&self, batches: &[DueBatch], now: Timestamp, tick: &mut Tick) {
        let entries = batches.iter().enumerate().filter_map(|(at, due)| {
            let work = Work::Batch { id: due.id.clone(), due_at: due.due_at };
            let body = serde_json::to_string(&work).ok()?;
            SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(body).build().ok()
        });
        let request =
            self.sqs.send_message_batch().queue_url(&self.queue_url).set_entries(Some(entries.collect()));
        let refused: Vec<&DueBatch> = match request.send().await {
            Ok(answer) => {
                for entry in &answer.failed {
                    let said = entry.message().unwrap_or_default();
                    self.refusals.note(&Refusal::answered(SEND, &self.queue(), entry.code(), said, 200));
                }
                let failed = answer.failed.iter().filter_map(|entry| entry.id.parse::<usize>().ok());
                failed.filter_map(|at| batches.get(at)).collect()
            }
            Err(error) => {
                self.refusals.note(&postroom_aws::refusal(SEND, &self.queue(), &error));
                batches.iter().collect()
            }
        };
        tick.sent += batches.len() - refused.len();
        tick.returned += refused.len();
        for due in refused {
            // The other claims are this tick's to send or to give back all the same.
            if let Err(error) = self.registry.give_back(&due.id, claimed_until(now), due.due_at).await {
                self.note(&error, "a batch could not be given back; it is due again in a while");
            }
        }
    }

    fn queue(&self) -> String {
        format!("queue {}", self.queue_url)
    }

    #[expect(clippy::cast_precision_loss, reason = "metrics are floating-point numbers")]
    fn count(&self, tick: &Tick, now: Timestamp) {
        let values = [
            ("Ticks", Unit::Count, 1.0),
            ("DispatchedBatches", Unit::Count, tick.sent as f64),
            ("UndispatchedBatches", Unit::Count, (tick.failed + tick.returned + tick.left) as f64),
            ("OldestDueLag", Unit::Seconds, tick.oldest_lag_seconds as f64),
        ];
        self.metrics.emit(now, None, &values);
        tracing::info!(
            sent = tick.sent,
            taken = tick.taken,
            failed = tick.failed,
            returned = tick.returned,
            left = tick.left,
            "a tick is done"
        );
    }
}

fn claimed_until(now: Timestamp) -> Timestamp {
    now.saturating_add(REDELIVERY).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_batch_that_is_refused_stops_no_other() {
        let before = Tick { sent: 60, failed: 1, ..Tick::default() };
        for (what, tick, got_nowhere) in [
            ("one is refused", Tick { sent: 89, failed: 2, ..before }, false),
            ("the queue does not take one", Tick { sent: 89, returned: 1, ..before }, false),
            ("others had the rest", Tick { taken: 29, failed: 2, ..before }, false),
            ("no claim is allowed", Tick { failed: 31, ..before }, true),
            ("the queue takes none", Tick { returned: 30, ..before }, true),
        ] {
            assert_eq!(tick.got_nowhere_since(before), got_nowhere, "{what}");
        }
    }
}
