//! Mailbox states: cursors, counters, leases, stuck messages and quarantine.

use crate::support::{Fixture, at, id, lease, mailbox};
use postroom_model::{
    Day, Failure, Fault, FaultClass, FolderCursor, MailboxId, MailboxState, NoTurn, Run, RunResult, Stuck,
};
use postroom_registry::{Counted, Error, Registry};
use serde_json::json;

async fn state(registry: &Registry, name: &MailboxId) -> MailboxState {
    registry.load(std::slice::from_ref(name)).await.expect("loads").remove(0).1.expect("readable").state
}

async fn with_mailbox(fixture: &Fixture) -> MailboxId {
    fixture.registry.put_mailbox(&mailbox("m"), at(1000)).await.expect("puts");
    id("m")
}

fn counted(messages: u64, bytes: u64) -> Counted {
    Counted { messages, bytes, left_out: None }
}

#[tokio::test]
async fn fifty_mailboxes_load_in_one_request() {
    let fixture = Fixture::new().await;
    let names: Vec<MailboxId> = (0..51).map(|n| id(&format!("m{n:02}"))).collect();
    for name in &names {
        fixture.registry.put_mailbox(&mailbox(name.as_str()), at(1000)).await.expect("puts");
    }
    fixture.registry.record_success(&names[3], at(1000), 5, None).await.expect("records");

    let before = fixture.requests();
    let mut asked = names[..50].to_vec();
    asked[49] = id("gone");
    asked.push(names[0].clone());
    let loaded = fixture.registry.load(&asked).await.expect("loads");
    assert_eq!(fixture.requests() - before, 1);
    assert_eq!(loaded.len(), 49, "one does not exist, one was asked for twice");
    for (name, loaded) in loaded {
        let loaded = loaded.expect("readable");
        assert_eq!(loaded.placed.mailbox.id, name);
        assert_eq!(loaded.state.backlog, if name == names[3] { 5 } else { 0 });
    }

    let before = fixture.requests();
    assert_eq!(fixture.registry.load(&names).await.expect("loads").len(), 51);
    assert_eq!(fixture.requests() - before, 2);
    assert_eq!(fixture.registry.load(&[]).await.expect("loads").len(), 0);
}

