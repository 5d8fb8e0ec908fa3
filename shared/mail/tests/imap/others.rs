//! Servers that behave like Dovecot, Cyrus, Courier, Yahoo, Zoho, Yandex, iCloud, and like what stands before
//! them. Where each habit is known from stands in `docs/servers.md`.

use crate::script::{IDLE, against, greeted, password, read, script, sign_in, token, with};
use postroom_mail::{
    Credential, Error,
    imap::{Access, UidSet},
};
use postroom_model::{FaultClass, SaslPolicy};

/// What a server makes of a sign-in, which it offers in its greeting.
async fn refused(credential: &Credential, said: &str) -> Error {
    let begin = match credential {
        Credential::Password(_) => "C: P1 AUTHENTICATE PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=\n",
        Credential::AccessToken(_) => "C: P1 AUTHENTICATE OAUTHBEARER OAUTHBEARER=\n",
    };
    let greeting = "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=OAUTHBEARER] ready.\n";
    let text = [greeting, begin, said].concat();
    sign_in(credential, SaslPolicy::Auto, &text).await.expect_err("refused")
}

async fn check(credential: &Credential, table: &[(&str, FaultClass)]) {
    for (said, class) in table {
        let error = refused(credential, said).await;
        assert_eq!(error.fault().class, *class, "{said}: {error}");
    }
}

