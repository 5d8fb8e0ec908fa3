//! A mailbox's page: its settings are saved as a whole or not at all, and a password goes nowhere new.

use crate::{
    browser::{Browser, Page},
    imap::MailServer,
    support::{Fixture, now},
};
use axum::http::StatusCode;
use postroom_model::{AfterFetch, Auth, Fault, FaultClass, Mailbox, MailboxId, Stuck, Tls};
use secrecy::ExposeSecret;

/// A mailbox with a password, at a mail server of this machine.
async fn basic(fixture: &Fixture, port: u16) -> MailboxId {
    let mailbox: Mailbox = serde_json::from_value(serde_json::json!({
        "id": "plant", "protocol": "imap", "host": "127.0.0.1", "port": port, "tls": "none", "user": "plant",
    }))
    .expect("a mailbox");
    fixture.registry.put_mailbox(&mailbox, crate::support::now()).await.expect("stored");
    fixture.registry.place_mailbox(&mailbox, now(), 0.5).await.expect("placed");
    fixture.vault.put_password(&mailbox.id, &"s3cret-of-plant".into()).await.expect("stored");
    mailbox.id
}

/// The form as the page shows it, with some fields filled in otherwise.
async fn send(browser: &mut Browser, path: &str, port: u16, changes: &[(&str, &str)]) -> Page {
    let port = port.to_string();
    let shown = [
        ("auth", "basic"),
        ("account", ""),
        ("password", ""),
        ("protocol", "imap"),
        ("host", "127.0.0.1"),
        ("port", &port),
        ("tls", "none"),
        ("user", "plant"),
        ("folders", "INBOX"),
        ("interval", "5m"),
        ("after", "leave"),
        ("move_to", ""),
    ];
    let is_changed = |name: &str| changes.iter().any(|(changed, _)| *changed == name);
    let kept = shown.into_iter().filter(|(name, _)| !is_changed(name));
    let fields: Vec<(&str, &str)> = kept.chain(changes.iter().copied()).collect();
    browser.post(path, &fields).await
}

async fn stored(fixture: &Fixture, id: &MailboxId) -> Mailbox {
    fixture.registry.mailbox(id).await.expect("answers").expect("is there").mailbox
}

