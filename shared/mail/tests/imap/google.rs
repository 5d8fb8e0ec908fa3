//! Servers that behave like Gmail. Where each habit is known from stands in `docs/servers.md`.

use crate::script::{
    after_sign_in, against, password, read, script, sign_in, signed_in, token, with, with_steps,
};
use postroom_mail::{
    Credential, Error,
    imap::{Access, UidSet},
};
use postroom_model::{FaultClass, SaslPolicy};

const GREETING: &str = "
    S: * OK Gimap ready for requests from 192.0.2.1 d2e1a72fcca58-6f0000000b3a
    C: P1 CAPABILITY
    S: * CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR AUTH=XOAUTH2 AUTH=PLAIN AUTH=PLAIN-CLIENTTOKEN AUTH=OAUTHBEARER
    S: P1 OK Thats all she wrote! d2e1a72fcca58-6f0000000b3a
";
const XOAUTH2: &str = "C: P2 AUTHENTICATE XOAUTH2 XOAUTH2=\n";
const PLAIN: &str = "C: P2 AUTHENTICATE PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=\n";

async fn refused(credential: &Credential, begin: &str, said: &str) -> Error {
    let text = [GREETING, begin, said].concat();
    sign_in(credential, SaslPolicy::Xoauth2, &text).await.expect_err("refused")
}

#[tokio::test]
async fn the_reason_in_json_is_answered_and_told() {
    // {"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}
    let said = "
        S: + eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==
        C: \n\
        S: P2 NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)";
    let error = refused(&token(), XOAUTH2, said).await;
    assert_eq!(error.fault().class, FaultClass::TokenRefused);
    assert!(error.to_string().ends_with("(status 400, schemes Bearer, scope https://mail.google.com/)"));
}

#[tokio::test]
async fn a_person_is_sent_to_the_browser() {
    for said in [
        "S: * NO [WEBALERT https://accounts.google.com/signin/continue?sarp=1&scc=1&plt=AKgnsbt] Web login required.
         S: P2 NO [ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)",
        "S: P2 NO [WEBALERT https://accounts.google.com/signin/continue?plt=AKgnsbt] Web login required.",
        "S: P2 NO [ALERT] Web login required: https://support.google.com/mail/answer/78754 (Failure)",
    ] {
        for (credential, begin) in [(password(), PLAIN), (token(), XOAUTH2)] {
            let error = refused(&credential, begin, said).await;
            assert_eq!(error.fault().class, FaultClass::WebLoginRequired, "{said}");
            assert!(!error.to_string().contains("AKgnsbt"), "the personal link is kept back: {error}");
        }
    }
}

#[tokio::test]
async fn limits_are_told_apart() {
    for (said, class) in [
        ("NO [ALERT] Too many simultaneous connections. (Failure)", FaultClass::Throttled),
        ("NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", FaultClass::OverQuota),
        ("NO [ALERT] Account exceeded command or bandwidth limits. u12 (Failure)", FaultClass::OverQuota),
        ("NO [THROTTLED] Request throttled. (Failure)", FaultClass::Throttled),
        ("NO [UNAVAILABLE] Temporary System Error (Failure)", FaultClass::TemporarilyUnavailable),
        ("NO System Error (Failure)", FaultClass::TemporarilyUnavailable),
    ] {
        let error = refused(&token(), XOAUTH2, &format!("S: P2 {said}")).await;
        assert_eq!(error.fault().class, class, "{said}");
    }
    let text = "C: P2 UID FETCH 1 (UID BODY.PEEK[])\nS: * BYE [OVERQUOTA] Account exceeded command or bandwidth limits.";
    with(text, async |session| {
        let error = read(&mut session.bodies(vec![UidSet::one(1)])).await.expect_err("ended");
        assert_eq!(error.fault().class, FaultClass::OverQuota, "in mid-session too");
    })
    .await;
}

#[tokio::test]
async fn a_password_that_is_none_for_programs_is_told() {
    let said = "S: P2 NO [ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)";
    assert_eq!(refused(&password(), PLAIN, said).await.fault().class, FaultClass::PasswordRefused);
    let said = "S: P2 NO [ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account for IMAP access. (Failure)";
    assert_eq!(refused(&token(), XOAUTH2, said).await.fault().class, FaultClass::NoMailboxAccess);
}

/// A sign-in at a server with these capabilities.
fn offering(capabilities: &str, text: &str) -> String {
    format!(
        "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready
         C: P1 AUTHENTICATE PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=
         S: P1 OK [CAPABILITY IMAP4rev1 {capabilities}] signed in
         {text}"
    )
}

