//! Maildrops: cursors, the sets of known ids beside them, and what crashes and other runs leave behind.

use crate::support::{Fixture, at, id, mailbox};
use aws_sdk_dynamodb::{
    primitives::Blob,
    types::{AttributeValue, Select},
};
use postroom_model::{
    Fault, FaultClass, FolderCursor, MailboxId, MaildropCursor, Prefix, Protocol, Stuck, UniqueId,
};
use postroom_registry::{Counted, Registry};
use std::collections::HashSet;

fn ids(range: std::ops::Range<u32>) -> Vec<UniqueId> {
    range.map(|n| UniqueId::of_uidl(&format!("UID{n}-1447683500"))).collect()
}

/// The cursor after these, as far as a source knows it.
fn after(cursor: MaildropCursor, ids: &[UniqueId]) -> MaildropCursor {
    MaildropCursor { prefix: ids.iter().fold(cursor.prefix, |prefix, id| prefix.then(*id)), ..cursor }
}

const ONE: Counted = Counted { messages: 1, bytes: 10, left_out: None };

async fn recorded(registry: &Registry, name: &MailboxId) -> Option<MaildropCursor> {
    let loaded = registry.load(std::slice::from_ref(name)).await.expect("loads").remove(0).1;
    loaded.expect("readable").state.maildrop
}

/// A mailbox of whose maildrop so many messages are on record.
async fn with_maildrop(fixture: &Fixture, messages: u32) -> (MailboxId, MaildropCursor) {
    let name: MailboxId = id("m");
    fixture.registry.put_mailbox(&mailbox("m"), at(1000)).await.expect("puts");
    let all = ids(0..messages);
    let to = after(MaildropCursor::start(u64::MAX), &all);
    let moved = fixture.registry.advance_maildrop(&name, None, to, &all, &ONE).await;
    (name, moved.expect("answers").expect("nobody else"))
}

/// How many items the set has.
async fn items(fixture: &Fixture, name: &MailboxId) -> i32 {
    let query = fixture.client.query().table_name(&fixture.table).select(Select::Count);
    let query = query.key_condition_expression("pk = :pk");
    let pk = AttributeValue::S(format!("KNOWN#{name}"));
    let mut pages = query.expression_attribute_values(":pk", pk).into_paginator().send();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        count += page.expect("answers").count;
    }
    count
}

#[tokio::test]
async fn ids_and_cursor_are_put_on_record_and_one_new_message_writes_one_item_of_ids() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let (name, cursor) = with_maildrop(&fixture, 1_500).await;
    assert_eq!((cursor.part, cursor.filled), (2, 300));
    assert_eq!(recorded(registry, &name).await, Some(cursor));
    let known = registry.known_ids(&name, cursor.generation).await.expect("answers");
    assert_eq!(known, HashSet::from_iter(ids(0..1_500)));
    assert_eq!(registry.known_ids(&name, cursor.generation ^ 1).await.expect("answers"), HashSet::new());

    let before = fixture.requests();
    let new = ids(1_500..1_501);
    let moved = registry.advance_maildrop(&name, Some(cursor), after(cursor, &new), &new, &ONE).await;
    let moved = moved.expect("answers").expect("nobody else");
    assert_eq!(fixture.requests() - before, 2, "ids, then the cursor");
    assert_eq!((moved.part, moved.filled, moved.prefix.messages), (2, 301, 1_501));
    let before = fixture.requests();
    let passed = MaildropCursor { known_through: Some(new[0]), ..moved };
    let moved = registry.advance_maildrop(&name, Some(moved), passed, &[], &Counted::default()).await;
    assert_eq!((moved.expect("answers"), fixture.requests() - before), (Some(passed), 1));
    let loaded = registry.load(&[name]).await.expect("loads").remove(0).1.expect("readable").state;
    assert_eq!((loaded.messages, loaded.bytes, loaded.maildrop), (2, 20, Some(passed)));
}

