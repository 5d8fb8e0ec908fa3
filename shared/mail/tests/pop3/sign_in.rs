//! Greeting, capabilities and signing in, against scripted servers.

use crate::script::{IDLE, against, greeted, password, script, server, sign_in, token};
use postroom_mail::{Credential, Error, Protection, pop3::Connection};
use postroom_model::{FaultClass, SaslPolicy};
use std::time::Duration;

#[tokio::test]
async fn each_mechanism_signs_in() {
    let conversations = [
        (
            "Microsoft: two lines, whatever it offers",
            token(),
            SaslPolicy::Auto,
            3,
            "S: +OK The Microsoft Exchange POP3 service is ready. [QgBOADAAUAAyADgA]
             C: CAPA
             S: +OK
             S: TOP
             S: UIDL
             S: SASL PLAIN XOAUTH2
             S: USER
             S: .
             C: AUTH XOAUTH2
             S: +
             C: XOAUTH2=
             S: +OK User successfully authenticated [BN0P28CA0001]",
        ),
        (
            "Microsoft with a password",
            password(),
            SaslPolicy::Auto,
            3,
            "S: +OK The Microsoft Exchange POP3 service is ready.
             C: CAPA
             S: +OK
             S: SASL PLAIN XOAUTH2
             S: .
             C: AUTH PLAIN
             S: +
             C: AGFubgBzM2NyZXQtcGFzc3dvcmQ=
             S: +OK User successfully authenticated",
        ),
        (
            "one line, where the server is known to take it and it is short",
            token(),
            SaslPolicy::Auto,
            2,
            "S: +OK Dovecot ready.
             C: CAPA
             S: +OK
             S: SASL XOAUTH2 OAUTHBEARER
             S: .
             C: AUTH OAUTHBEARER OAUTHBEARER=
             S: +OK Logged in.",
        ),
        (
            "a server that ignores what is in the line",
            token(),
            SaslPolicy::Xoauth2,
            3,
            "S: +OK hi
             C: CAPA
             S: +OK
             S: SASL XOAUTH2
             S: .
             C: AUTH XOAUTH2 XOAUTH2=
             S: +
             C: XOAUTH2=
             S: +OK in",
        ),
        (
            "LOGIN",
            password(),
            SaslPolicy::Auto,
            4,
            "S: +OK hi
             C: CAPA
             S: +OK
             S: SASL LOGIN
             S: .
             C: AUTH LOGIN
             S: + VXNlcm5hbWU6
             C: YW5u
             S: + UGFzc3dvcmQ6
             C: czNjcmV0LXBhc3N3b3Jk
             S: +OK in",
        ),
        (
            "USER and PASS, which need no capability where CAPA is not known",
            Credential::Password(" p w ".to_owned().into()),
            SaslPolicy::Auto,
            3,
            "S: +OK
             C: CAPA
             S: -ERR
             C: USER ann
             S: +OK
             C: PASS  p w \n\
             S: +OK",
        ),
        (
            "a token at a server that does not say what it offers",
            token(),
            SaslPolicy::Xoauth2,
            3,
            "S: +OK hi
             C: CAPA
             S: -ERR what?
             C: AUTH XOAUTH2
             S: + \n\
             C: XOAUTH2=
             S: +OK in",
        ),
        (
            "APOP, where somebody asks for it",
            Credential::Password("tanstaaf".to_owned().into()),
            SaslPolicy::Apop,
            2,
            "S: +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>
             C: CAPA
             S: +OK
             S: SASL PLAIN
             S: .
             C: APOP ann c4c9334bac560ecc979e58001b3e22fb
             S: +OK maildrop has 1 message (369 octets)",
        ),
        (
            "no APOP, where nobody asks for it",
            password(),
            SaslPolicy::Auto,
            3,
            "S: +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>
             C: CAPA
             S: -ERR
             C: USER ann
             S: +OK
             C: PASS s3cret-password
             S: +OK",
        ),
    ];
    for (name, credential, policy, turns, text) in conversations {
        assert_eq!(sign_in(&credential, policy, text).await.expect(name), turns, "{name}");
    }
}

