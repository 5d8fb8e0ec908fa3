//! What a filter leaves out is counted, stays where it is, and comes when the filter lets it.

use fetch::Fetch;
use postroom_model::{FaultClass, Mailbox, MailboxId, MailboxState};
use postroom_tests::{Habit, Lab, OddMaildrop, OddServer, Quirk, clock};
use serde_json::{Value, json};
use std::time::Duration;

/// Twelve messages: every third from a newsletter, every fourth large, every fifth old.
fn messages() -> Vec<Vec<u8>> {
    let text = |n: usize| {
        let from = if n.is_multiple_of(3) { "News <letter@news.example>" } else { "Ann <ann@example.org>" };
        let day = if n.is_multiple_of(5) { "Tue, 3 Feb 2015" } else { "Tue, 2 Jan 2024" };
        let body = "line\r\n".repeat(if n.is_multiple_of(4) { 2000 } else { 10 });
        let subject = if n == 7 { "=?utf-8?q?B=C3=BCro_geschlossen?=" } else { "Site diary" };
        format!(
            "Received: from a by b; {day} 10:00:00 +0000\r\nFrom: {from}\r\nSubject: {subject} \r\n\
             Message-ID: <{n}@test>\r\n\r\n{body}"
        )
        .into_bytes()
    };
    (1..=12).map(text).collect()
}

/// Those of them that are kept, of the numbers from 1.
fn kept(which: impl Fn(usize) -> bool) -> Vec<Vec<u8>> {
    let numbered = (1..).zip(messages()).filter(|(n, _)| which(*n));
    let mut kept: Vec<_> = numbered.map(|(_, text)| text).collect();
    kept.sort();
    kept
}

/// The same messages at a server of each protocol.
struct Servers {
    imap: OddServer,
    pop3: OddMaildrop,
}

impl Servers {
    async fn start() -> Self {
        let imap = OddServer::start(messages(), Quirk::None).await;
        Self { imap, pop3: OddMaildrop::start(messages(), Habit::None).await }
    }

    fn mailbox(&self, protocol: &str, change: impl FnOnce(&mut Value)) -> Mailbox {
        let port = if protocol == "imap" { self.imap.port() } else { self.pop3.port() };
        let mut json = json!({
            "id": "m", "protocol": protocol, "host": "127.0.0.1", "port": port, "tls": "none", "user": "m",
            "interval": "1m",
        });
        change(&mut json);
        serde_json::from_value(json).expect("a mailbox")
    }

    /// How many whole texts were read since this was last asked.
    fn read(&self, protocol: &str, before: &mut usize) -> usize {
        if protocol == "pop3" {
            return self.pop3.asked("RETR");
        }
        let delivered = self.imap.delivered();
        delivered - std::mem::replace(before, delivered)
    }
}

async fn lab_with(mailbox: &Mailbox) -> (Lab, Fetch, MailboxId) {
    let lab = Lab::new().await;
    lab.add([(mailbox.clone(), "pw".to_owned())]).await;
    let fetch = lab.fetch();
    (lab, fetch, mailbox.id.clone())
}

