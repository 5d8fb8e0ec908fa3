//! POP3 as a source.

use crate::script::{done, maildrop, page, read, shown, with};
use postroom_mail::source::{Access, Fate, MayBeKnown, Moved, Position, Size};
use postroom_model::{FaultClass, MaildropCursor, Protocol, UniqueId};
use std::{collections::HashSet, time::Duration};

const SIGN_IN: &str = "
    C: CAPA
    S: +OK
    S: USER
    S: UIDL
    S: TOP
    S: PIPELINING
    S: LOGIN-DELAY 60
    S: .
    C: USER ann
    S: +OK
    C: PASS s3cret-password
    S: +OK
";

const OLD: &str = "
    C: CAPA
    S: -ERR Unknown command
    C: USER ann
    S: +OK
    C: PASS s3cret-password
    S: +OK
";

/// How far three messages with ids a, b and c are on record.
const LISTED: &str = "
    C: STAT
    C: UIDL
    S: +OK 3 330
    S: +OK
    S: 1 a
    S: 2 b
    S: 3 c
    S: .
";

const SIZES: &str = "
    C: LIST
    S: +OK
    S: 1 100
    S: 2 110
    S: 3 120
    S: .
";

const QUIT: &str = "C: QUIT\nS: +OK bye\n";

fn id(uidl: &str) -> UniqueId {
    UniqueId::of_uidl(uidl)
}

fn after(uidls: &[&str]) -> MaildropCursor {
    let start = MaildropCursor::start(1);
    let prefix = uidls.iter().fold(start.prefix, |prefix, uidl| prefix.then(id(uidl)));
    MaildropCursor { prefix, ..start }
}

#[tokio::test]
async fn a_first_run_fetches_everything_and_the_next_asks_for_ids_alone() {
    let texts = "
        C: RETR 1
        C: RETR 2
        C: RETR 3
        S: +OK
        S: one
        S: .
        S: -ERR no such message
        S: +OK
        S: ..three
        S: .
        C: NOOP
        S: +OK
        C: LIST 2
        S: -ERR no such message
        C: LIST
        S: +OK
        S: 1 100
        S: 3 120
        S: .
    ";
    let cursor = with(Protocol::Pop3, &[SIGN_IN, LISTED, SIZES, texts, QUIT], async |mut source| {
        assert_eq!(source.resolve_folders(&["Any".into()], &[]).await.expect("asks nothing"), ["INBOX"]);
        assert!(source.deletes_at_close() && !source.has_email_ids());
        assert_eq!(source.login_delay(), Some(Duration::from_secs(60)));
        let mut folder = source.open("INBOX", Access::ReadOnly, maildrop(None), 10).await.expect("opens");
        assert!(!folder.read_only() && folder.exists() == 3 && folder.needs_known().is_none());
        let page = page(&mut source, &mut folder).await;
        assert_eq!(shown(&page.entries), [(1, 100, false), (2, 110, false), (3, 120, false)]);
        assert_eq!(page.entries[1].unique_id, Some(id("b")));
        {
            let mut bodies = source.bodies(&page.entries);
            let body = bodies.next().await.expect("works").expect("is there");
            assert_eq!(body.size(), Size::Claimed(100));
            assert_eq!(body.finish().await.expect("ends"), 1);
            let refused = "RETR refused: -ERR no such message".to_owned();
            assert_eq!(read(bodies).await.expect("works"), [(0, refused), (3, ".three\r\n".to_owned())]);
        }
        assert!(!source.exists(2).await.expect("answers"));
        let (cursor, ids) = done(&mut folder, &page.entries);
        assert_eq!((cursor, ids), (after(&["a", "b", "c"]), vec![id("a"), id("b"), id("c")]));
        assert_eq!(source.page(&mut folder).await.expect("works"), None);
        source.close().await.expect("ends");
        cursor
    })
    .await;
    with(Protocol::Pop3, &[SIGN_IN, LISTED, QUIT], async |mut source| {
        let position = maildrop(Some(cursor));
        let mut folder = source.open("INBOX", Access::ReadOnly, position, 10).await.expect("opens");
        assert_eq!(folder.needs_known(), None);
        assert_eq!(source.page(&mut folder).await.expect("works"), None);
        assert!(folder.moved(&[], |_| Fate::Pending).is_nothing());
        let turns = source.close().await.expect("ends").turns;
        assert_eq!(turns, 5, "CAPA, USER, PASS, STAT with UIDL, QUIT");
    })
    .await;
}

