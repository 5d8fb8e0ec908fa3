//! Folders, listings, bodies and changes, against scripted servers.

use crate::script::{after_sign_in, against, read, script, signed_in, with, with_steps};
use postroom_mail::{
    Error,
    imap::{Access, Entry, UidSet},
};
use postroom_model::FaultClass;

fn sets(uids: &[u32]) -> Vec<UidSet> {
    UidSet::split(uids.iter().copied())
}

#[tokio::test]
async fn work_can_be_spawned() {
    fn is_send<T: Send>(_: &T) {}
    with("C: P2 UID SEARCH UID 1\nS: * SEARCH\nS: P2 OK done", async |session| {
        is_send(session);
        is_send(&session.open("INBOX", Access::ReadOnly, Some(1), 1));
        is_send(&session.resolve_folders(&[]));
        is_send(&session.move_to(&UidSet::one(1), "x"));
        is_send(&session.bodies(Vec::new()).next());
        let searching = session.exists(1);
        is_send(&searching);
        assert!(!searching.await.expect("answers"));
    })
    .await;
}

#[tokio::test]
async fn a_poll_that_finds_nothing_takes_three_turns() {
    let text = "
        C: P2 EXAMINE \"INBOX\"
        C: P3 UID FETCH 7:* (UID RFC822.SIZE)
        S: * FLAGS (\\Answered \\Flagged)
        S: * 3 EXISTS
        S: * 0 RECENT
        S: * OK [UIDVALIDITY 1700000000] UIDs valid
        S: * OK [UIDNEXT 8] Predicted next UID
        S: P2 OK [READ-ONLY] Examine completed
        S: * 3 FETCH (UID 7 RFC822.SIZE 900)
        S: P3 OK Fetch completed
        C: P4 LOGOUT
        S: * BYE Logging out
        S: P4 OK Logout completed";
    let traffic = against(after_sign_in(text), async |stream| {
        let mut session = signed_in(stream).await?;
        let opened = session.open("INBOX", Access::ReadOnly, Some(8), 100).await?;
        assert_eq!((opened.uid_validity, opened.uid_next, opened.exists), (1_700_000_000, Some(8), 3));
        assert!(opened.read_only);
        assert_eq!(opened.listing, Some(Default::default()));
        Ok::<_, Error>(session.logout().await)
    })
    .await
    .expect("works");
    assert_eq!(traffic.turns, 3);
    assert!(traffic.bytes_in < 600 && traffic.bytes_out < 160);
}

#[tokio::test]
async fn listings_keep_the_lowest_uids_and_ignore_what_was_not_asked() {
    let text = "
        C: P2 SELECT \"INBOX\"
        C: P3 UID FETCH 4:* (UID RFC822.SIZE)
        S: * 9 EXISTS
        S: * OK [UIDVALIDITY 1]
        S: P2 OK [READ-WRITE] done
        S: * 1 FETCH (UID 5 RFC822.SIZE 10)
        S: * 2 FETCH (RFC822.SIZE 20 UID 6)
        S: * 10 EXISTS
        S: * 2 FETCH (FLAGS (\\Seen))
        S: * 4 FETCH (UID 8 FLAGS (\\Seen $Odd) RFC822.SIZE 4294967296)
        S: * 5 FETCH (UID 9 RFC822.SIZE 1)
        S: * 3 EXPUNGE
        S: * 6 FETCH (UID 10 RFC822.SIZE 1)
        S: * 1 FETCH (UID 4 RFC822.SIZE 1)
        S: P3 OK done
        C: P4 UID FETCH 8:10 (UID RFC822.SIZE)
        S: * 6 FETCH (UID 10 RFC822.SIZE 1)
        S: * 7 FETCH (UID 11 RFC822.SIZE 1)
        S: P4 OK done
        C: P5 UID SEARCH UID 9
        S: * SEARCH 9
        S: P5 OK done
        C: P6 UID SEARCH UID 8
        S: * SEARCH
        S: P6 OK done";
    with(text, async |session| {
        let opened = session.open("INBOX", Access::ReadWrite, Some(5), 3).await.expect("opens");
        assert_eq!((opened.exists, opened.read_only), (9, false));
        let listing = opened.listing.expect("asked for");
        let entry = |uid, size| Entry { uid, size, email_id: None };
        assert_eq!(listing.entries, [entry(5, 10), entry(6, 20), entry(8, 1 << 32)]);
        assert_eq!(listing.beyond, 2);
        let listing = session.list_messages(9, Some(10), 100).await.expect("lists");
        assert_eq!(listing.entries, [entry(10, 1)]);
        assert!(session.exists(9).await.expect("asks"));
        assert!(!session.exists(8).await.expect("asks"));
    })
    .await;
}

