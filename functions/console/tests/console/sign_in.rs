//! Administrators sign in, and nobody else.

use crate::{
    server::{Mood, Server, parameters},
    support::{ADMIN, Fixture, pass},
};
use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::json;

#[tokio::test]
async fn an_administrator_signs_in_and_comes_to_the_page_that_was_asked_for() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.browser();
    let page = browser.get("/accounts/projects?tab=1").await;
    let to = page.location().expect("a redirect");
    assert_eq!(to, "/sign-in?to=%2Faccounts%2Fprojects%3Ftab%3D1");
    let page = browser.get(&to).await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    assert!(page.says("Sign in with sso"), "{page:?}");
    let request =
        fixture.begin_sign_in(&mut browser, "/sign-in?go=1&to=%2Faccounts%2Fprojects%3Ftab%3D1").await;
    let asked = parameters(&request);
    assert_eq!(asked["redirect_uri"], "http://console.test/callback");
    assert_eq!(asked["scope"], "openid email profile");
    assert!(asked["state"].len() >= 43 && asked["nonce"].len() >= 16, "{asked:?}");
    let page = browser.get(&fixture.server.approve(&request, ADMIN)).await;
    assert_eq!(page.location().as_deref(), Some("/accounts/projects?tab=1"));
    assert_eq!(browser.cookies.len(), 1, "only the session is left: {:?}", browser.cookies);
    let page = browser.get("/chain").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.says(ADMIN));
}

#[tokio::test]
async fn a_member_of_the_group_signs_in() {
    let mood = Mood { claims: json!({"groups": ["staff", "postroom-admins"]}), ..Mood::default() };
    let fixture = Fixture::with(Server::start(mood).await, |_| {}).await;
    let mut browser = fixture.browser();
    let request = fixture.begin_sign_in(&mut browser, "/sign-in?go=1").await;
    let page = browser.get(&fixture.server.approve(&request, "eve@post.test")).await;
    assert_eq!(page.location().as_deref(), Some("/"), "{page:?}");
}

#[tokio::test]
async fn nobody_else_signs_in() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.browser();
    let request = fixture.begin_sign_in(&mut browser, "/sign-in?go=1").await;
    let page = browser.get(&fixture.server.approve(&request, "eve@post.test")).await;
    page.is_problem(StatusCode::FORBIDDEN, "You are not an administrator here");
    assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER);

    fixture.server.becomes(|mood| mood.claims = json!({"email_verified": false}));
    let request = fixture.begin_sign_in(&mut browser, "/sign-in?go=1").await;
    let page = browser.get(&fixture.server.approve(&request, ADMIN)).await;
    page.is_problem(StatusCode::FORBIDDEN, "You are not an administrator here");
}

#[tokio::test]
async fn without_a_list_or_a_group_nobody_signs_in() {
    let fixture = Fixture::with(Server::start(Mood::default()).await, |settings| {
        settings.administrators.addresses.clear();
        settings.administrators.group = None;
    })
    .await;
    let mut browser = fixture.browser();
    for path in ["/sign-in", "/sign-in?go=1"] {
        let page = browser.get(path).await;
        page.is_problem(StatusCode::FORBIDDEN, "Nobody can sign in yet");
        assert!(page.says("AdminAddresses"));
    }
}

#[tokio::test]
async fn a_person_who_declines_is_told_so() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.browser();
    let request = fixture.begin_sign_in(&mut browser, "/sign-in?go=1").await;
    let page = browser.get(&fixture.server.deny(&request, "access_denied", "no")).await;
    page.is_problem(StatusCode::FORBIDDEN, "You are not signed in");
}

#[tokio::test]
async fn every_page_but_the_public_ones_wants_a_session() {
    let fixture = Fixture::new().await;
    for route in console::ROUTES {
        let (method, path) = route.split_once(' ').expect("a route");
        let action = if path.starts_with("/mailboxes") { "test" } else { "check" };
        let path = path.replace("{id}", "a").replace("{action}", action).replace("{token}", "a.b");
        let mut browser = fixture.browser();
        let page = match method {
            "GET" => browser.get(&path.replace("{file}", "style.css")).await,
            _ => browser.post(&path, &[]).await,
        };
        let to_sign_in = page.location().is_some_and(|to| to.starts_with("/sign-in"));
        let public = matches!(
            path.as_str(),
            "/health" | "/assets/{file}" | "/callback" | "/sign-in" | "/link/a.b" | "/link" | "/language"
        );
        assert_eq!(to_sign_in, !public, "{route}: {page:?}");
    }
}

#[tokio::test]
async fn a_session_ends_by_itself_and_is_prolonged_by_use() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.administrator().await;
    pass(SignedDuration::from_mins(50));
    assert_eq!(browser.get("/chain").await.status, StatusCode::OK);
    pass(SignedDuration::from_mins(50));
    assert_eq!(browser.get("/chain").await.status, StatusCode::OK, "it was prolonged");
    let mut idle = browser.clone();
    pass(SignedDuration::from_mins(61));
    assert_eq!(idle.get("/chain").await.status, StatusCode::SEE_OTHER, "nobody used it for an hour");
    pass(-SignedDuration::from_mins(61));
    for _ in 0..8 {
        pass(SignedDuration::from_mins(50));
        browser.get("/chain").await;
    }
    assert_eq!(browser.get("/chain").await.status, StatusCode::SEE_OTHER, "eight hours are over");
}

#[tokio::test]
async fn signing_out_ends_every_copy_of_the_session() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.administrator().await;
    let mut copy = browser.clone();
    let page = browser.post("/sign-out", &[]).await;
    assert_eq!(page.location().as_deref(), Some("/sign-in"), "{page:?}");
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);
    assert_eq!(copy.get("/chain").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn answers_carry_what_makes_browsers_careful() {
    let fixture = Fixture::new().await;
    for path in ["/sign-in", "/health", "/nothing", "/callback", "/"] {
        let page = fixture.browser().get(path).await;
        let header = |name: &str| page.headers.get(name).map(|v| v.to_str().expect("text").to_owned());
        let policy = header("content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(header("cache-control").as_deref(), Some("no-store"), "{path}");
        assert_eq!(header("referrer-policy").as_deref(), Some("no-referrer"), "{path}");
        assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"), "{path}");
        assert_eq!(header("strict-transport-security"), None, "the public URL is http");
    }
    let secure = fixture.reconfigured(|settings| {
        settings.public_url = "https://console.test".parse().expect("url");
    });
    let page = crate::browser::Browser::new(secure).get("/sign-in").await;
    assert!(page.headers.contains_key("strict-transport-security"));
}
