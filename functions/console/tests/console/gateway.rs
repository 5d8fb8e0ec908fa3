//! Requests as API Gateway hands them over.

use crate::{browser::Browser, support::Fixture};
use axum::{body::Body, http::Request, http::StatusCode};
use serde_json::Value;

/// The sample of a callback, as if it came from an address, and a proxy claimed another.
fn callback(address: &str, claimed: &str) -> Request<Body> {
    let mut event: Value =
        serde_json::from_str(include_str!("../../../../events/console-callback.json")).expect("JSON");
    event["requestContext"]["http"]["sourceIp"] = address.into();
    event["headers"]["x-forwarded-for"] = claimed.into();
    lambda_http::request::from_str(&event.to_string()).expect("a request").map(Body::new)
}

#[tokio::test]
async fn requests_are_limited_by_the_address_that_api_gateway_saw() {
    let fixture = Fixture::new().await;
    let mut browser = Browser::new(fixture.router.clone());
    for n in 0..30 {
        // Whatever a client claims, and whichever address of its network it takes.
        let address = format!("2001:db8:1:2::{n:x}");
        let page = browser.send(callback(&address, &format!("198.51.100.{n}"))).await;
        page.is_problem(StatusCode::FORBIDDEN, "This sign-in was begun elsewhere");
    }
    let page = browser.send(callback("2001:db8:1:2:ffff::1", "203.0.113.1")).await;
    page.is_problem(StatusCode::TOO_MANY_REQUESTS, "Too many attempts");
    let page = browser.send(callback("2001:db8:1:3::1", "2001:db8:1:2::1")).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "a neighbour is not held up");
}
