//! Texts and changes, against scripted servers.

use crate::script::{OLD, ONE_BY_ONE, PIPELINING, against, read, script, signed_in, with};
use postroom_mail::{Error, pop3::Count};
use postroom_model::FaultClass;

#[tokio::test]
async fn work_can_be_spawned() {
    fn is_send<T: Send>(_: &T) {}
    with(&[ONE_BY_ONE, "C: STAT\nS: +OK 2 320"], async |session| {
        is_send(session);
        is_send(&session.list());
        is_send(&session.delete(&[]));
        is_send(&session.retrieve(Vec::new()).next());
        let counting = session.count();
        is_send(&counting);
        assert_eq!(counting.await.expect("answers"), Count { messages: 2, bytes: 320 });
    })
    .await;
}

#[tokio::test]
async fn counts_are_read() {
    for (said, expected) in [
        ("+OK 0 0", Ok((0, 0))),
        ("+OK 7 4294967296 octets", Ok((7, 4_294_967_296))),
        ("+OK 7", Ok((7, 0))),
        ("+OK", Err(FaultClass::Protocol)),
        ("+OK many", Err(FaultClass::Protocol)),
        ("+OK 4294967296 1", Err(FaultClass::Protocol)),
        ("+OK -1 1", Err(FaultClass::Protocol)),
        ("-ERR [SYS/TEMP] later", Err(FaultClass::TemporarilyUnavailable)),
    ] {
        let counted = with(&[OLD, "C: STAT\nS: ", said], async |session| session.count().await).await;
        let counted = counted.map(|count| (count.messages, count.bytes)).map_err(|e| e.fault().class);
        assert_eq!(counted, expected, "{said}");
    }
}

const TEXTS: &str = "
    S: +OK 14 octets
    S: a: 1
    S:  
    S: ..b
    S: .
    S: -ERR no such message
    S: +OK
    S: .
";

#[tokio::test]
async fn texts_come_together_where_the_server_allows_it() {
    let asked = "C: RETR 1\nC: RETR 2\nC: RETR 9";
    let turns = with(&[PIPELINING, asked, TEXTS, "C: RETR 1\nS: +OK\nS: .\n"], async |session| {
        let before = session.traffic().turns;
        check(session.retrieve(vec![1, 2, 9])).await;
        let turns = session.traffic().turns - before;
        assert_eq!(read(&mut session.retrieve(vec![1])).await.expect("usable"), [(1, Ok(String::new()))]);
        turns
    })
    .await;
    assert_eq!(turns, 1);
}

async fn check(mut bodies: postroom_mail::pop3::Bodies<'_, tokio::io::DuplexStream>) {
    let expected = [
        (1, Ok("a: 1\r\n \r\n.b\r\n".to_owned())),
        (0, Err("RETR refused: -ERR no such message".to_owned())),
        (9, Ok(String::new())),
    ];
    assert_eq!(read(&mut bodies).await.expect("works"), expected);
    assert!(bodies.next().await.expect("ends").is_none());
}

#[tokio::test]
async fn texts_come_one_by_one_where_it_does_not() {
    for begin in [ONE_BY_ONE, OLD] {
        let text = "
            C: RETR 1
            S: +OK
            S: a: 1
            S:  
            S: ..b
            S: .
            C: RETR 2
            S: -ERR no such message
            C: RETR 9
            S: +OK
            S: .";
        with(&[begin, text], async |session| check(session.retrieve(vec![1, 2, 9])).await).await;
    }
}

