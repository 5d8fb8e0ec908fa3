//! Where an authorization server says that it answers.

use crate::{
    http, provider,
    server::{Answers, Reply, Server},
};
use postroom_model::{Actor, Endpoints, FaultClass, Preset};
use postroom_oauth::AuthorizationServer;
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

const OPENID: &str = "GET /.well-known/openid-configuration";

fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "device_authorization_endpoint": "",
        "revocation_endpoint": 7,
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "authorization_response_iss_parameter_supported": true,
    })
}

/// The issuer of a server, as servers write it.
fn issuer(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

async fn discover(url: &Url) -> Result<AuthorizationServer, postroom_model::Fault> {
    AuthorizationServer::of(&http(), &provider(Endpoints::Issuer(url.clone()))).await
}

#[tokio::test]
async fn metadata_is_read_and_what_cannot_be_read_counts_as_absent() {
    let server = Server::start(|_, url| Reply::json(&metadata(&issuer(url)))).await;
    let found = discover(&server.url).await.expect("metadata");
    assert_eq!(server.only().line, OPENID);
    assert_eq!(found.issuer, Some(issuer(&server.url)));
    assert_eq!(found.token_url, server.url.join("/token").expect("a path"));
    assert_eq!((found.device_url.clone(), found.revoke_url.clone()), (None, None));
    assert!(found.openid && found.iss_parameter);
    assert_eq!(found.token_auth_methods, ["client_secret_post", "private_key_jwt"]);
    let kept = serde_json::to_string(&found).expect("writes");
    assert_eq!(serde_json::from_str::<AuthorizationServer>(&kept).expect("reads"), found);
}

#[tokio::test]
async fn a_server_without_openid_is_found_by_rfc_8414_under_its_path() {
    let server = Server::start(|request, url| match request.line.as_str() {
        "GET /.well-known/oauth-authorization-server/mail" => {
            Reply::json(&metadata(&format!("{}/mail", issuer(url))))
        }
        // As an app's page answers whatever it is asked for.
        _ => Reply::html(200),
    })
    .await;
    let found = discover(&server.url.join("/mail").expect("a path")).await.expect("metadata");
    assert_eq!(found.issuer, Some(format!("{}/mail", issuer(&server.url))));
    assert!(!found.openid, "its keys are not said to sign id_tokens");
    assert_eq!(server.seen()[0].line, "GET /mail/.well-known/openid-configuration");
}

#[tokio::test]
async fn another_issuer_is_refused() {
    for said in ["https://evil.example", "https://accounts.example/", ""] {
        let server = Server::saying(|| Reply::json(&metadata(said))).await;
        let fault = discover(&server.url).await.expect_err("refused");
        assert_eq!(fault.class, FaultClass::AppRegistration, "{said}: {fault}");
    }
    // The path is part of an issuer, its slash too.
    let server = Server::start(|_, url| Reply::json(&metadata(&format!("{}/a", issuer(url))))).await;
    for asked in ["/a/", "/b", "/A"] {
        let fault = discover(&server.url.join(asked).expect("a path")).await.expect_err("refused");
        assert_eq!(fault.class, FaultClass::AppRegistration, "{asked}: {fault}");
    }
}

#[tokio::test]
async fn what_is_no_metadata_is_a_fault_in_words_without_being_quoted() {
    let long = || Reply::new(200, format!("{{\"issuer\":\"{}\"}}", "x".repeat(1_000_000)));
    let table: [(Answers, FaultClass, &str); 9] = [
        (|| Reply::html(200), FaultClass::Configuration, "without an authorization server's metadata"),
        (Reply::not_found, FaultClass::Configuration, "answers HTTP 404"),
        (|| Reply::new(200, "{\"issuer\""), FaultClass::Configuration, "HTTP 200 without"),
        (|| Reply::new(200, [0xff, 0xfe, 0]), FaultClass::Configuration, "HTTP 200 without"),
        (|| Reply::new(200, "{}"), FaultClass::Protocol, "no \"issuer\""),
        (|| Reply::html(500), FaultClass::TemporarilyUnavailable, "a page of HTML"),
        (|| Reply::new(429, "").with("retry-after", "7"), FaultClass::Throttled, "HTTP 429"),
        (
            || Reply::new(302, "").with("location", "/elsewhere"),
            FaultClass::Configuration,
            "answers HTTP 302",
        ),
        (long, FaultClass::Unknown, "more than 65536 bytes"),
    ];
    for (reply, class, words) in table {
        let server = Server::saying(reply).await;
        let fault = discover(&server.url).await.expect_err("no metadata");
        assert_eq!(fault.class, class, "{fault}");
        assert!(fault.reason.contains(words), "{fault}");
        assert!(!fault.reason.contains("s3cret"), "{fault}");
        assert!(server.seen().iter().all(|request| !request.line.contains("elsewhere")), "a redirect");
        if class == FaultClass::Throttled {
            assert_eq!(fault.retry_after(), Some(Duration::from_secs(7)));
        }
    }
}

#[tokio::test]
async fn a_server_that_is_slow_or_gone_is_nobodys_fault() {
    let server = Server::saying(|| Reply::html(200).late(Duration::from_secs(20))).await;
    let fault = discover(&server.url).await.expect_err("no answer");
    assert_eq!(fault.class, FaultClass::TimedOut);
    let closed = Url::parse("http://127.0.0.1:9").expect("a URL");
    let fault = discover(&closed).await.expect_err("no connection");
    assert_eq!(fault.class, FaultClass::Unreachable);
    assert_eq!(fault.class.actor(), Actor::Nobody);
}

#[tokio::test]
async fn explicit_endpoints_are_taken_without_a_request() {
    let server = Server::saying(Reply::not_found).await;
    let mut provider = provider(crate::explicit(&server.url));
    let found = AuthorizationServer::of(&http(), &provider).await.expect("no request");
    assert!(!found.openid && found.issuer.is_none());
    provider.preset = Preset::Microsoft;
    provider.tenant = Some("common".to_owned());
    assert!(AuthorizationServer::of(&http(), &provider).await.expect("no request").openid);
    assert!(server.seen().is_empty());
}

#[test]
fn the_iss_of_an_authorization_response_is_compared() {
    let mut server: AuthorizationServer = serde_json::from_value(json!({
        "issuer": "https://a.example", "token_url": "https://a.example/token",
        "iss_parameter": true, "token_auth_methods": [], "openid": true,
    }))
    .expect("reads");
    assert!(server.accepts_iss(Some("https://a.example")));
    assert!(!server.accepts_iss(Some("https://b.example")));
    assert!(!server.accepts_iss(Some("https://a.example/b")));
    assert!(!server.accepts_iss(None), "it says that it always sends one");
    server.iss_parameter = false;
    assert!(server.accepts_iss(None));
    assert!(!server.accepts_iss(Some("https://b.example")), "a wrong one counts all the same");
}
