//! Messages that cannot be had, or not as they are listed: each fails by itself, and the others come.

use super::{assert_archived, class, lab_with, mailbox, message, messages};
use postroom_model::{FaultClass, Stuck};
use postroom_tests::{Act, Gate, Habit, OddMaildrop};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_maildrop_that_breaks_every_run_is_quarantined_alone() {
    for habit in [Habit::Refuses(2), Habit::RefusesForGood(2), Habit::ClosesInRetr(2)] {
        let server = OddMaildrop::start(messages(5), habit).await;
        let (lab, fetch, id) = lab_with(&server, |_| {}).await;
        for attempt in 1.. {
            let state = lab.fetch_one(&fetch, &id).await;
            server.free().await;
            let most = Stuck::max_attempts(class(&state).expect("it fails"));
            let what = format!("{habit:?} {attempt}: {:?} {:?}", state.failure, state.stuck);
            assert_eq!(state.quarantined, u64::from(attempt == most), "{what}");
            if attempt == most {
                break;
            }
        }
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages), (None, 4), "{habit:?}: {:?}", state.failure);
        let records = lab.registry.quarantined(&id).await.expect("records");
        assert_eq!(records.iter().map(|r| r.stuck.uid).collect::<Vec<_>>(), [2], "the guilty one alone");
        assert!(records[0].stuck.unique_id.is_some(), "and by an id that lasts");
        let mut expected = messages(5);
        expected.remove(1);
        assert_archived(&lab, &id, expected, &format!("{habit:?}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_longer_than_listed_is_asked_for_again() {
    let text = |bytes: usize| {
        let mut text = format!("Message-ID: <{bytes}@test>\r\n\r\n").into_bytes();
        while text.len() < bytes {
            text.extend_from_slice(
                b"a line of seventy-eight characters, which mail servers like best of all, so\r\n",
            );
        }
        text
    };
    for (bytes, off) in [
        (100_000, -90_000),
        (1 << 20, -(1 << 20)),
        (6 << 20, -(2 << 20)),
        (4 << 20, 2 << 20),
        (12 << 20, -(11 << 20)),
        (12 << 20, 20 << 20),
        (6 << 20, -(6 << 20)),
    ] {
        let server = OddMaildrop::start(vec![text(bytes), message(1)], Habit::SizesOff(off)).await;
        let (lab, fetch, id) = lab_with(&server, |_| {}).await;
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages), (None, 2), "{bytes} {off}: {:?}", state.failure);
        assert!(server.asked("RETR") <= 4, "{bytes} {off}");
        assert_archived(&lab, &id, vec![text(bytes), message(1)], &format!("{bytes} {off}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_another_size_each_time_goes_to_quarantine() {
    let large = [b"Message-ID: <large@test>\r\n\r\n".to_vec(), b"line\r\n".repeat(1_500_000)].concat();
    let server = OddMaildrop::start(vec![message(1), large, message(2)], Habit::Grows(2)).await;
    let (lab, fetch, id) = lab_with(&server, |_| {}).await;
    for attempt in 1..=3u64 {
        let state = lab.fetch_one(&fetch, &id).await;
        assert!(state.failure.is_some(), "{attempt}");
        assert_eq!(state.quarantined, attempt / 3, "{attempt}");
    }
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!((class(&state), state.messages), (None, 2), "{:?}", state.failure);
    assert_archived(&lab, &id, vec![message(1), message(2)], "all but that one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_a_dot_of_its_own_cuts_short_goes_to_quarantine() {
    let dotted = b"Message-ID: <dot@test>\r\n\r\nfirst\r\n.\r\nthe rest of it\r\n".to_vec();
    let server = OddMaildrop::start(vec![message(1), dotted, message(2)], Habit::StuffsNoDots).await;
    let (lab, fetch, id) = lab_with(&server, |_| {}).await;
    for attempt in 1..=3u64 {
        let state = lab.fetch_one(&fetch, &id).await;
        server.free().await;
        assert_eq!(class(&state), Some(FaultClass::Protocol), "{attempt}: {:?}", state.failure);
        assert_eq!(state.quarantined, attempt / 3, "{attempt}: {:?}", state.stuck);
    }
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!((class(&state), state.messages), (None, 2), "{:?}", state.failure);
    let records = lab.registry.quarantined(&id).await.expect("records");
    let found: Vec<_> = records.iter().map(|r| (r.stuck.uid, r.stuck.message_id.as_deref())).collect();
    assert_eq!(found, [(2, Some("<dot@test>"))]);
    assert_archived(&lab, &id, vec![message(1), message(2)], "nothing is archived that is cut short").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_message_that_moves_to_another_number_is_still_the_same() {
    let server = OddMaildrop::start(messages(9), Habit::Refuses(6)).await;
    let (lab, fetch, id) = lab_with(&server, |_| {}).await;
    for attempt in 1..=3u64 {
        let state = lab.fetch_one(&fetch, &id).await;
        assert!(state.failure.is_some(), "{attempt}");
        assert_eq!(state.quarantined, attempt / 3, "{attempt}: {:?}", state.stuck);
        server.remove(0..1);
    }
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!((class(&state), state.messages), (None, 8), "{:?}", state.failure);
    assert_eq!(lab.registry.quarantined(&id).await.expect("records").len(), 1);
    let mut expected = messages(9);
    expected.remove(5);
    assert_archived(&lab, &id, expected, "all but that one").await;
    server.asked("RETR");
    lab.fetch_one(&fetch, &id).await;
    assert_eq!(server.asked("RETR"), 0, "it is not asked for again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_never_ends_costs_its_time_and_no_memory_and_others_go_on() {
    let server = OddMaildrop::start(messages(5), Habit::EndlessLine(3)).await;
    let (lab, fetch, id) = lab_with(&server, |_| {}).await;
    let state = lab.fetch_within(&fetch, &id, 12).await;
    assert_eq!(class(&state), Some(FaultClass::TimedOut), "{:?}", state.failure);
    assert_eq!(lab.archived(&id).await.len(), 2, "what came before is archived");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_s3_will_not_take_is_quarantined_and_the_others_are_archived() {
    let server = OddMaildrop::start(messages(5), Habit::None).await;
    let (lab, _, id) = lab_with(&server, |_| {}).await;
    let gate = Gate::start().await;
    gate.script(|request| {
        let is_it =
            request.operation().starts_with("PUT /") && request.text().contains("Message-ID: <2@test>");
        let answer = "<Error><Code>InvalidArgument</Code><Message>as a test asked</Message></Error>";
        is_it.then(|| Act::RefuseWith(400, answer.to_owned()))
    });
    for attempt in 1..=3u64 {
        let state = lab.fetch_behind(&gate, &id).await;
        server.free().await;
        assert_eq!(class(&state), Some(FaultClass::Storage), "{attempt}: {:?}", state.failure);
        assert_eq!(state.quarantined, attempt / 3, "{attempt}: {:?}", state.stuck);
    }
    server.deliver(&message(6));
    let state = lab.fetch_behind(&gate, &id).await;
    assert_eq!((class(&state), state.messages), (None, 5), "{:?}", state.failure);
    let records = lab.registry.quarantined(&id).await.expect("records");
    let found: Vec<_> = records.iter().map(|r| (r.stuck.uid, r.stuck.message_id.as_deref())).collect();
    assert_eq!(found, [(2, Some("<2@test>"))], "people find it by its Message-ID");
    assert_eq!(records[0].stuck.size, Some(message(2).len() as u64));
    let mut expected = messages(6);
    expected.remove(1);
    assert_archived(&lab, &id, expected, "all but that one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_quarantine_is_fetched_when_everything_is_looked_at_again() {
    let broken = OddMaildrop::start(messages(5), Habit::Refuses(2)).await;
    let (lab, fetch, id) = lab_with(&broken, |_| {}).await;
    while lab.fetch_one(&fetch, &id).await.quarantined == 0 {}
    let mended = OddMaildrop::start(messages(5), Habit::None).await;
    lab.add([(mailbox(mended.port(), |_| {}), "pw".to_owned())]).await;
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!((class(&state), state.messages), (None, 4), "it is passed over: {:?}", state.failure);
    lab.registry.look_again(&id).await.expect("recorded");
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!((class(&state), state.messages), (None, 5), "{:?}", state.failure);
    assert_eq!(state.quarantined, 0, "it is in the archive");
    assert!(lab.registry.quarantined(&id).await.expect("records").is_empty());
    assert!(mended.asked("RETR") <= 1, "the others are known by their headers");
    assert_archived(&lab, &id, messages(5), "all of them").await;
    mended.asked("TOP");
    lab.fetch_one(&fetch, &id).await;
    assert_eq!(mended.asked("TOP"), 0, "once");
}
