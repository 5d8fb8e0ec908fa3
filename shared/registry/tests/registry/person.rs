//! Owners, and whether their addresses take mail.

use crate::support::{Fixture, at};
use postroom_model::{Language, Owner, Rejection, Undeliverable};
use postroom_registry::{DueSubject, Person, Position, Registry};
use serde_json::json;

const ANN: &str = "ann@contoso.example";

fn owner(address: &str, language: Option<Language>) -> Owner {
    Owner { address: address.into(), language }
}

async fn person(registry: &Registry, address: &str) -> Person {
    let mut people = registry.people(&[address.to_owned()]).await.expect("reads");
    people.remove(address).expect("every address is there")
}

async fn listed(registry: &Registry) -> Vec<Undeliverable> {
    registry.undeliverables(None, 100).await.expect("lists").items
}

async fn due(registry: &Registry) -> Vec<DueSubject> {
    registry.due_subjects(at(100_000), 9).await.expect("lists")
}

#[tokio::test]
async fn owners_are_written_read_listed_and_deleted() {
    let Fixture { registry, .. } = Fixture::new().await;
    registry.put_owner(&owner("Ben@Contoso.example", Some(Language::De))).await.expect("puts");
    registry.put_owner(&owner(ANN, None)).await.expect("puts");
    let ben = owner("ben@contoso.example", Some(Language::De));
    assert_eq!(registry.owners().await.expect("lists"), [owner(ANN, None), ben.clone()]);
    assert_eq!(registry.owner(" BEN@contoso.example ").await.expect("reads"), Some(ben));
    registry.put_owner(&owner("ben@contoso.example", None)).await.expect("puts");
    assert_eq!(person(&registry, "ben@contoso.example").await, Person::default());
    registry.delete_owner("BEN@contoso.example").await.expect("deletes");
    registry.delete_owner("BEN@contoso.example").await.expect("deletes again");
    assert_eq!(registry.owners().await.expect("lists"), [owner(ANN, None)]);
    assert_eq!(registry.owner("ben@contoso.example").await.expect("reads"), None);
}

#[tokio::test]
async fn an_address_that_takes_no_mail_is_told_of_once() {
    let Fixture { registry, .. } = Fixture::new().await;
    let note = async |address: &str, because, said, now| {
        registry.record_undeliverable(address, because, said, at(now)).await.expect("notes")
    };
    assert!(note("Ann@Contoso.example", Rejection::Refused, "not verified", 1000).await);
    let seen = due(&registry).await;
    assert_eq!(
        seen.iter().map(|due| due.subject.to_string()).collect::<Vec<_>>(),
        [format!("address:{ANN}")]
    );
    assert!(registry.set_reminder(&seen[0], None).await.expect("moves"));
    assert!(!note(ANN, Rejection::Bounced, "no such user", 2000).await);
    assert_eq!(due(&registry).await, [], "it was told");
    let bounced = Undeliverable {
        address: ANN.into(),
        because: Rejection::Bounced,
        said: "no such user".into(),
        since: at(1000),
        seen_at: at(2000),
    };
    assert_eq!(listed(&registry).await, std::slice::from_ref(&bounced));
    registry.put_owner(&owner(ANN, Some(Language::En))).await.expect("puts");
    let known = Person { language: Some(Language::En), undeliverable: Some(bounced.clone()) };
    assert_eq!(person(&registry, "ANN@contoso.example").await, known);
    registry.delete_owner(ANN).await.expect("deletes");
    assert_eq!(person(&registry, ANN).await, Person { language: None, undeliverable: Some(bounced) });

    assert!(registry.clear_undeliverable(" Ann@contoso.example").await.expect("clears"));
    assert!(!registry.clear_undeliverable(ANN).await.expect("answers"));
    assert_eq!((person(&registry, ANN).await, due(&registry).await), (Person::default(), vec![]));
    assert!(note(ANN, Rejection::Complained, "unwanted", 3000).await, "it is news again");
    assert_eq!(due(&registry).await.len(), 1);
}