#[tokio::test]
async fn dovecot_says_why_it_refuses() {
    use FaultClass as F;
    check(
        &token(),
        &[
            // {"status":"invalid_token"}
            (
                "S: + eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=\nC: AQ==\nS: P1 NO [AUTHENTICATIONFAILED] Authentication failed.",
                F::TokenRefused,
            ),
            ("S: P1 NO [UNAVAILABLE] Temporary authentication failure. [mx:2026]", F::TemporarilyUnavailable),
            ("S: P1 NO [AUTHORIZATIONFAILED] Authorization failed.", F::NoMailboxAccess),
        ],
    )
    .await;
    check(
        &password(),
        &[
            ("S: P1 NO [AUTHENTICATIONFAILED] Authentication failed.", F::PasswordRefused),
            (
                "S: P1 NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
                F::Throttled,
            ),
            (
                "S: * BAD [ALERT] Plaintext authentication not allowed without SSL/TLS, but your client did it anyway.
                 S: P1 NO [PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.",
                F::PlaintextRefused,
            ),
            ("S: P1 NO [CONTACTADMIN] Account is disabled.", F::AccountPolicy),
        ],
    )
    .await;
}

#[tokio::test]
async fn dovecot_that_hides_messages_for_a_moment_fails_one_command() {
    for said in [
        "NO [SERVERBUG] Internal error occurred. Refer to server log for more information.",
        "NO [INUSE] Timeout while waiting for lock",
        "NO [EXPUNGEISSUED] Some of the requested messages no longer exist.",
    ] {
        let text = format!(
            "C: P2 UID FETCH 1 (UID BODY.PEEK[])
             C: P3 UID FETCH 2 (UID BODY.PEEK[])
             S: P2 {said}
             S: * 2 FETCH (UID 2 BODY[] {{1}}
             S: a)
             S: P3 OK Fetch completed (0.001 + 0.000 secs)."
        );
        with(&text, async |session| {
            let mut bodies = session.bodies(vec![UidSet::one(1), UidSet::one(2)]);
            let error = bodies.next().await.map(drop).expect_err("refused");
            assert!(error.leaves_session_usable(), "{error}");
            assert_eq!(read(&mut bodies).await.expect("goes on"), [(2, "a".to_owned())]);
        })
        .await;
    }
}

#[tokio::test]
async fn a_goodbye_in_between_is_told_with_its_reason() {
    for (said, class) in [
        ("Disconnected for inactivity.", FaultClass::ConnectionLost),
        ("idle for too long", FaultClass::ConnectionLost),
        ("Server shutting down.", FaultClass::ConnectionLost),
        ("[UNAVAILABLE] Server is shutting down", FaultClass::TemporarilyUnavailable),
        (
            "Internal error occurred. Refer to server log for more information.",
            FaultClass::TemporarilyUnavailable,
        ),
        ("Temporary problem, please try again later", FaultClass::TemporarilyUnavailable),
    ] {
        let text = format!("C: P2 UID FETCH 1 (UID BODY.PEEK[])\nS: * BYE {said}");
        with(&text, async |session| {
            let error = read(&mut session.bodies(vec![UidSet::one(1)])).await.expect_err("ended");
            assert_eq!(error.fault().class, class, "{said}");
            assert!(error.to_string().contains(said), "{error}");
        })
        .await;
    }
}

#[tokio::test]
async fn cyrus_says_why_it_refuses() {
    check(
        &password(),
        &[
            ("S: P1 NO Login failed: authentication failure", FaultClass::PasswordRefused),
            ("S: P1 NO Login only available under a layer", FaultClass::PlaintextRefused),
            ("S: P1 NO Server(s) unavailable to complete operation", FaultClass::TemporarilyUnavailable),
            ("S: * BYE Too many open connections", FaultClass::ConnectionLost),
        ],
    )
    .await;
    for (said, class) in [
        ("NO [NONEXISTENT] Mailbox does not exist", FaultClass::Folder),
        ("NO Permission denied", FaultClass::Folder),
        ("NO Server(s) unavailable to complete operation", FaultClass::TemporarilyUnavailable),
    ] {
        with(&format!("C: P2 EXAMINE \"INBOX.x\"\nS: P2 {said}"), async |session| {
            let error = session.open("INBOX.x", Access::ReadOnly, None, 9).await.expect_err("refused");
            assert_eq!(error.fault().class, class, "{said}");
        })
        .await;
    }
}

#[tokio::test]
async fn names_under_the_inbox_and_other_separators_are_found() {
    let text = "
        C: P2 LIST \"\" \"INBOX.*\" RETURN (SPECIAL-USE)
        S: * LIST (\\HasNoChildren) \".\" \"INBOX.Sent\"
        S: * LIST (\\HasNoChildren) \".\" INBOX.Projekte.A&APw-n
        S: * LIST (\\Noselect \\HasChildren) \".\" \"INBOX.Projekte\"
        S: P2 OK LIST completed";
    let wanted = ["INBOX", "INBOX.*"].map(str::to_owned);
    with(text, async |session| {
        let names = session.resolve_folders(&wanted).await.expect("lists");
        assert_eq!(names, ["INBOX", "INBOX.Sent", "INBOX.Projekte.A&APw-n"]);
    })
    .await;
}

#[tokio::test]
async fn alerts_that_nobody_asked_for_stop_nothing() {
    let text = "
        C: P2 EXAMINE \"INBOX\"
        C: P3 UID FETCH 1:* (UID RFC822.SIZE)
        S: * OK [ALERT] Filesystem notification initialization error -- contact your mail administrator (check for configuration errors with the FAM/Gamin library)
        S: * NO [ALERT] Mailbox is at 98% of quota
        S: * FLAGS (\\Draft \\Answered \\Flagged \\Deleted \\Seen \\Recent)
        S: * OK [PERMANENTFLAGS ()] No permanent flags permitted
        S: * 1 EXISTS
        S: * 0 RECENT
        S: * OK [UIDVALIDITY 1129543635] Ok
        S: * OK [MYRIGHTS \"acdilrsw\"] ACL
        S: P2 OK [READ-ONLY] Ok
        S: * 1 FETCH (UID 5 RFC822.SIZE 3)
        S: * OK [ALERT] Maintenance tonight
        S: P3 OK FETCH completed.
        C: P4 UID FETCH 5 (UID BODY.PEEK[])
        S: * BAD [ALERT] an untagged BAD, too
        S: * 1 FETCH (UID 5 BODY[] {3}
        S: abc)
        S: P4 OK FETCH completed.";
    with(text, async |session| {
        let opened = session.open("INBOX", Access::ReadOnly, Some(1), 9).await.expect("opens");
        assert_eq!(opened.listing.map(|listing| listing.entries.len()), Some(1));
        let found = read(&mut session.bodies(vec![UidSet::one(5)])).await.expect("reads");
        assert_eq!(found, [(5, "abc".to_owned())]);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_hangs_up_on_one_connection_too_many_is_tried_again() {
    // Courier's MAXPERIP, 4 by default: the fifth connection is closed before the greeting.
    let error = against(script(""), greeted).await.map(drop).expect_err("closed");
    assert_eq!(error.fault().class, FaultClass::ConnectionLost);
    let begin = "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] Courier-IMAP ready.
                 C: P1 AUTHENTICATE PLAIN\nS: +\nC: AGFubgBzM2NyZXQtcGFzc3dvcmQ=\n";
    for (said, class) in [
        ("S: * BYE Temporary problem, please try again later", FaultClass::TemporarilyUnavailable),
        ("S: P1 NO Login failed.", FaultClass::PasswordRefused),
    ] {
        let text = [begin, said].concat();
        let error = sign_in(&password(), SaslPolicy::Auto, &text).await.expect_err(said);
        assert_eq!(error.fault().class, class, "{said}");
    }
}

#[tokio::test]
async fn a_text_that_breaks_off_is_never_taken_for_whole() {
    // Courier's process dies in the middle of a literal.
    let text = "
        C: P2 UID FETCH 5 (UID BODY.PEEK[])
        S: * 147 FETCH (UID 5 BODY[] {404}
        S~ X-DeliveryPath: half of it";
    with(text, async |session| {
        let mut bodies = session.bodies(vec![UidSet::one(5)]);
        let body = bodies.next().await.expect("answers").expect("is there");
        assert_eq!((body.uid(), body.size()), (Some(5), 404));
        assert!(matches!(body.finish().await, Err(Error::ConnectionLost)));
    })
    .await;
}

#[tokio::test]
async fn texts_that_the_server_does_not_have_are_missed() {
    let text = "
        C: P2 UID FETCH 1956:1958 (UID BODY.PEEK[])
        S: * 1 FETCH (UID 1956 BODY[] NIL)
        S: * 2 FETCH (UID 1957 BODY[] \"\")
        S: * 3 FETCH (UID 1958)
        S: P2 OK FETCH Completed";
    with(text, async |session| {
        let sets = UidSet::split([1956, 1957, 1958]);
        let found = read(&mut session.bodies(sets)).await.expect("reads");
        assert_eq!(found, [(1957, String::new())], "an empty text is the caller's to judge");
    })
    .await;
}

#[tokio::test]
async fn yahoo_zoho_and_yandex_say_why_they_refuse() {
    use FaultClass as F;
    check(
        &token(),
        &[
            ("S: P1 NO [AUTHENTICATIONFAILED] AUTHENTICATE Invalid credentials", F::TokenRefused),
            (
                "S: P1 NO [UNAVAILABLE] AUTHENTICATE Server error - Please try again later",
                F::TemporarilyUnavailable,
            ),
            ("S: P1 NO [LIMIT] AUTHENTICATE Rate limit hit.", F::Throttled),
            ("S: P1 NO AUTHENTICATE Login Rate Limit Hit", F::Throttled),
        ],
    )
    .await;
    check(
        &password(),
        &[
            (
                "S: P1 NO [ALERT] You are yet to enable IMAP for your account. Please contact your administrator (Failure)",
                F::NoMailboxAccess,
            ),
            ("S: P1 NO [AUTHENTICATIONFAILED] LOGIN Invalid credentials or IMAP is disabled sc=ebI8JB0ug4Y1", F::PasswordRefused),
        ],
    )
    .await;
    let text = "
        C: P2 UID FETCH 1 (UID BODY.PEEK[])
        S: P2 NO [SERVERBUG] UID FETCH Server error - Please try again later";
    with(text, async |session| {
        let error = session.bodies(vec![UidSet::one(1)]).next().await.map(drop).expect_err("refused");
        assert!(error.leaves_session_usable() && error.fault().class == F::TemporarilyUnavailable);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn continuations_without_their_space_are_answered() {
    let text = "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN LOGIN] Proxy Ready
        C: P1 AUTHENTICATE PLAIN
        S: +
        C: AGFubgBzM2NyZXQtcGFzc3dvcmQ=
        S: P1 OK Logged in";
    let before = tokio::time::Instant::now();
    sign_in(&password(), SaslPolicy::Auto, text).await.expect("signs in");
    assert!(before.elapsed() < IDLE);
}

#[tokio::test]
async fn a_folder_whose_uidvalidity_is_nothing_is_not_trusted() {
    for said in ["* OK [UIDVALIDITY 0] UIDs", "* OK [UIDVALIDITY none] UIDs", "* OK no UIDs"] {
        let text = format!("C: P2 EXAMINE \"INBOX\"\nS: * 1 EXISTS\nS: {said}\nS: P2 OK done");
        with(&text, async |session| {
            let error = session.open("INBOX", Access::ReadOnly, None, 9).await.expect_err(said);
            assert!(matches!(error, Error::Protocol("a folder without UIDVALIDITY")), "{error}");
        })
        .await;
    }
}
