//! Limits of providers: bytes of a day, connections of a user, access tokens that end in mid-session.

use fetch::Fetch;
use postroom_model::{FaultClass, Lease, Mailbox, MailboxId, MailboxState, RunResult};
use postroom_tests::{
    Habit, Lab, OddMaildrop, OddServer, Quirk, Refreshes, User, ahead, clock, invocation, later, refreshes,
    token_set_of,
};
use serde_json::{Value, json};
use std::time::Duration;

const TEXT: u64 = 1_000;
const DAY: i64 = 86_400;

/// Messages of [`TEXT`] bytes.
fn messages(count: usize) -> Vec<Vec<u8>> {
    let text = |n| {
        let mut text = format!("Message-ID: <{n}@test>\r\n\r\n").into_bytes();
        text.resize(TEXT as usize - 2, b'x');
        text.extend_from_slice(b"\r\n");
        text
    };
    (1..=count).map(text).collect()
}

fn mailbox(id: &str, protocol: &str, port: u16, change: impl FnOnce(&mut Value)) -> Mailbox {
    let mut json = json!({
        "id": id, "protocol": protocol, "host": "127.0.0.1", "port": port, "tls": "none", "user": id,
        "interval": "1m",
    });
    change(&mut json);
    serde_json::from_value(json).expect("a mailbox")
}

async fn lab_with(mailbox: Mailbox) -> (Lab, Fetch, MailboxId) {
    let (lab, id) = (Lab::new().await, mailbox.id.clone());
    lab.add([(mailbox, "pw".to_owned())]).await;
    let fetch = lab.fetch();
    (lab, fetch, id)
}

fn class(state: &MailboxState) -> Option<FaultClass> {
    state.failure.as_ref().map(|failure| failure.fault.class)
}

