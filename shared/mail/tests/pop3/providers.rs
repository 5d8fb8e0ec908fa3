//! Servers that behave like Exchange, Gmail, Dovecot, Cyrus, Courier, and like old ones. Where each habit is
//! known from stands in `docs/servers.md`.

use crate::script::{
    IDLE, OLD, ONE_BY_ONE, Step, against, greeted, password, read, script, sign_in, token, with, with_steps,
};
use postroom_mail::{Credential, Error};
use postroom_model::{FaultClass, SaslPolicy};

async fn refused(credential: &Credential, text: &str) -> Error {
    sign_in(credential, SaslPolicy::Auto, text).await.expect_err("refused")
}

const EXCHANGE: &str = "
    S: +OK Microsoft Exchange POP3 server ready (tcpproxy/15.20.9137.005). [RgBSADAAUAAyADgAMQ==]
    C: CAPA
    S: +OK
    S: TOP
    S: UIDL
    S: SASL PLAIN XOAUTH2
    S: USER
    S: .
    C: AUTH XOAUTH2
";

#[tokio::test]
async fn exchange_is_told_the_token_in_a_line_of_its_own() {
    let text = format!("{EXCHANGE}S: +\nC: XOAUTH2=\nS: +OK User successfully authenticated [BN0P28CA0001]");
    assert_eq!(sign_in(&token(), SaslPolicy::Auto, &text).await.expect("signs in"), 3);
}

#[tokio::test]
async fn exchange_says_little_of_why_it_refuses() {
    for (said, class) in [
        (
            "S: +\nC: XOAUTH2=\nS: -ERR Authentication failure: unknown user name or bad password.",
            FaultClass::TokenRefused,
        ),
        ("S: +\nC: XOAUTH2=\nS: -ERR User is authenticated but not connected.", FaultClass::NoMailboxAccess),
        ("S: +\nC: XOAUTH2=\nS: -ERR Protocol error. Connection is closed. 10", FaultClass::Protocol),
        ("S: +\nC: XOAUTH2=\nS: -ERR Server Unavailable. 21", FaultClass::TemporarilyUnavailable),
    ] {
        let error = refused(&token(), &format!("{EXCHANGE}{said}")).await;
        assert_eq!(error.fault().class, class, "{said}: {error}");
    }
}

#[tokio::test]
async fn outlook_limits_how_often_one_signs_in() {
    let begin = "S: +OK POP3 server ready
        C: CAPA\nS: +OK\nS: SASL PLAIN\nS: .
        C: AUTH PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=\n";
    for (said, class) in [
        (
            "Exceeded the login limit for a 15 minute period. Reduce the frequency of requests to the POP3 server.",
            FaultClass::Throttled,
        ),
        ("login allowed only every 15 minutes", FaultClass::Throttled),
        ("Mailbox could not be opened", FaultClass::TemporarilyUnavailable),
        ("Login to your account via a web browser to verify it", FaultClass::WebLoginRequired),
    ] {
        let error = refused(&password(), &format!("{begin}S: -ERR {said}")).await;
        assert_eq!(error.fault().class, class, "{said}");
    }
}

#[tokio::test]
async fn gmail_has_codes_for_what_it_refuses() {
    let begin = "S: +OK Gpop ready for requests from 192.0.2.1 d2e1a72fcca58
        C: CAPA\nS: +OK Capability list follows
        S: USER\nS: RESP-CODES\nS: EXPIRE 0\nS: LOGIN-DELAY 300\nS: TOP\nS: UIDL\nS: X-GOOGLE-RICO
        S: SASL PLAIN XOAUTH2 OAUTHBEARER\nS: .
        C: AUTH OAUTHBEARER OAUTHBEARER=\n";
    for (said, class) in [
        ("[AUTH] Username and password not accepted.", FaultClass::TokenRefused),
        (
            "[AUTH] Web login required: https://support.google.com/mail/answer/78754",
            FaultClass::WebLoginRequired,
        ),
        (
            "[SYS/PERM] Your account is not enabled for POP access. Please visit your Gmail settings page",
            FaultClass::NoMailboxAccess,
        ),
        ("[SYS/TEMP] Temporary system problem. Please try again later.", FaultClass::TemporarilyUnavailable),
        (
            "[IN-USE] Unable to lock maildrop: Mailbox is locked by POP server",
            FaultClass::TemporarilyUnavailable,
        ),
        ("[LOGIN-DELAY] minimum time between mail checks violation", FaultClass::Throttled),
    ] {
        let error = refused(&token(), &format!("{begin}S: -ERR {said}")).await;
        assert_eq!(error.fault().class, class, "{said}");
        let delay = error.fault().retry_after_seconds;
        assert_eq!(delay, said.contains("LOGIN-DELAY").then_some(300), "{said}");
    }
}

