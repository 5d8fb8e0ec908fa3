//! Cookies, forms, and the keys under which they are.

use super::url_encoded;
use crate::{
    owner::link_to,
    support::{ADMIN, Fixture, pass},
};
use axum::http::StatusCode;
use jiff::SignedDuration;
use postroom_letter::{LinkKey, personal_link};
use secrecy::ExposeSecret;

#[tokio::test]
async fn signing_in_leads_to_pages_of_the_console_only() {
    let fixture = Fixture::new().await;
    for to in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
    ] {
        let mut browser = fixture.browser();
        let path = format!("/sign-in?go=1&to={}", url_encoded(to));
        let request = fixture.begin_sign_in(&mut browser, &path).await;
        let page = browser.get(&fixture.server.approve(&request, ADMIN)).await;
        assert_eq!(page.location().as_deref(), Some("/"), "{to}");
        pass(SignedDuration::from_mins(1));
    }
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let token = browser.csrf.clone().expect("a token");
    let other = fixture.administrator().await.csrf.expect("a token");
    let own = "http://console.test";
    let wrong = "This form is out of date";
    for path in [
        "/accounts/projects/authorise",
        "/accounts/projects/revoke",
        "/accounts/projects/move",
        "/chain/go",
        "/mailboxes/own/back",
        "/migration/switch",
        "/sign-out",
    ] {
        for (csrf, origin, site) in [
            (None, own, "same-origin"),
            (Some(""), own, "same-origin"),
            (Some(other.as_str()), own, "same-origin"),
            (Some(&token[1..]), own, "same-origin"),
            (Some(token.as_str()), "https://evil.example", "same-origin"),
            (Some(token.as_str()), own, "cross-site"),
            (Some(token.as_str()), "null", "cross-site"),
            (Some(token.as_str()), own, "same-site"),
        ] {
            let fields: Vec<(&str, &str)> = csrf.map(|csrf| ("csrf", csrf)).into_iter().collect();
            let page = browser.post_as(path, &fields, origin, site).await;
            page.is_problem(StatusCode::FORBIDDEN, wrong);
        }
    }
    assert_eq!(browser.get("/chain").await.status, StatusCode::OK, "nobody signed us out");
    fixture.is_untouched(&projects).await;
}

#[tokio::test]
async fn a_tampered_cookie_is_nobodys() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.administrator().await;
    let (name, value) = browser.cookies.iter().next().map(|(n, v)| (n.clone(), v.clone())).expect("a cookie");
    let other_name = "__Host-postroom-notice".to_owned();
    let changed = |at: usize| {
        let mut bytes = value.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("text")
    };
    for tampered in
        [changed(0), changed(value.len() / 2), value[..40].to_owned(), String::new(), "e30".to_owned()]
    {
        browser.cookies.insert(name.clone(), tampered);
        assert_eq!(browser.get("/chain").await.status, StatusCode::SEE_OTHER);
    }
    // A cookie is good for its own name only, and a session of another console for that one only.
    browser.cookies = [(name.clone(), String::new()), (other_name, value)].into();
    assert_eq!(browser.get("/chain").await.status, StatusCode::SEE_OTHER);
    let other = Fixture::new().await.administrator().await;
    browser.cookies = other.cookies;
    assert_eq!(browser.get("/chain").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn whoever_tries_too_often_has_to_wait() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.browser();
    let mut answers = Vec::new();
    for _ in 0..31 {
        answers.push(browser.get("/callback?state=guessed&code=x").await);
    }
    let last = answers.pop().expect("an answer");
    last.is_problem(StatusCode::TOO_MANY_REQUESTS, "Too many attempts");
    assert!(answers.iter().all(|page| page.status == StatusCode::FORBIDDEN));
    for _ in 0..10 {
        browser.post("/link", &[("token", "guessed")]).await;
        browser.get("/sign-in?go=1").await;
    }
    let title = "Too many attempts";
    browser.post("/link", &[("token", "guessed")]).await.is_problem(StatusCode::TOO_MANY_REQUESTS, title);
    browser.get("/sign-in?go=1").await.is_problem(StatusCode::TOO_MANY_REQUESTS, title);
    pass(SignedDuration::from_mins(1));
    assert_eq!(browser.get("/callback?state=guessed&code=x").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_session_that_a_link_replaces_is_over() {
    let fixture = Fixture::new().await;
    fixture.account("replacing-link").await;
    let link = link_to(&fixture, "replacing-link").await;
    let token = link.strip_prefix("/link/").expect("a link").to_owned();
    let mut browser = fixture.administrator().await;
    let mut copy = browser.clone();
    let mut elsewhere = fixture.administrator().await;
    browser.post_and_follow("/link", &[("token", &token)]).await;
    assert_eq!(browser.get("/mine").await.status, StatusCode::OK);
    assert_eq!(copy.get("/chain").await.status, StatusCode::SEE_OTHER);
    assert_eq!(elsewhere.get("/chain").await.status, StatusCode::OK, "another browser's goes on");
}

#[tokio::test]
async fn a_replaced_key_ends_sessions_and_links() {
    let fixture = Fixture::new().await;
    fixture.account("replaced-key").await;
    let link = link_to(&fixture, "replaced-key").await;
    let mut browser = fixture.administrator().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&fixture.aws);
    let replace = async |own: &str| {
        let name = format!("{}/{own}", fixture.settings.secret_prefix);
        let replaced = secrets.put_secret_value().secret_id(name).secret_string("another".repeat(10));
        replaced.send().await.expect("replaced");
        pass(SignedDuration::from_secs(61));
    };
    replace("console").await;
    assert_eq!(browser.get("/chain").await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get(&link).await.status, StatusCode::OK, "links have a key of their own");
    replace("links").await;
    browser.get(&link).await.is_problem(StatusCode::FORBIDDEN, "This link is not valid");
}

#[tokio::test]
async fn the_key_of_links_opens_no_session_and_the_consoles_makes_no_link() {
    let fixture = Fixture::new().await;
    let id = fixture.account("two-keys").await;
    let owner = "owner-of-two-keys@post.test";
    let forged = |secret| {
        let until = crate::support::now() + SignedDuration::from_hours(1);
        let key = LinkKey::of(&secret);
        personal_link(&key, &fixture.settings.public_url, &id, 0, owner, until).path().to_owned()
    };
    let own = fixture.vault.console_key().await.expect("answers").expect("a key");
    let links = fixture.vault.link_key().await.expect("answers").expect("a key");
    assert_ne!(own.expose_secret(), links.expose_secret());
    let mut browser = fixture.browser();
    browser.get(&forged(own)).await.is_problem(StatusCode::FORBIDDEN, "This link is not valid");
    assert_eq!(browser.get(&forged(links.clone())).await.status, StatusCode::OK);
    // Cookies that another console made with the links' key as its own.
    let other = Fixture::new().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&other.aws);
    let name = format!("{}/console", other.settings.secret_prefix);
    let replaced = secrets.put_secret_value().secret_id(name).secret_string(links.expose_secret());
    replaced.send().await.expect("replaced");
    browser.cookies = other.administrator().await.cookies;
    assert_eq!(browser.get("/chain").await.status, StatusCode::SEE_OTHER);
}
