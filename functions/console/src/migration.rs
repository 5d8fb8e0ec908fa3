//! Moving many mailboxes onto an account: rehearsed one after another, then switched together.
//!
//! Guarantees: nothing changes until somebody has seen what a rehearsal found and has confirmed. What a
//! rehearsal found counts for a day, as long as the [`Run`] is kept.
//!
//! Left out: what is done to one mailbox (`rehearsal`), and the pages (`migration_page`).

use crate::{
    app::App,
    destination::Refusal,
    goal::Misfit,
    problem::Problem,
    run::{self, Run},
};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{AccountId, Fault, MailboxId, Move};
use serde::{Deserialize, Serialize};

/// The browser goes on by itself only while the run moves.
const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// The most mailboxes of one run, which is one item of the registry.
pub(crate) const MOST: usize = 300;
/// The longest reason that is kept with a run, in characters.
const MAX_REASON: usize = 200;

/// Mailboxes that move onto an account, and what came of each so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Migration {
    /// The account that is to open them.
    pub(crate) account: AccountId,
    /// What else changes.
    pub(crate) goal: Move,
    /// The mailboxes, in their order.
    pub(crate) steps: Vec<Step>,
    /// When it last moved.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub(crate) moved_at: Timestamp,
    /// Whether somebody has stopped it.
    pub(crate) stopped: bool,
    /// Mailboxes that were asked for beyond [`MOST`], and are not part of it.
    pub(crate) left_out: usize,
}

/// One mailbox of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// The mailbox.
    pub(crate) mailbox: MailboxId,
    /// What came of it; `None`: it is still to be rehearsed.
    pub(crate) end: Option<End>,
}

/// What came of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// It opened with the account, and is what it was.
    Opened(Opened),
    /// It is the account's now.
    Switched,
    /// It was as it should be before.
    Already,
    /// It is gone.
    Gone,
    /// It is what it was, because it did not open.
    Failed(Fault),
    /// It is what it was, because the account's token does not go there.
    Refused(Refusal),
    /// It is what it was, because its settings do not fit.
    Misfit(Misfit),
    /// It is what it was, because it was changed after its rehearsal.
    Changed,
}

/// What a rehearsal found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opened {
    /// Messages in the first folder.
    pub(crate) messages: u32,
    /// Tells what was rehearsed: the mailbox as it was and as it would be.
    pub(crate) what: String,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Mailboxes that opened, and wait to be switched.
    pub(crate) opened: usize,
    /// Mailboxes that were switched.
    pub(crate) switched: usize,
    /// Mailboxes that were as they should be before.
    pub(crate) already: usize,
    /// Mailboxes that are left as they were.
    pub(crate) left: usize,
    /// All of them.
    pub(crate) all: usize,
}

impl Progress {
    /// Mailboxes that were rehearsed.
    pub(crate) fn done(self) -> usize {
        self.opened + self.switched + self.already + self.left
    }
}

impl Run for Migration {
    const KIND: &str = "migration";
    const LIFE: SignedDuration = SignedDuration::from_hours(24);
}

impl Migration {
    /// A run over mailboxes, each of which comes once.
    pub(crate) fn new(account: AccountId, goal: Move, mailboxes: Vec<MailboxId>, now: Timestamp) -> Self {
        let left_out = mailboxes.len().saturating_sub(MOST);
        let steps = mailboxes.into_iter().take(MOST).map(|mailbox| Step { mailbox, end: None });
        Self { account, goal, steps: steps.collect(), moved_at: now, stopped: false, left_out }
    }

    /// The mailboxes that are still to be rehearsed.
    pub(crate) fn to_come(&self) -> impl Iterator<Item = &MailboxId> {
        self.steps.iter().filter(|step| step.end.is_none()).map(|step| &step.mailbox)
    }

    /// The mailboxes that wait to be switched, with what was found.
    pub(crate) fn opened(&self) -> impl Iterator<Item = (&MailboxId, &Opened)> {
        self.steps.iter().filter_map(|step| match &step.end {
            Some(End::Opened(opened)) => Some((&step.mailbox, opened)),
            _ => None,
        })
    }

    /// Whether every mailbox was rehearsed.
    pub(crate) fn is_over(&self) -> bool {
        self.to_come().next().is_none()
    }

