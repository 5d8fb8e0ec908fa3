//! Operators whom no mail reaches: what they should hear, nobody hears. Machines are told, and with them
//! whoever subscribes to the stack's topic.
//!
//! Guarantees: an operator's address has an event once it takes no mail and no other operator's does, and
//! another once it takes mail again or is no operator's any more.

use crate::{
    Error, ExpiryCheck,
    announcement::{self, Announced},
    event::{Detail, News, State, Trouble},
    run::remembered,
};
use jiff::Timestamp;
use postroom_model::Subject;
use std::collections::BTreeMap;

/// The short-lived item that says which addresses machines were told of, and since when these take no
/// mail, in seconds since 1970.
const UNREACHED: (&str, &str) = ("unreached", "operators");

/// Tells machines what has changed since they were last told.
///
/// # Errors
/// [`Error::Registry`].
pub(crate) async fn announce(check: &ExpiryCheck, now: Timestamp) -> Result<Announced, Error> {
    let ExpiryCheck { registry, settings, .. } = check;
    let (kind, key) = UNREACHED;
    let operators: &[String] = if check.post.is_some() { &settings.operators } else { &[] };
    let told: Option<(BTreeMap<String, i64>, u64)> = registry.ephemeral(kind, key, now).await?;
    let mut told = told.map(|(told, _)| told).unwrap_or_default();
    let known = registry.people(operators).await?;
    let dead = |address: &String| known.get(address).and_then(|person| person.undeliverable.as_ref());
    let nobody_is_left = operators.iter().all(|operator| dead(operator).is_some());

    let over = told.iter().filter(|(address, _)| dead(address).is_none());
    let over = over.filter_map(|(address, since)| {
        let since = Timestamp::from_second(*since).ok()?;
        Some((address.clone(), Trouble { state: State::Closed, since, class: None, rejection: None }))
    });
    let new = operators.iter().filter(|operator| nobody_is_left && !told.contains_key(*operator));
    let new = new.filter_map(|address| {
        let dead = dead(address)?;
        let (since, rejection) = (dead.since, Some(dead.because));
        Some((address.clone(), Trouble { state: State::Opened, since, class: None, rejection }))
    });
    let changes: Vec<_> = over.chain(new).collect();
    if changes.is_empty() {
        return Ok(Announced::default());
    }
    let details = changes.iter().map(|(address, trouble)| {
        let subject = Subject::Address(address.clone());
        Detail::new(&settings.stack, &subject, now, News::Incident(trouble.clone()))
    });
    let taken = announcement::put(check, &details.collect::<Vec<_>>()).await;
    let announced = Announced::of(&taken);
    for ((address, trouble), _) in changes.into_iter().zip(taken).filter(|(_, taken)| taken.is_some()) {
        match trouble.state {
            State::Closed => told.remove(&address),
            State::Opened | State::Open => told.insert(address, trouble.since.as_second()),
        };
    }
    registry.take_ephemeral::<BTreeMap<String, i64>>(kind, key, now).await?;
    if !told.is_empty() {
        registry.put_ephemeral(kind, key, &told, remembered(now), None, now).await?;
    }
    Ok(announced)
}
