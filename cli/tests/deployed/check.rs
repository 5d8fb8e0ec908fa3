//! `postroom check`, against a server that answers from a script.

use crate::{
    mailserver::MailServer,
    support::{Fixture, id, now, printed},
};
use postroom_cli::{Outcome, args::CheckArgs, check::check};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

/// It offers a capability that would turn a terminal's text red.
const GREETING: &str = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN X\x1b[31m\u{9b}] hello\r\n";

/// An IMAP server for one session: it answers each command by its verb.
async fn server(login: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("listens");
    let port = listener.local_addr().expect("address").port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("accepts");
        let (reading, mut writing) = stream.into_split();
        writing.write_all(GREETING.as_bytes()).await.expect("greets");
        let mut lines = BufReader::new(reading).lines();
        while let Some(line) = lines.next_line().await.expect("reads") {
            let (tag, command) = line.split_once(' ').expect("a command");
            let (untagged, answer) = match command.split(' ').next() {
                Some("AUTHENTICATE") => ("", login),
                Some("EXAMINE") if command.contains("INBOX") => {
                    ("* 3 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 4] x\r\n", "OK [READ-ONLY] done")
                }
                Some("EXAMINE") => ("", "NO [NONEXISTENT] there is no such folder"),
                Some("LIST") => ("* LIST () \"/\" INBOX\r\n* LIST () \"/\" \"Entw&APw-rfe\"\r\n", "OK done"),
                _ => ("", "OK [CAPABILITY IMAP4rev1] done"),
            };
            writing.write_all(format!("{untagged}{tag} {answer}\r\n").as_bytes()).await.expect("answers");
        }
    });
    port
}

async fn checked(login: &'static str) -> (String, Outcome) {
    let fixture = Fixture::new().await;
    let port = server(login).await;
    let manifest = format!(
        r#"
        [[mailbox]]
        id = "plant"
        host = "127.0.0.1"
        port = {port}
        tls = "none"
        user = "plant"
        password = {{ env = "PASSWORD" }}
        folders = ["INBOX", "Drafts"]
        "#
    );
    fixture.apply(&manifest, "s3cret", &[]).await.expect("applies");
    let args = CheckArgs { mailbox: id("plant"), transcript: true };
    let (text, outcome) =
        printed(async |out| check(&fixture.deployment, &args, now(), out).await).await.expect("checks");
    assert!(!text.contains("s3cret"));
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    let (steps, transcript) = text.split_once("\n\n").expect("a transcript after the steps");
    // What went over the wire, with what the sign-in sent masked.
    assert!(transcript.contains("AUTHENTICATE PLAIN") && transcript.contains("***"), "{transcript}");
    assert!(!transcript.contains("cGxhbnQ"), "the user's name in base64 begins what was sent");
    (format!("{}\n", steps.replace(&port.to_string(), "PORT")), outcome)
}

#[tokio::test]
async fn each_step_is_told_and_a_missing_folder_shows_what_there_is() {
    let (text, outcome) = checked("OK [CAPABILITY IMAP4rev1] welcome").await;
    assert_eq!(outcome, Outcome::NotWell);
    insta::assert_snapshot!(text, @r#"
    mailbox plant: imap 127.0.0.1:PORT, no TLS, user "plant", with its password
    ok      password   there is one in the vault
    ok      resolve    127.0.0.1 is at 127.0.0.1
    ok      connect    port PORT answers
    ok      tls        none: this deployment allows that for this host
    ok      greeting   an IMAP server; it offers AUTH=PLAIN IMAP4REV1 SASL-IR X�[31M�
    ok      mechanism  PLAIN: the server offers it, for passwords
    ok      sign-in    the server accepts "plant"
    ok      folder     "INBOX" has 3 messages
    FAILED  folder     folder "Drafts": NO [NONEXISTENT] there is no such folder
                       folder; who must act: the operator
                       Correct the mailbox's `folders`; `postroom check` lists what there is.
                       there are: "INBOX", "Entwürfe"
    "#);
}

#[tokio::test]
async fn a_refusal_comes_with_the_servers_words_and_what_to_do() {
    let (text, outcome) = checked("NO [AUTHENTICATIONFAILED] wrong password").await;
    assert_eq!(outcome, Outcome::NotWell);
    insta::assert_snapshot!(text, @r#"
    mailbox plant: imap 127.0.0.1:PORT, no TLS, user "plant", with its password
    ok      password   there is one in the vault
    ok      resolve    127.0.0.1 is at 127.0.0.1
    ok      connect    port PORT answers
    ok      tls        none: this deployment allows that for this host
    ok      greeting   an IMAP server; it offers AUTH=PLAIN IMAP4REV1 SASL-IR X�[31M�
    ok      mechanism  PLAIN: the server offers it, for passwords
    FAILED  sign-in    PLAIN sign-in refused: NO [AUTHENTICATIONFAILED] wrong password
                       password_refused; who must act: the owner
                       Check the user name and the password and apply them again; many providers now ask for OAuth or an app password.
    "#);
}

#[tokio::test]
async fn a_maildrop_says_how_its_messages_are_told_apart() {
    let fixture = Fixture::new().await;
    let port = MailServer::pop3(&["p4ssword"]).await.port;
    let manifest = format!(
        "[[mailbox]]\nid = \"plant\"\nprotocol = \"pop3\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
         user = \"plant\"\npassword = {{ env = \"PASSWORD\" }}\n"
    );
    fixture.apply(&manifest, "p4ssword", &[]).await.expect("applies");
    let args = CheckArgs { mailbox: id("plant"), transcript: true };
    let (text, outcome) =
        printed(async |out| check(&fixture.deployment, &args, now(), out).await).await.expect("checks");
    assert_eq!(outcome, Outcome::Well);
    let (steps, transcript) = text.split_once("\n\n").expect("a transcript after the steps");
    insta::assert_snapshot!(steps.replace(&port.to_string(), "PORT"), @r#"
    mailbox plant: pop3 127.0.0.1:PORT, no TLS, user "plant", with its password
    ok      password   there is one in the vault
    ok      resolve    127.0.0.1 is at 127.0.0.1
    ok      connect    port PORT answers
    ok      tls        none: this deployment allows that for this host
    ok      greeting   a POP3 server; it offers SASL PLAIN XOAUTH2 TOP UIDL
    ok      mechanism  PLAIN: the server offers it, for passwords
    ok      sign-in    the server accepts "plant"
    ok      messages   3 messages, 300 B
    ok      uidl       1 of 3 messages have an id of their own: the others are known by their headers
    ok      top        the server shows headers without their messages
    "#);
    assert!(transcript.contains("UIDL") && transcript.contains("***"), "{transcript}");
    assert!(!text.contains("p4ssword") && !text.contains("s3cret diary"), "neither secrets nor mail: {text}");
}
