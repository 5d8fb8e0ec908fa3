//! Requests for tokens, and the answers to them.

use crate::{
    explicit, http, now, provider, secret,
    server::{Answers, Reply, Request, Server},
    texts,
};
use postroom_model::{Actor, ClientAuth, Fault, FaultClass, Preset, Provider, TokenSet};
use postroom_oauth::{AuthorizationServer, Client};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::time::Duration;

fn tokens() -> Reply {
    Reply::json(&json!({
        "access_token": "acc3ss", "token_type": "Bearer", "expires_in": 3600,
        "refresh_token": "r3fresh", "refresh_token_expires_in": 86400, "id_token": "a.b.c", "scope": "imap",
    }))
}

fn refusal(status: u16, error: &str) -> Reply {
    Reply::new(status, json!({ "error": error, "access_token": "s3cret" }).to_string())
}

/// A server and a provider that uses it.
async fn at(reply: impl Fn() -> Reply + Send + Sync + 'static) -> (Server, Provider, AuthorizationServer) {
    let server = Server::saying(reply).await;
    let provider = provider(explicit(&server.url));
    let found = AuthorizationServer::of(&http(), &provider).await.expect("no request");
    (server, provider, found)
}

async fn refresh(reply: impl Fn() -> Reply + Send + Sync + 'static) -> (Request, Result<TokenSet, Fault>) {
    let (server, provider, found) = at(reply).await;
    let (http, secret) = (http(), secret());
    let client = Client::new(&http, &found, &provider, Some(&secret));
    let result = client.refresh(&"0ld".into(), &texts(&["imap"]), now()).await;
    (server.only(), result)
}

#[tokio::test]
async fn a_code_is_redeemed_with_its_verifier() {
    let (server, provider, found) = at(tokens).await;
    let (http, secret) = (http(), secret());
    let client = Client::new(&http, &found, &provider, Some(&secret));
    let redirect = "https://post.example/callback".parse().expect("a URL");
    let code: SecretString = "c0de+/=".into();
    let answer = client.redeem(&code, &"v3rifier".into(), &redirect, now()).await.expect("tokens");
    assert_eq!(answer.id_token.as_ref().map(ExposeSecret::expose_secret), Some("a.b.c"));
    assert_eq!(answer.tokens.expires_at, Some(now() + Duration::from_secs(3600)));
    assert_eq!(answer.tokens.refresh_expires_at, Some(now() + Duration::from_secs(86400)));
    assert!(!format!("{answer:?}").contains("r3fresh"));
    let request = server.only();
    assert_eq!(request.line, "POST /token");
    let expected = [
        ("code", "c0de+/="),
        ("code_verifier", "v3rifier"),
        ("grant_type", "authorization_code"),
        ("redirect_uri", "https://post.example/callback"),
    ];
    assert!(request.form.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(expected));
    // RFC 6749 section 2.3.1: form-encoded, then base64 of "post+room:s3cret%3Awith%2Fodd+characters".
    assert_eq!(
        request.headers["authorization"],
        "Basic cG9zdCtyb29tOnMzY3JldCUzQXdpdGglMkZvZGQrY2hhcmFjdGVycw=="
    );
}

#[tokio::test]
async fn a_refresh_keeps_the_old_token_where_none_comes_back() {
    let (request, set) = refresh(tokens).await;
    assert_eq!(set.expect("tokens").refresh_token.expect("a token").expose_secret(), "r3fresh");
    assert_eq!(request.form["grant_type"], "refresh_token");
    assert_eq!(request.form["refresh_token"], "0ld");
    assert!(!request.form.contains_key("scope"), "what was consented to, whatever is configured now");
    let without = || Reply::json(&json!({ "access_token": "a", "token_type": "bearer", "expires_in": "60" }));
    let set = refresh(without).await.1.expect("tokens");
    assert_eq!(set.refresh_token.expect("the old one").expose_secret(), "0ld");
    assert_eq!(set.expires_at, Some(now() + Duration::from_secs(60)));
    assert_eq!(set.refresh_expires_at, None);
}

