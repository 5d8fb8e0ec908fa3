//! After an upgrade: what a release without reminders knew is looked at, page by page, in the time that the
//! reminders leave.

use crate::support::{EARLY, Fixture, account, at, id};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use expiry_check::{ExpiryCheck, Tally};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::HashMap,
    sync::atomic::{AtomicI64, Ordering},
};

const AUTHORISED: &str = "2027-01-11T09:00:00Z";
const MONTH: &str = "2027-03-11T09:10:00Z";
const HOUR_LATER: &str = "2027-03-11T10:10:00Z";
/// More than one page.
const MANY: usize = 450;

/// Copies an account that was authorised, as a release wrote it that knew of no reminders.
async fn unseen(fixture: &Fixture, ids: impl Iterator<Item = String>) {
    fixture.authorised(&account("model", &["ann@contoso.com"]), AUTHORISED).await;
    let client = aws_sdk_dynamodb::Client::new(&fixture.aws);
    let table = &fixture.settings.table;
    let mut models = Vec::new();
    for sk in ["ACCOUNT", "STATUS"] {
        let key = HashMap::from([("pk".to_owned(), text("ACCOUNT#model")), ("sk".to_owned(), text(sk))]);
        let item = client.get_item().table_name(table).set_key(Some(key)).send().await.expect("an answer");
        models.push(item.item.expect("an item"));
    }
    fixture.registry.delete_account(&id("model")).await.expect("deleted");
    let mut writes = Vec::new();
    for name in ids {
        for mut item in models.clone() {
            item.retain(|name, _| !name.starts_with("remind"));
            item.insert("pk".into(), text(&format!("ACCOUNT#{name}")));
            if item.contains_key("id") {
                item.insert("id".into(), text(&name));
            }
            let put = PutRequest::builder().set_item(Some(item)).build().expect("an item");
            writes.push(WriteRequest::builder().put_request(put).build());
        }
    }
    for writes in writes.chunks(25) {
        let written = client.batch_write_item().request_items(table, writes.to_vec()).send().await;
        assert!(written.expect("written").unprocessed_items.unwrap_or_default().is_empty());
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// Takes an account out of the index, as a run does that finds nothing to tell of.
async fn forget(fixture: &Fixture, id: &str) {
    let due = fixture.registry.due_of("account", at(HOUR_LATER), MANY).await.expect("lists");
    let due =
        due.iter().find(|due| due.subject.to_string() == format!("account:{id}")).expect("in the index");
    assert!(fixture.registry.set_reminder(due, None).await.expect("written"));
}

async fn in_index(fixture: &Fixture) -> usize {
    fixture.registry.due_of("account", at(HOUR_LATER), 2 * MANY).await.expect("lists").len()
}

#[tokio::test]
async fn what_an_earlier_release_knew_is_told_at_the_next_run_and_is_looked_for_once() {
    let fixture = Fixture::new().await;
    unseen(&fixture, ["old".to_owned()].into_iter()).await;
    fixture.authorised(&account("new", &["ben@contoso.com"]), AUTHORISED).await;
    let tally = fixture.run(MONTH).await;
    assert_eq!((tally.due, tally.mails, tally.failed), (1, 1, 0), "reminders come first");
    assert_eq!(fixture.next_look("account:old").await.as_deref(), Some(MONTH));
    fixture.run(HOUR_LATER).await;
    assert_eq!(fixture.told("account:old").await, ["month ann@contoso.com", "month events"]);

    unseen(&fixture, ["later".to_owned()].into_iter()).await;
    fixture.run("2027-03-11T11:10:00Z").await;
    assert_eq!(fixture.next_look("account:later").await, None);
}

/// A clock that is a second further whenever somebody looks.
static CLOCK: AtomicI64 = AtomicI64::new(0);

fn ticking() -> Timestamp {
    Timestamp::from_second(CLOCK.fetch_add(1, Ordering::SeqCst)).expect("in range")
}

#[tokio::test]
async fn where_time_was_short_the_next_run_goes_on_where_it_was_left() {
    let fixture = Fixture::new().await;
    unseen(&fixture, (0..MANY).map(|n| format!("account-{n:03}"))).await;
    CLOCK.store(at(EARLY).as_second(), Ordering::SeqCst);
    let check = ExpiryCheck::new(fixture.settings.clone(), &fixture.aws, ticking);
    let run = async |seconds: i64| {
        let deadline = Timestamp::from_second(CLOCK.load(Ordering::SeqCst) + seconds).expect("in range");
        // A little earlier each time, so that nothing is due.
        let now = at(MONTH) - SignedDuration::from_secs(seconds);
        assert_eq!(check.check(now, deadline).await.expect("a run"), Tally::default());
    };
    run(30).await;
    assert_eq!(in_index(&fixture).await, 0, "no time was left");
    run(30 + 300).await;
    let seen = in_index(&fixture).await;
    assert!((250..300).contains(&seen), "{seen}");

    // The first page is done with: it is not begun again.
    forget(&fixture, "account-000").await;
    let (began, rest) = (std::time::Instant::now(), MANY - seen);
    run(30 + 10_000).await;
    assert!(began.elapsed().as_millis() >= 5 * rest as u128, "{rest} in {:?}", began.elapsed());
    let left: Vec<_> = fixture.registry.unseen_accounts(None, MANY).await.expect("lists").items;
    assert_eq!(left.iter().map(ToString::to_string).collect::<Vec<_>>(), ["account:account-000"]);
}
