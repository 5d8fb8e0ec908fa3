//! Re-authorising many accounts one after another.
//!
//! Guarantees: whatever comes of one consent is written down at that account, and the next one is at the
//! person's click; only after one that went well the browser goes on by itself. A chain is a [`Run`] that
//! can be gone on with for a week.
//!
//! Left out: the consents themselves (`consent`), and their pages (`chain_page`).

use crate::{
    app::App,
    outcome::Outcome,
    problem::Problem,
    run::{self, Run},
    session::Administrator,
};
use jiff::{SignedDuration, Timestamp};
use postroom_model::AccountId;
use postroom_registry::{AccountQuery, Standing};
use serde::{Deserialize, Serialize};

/// The most accounts of one chain: nobody signs in more often than that in a week, and it is one item
/// of the registry.
pub(crate) const MOST: usize = 300;
/// Accounts that are read at once while those that need it are looked for.
const PAGE: usize = 100;

/// Accounts that are authorised one after another, and what came of each so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chain {
    /// The accounts, in their order.
    pub(crate) steps: Vec<Step>,
    /// The step that ended last.
    pub(crate) last: Option<usize>,
    /// When that was, or when the chain began.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub(crate) moved_at: Timestamp,
    /// Whether somebody has stopped it.
    pub(crate) stopped: bool,
    /// Accounts that were asked for beyond [`MOST`], and are not part of it.
    pub(crate) left_out: usize,
}

/// One account of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// The account.
    pub(crate) account: AccountId,
    /// What came of it; `None`: it is still to come.
    pub(crate) end: Option<End>,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// The person passed it over.
    Skipped,
    /// There was a consent, or an attempt at one.
    Consent(Outcome),
}

/// How far a chain has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Accounts that work.
    pub(crate) works: usize,
    /// Accounts that are authorised, while a mailbox of theirs does not open.
    pub(crate) unwell: usize,
    /// Accounts that are not authorised.
    pub(crate) failed: usize,
    /// Accounts that were passed over.
    pub(crate) skipped: usize,
    /// All of them.
    pub(crate) all: usize,
}

impl Progress {
    /// Steps that have ended.
    pub(crate) fn done(self) -> usize {
        self.works + self.unwell + self.failed + self.skipped
    }
}

/// A chain that was begun and can be gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resumable {
    /// Steps that have ended.
    pub(crate) done: usize,
    /// All steps.
    pub(crate) all: usize,
}

impl Run for Chain {
    const KIND: &str = "chain";
    const LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
}

impl Chain {
    /// A chain of accounts, none of them twice.
    pub(crate) fn new(accounts: impl IntoIterator<Item = AccountId>, now: Timestamp) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        let mut left_out = 0;
        for account in accounts {
            if steps.iter().any(|step| step.account == account) {
                continue;
            }
            if steps.len() < MOST {
                steps.push(Step { account, end: None });
            } else {
                left_out += 1;
            }
        }
        Self { steps, last: None, moved_at: now, stopped: false, left_out }
    }

    /// The first step that is still to come.
    pub(crate) fn next(&self) -> Option<&AccountId> {
        self.steps.iter().find(|step| step.end.is_none()).map(|step| &step.account)
    }

    /// The step that ended last, with how it did.
    pub(crate) fn last(&self) -> Option<(&AccountId, &End)> {
        let step = self.steps.get(self.last?)?;
        Some((&step.account, step.end.as_ref()?))
    }

    /// How far it has come.
    pub(crate) fn progress(&self) -> Progress {
        let mut progress = Progress { all: self.steps.len(), ..Progress::default() };
        for step in &self.steps {
            match &step.end {
                None => {}
                Some(End::Skipped) => progress.skipped += 1,
                Some(End::Consent(outcome)) if outcome.is_well() => progress.works += 1,
                Some(End::Consent(outcome)) if outcome.is_authorised() => progress.unwell += 1,
                Some(End::Consent(_)) => progress.failed += 1,
            }
        }
        progress
    }

    /// Writes down how an account's step ended. An account that is not part of it changes nothing.
    fn end(&mut self, account: &AccountId, end: End, now: Timestamp) {
        let step = self.steps.iter().position(|step| step.account == *account);
        if let Some(index) = step {
            self.steps[index].end = Some(end);
            self.last = Some(index);
            self.moved_at = now;
        }
    }

    /// Puts accounts that are not authorised back among those to come.
    fn repeat(&mut self, now: Timestamp) {
        for step in &mut self.steps {
            if !matches!(&step.end, Some(End::Consent(outcome)) if outcome.is_authorised()) {
                step.end = None;
            }
        }
        (self.last, self.moved_at, self.stopped) = (None, now, false);
    }
}

/// How far the administrator's chain is that can be gone on with; `None` where nothing is left of it.
pub(crate) async fn of(app: &App, administrator: &Administrator) -> Result<Option<Resumable>, Problem> {
    let chain = run::load::<Chain>(app, &administrator.key).await?;
    let chain = chain.filter(|chain| !chain.stopped && chain.next().is_some());
    Ok(chain.map(|chain| {
        let progress = chain.progress();
        Resumable { done: progress.done(), all: progress.all }
    }))
}

