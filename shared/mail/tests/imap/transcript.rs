//! Transcripts: what they show of a conversation, and that they show nothing secret.

use crate::script::{IDLE, against, password, script, server, token};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use postroom_mail::{
    Credential, Error, Protection, Transcript,
    imap::{Access, Connection, UidSet},
};
use postroom_model::SaslPolicy;

const TOKEN: &str = "ya29.t0ken-0123456789";

/// Signs in and reads the first message of INBOX, as far as the script goes.
async fn recorded(credential: &Credential, policy: SaslPolicy, text: &str) -> (String, Result<(), Error>) {
    let transcript = Transcript::new();
    let reads = text.contains("EXAMINE");
    let result = against(script(text), async |stream| {
        let recording = Some(&transcript);
        let connection = Connection::over(stream, &server(), Protection::Tls, IDLE, recording).await?;
        let mut session = connection.sign_in("ann", credential, policy).await?;
        if !reads {
            return Ok(());
        }
        session.open("INBOX", Access::ReadOnly, None, 1).await?;
        let mut bodies = session.bodies(vec![UidSet::one(7)]);
        while let Some(body) = bodies.next().await? {
            body.finish().await?;
        }
        session.logout().await;
        Ok(())
    })
    .await;
    (transcript.to_string(), result)
}

/// The lines of a transcript without their times, all of which must be there.
fn lines(transcript: &str) -> Vec<&str> {
    transcript.lines().map(|line| line.trim_start().split_once(' ').expect("a time").1).collect()
}

/// A form of the secret that is found in a text, directly or within something in base64.
fn leak(text: &str, secret: &str) -> Option<String> {
    let mut forms = vec![secret.to_owned(), secret.chars().rev().collect()];
    forms.push(secret.replace('\\', "\\\\").replace('"', "\\\""));
    forms.push(secret.bytes().map(|byte| format!("{byte:02x}")).collect());
    forms.push(secret.bytes().map(|byte| format!("%{byte:02x}")).collect());
    for shift in 0..3 {
        let bytes = [&b"xx"[..shift], secret.as_bytes()].concat();
        for encoded in [BASE64_STANDARD_NO_PAD.encode(&bytes), BASE64_URL_SAFE_NO_PAD.encode(&bytes)] {
            forms.push(encoded[(shift * 8).div_ceil(6)..encoded.len() - 1].to_owned());
        }
    }
    let haystack = text.to_ascii_lowercase();
    let decoded = text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c)));
    let decoded = decoded.filter_map(|word| BASE64_STANDARD.decode(word).ok());
    let decoded: Vec<String> = decoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
    forms.into_iter().find(|form| {
        haystack.contains(&form.to_ascii_lowercase())
            || decoded.iter().any(|text| text.contains(form.as_str()))
    })
}

#[test]
fn the_scan_finds_what_it_looks_for() {
    for text in [
        "x s3cret-password",
        "S3CRET-PASSWORD",
        "AGFubgBzM2NyZXQtcGFzc3dvcmQ=",
        "eHMzY3JldC1wYXNzd29yZHg",
        "7333637265742d70617373776f7264",
        "drowssap-terc3s",
    ] {
        assert!(leak(text, "s3cret-password").is_some(), "{text}");
    }
    assert_eq!(leak("P1 AUTHENTICATE PLAIN ***", "s3cret-password"), None);
}

