//! What is to be looked at, and when: in order, and never lost to somebody who looked before.

use crate::support::{Fixture, account, at, id, lease, mailbox};
use jiff::Timestamp;
use postroom_model::{
    AccountId, AccountStatus, Auth, Failure, Fault, FaultClass, Mailbox, MailboxId, Provider, Rejection,
    Subject,
};
use postroom_registry::{DueSubject, LeasedAccount, Registry};
use serde_json::json;

fn provider(ends: Option<&str>) -> Provider {
    serde_json::from_value(json!({
        "id": "contoso", "preset": "custom", "client_id": "c", "client_auth": "secret",
        "endpoints": {"issuer": "https://login.example"}, "client_auth_expires": ends,
    }))
    .expect("a provider")
}

fn with_password(ends: &str) -> Mailbox {
    Mailbox { password_expires: Some(ends.parse().expect("an end")), ..mailbox("m") }
}

async fn due(registry: &Registry, until: i64, most: usize) -> Vec<(String, i64)> {
    let due = registry.due_subjects(at(until), most).await.expect("lists");
    due.into_iter().map(|due| (due.subject.to_string(), due.remind_at.as_second())).collect()
}

async fn refuse(registry: &Registry, name: &AccountId, class: FaultClass, now: Timestamp) {
    let leased = registry.lease_account(name, &lease("w", now.as_second() + 60), now).await;
    let LeasedAccount::Held(held) = leased.expect("answers") else { panic!("{name} is busy") };
    let fault = Fault::new(class, "no");
    assert!(registry.record_refusal(name, held.fence, &fault, 1, None, now).await.expect("records"));
}

/// One subject of each kind, looked at from a moment of its own on.
async fn one_of_each(fixture: &Fixture) {
    let registry = &fixture.registry;
    registry.put_provider(&provider(Some("2027-09-30")), at(6000)).await.expect("puts");
    registry.put_mailbox(&with_password("2027-09-30"), at(5000)).await.expect("puts");
    let failure = Failure::next(None, Fault::new(FaultClass::TimedOut, "slow"), at(4000), 0.5);
    registry.record_failure(&id("m"), &failure, None).await.expect("records");
    let wrong = Fault::new(FaultClass::AppRegistration, "wrong secret");
    registry.open_incident(&id("contoso"), &id("ann"), &wrong, at(3000)).await.expect("opens");
    refuse(registry, &id("ann"), FaultClass::AuthorizationEnded, at(2000)).await;
    let address = "Ann@Contoso.example";
    assert!(
        registry.record_undeliverable(address, Rejection::Bounced, "full", at(1000)).await.expect("notes")
    );
}

#[tokio::test]
async fn every_kind_comes_in_the_order_of_time() {
    let fixture = Fixture::new().await;
    one_of_each(&fixture).await;
    let registry = &fixture.registry;
    let day = 86_400;
    let all = [
        ("address:ann@contoso.example", 1000),
        ("account:ann", 2000),
        ("incident:contoso", 3000),
        ("password:m", 5000),
        ("provider:contoso", 6000),
        ("mailbox:m", 4000 + day),
    ]
    .map(|(subject, at)| (subject.to_owned(), at));
    assert_eq!(due(registry, 4000 + day, 100).await, all);
    assert_eq!(due(registry, 5999, 100).await, all[..4]);
    assert_eq!(due(registry, 999, 100).await, []);
    assert_eq!(due(registry, 100_000, 3).await.len(), 3);
    assert_eq!(due(registry, 100_000, 0).await, []);
}

#[tokio::test]
async fn a_run_over_many_asks_for_as_many_pages_as_it_needs() {
    let fixture = Fixture::new().await;
    for n in 0..40 {
        let item = json!({ "remind": "account", "remind_at": 1000 + n, "obtained_at": 1 });
        fixture.put_raw(&format!("ACCOUNT#a{n:02}"), "STATUS", item).await;
    }
    fixture.put_raw("ACCOUNT#Not An Id", "STATUS", json!({ "remind": "account", "remind_at": 999 })).await;
    fixture.put_raw("PROVIDER#new", "PROVIDER", json!({ "remind": "provider", "remind_at": 5000 })).await;
    let before = fixture.requests();
    let due = due(&fixture.registry, 9000, 30).await;
    assert_eq!(fixture.requests() - before, 6, "one for each kind");
    let mut wanted: Vec<_> = (0..29).map(|n| (format!("account:a{n:02}"), 1000 + n)).collect();
    wanted.push(("provider:new".into(), 5000));
    assert_eq!(due, wanted, "what cannot be read is left out");
}