#[tokio::test]
async fn a_hundred_thousand_messages_leave_the_state_small() {
    let fixture = Fixture::new().await;
    let (name, cursor) = with_maildrop(&fixture, 100_000).await;
    assert_eq!(items(&fixture, &name).await, 167);
    let known = fixture.registry.known_ids(&name, cursor.generation).await.expect("answers");
    assert_eq!(known.len(), 100_000);
    let state = fixture.client.get_item().table_name(&fixture.table);
    let state =
        state.key("pk", AttributeValue::S("MAILBOX#m".into())).key("sk", AttributeValue::S("STATE".into()));
    let state = state.send().await.expect("answers").item.expect("is there");
    assert!(format!("{state:?}").len() < 1_000, "shown, and longer than stored: {state:?}");
}

#[tokio::test]
async fn of_runs_at_once_one_moves_the_cursor_and_no_id_is_lost() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let (name, cursor) = with_maildrop(&fixture, 10).await;
    let runs: Vec<_> = (0..8u32)
        .map(|run| {
            let (registry, name) = (registry.clone(), name.clone());
            tokio::spawn(async move {
                let new = ids(10..11 + run);
                registry.advance_maildrop(&name, Some(cursor), after(cursor, &new), &new, &ONE).await
            })
        })
        .collect();
    let mut moved = Vec::new();
    for run in runs {
        moved.extend(run.await.expect("runs").expect("answers"));
    }
    assert_eq!(moved.len(), 1);
    assert_eq!(recorded(registry, &name).await, Some(moved[0]));
    let known = registry.known_ids(&name, cursor.generation).await.expect("answers");
    assert_eq!(known, HashSet::from_iter(ids(0..18)), "all of them are done");
    let again = registry.advance_maildrop(&name, None, moved[0], &[], &ONE).await;
    assert_eq!(again.expect("answers"), None, "it has begun already");
}

#[tokio::test]
async fn a_crash_between_ids_and_cursor_is_repeated_without_growth() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let (name, cursor) = with_maildrop(&fixture, 10).await;
    let new = ids(10..20);
    let stale = MaildropCursor { prefix: Prefix::default(), ..cursor };
    // As a run does that is cut off: its condition fails, its ids are there.
    for _ in 0..3 {
        let refused = registry.advance_maildrop(&name, Some(stale), after(cursor, &new), &new, &ONE).await;
        assert_eq!(refused.expect("answers"), None);
    }
    let moved = registry.advance_maildrop(&name, Some(cursor), after(cursor, &new), &new, &ONE).await;
    assert_eq!(moved.expect("answers").map(|moved| moved.filled), Some(20));
    assert_eq!(registry.known_ids(&name, cursor.generation).await.expect("answers").len(), 20);
    assert_eq!(items(&fixture, &name).await, 1);
}

#[tokio::test]
async fn what_a_run_that_broke_off_has_put_on_record_says_nothing_of_another_maildrop() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let (name, cursor) = with_maildrop(&fixture, 10).await;
    // The mailbox becomes another's: the ids are written, and the cursor is not.
    let again = |origin| MaildropCursor {
        generation: cursor.generation.wrapping_add(1),
        ..MaildropCursor::start(origin)
    };
    let stale = Some(MaildropCursor { prefix: Prefix::default(), ..cursor });
    let theirs = ids(100..120);
    let refused = registry.advance_maildrop(&name, stale, after(again(2), &theirs), &theirs, &ONE).await;
    assert_eq!(refused.expect("answers"), None);
    assert_eq!(items(&fixture, &name).await, 2, "they are there");
    // Then it becomes a third one's, whose messages have ids that the second's had.
    let own = ids(119..121);
    let moved = registry.advance_maildrop(&name, Some(cursor), after(again(3), &own), &own, &ONE).await;
    let moved = moved.expect("answers").expect("nobody else");
    assert_eq!(registry.known_ids(&name, moved.generation).await.expect("answers"), HashSet::from_iter(own));
    assert_eq!(items(&fixture, &name).await, 1, "and what nobody asks for any more is gone");
}

