//! Connecting: which addresses, which certificates, STARTTLS.

use crate::{
    certificates::{Ca, settings},
    tls_server::{self, Behaviour, Words},
};
use postroom_mail::{
    Credential, Error, Network, NetworkError, NetworkSettings, Stage, Transcript,
    imap::{self, Access},
};
use postroom_model::{FaultClass, SaslPolicy, Server, Tls};
use std::time::Duration;
use tokio::net::TcpListener;

const IMAP: Words = Words {
    plain_greeting: "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=EVIL] hi\r\n",
    starttls: "P1 STARTTLS\r\n",
    greeting: "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n",
    answer,
};

/// One sign-in and one folder.
fn answer(said: &str) -> String {
    let tag = said.split(' ').next().unwrap_or_default();
    let data = match said.split_ascii_whitespace().nth(1) {
        Some("CAPABILITY") => "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n",
        Some("EXAMINE") => "* 0 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n",
        _ => "",
    };
    format!("{data}{tag} OK done\r\n")
}

async fn serve(behaviour: Behaviour) -> u16 {
    tls_server::serve(IMAP, behaviour).await
}

async fn connect(settings: NetworkSettings, host: &str, port: u16, tls: Tls) -> Result<Vec<String>, Error> {
    let network = Network::new(settings).expect("good settings");
    let connection = imap::connect(&network, &Server { host: host.to_owned(), port, tls }).await?;
    let offered = connection.capabilities().iter().map(str::to_owned).collect();
    let password = Credential::Password("pw".to_owned().into());
    let mut session = connection.sign_in("ann", &password, SaslPolicy::Auto).await?;
    assert_eq!(session.open("INBOX", Access::ReadOnly, None, 1).await?.uid_validity, 7);
    Ok(offered)
}

#[tokio::test]
async fn a_private_ca_is_trusted_for_names_and_addresses() {
    let ca = Ca::new();
    for name in ["localhost", "127.0.0.1"] {
        let port = serve(Behaviour::Implicit(ca.acceptor(name, 2099))).await;
        connect(settings(&ca), name, port, Tls::Implicit).await.expect(name);
    }
}

#[tokio::test]
async fn certificates_and_the_way_to_the_server_are_told() {
    let ca = Ca::new();
    let network = Network::new(settings(&ca)).expect("good settings");
    let acceptor = || ca.acceptor("localhost", 2099);
    let starttls = "C: P1 STARTTLS\nS: P1 OK\n";
    for (behaviour, tls, before) in [
        (Behaviour::Implicit(acceptor()), Tls::Implicit, ""),
        (Behaviour::Starttls("P1 OK\r\n", acceptor()), Tls::Starttls, starttls),
    ] {
        let port = serve(behaviour).await;
        let server = Server { host: "localhost".to_owned(), port, tls };
        let transcript = Transcript::new();
        let connected = imap::connect_recorded(&network, &server, Some(&transcript)).await;
        let certificate = connected.expect("works").certificate().expect("there is one");
        assert_eq!((&*certificate.subject, &*certificate.issuer), ("CN=localhost", "CN=Test CA"));
        assert_eq!(certificate.not_after.to_string(), "2099-12-31T00:00:00Z");

        let said = transcript.to_string();
        let said: String = said.lines().map(|line| format!("{}\n", &line[8..])).collect();
        let way = format!("-- connecting to localhost:{port}\n-- connected to 127.0.0.1:{port}\n");
        assert!(said.starts_with(&way), "{said}");
        assert!(said.contains(before) && said.contains("-- TLSv1_3 with TLS13_"), "{said}");
    }
    let port = serve(Behaviour::Says("* OK [CAPABILITY IMAP4rev1] hi\r\n")).await;
    let server = Server { host: "127.0.0.1".to_owned(), port, tls: Tls::None };
    let connection = imap::connect(&network, &server).await.expect("works");
    assert_eq!(connection.certificate(), None);

    let wrong = Server { tls: Tls::Implicit, ..server };
    let transcript = Transcript::new();
    imap::connect_recorded(&network, &wrong, Some(&transcript)).await.map(drop).expect_err("no TLS there");
    let said = transcript.to_string();
    assert!(said.trim_end().ends_with("a wrong `tls` setting"), "{said}");
}

