//! Batches: up to fifty mailboxes with one interval, scheduled, leased and worked together.

use crate::{BatchId, Interval, Lease, MailboxId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most mailboxes a batch holds: two items each fit into one DynamoDB `BatchGetItem` of 100 keys.
pub const MAX_MAILBOXES: usize = 50;

/// Mailboxes that are polled together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Its name.
    pub id: BatchId,
    /// The interval of all its mailboxes.
    pub interval: Interval,
    /// Its mailboxes, at most [`MAX_MAILBOXES`].
    pub mailboxes: Vec<MailboxId>,
    /// When it is next due; absent while it is empty, which keeps it out of the schedule's index.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    pub due_at: Option<Timestamp>,
    /// Who works it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// When the last run that went through its mailboxes began. Those that had no turn in it say so themselves
    /// ([`NoTurn`](crate::NoTurn)).
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    pub completed_at: Option<Timestamp>,
}

/// When a batch that was due at `due_at` is due again: the first later moment in step with it.
/// Ticks that were missed are not made up for.
pub fn next_due(due_at: Timestamp, interval: Interval, now: Timestamp) -> Timestamp {
    let step = interval.seconds();
    let late = now.as_second().saturating_sub(due_at.as_second()).max(0);
    let steps = late / step + 1;
    due_at.saturating_add(SignedDuration::from_secs(steps * step)).unwrap_or(Timestamp::MAX)
}

/// When a new batch is first due: within a minute, so that somebody who applies a manifest sees it
/// work; the batch's place in its minute (`dice` in `0.0..1.0`) spreads batches over the schedule.
pub fn first_due(now: Timestamp, dice: f64) -> Timestamp {
    let spread = SignedDuration::from_secs_f64(60.0 * dice.clamp(0.0, 1.0));
    now.saturating_add(spread).unwrap_or(Timestamp::MAX)
}

/// Places mailboxes into batches, disturbing as little as possible.
///
/// `wanted` is every mailbox with its interval. A mailbox stays where it is while its batch has its
/// interval; others fill gaps, then open new batches named `<interval>-<number>`. Returned are the
/// batches whose membership changed (new ones without `due_at`), in order of their ids.
pub fn assign(batches: &[Batch], wanted: &BTreeMap<MailboxId, Interval>) -> Vec<Batch> {
    let mut result: BTreeMap<BatchId, Batch> = BTreeMap::new();
    let mut placed = std::collections::BTreeSet::new();
    for batch in batches {
        let mut kept = batch.clone();
        kept.mailboxes.retain(|id| wanted.get(id) == Some(&batch.interval) && placed.insert(id.clone()));
        result.insert(batch.id.clone(), kept);
    }
    for (mailbox, interval) in wanted {
        if placed.contains(mailbox) {
            continue;
        }
        let gap = result.values_mut().find(|b| b.interval == *interval && b.mailboxes.len() < MAX_MAILBOXES);
        match gap {
            Some(batch) => batch.mailboxes.push(mailbox.clone()),
            None => {
                let batch = open(&result, *interval, mailbox.clone());
                result.insert(batch.id.clone(), batch);
            }
        }
    }
    let before: BTreeMap<_, _> = batches.iter().map(|b| (&b.id, &b.mailboxes)).collect();
    result.into_values().filter(|b| before.get(&b.id).copied() != Some(&b.mailboxes)).collect()
}

fn open(batches: &BTreeMap<BatchId, Batch>, interval: Interval, first: MailboxId) -> Batch {
    let id = (1u32..)
        .filter_map(|n| format!("{interval}-{n:04}").parse().ok())
        .find(|id| !batches.contains_key(id))
        .unwrap_or_else(|| unreachable!("there are more numbers than batches"));
    Batch { id, interval, mailboxes: vec![first], due_at: None, lease: None, completed_at: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn interval(text: &str) -> Interval {
        text.parse().expect("interval")
    }

    fn wanted(names: impl IntoIterator<Item = (String, &'static str)>) -> BTreeMap<MailboxId, Interval> {
        names.into_iter().map(|(n, i)| (n.parse().expect("id"), interval(i))).collect()
    }

    #[test]
    fn due_times_keep_their_step_and_skip_what_was_missed() {
        let five = interval("5m");
        for (due, now, next) in [
            (1000, 1000, 1300),
            (1000, 1299, 1300),
            (1000, 1300, 1600),
            (1000, 99_999, 100_000),
            (1000, 10, 1300),
        ] {
            assert_eq!(next_due(at(due), five, at(now)), at(next));
        }
    }

    #[test]
    fn batches_fill_up_and_membership_is_stable() {
        let many = wanted((0..120).map(|n| (format!("m{n:03}"), "5m")));
        let batches = assign(&[], &many);
        assert_eq!(batches.iter().map(|b| b.mailboxes.len()).collect::<Vec<_>>(), [50, 50, 20]);
        assert_eq!(assign(&batches, &many), [], "nothing changes when nothing changed");

        let mut fewer = many.clone();
        fewer.remove(&"m003".parse().expect("id"));
        fewer.insert("m004".parse().expect("id"), interval("1h"));
        let changed = assign(&batches, &fewer);
        let names: Vec<_> = changed.iter().map(|b| (b.id.as_str(), b.mailboxes.len())).collect();
        assert_eq!(names, [("1h-0001", 1), ("5m-0001", 48)]);

        let emptied = assign(&batches, &BTreeMap::new());
        assert!(emptied.len() == 3 && emptied.iter().all(|b| b.mailboxes.is_empty()));
    }
}
