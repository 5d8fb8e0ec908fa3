//! One incident for a provider, however many of its accounts run into it.

use crate::support::{Fixture, at, id};
use postroom_model::{Fault, FaultClass, ProviderId};
use postroom_registry::Incident;

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
    };
    assert_eq!(registry.incidents().await.expect("lists"), std::slice::from_ref(&incident));
    assert!(registry.mailboxes_of(&id("last")).await.expect("lists").is_empty(), "it is no mailbox");

    let items = fixture.client.scan().table_name(&fixture.table).send().await.expect("scans");
    let keys: Vec<_> = items.items().iter().map(|item| item["pk"].as_s().expect("a text")).collect();
    assert_eq!(keys, ["INCIDENT#contoso"], "in a partition apart from the provider");

    assert_eq!(registry.close_incident(&provider).await.expect("closes"), Some(incident));
    assert_eq!(registry.close_incident(&provider).await.expect("answers"), None);
    assert_eq!(registry.incidents().await.expect("lists"), []);
    assert!(registry.open_incident(&provider, &id("a"), &fault, at(3000)).await.expect("opens"));
    registry.delete_provider(&provider).await.expect("deletes");
    assert_eq!(registry.incidents().await.expect("lists"), []);
}
