//! Who is mailed, and that nobody is mailed twice.

use crate::support::{Fixture, account, at, id, mailbox};
use expiry_check::{ExpiryCheck, Settings, Tally};
use jiff::SignedDuration;
use postroom_model::{Governs, Language, Owner, Recipient, Reminder, Stage};
use postroom_registry::DueSubject;

/// Authorised then, an account ends on 11 April at nine.
const AUTHORISED: &str = "2027-01-11T09:00:00Z";
const MONTH: &str = "2027-03-11T09:10:00Z";

#[tokio::test]
async fn each_is_told_once_at_each_stage() {
    let fixture = Fixture::new().await;
    fixture.authorised(&account("projects", &["Ann@contoso.com"]), AUTHORISED).await;
    for (name, owners) in
        [("bid", &["ann@contoso.com", "ben@contoso.com"][..]), ("site", &["BEN@contoso.com"])]
    {
        let mailbox = mailbox(name, "projects", owners);
        fixture.registry.put_mailbox(&mailbox, at(AUTHORISED)).await.expect("stored");
    }
    let german = Owner { address: "ben@contoso.com".into(), language: Some(Language::De) };
    fixture.registry.put_owner(&german).await.expect("stored");

    let early = fixture.run("2027-02-01T00:00:00Z").await;
    assert_eq!(early, Tally { due: 1, ..Tally::default() }, "looked at and moved on");
    assert_eq!(fixture.next_look("account:projects").await.as_deref(), Some("2027-03-11T09:00:00Z"));
    assert_eq!(fixture.run("2027-03-11T08:59:59Z").await, Tally::default());

    let month = fixture.run(MONTH).await;
    assert_eq!(month, Tally { due: 1, mails: 2, events: 1, ..Tally::default() });
    let soon = fixture.next_look("account:projects").await;
    assert_eq!(soon.as_deref(), Some("2027-03-11T10:05:00Z"), "whether the mails came back");
    let mails = fixture.mails().await;
    let lines: Vec<_> = mails.iter().map(|mail| (mail.to.as_str(), mail.subject.as_str())).collect();
    assert_eq!(
        lines,
        [
            ("ann@contoso.com", "Please authorise projects@contoso.com again by 11 April 2027"),
            ("ben@contoso.com", "Bitte autorisieren Sie projects@contoso.com bis zum 11. April 2027 erneut"),
        ]
    );
    for mail in &mails {
        assert!(mail.text.contains("https://post.example/link/"), "{}", mail.text);
        assert!(mail.text.contains("bid@contoso.com") && mail.text.contains("site@contoso.com"));
    }
    assert_ne!(mails[0].text, mails[1].text, "each has a link of its own");
    let told = ["month ann@contoso.com", "month ben@contoso.com", "month events"];
    assert_eq!(fixture.told("account:projects").await, told);
    let reminders = fixture.registry.reminders_of(&id("account:projects"), None).await.expect("lists");
    for mail in &mails {
        let recipient = Recipient::Person(mail.to.clone());
        let reminder = reminders.iter().find(|reminder| reminder.recipient == recipient).expect("a record");
        assert_eq!(reminder.message_id.as_ref(), Some(&mail.id));
        assert_eq!((reminder.governs, reminder.ends_at), (Governs::IdleLimit, at("2027-04-11T09:00:00Z")));
    }
    let events = fixture.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["detail-type"], "Postroom Expiry");
    assert_eq!((&events[0]["stage"], &events[0]["mailboxes"]), (&"month".into(), &2.into()));

    let second = fixture.run("2027-03-11T10:10:00Z").await;
    assert_eq!(second, Tally { due: 1, ..Tally::default() }, "a second run tells nobody");
    assert_eq!(fixture.next_look("account:projects").await.as_deref(), Some("2027-04-04T09:00:00Z"));
    fixture.registry.remind_now(&id("account:projects"), at(MONTH)).await.expect("brought forward");
    let again = fixture.run("2027-03-11T11:10:00Z").await;
    assert_eq!(again, Tally { due: 1, ..Tally::default() }, "nor one that looks again");
    assert_eq!(fixture.mails().await.len(), 2);

    let missed = fixture.run("2027-04-10T12:00:00Z").await;
    assert_eq!(missed.mails, 2, "what was missed is told as what it is now");
    let told = fixture.told("account:projects").await;
    assert_eq!(told[..3], ["day ann@contoso.com", "day ben@contoso.com", "day events"]);
    assert_eq!(told.len(), 6);
}

