//! What goes on being tried in good time and comes to nothing: mail that nobody fetches, tokens that nobody renews.

use super::{alarm::Alarm, mailbox, messages, refused::gated};
use dispatch::{Dispatch, Settings};
use jiff::Timestamp;
use postroom_model::{Account, AccountId, Batch, TokenSet};
use postroom_tests::{Act, Call, Lab, Manner, OddIssuer, OddServer, Quirk, ahead, clock, invocation, later};
use serde_json::json;

/// The batch's mailbox.
const DIARY: &str = "diary";

fn rings(alarm: &str, lab: &Lab, now: Timestamp) -> bool {
    Alarm::named(alarm).expect("an alarm on a metric of our own").rings(&lab.settings.stack, now)
}

/// A batch of one mailbox, due a minute ago.
async fn due(lab: &Lab, server: &OddServer) -> Batch {
    let mailbox = mailbox(DIARY, server.port());
    let batch = Batch {
        id: "1m-0001".parse().expect("an id"),
        interval: "1m".parse().expect("an interval"),
        mailboxes: vec![mailbox.id.clone()],
        due_at: None,
        lease: None,
        completed_at: None,
    };
    lab.add([(mailbox, "pw".to_owned())]).await;
    lab.registry.put_batch(&batch, later(clock(), -60), 0.0).await.expect("a stored batch");
    batch
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_nobody_fetches_is_late_however_often_it_is_handed_out() {
    let (lab, server) = (Lab::new().await, OddServer::start(messages(1), Quirk::None).await);
    let batch = due(&lab, &server).await;
    let fetch::Settings { table, queue_url, stack, .. } = lab.settings.clone();
    let dispatch = Dispatch::new(Settings { table, queue_url, stack }, &lab.aws);
    let (begin, mut rang) = (clock(), Vec::new());
    for minute in 0..60 {
        let now = later(begin, minute * 60);
        dispatch.tick(now, later(now, 60)).await.expect("a tick");
        rang.push(rings("LateBatchesAlarm", &lab, now));
    }
    let quiet = rang.iter().take_while(|rings| !**rings).count();
    assert!((14..=18).contains(&quiet), "it rings after {quiet} minutes");
    assert!(rang[quiet..].iter().all(|rings| *rings), "and goes on: {rang:?}");
    let waiting = async || lab.registry.oldest_waiting_batch(ahead::<86_400>()).await.expect("an answer");
    assert_eq!(waiting().await.map(|since| since < begin), Some(true));

    let body = json!({"batch": {"id": batch.id, "due_at": begin.as_second()}}).to_string();
    lab.fetch().work_message(&body, &invocation(90)).await.expect("a worked batch");
    assert_eq!(lab.archived(&batch.mailboxes[0]).await, messages(1));
    assert_eq!(waiting().await, None);
    let worked = lab.registry.batch(&batch.id).await.expect("an answer").expect("a batch");
    let due = worked.due_at.expect("a due time");
    let next = dispatch.tick(due, later(due, 60)).await.expect("a tick");
    assert_eq!((next.sent, next.oldest_lag_seconds), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_piled_up_are_one_poll() {
    let (lab, server) = (Lab::new().await, OddServer::start(messages(1), Quirk::None).await);
    let batch = due(&lab, &server).await;
    let fetch = lab.fetch();
    let work = async |due_at: Timestamp| {
        let body = json!({"batch": {"id": batch.id, "due_at": due_at.as_second()}}).to_string();
        fetch.work_message(&body, &invocation(90)).await.expect("a worked message");
        lab.registry.batch(&batch.id).await.expect("an answer").expect("a batch")
    };
    let first = work(later(clock(), -3600)).await;
    for minutes in [43, 26, 9] {
        assert_eq!(work(later(clock(), -60 * minutes)).await, first, "it stays as it is, without a lease");
    }
    assert_eq!((server.sign_ins(), first.lease), (1, None));
    work(first.due_at.expect("a due time")).await;
    assert_eq!(server.sign_ins(), 2, "the next one is another");
}

/// An account whose tokens have been due for some minutes.
async fn account(lab: &Lab, issuer: &OddIssuer) -> AccountId {
    let provider = lab.provider(|json| json["endpoints"] = issuer.endpoints()).await;
    let json = json!({
        "id": lab.settings.stack, "provider": provider.id, "grant": "authorization_code", "login": "somebody",
    });
    let account: Account = serde_json::from_value(json).expect("an account");
    // Silence before would ring by itself.
    lab.token_refresh(ahead::<-1000>).tick(clock()).await.expect("a tick");
    lab.registry.put_account(&account, clock()).await.expect("a stored account");
    let answer = json!({
        "access_token": format!("access-{:032x}", fastrand::u128(..)), "token_type": "Bearer",
        "refresh_token": format!("refresh-{:032x}", fastrand::u128(..)), "expires_in": 3600,
    });
    let tokens = TokenSet::from_response(&answer.to_string(), later(clock(), -3300)).expect("a token set");
    lab.keep(&account.id, &provider, &tokens).await;
    account.id
}

/// Ticks of token-refresh every sixteen minutes: whether the alarm rings after each.
async fn ticks(lab: &Lab) -> Vec<bool> {
    let clocks: [fn() -> Timestamp; 4] = [clock, ahead::<960>, ahead::<1920>, ahead::<2880>];
    let mut rang = Vec::new();
    for clock in clocks {
        let tally = lab.token_refresh(clock).tick(later(clock(), 300)).await.expect("a tick");
        assert_eq!((tally.refreshed, tally.failed), (0, 1), "{tally:?}");
        rang.push(rings("LateTokensAlarm", lab, clock()));
    }
    rang
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_that_fail_for_half_an_hour_ring_though_each_is_tried_in_time() {
    let (lab, _gate) = gated().await;
    let issuer = OddIssuer::start(Manner::Lenient).await;
    account(&lab, &issuer).await;
    drop(issuer);
    assert_eq!(ticks(&lab).await, [false, false, true, true], "the authorization server is away");

    let (lab, gate) = gated().await;
    let issuer = OddIssuer::start(Manner::Lenient).await;
    let id = account(&lab, &issuer).await;
    let throttled = json!({"__type": "ThrottlingException", "message": "Rate exceeded"}).to_string();
    gate.rule(Call::PUT, Act::RefuseWith(400, throttled));
    assert_eq!(ticks(&lab).await, [false, false, true, true], "the vault takes nothing");
    assert!(lab.unauthorised().await.is_empty());
    gate.open();
    let tally = lab.token_refresh(ahead::<3060>).tick(later(ahead::<3060>(), 300)).await.expect("a tick");
    assert_eq!((tally.refreshed, issuer.asked()), (1, 1), "{id}: what was issued is not lost: {tally:?}");
}

/// What an operator must mend rings at once, whatever it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_lacks_its_secret_rings_as_one_whose_registration_is_refused() {
    const ALARM: &str = "AppRegistrationAlarm";
    for (manner, lacks_secret, expected) in [
        (Manner::Lenient, true, true),
        (Manner::Refuses("invalid_client"), false, true),
        (Manner::Refuses("invalid_grant"), false, false),
        (Manner::Unavailable, false, false),
    ] {
        let (lab, issuer) = (Lab::new().await, OddIssuer::start(manner).await);
        let id = account(&lab, &issuer).await;
        let stored = lab.registry.account(&id).await.expect("an answer").expect("an account");
        if lacks_secret {
            assert!(lab.vault.delete_client_secret(&stored.provider).await.expect("an answer"));
        }
        let tally = lab.token_refresh(clock).tick(later(clock(), 300)).await.expect("a tick");
        assert_eq!(tally.failed, 1, "{manner:?}: {tally:?}");
        assert_eq!(rings(ALARM, &lab, clock()), expected, "{manner:?}");
        let incidents = lab.registry.incidents().await.expect("an answer");
        assert_eq!(!incidents.is_empty(), expected, "{manner:?}: it rings for what has an incident");
    }
}