#[tokio::test]
async fn a_subject_is_moved_on_from_where_it_was_seen() {
    let fixture = Fixture::new().await;
    one_of_each(&fixture).await;
    let registry = &fixture.registry;
    for seen in registry.due_subjects(at(100_000), 100).await.expect("lists") {
        assert!(registry.set_reminder(&seen, Some(at(200_000))).await.expect("moves"), "{seen:?}");
        assert!(!registry.set_reminder(&seen, Some(at(300_000))).await.expect("answers"), "{seen:?}");
        let moved = DueSubject { remind_at: at(200_000), ..seen.clone() };
        assert!(registry.set_reminder(&moved, None).await.expect("moves"), "{seen:?}");
        assert!(!registry.set_reminder(&moved, None).await.expect("answers"), "{seen:?}");
        assert!(registry.remind_now(&seen.subject, at(400_000)).await.expect("answers"), "{seen:?}");
    }
    let back = due(registry, 400_000, 100).await;
    assert_eq!(back.last().map(|(subject, _)| subject.as_str()), Some("mailbox:m"));
    assert_eq!(back.len(), 6);
    assert!(back.iter().all(|(_, at)| *at == 400_000), "{back:?}");
    // What else the items hold is as it was.
    assert_eq!(registry.provider(&id("contoso")).await.expect("reads"), Some(provider(Some("2027-09-30"))));
    let placed = registry.mailbox(&id("m")).await.expect("reads").expect("is there");
    assert_eq!(placed.mailbox, with_password("2027-09-30"));
}

#[tokio::test]
async fn what_is_not_there_is_not_made() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    for subject in [
        Subject::Account(id("gone")),
        Subject::Provider(id("gone")),
        Subject::Password(id("gone")),
        Subject::Incident(id("gone")),
        Subject::Mailbox(id("gone")),
        Subject::Address("gone@contoso.example".into()),
        Subject::Schedule,
    ] {
        assert!(!registry.remind_now(&subject, at(1000)).await.expect("answers"), "{subject}");
        let seen = DueSubject { subject, remind_at: at(1000) };
        assert!(!registry.set_reminder(&seen, Some(at(2000))).await.expect("answers"), "{seen:?}");
    }
    let items = fixture.client.scan().table_name(&fixture.table).send().await.expect("scans");
    assert_eq!(items.count(), 0);
}

#[tokio::test]
async fn a_refusal_while_somebody_looks_is_not_lost() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name: AccountId = id("ann");
    registry.put_account(&account("ann"), at(900)).await.expect("puts");
    assert_eq!(due(&registry, 9000, 9).await, [], "nothing is known that could end");
    refuse(&registry, &name, FaultClass::AdminConsentRequired, at(1000)).await;
    let seen = registry.due_subjects(at(1500), 9).await.expect("lists").remove(0);
    // Whoever looks has read the status by now.
    refuse(&registry, &name, FaultClass::AuthorizationEnded, at(1600)).await;
    assert!(!registry.set_reminder(&seen, Some(at(90_000))).await.expect("answers"));
    assert!(!registry.set_reminder(&seen, None).await.expect("answers"));
    assert_eq!(due(&registry, 1600, 9).await, [("account:ann".into(), 999)], "not later than it was");
    let status = registry.account_status(&name).await.expect("reads");
    assert_eq!(status.refused_at, Some(at(1000)), "it was refused before");
}