#[tokio::test]
async fn a_long_token_goes_in_a_line_of_its_own() {
    let token = |length| Credential::AccessToken("t".repeat(length).into());
    // `AUTH XOAUTH2 `, 240 letters of base64 (180 bytes: 23 and the token) and CRLF are 255 bytes.
    let offer = "S: +OK hi\nC: CAPA\nS: +OK\nS: SASL XOAUTH2\nS: .\n";
    for (length, early) in [(157, true), (158, false), (4000, false)] {
        let message = format!("user=ann\u{1}auth=Bearer {}\u{1}\u{1}", "t".repeat(length));
        let initial = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, message);
        let text = match early {
            true => format!("{offer}C: AUTH XOAUTH2 {initial}\nS: +OK in"),
            false => format!("{offer}C: AUTH XOAUTH2\nS: +\nC: {initial}\nS: +OK in"),
        };
        sign_in(&token(length), SaslPolicy::Auto, &text).await.expect("signs in");
    }
}

#[tokio::test]
async fn refusals_tell_who_must_act() {
    use FaultClass as F;
    let hi = "S: +OK hi\nC: CAPA\nS: +OK\nS: SASL PLAIN XOAUTH2 OAUTHBEARER\nS: LOGIN-DELAY 900 USER\nS: .\n";
    let microsoft = "S: +OK The Microsoft Exchange POP3 service is ready.
        C: CAPA\nS: +OK\nS: SASL XOAUTH2\nS: USER\nS: .\n";
    let plain = (password(), [hi, "C: AUTH PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=\n"].concat());
    let bearer = (token(), [hi, "C: AUTH OAUTHBEARER OAUTHBEARER=\n"].concat());
    let exchange = (token(), [microsoft, "C: AUTH XOAUTH2\n"].concat());
    let basic = (password(), [microsoft, "C: USER ann\nS: +OK\nC: PASS s3cret-password\n"].concat());
    let table = [
        // Microsoft
        (
            &exchange,
            "S: +\nC: XOAUTH2=\nS: -ERR Authentication failure: unknown user name or bad password.",
            F::TokenRefused,
            "XOAUTH2 sign-in refused: -ERR Authentication failure: unknown user name or bad password.",
        ),
        (
            &exchange,
            "S: -ERR Protocol error. Connection is closed. 10",
            F::Protocol,
            "XOAUTH2 sign-in refused: -ERR Protocol error. Connection is closed. 10",
        ),
        (
            &exchange,
            "S: +\nC: XOAUTH2=\nS: -ERR User is authenticated but not connected.",
            F::NoMailboxAccess,
            "",
        ),
        (
            &exchange,
            "S: +\nC: XOAUTH2=\nS: -ERR Server Unavailable. 21",
            F::TemporarilyUnavailable,
            "",
        ),
        // Nothing but the mechanism was named, so that it is neither the token nor the password.
        (&exchange, "S: -ERR", F::NoMechanism, ""),
        (&exchange, "S: -ERR [AUTH] no", F::NoMechanism, "XOAUTH2 sign-in refused: -ERR [AUTH] no"),
        (&exchange, "S: -ERR [SYS/TEMP] no", F::TemporarilyUnavailable, ""),
        (
            &basic,
            "S: -ERR Logon failure: unknown user name or bad password.",
            F::PasswordRefused,
            "USER and PASS sign-in refused: -ERR Logon failure: unknown user name or bad password.",
        ),
        // Google
        (
            &bearer,
            // {"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}
            "S: + eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==
             C: AQ==
             S: -ERR [AUTH] Username and password not accepted.",
            F::TokenRefused,
            "OAUTHBEARER sign-in refused: -ERR [AUTH] Username and password not accepted. \
             (status 400, schemes Bearer, scope https://mail.google.com/)",
        ),
        (&plain, "S: -ERR [AUTH] Username and password not accepted.", F::PasswordRefused, ""),
        (
            &plain,
            "S: -ERR [AUTH] Web login required: https://support.google.com/mail/answer/78754",
            F::WebLoginRequired,
            "",
        ),
        (&plain, "S: -ERR [AUTH] Application-specific password required", F::PasswordRefused, ""),
        (
            &bearer,
            "S: -ERR [SYS/PERM] Your account is not enabled for POP access. Please visit your settings",
            F::NoMailboxAccess,
            "",
        ),
        (
            &bearer,
            "S: -ERR [SYS/TEMP] Temporary system problem. Please try again later.",
            F::TemporarilyUnavailable,
            "",
        ),
        (
            &bearer,
            "S: -ERR [IN-USE] Unable to lock maildrop: Mailbox is locked by POP server",
            F::TemporarilyUnavailable,
            "",
        ),
        // Dovecot
        (&plain, "S: -ERR [AUTH] Authentication failed.", F::PasswordRefused, ""),
        (&bearer, "S: -ERR [AUTH] Authentication failed.", F::TokenRefused, ""),
        (&bearer, "S: -ERR [SYS/TEMP] Temporary authentication failure.", F::TemporarilyUnavailable, ""),
        (&plain, "S: -ERR Unsupported authentication mechanism.", F::NoMechanism, ""),
        (
            &plain,
            "S: -ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.",
            F::PlaintextRefused,
            "",
        ),
        // RFC 2449 section 8 and RFC 3206, whatever the text
        (&plain, "S: -ERR [SYS/TEMP]", F::TemporarilyUnavailable, ""),
        (&plain, "S: -ERR [sys/perm] no", F::AccountPolicy, "PLAIN sign-in refused: -ERR [SYS/PERM] no"),
        (&plain, "S: -ERR [IN-USE] Do you have another session?", F::TemporarilyUnavailable, ""),
        (&plain, "S: -ERR [LOGIN-DELAY] minimum time between mail checks violation", F::Throttled, ""),
        // Old servers
        (&plain, "S: -ERR maildrop already locked", F::TemporarilyUnavailable, ""),
        (&plain, "S: -ERR [mail.example] bad login", F::PasswordRefused, ""),
        (&plain, "S: -ERR", F::PasswordRefused, ""),
        // A server that quotes what it was sent.
        (
            &plain,
            "S: -ERR no such user: AGFubgBzM2NyZXQtcGFzc3dvcmQ= (s3cret-password)",
            F::PasswordRefused,
            "PLAIN sign-in refused: -ERR no such user: [redacted] ([redacted])",
        ),
        // Those that break off, or never come to an end.
        (
            &bearer,
            "S: + eyJzdGF0dXMiOiI1MDMifQ==\nC: AQ==",
            F::TemporarilyUnavailable,
            "OAUTHBEARER sign-in refused: -ERR (the connection was closed) (status 503)",
        ),
        (&bearer, "", F::ConnectionLost, ""),
        (&bearer, "S: nonsense", F::Protocol, ""),
        (
            &bearer,
            "S: + eyJ9\nS: + eyJ9\nS: + eyJ9\nS: + eyJ9\nS: + eyJ9\nS: + eyJ9",
            F::Protocol,
            "the server breaks the protocol: a sign-in without an end",
        ),
    ];
    for ((credential, begin), said, class, reason) in table {
        let text = [begin, said].concat();
        let error = sign_in(credential, SaslPolicy::Auto, &text).await.expect_err(&text);
        let fault = error.fault();
        assert_eq!(fault.class, class, "{text}: {error}");
        assert!(reason.is_empty() || error.to_string() == reason, "{error}");
        assert!(!error.to_string().contains("s3cret") && !error.to_string().contains("t0ken"), "{error}");
        let delay = text.contains("[LOGIN-DELAY]").then_some(Duration::from_secs(900));
        assert_eq!(fault.retry_after(), delay, "{text}");
    }
}