#[tokio::test]
async fn an_unreadable_item_does_not_hide_its_neighbours() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    for name in ["bad-state", "good"] {
        registry.put_mailbox(&mailbox(name), at(1000)).await.expect("puts");
    }
    fixture.put_raw("MAILBOX#bad-config", "CONFIG", json!({"id": "bad-config", "port": "many"})).await;
    fixture.put_raw("MAILBOX#bad-state", "STATE", json!({"folders": 7})).await;
    fixture.put_raw("MAILBOX#new", "CONFIG", json!({"id": "new", "v": "next"})).await;
    let names = ["bad-config", "bad-state", "good", "new"].map(id::<MailboxId>);
    let loaded = registry.load(&names).await.expect("loads");
    let outcomes: Vec<_> = loaded.iter().map(|(name, l)| (name.as_str(), l.as_ref().err())).collect();
    assert!(
        matches!(
            outcomes[..],
            [
                ("bad-config", Some(Error::Unreadable { .. })),
                ("bad-state", Some(Error::Unreadable { .. })),
                ("good", None),
                ("new", Some(Error::TooNew { .. })),
            ]
        ),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn a_cursor_is_moved_once_from_each_place() {
    let Fixture { registry, .. } = Fixture::new().await;
    registry.put_mailbox(&mailbox("m"), at(1000)).await.expect("puts");
    let name: MailboxId = id("m");
    const STEPS: u32 = 5;
    let writers: Vec<_> = (0..16)
        .map(|_| {
            let (registry, name) = (registry.clone(), name.clone());
            tokio::spawn(async move {
                let (mut won, mut overtaken) = (0, 0);
                while won < STEPS {
                    let from = state(&registry, &name).await.folders.get("INBOX").copied();
                    let to = from.unwrap_or(FolderCursor::start(7, 1));
                    let to = to.advance(to.last_uid + 1);
                    match registry.advance(&name, "INBOX", from, to, &counted(1, 10)).await.expect("answers")
                    {
                        true => won += 1,
                        false => overtaken += 1,
                    }
                }
                overtaken
            })
        })
        .collect();
    let mut overtaken = 0;
    for writer in writers {
        overtaken += writer.await.expect("runs");
    }
    let state = state(&registry, &name).await;
    assert_eq!(state.folders["INBOX"].last_uid, 16 * STEPS);
    assert_eq!((state.messages, state.bytes), (u64::from(16 * STEPS), u64::from(160 * STEPS)));
    assert!(overtaken > 0, "the writers did meet");
}

#[tokio::test]
async fn folders_of_any_name_and_states_without_maps_advance() {
    let fixture = Fixture::new().await;
    let name = with_mailbox(&fixture).await;
    let registry = &fixture.registry;
    // A lease creates the state without its maps.
    assert!(registry.lease_mailbox(&name, &lease("w", 2000), at(1000)).await.expect("answers"));
    let renumbered = FolderCursor::renumbered(9, 1, 100);
    for folder in ["INBOX", "Entw&APw-rfe/2026", "a.b #c:d", "日本"] {
        let start = FolderCursor::start(7, 1).advance(3);
        assert!(
            registry.advance(&name, folder, None, start, &counted(3, 300)).await.expect("answers"),
            "{folder}"
        );
        assert!(
            !registry.advance(&name, folder, None, start, &counted(3, 300)).await.expect("answers"),
            "already there"
        );
        assert!(
            registry
                .advance(&name, folder, Some(start), renumbered, &Counted::default())
                .await
                .expect("answers")
        );
        assert!(
            !registry
                .advance(&name, folder, Some(start), renumbered, &Counted::default())
                .await
                .expect("answers")
        );
    }
    let state = state(registry, &name).await;
    assert!(state.folders.len() == 4 && state.folders.values().all(|cursor| *cursor == renumbered));
    assert_eq!((state.messages, state.bytes), (12, 1200));
    let unknown = registry.advance(&id("other"), "INBOX", Some(renumbered), renumbered, &counted(1, 1)).await;
    assert!(!unknown.expect("answers"), "there is nothing to move on from");
}

#[tokio::test]
async fn success_ends_failure() {
    let fixture = Fixture::new().await;
    let name = with_mailbox(&fixture).await;
    let registry = &fixture.registry;
    let fault =
        Fault::new(FaultClass::Throttled, "slow down").with_retry_after(std::time::Duration::from_secs(9));
    let failure = Failure::next(None, fault.clone(), at(1000), 0.5);
    let run = |result| Run { request: "r-1".into(), finished_at: at(1000), result };
    registry.record_failure(&name, &failure, Some(&run(RunResult::Failed(fault)))).await.expect("records");
    let failed = state(registry, &name).await;
    assert_eq!(failed.failure, Some(failure));
    assert!(matches!(failed.last_demand, Some(Run { result: RunResult::Failed(_), .. })));

    registry.record_success(&name, at(2000), 7, None).await.expect("records");
    let done = state(registry, &name).await;
    assert_eq!((done.failure, done.last_success, done.backlog), (None, Some(at(2000)), 7));
    assert_eq!(done.last_demand, failed.last_demand, "nobody asked for the second run");
    let run = run(RunResult::Unfinished { messages: 1, bytes: 2, backlog: 3 });
    registry.record_success(&name, at(3000), 0, Some(&run)).await.expect("records");
    assert_eq!(state(registry, &name).await.last_demand, Some(run));
}

#[tokio::test]
async fn a_mailbox_lease_is_exclusive_until_it_ends() {
    let fixture = Fixture::new().await;
    let name = with_mailbox(&fixture).await;
    let registry = &fixture.registry;
    let take = async |owner, until, now| {
        registry.lease_mailbox(&name, &lease(owner, until), at(now)).await.expect("answers")
    };
    assert!(take("first", 1500, 1000).await);
    assert!(take("first", 1600, 1100).await);
    assert!(!take("second", 2000, 1599).await);
    assert!(state(registry, &name).await.is_resting(at(1599)));
    assert!(take("second", 2000, 1600).await);
    assert!(!registry.release_mailbox(&name, "first").await.expect("answers"));
    assert!(registry.release_mailbox(&name, "second").await.expect("answers"));
    assert!(!registry.release_mailbox(&name, "second").await.expect("answers"));
    assert_eq!(state(registry, &name).await.lease, None);
}

fn stuck(uid: u32) -> Stuck {
    let fault = Fault::new(FaultClass::Protocol, "no such literal");
    Stuck { uid_validity: 7, uid, unique_id: None, size: None, message_id: None, attempts: 3, fault }
}

#[tokio::test]
async fn a_message_is_quarantined_once() {
    let fixture = Fixture::new().await;
    let name = with_mailbox(&fixture).await;
    let registry = &fixture.registry;
    let cursor = FolderCursor::start(7, 1).advance(3);
    assert!(registry.advance(&name, "INBOX", None, cursor, &counted(3, 300)).await.expect("answers"));
    registry.set_stuck(&name, "INBOX", None).await.expect("nothing to clear");
    registry.set_stuck(&name, "INBOX", Some(&stuck(4))).await.expect("sets");
    registry.set_stuck(&name, "Sent", Some(&stuck(9))).await.expect("sets");
    assert_eq!(state(registry, &name).await.stuck["INBOX"], stuck(4));

    let once: Vec<_> = (0..8)
        .map(|n| {
            let (registry, name) = (registry.clone(), name.clone());
            tokio::spawn(async move { registry.quarantine(&name, "INBOX", &stuck(4), at(1000 + n)).await })
        })
        .collect();
    for call in once {
        call.await.expect("runs").expect("quarantines");
    }
    registry.set_stuck(&name, "INBOX", Some(&stuck(10))).await.expect("sets");
    registry.quarantine(&name, "INBOX", &stuck(10), at(2000)).await.expect("quarantines");
    registry.quarantine(&name, &"ü".repeat(2000), &stuck(5), at(2000)).await.expect("a folder of any length");
    let after = state(registry, &name).await;
    assert_eq!(after.quarantined, 3);
    assert_eq!(after.folders["INBOX"], cursor, "what is known of the folder stays");
    assert_eq!(after.stuck.keys().collect::<Vec<_>>(), ["Sent"]);
    let records = registry.quarantined(&name).await.expect("lists");
    assert_eq!(records.iter().map(|r| r.stuck.uid).collect::<Vec<_>>(), [4, 5, 10]);
    assert_eq!((records[0].folder.as_str(), &records[0].stuck), ("INBOX", &stuck(4)));
    assert!(records[0].at >= at(1000));

    registry.set_stuck(&name, "Sent", None).await.expect("clears");
    assert!(state(registry, &name).await.stuck.is_empty());
}

#[tokio::test]
async fn that_a_mailbox_has_no_turn_is_on_record_until_one_goes_well() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let name = with_mailbox(&fixture).await;
    let first = NoTurn { since: at(2000), polled_at: Some(at(1700)) };
    registry.record_no_turn(&name, &first).await.expect("records");
    registry.record_no_turn(&name, &NoTurn { since: at(2300), polled_at: None }).await.expect("answers");
    assert_eq!(state(registry, &name).await.no_turn, Some(first), "since the first");
    registry.record_success(&name, at(2600), 0, None).await.expect("records");
    assert_eq!(state(registry, &name).await.no_turn, None);
}