/// What waits in the lab's fetch queue.
async fn queued(lab: &Lab) -> usize {
    let sqs = aws_sdk_sqs::Client::new(&lab.aws);
    let got = sqs.receive_message().queue_url(&lab.settings.queue_url).wait_time_seconds(1).send().await;
    got.expect("an answer").messages.unwrap_or_default().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_bytes_are_used_up_and_the_mailbox_rests() {
    let imap = OddServer::start(messages(60), Quirk::None).await;
    let pop3 = OddMaildrop::start(messages(60), Habit::None).await;
    for (protocol, port) in [("imap", imap.port()), ("pop3", pop3.port())] {
        let limited = mailbox("limited", protocol, port, |json| json["daily_bytes"] = json!(25 * TEXT));
        let (lab, fetch, id) = lab_with(limited).await;
        let ids = [id.clone()];
        let state = lab.poll(&fetch, &ids).await.remove(0);
        assert_eq!(class(&state), None, "{protocol}: {:?}", state.failure);
        assert!((10..=26).contains(&state.messages), "{protocol}: {} messages", state.messages);
        let day = state.day.expect("a day");
        let today = clock().to_zoned(jiff::tz::TimeZone::UTC).date();
        assert_eq!(day.date, today, "{protocol}");
        assert!((20 * TEXT..=27 * TEXT).contains(&day.bytes), "{protocol}: {} bytes", day.bytes);
        let until = state.rest_until.expect("it rests").to_zoned(jiff::tz::TimeZone::UTC);
        assert_eq!(until.date(), today.tomorrow().expect("a day"), "{protocol}");
        assert_eq!(until.hour(), 0, "{protocol}: from midnight on, {until}");
        assert_eq!(queued(&lab).await, 0, "{protocol}: nothing goes on in a message of its own");

        let sessions = (imap.sign_ins(), pop3.sessions());
        assert_eq!(lab.poll(&fetch, &ids).await[0].messages, state.messages, "{protocol}");
        assert_eq!((imap.sign_ins(), pop3.sessions()), sessions, "{protocol}: it is left alone");

        let tomorrow = Fetch::new(lab.settings.clone(), &lab.aws, ahead::<DAY>).expect("usable settings");
        let deadline = later(clock(), DAY + 90);
        let body = format!(r#"{{"mailbox":{{"id":"{id}","cause":{{"demand":"next day"}}}}}}"#);
        let invocation = fetch::Invocation { deadline, ..invocation(90) };
        tomorrow.work_message(&body, &invocation).await.expect("worked");
        let next = lab.states(&ids).await.remove(0);
        assert_eq!(class(&next), None, "{protocol}: {:?}", next.failure);
        assert!(
            next.messages >= state.messages + 10,
            "{protocol}: {} then {}",
            state.messages,
            next.messages
        );
        assert!(next.messages < 60, "{protocol}: the next day has its limit too");
        assert_eq!(next.day.expect("a day").date, today.tomorrow().expect("a day"), "{protocol}");
        lab.assert_written_once().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demand_on_a_resting_mailbox_reads_no_text() {
    let imap = OddServer::start(messages(60), Quirk::None).await;
    let limited = mailbox("limited", "imap", imap.port(), |json| json["daily_bytes"] = json!(20 * TEXT));
    let (lab, fetch, id) = lab_with(limited).await;
    let first = lab.poll(&fetch, std::slice::from_ref(&id)).await.remove(0);
    let read = imap.delivered();
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!(class(&state), None, "{:?}", state.failure);
    assert!(imap.delivered() <= read + 1, "{} texts were read", imap.delivered() - read);
    let result = state.last_demand.expect("an answer").result;
    let RunResult::Unfinished { backlog, .. } = result else { panic!("{result:?}") };
    assert!(backlog > 0 && backlog <= 60 - first.messages, "{backlog} of {}", first.messages);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_with_nothing_new_does_not_use_up_its_day_on_record() {
    let imap = OddServer::start(messages(3), Quirk::None).await;
    let limited = mailbox("limited", "imap", imap.port(), |json| json["daily_bytes"] = json!(100 * TEXT));
    let (lab, fetch, id) = lab_with(limited).await;
    let ids = [id];
    let first = lab.poll(&fetch, &ids).await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(lab.poll(&fetch, &ids).await, first, "an empty poll writes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_four_connections_for_one_user() {
    for (user, allowed) in [(Some("one"), 4), (None, 16)] {
        let server = OddServer::start(messages(60), Quirk::Slow).await;
        let lab = Lab::new().await;
        let mut ids = Vec::new();
        for n in 0..16 {
            let mailbox = mailbox(&format!("m{n}"), "imap", server.port(), |json| {
                json["user"] = json!(user.map_or(format!("u{n}"), str::to_owned));
            });
            ids.push(mailbox.id.clone());
            lab.add([(mailbox, "pw".to_owned())]).await;
        }
        for state in lab.poll(&lab.fetch(), &ids).await {
            assert_eq!((class(&state), state.messages), (None, 60), "{user:?}: {:?}", state.failure);
        }
        let most = server.most_sessions();
        assert!(most <= allowed && most > allowed / 2, "{user:?}: {most} at a time");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maildrop_has_one_session_at_a_time_however_many_mailboxes_name_it() {
    let server = OddMaildrop::start(messages(20), Habit::Slow).await;
    let lab = Lab::new().await;
    let mut ids = Vec::new();
    for n in 0..4 {
        let mailbox = mailbox(&format!("m{n}"), "pop3", server.port(), |json| json["user"] = json!("one"));
        ids.push(mailbox.id.clone());
        lab.add([(mailbox, "pw".to_owned())]).await;
    }
    for state in lab.poll(&lab.fetch(), &ids).await {
        assert_eq!((class(&state), state.messages), (None, 20), "{:?}", state.failure);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_had_no_turn_is_not_taken_for_polled() {
    let server = OddMaildrop::start(messages(2), Habit::None).await;
    let lab = Lab::new().await;
    let user = |id: &str| mailbox(id, "pop3", server.port(), |json| json["user"] = json!("one"));
    lab.add([(user("first"), "pw".to_owned()), (user("second"), "pw".to_owned())]).await;
    let ids = ["first", "second"].map(|id| id.parse::<MailboxId>().expect("an id"));
    let fetch = lab.fetch();
    lab.poll(&fetch, &ids).await;
    let batch = async || lab.registry.batches(None).await.expect("batches").remove(0);
    let polled_at = batch().await.completed_at;

    // The one session that the user may have is the first one's, which is worked by itself.
    let alone = Lease { owner: "another".to_owned(), until: later(clock(), 600) };
    assert!(lab.registry.lease_mailbox(&ids[0], &alone, clock()).await.expect("an answer"));
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let second = lab.poll(&fetch, &ids).await.remove(1);
        let no_turn = second.no_turn.expect("it has no turn");
        let completed_at = batch().await.completed_at;
        assert!(
            no_turn.polled_at >= polled_at && no_turn.polled_at < completed_at,
            "{no_turn:?} {polled_at:?}"
        );
        let (_, loaded) = lab.registry.load(&ids[1..]).await.expect("an answer").remove(0);
        let last = loaded.expect("a mailbox").last_success(Some(&batch().await), clock());
        assert_eq!(last, no_turn.polled_at, "the batch has gone through without it");
    }
    assert!(lab.registry.release_mailbox(&ids[0], "another").await.expect("an answer"));
    let states = lab.poll(&fetch, &ids).await;
    assert!(states.iter().all(|state| state.no_turn.is_none()), "{states:?}");
}

/// A mailbox of an account whose tokens are good, at a server that ends them after some bytes.
async fn with_account(quirk: Quirk, count: usize) -> (Lab, OddServer, MailboxId) {
    let server = OddServer::start(messages(count), quirk).await;
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let user = User::new("ends");
    let account = lab.account(&provider, &user).await;
    let tokens = token_set_of(&user, later(clock(), -1800), 3600).await;
    lab.keep(&account, &provider, &tokens).await;
    let mailbox =
        mailbox(user.name(), "imap", server.port(), |json| json["auth"] = json!({"oauth": user.name()}));
    lab.registry.put_mailbox(&mailbox, clock()).await.expect("stored");
    (lab, server, mailbox.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_in_mid_session_is_renewed_and_the_run_resumes() {
    let (lab, server, id) = with_account(Quirk::SecretEnds(25 * TEXT), 40).await;
    let state = lab.fetch_one(&lab.fetch(), &id).await;
    assert_eq!((class(&state), state.messages), (None, 40), "{:?}", state.failure);
    assert!(matches!(state.last_demand.expect("one").result, RunResult::Done { messages: 40, .. }));
    assert_eq!(server.sign_ins(), 2, "the session was resumed");
    assert_eq!(refreshes(id.as_str()).await, Refreshes { granted: 1, refused: 0 });
    assert!(server.delivered() < 80, "{} texts were read", server.delivered());
    let mut expected = messages(40);
    expected.sort();
    assert!(lab.archived(&id).await == expected, "nothing lost");
    lab.assert_written_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_again_and_again_without_progress_fails_after_three() {
    let (lab, server, id) = with_account(Quirk::SecretEnds(0), 40).await;
    let state = lab.fetch_one(&lab.fetch(), &id).await;
    assert!(state.failure.is_some(), "it fails");
    assert_eq!((state.messages, server.delivered()), (0, 0));
    assert!((2..=4).contains(&server.sign_ins()), "{} sign-ins", server.sign_ins());
    assert_eq!(state.quarantined, 0, "no message is blamed");
    assert!(state.stuck.is_empty(), "{:?}", state.stuck);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_with_a_password_whose_session_is_ended_fails_and_the_rest_follows() {
    let server = OddServer::start(messages(40), Quirk::SecretEnds(10 * TEXT)).await;
    let (lab, fetch, id) = lab_with(mailbox("plain", "imap", server.port(), |_| {})).await;
    let state = lab.fetch_one(&fetch, &id).await;
    assert!(state.failure.is_some());
    assert!(server.sign_ins() <= 4, "{}", server.sign_ins());
    assert!(lab.archived(&id).await.len() as u64 >= state.messages);
    lab.assert_written_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backlogs_of_one_user_do_not_all_go_on_alone() {
    let server = OddServer::start(messages(60), Quirk::Slow).await;
    let mut lab = Lab::new().await;
    lab.settings.slice = Duration::ZERO;
    let mut ids = Vec::new();
    for n in 0..16 {
        let mailbox = mailbox(&format!("m{n}"), "imap", server.port(), |json| json["user"] = json!("one"));
        ids.push(mailbox.id.clone());
        lab.add([(mailbox, "pw".to_owned())]).await;
    }
    for state in lab.poll(&lab.fetch(), &ids).await {
        assert_eq!(class(&state), None, "{:?}", state.failure);
    }
    let most = server.most_sessions();
    assert!(most <= 4, "{most} at a time");
    let mut alone = 0;
    for _ in 0..16 {
        alone += queued(&lab).await;
    }
    assert_eq!(alone, 3, "the fourth connection is the batch's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_time_between_sign_ins_gets_it() {
    let server = OddMaildrop::start(messages(3), Habit::LoginDelay(300)).await;
    let (lab, fetch, id) = lab_with(mailbox("calm", "pop3", server.port(), |_| {})).await;
    let ids = [id];
    let state = lab.poll(&fetch, &ids).await.remove(0);
    assert_eq!((class(&state), state.messages), (None, 3), "{:?}", state.failure);
    let rests = state.rest_until.expect("it rests").duration_since(clock());
    assert!((280..=300).contains(&rests.as_secs()), "{rests}");
    let sessions = server.sessions();
    assert_eq!(lab.poll(&fetch, &ids).await[0].failure, None);
    assert_eq!(server.sessions(), sessions, "it is left alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_limit_ends_the_rest() {
    let server = OddServer::start(messages(60), Quirk::None).await;
    let limited =
        |bytes: u64| mailbox("limited", "imap", server.port(), |json| json["daily_bytes"] = json!(bytes));
    let (lab, fetch, id) = lab_with(limited(20 * TEXT)).await;
    let ids = [id];
    assert!(lab.poll(&fetch, &ids).await[0].rest_until.is_some());
    lab.registry.put_mailbox(&limited(1_000 * TEXT), clock()).await.expect("stored");
    let state = lab.poll(&fetch, &ids).await.remove(0);
    assert_eq!((class(&state), state.messages, state.rest_until), (None, 60, None), "{:?}", state.failure);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_all_of_whose_folders_are_excluded_fails() {
    let server = OddServer::start(messages(3), Quirk::None).await;
    let nothing =
        mailbox("nothing", "imap", server.port(), |json| json["exclude_folders"] = json!(["INBOX"]));
    let (lab, fetch, id) = lab_with(nothing).await;
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!(class(&state), Some(FaultClass::Configuration), "{:?}", state.failure);
}
