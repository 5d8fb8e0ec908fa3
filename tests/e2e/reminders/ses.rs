//! SES and EventBridge as they fail: what cannot be told now is told by the next run, and nothing twice.

use super::{
    Watch, assert_on_record, at,
    cast::{MONTH, PEOPLE, five, received},
    hours, on_record, to,
};
use postroom_model::Recipient;
use postroom_tests::{Act, Call, Gate, Lab, Request, answer_within, run_at};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Everybody has one mail.
fn each_once(lab: &Lab) -> BTreeMap<String, usize> {
    PEOPLE.map(|name| (lab.person(name), 1)).into()
}

/// Whether a mail goes to an address, rather than telling of it.
pub(super) fn goes_to(request: &Request, address: &str) -> bool {
    let request: Value = serde_json::from_str(&request.text()).unwrap_or_default();
    request["Destination"]["ToAddresses"] == json!([address])
}

/// A script that does this to the first so many mails to a person.
fn to_person(
    lab: &Lab,
    name: &str,
    times: usize,
    act: &Act,
) -> impl FnMut(&Request) -> Option<Act> + Send + 'static {
    let (address, act, mut left) = (lab.person(name), act.clone(), times);
    move |request| {
        let meant = left > 0 && Call::MAIL.is(request) && goes_to(request, &address);
        left -= usize::from(meant);
        meant.then(|| act.clone())
    }
}

