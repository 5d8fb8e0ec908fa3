//! IMAP as a source.

use crate::script::{folder, page, read, shown, with};
use postroom_mail::source::{Access, Cursor, Fate, Moved, Size};
use postroom_model::{FolderCursor, Protocol};

const SIGN_IN: &str = "
    S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready
    C: P1 AUTHENTICATE PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=
    S: P1 OK [CAPABILITY IMAP4rev1 UIDPLUS MOVE X-GM-EXT-1] signed in
";

#[tokio::test]
async fn a_folder_is_gone_on_from_and_its_texts_are_read() {
    let text = "
        C: P2 SELECT \"INBOX\"
        C: P3 UID FETCH 4:* (UID RFC822.SIZE)
        S: * 3 EXISTS
        S: * OK [UIDVALIDITY 7]
        S: * OK [UIDNEXT 8]
        S: P2 OK [READ-WRITE] done
        S: * 1 FETCH (UID 4 RFC822.SIZE 1)
        S: * 2 FETCH (UID 6 RFC822.SIZE 5)
        S: * 3 FETCH (UID 7 RFC822.SIZE 9)
        S: P3 OK done
        C: P4 UID FETCH 6:7 (UID BODY.PEEK[])
        S: * 2 FETCH (UID 6 BODY[] {5}
        S~ a: 12
        S: )
        S: P4 OK done
        C: P5 UID SEARCH UID 7
        S: * SEARCH
        S: P5 OK done
        C: P6 UID STORE 6 +FLAGS.SILENT (\\Seen)
        S: P6 OK done
        C: P7 UID MOVE 6 \"Done\"
        S: P7 OK done
        C: P8 UID STORE 6 +FLAGS.SILENT (\\Deleted)
        C: P9 UID EXPUNGE 6
        S: P8 OK done
        S: P9 OK done
        C: P10 LOGOUT
        S: * BYE
        S: P10 OK
    ";
    with(Protocol::Imap, &[SIGN_IN, text], async |mut source| {
        let cursor = FolderCursor::start(7, 1).advance(4);
        let position = folder(Some(cursor));
        let mut folder = source.open("INBOX", Access::ReadWrite, position, 10).await.expect("opens");
        assert!(!folder.read_only() && !folder.is_renumbered() && folder.exists() == 3);
        assert_eq!(folder.needs_known(), None);
        let page = page(&mut source, &mut folder).await;
        assert_eq!(shown(&page.entries), [(6, 5, false), (7, 9, false)]);
        {
            let mut bodies = source.bodies(&page.entries);
            let body = bodies.next().await.expect("works").expect("is there");
            assert_eq!(body.size(), Size::Exact(5));
            assert_eq!(body.finish().await.expect("ends"), 6);
            assert_eq!(read(bodies).await.expect("works"), []);
        }
        assert!(!source.exists(7).await.expect("answers"));
        source.mark_read(&[6]).await.expect("marks");
        source.move_to(&[6], "Done").await.expect("moves");
        source.delete(&[6]).await.expect("deletes");
        let moved = folder.moved(&page.entries, |_| Fate::Done);
        let to = cursor.advance(7);
        assert_eq!(moved, Moved::Uid { from: Some(cursor), to });
        folder.recorded(Cursor::Uid(to));
        assert_eq!(source.page(&mut folder).await.expect("works"), None);
        assert!(folder.moved(&[], |_| Fate::Pending).is_nothing() && folder.rewritten().is_none());
        assert!(!source.deletes_at_close() && source.login_delay().is_none());
        source.close().await.expect("cannot fail");
    })
    .await;
}

#[tokio::test]
async fn after_pop3_a_folder_is_looked_at_again_by_header() {
    let text = "
        C: P2 EXAMINE \"INBOX\"
        S: * 1 EXISTS
        S: * OK [UIDVALIDITY 7]
        S: * OK [UIDNEXT 5]
        S: P2 OK [READ-ONLY] done
        C: P3 UID FETCH 1:* (UID RFC822.SIZE)
        S: * 1 FETCH (UID 4 RFC822.SIZE 98)
        S: P3 OK done
        C: P4 UID FETCH 4 (UID RFC822.SIZE BODY.PEEK[HEADER])
        S: * 1 FETCH (UID 4 RFC822.SIZE 98 BODY[HEADER] \"a: 1\")
        S: P4 OK done
    ";
    with(Protocol::Imap, &[SIGN_IN, text], async |mut source| {
        let position = folder(None).again();
        let mut folder = source.open("INBOX", Access::ReadOnly, position, 10).await.expect("opens");
        assert!(folder.read_only() && !folder.is_renumbered());
        let page = page(&mut source, &mut folder).await;
        assert_eq!(shown(&page.entries), [(4, 98, true)]);
        assert_eq!(page.entries[0].possible_sizes(), [98, 100, 96]);
        assert_eq!(read(source.headers(&page.entries)).await.expect("works"), [(4, "a: 1".to_owned())]);
    })
    .await;
}

#[tokio::test]
async fn copies_in_several_folders_are_told_and_excluded_folders_are_left_out() {
    let text = "
        C: P2 LIST \"\" \"*\"
        S: * LIST () \"/\" INBOX
        S: * LIST (\\All) \"/\" All
        S: * LIST (\\Trash) \"/\" Bin
        S: * LIST () \"/\" Old
        S: P2 OK done
        C: P3 EXAMINE \"All\"
        S: * 1 EXISTS
        S: * OK [UIDVALIDITY 7]
        S: P3 OK done
        C: P4 UID FETCH 1:* (UID RFC822.SIZE X-GM-MSGID)
        S: * 1 FETCH (UID 4 RFC822.SIZE 98 X-GM-MSGID 1278455344230334865)
        S: P4 OK done
    ";
    with(Protocol::Imap, &[SIGN_IN, text], async |mut source| {
        let excluded = [r"\Trash", "Old", r"\Junk", "Never*"].map(str::to_owned);
        let folders = source.resolve_folders(&["*".to_owned()], &excluded).await.expect("lists");
        assert_eq!(folders, ["INBOX", "All"]);
        assert!(source.has_email_ids());
        let mut folder = source.open("All", Access::ReadOnly, folder(None), 10).await.expect("opens");
        assert!(page(&mut source, &mut folder).await.entries[0].email_id.is_some());
    })
    .await;
    let text = "C: P2 LIST \"\" \"*\"\nS: * LIST () \"/\" INBOX\nS: P2 OK done\n";
    with(Protocol::Imap, &[SIGN_IN, text], async |mut source| {
        let folders = source.resolve_folders(&["*".to_owned()], &["Inbox".to_owned()]).await;
        assert_eq!(folders.expect("lists"), Vec::<String>::new());
        assert!(!source.has_email_ids(), "one folder or none has no copies elsewhere");
    })
    .await;
}
