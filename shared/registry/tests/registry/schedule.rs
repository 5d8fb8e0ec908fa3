//! The schedule: who gets a batch when many want it, and which batches are due.

use crate::support::{Fixture, at, batch, id, lease, mailbox};
use jiff::Timestamp;
use postroom_model::{Batch, BatchId, MailboxId};
use postroom_registry::{DueBatch, LeasedBatch, Registry};

async fn due(registry: &Registry, now: Timestamp) -> Vec<DueBatch> {
    let mut pages = registry.due_batches(now);
    let mut due = Vec::new();
    while let Some(page) = pages.next_page().await.expect("a page") {
        due.extend(page);
    }
    due
}

/// A batch of one mailbox, due at 1000.
async fn one_batch(registry: &Registry) -> BatchId {
    registry.put_batch(&batch("5m-0001", &[id("a")]), at(1000), 0.0).await.expect("puts");
    id("5m-0001")
}

fn held(leased: LeasedBatch) -> Batch {
    match leased {
        LeasedBatch::Held { batch, .. } => batch,
        other => panic!("not held but {other:?}"),
    }
}

#[tokio::test]
async fn one_of_many_claims_wins() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name = one_batch(&registry).await;
    let claims = (0..32).map(|_| {
        let (registry, name) = (registry.clone(), name.clone());
        tokio::spawn(async move { registry.claim(&name, at(1000), at(1900)).await.expect("answers") })
    });
    let claims: Vec<_> = claims.collect();
    let mut won = 0;
    for claim in claims {
        won += usize::from(claim.await.expect("runs").is_some());
    }
    assert_eq!(won, 1);
    assert_eq!(due(&registry, at(1000)).await, []);
    assert_eq!(due(&registry, at(1900)).await, [DueBatch { id: name, due_at: at(1900) }]);
    assert_eq!(registry.claim(&id("gone"), at(1000), at(1900)).await.expect("answers"), None);
    assert_eq!(registry.batch(&id("gone")).await.expect("reads"), None, "a claim creates nothing");
}

#[tokio::test]
async fn a_lease_is_exclusive_until_it_ends() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name = one_batch(&registry).await;
    let take = async |owner, until, now| {
        registry.lease_batch(&name, &lease(owner, until), at(now)).await.expect("answers")
    };
    let batch = held(take("first", 1500, 1000).await);
    assert_eq!((batch.due_at, batch.lease.as_ref()), (Some(at(1000)), Some(&lease("first", 1500))));
    assert_eq!(batch.mailboxes, [id::<MailboxId>("a")]);

    assert_eq!(take("second", 2000, 1499).await, LeasedBatch::Busy);
    assert_eq!(
        held(take("first", 1600, 1499).await).lease,
        Some(lease("first", 1600)),
        "its holder renews it"
    );
    assert_eq!(held(take("second", 2000, 1600).await).lease, Some(lease("second", 2000)), "it ended");

    assert!(
        !registry.release_batch(&name, "first", Some(at(1000)), at(1300)).await.expect("answers"),
        "no longer its own"
    );
    assert!(registry.release_batch(&name, "second", Some(at(1600)), at(1900)).await.expect("answers"));
    let batch = registry.batch(&name).await.expect("reads").expect("is there");
    assert_eq!((batch.lease, batch.completed_at, batch.due_at), (None, Some(at(1600)), Some(at(1900))));
    assert!(!registry.release_batch(&name, "second", None, at(1)).await.expect("answers"));

    let gone = registry.lease_batch(&id("gone"), &lease("first", 9), at(1)).await.expect("answers");
    assert_eq!(gone, LeasedBatch::Gone);
    assert_eq!(registry.batches([]).await.expect("lists").len(), 1, "a lease creates nothing");
}

#[tokio::test]
async fn a_lease_tells_once_that_a_definition_has_changed() {
    let Fixture { registry, .. } = Fixture::new().await;
    registry.put_mailbox(&mailbox("a"), at(1000)).await.expect("puts");
    let name = one_batch(&registry).await;
    let has_changed = async || match registry.lease_batch(&name, &lease("w", 2000), at(1000)).await {
        Ok(LeasedBatch::Held { has_changed, .. }) => has_changed,
        other => panic!("not held but {other:?}"),
    };
    assert!(has_changed().await, "it is new");
    assert!(!has_changed().await, "that was told");
    registry.put_mailbox(&mailbox("a"), at(1100)).await.expect("puts");
    assert!(has_changed().await && !has_changed().await);
    for paused_at in [Some(at(1200)), None] {
        assert!(registry.pause_mailbox(&id("a"), paused_at).await.expect("answers"));
        assert!(has_changed().await && !has_changed().await);
    }
    registry.delete_mailbox(&id("a")).await.expect("deletes");
    assert!(has_changed().await && !has_changed().await);
    assert!(!registry.pause_mailbox(&id("a"), None).await.expect("answers"));
    assert!(!has_changed().await, "there was nothing to change");
}