/// Begins a chain, in place of one that there may be.
pub(crate) async fn start(app: &App, key: &str, accounts: Vec<AccountId>) -> Result<Chain, Problem> {
    run::start(app, key, Chain::new(accounts, app.now())).await
}

/// Writes down what came of an account's consent. `false`: no chain has that account any more, because
/// another was begun in its place.
pub(crate) async fn record(
    app: &App,
    key: &str,
    account: &AccountId,
    outcome: Outcome,
) -> Result<bool, Problem> {
    let now = app.now();
    let end = End::Consent(outcome);
    let chain = run::amend(app, key, |chain: &mut Chain| chain.end(account, end.clone(), now)).await?;
    Ok(chain.is_some_and(|chain| chain.steps.iter().any(|step| step.account == *account)))
}

/// Passes over the next account, if that is still the one that the person saw.
pub(crate) async fn skip(app: &App, key: &str, account: &AccountId) -> Result<(), Problem> {
    let now = app.now();
    let skipped = run::amend(app, key, |chain: &mut Chain| {
        if chain.next() == Some(account) {
            chain.end(account, End::Skipped, now);
        }
    });
    skipped.await.map(drop)
}

/// Stops the chain, or goes on with it.
pub(crate) async fn set_stopped(app: &App, key: &str, stopped: bool) -> Result<Option<Chain>, Problem> {
    run::amend(app, key, |chain: &mut Chain| chain.stopped = stopped).await
}

/// Begins anew with the accounts of the chain that are not authorised.
pub(crate) async fn repeat(app: &App, key: &str) -> Result<Option<Chain>, Problem> {
    let now = app.now();
    run::amend(app, key, |chain: &mut Chain| chain.repeat(now)).await
}

/// Every account that a person must authorise, up to the most that a chain takes and one more.
pub(crate) async fn needed(app: &App) -> Result<Vec<AccountId>, Problem> {
    let standing = Standing::MustBeAuthorised(app.now());
    let query = AccountQuery { standing, ..AccountQuery::default() };
    let (mut found, mut from) = (Vec::new(), None);
    loop {
        let page = app.registry.accounts_page(&query, from.as_ref(), PAGE).await?;
        found.extend(page.items.into_iter().map(|(account, _)| account.id));
        match page.next {
            Some(next) if found.len() <= MOST => from = Some(next),
            _ => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Authorised, Trouble};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn id(text: &str) -> AccountId {
        text.parse().expect("id")
    }

    fn authorised() -> Outcome {
        Outcome::Authorised(Authorised::new(None, Vec::new(), true, None))
    }

    #[test]
    fn a_chain_takes_each_account_once_and_not_more_than_it_can_hold() {
        let accounts = (0..MOST + 2).map(|n| id(&format!("a{n}")));
        let chain = Chain::new([id("a0")].into_iter().chain(accounts), at(0));
        assert_eq!((chain.steps.len(), chain.left_out), (MOST, 2));
    }

    #[test]
    fn it_goes_on_past_whatever_comes_of_one() {
        let mut chain = Chain::new([id("a"), id("b"), id("c"), id("d")], at(0));
        assert_eq!(chain.next(), Some(&id("a")));
        chain.end(&id("a"), End::Consent(authorised()), at(1));
        chain.end(&id("b"), End::Consent(Outcome::Failed(Trouble::Declined)), at(2));
        chain.end(&id("stranger"), End::Skipped, at(3));
        assert_eq!(chain.last().map(|(account, _)| account), Some(&id("b")));
        assert_eq!(chain.next(), Some(&id("c")));
        chain.end(&id("c"), End::Skipped, at(4));
        let progress = chain.progress();
        assert_eq!((progress.works, progress.failed, progress.skipped), (1, 1, 1));
        assert_eq!((progress.done(), progress.all), (3, 4));
        chain.repeat(at(5));
        assert_eq!(chain.next(), Some(&id("b")));
        assert_eq!((chain.progress().done(), chain.last()), (1, None));
    }

    #[test]
    fn the_largest_chain_is_one_item_of_the_registry() {
        use crate::trial::{Trial, Trials};
        use postroom_model::{Fault, FaultClass};
        let name = |n: usize| format!("{:0>64}", n);
        let fault = Fault::new(FaultClass::Protocol, "x".repeat(400));
        let trial = Trial { mailbox: name(0).parse().expect("id"), result: Err(fault) };
        let trials = Trials { tried: vec![trial; 3], of: 3 };
        let outcome = Authorised::new(Some("y".repeat(64)), Vec::new(), true, Some(trials));
        let mut chain = Chain::new((0..MOST).map(|n| id(&name(n))), at(0));
        for step in &mut chain.steps {
            step.end = Some(End::Consent(Outcome::Authorised(outcome.clone())));
        }
        let bytes = serde_json::to_vec(&chain).expect("writes").len();
        assert!(bytes < 380 * 1024, "{bytes} bytes");
    }
}
