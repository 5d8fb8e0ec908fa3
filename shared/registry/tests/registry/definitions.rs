//! Definitions: what is written is read back, by key and in lists, whichever release wrote it.

use crate::support::{Fixture, account, at, batch, id, json, mailbox};
use postroom_model::{AfterFetch, Auth, MailboxId, Provider};
use postroom_registry::Error;
use serde_json::json;

fn provider() -> Provider {
    serde_json::from_value(json!({
        "id": "contoso", "preset": "microsoft", "tenant": "contoso.example", "client_id": "c",
        "endpoints": {"issuer": "https://login.example/v2.0"}, "client_auth": "secret",
        "client_auth_expires": "2027-09-30", "scopes": ["imap"], "sasl": "xoauth2",
    }))
    .expect("provider")
}

#[tokio::test]
async fn definitions_are_written_read_listed_and_deleted() {
    let Fixture { registry, .. } = Fixture::new().await;
    assert_eq!(registry.providers().await.expect("lists"), []);
    assert_eq!(registry.provider(&id("contoso")).await.expect("reads"), None);

    registry.put_provider(&provider(), at(1000)).await.expect("puts");
    for name in ["b", "a"] {
        registry.put_account(&account(name), at(1000)).await.expect("puts");
    }
    assert_eq!(registry.provider(&id("contoso")).await.expect("reads"), Some(provider()));
    assert_eq!(registry.account(&id("a")).await.expect("reads"), Some(account("a")));
    assert_eq!(registry.providers().await.expect("lists"), [provider()]);
    assert_eq!(registry.accounts().await.expect("lists"), [account("a"), account("b")]);

    registry.delete_account(&id("a")).await.expect("deletes");
    registry.delete_account(&id("a")).await.expect("deletes again");
    registry.delete_provider(&id("contoso")).await.expect("deletes");
    assert_eq!(registry.accounts().await.expect("lists"), [account("b")]);
    assert_eq!(registry.provider(&id("contoso")).await.expect("reads"), None);
}

#[tokio::test]
async fn a_mailbox_written_again_is_what_was_written_and_keeps_its_place() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name: MailboxId = id("site-diary");
    let mut wanted = mailbox("site-diary");
    wanted.auth = Auth::Oauth(id("projects"));
    wanted.after_fetch = AfterFetch::Move("Archived".into());
    wanted.tags.insert("project".into(), "bridge-17".into());
    registry.put_mailbox(&wanted, at(1000)).await.expect("puts");
    let placed = registry.mailbox(&name).await.expect("reads").expect("is there");
    assert_eq!((placed.mailbox, placed.batch, placed.batched_at), (wanted, None, None));

    registry.put_batch(&batch("5m-0001", std::slice::from_ref(&name)), at(1000), 0.0).await.expect("puts");
    registry.put_mailbox(&mailbox("site-diary"), at(1000)).await.expect("puts");
    let placed = registry.mailbox(&name).await.expect("reads").expect("is there");
    assert_eq!(placed.mailbox, mailbox("site-diary"), "nothing of the earlier definition is left");
    assert_eq!((placed.batch.clone(), placed.batched_at), (Some(id("5m-0001")), Some(at(1000))));
    assert_eq!(registry.mailboxes().await.expect("lists"), [placed]);

    registry.record_success(&name, at(2000), 7, None).await.expect("records");
    registry.delete_mailbox(&name).await.expect("deletes");
    assert_eq!(registry.mailboxes().await.expect("lists"), []);
    registry.put_mailbox(&mailbox("site-diary"), at(1000)).await.expect("puts");
    let loaded = registry.load(&[name]).await.expect("loads").remove(0).1.expect("readable");
    assert_eq!((loaded.placed.batch, loaded.state.backlog), (None, 7), "its state outlived it");
}

#[tokio::test]
async fn an_item_from_before_oauth_loads_as_basic() {
    let fixture = Fixture::new().await;
    let item = json!({
        "kind": "mailbox", "id": "plant", "protocol": "imap", "host": "mail.example", "port": 993,
        "tls": "implicit", "user": "plant", "interval": "5m",
    });
    fixture.put_raw("MAILBOX#plant", "CONFIG", item).await;
    let registry = &fixture.registry;
    let placed = registry.mailbox(&id("plant")).await.expect("reads").expect("is there");
    assert_eq!(placed.mailbox.auth, Auth::Basic);
    assert_eq!(placed.mailbox, mailbox("plant"));
    assert_eq!(
        (placed.paused_at, placed.transcript_until, placed.listed_under.as_deref()),
        (None, None, None)
    );
    assert_eq!(registry.mailboxes().await.expect("lists"), [placed]);
}

#[tokio::test]
async fn an_item_of_a_later_release_is_refused_by_name() {
    let fixture = Fixture::new().await;
    let mut item = json(account("a"));
    item["v"] = 2.into();
    fixture.put_raw("ACCOUNT#a", "ACCOUNT", item).await;
    let error = fixture.registry.account(&id("a")).await.expect_err("too new");
    assert!(matches!(error, Error::TooNew { .. }) && !error.is_transient());
    let text = format!(
        "item ACCOUNT#a/ACCOUNT of table {} has version 2, and this release knows versions up to 1: \
         a later release has written it; deploy that one, and use its command line",
        fixture.table
    );
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn lists_go_on_past_the_first_page() {
    let Fixture { registry, .. } = Fixture::new().await;
    let mut wide = mailbox("m0");
    // Sixty items of about 20 KB: more than the 1 MB of one page.
    wide.tags.insert("note".into(), "x".repeat(20_000));
    for n in 0..60 {
        wide.id = id(&format!("m{n:02}"));
        registry.put_mailbox(&wide, at(1000)).await.expect("puts");
    }
    assert_eq!(registry.mailboxes().await.expect("lists").len(), 60);
}