/// What SES says of its account.
fn quota(left: f64, a_second: f64, enabled: bool) -> Act {
    let sent = 50_000.0 - left;
    Act::Answer(
        json!({
            "ProductionAccessEnabled": true, "SendingEnabled": enabled, "EnforcementStatus": "HEALTHY",
            "SendQuota": {"Max24HourSend": 50_000.0, "MaxSendRate": a_second, "SentLast24Hours": sent},
        })
        .to_string(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_throttled_is_sent_in_the_same_run_and_holds_up_nobody() {
    let lab = five().await;
    let gate = Gate::start().await;
    let throttled = Act::Refuse(429, "TooManyRequestsException");
    gate.script(to_person(&lab, "carla", 4, &throttled));
    run_at(&lab.checker_behind(&gate).await, at(MONTH)).await;
    assert_eq!(received(&lab).await, each_once(&lab));
    let asked = gate.came()["POST /v2/email/outbound-emails"];
    assert_eq!(asked, 5 + 4);
    assert_on_record(&lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_throttled_for_ever_waits_for_the_next_run_alone() {
    let lab = five().await;
    let gate = Gate::start().await;
    gate.script(to_person(&lab, "carla", usize::MAX, &Act::Refuse(429, "TooManyRequestsException")));
    let started = Instant::now();
    run_at(&lab.checker_behind(&gate).await, at(MONTH)).await;
    assert!(started.elapsed() < Duration::from_secs(100), "{:?}", started.elapsed());
    let mut others = each_once(&lab);
    others.remove(&lab.person("carla"));
    assert_eq!(received(&lab).await, others);
    assert_eq!(lab.events().await.len(), 6, "machines hear of everything");
    run_at(&lab.checker(), hours(at(MONTH), 1)).await;
    assert_eq!(received(&lab).await, each_once(&lab));
    assert_eq!(lab.events().await.len(), 6);
    assert_on_record(&lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_daily_quota_leaves_over_is_sent_by_the_next_run() {
    let lab = five().await;
    let gate = Gate::start().await;
    let mut sent = 0;
    gate.script(move |request| {
        sent += usize::from(Call::MAIL.is(request));
        let used_up = json!({"__type": "LimitExceededException", "message": "Daily message quota exceeded"});
        (Call::MAIL.is(request) && sent > 2).then(|| Act::RefuseWith(400, used_up.to_string()))
    });
    let check = lab.checker_behind(&gate).await;
    let answer = run_at(&check, at(MONTH)).await;
    let first = received(&lab).await;
    assert_eq!(first.len(), 2, "{first:?}");
    assert_ne!(answer["left"], 0, "{answer}");
    assert_eq!(answer["late"], 0, "there was time: {answer}");
    assert_eq!(lab.events().await.len(), 6, "machines hear of everything");
    let asked = gate.came()["POST /v2/email/outbound-emails"];
    // The SDK tries each three times that was under way when the quota ended.
    assert!(asked <= 2 + 3 * 3, "SES is not asked on and on: {asked}");
    gate.open();
    run_at(&check, hours(at(MONTH), 1)).await;
    assert_eq!(received(&lab).await, each_once(&lab));
    assert_eq!(lab.events().await.len(), 6);
    assert_on_record(&lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_is_too_small_is_used_up_and_not_tried_beyond() {
    let lab = five().await;
    let gate = Gate::start().await;
    gate.rule(Call::QUOTA, quota(2.0, 14.0, true));
    let check = lab.checker_behind(&gate).await;
    for (hour, count) in [(0, 2), (1, 4), (2, 5), (3, 5)] {
        run_at(&check, hours(at(MONTH), hour)).await;
        assert_eq!(received(&lab).await.len(), count, "after {hour} hours");
    }
    assert_eq!(received(&lab).await, each_once(&lab));
    assert_eq!(gate.came()["POST /v2/email/outbound-emails"], 5);
    assert_on_record(&lab).await;
}

/// A function is stopped at its deadline; nothing is begun half a minute before.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_time_ends_in_order_and_the_next_one_goes_on() {
    let lab = five().await;
    let gate = Gate::start().await;
    // A mail every five seconds, and fifteen seconds for all of them.
    gate.rule(Call::QUOTA, quota(50_000.0, 0.2, true));
    let check = lab.checker_behind(&gate).await;
    let event = json!({"at": MONTH});
    let started = Instant::now();
    let first = answer_within(&check, event.clone(), 45).await.expect("a run");
    assert!(
        started.elapsed() < Duration::from_secs(45),
        "it would have been stopped: {:?}",
        started.elapsed()
    );
    let sent = received(&lab).await.len();
    assert!((1..=4).contains(&sent), "{sent}");
    assert_ne!(first["left"], 0, "{first}");
    assert_eq!(first["late"], first["left"], "{first}");
    let none = answer_within(&check, event, 20).await.expect("a run");
    assert_eq!((received(&lab).await.len(), &none["mails"]), (sent, &json!(0)), "{none}");
    gate.open();
    run_at(&check, hours(at(MONTH), 1)).await;
    assert_eq!(received(&lab).await, each_once(&lab));
    assert_on_record(&lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_may_be_sent_nothing_is_tried_and_nothing_lost() {
    let paused = Act::Refuse(400, "SendingPausedException");
    let suspended = Act::Refuse(400, "AccountSuspendedException");
    for (what, call, act) in [
        ("no quota is left", Call::QUOTA, quota(0.0, 14.0, true)),
        ("sending is disabled", Call::QUOTA, quota(50_000.0, 14.0, false)),
        ("sending is paused", Call::MAIL, paused),
        ("the account is suspended", Call::MAIL, suspended),
        ("the rights are missing", Call::MAIL, Act::Refuse(403, "AccessDeniedException")),
        ("the key of links cannot be read", Call::SECRET, Act::Refuse(400, "AccessDeniedException")),
        ("the quota is not known", Call::QUOTA, Act::Refuse(500, "InternalServiceErrorException")),
    ] {
        let lab = five().await;
        let gate = Gate::start().await;
        gate.rule(call, act);
        let check = lab.checker_behind(&gate).await;
        run_at(&check, at(MONTH)).await;
        assert!(received(&lab).await.is_empty(), "{what}");
        let asked = gate.came().get("POST /v2/email/outbound-emails").copied().unwrap_or_default();
        assert!(asked <= 3, "{what}: SES is not asked on and on: {asked}");
        assert_eq!(lab.events().await.len(), 6, "{what}: machines hear of everything");
        gate.open();
        run_at(&check, hours(at(MONTH), 1)).await;
        assert_eq!(received(&lab).await, each_once(&lab), "{what}");
        assert_eq!(lab.events().await.len(), 6, "{what}");
        assert_on_record(&lab).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_that_is_rejected_stops_nobody_and_the_operators_hear_of_it_once() {
    let lab = five().await;
    let gate = Gate::start().await;
    let carla = lab.person("carla");
    let message = format!("Illegal address: {carla}");
    let rejected = json!({"__type": "BadRequestException", "message": message}).to_string();
    gate.script(to_person(&lab, "carla", usize::MAX, &Act::RefuseWith(400, rejected)));
    let mut watch = Watch::of(&lab, lab.checker_behind(&gate).await);
    let mut mails = Vec::new();
    for hour in 0..5 {
        mails.extend(watch.run(hours(at(MONTH), hour)).await.mails);
    }
    for name in PEOPLE {
        assert_eq!(to(&mails, &lab, name).len(), usize::from(name != "carla"), "{name}");
    }
    let operators = to(&mails, &lab, "operators");
    assert_eq!(operators.len(), 1, "{operators:#?}");
    assert!(operators[0].body_text.contains(&carla), "{}", operators[0].body_text);
    let known = lab.registry.undeliverables(None, 100).await.expect("an answer").items;
    assert_eq!(known.len(), 1);
    assert_eq!(
        (known[0].address.as_str(), known[0].because),
        (carla.as_str(), postroom_model::Rejection::Refused)
    );
    assert!(!known[0].said.contains('@'), "{}", known[0].said);
    let of_carla: Vec<_> = on_record(&lab)
        .await
        .into_iter()
        .filter(|r| r.recipient == Recipient::Person(carla.clone()))
        .collect();
    assert_eq!(of_carla.len(), 2);
    assert!(of_carla.iter().all(|reminder| reminder.message_id.is_none()), "{of_carla:?}");
}

/// In SES's sandbox only verified addresses get mail. Nobody was told who was not reached, however often it was
/// tried: once the account has left the sandbox, they are.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_reached_in_the_sandbox_is_told_when_it_has_ended() {
    let lab = five().await;
    let gate = Gate::start().await;
    let carla = lab.person("carla");
    let message =
        format!("Email address is not verified. The following identities failed the check: {carla}");
    let unverified = json!({"__type": "MessageRejected", "message": message}).to_string();
    gate.script(to_person(&lab, "carla", usize::MAX, &Act::RefuseWith(400, unverified)));
    let mut watch = Watch::of(&lab, lab.checker_behind(&gate).await);
    let mut mails = Vec::new();
    for hour in 0..5 {
        mails.extend(watch.run(hours(at(MONTH), hour)).await.mails);
    }
    for name in PEOPLE {
        assert_eq!(to(&mails, &lab, name).len(), usize::from(name != "carla"), "{name}");
    }
    let operators = to(&mails, &lab, "operators");
    assert_eq!(operators.len(), 1, "{operators:#?}");
    assert!(operators[0].body_text.contains(&carla), "{}", operators[0].body_text);
    let is_carlas = |r: &postroom_model::Reminder| r.recipient == Recipient::Person(carla.clone());
    assert!(!on_record(&lab).await.iter().any(is_carlas));

    gate.open();
    let told = watch.run(hours(at(MONTH), 5)).await.mails;
    assert_eq!((told.len(), to(&told, &lab, "carla").len()), (1, 1), "{told:#?}");
    assert_eq!(on_record(&lab).await.into_iter().filter(is_carlas).count(), 2);
    assert!(watch.run(hours(at(MONTH), 6)).await.mails.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ses_that_is_unwell_for_one_mail_or_for_all_is_asked_again_by_the_next_run() {
    for (name, all) in [("dora", false), ("@", true)] {
        let lab = five().await;
        let gate = Gate::start().await;
        let unwell = Act::Refuse(500, "InternalServiceErrorException");
        if all {
            gate.rule(Call::MAIL, unwell);
        } else {
            gate.script(to_person(&lab, name, usize::MAX, &unwell));
        }
        let check = lab.checker_behind(&gate).await;
        run_at(&check, at(MONTH)).await;
        let first = received(&lab).await;
        assert_eq!(first.len(), if all { 0 } else { 4 }, "{first:?}");
        gate.open();
        run_at(&check, hours(at(MONTH), 1)).await;
        assert_eq!(received(&lab).await, each_once(&lab));
        assert_eq!(lab.events().await.len(), 6);
        assert_on_record(&lab).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ses_that_is_slow_is_waited_for() {
    let lab = five().await;
    let gate = Gate::start().await;
    gate.script(to_person(&lab, "anna", 1, &Act::Delay(Duration::from_secs(4))));
    run_at(&lab.checker_behind(&gate).await, at(MONTH)).await;
    assert_eq!(received(&lab).await, each_once(&lab));
    assert_on_record(&lab).await;
}

/// Nobody can know whether it was taken: one mail comes twice, and only that one.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_after_ses_took_a_mail_repeats_that_mail_alone() {
    let lab = five().await;
    let gate = Gate::start().await;
    gate.script(to_person(&lab, "emil", 1, &Act::Cut));
    let check = lab.checker_behind(&gate).await;
    for hour in 0..3 {
        run_at(&check, hours(at(MONTH), hour)).await;
    }
    let mut expected = each_once(&lab);
    expected.insert(lab.person("emil"), 2);
    assert_eq!(received(&lab).await, expected);
    assert_eq!(on_record(&lab).await.len(), 10 + 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_not_taken_is_put_by_the_next_run_alone() {
    let lab = five().await;
    let gate = Gate::start().await;
    gate.script(|request| {
        let mut put: Value = serde_json::from_str(&request.text()).unwrap_or_default();
        if !Call::EVENTS.is(request) {
            return None;
        }
        // The bus of another account: EventBridge refuses that entry and takes the others.
        let entries = put["Entries"].as_array_mut().expect("entries");
        for entry in entries.iter_mut().filter(|entry| entry["Detail"].to_string().contains("own-anna")) {
            entry["EventBusName"] = "arn:aws:events:eu-central-1:999999999999:event-bus/other".into();
        }
        Some(Act::Instead(put.to_string()))
    });
    let check = lab.checker_behind(&gate).await;
    run_at(&check, at(MONTH)).await;
    assert_eq!(received(&lab).await, each_once(&lab), "people are told whatever machines are");
    assert_eq!(lab.events().await.len(), 5);
    gate.rule(Call::EVENTS, Act::Refuse(500, "InternalException"));
    run_at(&check, hours(at(MONTH), 1)).await;
    assert_eq!(lab.events().await.len(), 5);
    gate.open();
    run_at(&check, hours(at(MONTH), 2)).await;
    run_at(&check, hours(at(MONTH), 3)).await;
    let events = lab.events().await;
    assert_eq!(events.len(), 6);
    assert_eq!(events[5]["detail"]["subject"]["id"], "own-anna");
    assert_eq!(received(&lab).await, each_once(&lab), "nobody is mailed again");
}

/// The table fails for a while: nothing is told twice for that.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_fails_after_the_mails_were_taken_repeats_as_few_as_can_be() {
    let lab = five().await;
    let gate = Gate::start().await;
    let mut failed = 0;
    gate.script(move |request| {
        let meant = Call::RECORD_REMINDER.is(request) && failed < 2;
        failed += usize::from(meant);
        meant.then_some(Act::Refuse(500, "InternalServerError"))
    });
    let check = lab.checker_behind(&gate).await;
    run_at(&check, at(MONTH)).await;
    run_at(&check, hours(at(MONTH), 1)).await;
    assert_eq!(received(&lab).await, each_once(&lab), "a write that fails once is made again");
    assert_on_record(&lab).await;
}