#[tokio::test]
async fn answers_without_tokens_say_who_must_act_and_quote_nothing() {
    let table: [(Answers, FaultClass); 15] = [
        (|| refusal(400, "invalid_grant"), FaultClass::AuthorizationEnded),
        (|| refusal(401, "invalid_client"), FaultClass::AppRegistration),
        // Some refuse with the status of success.
        (|| Reply::json(&json!({ "error": "invalid_grant" })), FaultClass::AuthorizationEnded),
        (|| Reply::html(200), FaultClass::Unknown),
        (|| Reply::html(404), FaultClass::Unknown),
        (|| Reply::html(502), FaultClass::TemporarilyUnavailable),
        (|| Reply::new(503, ""), FaultClass::TemporarilyUnavailable),
        (|| refusal(500, "invalid_grant"), FaultClass::TemporarilyUnavailable),
        (|| Reply::new(200, "x".repeat(1_000_000)), FaultClass::Unknown),
        (|| Reply::new(500, "x".repeat(1_000_000)), FaultClass::TemporarilyUnavailable),
        (|| Reply::new(200, [0x80; 100]), FaultClass::Unknown),
        (|| Reply::new(200, ""), FaultClass::Unknown),
        (|| Reply::json(&json!({ "token_type": "Bearer", "s3cret": 1 })), FaultClass::Protocol),
        (|| Reply::json(&json!({ "access_token": "s3cret", "token_type": "mac" })), FaultClass::Protocol),
        (
            || Reply::json(&json!({ "access_token": "s3cret\r\nx: y", "token_type": "bearer" })),
            FaultClass::Protocol,
        ),
    ];
    for (reply, class) in table {
        let fault = refresh(reply).await.1.expect_err("no tokens");
        assert_eq!(fault.class, class, "{fault}");
        assert!(!fault.reason.contains("s3cret") && fault.reason.len() < 160, "{fault}");
    }
}

#[tokio::test]
async fn a_server_says_how_long_to_leave_it_alone() {
    let date = || {
        Reply::new(503, "")
            .with("date", "Sun, 22 Nov 2026 10:00:00 GMT")
            .with("retry-after", "Sun, 22 Nov 2026 10:02:00 GMT")
    };
    let pause = |fault: Fault| fault.retry_after().map(|pause| pause.as_secs());
    assert_eq!(pause(refresh(date).await.1.expect_err("no tokens")), Some(120));
    let seconds = || Reply::new(429, "").with("retry-after", "30");
    assert_eq!(pause(refresh(seconds).await.1.expect_err("no tokens")), Some(30));
    for bad in ["soon", "-1", "Sun, 22 Nov 2026 10:02:00 GMT"] {
        let reply = move || Reply::new(503, "").with("retry-after", bad);
        assert_eq!(pause(refresh(reply).await.1.expect_err("no tokens")), None, "{bad}");
    }
    // A long answer does not hide it.
    let long = || Reply::new(503, "x".repeat(100_000)).with("retry-after", "5");
    assert_eq!(pause(refresh(long).await.1.expect_err("no tokens")), Some(5));
}

#[tokio::test]
async fn a_slow_answer_is_cut_off_and_is_nobodys_fault() {
    let fault = refresh(|| tokens().late(Duration::from_secs(20))).await.1.expect_err("no tokens");
    assert_eq!((fault.class, fault.class.actor()), (FaultClass::TimedOut, Actor::Nobody));
    assert_eq!(fault.reason, "127.0.0.1 did not answer in time");
}