#[tokio::test]
async fn a_batch_of_an_earlier_release_leaves_the_index_that_costs_a_write_at_every_poll() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let item = serde_json::json!({
        "id": "5m-0001", "kind": "batch", "interval": "5m", "mailboxes": ["a"], "schedule": "batch", "due_at": 1000,
    });
    fixture.put_raw("BATCH#5m-0001", "BATCH", item).await;
    let listed = async || {
        let query = fixture.client.query().table_name(&fixture.table).index_name("kind");
        let query = query.key_condition_expression("kind = :kind");
        let kind = aws_sdk_dynamodb::types::AttributeValue::S("batch".into());
        query.expression_attribute_values(":kind", kind).send().await.expect("answers").count
    };
    assert_eq!((listed().await, registry.batches([]).await.expect("lists").len()), (1, 1));
    held(registry.lease_batch(&id("5m-0001"), &lease("w", 2000), at(1000)).await.expect("answers"));
    assert_eq!((listed().await, registry.batches([]).await.expect("lists").len()), (0, 1));
}

#[tokio::test]
async fn putting_a_batch_again_disturbs_nothing() {
    let Fixture { registry, .. } = Fixture::new().await;
    let names: Vec<MailboxId> = (0..3).map(|n| id(&format!("m{n}"))).collect();
    for name in &names[..2] {
        registry.put_mailbox(&mailbox(name.as_str()), at(1000)).await.expect("puts");
    }
    let name: BatchId = id("5m-0001");
    let wanted = batch("5m-0001", &names);
    registry.put_batch(&wanted, at(1000), 0.5).await.expect("puts");
    held(registry.lease_batch(&name, &lease("worker", 2000), at(1050)).await.expect("answers"));
    let before = registry.batch(&name).await.expect("reads").expect("is there");
    assert_eq!(before.due_at, Some(at(1030)));

    registry.put_batch(&wanted, at(1500), 0.9).await.expect("puts again");
    assert_eq!(registry.batch(&name).await.expect("reads"), Some(before.clone()));
    let placed = registry.mailboxes().await.expect("lists");
    assert_eq!(placed.len(), 2, "a mailbox that does not exist is not created by being placed");
    assert!(placed.iter().all(|p| p.batch.as_ref() == Some(&name) && p.batched_at == Some(at(1000))));

    registry.put_mailbox(&mailbox("m2"), at(1000)).await.expect("puts");
    registry.put_batch(&wanted, at(1600), 0.9).await.expect("puts again");
    let late = registry.mailbox(&names[2]).await.expect("reads").expect("is there");
    assert_eq!((late.batch, late.batched_at), (Some(name.clone()), Some(at(1600))));

    let fewer = Batch { interval: "1h".parse().expect("interval"), ..batch("5m-0001", &names[..1]) };
    registry.put_batch(&fewer, at(1700), 0.9).await.expect("puts");
    let expected = Batch { interval: fewer.interval, mailboxes: fewer.mailboxes.clone(), ..before };
    assert_eq!(registry.batch(&name).await.expect("reads"), Some(expected.clone()));
    assert_eq!(registry.batches([]).await.expect("lists"), [expected]);
}

#[tokio::test]
async fn an_emptied_batch_leaves_the_schedule_until_it_is_filled() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name = one_batch(&registry).await;
    assert_eq!(due(&registry, at(999)).await, []);
    assert_eq!(due(&registry, at(1000)).await, [DueBatch { id: name.clone(), due_at: at(1000) }]);

    registry.put_batch(&batch("5m-0001", &[]), at(1100), 0.0).await.expect("empties");
    assert_eq!(due(&registry, at(99_999)).await, []);
    assert_eq!(registry.claim(&name, at(1000), at(1900)).await.expect("answers"), None);
    // A run that began before may still set its due time; the batch stays out of the index.
    held(registry.lease_batch(&name, &lease("w", 2000), at(1100)).await.expect("answers"));
    assert!(registry.release_batch(&name, "w", None, at(1300)).await.expect("answers"));
    assert_eq!(due(&registry, at(99_999)).await, []);
    registry.put_batch(&batch("5m-0001", &[]), at(1200), 0.0).await.expect("empties again");

    registry.put_batch(&batch("5m-0001", &[id("b")]), at(5000), 0.0).await.expect("fills");
    assert_eq!(due(&registry, at(5000)).await, [DueBatch { id: name, due_at: at(5000) }]);
}

