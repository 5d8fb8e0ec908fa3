//! Incidents, of which machines hear when they begin and when they are over.

use crate::support::{Fixture, account, at, id, mailbox};
use expiry_check::Tally;
use postroom_model::{Auth, Batch, Failure, Fault, FaultClass, Mailbox, ProviderId};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const BEGAN: &str = "2027-04-11T09:00:00Z";

fn states(events: &[Value]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    events.iter().map(|event| (text(&event["subject"]["kind"]), text(&event["state"]))).collect()
}

fn state(kind: &str, state: &str) -> (String, String) {
    (kind.to_owned(), state.to_owned())
}

#[tokio::test]
async fn a_providers_incident_opens_goes_on_and_closes() {
    let fixture = Fixture::new().await;
    let provider: ProviderId = id("contoso");
    let fault = Fault::new(FaultClass::AppRegistration, "AADSTS7000222: expired <b>now</b>");
    let registry = &fixture.registry;
    registry.open_incident(&provider, &id("projects"), &fault, at(BEGAN)).await.expect("opens");

    let tally = fixture.run("2027-04-11T09:20:00Z").await;
    assert_eq!(tally, Tally { due: 1, mails: 1, events: 1, ..Tally::default() });
    let mails = fixture.mails().await;
    assert_eq!(mails[0].to, "ops@contoso.com");
    assert_eq!(mails[0].subject, "App registration contoso refused since 11 April 2027");
    let events = fixture.events().await;
    assert_eq!(states(&events), [state("incident", "opened")]);
    assert_eq!(events[0]["class"], "app_registration");
    assert!(!events[0].to_string().contains("AADSTS"), "nothing that a server said");

    registry.open_incident(&provider, &id("plans"), &fault, at("2027-04-11T10:00:00Z")).await.expect("notes");
    assert_eq!(fixture.run("2027-04-11T10:20:00Z").await, Tally { due: 1, ..Tally::default() });
    assert_eq!(fixture.run("2027-04-12T00:00:00Z").await, Tally::default());
    assert_eq!(fixture.run("2027-04-18T09:20:00Z").await.mails, 1, "it is said again after a week");
    assert_eq!(states(&fixture.events().await), [state("incident", "open")]);

    registry.close_incident(&provider, at("2027-04-19T00:00:00Z")).await.expect("closes");
    assert_eq!(
        fixture.run("2027-04-19T00:20:00Z").await,
        Tally { due: 1, events: 1, ..Tally::default() },
        "nobody is mailed"
    );
    assert_eq!(states(&fixture.events().await), [state("incident", "closed")]);
    assert_eq!(registry.incident(&provider).await.expect("reads"), None);
    assert_eq!(fixture.run("2027-04-19T01:20:00Z").await, Tally::default());
}

#[tokio::test]
async fn an_incident_that_begins_again_while_its_end_is_told_is_told_anew() {
    let fixture = Fixture::new().await;
    let provider: ProviderId = id("contoso");
    let fault = Fault::new(FaultClass::AppRegistration, "expired");
    let registry = &fixture.registry;
    registry.open_incident(&provider, &id("projects"), &fault, at(BEGAN)).await.expect("opens");
    assert_eq!(fixture.run("2027-04-11T09:20:00Z").await.mails, 1);
    // As a run leaves it that was stopped after it had told the end, and before it forgot the incident.
    let (told, later) = (at("2027-04-11T11:20:00Z"), at("2028-01-01T00:00:00Z"));
    assert!(registry.put_ephemeral("ended", "contoso", &told, later, None, told).await.expect("noted"));
    registry
        .open_incident(&provider, &id("projects"), &fault, at("2027-04-11T11:30:00Z"))
        .await
        .expect("notes");
    assert!(registry.remind_now(&id("incident:contoso"), at("2027-04-11T11:30:00Z")).await.expect("moves"));
    fixture.events().await;

    let tally = fixture.run("2027-04-11T12:20:00Z").await;
    assert_eq!((tally.mails, tally.events), (1, 1));
    let events = fixture.events().await;
    assert_eq!(states(&events), [state("incident", "opened")]);
    assert_eq!(events[0]["since"], "2027-04-11T11:20:00Z");
    assert_eq!(fixture.run("2027-04-11T13:20:00Z").await.mails, 0);
}

#[tokio::test]
async fn a_mailbox_that_fails_for_a_day_is_an_incident() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    registry
        .put_mailbox(&mailbox("plant", "projects", &["ann@contoso.com"]), at(BEGAN))
        .await
        .expect("stored");
    let failure = Failure::next(None, Fault::new(FaultClass::TimedOut, "no answer"), at(BEGAN), 0.5);
    registry.record_failure(&id("plant"), &failure, None).await.expect("recorded");

    assert_eq!(fixture.run("2027-04-12T08:59:59Z").await, Tally::default());
    let tally = fixture.run("2027-04-12T09:00:00Z").await;
    assert_eq!(tally, Tally { due: 1, events: 1, ..Tally::default() });
    let events = fixture.events().await;
    assert_eq!(states(&events), [state("mailbox", "opened")]);
    assert_eq!((&events[0]["since"], &events[0]["class"]), (&json!(BEGAN), &json!("timed_out")));

    assert_eq!(fixture.run("2027-04-12T15:00:00Z").await, Tally { due: 1, ..Tally::default() });
    registry.record_success(&id("plant"), at("2027-04-12T16:00:00Z"), 0, None).await.expect("recorded");
    assert_eq!(fixture.run("2027-04-12T21:00:00Z").await.events, 1);
    assert_eq!(states(&fixture.events().await), [state("mailbox", "closed")]);
    assert_eq!(fixture.next_look("mailbox:plant").await, None);
}