#[tokio::test]
async fn the_set_is_asked_for_where_the_listing_is_another() {
    with(Protocol::Pop3, &[SIGN_IN, LISTED, SIZES], async |mut source| {
        let position = maildrop(Some(after(&["gone", "a", "b"])));
        let mut folder = source.open("INBOX", Access::ReadOnly, position, 10).await.expect("opens");
        assert_eq!(folder.needs_known(), Some(0));
        folder.know(HashSet::from([id("gone"), id("a"), id("b")]));
        assert!(!folder.is_renumbered());
        let page = page(&mut source, &mut folder).await;
        assert_eq!(shown(&page.entries), [(3, 120, false)]);
        let (cursor, ids) = done(&mut folder, &page.entries);
        assert_eq!((cursor, ids), (after(&["a", "b", "c"]), vec![id("c")]));
    })
    .await;
    // Nothing is new: no sizes are asked for.
    with(Protocol::Pop3, &[SIGN_IN, LISTED, QUIT], async |mut source| {
        let position = maildrop(Some(after(&["gone", "a", "b", "c"])));
        let mut folder = source.open("INBOX", Access::ReadOnly, position, 10).await.expect("opens");
        folder.know(HashSet::from([id("gone"), id("a"), id("b"), id("c")]));
        while let Some(page) = source.page(&mut folder).await.expect("works") {
            assert!(page.entries.is_empty());
        }
        assert_eq!(done(&mut folder, &[]), (after(&["a", "b", "c"]), vec![]));
        source.close().await.expect("ends");
    })
    .await;
}

#[tokio::test]
async fn after_imap_headers_are_looked_at_first() {
    let tops = "
        C: TOP 1 0
        C: TOP 2 0
        S: +OK
        S: s: 1
        S: 
        S: .
        S: -ERR what?
    ";
    with(Protocol::Pop3, &[SIGN_IN, LISTED, SIZES, tops], async |mut source| {
        let position = maildrop(None).again();
        let mut folder = source.open("INBOX", Access::ReadOnly, position, 2).await.expect("opens");
        let page = page(&mut source, &mut folder).await;
        assert_eq!(shown(&page.entries), [(1, 100, true), (2, 110, true)]);
        assert_eq!((page.beyond, page.entries[0].possible_sizes()), (1, [100, 102, 98]));
        let headers = read(source.headers(&page.entries)).await.expect("works");
        assert_eq!(headers, [(1, "s: 1\r\n\r\n".into()), (0, "TOP refused: -ERR what?".into())]);
    })
    .await;
}

#[tokio::test]
async fn a_server_without_uidl_is_asked_for_headers() {
    let listed = "
        C: STAT
        S: +OK 2 200
        C: UIDL
        S: -ERR Unknown command
        C: LIST
        S: +OK
        S: 1 100
        S: 2 100
        S: .
    ";
    let top = |number: u32| format!("C: TOP {number} 0\nS: +OK\nS: s: {number}\nS: \nS: .\n");
    let header = |number: u32| UniqueId::of_header(format!("s: {number}\r\n").as_bytes(), 100);
    let text = [OLD, listed, &top(1), &top(2), QUIT].concat();
    let cursor = with(Protocol::Pop3, &[&text], async |mut source| {
        let mut folder = source.open("INBOX", Access::ReadOnly, maildrop(None), 10).await.expect("opens");
        let page = page(&mut source, &mut folder).await;
        let (cursor, ids) = done(&mut folder, &page.entries);
        assert_eq!(ids, [header(1), header(2)]);
        source.close().await.expect("ends");
        cursor
    })
    .await;
    // The same again takes one header; another last message, all of them.
    let text = [OLD, listed, &top(2)].concat();
    with(Protocol::Pop3, &[&text], async |mut source| {
        let position = maildrop(Some(cursor));
        let mut folder = source.open("INBOX", Access::ReadOnly, position, 10).await.expect("opens");
        assert_eq!(folder.needs_known(), None);
        assert_eq!(source.page(&mut folder).await.expect("works"), None);
    })
    .await;
    let other = "C: TOP 2 0\nS: +OK\nS: s: 3\nS: \nS: .\n";
    let text = [OLD, listed, other, &top(1), other].concat();
    with(Protocol::Pop3, &[&text], async |mut source| {
        let position = maildrop(Some(cursor));
        let mut folder = source.open("INBOX", Access::ReadOnly, position, 10).await.expect("opens");
        assert_eq!(folder.needs_known(), Some(0));
        folder.know(HashSet::from([header(1), header(2)]));
        let page = page(&mut source, &mut folder).await;
        assert_eq!(shown(&page.entries), [(2, 100, false)]);
        assert_eq!(page.entries[0].unique_id, Some(header(3)));
    })
    .await;
}