fn class(state: &MailboxState) -> Option<FaultClass> {
    state.failure.as_ref().map(|failure| failure.fault.class)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_leaves_out_and_counts() {
    type Kept = fn(usize) -> bool;
    let table: [(Value, Kept); 7] = [
        (json!({"not_from": ["*@news.example"]}), |n| n % 3 != 0),
        (json!({"from": ["ANN@example.org"]}), |n| n % 3 != 0),
        (json!({"subject": ["*büro*"]}), |n| n == 7),
        (json!({"not_subject": ["site*"]}), |n| n == 7),
        (json!({"max_bytes": 4000}), |n| n % 4 != 0),
        (json!({"min_bytes": 4000}), |n| n % 4 == 0),
        (json!({"since": "2024-01-01", "not_from": ["letter@*"]}), |n| n % 5 != 0 && n % 3 != 0),
    ];
    for protocol in ["imap", "pop3"] {
        for (filter, rule) in &table {
            let servers = Servers::start().await;
            let mailbox = servers.mailbox(protocol, |json| json["filter"] = filter.clone());
            let (lab, fetch, id) = lab_with(&mailbox).await;
            let expected = kept(rule);
            let what = format!("{protocol} {filter}");
            let state = lab.fetch_one(&fetch, &id).await;
            assert_eq!(class(&state), None, "{what}: {:?}", state.failure);
            assert!(lab.archived(&id).await == expected, "{what}");
            assert_eq!(state.messages + state.left_out, 12, "{what}: what is left out is counted");
            assert_eq!(state.messages, expected.len() as u64, "{what}");
            let read = servers.read(protocol, &mut 0);
            assert_eq!(read, expected.len(), "{what}: what is left out is not read");

            let again = lab.fetch_one(&fetch, &id).await;
            assert_eq!((again.messages, again.left_out), (state.messages, state.left_out), "{what}: once");
            assert_eq!(servers.pop3.asked("RETR"), 0, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_happens_at_the_server_to_what_is_left_out() {
    let servers = Servers::start().await;
    let mailbox = servers.mailbox("pop3", |json| {
        json["filter"] = json!({"not_from": ["*@news.example"]});
        json["after_fetch"] = json!("delete");
    });
    let (lab, fetch, id) = lab_with(&mailbox).await;
    for run in 0..3 {
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages, state.left_out), (None, 8, 4), "run {run}: {state:?}");
        let mut left = servers.pop3.texts();
        left.sort();
        assert!(left == kept(|n| n % 3 == 0), "run {run}: what is left out is left");
    }
    assert_eq!(servers.pop3.asked("RETR"), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_filter_brings_what_the_first_left_out() {
    for protocol in ["imap", "pop3"] {
        let servers = Servers::start().await;
        let mut before = 0;
        let with = |filter: Value| servers.mailbox(protocol, |json| json["filter"] = filter);
        let (lab, fetch, id) =
            lab_with(&with(json!({"not_from": ["*@news.example"], "max_bytes": 4000}))).await;
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages, state.left_out), (None, 6, 6), "{protocol}");
        servers.read(protocol, &mut before);

        lab.registry
            .put_mailbox(&with(json!({"not_from": ["*@news.example"]})), clock())
            .await
            .expect("stored");
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages), (None, 8), "{protocol}: {:?}", state.failure);
        let read = servers.read(protocol, &mut before);
        assert_eq!(read, 2, "{protocol}: only what the first filter left out");
        assert!(lab.archived(&id).await == kept(|n| n % 3 != 0), "{protocol}");

        lab.registry.put_mailbox(&with(json!({})), clock()).await.expect("stored");
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages), (None, 12), "{protocol}: {:?}", state.failure);
        assert_eq!(servers.read(protocol, &mut before), 4, "{protocol}");
        assert!(lab.archived(&id).await == kept(|_| true), "{protocol}: without a filter everything comes");
        lab.assert_written_once().await;

        servers.imap.deliver(&[], &messages()[0].repeat(2));
        servers.pop3.deliver(&messages()[0].repeat(2));
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages), (None, 13), "{protocol}: {:?}", state.failure);
        assert_eq!(servers.read(protocol, &mut before), 1, "{protocol}: the look back is over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stricter_filter_takes_nothing_away() {
    for protocol in ["imap", "pop3"] {
        let servers = Servers::start().await;
        let (lab, fetch, id) = lab_with(&servers.mailbox(protocol, |_| {})).await;
        assert_eq!(lab.fetch_one(&fetch, &id).await.messages, 12, "{protocol}");
        let strict = servers.mailbox(protocol, |json| json["filter"] = json!({"since": "2025-01-01"}));
        lab.registry.put_mailbox(&strict, clock()).await.expect("stored");
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!((class(&state), state.messages), (None, 12), "{protocol}: {:?}", state.failure);
        assert!(lab.archived(&id).await == kept(|_| true), "{protocol}: the archive keeps what it has");
        lab.assert_written_once().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_while_cursors_start_anew_repeats_it() {
    for protocol in ["imap", "pop3"] {
        let servers = Servers::start().await;
        let filtered = servers.mailbox(protocol, |json| json["filter"] = json!({"since": "2024-01-01"}));
        let (lab, fetch, id) = lab_with(&filtered).await;
        assert_eq!(lab.fetch_one(&fetch, &id).await.messages, 10, "{protocol}");
        lab.registry.put_mailbox(&servers.mailbox(protocol, |_| {}), clock()).await.expect("stored");
        for cut in 0..12u64 {
            let fetch = lab.fetch();
            let run = lab.fetch_one(&fetch, &id);
            let _ = tokio::time::timeout(Duration::from_millis(4 + cut * 6), run).await;
            lab.forget_leases(&id).await;
            servers.pop3.free().await;
        }
        let state = lab.fetch_one(&fetch, &id).await;
        assert_eq!(class(&state), None, "{protocol}: {:?}", state.failure);
        assert!(lab.archived(&id).await == kept(|_| true), "{protocol}");
        lab.assert_written_once().await;
    }
}
