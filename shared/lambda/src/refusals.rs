//! What AWS did not do in one run, told once.
//!
//! Guarantees: a right that fifty mailboxes need makes one line of the log, with the right, the resource and what
//! to do; where somebody must act, a metric besides, which an alarm watches. Left out: what becomes of the work,
//! which stays due.

use crate::{Metrics, Unit};
use jiff::Timestamp;
use postroom_model::{Refusal, RefusalKind};
use std::{
    collections::BTreeMap,
    mem,
    sync::{Mutex, PoisonError},
};

/// What AWS did not do since it was last told: by kind and right, the first that was met, and how many.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<BTreeMap<(RefusalKind, String), (Refusal, u64)>>);

impl Refusals {
    /// Takes note of one.
    pub fn note(&self, refusal: &Refusal) {
        let key = (refusal.kind, refusal.right.clone());
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.entry(key).or_insert_with(|| (refusal.clone(), 0)).1 += 1;
    }

    /// Takes note of what AWS did not do, where that is why something failed. `false`: it is not, and whoever asks
    /// says why.
    pub fn noted(&self, refusal: Option<Refusal>) -> bool {
        refusal.as_ref().inspect(|refusal| self.note(refusal)).is_some()
    }

    /// Whether one was noted that lasts until somebody acts.
    pub fn lasts(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().any(|(kind, _)| kind.lasts())
    }

    /// Tells what was noted, a line for each right, and forgets it. `function` is who was refused.
    pub fn tell(&self, function: &'static str, metrics: &Metrics, now: Timestamp) {
        let noted = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut lasting = 0;
        for ((kind, _), (refusal, times)) in noted {
            let Refusal { right, resource, said, .. } = refusal;
            let advice = kind.advice();
            // A message of its own for each kind, to look for.
            match kind {
                RefusalKind::Denied => {
                    tracing::error!(function, right, resource, times, said, advice, "a right is missing");
                }
                RefusalKind::Missing => {
                    tracing::error!(function, right, resource, times, said, advice, "a resource is missing");
                }
                RefusalKind::Throttled => {
                    tracing::error!(function, right, resource, times, said, advice, "AWS is asked too often");
                }
                RefusalKind::Unanswered => {
                    tracing::error!(function, right, resource, times, said, advice, "AWS does not answer");
                }
                RefusalKind::Other => {
                    tracing::error!(function, right, resource, times, said, advice, "AWS refuses a request");
                }
            }
            lasting += u64::from(kind.lasts());
        }
        metrics.refused(function, lasting, now);
    }
}

impl Metrics {
    /// Counts rights and resources that a function lacks, where it lacks any.
    #[expect(clippy::cast_precision_loss, reason = "metrics are floating-point numbers")]
    pub fn refused(&self, function: &'static str, lacks: u64, now: Timestamp) {
        if lacks > 0 {
            self.emit(now, Some(("Function", function)), &[("RefusedByAws", Unit::Count, lacks as f64)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_is_told_once_with_the_first_resource_that_lacked_it() {
        let refusals = Refusals::default();
        assert!(!refusals.lasts());
        for (resource, code) in
            [("one", "ThrottlingException"), ("one", "AccessDenied"), ("two", "AccessDenied")]
        {
            refusals.note(&Refusal::answered("s3:PutObject", resource, code, "", 400));
        }
        assert!(refusals.lasts());
        let noted = refusals.0.lock().expect("nobody panics").clone();
        let noted: Vec<_> =
            noted.values().map(|(refusal, times)| (refusal.kind, &*refusal.resource, *times)).collect();
        assert_eq!(noted, [(RefusalKind::Denied, "one", 2), (RefusalKind::Throttled, "one", 1)]);
        refusals.tell("fetch", &Metrics::new("s"), Timestamp::UNIX_EPOCH);
        assert!(!refusals.lasts(), "told, and forgotten");
    }
}
