//! Mailboxes as people look for them, and what people set on one.

use crate::support::{Fixture, at, batch, id, mailbox};
use postroom_model::{Auth, Mailbox, MailboxId};
use postroom_registry::{Page, PlacedMailbox, Position, Registry};
use serde_json::json;

fn names(page: &Page<PlacedMailbox>) -> Vec<&str> {
    page.items.iter().map(|placed| placed.mailbox.id.as_str()).collect()
}

async fn found(registry: &Registry, basic: bool, text: Option<&str>) -> Vec<String> {
    let mut from: Option<Position> = None;
    let mut found = Vec::new();
    loop {
        let page = registry.mailboxes_page(basic, text, from.as_ref(), 7).await.expect("a page");
        found.extend(names(&page).into_iter().map(str::to_owned));
        from = page.next;
        if from.is_none() {
            return found;
        }
    }
}

fn oauth(name: &str, account: &str) -> Mailbox {
    Mailbox { auth: Auth::Oauth(id(account)), ..mailbox(name) }
}

#[tokio::test]
async fn mailboxes_are_found_by_account_and_page_by_page() {
    let Fixture { registry, .. } = Fixture::new().await;
    for n in 0..40 {
        let name = format!("m{n:02}");
        let mut wanted =
            if n % 2 == 0 { mailbox(&name) } else { oauth(&name, if n % 4 == 1 { "a" } else { "b" }) };
        wanted.owners = vec![format!("Owner-{}@example", n / 10)];
        registry.put_mailbox(&wanted, at(1000)).await.expect("puts");
    }
    let numbered = |wanted: fn(usize) -> bool| -> Vec<String> {
        (0..40).filter(|n| wanted(*n)).map(|n| format!("m{n:02}")).collect()
    };
    assert_eq!(found(&registry, false, None).await, numbered(|_| true));
    assert_eq!(found(&registry, true, None).await, numbered(|n| n % 2 == 0));
    assert_eq!(found(&registry, false, Some("M3")).await, numbered(|n| n >= 30));
    assert_eq!(found(&registry, true, Some("owner-1@")).await, numbered(|n| n / 10 == 1 && n % 2 == 0));
    assert_eq!(found(&registry, true, Some("MAIL.example")).await.len(), 20);
    let ids = |placed: Vec<PlacedMailbox>| -> Vec<String> {
        placed.into_iter().map(|placed| placed.mailbox.id.to_string()).collect()
    };
    let of_a = registry.mailboxes_of(&id("a")).await.expect("lists");
    assert_eq!(ids(of_a), numbered(|n| n % 4 == 1));
    let first = registry.first_mailboxes_of(&id("a"), 3).await.expect("lists");
    assert_eq!(ids(first), ["m01", "m05", "m09"]);

    // A mailbox that changes how it signs in changes its list.
    registry.put_mailbox(&mailbox("m01"), at(1000)).await.expect("puts");
    registry.put_mailbox(&oauth("m00", "a"), at(1000)).await.expect("puts");
    let of_a = ids(registry.mailboxes_of(&id("a")).await.expect("lists"));
    assert!(of_a.contains(&"m00".into()) && !of_a.contains(&"m01".into()));
    assert!(registry.mailboxes_of(&id("nobody")).await.expect("lists").is_empty());
}

#[tokio::test]
async fn a_mailbox_that_cannot_be_read_hides_no_other() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    registry.put_mailbox(&oauth("m1", "a"), at(1000)).await.expect("puts");
    fixture
        .put_raw("MAILBOX#m0", "CONFIG", json!({ "kind": "mailbox", "id": "m0", "account": "a", "v": 99 }))
        .await;
    let of_a = registry.mailboxes_of(&id("a")).await.expect("lists");
    assert_eq!(of_a.len(), 1);
    assert_eq!(of_a[0].mailbox.id.as_str(), "m1");
}

#[tokio::test]
async fn a_mailbox_of_the_earlier_release_is_listed_once_it_is_written_again() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let item = json!({
        "kind": "mailbox", "id": "plant", "protocol": "imap", "host": "mail.example", "port": 993,
        "tls": "implicit", "user": "plant", "interval": "5m", "auth": {"oauth": "a"}, "batch": "5m-0001",
    });
    fixture.put_raw("MAILBOX#plant", "CONFIG", item).await;
    let placed = registry.mailbox(&id("plant")).await.expect("reads").expect("is there");
    assert_eq!((&placed.mailbox.auth, placed.listed_under.as_deref()), (&Auth::Oauth(id("a")), None));
    assert_eq!(found(registry, false, Some("plant")).await, ["plant"]);
    assert!(registry.mailboxes_of(&id("a")).await.expect("lists").is_empty());
    registry.put_mailbox(&placed.mailbox, at(1000)).await.expect("puts");
    let listed = registry.mailboxes_of(&id("a")).await.expect("lists");
    assert_eq!(listed, [PlacedMailbox { listed_under: Some("a".into()), ..placed }]);
}

#[tokio::test]
async fn a_pause_and_a_transcript_outlive_a_new_definition() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name: MailboxId = id("m");
    assert!(!registry.pause_mailbox(&name, Some(at(1000))).await.expect("answers"));
    assert!(!registry.set_transcript(&name, None).await.expect("answers"));
    assert_eq!(registry.mailbox(&name).await.expect("reads"), None, "nothing is created");

    registry.put_mailbox(&mailbox("m"), at(1000)).await.expect("puts");
    registry.put_batch(&batch("5m-0001", std::slice::from_ref(&name)), at(900), 0.0).await.expect("puts");
    assert!(registry.pause_mailbox(&name, Some(at(1000))).await.expect("answers"));
    assert!(registry.set_transcript(&name, Some(at(2000))).await.expect("answers"));
    registry.put_mailbox(&oauth("m", "a"), at(1000)).await.expect("puts");
    let placed = registry
        .load(std::slice::from_ref(&name))
        .await
        .expect("loads")
        .remove(0)
        .1
        .expect("readable")
        .placed;
    assert_eq!((placed.paused_at, placed.transcript_until), (Some(at(1000)), Some(at(2000))));
    assert_eq!(placed.mailbox, oauth("m", "a"));

    assert!(registry.pause_mailbox(&name, None).await.expect("answers"));
    assert!(registry.set_transcript(&name, None).await.expect("answers"));
    let placed = registry.mailbox(&name).await.expect("reads").expect("is there");
    assert_eq!((placed.paused_at, placed.transcript_until, placed.batch), (None, None, Some(id("5m-0001"))));
}
