//! `postroom migrate`: onto an account, and back.

use crate::{
    mailserver::MailServer,
    support::{Fixture, id, now, printed},
};
use clap::Parser;
use jiff::SignedDuration;
use postroom_cli::{
    Error, Outcome,
    args::{Cli, Command},
    deployment::Deployment,
    migrate::migrate,
};
use postroom_model::{Auth, Mailbox, MailboxId, Protocol, TokenSet};
use postroom_tokens::Consent;

/// Two POP3 mailboxes with passwords, one with an account, and an account that is authorised.
async fn fixture(pop3: u16) -> (Fixture, String) {
    let fixture = Fixture::new().await;
    let manifest = format!(
        r#"
        [[provider]]
        id = "sso"
        issuer = "https://sso.example"
        client_id = "postroom"

        [[account]]
        id = "team"
        provider = "sso"

        [[mailbox]]
        id = "diary"
        protocol = "pop3"
        host = "127.0.0.1"
        port = {pop3}
        tls = "none"
        user = "diary"
        password = {{ env = "PASSWORD" }}
        password_expires = 2027-06-30
        tags = {{ project = "17" }}

        [[mailbox]]
        id = "plant"
        protocol = "pop3"
        host = "127.0.0.1"
        port = {pop3}
        tls = "none"
        user = "plant"
        password = {{ env = "PASSWORD" }}
        tags = {{ project = "18" }}
        "#
    );
    fixture.apply(&manifest, "p4ssword", &[]).await.expect("applies");
    let tokens = TokenSet::from_response(
        r#"{"access_token":"t0ken","token_type":"Bearer","expires_in":7200,"refresh_token":"r"}"#,
        now(),
    );
    let consent = Consent { at: now(), identity: None };
    let until = now() + SignedDuration::from_mins(5);
    let tokens = tokens.expect("a token set");
    fixture.deployment.tokens.accept(&id("team"), tokens, consent, until).await.expect("accepted");
    (fixture, manifest)
}

/// What the command prints, without ports, and how it ends.
async fn migrated(fixture: &Fixture, words: &str, ports: &[u16]) -> Result<(String, Outcome), Error> {
    let words = ["postroom", "migrate"].into_iter().chain(words.split_whitespace());
    let Command::Migrate(args) = Cli::try_parse_from(words).expect("a command line").command else {
        panic!("another command")
    };
    let (mut text, outcome) =
        printed(async |out| migrate(&fixture.deployment, &args, now(), out).await).await?;
    for port in ports {
        text = text.replace(&port.to_string(), "PORT");
    }
    assert!(!text.contains("t0ken") && !text.contains("p4ssword"), "{text}");
    Ok((text, outcome))
}

async fn auth(fixture: &Fixture, name: &str) -> Auth {
    let placed = fixture.deployment.registry.mailbox(&id::<MailboxId>(name)).await.expect("answers");
    placed.expect("is there").mailbox.auth
}

