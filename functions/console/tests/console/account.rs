//! An account's page: what it shows, and revoking and checking it.

use crate::{browser::Browser, imap::MailServer, support::Fixture};
use axum::http::StatusCode;
use postroom_model::AccountId;

/// An account that its login has authorised.
pub(crate) async fn authorised(fixture: &Fixture, browser: &mut Browser, id: &str) -> AccountId {
    let account = fixture.account(id).await;
    let request = browser.leave(&format!("/accounts/{id}/authorise"), &[]).await;
    browser.follow(&fixture.server.approve(&request, &format!("{id}@post.test"))).await;
    assert!(fixture.tokens(&account).await.is_some());
    account
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
    for path in ["/accounts/none/revoke", "/accounts/none/check", "/accounts/none/move"] {
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
