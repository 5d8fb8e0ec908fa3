//! Listings, against scripted servers.

use crate::script::{OLD, ONE_BY_ONE, PIPELINING, Step, script, with, with_steps};
use postroom_mail::pop3::Listing;
use postroom_model::FaultClass;

/// Number, id and size of each message.
fn shown(listing: &Listing) -> Vec<(u32, Option<&str>, u64)> {
    listing.iter().map(|message| (message.number, message.uidl, message.size)).collect()
}

#[tokio::test]
async fn a_listing_takes_one_turn_where_the_server_allows_it() {
    let together = "
        C: STAT
        C: UIDL
        C: LIST
        S: +OK 2 320
        S: +OK
        S: 1 whqtswO00WBw418f9t5JxYwZ
        S: 2 QhdPYR:00WBw1Ph7x7
        S: .
        S: +OK 2 messages (320 octets)
        S: 1 120
        S: 2 200
        S: .
        C: STAT
        S: +OK 2 320";
    let one_by_one = "
        C: STAT
        S: +OK 2 320
        C: UIDL
        S: +OK
        S: 1 whqtswO00WBw418f9t5JxYwZ
        S: 2 QhdPYR:00WBw1Ph7x7
        S: .
        C: LIST
        S: +OK
        S: 1 120
        S: 2 200
        S: .
        C: STAT
        S: +OK 2 320";
    for (begin, text, expected) in
        [(PIPELINING, together, 1), (ONE_BY_ONE, one_by_one, 3), (OLD, one_by_one, 3)]
    {
        with(&[begin, text], async |session| {
            let before = session.traffic().turns;
            let listing = session.list(0, 100).await.expect("works");
            assert_eq!(session.traffic().turns - before, expected);
            assert_eq!(
                shown(&listing),
                [(1, Some("whqtswO00WBw418f9t5JxYwZ"), 120), (2, Some("QhdPYR:00WBw1Ph7x7"), 200)]
            );
            assert_eq!((listing.len(), listing.present(), listing.beyond()), (2, 2, 0));
            assert!(listing.has_uidls() && listing.duplicates() == 0 && !listing.is_empty());
            session.count().await.expect("usable");
        })
        .await;
    }
}

#[tokio::test]
async fn an_empty_mailbox_needs_no_listing() {
    for (begin, text) in [
        (ONE_BY_ONE, "C: STAT\nS: +OK 0 0\n"),
        (PIPELINING, "C: STAT\nC: UIDL\nC: LIST\nS: +OK 0 0\nS: +OK\nS: .\nS: +OK\nS: .\n"),
        (PIPELINING, "C: STAT\nC: UIDL\nC: LIST\nS: +OK 0 0\nS: -ERR no messages\nS: -ERR [SYS/TEMP] none\n"),
    ] {
        with(&[begin, text, "C: STAT\nS: +OK 0 0"], async |session| {
            let listing = session.list(1, 100).await.expect("works");
            assert!(listing.is_empty() && listing.iter().next().is_none());
            session.count().await.expect("usable");
        })
        .await;
    }
}

/// A server without CAPA, UIDL's answer, LIST's.
fn answers(uidl: &str, list: &str) -> String {
    format!("{OLD}C: STAT\nS: +OK 2 320\nC: UIDL\n{uidl}\nC: LIST\n{list}\n")
}

const SIZES: &str = "S: +OK\nS: 1 120\nS: 2 200\nS: .";

