//! What is wrong is reported, and everybody else is told all the same.

use crate::support::{EARLY, Fixture, account, at, id, provider};
use aws_sdk_dynamodb::types::AttributeValue;
use expiry_check::{Error, Tally};
use jiff::SignedDuration;
use postroom_model::{Account, Provider};

const AUTHORISED: &str = "2027-01-11T09:00:00Z";
const MONTH: &str = "2027-03-11T09:10:00Z";

#[tokio::test]
async fn what_cannot_be_read_stops_nobody_elses_mail() {
    let fixture = Fixture::new().await;
    let lost = Account { provider: id("nowhere"), ..account("lost", &["ann@contoso.com"]) };
    fixture.authorised(&lost, AUTHORISED).await;
    fixture.authorised(&account("broken", &["ann@contoso.com"]), AUTHORISED).await;
    let nonsense = AttributeValue::S("soon".into());
    fixture.set("ACCOUNT#broken", "STATUS", "obtained_at", nonsense).await;
    // A status alone, as a late writer may leave it.
    fixture.set("ACCOUNT#gone", "STATUS", "remind", AttributeValue::S("account".into())).await;
    fixture.set("ACCOUNT#gone", "STATUS", "remind_at", AttributeValue::N("1".into())).await;
    fixture.authorised(&account("projects", &["ann@contoso.com"]), AUTHORISED).await;

    let tally = fixture.run(MONTH).await;
    assert_eq!(tally, Tally { due: 4, mails: 1, events: 1, failed: 2, left: 2, ..Tally::default() });
    assert!(fixture.mails().await[0].subject.contains("projects@contoso.com"));

    assert_eq!(fixture.next_look("account:gone").await, None);
    for unread in ["account:lost", "account:broken"] {
        let next = fixture.next_look(unread).await;
        assert_eq!(next.as_deref(), Some("2027-03-11T10:05:00Z"), "{unread} makes room for others");
    }

    // Once it is mended, it is told.
    fixture
        .registry
        .put_provider(&Provider { id: id("nowhere"), ..provider("x") }, at(EARLY))
        .await
        .expect("stored");
    let tally = fixture.run("2027-03-11T10:10:00Z").await;
    assert_eq!((tally.due, tally.mails, tally.failed), (3, 1, 1), "and whether a mail came back");
}

#[tokio::test]
async fn an_owner_who_is_no_address_is_reported_and_the_others_are_mailed() {
    let fixture = Fixture::new().await;
    let owners = ["ann@contoso.com", "Ben <ben@contoso.com>", "events", "  "];
    fixture.authorised(&account("projects", &owners), AUTHORISED).await;
    let tally = fixture.run(MONTH).await;
    assert_eq!(tally, Tally { due: 1, mails: 1, events: 1, ..Tally::default() });
    assert_eq!(fixture.told("account:projects").await, ["month ann@contoso.com", "month events"]);

    let tally = fixture.run("2027-03-11T10:10:00Z").await;
    assert_eq!((tally.due, tally.mails), (3, 1), "the operators hear of both in one mail");
    let mails = fixture.mails().await;
    let mail = mails.iter().find(|mail| mail.to == "ops@contoso.com").expect("a mail");
    assert!(
        mail.text.contains("ben <ben@contoso.com>") && mail.text.contains("events: not a"),
        "{}",
        mail.text
    );
    fixture.run("2027-03-11T11:10:00Z").await;
    assert_eq!(fixture.run("2027-03-12T10:10:00Z").await, Tally::default());
}

#[tokio::test]
async fn a_name_with_line_breaks_makes_one_subject_line() {
    let fixture = Fixture::new().await;
    let login = Some("<script>\r\nBcc: eve@example.com".to_owned());
    fixture.authorised(&Account { login, ..account("projects", &["ann@contoso.com"]) }, AUTHORISED).await;
    assert_eq!(fixture.run(MONTH).await.mails, 1);
    let mails = fixture.mails().await;
    assert_eq!(mails.len(), 1);
    let subject = "Please authorise <script> Bcc: eve@example.com again by 11 April 2027";
    assert_eq!(mails[0].subject, subject);
}

#[tokio::test]
async fn a_date_that_is_none_is_an_error() {
    let fixture = Fixture::new().await;
    let deadline = postroom_lambda::now() + SignedDuration::from_mins(1);
    let answer = fixture.check.answer(serde_json::json!({ "at": "soon" }), deadline).await;
    assert!(matches!(answer, Err(Error::Trigger(_))), "{answer:?}");
}
