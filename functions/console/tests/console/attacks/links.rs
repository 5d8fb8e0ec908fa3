//! Personal links in the wrong hands, or used again.

use crate::{
    owner::link_to,
    reminders,
    server::parameters,
    support::{Fixture, pass},
};
use axum::http::StatusCode;
use jiff::SignedDuration;

#[tokio::test]
async fn a_used_link_opens_nothing() {
    let fixture = Fixture::new().await;
    fixture.account("used-link").await;
    let link = link_to(&fixture, "used-link").await;
    let token = link.strip_prefix("/link/").expect("a link").to_owned();
    let page = fixture.browser().post("/link", &[("token", &token)]).await;
    assert_eq!(page.location().as_deref(), Some("/mine"));
    let mut second = fixture.browser();
    for page in [second.post("/link", &[("token", &token)]).await, second.get(&link).await] {
        page.is_problem(StatusCode::GONE, "This link was used before");
    }
    assert_eq!(second.get("/mine").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_expired_link_opens_nothing() {
    let fixture = Fixture::new().await;
    fixture.account("expired-link").await;
    let link = link_to(&fixture, "expired-link").await;
    pass(SignedDuration::from_hours(7 * 24 + 1));
    let mut browser = fixture.browser();
    let token = link.strip_prefix("/link/").expect("a link").to_owned();
    for page in [browser.get(&link).await, browser.post("/link", &[("token", &token)]).await] {
        page.is_problem(StatusCode::GONE, "This link has expired");
    }
}

#[tokio::test]
async fn a_link_opens_no_other_account() {
    let fixture = Fixture::new().await;
    fixture.account("own-link").await;
    let other = fixture.account("other-account").await;
    let link = link_to(&fixture, "own-link").await;
    let token = link.strip_prefix("/link/").expect("a link").to_owned();
    // Changed to name the other account, the signature no longer fits.
    let (said, signature) = token.split_once('.').expect("two parts");
    let forged = {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        let said = BASE64_URL_SAFE_NO_PAD.decode(said).expect("base64");
        let said = String::from_utf8(said).expect("text").replace("own-link", "other-account");
        format!("{}.{signature}", BASE64_URL_SAFE_NO_PAD.encode(said))
    };
    let mut owner = fixture.browser();
    owner
        .post("/link", &[("token", &forged)])
        .await
        .is_problem(StatusCode::FORBIDDEN, "This link is not valid");
    // With the right link, no page but the owner's own is there.
    owner.post_and_follow("/link", &[("token", &token)]).await;
    for path in ["/accounts/other-account", "/accounts/own-link", "/", "/chain", "/providers"] {
        assert_eq!(owner.get(path).await.status, StatusCode::SEE_OTHER, "{path}");
    }
    for path in ["/accounts/other-account/authorise", "/accounts/own-link/revoke", "/accounts/selected"] {
        let page = owner.post(path, &[("do", "authorise"), ("account", "other-account")]).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{path}");
    }
    // Whatever a form says: it is the session that names the account.
    let request =
        owner.leave("/mine/authorise", &[("account", "other-account"), ("id", "other-account")]).await;
    assert_eq!(parameters(&request)["login_hint"], "own-link@post.test");
    fixture.is_untouched(&other).await;
}

#[tokio::test]
async fn a_link_authorises_no_account_that_is_nobodys() {
    let fixture = Fixture::new().await;
    let id = fixture.without_login("nobodys-link").await;
    let link = link_to(&fixture, "nobodys-link").await;
    let token = link.strip_prefix("/link/").expect("a link").to_owned();
    let mut owner = fixture.browser();
    owner.post_and_follow("/link", &[("token", &token)]).await;
    let page = owner.post_and_follow("/mine/authorise", &[]).await;
    assert!(page.leads_to().is_none() && page.says("set `login` for the account"), "{page:?}");
    fixture.is_untouched(&id).await;
}

#[tokio::test]
async fn a_link_of_somebody_who_is_no_owner_any_more_opens_nothing() {
    let fixture = Fixture::new().await;
    let id = fixture.account("former-owner").await;
    let links = [link_to(&fixture, "former-owner").await, link_to(&fixture, "former-owner").await];
    let token = |n: usize| links[n].strip_prefix("/link/").expect("a link").to_owned();
    let mut inside = fixture.browser();
    inside.post_and_follow("/link", &[("token", &token(0))]).await;
    let mut account = fixture.registry.account(&id).await.expect("answers").expect("is there");
    account.owners = vec!["new-owner@post.test".to_owned()];
    fixture.registry.put_account(&account, crate::support::now()).await.expect("stored");
    let mut outside = fixture.browser();
    for page in [
        outside.get(&links[1]).await,
        outside.post("/link", &[("token", &token(1))]).await,
        inside.get("/mine").await,
        inside.post("/mine/authorise", &[]).await,
    ] {
        page.is_problem(StatusCode::GONE, "Ask for a new link");
    }
}

#[tokio::test]
async fn a_link_from_before_a_consent_opens_nothing() {
    let fixture = Fixture::new().await;
    let id = fixture.account("overtaken-link").await;
    let owner = "owner-of-overtaken-link@post.test";
    let mut links = Vec::new();
    for _ in 0..3 {
        links.push(reminders::link(&fixture, &id, owner).await.path().to_owned());
    }
    let token = |n: usize| links[n].strip_prefix("/link/").expect("a link").to_owned();
    // The first is used as it is meant to be.
    let mut ann = fixture.browser();
    ann.post_and_follow("/link", &[("token", &token(0))]).await;
    let request = ann.leave("/mine/authorise", &[]).await;
    let page = ann.follow(&fixture.server.approve(&request, "overtaken-link@post.test")).await;
    assert!(page.says("Done: you can close this page."), "{page:?}");
    let tokens = fixture.tokens(&id).await.expect("tokens").obtained_at;
    // Then the others lie in old mails, for whoever finds them.
    let mut eve = fixture.browser();
    for page in [eve.get(&links[1]).await, eve.post("/link", &[("token", &token(2))]).await] {
        page.is_problem(StatusCode::GONE, "There is nothing left to do");
        assert!(page.says("Somebody has authorised this account since"), "{page:?}");
    }
    assert_eq!(eve.get("/mine").await.status, StatusCode::SEE_OTHER);
    assert_eq!(fixture.tokens(&id).await.expect("tokens").obtained_at, tokens);
    // A link that is made now knows of that consent.
    let fresh = reminders::link(&fixture, &id, owner).await;
    assert_eq!(eve.get(fresh.path()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_owner_who_is_removed_in_mid_consent_authorises_nothing() {
    let fixture = Fixture::new().await;
    let id = fixture.account("removed-owner").await;
    let link = reminders::link(&fixture, &id, "owner-of-removed-owner@post.test").await;
    let token = link.path().strip_prefix("/link/").expect("a link");
    let mut owner = fixture.browser();
    owner.post_and_follow("/link", &[("token", token)]).await;
    let request = owner.leave("/mine/authorise", &[]).await;
    let mut account = fixture.registry.account(&id).await.expect("answers").expect("is there");
    account.owners = vec!["new-owner@post.test".to_owned()];
    fixture.registry.put_account(&account, crate::support::now()).await.expect("stored");
    let page = owner.get(&fixture.server.approve(&request, "removed-owner@post.test")).await;
    page.is_problem(StatusCode::GONE, "Ask for a new link");
    assert!(fixture.server.posted("/token").is_empty(), "the code was not redeemed");
    fixture.is_untouched(&id).await;
}