#[tokio::test]
async fn nothing_is_in_quarantine_once_everything_is_to_be_looked_at_again() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let (name, other) = (with_mailbox(&fixture).await, id("other"));
    registry.look_again(&name).await.expect("a mailbox that has never been fetched");
    let first = state(registry, &name).await.left_out_by;
    assert!(first.is_some());
    // More than two transactions hold.
    let raw = json!({"folder": "INBOX", "uid_validity": 7, "uid": 1, "attempts": 3, "at": 1000,
        "fault": {"class": "protocol", "reason": "no such literal"}});
    for uid in 1..=200 {
        fixture.put_raw("MAILBOX#m", &format!("QUARANTINE#0000000007#{uid:010}#INBOX"), raw.clone()).await;
    }
    fixture.put_raw("MAILBOX#m", "STATE", json!({"quarantined": 200})).await;
    registry.quarantine(&name, "INBOX", &stuck(201), at(1000)).await.expect("quarantines");
    assert_eq!(state(registry, &name).await.quarantined, 201);
    registry.quarantine(&other, "INBOX", &stuck(1), at(1000)).await.expect("quarantines");
    registry.set_stuck(&name, "INBOX", Some(&stuck(300))).await.expect("sets");
    let cursor = FolderCursor::start(7, 1).advance(3);
    assert!(registry.advance(&name, "INBOX", None, cursor, &counted(3, 300)).await.expect("answers"));

    let twice = [registry.clone(), registry.clone()].map(|registry| {
        let name = name.clone();
        tokio::spawn(async move { registry.look_again(&name).await })
    });
    for call in twice {
        call.await.expect("runs").expect("records");
    }
    let after = state(registry, &name).await;
    assert_eq!((after.quarantined, registry.quarantined(&name).await.expect("lists").len()), (0, 0));
    assert!(after.left_out_by.is_some_and(|by| Some(by) != first));
    assert_eq!(
        (&after.folders["INBOX"], after.messages, after.stuck.len()),
        (&cursor, 3, 1),
        "the rest stays"
    );
    assert_eq!(registry.quarantined(&other).await.expect("lists").len(), 1, "another mailbox's stay");

    registry.quarantine(&name, "INBOX", &stuck(4), at(2000)).await.expect("it failed again");
    assert_eq!(state(registry, &name).await.quarantined, 1);
}

