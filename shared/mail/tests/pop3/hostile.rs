//! Servers that break the protocol, stall, or never come to an end.

use crate::script::{
    IDLE, ONE_BY_ONE, PIPELINING, Step, against, greeted, read, script, signed_in, with_steps,
};
use postroom_mail::{Error, pop3::Bodies};
use postroom_model::FaultClass;
use std::time::Duration;
use tokio::{io::DuplexStream, time::timeout};

/// Lists and reads one message; the first error counts.
async fn poll(stream: DuplexStream) -> Result<Vec<(u32, Result<String, String>)>, Error> {
    let mut session = signed_in(stream).await?;
    let mut listing = session.list().await?;
    session.list_sizes(&mut listing).await?;
    let found = read(&mut session.retrieve(vec![1])).await?;
    session.quit().await?;
    Ok(found)
}

const LISTED: &str = "
    S: +OK 1 3
    C: UIDL
    S: +OK
    S: 1 a
    S: .
    C: LIST
    S: +OK
    S: 1 3
    S: .
    C: RETR 1
";

async fn fault(parts: &[&str], more: Vec<Step>) -> (FaultClass, String) {
    let text = [ONE_BY_ONE, "C: STAT\n", &parts.concat()].concat();
    let fault = against([script(&text), more].concat(), poll).await.expect_err("must fail").fault();
    (fault.class, fault.reason)
}

