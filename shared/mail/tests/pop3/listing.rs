//! Listings, against scripted servers.

use crate::script::{OLD, ONE_BY_ONE, PIPELINING, Step, script, with, with_steps};
use postroom_mail::{
    Error,
    pop3::{Listing, Session},
};
use postroom_model::{FaultClass, UniqueId};
use tokio::io::DuplexStream;

type Shown = Vec<(u32, Option<UniqueId>, u64)>;

/// Number, id and size of each message.
fn shown(listing: &Listing) -> Shown {
    listing.iter().map(|message| (message.number, message.uidl, message.size)).collect()
}

/// What a message is known by that the server calls so.
fn id(uidl: &str) -> Option<UniqueId> {
    Some(UniqueId::of_uidl(uidl))
}

/// Asks for ids and sizes.
async fn list(session: &mut Session<DuplexStream>) -> Result<Listing, Error> {
    let mut listing = session.list().await?;
    session.list_sizes(&mut listing).await?;
    Ok(listing)
}

const IDS: &str = "
    S: +OK
    S: 1 whqtswO00WBw418f9t5JxYwZ
    S: 2 QhdPYR:00WBw1Ph7x7
    S: .
";

#[tokio::test]
async fn ids_take_one_turn_where_the_server_allows_it_and_sizes_another_where_they_are_wanted() {
    let together = ["C: STAT\nC: UIDL\nS: +OK 2 320\n", IDS].concat();
    let one_by_one = ["C: STAT\nS: +OK 2 320\nC: UIDL\n", IDS].concat();
    let sizes = "C: LIST\nS: +OK 2 messages (320 octets)\nS: 1 120\nS: 2 200\nS: .\nC: STAT\nS: +OK 2 320";
    for (begin, text, expected) in
        [(PIPELINING, &together, 1), (ONE_BY_ONE, &one_by_one, 2), (OLD, &one_by_one, 2)]
    {
        with(&[begin, text, sizes], async |session| {
            let before = session.traffic().turns;
            let mut listing = session.list().await.expect("works");
            assert_eq!(session.traffic().turns - before, expected);
            let ids = [id("whqtswO00WBw418f9t5JxYwZ"), id("QhdPYR:00WBw1Ph7x7")];
            assert_eq!(shown(&listing), [(1, ids[0], 0), (2, ids[1], 0)]);
            session.list_sizes(&mut listing).await.expect("works");
            session.list_sizes(&mut listing).await.expect("has them");
            assert_eq!(shown(&listing), [(1, ids[0], 120), (2, ids[1], 200)]);
            assert!(listing.present() == 2 && listing.has_uidls());
            session.count().await.expect("usable");
        })
        .await;
    }
}

#[tokio::test]
async fn a_listing_that_is_begun_tells_how_large_it_gets_and_waits() {
    for (begin, text, expected) in [
        (PIPELINING, ["C: STAT\nC: UIDL\nS: +OK 2 320\n", IDS].concat(), 1),
        (ONE_BY_ONE, ["C: STAT\nS: +OK 2 320\nC: UIDL\n", IDS].concat(), 2),
        (PIPELINING, "C: STAT\nC: UIDL\nS: +OK 0 0\nS: -ERR no messages\n".to_owned(), 1),
    ] {
        with(&[begin, &text, "C: STAT\nS: +OK 2 320"], async |session| {
            let before = session.traffic().turns;
            let count = session.begin_list().await.expect("works");
            assert!(matches!(session.count().await, Err(Error::OutOfStep)), "nothing comes in between");
            let listing = session.list().await.expect("works");
            assert_eq!(listing.iter().count(), count.messages as usize);
            assert_eq!(session.traffic().turns - before, expected);
            session.count().await.expect("usable");
        })
        .await;
    }
}

#[tokio::test]
async fn a_maildrop_that_is_too_full_is_refused_with_what_to_do() {
    for (begin, text) in
        [(PIPELINING, "C: STAT\nC: UIDL\nS: +OK 250001 9"), (OLD, "C: STAT\nS: +OK 250001 9")]
    {
        let fault = with(&[begin, text], async |session| session.list().await).await;
        let fault = fault.expect_err("refused").fault();
        assert_eq!(fault.class, FaultClass::Configuration);
        for said in ["250001 messages", "at most 250000", "delete some at the server", "fetch it by IMAP"] {
            assert!(fault.reason.contains(said), "{}", fault.reason);
        }
    }
}

