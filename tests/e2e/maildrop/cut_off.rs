//! Runs that are cut off anywhere, overlap or run out of time: nothing is lost, nothing stored twice.

use super::{assert_archived, class, lab_with, mailbox, message, messages};
use postroom_tests::{Act, Call, Gate, Habit, OddMaildrop, invocation};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_cut_off_at_any_moment_is_repeated_without_loss_or_repetition() {
    for after in ["leave", "delete"] {
        let mut expected = messages(60);
        expected.push(
            [b"Message-ID: <large@test>\r\n\r\n".to_vec(), vec![b'x'; 13 << 20], b"\r\n".to_vec()].concat(),
        );
        let server = OddMaildrop::start(expected.clone(), Habit::None).await;
        let (lab, _, id) = lab_with(&server, |json| json["after_fetch"] = json!(after)).await;
        for cut in 0..30u64 {
            let fetch = lab.fetch();
            let run = lab.fetch_one(&fetch, &id);
            let _ = tokio::time::timeout(Duration::from_millis(3 + cut * 9), run).await;
            // The lease of the run that was cut off would keep the next one waiting, and so would its session.
            lab.forget_leases(&id).await;
            server.free().await;
            let (there, archived) = (server.texts(), lab.archived(&id).await);
            let lost = expected.iter().filter(|text| !there.contains(text) && !archived.contains(text));
            assert_eq!(lost.count(), 0, "{after}: lost by the cut after {cut}");
        }
        let fetch = lab.fetch();
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!(class(&state), None, "{after}: {:?}", state.failure);
        assert_archived(&lab, &id, expected, after).await;
        assert_eq!(server.texts().len(), if after == "leave" { 61 } else { 0 });
    }
}

/// Runs of which the writes of one kind are refused, or done and not heard of; then one in peace.
async fn assert_survives(call: Call, after: &str) {
    for act in [Act::Refuse(500, "InternalServerError"), Act::Cut] {
        let server = OddMaildrop::start(messages(12), Habit::None).await;
        let (lab, fetch, id) = lab_with(&server, |json| json["after_fetch"] = json!(after)).await;
        let gate = Gate::start().await;
        let what = format!("{act:?} {after}");
        gate.rule(call, act);
        for _ in 0..2 {
            lab.fetch_behind(&gate, &id).await;
            server.free().await;
            let (there, archived) = (server.texts(), lab.archived(&id).await);
            let lost =
                messages(12).into_iter().filter(|text| !there.contains(text) && !archived.contains(text));
            assert_eq!(lost.count(), 0, "{what}");
        }
        server.deliver(&message(13));
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.quarantined), (None, 0), "{what}: {:?}", state.failure);
        assert_archived(&lab, &id, messages(13), &what).await;
        server.asked("RETR");
        lab.fetch_one(&fetch, &id).await;
        assert_eq!(server.asked("RETR"), 0, "{what}: everything is known");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_objects_and_ids_stores_nothing_twice() {
    assert_survives(Call::RECORD_IDS, "leave").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_ids_and_cursor_loses_nothing() {
    for after in ["leave", "delete"] {
        assert_survives(Call::MOVE_MAILDROP, after).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_a_run_that_was_cut_off_count_for_nothing_at_another_server() {
    let server = OddMaildrop::start(messages(6), Habit::None).await;
    let (lab, fetch, id) = lab_with(&server, |_| {}).await;
    let gate = Gate::start().await;
    gate.rule(Call::MOVE_MAILDROP, Act::Refuse(500, "InternalServerError"));
    lab.fetch_behind(&gate, &id).await;
    assert!(lab.items().await.contains("KNOWN#"), "ids are on record, and no cursor");
    let other = |n: usize| format!("Message-ID: <{n}@other>\r\n\r\nother {n}\r\n").into_bytes();
    let elsewhere = OddMaildrop::start((1..=6).map(other).collect(), Habit::None).await;
    lab.add([(mailbox(elsewhere.port(), |json| json["user"] = json!("else")), "pw".to_owned())]).await;
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!(class(&state), None, "{:?}", state.failure);
    let all = messages(6).into_iter().chain((1..=6).map(other)).collect();
    assert_archived(&lab, &id, all, "the same ids, other messages").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_runs_store_every_message_once() {
    let server = OddMaildrop::start(messages(60), Habit::Slow).await;
    let (lab, one, id) = lab_with(&server, |_| {}).await;
    let two = lab.fetch();
    let ids = [id.clone()];
    // The maildrop is one session's at a time: the other run finds it taken, and fails or waits.
    tokio::join!(lab.poll(&one, &ids), lab.fetch_one(&two, &id));
    server.free().await;
    lab.forget_leases(&id).await;
    let state = lab.fetch_one(&one, &id).await;
    assert_eq!((class(&state), state.messages), (None, 60), "{:?}", state.failure);
    assert_archived(&lab, &id, messages(60), "twice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_goes_on_where_it_stopped() {
    // Three seconds' worth, of which two are granted: time enough for the first on a machine that is busy.
    let server = OddMaildrop::start(messages(600), Habit::Slow).await;
    let (mut lab, _, id) = lab_with(&server, |_| {}).await;
    lab.settings.slice = Duration::from_secs(2);
    let fetch = lab.fetch();
    let state = lab.poll(&fetch, std::slice::from_ref(&id)).await.remove(0);
    assert_eq!(class(&state), None, "{:?}", state.failure);
    let done = state.messages;
    assert!((1..600).contains(&done) && state.backlog > 0, "{done} done, {} left", state.backlog);
    server.free().await;
    let read = server.asked("RETR");
    let body = format!(r#"{{"mailbox":{{"id":"{id}","cause":"backlog"}}}}"#);
    fetch.work_message(&body, &invocation(90)).await.expect("worked");
    let state = lab.states(std::slice::from_ref(&id)).await.remove(0);
    assert_eq!((class(&state), state.messages, state.backlog), (None, 600, 0), "{:?}", state.failure);
    assert!(read + server.asked("RETR") < 600 + 40, "little is read twice");
}