#[tokio::test]
async fn addresses_of_one_domain_are_one_however_it_is_written() {
    let Fixture { registry, .. } = Fixture::new().await;
    registry.put_owner(&owner("Ann@Bücher.example", Some(Language::De))).await.expect("puts");
    // As SES names it.
    let punycode = "ann@xn--bcher-kva.example";
    assert_eq!(person(&registry, punycode).await.language, Some(Language::De));
    assert!(
        registry.record_undeliverable(punycode, Rejection::Returned, "full", at(1)).await.expect("notes")
    );
    let known = person(&registry, "ann@bücher.example").await.undeliverable.expect("is on record");
    assert_eq!((known.address.as_str(), known.because), (punycode, Rejection::Returned));
}

#[tokio::test]
async fn addresses_that_take_no_mail_come_in_pages_and_one_that_cannot_be_read_hides_none() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    for n in 0..25 {
        let address = format!("p{n:02}@contoso.example");
        let noted = registry.record_undeliverable(&address, Rejection::Bounced, "gone", at(1000 + n / 3));
        assert!(noted.await.expect("notes"));
    }
    let odd = json!({ "kind": "undeliverable", "id": "1970-01-01T00:16:44Z#00", "address": 7 });
    fixture.put_raw("OWNER#odd@contoso.example", "DELIVERY", odd).await;
    let mut found = Vec::new();
    let mut from: Option<Position> = None;
    loop {
        let page = registry.undeliverables(from.as_ref(), 10).await.expect("a page");
        found.extend(page.items);
        let Some(next) = page.next else { break };
        let text = next.to_string();
        assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || c == '~'), "no address in {text}");
        from = Some(text.parse().expect("a position"));
    }
    assert!(found.is_sorted_by_key(|known| std::cmp::Reverse(known.since)));
    let mut addresses: Vec<_> = found.into_iter().map(|known| known.address).collect();
    addresses.sort();
    assert_eq!(addresses, (0..25).map(|n| format!("p{n:02}@contoso.example")).collect::<Vec<_>>());
}

#[tokio::test]
async fn one_of_twenty_bounces_is_new() {
    let Fixture { registry, .. } = Fixture::new().await;
    let bounces = (0..20).map(|n| {
        let registry = registry.clone();
        tokio::spawn(
            async move { registry.record_undeliverable(ANN, Rejection::Bounced, "full", at(n)).await },
        )
    });
    let mut new = 0;
    for bounce in bounces.collect::<Vec<_>>() {
        new += usize::from(bounce.await.expect("runs").expect("notes"));
    }
    assert_eq!((new, listed(&registry).await.len()), (1, 1));
}

#[tokio::test]
async fn people_come_together_and_anything_may_be_asked_for() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    assert!(registry.people(&[]).await.expect("reads").is_empty());
    registry.put_owner(&owner(ANN, Some(Language::De))).await.expect("puts");
    fixture.put_raw("OWNER#odd@contoso.example", "OWNER", json!({ "id": "odd", "language": 7 })).await;
    let long = "x".repeat(5000);
    let odd = ["", "not an address", "Ann@Contoso.example", ANN, "odd@contoso.example", "a#b@c", &long];
    let asked: Vec<String> = odd.into_iter().map(str::to_owned).collect();
    let before = fixture.requests();
    let people = registry.people(&asked).await.expect("reads");
    assert_eq!((fixture.requests() - before, people.len()), (1, odd.len()));
    for address in odd {
        let language = address.eq_ignore_ascii_case(ANN).then_some(Language::De);
        assert_eq!(people[address], Person { language, undeliverable: None }, "{address}");
    }
    for address in ["", "not an address", &long] {
        let noted = registry.record_undeliverable(address, Rejection::Invalid, "no address", at(1000)).await;
        assert!(noted.expect("notes"), "{address}");
        assert!(person(registry, address).await.undeliverable.is_some(), "{address}");
        assert!(registry.clear_undeliverable(address).await.expect("clears"), "{address}");
    }
    let many: Vec<String> = (0..51).map(|n| format!("p{n}@contoso.example")).collect();
    let before = fixture.requests();
    assert_eq!(registry.people(&many).await.expect("reads").len(), 51);
    assert_eq!(fixture.requests() - before, 2, "fifty in one request");
}
