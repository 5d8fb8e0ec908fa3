//! One account is authorised: what is asked for, what is checked, what comes of it.

use crate::{
    imap::MailServer,
    server::{Mood, Server, parameters},
    support::{ADMIN, Fixture, now},
};
use axum::http::StatusCode;
use secrecy::ExposeSecret;
use serde_json::json;

#[tokio::test]
async fn a_consent_brings_tokens_and_its_mailboxes_are_tried_at_once() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let works = MailServer::start(true).await;
    let refuses = MailServer::start(false).await;
    fixture.mailbox("diary", &projects, works.port).await;
    fixture.mailbox("plans", &projects, refuses.port).await;
    let mut browser = fixture.administrator().await;
    let page = browser.post("/accounts/projects/authorise", &[]).await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    assert!(page.says("projects@post.test"), "{page:?}");
    let request = page.leads_to().expect("on to the server");
    let asked = parameters(&request);
    assert_eq!(asked["login_hint"], "projects@post.test");
    assert_eq!(asked["scope"], "imap offline_access openid");
    assert!(asked["prompt"].contains("consent"));
    let back = fixture.server.approve(&request, "projects@post.test");
    let page = browser.get(&back).await;
    assert_eq!(page.location().as_deref(), Some("/accounts/projects"), "{page:?}");

    let tokens = fixture.tokens(&projects).await.expect("tokens");
    assert!(tokens.access_token.expose_secret().starts_with("access-"));
    let status = fixture.registry.account_status(&projects).await.expect("answers");
    assert_eq!(status.identity.as_deref(), Some("projects@post.test"));
    assert_eq!(status.authorised_at.map(|at| at.as_second()), Some(now().as_second()));

    let page = browser.get("/accounts/projects").await;
    assert!(page.says("Authorised, but a mailbox does not open"), "{page:?}");
    assert!(page.says("Messages in its first folder: 42."), "{page:?}");
    assert!(page.says("Consent was given as projects@post.test."), "{page:?}");
    let page = browser.get("/accounts/projects").await;
    assert!(!page.says("Consent was given as"), "it is told once");
}

#[tokio::test]
async fn the_schedule_takes_up_the_accounts_mailboxes_at_once() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mailbox = fixture.mailbox("diary", &projects, 1).await;
    let failure = serde_json::from_value(json!({
        "fault": {"class": "token_refused", "reason": "r"}, "count": 3,
        "since": now().as_second() - 60, "at": now().as_second(), "not_before": now().as_second() + 86400,
    }))
    .expect("a failure");
    fixture.registry.record_failure(&mailbox.id, &failure, None).await.expect("stored");
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    browser.get(&fixture.server.approve(&request, "projects@post.test")).await;
    let loaded = fixture.registry.load(&[mailbox.id]).await.expect("answers");
    let (_, loaded) = loaded.into_iter().next().expect("a mailbox");
    assert!(!loaded.expect("readable").state.is_resting(now()));
}

#[tokio::test]
async fn the_wrong_person_is_refused_and_can_sign_in_as_another_user() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    let page = browser.follow(&fixture.server.approve(&request, "eve@post.test")).await;
    assert!(page.says("signed in was eve@post.test"), "{page:?}");
    assert!(page.says("Sign in as another user"), "{page:?}");
    fixture.is_untouched(&projects).await;
    let revoked = fixture.server.posted("/revoke");
    assert!(revoked.iter().any(|form| form["token"].starts_with("refresh-")), "{revoked:?}");

    let request = browser.leave("/accounts/projects/authorise", &[("another", "1")]).await;
    assert!(parameters(&request)["prompt"].contains("login"), "{request}");
    browser.get(&fixture.server.approve(&request, "Projects@Post.Test")).await;
    assert!(fixture.tokens(&projects).await.is_some());
}

#[tokio::test]
async fn tokens_of_a_person_who_has_an_account_are_dropped_and_not_revoked() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let plans = fixture.account("plans").await;
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/plans/authorise", &[]).await;
    browser.get(&fixture.server.approve(&request, "plans@post.test")).await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    browser.get(&fixture.server.approve(&request, "plans@post.test")).await;
    fixture.is_untouched(&projects).await;
    assert!(fixture.tokens(&plans).await.is_some());
    assert!(fixture.server.posted("/revoke").is_empty(), "it could end the authorization of plans");
}

#[tokio::test]
async fn a_declined_consent_is_explained() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    for (error, description, said) in [
        ("access_denied", "", "consent was declined"),
        ("consent_required", "", "has not consented to everything"),
        ("server_error", "", "cannot answer now"),
        ("access_denied", "AADSTS90094: x", "This consent is an administrator's to give."),
    ] {
        let request = browser.leave("/accounts/projects/authorise", &[]).await;
        let page = browser.follow(&fixture.server.deny(&request, error, description)).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.says(said), "{error}: {page:?}");
        fixture.is_untouched(&projects).await;
    }
}

