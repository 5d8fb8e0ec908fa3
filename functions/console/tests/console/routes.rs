//! What is deployed and what is written down, compared with what is there.

use crate::support::Fixture;
use axum::http::StatusCode;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const ROUTER: &str = include_str!("../../src/lib.rs");
const TEMPLATE: &str = include_str!("../../../../infra/template.yaml");
const SECURITY: &str = include_str!("../../../../docs/security.md");
const ATTACKS: [(&str, &str); 5] = [
    ("callbacks", include_str!("attacks/callbacks.rs")),
    ("hosts", include_str!("attacks/hosts.rs")),
    ("identities", include_str!("attacks/identities.rs")),
    ("links", include_str!("attacks/links.rs")),
    ("sessions", include_str!("attacks/sessions.rs")),
];

#[test]
fn the_router_answers_what_is_listed_and_nothing_else() {
    let mut routed = BTreeSet::new();
    for line in ROUTER.lines().filter_map(|line| line.trim().strip_prefix(".route(\"")) {
        let (path, handlers) = line.split_once("\", ").expect("a path and its handlers");
        for (call, method) in [("get(", "GET"), ("post(", "POST")] {
            if handlers.contains(call) {
                routed.insert(format!("{method} {}", listed(path)));
            }
        }
    }
    assert!(routed.len() > 20, "{routed:?}");
    let known: BTreeSet<String> = console::ROUTES.iter().map(|route| (*route).to_owned()).collect();
    assert_eq!(routed, known);
}

/// A path of the router as the list has it: what is done to an account or a mailbox is `{action}` there.
fn listed(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((subject @ ("/accounts/{id}" | "/mailboxes/{id}"), _)) => format!("{subject}/{{action}}"),
        _ => path.to_owned(),
    }
}

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
            "/accounts/{id}/{action}" => &["authorise", "check", "link", "move", "revoke"],
            "/chain/{action}" => &["another", "go", "repeat", "skip", "stop"],
            "/migration/{action}" => &["go", "repeat", "stop", "switch"],
            "/mailboxes/{id}/{action}" => &["back", "pause", "resume", "test", "transcript"],
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
    for (file, source) in ATTACKS {
        let tests = source.lines().filter_map(|line| line.strip_prefix("async fn "));
        let tests: Vec<&str> = tests.filter_map(|line| line.strip_suffix("() {")).collect();
        assert!(tests.len() > 3, "{file}: {tests:?}");
        for test in &tests {
            assert!(SECURITY.contains(&format!("`{file}::{test}`")), "{test} has no row");
        }
    }
    // A row names its tests last, each by the file in which it is and its own name.
    let rows = SECURITY.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit_once(" | "));
    let rows: Vec<&str> = rows.map(|(_, named)| named).filter(|named| named.contains("::")).collect();
    assert!(rows.len() > 30, "{rows:?}");
    let sources = sources();
    for named in rows.iter().flat_map(|row| row.split(", ")) {
        let named = named.strip_prefix('`').and_then(|named| named.strip_suffix('`'));
        let (file, test) = named.and_then(|named| named.split_once("::")).expect("a file and a test");
        let (rust, python) = (format!("fn {test}("), format!("def {test}("));
        let mut in_file = sources.iter().filter(|(name, _)| name == file);
        let is_there = in_file.any(|(_, text)| text.contains(&rust) || text.contains(&python));
        assert!(is_there, "there is no test {file}::{test}");
    }
}

/// Every source of the project, by the name of its file without its ending.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders: Vec<PathBuf> = ["cli", "functions", "infra/local", "shared", "tests"]
        .iter()
        .map(|folder| root.join(folder))
        .collect();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is_source = path.extension().is_some_and(|ending| ending == "rs" || ending == "py");
            if path.is_dir() {
                folders.push(path);
            } else if is_source {
                let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
                sources.push((name, fs::read_to_string(&path).expect("a source")));
            }
        }
    }
    sources
}
