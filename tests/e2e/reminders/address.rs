//! What becomes of mails, as SES tells it: bounces, complaints, deliveries.

use super::{
    Watch, at,
    cast::{MONTH, five},
    days, hours, later, to,
};
use jiff::Timestamp;
use postroom_model::{Rejection, Undeliverable};
use postroom_tests::{Lab, answer};
use serde_json::{Value, json};

/// The sample event of a kind, about a mail to `address`, at that moment.
pub(super) fn sample(kind: &str, address: &str, moment: Timestamp) -> Value {
    let path = format!("{}/../events/ses-{kind}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("a sample event");
    let mut event: Value = serde_json::from_str(&text).expect("JSON");
    let detail = &mut event["detail"];
    let moment = json!(moment.to_string());
    match kind {
        "bounce" => {
            let recipient = &mut detail["bounce"]["bouncedRecipients"][0];
            recipient["emailAddress"] = json!(address);
            recipient["diagnosticCode"] = json!(format!("smtp; 550 5.1.1 <{address}>: user unknown"));
        }
        "complaint" => detail["complaint"]["complainedRecipients"][0]["emailAddress"] = json!(address),
        "delivery" => detail["delivery"]["recipients"] = json!([address]),
        other => panic!("there is no sample of {other}"),
    }
    detail[kind]["timestamp"] = moment;
    detail["mail"]["destination"] = json!([address]);
    event
}

async fn known(lab: &Lab, name: &str) -> Option<Undeliverable> {
    let address = lab.person(name);
    let mut people = lab.registry.people(std::slice::from_ref(&address)).await.expect("an answer");
    people.remove(&address).expect("everybody who is asked for").undeliverable
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bounce_and_a_complaint_are_shown_and_the_operators_hear_of_each_once() {
    let lab = five().await;
    let mut watch = Watch::new(&lab);
    let month = at(MONTH);
    assert_eq!(watch.run(month).await.mails.len(), 5);
    let minute = later(month, 60);
    for (kind, name, because) in
        [("bounce", "anna", Rejection::Bounced), ("complaint", "bernd", Rejection::Complained)]
    {
        let event = sample(kind, &lab.person(name).to_uppercase(), minute);
        // EventBridge may deliver an event twice.
        for _ in 0..2 {
            answer(&watch.check, event.clone()).await.expect("heard");
        }
        let known = known(&lab, name).await.expect("on record");
        assert_eq!((known.because, known.since, known.seen_at), (because, minute, minute));
        assert!(!known.said.contains('@'), "{}", known.said);
    }
    assert!(known(&lab, "anna").await.expect("on record").said.contains("550 5.1.1"));
    let told = watch.run(hours(month, 1)).await;
    let [mail] = told.mails.as_slice() else { panic!("{:#?}", told.mails) };
    assert_eq!(mail.to, [lab.operators()]);
    for name in ["anna", "bernd"] {
        assert!(mail.body_text.contains(&lab.person(name)), "{}", mail.body_text);
    }
    for (hour, kind) in [(2, "bounce"), (30, "bounce"), (200, "complaint")] {
        let name = if kind == "bounce" { "anna" } else { "bernd" };
        let event = sample(kind, &lab.person(name), hours(month, hour));
        answer(&watch.check, event).await.expect("heard");
        let told = watch.run(hours(month, hour + 1)).await;
        assert!(to(&told.mails, &lab, "operators").is_empty(), "{hour}");
    }
    assert_eq!(known(&lab, "anna").await.expect("on record").since, minute);
    assert_eq!(known(&lab, "anna").await.expect("on record").seen_at, hours(month, 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_clears_an_address_and_an_older_one_does_not() {
    let lab = five().await;
    let mut watch = Watch::new(&lab);
    let month = at(MONTH);
    watch.run(month).await;
    let bounced = later(month, 600);
    answer(&watch.check, sample("bounce", &lab.person("anna"), bounced)).await.expect("heard");
    // The events come in any order.
    answer(&watch.check, sample("delivery", &lab.person("anna"), later(bounced, -300))).await.expect("heard");
    assert!(known(&lab, "anna").await.is_some(), "a delivery before the bounce says nothing");
    watch.run(hours(month, 1)).await;
    answer(&watch.check, sample("delivery", &lab.person("anna"), days(month, 5))).await.expect("heard");
    assert_eq!(known(&lab, "anna").await, None);
    answer(&watch.check, sample("delivery", &lab.person("nobody"), days(month, 5))).await.expect("heard");
    // What bounces after that is new, and told again.
    answer(&watch.check, sample("bounce", &lab.person("anna"), days(month, 6))).await.expect("heard");
    let told = watch.run(later(days(month, 6), 300)).await;
    assert_eq!(to(&told.mails, &lab, "operators").len(), 1);
}

/// An address that bounced is tried again at the next stage: only so it is seen to work again.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_whose_address_bounced_is_told_of_the_next_stage() {
    let lab = five().await;
    let mut watch = Watch::new(&lab);
    let month = at(MONTH);
    watch.run(month).await;
    answer(&watch.check, sample("bounce", &lab.person("anna"), later(month, 60))).await.expect("heard");
    watch.run(hours(month, 1)).await;
    let told = watch.run(days(month, 25)).await;
    assert_eq!(to(&told.mails, &lab, "anna").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_feedback_is_refused_without_repeating_it() {
    let lab = five().await;
    let check = lab.checker();
    let mut broken = sample("bounce", &lab.person("anna"), at(MONTH));
    broken["detail"]["bounce"]["bouncedRecipients"] = json!(lab.person("anna"));
    let error = answer(&check, broken).await.expect_err("it cannot be read");
    assert!(!error.contains('@'), "{error}");
    // The operators' own address may bounce too: nobody is left to tell, and nothing stays due for it.
    answer(&check, sample("bounce", &lab.operators(), at(MONTH))).await.expect("heard");
    let told = Watch::new(&lab).run(later(at(MONTH), 60)).await;
    assert_eq!(told.mails.len(), 5);
    let due = lab.registry.due_subjects(later(at(MONTH), 120), 10).await.expect("an answer");
    assert!(due.is_empty(), "{due:?}");
}

/// Where no owner's address takes mail, somebody else is told as well, for as long as that lasts.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_told_in_place_of_owners_who_cannot_be_reached() {
    let lab = five().await;
    let mut deployment = lab.deployment();
    deployment.insert("FALLBACK_ADDRESS".to_owned(), lab.person("desk"));
    let mut watch = Watch::of(&lab, lab.checker_of(&deployment));
    let month = at(MONTH);
    assert!(to(&watch.run(month).await.mails, &lab, "desk").is_empty());
    answer(&watch.check, sample("bounce", &lab.person("anna"), later(month, 60))).await.expect("heard");
    let week = watch.run(days(month, 25)).await;
    let desk = to(&week.mails, &lab, "desk");
    let [mail] = desk.as_slice() else { panic!("{:#?}", week.mails) };
    // The shared account has four other owners.
    assert!(mail.body_text.contains("own-anna") && !mail.body_text.contains("shared"), "{}", mail.body_text);
    answer(&watch.check, sample("delivery", &lab.person("anna"), days(month, 26))).await.expect("heard");
    let day = watch.run(days(month, 31)).await;
    assert!(to(&day.mails, &lab, "desk").is_empty());
    assert_eq!(to(&day.mails, &lab, "anna").len(), 1);
}
