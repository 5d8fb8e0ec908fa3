//! The schedule's tick: exactly what is due, each once, whatever hangs.

use super::{current, granted, only};
use jiff::SignedDuration;
use postroom_model::AccountId;
use postroom_tests::{Lab, User, ahead, clock, control, later, token_set_of};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

#[tokio::test(flavor = "multi_thread")]
async fn two_ticks_at_once_renew_what_is_due_once_and_nothing_else() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let (mut due, mut fresh) = (Vec::new(), Vec::new());
    for n in 0..60 {
        if n % 3 == 0 {
            fresh.push(lab.authorised(&provider, SignedDuration::from_mins(20)).await);
        } else {
            due.push(lab.stale(&provider).await);
        }
    }
    let (one, two) = (lab.token_refresh(clock), lab.token_refresh(clock));
    let deadline = later(clock(), 300);
    let (one, two) = tokio::join!(one.tick(deadline), two.tick(deadline));
    let (one, two) = (one.expect("a tick"), two.expect("a tick"));
    assert_eq!((one.refreshed + two.refreshed, one.failed + two.failed), (40, 0), "{one:?} {two:?}");
    assert!(one.oldest_lag_seconds > 3600, "{one:?}");
    for (ids, times) in [(&due, 1), (&fresh, 0)] {
        for id in ids {
            assert_eq!(granted(id).await, only(times), "{id}");
        }
    }
    let statuses = lab.registry.account_statuses(&due).await.expect("statuses");
    let next: BTreeSet<i64> =
        statuses.values().map(|status| status.due_at.expect("due again").as_second()).collect();
    assert!(next.len() > 20, "they do not come due together: {next:?}");
    let (first, last) = (*next.first().expect("one"), *next.last().expect("one"));
    assert!(last - first > 300 && last - first < 1200, "over about the lead: {} s", last - first);
    let idle = lab.token_refresh(clock).tick(deadline).await.expect("a tick");
    assert_eq!((idle.refreshed, idle.failed, idle.left), (0, 0, 0), "nothing is due any more");
}

/// An account whose access token has no end, obtained so many days ago.
async fn endless(lab: &Lab, provider: &postroom_model::Provider, days: i64) -> AccountId {
    let user = User::new("idle");
    let id = lab.account(provider, &user).await;
    let obtained_at = later(clock(), -days * 24 * 3600);
    let mut tokens = token_set_of(&user, obtained_at, 3600).await;
    tokens.expires_at = None;
    lab.keep(&id, provider, &tokens).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_accounts_are_renewed_long_before_their_refresh_token_dies() {
    let lab = Lab::new().await;
    let provider = lab.provider(|json| json["idle_days"] = 90.into()).await;
    let careless = lab.provider(|json| json["id"] = "no-limit".into()).await;
    let (old, young) = (endless(&lab, &provider, 46).await, endless(&lab, &provider, 40).await);
    let unlimited = endless(&lab, &careless, 400).await;
    let tally = lab.token_refresh(clock).tick(later(clock(), 300)).await.expect("a tick");
    assert_eq!((tally.refreshed, tally.failed), (1, 0));
    for (id, times) in [(&old, 1), (&young, 0), (&unlimited, 0)] {
        assert_eq!(granted(id).await, only(times));
    }
    let ends = lab.registry.account_status(&old).await.expect("a status").ends_at.expect("an end");
    let days = ends.duration_since(clock()).as_hours() / 24;
    assert!((89..=90).contains(&days), "the idle limit counts from now on again: {days} days");
    let tokens = current(&lab, &old).await;
    assert!(later(clock(), -60) < tokens.obtained_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_for_one_account_holds_up_no_other() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let hangs = lab.stale(&provider).await;
    control("POST", &format!("slow?user={hangs}&milliseconds=120000")).await;
    let mut others = Vec::new();
    for _ in 0..19 {
        others.push(lab.stale(&provider).await);
    }
    // Longer than the others take on a machine that is busy with other tests.
    let refresh = lab.token_refresh_within(Duration::from_secs(18), clock);
    let started = Instant::now();
    let tick = tokio::spawn(async move { refresh.tick(later(clock(), 300)).await });
    for id in &others {
        while granted(id).await != only(1) {
            assert!(started.elapsed() < Duration::from_secs(30), "{id} waits");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    assert!(!tick.is_finished(), "the others are done while it hangs: {:?}", started.elapsed());
    let tally = tick.await.expect("no panic").expect("a tick");
    assert_eq!((tally.refreshed, tally.failed, tally.left), (19, 1, 0));
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    let status = lab.registry.account_status(&hangs).await.expect("a status");
    assert_eq!(status.fault.map(|fault| fault.class), Some(postroom_model::FaultClass::TimedOut));
    assert!(status.due_at.is_some() && status.lease.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_without_time_begins_nothing_and_the_next_one_does() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let id = lab.stale(&provider).await;
    let refresh = lab.token_refresh(clock);
    let tally = refresh.tick(later(clock(), 10)).await.expect("a tick");
    assert_eq!((tally.refreshed, tally.failed, tally.left), (0, 0, 1));
    assert_eq!(granted(&id).await, only(0));
    // One killed holder's lease keeps an account for a while, and no longer.
    let tally = lab.token_refresh(ahead::<130>).tick(later(ahead::<130>(), 300)).await.expect("a tick");
    assert_eq!(tally.refreshed, 1);
}
