//! What an earlier release knew, and had nobody look at.
//!
//! Guarantees: after an upgrade everything of which somebody may have to be told is in the index of
//! reminders, without anybody's doing. It is done once for a table, and again where it was cut off; a
//! failure does not stop the run that it comes before.

use crate::ExpiryCheck;
use jiff::Timestamp;

/// The short-lived item that says that it is done. It lives as long as any.
const DONE: (&str, &str) = ("run", "earlier-release");

impl ExpiryCheck {
    /// Has it looked at from `now` on; `deadline` is when the function is stopped.
    pub(crate) async fn look_at_the_rest(&self, now: Timestamp, deadline: Timestamp) {
        match self.look_once(now, deadline).await {
            Ok(0) => {}
            Ok(looked_at) => tracing::info!(looked_at, "what an earlier release knew is looked at"),
            Err(error) if self.refusals.noted(error.refusal()) => {}
            Err(error) => tracing::error!(%error, "what an earlier release knew could not be looked at"),
        }
    }

    async fn look_once(
        &self,
        now: Timestamp,
        deadline: Timestamp,
    ) -> Result<usize, postroom_registry::Error> {
        let (kind, key) = DONE;
        let clock = (self.clock)();
        if !self.registry.claim_ephemeral(kind, key, deadline, clock).await? {
            return Ok(0);
        }
        let looked_at = self.registry.look_at_the_rest(now).await?;
        self.registry.put_ephemeral(kind, key, &true, Timestamp::MAX, Some(1), clock).await?;
        Ok(looked_at)
    }
}
