//! What an authorization server refuses, and whom that is told.

use super::{STALE, current, granted, incidents, only, patient, soon, token};
use jiff::SignedDuration;
use postroom_model::{AccountId, Actor, Fault, FaultClass, Lease};
use postroom_registry::LeasedAccount;
use postroom_tests::{
    Act, Call, Gate, Lab, Manner, OddIssuer, ahead, clock, control, demand, digest, later, token_set_of,
    works,
};
use postroom_tokens::{Demand, Outcome};
use std::time::{Duration, Instant};
use token_refresh::TokenRefresh;

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_authorization_waits_for_its_owner_and_is_not_asked_for_again() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let (id, well) = (lab.stale(&provider).await, lab.stale(&provider).await);
    control("POST", &format!("revoke?user={id}")).await;
    let refresh = lab.token_refresh(clock);
    let tally = refresh.tick(later(clock(), 300)).await.expect("a tick");
    assert_eq!((tally.refreshed, tally.failed, tally.left), (1, 1, 0));
    assert_eq!(lab.unauthorised().await, std::slice::from_ref(&id));
    let status = lab.registry.account_status(&id).await.expect("a status");
    let fault = status.fault.expect("a fault");
    assert_eq!((fault.class, status.due_at, status.lease), (FaultClass::AuthorizationEnded, None, None));

    // Hours later it still waits; the other one is due again.
    let refresh: TokenRefresh = lab.token_refresh(ahead::<20_000>);
    let tally = refresh.tick(later(ahead::<20_000>(), 300)).await.expect("a tick");
    assert_eq!((tally.refreshed, tally.failed), (1, 0));
    assert_eq!((granted(&id).await, granted(&well).await), (only(0), only(2)));
    assert!(incidents(&lab).await.is_empty(), "the app registration is well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_counts_for_nothing_where_somebody_else_has_renewed_meanwhile() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let id = lab.stale(&provider).await;
    let gate = Gate::start().await;
    gate.rule(Call::PREPARE, Act::Hold); // the current set is read, and nothing is asked yet
    let behind = lab.tokens_behind(&gate, clock).await;
    let account = id.clone();
    let renewal = tokio::spawn(async move { behind.renew(&account, STALE, soon()).await });
    gate.met().await;
    control("POST", &format!("revoke?user={id}")).await;
    let user = lab.registry.account(&id).await.expect("an answer").expect("an account").login;
    let answer = postroom_tests::token_set(&user.expect("a login")).await;
    let other = postroom_model::TokenSet::from_response(&answer, clock()).expect("a token set");
    lab.edit(&id, &other).await;
    gate.open();
    let outcome = renewal.await.expect("no panic").expect("an outcome");
    let expected = ("changed_underneath", Some(digest(&other.access_token)));
    assert_eq!((outcome.name(), token(&outcome)), expected);
    let status = lab.registry.account_status(&id).await.expect("a status");
    assert_eq!((status.fault, status.lease), (None, None));
    assert!(status.due_at.is_some() && lab.unauthorised().await.is_empty());
    assert!(works(&current(&lab, &id).await.access_token).await);
}

/// A failure is the account's, not each of its mailboxes': while it rests, nobody asks again, however
/// many demand its tokens.
#[tokio::test(flavor = "multi_thread")]
async fn many_demands_for_what_was_refused_ask_the_server_once() {
    for (manner, needs_owner) in [
        (Manner::Refuses("invalid_grant"), true),
        (Manner::Unavailable, false),
        (Manner::Refuses("invalid_client"), false),
        (Manner::Refuses("admin_policy_enforced"), false),
    ] {
        let issuer = OddIssuer::start(manner).await;
        let lab = Lab::new().await;
        let provider = lab.provider(|json| json["endpoints"] = issuer.endpoints()).await;
        let id = lab.stale(&provider).await;
        let (one, two) = (lab.tokens(clock), lab.tokens(clock));
        let first = one.renew(&id, STALE, soon()).await.expect("an outcome").name();
        tokio::join!(demand(&one, &id, 10, soon()), demand(&two, &id, 10, soon()));
        assert_eq!(issuer.asked(), 1, "{manner:?}");
        let again = two.renew(&id, STALE, soon()).await.expect("an outcome");
        assert_eq!(again.name(), first, "{manner:?}");

        // After its rest it is asked again, but not on behalf of a person who must act.
        let later = lab.tokens(ahead::<20_000>).renew(&id, STALE, patient()).await;
        assert_eq!(later.expect("an outcome").name(), first, "{manner:?}");
        let asked = if needs_owner { 1 } else { 2 };
        assert_eq!(issuer.asked(), asked, "{manner:?}");
    }
}