#[tokio::test]
async fn what_was_read_is_only_counted_with_quit() {
    // Gmail hides what was retrieved, once QUIT has come; whoever leaves without it finds it again.
    let text = "C: RETR 1\nS: +OK message follows\nS: a: 1\nS: .\n";
    with_steps(script(&[ONE_BY_ONE, text, "end"].concat()), async |session| {
        let found = read(&mut session.retrieve(vec![1])).await.expect("reads");
        assert_eq!(found, [(1, Ok("a: 1\r\n".to_owned()))]);
    })
    .await;
}

#[tokio::test]
async fn a_mailbox_that_somebody_else_has_open_is_tried_again() {
    for said in [
        "[IN-USE] Unable to lock maildrop",
        "[IN-USE] Mailbox is locked by another process.",
        "/usr/mail/.ann.pop lock busy!  Is another session active? (11)",
        "Maildrop lock busy!  Is another session active?",
        "Your mailbox is already locked",
        "mail storage services unavailable, wait a few minutes and try again",
        "Temporary problem, please try again later",
    ] {
        let text = format!(
            "S: +OK ready\nC: CAPA\nS: -ERR\nC: USER ann\nS: +OK\nC: PASS s3cret-password\nS: -ERR {said}"
        );
        let error = refused(&password(), &text).await;
        assert_eq!(error.fault().class, FaultClass::TemporarilyUnavailable, "{said}");
    }
}

#[tokio::test]
async fn cyrus_and_courier_say_why_they_refuse() {
    let begin = "S: +OK mail.example Cyrus POP3 server ready <1.2@mail.example>
        C: CAPA\nS: +OK List of capabilities follows\nS: SASL PLAIN\nS: .
        C: AUTH PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=\n";
    for (said, class) in [
        ("[AUTH] Invalid login", FaultClass::PasswordRefused),
        ("[SYS/PERM] Unable to locate maildrop: Mailbox does not exist", FaultClass::AccountPolicy),
        ("[SYS/TEMP] Unable to open maildrop", FaultClass::TemporarilyUnavailable),
        ("[LOGIN-DELAY] Logins must be at least 5 minutes apart", FaultClass::Throttled),
        ("Login failed.", FaultClass::PasswordRefused),
    ] {
        let error = refused(&password(), &format!("{begin}S: -ERR {said}")).await;
        assert_eq!(error.fault().class, class, "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_server_needs_neither_capa_nor_crlf() {
    let steps = script(OLD).into_iter().map(|step| match step {
        Step::Send(line) => Step::Send(line.into_iter().filter(|byte| *byte != b'\r').collect()),
        step => step,
    });
    let text = [Step::Expect("RETR 1\r\n".into()), Step::Send(b"+OK\na: 1\n..b\n.\n".to_vec())];
    let before = tokio::time::Instant::now();
    with_steps(steps.chain(text).collect(), async |session| {
        let found = read(&mut session.retrieve(vec![1])).await.expect("reads");
        assert_eq!(found, [(1, Ok("a: 1\n.b\n".to_owned()))]);
    })
    .await;
    assert!(before.elapsed() < IDLE, "nothing more is waited for");
}

#[tokio::test]
async fn a_dot_on_a_line_that_ends_with_lf_alone_ends_nothing() {
    // GreenMail and others leave such a dot as it is, among lines that end with CRLF.
    let text =
        [Step::Expect("RETR 1\r\n".into()), Step::Send(b"+OK\r\na: 1\r\n\r\none\n.\ntwo\r\n.\r\n".to_vec())];
    let steps = [script(ONE_BY_ONE), text.to_vec()].concat();
    with_steps(steps, async |session| {
        let found = read(&mut session.retrieve(vec![1])).await.expect("reads");
        assert_eq!(found, [(1, Ok("a: 1\r\n\r\none\n.\ntwo\r\n".to_owned()))]);
    })
    .await;
}

#[tokio::test]
async fn a_message_that_cannot_be_read_does_not_stop_the_others() {
    let text = "
        C: RETR 1
        S: -ERR Message cannot be retrieved.
        C: RETR 2
        S: +OK
        S: a: 2
        S: .";
    with(&[ONE_BY_ONE, text], async |session| {
        let found = read(&mut session.retrieve(vec![1, 2])).await.expect("goes on");
        assert!(found[0].1.is_err() && found[1] == (2, Ok("a: 2\r\n".to_owned())), "{found:?}");
    })
    .await;
}

#[tokio::test]
async fn a_server_that_hangs_up_on_one_connection_too_many_is_tried_again() {
    for (text, class) in [
        ("", FaultClass::ConnectionLost),
        ("S: -ERR Too many connections from your IP", FaultClass::Throttled),
        ("S: -ERR [SYS/TEMP] Maximum number of connections from user+IP exceeded", FaultClass::Throttled),
    ] {
        let error = against(script(text), greeted).await.map(drop).expect_err(text);
        assert_eq!(error.fault().class, class, "{text}");
    }
}