#[tokio::test]
async fn a_mechanism_that_is_not_offered_or_not_allowed_is_not_tried() {
    let apop = "<1.2@mail.example>";
    let (auto, tls) = (SaslPolicy::Auto, Protection::Tls);
    let no_mechanism = Err(FaultClass::NoMechanism);
    for (greeting, capa, credential, policy, protection, expected) in [
        ("", "SASL PLAIN XOAUTH2", token(), auto, tls, Ok("XOAUTH2")),
        ("", "SASL PLAIN XOAUTH2", token(), SaslPolicy::Oauthbearer, tls, no_mechanism),
        ("", "SASL PLAIN", token(), auto, tls, no_mechanism),
        ("", "SASL PLAIN", token(), SaslPolicy::Xoauth2, tls, no_mechanism),
        ("", "SASL CRAM-MD5", password(), auto, tls, no_mechanism),
        ("", "SASL XOAUTH2\nS: USER", password(), auto, tls, Ok("USER and PASS")),
        ("", "USER", password(), SaslPolicy::Xoauth2, tls, Ok("USER and PASS")),
        ("", "UIDL", password(), auto, tls, no_mechanism),
        (apop, "USER", password(), auto, tls, Ok("USER and PASS")),
        (apop, "USER", password(), SaslPolicy::Apop, tls, Ok("APOP")),
        (apop, "SASL XOAUTH2", token(), SaslPolicy::Apop, tls, no_mechanism),
        ("<not a message id>", "USER", password(), SaslPolicy::Apop, tls, no_mechanism),
        ("<\u{1}\u{2}@mail.example>", "USER", password(), SaslPolicy::Apop, tls, no_mechanism),
        ("", "USER", password(), SaslPolicy::Apop, tls, no_mechanism),
        ("", "", password(), auto, tls, Ok("USER and PASS")),
        ("", "", token(), SaslPolicy::Oauthbearer, tls, Ok("OAUTHBEARER")),
        ("", "", token(), auto, tls, no_mechanism),
        ("", "USER", password(), auto, Protection::AllowedPlaintext, Ok("USER and PASS")),
        (
            apop,
            "USER",
            password(),
            SaslPolicy::Apop,
            Protection::Plaintext,
            Err(FaultClass::PlaintextRefused),
        ),
        ("", "SASL PLAIN", password(), auto, Protection::Plaintext, Err(FaultClass::PlaintextRefused)),
        ("", "SASL XOAUTH2", token(), auto, Protection::Plaintext, Err(FaultClass::PlaintextRefused)),
    ] {
        let answer = if capa.is_empty() { "S: -ERR".to_owned() } else { format!("S: +OK\nS: {capa}\nS: .") };
        let text = format!("S: +OK {greeting}\nC: CAPA\n{answer}");
        let found = against(script(&text), async |stream| {
            let connection =
                Connection::over(stream, &server(), protection, IDLE, None).await.expect("greets");
            let found = connection.mechanism(&credential, policy);
            if let Err(error) = &found {
                // Nothing is sent: the script has ended.
                let signed_in = connection.sign_in("ann", &credential, policy).await.map(drop);
                assert_eq!(signed_in.expect_err("refused").to_string(), error.to_string());
            }
            found
        })
        .await;
        let found = found.map(|m| m.to_string()).map_err(|error| error.fault().class);
        assert_eq!(found, expected.map(str::to_owned), "{greeting} {capa} {policy:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_carried_is_not_sent() {
    let hi = "S: +OK <1@b>\nC: CAPA\nS: -ERR";
    for (user, credential, policy) in [
        ("ann\r\nDELE 1", password(), SaslPolicy::Auto),
        ("ann", Credential::Password("a\r\nDELE 1".to_owned().into()), SaslPolicy::Auto),
        ("ann", Credential::AccessToken("a b".to_owned().into()), SaslPolicy::Xoauth2),
        ("ann b", password(), SaslPolicy::Apop),
    ] {
        let error = against(script(hi), async |stream| {
            greeted(stream).await.expect("greets").sign_in(user, &credential, policy).await.map(drop)
        })
        .await
        .expect_err("cannot be carried");
        assert!(matches!(error, Error::Unsendable(_)), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_none_or_does_not_want_us_is_told() {
    let no_server = "what answers at this port is no POP3 server";
    for (text, class, reason) in [
        ("S: -ERR [SYS/TEMP] try later", FaultClass::TemporarilyUnavailable, "[SYS/TEMP] try later"),
        ("S: -ERR Too many connections", FaultClass::Throttled, "Too many connections"),
        ("S: -ERR Session invalidated - AccessTokenExpired", FaultClass::TemporarilyUnavailable, ""),
        ("S: * OK IMAP4rev1 ready", FaultClass::Protocol, no_server),
        ("S: 220 mail.example ESMTP", FaultClass::Protocol, no_server),
        ("S: HTTP/1.1 400 Bad Request", FaultClass::Protocol, no_server),
        ("S: + ", FaultClass::Protocol, no_server),
        ("S: \u{0}\u{1}", FaultClass::Protocol, no_server),
        ("S~ +OK", FaultClass::ConnectionLost, ""),
        ("", FaultClass::ConnectionLost, ""),
        ("S: +OK\nC: CAPA\nS: -ERR [SYS/TEMP] later", FaultClass::TemporarilyUnavailable, "CAPA refused"),
        ("S: +OK\nC: CAPA\nS: -ERR Server Unavailable. 21", FaultClass::TemporarilyUnavailable, ""),
        ("S: +OK\nC: CAPA\nS: + ", FaultClass::Protocol, "a challenge where nobody signs in"),
        ("S: +OK\nC: CAPA\nS: +OK\nS: UIDL", FaultClass::ConnectionLost, ""),
        ("S: +OK\nC: CAPA", FaultClass::ConnectionLost, ""),
    ] {
        let error = against(script(text), greeted).await.map(drop).expect_err(text);
        assert_eq!(error.fault().class, class, "{text}: {error}");
        assert!(error.to_string().contains(reason), "{text}: {error}");
    }
}