/// Opens `INBOX`, lists it from UID 5 on with what the server says, and returns UIDs and sizes.
async fn listed(said: &str, cap: usize) -> Result<(Vec<(u32, u64)>, u64), Error> {
    let text = format!(
        "C: P2 EXAMINE \"INBOX\"
         C: P3 UID FETCH 4:* (UID RFC822.SIZE)
         S: * 6 EXISTS
         S: * OK [UIDVALIDITY 1]
         {said}"
    );
    with(&text, async |session| {
        let opened = session.open("INBOX", Access::ReadOnly, Some(5), cap).await?;
        let listing = opened.listing.expect("asked for");
        Ok((listing.entries.iter().map(|entry| (entry.uid, entry.size)).collect(), listing.beyond))
    })
    .await
}

#[tokio::test]
async fn what_a_listing_leaves_out_is_asked_for() {
    let (four, six) =
        ("S: P2 OK done\nS: * 2 FETCH (UID 4 RFC822.SIZE 1)\n", "S: * 6 FETCH (UID 20 RFC822.SIZE 1)\n");
    let done = "S: P3 OK done\n";
    for (name, said, expected) in [
        (
            "nothing",
            format!(
                "{four}{six}S: * 4 FETCH (UID 8 RFC822.SIZE 1)
                 S: * 5 FETCH (UID 9 RFC822.SIZE 1)
                 S: * 3 FETCH (UID 5 RFC822.SIZE 1)
                 {done}"
            ),
            vec![(5, 1), (8, 1), (9, 1), (20, 1)],
        ),
        (
            "one at the beginning, one in the middle, one at the end",
            format!(
                "{four}S: * 4 FETCH (UID 8 RFC822.SIZE 1)
                 S: * 7 EXISTS
                 {done}C: P4 UID SEARCH UID 5:7,9:*
                 S: * SEARCH 6 4 9 21
                 S: P4 OK done"
            ),
            vec![(6, 0), (8, 1), (9, 0), (21, 0)],
        ),
        (
            "everything",
            format!(
                "{four}{done}C: P4 UID SEARCH UID 5:*
                 S: * ESEARCH (TAG \"P4\") UID ALL 5:7,30
                 S: P4 OK done"
            ),
            vec![(5, 0), (6, 0), (7, 0), (30, 0)],
        ),
        (
            "the end, and it is gone meanwhile",
            format!(
                "{four}S: * 3 FETCH (UID 5 RFC822.SIZE 1)
                 {done}C: P4 UID SEARCH UID 6:*
                 S: * SEARCH 5
                 S: P4 OK done"
            ),
            vec![(5, 1)],
        ),
        ("numbers that have changed", format!("{four}S: * 1 EXPUNGE\n{six}{done}"), vec![(20, 1)]),
        ("messages that are gone", format!("{four}S: * VANISHED 5:19\n{six}{done}"), vec![(20, 1)]),
        (
            "nothing that was there when the folder was opened",
            format!("S: * OK [UIDNEXT 5]\nS: P2 OK done\nS: * 9 EXISTS\n{done}"),
            Vec::new(),
        ),
    ] {
        assert_eq!(listed(&said, 100).await.expect(name), (expected, 0), "{name}");
    }
    let said = format!("{four}{six}{done}C: P4 UID SEARCH UID 5:19\nS: * SEARCH 5 7 9\nS: P4 OK done");
    assert_eq!(listed(&said, 2).await.expect("lists"), (vec![(5, 0), (7, 0)], 2));
    let said = format!("{four}{six}{done}C: P4 UID SEARCH UID 5:19\nS: P4 OK done");
    assert!(matches!(listed(&said, 100).await, Err(Error::Protocol(_))));
}

#[tokio::test]
async fn only_an_answer_tells_that_a_message_is_gone() {
    for (said, expected) in [
        ("S: * SEARCH", Some(false)),
        ("S: * SEARCH ", Some(false)),
        ("S: * SEARCH 7", Some(true)),
        ("S: * SEARCH  6  7", Some(true)),
        ("S: * SEARCH 6 (MODSEQ 9)", Some(false)),
        ("S: * ESEARCH (TAG \"P2\") UID", Some(false)),
        ("S: * ESEARCH (TAG \"P2\") UID MIN 6 ALL 6:8 COUNT 3", Some(true)),
        ("S: * ESEARCH UID ALL 1,9:8", Some(false)),
        ("S: * OK Still here", None),
        ("S: * SEARCH seven", None),
        ("S: * SEARCH 6,7", None),
        ("S: * SEARCH 6 7x", None),
        ("S: * ESEARCH (TAG \"P2\") ALL 6:8", None),
        ("S: * ESEARCH UID ALL 6:", None),
        ("S: * ESEARCH UID ALL 6;7", None),
    ] {
        let text = format!("C: P2 UID SEARCH UID 7\n{said}\nS: P2 OK done");
        let found = with(&text, async |session| session.exists(7).await).await;
        match expected {
            Some(expected) => assert_eq!(found.expect(said), expected, "{said}"),
            None => assert!(matches!(found, Err(Error::Protocol(_))), "{said}: {found:?}"),
        }
    }
}

#[tokio::test]
async fn folders_that_cannot_be_opened_leave_the_session_usable() {
    let text = "
        C: P2 EXAMINE \"Gone \\\"x\\\"\"
        C: P3 UID FETCH 1:* (UID RFC822.SIZE)
        S: P2 NO [NONEXISTENT] Unknown Mailbox: Gone
        S: P3 BAD No mailbox selected
        C: P4 EXAMINE \"Busy\"
        S: P4 NO User is authenticated but not connected.
        C: P5 EXAMINE \"Empty\"
        C: P6 UID FETCH 1:* (UID RFC822.SIZE)
        S: * 0 EXISTS
        S: * OK [UIDVALIDITY 9] ok
        S: P5 OK done
        S: P6 BAD The specified message set is invalid.
        C: P7 EXAMINE \"Odd\"
        S: * 0 EXISTS
        S: P7 OK done";
    with(text, async |session| {
        let error = session.open("Gone \"x\"", Access::ReadOnly, Some(1), 9).await.expect_err("not there");
        assert!(error.leaves_session_usable());
        assert_eq!(error.fault().class, FaultClass::Folder);
        assert_eq!(error.to_string(), r#"folder "Gone \"x\"": NO [NONEXISTENT] Unknown Mailbox: Gone"#);
        let error = session.open("Busy", Access::ReadOnly, None, 9).await.expect_err("no access");
        assert_eq!(error.fault().class, FaultClass::NoMailboxAccess);
        let opened = session.open("Empty", Access::ReadOnly, Some(1), 9).await.expect("opens");
        assert_eq!(opened.listing, Some(Default::default()));
        let error = session.open("Odd", Access::ReadOnly, None, 9).await.expect_err("no UIDVALIDITY");
        assert_eq!(error.fault().class, FaultClass::Protocol);
    })
    .await;
}

#[tokio::test]
async fn folders_are_found_by_name_pattern_and_use() {
    let text = "
        C: P2 LIST \"\" \"*\" RETURN (SPECIAL-USE)
        S: * LIST (\\HasNoChildren) \"/\" INBOX
        S: * LIST () NIL \"\"
        S: * LIST (\\HasChildren \\Noselect) \"/\" \"Projects\"
        S: * LIST (\\HasNoChildren) \"/\" \"Projects/a \\\"b\\\"\"
        S: * LIST (\\HasNoChildren) \"/\" {10}
        S: Projects/c
        S: * LIST (\\HasNoChildren \\Sent) \"/\" \"Gesendete Objekte\" (\"CHILDINFO\" (\"SUBSCRIBED\"))
        S: * LIST () NIL Entw&APw-rfe
        S: P2 OK done
        C: P3 LIST \"\" \"Entw&APw-*\" RETURN (SPECIAL-USE)
        S: * LIST () \"/\" Entw&APw-rfe
        S: P3 OK done
        C: P4 LIST \"\" \"Nothing*\" RETURN (SPECIAL-USE)
        S: P4 OK done";
    with(text, async |session| {
        let resolve = |wanted: &[&str]| wanted.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let names =
            session.resolve_folders(&resolve(&["INBOX", "Größe", "R&D"])).await.expect("no round trip");
        assert_eq!(names, ["INBOX", "Gr&APYA3w-e", "R&-D"]);
        let names = session
            .resolve_folders(&resolve(&["INBOX", r"\sent", "Projects*", "I*"]))
            .await
            .expect("one LIST");
        assert_eq!(names, ["INBOX", "Gesendete Objekte", "Projects/a \"b\"", "Projects/c"]);
        let names = session.resolve_folders(&resolve(&["Entwü*"])).await.expect("one LIST");
        assert_eq!(names, ["Entw&APw-rfe"]);
        let error = session.resolve_folders(&resolve(&["INBOX", "Nothing*"])).await.expect_err("no match");
        assert_eq!(error.fault().class, FaultClass::Folder);
        assert!(error.to_string().contains("Nothing*"), "{error}");
        assert!(matches!(session.list("a\r\nP9 LOGOUT").await, Err(Error::Unsendable(_))));
    })
    .await;
}

const TWO_BODIES: &str = "
    C: P2 UID FETCH 1:3 (UID BODY.PEEK[])
    C: P3 UID FETCH 9 (UID BODY.PEEK[])
    S: * 1 FETCH (UID 1 BODY[] {12}
    S: Subject: a
    S: )
    S: * 12 EXISTS
    S: * 7 FETCH (FLAGS (\\Seen))
    S: * OK Still here
    S: * 2 FETCH (BODY[] {3}
    S: a)b UID 2 FLAGS (\\Seen $x))
    S: * 3 FETCH (UID 3 BODY[] NIL)
    S: P2 OK done
    S: * 9 FETCH (UID 9 BODY[] \"q\\\"q\")
    S: * 10 FETCH (UID 10 BODY[] {0}
    S: )
    S: P3 OK done";

fn two_bodies() -> Vec<(u32, String)> {
    let bodies = [(1, "Subject: a\r\n"), (2, "a)b"), (9, "q\"q"), (10, "")];
    bodies.map(|(uid, text)| (uid, text.to_owned())).to_vec()
}

#[tokio::test]
async fn bodies_come_as_they_are() {
    for drip in ["", "drip\n"] {
        let text = format!("{drip}{TWO_BODIES}\nC: P4 UID SEARCH UID 1\nS: * SEARCH\nS: P4 OK done");
        with(&text, async |session| {
            let batches = [sets(&[1, 2, 3]), sets(&[9])].concat();
            assert_eq!(read(&mut session.bodies(batches)).await.expect("reads"), two_bodies());
            assert!(!session.exists(1).await.expect("the session goes on"));
        })
        .await;
    }
}

#[tokio::test]
async fn commands_go_out_ahead_but_not_all_at_once() {
    let body = |n: u32| format!("S: * {n} FETCH (UID {n} BODY[] {{1}}\nS: x)\nS: P{} OK done\n", n + 1);
    let command = |n: u32| format!("C: P{} UID FETCH {n} (UID BODY.PEEK[])\n", n + 1);
    let mut text: String = (1..=3).map(command).collect();
    for n in 1..=6 {
        text += &body(n);
        if n + 3 <= 6 {
            text += &command(n + 3);
        }
    }
    with(&text, async |session| {
        let batches = (1..=6).map(UidSet::one).collect();
        let found = read(&mut session.bodies(batches)).await.expect("reads");
        assert_eq!(found.iter().map(|(uid, _)| *uid).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    })
    .await;
}

#[tokio::test]
async fn a_refused_batch_does_not_stop_the_others() {
    let text = "
        C: P2 UID FETCH 1 (UID RFC822.SIZE BODY.PEEK[HEADER])
        C: P3 UID FETCH 2 (UID RFC822.SIZE BODY.PEEK[HEADER])
        S: P2 NO Some messages could not be FETCHed
        S: * 2 FETCH (UID 2 RFC822.SIZE 77 BODY[HEADER] {6}
        S~ a: b
        S:
        S: )
        S: P3 OK done"
        .replace("S:\n", "S: \n");
    with(&text, async |session| {
        let mut headers = session.headers(vec![UidSet::one(1), UidSet::one(2)]);
        let error = headers.next().await.map(drop).expect_err("refused");
        assert!(error.leaves_session_usable(), "{error}");
        let body = headers.next().await.expect("goes on").expect("one message");
        assert_eq!((body.size(), body.uid(), body.rfc822_size()), (6, Some(2), Some(77)));
        assert_eq!(body.finish().await.map_err(|e| e.to_string()), Ok(2));
        assert!(headers.next().await.expect("ends").is_none());
    })
    .await;
}

#[tokio::test]
async fn messages_are_changed_with_what_the_server_offers() {
    let text = "
        C: P2 UID STORE 1:2 +FLAGS.SILENT (\\Seen)
        S: P2 OK done
        C: P3 UID STORE 1:2 +FLAGS.SILENT (\\Deleted)
        C: P4 UID EXPUNGE 1:2
        S: P3 OK done
        S: * 1 EXPUNGE
        S: * 1 EXPUNGE
        S: P4 OK done
        C: P5 UID MOVE 3 \"Archived\"
        S: P5 NO [TRYCREATE] Mailbox doesn't exist: Archived
        C: P6 CREATE \"Archived\"
        S: P6 OK done
        C: P7 UID MOVE 3 \"Archived\"
        S: P7 OK [COPYUID 1 3 1] Moved UIDs.
        C: P8 UID STORE 4 +FLAGS.SILENT (\\Seen)
        S: P8 NO [NOPERM] Permission denied
        C: P9 UID MOVE 4 \"Full\"
        S: P9 NO [OVERQUOTA] Quota exceeded";
    with(text, async |session| {
        let (set, three, four) = (&sets(&[1, 2])[0], &UidSet::one(3), &UidSet::one(4));
        session.mark_read(set).await.expect("marks");
        session.delete(set).await.expect("deletes");
        session.move_to(three, "Archived").await.expect("moves");
        assert!(matches!(session.mark_read(four).await, Err(Error::Refused { command: "UID STORE", .. })));
        let error = session.move_to(four, "Full").await.expect_err("no room");
        assert_eq!(error.fault().class, FaultClass::OverQuota);
    })
    .await;
}

#[tokio::test]
async fn without_extensions_only_our_messages_are_marked() {
    let text = "
        S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready
        C: P1 AUTHENTICATE PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=
        S: P1 OK in
        C: P2 CAPABILITY
        S: * CAPABILITY IMAP4rev1
        S: P2 OK done
        C: P3 UID COPY 3 \"Archived\"
        S: P3 OK done
        C: P4 UID STORE 3 +FLAGS.SILENT (\\Deleted)
        S: P4 OK done";
    with_steps(script(text), async |session| {
        session.move_to(&UidSet::one(3), "Archived").await.expect("copies");
    })
    .await;
}
