//! What the functions ask of AWS does not grow with what is not due.

use postroom_lambda::now;
use postroom_scale::{Deployment, Step};

/// Batches that are due.
const BATCHES: usize = 10;
/// Accounts whose tokens are due, and accounts of which somebody is to be told.
const ACCOUNTS: usize = 40;
/// The most items that a page of the console may read: 25 accounts with their statuses, up to 101 mailboxes of
/// each, 25 basic mailboxes with their states, 2,000 ends, and a thousand entries of two lists for a search.
const ITEMS: u64 = 2 * 25 + 25 * 101 + 2 * 25 + 2000 + 2 * 1000;
/// And the most requests: one for the mailboxes of each account, and a few.
const REQUESTS: u64 = 25 + 12;

/// One of each, in a deployment of so many mailboxes: runs, and pages.
async fn steps(mailboxes: usize) -> (Vec<(&'static str, Step)>, Vec<Step>) {
    let endpoint = std::env::var("POSTROOM_TEST_AWS_ENDPOINT")
        .expect("this test needs an AWS API: run `make test`, or set POSTROOM_TEST_AWS_ENDPOINT");
    let deployment = Deployment::make(&endpoint, mailboxes, now()).await;
    // The first run of a release also looks for what an earlier one left.
    deployment.expiry_check(0, 0).await;
    let runs = vec![
        ("a tick with nothing due", deployment.dispatch(0).await),
        ("a tick", deployment.dispatch(BATCHES).await),
        ("a run of token-refresh with nothing due", deployment.token_refresh(0).await),
        ("a run of token-refresh", deployment.token_refresh(ACCOUNTS).await),
        ("a run of expiry-check with nothing due", deployment.expiry_check(0, 0).await),
        ("a run of expiry-check", deployment.expiry_check(ACCOUNTS, 1).await),
    ];
    let mut pages = Vec::new();
    for path in ["/", "/?q=SCALE.test", "/accounts/account-00001"] {
        pages.push(deployment.page(path).await);
    }
    deployment.remove().await;
    (runs, pages)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_times_as_many_mailboxes_ask_no_more() {
    let ((few, few_pages), (many, many_pages)) = (steps(500).await, steps(5000).await);
    for ((what, few), (_, many)) in few.into_iter().zip(many) {
        let [few_used, many_used] =
            [&few, &many].map(|step| (&step.used.calls, step.used.items, &step.used.written));
        assert_eq!(few_used, many_used, "{what}");
        assert!(few.used.total() > 0 && !few.used.calls.contains_key("Scan"), "{what}: {:?}", few.used);
    }
    for (few, many) in few_pages.into_iter().zip(many_pages) {
        assert_eq!(few.used.calls, many.used.calls, "{}", few.of);
        for Step { of, used, .. } in [few, many] {
            assert!(used.total() <= REQUESTS && used.items <= ITEMS, "{of}: {used:?}");
            assert!(!used.calls.contains_key("Scan"), "{of}: {used:?}");
        }
    }
}

/// What an earlier release left grows with what exists, once: a write for each account, and a look at a hundred
/// in each request.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_run_after_an_upgrade_writes_each_account_once() {
    let endpoint = std::env::var("POSTROOM_TEST_AWS_ENDPOINT")
        .expect("this test needs an AWS API: run `make test`, or set POSTROOM_TEST_AWS_ENDPOINT");
    let deployment = Deployment::make(&endpoint, 2500, now()).await;
    let accounts = deployment.accounts();
    let first = deployment.upgrade().await;
    let next = deployment.expiry_check(0, 0).await;
    deployment.remove().await;
    let calls = |step: &Step, name: &str| step.used.calls.get(name).copied().unwrap_or_default();
    // The run's claim, and the place after each page.
    let besides = 1 + u64::try_from(accounts / 100).expect("small");
    let written = calls(&first, "UpdateItem") - u64::try_from(accounts).expect("small");
    assert!(written <= besides, "{:?}", first.used);
    assert!(first.used.total() - calls(&first, "UpdateItem") <= 20 + 2 * besides, "{:?}", first.used);
    assert_eq!((calls(&next, "UpdateItem"), next.used.items), (1, 1), "{:?}", next.used);
}