#[tokio::test(start_paused = true)]
async fn broken_listings_are_found_out() {
    let uidl = "S: +OK 2 6\nC: UIDL\n";
    let list = "S: +OK 2 6\nC: UIDL\nS: +OK\nS: .\nC: LIST\nS: +OK\n";
    for (before, said, class, reason) in [
        ("", "S: garbage", FaultClass::Protocol, "not a POP3 response"),
        ("", "S: \u{0}\u{1}\u{2}", FaultClass::Protocol, "not a POP3 response"),
        ("", "S: .", FaultClass::Protocol, "not a POP3 response"),
        ("", "S: + go on", FaultClass::Protocol, "a challenge"),
        ("", "S: +OK", FaultClass::Protocol, "without a number"),
        ("", "S~ +OK 2", FaultClass::ConnectionLost, ""),
        ("", "S~ +OK 2\nhang", FaultClass::TimedOut, "5s"),
        ("", "hang", FaultClass::TimedOut, "5s"),
        (uidl, "S: 1 a\nS: .", FaultClass::Protocol, "not a POP3 response"),
        (uidl, "S: +OK\nS: x a", FaultClass::Protocol, "without a message's number"),
        (uidl, "S: +OK\nS: 0 a", FaultClass::Protocol, "without a message's number"),
        (uidl, "S: +OK\nS: 4294967296 a", FaultClass::Protocol, "without a message's number"),
        (uidl, "S: +OK\nS: ", FaultClass::Protocol, "without a message's number"),
        (uidl, "S: +OK\nS: ..1 a", FaultClass::Protocol, "without a message's number"),
        (uidl, "S: +OK\nS: 1 a\nS: 1 b", FaultClass::Protocol, "listed twice"),
        (uidl, "S: +OK\nS: 1 a", FaultClass::ConnectionLost, ""),
        (uidl, "S: +OK\nS: 1 a\nhang", FaultClass::TimedOut, ""),
        (list, "S: 1 1\nS: 1 1", FaultClass::Protocol, "listed twice"),
        (list, "S: -1 1", FaultClass::Protocol, "without a message's number"),
        (list, "S: -ERR", FaultClass::Protocol, "without a message's number"),
        (list, "S: 1 1\nS~ .", FaultClass::ConnectionLost, ""),
    ] {
        let found = fault(&[before, said], Vec::new()).await;
        assert!(found.0 == class && found.1.contains(reason), "{before}{said}: {found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_lf_alone_ends_no_listing_of_a_server_that_ends_lines_with_crlf() {
    // What follows would be taken for the answer to the next command.
    for early in ["1 a\r\n.\n+OK\r\n.\r\n", "1 a\n.\r\n+OK\r\n.\r\n"] {
        let text = [ONE_BY_ONE, "C: STAT\nS: +OK 1 1\nC: UIDL\nS: +OK\n"].concat();
        let steps = [script(&text), vec![Step::Send(early.into()), Step::Hang]].concat();
        let fault = against(steps, poll).await.expect_err("must fail").fault();
        assert_eq!(fault.class, FaultClass::Protocol, "{early:?}");
        assert!(fault.reason.contains("without a message's number"), "{early:?}: {}", fault.reason);
    }
}

#[tokio::test(start_paused = true)]
async fn broken_messages_are_found_out() {
    for (said, class) in [
        ("S: From: someone\nS: .", FaultClass::Protocol),
        ("S: ", FaultClass::Protocol),
        ("S: +OK\nS~ half of it", FaultClass::ConnectionLost),
        ("S: +OK\nS: a\nS~ .", FaultClass::ConnectionLost),
        ("S: +OK\nS: a\nS~ .\nhang", FaultClass::TimedOut),
        ("S: +OK\nS: a", FaultClass::ConnectionLost),
        ("S: +OK\nS: a\nhang", FaultClass::TimedOut),
        ("S: +OK", FaultClass::ConnectionLost),
        ("S: +OK\nS: a\nS: .\nC: QUIT\nS: something else", FaultClass::Protocol),
    ] {
        assert_eq!(fault(&[LISTED, said], Vec::new()).await.0, class, "{said}");
    }
    // What looks like the end of a message, and like an answer, is the message's.
    let sent = b"+OK\r\na\n.\r\n+OK\r\n\n.\n..\r\n.\r\n";
    let text = [ONE_BY_ONE, "C: STAT\n", LISTED].concat();
    let steps = [script(&text), vec![Step::Send(sent.to_vec())], script("C: QUIT\nS: +OK")];
    let found = against(steps.concat(), poll).await.expect("works");
    assert_eq!(found, [(1, Ok("a\n.\r\n+OK\r\n\n.\n..\r\n".to_owned()))]);
}

#[tokio::test]
async fn a_server_whose_lines_end_with_lf_alone_is_understood() {
    let text = "+OK hi\n";
    let steps = vec![
        Step::Send(text.into()),
        Step::Expect("CAPA\r\n".into()),
        Step::Send(b"+OK\nUSER\nUIDL\n.\n".to_vec()),
        Step::Expect("USER ann\r\n".into()),
        Step::Send(b"+OK\n".to_vec()),
        Step::Expect("PASS s3cret-password\r\n".into()),
        Step::Send(b"+OK\n".to_vec()),
        Step::Expect("STAT\r\n".into()),
        Step::Send(b"+OK 1 1\n".to_vec()),
        Step::Expect("UIDL\r\n".into()),
        Step::Send(b"+OK\n1 a\n.\n".to_vec()),
        Step::Expect("LIST\r\n".into()),
        Step::Send(b"+OK\n1 1\n.\n".to_vec()),
        Step::Expect("RETR 1\r\n".into()),
        Step::Send(b"+OK\na: 1\n\n..b\n.\n".to_vec()),
        Step::Expect("QUIT\r\n".into()),
        Step::Send(b"+OK\n".to_vec()),
    ];
    let found = against(steps, poll).await.expect("works");
    assert_eq!(found, [(1, Ok("a: 1\n\n.b\n".to_owned()))]);
}

#[tokio::test]
async fn texts_are_the_same_whatever_pieces_they_come_in() {
    let text = b"a: 1\r\n\r\n..\r\n...b\r\n\r.\r\n.\r\r\n\n.\n\xff\0\r\n";
    let expected = b"a: 1\r\n\r\n.\r\n..b\r\n\r.\r\n\r\r\n\n.\n\xff\0\r\n";
    let sent = [b"+OK\r\n", &text[..], b".\r\n"].concat();
    for at in 0..=sent.len() {
        let steps = [
            script(ONE_BY_ONE),
            script("C: RETR 1"),
            vec![Step::Send(sent[..at].to_vec()), Step::Drip(sent[at..].to_vec())],
        ];
        with_steps(steps.concat(), async |session| {
            let mut bodies = session.retrieve(vec![1]);
            let mut body = bodies.next().await.expect("answers").expect("is there");
            let mut found = Vec::new();
            while let Some(chunk) = body.chunk().await.expect("comes") {
                found.extend_from_slice(&chunk);
            }
            assert_eq!(found, expected);
            assert_eq!(body.finish().await.expect("ends"), 1);
        })
        .await;
    }
}

#[tokio::test]
async fn nothing_grows_with_what_a_server_sends() {
    let uidl = "S: +OK 1 3\nC: UIDL\nS: +OK\n";
    let list = "S: +OK 1 3\nC: UIDL\nS: -ERR\nC: LIST\nS: +OK\n";
    let list = list.replace("-ERR", "+OK\nS: .");
    for (before, sent, reason) in [
        ("", "x".repeat(1 << 20), "a line longer than 64 KiB"),
        ("", format!("+OK {}", "1".repeat(1 << 20)), "a line longer than 64 KiB"),
        (uidl, format!("1 {}\r\n", "x".repeat(1001)), "longer than 1000 bytes"),
        (uidl, "x".repeat(1 << 20), "a line longer than 64 KiB"),
        (uidl, "1 a\r\n10002 b\r\n".to_owned(), "far beyond the server's own count"),
        (&list, "4294967295 1\r\n".to_owned(), "far beyond the server's own count"),
    ] {
        let found = fault(&[before], vec![Step::Send(sent.into_bytes()), Step::Hang]).await;
        assert!(found.0 == FaultClass::Protocol && found.1.contains(reason), "{found:?}");
    }
    for (sent, reason) in
        [("x".repeat(1 << 20), "no POP3 server"), (format!("+OK {}", "x".repeat(1 << 20)), "no POP3 server")]
    {
        let error = against(vec![Step::Send(sent.into_bytes()), Step::Hang], greeted).await.map(drop);
        assert!(error.expect_err("endless").to_string().contains(reason));
    }
    let offers =
        [script("S: +OK\nC: CAPA\nS: +OK"), vec![Step::Send("X\r\n".repeat(1000).into_bytes()), Step::Hang]];
    let error = against(offers.concat(), greeted).await.map(drop).expect_err("endless");
    assert!(error.to_string().contains("more lines than any can have"));
}

/// Reads texts that are listed with so many bytes each; an error stands in its place.
async fn read_listed(bodies: &mut Bodies<'_, DuplexStream>, size: u64) -> Vec<Result<u32, String>> {
    let mut found = Vec::new();
    loop {
        let finished = match bodies.next().await {
            Ok(Some(body)) => body.finish_listed(size).await,
            Ok(None) => return found,
            Err(error) => Err(error),
        };
        let is_over = finished.as_ref().is_err_and(|error| !error.leaves_session_usable());
        found.push(finished.map_err(|error| error.to_string()));
        if is_over {
            return found;
        }
    }
}

#[tokio::test]
async fn a_text_that_a_dot_of_its_own_ends_early_is_not_taken_for_whole() {
    // The server stuffs no dots: what is left of a text stands where an answer should.
    let cut = "S: +OK\nS: first\nS: .\nS: the rest\nS: .\n";
    let early = "the server breaks the protocol: a text that ends early: no answer follows it";
    for (begin, text, numbers) in [
        (ONE_BY_ONE, ["C: RETR 1\n", cut, "C: RETR 2\n"].concat(), vec![1, 2]),
        (ONE_BY_ONE, ["C: RETR 1\n", cut].concat(), vec![1]),
        (PIPELINING, ["C: RETR 1\nC: RETR 2\n", cut].concat(), vec![1, 2]),
    ] {
        let found = with_steps(script(&[begin, &text].concat()), async |session| {
            let found = read_listed(&mut session.retrieve(numbers), 23).await;
            assert!(matches!(session.count().await, Err(Error::OutOfStep)));
            found
        })
        .await;
        assert_eq!(found, [Err(early.to_owned())], "{text}");
    }
}

#[tokio::test]
async fn a_text_shorter_than_listed_is_whole_where_an_answer_follows_it() {
    let short = "S: +OK\nS: first\nS: .\n";
    let refused = || Err("RETR refused: -ERR no such message".to_owned());
    let lost = || Err("the server closed the connection before it had answered".to_owned());
    let gone = "S: -ERR no such message\n";
    for (begin, text, numbers, expected) in [
        (
            ONE_BY_ONE,
            ["C: RETR 1\n", short, "C: RETR 2\n", gone, "C: RETR 3\n", short, "C: NOOP\nS: +OK\n"].concat(),
            vec![1, 2, 3],
            vec![Ok(1), refused(), Ok(3)],
        ),
        (
            PIPELINING,
            ["C: RETR 1\nC: RETR 2\n", short, short, "C: NOOP\nS: -ERR what?\n"].concat(),
            vec![1, 2],
            vec![Ok(1), Ok(2)],
        ),
        // That the connection breaks is the next one's failure.
        (ONE_BY_ONE, ["C: RETR 1\n", short, "C: RETR 2\n"].concat(), vec![1, 2], vec![Ok(1), lost()]),
        (ONE_BY_ONE, ["C: RETR 1\n", short, "C: NOOP\n"].concat(), vec![1], vec![Ok(1), lost()]),
    ] {
        let is_usable = expected.iter().all(|found| *found != lost());
        let end = if is_usable { "C: STAT\nS: +OK 0 0\n" } else { "" };
        let found = with_steps(script(&[begin, &text, end].concat()), async |session| {
            let found = read_listed(&mut session.retrieve(numbers), 23).await;
            assert_eq!(session.count().await.is_ok(), is_usable, "{text}");
            found
        })
        .await;
        assert_eq!(found, expected, "{text}");
    }
    // A header is shorter than its message.
    let header = "C: TOP 1 0\nS: +OK\nS: a: 1\nS: \nS: .\nC: STAT\nS: +OK 1 23\n";
    with_steps(script(&[ONE_BY_ONE, header].concat()), async |session| {
        assert_eq!(read_listed(&mut session.headers(vec![1]), 23).await, [Ok(1)]);
        session.count().await.expect("usable");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn large_messages_come_in_small_pieces() {
    // Lines of many lengths, one of them longer than any window, many with a dot at their beginning.
    let mut text = Vec::new();
    for number in 0..40_000usize {
        text.extend(std::iter::repeat_n(b'.', number % 4));
        text.extend(std::iter::repeat_n(b'a' + (number % 26) as u8, number % 200));
        text.extend_from_slice(b"\r\n");
    }
    text.extend(std::iter::repeat_n(b'z', 3_000_000));
    text.extend_from_slice(b"\r\n");
    let stuffed: Vec<u8> = text
        .split_inclusive(|b| *b == b'\n')
        .flat_map(|line| line.first().filter(|b| **b == b'.').into_iter().chain(line).copied())
        .collect();
    let steps = [
        script(ONE_BY_ONE),
        script("C: RETR 1"),
        vec![Step::Send([b"+OK 5 octets\r\n", &stuffed[..], b".\r\n"].concat())],
    ];
    with_steps(steps.concat(), async |session| {
        let mut bodies = session.retrieve(vec![1]);
        let mut body = bodies.next().await.expect("answers").expect("is there");
        let mut rest = text.as_slice();
        while let Some(chunk) = body.chunk().await.expect("comes") {
            assert!(chunk.len() <= 64 * 1024 && !chunk.is_empty());
            assert!(rest.starts_with(&chunk), "exactly as sent");
            rest = &rest[chunk.len()..];
        }
        assert!(rest.is_empty());
        assert!(body.chunk().await.expect("has ended").is_none());
        assert_eq!(body.finish().await.map_err(|e| e.to_string()), Ok(1));
        assert!(bodies.next().await.expect("ends").is_none());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_read_is_given_up() {
    let before = tokio::time::Instant::now();
    // The stream holds 4 KiB in each direction.
    let offer = [script(PIPELINING), vec![Step::Hang]].concat();
    let error = against(offer, async |stream| {
        let mut session = signed_in(stream).await.expect("signs in");
        session.delete(&(1_000_000..1_001_000).collect::<Vec<_>>()).await
    })
    .await
    .expect_err("ends");
    assert_eq!(error.fault().class, FaultClass::TimedOut);
    assert!(before.elapsed() <= IDLE * 2);
}

#[tokio::test(start_paused = true)]
async fn a_session_left_in_the_middle_is_not_used_again() {
    let second = Duration::from_secs(1);
    let abandoned = "C: RETR 1\nS: +OK\nS~ abc\nhang";
    for slow in ["C: RETR 1\nS~ +O\nhang", "C: RETR 1\nhang"] {
        with_steps(script(&[ONE_BY_ONE, slow].concat()), async |session| {
            let mut bodies = session.retrieve(vec![1]);
            assert!(timeout(second, bodies.next()).await.is_err());
            assert!(matches!(bodies.next().await.map(drop), Err(Error::OutOfStep)));
            assert!(matches!(session.count().await, Err(Error::OutOfStep)));
            assert!(matches!(session.delete(&[1]).await, Err(Error::OutOfStep)));
        })
        .await;
    }
    with_steps(script(&[ONE_BY_ONE, abandoned].concat()), async |session| {
        let mut bodies = session.retrieve(vec![1]);
        assert!(bodies.next().await.expect("answers").is_some());
        assert!(matches!(bodies.next().await.map(drop), Err(Error::OutOfStep)));
        assert!(matches!(session.list().await, Err(Error::OutOfStep)));
        assert!(matches!(session.retrieve(vec![1]).next().await.map(drop), Err(Error::OutOfStep)));
    })
    .await;
    with_steps(script(&[ONE_BY_ONE, abandoned].concat()), async |session| {
        let mut bodies = session.retrieve(vec![1]);
        let mut body = bodies.next().await.expect("answers").expect("is there");
        assert!(timeout(second, body.chunk()).await.is_err());
        assert!(matches!(body.chunk().await, Err(Error::OutOfStep)));
        assert!(matches!(body.finish().await, Err(Error::OutOfStep)));
    })
    .await;
    for given_up in ["C: STAT\nS: +OK 1 1\nC: UIDL\nS: +OK\nS: 1 a\nhang", "C: STAT\nhang"] {
        with_steps(script(&[ONE_BY_ONE, given_up].concat()), async |session| {
            assert!(timeout(second, session.list()).await.is_err());
            assert!(matches!(session.count().await, Err(Error::OutOfStep)));
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_a_server_sends_comes_to_an_end() {
    const PIECES: [&[u8]; 16] = [
        b"+OK",
        b"-ERR",
        b"+",
        b".",
        b"..",
        b" ",
        b"\r\n",
        b"\r\n.\r\n",
        b"\n",
        b"\r",
        b"1",
        b"1 a\r\n",
        b"1 1",
        b"[AUTH]",
        b"\xff\0",
        b"+OK 1 1\r\n+OK\r\n1 a\r\n.\r\n+OK\r\n1 1\r\n.\r\n+OK\r\n",
    ];
    // The same numbers every time: a linear congruential generator (Knuth, MMIX).
    let mut random = 1u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    let mut read_something = 0;
    for _ in 0..3000 {
        let mut sent = b"+OK\r\n-ERR\r\n+OK\r\n+OK\r\n".to_vec();
        for _ in 0..next(30) {
            sent.extend_from_slice(PIECES[next(PIECES.len())]);
        }
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        tokio::io::AsyncWriteExt::write_all(&mut theirs, &sent).await.expect("there is room");
        let client = tokio::spawn(poll(ours));
        // What the client says is taken in, and not answered any more.
        tokio::io::AsyncWriteExt::shutdown(&mut theirs).await.expect("ends");
        let found = client.await.expect("no panic");
        read_something += usize::from(found.is_ok());
    }
    assert!(read_something > 0, "some of it is well-formed");
}
