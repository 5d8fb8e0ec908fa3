//! Answers of authorization servers that were replayed, stolen, begun elsewhere or asked for by another page.

use super::url_encoded;
use crate::{
    server::{Mood, Server, parameters},
    support::{ADMIN, Fixture, pass},
};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use jiff::SignedDuration;
use url::Url;

const OTHER_BROWSER: &str = "This sign-in was begun elsewhere";
const USED: &str = "This sign-in is no longer open";

#[tokio::test]
async fn a_replayed_state_is_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    let before = browser.clone();
    browser.get(&fixture.server.approve(&request, "projects@post.test")).await;
    let tokens = fixture.tokens(&projects).await.expect("tokens");
    // With the cookies of before, as who has a copy of everything would.
    let mut replay = before;
    let page = replay.get(&fixture.server.approve(&request, "projects@post.test")).await;
    page.is_problem(StatusCode::BAD_REQUEST, USED);
    assert_eq!(fixture.tokens(&projects).await.expect("tokens").obtained_at, tokens.obtained_at);
    assert_eq!(fixture.server.posted("/token").len(), 2, "the sign-in's and the consent's");
}

#[tokio::test]
async fn a_state_that_is_too_old_is_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    pass(SignedDuration::from_mins(11));
    let page = browser.get(&fixture.server.approve(&request, "projects@post.test")).await;
    page.is_problem(StatusCode::BAD_REQUEST, USED);
    fixture.is_untouched(&projects).await;
}

#[tokio::test]
async fn a_state_of_another_browser_is_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut attacker = fixture.administrator().await;
    let request = attacker.leave("/accounts/projects/authorise", &[]).await;
    let back = fixture.server.approve(&request, "projects@post.test");
    // Whether the victim is signed in or not.
    for mut victim in [fixture.browser(), fixture.administrator().await] {
        let page = victim.get(&back).await;
        page.is_problem(StatusCode::FORBIDDEN, OTHER_BROWSER);
    }
    fixture.is_untouched(&projects).await;
    // And the one whose it is can still finish it.
    attacker.get(&back).await;
    assert!(fixture.tokens(&projects).await.is_some());
}

#[tokio::test]
async fn a_sign_in_of_another_browser_is_refused() {
    let fixture = Fixture::new().await;
    let mut attacker = fixture.browser();
    let request = fixture.begin_sign_in(&mut attacker, "/sign-in?go=1").await;
    let mut victim = fixture.browser();
    let page = victim.get(&fixture.server.approve(&request, ADMIN)).await;
    page.is_problem(StatusCode::FORBIDDEN, OTHER_BROWSER);
    assert_eq!(victim.get("/chain").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_state_of_another_session_of_the_browser_is_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let mut begun = Vec::new();
    for _ in 0..2 {
        let request = browser.leave("/accounts/projects/authorise", &[]).await;
        begun.push(fixture.server.approve(&request, "projects@post.test"));
        browser.get("/chain").await;
    }
    browser.post("/sign-out", &[]).await;
    browser.get(&begun[0]).await.is_problem(StatusCode::FORBIDDEN, OTHER_BROWSER);
    // The same person, the same browser, another session.
    let again = fixture.begin_sign_in(&mut browser, "/sign-in?go=1").await;
    browser.get(&fixture.server.approve(&again, ADMIN)).await;
    browser.get(&begun[1]).await.is_problem(StatusCode::FORBIDDEN, OTHER_BROWSER);
    fixture.is_untouched(&projects).await;
}

#[tokio::test]
async fn an_injected_code_is_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut attacker = fixture.administrator().await;
    let stolen = attacker.leave("/accounts/projects/authorise", &[]).await;
    let stolen = fixture.server.approve(&stolen, "projects@post.test");
    let stolen = parameters(&Url::parse(&format!("http://x{stolen}")).expect("url"))["code"].clone();
    // The code of one flow in the answer to another: its PKCE verifier does not fit.
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    let state = parameters(&request)["state"].clone();
    let page = browser.follow(&format!("/callback?code={stolen}&state={state}")).await;
    assert!(page.says("something stood in the way"), "{page:?}");
    fixture.is_untouched(&projects).await;
}

#[tokio::test]
async fn an_answer_of_another_issuer_is_refused() {
    let mood = || Mood { names_itself: true, ..Mood::default() };
    let fixture = Fixture::with(Server::start(mood()).await, |_| {}).await;
    let projects = fixture.account("projects").await;
    let evil = Server::start(mood()).await;
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    let back = fixture.server.approve(&request, "projects@post.test");
    let own = url_encoded(&fixture.server.issuer());
    for iss in [format!("&iss={}", url_encoded(&evil.issuer())), String::new(), "&iss=".to_owned()] {
        let request = browser.leave("/accounts/projects/authorise", &[]).await;
        let state = parameters(&request)["state"].clone();
        let page = browser.get(&format!("/callback?code=x&state={state}{iss}")).await;
        page.is_problem(StatusCode::BAD_REQUEST, "The answer came from the wrong server");
    }
    assert_eq!(fixture.server.posted("/token").len(), 1, "no code was redeemed but the sign-in's");
    assert!(evil.posted("/token").is_empty());
    fixture.is_untouched(&projects).await;
    // The right one is taken.
    assert!(back.contains(&own), "{back}");
    browser.get(&back).await;
    assert!(fixture.tokens(&projects).await.is_some());
}

#[tokio::test]
async fn parts_of_other_pages_begin_and_finish_nothing() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    let back = fixture.server.approve(&request, "projects@post.test");
    // More often than is allowed in a minute: nothing is counted.
    for part in ["image", "script", "iframe"].iter().cycle().take(33) {
        for path in [back.as_str(), "/sign-in?go=1"] {
            let asked = Request::get(path).header("sec-fetch-dest", *part).body(Body::empty());
            let page = browser.send(asked.expect("a request")).await;
            page.is_problem(StatusCode::BAD_REQUEST, "That request cannot be understood");
        }
    }
    fixture.is_untouched(&projects).await;
    let asked = Request::get(&back).header("sec-fetch-dest", "document").body(Body::empty());
    browser.send(asked.expect("a request")).await;
    assert!(fixture.tokens(&projects).await.is_some());
}
