//! The overview: what it finds, and what it costs.

use crate::{
    support::{Fixture, now},
    traffic::Traffic,
};
use console::App;
use futures::{StreamExt, stream};
use jiff::SignedDuration;
use postroom_model::{Account, EndDate, Expiry, Failure, Fault, FaultClass, Governs, Lease, Mailbox};
use postroom_registry::{LeasedAccount, TokenRecord};
use serde_json::json;
use std::time::{Duration, Instant};

async fn account(fixture: &Fixture, n: usize) {
    let account: Account = serde_json::from_value(json!({
        "id": format!("account-{n:05}"), "provider": if n.is_multiple_of(2) { "sso" } else { "other" },
        "grant": "authorization_code", "login": format!("login-{n}@post.test"),
        "owners": [format!("owner-{}@post.test", n % 7)],
    }))
    .expect("an account");
    fixture.registry.put_account(&account, now()).await.expect("stored");
}

/// Has the account authorised, until a day within the next year.
async fn authorise(fixture: &Fixture, n: usize) {
    let days = i64::try_from(n % 360).expect("small");
    let at = now() + SignedDuration::from_hours(24 * days);
    authorise_until(fixture, n, Expiry { at, governs: Governs::IdleLimit, since: now() }).await;
}

async fn authorise_until(fixture: &Fixture, n: usize, ends: Expiry) {
    let id = format!("account-{n:05}").parse().expect("id");
    let until = now() + SignedDuration::from_secs(60);
    let lease = Lease { owner: "test".into(), until };
    let LeasedAccount::Held(status) =
        fixture.registry.lease_account(&id, &lease, now()).await.expect("answers")
    else {
        panic!("busy")
    };
    let record = TokenRecord {
        obtained_at: now(),
        access_expires_at: Some(until),
        refresh_expires_at: None,
        refresh_expires_since: None,
        unrefreshable: false,
        remind_at: None,
        ends: Some(ends),
        missing_scopes: Vec::new(),
        due_at: Some(until),
        consent: Some((now(), None)),
    };
    assert!(fixture.registry.record_tokens(&id, status.fence, &record).await.expect("answers"));
}

async fn mailbox(fixture: &Fixture, id: &str, account: Option<&str>) {
    let mut mailbox = json!({"id": id, "protocol": "imap", "host": "mail.example", "port": 993,
        "tls": "implicit", "user": id, "owners": ["owner-1@post.test"]});
    if let Some(account) = account {
        mailbox["auth"] = json!({"oauth": account});
    }
    let mailbox: Mailbox = serde_json::from_value(mailbox).expect("a mailbox");
    fixture.registry.put_mailbox(&mailbox, now()).await.expect("stored");
}