/// A token that one mail server refuses, or a password that is missing, is the mailbox's own until its
/// account's or its provider's fault is on record.
#[tokio::test]
async fn a_mailboxs_fault_is_told_of_its_account_where_it_is_on_record() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    fixture.authorised(&account("projects", &["ann@contoso.com"]), "2027-04-01T09:00:00Z").await;
    for (name, class) in [("plant", FaultClass::TokenRefused), ("site", FaultClass::Configuration)] {
        registry.put_mailbox(&mailbox(name, "projects", &[]), at(BEGAN)).await.expect("stored");
        let failure = Failure::next(None, Fault::new(class, "no"), at(BEGAN), 0.5);
        registry.record_failure(&id(name), &failure, None).await.expect("recorded");
    }
    let fault = Fault::new(FaultClass::TokenRefused, "no");
    registry.record_account_fault(&id("projects"), Some(&fault), at(BEGAN)).await.expect("recorded");
    let tally = fixture.run("2027-04-12T09:10:00Z").await;
    assert_eq!(tally.failed, 0);
    let kinds = |events: Vec<Value>| states(&events).into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
    assert_eq!(kinds(fixture.events().await), ["account"], "both are told there");

    registry.record_account_fault(&id("projects"), None, at("2027-04-12T10:00:00Z")).await.expect("recorded");
    fixture.run("2027-04-12T15:20:00Z").await;
    assert_eq!(kinds(fixture.events().await), ["mailbox", "mailbox"], "it was not the account");
}

/// Mail servers say so too, of mailboxes whose account is well and of such as have none.
#[tokio::test]
async fn what_would_be_an_accounts_fault_is_told_of_a_mailbox_that_has_no_account_to_blame() {
    const CLASSES: [FaultClass; 5] = [
        FaultClass::AccountPolicy,
        FaultClass::AuthorizationEnded,
        FaultClass::AppRegistration,
        FaultClass::TokenRefused,
        FaultClass::Configuration,
    ];
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    for name in ["well", "ended"] {
        fixture.authorised(&account(name, &["ann@contoso.com"]), "2027-04-01T09:00:00Z").await;
    }
    let ended = Fault::new(FaultClass::TokenRefused, "no");
    registry.record_account_fault(&id("ended"), Some(&ended), at(BEGAN)).await.expect("recorded");
    for class in CLASSES {
        let class_name = class.name().replace('_', "-");
        for auth in ["none", "well", "ended"] {
            let placed = mailbox(&format!("{auth}-{class_name}"), auth, &[]);
            let auth = if auth == "none" { Auth::Basic } else { placed.auth.clone() };
            let placed = Mailbox { auth, ..placed };
            registry.put_mailbox(&placed, at(BEGAN)).await.expect("stored");
            let failure = Failure::next(None, Fault::new(class, "unsafe login"), at(BEGAN), 0.5);
            registry.record_failure(&placed.id, &failure, None).await.expect("recorded");
        }
    }
    fixture.run("2027-04-12T09:10:00Z").await;
    let told = fixture.events().await.into_iter().map(|event| event["subject"]["id"].to_string());
    let told: BTreeSet<String> = told.map(|id| id.trim_matches('"').to_owned()).collect();
    let mailboxes = ["none", "well"]
        .into_iter()
        .flat_map(|auth| CLASSES.map(|class| format!("{auth}-{}", class.name().replace('_', "-"))));
    assert_eq!(told, mailboxes.chain(["ended".to_owned()]).collect());
}

#[tokio::test]
async fn fetching_late_is_an_incident() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let mailbox = mailbox("plant", "projects", &[]);
    registry.put_mailbox(&mailbox, at(BEGAN)).await.expect("stored");
    let batch = Batch {
        id: id("b"),
        interval: "5m".parse().expect("an interval"),
        mailboxes: vec![mailbox.id],
        due_at: None,
        lease: None,
        completed_at: None,
    };
    registry.put_batch(&batch, at(BEGAN), 0.0).await.expect("stored");
    let due_at = registry.oldest_due_batch(at("2027-04-11T12:00:00Z")).await.expect("answers");
    let due_at = due_at.expect("a batch");

    assert_eq!(fixture.run("2027-04-11T09:10:00Z").await.events, 0, "a few minutes are none");
    assert_eq!(fixture.run("2027-04-11T09:40:00Z").await.events, 1);
    assert_eq!(fixture.run("2027-04-11T10:40:00Z").await.events, 0, "said once");
    let events = fixture.events().await;
    assert_eq!(states(&events), [state("schedule", "opened")]);
    assert_eq!(events[0]["subject"], json!({ "kind": "schedule", "id": "batches" }));

    let claimed = registry.claim(&id("b"), due_at, at("2027-04-11T11:30:00Z")).await.expect("claims");
    assert_eq!(claimed, Some(due_at));
    assert_eq!(fixture.run("2027-04-11T11:20:00Z").await.events, 1);
    assert_eq!(states(&fixture.events().await), [state("schedule", "closed")]);

    // It was handed out in vain, and is again.
    let claimed = registry.claim(&id("b"), at("2027-04-11T11:30:00Z"), at("2027-04-11T11:50:00Z")).await;
    assert_eq!(claimed.expect("claims"), Some(due_at));
    assert!(registry.note_waiting(&id("b"), due_at).await.expect("notes"));
    assert_eq!(fixture.run("2027-04-11T11:40:00Z").await.events, 1);
    let events = fixture.events().await;
    assert_eq!(
        (states(&events), events[0]["since"].as_str()),
        (vec![state("schedule", "opened")], Some("2027-04-11T09:00:00Z"))
    );
}