#[tokio::test]
async fn a_message_is_the_same_under_each_of_its_labels() {
    let folder = |tag: u32, name: &str, said: &str| {
        format!(
            "C: P{tag} EXAMINE \"{name}\"
             C: P{next} UID FETCH 1:* (UID RFC822.SIZE X-GM-MSGID)
             S: * 2 EXISTS
             S: * OK [UIDVALIDITY 1]
             S: * OK [HIGHESTMODSEQ 9]
             S: P{tag} OK [READ-ONLY] selected. (Success)
             {said}
             S: P{next} OK Success\n",
            next = tag + 1
        )
    };
    let text = [
        offering("X-GM-EXT-1 CONDSTORE ESEARCH", ""),
        folder(
            2,
            "INBOX",
            "S: * 1 FETCH (X-GM-MSGID 1278455344230334865 UID 3 RFC822.SIZE 10)
             S: * 2 FETCH (X-GM-MSGID 18446744073709551615 UID 4 RFC822.SIZE 10)",
        ),
        folder(
            4,
            "[Gmail]/Alle Nachrichten",
            "S: * 1 FETCH (UID 8 X-GM-MSGID 18446744073709551615 RFC822.SIZE 10)
             S: * 2 FETCH (UID 9 RFC822.SIZE 10)",
        ),
    ];
    with_steps(script(&text.concat()), async |session| {
        assert!(session.ask_for_email_ids().await.expect("offered"));
        let mut ids = Vec::new();
        for name in ["INBOX", "[Gmail]/Alle Nachrichten"] {
            let opened = session.open(name, Access::ReadOnly, Some(1), 9).await.expect("opens");
            ids.extend(opened.listing.expect("asked for").entries.iter().map(|entry| entry.email_id));
        }
        assert!(ids[0].is_some() && ids[0] != ids[1]);
        assert_eq!(ids[1], ids[2]);
        assert_eq!(ids[3], None, "left out by the server: no harm");
    })
    .await;
}

#[tokio::test]
async fn ids_are_asked_for_where_they_are_offered_and_wanted() {
    for (capabilities, wanted, items) in [
        ("X-GM-EXT-1 OBJECTID", true, "UID RFC822.SIZE X-GM-MSGID"),
        ("OBJECTID", true, "UID RFC822.SIZE EMAILID"),
        ("UIDPLUS", true, "UID RFC822.SIZE"),
        ("X-GM-EXT-1", false, "UID RFC822.SIZE"),
    ] {
        let text = offering(
            capabilities,
            &format!(
                "C: P2 UID FETCH 1:* ({items})
                 S: * 1 FETCH (UID 3 RFC822.SIZE 10 EMAILID (M6d99ac3275bb4e))
                 S: * 2 FETCH (UID 4 RFC822.SIZE 10 EMAILID (M6d99ac3275bb4f))
                 S: * 3 FETCH (UID 5 RFC822.SIZE 10 EMAILID (M6d99ac3275bb4e))
                 S: P2 OK done"
            ),
        );
        with_steps(script(&text), async |session| {
            if wanted {
                assert_eq!(session.ask_for_email_ids().await.expect("told"), items.len() > 15, "{items}");
            }
            let entries = session.list_messages(1, None, 9).await.expect("lists").entries;
            assert_eq!(entries[0].email_id, entries[2].email_id);
            assert!(entries[0].email_id.is_some() && entries[0].email_id != entries[1].email_id);
        })
        .await;
    }
    for id in ["()", "NIL", "(unclosed", "x"] {
        let text = offering(
            "OBJECTID",
            &format!("C: P2 UID FETCH 1:* (UID RFC822.SIZE)\nS: * 1 FETCH (EMAILID {id} UID 1)"),
        );
        let error = with_steps(script(&text), async |session| session.list_messages(1, None, 9).await).await;
        assert!(matches!(error, Err(Error::Protocol(_))), "{id}: {error:?}");
    }
}

#[tokio::test]
async fn status_responses_without_a_text_are_read() {
    let text = "
        C: P2 EXAMINE \"INBOX\"
        C: P3 UID FETCH 1:* (UID RFC822.SIZE)
        S: * FLAGS (\\Answered \\Flagged $NotPhishing)
        S: * OK [PERMANENTFLAGS ()] Flags permitted.
        S: * OK [UIDVALIDITY 1] UIDs valid.
        S: * 0 EXISTS
        S: * 0 RECENT
        S: * OK [UIDNEXT 1] Predicted next UID.
        S: * OK [HIGHESTMODSEQ 3403]
        S: P2 OK [READ-ONLY] INBOX selected. (Success)
        S: P3 OK Success";
    with(text, async |session| {
        let opened = session.open("INBOX", Access::ReadOnly, Some(1), 9).await.expect("opens");
        assert_eq!((opened.uid_next, opened.exists), (Some(1), 0));
    })
    .await;
}

#[tokio::test]
async fn null_characters_are_part_of_a_text() {
    let text = "
        C: P2 UID FETCH 1 (UID BODY.PEEK[])
        S: * 1 FETCH (UID 1 BODY[] {6}
        S: a: \u{0}\u{0}\u{0})
        S: P2 OK Success";
    against(after_sign_in(text), async |stream| {
        let mut session = signed_in(stream).await.expect("signs in");
        let found = read(&mut session.bodies(vec![UidSet::one(1)])).await.expect("reads");
        assert_eq!(found, [(1, "a: \0\0\0".to_owned())]);
    })
    .await;
}
