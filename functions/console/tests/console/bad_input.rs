//! Whatever comes in: a clear page with what to do next, and no account is changed.

use crate::{server::parameters, support::Fixture};
use axum::http::StatusCode;
use std::time::Duration;

#[tokio::test]
async fn what_is_not_there_is_said_to_be_missing() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.administrator().await;
    for path in ["/accounts/unknown", "/accounts/A%20B", "/mailboxes/unknown", "/nothing", "/accounts/a/b/c"]
    {
        browser.get(path).await.is_problem(StatusCode::NOT_FOUND, "There is nothing here");
    }
    for path in ["/accounts/unknown/authorise", "/accounts/unknown/link", "/chain/dance"] {
        browser.post(path, &[]).await.is_problem(StatusCode::NOT_FOUND, "There is nothing here");
    }
}

#[tokio::test]
async fn malformed_callbacks_are_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let invalid = "That request cannot be understood";
    for query in
        ["", "?", "?code=x", "?state=", "?state=a&state=b&code=x", &format!("?state={}", "x".repeat(9000))]
    {
        let page = browser.get(&format!("/callback{query}")).await;
        page.is_problem(StatusCode::BAD_REQUEST, invalid);
    }
    for query in ["", "&code=", &format!("&code={}", "x".repeat(5000))] {
        let request = browser.leave("/accounts/projects/authorise", &[]).await;
        let state = parameters(&request)["state"].clone();
        let page = browser.get(&format!("/callback?state={state}{query}")).await;
        page.is_problem(StatusCode::BAD_REQUEST, invalid);
    }
    let page = browser.get("/callback?state=unknown&code=x").await;
    page.is_problem(StatusCode::FORBIDDEN, "This sign-in was begun elsewhere");
    fixture.is_untouched(&projects).await;
}

#[tokio::test]
async fn whatever_a_server_answers_the_account_stays_as_it_was() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let big = format!("{{\"access_token\":\"{}\"}}", "x".repeat(1 << 20));
    let answers = [
        (200, "<html>s3cret</html>".to_owned()),
        (500, "<html>s3cret</html>".to_owned()),
        (503, String::new()),
        (200, String::new()),
        (200, big),
        (200, "{\"access_token\":\"s3cret\"}".to_owned()),
        (400, "{\"error\":\"invalid_grant\",\"error_description\":\"<script>alert(1)</script>\"}".to_owned()),
        (401, "{\"error\":\"invalid_client\"}".to_owned()),
        (302, String::new()),
    ];
    for (status, body) in answers {
        fixture.server.becomes(|mood| mood.token_answer = Some((status, body.clone())));
        let request = browser.leave("/accounts/projects/authorise", &[]).await;
        let page = browser.follow(&fixture.server.approve(&request, "projects@post.test")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.says("Not authorised"), "{status}: {page:?}");
        assert!(!page.text.contains("s3cret") && !page.text.contains("<script>alert"), "{page:?}");
        fixture.is_untouched(&projects).await;
    }
    fixture.server.becomes(|mood| (mood.token_answer, mood.delay) = (None, Duration::from_secs(5)));
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    let page = browser.follow(&fixture.server.approve(&request, "projects@post.test")).await;
    assert!(page.says("The server took too long to answer."), "{page:?}");
    fixture.is_untouched(&projects).await;
}

#[tokio::test]
async fn an_account_that_is_removed_meanwhile_is_not_brought_back() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    fixture.registry.delete_account(&projects).await.expect("deleted");
    browser.get(&fixture.server.approve(&request, "projects@post.test")).await;
    assert_eq!(fixture.server.posted("/token").len(), 1, "the sign-in's");
    assert!(fixture.tokens(&projects).await.is_none());
    assert!(fixture.registry.account(&projects).await.expect("answers").is_none());
}

#[tokio::test]
async fn without_a_key_in_the_vault_pages_say_so_and_health_answers() {
    let fixture = Fixture::new().await;
    let router = fixture.reconfigured(|settings| settings.secret_prefix = "nowhere".to_owned());
    let mut browser = crate::browser::Browser::new(router);
    assert_eq!(browser.get("/health").await.status, StatusCode::OK);
    let page = browser.get("/callback?state=a&code=b").await;
    page.is_problem(StatusCode::SERVICE_UNAVAILABLE, "That does not work at the moment");
}

#[tokio::test]
async fn forms_that_are_too_large_or_no_forms_are_refused() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.administrator().await;
    let page = browser.post("/accounts/selected", &[("account", &"x".repeat(300 * 1024))]).await;
    page.is_problem(StatusCode::BAD_REQUEST, "That request cannot be understood");
    let page = browser.post("/accounts/selected", &[("do", "dance")]).await;
    page.is_problem(StatusCode::BAD_REQUEST, "That request cannot be understood");
    let page = browser.post("/accounts/selected", &[("do", "authorise"), ("account", "../..")]).await;
    page.is_problem(StatusCode::BAD_REQUEST, "That request cannot be understood");
}
