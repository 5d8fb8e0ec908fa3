//! Mailboxes whose messages are deleted at the server: once they are archived, and when QUIT says so.

use super::{assert_archived, class, lab_with, message, messages};
use postroom_tests::{Habit, OddMaildrop, invocation};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_deleted_once_they_are_archived_and_not_before() {
    for (habit, stays) in [
        (Habit::None, 0),
        (Habit::NoUidl, 0),
        (Habit::NeitherUidlNorTop, 0),
        (Habit::NoCapa, 0),
        (Habit::IgnoresDele, 40),
    ] {
        let server = OddMaildrop::start(messages(40), habit).await;
        let (lab, fetch, id) = lab_with(&server, |json| json["after_fetch"] = json!("delete")).await;
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages), (None, 40), "{habit:?}: {:?}", state.failure);
        assert_eq!(server.texts().len(), stays, "{habit:?}");
        server.deliver(&message(41));
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages), (None, 41), "{habit:?}: {:?}", state.failure);
        assert_archived(&lab, &id, messages(41), &format!("{habit:?}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maildrop_that_refuses_quit_is_read_again_and_stored_once() {
    let server = OddMaildrop::start(messages(10), Habit::FailsQuit).await;
    let (lab, fetch, id) = lab_with(&server, |json| json["after_fetch"] = json!("delete")).await;
    for run in 1..=3 {
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!(state.messages, 10, "run {run}");
        assert!(state.failure.is_some(), "run {run}: somebody is told that nothing is deleted");
        assert_eq!(server.texts().len(), 10, "run {run}");
        assert_archived(&lab, &id, messages(10), &format!("run {run}")).await;
    }
    let dishonest = OddMaildrop::start(messages(10), Habit::RefusesQuit).await;
    let (lab, fetch, id) = lab_with(&dishonest, |json| json["after_fetch"] = json!("delete")).await;
    assert_eq!(lab.fetch_one(&fetch, &id).await.messages, 10);
    assert_eq!(dishonest.texts().len(), 0);
    dishonest.deliver(&message(11));
    assert_eq!(lab.fetch_one(&fetch, &id).await.messages, 11);
    assert_archived(&lab, &id, messages(11), "deleted though it said no").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_stays_in_the_maildrop_while_the_archive_does_not_take_it() {
    let server = OddMaildrop::start(messages(5), Habit::None).await;
    let (mut lab, _, id) = lab_with(&server, |json| json["after_fetch"] = json!("delete")).await;
    let bucket = std::mem::replace(&mut lab.settings.bucket, "no-such-bucket".to_owned());
    let body = format!(r#"{{"mailbox":{{"id":"{id}","cause":"backlog"}}}}"#);
    lab.fetch().work_message(&body, &invocation(90)).await.expect_err("it goes back to the queue");
    let state = lab.states(std::slice::from_ref(&id)).await.remove(0);
    assert_eq!((class(&state), state.messages), (None, 0), "the maildrop is not to blame");
    assert_eq!(
        (server.asked("DELE"), server.texts().len()),
        (0, 5),
        "nothing is deleted that is not durable"
    );
    lab.settings.bucket = bucket;
    let state = lab.fetch_one(&lab.fetch(), &id).await;
    assert_eq!((class(&state), state.messages, server.texts().len()), (None, 5, 0), "{:?}", state.failure);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_delay_ends_the_run_instead_of_another_sign_in() {
    let server = OddMaildrop::start(messages(2500), Habit::LoginDelay(600)).await;
    let (lab, fetch, id) = lab_with(&server, |json| json["after_fetch"] = json!("delete")).await;
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!((class(&state), server.sessions()), (None, 1), "{:?}", state.failure);
    assert_eq!(state.messages as usize + server.texts().len(), 2500);
    assert!(server.texts().len() < 2500, "one session's worth is done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleting_maildrop_is_emptied_in_several_sessions() {
    let server = OddMaildrop::start(messages(10), Habit::None).await;
    for n in 11..=4100 {
        server.deliver(format!("Message-ID: <{n}@test>\r\n\r\n{n}\r\n").as_bytes());
    }
    let expected = server.texts();
    let (lab, fetch, id) = lab_with(&server, |json| json["after_fetch"] = json!("delete")).await;
    let state = lab.fetch_within(&fetch, &id, 300).await;
    assert_eq!((class(&state), state.messages, server.texts().len()), (None, 4100, 0), "{:?}", state.failure);
    assert_eq!(server.sessions(), 3, "at most 2,000 messages each");
    assert_archived(&lab, &id, expected, "in sessions").await;
}
