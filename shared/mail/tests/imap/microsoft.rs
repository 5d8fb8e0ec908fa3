//! Servers that behave like Exchange, in the cloud and on premises. Where each habit is known from stands in
//! `docs/servers.md`.

use crate::script::{after_sign_in, against, read, script, sign_in, signed_in, token, with};
use postroom_mail::{
    Error,
    imap::{Access, Entry, UidSet},
};
use postroom_model::{FaultClass, SaslPolicy};

const GREETING: &str = "
    S: * OK The Microsoft Exchange IMAP4 service is ready. [QgBZADIAUABSADEAMQ==]
    C: P1 CAPABILITY
    S: * CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+
    S: P1 OK CAPABILITY completed.
    C: P2 AUTHENTICATE XOAUTH2 XOAUTH2=
";

async fn refused(said: &str) -> Error {
    sign_in(&token(), SaslPolicy::Auto, &format!("{GREETING}{said}")).await.expect_err("refused")
}

#[tokio::test]
async fn a_bare_refusal_is_the_tokens() {
    let error = refused("S: P2 NO AUTHENTICATE failed.").await;
    assert_eq!(error.fault().class, FaultClass::TokenRefused);
    assert_eq!(error.to_string(), "XOAUTH2 sign-in refused: NO AUTHENTICATE failed.");
}

#[tokio::test]
async fn a_refusal_that_gives_its_reason_first_is_answered() {
    // {"status":"400","schemes":"Bearer","scope":"https://outlook.office.com/"}
    let error = refused(
        "S: + eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL291dGxvb2sub2ZmaWNlLmNvbS8ifQ==
         C: \n\
         S: P2 NO AUTHENTICATE failed.",
    )
    .await;
    assert_eq!(error.fault().class, FaultClass::TokenRefused);
    assert!(error.to_string().contains("(status 400, schemes Bearer, "), "{error}");
}

#[tokio::test]
async fn a_sign_in_that_opens_no_mailbox_lacks_permission() {
    let signed_in_but = "BAD User is authenticated but not connected.";
    let text = format!(
        "C: P2 EXAMINE \"INBOX\"
         C: P3 UID FETCH 1:* (UID RFC822.SIZE)
         S: P2 {signed_in_but}
         S: P3 {signed_in_but}
         S: * BYE Connection closed. 14"
    );
    with(&text, async |session| {
        let error = session.open("INBOX", Access::ReadOnly, Some(1), 9).await.expect_err("no mailbox");
        assert_eq!(error.fault().class, FaultClass::NoMailboxAccess);
        let error = session.list("*").await.expect_err("closed");
        assert_eq!(error.fault().class, FaultClass::ConnectionLost);
    })
    .await;
    let early = refused("S: P2 NO User is authenticated but not connected.").await;
    assert_eq!(early.fault().class, FaultClass::NoMailboxAccess);
}

#[tokio::test]
async fn throttling_says_how_long_to_wait() {
    for said in [
        "S: P2 NO Request is throttled. Suggested Backoff Time: 299961 milliseconds",
        "S: P2 BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds\nS: * BYE Connection closed. 14",
        "S: * BYE Request is throttled. Suggested Backoff Time: 299961 milliseconds",
    ] {
        let fault = refused(said).await.fault();
        assert_eq!(fault.class, FaultClass::Throttled, "{said}");
        assert_eq!(fault.retry_after_seconds, Some(300), "{said}");
    }
    let text = "
        C: P2 UID FETCH 1 (UID BODY.PEEK[])
        S: P2 NO Server Unavailable. 15";
    with(text, async |session| {
        let error = read(&mut session.bodies(vec![UidSet::one(1)])).await.expect_err("busy");
        assert_eq!(error.fault().class, FaultClass::TemporarilyUnavailable);
    })
    .await;
}

