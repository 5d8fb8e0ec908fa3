//! One run: what is due is looked at, told, put on record, and moved on.

use crate::{Error, ExpiryCheck, Tally, look::Sight};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use postroom_model::Subject;

/// Subjects that one run looks at, at most.
const MOST: usize = 10_000;
/// Subjects that are looked at, or moved on, at once.
pub(crate) const SIDE_BY_SIDE: usize = 16;
/// After which the next run looks again, for what cannot be read now, and for mails that came back: a
/// little less than the hour between two runs.
pub(crate) const AGAIN: SignedDuration = SignedDuration::from_mins(55);

/// A run at one moment.
pub(crate) struct Run<'a> {
    pub(crate) check: &'a ExpiryCheck,
    /// The moment that rules go by.
    pub(crate) now: Timestamp,
    /// When nothing further is begun.
    pub(crate) until: Timestamp,
    pub(crate) tally: Tally,
}

impl<'a> Run<'a> {
    pub(crate) fn new(check: &'a ExpiryCheck, now: Timestamp, until: Timestamp) -> Self {
        Self { check, now, until, tally: Tally::default() }
    }

    /// Does everything that is due.
    ///
    /// # Errors
    /// [`Error::Registry`], when what is due cannot be found out.
    pub(crate) async fn go(mut self) -> Result<Tally, Error> {
        let due = self.check.registry.due_subjects(self.now, MOST).await?;
        self.tally.due = count(due.len());
        let mut sight = self.look_at(due).await;
        self.tally.failed += count(sight.unread.len());
        let people = self.people(&mut sight.matters).await?;
        self.announce(&mut sight.matters).await;
        self.announce_states().await;
        let delivered = self.mail(&sight.matters, &people).await;
        self.tally.mails = delivered.mails;
        self.tally.failed += delivered.failed;
        for (position, recipient) in delivered.told {
            if let Some(matter) = sight.matters.get_mut(position) {
                matter.told.insert(recipient, self.now);
            }
        }
        let is_late = self.is_over();
        let done = self.move_on(&sight).await;
        self.tally.left = self.tally.due.saturating_sub(done);
        self.tally.late = if is_late { self.tally.left } else { 0 };
        Ok(self.tally)
    }

    /// Whether nothing further is begun.
    pub(crate) fn is_over(&self) -> bool {
        (self.check.clock)() > self.until
    }

    /// Moves on what everybody has been told of, what there is nothing to tell of, and what cannot be
    /// read. How many of the first two there were.
    async fn move_on(&mut self, sight: &Sight) -> u64 {
        let mails = self.check.post.is_some();
        let told = sight.matters.iter().filter(|matter| matter.is_told(mails));
        let steps = told.map(|matter| (&matter.due, matter.next_look(self.now), matter.ended_incident(), 1));
        let steps = steps.chain(sight.quiet.iter().map(|(due, next)| (due, *next, None, 1)));
        // Later than what is due now, so that many that cannot be read hide nothing.
        let again = self.now.saturating_add(AGAIN).ok();
        let steps = steps.chain(sight.unread.iter().map(|due| (due, again, None, 0)));
        let (registry, refusals) = (&self.check.registry, &self.check.refusals);
        let steps = steps.map(|(due, next, closed, done)| async move {
            let moved = match closed {
                Some(provider) => registry.forget_incident(provider).await,
                None => registry.set_reminder(due, next).await,
            };
            // `false`: something has brought it forward meanwhile, and the next run looks at it.
            moved.map(|_| done).inspect_err(|error| {
                if !refusals.noted(error.refusal()) {
                    let subject = loggable(&due.subject);
                    tracing::error!(subject, %error, "a subject could not be moved on");
                }
            })
        });
        let mut steps = stream::iter(steps.collect::<Vec<_>>()).buffer_unordered(SIDE_BY_SIDE);
        let (mut done, mut failed) = (0, 0);
        while let Some(moved) = steps.next().await {
            match moved {
                Ok(one) => done += one,
                Err(_) => failed += 1,
            }
        }
        drop(steps);
        self.tally.failed += failed;
        done
    }
}

/// A subject as a log line may name it: a person's address is left out.
pub(crate) fn loggable(subject: &Subject) -> String {
    match subject {
        Subject::Address(_) => subject.kind().to_owned(),
        other => other.to_string(),
    }
}

/// Until when it is remembered that machines were told of a failure.
pub(crate) fn remembered(now: Timestamp) -> Timestamp {
    now.saturating_add(SignedDuration::from_hours(24 * 400)).unwrap_or(Timestamp::MAX)
}

pub(crate) fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