#[tokio::test]
async fn settings_are_saved_and_the_mailbox_is_tried_again_at_once() {
    let fixture = Fixture::new().await;
    let id = basic(&fixture, 1).await;
    let projects = fixture.account("projects").await;
    let mut at_home = fixture.mailbox("at-home", &projects, 993).await;
    at_home.server.host = "mail.example".to_owned();
    fixture.registry.put_mailbox(&at_home, crate::support::now()).await.expect("stored");
    let before = fixture.registry.mailbox(&id).await.expect("answers").expect("is there").batch;
    let mut browser = fixture.administrator().await;
    let page = browser.get("/mailboxes/plant").await;
    assert!(page.says("value=\"127.0.0.1\"") && !page.says("s3cret"), "{page:?}");

    let changes = [
        ("host", "mail.example"),
        ("port", ""),
        ("tls", "starttls"),
        ("folders", "INBOX\r\nProjects/*\r\n"),
        ("interval", "1h"),
        ("after", "move"),
        ("move_to", "Archived"),
        ("password", "new s3cret"),
    ];
    let page = send(&mut browser, "/mailboxes/plant", 1, &changes).await;
    assert_eq!(page.location().as_deref(), Some("/mailboxes/plant?done=saved"), "{page:?}");
    let page = browser.get("/mailboxes/plant?done=saved").await;
    assert!(page.says("Saved.") && page.says("Every hour") && !page.says("s3cret"), "{page:?}");
    let placed = fixture.registry.mailbox(&id).await.expect("answers").expect("is there");
    let mailbox = &placed.mailbox;
    assert_eq!((mailbox.server.host.as_str(), mailbox.server.port), ("mail.example", 143));
    assert_eq!(mailbox.server.tls, Tls::Starttls);
    assert_eq!(mailbox.folders, ["INBOX", "Projects/*"]);
    assert_eq!(mailbox.after_fetch, AfterFetch::Move("Archived".into()));
    assert_ne!(placed.batch, before, "another interval is another batch");
    let password = fixture.vault.password(&id).await.expect("answers").expect("is there");
    assert_eq!(password.expose_secret(), "new s3cret");

    let changes = [("auth", "oauth"), ("account", "projects"), ("host", "mail.example")];
    let page =
        send(&mut browser, "/mailboxes/plant", 993, &[&changes[..], &[("tls", "implicit")]].concat()).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{page:?}");
    assert_eq!(stored(&fixture, &id).await.auth, Auth::Oauth("projects".parse().expect("id")));
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_field_and_nothing_is_saved() {
    let fixture = Fixture::new().await;
    let id = basic(&fixture, 1).await;
    fixture.account("projects").await;
    let before = stored(&fixture, &id).await;
    let mut browser = fixture.administrator().await;
    for (changes, said) in [
        (&[("host", "evil.example")][..], "is not sent to another host"),
        (&[("user", "boss")], "is not sent to another host"),
        (&[("auth", "oauth"), ("account", "nobody")], "Choose an account that exists."),
        (&[("auth", "oauth"), ("account", "projects")], "none of the account's mailboxes is at this host"),
        (&[("port", "99999")], "Enter a number from 1 to 65535"),
        (&[("host", "a b")], "Enter only a name or an address"),
        (&[("folders", "")], "Enter at least one folder"),
        (&[("host", "mail.example"), ("password", "x")], "would send the password or token unprotected"),
        (&[("protocol", "pop3"), ("exclude_folders", "Trash")], "POP3 knows only the folder INBOX"),
        (&[("from", "contoso.com")], "nobody's whole address"),
        (&[("max_size", "50")], "Enter a number with its unit"),
        (&[("min_size", "2MB"), ("max_size", "1MB")], "every message would be left out"),
        (&[("since", "yesterday")], "Enter a day such as 2026-01-01"),
        (&[("daily_limit", "0GB")], "With this nothing would be fetched"),
        (&[("inline_images", "yes")], "Unpack attachments too"),
    ] {
        for path in ["/mailboxes/plant", "/mailboxes/plant/test"] {
            let page = send(&mut browser, path, 1, changes).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{changes:?}: {page:?}");
            assert!(page.says("Nothing was saved.") && page.says(said), "{changes:?}: {page:?}");
            assert!(page.says("aria-invalid=\"true\""), "{page:?}");
        }
        assert_eq!(stored(&fixture, &id).await, before, "{changes:?}");
    }
    browser.get("/mailboxes/none").await.is_problem(StatusCode::NOT_FOUND, "There is nothing here");
    let page = send(&mut browser, "/mailboxes/none", 1, &[]).await;
    page.is_problem(StatusCode::NOT_FOUND, "There is nothing here");
}

/// The same form in a deployment that is not a local one.
#[tokio::test]
async fn a_host_on_this_machine_is_refused_when_saving_and_when_testing() {
    let fixture = Fixture::new().await;
    let id = basic(&fixture, 1).await;
    let router = fixture.reconfigured(|settings| settings.network.allow_local = false);
    let mut browser = fixture.administrator().await.with(router);
    browser.get("/mailboxes/plant").await;
    for host in
        ["127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "localhost", "0.0.0.0", "[fd00:ec2::254]"]
    {
        let is_local = host != "::ffff:10.0.0.1";
        let changes = [("host", host), ("tls", "implicit"), ("password", "x")];
        let page = send(&mut browser, "/mailboxes/plant/test", 1, &changes).await;
        assert_eq!(
            page.says("That is the machine that Postroom itself runs on"),
            is_local,
            "{host}: {page:?}"
        );
        if is_local {
            let page = send(&mut browser, "/mailboxes/plant", 1, &changes).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{host}");
        }
    }
    assert_eq!(stored(&fixture, &id).await.server.host, "127.0.0.1");
}

#[tokio::test]
async fn a_test_tells_what_the_server_says_and_saves_nothing() {
    let fixture = Fixture::new().await;
    let (open, closed) = (MailServer::start(true).await, MailServer::start(false).await);
    let id = basic(&fixture, open.port).await;
    let before = stored(&fixture, &id).await;
    let mut browser = fixture.administrator().await;
    let page = send(&mut browser, "/mailboxes/plant/test", open.port, &[]).await;
    assert!(page.says("The connection works") && page.says("folder: 42"), "{page:?}");
    let page =
        send(&mut browser, "/mailboxes/plant/test", closed.port, &[("password", "typed s3cret")]).await;
    assert!(page.says("The connection does not work") && page.says("Check both"), "{page:?}");
    assert!(page.says("enter it again to save it") && !page.says("typed s3cret"), "{page:?}");
    let page = send(&mut browser, "/mailboxes/plant/test", open.port, &[("protocol", "pop3")]).await;
    assert!(page.says("The connection does not work"), "IMAP is no POP3: {page:?}");
    let (open, closed) = (MailServer::pop3(true).await, MailServer::pop3(false).await);
    let page = send(&mut browser, "/mailboxes/plant/test", open.port, &[("protocol", "pop3")]).await;
    assert!(page.says("The connection works") && page.says("folder: 17"), "{page:?}");
    let page = send(&mut browser, "/mailboxes/plant/test", closed.port, &[("protocol", "pop3")]).await;
    assert!(page.says("The connection does not work") && page.says("Check both"), "{page:?}");
    assert_eq!(stored(&fixture, &id).await, before);
}

#[tokio::test]
async fn what_is_fetched_is_saved_and_shown_again() {
    let fixture = Fixture::new().await;
    let id = basic(&fixture, 1).await;
    let mut browser = fixture.administrator().await;
    let changes = [
        ("exclude_folders", "Trash\r\n\\Junk"),
        ("from", "*@contoso.com\r\nann@example.org"),
        ("not_subject", "*newsletter*"),
        ("max_size", "50 MB"),
        ("since", "2026-01-01"),
        ("daily_limit", "2GB"),
        ("attachments", "yes"),
        ("inline_images", "yes"),
    ];
    let page = send(&mut browser, "/mailboxes/plant", 1, &changes).await;
    assert_eq!(page.location().as_deref(), Some("/mailboxes/plant?done=saved"), "{page:?}");
    let mailbox = stored(&fixture, &id).await;
    assert_eq!(mailbox.exclude_folders, ["Trash", "\\Junk"]);
    assert_eq!((mailbox.filter.max_bytes, mailbox.daily_bytes), (Some(50_000_000), Some(2_000_000_000)));
    assert!(mailbox.attachments && mailbox.inline_images && mailbox.filter.from.len() == 2);
    let page = browser.get("/mailboxes/plant").await;
    for shown in [
        "Trash\n\\Junk</textarea>",
        "*@contoso.com\nann@example.org</textarea>",
        "value=\"50MB\"",
        "value=\"2026-01-01\"",
        "name=\"attachments\" value=\"yes\" checked",
        "attachments/plant/",
        "0 MB of at most 2GB",
    ] {
        assert!(page.says(shown), "{shown}: {page:?}");
    }
    // What is emptied is gone.
    send(&mut browser, "/mailboxes/plant", 1, &[]).await;
    let mailbox = stored(&fixture, &id).await;
    assert!(mailbox.filter.is_empty() && mailbox.exclude_folders.is_empty() && !mailbox.attachments);
    assert_eq!(mailbox.daily_bytes, None);
}

#[tokio::test]
async fn what_the_archive_lacks_is_listed() {
    let fixture = Fixture::new().await;
    let id = basic(&fixture, 1).await;
    let stuck = |uid_validity, uid| Stuck {
        uid_validity,
        uid,
        unique_id: None,
        size: Some(4711),
        message_id: Some("<4711@example.org>".to_owned()),
        attempts: 3,
        fault: Fault::new(FaultClass::Protocol, "the server <b>said</b> nothing"),
    };
    for (folder, stuck) in [("INBOX", stuck(0, 12)), ("Projects", stuck(7, 345))] {
        fixture.registry.quarantine(&id, folder, &stuck, now()).await.expect("recorded");
    }
    let mut browser = fixture.administrator().await;
    let page = browser.get("/mailboxes/plant").await;
    assert!(page.says("Message 12 of the maildrop") && page.says("Projects, UID 345"), "{page:?}");
    assert!(page.says("Message-ID &#60;4711@example.org&#62;"), "{page:?}");
    assert!(page.says("the server &#60;b&#62;said"), "{page:?}");
}

#[tokio::test]
async fn a_mailbox_is_paused_resumed_and_written_down() {
    let fixture = Fixture::new().await;
    let id = basic(&fixture, 1).await;
    let fault = Fault::new(FaultClass::PasswordRefused, "NO [AUTHENTICATIONFAILED] <b>no</b>");
    let failure = postroom_model::Failure::next(None, fault, now(), 0.5);
    fixture.registry.record_failure(&id, &failure, None).await.expect("recorded");
    let mut browser = fixture.administrator().await;
    let page = browser.get("/mailboxes/plant").await;
    assert!(page.says("refused the user name or the password") && page.says("&#60;b&#62;no"), "{page:?}");

    let page = browser.post_and_follow("/mailboxes/plant/pause", &[]).await;
    assert!(page.says("Paused.") && page.says("/mailboxes/plant/resume"), "{page:?}");
    let placed = fixture.registry.mailbox(&id).await.expect("answers").expect("is there");
    assert!(placed.paused_at.is_some());
    let page = browser.post_and_follow("/mailboxes/plant/resume", &[]).await;
    assert!(page.says("Resumed.") && page.says("/mailboxes/plant/pause"), "{page:?}");

    let page = browser.post_and_follow("/mailboxes/plant/transcript", &[("on", "yes")]).await;
    assert!(
        page.says("A transcript is written until") && page.says("s3://post-transcripts/transcripts/plant/"),
        "{page:?}"
    );
    let placed = fixture.registry.mailbox(&id).await.expect("answers").expect("is there");
    let left = placed.transcript_until.expect("a time").duration_since(now());
    assert!(left.as_mins() >= 59 && left.as_mins() <= 60, "{left:?}");
    browser.post("/mailboxes/plant/transcript", &[("on", "no")]).await;
    let placed = fixture.registry.mailbox(&id).await.expect("answers").expect("is there");
    assert!(placed.paused_at.is_none() && placed.transcript_until.is_none());
    let page = browser.post("/mailboxes/none/pause", &[]).await;
    page.is_problem(StatusCode::NOT_FOUND, "There is nothing here");
}
