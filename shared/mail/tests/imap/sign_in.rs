//! Greeting, capabilities and signing in, against scripted servers.

use crate::script::{IDLE, against, greeted, password, script, server, sign_in, token};
use postroom_mail::{Credential, Protection, imap::Connection};
use postroom_model::{FaultClass, SaslPolicy};

#[tokio::test]
async fn each_mechanism_signs_in() {
    let conversations = [
        (
            "initial response in the command",
            token(),
            1,
            "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER] hi
             C: P1 AUTHENTICATE OAUTHBEARER OAUTHBEARER=
             S: P1 OK in",
        ),
        (
            "capabilities asked for, initial response after the request",
            token(),
            3,
            "S: * OK The Microsoft Exchange IMAP4 service is ready.
             C: P1 CAPABILITY
             S: * CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2
             S: P1 OK CAPABILITY completed.
             C: P2 AUTHENTICATE XOAUTH2
             S: +
             C: XOAUTH2=
             S: P2 OK AUTHENTICATE completed.",
        ),
        (
            "a server that offers SASL-IR and ignores the initial response",
            token(),
            2,
            "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi
             C: P1 AUTHENTICATE XOAUTH2 XOAUTH2=
             S: +
             C: XOAUTH2=
             S: P1 OK in",
        ),
        (
            "PLAIN",
            password(),
            2,
            "S: * OK [CAPABILITY IMAP4rev1 AUTH=LOGIN AUTH=PLAIN] hi
             C: P1 AUTHENTICATE PLAIN
             S: +
             C: AGFubgBzM2NyZXQtcGFzc3dvcmQ=
             S: P1 OK in",
        ),
        (
            "LOGIN",
            password(),
            3,
            "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=LOGIN] hi
             C: P1 AUTHENTICATE LOGIN
             S: + VXNlcm5hbWU6
             C: YW5u
             S: + UGFzc3dvcmQ6
             C: czNjcmV0LXBhc3N3b3Jk
             S: P1 OK in",
        ),
        (
            "the command",
            Credential::Password(r#"p"w\ "#.to_owned().into()),
            1,
            "S: * OK [CAPABILITY IMAP4rev1] hi
             C: P1 LOGIN \"ann\" \"p\\\"w\\\\ \"
             S: P1 OK in",
        ),
        (
            "the command with a literal",
            Credential::Password("pä".to_owned().into()),
            2,
            "S: * OK [CAPABILITY IMAP4rev1] hi
             C: P1 LOGIN \"ann\" {3}
             S: + go on
             C: pä
             S: P1 OK in",
        ),
    ];
    for (name, credential, turns, text) in conversations {
        assert_eq!(sign_in(&credential, SaslPolicy::Auto, text).await.expect(name), turns, "{name}");
    }
}

#[tokio::test]
async fn refusals_tell_who_must_act() {
    let hi = "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER] hi\n";
    let (auto, xoauth2) = (SaslPolicy::Auto, SaslPolicy::Xoauth2);
    let plain = "C: P1 AUTHENTICATE PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=\n";
    let table = [
        (
            token(),
            auto,
            // {"status":"invalid_token","schemes":"bearer"}
            "C: P1 AUTHENTICATE OAUTHBEARER OAUTHBEARER=
             S: + eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NoZW1lcyI6ImJlYXJlciJ9
             C: AQ==
             S: P1 NO [AUTHENTICATIONFAILED] Authentication failed."
                .to_owned(),
            FaultClass::TokenRefused,
            "OAUTHBEARER sign-in refused: NO [AUTHENTICATIONFAILED] Authentication failed. \
             (status invalid_token, schemes bearer)",
        ),
        (
            token(),
            xoauth2,
            // {"status":"401","schemes":"bearer","scope":"mail"}
            "C: P1 AUTHENTICATE XOAUTH2 XOAUTH2=
             S: + eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=
             C: \n\
             S: P1 NO AUTHENTICATE failed."
                .to_owned(),
            FaultClass::TokenRefused,
            "XOAUTH2 sign-in refused: NO AUTHENTICATE failed. (status 401, schemes bearer, scope mail)",
        ),
        (
            token(),
            xoauth2,
            "C: P1 AUTHENTICATE XOAUTH2 XOAUTH2=
             S: + eyJzdGF0dXMiOiI0MDEifQ==
             C: \n"
                .to_owned(),
            FaultClass::TokenRefused,
            "XOAUTH2 sign-in refused: NO (the connection was closed) (status 401)",
        ),
        (
            token(),
            xoauth2,
            "C: P1 AUTHENTICATE XOAUTH2 XOAUTH2=
             S: P1 NO [UNAVAILABLE] Temporary authentication failure."
                .to_owned(),
            FaultClass::TemporarilyUnavailable,
            "XOAUTH2 sign-in refused: NO [UNAVAILABLE] Temporary authentication failure.",
        ),
        (
            token(),
            xoauth2,
            // {"status":"503"}
            "C: P1 AUTHENTICATE XOAUTH2 XOAUTH2=
             S: + eyJzdGF0dXMiOiI1MDMifQ==
             C: \n\
             S: P1 NO [AUTHENTICATIONFAILED] AUTHENTICATE failed."
                .to_owned(),
            FaultClass::TemporarilyUnavailable,
            "XOAUTH2 sign-in refused: NO [AUTHENTICATIONFAILED] AUTHENTICATE failed. (status 503)",
        ),
        (
            password(),
            auto,
            format!("{plain} S: P1 NO [s3cret-password] S3CRET-PASSWORD is wrong"),
            FaultClass::PasswordRefused,
            "PLAIN sign-in refused: NO [redacted] is wrong",
        ),
        (
            password(),
            auto,
            format!("{plain} S: P1 NO [AUTHENTICATIONFAILED] s3cret-password is wrong, ann"),
            FaultClass::PasswordRefused,
            "PLAIN sign-in refused: NO [AUTHENTICATIONFAILED] [redacted] is wrong, ann",
        ),
        (
            password(),
            auto,
            format!(
                "{plain} S: P1 BAD AUTHENTICATE PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ= is not it
                 C: P2 AUTHENTICATE PLAIN
                 S: +
                 C: AGFubgBzM2NyZXQtcGFzc3dvcmQ=
                 S: P2 BAD AUTHENTICATE PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ= is not it"
            ),
            FaultClass::Protocol,
            "PLAIN sign-in refused: BAD AUTHENTICATE PLAIN [redacted] is not it",
        ),
        (
            password(),
            auto,
            format!("{plain} S: P1 NO [WEBALERT https://x.example/?t=personal] Web login required."),
            FaultClass::WebLoginRequired,
            "PLAIN sign-in refused: NO [WEBALERT] Web login required.",
        ),
        (
            password(),
            auto,
            format!("{plain} S: * BYE Request is throttled. Suggested Backoff Time: 90000 milliseconds"),
            FaultClass::Throttled,
            "the server ended the session: BYE Request is throttled. Suggested Backoff Time: 90000 milliseconds",
        ),
        (password(), auto, plain.to_owned(), FaultClass::ConnectionLost, ""),
        (
            password(),
            auto,
            format!("{plain}{}", "S: + YQ==\nC: *\n".repeat(5) + "S: + YQ=="),
            FaultClass::Protocol,
            "the server breaks the protocol: a sign-in without an end",
        ),
    ];
    for (credential, policy, text, class, reason) in table {
        let error = sign_in(&credential, policy, &format!("{hi}{text}")).await.expect_err(reason);
        let fault = error.fault();
        assert_eq!(fault.class, class, "{fault}");
        assert!(reason.is_empty() || fault.reason == reason, "{}\n{reason}", fault.reason);
        assert_eq!(fault.retry_after_seconds.is_some(), class == FaultClass::Throttled);
        assert!(!error.leaves_session_usable());
    }
}

#[tokio::test]
async fn a_quoted_password_is_kept_back_too() {
    let quoting = Credential::Password(r#"a"b"#.to_owned().into());
    let text = r#"S: * OK [CAPABILITY IMAP4rev1] hi
        C: P1 LOGIN "ann" "a\"b"
        S: P1 BAD LOGIN "ann" "a\"b" or a"b"#;
    let error = sign_in(&quoting, SaslPolicy::Auto, text).await.expect_err("refused").to_string();
    assert_eq!(error, r#"LOGIN command sign-in refused: BAD LOGIN "ann" "[redacted]" or [redacted]"#);
}

#[tokio::test]
async fn the_mechanism_is_known_before() {
    for (offered, credential, protection, expected) in [
        ("AUTH=PLAIN AUTH=XOAUTH2", token(), Protection::Tls, Ok("XOAUTH2")),
        ("AUTH=LOGIN", password(), Protection::AllowedPlaintext, Ok("LOGIN")),
        ("", password(), Protection::Tls, Ok("LOGIN command")),
        ("LOGINDISABLED", password(), Protection::Tls, Err(FaultClass::NoMechanism)),
        ("AUTH=PLAIN", token(), Protection::Tls, Err(FaultClass::NoMechanism)),
        ("AUTH=PLAIN", password(), Protection::Plaintext, Err(FaultClass::PlaintextRefused)),
    ] {
        let greeting = script(&format!("S: * OK [CAPABILITY IMAP4rev1 {offered}] hi"));
        let found = against(greeting, async |stream| {
            let connection = Connection::over(stream, &server(), protection, IDLE, None).await?;
            connection.mechanism(&credential, SaslPolicy::Auto)
        })
        .await;
        let found = found.map(|mechanism| mechanism.to_string()).map_err(|error| error.fault().class);
        assert_eq!(found, expected.map(str::to_owned), "{offered}");
    }
}

#[tokio::test]
async fn nothing_is_sent_where_nothing_may_be() {
    let offers = |list: &str| script(&format!("S: * OK [CAPABILITY IMAP4rev1 {list}] hi"));
    for (offered, credential, policy, said) in [
        ("AUTH=PLAIN AUTH=XOAUTH2", token(), SaslPolicy::Oauthbearer, "it offers PLAIN, XOAUTH2"),
        ("AUTH=PLAIN", token(), SaslPolicy::Auto, "does not offer OAUTHBEARER or XOAUTH2; it offers PLAIN"),
        ("LOGINDISABLED", password(), SaslPolicy::Auto, "it offers nothing"),
        ("LOGINDISABLED AUTH=GSSAPI", password(), SaslPolicy::Auto, "it offers GSSAPI"),
    ] {
        let error = against(offers(offered), async |stream| {
            greeted(stream).await?.sign_in("ann", &credential, policy).await.map(drop)
        })
        .await
        .expect_err(said);
        assert_eq!(error.fault().class, FaultClass::NoMechanism);
        assert!(error.to_string().contains(said), "{error}");
    }
    for (protection, allowed) in [(Protection::Plaintext, false), (Protection::AllowedPlaintext, true)] {
        let mut steps = offers("AUTH=PLAIN");
        if allowed {
            steps.extend(script(
                "C: P1 AUTHENTICATE PLAIN\nS: +\nC: AGFubgBzM2NyZXQtcGFzc3dvcmQ=\nS: P1 OK in",
            ));
        }
        let result = against(steps, async |stream| {
            let connection = Connection::over(stream, &server(), protection, IDLE, None).await?;
            connection.sign_in("ann", &password(), SaslPolicy::Auto).await.map(drop)
        })
        .await;
        match result {
            Ok(()) => assert!(allowed),
            Err(error) => assert!(!allowed && error.fault().class == FaultClass::PlaintextRefused),
        }
    }
}

#[tokio::test]
async fn what_is_no_imap_greeting_is_refused() {
    for (text, class) in [
        ("S: HTTP/1.1 400 Bad Request", FaultClass::Protocol),
        ("S: +OK POP3 ready", FaultClass::Protocol),
        ("S: * PREAUTH you are root", FaultClass::Protocol),
        ("S: * BYE Server Busy", FaultClass::TemporarilyUnavailable),
        ("S: * BYE Session invalidated - AccessTokenExpired", FaultClass::TemporarilyUnavailable),
        ("S: * OK hi\nC: P1 CAPABILITY\nS: * BYE AccessTokenExpired", FaultClass::TemporarilyUnavailable),
        ("S: * BYE [ALERT] Too many simultaneous connections", FaultClass::Throttled),
        ("S: * NO", FaultClass::Protocol),
        ("S~ * OK without an end", FaultClass::ConnectionLost),
        ("S: * OK hi\nC: P1 CAPABILITY\nS: P1 BAD what?", FaultClass::Protocol),
        ("S: * OK hi\nC: P1 CAPABILITY\nS: P7 OK what?", FaultClass::Protocol),
    ] {
        let error = against(script(text), greeted).await.map(drop).expect_err(text);
        assert_eq!(error.fault().class, class, "{text}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_up() {
    for text in ["hang", "S: * OK hi\nC: P1 CAPABILITY\nhang", "S~ * OK\nhang"] {
        let before = tokio::time::Instant::now();
        let error = against(script(text), greeted).await.map(drop).expect_err(text);
        assert_eq!(error.fault().class, FaultClass::TimedOut);
        assert_eq!(before.elapsed().as_secs(), IDLE.as_secs(), "{text}");
    }
}
