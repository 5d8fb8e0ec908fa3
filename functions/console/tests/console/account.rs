//! An account's page: what it shows, and revoking, checking, and moving mailboxes onto it.

use crate::{browser::Browser, imap::MailServer, support::Fixture};
use axum::http::StatusCode;
use postroom_model::{AccountId, Auth, Mailbox};

/// An account that its login has authorised.
async fn authorised(fixture: &Fixture, browser: &mut Browser, id: &str) -> AccountId {
    let account = fixture.account(id).await;
    let request = browser.leave(&format!("/accounts/{id}/authorise"), &[]).await;
    browser.follow(&fixture.server.approve(&request, &format!("{id}@post.test"))).await;
    assert!(fixture.tokens(&account).await.is_some());
    account
}

async fn basic(fixture: &Fixture, id: &str, port: u16) {
    let mailbox: Mailbox = serde_json::from_value(serde_json::json!({
        "id": id, "protocol": "imap", "host": "127.0.0.1", "port": port, "tls": "none", "user": id,
    }))
    .expect("a mailbox");
    fixture.registry.put_mailbox(&mailbox, crate::support::now()).await.expect("stored");
}

async fn auth(fixture: &Fixture, id: &str) -> Auth {
    let placed = fixture.registry.mailbox(&id.parse().expect("id")).await.expect("answers");
    placed.expect("is there").mailbox.auth
}

#[tokio::test]
async fn mailboxes_move_onto_an_account_only_if_they_open_with_it() {
    let fixture = Fixture::new().await;
    let (open, closed) = (MailServer::start(true).await, MailServer::start(false).await);
    let mut browser = fixture.administrator().await;
    let account = authorised(&fixture, &mut browser, "projects").await;
    let other = fixture.account("other").await;
    fixture.mailbox("own", &account, open.port).await;
    fixture.mailbox("theirs", &other, open.port).await;
    basic(&fixture, "plain", open.port).await;
    basic(&fixture, "shut", closed.port).await;

    let page = browser.get("/accounts/projects").await;
    assert!(page.says("own") && !page.says("value=\"plain\""), "{page:?}");
    let page = browser.get("/accounts/projects?find=").await;
    for offered in ["plain", "shut", "theirs"] {
        assert!(page.says(&format!("name=\"mailbox\" value=\"{offered}\"")), "{offered}: {page:?}");
    }
    assert!(!page.says("value=\"own\"") && page.says("account other"), "{page:?}");
    let page = browser.get("/accounts/projects?find=PLAI").await;
    assert!(page.says("value=\"plain\"") && !page.says("value=\"shut\""), "{page:?}");

    let chosen = ["plain", "shut", "theirs", "own", "gone"].map(|id| ("mailbox", id));
    let page = browser.post("/accounts/projects/adopt", &chosen).await;
    assert!(page.says("2 of 5 moved"), "{page:?}");
    assert!(page.says("refused the access token") && page.says("Already on this account"), "{page:?}");
    assert!(page.says("no such mailbox"), "{page:?}");
    let on = Auth::Oauth(account);
    assert_eq!([auth(&fixture, "plain").await, auth(&fixture, "theirs").await], [on.clone(), on]);
    let due = fixture.registry.due_of("account", crate::support::now(), 10).await.expect("answers");
    let is_due = due.iter().any(|due| due.subject.to_string() == "account:projects");
    assert!(is_due, "their owners may have to be told of the account now: {due:?}");
    assert_eq!(auth(&fixture, "shut").await, Auth::Basic);
    let page = browser.post("/accounts/projects/adopt", &[]).await;
    assert!(page.says("No mailbox was chosen."), "{page:?}");
}

#[tokio::test]
async fn a_service_accounts_token_is_fetched_for_its_own_users_only() {
    let fixture = Fixture::new().await;
    let server = MailServer::start(true).await;
    let id = fixture.account("robot").await;
    let mut account = fixture.registry.account(&id).await.expect("answers").expect("is there");
    account.grant = postroom_model::Grant::ServiceAccount;
    fixture.registry.put_account(&account, crate::support::now()).await.expect("stored");
    fixture.mailbox("own", &id, server.port).await;
    basic(&fixture, "boss", server.port).await;
    let mut browser = fixture.administrator().await;
    let page = browser.post("/accounts/robot/adopt", &[("mailbox", "boss"), ("mailbox", "boss")]).await;
    assert!(page.says("0 of 1 moved") && page.says("has no mailbox of its user"), "{page:?}");
    assert_eq!(auth(&fixture, "boss").await, Auth::Basic);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn an_account_is_revoked_only_after_asking() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.administrator().await;
    let account = authorised(&fixture, &mut browser, "projects").await;
    fixture.mailbox("own", &account, 1).await;
    let page = browser.post("/accounts/projects/revoke", &[]).await;
    assert!(page.says("Revoke projects?") && page.says("Mailboxes that stop: 1"), "{page:?}");
    assert!(fixture.tokens(&account).await.is_some());
    let page = browser.post("/accounts/projects/revoke", &[("confirmed", "yes")]).await;
    assert!(page.says("has forgotten"), "{page:?}");
    assert!(fixture.tokens(&account).await.is_none());
    let page = browser.get("/accounts/projects").await;
    assert!(page.says("Not authorised yet") && !page.says("/accounts/projects/revoke"), "{page:?}");
    let page = browser.post("/accounts/projects/revoke", &[("confirmed", "yes")]).await;
    assert!(page.says("nothing to revoke"), "{page:?}");
    for path in ["/accounts/none/revoke", "/accounts/none/check", "/accounts/none/adopt"] {
        let page = browser.post(path, &[]).await;
        page.is_problem(StatusCode::NOT_FOUND, "There is nothing here");
    }
}

#[tokio::test]
async fn checking_tells_what_works_now() {
    let fixture = Fixture::new().await;
    let (open, closed) = (MailServer::start(true).await, MailServer::start(false).await);
    let mut browser = fixture.administrator().await;
    let account = authorised(&fixture, &mut browser, "projects").await;
    let page = browser.post("/accounts/projects/check", &[]).await;
    assert!(page.says("There is one that counts.") && page.says("No mailbox uses this account"), "{page:?}");
    fixture.mailbox("a-open", &account, open.port).await;
    fixture.mailbox("b-shut", &account, closed.port).await;
    let page = browser.post("/accounts/projects/check", &[]).await;
    assert!(page.says("folder: 42") && page.says("refused the access token"), "{page:?}");
    fixture.account("new").await;
    let page = browser.post("/accounts/new/check", &[]).await;
    assert!(page.says("Fails") && page.says("Re-authorise the account."), "{page:?}");
}

#[tokio::test]
async fn whoever_consented_for_a_directory_is_told_what_comes_next() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.browser(); // an administrator of the directory, nobody to Postroom
    let page = browser.get("/callback?admin_consent=True&tenant=t&state=admin-consent").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.says("The directory has answered") && page.says("press “Check now”"), "{page:?}");
    let page =
        browser.get("/callback?error=access_denied&error_description=%3Cb%3E&state=admin-consent").await;
    assert!(page.says("did not consent") && !page.says("<b>"), "{page:?}");
}

#[tokio::test]
async fn app_registrations_show_the_redirect_url_and_nothing_secret() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.administrator().await;
    let page = browser.get("/providers").await;
    assert!(
        page.says("http://console.test/callback") && page.says("Administrators sign in here too."),
        "{page:?}"
    );
    assert!(page.says("id=\"sso\"") && page.says("No trouble known"), "{page:?}");
}
