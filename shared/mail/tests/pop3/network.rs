//! Connecting: certificates, STLS, plaintext.

use crate::{
    certificates::{Ca, settings},
    tls_server::{self, Behaviour, Words},
};
use postroom_mail::{Credential, Error, Network, NetworkSettings, Stage, Transcript, pop3};
use postroom_model::{FaultClass, SaslPolicy, Server, Tls};
use std::time::Duration;

const POP3: Words = Words {
    plain_greeting: "+OK ready <1.2@evil.example>\r\n",
    starttls: "STLS\r\n",
    greeting: "+OK ready <1.2@mail.example>\r\n",
    answer,
};

/// One sign-in.
fn answer(said: &str) -> String {
    let answer = match said.trim_end() {
        "CAPA" => "+OK\r\nSASL PLAIN\r\nUSER\r\n.\r\n",
        "AUTH PLAIN" => "+ \r\n",
        "STAT" => "+OK 7 7\r\n",
        _ => "+OK done\r\n",
    };
    answer.to_owned()
}

async fn serve(behaviour: Behaviour) -> u16 {
    tls_server::serve(POP3, behaviour).await
}

async fn connect(settings: NetworkSettings, port: u16, tls: Tls) -> Result<(Vec<String>, String), Error> {
    let network = Network::new(settings).expect("good settings");
    let server = Server { host: "localhost".to_owned(), port, tls };
    let transcript = Transcript::new();
    let connection = pop3::connect_recorded(&network, &server, Some(&transcript)).await?;
    let certificate = connection.certificate().expect("there is one");
    assert_eq!(certificate.subject, "CN=localhost");
    let offered = connection.capabilities().iter().map(str::to_owned).collect();
    let password = Credential::Password("pw".to_owned().into());
    let apop = connection.mechanism(&password, SaslPolicy::Apop);
    assert_eq!(apop.is_ok(), tls == Tls::Implicit, "a timestamp from before TLS is not used");
    let mut session = connection.sign_in("ann", &password, SaslPolicy::Auto).await?;
    assert_eq!(session.count().await?.messages, 7);
    session.quit().await?;
    Ok((offered, transcript.to_string()))
}

#[tokio::test]
async fn tls_comes_first_or_by_stls_and_nothing_from_before_it_is_kept() {
    let ca = Ca::new();
    let acceptor = || ca.acceptor("localhost", 2099);
    let port = serve(Behaviour::Implicit(acceptor())).await;
    let (offered, said) = connect(settings(&ca), port, Tls::Implicit).await.expect("works");
    assert_eq!(offered, ["SASL PLAIN", "USER"]);
    assert!(said.contains("C: AUTH PLAIN ***\n"), "{said}");

    let port = serve(Behaviour::Starttls("+OK begin\r\n", acceptor())).await;
    let (offered, said) = connect(settings(&ca), port, Tls::Starttls).await.expect("works");
    assert_eq!(offered, ["SASL PLAIN", "USER"], "asked under TLS");
    let order = ["C: STLS\n", "-- TLSv1_3 with TLS13_", "C: CAPA\n", "C: AUTH PLAIN\n", "C: ***\n"];
    let mut places = order.map(|line| said.find(line).expect(line)).to_vec();
    assert!(places.is_sorted(), "{said}");
    places.dedup();
    assert_eq!(places.len(), order.len());
}

#[tokio::test]
async fn what_is_said_before_tls_is_not_trusted() {
    let ca = Ca::new();
    for (agreement, class) in [
        ("+OK begin\r\n+OK\r\nSASL EVIL\r\n.\r\n", FaultClass::Protocol),
        ("+OK begin\r\n+OK in\r\n", FaultClass::Protocol),
        ("-ERR not now\r\n", FaultClass::NoMechanism),
        (
            "-ERR [LOGIN-DELAY] throttled. Suggested Backoff Time: 86400000 milliseconds\r\n",
            FaultClass::NoMechanism,
        ),
        ("-ERR [AUTH] AccessTokenExpired\r\n", FaultClass::NoMechanism),
        ("+ \r\n", FaultClass::Protocol),
        ("nonsense\r\n", FaultClass::Protocol),
    ] {
        let port = serve(Behaviour::Starttls(agreement, ca.acceptor("localhost", 2099))).await;
        let error = connect(settings(&ca), port, Tls::Starttls).await.expect_err(agreement);
        assert_eq!(error.fault().class, class, "{error}");
        assert_eq!(error.fault().retry_after(), None, "{error}");
    }
    let port = serve(Behaviour::Says("-ERR throttled. Suggested Backoff Time: 9000 milliseconds\r\n")).await;
    let fault = connect(settings(&ca), port, Tls::Starttls).await.expect_err("refused").fault();
    assert_eq!((fault.class, fault.retry_after()), (FaultClass::TemporarilyUnavailable, None));
}

#[tokio::test]
async fn wrong_certificates_are_refused() {
    let ca = Ca::new();
    for (acceptor, reason) in [
        (ca.acceptor("localhost", 2021), "expired"),
        (ca.acceptor("elsewhere.example", 2099), "not valid for name"),
    ] {
        for (behaviour, tls) in [
            (Behaviour::Implicit(acceptor.clone()), Tls::Implicit),
            (Behaviour::Starttls("+OK\r\n", acceptor), Tls::Starttls),
        ] {
            let error = connect(settings(&ca), serve(behaviour).await, tls).await.expect_err(reason);
            assert_eq!(error.fault().class, FaultClass::Certificate);
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
    let port = serve(Behaviour::Says("+OK plain POP3\r\n")).await;
    let error = connect(settings(&ca), port, Tls::Implicit).await.expect_err("no TLS");
    assert!(matches!(error, Error::NotTls { .. }), "{error}");
}

#[tokio::test]
async fn silence_and_plaintext_are_refused() {
    let ca = Ca::new();
    let port = serve(Behaviour::Silent).await;
    let hasty = NetworkSettings { connect_timeout: Duration::from_millis(200), ..settings(&ca) };
    let impatient = NetworkSettings { idle_timeout: Duration::from_millis(100), ..settings(&ca) };
    for (settings, tls, expected) in [
        (&hasty, Tls::Implicit, Stage::Encrypting),
        (&hasty, Tls::Starttls, Stage::Greeting),
        (&impatient, Tls::Starttls, Stage::Greeting),
        (&impatient, Tls::None, Stage::Greeting),
    ] {
        let error = connect(settings.clone(), port, tls).await.expect_err("silence");
        assert!(matches!(error, Error::TimedOut { stage, .. } if stage == expected), "{error:?}");
    }
    let remote = NetworkSettings { allow_local: false, ..hasty };
    let network = Network::new(remote).expect("good settings");
    let server = Server { host: "192.0.2.1".to_owned(), port: 110, tls: Tls::None };
    let error = pop3::connect(&network, &server).await.map(drop).expect_err("not allowed");
    assert_eq!(error.fault().class, FaultClass::PlaintextRefused);
}