#[tokio::test]
async fn a_token_that_expires_in_mid_session_ends_it_with_a_reason() {
    let text = "
        C: P2 UID FETCH 1 (UID BODY.PEEK[])
        C: P3 UID FETCH 2 (UID BODY.PEEK[])
        S: * 1 FETCH (UID 1 BODY[] {4}
        S~ a: 1)
        S:
        S: P2 OK FETCH completed.
        S: * BYE Session invalidated - AccessTokenExpired"
        .replace("S:\n", "S: \n");
    let steps = after_sign_in(&text);
    against(steps, async |stream| {
        let mut session = signed_in(stream).await.expect("signs in");
        let mut bodies = session.bodies(vec![UidSet::one(1), UidSet::one(2)]);
        let first = bodies.next().await.expect("answers").expect("is there");
        assert_eq!(first.finish().await.map_err(|e| e.to_string()), Ok(1), "what came before is whole");
        let error = bodies.next().await.map(drop).expect_err("ended");
        assert_eq!(error.fault().class, FaultClass::TokenRefused);
        assert!(!error.leaves_session_usable());
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_listed_and_not_delivered_is_missed() {
    let text = "
        C: P2 EXAMINE \"INBOX\"
        C: P3 UID FETCH 1:* (UID RFC822.SIZE)
        S: * 2 EXISTS
        S: * OK [UIDVALIDITY 170535] UIDVALIDITY value
        S: P2 OK [READ-ONLY] EXAMINE completed.
        S: * 1 FETCH (UID 7 RFC822.SIZE 4)
        S: * 2 FETCH (UID 20004 RFC822.SIZE 2048)
        S: P3 OK FETCH completed.
        C: P4 UID FETCH 7,20004 (UID BODY.PEEK[])
        S: * 1 FETCH (UID 7 BODY[] {4}
        S: a: 1)
        S: P4 OK FETCH completed.
        C: P5 UID SEARCH UID 20004
        S: * SEARCH 20004
        S: P5 OK SEARCH completed.";
    with(text, async |session| {
        let opened = session.open("INBOX", Access::ReadOnly, Some(1), 9).await.expect("opens");
        let listed: Vec<u32> = opened.listing.expect("asked for").entries.iter().map(|e| e.uid).collect();
        assert_eq!(listed, [7, 20_004]);
        let found = read(&mut session.bodies(UidSet::split(listed))).await.expect("works");
        assert_eq!(found, [(7, "a: 1".to_owned())]);
        assert!(session.exists(20_004).await.expect("answers"), "withheld, not gone");
    })
    .await;
}

#[tokio::test]
async fn a_size_is_a_guide_and_the_text_has_its_own() {
    let text = "
        C: P2 EXAMINE \"INBOX\"
        C: P3 UID FETCH 1:* (UID RFC822.SIZE)
        S: * 1 EXISTS
        S: * OK [UIDVALIDITY 1] UIDVALIDITY value
        S: P2 OK [READ-ONLY] EXAMINE completed.
        S: * 1 FETCH (UID 7 RFC822.SIZE 2048)
        S: P3 OK FETCH completed.
        C: P4 UID FETCH 7 (UID BODY.PEEK[])
        S: * 1 FETCH (BODY[] {9}
        S: Subject:  UID 7)
        S: P4 OK FETCH completed.";
    with(text, async |session| {
        let opened = session.open("INBOX", Access::ReadOnly, Some(1), 9).await.expect("opens");
        let entries = opened.listing.expect("asked for").entries;
        assert_eq!(entries, [Entry { uid: 7, size: 2048, email_id: None }]);
        let found = read(&mut session.bodies(vec![UidSet::one(7)])).await.expect("works");
        assert_eq!(found, [(7, "Subject: ".to_owned())]);
    })
    .await;
}

#[tokio::test]
async fn what_is_offered_and_broken_is_not_used() {
    // IMAP4rev2 came for some mailboxes in 2026, and gives wrong answers once it is enabled.
    let text = "
        S: * OK Microsoft Exchange IMAP4 service ready. (tcpproxy/15.21.0406.000 BACKENDAUTHENTICATE)
        C: P1 CAPABILITY
        S: * CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+
        S: P1 OK CAPABILITY completed.
        C: P2 AUTHENTICATE PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=
        S: P2 OK AUTHENTICATE completed.
        C: P3 CAPABILITY
        S: * CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS MOVE ID UNSELECT ENABLE IMAP4rev2 IDLE LITERAL+
        S: P3 OK CAPABILITY completed.
        C: P4 LIST \"\" \"Entw&APw-*\"
        S: * LIST (\\HasNoChildren) \"/\" \"Entw&APw-rfe\"
        S: P4 OK LIST completed.
        C: P5 EXAMINE \"Entw&APw-rfe\"
        C: P6 UID FETCH 1:* (UID RFC822.SIZE)
        S: * 0 EXISTS
        S: * OK [UIDVALIDITY 14] UIDVALIDITY value
        S: P5 OK [READ-ONLY] EXAMINE completed.
        S: P6 BAD The specified message set is invalid.";
    against(script(text), async |stream| {
        let mut session = signed_in(stream).await.expect("signs in");
        let folders = session.resolve_folders(&["Entwü*".to_owned()]).await.expect("lists");
        assert_eq!(folders, ["Entw&APw-rfe"], "names stay in IMAP4rev1's encoding");
        let opened = session.open(&folders[0], Access::ReadOnly, Some(1), 9).await.expect("opens");
        assert_eq!(opened.exists, 0);
    })
    .await;
}

#[tokio::test]
async fn messages_that_no_longer_exist_fail_their_command_alone() {
    let text = "
        C: P2 UID FETCH 1 (UID BODY.PEEK[])
        C: P3 UID FETCH 2 (UID BODY.PEEK[])
        S: P2 NO [*] Some of the requested messages no longer exist.
        S: * 1 FETCH (UID 2 BODY[] {4}
        S: a: 1)
        S: P3 OK FETCH completed.";
    with(text, async |session| {
        let mut bodies = session.bodies(vec![UidSet::one(1), UidSet::one(2)]);
        let error = bodies.next().await.map(drop).expect_err("refused");
        assert!(error.leaves_session_usable(), "{error}");
        assert_eq!(
            error.to_string(),
            "UID FETCH refused: NO Some of the requested messages no longer exist."
        );
        assert_eq!(read(&mut bodies).await.expect("goes on"), [(2, "a: 1".to_owned())]);
    })
    .await;
}