#[tokio::test]
async fn a_server_without_uidl_and_top_has_everything_new_when_something_changes() {
    let listed = "
        C: STAT
        S: +OK 1 100
        C: UIDL
        S: -ERR
        C: LIST
        S: +OK
        S: 1 100
        S: .
        C: TOP 1 0
        S: -ERR
    ";
    let cursor = with(Protocol::Pop3, &[OLD, listed], async |mut source| {
        let mut folder = source.open("INBOX", Access::ReadOnly, maildrop(None), 10).await.expect("opens");
        let page = page(&mut source, &mut folder).await;
        assert_eq!(page.entries[0].unique_id, None);
        let (cursor, ids) = done(&mut folder, &page.entries);
        assert!(ids.is_empty());
        cursor
    })
    .await;
    with(Protocol::Pop3, &[OLD, listed], async |mut source| {
        let position = maildrop(Some(cursor));
        let mut folder = source.open("INBOX", Access::ReadOnly, position, 10).await.expect("opens");
        assert_eq!(source.page(&mut folder).await.expect("works"), None, "as it was");
    })
    .await;
}

#[tokio::test]
async fn what_is_deleted_is_gone_when_the_end_is_answered_and_has_no_id_on_record() {
    let deletes = "C: DELE 1\nC: DELE 3\nS: +OK\nS: +OK\n";
    for (end, class) in [
        ("C: QUIT\nS: +OK\n", None),
        ("C: QUIT\nS: -ERR some deleted messages not removed\n", Some(FaultClass::Unknown)),
        ("C: QUIT\n", Some(FaultClass::ConnectionLost)),
    ] {
        with(Protocol::Pop3, &[SIGN_IN, LISTED, SIZES, deletes, end], async |mut source| {
            let mut folder =
                source.open("INBOX", Access::ReadWrite, maildrop(None), 10).await.expect("opens");
            let page = page(&mut source, &mut folder).await;
            source.delete(&[1, 3]).await.expect("marks");
            let moved = folder.moved(&page.entries, |number| match number {
                2 => Fate::Done,
                _ => Fate::Removed,
            });
            let to = after(&["b"]);
            assert_eq!(moved, Moved::Maildrop { from: None, to, ids: vec![id("b")] });
            assert_eq!(source.close().await.map_err(|error| error.fault().class).err(), class);
        })
        .await;
    }
}

#[tokio::test]
async fn a_maildrop_knows_no_marks_and_no_other_folders() {
    with(Protocol::Pop3, &[SIGN_IN, "C: STAT\nC: UIDL\nS: +OK 0 0\nS: +OK\nS: .\n"], async |mut source| {
        for refused in [source.mark_read(&[1]).await, source.move_to(&[1], "Done").await] {
            assert_eq!(refused.expect_err("cannot").fault().class, FaultClass::Configuration);
        }
        let uid = Position::Uid { recorded: None, may_be_known: MayBeKnown::Nothing, origin: 1 };
        assert!(source.open("INBOX", Access::ReadOnly, uid, 10).await.is_err());
        let mut folder = source.open("INBOX", Access::ReadOnly, maildrop(None), 10).await.expect("usable");
        assert_eq!(source.page(&mut folder).await.expect("works"), None);
    })
    .await;
}

#[tokio::test]
async fn a_listing_that_fails_fails_the_folder() {
    for (text, class) in [
        ("C: STAT\nC: UIDL\nS: +OK 3 330\nS: -ERR [SYS/TEMP] later\n", FaultClass::TemporarilyUnavailable),
        ("C: STAT\nC: UIDL\nS: -ERR [IN-USE] locked\nS: +OK\nS: .\n", FaultClass::TemporarilyUnavailable),
        ("C: STAT\nC: UIDL\nS: +OK 3 330\nS: +OK\nS: 1 a\n", FaultClass::ConnectionLost),
    ] {
        with(Protocol::Pop3, &[SIGN_IN, text], async |mut source| {
            let opened = source.open("INBOX", Access::ReadOnly, maildrop(None), 10).await;
            assert_eq!(opened.expect_err("fails").fault().class, class, "{text}");
        })
        .await;
    }
    let sizes = "C: LIST\nS: -ERR [SYS/TEMP] later\n";
    with(Protocol::Pop3, &[SIGN_IN, LISTED, sizes], async |mut source| {
        let mut folder = source.open("INBOX", Access::ReadOnly, maildrop(None), 10).await.expect("opens");
        let error = source.page(&mut folder).await.expect_err("without sizes");
        assert_eq!(error.fault().class, FaultClass::TemporarilyUnavailable);
    })
    .await;
}