#[tokio::test]
async fn only_what_a_person_must_mend_is_looked_at() {
    let Fixture { registry, .. } = Fixture::new().await;
    for (class, refused) in [
        (FaultClass::AuthorizationEnded, true),
        (FaultClass::AdminConsentRequired, true),
        (FaultClass::TimedOut, false),
        (FaultClass::AppRegistration, false),
        (FaultClass::Bug, false),
    ] {
        let name: AccountId = id(&format!("renewal-{class}").replace('_', "-"));
        refuse(&registry, &name, class, at(1000)).await;
        let other: AccountId = id(&format!("mail-{class}").replace('_', "-"));
        let fault = Fault::new(class, "no");
        registry.record_account_fault(&other, Some(&fault), at(1000)).await.expect("records");
        for name in [name, other] {
            let status = registry.account_status(&name).await.expect("reads");
            let expected = refused.then_some(at(1000));
            assert_eq!((status.refused_at, status.remind_at), (expected, expected), "{name}");
        }
    }
}

#[tokio::test]
async fn an_account_that_mail_servers_take_again_is_refused_no_longer() {
    let fixture = Fixture::new().await;
    let (registry, name) = (&fixture.registry, id::<AccountId>("ann"));
    fixture.put_raw("ACCOUNT#ann", "STATUS", json!({ "obtained_at": 1000 })).await;
    let fault = Fault::new(FaultClass::TokenRefused, "no");
    for now in [2000, 3000] {
        registry.record_account_fault(&name, Some(&fault), at(now)).await.expect("records");
    }
    let refused = registry.account_status(&name).await.expect("reads");
    assert_eq!((refused.refused_at, refused.remind_at), (Some(at(2000)), Some(at(2000))), "no news");
    registry.record_account_fault(&name, None, at(4000)).await.expect("records");
    let works = registry.account_status(&name).await.expect("reads");
    assert_eq!((works.fault, works.refused_at), (None, None));
    registry.record_account_fault(&name, Some(&fault), at(5000)).await.expect("records");
    let again = registry.account_status(&name).await.expect("reads");
    assert_eq!(again.refused_at, Some(at(5000)), "another refusal");
}

#[tokio::test]
async fn definitions_bring_their_ends_into_the_index_and_out_of_it() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    registry.put_provider(&provider(None), at(1000)).await.expect("puts");
    registry.put_mailbox(&mailbox("m"), at(1000)).await.expect("puts");
    assert_eq!(due(registry, 9000, 9).await, []);
    registry.put_provider(&provider(Some("2027-09-30")), at(2000)).await.expect("puts");
    registry.put_mailbox(&with_password("2027-09-30T12:00:00+02:00"), at(2000)).await.expect("puts");
    let both = |at| [("provider:contoso".to_owned(), at), ("password:m".to_owned(), at)];
    assert_eq!(due(registry, 9000, 9).await, both(2000));
    for seen in registry.due_subjects(at(9000), 9).await.expect("lists") {
        assert!(registry.set_reminder(&seen, Some(at(5000))).await.expect("moves"));
    }
    registry.put_provider(&provider(Some("2028-09-30")), at(3000)).await.expect("puts");
    registry.put_mailbox(&with_password("2028-09-30"), at(3000)).await.expect("puts");
    assert_eq!(due(registry, 9000, 9).await, both(3000), "another end is looked at");

    registry.put_provider(&provider(None), at(4000)).await.expect("puts");
    registry.put_mailbox(&mailbox("m"), at(4000)).await.expect("puts");
    assert_eq!(due(registry, 9000, 9).await, []);
    let placed = registry.mailbox(&id("m")).await.expect("reads").expect("is there");
    assert_eq!(placed.mailbox, mailbox("m"), "its password has no end any more");
}

