//! What an earlier release knew, and had nobody look at.
//!
//! Guarantees: after an upgrade everything of which somebody may have to be told comes into the index of
//! reminders, without anybody's doing. That grows with what exists, so it is done once for a table: after
//! a run, in the time that it leaves, page by page and at a pace; where it was cut off, the next run goes on.
//! It keeps nobody's reminder waiting, and its failure is no failure of the run.

use crate::ExpiryCheck;
use jiff::Timestamp;
use postroom_model::Subject;
use postroom_registry::{Error, Page, Position};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// The short-lived item that says how far it is. It lives as long as any.
const PLACE: (&str, &str) = ("run", "earlier-release");
/// Subjects that are brought into the index before it is put on record how far it is.
const PORTION: usize = 200;
/// Time from one subject to the next. All accounts are under one key of the index, which has a thousand
/// write units a second
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>); beyond
/// that DynamoDB refuses writes to the table itself.
const PACE: Duration = Duration::from_millis(5);

/// How far it is: whom it goes on after. The position is as [`Position`] writes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    Providers(Option<String>),
    Accounts(Option<String>),
    Done,
}

impl ExpiryCheck {
    /// Has it looked at from `now` on; nothing further is begun after `until`. No other run may be under way.
    pub(crate) async fn look_at_the_rest(&self, now: Timestamp, until: Timestamp) {
        let mut looked_at: u64 = 0;
        match self.go_on(now, until, &mut looked_at).await {
            Ok(()) => {}
            Err(error) if self.refusals.noted(error.refusal()) => {}
            Err(error) => tracing::error!(%error, "what an earlier release knew could not be looked at"),
        }
        if looked_at > 0 {
            tracing::info!(looked_at, "what an earlier release knew is looked at from now on");
        }
    }

    async fn go_on(&self, now: Timestamp, until: Timestamp, looked_at: &mut u64) -> Result<(), Error> {
        let (kind, key) = PLACE;
        let held = self.registry.ephemeral::<Place>(kind, key, (self.clock)()).await?;
        let (mut place, mut seen) =
            held.map_or((Place::Providers(None), None), |(place, version)| (place, Some(version)));
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while let Some(page) = self.unseen(&place).await? {
            for subject in &page.items {
                pace.tick().await;
                if (self.clock)() > until {
                    return Ok(());
                }
                match self.registry.look_at_unseen(subject, now).await {
                    Ok(_) => *looked_at += 1,
                    // A later release has been at it since it was read.
                    Err(Error::TooNew { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            place = place.after(page.next.as_ref());
            let clock = (self.clock)();
            self.registry.put_ephemeral(kind, key, &place, Timestamp::MAX, seen, clock).await?;
            seen = Some(seen.unwrap_or_default() + 1);
            if clock > until {
                return Ok(());
            }
        }
        Ok(())
    }

    /// What is to be looked at next; `None`: nothing is left.
    async fn unseen(&self, place: &Place) -> Result<Option<Page<Subject>>, Error> {
        let position = |after: &Option<String>| after.as_deref().and_then(|after| after.parse().ok());
        match place {
            Place::Providers(after) => {
                self.registry.unseen_providers(position(after).as_ref(), PORTION).await.map(Some)
            }
            Place::Accounts(after) => {
                self.registry.unseen_accounts(position(after).as_ref(), PORTION).await.map(Some)
            }
            Place::Done => Ok(None),
        }
    }
}

impl Place {
    /// The place after a page that goes on at `next`, if it does.
    fn after(&self, next: Option<&Position>) -> Self {
        let next = next.map(ToString::to_string);
        match self {
            Self::Providers(_) if next.is_none() => Self::Accounts(None),
            Self::Providers(_) => Self::Providers(next),
            Self::Accounts(_) if next.is_some() => Self::Accounts(next),
            Self::Accounts(_) | Self::Done => Self::Done,
        }
    }
}
