//! What is deployed and what is written down, compared with what is there.

use crate::support::Fixture;
use axum::http::StatusCode;

const TEMPLATE: &str = include_str!("../../../../infra/template.yaml");
const SECURITY: &str = include_str!("../../../../docs/security.md");
const ATTACKS: &str = include_str!("attacks.rs");

#[test]
fn api_gateway_lets_through_what_the_router_answers() {
    let mut deployed: Vec<&str> =
        TEMPLATE.lines().filter_map(|line| line.trim().strip_prefix("RouteKey: ")).collect();
    deployed.iter_mut().for_each(|route| *route = route.trim_matches('"'));
    deployed.sort_unstable();
    let mut known = console::ROUTES.to_vec();
    known.sort_unstable();
    assert_eq!(deployed, known);
}

#[tokio::test]
async fn every_route_is_answered() {
    let fixture = Fixture::new().await;
    fixture.account("a").await;
    let account = "a".parse().expect("id");
    fixture.mailbox("a", &account, 1).await;
    let mut browser = fixture.administrator().await;
    for route in console::ROUTES {
        let (method, path) = route.split_once(' ').expect("a route");
        let actions: &[&str] = match path {
            "/accounts/{id}/{action}" => &["adopt", "authorise", "check", "link", "revoke"],
            "/chain/{action}" => &["another", "go", "repeat", "skip", "stop"],
            "/mailboxes/{id}/{action}" => &["pause", "resume", "test", "transcript"],
            _ => &[""],
        };
        for action in actions {
            let path = path.replace("{id}", "a").replace("{action}", action).replace("{token}", "a.b");
            // The language and a file are asked for by names that there are; the sign-out comes last.
            let path = path.replace("{file}", "style.css");
            let fields = [("account", "a"), ("do", "authorise"), ("language", "de"), ("token", "a.b")];
            if path == "/sign-out" || path == "/assets/style.css" {
                continue;
            }
            let page = match method {
                "GET" => browser.get(&path).await,
                _ => browser.post(&path, &fields).await,
            };
            assert!(
                page.status != StatusCode::NOT_FOUND && !page.status.is_server_error(),
                "{route}: {page:?}"
            );
        }
    }
}

#[test]
fn every_attack_in_the_documents_has_its_test_and_every_test_its_row() {
    let tests = ATTACKS.lines().filter_map(|line| line.strip_prefix("async fn "));
    let tests: Vec<&str> = tests.filter_map(|line| line.strip_suffix("() {")).collect();
    assert!(tests.len() > 15, "{tests:?}");
    for test in &tests {
        assert!(SECURITY.contains(&format!("`attacks::{test}`")), "{test} has no row");
    }
    for named in SECURITY.split("`attacks::").skip(1).filter_map(|rest| rest.split('`').next()) {
        assert!(tests.contains(&named), "there is no test {named}");
    }
}
