//! One incident for a provider, however many of its accounts run into it.

use crate::support::{Fixture, at, id};
use postroom_model::{Fault, FaultClass, ProviderId};
use postroom_registry::{DueSubject, Incident, Registry};

#[tokio::test]
async fn many_accounts_open_one_incident() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let provider: ProviderId = id("contoso");
    let fault = Fault::new(FaultClass::AppRegistration, "wrong secret");
    let opened = (0..20).map(|n| {
        let (registry, provider, fault) = (registry.clone(), provider.clone(), fault.clone());
        let account = id(&format!("a{n}"));
        tokio::spawn(async move {
            registry.open_incident(&provider, &account, &fault, at(1000)).await.expect("opens")
        })
    });
    let mut new = 0;
    for opened in opened.collect::<Vec<_>>() {
        new += usize::from(opened.await.expect("runs"));
    }
    assert_eq!(new, 1, "one of them is told that it is new");

    let later = Fault::new(FaultClass::AppRegistration, "expired secret");
    assert!(!registry.open_incident(&provider, &id("last"), &later, at(2000)).await.expect("notes"));
    let incident = Incident {
        provider: provider.clone(),
        fault: later,
        since: at(1000),
        seen_at: at(2000),
        account: id("last"),
        closed_at: None,
    };
    assert_eq!(registry.incidents().await.expect("lists"), std::slice::from_ref(&incident));
    assert!(registry.mailboxes_of(&id("last")).await.expect("lists").is_empty(), "it is no mailbox");

    let items = fixture.client.scan().table_name(&fixture.table).send().await.expect("scans");
    let keys: Vec<_> = items.items().iter().map(|item| item["pk"].as_s().expect("a text")).collect();
    assert_eq!(keys, ["INCIDENT#contoso"], "in a partition apart from the provider");
}

async fn incident(registry: &Registry) -> Option<Incident> {
    registry.incident(&id("contoso")).await.expect("reads")
}

async fn due(registry: &Registry, now: i64) -> Vec<DueSubject> {
    registry.due_subjects(at(now), 9).await.expect("lists")
}

#[tokio::test]
async fn a_closed_incident_stays_until_it_is_forgotten() {
    let Fixture { registry, .. } = Fixture::new().await;
    let provider: ProviderId = id("contoso");
    let fault = Fault::new(FaultClass::AppRegistration, "wrong secret");
    assert_eq!(registry.close_incident(&provider, at(900)).await.expect("answers"), None);
    assert_eq!(incident(&registry).await, None, "nothing is made by closing nothing");
    assert!(registry.open_incident(&provider, &id("a"), &fault, at(1000)).await.expect("opens"));
    assert!(!registry.forget_incident(&provider).await.expect("answers"), "it is open");

    let closers = (0..20).map(|n| {
        let (registry, provider) = (registry.clone(), provider.clone());
        tokio::spawn(async move { registry.close_incident(&provider, at(2000 + n)).await.expect("answers") })
    });
    let mut closed = Vec::new();
    for closer in closers.collect::<Vec<_>>() {
        closed.extend(closer.await.expect("runs"));
    }
    let [closed] = closed.as_slice() else { panic!("closed by {}", closed.len()) };
    assert!(closed.closed_at.is_some_and(|at| (2000..2020).contains(&at.as_second())));
    assert_eq!(incident(&registry).await.as_ref(), Some(closed));
    assert_eq!(registry.incidents().await.expect("lists"), [], "it is not listed any more");
    let seen = due(&registry, 3000).await;
    let moments: Vec<_> = seen.iter().map(|due| due.remind_at).collect();
    assert_eq!(moments, [at(999)], "whoever looked at it while it was open looks again");

    assert!(registry.forget_incident(&provider).await.expect("forgets"));
    assert!(!registry.forget_incident(&provider).await.expect("answers"));
    assert_eq!((incident(&registry).await, due(&registry, 3000).await), (None, vec![]));
}

#[tokio::test]
async fn an_incident_that_comes_back_before_its_end_was_told_is_the_same() {
    let Fixture { registry, .. } = Fixture::new().await;
    let provider: ProviderId = id("contoso");
    let fault = Fault::new(FaultClass::AppRegistration, "wrong secret");
    assert!(registry.open_incident(&provider, &id("a"), &fault, at(1000)).await.expect("opens"));
    assert!(registry.close_incident(&provider, at(2000)).await.expect("closes").is_some());
    assert!(registry.open_incident(&provider, &id("b"), &fault, at(3000)).await.expect("opens"), "again");
    let again = incident(&registry).await.expect("is there");
    assert_eq!((again.since, again.seen_at, again.closed_at), (at(1000), at(3000), None));
    assert_eq!(registry.incidents().await.expect("lists"), [again]);
    assert!(!registry.forget_incident(&provider).await.expect("answers"), "who was about to tell of its end");

    assert!(registry.close_incident(&provider, at(4000)).await.expect("closes").is_some());
    assert!(registry.forget_incident(&provider).await.expect("forgets"));
    assert!(registry.open_incident(&provider, &id("a"), &fault, at(5000)).await.expect("opens"));
    assert_eq!(incident(&registry).await.map(|incident| incident.since), Some(at(5000)), "a new one");
    registry.delete_provider(&provider).await.expect("deletes");
    assert_eq!((incident(&registry).await, due(&registry, 9000).await), (None, vec![]));
}

#[tokio::test]
async fn an_open_incident_that_is_seen_again_is_not_looked_at_sooner() {
    let Fixture { registry, .. } = Fixture::new().await;
    let provider: ProviderId = id("contoso");
    let fault = Fault::new(FaultClass::AppRegistration, "wrong secret");
    registry.open_incident(&provider, &id("a"), &fault, at(1000)).await.expect("opens");
    let seen = due(&registry, 1000).await.remove(0);
    assert!(registry.set_reminder(&seen, Some(at(9000))).await.expect("moves"));
    registry.open_incident(&provider, &id("a"), &fault, at(2000)).await.expect("notes");
    assert_eq!(due(&registry, 8999).await, []);
    assert!(registry.close_incident(&provider, at(3000)).await.expect("closes").is_some());
    assert_eq!(due(&registry, 3000).await.len(), 1, "its end is told at once");
}
