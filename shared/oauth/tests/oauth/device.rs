//! Consent on another device.

use crate::{
    explicit, http, now, provider, secret,
    server::{Answers, Reply, Server},
    texts,
};
use postroom_model::{FaultClass, Provider};
use postroom_oauth::{AuthorizationServer, Client, DevicePoll};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::time::Duration;

fn offered() -> Value {
    json!({
        "device_code": "d3vice", "user_code": "WDJB-MJHT", "verification_uri": "https://sso.example/device",
        "verification_uri_complete": "https://sso.example/device?user_code=WDJB-MJHT",
        "expires_in": 900, "interval": 7,
    })
}

/// A server that offers a code and answers polls so.
async fn polled(
    reply: impl Fn() -> Reply + Send + Sync + 'static,
) -> (Server, Provider, AuthorizationServer) {
    let server =
        Server::start(
            move |request, _| {
                if request.line == "POST /device" { Reply::json(&offered()) } else { reply() }
            },
        )
        .await;
    let provider = provider(explicit(&server.url));
    let found = AuthorizationServer::of(&http(), &provider).await.expect("no request");
    (server, provider, found)
}

fn refused(error: &str) -> Reply {
    Reply::new(400, json!({ "error": error }).to_string())
}

#[tokio::test]
async fn a_code_is_offered_and_polled_for_until_somebody_consents() {
    let tokens = || {
        Reply::json(&json!({
            "access_token": "a", "token_type": "Bearer", "refresh_token": "r3fresh", "id_token": "a.b.c",
        }))
    };
    let (server, provider, found) = polled(tokens).await;
    let (http, secret) = (http(), secret());
    let client = Client::new(&http, &found, &provider, Some(&secret));
    let device = client.start_device(&texts(&["imap"]), now()).await.expect("a code");
    assert_eq!(device.user_code, "WDJB-MJHT");
    assert_eq!(device.verification_uri.as_str(), "https://sso.example/device");
    assert!(device.verification_uri_complete.is_some());
    assert_eq!(device.interval, Duration::from_secs(7));
    assert_eq!(device.expires_at, now() + Duration::from_secs(900));
    assert!(!format!("{device:?}").contains("d3vice"));
    let DevicePoll::Answer(answer) = client.poll_device(&device, now()).await.expect("an answer") else {
        panic!("no answer");
    };
    assert_eq!(answer.tokens.refresh_token.expect("a token").expose_secret(), "r3fresh");
    assert!(answer.id_token.is_some());
    let seen = server.seen();
    assert_eq!(seen[0].form["scope"], "imap");
    assert_eq!(seen[1].form["grant_type"], "urn:ietf:params:oauth:grant-type:device_code");
    assert_eq!(seen[1].form["device_code"], "d3vice");
    assert!(seen.iter().all(|request| request.headers["authorization"].starts_with("Basic ")));
}

#[tokio::test]
async fn polls_wait_slow_down_or_end() {
    let table: [(Answers, Result<&str, FaultClass>); 9] = [
        (|| refused("authorization_pending"), Ok("Pending")),
        (|| refused("slow_down"), Ok("SlowDown")),
        // As Google answers while it waits.
        (|| Reply::new(428, r#"{"error":"authorization_pending"}"#), Ok("Pending")),
        (|| refused("access_denied"), Err(FaultClass::ConsentRequired)),
        (|| refused("authorization_declined"), Err(FaultClass::ConsentRequired)),
        (|| refused("expired_token"), Err(FaultClass::AuthorizationEnded)),
        (|| refused("bad_verification_code"), Err(FaultClass::AuthorizationEnded)),
        (|| Reply::html(503), Err(FaultClass::TemporarilyUnavailable)),
        (|| Reply::new(400, "garbage"), Err(FaultClass::Unknown)),
    ];
    for (reply, expected) in table {
        let (_server, provider, found) = polled(reply).await;
        let (http, secret) = (http(), secret());
        let client = Client::new(&http, &found, &provider, Some(&secret));
        let device = client.start_device(&[], now()).await.expect("a code");
        let poll = client.poll_device(&device, now()).await;
        assert_eq!(
            poll.map(|poll| format!("{poll:?}")).map_err(|fault| fault.class),
            expected.map(str::to_owned)
        );
    }
}

#[tokio::test]
async fn an_ended_code_is_not_polled_for() {
    let (server, provider, found) = polled(|| refused("authorization_pending")).await;
    let (http, secret) = (http(), secret());
    let client = Client::new(&http, &found, &provider, Some(&secret));
    let device = client.start_device(&[], now()).await.expect("a code");
    let fault = client.poll_device(&device, device.expires_at).await.expect_err("ended");
    assert_eq!(fault.class, FaultClass::AuthorizationEnded);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_server_without_the_flow_or_with_a_bad_answer_is_a_fault() {
    let table: [(Answers, FaultClass); 5] = [
        (|| refused("unauthorized_client"), FaultClass::AppRegistration),
        (|| Reply::json(&json!({ "device_code": "s3cret" })), FaultClass::Protocol),
        (|| Reply::html(200), FaultClass::Unknown),
        (|| Reply::html(500), FaultClass::TemporarilyUnavailable),
        (
            || {
                let mut said = offered();
                said["verification_uri"] = json!("javascript:alert(1)");
                Reply::json(&said)
            },
            FaultClass::Protocol,
        ),
    ];
    let (http, secret) = (http(), secret());
    for (reply, class) in table {
        let server = Server::saying(reply).await;
        let provider = provider(explicit(&server.url));
        let found = AuthorizationServer::of(&http, &provider).await.expect("no request");
        let client = Client::new(&http, &found, &provider, Some(&secret));
        let fault = client.start_device(&[], now()).await.expect_err("no code");
        assert_eq!(fault.class, class, "{fault}");
        assert!(!fault.reason.contains("s3cret"), "{fault}");
    }
    let (server, provider, mut found) = polled(Reply::not_found).await;
    found.device_url = None;
    let client = Client::new(&http, &found, &provider, Some(&secret));
    let fault = client.start_device(&[], now()).await.expect_err("no code");
    assert_eq!(fault.class, FaultClass::Configuration);
    assert!(server.seen().is_empty());
}