#[tokio::test]
async fn what_is_rehearsed_well_is_switched_and_goes_back() {
    let pop3 = MailServer::pop3(&["p4ssword"]).await;
    // It knows one of both users.
    let imap = MailServer::imap(&["user=diary\u{1}auth=Bearer t0ken"]).await;
    let ports = [pop3.port, imap.port];
    let (fixture, manifest) = fixture(pop3.port).await;
    let way = format!(
        "--to team --protocol imap --port {} --tls none --host 127.0.0.1 --all-of 127.0.0.1",
        imap.port
    );

    let before = fixture.items().await;
    let (planned, outcome) = migrated(&fixture, &way, &ports).await.expect("rehearses");
    assert_eq!(outcome, Outcome::NotWell, "one does not work");
    insta::assert_snapshot!(planned, @"
    MAILBOX  NOW                       THEN                        REHEARSAL      MESSAGES
    diary    pop3 127.0.0.1, password  imap 127.0.0.1, oauth team  well, XOAUTH2  3
    plant    pop3 127.0.0.1, password  imap 127.0.0.1, oauth team  FAILED         -
        token_refused: XOAUTH2 sign-in refused: NO [AUTHENTICATIONFAILED] no
        who must act: the owner. Authorise the account again; if it was authorised just now, check that its scopes include mail access for this protocol.

    1 mailbox can be switched, 1 cannot
    nothing was changed: --yes switches those that can be
    ");
    assert_eq!(fixture.items().await, before, "nothing is switched unasked");

    let (switched, _) = migrated(&fixture, &format!("{way} --yes"), &ports).await.expect("switches");
    let (_, lines) = switched.split_once("can be switched").expect("a table before");
    insta::assert_snapshot!(lines, @r#"
    , 1 cannot
    switched 1 mailbox

    where a manifest has them, change it so, or the next `postroom apply` takes them back:
    mailbox diary
        - protocol = "pop3"
        - port = PORT
        - password_expires = 2027-06-30
        - password = …
        + port = PORT
        + auth = { oauth = "team" }
    "#);
    let team = Auth::Oauth(id("team"));
    assert_eq!((auth(&fixture, "diary").await, auth(&fixture, "plant").await), (team.clone(), Auth::Basic));

    // The manifest of before says so, and still may take it back.
    let planned = fixture.apply(&manifest, "p4ssword", &["--dry-run"]).await.expect("plans");
    assert!(planned.contains("warning: mailbox diary was migrated to account team"), "{planned}");
    assert!(planned.contains("protocol imap → pop3"), "{planned}");

    let (again, _) = migrated(&fixture, &format!("{way} --yes"), &ports).await.expect("rehearses");
    assert!(
        again.contains("is so already") && again.contains("0 mailboxes can be switched, 1 cannot"),
        "{again}"
    );

    let (back, outcome) = migrated(&fixture, "--back --yes diary plant", &ports).await.expect("goes back");
    assert_eq!(outcome, Outcome::NotWell, "one was not migrated");
    insta::assert_snapshot!(back, @r#"
    MAILBOX  NOW                         THEN                      REHEARSAL    MESSAGES
    diary    imap 127.0.0.1, oauth team  pop3 127.0.0.1, password  well, PLAIN  3
    plant    pop3 127.0.0.1, password    -                         refused      -
        it was not migrated, so that there is no way back

    1 mailbox can be switched, 1 cannot
    switched 1 mailbox

    where a manifest has them, change it so, or the next `postroom apply` switches them again:
    mailbox diary
        - port = PORT
        - auth = { oauth = "team" }
        + protocol = "pop3"
        + port = PORT
        + password_expires = 2027-06-30
    "#);
    assert_eq!(auth(&fixture, "diary").await, Auth::Basic);
    let planned = fixture.apply(&manifest, "p4ssword", &["--dry-run"]).await.expect("plans");
    assert_eq!(planned, "nothing to do\n");
}

#[tokio::test]
async fn the_way_back_is_rehearsed_unless_it_is_forced() {
    let pop3 = MailServer::pop3(&["another"]).await;
    let imap = MailServer::imap(&["t0ken"]).await;
    let (fixture, _) = fixture(pop3.port).await;
    let way = format!(
        "--to team --protocol imap --port {} --tls none --host 127.0.0.1 --tag project=17 --yes",
        imap.port
    );
    let (text, outcome) = migrated(&fixture, &way, &[]).await.expect("switches");
    assert!(outcome == Outcome::Well && text.contains("switched 1 mailbox\n"), "{text}");
    let (text, outcome) = migrated(&fixture, "--back --yes diary", &[]).await.expect("rehearses");
    assert!(outcome == Outcome::NotWell && text.contains("password_refused"), "{text}");
    assert_ne!(auth(&fixture, "diary").await, Auth::Basic);

    let vault = &fixture.deployment.vault;
    vault.delete_password(&id("diary")).await.expect("deleted");
    let (text, outcome) = migrated(&fixture, "--back --force --yes diary", &[]).await.expect("answers");
    assert_eq!(outcome, Outcome::NotWell);
    assert!(text.contains("which holds this mailbox's password"), "{text}");
    assert_ne!(auth(&fixture, "diary").await, Auth::Basic, "nobody could sign in to it");

    vault.put_password(&id("diary"), &"p4ssword".into()).await.expect("stored");
    let (text, outcome) = migrated(&fixture, "--back --force --yes diary", &[]).await.expect("goes back");
    assert!(outcome == Outcome::Well && text.contains("none, has password"), "{text}");
    assert!(text.contains("switched 1 mailbox\n"), "{text}");
    let placed = fixture.deployment.registry.mailbox(&id("diary")).await.expect("answers").expect("is there");
    assert_eq!((placed.mailbox.auth, placed.mailbox.protocol), (Auth::Basic, Protocol::Pop3));
    assert!(placed.mailbox.password_expires.is_some(), "as it was");
}

#[tokio::test]
async fn a_token_goes_to_no_strange_host_unless_it_is_named() {
    let (own, strange) = (MailServer::imap(&["t0ken"]).await, MailServer::imap(&["t0ken"]).await);
    let (fixture, _) = fixture(strange.port).await;
    let registry = &fixture.deployment.registry;
    let diary = registry.mailbox(&id("diary")).await.expect("answers").expect("is there").mailbox;
    let mut first = Mailbox { id: id("first"), protocol: Protocol::Imap, ..diary.clone() };
    first.server.host = "localhost".to_owned();
    first.server.port = own.port;
    first.auth = Auth::Oauth(id("team"));
    registry.put_mailbox(&first, now()).await.expect("stored");
    let mut evil = Mailbox { protocol: Protocol::Imap, ..diary };
    evil.server.port = strange.port;
    registry.put_mailbox(&evil, now()).await.expect("stored");

    for words in ["--to team --tag project=17", "--to team --yes diary"] {
        let (text, outcome) = migrated(&fixture, words, &[]).await.expect("answers");
        let said = "account team is not at home at 127.0.0.1, which would get its token: --host 127.0.0.1";
        assert!(outcome == Outcome::NotWell && text.contains(said), "{text}");
        assert_eq!(auth(&fixture, "diary").await, Auth::Basic);
    }
    assert_eq!(strange.most_at_once(), 0, "nothing was sent");
    // Where the account has a mailbox already, nobody has to say so.
    evil.server.host = "LOCALHOST".to_owned();
    evil.server.port = own.port;
    registry.put_mailbox(&evil, now()).await.expect("stored");
    let (text, outcome) = migrated(&fixture, "--to team diary", &[]).await.expect("rehearses");
    assert!(outcome == Outcome::Well && text.contains("well, XOAUTH2"), "{text}");
}

#[tokio::test]
async fn a_new_password_never_goes_to_the_place_of_before() {
    let (evil, home) = (MailServer::pop3(&["my-own"]).await, MailServer::imap(&["t0ken"]).await);
    let honest = MailServer::pop3(&["p4ssword"]).await;
    let (fixture, manifest) = fixture(honest.port).await;
    let Deployment { registry, vault, .. } = &fixture.deployment;
    // Somebody has it fetched elsewhere with a password of theirs, and then with an account.
    let mut theirs = registry.mailbox(&id("diary")).await.expect("answers").expect("is there").mailbox;
    theirs.server.port = evil.port;
    vault.put_password(&theirs.id, &"my-own".into()).await.expect("stored");
    registry.put_mailbox(&theirs, now()).await.expect("stored");
    let way =
        format!("--to team --protocol imap --port {} --tls none --host 127.0.0.1 --yes diary", home.port);
    migrated(&fixture, &way, &[]).await.expect("switches");
    assert_eq!(registry.former(&theirs.id).await.expect("answers").map(|f| f.mailbox), Some(theirs));
    // The manifest puts it back to where it belongs, with its password.
    fixture.apply(&manifest, "p4ssword", &[]).await.expect("applies");
    for words in ["--back diary", "--back --yes diary", "--back --force --yes diary"] {
        let (text, outcome) = migrated(&fixture, words, &[]).await.expect("answers");
        assert!(outcome == Outcome::NotWell && text.contains("it was not migrated"), "{words}: {text}");
    }
    assert_eq!(evil.most_at_once(), 0, "nothing was sent");
    let placed = registry.mailbox(&id("diary")).await.expect("answers").expect("is there");
    assert_eq!((placed.mailbox.auth, placed.mailbox.server.port), (Auth::Basic, honest.port));
}

#[tokio::test]
async fn what_a_manifest_may_not_have_is_refused_before_anything_is_sent() {
    let pop3 = MailServer::pop3(&[]).await;
    let (fixture, _) = fixture(pop3.port).await;
    for (words, said) in [
        ("--to team --host mail.example --tls none diary", "tls = \"none\" would send the password or token"),
        ("--to team --host a:b diary", "\"a:b\" is no host name"),
        ("--back diary", "it was not migrated"),
    ] {
        let (text, outcome) = migrated(&fixture, words, &[]).await.expect("answers");
        assert!(outcome == Outcome::NotWell && text.contains(said), "{words}: {text}");
    }
    assert_eq!(pop3.most_at_once(), 0, "nothing was sent");
    for (words, said) in [
        ("--to nobody diary", "there is no account nobody"),
        ("--to team diary nowhere", "there is no mailbox nowhere"),
        ("--to team --tag project=19", "no mailbox is like that"),
        ("--to team --user x diary plant", "--user is for one mailbox, and 2 are meant"),
    ] {
        let error = migrated(&fixture, words, &[]).await.expect_err(words);
        assert!(error.to_string().contains(said) && error.exit_status() == 2, "{words}: {error}");
    }
    for words in
        ["diary", "--to team", "--to team --back diary", "--force --to team diary", "--to team --tag x"]
    {
        let words = ["postroom", "migrate"].into_iter().chain(words.split_whitespace());
        assert!(Cli::try_parse_from(words.clone()).is_err(), "{:?}", words.collect::<Vec<_>>());
    }
}