#[tokio::test]
async fn ids_that_were_written_before_the_first_cursor_are_nobodys() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let name: MailboxId = id("m");
    let orphans = AttributeValue::Bs(vec![Blob::new(ids(7..8)[0].as_bytes())]);
    let sk = AttributeValue::S("0000000000#0000000000".into());
    let put = fixture.client.put_item().table_name(&fixture.table).item("ids", orphans);
    put.item("pk", AttributeValue::S("KNOWN#m".into())).item("sk", sk).send().await.expect("puts");
    registry.put_mailbox(&mailbox("m"), at(1000)).await.expect("puts");
    let own = ids(0..2);
    let moved =
        registry.advance_maildrop(&name, None, after(MaildropCursor::start(1), &own), &own, &ONE).await;
    let moved = moved.expect("answers").expect("nobody else");
    assert_eq!(registry.known_ids(&name, moved.generation).await.expect("answers"), HashSet::from_iter(own));
    assert_eq!(items(&fixture, &name).await, 1);
}

#[tokio::test]
async fn which_filter_left_something_out_is_on_record_before_its_ids_are() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let (name, cursor) = with_maildrop(&fixture, 10).await;
    let left_out = |filter| Counted { left_out: Some((1, filter)), ..ONE };
    let advance = async |from, ids: &[UniqueId], counted: &Counted| {
        let moved = registry.advance_maildrop(&name, Some(from), after(from, ids), ids, counted).await;
        moved.expect("answers")
    };
    // Two runs from one cursor, under an old filter and a new one: the first to write is the only one.
    let moved = advance(cursor, &ids(10..11), &left_out(u64::MAX)).await.expect("the first");
    assert_eq!(advance(moved, &ids(11..12), &left_out(7)).await, None);
    // A run that is not from here leaves neither.
    let stale = MaildropCursor { prefix: Prefix::default(), ..moved };
    assert_eq!(advance(stale, &ids(12..13), &left_out(u64::MAX)).await, None);
    let known = registry.known_ids(&name, moved.generation).await.expect("answers");
    assert_eq!(known, HashSet::from_iter(ids(0..11)));
    let loaded = registry.load(std::slice::from_ref(&name)).await.expect("loads").remove(0).1;
    let state = loaded.expect("readable").state;
    assert_eq!((state.left_out_by, state.left_out, state.maildrop), (Some(u64::MAX), 1, Some(moved)));

    // It takes a write of its own, where something was left out.
    let before = fixture.requests();
    let moved = advance(moved, &ids(13..14), &left_out(u64::MAX)).await.expect("nobody else");
    assert_eq!(fixture.requests() - before, 3, "filter, ids, cursor");
    // Another filter begins another set: nothing of the first one's counts.
    let again = MaildropCursor { generation: moved.generation.wrapping_add(1), ..MaildropCursor::start(1) };
    let begun = registry.advance_maildrop(&name, Some(moved), again, &ids(0..1), &left_out(7)).await;
    let begun = begun.expect("answers").expect("nobody else");
    assert_eq!(registry.known_ids(&name, begun.generation).await.expect("answers").len(), 1);
}

#[tokio::test]
async fn by_which_protocol_a_cursor_was_moved_last_is_on_record_with_it() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let (name, cursor) = with_maildrop(&fixture, 3).await;
    let fetched_by = async || {
        let loaded = registry.load(std::slice::from_ref(&name)).await.expect("loads").remove(0).1;
        loaded.expect("readable").state.fetched_by
    };
    assert_eq!(fetched_by().await, Some(Protocol::Pop3));
    let folder = FolderCursor::start(7, 1);
    assert!(registry.advance(&name, "INBOX", None, folder, &ONE).await.expect("answers"));
    assert_eq!(fetched_by().await, Some(Protocol::Imap));
    let new = ids(3..4);
    let moved = registry.advance_maildrop(&name, Some(cursor), after(cursor, &new), &new, &ONE).await;
    assert!(moved.expect("answers").is_some());
    assert_eq!(fetched_by().await, Some(Protocol::Pop3));
    assert!(!registry.advance(&name, "INBOX", None, folder, &ONE).await.expect("answers"));
    assert_eq!(fetched_by().await, Some(Protocol::Pop3), "what was refused says nothing");
}

