//! Processes that are killed between the server's answer and the last write.

use super::{STALE, current, granted, only, patient, soon, token};
use jiff::SignedDuration;
use postroom_model::{AccountId, FaultClass, Provider, TokenSet};
use postroom_tests::{
    Act, Call, Gate, Lab, Manner, OddIssuer, Process, Refreshes, User, ahead, clock, control, digest,
    token_set_of, works,
};
use postroom_tokens::{Consent, Demand, Outcome};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinSet};

/// Where a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// The journal is written, and the process does not know it yet.
    Journaled,
    /// The vault has not seen the new set.
    BeforePut,
    /// The new set lies beside the current one.
    Put,
    /// It is about to become the current one.
    BeforeStage,
    /// It is the current one, and the process does not know it yet.
    Staged,
    /// It is about to be put on record.
    BeforeRecord,
    /// It is on record, and the process does not know it yet.
    Recorded,
    /// Any time after the journal is written.
    Any,
}

impl Moment {
    const ALL: [Self; 8] = [
        Self::Journaled,
        Self::BeforePut,
        Self::Put,
        Self::BeforeStage,
        Self::Staged,
        Self::BeforeRecord,
        Self::Recorded,
        Self::Any,
    ];

    fn rule(self) -> (Call, Act) {
        match self {
            Self::Journaled | Self::Any => (Call::JOURNAL, Act::HoldAnswer),
            Self::BeforePut => (Call::PUT, Act::Hold),
            Self::Put => (Call::PUT, Act::HoldAnswer),
            Self::BeforeStage => (Call::STAGE, Act::Hold),
            Self::Staged => (Call::STAGE, Act::HoldAnswer),
            Self::BeforeRecord => (Call::RECORD, Act::Hold),
            Self::Recorded => (Call::RECORD, Act::HoldAnswer),
        }
    }
}

/// Has a process renew an account's tokens, and kills it so long after it came to the gate. Says
/// whether it still ran.
async fn kill(lab: &Lab, id: &AccountId, (call, act): (Call, Act), after: Duration) -> bool {
    let gate = Gate::start().await;
    gate.rule(call, act);
    let mut process = Process::start(env!("CARGO_BIN_EXE_renew"), &lab.errand(id, &gate.endpoint())).await;
    process.go().await;
    gate.met().await;
    if !after.is_zero() {
        gate.open();
        tokio::time::sleep(after).await;
    }
    process.kill().await
}

/// Kills one process, and has the next ones find what it left: first when its lease has ended, then
/// when the token that was issued before the kill has ended too, so that its refresh token is used.
/// `None`: the process was through before it could be killed.
async fn kill_and_go_on(lab: &Lab, provider: &Provider, moment: Moment) -> Option<&'static str> {
    let id = lab.stale(provider).await;
    let before = digest(&current(lab, &id).await.access_token);
    let after = Duration::from_micros(if moment == Moment::Any { fastrand::u64(1..100_000) } else { 0 });
    let killed = kill(lab, &id, moment.rule(), after).await;

    let next = lab.tokens(ahead::<130>).renew(&id, STALE, patient()).await.expect("an outcome");
    let name = next.name();
    let tokens = next.tokens().unwrap_or_else(|fault| panic!("{moment:?}: {fault}"));
    assert_ne!(digest(&tokens.access_token), before, "{moment:?}");
    assert!(works(&tokens.access_token).await, "{moment:?}");
    assert_eq!(granted(&id).await, only(1), "{moment:?}: what was issued is used");
    assert_eq!(digest(&current(lab, &id).await.access_token), digest(&tokens.access_token));

    let next = lab.tokens(ahead::<5000>).renew(&id, STALE, patient()).await.expect("an outcome");
    assert_eq!(next.name(), "refreshed", "{moment:?}");
    let tokens = next.tokens().expect("tokens");
    assert!(works(&tokens.access_token).await, "{moment:?}");
    assert_eq!(granted(&id).await, only(2), "{moment:?}");
    let status = lab.registry.account_status(&id).await.expect("a status");
    assert_eq!((status.journal, status.lease, status.fault), (None, None, None), "{moment:?}");
    killed.then_some(name)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the figures are worth a line")]
