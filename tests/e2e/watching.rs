//! Mailboxes that somebody watches or has stopped: transcripts of runs, and pauses.

use postroom_model::{FaultClass, Mailbox, MailboxId, MailboxState, RunResult};
use postroom_tests::{Lab, OddServer, Quirk, ahead, clock, invocation};

const PASSWORD: &str = "s3cret-password";

fn messages(count: usize) -> Vec<Vec<u8>> {
    (1..=count).map(|n| format!("Subject: plan {n}\r\nFrom: bob@x.example\r\n\r\nbody\r\n").into()).collect()
}

fn mailbox(id: &str, port: u16) -> Mailbox {
    let text = format!(
        r#"{{"id":"{id}","protocol":"imap","host":"127.0.0.1","port":{port},"tls":"none","user":"{id}","interval":"1m"}}"#
    );
    serde_json::from_str(&text).expect("a mailbox")
}

async fn lab_with(servers: &[(&str, &OddServer)]) -> (Lab, Vec<MailboxId>) {
    let lab = Lab::new().await;
    let mailboxes: Vec<_> = servers.iter().map(|(id, server)| mailbox(id, server.port())).collect();
    let ids = mailboxes.iter().map(|mailbox| mailbox.id.clone()).collect();
    lab.add(mailboxes.into_iter().map(|mailbox| (mailbox, PASSWORD.to_owned()))).await;
    (lab, ids)
}

/// The transcripts of a mailbox's runs, with their keys.
async fn transcripts(lab: &Lab, id: &MailboxId) -> Vec<(String, String)> {
    let list = lab.s3.list_objects_v2().bucket(&lab.bucket).prefix(format!("transcripts/{id}/"));
    let mut found = Vec::new();
    for object in list.send().await.expect("a list").contents() {
        let key = object.key().expect("a key").to_owned();
        let object = lab.s3.get_object().bucket(&lab.bucket).key(&key).send().await.expect("an object");
        let text = object.body.collect().await.expect("a body").to_vec();
        found.push((key, String::from_utf8(text).expect("text")));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn watched_runs_leave_transcripts_that_show_no_secret_and_no_message() {
    let good = OddServer::start(messages(2), Quirk::None).await;
    let closes = OddServer::start(messages(3), Quirk::ClosesInLiteral(2)).await;
    let longer = OddServer::start(messages(3), Quirk::SendsMoreThanAnnounced(2)).await;
    let garbage = OddServer::start(messages(1), Quirk::Garbage).await;
    let servers =
        [("good", &good), ("closes", &closes), ("longer", &longer), ("garbage", &garbage), ("late", &good)];
    let (lab, ids) = lab_with(&servers).await;
    let (watched, late) = ids.split_at(4);
    for id in watched {
        lab.registry.set_transcript(id, Some(ahead::<600>())).await.expect("set");
    }
    lab.registry.set_transcript(&late[0], Some(ahead::<-1>())).await.expect("set");
    lab.poll(&lab.fetch(), &ids).await;

    let ends = [
        ("\ncomplete; 2 messages of ", "BODY[] {"),
        ("\nfailed, connection_lost: ", " bytes of the text were missing\n"),
        ("\nfailed, protocol: ", "BODY[] {"),
        ("\nfailed, protocol: ", " S: {"),
    ];
    for (id, (end, said)) in watched.iter().zip(ends) {
        let found = transcripts(&lab, id).await;
        let [(key, text)] = &found[..] else { panic!("{id}: {found:?}") };
        let day = clock().strftime("%Y-%m-%d").to_string();
        assert!(key.starts_with(&format!("transcripts/{id}/{day}/")) && key.ends_with(".txt"), "{key}");
        assert!(text.starts_with(&format!("mailbox {id}, run r-")), "{text}");
        assert!(text.contains(end) && text.contains(said), "{text}");
        assert!(text.contains(" -- connected to 127.0.0.1:") && text.contains("***\n"), "{text}");
        for secret in [PASSWORD, "czNjcmV0LXBhc3N3b3Jk", "MzY3JldC1wYXNzd29yZ", "plan", "bob", "Subject"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    assert_eq!(transcripts(&lab, &late[0]).await, [], "its time is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transcript_that_cannot_be_written_costs_nothing() {
    let server = OddServer::start(Vec::new(), Quirk::None).await;
    let (mut lab, ids) = lab_with(&[("watched", &server)]).await;
    lab.registry.set_transcript(&ids[0], Some(ahead::<600>())).await.expect("set");
    lab.settings.transcript_bucket = format!("{}-not-there", lab.bucket);
    let state = lab.fetch_one(&lab.fetch(), &ids[0]).await;
    assert_eq!(state.failure, None);
    assert!(matches!(state.last_demand.expect("an answer").result, RunResult::Done { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_mailbox_is_left_alone_and_says_so_when_asked() {
    let server = OddServer::start(messages(2), Quirk::None).await;
    let (lab, ids) = lab_with(&[("paused", &server)]).await;
    let (fetch, id) = (lab.fetch(), &ids[0]);
    lab.registry.pause_mailbox(id, Some(clock())).await.expect("paused");

    assert_eq!(lab.poll(&fetch, &ids).await, [MailboxState::default()]);
    let backlog = format!(r#"{{"mailbox":{{"id":"{id}","cause":"backlog"}}}}"#);
    fetch.work_message(&backlog, &invocation(60)).await.expect("worked");
    let state = lab.states(&ids).await.remove(0);
    assert_eq!((state.messages, state.last_success, server.delivered()), (0, None, 0));

    let state = lab.fetch_one(&fetch, id).await;
    let RunResult::Failed(fault) = state.last_demand.expect("an answer").result else {
        panic!("not refused");
    };
    assert_eq!((fault.class, &*fault.reason), (FaultClass::Paused, "the mailbox is paused"));
    assert_eq!((state.failure, state.lease, server.delivered()), (None, None, 0));

    lab.registry.pause_mailbox(id, None).await.expect("resumed");
    assert_eq!(lab.poll(&fetch, &ids).await[0].messages, 2);
}