#[tokio::test]
async fn a_new_consent_begins_anew() {
    let fixture = Fixture::new().await;
    let projects = account("projects", &["ann@contoso.com"]);
    fixture.authorised(&projects, AUTHORISED).await;
    assert_eq!(fixture.run("2027-04-11T10:00:00Z").await.mails, 1);
    fixture.authorised(&projects, "2027-04-11T11:00:00Z").await;
    assert_eq!(fixture.run("2027-04-11T12:00:00Z").await.mails, 0, "there is time again");
    assert_eq!(fixture.next_look("account:projects").await.as_deref(), Some("2027-06-10T11:00:00Z"));
    assert_eq!(fixture.run("2027-06-10T11:00:00Z").await.mails, 1, "a month before the new end");
    assert_eq!(fixture.told("account:projects").await.len(), 4);
}

#[tokio::test]
async fn one_message_has_everything_of_a_persons() {
    let fixture = Fixture::new().await;
    for name in ["projects", "plans", "bids"] {
        fixture.authorised(&account(name, &["ann@contoso.com"]), AUTHORISED).await;
    }
    let tally = fixture.run(MONTH).await;
    assert_eq!(tally, Tally { due: 3, mails: 1, events: 3, ..Tally::default() });
    let mails = fixture.mails().await;
    assert_eq!(mails[0].subject, "3 things need you, the first by 11 April 2027");
    assert_eq!(mails[0].text.matches("https://post.example/link/").count(), 3);
}

#[tokio::test]
async fn whoever_was_told_before_a_crash_is_not_told_again() {
    let fixture = Fixture::new().await;
    fixture.authorised(&account("projects", &["ann@contoso.com", "ben@contoso.com"]), AUTHORISED).await;
    let reminder = Reminder {
        subject: id("account:projects"),
        ends_at: at("2027-04-11T09:00:00Z"),
        governs: Governs::IdleLimit,
        stage: Stage::Month,
        began_at: at("2027-03-11T09:00:00Z"),
        recipient: Recipient::Person("ann@contoso.com".into()),
        sent_at: at("2027-03-11T09:00:00Z"),
        message_id: Some("m".into()),
    };
    assert!(fixture.registry.record_reminder(&reminder).await.expect("recorded"));
    assert_eq!(fixture.run(MONTH).await.mails, 1);
    assert_eq!(fixture.mails().await[0].to, "ben@contoso.com");
}

#[tokio::test]
async fn what_is_brought_forward_during_a_run_stays_due() {
    let fixture = Fixture::new().await;
    fixture.authorised(&account("projects", &["ann@contoso.com"]), AUTHORISED).await;
    let due = fixture.registry.due_subjects(at(MONTH), 10).await.expect("lists");
    let seen: &DueSubject = &due[0];
    fixture.registry.remind_now(&seen.subject, at(MONTH)).await.expect("brought forward");
    assert!(!fixture.registry.set_reminder(seen, None).await.expect("answers"));
    assert_eq!(fixture.run(MONTH).await.mails, 1);
}

#[tokio::test]
async fn one_run_at_a_time() {
    let fixture = Fixture::new().await;
    fixture.authorised(&account("projects", &["ann@contoso.com"]), AUTHORISED).await;
    let now = postroom_lambda::now();
    let until = now + SignedDuration::from_mins(10);
    assert!(fixture.registry.claim_ephemeral("run", "expiry-check", until, now).await.expect("claims"));
    assert_eq!(fixture.run(MONTH).await, Tally { busy: true, ..Tally::default() });
    fixture.registry.take_ephemeral::<bool>("run", "expiry-check", now).await.expect("given back");
    assert_eq!(fixture.run(MONTH).await.mails, 1);
}

#[tokio::test]
async fn without_time_everything_stays_due() {
    let fixture = Fixture::new().await;
    fixture.authorised(&account("projects", &["ann@contoso.com"]), AUTHORISED).await;
    let deadline = postroom_lambda::now() + SignedDuration::from_secs(20);
    let tally = fixture.check.check(at(MONTH), deadline).await.expect("a run");
    assert_eq!(tally, Tally { due: 1, left: 1, late: 1, ..Tally::default() });
    assert_eq!(fixture.run(MONTH).await.mails, 1);
}

#[tokio::test]
async fn without_a_sender_machines_alone_are_told() {
    let fixture = Fixture::new().await;
    fixture.authorised(&account("projects", &["ann@contoso.com"]), AUTHORISED).await;
    let settings = Settings { sender: None, ..fixture.settings.clone() };
    let check = ExpiryCheck::new(settings, &fixture.aws, postroom_lambda::now);
    let deadline = postroom_lambda::now() + SignedDuration::from_mins(10);
    let tally = check.check(at(MONTH), deadline).await.expect("a run");
    assert_eq!(tally, Tally { due: 1, events: 1, ..Tally::default() });
    assert_eq!(fixture.told("account:projects").await, ["month events"]);
}