#[tokio::test]
async fn an_empty_mailbox_needs_no_listing() {
    for (begin, text) in [
        (ONE_BY_ONE, "C: STAT\nS: +OK 0 0\n"),
        (PIPELINING, "C: STAT\nC: UIDL\nS: +OK 0 0\nS: +OK\nS: .\n"),
        (PIPELINING, "C: STAT\nC: UIDL\nS: +OK 0 0\nS: -ERR no messages\n"),
        (PIPELINING, "C: STAT\nC: UIDL\nS: +OK 0 0\nS: -ERR [SYS/TEMP] none\n"),
    ] {
        with(&[begin, text, "C: STAT\nS: +OK 0 0"], async |session| {
            let listing = list(session).await.expect("works");
            assert!(listing.iter().next().is_none());
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
    for (uidl, sizes, expected) in [
        ("S: -ERR Unknown command.", SIZES, vec![(1, None, 120), (2, None, 200)]),
        ("S: -ERR", SIZES, vec![(1, None, 120), (2, None, 200)]),
        // Out of order, more spaces, more words, sizes that are none.
        (
            "S: +OK\nS: 2  b \nS: 1 a\nS: .",
            "S: +OK\nS: 2\nS: 1 120 octets\nS: .",
            vec![(1, id("a"), 120), (2, id("b"), 0)],
        ),
        (
            "S: +OK\nS: 1 a\nS: 2 b\nS: .",
            "S: +OK\nS: 1 -1\nS: 2 99999999999999999999\nS: .",
            vec![(1, id("a"), 0), (2, id("b"), 0)],
        ),
        // One of the two leaves a message out, or its id.
        ("S: +OK\nS: 2 b\nS: .", SIZES, vec![(1, None, 120), (2, id("b"), 200)]),
        ("S: +OK\nS: 1 a\nS: 2 b\nS: .", "S: +OK\nS: 2 200\nS: .", vec![(1, id("a"), 0), (2, id("b"), 200)]),
        ("S: +OK\nS: 1\nS: 2 b\nS: .", SIZES, vec![(1, None, 120), (2, id("b"), 200)]),
        ("S: +OK\nS: 1 a\nS: .", "S: +OK\nS: 1 120\nS: .", vec![(1, id("a"), 120)]),
        // Two messages with one id (RFC 1939 allows it for equal ones).
        ("S: +OK\nS: 1 a\nS: 2 a\nS: .", SIZES, vec![(1, None, 120), (2, None, 200)]),
        // One whose id is its number, among others.
        ("S: +OK\nS: 1 1\nS: 2 b\nS: .", SIZES, vec![(1, id("1"), 120), (2, id("b"), 200)]),
        ("S: +OK\nS: 1 2\nS: 2 3\nS: .", SIZES, vec![(1, id("2"), 120), (2, id("3"), 200)]),
        // Ids with dots.
        ("S: +OK\nS: 1 .a\nS: 2 ..\nS: .", SIZES, vec![(1, id(".a"), 120), (2, id(".."), 200)]),
    ] {
        let listing = with(&[&answers(uidl, sizes)], async |session| list(session).await).await;
        let listing = listing.expect("works");
        assert_eq!(shown(&listing), expected, "{uidl}");
        assert_eq!((listing.present(), listing.has_uidls()), (2, !uidl.contains("-ERR")));
    }
    let uidl = format!("S: +OK\nS: 1 {}\nS: 2 a b\nS: .", "x".repeat(71));
    let listing = with(&[&answers(&uidl, SIZES)], async |session| list(session).await).await;
    let ids: Vec<_> = listing.expect("works").iter().filter_map(|message| message.uidl).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
}

#[tokio::test]
async fn sizes_are_asked_for_where_a_message_has_no_id() {
    for uidl in [
        "S: -ERR",
        "S: +OK\nS: 2 b\nS: .",
        "S: +OK\nS: 1\nS: 2 b\nS: .",
        "S: +OK\nS: .",
        "S: +OK\nS: 3 c\nS: .",
        "S: +OK\nS: 1 a\nS: 2 a\nS: .",
        "S: +OK\nS: 1 1\nS: 2 2\nS: .",
    ] {
        let listing = with(&[&answers(uidl, SIZES)], async |session| session.list().await).await;
        let sizes: Vec<_> = listing.expect("works").iter().take(2).map(|message| message.size).collect();
        assert_eq!(sizes, [120, 200], "{uidl}");
    }
}

#[tokio::test]
async fn ids_that_are_only_the_numbers_of_the_session_are_none() {
    for uidl in ["S: +OK\nS: 1 1\nS: 2 2\nS: .", "S: +OK\nS: 2 2\nS: ."] {
        let listing = with(&[&answers(uidl, SIZES)], async |session| session.list().await).await;
        let listing = listing.expect("works");
        assert_eq!((shown(&listing), listing.has_uidls()), (vec![(1, None, 120), (2, None, 200)], false));
    }
}

#[tokio::test]
async fn a_server_that_cannot_now_is_not_one_without_ids() {
    let offers = "S: +OK\nC: CAPA\nS: +OK\nS: USER\nS: UIDL\nS: .\nC: USER ann\nS: +OK\nC: PASS s3cret-password\nS: +OK\n";
    let without_list = |begin: &str, uidl: &str| format!("{begin}C: STAT\nS: +OK 2 320\nC: UIDL\n{uidl}\n");
    let temporarily = "S: -ERR [SYS/TEMP] later";
    for (text, class, command) in [
        (without_list(OLD, temporarily), FaultClass::TemporarilyUnavailable, "UIDL"),
        (without_list(OLD, "S: -ERR Server Unavailable. 21"), FaultClass::TemporarilyUnavailable, "UIDL"),
        (answers("S: +OK\nS: .", temporarily), FaultClass::TemporarilyUnavailable, "LIST"),
        (answers("S: +OK\nS: .", "S: -ERR"), FaultClass::Unknown, "LIST"),
        (without_list(offers, "S: -ERR"), FaultClass::Unknown, "UIDL"),
        (format!("{ONE_BY_ONE}C: STAT\n{temporarily}\n"), FaultClass::TemporarilyUnavailable, "STAT"),
        (
            format!("{PIPELINING}C: STAT\nC: UIDL\n{temporarily}\nS: +OK\nS: 1 a\nS: .\n"),
            FaultClass::TemporarilyUnavailable,
            "STAT",
        ),
        (
            format!("{PIPELINING}C: STAT\nC: UIDL\nS: +OK 1 1\n{temporarily}\n"),
            FaultClass::TemporarilyUnavailable,
            "UIDL",
        ),
    ] {
        let text = text + "C: STAT\nS: +OK 2 320";
        with(&[&text], async |session| {
            let error = list(session).await.expect_err("refused");
            assert_eq!(error.fault().class, class, "{text}");
            assert!(error.to_string().starts_with(command) && error.leaves_session_usable(), "{error}");
            session.count().await.expect("usable");
        })
        .await;
    }
}

#[tokio::test]
async fn a_message_is_there_or_not() {
    let no = "-ERR no such message, only 2 messages in maildrop";
    let listed = |which: &str| format!("{no}\nC: LIST\n{which}");
    for (said, expected) in [
        ("+OK 3 120", Ok(true)),
        // A no is believed when the listing says so too.
        (&listed(SIZES), Ok(false)),
        (&listed("S: +OK\nS: ."), Ok(false)),
        (&listed("S: +OK\nS: 1 120\nS: 3 200\nS: ."), Ok(true)),
        (&listed("S: -ERR"), Err(FaultClass::Unknown)),
        (&listed("S: -ERR [SYS/TEMP] later"), Err(FaultClass::TemporarilyUnavailable)),
        ("-ERR [SYS/TEMP] later", Err(FaultClass::TemporarilyUnavailable)),
    ] {
        let text = format!("C: LIST 3\nS: {said}\nC: STAT\nS: +OK 2 320");
        let found = with(&[OLD, &text], async |session| {
            let found = session.exists(3).await.map_err(|error| error.fault().class);
            session.count().await.expect("usable");
            found
        })
        .await;
        assert_eq!(found, expected, "{said}");
    }
}

#[tokio::test]
async fn a_hundred_thousand_messages_are_listed() {
    let count = 100_000;
    let ids: String = (1..=count).map(|n| format!("{n} UID{n:021}\r\n")).collect();
    let sizes: String = (1..=count).map(|n| format!("{n} {}\r\n", n * 7)).collect();
    let steps = [
        script(PIPELINING),
        script("C: STAT\nC: UIDL"),
        vec![Step::Send(format!("+OK {count} 1\r\n+OK\r\n{ids}.\r\n").into())],
        script("C: LIST"),
        vec![Step::Send(format!("+OK\r\n{sizes}.\r\n").into())],
    ];
    with_steps(steps.concat(), async |session| {
        let listing = list(session).await.expect("works");
        assert_eq!((listing.iter().count(), listing.present()), (100_000, 100_000));
        for (message, number) in listing.iter().zip(1..) {
            assert_eq!((message.number, message.size), (number, u64::from(number) * 7));
            assert_eq!(message.uidl, id(&format!("UID{number:021}")));
        }
    })
    .await;
}
