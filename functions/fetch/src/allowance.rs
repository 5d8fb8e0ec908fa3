//! What may be read from a mailbox's server on one day.
//!
//! Guarantees: no message is begun once the day's bytes are used up, so that polling never locks its
//! owner out of a mailbox whose provider counts bytes. A message that was begun is read to its end,
//! whatever its size, so that none is too large for every day. Leaves out: polls that find nothing and
//! read little. They are not worth a write each; at one a minute a day of them comes to 90 MB at most, and
//! mostly to a few.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use postroom_mail::source::Entry;
use postroom_model::Day;

/// A run that stored nothing and read less is not counted.
const LITTLE: u64 = 64 << 10;
/// After so many bytes what was read goes on record in the middle of a run: more is not forgotten when
/// the run is killed.
const MUCH: u64 = 64 << 20;
/// Mailboxes whose day is over come back within this time after midnight, not all at once.
const SPREAD: SignedDuration = SignedDuration::from_mins(30);

/// What may be read, and what was.
#[derive(Debug)]
pub(crate) struct Allowance {
    limit: Option<u64>,
    day: Day,
    /// What of the day is not on record.
    unrecorded: u64,
    /// What of the present session is counted.
    of_session: u64,
}

impl Allowance {
    /// The allowance of a mailbox of which `recorded` is known.
    pub(crate) fn new(limit: Option<u64>, recorded: Option<Day>, now: Timestamp) -> Self {
        let today = Day { date: date(now), bytes: 0 };
        let day = recorded.filter(|day| day.date == today.date).unwrap_or(today);
        Self { limit, day, unrecorded: 0, of_session: 0 }
    }

    /// Counts what the present session has received so far.
    pub(crate) fn received(&mut self, of_session: u64, now: Timestamp) {
        let bytes = of_session.saturating_sub(self.of_session);
        self.of_session = of_session;
        if self.day.date != date(now) {
            (self.day, self.unrecorded) = (Day { date: date(now), bytes: 0 }, 0);
        }
        self.day.bytes = self.day.bytes.saturating_add(bytes);
        self.unrecorded = self.unrecorded.saturating_add(bytes);
    }

    /// Another session begins.
    pub(crate) fn next_session(&mut self) {
        self.of_session = 0;
    }

    /// How many of these messages may be begun, from the first on.
    pub(crate) fn fitting(&self, entries: &[Entry]) -> usize {
        let Some(limit) = self.limit else { return entries.len() };
        let mut bytes = self.day.bytes;
        let fits = |entry: &&Entry| {
            let fits = bytes < limit;
            bytes = bytes.saturating_add(entry.size);
            fits
        };
        entries.iter().take_while(fits).count()
    }

    /// Whether no message may be begun today.
    pub(crate) fn is_used_up(&self) -> bool {
        self.limit.is_some_and(|limit| self.day.bytes >= limit)
    }

    /// When the mailbox may be read again, if its day is used up; `dice` is in `0.0..1.0`.
    pub(crate) fn rest_until(&self, dice: f64) -> Option<Timestamp> {
        if !self.is_used_up() {
            return None;
        }
        let midnight = self.day.date.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
        let spread = SPREAD.mul_f64(dice.clamp(0.0, 1.0));
        Some(midnight.saturating_add(spread).unwrap_or(midnight))
    }

    /// What is to be put on record in the middle of a run.
    pub(crate) fn halfway(&self) -> Option<Day> {
        self.limit.filter(|_| self.unrecorded >= MUCH).map(|_| self.day)
    }

    /// What is to be put on record at its end; `stored` says whether it found anything.
    pub(crate) fn at_end(&self, stored: bool) -> Option<Day> {
        let is_worth_it = self.unrecorded > 0 && (stored || self.unrecorded >= LITTLE);
        self.limit.filter(|_| is_worth_it).map(|_| self.day)
    }

    /// What was read so far is on record.
    pub(crate) fn recorded(&mut self) {
        self.unrecorded = 0;
    }
}

fn date(now: Timestamp) -> jiff::civil::Date {
    now.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn entries(sizes: &[u64]) -> Vec<Entry> {
        let entry = |(number, size): (u32, &u64)| Entry {
            number,
            size: *size,
            may_be_known: false,
            unique_id: None,
            email_id: None,
        };
        (1..).zip(sizes).map(entry).collect()
    }

    #[test]
    fn no_message_is_begun_beyond_the_limit_and_none_is_too_large_for_every_day() {
        let now = at("2026-11-22T10:00:00Z");
        let mut allowance = Allowance::new(Some(1000), None, now);
        assert_eq!(allowance.fitting(&entries(&[400, 400, 400, 400])), 3);
        assert_eq!(allowance.fitting(&entries(&[1 << 40, 1])), 1);
        allowance.received(900, now);
        assert_eq!(allowance.fitting(&entries(&[400, 400])), 1);
        assert!(!allowance.is_used_up());
        assert_eq!(allowance.rest_until(0.0), None);
        allowance.received(1000, now);
        assert!(allowance.is_used_up());
        assert_eq!(allowance.fitting(&entries(&[0])), 0);
        let unlimited = Allowance::new(None, None, now);
        assert_eq!(unlimited.fitting(&entries(&[1 << 40, 1 << 40])), 2);
    }

    #[test]
    fn a_day_goes_on_from_what_is_on_record_and_ends_at_midnight() {
        let now = at("2026-11-22T23:59:00Z");
        let today = Day { date: date(now), bytes: 700 };
        let mut allowance = Allowance::new(Some(1000), Some(today), now);
        allowance.received(300, now);
        assert_eq!(allowance.rest_until(0.0), Some(at("2026-11-23T00:00:00Z")));
        assert_eq!(allowance.rest_until(1.0), Some(at("2026-11-23T00:30:00Z")));
        assert_eq!(allowance.at_end(true), Some(Day { bytes: 1000, ..today }));
        let tomorrow = at("2026-11-23T00:01:00Z");
        allowance.received(400, tomorrow);
        assert_eq!(allowance.at_end(true), Some(Day { date: date(tomorrow), bytes: 100 }));
        assert_eq!(allowance.rest_until(0.0), None);
        let next = Allowance::new(Some(1000), Some(today), tomorrow);
        assert_eq!(next.day.bytes, 0, "what was read yesterday does not count");
    }

    #[test]
    fn sessions_add_up_and_only_what_is_worth_a_write_is_put_on_record() {
        let now = at("2026-11-22T10:00:00Z");
        let mut allowance = Allowance::new(Some(1 << 40), None, now);
        assert_eq!(allowance.at_end(true), None, "nothing was read");
        allowance.received(1000, now);
        assert_eq!((allowance.at_end(false), allowance.halfway()), (None, None));
        allowance.next_session();
        allowance.received(LITTLE, now);
        assert_eq!(allowance.at_end(false).map(|day| day.bytes), Some(1000 + LITTLE));
        allowance.received(MUCH, now);
        assert_eq!(allowance.halfway().map(|day| day.bytes), Some(1000 + MUCH));
        allowance.recorded();
        assert_eq!((allowance.at_end(true), allowance.halfway()), (None, None));
        let mut unlimited = Allowance::new(None, None, now);
        unlimited.received(u64::MAX, now);
        assert_eq!((unlimited.at_end(true), unlimited.halfway()), (None, None));
    }
}