#[tokio::test(start_paused = true)]
async fn no_sign_in_shows_a_secret() {
    let (auto, xoauth2) = (SaslPolicy::Auto, SaslPolicy::Xoauth2);
    let text = |password: &str| Credential::Password(password.to_owned().into());
    let table: [(Credential, &str, SaslPolicy, &str, &[&str]); 13] = [
        (
            password(),
            "s3cret-password",
            auto,
            "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi
             C: P1 AUTHENTICATE PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=
             S: P1 OK in",
            &[
                "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi",
                "C: P1 AUTHENTICATE PLAIN ***",
                "S: P1 OK in",
            ],
        ),
        (
            password(),
            "s3cret-password",
            auto,
            "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi
             C: P1 AUTHENTICATE PLAIN
             S: +
             C: AGFubgBzM2NyZXQtcGFzc3dvcmQ=
             S: P1 OK in",
            &[
                "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi",
                "C: P1 AUTHENTICATE PLAIN",
                "S: +",
                "C: ***",
                "S: P1 OK in",
            ],
        ),
        (
            password(),
            "s3cret-password",
            auto,
            "S: * OK hi
             C: P1 CAPABILITY
             S: * CAPABILITY IMAP4rev1 AUTH=LOGIN
             S: P1 OK done
             C: P2 AUTHENTICATE LOGIN
             S: + VXNlcm5hbWU6
             C: YW5u
             S: + UGFzc3dvcmQ6
             C: czNjcmV0LXBhc3N3b3Jk
             S: P2 OK in",
            &[
                "S: * OK hi",
                "C: P1 CAPABILITY",
                "S: * CAPABILITY IMAP4rev1 AUTH=LOGIN",
                "S: P1 OK done",
                "C: P2 AUTHENTICATE LOGIN",
                "S: + {12 bytes}",
                "C: ***",
                "S: + {12 bytes}",
                "C: ***",
                "S: P2 OK in",
            ],
        ),
        (
            token(),
            TOKEN,
            xoauth2,
            "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi
             C: P1 AUTHENTICATE XOAUTH2 XOAUTH2=
             S: P1 OK in",
            &[
                "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi",
                "C: P1 AUTHENTICATE XOAUTH2 ***",
                "S: P1 OK in",
            ],
        ),
        (
            token(),
            TOKEN,
            auto,
            "S: * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hi
             C: P1 AUTHENTICATE XOAUTH2
             S: +
             C: XOAUTH2=
             S: P1 OK in",
            &[
                "S: * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hi",
                "C: P1 AUTHENTICATE XOAUTH2",
                "S: +",
                "C: ***",
                "S: P1 OK in",
            ],
        ),
        (
            token(),
            TOKEN,
            auto,
            "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER] hi
             C: P1 AUTHENTICATE OAUTHBEARER OAUTHBEARER=
             S: P1 OK in",
            &[
                "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER] hi",
                "C: P1 AUTHENTICATE OAUTHBEARER ***",
                "S: P1 OK in",
            ],
        ),
        (
            token(),
            TOKEN,
            auto,
            "S: * OK [CAPABILITY IMAP4rev1 AUTH=OAUTHBEARER] hi
             C: P1 AUTHENTICATE OAUTHBEARER
             S: +
             C: OAUTHBEARER=
             S: P1 OK in",
            &[
                "S: * OK [CAPABILITY IMAP4rev1 AUTH=OAUTHBEARER] hi",
                "C: P1 AUTHENTICATE OAUTHBEARER",
                "S: +",
                "C: ***",
                "S: P1 OK in",
            ],
        ),
        (
            token(),
            TOKEN,
            xoauth2,
            // {"status":"401","schemes":"bearer","scope":"mail"}
            "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi
             C: P1 AUTHENTICATE XOAUTH2 XOAUTH2=
             S: + eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=
             C: \n\
             S: P1 NO AUTHENTICATE failed.",
            &[
                "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi",
                "C: P1 AUTHENTICATE XOAUTH2 ***",
                "S: + (status 401, schemes bearer, scope mail)",
                "C: ***",
                "S: P1 NO AUTHENTICATE failed.",
            ],
        ),
        (
            token(),
            TOKEN,
            auto,
            // {"status":"invalid_token","schemes":"bearer"}
            "S: * OK [CAPABILITY IMAP4rev1 AUTH=OAUTHBEARER] hi
             C: P1 AUTHENTICATE OAUTHBEARER
             S: +
             C: OAUTHBEARER=
             S: + eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NoZW1lcyI6ImJlYXJlciJ9
             C: AQ==
             S: P1 NO [AUTHENTICATIONFAILED] Authentication failed.",
            &[
                "S: * OK [CAPABILITY IMAP4rev1 AUTH=OAUTHBEARER] hi",
                "C: P1 AUTHENTICATE OAUTHBEARER",
                "S: +",
                "C: ***",
                "S: + (status invalid_token, schemes bearer)",
                "C: ***",
                "S: P1 NO [AUTHENTICATIONFAILED] Authentication failed.",
            ],
        ),
        (
            text(r#"p"w\ rd"#),
            r#"p"w\ rd"#,
            auto,
            r#"S: * OK [CAPABILITY IMAP4rev1] hi
               C: P1 LOGIN "ann" "p\"w\\ rd"
               S: P1 BAD LOGIN "ann" "p\"w\\ rd" or p"w\ rd"#,
            &[
                "S: * OK [CAPABILITY IMAP4rev1] hi",
                "C: P1 LOGIN ***",
                r#"S: P1 BAD LOGIN "ann" "[redacted]" or [redacted]"#,
            ],
        ),
        (
            text("pässwörd"),
            "pässwörd",
            auto,
            "S: * OK [CAPABILITY IMAP4rev1] hi
             C: P1 LOGIN \"ann\" {10}
             S: + go on
             C: pässwörd
             S: P1 OK in",
            &[
                "S: * OK [CAPABILITY IMAP4rev1] hi",
                "C: P1 LOGIN ***",
                "S: + {5 bytes}",
                "C: ***",
                "S: P1 OK in",
            ],
        ),
        (
            token(),
            TOKEN,
            auto,
            // {"status":"ya29.t0ken-0123456789","scope":"eWEyOS50MGtlbi0wMTIzNDU2Nzg5"}
            "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER] hi
             C: P1 AUTHENTICATE OAUTHBEARER OAUTHBEARER=
             S: + eyJzdGF0dXMiOiJ5YTI5LnQwa2VuLTAxMjM0NTY3ODkiLCJzY29wZSI6ImVXRXlPUzUwTUd0bGJpMHdNVEl6TkRVMk56ZzUifQ==
             C: AQ==
             S: P1 NO ya29.T0KEN-0123456789 eXh5YTI5LnQwa2VuLTAxMjM0NTY3ODk= 796132392e74306b656e2d30313233343536373839",
            &[
                "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER] hi",
                "C: P1 AUTHENTICATE OAUTHBEARER ***",
                "S: + (status [redacted], scope [redacted])",
                "C: ***",
                "S: P1 NO [redacted] eXh[redacted]k= [redacted]",
            ],
        ),
        (
            token(),
            TOKEN,
            auto,
            "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER] hi
             C: P1 AUTHENTICATE OAUTHBEARER OAUTHBEARER=
             S: P1 AUTHENTICATE OAUTHBEARER OAUTHBEARER=",
            &[
                "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER] hi",
                "C: P1 AUTHENTICATE OAUTHBEARER ***",
                "S: {124 bytes}",
            ],
        ),
    ];
    for (credential, secret, policy, text, expected) in table {
        let (transcript, _) = recorded(&credential, policy, text).await;
        assert_eq!(lines(&transcript), expected, "{text}");
        assert_eq!(leak(&transcript, secret), None, "{transcript}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_messages_only_sizes_are_shown() {
    let text = r#"
        S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi
        C: P1 AUTHENTICATE PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=
        S: P1 OK [CAPABILITY IMAP4rev1] in
        C: P2 EXAMINE "INBOX"
        S: * 1 EXISTS
        S: * OK [UIDVALIDITY 9] valid
        S: P2 OK done
        C: P3 UID FETCH 7 (UID BODY.PEEK[])
        S: * 1 FETCH (FLAGS (\Seen) BODY[] {36}
        S: Subject: plan
        S: From: bob@x.example
        S:  UID 7 ENVELOPE (NIL "plan"))
        S: * 1 FETCH (UID 7 BODY[] "Subject: plan")
        S: P3 OK done
        C: P4 LOGOUT
        S: * BYE until next time"#;
    let (transcript, result) = recorded(&password(), SaslPolicy::Auto, text).await;
    result.expect("it is well");
    assert_eq!(
        lines(&transcript)[3..],
        [
            "C: P2 EXAMINE \"INBOX\"",
            "S: * 1 EXISTS",
            "S: * OK [UIDVALIDITY 9] valid",
            "S: P2 OK done",
            "C: P3 UID FETCH 7 (UID BODY.PEEK[])",
            "S: * 1 FETCH (FLAGS (\\Seen) BODY[] {36 bytes}",
            "S:  UID 7 {8 bytes} (NIL {4 bytes}))",
            "S: * 1 FETCH (UID 7 BODY[] {13 bytes})",
            "S: P3 OK done",
            "C: P4 LOGOUT",
            "S: * BYE until next time",
        ]
    );
    for word in ["Subject", "plan", "bob", "x.example"] {
        assert!(!transcript.contains(word), "{transcript}");
    }
}

#[tokio::test(start_paused = true)]
async fn servers_that_break_off_or_talk_nonsense_show_nothing_of_messages() {
    let begin = "
        S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi
        C: P1 AUTHENTICATE PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=
        S: P1 OK in
        C: P2 EXAMINE \"INBOX\"
        S: * OK [UIDVALIDITY 9] valid
        S: P2 OK done
        C: P3 UID FETCH 7 (UID BODY.PEEK[])\n";
    for (said, last) in [
        // The text is longer than announced.
        ("S: * 1 FETCH (UID 7 BODY[] {5}\nS: Dear Bob, the plan", "S: {4 bytes} {3 bytes} {4 bytes}"),
        (
            "S: * 1 FETCH (UID 7 BODY[] {5}\nS: Dear * OK the plan",
            "S: {1 bytes} {2 bytes} {3 bytes} {4 bytes}",
        ),
        ("S: Dear Bob, the plan", "S: {18 bytes}"),
        ("S: * Dear plan", "S: * {9 bytes}"),
        ("S: \u{0}\u{1}plan", "S: {6 bytes}"),
        (
            "S: * 1 FETCH (UID 7 BODY[] {99}\nS~ Dear plan",
            "-- the server closed the connection before it had answered; up to 99 bytes of the text were missing",
        ),
        (
            "S~ Dear plan",
            "-- the server closed the connection before it had answered; 9 bytes of a response had come",
        ),
        (
            "S: * 1 FETCH (UID 7 X {70000}",
            "-- the server breaks the protocol: a literal longer than 64 KiB where none is expected; 26 bytes of a response had come",
        ),
    ] {
        let (transcript, result) = recorded(&password(), SaslPolicy::Auto, &format!("{begin}{said}")).await;
        result.expect_err(said);
        assert!(lines(&transcript).contains(&last), "{said}: {transcript}");
        assert!(!transcript.contains("plan") && !transcript.contains("Bob"), "{transcript}");
    }
    for (said, last) in
        [("S: HTTP/1.1 400 Bad Request", "S: HTTP/1.1 400 Bad Request"), ("S: \u{1b}[2J\u{7f}", "S: ?[2J?")]
    {
        let (transcript, result) = recorded(&password(), SaslPolicy::Auto, said).await;
        result.expect_err(said);
        assert_eq!(lines(&transcript), [last]);
    }
}