#[tokio::test]
async fn many_texts_are_asked_for_as_they_are_read() {
    let mut text = String::new();
    let ask = |from: u32, to: u32| (from..=to).map(|n| format!("C: TOP {n} 0\n")).collect::<String>();
    text.push_str(&ask(1, 32));
    for number in 1..=100 {
        text.push_str(&format!("S: +OK\nS: n: {number}\nS: \nS: .\n"));
        if number + 32 <= 100 {
            text.push_str(&ask(number + 32, number + 32));
        }
    }
    let found = with(&[PIPELINING, &text], async |session| {
        read(&mut session.headers((1..=100).collect())).await.expect("works")
    })
    .await;
    let expected: Vec<_> = (1..=100).map(|n| (n, Ok(format!("n: {n}\r\n\r\n")))).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn headers_may_be_refused() {
    let text = "C: TOP 1 0\nS: -ERR Unknown command.\nC: RETR 1\nS: +OK\nS: a\nS: .";
    with(&[OLD, text], async |session| {
        let mut headers = session.headers(vec![1]);
        let error = headers.next().await.map(drop).expect_err("refused");
        assert!(error.fault().class == FaultClass::Protocol && error.leaves_session_usable());
        assert!(headers.next().await.expect("ends").is_none());
        let found = read(&mut session.retrieve(vec![1])).await.expect("works");
        assert_eq!(found, [(1, Ok("a\r\n".to_owned()))]);
    })
    .await;
}

#[tokio::test]
async fn what_is_deleted_is_told_by_quit() {
    let deleting = "C: DELE 1\nC: DELE 2\nC: DELE 3\nS: +OK\nS: -ERR already deleted\nS: +OK\n";
    let one_by_one = "C: DELE 1\nS: +OK\nC: DELE 2\nS: -ERR already deleted\nC: DELE 3\nS: +OK\n";
    for (begin, deleting) in [(PIPELINING, deleting), (ONE_BY_ONE, one_by_one)] {
        for (quitting, expected) in [
            ("C: QUIT\nS: +OK bye", None),
            (
                "C: QUIT\nS: -ERR [SYS/TEMP] some deleted messages not removed",
                Some((
                    FaultClass::TemporarilyUnavailable,
                    "QUIT refused: -ERR [SYS/TEMP] some deleted messages not removed",
                )),
            ),
            ("C: QUIT\nS: -ERR [SYS/PERM] no", Some((FaultClass::AccountPolicy, ""))),
            ("C: QUIT\nS: -ERR", Some((FaultClass::Unknown, ""))),
            ("C: QUIT", Some((FaultClass::ConnectionLost, ""))),
            ("C: QUIT\nS: bye", Some((FaultClass::Protocol, ""))),
        ] {
            let quit = against(script(&[begin, deleting, quitting].concat()), async |stream| {
                let mut session = signed_in(stream).await.expect("signs in");
                let error = session.delete(&[1, 2, 3]).await.expect_err("one is refused");
                assert_eq!(error.to_string(), "DELE refused: -ERR already deleted");
                session.quit().await
            })
            .await;
            match expected {
                None => assert!(quit.expect("works").bytes_out > 0),
                Some((class, reason)) => {
                    let error = quit.expect_err(quitting);
                    assert_eq!(error.fault().class, class);
                    assert!(error.to_string().contains(reason), "{error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn many_are_deleted_a_few_at_a_time() {
    let commands = |from: u32, to: u32| {
        let asked: String = (from..=to).map(|n| format!("C: DELE {n}\n")).collect();
        asked + &"S: +OK\n".repeat((to - from + 1) as usize)
    };
    let text = [commands(1, 32), commands(33, 64), commands(65, 70), "C: RSET\nS: +OK\n".to_owned()].concat();
    with(&[PIPELINING, &text], async |session| {
        session.delete(&(1..=70).collect::<Vec<_>>()).await.expect("works");
        session.delete(&[]).await.expect("nothing is asked");
        session.reset().await.expect("works");
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_dropped_does_not_say_quit() {
    // The server would fail the test if anything came after DELE.
    let text = "C: DELE 1\nS: +OK\nend";
    with(&[ONE_BY_ONE, text], async |session| session.delete(&[1]).await.expect("works")).await;
    let left = "C: RETR 1\nS: +OK\nS~ half of it\nend";
    against(script(&[ONE_BY_ONE, left].concat()), async |stream| {
        let mut session = signed_in(stream).await.expect("signs in");
        assert!(session.retrieve(vec![1]).next().await.expect("answers").is_some());
        assert!(matches!(session.quit().await, Err(Error::OutOfStep)));
    })
    .await;
}