#[tokio::test]
async fn servers_without_ids_and_servers_that_break_the_rules_are_listed() {
    let long = "x".repeat(71);
    for (uidl, list, expected, duplicates) in [
        ("S: -ERR Unknown command.", SIZES, vec![(1, None, 120), (2, None, 200)], 0),
        ("S: -ERR", SIZES, vec![(1, None, 120), (2, None, 200)], 0),
        // Out of order, more spaces, more words, sizes that are none.
        (
            "S: +OK\nS: 2  b \nS: 1 a\nS: .",
            "S: +OK\nS: 2\nS: 1 120 octets\nS: .",
            vec![(1, Some("a"), 120), (2, Some("b"), 0)],
            0,
        ),
        (
            "S: +OK\nS: 1 a\nS: 2 b\nS: .",
            "S: +OK\nS: 1 -1\nS: 2 99999999999999999999\nS: .",
            vec![(1, Some("a"), 0), (2, Some("b"), 0)],
            0,
        ),
        // One of the two leaves a message out, or its id.
        ("S: +OK\nS: 2 b\nS: .", SIZES, vec![(1, None, 120), (2, Some("b"), 200)], 0),
        (
            "S: +OK\nS: 1 a\nS: 2 b\nS: .",
            "S: +OK\nS: 2 200\nS: .",
            vec![(1, Some("a"), 0), (2, Some("b"), 200)],
            0,
        ),
        ("S: +OK\nS: 1\nS: 2 b\nS: .", SIZES, vec![(1, None, 120), (2, Some("b"), 200)], 0),
        ("S: +OK\nS: 1 a\nS: .", "S: +OK\nS: 1 120\nS: .", vec![(1, Some("a"), 120)], 0),
        // Two messages with one id (RFC 1939 allows it for equal ones).
        ("S: +OK\nS: 1 a\nS: 2 a\nS: .", SIZES, vec![(1, Some("a"), 120), (2, Some("a"), 200)], 2),
        // Ids with dots.
        ("S: +OK\nS: 1 .a\nS: 2 ..\nS: .", SIZES, vec![(1, Some(".a"), 120), (2, Some(".."), 200)], 0),
    ] {
        let listing = with(&[&answers(uidl, list)], async |session| session.list(1, 100).await).await;
        let listing = listing.expect("works");
        assert_eq!(shown(&listing), expected, "{uidl}");
        assert_eq!(listing.duplicates(), duplicates);
        assert_eq!(listing.iter().filter(|message| message.duplicate).count(), duplicates);
        assert_eq!((listing.present(), listing.has_uidls()), (2, !uidl.contains("-ERR")));
    }
    let uidl = format!("S: +OK\nS: 1 {long}\nS: 2 a b\nS: .");
    let listing = with(&[&answers(&uidl, SIZES)], async |session| session.list(1, 100).await).await;
    let listing = listing.expect("works");
    let ids: Vec<_> = listing.iter().filter_map(|message| message.uidl).collect();
    assert!(ids.len() == 2 && ids.iter().all(|id| id.len() == 71 && id.starts_with("sha256:")), "{ids:?}");
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_server_that_cannot_now_is_not_one_without_ids() {
    let offers = "S: +OK\nC: CAPA\nS: +OK\nS: USER\nS: UIDL\nS: .\nC: USER ann\nS: +OK\nC: PASS s3cret-password\nS: +OK\n";
    let temporarily = "S: -ERR [SYS/TEMP] later";
    for (text, class, command) in [
        (answers(temporarily, SIZES), FaultClass::TemporarilyUnavailable, "UIDL"),
        (answers("S: -ERR Server Unavailable. 21", SIZES), FaultClass::TemporarilyUnavailable, "UIDL"),
        (answers("S: +OK\nS: .", temporarily), FaultClass::TemporarilyUnavailable, "LIST"),
        (answers("S: +OK\nS: .", "S: -ERR"), FaultClass::Unknown, "LIST"),
        (answers("S: -ERR", SIZES).replace(OLD, offers), FaultClass::Unknown, "UIDL"),
        (format!("{ONE_BY_ONE}C: STAT\n{temporarily}\n"), FaultClass::TemporarilyUnavailable, "STAT"),
        (
            format!("{PIPELINING}C: STAT\nC: UIDL\nC: LIST\n{temporarily}\nS: +OK\nS: 1 a\nS: .\nS: -ERR\n"),
            FaultClass::TemporarilyUnavailable,
            "STAT",
        ),
        (
            format!(
                "{PIPELINING}C: STAT\nC: UIDL\nC: LIST\nS: +OK 1 1\n{temporarily}\nS: +OK\nS: 1 1\nS: .\n"
            ),
            FaultClass::TemporarilyUnavailable,
            "UIDL",
        ),
    ] {
        let text = text + "C: STAT\nS: +OK 2 320";
        with(&[&text], async |session| {
            let error = session.list(1, 100).await.expect_err("refused");
            assert_eq!(error.fault().class, class, "{text}");
            assert!(error.to_string().starts_with(command) && error.leaves_session_usable(), "{error}");
            session.count().await.expect("usable");
        })
        .await;
    }
}

#[tokio::test]
async fn a_hundred_thousand_messages_are_listed_in_pages_or_whole() {
    let count = 100_000;
    let ids: String = (1..=count).map(|n| format!("{n} {:024}\r\n", n % 99_999)).collect();
    let sizes: String = (1..=count).map(|n| format!("{n} {}\r\n", n * 7)).collect();
    let said = format!("+OK {count} 1\r\n+OK\r\n{ids}.\r\n+OK\r\n{sizes}.\r\n");
    let ask = script("C: STAT\nC: UIDL\nC: LIST");
    let steps = [
        script(PIPELINING),
        ask.clone(),
        vec![Step::Send(said.clone().into())],
        ask,
        vec![Step::Send(said.into())],
    ];
    with_steps(steps.concat(), async |session| {
        let listing = session.list(1, 200_000).await.expect("works");
        assert_eq!((listing.len(), listing.beyond(), listing.duplicates()), (100_000, 0, 2));
        for (message, number) in listing.iter().zip(1..) {
            assert_eq!((message.number, message.size), (number, u64::from(number) * 7));
            let id = format!("{:024}", number % 99_999);
            assert_eq!((message.uidl, message.duplicate), (Some(&*id), number % 99_999 == 1));
        }
        let page = session.list(40_001, 10_000).await.expect("works");
        assert_eq!((page.len(), page.beyond(), page.present()), (10_000, 50_000, 100_000));
        let numbers: Vec<_> = page.iter().map(|message| message.number).collect();
        assert_eq!((numbers.first(), numbers.last()), (Some(&40_001), Some(&50_000)));
    })
    .await;
}

#[tokio::test]
async fn a_number_beyond_all_others_takes_no_memory() {
    let far = "S: +OK\nS: 1 1\nS: 4294967295 7\nS: .";
    let listing = with(&[&answers(far, far)], async |session| session.list(1, usize::MAX).await).await;
    let listing = listing.expect("works");
    assert_eq!((shown(&listing), listing.beyond()), (vec![(1, Some("1"), 1)], 1));
}
