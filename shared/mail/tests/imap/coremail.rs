//! Servers that offer a way to sign in and do not know it: Coremail (163.com, 126.com), and others. Where each
//! habit is known from stands in `docs/servers.md`.

use crate::script::{password, script, sign_in, token, with_steps};
use postroom_mail::{Credential, imap::Access};
use postroom_model::{FaultClass, SaslPolicy};

const COREMAIL: &str = "
    S: * OK Coremail System IMap Server Ready(163com[726cd87d72d896a1ac393507346040fa])
    C: P1 CAPABILITY
    S: * CAPABILITY IMAP4rev1 XLIST SPECIAL-USE ID LITERAL+ STARTTLS UIDPLUS X-CM-EXT-1 SASL-IR AUTH=PLAIN AUTH=LOGIN
    S: P1 OK CAPABILITY completed
    C: P2 AUTHENTICATE PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=
    S: P2 BAD Request not ending with \\r\\n
    C: P3 AUTHENTICATE PLAIN
    S: +
    C: AGFubgBzM2NyZXQtcGFzc3dvcmQ=
";

#[tokio::test]
async fn sasl_ir_that_is_offered_and_broken_is_done_without() {
    let signed_in = format!(
        "{COREMAIL}
         S: P3 OK AUTHENTICATE completed
         C: P4 ID (\"name\" \"Postroom\" \"version\" \"{version}\")
         S: * ID (\"name\" \"Coremail Imap\" \"vendor\" \"Mailtech\" \"TransID\" \"3PmVJQB3bjS5RERX\")
         S: P4 OK ID completed",
        version = env!("CARGO_PKG_VERSION")
    );
    sign_in(&password(), SaslPolicy::Auto, &signed_in).await.expect("signs in");
    let refused = format!("{COREMAIL} S: P3 NO LOGIN Login error or password error");
    let error = sign_in(&password(), SaslPolicy::Auto, &refused).await.expect_err("refused");
    assert_eq!(error.fault().class, FaultClass::PasswordRefused, "and not tried again");
}

#[tokio::test]
async fn a_server_that_wants_to_know_the_program_is_told() {
    let text = format!(
        "{COREMAIL}
         S: P3 OK AUTHENTICATE completed
         C: P4 ID (\"name\" \"Postroom\" \"version\" \"{version}\")
         S: P4 BAD ID
         C: P5 EXAMINE \"INBOX\"
         S: P5 NO EXAMINE Unsafe Login. Please contact kefu@188.com for help",
        version = env!("CARGO_PKG_VERSION")
    );
    with_steps(script(&text), async |session| {
        let error = session.open("INBOX", Access::ReadOnly, None, 9).await.expect_err("not enough for it");
        assert_eq!(error.fault().class, FaultClass::AccountPolicy);
    })
    .await;
}

#[tokio::test]
async fn a_mechanism_that_is_offered_and_unknown_is_done_without() {
    let offer = |list: &str| format!("S: * OK [CAPABILITY IMAP4rev1 {list}] hi\n");
    let command = "C: P2 LOGIN \"ann\" \"s3cret-password\"\nS: P2 OK LOGIN ok";
    for begin in [
        "C: P1 AUTHENTICATE PLAIN\nS: P1 BAD AUTHENTICATE\n",
        "C: P1 AUTHENTICATE PLAIN\nS: P1 BAD Command not supported or parameter error\n",
    ] {
        let text = [&offer("AUTH=PLAIN AUTH=LOGIN"), begin, command].concat();
        sign_in(&password(), SaslPolicy::Auto, &text).await.expect("signs in");
    }
    let both = [
        &offer("SASL-IR AUTH=PLAIN"),
        "C: P1 AUTHENTICATE PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=\nS: P1 BAD what?
         C: P2 AUTHENTICATE PLAIN\nS: P2 BAD what?
         C: P3 LOGIN \"ann\" \"s3cret-password\"\nS: P3 OK LOGIN ok",
    ];
    sign_in(&password(), SaslPolicy::Auto, &both.concat()).await.expect("signs in");

    // Where nothing simpler is left, or what was said is no lack of understanding, it is not tried again.
    let login_disabled =
        [&offer("LOGINDISABLED AUTH=LOGIN"), "C: P1 AUTHENTICATE LOGIN\nS: P1 BAD what?"].concat();
    let throttled =
        [&offer("AUTH=PLAIN"), "C: P1 AUTHENTICATE PLAIN\nS: P1 BAD Request is throttled."].concat();
    let refused = [&offer("AUTH=PLAIN"), "C: P1 AUTHENTICATE PLAIN\nS: P1 NO what?"].concat();
    let told = "C: P1 AUTHENTICATE PLAIN\nS: +\nC: AGFubgBzM2NyZXQtcGFzc3dvcmQ=\nS: P1 BAD wrong";
    let told = [&offer("AUTH=PLAIN"), told].concat();
    let bearer = [&offer("AUTH=XOAUTH2"), "C: P1 AUTHENTICATE XOAUTH2\nS: P1 BAD what?"].concat();
    for (credential, text, class) in [
        (password(), login_disabled, FaultClass::Protocol),
        (password(), throttled, FaultClass::Throttled),
        (password(), refused, FaultClass::PasswordRefused),
        (password(), told, FaultClass::Protocol),
        (token(), bearer, FaultClass::Protocol),
    ] {
        let error = sign_in(&credential, SaslPolicy::Auto, &text).await.expect_err(&text);
        assert_eq!(error.fault().class, class, "{text}: {error}");
    }
}

#[tokio::test]
async fn literals_go_unasked_where_the_server_takes_them_so() {
    let password = |text: &str| Credential::Password(text.to_owned().into());
    let long = "ä".repeat(2100);
    for (offered, secret, begin) in [
        ("", "pä", "C: P1 LOGIN \"ann\" {3}\nS: + go on\nC: pä\n"),
        ("LITERAL+", "pä", "C: P1 LOGIN \"ann\" {3+}\nC: pä\n"),
        ("LITERAL-", "pä", "C: P1 LOGIN \"ann\" {3+}\nC: pä\n"),
        ("LITERAL+", &long, &format!("C: P1 LOGIN \"ann\" {{4200+}}\nC: {long}\n")),
        ("LITERAL-", &long, &format!("C: P1 LOGIN \"ann\" {{4200}}\nS: + go on\nC: {long}\n")),
        ("LITERAL+", "plain", "C: P1 LOGIN \"ann\" \"plain\"\n"),
    ] {
        let text = format!("S: * OK [CAPABILITY IMAP4rev1 {offered}] hi\n{begin}S: P1 OK in");
        let turns = sign_in(&password(secret), SaslPolicy::Auto, &text).await.expect("signs in");
        assert_eq!(turns, if begin.contains("go on") { 2 } else { 1 }, "{offered} {}", secret.len());
    }
}