    /// Whether nothing of it is left to be done.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_over() && self.opened().next().is_none()
    }

    /// Whether it goes on by itself at `now`.
    pub(crate) fn goes_on(&self, now: Timestamp) -> bool {
        !self.stopped && !self.is_over() && now.duration_since(self.moved_at) < FRESH
    }

    /// How far it has come.
    pub(crate) fn progress(&self) -> Progress {
        let mut progress = Progress { all: self.steps.len(), ..Progress::default() };
        for end in self.steps.iter().filter_map(|step| step.end.as_ref()) {
            match end {
                End::Opened(_) => progress.opened += 1,
                End::Switched => progress.switched += 1,
                End::Already => progress.already += 1,
                _ => progress.left += 1,
            }
        }
        progress
    }

    /// Writes down what came of some mailboxes. One that was switched stays so.
    fn end(&mut self, ends: &[(MailboxId, End)], now: Timestamp) {
        for (mailbox, end) in ends {
            let step = self.steps.iter_mut().find(|step| step.mailbox == *mailbox);
            if let Some(step) = step.filter(|step| step.end != Some(End::Switched)) {
                step.end = Some(shortened(end));
            }
        }
        self.moved_at = now;
    }

    /// Puts the mailboxes that were left back among those to come.
    fn repeat(&mut self, now: Timestamp) {
        for step in &mut self.steps {
            if !matches!(step.end, Some(End::Opened(_) | End::Switched | End::Already)) {
                step.end = None;
            }
        }
        (self.moved_at, self.stopped) = (now, false);
    }
}

fn shortened(end: &End) -> End {
    match end {
        End::Failed(fault) => {
            let reason = fault.reason.chars().take(MAX_REASON).collect();
            End::Failed(Fault { reason, ..fault.clone() })
        }
        end => end.clone(),
    }
}

/// Writes down what came of some mailboxes.
pub(crate) async fn record(
    app: &App,
    key: &str,
    ends: &[(MailboxId, End)],
) -> Result<Option<Migration>, Problem> {
    let now = app.now();
    run::amend(app, key, |run: &mut Migration| run.end(ends, now)).await
}

/// Stops the run, or goes on with it.
pub(crate) async fn set_stopped(app: &App, key: &str, stopped: bool) -> Result<(), Problem> {
    let now = app.now();
    let set = run::amend(app, key, |run: &mut Migration| (run.stopped, run.moved_at) = (stopped, now));
    set.await.map(drop)
}

/// Rehearses those anew that were left as they were.
pub(crate) async fn repeat(app: &App, key: &str) -> Result<(), Problem> {
    let now = app.now();
    run::amend(app, key, |run: &mut Migration| run.repeat(now)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use postroom_model::FaultClass;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn id(n: usize) -> MailboxId {
        format!("{n:0>64}").parse().expect("id")
    }

    fn run(mailboxes: usize) -> Migration {
        let account = "projects".parse().expect("id");
        Migration::new(account, Move::default(), (0..mailboxes).map(id).collect(), at(0))
    }

    fn opened() -> End {
        End::Opened(Opened { messages: 7, what: "x".repeat(32) })
    }

    #[test]
    fn it_goes_on_past_whatever_comes_of_one_and_repeats_what_was_left() {
        let mut run = run(4);
        assert!(run.goes_on(at(59)) && !run.goes_on(at(60)), "only somebody's click begins it again");
        run.end(&[(id(0), opened()), (id(1), End::Changed)], at(60));
        assert!(run.goes_on(at(61)) && run.to_come().eq([&id(2), &id(3)]));
        run.end(&[(id(2), End::Already), (id(3), End::Gone), (id(9), End::Gone)], at(61));
        assert!(run.is_over() && !run.goes_on(at(61)) && !run.is_settled());
        let Progress { opened: open, switched, already, left, all } = run.progress();
        assert_eq!((open, switched, already, left), (1, 0, 1, 2));
        assert_eq!((run.progress().done(), all), (4, 4));
        run.repeat(at(62));
        assert!(run.to_come().eq([&id(1), &id(3)]));
        run.stopped = true;
        assert!(!run.goes_on(at(62)));
    }

    #[test]
    fn what_was_switched_stays_so_whatever_another_tab_says() {
        let mut run = run(1);
        run.end(&[(id(0), End::Switched)], at(1));
        run.end(&[(id(0), opened())], at(2));
        assert_eq!(run.steps[0].end, Some(End::Switched));
        assert!(run.is_settled());
    }

    #[test]
    fn the_largest_run_is_one_item_of_the_registry() {
        let mut run = run(MOST + 2);
        assert_eq!((run.steps.len(), run.left_out), (MOST, 2));
        let fault = Fault::new(FaultClass::Protocol, "ü".repeat(400));
        let ends: Vec<_> = (0..MOST).map(|n| (id(n), End::Failed(fault.clone()))).collect();
        run.end(&ends, at(1));
        let bytes = serde_json::to_vec(&run).expect("writes").len();
        assert!(bytes < 380 * 1024, "{bytes} bytes");
    }
}