#[tokio::test]
async fn no_kind_keeps_another_waiting_and_mailboxes_come_last() {
    let fixture = Fixture::new().await;
    for n in 0..50 {
        let item = json!({ "remind": "mailbox", "remind_at": 1000 + n });
        fixture.put_raw(&format!("MAILBOX#m{n:02}"), "STATE", item).await;
        let item = json!({ "remind": "account", "remind_at": 2000 + n });
        fixture.put_raw(&format!("ACCOUNT#a{n:02}"), "STATUS", item).await;
    }
    fixture.put_raw("PROVIDER#p", "PROVIDER", json!({ "remind": "provider", "remind_at": 3000 })).await;
    fixture.put_raw("INCIDENT#p", "INCIDENT", json!({ "remind": "incident", "remind_at": 4000 })).await;
    let registry = &fixture.registry;
    let due_now = due(registry, 9000, 10).await;
    let kinds: Vec<_> = due_now.iter().filter_map(|(subject, _)| subject.split(':').next()).collect();
    let wanted = ["account"; 4].into_iter().chain(["provider", "incident"]).chain(["mailbox"; 4]);
    assert_eq!(kinds, wanted.collect::<Vec<_>>());
    assert_eq!(due_now[0], ("account:a00".into(), 2000), "the first of its kind");
    assert_eq!(due(registry, 9000, 200).await.len(), 102, "all of them where they are few");
    let accounts = registry.due_of("account", at(2020), 5).await.expect("lists");
    assert_eq!(accounts.len(), 5);
    assert!(accounts.iter().all(|due| due.subject.kind() == "account"));
    assert_eq!(registry.due_of("account", at(2001), 5).await.expect("lists").len(), 2);
}

#[tokio::test]
async fn a_clock_that_is_ahead_puts_nothing_off() {
    let fixture = Fixture::new().await;
    let (registry, name) = (&fixture.registry, id::<AccountId>("ann"));
    registry.put_provider(&provider(Some("2027-09-30")), at(2000)).await.expect("puts");
    registry.put_mailbox(&with_password("2027-09-30"), at(2000)).await.expect("puts");
    fixture.put_raw("ACCOUNT#ann", "STATUS", json!({ "obtained_at": 1000 })).await;
    registry.put_account(&account("ann"), at(2000)).await.expect("puts");
    let seen = registry.due_subjects(at(2000), 9).await.expect("lists");
    assert_eq!(seen.len(), 3);
    // A laptop's clock is an hour ahead.
    registry.put_provider(&provider(Some("2028-09-30")), at(5600)).await.expect("puts");
    registry.put_mailbox(&with_password("2028-09-30"), at(5600)).await.expect("puts");
    registry.put_account(&account("ann"), at(5600)).await.expect("puts");
    assert!(registry.remind_now(&Subject::Account(name), at(5600)).await.expect("answers"));
    assert_eq!(registry.due_subjects(at(2000), 9).await.expect("lists").len(), 3, "due as before");
    for seen in seen {
        let moved = registry.set_reminder(&seen, Some(at(90_000))).await.expect("answers");
        assert!(!moved, "{seen:?}: whoever looked before has not seen this");
    }
}

#[tokio::test]
async fn a_fault_that_is_no_news_is_looked_at_no_sooner() {
    let fixture = Fixture::new().await;
    let (registry, name) = (&fixture.registry, id::<AccountId>("ann"));
    fixture.put_raw("ACCOUNT#ann", "STATUS", json!({ "obtained_at": 1000 })).await;
    let remind_at = async || registry.account_status(&name).await.expect("reads").remind_at;
    let note = async |class, now| {
        registry.record_account_fault(&name, Some(&Fault::new(class, "no")), at(now)).await.expect("records");
    };
    let look = async |now| {
        let seen = registry.due_subjects(at(now), 9).await.expect("lists").remove(0);
        assert!(registry.set_reminder(&seen, Some(at(90_000))).await.expect("moves"));
    };
    note(FaultClass::TokenRefused, 2000).await;
    look(2001).await;
    for now in [3000, 4000, 5000] {
        note(FaultClass::TokenRefused, now).await;
        assert_eq!(remind_at().await, Some(at(90_000)), "one more poll at {now}");
    }
    note(FaultClass::AccountPolicy, 6000).await;
    assert_eq!(remind_at().await, Some(at(6000)), "another fault");
    look(6001).await;
    for now in [7000, 8000] {
        refuse(registry, &name, FaultClass::AccountPolicy, at(now)).await;
        assert_eq!(remind_at().await, Some(at(90_000)), "one more renewal at {now}");
    }
    refuse(registry, &name, FaultClass::AuthorizationEnded, at(9000)).await;
    assert_eq!(remind_at().await, Some(at(9000)));
    look(9001).await;
    let seen = DueSubject { subject: Subject::Account(name.clone()), remind_at: at(90_000) };
    assert!(registry.set_reminder(&seen, None).await.expect("moves"));
    refuse(registry, &name, FaultClass::AuthorizationEnded, at(10_000)).await;
    assert_eq!(remind_at().await, Some(at(10_000)), "nothing that is refused stays out of the index");
}

