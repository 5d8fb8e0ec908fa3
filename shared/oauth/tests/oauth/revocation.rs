//! Revocation, where it is offered and where it is not.

use crate::{
    explicit, http, now, provider, secret,
    server::{Reply, Request, Server},
};
use postroom_model::{Fault, FaultClass, TokenSet};
use postroom_oauth::{AuthorizationServer, Client, Revocation};

fn set(refresh: bool) -> TokenSet {
    let refresh = if refresh { r#","refresh_token":"r3fresh""# } else { "" };
    let answer = format!(r#"{{"access_token":"acc3ss","token_type":"Bearer"{refresh}}}"#);
    TokenSet::from_response(&answer, now()).expect("tokens")
}

/// What came of revoking a set, and the requests for it.
async fn revoke(
    reply: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    tokens: &TokenSet,
    offered: bool,
) -> (Result<Revocation, Fault>, Vec<Request>) {
    let server = Server::start(move |request, _| reply(request)).await;
    let (http, secret) = (http(), secret());
    let provider = provider(explicit(&server.url));
    let mut found = AuthorizationServer::of(&http, &provider).await.expect("no request");
    if !offered {
        found.revoke_url = None;
    }
    let result = Client::new(&http, &found, &provider, Some(&secret)).revoke(tokens, now()).await;
    (result, server.seen())
}

#[tokio::test]
async fn the_refresh_token_goes_first_and_the_access_token_follows() {
    let (result, seen) = revoke(|_| Reply::new(200, ""), &set(true), true).await;
    assert_eq!(result, Ok(Revocation::Revoked));
    let tokens: Vec<_> =
        seen.iter().map(|r| (r.form["token"].as_str(), r.form["token_type_hint"].as_str())).collect();
    assert_eq!(tokens, [("r3fresh", "refresh_token"), ("acc3ss", "access_token")]);
    assert!(
        seen.iter().all(|r| r.line == "POST /revoke" && r.headers["authorization"].starts_with("Basic "))
    );
    let (result, seen) = revoke(|_| Reply::new(200, ""), &set(false), true).await;
    assert_eq!((result, seen.len()), (Ok(Revocation::Revoked), 1));
}

#[tokio::test]
async fn a_token_that_is_not_valid_any_more_is_revoked() {
    // As Google answers (RFC 7009 section 2.2 would have 200).
    let invalid = |_: &Request| Reply::new(400, r#"{"error":"invalid_token"}"#);
    assert_eq!(revoke(invalid, &set(true), true).await.0, Ok(Revocation::Revoked));
    let only_refresh = |request: &Request| match request.form["token_type_hint"].as_str() {
        "refresh_token" => Reply::new(200, ""),
        _ => Reply::new(400, r#"{"error":"unsupported_token_type"}"#),
    };
    assert_eq!(revoke(only_refresh, &set(true), true).await.0, Ok(Revocation::Revoked));
}

#[tokio::test]
async fn a_refusal_is_a_fault_and_the_access_token_is_left_for_another_try() {
    let (result, seen) = revoke(|_| Reply::html(503), &set(true), true).await;
    assert_eq!(result.expect_err("not revoked").class, FaultClass::TemporarilyUnavailable);
    assert_eq!(seen.len(), 1);
    let (result, _) = revoke(|_| Reply::new(401, r#"{"error":"invalid_client"}"#), &set(false), true).await;
    assert_eq!(result.expect_err("not revoked").class, FaultClass::AppRegistration);
}

#[tokio::test]
async fn a_server_without_revocation_is_not_asked() {
    let (result, seen) = revoke(|_| Reply::new(200, ""), &set(true), false).await;
    assert_eq!((result, seen.len()), (Ok(Revocation::NotOffered), 0));
}
