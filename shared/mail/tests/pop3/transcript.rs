//! Transcripts: what they show of a conversation, and that they show nothing secret.

use crate::script::{IDLE, against, password, script, server, token};
use postroom_mail::{Credential, Error, Protection, Transcript, pop3::Connection};
use postroom_model::SaslPolicy;

/// Signs in, lists, reads the first message and quits, as far as the script goes.
async fn recorded(
    credential: &Credential,
    policy: SaslPolicy,
    text: &str,
) -> (Vec<String>, Result<(), Error>) {
    let transcript = Transcript::new();
    let reads = text.contains("RETR");
    let result = against(script(text), async |stream| {
        let connection =
            Connection::over(stream, &server(), Protection::Tls, IDLE, Some(&transcript)).await?;
        let mut session = connection.sign_in("ann", credential, policy).await?;
        if !reads {
            return Ok(());
        }
        let mut listing = session.list().await?;
        session.list_sizes(&mut listing).await?;
        let mut bodies = session.retrieve(vec![1]);
        while let Some(body) = bodies.next().await? {
            body.finish().await?;
        }
        session.quit().await.map(drop)
    })
    .await;
    let text = transcript.to_string();
    let line = |line: &str| line.trim_start().split_once(' ').expect("a time").1.to_owned();
    (text.lines().map(line).collect(), result)
}

#[tokio::test]
async fn a_conversation_is_shown_without_what_it_carries() {
    let text = "
        S: +OK hi
        C: CAPA
        S: +OK
        S: SASL PLAIN
        S: PIPELINING
        S: .
        C: AUTH PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=
        S: +OK in, with s3cret-password
        C: STAT
        C: UIDL
        S: +OK 1 99
        S: +OK
        S: 1 Id-of-a-message
        S: .
        C: LIST
        S: +OK
        S: 1 99
        S: .
        C: RETR 1
        S: +OK 99 octets
        S: Subject: plan
        S: 
        S: ..secret plan
        S: .
        C: QUIT
        S: +OK bye";
    let (lines, result) = recorded(&password(), SaslPolicy::Auto, text).await;
    result.expect("works");
    assert_eq!(
        lines,
        [
            "S: +OK hi",
            "C: CAPA",
            "S: +OK",
            "S: SASL PLAIN",
            "S: PIPELINING",
            "S: .",
            "C: AUTH PLAIN ***",
            "S: +OK in, with [redacted]",
            "C: STAT",
            "C: UIDL",
            "S: +OK 1 99",
            "S: +OK",
            "S: {1 lines}",
            "C: LIST",
            "S: +OK",
            "S: {1 lines}",
            "C: RETR 1",
            "S: +OK 99 octets",
            "S: {31 bytes}",
            "C: QUIT",
            "S: +OK bye",
        ]
    );
}

#[tokio::test]
async fn no_sign_in_shows_a_secret() {
    let offer = |what: &str| format!("S: +OK <1@b>\nC: CAPA\nS: +OK\nS: {what}\nS: .\n");
    let (user, xoauth2) = (
        "C: USER ann\nS: +OK\nC: PASS s3cret-password\n",
        "dXNlcj1hbm4BYXV0aD1CZWFyZXIgeWEyOS50MGtlbi0wMTIzNDU2Nzg5AQE=",
    );
    for (credential, policy, text, shown) in [
        (
            password(),
            SaslPolicy::Auto,
            [&offer("USER"), user, "S: -ERR s3cret-password is not it"].concat(),
            vec!["C: USER ann", "S: +OK", "C: PASS ***", "S: -ERR [redacted] is not it"],
        ),
        (
            password(),
            SaslPolicy::Apop, // The digest is the MD5 of `<1@b>s3cret-password`.
            offer("USER") + "C: APOP ann b181ba603918378faa6f9b585ed854ec\nS: -ERR no",
            vec!["C: APOP ann ***", "S: -ERR no"],
        ),
        (
            password(),
            SaslPolicy::Auto,
            offer("SASL LOGIN")
                + "C: AUTH LOGIN\nS: + VXNlcm5hbWU6\nC: YW5u\nS: + UGFzc3dvcmQ6\nC: czNjcmV0LXBhc3N3b3Jk\nS: +OK",
            vec!["C: AUTH LOGIN", "S: + {12 bytes}", "C: ***", "S: + {12 bytes}", "C: ***", "S: +OK"],
        ),
        (
            token(),
            SaslPolicy::Auto,
            // {"status":"401","schemes":"bearer"}
            offer("SASL XOAUTH2")
                + &format!(
                    "C: AUTH XOAUTH2 {xoauth2}\nS: + eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIn0=\nC: \nS: -ERR [AUTH] {xoauth2}"
                ),
            vec![
                "C: AUTH XOAUTH2 ***",
                "S: + (status 401, schemes bearer)",
                "C: ***",
                "S: -ERR [AUTH] [redacted]",
            ],
        ),
    ] {
        let (lines, _) = recorded(&credential, policy, &text).await;
        assert_eq!(lines[5..], shown);
        assert!(!lines.concat().contains("s3cret") && !lines.concat().contains("t0ken"));
    }
}

#[tokio::test]
async fn what_is_out_of_step_is_not_shown() {
    let begin = "S: +OK\nC: CAPA\nS: -ERR\nC: USER ann\nS: +OK\nC: PASS s3cret-password\nS: +OK\nC: STAT\nS: +OK 1 1\nC: UIDL\nS: -ERR\nC: LIST\nS: +OK\nS: 1 1\nS: .\nC: RETR 1\n";
    for (said, shown) in [
        ("S: Subject: plan", vec!["S: {13 bytes}"]),
        (
            "S: +OK\nS: Subject: plan",
            vec![
                "S: +OK",
                "-- the server closed the connection before it had answered; 15 bytes of the text had come",
            ],
        ),
        (
            "S~ Subject: plan",
            vec![
                "-- the server closed the connection before it had answered; 13 bytes of an answer had come",
            ],
        ),
    ] {
        let (lines, result) = recorded(&password(), SaslPolicy::Auto, &[begin, said].concat()).await;
        result.expect_err("breaks off");
        assert_eq!(lines[lines.len() - shown.len()..], shown);
        assert!(!lines.concat().contains("plan"));
    }
}