#[tokio::test]
async fn whoever_a_mailbox_brings_to_an_account_is_told_of_its_end() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    for name in ["a", "b"] {
        let item = json!({ "obtained_at": 1000, "remind": "account", "remind_at": 90_000 });
        fixture.put_raw(&format!("ACCOUNT#{name}"), "STATUS", item).await;
    }
    let of = |account: &str, owners: &[&str]| Mailbox {
        auth: Auth::Oauth(id(account)),
        owners: owners.iter().map(|owner| (*owner).to_owned()).collect(),
        ..mailbox("m")
    };
    let (ann, ben) = ("ann@contoso.example", "ben@contoso.example");
    for (what, mailbox, looked_at) in [
        ("a new mailbox", of("a", &[ann]), Some("account:a")),
        ("the same", of("a", &[ann]), None),
        (
            "another interval",
            Mailbox { interval: "1h".parse().expect("an interval"), ..of("a", &[ann]) },
            None,
        ),
        ("another owner", of("a", &[ann, ben]), Some("account:a")),
        ("another account", of("b", &[ann, ben]), Some("account:b")),
        ("none", mailbox("m"), None),
        ("one again", of("a", &[ann]), Some("account:a")),
        ("an account that is not authorised", of("c", &[ann]), None),
    ] {
        registry.put_mailbox(&mailbox, at(2000)).await.expect("puts");
        let due = registry.due_subjects(at(2000), 9).await.expect("lists");
        let subjects: Vec<_> = due.iter().map(|due| due.subject.to_string()).collect();
        assert_eq!(subjects, looked_at.into_iter().collect::<Vec<_>>(), "{what}");
        for seen in due {
            assert!(registry.set_reminder(&seen, Some(at(90_000))).await.expect("moves"));
        }
    }
    assert_eq!(registry.account_status(&id("c")).await.expect("reads"), AccountStatus::default());
}

#[tokio::test]
async fn a_failing_mailbox_is_looked_at_after_a_day() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name: MailboxId = id("m");
    let mut failure = Failure::next(None, Fault::new(FaultClass::TimedOut, "slow"), at(1000), 0.5);
    for now in [1000, 2000, 90_000] {
        registry.record_failure(&name, &failure, None).await.expect("records");
        failure = Failure::next(Some(&failure), Fault::new(FaultClass::TimedOut, "slow"), at(now), 0.5);
    }
    assert_eq!(due(&registry, 87_400, 9).await, [("mailbox:m".into(), 87_400)]);
    let seen = registry.due_subjects(at(87_400), 9).await.expect("lists").remove(0);
    assert!(registry.set_reminder(&seen, Some(at(100_000))).await.expect("moves"));
    registry.record_failure(&name, &failure, None).await.expect("records");
    assert_eq!(due(&registry, 99_999, 9).await, [], "one more failure is no news");
    // It works again: whoever looks takes it out, and the next failure brings it back.
    registry.record_success(&name, at(99_000), 0, None).await.expect("records");
    let seen = registry.due_subjects(at(100_000), 9).await.expect("lists").remove(0);
    assert!(registry.set_reminder(&seen, None).await.expect("moves"));
    let failure = Failure::next(None, Fault::new(FaultClass::TimedOut, "slow"), at(200_000), 0.5);
    registry.record_failure(&name, &failure, None).await.expect("records");
    assert_eq!(due(&registry, 300_000, 9).await, [("mailbox:m".into(), 286_400)]);
}