#[tokio::test]
async fn missing_scopes_are_refused_where_mail_needs_them_and_shown_elsewhere() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    fixture.server.becomes(|mood| mood.grants = Some("openid offline_access".to_owned()));
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    let page = browser.follow(&fixture.server.approve(&request, "projects@post.test")).await;
    assert!(page.says("Mail cannot be read without: imap."), "{page:?}");
    fixture.is_untouched(&projects).await;

    let mut provider = fixture.server.provider("sso");
    provider.scopes.push("calendar".to_owned());
    fixture.registry.put_provider(&provider, crate::support::now()).await.expect("stored");
    fixture.server.becomes(|mood| mood.grants = Some("imap offline_access".to_owned()));
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    let page = browser.follow(&fixture.server.approve(&request, "projects@post.test")).await;
    assert!(page.says("Not granted: calendar."), "{page:?}");
    let status = fixture.registry.account_status(&projects).await.expect("answers");
    assert_eq!(status.missing_scopes, ["calendar"]);
}

#[tokio::test]
async fn a_server_that_knows_no_identities_is_taken_at_its_word_and_that_is_said() {
    let fixture = Fixture::new().await;
    let url = &fixture.server.url;
    let mut provider = fixture.server.provider("plain");
    provider.endpoints = serde_json::from_value(json!({"explicit": {
        "authorize_url": url.join("authorize").expect("url"), "token_url": url.join("token").expect("url"),
    }}))
    .expect("endpoints");
    fixture.registry.put_provider(&provider, crate::support::now()).await.expect("stored");
    let old = fixture.account_at("old", "plain").await;
    let mut browser = fixture.administrator().await;
    // What it sends all the same, and nobody can check, names nobody.
    let request = browser.leave("/accounts/old/authorise", &[]).await;
    let page = browser.follow(&fixture.server.approve(&request, "another@post.test")).await;
    assert!(page.says("The server does not say who consented"), "{page:?}");
    assert!(!page.says("another@post.test"), "{page:?}");
    fixture.server.becomes(|mood| mood.is_silent = true);
    let request = browser.leave("/accounts/old/authorise", &[]).await;
    let page = browser.follow(&fixture.server.approve(&request, "old@post.test")).await;
    assert!(page.says("The server does not say who consented"), "{page:?}");
    assert!(fixture.tokens(&old).await.is_some());
}

#[tokio::test]
async fn re_authorising_replaces_the_tokens_and_keeps_the_rest() {
    let fixture = Fixture::with(Server::start(Mood::default()).await, |_| {}).await;
    let projects = fixture.account("projects").await;
    let mailbox = fixture.mailbox("diary", &projects, 1).await;
    let before = fixture.registry.mailbox(&mailbox.id).await.expect("answers");
    let mut browser = fixture.administrator().await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let request = browser.leave("/accounts/projects/authorise", &[]).await;
        browser.get(&fixture.server.approve(&request, "projects@post.test")).await;
        seen.push(fixture.tokens(&projects).await.expect("tokens").access_token.expose_secret().to_owned());
    }
    assert_ne!(seen[0], seen[1]);
    assert_eq!(fixture.registry.mailbox(&mailbox.id).await.expect("answers"), before);
}

#[tokio::test]
async fn an_id_token_that_was_asked_for_must_be_there() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    fixture.server.becomes(|mood| mood.is_silent = true);
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    let page = browser.follow(&fixture.server.approve(&request, "projects@post.test")).await;
    assert!(page.says("the server sent no id_token"), "{page:?}");
    fixture.is_untouched(&projects).await;
}

#[tokio::test]
async fn an_address_that_the_id_token_lacks_is_asked_for() {
    let userinfo = |user: &str| {
        Some(json!({"sub": format!("subject of {user}"), "email": user, "email_verified": true}))
    };
    let mood = Mood { claims: json!({"email": null, "email_verified": null}), ..Mood::default() };
    let mood = Mood { userinfo: userinfo(ADMIN), ..mood };
    let fixture = Fixture::with(Server::start(mood).await, |_| {}).await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    // It tells of somebody else than the id_token does, which counts for nothing.
    let page = browser.follow(&fixture.server.approve(&request, "projects@post.test")).await;
    assert!(page.says("signed in was subject of projects@post.test"), "{page:?}");
    assert!(fixture.server.posted("/revoke").is_empty(), "nobody knows whose tokens these are");
    fixture.server.becomes(|mood| mood.userinfo = userinfo("projects@post.test"));
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    browser.get(&fixture.server.approve(&request, "projects@post.test")).await;
    assert!(fixture.tokens(&projects).await.is_some());
}
