//! Mail that is fetched late: machines hear when that begins, and when it is over.
//!
//! Guarantees: a batch is late that is due and not handed out, and one that was handed out and comes due again, because
//! no run has gone through. Left out: those that wait in the queue for less than `dispatch` gives them.

use crate::{
    Error, ExpiryCheck,
    announcement::{self, Announced},
    event::{Detail, News, State, Trouble},
    run::remembered,
};
use jiff::Timestamp;
use postroom_model::Subject;

/// The short-lived item that says since when fetching is late, as machines were told.
const LATE: (&str, &str) = ("late", "batches");

/// Tells machines what has changed since they were last told.
///
/// # Errors
/// [`Error::Registry`].
pub(crate) async fn announce(check: &ExpiryCheck, now: Timestamp) -> Result<Announced, Error> {
    let ExpiryCheck { registry, settings, .. } = check;
    let (kind, key) = LATE;
    let until = now.saturating_sub(settings.lag_limit).unwrap_or(Timestamp::MIN);
    let (due, waiting) =
        futures::try_join!(registry.oldest_due_batch(until), registry.oldest_waiting_batch(until))?;
    let late = [due, waiting].into_iter().flatten().min();
    let told: Option<(Timestamp, u64)> = registry.ephemeral(kind, key, now).await?;
    let (state, since) = match (late, told) {
        (Some(since), None) => (State::Opened, since),
        (None, Some((since, _))) => (State::Closed, since),
        (Some(_), Some(_)) | (None, None) => return Ok(Announced::default()),
    };
    let news = News::Incident(Trouble { state, since, class: None, rejection: None });
    let detail = Detail::new(&settings.stack, &Subject::Schedule, now, news);
    let announced = Announced::of(&announcement::put(check, &[detail]).await);
    if announced.failed > 0 {
        return Ok(announced);
    }
    if state == State::Closed {
        registry.take_ephemeral::<Timestamp>(kind, key, now).await?;
    } else {
        registry.put_ephemeral(kind, key, &since, remembered(now), None, now).await?;
    }
    Ok(announced)
}
