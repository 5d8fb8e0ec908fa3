//! A mailbox that was moved onto an account goes back to how it signed in before.

use crate::{
    imap::MailServer,
    migration::{basic, put, stored},
    support::{Fixture, now},
};
use axum::http::StatusCode;
use postroom_model::{Auth, Mailbox};

/// A mailbox that was moved onto the account `projects`, and what it was before.
async fn migrated(fixture: &Fixture, port: u16) -> (Mailbox, Mailbox) {
    let account = fixture.account("projects").await;
    let before = basic(fixture, "plain", port).await;
    let after = Mailbox { auth: Auth::Oauth(account), password_expires: None, ..before.clone() };
    let moved = fixture.registry.migrate_mailbox(&before.id, &before, &after, now()).await;
    assert!(moved.expect("answers"));
    (before, after)
}

#[tokio::test]
async fn it_is_rehearsed_and_asked_before_a_mailbox_goes_back() {
    let fixture = Fixture::new().await;
    let open = MailServer::start(true).await;
    let (before, after) = migrated(&fixture, open.port).await;
    let mut browser = fixture.administrator().await;
    let page = browser.get("/mailboxes/plain").await;
    assert!(page.says("it signed in with its own password, as plain at 127.0.0.1"), "{page:?}");
    assert!(page.says("Back to the password"), "{page:?}");

    let page = browser.post("/mailboxes/plain/back", &[]).await;
    assert!(page.says("Move plain back?") && page.says("first folder: 42"), "{page:?}");
    assert_eq!(stored(&fixture, "plain").await, after);
    let page = browser.post_and_follow("/mailboxes/plain/back", &[("confirmed", "yes")]).await;
    assert!(page.says("Moved back.") && !page.says("Back to the password"), "{page:?}");
    assert_eq!(stored(&fixture, "plain").await, before);
    assert!(fixture.registry.former(&before.id).await.expect("answers").is_none());
    // Once more, as a second tab would: it is shown as it is.
    let page = browser.post("/mailboxes/plain/back", &[("confirmed", "yes")]).await;
    assert_eq!(page.location().as_deref(), Some("/mailboxes/plain"), "{page:?}");
    assert_eq!(stored(&fixture, "plain").await, before);
}

#[tokio::test]
async fn what_does_not_open_as_before_is_left_as_it_is() {
    let fixture = Fixture::new().await;
    let closed = MailServer::start(false).await;
    let (before, after) = migrated(&fixture, closed.port).await;
    let mut browser = fixture.administrator().await;
    for fields in [&[][..], &[("confirmed", "yes")]] {
        let page = browser.post("/mailboxes/plain/back", fields).await;
        assert!(page.says("It does not open as it was before"), "{page:?}");
        assert!(page.says("refused the user name or the password"), "{page:?}");
        assert_eq!(stored(&fixture, "plain").await, after);
    }
    assert!(fixture.registry.former(&before.id).await.expect("answers").is_some());
    let page = browser.post_and_follow("/mailboxes/none/back", &[]).await;
    page.is_problem(StatusCode::NOT_FOUND, "There is nothing here");
}

#[tokio::test]
async fn a_new_password_never_goes_to_the_place_of_before() {
    let fixture = Fixture::new().await;
    let (evil, honest) = (MailServer::start(true).await, MailServer::start(true).await);
    let (before, _) = migrated(&fixture, evil.port).await;
    let mut there = before.clone();
    there.server.port = honest.port;
    put(&fixture, &there).await;
    fixture.vault.put_password(&there.id, &"an0ther".into()).await.expect("stored");
    let mut browser = fixture.administrator().await;
    assert!(!browser.get("/mailboxes/plain").await.says("Back to the password"));
    for fields in [&[][..], &[("confirmed", "yes")]] {
        let page = browser.post("/mailboxes/plain/back", fields).await;
        assert_eq!(page.location().as_deref(), Some("/mailboxes/plain"), "{page:?}");
    }
    assert_eq!((evil.connections(), stored(&fixture, "plain").await), (0, there));
}

#[tokio::test]
async fn a_token_goes_back_to_no_host_that_the_account_has_left() {
    let fixture = Fixture::new().await;
    let (left, other) = (MailServer::start(true).await, MailServer::start(true).await);
    let (old, new) = (fixture.account("old").await, fixture.account("new").await);
    let before = fixture.mailbox("plain", &old, left.port).await;
    let mut after = Mailbox { auth: Auth::Oauth(new), ..before.clone() };
    after.server.port = other.port;
    let moved = fixture.registry.migrate_mailbox(&before.id, &before, &after, now()).await;
    assert!(moved.expect("answers"));
    let mut browser = fixture.administrator().await;
    for fields in [&[][..], &[("confirmed", "yes")]] {
        let page = browser.post("/mailboxes/plain/back", fields).await;
        assert!(page.says("this account's token goes nowhere new"), "{page:?}");
        assert!(page.says("It was left as it is."), "{page:?}");
    }
    assert_eq!((left.connections(), stored(&fixture, "plain").await), (0, after));
}
