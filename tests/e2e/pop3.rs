//! POP3 at a real Dovecot: every way to sign in, every text byte for byte, leaving and deleting.

use postroom_model::{FaultClass, MailboxState, TokenSet};
use postroom_tests::{Lab, Relay, User, ahead, clock, environment, share, token_set};
use serde_json::json;

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

async fn with_account(lab: &Lab, account: &User) {
    let provider = lab.provider(|_| {}).await;
    let id = lab.account(&provider, account).await;
    let tokens = TokenSet::from_response(&token_set(account.name()).await, clock()).expect("a token set");
    lab.keep(&id, &provider, &tokens).await;
}

/// A text as a maildrop delivers what a server keeps with the line ends of its own system: every line
/// ends with CRLF, the last one too.
fn delivered(kept: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(kept.len() + kept.len() / 40);
    let mut before = 0;
    for byte in kept {
        if *byte == b'\n' && before != b'\r' {
            text.push(b'\r');
        }
        text.push(*byte);
        before = *byte;
    }
    if !text.ends_with(b"\r\n") {
        text.extend_from_slice(b"\r\n");
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_and_both_oauth_mechanisms_sign_in_with_tls_from_the_start_and_stls() {
    let lab = Lab::new().await;
    let fetch = lab.fetch();
    for (tls, sasl, oauth, said) in [
        ("implicit", "auto", false, "C: AUTH PLAIN"),
        ("starttls", "auto", false, "C: AUTH PLAIN"),
        ("implicit", "apop", false, "C: APOP"),
        ("implicit", "auto", true, "C: AUTH OAUTHBEARER"),
        ("starttls", "auto", true, "C: AUTH OAUTHBEARER"),
        ("implicit", "xoauth2", true, "C: AUTH XOAUTH2"),
        ("starttls", "xoauth2", true, "C: AUTH XOAUTH2"),
        ("starttls", "oauthbearer", true, "C: AUTH OAUTHBEARER"),
    ] {
        let user = User::new("pop3");
        user.deliver("INBOX", &message(1));
        let mailbox = user.maildrop(|json| {
            json["tls"] = json!(tls);
            json["sasl"] = json!(sasl);
            if tls == "starttls" {
                json["port"] = json!(port("POSTROOM_TEST_POP3_PORT"));
            }
            if oauth {
                json["auth"] = json!({"oauth": user.name()});
            }
        });
        if oauth {
            with_account(&lab, &user).await;
        }
        lab.add([(mailbox.clone(), user.password())]).await;
        lab.registry.set_transcript(&mailbox.id, Some(ahead::<600>())).await.expect("set");
        let state = lab.fetch_one(&fetch, &mailbox.id).await;
        let what = format!("{tls} {sasl} {oauth}");
        assert_eq!((class(&state), state.messages), (None, 1), "{what}: {:?}", state.failure);
        assert_eq!(lab.archived(&mailbox.id).await, [message(1)], "{what}");
        let transcripts = lab.keys_below(&format!("transcripts/{}/", mailbox.id)).await;
        let transcript = String::from_utf8(lab.object(&transcripts[0]).await).expect("text");
        assert!(transcript.contains(said), "{what}: {transcript}");
        assert!(!transcript.contains(&user.password()), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_set_opens_many_maildrops_and_a_stranger_is_refused() {
    let lab = Lab::new().await;
    let (account, shared, foreign) = (User::new("account"), User::new("shared"), User::new("foreign"));
    with_account(&lab, &account).await;
    share(&shared, &account);
    let mut ids = Vec::new();
    for user in [&account, &shared, &foreign] {
        user.deliver("INBOX", &message(2));
        let mailbox = user.maildrop(|json| json["auth"] = json!({"oauth": account.name()}));
        ids.push(mailbox.id.clone());
        lab.add([(mailbox, "unused".to_owned())]).await;
    }
    let states = lab.poll(&lab.fetch(), &ids).await;
    assert_eq!(states.iter().map(|state| state.messages).collect::<Vec<_>>(), [1, 1, 0]);
    assert_eq!(class(&states[2]), Some(FaultClass::TokenRefused), "{:?}", states[2].failure);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_a_wrong_certificate_are_told_apart() {
    let lab = Lab::new().await;
    let user = User::new("refused");
    for sasl in ["auto", "apop"] {
        let mailbox = user.maildrop(|json| json["sasl"] = json!(sasl));
        lab.add([(mailbox.clone(), "not-the-password".to_owned())]).await;
        let state = lab.fetch_one(&lab.fetch(), &mailbox.id).await;
        assert_eq!(class(&state), Some(FaultClass::PasswordRefused), "{sasl}: {:?}", state.failure);
        assert!(!state.failure.expect("one").fault.reason.contains("not-the-password"), "{sasl}");
    }
    let mut strict = Lab::new().await;
    strict.settings.reach.extra_ca_pem = None;
    for (tls, port) in [("implicit", "POSTROOM_TEST_POP3S_PORT"), ("starttls", "POSTROOM_TEST_POP3_PORT")] {
        let port: u16 = environment(port).parse().expect("a port");
        let mailbox = user.maildrop(|json| (json["tls"], json["port"]) = (json!(tls), json!(port)));
        strict.add([(mailbox.clone(), user.password())]).await;
        let state = strict.fetch_one(&strict.fetch(), &mailbox.id).await;
        assert_eq!(class(&state), Some(FaultClass::Certificate), "{tls}: {:?}", state.failure);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_text_is_archived_byte_for_byte_as_the_server_keeps_it() {
    let lab = Lab::new().await;
    let user = User::new("bytes");
    let large =
        "Message-ID: <large@test>\r\n\r\n".to_owned() + &".a line that begins with a dot\r\n".repeat(400_000);
    let texts: [&[u8]; 11] = [
        b"Message-ID: <1@test>\r\nSubject: plain\r\n\r\nbody\r\n",
        b"Message-ID: <2@test>\r\n\r\n",
        b"Message-ID: <3@test>\r\n\r\n.\r\n..\r\n.x\r\n\r\n.\r\n",
        b"Message-ID: <4@test>\r\n\r\nno line end at the end",
        b"Message-ID: <5@test>\n\nline feeds\nalone\n",
        b"Message-ID: <6@test>\n\nmixed\r\nline\nends\r\n\n\r\n",
        b"Message-ID: <7@test>\r\nSubject: \xfc\xff\r\n\r\n8 bit \x80\x00\x01\r\n",
        b"Message-ID: <8@test>\r\n\r\n\r\n\r\n\r\n",
        b"Message-ID: <9@test>\r\n\r\ntrailing blanks  \t \r\n \r\n",
        &[b"Message-ID: <10@test>\r\n\r\n", &[b'x'; 100_000][..], b"\r\n"].concat(),
        large.as_bytes(),
    ];
    for text in texts {
        user.deliver("INBOX", text);
    }
    let mailbox = user.maildrop(|_| {});
    lab.add([(mailbox.clone(), user.password())]).await;
    let state = lab.fetch_one(&lab.fetch(), &mailbox.id).await;
    assert_eq!((class(&state), state.messages), (None, 11), "{:?}", state.failure);
    let mut expected: Vec<_> = user.kept().iter().map(|kept| delivered(kept)).collect();
    expected.sort();
    assert!(lab.archived(&mailbox.id).await == expected, "byte for byte");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_left_or_deleted_as_was_asked_for() {
    let lab = Lab::new().await;
    let fetch = lab.fetch();
    for (after, left) in [("leave", 3), ("delete", 0)] {
        let user = User::new("after");
        for n in 1..=3 {
            user.deliver("INBOX", &message(n));
        }
        let relay = Relay::start(port("POSTROOM_TEST_POP3S_PORT")).await;
        let mailbox = user.maildrop(|json| {
            json["after_fetch"] = json!(after);
            json["port"] = json!(relay.port());
        });
        lab.add([(mailbox.clone(), user.password())]).await;
        let state = lab.fetch_one(&fetch, &mailbox.id).await;
        assert_eq!((class(&state), state.messages), (None, 3), "{after}: {:?}", state.failure);
        assert_eq!(user.kept().len(), left, "{after}");
        let whole = relay.bytes_down();
        let again = lab.fetch_one(&fetch, &mailbox.id).await;
        assert_eq!((class(&again), again.messages), (None, 3), "{after}: nothing more");
        assert!(
            relay.bytes_down() - whole < 6_000,
            "{after}: a poll of {} bytes",
            relay.bytes_down() - whole
        );
        user.deliver("INBOX", &message(4));
        assert_eq!(lab.fetch_one(&fetch, &mailbox.id).await.messages, 4, "{after}");
        assert_eq!(lab.archived(&mailbox.id).await.len(), 4, "{after}");
        lab.assert_written_once().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renumbered_maildrop_costs_a_look_at_its_headers_and_stores_nothing_twice() {
    let lab = Lab::new().await;
    let user = User::new("renumbered");
    for n in 1..=30 {
        user.deliver("INBOX", &message(n));
    }
    let relay = Relay::start(port("POSTROOM_TEST_POP3S_PORT")).await;
    let mailbox = user.maildrop(|json| json["port"] = json!(relay.port()));
    lab.add([(mailbox.clone(), user.password())]).await;
    let fetch = lab.fetch();
    let first = lab.fetch_one(&fetch, &mailbox.id).await;
    assert_eq!((class(&first), first.messages), (None, 30), "{:?}", first.failure);
    let whole = relay.bytes_down();

    user.renumber("INBOX");
    user.deliver("INBOX", &message(31));
    let second = lab.fetch_one(&fetch, &mailbox.id).await;
    let look = relay.bytes_down() - whole;
    assert_eq!((class(&second), second.messages), (None, 31), "only the new one: {:?}", second.failure);
    let new = message(31).len() as u64;
    assert!(look < new + 24_000, "{look} bytes for a look, {whole} for all, {new} for the new one");
    lab.assert_written_once().await;
    assert_eq!(lab.keys(&mailbox.id).await.len(), 31);

    user.expunge("INBOX", &["1:10"]);
    let whole = relay.bytes_down();
    let third = lab.fetch_one(&fetch, &mailbox.id).await;
    assert_eq!((class(&third), third.messages), (None, 31), "{:?}", third.failure);
    assert!(relay.bytes_down() - whole < 8_000, "what is gone costs nothing");
}
