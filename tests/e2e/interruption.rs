//! Runs that are cut off anywhere, and runs that overlap: nothing is lost, nothing is stored twice.

use postroom_model::{AfterFetch, Mailbox, Protocol};
use postroom_tests::{Habit, Lab, OddMaildrop, OddServer, Process, Quirk};
use std::time::Duration;

fn messages(count: usize) -> Vec<Vec<u8>> {
    let text = |n: usize| format!("Message-ID: <{n}@test>\r\n\r\n{}\r\n", "x".repeat(n * 101));
    (1..=count).map(|n| text(n).into_bytes()).collect()
}

fn mailbox(port: u16) -> Mailbox {
    let text = format!(
        r#"{{"id":"m","protocol":"imap","host":"127.0.0.1","port":{port},"tls":"none","user":"m","interval":"1m"}}"#
    );
    serde_json::from_str(&text).expect("a mailbox")
}

async fn assert_archived_once(lab: &Lab, mailbox: &Mailbox, mut expected: Vec<Vec<u8>>) {
    expected.sort();
    assert!(lab.archived(&mailbox.id).await == expected, "every message is there, once");
    lab.assert_written_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_cut_off_at_any_moment_is_repeated_without_loss_or_repetition() {
    let mut expected = messages(60);
    expected.push([b"Message-ID: <large@test>\r\n\r\n".to_vec(), vec![b'x'; 13 << 20]].concat());
    let server = OddServer::start(expected.clone(), Quirk::None).await;
    let lab = Lab::new().await;
    let mailbox = mailbox(server.port());
    lab.add([(mailbox.clone(), "pw".to_owned())]).await;
    for cut in 0..30u64 {
        let fetch = lab.fetch();
        let run = lab.fetch_one(&fetch, &mailbox.id);
        let _ = tokio::time::timeout(Duration::from_millis(3 + cut * 9), run).await;
        // The lease of the run that was cut off would keep the next one waiting.
        lab.forget_leases(&mailbox.id).await;
    }
    let fetch = lab.fetch();
    let state = lab.fetch_one(&fetch, &mailbox.id).await;
    assert_eq!(state.failure, None);
    assert_eq!(state.folders["INBOX"].last_uid, 61);
    assert_archived_once(&lab, &mailbox, expected).await;
}

/// What SIGKILL leaves is what a function leaves whose machine is taken away.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_at_any_moment_leaves_what_the_next_one_completes() {
    let large =
        [b"Message-ID: <large@test>\r\n\r\n".to_vec(), vec![b'x'; 7 << 20], b"\r\n".to_vec()].concat();
    let expected: Vec<_> = messages(40).into_iter().chain([large]).collect();
    use {
        AfterFetch::{Delete, Leave},
        Protocol::{Imap, Pop3},
    };
    for (protocol, after) in [(Imap, Leave), (Pop3, Leave), (Pop3, Delete)] {
        let imap = OddServer::start(expected.clone(), Quirk::Slow).await;
        let pop3 = OddMaildrop::start(expected.clone(), Habit::Slow).await;
        let port = if protocol == Imap { imap.port() } else { pop3.port() };
        let mailbox = mailbox(port);
        let mailbox = Mailbox { protocol, after_fetch: after.clone(), attachments: true, ..mailbox };
        let what = format!("{protocol:?} {after:?}");
        let lab = Lab::new().await;
        lab.add([(mailbox.clone(), "pw".to_owned())]).await;
        let mut killed = 0;
        for cut in 0..12u64 {
            let mut process = Process::start(env!("CARGO_BIN_EXE_work"), &lab.one_mailbox(&mailbox.id)).await;
            process.go().await;
            tokio::time::sleep(Duration::from_millis(30 + cut * 60)).await;
            killed += usize::from(process.kill().await);
            lab.forget_leases(&mailbox.id).await;
            pop3.free().await;
            let (there, archived) = (pop3.texts(), lab.archived(&mailbox.id).await);
            let lost = expected.iter().filter(|text| !there.contains(text) && !archived.contains(text));
            assert_eq!(lost.count(), 0, "{what}: lost by the kill {cut}");
        }
        assert!(killed >= 3, "{what}: {killed} were still running");
        let state = lab.fetch_one(&lab.fetch(), &mailbox.id).await;
        assert_eq!((state.failure, state.quarantined), (None, 0), "{what}");
        let indexes = lab.keys_below("index/").await.len();
        assert_eq!(indexes, expected.len(), "{what}: every message is unpacked");
        assert_archived_once(&lab, &mailbox, expected.clone()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_runs_store_every_message_once() {
    let expected = messages(200);
    let server = OddServer::start(expected.clone(), Quirk::Slow).await;
    let lab = Lab::new().await;
    let mailbox = mailbox(server.port());
    lab.add([(mailbox.clone(), "pw".to_owned())]).await;
    let (one, two) = (lab.fetch(), lab.fetch());
    let ids = [mailbox.id.clone()];
    // A batch's run does not look at mailbox leases that are taken after it began.
    let later = async {
        while server.delivered() < 5 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        lab.fetch_one(&two, &mailbox.id).await
    };
    tokio::join!(lab.poll(&one, &ids), later);
    assert!(server.delivered() > 300, "both runs read: {}", server.delivered());
    let state = lab.fetch_one(&one, &mailbox.id).await;
    assert_eq!(state.folders["INBOX"].last_uid, 200);
    assert_archived_once(&lab, &mailbox, expected).await;
}
