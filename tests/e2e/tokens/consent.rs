//! What a person's consent brings.

use super::{STALE, current, granted, only, patient, soon, token};
use postroom_model::{AccountId, TokenSet};
use postroom_tests::{
    Act, Call, Gate, Lab, Process, User, ahead, clock, control, digest, later, token_set, works,
};
use postroom_tokens::{Consent, Demand, Tokens};

async fn consented(user: &str) -> TokenSet {
    TokenSet::from_response(&token_set(user).await, clock()).expect("a token set")
}

fn by(user: &AccountId) -> Consent {
    Consent { at: clock(), identity: Some(user.to_string()) }
}

/// Whether an account's present set opens something and can be renewed.
async fn assert_lives(lab: &Lab, id: &AccountId) {
    assert!(works(&current(lab, id).await.access_token).await, "{id}");
    let outcome = lab.tokens(ahead::<5000>).renew(id, STALE, patient()).await.expect("an outcome");
    assert_eq!(outcome.name(), "refreshed", "{id}");
    assert!(works(&current(lab, id).await.access_token).await, "{id}");
    let status = lab.registry.account_status(id).await.expect("a status");
    assert_eq!((status.fault, status.journal, status.lease), (None, None, None), "{id}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_ends_what_was_wrong() {
    let lab = Lab::new().await;
    let provider = lab.provider(|json| json["idle_days"] = 90.into()).await;
    let tokens = lab.tokens(clock);
    // Never authorised, and revoked by somebody.
    let new = lab.account(&provider, &User::new("new")).await;
    let dead = lab.stale(&provider).await;
    control("POST", &format!("revoke?user={dead}")).await;
    let outcome = tokens.renew(&dead, STALE, soon()).await.expect("an outcome");
    assert_eq!(outcome.name(), "owner_must_reauthorise");
    let outcome = tokens.renew(&new, STALE, soon()).await.expect("an outcome");
    assert_eq!(outcome.name(), "owner_must_reauthorise");
    assert_eq!(lab.unauthorised().await.len(), 2);
    for id in [&new, &dead] {
        let brought = consented(id.as_str()).await;
        let accepted = tokens.accept(id, brought.clone(), by(id), soon()).await.expect("accepted");
        assert_eq!(digest(&accepted.tokens.access_token), digest(&brought.access_token));
        assert_eq!(accepted.missing_scopes, <[&str; 0]>::default());
        assert!(accepted.ends.is_some_and(|ends| ends.at > later(clock(), 89 * 24 * 3600)));
        let status = lab.registry.account_status(id).await.expect("a status");
        assert_eq!((status.fault, status.failures, status.identity), (None, 0, Some(id.to_string())));
        assert!(status.authorised_at.is_some_and(|at| at > later(clock(), -60)) && status.due_at.is_some());
        assert_lives(&lab, id).await;
    }
    assert!(lab.unauthorised().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_and_a_renewal_at_once_are_both_safe() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    for round in 0..8 {
        let id = lab.stale(&provider).await;
        let brought = consented(id.as_str()).await;
        let (one, two) = (lab.tokens(clock), lab.tokens(clock));
        let accept = async {
            tokio::time::sleep(std::time::Duration::from_millis(round * 12)).await;
            one.accept(&id, brought.clone(), by(&id), soon()).await
        };
        let (accepted, renewed) = tokio::join!(accept, two.renew(&id, STALE, soon()));
        accepted.expect("accepted");
        let renewed = renewed.expect("an outcome");
        assert!(token(&renewed).is_some(), "{}", renewed.name());
        let now = digest(&current(&lab, &id).await.access_token);
        assert_eq!(now, digest(&brought.access_token), "what the person brought counts: {}", renewed.name());
        assert_lives(&lab, &id).await;
    }
}

/// The answer has no refresh token. The one before is kept for the same person only, and is shown to no
/// other provider's server.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_stays_with_its_person_and_its_provider() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let tokens = lab.tokens(clock);
    for (person, is_kept) in [("ann", true), ("ben", false)] {
        let id = lab.account(&provider, &User::new("ann")).await;
        let first = Consent { at: clock(), identity: Some("ann".into()) };
        tokens.accept(&id, consented(id.as_str()).await, first, soon()).await.expect("accepted");
        let without = TokenSet { refresh_token: None, ..consented(id.as_str()).await };
        let second = Consent { at: clock(), identity: Some(person.into()) };
        tokens.accept(&id, without, second, soon()).await.expect("accepted");
        let stored = current(&lab, &id).await;
        assert_eq!(stored.refresh_token.is_some(), is_kept, "{person}");
        assert_eq!(stored.issued_by.as_ref(), Some(&provider.id));
    }

    let id = lab.stale(&provider).await;
    let other = "another-provider".parse().expect("an id");
    let issued = TokenSet { issued_by: Some(other), ..current(&lab, &id).await };
    lab.edit(&id, &issued).await;
    let outcome = lab.tokens(ahead::<200>).renew(&id, STALE, patient()).await.expect("an outcome");
    assert_eq!(outcome.name(), "owner_must_reauthorise");
    assert_eq!(granted(&id).await, only(0), "nothing was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_consents_at_once_leave_one_that_works() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let id = lab.account(&provider, &User::new("twice")).await;
    let (first, second) = (consented(id.as_str()).await, consented(id.as_str()).await);
    let (one, two) = (lab.tokens(clock), lab.tokens(clock));
    let (one, two) =
        tokio::join!(one.accept(&id, first, by(&id), soon()), two.accept(&id, second, by(&id), soon()));
    let both = [one.expect("accepted"), two.expect("accepted")];
    let now = digest(&current(&lab, &id).await.access_token);
    assert!(both.iter().any(|accepted| digest(&accepted.tokens.access_token) == now));
    assert_lives(&lab, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_without_a_refresh_token_keeps_the_one_before() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let id = lab.stale(&provider).await;
    let mut brought = consented(id.as_str()).await;
    brought.refresh_token = None;
    lab.tokens(clock).accept(&id, brought.clone(), by(&id), soon()).await.expect("accepted");
    let now = current(&lab, &id).await;
    assert_eq!(digest(&now.access_token), digest(&brought.access_token));
    assert!(now.refresh_token.is_some());
    assert_lives(&lab, &id).await;
    assert_eq!(granted(&id).await, only(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_takes_the_place_of_what_a_killed_run_left() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    for without in [false, true] {
        let id = lab.stale(&provider).await;
        let gate = Gate::start().await;
        gate.rule(Call::PUT, Act::Hold);
        let errand = lab.errand(&id, &gate.endpoint());
        let mut process = Process::start(env!("CARGO_BIN_EXE_renew"), &errand).await;
        process.go().await;
        gate.met().await;
        process.kill().await;
        let mut brought = consented(id.as_str()).await;
        if without {
            // Then the refresh token is that of the journal: the one in the vault is used up.
            brought.refresh_token = None;
        }
        let later: Tokens = lab.tokens(ahead::<130>);
        later.accept(&id, brought.clone(), by(&id), patient()).await.expect("accepted");
        assert_eq!(digest(&current(&lab, &id).await.access_token), digest(&brought.access_token));
        assert_lives(&lab, &id).await;
    }
}

/// A consent whose process dies before it is on record: the schedule finds it.
#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_secrets_manager_refuses_is_not_lost() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let id = lab.stale(&provider).await;
    control("POST", &format!("revoke?user={id}")).await;
    let outcome = lab.tokens(clock).renew(&id, Demand::Due, soon()).await.expect("an outcome");
    assert_eq!(outcome.name(), "owner_must_reauthorise");
    let gate = Gate::start().await;
    gate.rule(Call::PUT, Act::Refuse(500, "InternalServiceError"));
    let brought = consented(id.as_str()).await;
    let behind = lab.tokens_behind(&gate, clock).await;
    let refused = behind.accept(&id, brought.clone(), by(&id), later(clock(), 1)).await;
    refused.expect_err("Secrets Manager refuses");
    // Nobody demands its tokens; the schedule alone has to find it.
    let tally = lab.token_refresh(ahead::<130>).tick(later(ahead::<130>(), 300)).await.expect("a tick");
    assert_eq!((tally.refreshed, tally.failed), (1, 0), "the schedule finds it");
    assert_eq!(digest(&current(&lab, &id).await.access_token), digest(&brought.access_token));
    assert!(lab.unauthorised().await.is_empty());
    assert_lives(&lab, &id).await;
}