/// A page of accounts costs the same requests however many accounts there are: as many as it shows,
/// and a few. `POSTROOM_TEST_ACCOUNTS` sets how many there are; the default keeps the test short.
#[tokio::test]
async fn a_page_costs_the_same_however_many_accounts_there_are() {
    let fixture = Fixture::new().await;
    let accounts = std::env::var("POSTROOM_TEST_ACCOUNTS").ok().and_then(|text| text.parse().ok());
    let accounts: usize = accounts.unwrap_or(60);
    stream::iter(0..accounts)
        .for_each_concurrent(32, async |n| {
            account(&fixture, n).await;
            if n >= 60 || n.is_multiple_of(2) {
                authorise(&fixture, n).await;
            }
        })
        .await;
    for n in 0..60 {
        mailbox(&fixture, &format!("mailbox-{n}"), Some(&format!("account-{n:05}"))).await;
        mailbox(&fixture, &format!("plain-{n}"), None).await;
    }
    let traffic = Traffic::to(&fixture.aws).await;
    let app = App::new(fixture.settings.clone(), &traffic.aws, now).expect("starts");
    let administrator = fixture.administrator().await;
    let mut browser = administrator.with(console::router(app));
    browser.get("/").await; // what a warm function has read already
    for path in ["/", "/?from=account-00020&trail=", "/?show=needs"] {
        traffic.reset();
        let begun = Instant::now();
        let page = browser.get(path).await;
        let (took, requests) = (begun.elapsed(), traffic.requests());
        assert!(page.says("account-00021"), "{page:?}");
        report(&format!("{path} of {accounts} accounts: {requests:?}, {took:?}"));
        let sum: usize = requests.values().sum();
        assert!(sum <= 25 + 12, "{requests:?}");
        assert!(requests.keys().all(|action| action != "Scan"), "{requests:?}");
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
}

#[expect(clippy::print_stdout, reason = "the figures are worth a line")]
fn report(line: &str) {
    println!("{line}");
}

#[tokio::test]
async fn accounts_are_found_by_text_state_provider_and_owner_page_by_page() {
    let fixture = Fixture::new().await;
    for n in 0..30 {
        account(&fixture, n).await;
    }
    mailbox(&fixture, "site-diary", Some("account-00003")).await;
    mailbox(&fixture, "legacy-plant", None).await;
    let id = "account-00003".parse().expect("id");
    let fault = Fault::new(FaultClass::AuthorizationEnded, "invalid_grant: revoked");
    fixture.registry.record_account_fault(&id, Some(&fault), now()).await.expect("recorded");
    let mut browser = fixture.administrator().await;

    let page = browser.get("/").await;
    assert!(page.says("account-00000") && page.says("site-diary") && page.says("legacy-plant"));
    assert!(page.says("Must be authorised again") && !page.says("account-00025"));
    let next = page.text.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
    let next = next.expect("a next page").replace("&#38;", "&");
    let page = browser.get(&next).await;
    assert!(page.says("account-00025") && !page.says("account-00024<") && page.says("Previous page"));

    let page = browser.get("/?q=LOGIN-17@").await;
    assert!(page.says("account-00017") && !page.says("account-00016") && !page.says("legacy-plant"));
    let page = browser.get("/?owner=owner-3%40post.test").await;
    assert!(page.says("account-00003") && page.says("account-00010") && !page.says("account-00004"));
    let page = browser.get("/?provider=sso").await;
    assert!(page.says("account-00002") && !page.says("account-00003") && !page.says("legacy-plant"));
    let page = browser.get("/?q=nobody").await;
    assert!(page.says("No account fits this search."));
    let page = browser.get("/?q=PLANT").await;
    assert!(page.says("legacy-plant") && !page.says("account-00001"));
    let page = browser.get("/?from=%2F..%2F").await;
    page.is_problem(axum::http::StatusCode::BAD_REQUEST, "cannot be understood");
}

/// What waits for a person, what has ended and what a policy wants anew; not what ends with the app's secret.
#[tokio::test]
async fn what_needs_re_authorising_is_the_same_in_the_list_and_for_the_button() {
    let fixture = Fixture::new().await;
    for n in 0..5 {
        account(&fixture, n).await;
    }
    let over = |governs| Expiry { at: now() - SignedDuration::from_hours(1), governs, since: now() };
    authorise_until(&fixture, 1, over(Governs::Policy)).await;
    authorise_until(&fixture, 2, over(Governs::ClientSecret)).await;
    authorise_until(&fixture, 3, over(Governs::ProviderLimit)).await;
    authorise(&fixture, 4).await;
    let mut browser = fixture.administrator().await;
    let listed = browser.get("/?show=needs").await;
    let all = browser.get("/").await;
    assert!(all.says("account-00002") && all.says("was noted to end"), "{all:?}");
    browser.post("/accounts/selected", &[("do", "authorise"), ("all", "needed")]).await;
    let run = browser.get("/chain").await;
    assert!(run.says("Account 1 of 3"), "{run:?}");
    for (n, needs) in [(0, true), (1, true), (2, false), (3, true), (4, false)] {
        let id = format!("account-{n:05}");
        assert_eq!((listed.says(&id), run.says(&id)), (needs, needs), "{id}: {listed:?} {run:?}");
    }
}

/// Mailboxes with Basic auth are under the filters too: those that fail, and those whose password ends soon.
#[tokio::test]
async fn basic_mailboxes_that_fail_or_whose_password_ends_are_found() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    account(&fixture, 1).await;
    mailbox(&fixture, "oauth-fails", Some("account-00001")).await;
    for id in ["plain-fails", "plain-paused", "plain-works"] {
        mailbox(&fixture, id, None).await;
    }
    for (id, days) in [("plain-over", -400), ("plain-soon", 29), ("plain-later", 31)] {
        mailbox(&fixture, id, None).await;
        let id = id.parse().expect("id");
        let mut mailbox = registry.mailbox(&id).await.expect("answers").expect("there").mailbox;
        mailbox.password_expires = Some(EndDate::Moment(now() + SignedDuration::from_hours(24 * days)));
        registry.put_mailbox(&mailbox, now()).await.expect("stored");
    }
    for id in ["oauth-fails", "plain-fails", "plain-paused"] {
        let fault = Fault::new(FaultClass::Unreachable, "no route");
        let failure = Failure::next(None, fault, now(), 0.5);
        registry.record_failure(&id.parse().expect("id"), &failure, None).await.expect("recorded");
    }
    assert!(
        registry.pause_mailbox(&"plain-paused".parse().expect("id"), Some(now())).await.expect("answers")
    );
    let mut browser = fixture.administrator().await;
    for (path, shown) in [
        ("/?show=needs", vec!["plain-fails"]),
        ("/?show=needs&q=PLAIN-F", vec!["plain-fails"]),
        ("/?show=needs&q=nothing", vec![]),
        ("/?show=needs&owner=nobody%40post.test", vec![]),
        ("/?show=needs&provider=sso", vec![]),
        ("/?show=soon", vec!["plain-over", "plain-soon"]),
        ("/?show=soon&owner=Owner-1%40post.test", vec!["plain-over", "plain-soon"]),
    ] {
        let page = browser.get(path).await;
        for id in ["plain-fails", "plain-paused", "plain-works", "plain-over", "plain-soon", "plain-later"] {
            assert_eq!(
                page.says(&format!("/mailboxes/{id}\"")),
                shown.contains(&id),
                "{path} {id}: {page:?}"
            );
        }
        assert_eq!(page.says("Its password ends: "), shown.contains(&"plain-soon"), "{path}: {page:?}");
    }
    // One that works again is not listed, though whoever tells people of it has not looked yet.
    registry.record_success(&"plain-fails".parse().expect("id"), now(), 0, None).await.expect("recorded");
    assert!(!browser.get("/?show=needs").await.says("/mailboxes/plain-fails\""));
}

#[tokio::test]
async fn the_language_is_chosen_and_kept() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.administrator().await;
    let page = browser.get("/providers").await;
    assert!(page.says("App registrations"));
    let page = browser.post_and_follow("/language", &[("language", "de"), ("to", "/providers")]).await;
    assert!(page.says("App-Registrierungen") && page.says("<html lang=\"de\">"), "{page:?}");
    let page = browser.post("/language", &[("language", "en"), ("to", "https://evil.example/")]).await;
    assert_eq!(page.location().as_deref(), Some("/"));
    let page = browser.post("/language", &[("language", "tlh"), ("to", "/")]).await;
    page.is_problem(axum::http::StatusCode::BAD_REQUEST, "cannot be understood");
}