#[tokio::test]
async fn the_secret_goes_where_the_server_takes_it() {
    let (server, mut provider, mut found) = at(tokens).await;
    let (http, secret) = (http(), secret());
    found.token_auth_methods = texts(&["private_key_jwt", "client_secret_post"]);
    let client = Client::new(&http, &found, &provider, Some(&secret));
    client.client_credentials(&texts(&["a", "b"]), now()).await.expect("tokens");
    let request = server.only();
    assert_eq!(request.form["client_id"], "post room");
    assert_eq!(request.form["client_secret"], "s3cret:with/odd characters");
    assert_eq!(request.form["grant_type"], "client_credentials");
    assert_eq!(request.form["scope"], "a b");
    assert!(!request.headers.contains_key("authorization"));
    // Nothing is sent without a proof that there should be.
    let unproven = Client::new(&http, &found, &provider, None);
    let fault = unproven.client_credentials(&[], now()).await.expect_err("refused");
    assert_eq!(fault.class, FaultClass::Configuration);
    provider.client_auth = ClientAuth::Public;
    let public = Client::new(&http, &found, &provider, None);
    public.refresh(&"r".into(), &[], now()).await.expect("tokens");
    let request = server.seen().remove(1);
    assert_eq!(request.form["client_id"], "post room");
    assert!(!request.form.contains_key("client_secret") && !request.headers.contains_key("authorization"));
}

#[tokio::test]
async fn microsofts_delegated_scopes_are_refused_to_an_app_of_its_own_right() {
    let (server, mut provider, found) = at(tokens).await;
    let (http, secret) = (http(), secret());
    provider.preset = Preset::Microsoft;
    provider.tenant = Some("contoso.onmicrosoft.com".to_owned());
    let right = texts(&["https://outlook.office365.com/.default"]);
    {
        let client = Client::new(&http, &found, &provider, Some(&secret));
        let imap = "https://outlook.office.com/IMAP.AccessAsUser.All";
        for wrong in [&[imap][..], &[imap, &right[0]], &["offline_access", &right[0]], &[]] {
            let fault = client.client_credentials(&texts(wrong), now()).await.expect_err("refused");
            assert_eq!(fault.class, FaultClass::AppRegistration);
            assert!(fault.reason.contains(&right[0]), "{fault}");
        }
        assert!(server.seen().is_empty());
        client.client_credentials(&right, now()).await.expect("tokens");
        client.refresh(&"r".into(), &texts(&[imap]), now()).await.expect("tokens");
        assert_eq!(server.seen()[1].form["scope"], imap, "Microsoft is told what the token is for");
    }
    provider.tenant = Some("common".to_owned());
    let client = Client::new(&http, &found, &provider, Some(&secret));
    let fault = client.client_credentials(&right, now()).await.expect_err("refused");
    assert!(fault.reason.contains("\"common\""), "{fault}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn passwords_are_sent_only_where_the_provider_allows_it() {
    let (server, mut provider, found) = at(tokens).await;
    let (http, secret) = (http(), secret());
    let password: SecretString = "pässword".into();
    let client = Client::new(&http, &found, &provider, Some(&secret));
    let fault = client.password("ann", &password, &[], now()).await.expect_err("refused");
    assert_eq!(fault.class, FaultClass::Configuration);
    assert!(server.seen().is_empty() && fault.reason.contains("allow_password_grant"), "{fault}");
    provider.allow_password_grant = true;
    let client = Client::new(&http, &found, &provider, Some(&secret));
    client.password("ann", &password, &texts(&["imap"]), now()).await.expect("tokens");
    let form = server.only().form;
    assert_eq!((form["grant_type"].as_str(), form["username"].as_str()), ("password", "ann"));
    assert_eq!((form["password"].as_str(), form["scope"].as_str()), ("pässword", "imap"));
}

#[tokio::test]
async fn what_is_wrong_without_a_consent_is_no_ended_authorization() {
    let (_server, mut provider, found) = at(|| refusal(400, "invalid_grant")).await;
    let (http, secret) = (http(), secret());
    provider.allow_password_grant = true;
    let client = Client::new(&http, &found, &provider, Some(&secret));
    let fault = client.password("ann", &"wrong".into(), &[], now()).await.expect_err("refused");
    assert_eq!((fault.class, fault.class.actor()), (FaultClass::PasswordRefused, Actor::Owner));
    let fault = client.client_credentials(&[], now()).await.expect_err("refused");
    assert_eq!((fault.class, fault.class.actor()), (FaultClass::AppRegistration, Actor::Operator));
}
