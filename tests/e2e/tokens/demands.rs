//! Many that need the same stale token.

use super::{STALE, granted, only, soon, token};
use jiff::SignedDuration;
use postroom_tests::{Came, Errand, Lab, Process, clock, control, demand, works};
use std::collections::BTreeSet;

/// What came of demands that all had an answer: how many made the request, and the token, if it is
/// one.
fn judge(came: &[Came]) -> (usize, Option<&String>) {
    let tokens: BTreeSet<_> = came.iter().map(|came| came.token.as_ref()).collect();
    let one = tokens.first().copied().flatten().filter(|_| tokens.len() == 1);
    (came.iter().filter(|came| came.outcome == "refreshed").count(), one)
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_demands_of_several_processes_for_one_stale_token_cause_one_request() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let id = lab.stale(&provider).await;
    control("POST", &format!("slow?user={id}&milliseconds=300")).await;
    let endpoint = lab.aws.endpoint_url().expect("an endpoint");
    let mut processes = Vec::new();
    for _ in 0..4 {
        let errand = Errand { demands: 5, ..lab.errand(&id, endpoint) };
        processes.push(Process::start(env!("CARGO_BIN_EXE_renew"), &errand).await);
    }
    for process in &mut processes {
        process.go().await;
    }
    let mut came = Vec::new();
    let (one, two, three) = (lab.tokens(clock), lab.tokens(clock), lab.tokens(clock));
    let here = tokio::join!(
        demand(&one, &id, 10, soon()),
        demand(&two, &id, 10, soon()),
        demand(&three, &id, 10, soon()),
    );
    came.extend([here.0, here.1, here.2].concat());
    for process in processes {
        came.extend(process.came::<Vec<Came>>().await);
    }
    assert_eq!(came.len(), 50);
    let (refreshed, token) = judge(&came);
    assert_eq!(refreshed, 1, "{came:?}");
    assert!(token.is_some(), "all have the same token: {came:?}");
    assert_eq!(granted(&id).await, only(1));
    assert!(works(&super::current(&lab, &id).await.access_token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_refused_the_present_token_gets_another_one_unless_it_is_young() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let tokens = lab.tokens(clock);
    for (minutes, asked) in [(30, 1), (2, 0)] {
        let id = lab.authorised(&provider, SignedDuration::from_mins(minutes)).await;
        let before = super::current(&lab, &id).await;
        let wanted = tokens.renew(&id, STALE, soon()).await.expect("an outcome");
        assert_eq!(wanted.name(), "not_due", "it lives");
        let refused = postroom_tokens::Demand::Stale { refused: Some(before.access_token.clone()) };
        let (one, two) = tokio::join!(
            tokens.renew(&id, refused.clone(), soon()),
            tokens.renew(&id, refused.clone(), soon()),
        );
        let (one, two) = (one.expect("an outcome"), two.expect("an outcome"));
        assert_eq!(token(&one), token(&two), "{minutes}");
        assert_eq!(granted(&id).await, only(asked), "{minutes}");
    }
}
