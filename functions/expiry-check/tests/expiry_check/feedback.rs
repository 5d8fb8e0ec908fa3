//! What SES tells of mails.

use crate::support::{Fixture, account, at, id};
use expiry_check::{Answer, Heard, Tally};
use jiff::SignedDuration;
use postroom_model::Rejection;
use serde_json::{Value, json};

async fn tell(fixture: &Fixture, detail: Value) -> Heard {
    let event = json!({ "source": "aws.ses", "detail-type": "Email", "detail": detail });
    let deadline = postroom_lambda::now() + SignedDuration::from_mins(1);
    match fixture.check.answer(event, deadline).await.expect("an answer") {
        Answer::Feedback(heard) => heard,
        Answer::Run(tally) => panic!("a run: {tally:?}"),
    }
}

fn bounce(address: &str, at: &str) -> Value {
    json!({ "eventType": "Bounce", "mail": { "timestamp": at }, "bounce": {
        "bounceType": "Permanent", "timestamp": at,
        "bouncedRecipients": [{ "emailAddress": address, "diagnosticCode": "550 5.1.1 user unknown" }],
    }})
}

fn delivery(address: &str, at: &str) -> Value {
    let delivery = json!({ "timestamp": at, "recipients": [address] });
    json!({ "eventType": "Delivery", "mail": { "timestamp": at }, "delivery": delivery })
}

#[tokio::test]
async fn operators_hear_of_an_address_once_and_stand_in_until_it_takes_mail() {
    let fixture = Fixture::new().await;
    let fresh = Heard { undeliverable: 1, cleared: 0 };
    assert_eq!(tell(&fixture, bounce("Ben@Contoso.com", "2027-03-01T09:00:00.000Z")).await, fresh);
    let again = tell(&fixture, bounce("ben@contoso.com", "2027-03-01T09:05:00.000Z")).await;
    assert_eq!(again, Heard::default(), "it is known");

    let tally = fixture.run("2027-03-01T09:10:00Z").await;
    assert_eq!(tally, Tally { due: 1, mails: 1, ..Tally::default() }, "and machines hear of no address");
    let mails = fixture.mails().await;
    assert_eq!(mails[0].to, "ops@contoso.com");
    assert!(mails[0].subject.contains("ben@contoso.com") && mails[0].text.contains("user unknown"));
    assert_eq!(fixture.run("2027-04-01T09:10:00Z").await, Tally::default(), "said once");

    fixture.authorised(&account("projects", &["ben@contoso.com"]), "2027-01-11T09:00:00Z").await;
    assert_eq!(fixture.run("2027-04-01T10:00:00Z").await.mails, 2, "the owner, and somebody in his place");
    assert_eq!(
        fixture.told("account:projects").await,
        ["month ben@contoso.com", "month events", "month it@contoso.com"]
    );

    let late = delivery("ben@contoso.com", "2027-03-01T09:04:00.000Z");
    assert_eq!(tell(&fixture, late).await, Heard::default(), "an event from before the bounce");
    let taken = delivery("ben@contoso.com", "2027-04-01T10:00:05.000Z");
    assert_eq!(tell(&fixture, taken).await, Heard { undeliverable: 0, cleared: 1 });
    assert_eq!(fixture.registry.undeliverables().await.expect("lists"), []);
    assert_eq!(fixture.run("2027-04-04T10:00:00Z").await.mails, 1, "the owner alone");
}

#[tokio::test]
async fn a_complaint_is_on_record() {
    let fixture = Fixture::new().await;
    let complaint = json!({
        "eventType": "Complaint", "mail": { "timestamp": "2027-03-01T09:00:00.000Z" },
        "complaint": { "complainedRecipients": [{ "emailAddress": "ann@contoso.com" }] },
    });
    assert_eq!(tell(&fixture, complaint).await.undeliverable, 1);
    let known = fixture.registry.undeliverables().await.expect("lists");
    assert_eq!((known[0].because, known[0].since), (Rejection::Complained, at("2027-03-01T09:00:00Z")));
    assert_eq!(fixture.next_look("address:ann@contoso.com").await.as_deref(), Some("2027-03-01T09:00:00Z"));
    assert!(
        fixture
            .registry
            .remind_now(&id("address:ann@contoso.com"), at("2027-03-02T00:00:00Z"))
            .await
            .expect("moves")
    );
}
