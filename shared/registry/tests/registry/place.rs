//! One mailbox's place among the batches.

use crate::support::{Fixture, at, batch, id, mailbox};
use postroom_model::{Batch, BatchId, Mailbox, MailboxId};
use postroom_registry::{DueBatch, Registry};
use std::collections::BTreeMap;

fn every(interval: &str, name: &str) -> Mailbox {
    Mailbox { interval: interval.parse().expect("interval"), ..mailbox(name) }
}

async fn put(registry: &Registry, mailbox: &Mailbox, now: i64) {
    registry.put_mailbox(mailbox, at(1000)).await.expect("puts");
    registry.place_mailbox(mailbox, at(now), 0.0).await.expect("places");
}

async fn members(registry: &Registry) -> BTreeMap<BatchId, Vec<MailboxId>> {
    let batches = registry.batches([]).await.expect("lists");
    batches.into_iter().map(|batch| (batch.id, batch.mailboxes)).collect()
}

#[tokio::test]
async fn a_mailbox_moves_with_its_interval_and_its_neighbours_stay() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    put(registry, &every("5m", "a"), 1000).await;
    put(registry, &every("5m", "b"), 1100).await;
    let five: BatchId = id("5m-0001");
    assert_eq!(members(registry).await, BTreeMap::from([(five.clone(), vec![id("a"), id("b")])]));
    let before = registry.batch(&five).await.expect("reads").expect("is there");
    assert_eq!(before.due_at, Some(at(1000)), "it was due before b came");

    let asked = fixture.requests();
    registry.place_mailbox(&every("5m", "a"), at(1200), 0.0).await.expect("places");
    assert!(fixture.requests() - asked <= 4, "reads only");
    assert_eq!(registry.batch(&five).await.expect("reads"), Some(before));

    put(registry, &every("1h", "a"), 2000).await;
    let wanted = BTreeMap::from([(id("1h-0001"), vec![id("a")]), (five.clone(), vec![id("b")])]);
    assert_eq!(members(registry).await, wanted);
    let placed = registry.mailbox(&id("a")).await.expect("reads").expect("is there");
    assert_eq!((placed.batch, placed.batched_at), (Some(id("1h-0001")), Some(at(2000))));
    let hourly = registry.batch(&id("1h-0001")).await.expect("reads").expect("is there");
    assert_eq!((hourly.due_at, hourly.interval.to_string().as_str()), (Some(at(2000)), "1h"));

    // The last one out empties the batch, which leaves the schedule.
    put(registry, &every("1h", "b"), 3000).await;
    assert_eq!(members(registry).await, BTreeMap::from([(id("1h-0001"), vec![id("a"), id("b")])]));
    let emptied = registry.batch(&five).await.expect("reads").expect("is there");
    assert_eq!(emptied.mailboxes, []);
    let due = registry.due_batches(at(9999)).next_page().await.expect("a page");
    assert_eq!(due, Some(vec![DueBatch { id: id("1h-0001"), due_at: at(2000) }]));
    put(registry, &every("5m", "c"), 4000).await;
    assert_eq!(members(registry).await[&five], [id::<MailboxId>("c")], "the emptied one is filled again");
}

#[tokio::test]
async fn a_batch_that_the_index_lacks_for_a_moment_is_not_made_anew() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let lacking = |mailboxes: &[&str]| serde_json::json!({"id": "5m-0001", "interval": "5m", "mailboxes": mailboxes, "due_at": 1000});
    fixture.put_raw("BATCH#5m-0001", "BATCH", lacking(&["a"])).await;
    assert_eq!(members(registry).await, BTreeMap::new(), "the index does not have it");
    let found = registry.batches([id("5m-0001")]).await.expect("lists");
    assert_eq!(
        found.iter().map(|batch| batch.mailboxes.len()).collect::<Vec<_>>(),
        [1],
        "who knows it asks for it"
    );
    let new = every("5m", "b");
    registry.put_mailbox(&new, at(1000)).await.expect("puts");
    let placing = registry.place_mailbox(&new, at(1000), 0.0);
    placing.await.expect_err("its name is taken for as long as the index lacks it");
    let kept = registry.batch(&id("5m-0001")).await.expect("reads").expect("is there");
    assert_eq!(kept.mailboxes, [id::<MailboxId>("a")]);
}

#[tokio::test]
async fn a_full_batch_takes_no_more() {
    let Fixture { registry, .. } = Fixture::new().await;
    let many: Vec<MailboxId> = (0..50).map(|n| id(&format!("m{n:02}"))).collect();
    registry.put_batch(&batch("5m-0001", &many), at(1000), 0.0).await.expect("puts");
    put(&registry, &every("5m", "z"), 1000).await;
    assert_eq!(members(&registry).await[&id("5m-0002")], [id::<MailboxId>("z")]);
}

#[tokio::test]
async fn a_mailbox_that_a_crash_left_in_two_batches_is_left_in_one() {
    let Fixture { registry, .. } = Fixture::new().await;
    let moved = every("1h", "a");
    registry.put_mailbox(&moved, at(1000)).await.expect("puts");
    registry.put_batch(&batch("5m-0001", &[id("a"), id("b")]), at(1000), 0.0).await.expect("puts");
    let hourly = Batch { interval: moved.interval, ..batch("1h-0001", &[id("a")]) };
    registry.put_batch(&hourly, at(1000), 0.0).await.expect("puts");
    registry.place_mailbox(&moved, at(2000), 0.0).await.expect("places");
    let wanted = BTreeMap::from([(id("1h-0001"), vec![id("a")]), (id("5m-0001"), vec![id("b")])]);
    assert_eq!(members(&registry).await, wanted);
}

#[tokio::test]
async fn places_that_are_taken_at_once_are_all_kept() {
    let Fixture { registry, .. } = Fixture::new().await;
    let placing = (0..6).map(|n| {
        let registry = registry.clone();
        tokio::spawn(async move { put(&registry, &every("5m", &format!("m{n}")), 1000).await })
    });
    for placed in placing.collect::<Vec<_>>() {
        placed.await.expect("places");
    }
    let mut all: Vec<_> = members(&registry).await.into_values().flatten().collect();
    all.sort();
    assert_eq!(all, (0..6).map(|n| id(&format!("m{n}"))).collect::<Vec<MailboxId>>());
}
