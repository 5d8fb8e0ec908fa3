//! Servers that break the protocol, stall, or never come to an end.

use crate::script::{IDLE, Step, after_sign_in, against, greeted, script, signed_in};
use postroom_mail::{
    Error,
    imap::{Access, UidSet},
};
use postroom_model::FaultClass;
use std::time::Duration;
use tokio::{io::DuplexStream, time::timeout};

/// Opens a folder, lists it and reads one message; the first error counts.
async fn poll(stream: DuplexStream) -> Result<String, Error> {
    let mut session = signed_in(stream).await?;
    session.open("INBOX", Access::ReadOnly, Some(1), 100).await?;
    let mut text = Vec::new();
    {
        let mut bodies = session.bodies(vec![UidSet::one(1)]);
        while let Some(mut body) = bodies.next().await? {
            while let Some(chunk) = body.chunk().await? {
                text.extend_from_slice(&chunk);
            }
            body.finish().await?;
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

const OPENED: &str = "
    C: P2 EXAMINE \"INBOX\"
    C: P3 UID FETCH 1:* (UID RFC822.SIZE)
    S: * 1 EXISTS
    S: * OK [UIDVALIDITY 1]
    S: P2 OK done
";
const LISTED: &str = "
    S: * 1 FETCH (UID 1 RFC822.SIZE 5)
    S: P3 OK done
    C: P4 UID FETCH 1 (UID BODY.PEEK[])
";

async fn fault(parts: &[&str], more: Vec<Step>) -> (FaultClass, String) {
    let steps = [after_sign_in(&parts.concat()), more].concat();
    let fault = against(steps, poll).await.expect_err("must fail").fault();
    (fault.class, fault.reason)
}

#[tokio::test(start_paused = true)]
async fn a_cr_at_the_end_of_a_literal_is_not_part_of_the_line_after_it() {
    let sent = b"* 1 FETCH (X {1}\r\n\r\n".to_vec();
    let found = fault(&[OPENED], vec![Step::Send(sent)]).await;
    assert_eq!(found.0, FaultClass::Protocol, "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn broken_listings_are_found_out() {
    for (said, class, reason) in [
        ("S: garbage", FaultClass::Protocol, "not an IMAP response"),
        ("S: * ", FaultClass::Protocol, "not an IMAP response"),
        ("S: \u{0}\u{1}\u{2}", FaultClass::Protocol, "not an IMAP response"),
        ("S: P9 OK done", FaultClass::Protocol, "no command in flight"),
        ("S: P2 OK done", FaultClass::Protocol, "no command in flight"),
        ("S: + go on", FaultClass::Protocol, "continuation"),
        ("S: * 1 FETCH (UID 4294967296)", FaultClass::Protocol, "number"),
        ("S: * 1 FETCH (UID 0)", FaultClass::Protocol, "zero"),
        ("S: * 1 FETCH (UID -1)", FaultClass::Protocol, "number"),
        ("S: * 1 FETCH (RFC822.SIZE 18446744073709551616)", FaultClass::Protocol, "number"),
        ("S: * 99999999999 EXISTS", FaultClass::Protocol, "number"),
        ("S: * 1 FETCH (UID 1", FaultClass::Protocol, "not an IMAP response"),
        ("S: * 1 FETCH (UID 1) x", FaultClass::Protocol, "not a FETCH response"),
        ("S: * 1 FETCH UID 1", FaultClass::Protocol, "not an IMAP response"),
        ("S: * 1 FETCH (FLAGS (\\Seen)", FaultClass::Protocol, "not"),
        ("S: * 1 FETCH (X \"open)", FaultClass::Protocol, "broken string"),
        ("S: * 1 FETCH (BODY[] {65537}", FaultClass::Protocol, "64 KiB where none is expected"),
        ("S: * 1 FETCH (BODY[] {99999999999999999999}", FaultClass::Protocol, "64 bits"),
        ("S: * BYE Session invalidated - AccessTokenExpired", FaultClass::TokenRefused, "AccessTokenExpired"),
        ("S: * BYE Connection closed. 14", FaultClass::ConnectionLost, "Connection closed. 14"),
        (
            "S: P3 NO Request is throttled. Suggested Backoff Time: 1500 milliseconds",
            FaultClass::Throttled,
            "",
        ),
        ("S~ * 1 FETCH (UID", FaultClass::ConnectionLost, ""),
        ("S~ * 1 FETCH (UID\nhang", FaultClass::TimedOut, "5s"),
        ("hang", FaultClass::TimedOut, "5s"),
    ] {
        let found = fault(&[OPENED, said], Vec::new()).await;
        assert!(found.0 == class && found.1.contains(reason), "{said}: {found:?}");
        assert!(class != FaultClass::Protocol || !found.1.contains("FETCH ("), "nothing is quoted");
    }
}

#[tokio::test(start_paused = true)]
async fn broken_messages_are_found_out() {
    for (said, class, reason) in [
        ("S: * 1 FETCH (UID 1 BODY[] {10}\nS~ short", FaultClass::ConnectionLost, ""),
        ("S: * 1 FETCH (UID 1 BODY[] {10}\nS~ short\nhang", FaultClass::TimedOut, ""),
        ("S: * 1 FETCH (UID 1 BODY[] {3}\nS: longer than announced)", FaultClass::Protocol, "something else"),
        ("S: * 1 FETCH (UID 1 BODY[] {3}\nS: abc", FaultClass::Protocol, "something else"),
        ("S: * 1 FETCH (UID 1 BODY[] {3}\nS: abc))", FaultClass::Protocol, "something else"),
        ("S: * 1 FETCH (UID 1 BODY[] {3}\nS: abc)\nS: xyz)", FaultClass::Protocol, "not an IMAP response"),
        ("S: * 1 FETCH (BODY[] {3}\nS: abc)", FaultClass::Protocol, "without its UID"),
        ("S: * 1 FETCH (UID 1 BODY[] {3}\nS: abc UID)", FaultClass::Protocol, ""),
        ("S: * 1 FETCH (UID 1 BODY[] {3}\nS: abc X {99999}", FaultClass::Protocol, "64 KiB"),
        ("S: * 1 FETCH (UID 1 BODY[TEXT] {3}\nS: abc)", FaultClass::Protocol, "another part"),
        ("S: * 1 FETCH (UID 1 BODY[HEADER] {3}\nS: abc)", FaultClass::Protocol, "another part"),
        ("S: * 1 FETCH (UID 1 BODY[]<0> {3}\nS: abc)", FaultClass::Protocol, "another part"),
        ("S: * 1 FETCH (UID 1 BODY[1] \"abc\")", FaultClass::Protocol, "another part"),
        ("S: * 1 FETCH (UID 1 BODY[1] NIL)", FaultClass::Protocol, "another part"),
        ("S: * 1 FETCH (BODY[1] \"a\" UID 1 BODY[] {3}\nS: abc)", FaultClass::Protocol, "two texts"),
        ("S: * 1 FETCH (UID 1 BODY[] {3}\nS: abc BODY[] \"a\")", FaultClass::Protocol, "two texts"),
        ("S: * 1 SEARCH BODY[] {3}", FaultClass::Protocol, "unexpected place"),
        ("S: * 1 FETCH (X {3} BODY[] {3}", FaultClass::Protocol, "not an IMAP response"),
    ] {
        let found = fault(&[OPENED, LISTED, said], Vec::new()).await;
        assert!(found.0 == class && found.1.contains(reason), "{said}: {found:?}");
    }
}

#[tokio::test]
async fn nothing_grows_with_what_a_server_sends() {
    let nested = format!("* 1 FETCH (X {}", "(".repeat(1000));
    let literals = "X {1}\r\nx ".repeat(40);
    let literals = format!("* 1 FETCH ({literals}");
    let kept = format!("X {{65536}}\r\n{} ", "x".repeat(65536)).repeat(16);
    let kept = format!("* 1 FETCH ({kept}");
    let names = format!("* LIST () \"/\" \"{}\"\r\n", "x".repeat(60_000)).repeat(200);
    for (sent, reason) in [
        ("x".repeat(1 << 20), "a line longer than 64 KiB"),
        (format!("* OK {}", "x".repeat(1 << 20)), "a line longer than 64 KiB"),
        (nested + "\r\n", "nested too deeply"),
        (literals, "too many literals"),
        (kept, "a response longer than 256 KiB"),
    ] {
        let found = fault(&[OPENED], vec![Step::Send(sent.into_bytes()), Step::Hang]).await;
        assert!(found.1.contains(reason), "{found:?}");
    }
    let attributes = format!("* LIST ({}) NIL a\r\n", "x ".repeat(10_000)).repeat(200);
    for (sent, reason) in [
        (names, "a folder list longer than 4 MiB"),
        (attributes, "a folder list longer than 4 MiB"),
        ("* LIST () NIL \"\"\r\n".repeat(10_000), "more than 5000 folders"),
        ("* LIST () NIL a\r\n".repeat(10_000), "more than 5000 folders"),
    ] {
        let steps = [
            after_sign_in("C: P2 LIST \"\" \"*\" RETURN (SPECIAL-USE)"),
            vec![Step::Send(sent.into_bytes()), Step::Hang],
        ];
        let error = against(steps.concat(), async |stream| signed_in(stream).await?.list("*").await)
            .await
            .expect_err("too long");
        assert!(error.to_string().contains(reason), "{error}");
    }
    for sent in ["* SEARCH 1 2 3 4 5\r\n".repeat(10_000), "* ESEARCH UID ALL 1:9,11:19\r\n".repeat(11_000)] {
        let steps =
            [after_sign_in("C: P2 UID SEARCH UID 1"), vec![Step::Send(sent.into_bytes()), Step::Hang]];
        let error = against(steps.concat(), async |stream| signed_in(stream).await?.exists(1).await)
            .await
            .expect_err("too long");
        assert!(error.to_string().contains("more than 20000 results"), "{error}");
    }
    let error = against(vec![Step::Send(vec![b'x'; 1 << 20]), Step::Hang], greeted).await.map(drop);
    assert_eq!(error.expect_err("endless greeting").fault().class, FaultClass::Protocol);
}

#[tokio::test(start_paused = true)]
async fn large_messages_come_in_small_pieces_at_any_speed() {
    let text: Vec<u8> = (0..3_000_000u32).flat_map(u32::to_le_bytes).collect();
    let head = format!("* 1 FETCH (UID 1 BODY[] {{{}}}\r\n", text.len());
    let steps = [
        after_sign_in("C: P2 UID FETCH 1 (UID BODY.PEEK[])"),
        vec![Step::Send([head.as_bytes(), &text, b")\r\nP2 OK done\r\n"].concat())],
    ];
    against(steps.concat(), async |stream| {
        let mut session = signed_in(stream).await.expect("signs in");
        let mut bodies = session.bodies(vec![UidSet::one(1)]);
        let mut body = bodies.next().await.expect("answers").expect("is there");
        let mut rest = text.as_slice();
        while let Some(chunk) = body.chunk().await.expect("comes") {
            assert!(chunk.len() <= 64 * 1024 && !chunk.is_empty());
            assert!(rest.starts_with(&chunk), "exactly as sent");
            rest = &rest[chunk.len()..];
        }
        assert!(rest.is_empty());
        assert_eq!(body.finish().await.map_err(|e| e.to_string()), Ok(1));
        assert!(bodies.next().await.expect("ends").is_none());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_read_is_given_up_and_one_that_sends_first_is_not() {
    // The stream holds 4 KiB in each direction; the commands need more, and so does the answer.
    let sets = || UidSet::split((0..6000).map(|n| 1_000_000 + 2 * n));
    let noise = Step::Send("* OK Still here\r\n".repeat(1000).into_bytes());
    let commands: String = sets()
        .iter()
        .take(3)
        .enumerate()
        .map(|(n, set)| format!("C: P{} UID FETCH {set} (UID BODY.PEEK[])\n", n + 2))
        .collect();
    let sends_first =
        [after_sign_in(""), vec![noise], script(&commands), script("S: * BYE Server Busy.")].concat();
    let never_reads = [after_sign_in(""), vec![Step::Hang]].concat();
    for (steps, class) in
        [(sends_first, FaultClass::TemporarilyUnavailable), (never_reads, FaultClass::TimedOut)]
    {
        let before = tokio::time::Instant::now();
        let error = against(steps, async |stream| {
            let mut session = signed_in(stream).await?;
            session.bodies(sets()).next().await.map(drop)
        })
        .await
        .expect_err("ends");
        assert_eq!(error.fault().class, class);
        assert!(before.elapsed() <= IDLE * 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_left_in_the_middle_is_not_used_again() {
    let abandoned = "
        C: P2 UID FETCH 1 (UID BODY.PEEK[])
        S: * 1 FETCH (UID 1 BODY[] {10}
        S~ abc
        hang";
    against(after_sign_in(abandoned), async |stream| {
        let mut session = signed_in(stream).await.expect("signs in");
        {
            let mut bodies = session.bodies(vec![UidSet::one(1)]);
            drop(bodies.next().await.expect("answers"));
            assert!(matches!(bodies.next().await.map(drop), Err(Error::OutOfStep)));
        }
        assert!(matches!(session.exists(1).await, Err(Error::OutOfStep)));
        assert!(matches!(session.bodies(vec![UidSet::one(1)]).next().await.map(drop), Err(Error::OutOfStep)));
        session.logout().await;
    })
    .await;

    // Whatever is given up in the middle is not taken up again.
    let second = Duration::from_secs(1);
    let slow = "C: P2 UID FETCH 1 (UID BODY.PEEK[])\nS~ * 1 FET\nhang";
    against(after_sign_in(slow), async |stream| {
        let mut session = signed_in(stream).await.expect("signs in");
        let mut bodies = session.bodies(vec![UidSet::one(1)]);
        assert!(timeout(second, bodies.next()).await.is_err());
        assert!(matches!(bodies.next().await.map(drop), Err(Error::OutOfStep)));
    })
    .await;
    against(after_sign_in(abandoned), async |stream| {
        let mut session = signed_in(stream).await.expect("signs in");
        let mut bodies = session.bodies(vec![UidSet::one(1)]);
        let mut body = bodies.next().await.expect("answers").expect("is there");
        assert!(timeout(second, body.chunk()).await.is_err());
        assert!(matches!(body.chunk().await, Err(Error::OutOfStep)));
        assert!(matches!(body.finish().await, Err(Error::OutOfStep)));
    })
    .await;
    let given_up = "C: P2 UID SEARCH UID 1\nhang";
    against(after_sign_in(given_up), async |stream| {
        let mut session = signed_in(stream).await.expect("signs in");
        assert!(timeout(second, session.exists(1)).await.is_err());
        assert!(matches!(session.exists(1).await, Err(Error::OutOfStep)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_takes_a_second_at_most_per_step() {
    for text in ["C: P2 LOGOUT\nhang", "C: P2 LOGOUT", "C: P2 LOGOUT\nS: * OK\nS: P2 OK bye"] {
        let before = tokio::time::Instant::now();
        against(after_sign_in(text), async |stream| {
            signed_in(stream).await.expect("signs in").logout().await
        })
        .await;
        assert!(before.elapsed().as_millis() <= 1000, "{text}");
    }
}