#[tokio::test]
async fn a_set_is_written_anew_and_what_was_there_goes() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let (name, cursor) = with_maildrop(&fixture, 3_000).await;
    // What a crash has left of another rewriting.
    let orphan = std::collections::HashMap::from([
        ("pk".to_owned(), AttributeValue::S("KNOWN#m".into())),
        ("sk".to_owned(), AttributeValue::S("0000000077#0000000000".into())),
    ]);
    let put = fixture.client.put_item().table_name(&fixture.table).set_item(Some(orphan));
    put.send().await.expect("puts");

    let needed = ids(2_300..3_000);
    let other = MaildropCursor { origin: 1, ..cursor };
    assert_eq!(registry.rewrite_known(&name, other, &needed).await.expect("answers"), None);
    assert_eq!(recorded(registry, &name).await, Some(cursor), "somebody else has moved it");
    assert_eq!(items(&fixture, &name).await, 6, "and nothing of the attempt stays");

    let moved = registry.rewrite_known(&name, cursor, &needed).await.expect("answers").expect("nobody else");
    assert_eq!((moved.part, moved.filled, moved.prefix), (1, 100, cursor.prefix));
    assert_ne!(moved.generation, cursor.generation);
    assert_eq!(recorded(registry, &name).await, Some(moved));
    assert_eq!(items(&fixture, &name).await, 2);
    let known = registry.known_ids(&name, moved.generation).await.expect("answers");
    assert_eq!(known, HashSet::from_iter(needed));
    let new = ids(3_000..3_001);
    let gone_on = registry.advance_maildrop(&name, Some(moved), after(moved, &new), &new, &ONE).await;
    assert_eq!(gone_on.expect("answers").map(|cursor| cursor.filled), Some(101));
    assert_eq!(registry.known_ids(&name, moved.generation).await.expect("answers").len(), 701);
}

#[tokio::test]
async fn what_is_known_of_another_generation_goes_with_it() {
    let fixture = Fixture::new().await;
    let (name, cursor) = with_maildrop(&fixture, 3_000).await;
    let new = ids(0..2);
    let again = MaildropCursor { generation: cursor.generation.wrapping_add(1), ..MaildropCursor::start(1) };
    let moved = fixture.registry.advance_maildrop(&name, Some(cursor), after(again, &new), &new, &ONE).await;
    let moved = moved.expect("answers").expect("nobody else");
    assert_eq!((moved.part, moved.filled, items(&fixture, &name).await), (0, 2, 1));
    let known = fixture.registry.known_ids(&name, moved.generation).await.expect("answers");
    assert_eq!(known, HashSet::from_iter(new));
}

#[tokio::test]
async fn a_mailbox_that_is_deleted_leaves_its_cursor_and_no_set() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let (name, cursor) = with_maildrop(&fixture, 3_000).await;
    registry.delete_mailbox(&name).await.expect("deletes");
    assert_eq!(items(&fixture, &name).await, 0);
    registry.put_mailbox(&mailbox("m"), at(2000)).await.expect("comes back");
    assert_eq!(recorded(registry, &name).await, Some(cursor));
}

#[tokio::test]
async fn a_message_is_in_quarantine_under_its_id_whatever_number_it_has() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let (name, _) = with_maildrop(&fixture, 1).await;
    let stuck = |uid, unique_id| Stuck {
        uid_validity: 0,
        uid,
        unique_id,
        size: None,
        message_id: None,
        attempts: 3,
        fault: Fault::new(FaultClass::Protocol, "no"),
    };
    let known = ids(0..2);
    for (number, unique_id) in [(5, Some(known[0])), (4, Some(known[0])), (4, Some(known[1])), (4, None)] {
        registry.quarantine(&name, "INBOX", &stuck(number, unique_id), at(2000)).await.expect("quarantines");
    }
    let mut records = registry.quarantined(&name).await.expect("lists");
    records.sort_by_key(|record| (record.stuck.uid, record.stuck.unique_id));
    let records: Vec<_> =
        records.into_iter().map(|record| (record.stuck.uid, record.stuck.unique_id)).collect();
    assert_eq!(records.len(), 3);
    assert_eq!((records[0], records[2]), ((4, None), (5, Some(known[0]))));
}
