//! What SES tells of mails.

use crate::support::{Fixture, account, at, id};
use expiry_check::{Answer, Heard, Tally};
use jiff::SignedDuration;
use postroom_model::{Governs, Recipient, Rejection, Reminder, Stage};
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
    json!({ "eventType": "Bounce", "mail": { "timestamp": at, "destination": [address] }, "bounce": {
        "bounceType": "Permanent", "timestamp": at,
        "bouncedRecipients": [{ "emailAddress": "?", "diagnosticCode": "550 5.1.1 user unknown" }],
    }})
}

fn delivery(address: &str, at: &str) -> Value {
    let delivery = json!({ "timestamp": at, "recipients": ["?"] });
    let mail = json!({ "timestamp": at, "destination": [address] });
    json!({ "eventType": "Delivery", "mail": mail, "delivery": delivery })
}

#[tokio::test]
async fn operators_hear_of_an_address_once_and_stand_in_until_it_takes_mail() {
    let fixture = Fixture::new().await;
    let fresh = Heard { undeliverable: 1, ..Heard::default() };
    assert_eq!(tell(&fixture, bounce("Ben@Contoso.com", "2027-03-01T09:00:00.000Z")).await, fresh);
    let again = tell(&fixture, bounce("ben@contoso.com", "2027-03-01T09:05:00.000Z")).await;
    assert_eq!(again, Heard::default(), "it is known");

    let tally = fixture.run("2027-03-01T09:10:00Z").await;
    assert_eq!(tally, Tally { due: 1, mails: 1, ..Tally::default() }, "and machines hear of no address");
    let mails = fixture.mails().await;
    assert_eq!(mails[0].to, "ops@contoso.com");
    assert!(mails[0].subject.contains("ben@contoso.com") && mails[0].text.contains("550 5.1.1"));
    assert!(!mails[0].text.contains("user unknown"), "nothing that others write");
    let look = fixture.run("2027-03-01T10:10:00Z").await;
    assert_eq!(look, Tally { due: 1, ..Tally::default() }, "the operators' mail arrived");
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
    assert_eq!(tell(&fixture, taken).await, Heard { cleared: 1, ..Heard::default() });
    assert_eq!(fixture.undeliverables().await, []);
    assert_eq!(fixture.run("2027-04-04T10:00:00Z").await.mails, 1, "the owner alone");
}

#[tokio::test]
async fn a_complaint_is_on_record() {
    let fixture = Fixture::new().await;
    let complaint = json!({
        "eventType": "Complaint",
        "mail": { "timestamp": "2027-03-01T09:00:00.000Z", "destination": ["ann@contoso.com"] },
        "complaint": { "complainedRecipients": [{ "emailAddress": "eve@contoso.com" }] },
    });
    assert_eq!(tell(&fixture, complaint).await.undeliverable, 1);
    let known = fixture.undeliverables().await;
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

/// What SES took may come back: whoever was mailed counts as told only when it has not.
#[tokio::test]
async fn somebody_stands_in_for_an_owner_whose_mail_came_back() {
    let fixture = Fixture::new().await;
    fixture.authorised(&account("projects", &["ben@contoso.com"]), "2027-01-11T09:00:00Z").await;
    assert_eq!(fixture.run("2027-03-11T09:10:00Z").await.mails, 1);
    tell(&fixture, bounce("ben@contoso.com", "2027-03-11T09:11:00.000Z")).await;

    assert_eq!(fixture.run("2027-03-11T10:10:00Z").await.mails, 2, "of the account, and of the address");
    let instead = ["month ben@contoso.com", "month events", "month it@contoso.com"];
    assert_eq!(fixture.told("account:projects").await, instead);
    let mails = fixture.mails().await;
    let mail = mails.iter().find(|mail| mail.to == "it@contoso.com").expect("a mail");
    assert!(mail.text.contains("projects@contoso.com") && mail.text.contains("does not arrive"));

    // The fall-back's comes back as well.
    tell(&fixture, bounce("it@contoso.com", "2027-03-11T10:11:00.000Z")).await;
    fixture.run("2027-03-11T11:10:00Z").await;
    assert_eq!(fixture.told("account:projects").await.len(), 4, "the operators");
    for hour in 12..16 {
        assert_eq!(fixture.run(&format!("2027-03-11T{hour}:10:00Z")).await.mails, 0, "once");
    }
    assert_eq!(fixture.next_look("account:projects").await.as_deref(), Some("2027-04-04T09:00:00Z"));
}

#[tokio::test]
async fn somebody_stands_in_for_an_owner_whom_ses_refused() {
    let fixture = Fixture::new().await;
    fixture.authorised(&account("projects", &["ben@contoso.com"]), "2027-01-11T09:00:00Z").await;
    // As a run leaves it that was stopped after SES had refused the address.
    let (now, said) = (at("2027-03-11T09:10:00Z"), "Email address is not verified");
    let refused = Rejection::Refused;
    fixture.registry.record_undeliverable("ben@contoso.com", refused, said, now).await.expect("noted");
    let reminder = Reminder {
        subject: id("account:projects"),
        ends_at: at("2027-04-11T09:00:00Z"),
        governs: Governs::IdleLimit,
        stage: Stage::Month,
        began_at: at("2027-03-11T09:00:00Z"),
        recipient: Recipient::Person("ben@contoso.com".into()),
        sent_at: now,
        message_id: None,
    };
    fixture.registry.record_reminder(&reminder).await.expect("recorded");
    fixture.run("2027-03-11T10:10:00Z").await;
    let instead = ["month ben@contoso.com", "month events", "month it@contoso.com"];
    assert_eq!(fixture.told("account:projects").await, instead);
}

#[tokio::test]
async fn machines_hear_of_operators_whom_no_mail_reaches() {
    let fixture = Fixture::new().await;
    tell(&fixture, bounce("ops@contoso.com", "2027-03-01T09:00:00.000Z")).await;
    let tally = fixture.run("2027-03-01T09:10:00Z").await;
    assert_eq!((tally.mails, tally.events), (0, 1));
    let events = fixture.events().await;
    let [opened] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((&opened["state"], &opened["subject"]["kind"]), (&json!("opened"), &json!("address")));
    assert_eq!(opened["since"], "2027-03-01T09:00:00Z");
    assert!(!opened.to_string().contains("ops@"), "{opened}");
    assert_eq!(fixture.run("2027-03-01T10:10:00Z").await.events, 0, "once");

    tell(&fixture, delivery("ops@contoso.com", "2027-03-02T09:00:00.000Z")).await;
    assert_eq!(fixture.run("2027-03-02T09:10:00Z").await.events, 1);
    let events = fixture.events().await;
    assert_eq!((&events[0]["state"], &events[0]["subject"]), (&json!("closed"), &opened["subject"]));
    assert_eq!(fixture.run("2027-03-02T10:10:00Z").await.events, 0);
}

#[tokio::test]
async fn a_mail_that_ses_took_and_did_not_send_is_counted() {
    let fixture = Fixture::new().await;
    let mail = json!({ "timestamp": "2027-03-01T09:00:00.000Z", "destination": ["ann@contoso.com"] });
    let reject = json!({ "eventType": "Reject", "mail": mail, "reject": { "reason": "Bad content" } });
    assert_eq!(tell(&fixture, reject).await, Heard { rejected: 1, ..Heard::default() });
    assert_eq!(fixture.undeliverables().await, [], "the address is as good as it was");
}
