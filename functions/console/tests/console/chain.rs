//! Many accounts are authorised one after another.

use crate::{
    browser::{Browser, Page},
    imap::MailServer,
    server::parameters,
    support::{Fixture, pass},
};
use axum::http::StatusCode;
use jiff::SignedDuration;
use url::Url;

async fn accounts(fixture: &Fixture, n: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for i in 0..n {
        ids.push(fixture.account(&format!("a{i:02}")).await.to_string());
    }
    ids
}

async fn select(browser: &mut Browser, ids: &[String]) -> Url {
    let fields: Vec<(&str, &str)> = ids.iter().map(|id| ("account", id.as_str())).collect();
    browser.leave("/accounts/selected", &[fields, vec![("do", "authorise")]].concat()).await
}

/// Signs in as the person that the server is told of, and comes back to the chain's page.
async fn approve(fixture: &Fixture, browser: &mut Browser, request: &Url) -> Page {
    let login = parameters(request)["login_hint"].clone();
    let page = browser.get(&fixture.server.approve(request, &login)).await;
    assert_eq!(page.location().as_deref(), Some("/chain"), "{page:?}");
    browser.get("/chain").await
}

#[tokio::test]
async fn twelve_accounts_follow_one_another_by_themselves() {
    let fixture = Fixture::new().await;
    let ids = accounts(&fixture, 12).await;
    let mail = MailServer::start(true).await;
    fixture.mailbox("m0", &ids[0].parse().expect("id"), mail.port).await;
    let mut browser = fixture.administrator().await;
    let mut request = select(&mut browser, &ids).await;
    for n in 1..=12 {
        assert!(parameters(&request)["login_hint"].starts_with(&ids[n - 1]), "{request}");
        let page = approve(&fixture, &mut browser, &request).await;
        if n < 12 {
            assert!(page.says(&format!("Account {} of 12", n + 1)), "{n}: {page:?}");
            assert!(page.headers["refresh"].to_str().expect("text").starts_with("3; url="), "{page:?}");
            request = page.leads_to().expect("the next one");
        } else {
            assert!(page.says("Re-authorising is done"), "{page:?}");
            assert!(page.leads_to().is_none());
            assert!(page.says("Works: 12"), "{page:?}");
        }
    }
    for id in &ids {
        assert!(fixture.tokens(&id.parse().expect("id")).await.is_some(), "{id}");
    }
    assert!(browser.cookies.len() <= 6, "cookies do not pile up: {}", browser.cookies.len());
}

#[tokio::test]
async fn whatever_comes_of_one_the_chain_goes_on_at_a_click() {
    let fixture = Fixture::new().await;
    let ids = accounts(&fixture, 6).await;
    let broken = MailServer::start(false).await;
    fixture.mailbox("m4", &ids[4].parse().expect("id"), broken.port).await;
    let mut browser = fixture.administrator().await;
    let stays = |page: &Page, said: &str| {
        assert!(page.leads_to().is_none(), "it waits for a click: {page:?}");
        assert!(page.says(said), "{said}: {page:?}");
    };

    let request = select(&mut browser, &ids).await;
    let page = browser.follow(&fixture.server.deny(&request, "access_denied", "")).await;
    stays(&page, "consent was declined");

    let request = browser.leave("/chain/go", &[]).await;
    let page = browser.follow(&fixture.server.approve(&request, "eve@post.test")).await;
    stays(&page, "signed in was eve@post.test");
    let request = browser.leave("/chain/another", &[("account", &ids[1])]).await;
    assert!(parameters(&request)["prompt"].contains("login"));
    let page = approve(&fixture, &mut browser, &request).await;
    assert!(page.says("Account 3 of 6"), "{page:?}");

    fixture.server.becomes(|mood| mood.grants = Some("offline_access".to_owned()));
    let request = browser.leave("/chain/go", &[]).await;
    let login = parameters(&request)["login_hint"].clone();
    let page = browser.follow(&fixture.server.approve(&request, &login)).await;
    stays(&page, "Mail cannot be read without: imap.");
    fixture.server.becomes(|mood| mood.grants = None);

    let page = browser.post_and_follow("/chain/skip", &[("account", &ids[3])]).await;
    stays(&page, "It was skipped.");

    let request = browser.leave("/chain/go", &[]).await;
    let page = approve(&fixture, &mut browser, &request).await;
    stays(&page, "Authorised, but a mailbox does not open");

    fixture.server.becomes(|mood| mood.token_answer = Some((500, "<html>s3cret</html>".to_owned())));
    let request = browser.leave("/chain/go", &[]).await;
    let login = parameters(&request)["login_hint"].clone();
    let page = browser.follow(&fixture.server.approve(&request, &login)).await;
    assert!(page.says("Re-authorising is done"), "{page:?}");
    for said in ["Works: 1", "Authorised, a mailbox does not open: 1", "Not authorised: 3", "Skipped: 1"] {
        assert!(page.says(said), "{said}: {page:?}");
    }
    assert!(!page.says("s3cret"));

    fixture.server.becomes(|mood| mood.token_answer = None);
    let request = browser.leave("/chain/repeat", &[]).await;
    assert!(parameters(&request)["login_hint"].starts_with("a00"), "{request}");
    let page = approve(&fixture, &mut browser, &request).await;
    assert!(page.says("Account 4 of 6"), "{page:?}");
}