/// What an operator or a directory's administrator has mended works at once, where somebody says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_rest_ends_for_whoever_may_have_mended_something() {
    for (manner, ends) in [
        (Manner::Refuses("invalid_client"), true),
        (Manner::Refuses("admin_policy_enforced"), true),
        (Manner::Unavailable, false),
        (Manner::Refuses("invalid_grant"), false),
    ] {
        let issuer = OddIssuer::start(manner).await;
        let lab = Lab::new().await;
        let provider = lab.provider(|json| json["endpoints"] = issuer.endpoints()).await;
        let id = lab.stale(&provider).await;
        let tokens = lab.tokens(clock);
        for _ in 0..3 {
            tokens.renew(&id, STALE, soon()).await.expect("an outcome");
        }
        assert_eq!(issuer.asked(), 1, "{manner:?}");
        tokens.end_rest(&id).await.expect("an answer");
        tokens.renew(&id, STALE, soon()).await.expect("an outcome");
        assert_eq!(issuer.asked(), 1 + u64::from(ends), "{manner:?}");
    }
}

/// So many failures as they stand on record, one after the other.
async fn fails(lab: &Lab, id: &AccountId, times: u32, fault: &Fault) {
    for failures in 1..=times {
        let lease = Lease { owner: "a test".to_owned(), until: later(clock(), 60) };
        let held = lab.registry.lease_account(id, &lease, clock()).await.expect("an answer");
        let LeasedAccount::Held(status) = held else { panic!("somebody holds {id}") };
        let (registry, due_at) = (&lab.registry, Some(clock()));
        let recorded = registry.record_refusal(id, status.fence, fault, failures, due_at, clock()).await;
        assert!(recorded.expect("an answer"));
    }
}

/// An outage of days counts for nothing when an answer comes that nobody has described; a day of such answers
/// is the end.
#[tokio::test(flavor = "multi_thread")]
async fn an_undescribed_refusal_is_the_end_when_it_has_been_said_for_a_day() {
    let issuer = OddIssuer::start(Manner::Undescribed).await;
    let lab = Lab::new().await;
    let provider = lab.provider(|json| json["endpoints"] = issuer.endpoints()).await;
    let tokens = lab.tokens(clock);
    let silent = Fault::new(FaultClass::TimedOut, "no answer");
    let refused = Fault::new(FaultClass::Unknown, "invalid_grant: AADSTS4242424: no");
    for (times, fault, expected) in
        [(200, &silent, "transient"), (126, &refused, "transient"), (127, &refused, "owner_must_reauthorise")]
    {
        let id = lab.stale(&provider).await;
        fails(&lab, &id, times, fault).await;
        let outcome = tokens.renew(&id, Demand::Due, soon()).await.expect("an outcome");
        assert_eq!(outcome.name(), expected, "{times} of {fault}");
        let status = lab.registry.account_status(&id).await.expect("a status");
        assert_eq!((status.failures, status.due_at.is_some()), (times + 1, expected == "transient"));
    }
    assert_eq!(issuer.asked(), 3);
}

/// How a server fails that may be well again soon; the class that it is given; the least pause.
const PASSING: [(&str, FaultClass, i64); 7] = [
    ("status=503", FaultClass::TemporarilyUnavailable, 30),
    ("status=500&body=html", FaultClass::TemporarilyUnavailable, 30),
    ("status=429&retry_after=900", FaultClass::Throttled, 900),
    ("status=400&error=temporarily_unavailable", FaultClass::TemporarilyUnavailable, 30),
    ("status=400&error=never_heard_of", FaultClass::Unknown, 30),
    ("body=html", FaultClass::Unknown, 30),
    ("body=large", FaultClass::Unknown, 30),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_tried_again_and_never_counts_as_bad_credentials() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let (tokens, later) = (lab.tokens(clock), lab.tokens(ahead::<1500>));
    for (how, class, pause) in PASSING {
        let id = lab.stale(&provider).await;
        control("POST", &format!("fail?user={id}&count=2&{how}")).await;
        for failures in 1..=2 {
            let (now, tokens) = if failures == 1 { (clock(), &tokens) } else { (ahead::<1500>(), &later) };
            let outcome = tokens.renew(&id, Demand::Due, patient()).await.expect("an outcome");
            let Outcome::Transient { fault, retry_at } = outcome else { panic!("{how}: {}", outcome.name()) };
            assert_eq!(fault.class, class, "{how}: {fault}");
            assert_passing(&lab, &id, retry_at.duration_since(now), pause, failures).await;
        }
        let outcome = lab.tokens(ahead::<3200>).renew(&id, Demand::Due, patient()).await.expect("an outcome");
        assert_eq!((outcome.name(), granted(&id).await), ("refreshed", only(1)), "{how}");
        let status = lab.registry.account_status(&id).await.expect("a status");
        assert_eq!((status.fault, status.failures), (None, 0), "{how}");
    }
    assert!(incidents(&lab).await.is_empty());
}