async fn a_process_killed_at_any_step_after_the_journal_loses_nothing() {
    const KILLS: usize = 15; // at each moment
    let lab = Arc::new(Lab::new().await);
    let provider = Arc::new(lab.provider(|_| {}).await);
    let side_by_side = Arc::new(Semaphore::new(6));
    let mut kills = JoinSet::new();
    for moment in Moment::ALL.into_iter().cycle().take(KILLS * Moment::ALL.len()) {
        let (lab, provider) = (Arc::clone(&lab), Arc::clone(&provider));
        let side_by_side = Arc::clone(&side_by_side);
        kills.spawn(async move {
            let _permit = side_by_side.acquire_owned().await.expect("open");
            (moment, kill_and_go_on(&lab, &provider, moment).await)
        });
    }
    let mut figures = BTreeMap::<Moment, BTreeMap<&str, usize>>::new();
    while let Some(done) = kills.join_next().await {
        let (moment, next) = done.expect("nothing is lost");
        if let Some(next) = next {
            *figures.entry(moment).or_default().entry(next).or_default() += 1;
        }
    }
    let count: usize = figures.values().flat_map(BTreeMap::values).sum();
    assert!(count >= 100, "{count} kills");
    assert!(lab.unauthorised().await.is_empty(), "nobody has to authorise anything again");
    println!("{count} processes were killed after the journal was written; the next renewal: {figures:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_dies_before_the_journal_is_reported_and_consent_mends_it() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let id = lab.stale(&provider).await;
    kill(&lab, &id, (Call::JOURNAL, Act::Hold), Duration::ZERO).await;
    assert_eq!(granted(&id).await, only(1), "the server has answered");

    let next = lab.tokens(ahead::<130>).renew(&id, STALE, patient()).await.expect("an outcome");
    let Outcome::OwnerMustReauthorise(fault) = next else { panic!("{}", next.name()) };
    assert_eq!(fault.class, FaultClass::AuthorizationEnded);
    assert_eq!(granted(&id).await, Refreshes { granted: 1, refused: 1 });
    assert_eq!(lab.unauthorised().await, std::slice::from_ref(&id));

    let user = id.as_str().to_owned();
    let tokens = consented(&user).await;
    let consent = Consent { at: ahead::<130>(), identity: Some(user) };
    let accepted = lab.tokens(ahead::<130>).accept(&id, tokens, consent, patient()).await.expect("accepted");
    assert!(works(&accepted.tokens.access_token).await);
    assert!(lab.unauthorised().await.is_empty());
}

async fn consented(user: &str) -> TokenSet {
    TokenSet::from_response(&postroom_tests::token_set(user).await, clock()).expect("a token set")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_on_the_way_is_never_taken_for_success() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let id = lab.stale(&provider).await;
    control("POST", &format!("withhold?user={id}&count=1")).await;
    let outcome = lab.tokens(clock).renew(&id, STALE, soon()).await.expect("an outcome");
    let Outcome::Transient { fault, .. } = &outcome else { panic!("{}", outcome.name()) };
    assert_eq!(fault.class, FaultClass::ConnectionLost);
    assert!(lab.unauthorised().await.is_empty(), "nobody is blamed yet");
    let outcome = lab.tokens(ahead::<130>).renew(&id, Demand::Due, patient()).await.expect("an outcome");
    let Outcome::OwnerMustReauthorise(fault) = &outcome else { panic!("{}", outcome.name()) };
    assert_eq!(fault.class, FaultClass::AuthorizationEnded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_a_refresh_token_again_makes_the_same_kill_harmless() {
    let issuer = OddIssuer::start(Manner::Lenient).await;
    let lab = Lab::new().await;
    let provider = lab.provider(|json| json["endpoints"] = issuer.endpoints()).await;
    let user = User::new("lenient");
    let id = lab.account(&provider, &user).await;
    let ago = clock().checked_sub(SignedDuration::from_hours(2)).expect("in range");
    let first = token_set_of(&user, ago, 3600).await;
    lab.keep(&id, &provider, &first).await;
    kill(&lab, &id, (Call::JOURNAL, Act::Hold), Duration::ZERO).await;
    assert_eq!(issuer.asked(), 1);
    let next = lab.tokens(ahead::<130>).renew(&id, STALE, patient()).await.expect("an outcome");
    assert_eq!((next.name(), issuer.asked()), ("refreshed", 2));
    assert_eq!(token(&next), Some(digest(&current(&lab, &id).await.access_token)));
}