#[tokio::test]
async fn due_batches_come_in_pages_and_the_longest_due_first() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    for n in 0..520 {
        let item = serde_json::json!({ "schedule": "batch", "due_at": 2000 - n });
        fixture.put_raw(&format!("BATCH#b-{n:03}"), "BATCH", item).await;
    }
    let unreadable = serde_json::json!({ "schedule": "batch", "due_at": 1 });
    fixture.put_raw("BATCH#Not An Id", "BATCH", unreadable).await;
    let mut pages = registry.due_batches(at(2000));
    let first = pages.next_page().await.expect("a page").expect("not the end");
    assert_eq!(first.len(), 499, "five hundred, without the one that cannot be read");
    assert_eq!(first[0], DueBatch { id: id("b-519"), due_at: at(1481) });
    let second = pages.next_page().await.expect("a page").expect("not the end");
    assert_eq!(second.last(), Some(&DueBatch { id: id("b-000"), due_at: at(2000) }));
    assert_eq!(first.len() + second.len(), 520);
    assert_eq!(pages.next_page().await.expect("answers"), None);
}

/// Claims that come to nothing, whatever the due time says, until a run goes through or the batch is emptied.
#[tokio::test]
async fn a_batch_waits_from_its_first_claim_until_a_run_goes_through() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name = one_batch(&registry).await;
    let claim = async |due_at, until| {
        registry.claim(&name, at(due_at), at(until)).await.expect("answers").map(Timestamp::as_second)
    };
    let waiting = async || registry.oldest_waiting_batch(at(99_999)).await.expect("answers");
    let run = async |now, completed: Option<i64>, next| {
        held(registry.lease_batch(&name, &lease("w", now + 60), at(now)).await.expect("answers"));
        assert!(registry.release_batch(&name, "w", completed.map(at), at(next)).await.expect("answers"));
    };
    assert_eq!(claim(1000, 1900).await, Some(1000));
    registry.give_back(&name, at(1900), at(1000)).await.expect("answers");
    assert_eq!(claim(1000, 2000).await, Some(1000));
    assert_eq!(claim(2000, 3000).await, Some(1000));
    assert_eq!(waiting().await, None, "nobody has said that it waits");
    assert!(registry.note_waiting(&name, at(1000)).await.expect("answers"));
    assert_eq!(waiting().await, Some(at(1000)));
    assert_eq!(registry.oldest_waiting_batch(at(999)).await.expect("answers"), None);
    run(2500, None, 3100).await;
    assert_eq!(
        (claim(3100, 4000).await, waiting().await),
        (Some(1000), Some(at(1000))),
        "it came to nothing"
    );
    run(3200, Some(3200), 4300).await;
    assert_eq!(waiting().await, None);
    assert!(!registry.note_waiting(&name, at(1000)).await.expect("answers"), "too late");
    assert_eq!(claim(4300, 5300).await, Some(4300));

    assert!(registry.note_waiting(&name, at(4300)).await.expect("answers"));
    registry.put_batch(&batch("5m-0001", &[]), at(6000), 0.0).await.expect("empties");
    assert_eq!(waiting().await, None);
    registry.put_batch(&batch("5m-0001", &[id("b")]), at(9000), 0.0).await.expect("fills");
    assert_eq!(claim(9000, 9900).await, Some(9000));
}

/// A release that knows nothing of it leaves what this one noted when a run of its own goes through.
#[tokio::test]
async fn a_batch_that_an_earlier_release_has_worked_does_not_wait() {
    let fixture = Fixture::new().await;
    let item = serde_json::json!({
        "schedule": "batch", "due_at": 5000, "waits_since": 1000, "completed_at": 4000, "id": "5m-0001",
        "interval": 300, "mailboxes": ["a"],
    });
    fixture.put_raw("BATCH#5m-0001", "BATCH", item).await;
    let name = id("5m-0001");
    assert_eq!(fixture.registry.claim(&name, at(5000), at(6000)).await.expect("answers"), Some(at(1000)));
    assert!(!fixture.registry.note_waiting(&name, at(1000)).await.expect("answers"));
    assert_eq!(fixture.registry.oldest_waiting_batch(at(99_999)).await.expect("answers"), None);
}

#[tokio::test]
async fn what_has_been_due_longest_is_one_request_away() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    assert_eq!(registry.oldest_due_batch(at(9999)).await.expect("answers"), None);
    for (name, second) in [("5m-0001", 3000), ("5m-0002", 1000), ("1h-0001", 2000)] {
        registry.put_batch(&batch(name, &[id("a")]), at(second), 0.0).await.expect("puts");
    }
    let before = fixture.requests();
    assert_eq!(registry.oldest_due_batch(at(9999)).await.expect("answers"), Some(at(1000)));
    assert_eq!(fixture.requests() - before, 1);
    assert_eq!(registry.oldest_due_batch(at(999)).await.expect("answers"), None);
}
