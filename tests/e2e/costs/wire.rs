//! Bytes to a mail server: what a poll that finds nothing new sends to a real Dovecot by TLS 1.3.

use super::RECKONED;
use postroom_model::{Mailbox, TokenSet};
use postroom_tests::{Lab, Relay, User, clock, environment, token_set};
use secrecy::ExposeSecret;
use serde_json::json;

/// Bytes of an access token of Microsoft's, about.
const TOKEN: usize = 2_000;
/// What docs/costs.md says that X25519MLKEM768 adds, in bytes.
const HYBRID_KEY: f64 = 953.0;
/// By how many bytes a poll may differ from another: session tickets and names have not always the same length.
const TOLERANCE: f64 = 60.0;

/// Bytes that a poll sends in a process that has connected to the server before.
async fn sent(lab: &Lab, relay: &Relay, mailbox: &Mailbox) -> (f64, f64) {
    lab.fetch_one(&lab.fetch(), &mailbox.id).await;
    let fetch = lab.fetch();
    let mut sent = [0.0; 2];
    for sent in &mut sent {
        let before = relay.bytes_up();
        let state = lab.fetch_one(&fetch, &mailbox.id).await;
        assert_eq!((state.messages, state.failure), (1, None));
        *sent = (relay.bytes_up() - before) as f64;
    }
    let [first, next] = sent;
    (first, next)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_sends_what_is_reckoned_with() {
    let lab = Lab::new().await;
    let relay = Relay::start(environment("POSTROOM_TEST_IMAPS_PORT").parse().expect("a port")).await;
    let user = User::new("sends");
    user.deliver("INBOX", b"Message-ID: <1@test>\r\n\r\nhello\r\n");
    let mailbox = user.mailbox(|json| json["port"] = json!(relay.port()));
    lab.add([(mailbox.clone(), user.password())]).await;
    let (first, password) = sent(&lab, &relay, &mailbox).await;

    let provider = lab.provider(|_| {}).await;
    let account = lab.account(&provider, &user).await;
    let tokens = TokenSet::from_response(&token_set(user.name()).await, clock()).expect("a token set");
    lab.keep(&account, &provider, &tokens).await;
    let mailbox = user.mailbox(|json| {
        json["port"] = json!(relay.port());
        json["auth"] = json!({"oauth": user.name()});
    });
    lab.registry.put_mailbox(&mailbox, clock()).await.expect("a stored mailbox");
    let (_, token) = sent(&lab, &relay, &mailbox).await;
    let longer = TOKEN - tokens.access_token.expose_secret().len();
    let token = token + (longer as f64) * 4.0 / 3.0;

    let file: toml::Table = std::fs::read_to_string(RECKONED).expect("a file").parse().expect("TOML");
    for (what, counted) in [("password", password), ("token", token)] {
        let reckoned = file["wire"][what].as_float().expect("a number");
        assert!(
            (reckoned - counted).abs() <= TOLERANCE,
            "{what}: {counted} are sent, {reckoned} are reckoned with"
        );
    }
    // The first connection offers a key that quantum computers do not break; this server has shown that it takes none.
    let hybrid = first - password;
    assert!((hybrid - HYBRID_KEY).abs() <= TOLERANCE, "{hybrid} more are sent to servers that are not known");
}
