//! Signing in to either kind of server.

use crate::{
    conversation::{against, script, token},
    script::greeted,
};
use postroom_mail::Mechanism;
use postroom_model::{FaultClass, Protocol, SaslPolicy};

#[tokio::test]
async fn a_token_signs_in_by_either_protocol() {
    let imap = "
        S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready
        C: P1 AUTHENTICATE XOAUTH2 dXNlcj1hbm4BYXV0aD1CZWFyZXIgeWEyOS50MGtlbi0wMTIzNDU2Nzg5AQE=
        S: P1 OK [CAPABILITY IMAP4rev1] in
    ";
    let pop3 = "
        S: +OK ready
        C: CAPA
        S: +OK
        S: SASL XOAUTH2
        S: .
        C: AUTH XOAUTH2 dXNlcj1hbm4BYXV0aD1CZWFyZXIgeWEyOS50MGtlbi0wMTIzNDU2Nzg5AQE=
        S: +OK in
    ";
    for (protocol, text) in [(Protocol::Imap, imap), (Protocol::Pop3, pop3)] {
        against(script(text), async |stream| {
            let connection = greeted(protocol, stream).await.expect("greets");
            assert_eq!(connection.capabilities().mechanisms(), ["XOAUTH2"]);
            let mechanism = connection.mechanism(&token(), SaslPolicy::Auto);
            assert_eq!(mechanism.expect("is offered"), Mechanism::Xoauth2);
            let source = connection.sign_in("ann", &token(), SaslPolicy::Auto).await.expect("signs in");
            assert!(source.traffic().bytes_in > 0);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_greet_is_given_up_and_another_one_is_told() {
    for (protocol, text, class) in [
        (Protocol::Imap, "hang", FaultClass::TimedOut),
        (Protocol::Pop3, "hang", FaultClass::TimedOut),
        (Protocol::Imap, "wait 60\nS: * OK ready", FaultClass::TimedOut),
        (Protocol::Pop3, "S: * OK IMAP4rev1 ready\nhang", FaultClass::Protocol),
        (Protocol::Imap, "S: +OK POP3 ready\nhang", FaultClass::Protocol),
        (Protocol::Pop3, "flood +OK", FaultClass::Protocol),
    ] {
        let greeted = against(script(text), async |stream| greeted(protocol, stream).await.map(drop)).await;
        assert_eq!(greeted.expect_err("fails").fault().class, class, "{text}");
    }
}