async fn assert_passing(
    lab: &Lab,
    id: &postroom_model::AccountId,
    rest: SignedDuration,
    pause: i64,
    failures: u32,
) {
    let status = lab.registry.account_status(id).await.expect("a status");
    let fault = status.fault.expect("a fault");
    assert_eq!(fault.class.actor(), Actor::Nobody, "{fault}");
    assert!(!fault.reason.contains('<') && fault.reason.len() < 500, "{fault}");
    assert!(rest > SignedDuration::from_secs(pause - 10), "{fault}: {rest}");
    assert!(status.due_at.is_some_and(|due| due > later(clock(), pause - 10)), "{fault}");
    assert_eq!(status.failures, failures, "{fault}");
    assert!(lab.unauthorised().await.is_empty(), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_silent_or_not_there_is_given_up_in_time() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let tokens = lab.tokens_within(Duration::from_secs(1), clock);
    let id = lab.stale(&provider).await;
    control("POST", &format!("slow?user={id}&milliseconds=60000")).await;
    let started = Instant::now();
    let outcome = tokens.renew(&id, STALE, soon()).await.expect("an outcome");
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    let Outcome::Transient { fault, retry_at } = outcome else { panic!("{}", outcome.name()) };
    assert_eq!(fault.class, FaultClass::TimedOut);
    assert_passing(&lab, &id, retry_at.duration_since(clock()), 30, 1).await;

    // Nobody listens on port 1.
    for endpoints in [
        serde_json::json!({"issuer": "http://127.0.0.1:1"}),
        serde_json::json!({"explicit": {"authorize_url": "http://127.0.0.1:1/", "token_url": "http://127.0.0.1:1/"}}),
    ] {
        let provider = lab.provider(|json| {
            json["id"] = "absent".into();
            json["endpoints"] = endpoints;
        });
        let id = lab.stale(&provider.await).await;
        let outcome = tokens.renew(&id, STALE, soon()).await.expect("an outcome");
        let Outcome::Transient { fault, retry_at } = outcome else { panic!("{}", outcome.name()) };
        assert_eq!(fault.class, FaultClass::Unreachable, "{fault}");
        assert_passing(&lab, &id, retry_at.duration_since(clock()), 30, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrower_scope_is_on_record_and_a_kept_refresh_token_goes_on() {
    let lab = Lab::new().await;
    let provider =
        lab.provider(|json| json["scopes"] = serde_json::json!(["offline_access", "mail", "more"]));
    let provider = provider.await;
    let id = lab.authorised(&provider, SignedDuration::from_hours(2)).await;
    // The server refuses scopes that were never granted (RFC 6749 section 6), so that the account asks
    // for what it has.
    let mut account = lab.registry.account(&id).await.expect("an answer").expect("an account");
    account.scopes = vec!["offline_access".to_owned(), "mail".to_owned()];
    lab.registry.put_account(&account, clock()).await.expect("stored");
    let outcome = lab.tokens(clock).renew(&id, Demand::Due, soon()).await.expect("an outcome");
    assert_eq!(outcome.name(), "refreshed");
    let user = postroom_tests::User::new("narrow");
    let mut tokens = token_set_of(&user, clock(), 3600).await;
    tokens.scope = Some("openid".to_owned());
    let consent = postroom_tokens::Consent { at: clock(), identity: None };
    let accepted = lab.tokens(clock).accept(&id, tokens, consent, soon()).await.expect("accepted");
    assert_eq!(accepted.missing_scopes, ["mail"]);
    let status = lab.registry.account_status(&id).await.expect("a status");
    assert_eq!(status.missing_scopes, ["mail"]);
}
