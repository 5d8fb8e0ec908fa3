//! What AWS did not do in one run, told once.
//!
//! Guarantees: a right that fifty mailboxes need makes one line of the log, with the right, the resources and what
//! to do, and whom it came up with first; where somebody must act, a metric besides, which an alarm watches. Left
//! out: what becomes of the work, which stays due.

use crate::{Metrics, Unit};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{Refusal, RefusalKind};
use std::{
    collections::BTreeMap,
    fmt::Display,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Resources that a line names.
const NAMED: usize = 10;
/// How often anybody can have something told ([`Refusals::tell_at_times`]).
const AT_TIMES: SignedDuration = SignedDuration::from_mins(1);

/// What AWS did not do since it was last told.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    /// By kind and right.
    noted: BTreeMap<(RefusalKind, String), Note>,
    /// When [`Refusals::tell_at_times`] told them last.
    told_at: Option<Timestamp>,
}

/// The first of its kind and right, and how many there were.
#[derive(Debug)]
struct Note {
    refusal: Refusal,
    /// What else lacked it: as many more than the first as a line names, and one that says that there are more.
    others: Vec<String>,
    /// The mailbox, account or batch that it came up with.
    first: Option<String>,
    times: u64,
}

impl Refusals {
    /// Takes note of one.
    pub fn note(&self, refusal: &Refusal) {
        self.take(refusal, None);
    }

    /// Takes note of one, and of the mailbox, account or batch that it came up with, by its id.
    pub fn note_of(&self, refusal: &Refusal, id: impl Display) {
        self.take(refusal, Some(id.to_string()));
    }

    fn take(&self, refusal: &Refusal, id: Option<String>) {
        let mut notes = self.notes();
        let note = notes.noted.entry((refusal.kind, refusal.right.clone()));
        let note = note.or_insert_with(|| Note::new(refusal.clone()));
        note.times += 1;
        note.name(&refusal.resource);
        if note.first.is_none() {
            note.first = id;
        }
    }

    /// Takes note of what AWS did not do, where that is why something failed. `false`: it is not, and whoever asks
    /// says why.
    pub fn noted(&self, refusal: Option<Refusal>) -> bool {
        refusal.as_ref().inspect(|refusal| self.note(refusal)).is_some()
    }

    /// Whether one was noted that lasts until somebody acts.
    pub fn lasts(&self) -> bool {
        self.notes().noted.keys().any(|(kind, _)| kind.lasts())
    }

    /// Tells what was noted, a line for each right, and forgets it. `function` is who was refused.
    pub fn tell(&self, function: &'static str, metrics: &Metrics, now: Timestamp) {
        let noted = mem::take(&mut self.notes().noted);
        let mut lasting = 0;
        for ((kind, _), note) in noted {
            let (resource, advice) = (note.resources(), note.refusal.advice());
            let Note { refusal: Refusal { right, said, .. }, first, times, .. } = note;
            macro_rules! tell {
                ($words:literal) => {
                    tracing::error!(function, right, resource, first, times, said, advice, $words)
                };
            }
            // A message of its own for each kind, to look for.
            match kind {
                RefusalKind::Denied => tell!("a right is missing"),
                RefusalKind::Missing => tell!("a resource is missing"),
                RefusalKind::Throttled => tell!("AWS is asked too often"),
                RefusalKind::Unanswered => tell!("AWS does not answer"),
                RefusalKind::Other => tell!("AWS refuses a request"),
            }
            lasting += u64::from(kind.lasts());
        }
        metrics.refused(function, lasting, now);
    }

    /// As [`Refusals::tell`], at most once a minute: for what anybody can bring about, as often as they like. What
    /// is not told now is told with the next. `false`: it was told within the minute.
    pub fn tell_at_times(&self, function: &'static str, metrics: &Metrics, now: Timestamp) -> bool {
        {
            let told_at = &mut self.notes().told_at;
            if told_at.is_some_and(|told_at| now.duration_since(told_at) < AT_TIMES) {
                return false;
            }
            *told_at = Some(now);
        }
        self.tell(function, metrics, now);
        true
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Note {
    fn new(refusal: Refusal) -> Self {
        Self { refusal, others: Vec::new(), first: None, times: 0 }
    }

    /// Keeps the name of what lacked it, too.
    fn name(&mut self, resource: &str) {
        let is_known = self.refusal.resource == resource || self.others.iter().any(|other| other == resource);
        if !is_known && self.others.len() < NAMED {
            self.others.push(resource.to_owned());
        }
    }

    /// What lacked it, as a line names it.
    fn resources(&self) -> String {
        let mut names = vec![self.refusal.resource.as_str()];
        names.extend(self.others.iter().map(String::as_str).take(NAMED - 1));
        if self.others.len() >= NAMED {
            names.push("…");
        }
        names.join(", ")
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
    fn a_right_is_told_once_with_all_that_lacked_it() {
        let refusals = Refusals::default();
        assert!(!refusals.lasts());
        for (n, (resource, code)) in
            [("one", "ThrottlingException"), ("one", "AccessDenied"), ("two", "AccessDenied")]
                .into_iter()
                .enumerate()
        {
            let refusal = Refusal::answered("s3:PutObject", resource, code, "", 400);
            if n == 0 { refusals.note(&refusal) } else { refusals.note_of(&refusal, format!("m{n}")) }
        }
        assert!(refusals.lasts());
        let noted: Vec<_> = {
            let notes = refusals.notes();
            let noted = notes.noted.values();
            noted.map(|note| (note.refusal.kind, note.resources(), note.first.clone(), note.times)).collect()
        };
        let expected = [
            (RefusalKind::Denied, "one, two".to_owned(), Some("m1".to_owned()), 2),
            (RefusalKind::Throttled, "one".to_owned(), None, 1),
        ];
        assert_eq!(noted, expected);
        refusals.tell("fetch", &Metrics::new("s"), Timestamp::UNIX_EPOCH);
        assert!(!refusals.lasts(), "told, and forgotten");
    }

    #[test]
    fn a_line_names_ten_resources_each_once() {
        let told = |count: usize| {
            let mut note = Note::new(Refusal::missing("secretsmanager:GetSecretValue", "secret 1"));
            for n in (1..=count).chain(1..=count) {
                note.name(&format!("secret {n}"));
            }
            note.resources()
        };
        assert_eq!(told(1), "secret 1");
        assert_eq!(told(3), "secret 1, secret 2, secret 3");
        assert!(told(10).ends_with("secret 9, secret 10"), "{}", told(10));
        assert!(told(50).ends_with("secret 10, …") && !told(50).contains("secret 11"), "{}", told(50));
    }

    #[test]
    fn what_anybody_can_bring_about_is_told_once_a_minute() {
        let refusals = Refusals::default();
        let metrics = Metrics::new("s");
        let denied = Refusal::answered("dynamodb:DescribeTable", "table t", "AccessDeniedException", "", 400);
        for (second, is_told) in [(0, true), (1, false), (59, false), (60, true), (119, false), (120, true)] {
            refusals.note(&denied);
            let now = Timestamp::from_second(second).expect("in range");
            assert_eq!(refusals.tell_at_times("console", &metrics, now), is_told, "{second}");
            assert_eq!(refusals.lasts(), !is_told, "{second}: what is not told is kept");
        }
    }
}
