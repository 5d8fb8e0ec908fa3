//! Mailboxes that move: from POP3 to IMAP and back, from a password to OAuth and back. What is archived
//! is not fetched again, and nothing is stored twice.

use fetch::Fetch;
use postroom_model::{Auth, FaultClass, Mailbox, MailboxState, TokenSet};
use postroom_tests::{Habit, Lab, OddMaildrop, OddServer, Quirk, Relay, User, clock, environment, token_set};
use serde_json::{Value, json};

/// Messages of 2 to 52 KB.
fn message(n: usize) -> Vec<u8> {
    let received = format!("Received: from a by b; Tue, 2 Jan 2024 10:00:{n:02} +0000\r\n");
    let lines = "0123456789abcdef\r\n".repeat(100 * n);
    format!("{received}Message-ID: <{n}@test>\r\nSubject: {n}\r\n\r\n{lines}").into()
}

fn class(state: &MailboxState) -> Option<FaultClass> {
    state.failure.as_ref().map(|failure| failure.fault.class)
}

fn port(name: &str) -> u16 {
    environment(name).parse().expect("a port")
}

/// One Dovecot user's mail by either protocol, each by way of a relay that counts.
struct Move {
    lab: Lab,
    fetch: Fetch,
    user: User,
    imap: Relay,
    pop3: Relay,
}

impl Move {
    async fn with(messages: &[Vec<u8>]) -> Self {
        let (lab, user) = (Lab::new().await, User::new("moves"));
        for message in messages {
            user.deliver("INBOX", message);
        }
        let imap = Relay::start(port("POSTROOM_TEST_IMAPS_PORT")).await;
        let pop3 = Relay::start(port("POSTROOM_TEST_POP3S_PORT")).await;
        Self { fetch: lab.fetch(), lab, user, imap, pop3 }
    }

    fn mailbox(&self, protocol: &str, change: impl FnOnce(&mut Value)) -> Mailbox {
        let port = if protocol == "imap" { self.imap.port() } else { self.pop3.port() };
        self.user.mailbox(|json| {
            (json["protocol"], json["port"]) = (json!(protocol), json!(port));
            change(json);
        })
    }

    fn down(&self) -> u64 {
        self.imap.bytes_down() + self.pop3.bytes_down()
    }

