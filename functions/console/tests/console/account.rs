//! An account's page: what it shows, and revoking and checking it.

use crate::{
    browser::Browser,
    imap::MailServer,
    support::{Fixture, now},
};
use axum::http::StatusCode;
use jiff::SignedDuration;
use postroom_model::{Account, AccountId, ClientAuth, ClientSecret, Grant, TokenSet};

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
    assert!(page.says("already may open mailboxes until it ends: "), "{page:?}");
    assert!(fixture.tokens(&account).await.is_some());
    let page = browser.post("/accounts/projects/revoke", &[("confirmed", "yes")]).await;
    assert!(
        page.says("has forgotten") && page.says("already may open mailboxes until it ends: "),
        "{page:?}"
    );
    assert!(fixture.tokens(&account).await.is_none());
    let page = browser.get("/accounts/projects").await;
    assert!(page.says("Not authorised yet") && !page.says("/accounts/projects/revoke"), "{page:?}");
    let page = browser.post("/accounts/projects/revoke", &[("confirmed", "yes")]).await;
    assert!(page.says("nothing to revoke") && !page.says("may open"), "{page:?}");
    for path in ["/accounts/none/revoke", "/accounts/none/check", "/accounts/none/move"] {
        let page = browser.post(path, &[]).await;
        page.is_problem(StatusCode::NOT_FOUND, "There is nothing here");
    }
}

#[tokio::test]
async fn an_account_whose_provider_has_lost_its_secret_is_not_revoked_and_nothing_is_forgotten() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.administrator().await;
    let account = authorised(&fixture, &mut browser, "projects").await;
    let provider = "sso".parse().expect("an id");
    let mut confidential = fixture.server.provider("sso");
    confidential.client_auth = ClientAuth::Secret;
    fixture.registry.put_provider(&confidential, now()).await.expect("stored");
    let page = browser.post("/accounts/projects/revoke", &[("confirmed", "yes")]).await;
    let secret = format!("{}/provider/sso", fixture.settings.secret_prefix);
    assert!(page.says("It was not revoked, and nothing was changed") && page.says(&secret), "{page:?}");
    assert!(fixture.server.posted("/revoke").is_empty(), "nobody could ask the server");
    assert!(fixture.tokens(&account).await.is_some());

    let secret = ClientSecret::Secret("s3cret".into());
    fixture.vault.put_client_secret(&provider, &secret).await.expect("stored");
    let page = browser.post("/accounts/projects/revoke", &[("confirmed", "yes")]).await;
    assert!(page.says("has forgotten"), "{page:?}");
    assert!(fixture.tokens(&account).await.is_none());
}

/// Revoking would stop nothing where Postroom gets new tokens by itself: that is said, and nothing is done.
#[tokio::test]
async fn what_needs_nobodys_consent_is_not_revoked() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.administrator().await;
    for grant in ["authorization_code", "device_code", "client_credentials", "service_account", "password"] {
        let account: Account = serde_json::from_value(serde_json::json!({
            "id": grant.replace('_', "-"), "provider": "sso", "grant": grant, "login": "robot@post.test",
        }))
        .expect("an account");
        let id = &account.id;
        fixture.registry.put_account(&account, now()).await.expect("stored");
        let answer = r#"{"access_token": "a", "token_type": "Bearer", "expires_in": 3600}"#;
        let tokens = TokenSet::from_response(answer, now()).expect("a token set");
        let consent = postroom_tokens::Consent { at: now(), identity: None };
        let until = now() + SignedDuration::from_secs(5);
        fixture.custody().accept(id, tokens, consent, until).await.expect("accepted");

        let page = browser.get(&format!("/accounts/{id}")).await;
        let path = format!("/accounts/{id}/revoke");
        assert_eq!(page.says(&path), account.grant.needs_consent(), "{grant}: {page:?}");
        let asked = browser.post(&path, &[]).await;
        let done = browser.post(&path, &[("confirmed", "yes")]).await;
        if account.grant.needs_consent() {
            assert!(asked.says("Yes, revoke it") && done.says("has forgotten"), "{grant}: {done:?}");
            continue;
        }
        let way_out = match account.grant {
            Grant::Password => "change the password at the provider",
            _ => "take these rights away at the provider",
        };
        for page in [page, asked, done] {
            assert!(page.says(way_out) && !page.says("Yes, revoke it"), "{grant}: {page:?}");
        }
        assert!(fixture.tokens(id).await.is_some(), "{grant}");
    }
    assert_eq!(fixture.server.posted("/revoke").len(), 2, "of the two accounts that somebody consents to");
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