#[tokio::test]
async fn a_chain_goes_on_after_the_browser_was_closed() {
    let fixture = Fixture::new().await;
    let ids = accounts(&fixture, 3).await;
    let mut browser = fixture.administrator().await;
    let request = select(&mut browser, &ids).await;
    approve(&fixture, &mut browser, &request).await;
    drop(browser);
    pass(SignedDuration::from_hours(26));
    let mut browser = fixture.administrator().await;
    let page = browser.get("/").await;
    assert!(page.says("1 of 3"), "{page:?}");
    let page = browser.get("/chain").await;
    assert!(page.says("Account 2 of 3") && page.leads_to().is_none(), "{page:?}");
    let request = browser.leave("/chain/go", &[]).await;
    assert!(parameters(&request)["login_hint"].starts_with("a01"));
}

#[tokio::test]
async fn a_consent_whose_run_was_replaced_is_told_on_the_accounts_page() {
    let fixture = Fixture::new().await;
    let ids = accounts(&fixture, 2).await;
    let mut browser = fixture.administrator().await;
    let request = select(&mut browser, &ids[..1]).await;
    select(&mut browser, &ids[1..]).await; // in another tab
    let page = browser.follow(&fixture.server.approve(&request, "a00@post.test")).await;
    assert!(page.says("Account a00") && page.says("Consent was given as a00@post.test."), "{page:?}");
    assert!(fixture.tokens(&ids[0].parse().expect("id")).await.is_some());
    assert!(browser.get("/chain").await.says("Account 1 of 1"), "the other run is as it was");
}

#[tokio::test]
async fn a_stopped_chain_can_be_gone_on_with() {
    let fixture = Fixture::new().await;
    let ids = accounts(&fixture, 3).await;
    let mut browser = fixture.administrator().await;
    select(&mut browser, &ids).await;
    let page = browser.post_and_follow("/chain/stop", &[]).await;
    assert!(page.says("Re-authorising is stopped"), "{page:?}");
    let request = browser.leave("/chain/go", &[]).await;
    assert!(parameters(&request)["login_hint"].starts_with("a00"));
}

#[tokio::test]
async fn a_selection_of_nothing_says_so_whatever_run_there_was_before() {
    let fixture = Fixture::new().await;
    let ids = accounts(&fixture, 2).await;
    let mut browser = fixture.administrator().await;
    select(&mut browser, &ids).await;
    let page = browser.post_and_follow("/accounts/selected", &[("do", "authorise")]).await;
    assert!(page.says("No account was selected") && !page.says("Account 1 of 2"), "{page:?}");
    assert!(browser.get("/chain").await.says("Account 1 of 2"), "the earlier run is still there");
}

#[tokio::test]
async fn all_that_need_it_are_those_without_tokens() {
    let fixture = Fixture::new().await;
    let ids = accounts(&fixture, 3).await;
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/a01/authorise", &[]).await;
    browser.get(&fixture.server.approve(&request, "a01@post.test")).await;
    browser.leave("/accounts/selected", &[("do", "authorise"), ("all", "needed")]).await;
    let page = browser.get("/chain").await;
    assert!(page.says("Account 1 of 2"), "{page:?}");
    assert!(page.says(&ids[0]) && page.says(&ids[2]), "{page:?}");
}

#[tokio::test]
async fn an_administrator_sees_no_chain_of_another() {
    let fixture = Fixture::new().await;
    let ids = accounts(&fixture, 2).await;
    let mut browser = fixture.administrator().await;
    select(&mut browser, &ids).await;
    fixture.server.becomes(|mood| mood.claims = serde_json::json!({"groups": ["postroom-admins"]}));
    let mut other = fixture.browser();
    let request = fixture.begin_sign_in(&mut other, "/sign-in?go=1").await;
    other.get(&fixture.server.approve(&request, "ben@post.test")).await;
    let page = other.get("/chain").await;
    assert!(page.says("Nothing to re-authorise"), "{page:?}");
}

#[tokio::test]
async fn an_account_that_cannot_begin_is_told_and_passed() {
    let fixture = Fixture::new().await;
    let mut lost = fixture.server.provider("lost");
    lost.endpoints = postroom_model::Endpoints::Issuer("http://127.0.0.1:1/".parse().expect("url"));
    fixture.registry.put_provider(&lost, crate::support::now()).await.expect("stored");
    fixture.account_at("a00", "lost").await;
    fixture.account("a01").await;
    let mut browser = fixture.administrator().await;
    let fields = [("account", "a00"), ("account", "a01"), ("do", "authorise")];
    let page = browser.post_and_follow("/accounts/selected", &fields).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.says("The server cannot be reached."), "{page:?}");
    assert!(page.says("Account 2 of 2"), "{page:?}");
}