    /// Fetches the mailbox as it is now, and returns how many bytes came from the server.
    async fn fetch(&self, mailbox: &Mailbox, expected: u64, what: &str) -> u64 {
        self.lab.registry.put_mailbox(mailbox, clock()).await.expect("stored");
        let before = self.down();
        let state = self.lab.fetch_one(&self.fetch, &mailbox.id).await;
        let keys = self.lab.keys(&mailbox.id).await;
        assert_eq!(
            (class(&state), state.messages),
            (None, expected),
            "{what}: {:?} {keys:#?}",
            state.failure
        );
        assert_eq!(self.lab.keys(&mailbox.id).await.len() as u64, expected, "{what}");
        self.lab.assert_written_once().await;
        self.down() - before
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_moves_between_pop3_and_imap_without_fetching_anything_again() {
    let mut messages: Vec<_> = (1..=25).map(message).collect();
    // POP3 ends each of these with a line end that IMAP does not have.
    messages.push(b"Message-ID: <no-end@test>\r\n\r\nno line end".to_vec());
    messages.push(b"Message-ID: <no-end-2@test>\n\nno line end, other bytes".to_vec());
    for way in [["pop3", "imap"], ["imap", "pop3"]] {
        let moves = Move::with(&messages).await;
        let [first, second] = way.map(|protocol| moves.mailbox(protocol, |_| {}));
        moves.lab.add([(first.clone(), moves.user.password())]).await;
        let all = moves.fetch(&first, 27, "at first").await;
        assert!(all > 500_000, "{way:?}: {all} bytes for all");

        let look = moves.fetch(&second, 27, "moved").await;
        assert!(look < 32_000, "{way:?}: {look} bytes for a look");
        let poll = moves.fetch(&second, 27, "again").await;
        assert!(poll < 8_000, "{way:?}: {poll} bytes for a poll");

        let back = moves.fetch(&first, 27, "moved back").await;
        assert!(back < 32_000, "{way:?}: {back} bytes for the way back");
        moves.user.deliver("INBOX", &message(26));
        let new = message(26).len() as u64;
        let fetched = moves.fetch(&first, 28, "one new").await;
        assert!(fetched < new + 8_000, "{way:?}: {fetched} bytes for one new message of {new}");
        // What came by the other protocol meanwhile is read, and known by its bytes.
        moves.user.deliver("INBOX", &message(27));
        let new = (message(26).len() + message(27).len()) as u64;
        let fetched = moves.fetch(&second, 29, "one new after the move").await;
        assert!(fetched < new + 32_000, "{way:?}: {fetched} bytes for messages of {new}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_moves_from_its_password_to_oauth_and_back_with_its_cursors() {
    for protocol in ["imap", "pop3"] {
        let moves = Move::with(&(1..=12).map(message).collect::<Vec<_>>()).await;
        let basic = moves.mailbox(protocol, |_| {});
        moves.lab.add([(basic.clone(), moves.user.password())]).await;
        moves.fetch(&basic, 12, "by password").await;
        let provider = moves.lab.provider(|_| {}).await;
        let account = moves.lab.account(&provider, &moves.user).await;
        let tokens = token_set(moves.user.name()).await;
        let tokens = TokenSet::from_response(&tokens, clock()).expect("a token set");
        moves.lab.keep(&account, &provider, &tokens).await;

        let oauth = Mailbox { auth: Auth::Oauth(account), ..basic.clone() };
        let registry = &moves.lab.registry;
        assert!(registry.migrate_mailbox(&basic.id, &basic, &oauth, clock()).await.expect("an answer"));
        let before = moves.lab.states(std::slice::from_ref(&basic.id)).await.remove(0);
        let poll = moves.fetch(&oauth, 12, "by OAuth").await;
        assert!(poll < 8_000, "{protocol}: {poll} bytes for a poll");
        let after = moves.lab.states(std::slice::from_ref(&basic.id)).await.remove(0);
        assert_eq!(
            (before.folders, before.maildrop),
            (after.folders, after.maildrop),
            "{protocol}: cursors stay"
        );

        let is_back = registry.migrate_back(&basic.id, &oauth, &basic, clock()).await;
        assert!(is_back.expect("an answer"), "{protocol}");
        let placed = registry.mailbox(&basic.id).await.expect("an answer").expect("a mailbox");
        assert_eq!(placed.mailbox, basic, "{protocol}: the way back");
        moves.user.deliver("INBOX", &message(13));
        moves.fetch(&basic, 13, "back").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_mail_under_the_same_ids_at_another_server_is_fetched() {
    let text =
        |place: &str, n: usize| format!("Message-ID: <{n}@{place}>\r\n\r\n{place} {n}\r\n").into_bytes();
    let messages = |place: &str| (1..=9).map(|n| text(place, n)).collect::<Vec<_>>();
    let old = OddMaildrop::start(messages("old"), Habit::None).await;
    let new = OddMaildrop::start(messages("new"), Habit::None).await;
    let lab = Lab::new().await;
    let fetch = lab.fetch();
    let mailbox = |user: &str, port: u16| -> Mailbox {
        serde_json::from_value(json!({
            "id": "m", "protocol": "pop3", "host": "127.0.0.1", "port": port, "tls": "none", "user": user,
            "interval": "1m",
        }))
        .expect("a mailbox")
    };
    let first = mailbox("m", old.port());
    lab.add([(first.clone(), "pw".to_owned())]).await;
    assert_eq!(lab.fetch_one(&fetch, &first.id).await.messages, 9);
    lab.add([(mailbox("somebody-else", new.port()), "pw".to_owned())]).await;
    assert_eq!(lab.fetch_one(&fetch, &first.id).await.messages, 18, "the ids are the same, the mail is not");
    lab.add([(first.clone(), "pw".to_owned())]).await;
    old.deliver(&text("old", 10));
    assert_eq!(lab.fetch_one(&fetch, &first.id).await.messages, 19, "and back");
    lab.assert_written_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_is_cut_off_loses_nothing_and_stores_nothing_twice() {
    let expected: Vec<_> = (1..=40).map(message).collect();
    let maildrop = OddMaildrop::start(expected.clone(), Habit::None).await;
    let server = OddServer::start(expected.clone(), Quirk::None).await;
    let lab = Lab::new().await;
    let mailbox = |protocol: &str, port: u16| -> Mailbox {
        serde_json::from_value(json!({
            "id": "m", "protocol": protocol, "host": "127.0.0.1", "port": port, "tls": "none", "user": "m",
            "interval": "1m",
        }))
        .expect("a mailbox")
    };
    let (pop3, imap) = (mailbox("pop3", maildrop.port()), mailbox("imap", server.port()));
    lab.add([(pop3.clone(), "pw".to_owned())]).await;
    for cut in 0..24u64 {
        let now = if cut % 3 == 1 { &imap } else { &pop3 };
        lab.registry.put_mailbox(now, clock()).await.expect("stored");
        let fetch = lab.fetch();
        let run = lab.fetch_one(&fetch, &now.id);
        let _ = tokio::time::timeout(std::time::Duration::from_millis(5 + cut * 11), run).await;
        lab.forget_leases(&now.id).await;
        maildrop.free().await;
    }
    for now in [&pop3, &imap, &pop3] {
        lab.registry.put_mailbox(now, clock()).await.expect("stored");
        let state = lab.fetch_one(&lab.fetch(), &now.id).await;
        assert_eq!(class(&state), None, "{:?}", state.failure);
    }
    let mut expected = expected;
    expected.sort();
    assert!(lab.archived(&pop3.id).await == expected, "every message is there, once");
    lab.assert_written_once().await;
}
