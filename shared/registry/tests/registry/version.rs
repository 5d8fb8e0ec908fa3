//! Items of other releases: what an earlier one left is taken in, what a later one wrote stays as it is.

use crate::support::{Fixture, at, id, mailbox};
use postroom_model::Subject;
use postroom_registry::Error;
use serde_json::json;

#[tokio::test]
async fn what_an_earlier_release_had_nobody_look_at_is_looked_at() {
    let fixture = Fixture::new().await;
    let account = |name: &str| json!({ "kind": "account", "v": 1, "id": name, "provider": "sso", "grant": "device_code" });
    for name in ["authorised", "looked-at", "later", "waits"] {
        fixture.put_raw(&format!("ACCOUNT#{name}"), "ACCOUNT", account(name)).await;
    }
    let status = |name: &str| format!("ACCOUNT#{name}");
    fixture.put_raw(&status("authorised"), "STATUS", json!({ "obtained_at": 10 })).await;
    let seen = json!({ "obtained_at": 10, "remind": "account", "remind_at": 50 });
    fixture.put_raw(&status("looked-at"), "STATUS", seen).await;
    fixture.put_raw(&status("later"), "STATUS", json!({ "obtained_at": 10, "v": 2 })).await;
    fixture.put_raw(&status("waits"), "STATUS", json!({ "kind": "unauthorised", "id": "waits" })).await;
    let provider = |ends| json!({ "kind": "provider", "v": 1, "id": "p", "client_auth_expires": ends });
    fixture.put_raw("PROVIDER#ends", "PROVIDER", provider(Some("2027-01-01"))).await;
    fixture.put_raw("PROVIDER#stays", "PROVIDER", json!({ "kind": "provider", "v": 1, "id": "q" })).await;

    let unseen = async || {
        let providers = fixture.registry.unseen_providers(None, 10).await.expect("lists");
        let accounts = fixture.registry.unseen_accounts(None, 10).await.expect("lists");
        assert_eq!((providers.next, accounts.next), (None, None));
        [providers.items, accounts.items].concat()
    };
    let (ends, authorised) = (Subject::Provider(id("ends")), Subject::Account(id("authorised")));
    assert_eq!(unseen().await, [ends.clone(), authorised.clone()]);
    for subject in [&ends, &authorised, &Subject::Account(id("looked-at"))] {
        assert!(fixture.registry.look_at_unseen(subject, at(100)).await.expect("writes"), "{subject}");
    }
    assert!(!fixture.registry.look_at_unseen(&Subject::Account(id("gone")), at(100)).await.expect("nothing"));
    let due = fixture.registry.due_subjects(at(100), 10).await.expect("lists");
    let mut due: Vec<_> = due.into_iter().map(|due| (due.remind_at.as_second(), due.subject)).collect();
    // Of equal times either may come first.
    due.sort_by_key(|(at, subject)| (*at, subject.to_string()));
    assert_eq!(due, [(50, Subject::Account(id("looked-at"))), (100, authorised), (100, ends)]);
    assert_eq!(unseen().await, [], "once");
}

#[tokio::test]
async fn what_nobody_looked_at_is_listed_page_by_page() {
    let fixture = Fixture::new().await;
    let names: Vec<String> = (0..5).map(|n| format!("account-{n}")).collect();
    for name in &names {
        let account = json!({ "kind": "account", "v": 1, "id": name });
        fixture.put_raw(&format!("ACCOUNT#{name}"), "ACCOUNT", account).await;
        fixture.put_raw(&format!("ACCOUNT#{name}"), "STATUS", json!({ "refused_at": 10 })).await;
    }
    let (mut found, mut from) = (Vec::new(), None);
    loop {
        let page = fixture.registry.unseen_accounts(from.as_ref(), 2).await.expect("lists");
        assert!(page.items.len() <= 2, "{page:?}");
        found.extend(page.items.iter().map(ToString::to_string));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(found, names.iter().map(|name| format!("account:{name}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_mailbox_that_an_earlier_release_wrote_is_listed() {
    let fixture = Fixture::new().await;
    let item = json!({
        "kind": "mailbox", "v": 1, "id": "site", "protocol": "imap", "host": "mail.example", "port": 993,
        "tls": "implicit", "user": "site", "auth": { "oauth": "ann" },
    });
    fixture.put_raw("MAILBOX#site", "CONFIG", item).await;
    let registry = &fixture.registry;
    assert_eq!(registry.mailboxes_of(&id("ann")).await.expect("lists"), []);
    let placed = registry.mailbox(&id("site")).await.expect("reads").expect("is there");
    registry.list_mailbox(&placed.mailbox).await.expect("writes");
    assert_eq!(registry.mailboxes_of(&id("ann")).await.expect("lists").len(), 1);
    registry.list_mailbox(&mailbox("gone")).await.expect("writes nothing");
    assert_eq!(registry.mailbox(&id("gone")).await.expect("reads"), None);
}

#[tokio::test]
async fn no_write_takes_the_place_of_what_a_later_release_wrote() {
    let fixture = Fixture::new().await;
    fixture
        .put_raw("MAILBOX#m", "CONFIG", json!({ "kind": "mailbox", "id": "m", "v": 2, "sealed": true }))
        .await;
    let registry = &fixture.registry;
    let errors = [
        registry.put_mailbox(&mailbox("m"), at(1)).await.expect_err("later"),
        registry.pause_mailbox(&id("m"), Some(at(1))).await.expect_err("later"),
        registry.mailboxes().await.expect_err("later"),
        registry.delete_mailbox(&id("m")).await.expect_err("later"),
    ];
    for error in errors {
        assert!(matches!(&error, Error::TooNew { found, known: 1, .. } if found == "2"), "{error}");
    }
    let key = aws_sdk_dynamodb::types::AttributeValue::S;
    let held = fixture.client.get_item().table_name(&fixture.table);
    let held = held.key("pk", key("MAILBOX#m".into())).key("sk", key("CONFIG".into())).send().await;
    assert_eq!(held.expect("answers").item.expect("is there").len(), 6, "as it was");
}
