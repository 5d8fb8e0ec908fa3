//! `postroom import`.

use crate::{
    mailserver::MailServer,
    support::{Fixture, id, now, printed},
};
use postroom_cli::{
    Error, Outcome,
    args::ImportListArgs,
    import::import,
    manifest::{Draft, SecretSources},
};
use secrecy::ExposeSecret;
use std::{
    fmt::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const LIST: &str = "\
id,host,protocol,user,password,owners,folders,daily limit
diary,imap.a.example,imap,diary,s3cret-1,ann@a.example,INBOX;Sent,
plant,pop.a.example,pop3,plant,s3cret-2,,,
archive,imap.gmail.com,imaps,archive,s3cret-3,,,none
";

/// What importing a list prints, and how it ends.
async fn imported(
    fixture: &Fixture,
    text: &str,
    flags: &[&str],
    manifest: Option<&Path>,
) -> Result<(String, Outcome), Error> {
    let args = ImportListArgs {
        file: "list.csv".into(),
        yes: flags.contains(&"--yes"),
        check: flags.contains(&"--check"),
        manifest: manifest.map(PathBuf::from),
        ignore: Vec::new(),
    };
    let sources = SecretSources { folder: ".".into(), variable: &|_| None };
    let draft = Draft::read_list("list.csv", text, &args.ignore, &sources, now());
    let printed = printed(async |out| import(&fixture.deployment, draft, &args, now(), out).await).await;
    if let Ok((text, _)) = &printed {
        assert!(!text.contains("s3cret"), "no password is printed: {text}");
    }
    printed
}

#[tokio::test]
async fn a_list_is_planned_imported_once_and_kept_as_a_manifest() {
    let fixture = Fixture::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mailboxes.toml");
    let (planned, outcome) = imported(&fixture, LIST, &[], None).await.expect("plans");
    assert_eq!(outcome, Outcome::Well);
    insta::assert_snapshot!(planned, @"
    + password of archive (from line 4 of list.csv)
    + password of diary (from line 2 of list.csv)
    + password of plant (from line 3 of list.csv)
    + mailbox archive (imap imap.gmail.com, password, every 5m)
    + mailbox diary (imap imap.a.example, password, every 5m)
    + mailbox plant (pop3 pop.a.example, password, every 5m)
    + batch 5m-0001 (3 mailboxes)
    7 changes
    nothing was changed: --yes imports the list
    ");
    assert!(fixture.items().await.is_empty(), "a dry run writes nothing");

    let (text, _) = imported(&fixture, LIST, &["--yes"], Some(&file)).await.expect("imports");
    assert!(text.ends_with("applied 7 changes\n"), "{text}");
    let password = fixture.deployment.vault.password(&id("plant")).await.expect("answers").expect("is there");
    assert_eq!(password.expose_secret(), "s3cret-2");
    let (again, _) = imported(&fixture, LIST, &["--yes"], Some(&file)).await.expect("imports again");
    assert!(again.starts_with("nothing to do\n"), "{again}");

    let manifest = std::fs::read_to_string(&file).expect("written");
    insta::assert_snapshot!(manifest, @r#"
    # Mailboxes as `postroom import` brought them in. Their passwords are not here: they lie in the vault, and
    # stay valid for the same server and user. A new one is given by password = { env = "NAME" }.

    [[mailbox]]
    id = "archive"
    host = "imap.gmail.com"
    user = "archive"
    daily_limit = "none"

    [[mailbox]]
    id = "diary"
    host = "imap.a.example"
    user = "diary"
    folders = ["INBOX", "Sent"]
    owners = ["ann@a.example"]

    [[mailbox]]
    id = "plant"
    protocol = "pop3"
    host = "pop.a.example"
    user = "plant"
    "#);
    // Nothing is lost by it: no password, no setting, no mailbox.
    let applied = fixture.apply(&manifest, "", &["--prune"]).await.expect("applies");
    assert_eq!(applied, "nothing to do\n");

    std::fs::write(&file, "# mine\n").expect("written");
    let error = imported(&fixture, LIST, &["--yes"], Some(&file)).await.expect_err("the file is somebody's");
    assert!(matches!(error, Error::Unwritable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_list_leaves_alone_what_it_does_not_name_and_a_mistake_imports_nothing() {
    let fixture = Fixture::new().await;
    fixture.apply(include_str!("../manifest.example.toml"), "s3cret", &[]).await.expect("applies");
    let before = fixture.items().await;
    let wrong = LIST.replace("pop.a.example", "localhost:110");
    let error = imported(&fixture, &wrong, &["--yes"], None).await.expect_err("refused");
    assert_eq!(error.exit_status(), 2);
    assert!(error.to_string().starts_with("list.csv:3:7: \"localhost:110\" is no host name"), "{error}");
    assert_eq!(fixture.items().await, before);
    let (text, _) = imported(&fixture, LIST, &["--yes"], None).await.expect("imports");
    assert!(!text.contains("left alone") && !text.contains("- mailbox"), "{text}");
    assert_eq!(fixture.deployment.registry.mailboxes().await.expect("answers").len(), 5);
}

#[tokio::test]
async fn mailboxes_that_cannot_be_signed_in_to_are_listed_and_left_out() {
    let fixture = Fixture::new().await;
    let (imap, pop3) = (MailServer::imap(&["s3cret"]).await, MailServer::pop3(&["s3cret"]).await);
    let mut list = "id,host,port,protocol,tls,user,password\n".to_owned();
    for number in 0..12 {
        let (protocol, port) = if number % 3 == 0 { ("pop3", pop3.port) } else { ("imap", imap.port) };
        let password = if number == 4 || number == 9 { "wr0ng" } else { "s3cret" };
        writeln!(list, "m{number:02},127.0.0.1,{port},{protocol},none,u{number},{password}").expect("writes");
    }
    let (text, outcome) = imported(&fixture, &list, &["--check", "--yes"], None).await.expect("imports");
    assert_eq!(outcome, Outcome::NotWell);
    assert!(!text.contains("wr0ng"));
    let (checked, rest) = text.split_once("\n\n").expect("a plan after the check");
    insta::assert_snapshot!(checked, @"
    signing in to 12 mailboxes …
    FAILED  m04 (password from line 6 of list.csv)
        password_refused: PLAIN sign-in refused: NO [AUTHENTICATIONFAILED] no
        who must act: the owner. Check the user name and the password and apply them again; many providers now ask for OAuth or an app password.
    FAILED  m09 (password from line 11 of list.csv)
        password_refused: PLAIN sign-in refused: -ERR [AUTH] no
        who must act: the owner. Check the user name and the password and apply them again; many providers now ask for OAuth or an app password.
    10 of 12 mailboxes can be signed in to; 2 left out of what follows
    ");
    assert!(!rest.contains("m04") && !rest.contains("m09") && rest.contains("+ mailbox m11"), "{rest}");
    assert_eq!(fixture.deployment.registry.mailboxes().await.expect("answers").len(), 10);
    // Both are at one address, which two may speak to at a time.
    assert!(imap.most_at_once() <= 2 && pop3.most_at_once() <= 2);

    // Mended, the same list brings in the others.
    let (text, outcome) = imported(&fixture, &list.replace("wr0ng", "s3cret"), &["--check", "--yes"], None)
        .await
        .expect("imports");
    assert!(text.contains("every mailbox can be signed in to\n"), "{text}");
    assert!(outcome == Outcome::Well && text.contains("+ mailbox m04") && !text.contains("mailbox m05"));
}

#[tokio::test]
async fn a_hundred_and_fifty_mailboxes_take_seconds() {
    let fixture = Fixture::new().await;
    let mut list = "host;user;password\n".to_owned();
    for number in 0..150 {
        writeln!(list, "mail{}.a.example;site-{number:03}@a.example;s3cret-{number}", number % 7)
            .expect("writes");
    }
    let began = Instant::now();
    let (text, _) = imported(&fixture, &list, &["--yes"], None).await.expect("imports");
    assert!(text.contains("\napplied 303 changes\n") || text.ends_with("applied 303 changes\n"), "{text}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let (again, _) = imported(&fixture, &list, &["--yes"], None).await.expect("imports again");
    assert_eq!(again, "nothing to do\n");
}