#[tokio::test]
async fn wrong_certificates_are_refused_with_their_reason() {
    let (ca, other) = (Ca::new(), Ca::new());
    for (acceptor, reason) in [
        (ca.acceptor("localhost", 2021), "expired"),
        (ca.acceptor("elsewhere.example", 2099), "not valid for name"),
        (other.acceptor("localhost", 2099), "certificate"),
    ] {
        for behaviour in [Behaviour::Implicit(acceptor.clone()), Behaviour::Starttls("P1 OK\r\n", acceptor)] {
            let tls = if matches!(behaviour, Behaviour::Implicit(_)) { Tls::Implicit } else { Tls::Starttls };
            let port = serve(behaviour).await;
            let error = connect(settings(&ca), "localhost", port, tls).await.expect_err(reason);
            assert_eq!(error.fault().class, FaultClass::Certificate);
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}

#[tokio::test]
async fn starttls_keeps_nothing_from_before() {
    let ca = Ca::new();
    let acceptor = || ca.acceptor("localhost", 2099);
    let port = serve(Behaviour::Starttls("P1 OK begin\r\n", acceptor())).await;
    let offered = connect(settings(&ca), "localhost", port, Tls::Starttls).await.expect("works");
    assert_eq!(offered, ["AUTH=PLAIN", "IMAP4REV1", "SASL-IR"], "asked again under TLS");

    for (agreement, class) in [
        ("P1 OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=EVIL\r\n", FaultClass::Protocol),
        ("P1 OK begin\r\n* PREAUTH you are ann\r\n", FaultClass::Protocol),
        ("P1 NO not now\r\n", FaultClass::NoMechanism),
        ("P1 BAD what?\r\n", FaultClass::NoMechanism),
        ("P1 NO throttled. Suggested Backoff Time: 86400000 milliseconds\r\n", FaultClass::NoMechanism),
        (
            "* BYE throttled. Suggested Backoff Time: 86400000 milliseconds\r\n",
            FaultClass::TemporarilyUnavailable,
        ),
        ("* BYE Session invalidated - AccessTokenExpired\r\n", FaultClass::TemporarilyUnavailable),
    ] {
        let port = serve(Behaviour::Starttls(agreement, acceptor())).await;
        let error = connect(settings(&ca), "localhost", port, Tls::Starttls).await.expect_err(agreement);
        assert_eq!(error.fault().class, class, "{error}");
        assert_eq!(error.fault().retry_after_seconds, None, "{error}");
    }
    let port = serve(Behaviour::Says("* BYE throttled. Suggested Backoff Time: 9000 milliseconds\r\n")).await;
    let fault = connect(settings(&ca), "localhost", port, Tls::Starttls).await.expect_err("BYE").fault();
    assert_eq!((fault.class, fault.retry_after_seconds), (FaultClass::TemporarilyUnavailable, None));
    let port = serve(Behaviour::Says("* PREAUTH you are ann\r\n")).await;
    let error = connect(settings(&ca), "localhost", port, Tls::Starttls).await.expect_err("PREAUTH");
    assert_eq!(error.fault().class, FaultClass::Protocol);
}

#[tokio::test]
async fn what_is_not_there_or_no_tls_is_told_apart() {
    let ca = Ca::new();
    let port = serve(Behaviour::Says("* OK plain IMAP\r\n")).await;
    let error = connect(settings(&ca), "localhost", port, Tls::Implicit).await.expect_err("no TLS");
    assert!(matches!(error, Error::NotTls { .. }), "{error}");

    let port = serve(Behaviour::Says("")).await;
    let error = connect(settings(&ca), "localhost", port, Tls::Implicit).await.expect_err("closes");
    assert_eq!(error.fault().class, FaultClass::ConnectionLost);

    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("its").port();
    let error = connect(settings(&ca), "localhost", closed, Tls::Implicit).await.expect_err("nobody");
    assert_eq!(error.fault().class, FaultClass::Unreachable);
    let error =
        connect(settings(&ca), "no-such-host.invalid", 993, Tls::Implicit).await.expect_err("no name");
    assert_eq!(error.fault().class, FaultClass::Unreachable);

    let hasty = NetworkSettings { connect_timeout: Duration::from_millis(200), ..settings(&ca) };
    let port = serve(Behaviour::Silent).await;
    let impatient = NetworkSettings { idle_timeout: Duration::from_millis(100), ..settings(&ca) };
    for (settings, tls, expected) in [
        (&hasty, Tls::Implicit, Stage::Encrypting),
        (&hasty, Tls::Starttls, Stage::Greeting),
        (&hasty, Tls::None, Stage::Greeting),
        (&impatient, Tls::None, Stage::Greeting),
    ] {
        let error = connect(settings.clone(), "localhost", port, tls).await.expect_err("silence");
        assert_eq!(error.fault().class, FaultClass::TimedOut);
        assert!(matches!(error, Error::TimedOut { stage, .. } if stage == expected), "{error:?}");
    }
}

#[tokio::test]
async fn local_addresses_and_plaintext_need_permission() {
    let ca = Ca::new();
    let remote = NetworkSettings { allow_local: false, ..settings(&ca) };
    let port = serve(Behaviour::Implicit(ca.acceptor("localhost", 2099))).await;
    for host in ["localhost", "127.0.0.1", "::ffff:127.0.0.1", "[::1]", "0.0.0.0", "169.254.169.254"] {
        let error = connect(remote.clone(), host, port, Tls::Implicit).await.expect_err(host);
        assert!(matches!(error, Error::AddressRefused { .. }), "{error}");
        assert_eq!(error.fault().class, FaultClass::Configuration);
    }
    let hasty = NetworkSettings { connect_timeout: Duration::from_millis(200), ..remote };
    let error = connect(hasty.clone(), "192.0.2.1", 143, Tls::None).await.expect_err("not allowed");
    assert_eq!(error.fault().class, FaultClass::PlaintextRefused);
    let listed = NetworkSettings { plaintext_hosts: vec!["192.0.2.1".to_owned()], ..hasty };
    let error = connect(listed, "192.0.2.1", 143, Tls::None).await.expect_err("nobody is there");
    let connecting = matches!(error, Error::TimedOut { stage: Stage::Connecting, .. });
    assert!(connecting || matches!(error, Error::Unreachable { .. }), "{error}");

    let port = serve(Behaviour::Says("* BYE go away\r\n")).await;
    let error = connect(settings(&ca), "127.0.0.1", port, Tls::None).await.expect_err("BYE");
    assert_eq!(
        error.fault().class,
        FaultClass::TemporarilyUnavailable,
        "plaintext on loopback is allowed here"
    );
}

#[test]
fn private_cas_must_be_certificates() {
    for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let settings = NetworkSettings { extra_ca_pem: Some(pem.to_owned()), ..settings(&Ca::new()) };
        assert!(matches!(Network::new(settings), Err(NetworkError::ExtraCa(_))), "{pem}");
    }
}