#[tokio::test]
async fn what_a_filter_leaves_out_is_counted_with_the_cursor() {
    let fixture = Fixture::new().await;
    let name = with_mailbox(&fixture).await;
    let registry = &fixture.registry;
    let start = FolderCursor::start(7, 1).advance(3);
    let left_out = |count, filter| Counted { left_out: Some((count, filter)), ..counted(1, 10) };
    for (folder, counted) in [("a", left_out(2, 9)), ("b", left_out(3, u64::MAX)), ("c", counted(1, 10))] {
        assert!(registry.advance(&name, folder, None, start, &counted).await.expect("answers"));
    }
    let state = state(registry, &name).await;
    assert_eq!((state.left_out, state.left_out_by, state.messages), (5, Some(u64::MAX), 3));
}

#[tokio::test]
async fn a_day_and_a_rest_are_recorded_and_end() {
    let fixture = Fixture::new().await;
    let name = with_mailbox(&fixture).await;
    let registry = &fixture.registry;
    let day = Day { date: "2026-11-22".parse().expect("a date"), bytes: 1 << 40 };
    registry.record_day(&name, day, Some(at(5000))).await.expect("records");
    let resting = state(registry, &name).await;
    assert_eq!((resting.day, resting.rest_until), (Some(day), Some(at(5000))));
    assert!(resting.is_resting(at(4999)) && !resting.is_resting(at(5000)));
    registry.record_day(&name, Day { bytes: 0, ..day }, None).await.expect("records");
    let after = state(registry, &name).await;
    assert_eq!((after.day.map(|day| day.bytes), after.rest_until), (Some(0), None));
}
