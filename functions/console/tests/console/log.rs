//! What stands in the log: the cause of each problem under its reference number, and nothing secret.

use crate::{
    server::parameters,
    support::{ADMIN, Fixture},
};
use secrecy::ExposeSecret;
use std::{cell::RefCell, io, sync::Once};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// The crates whose own lines are logged.
const OWN: [&str; 6] =
    ["console", "postroom_mail", "postroom_oauth", "postroom_registry", "postroom_tokens", "postroom_vault"];

thread_local! {
    /// What this thread has logged; each test has a thread of its own.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Logs as a function does with the level `debug`. One subscriber serves all tests, because which
/// lines are wanted is remembered for all threads.
pub(crate) fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let targets = Targets::new()
            .with_default(LevelFilter::WARN)
            .with_targets(OWN.map(|name| (name, LevelFilter::DEBUG)));
        let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(|| Writer);
        tracing_subscriber::registry().with(targets).with(lines).init();
    });
}

/// What this thread has logged so far.
pub(crate) fn text() -> String {
    LOG.with_borrow(|log| String::from_utf8(log.clone()).expect("text"))
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_problems_reference_number_stands_in_the_log_with_the_cause() {
    let fixture = Fixture::new().await;
    let page = fixture.browser().get("/callback?state=unknown&code=x").await;
    let (_, reference) = page.text.split_once("<code>").expect("a reference");
    let reference = reference.split('<').next().expect("a reference");
    let text = text();
    let line = text.lines().find(|line| line.contains(reference)).expect("a line");
    assert!(line.contains("no cookie of this sign-in"), "{line}");
}

#[tokio::test]
async fn no_secret_and_nobodys_name_stands_in_the_log() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let mut secrets = vec!["@post".to_owned(), ADMIN.to_owned(), "subject of".to_owned()];
    // One that works, one that is wrong, one that fails, and one that is refused.
    for (user, answer) in [
        ("projects@post.test", None),
        ("eve@post.test", None),
        (
            "projects@post.test",
            Some((400, r#"{"error":"invalid_grant","error_description":"s3cret-0123456789abcdefghij"}"#)),
        ),
    ] {
        fixture
            .server
            .becomes(|mood| mood.token_answer = answer.map(|(status, body)| (status, body.to_owned())));
        let request = browser.leave("/accounts/projects/authorise", &[]).await;
        let back = fixture.server.approve(&request, user);
        let asked = parameters(&request);
        secrets.extend([asked["state"].clone(), asked["nonce"].clone(), back.clone()]);
        browser.get(&back).await;
        browser.get(&back).await;
    }
    secrets.extend(fixture.server.posted("/token").iter().map(|form| form["code_verifier"].clone()));
    let tokens = fixture.tokens(&projects).await.expect("tokens");
    secrets.push(tokens.access_token.expose_secret().to_owned());
    secrets.push("refresh-".to_owned());
    secrets.push("s3cret".to_owned());
    secrets.extend(browser.cookies.values().cloned());
    secrets.extend(browser.csrf.clone());
    let text = text();
    assert!(text.contains("an account was authorised"), "{text}");
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn what_the_console_lacks_is_one_line_with_the_right_and_the_resource() {
    let fixture = Fixture::new().await;
    let signed_in = fixture.administrator().await;
    for (what, router, status, right, resource) in [
        (
            "the table",
            fixture.reconfigured(|settings| settings.table = "no-such-table".to_owned()),
            500,
            "dynamodb:GetItem",
            "table no-such-table",
        ),
        (
            "the key of its cookies",
            fixture.reconfigured(|settings| settings.secret_prefix = "no-such".to_owned()),
            503,
            "secretsmanager:GetSecretValue",
            "secret no-such/console",
        ),
    ] {
        let before = text().len();
        let page = signed_in.clone().with(router).get("/").await;
        assert_eq!(page.status.as_u16(), status, "{what}: {page:?}");
        let (_, reference) = page.text.split_once("<code>").expect("a reference");
        let reference = reference.split('<').next().expect("a reference");
        let text = text().split_off(before);
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let [line] = lines.as_slice() else { panic!("{what}: {text}") };
        assert_eq!((&line["level"], &line["reference"]), (&"ERROR".into(), &reference.into()), "{what}");
        assert_eq!((&line["right"], &line["resource"]), (&right.into(), &resource.into()), "{what}");
        assert!(line["advice"].as_str().is_some_and(|advice| advice.len() > 20), "{what}: {line}");
        for inside in [right, resource, "AWS", "advice"] {
            assert!(!page.text.contains(inside), "{what}: the page says {inside}");
        }
    }
}
