//! Servers and people who claim to be somebody else.

use crate::{
    browser::Browser,
    support::{ADMIN, Fixture},
};
use axum::http::StatusCode;
use serde_json::json;

const UNIDENTIFIED: &str = "nobody knows who signed in";

#[tokio::test]
async fn a_server_that_claims_to_be_another_is_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    fixture.server.becomes(|mood| mood.issuer = Some("https://login.example".to_owned()));
    // What discovery found out before is no longer known.
    let mut fresh = Browser::new(fixture.reconfigured(|_| {}));
    (fresh.cookies, fresh.csrf) = (browser.cookies.clone(), browser.csrf.clone());
    let page = fresh.post_and_follow("/accounts/projects/authorise", &[]).await;
    assert!(page.says("Not authorised"), "{page:?}");
    fixture.is_untouched(&projects).await;
    browser.get("/chain").await;
}

#[tokio::test]
async fn a_forged_id_token_is_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let now = crate::support::now().as_second();
    let forgeries = [
        ("another key", true, json!({})),
        ("another issuer", false, json!({"iss": "https://evil.example"})),
        ("another client", false, json!({"aud": "another"})),
        ("another request", false, json!({"nonce": "another"})),
        ("no request", false, json!({"nonce": null})),
        ("over", false, json!({"exp": now - 3600, "iat": now - 7200})),
        ("not yet", false, json!({"iat": now + 3600, "exp": now + 7200})),
    ];
    for (what, forges, claims) in forgeries {
        fixture.server.becomes(|mood| (mood.forges, mood.claims) = (forges, claims));
        let request = browser.leave("/accounts/projects/authorise", &[]).await;
        let page = browser.follow(&fixture.server.approve(&request, "projects@post.test")).await;
        assert!(page.says(UNIDENTIFIED), "{what}: {page:?}");
        fixture.is_untouched(&projects).await;

        let mut nobody = fixture.browser();
        let request = fixture.begin_sign_in(&mut nobody, "/sign-in?go=1").await;
        let page = nobody.get(&fixture.server.approve(&request, ADMIN)).await;
        page.is_problem(StatusCode::BAD_GATEWAY, "Signing in did not work");
        assert_eq!(nobody.get("/chain").await.status, StatusCode::SEE_OTHER, "{what}");
    }
}

#[tokio::test]
async fn a_missing_id_token_is_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    fixture.server.becomes(|mood| mood.is_silent = true);
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    let page = browser.follow(&fixture.server.approve(&request, "projects@post.test")).await;
    assert!(page.says(UNIDENTIFIED), "{page:?}");
    fixture.is_untouched(&projects).await;
}

#[tokio::test]
async fn an_address_that_nobody_vouches_for_makes_no_administrator() {
    let fixture = Fixture::new().await;
    for verified in [json!(null), json!(false)] {
        fixture.server.becomes(|mood| mood.claims = json!({"email_verified": verified}));
        let mut browser = fixture.browser();
        let request = fixture.begin_sign_in(&mut browser, "/sign-in?go=1").await;
        let page = browser.get(&fixture.server.approve(&request, ADMIN)).await;
        page.is_problem(StatusCode::FORBIDDEN, "You are not an administrator here");
        assert!(page.says("email_verified") && page.says("AdminGroup"), "{page:?}");
    }
}
