//! Mailboxes that come to be fetched in another way, and go back.

use crate::support::{Fixture, account, at, batch, id, json, mailbox};
use postroom_model::{
    Auth, Failure, Fault, FaultClass, Filter, FolderCursor, Mailbox, MailboxId, Pattern, Protocol,
};
use postroom_registry::{Counted, Former};

/// A basic POP3 mailbox with everything that a mailbox may have.
fn basic() -> Mailbox {
    Mailbox {
        protocol: Protocol::Pop3,
        password_expires: serde_json::from_value("2027-01-01".into()).expect("a date"),
        filter: Filter { from: Vec::from_iter(Pattern::new("*@example.org")), ..Filter::default() },
        owners: vec!["ann@example.org".into()],
        ..mailbox("m")
    }
}

/// The same by IMAP with an account.
fn by_account(from: &Mailbox) -> Mailbox {
    Mailbox {
        protocol: Protocol::Imap,
        auth: Auth::Oauth(id("projects")),
        password_expires: None,
        filter: Filter::default(),
        ..from.clone()
    }
}

async fn fixture_with(mailbox: &Mailbox) -> (Fixture, MailboxId) {
    let fixture = Fixture::new().await;
    fixture.registry.put_account(&account("projects"), at(900)).await.expect("puts");
    fixture.registry.put_mailbox(mailbox, at(1000)).await.expect("puts");
    (fixture, id("m"))
}

#[tokio::test]
async fn a_mailbox_goes_over_and_back_with_all_that_is_known_of_it() {
    let basic = basic();
    let (fixture, name) = fixture_with(&basic).await;
    let registry = &fixture.registry;
    registry.put_batch(&batch("b", std::slice::from_ref(&name)), at(1000), 0.5).await.expect("places");
    registry.pause_mailbox(&name, Some(at(1500))).await.expect("pauses");
    let cursor = FolderCursor::start(7, 1).advance(3);
    assert!(registry.advance(&name, "INBOX", None, cursor, &Counted::default()).await.expect("answers"));
    let fault = Fault::new(FaultClass::PasswordRefused, "no");
    registry.record_failure(&name, &Failure::next(None, fault, at(1900), 0.5), None).await.expect("records");

    let to = by_account(&basic);
    assert_eq!(registry.former(&name).await.expect("answers"), None);
    assert!(registry.migrate_mailbox(&name, &basic, &to, at(2000)).await.expect("answers"));
    let loaded =
        registry.load(std::slice::from_ref(&name)).await.expect("loads").remove(0).1.expect("readable");
    assert_eq!(json(&loaded.placed.mailbox), json(&to));
    assert_eq!((loaded.placed.batch, loaded.placed.paused_at), (Some(id("b")), Some(at(1500))));
    assert_eq!(loaded.state.folders["INBOX"], cursor);
    assert!(!loaded.state.is_resting(at(2000)), "what failed may be mended");
    let former = Former { mailbox: basic.clone(), at: at(2000) };
    assert_eq!(registry.former(&name).await.expect("answers"), Some(former.clone()));
    let listed = registry.mailboxes_of(&id("projects")).await.expect("lists");
    assert_eq!(listed.iter().map(|placed| &placed.mailbox).collect::<Vec<_>>(), [&to]);

    // What the manifest says meanwhile does not touch the way back.
    let owned = Mailbox { owners: vec!["bea@example.org".into()], ..to.clone() };
    registry.put_mailbox(&owned, at(2500)).await.expect("puts");
    assert_eq!(registry.former(&name).await.expect("answers"), Some(former));

    let restored = Mailbox { owners: owned.owners.clone(), ..basic.clone() };
    let otherwise = Mailbox { user: "x".into(), ..restored.clone() };
    let back = async |seen: &Mailbox, to: &Mailbox| {
        registry.migrate_back(&name, seen, to, at(3000)).await.expect("answers")
    };
    assert!(!back(&to, &restored).await, "it has other owners since it was seen");
    assert!(!back(&owned, &otherwise).await, "it was not so");
    assert!(back(&owned, &restored).await);
    let held = registry.mailbox(&name).await.expect("answers").expect("is there");
    assert_eq!(json(&held.mailbox), json(&restored));
    assert_eq!(registry.mailboxes_of(&id("projects")).await.expect("lists"), []);
    let basic_ones = registry.mailboxes_page(true, None, None, 9).await.expect("lists").items;
    assert_eq!(basic_ones.len(), 1);
    assert_eq!(registry.former(&name).await.expect("answers"), None);
    assert!(!back(&restored, &restored).await, "it is back");
}

#[tokio::test]
async fn a_new_password_never_goes_back_to_an_older_place() {
    let basic = basic();
    let (fixture, name) = fixture_with(&basic).await;
    let registry = &fixture.registry;
    let oauth = by_account(&basic);
    let elsewhere = Mailbox { user: "another".into(), ..basic.clone() };
    // Somebody gives it a password again: what it was before goes in the same write.
    assert!(registry.migrate_mailbox(&name, &basic, &oauth, at(2000)).await.expect("answers"));
    registry.put_mailbox(&elsewhere, at(2500)).await.expect("puts");
    assert_eq!(registry.former(&name).await.expect("answers"), None);
    assert!(!registry.migrate_back(&name, &elsewhere, &basic, at(3000)).await.expect("answers"));
    registry.put_mailbox(&oauth, at(3500)).await.expect("puts");
    assert_eq!(registry.former(&name).await.expect("answers"), None, "nor later");
    // A password that comes before the mailbox itself does it too, and makes no mailbox.
    registry.put_mailbox(&basic, at(4000)).await.expect("puts");
    assert!(registry.migrate_mailbox(&name, &basic, &oauth, at(4000)).await.expect("answers"));
    registry.forget_former(&name).await.expect("answers");
    assert!(!registry.migrate_back(&name, &oauth, &basic, at(4500)).await.expect("answers"));
    registry.forget_former(&id("gone")).await.expect("answers");
    assert_eq!(registry.mailbox(&id("gone")).await.expect("answers"), None);
    assert!(!registry.migrate_mailbox(&name, &oauth, &basic, at(4500)).await.expect("answers"));
}

#[tokio::test]
async fn the_way_back_stays_the_one_to_the_password() {
    let basic = basic();
    let (fixture, name) = fixture_with(&basic).await;
    let registry = &fixture.registry;
    let first = by_account(&basic);
    let second = Mailbox { auth: Auth::Oauth(id("other")), ..first.clone() };
    let third = Mailbox { auth: Auth::Oauth(id("third")), ..first.clone() };
    let former = async || registry.former(&name).await.expect("answers").expect("was migrated").mailbox;
    assert!(registry.migrate_mailbox(&name, &basic, &first, at(2000)).await.expect("answers"));
    assert!(registry.migrate_mailbox(&name, &first, &second, at(2100)).await.expect("answers"));
    assert_eq!(json(former().await), json(&basic));
    // From an account to the next it is the account before.
    registry.put_mailbox(&basic, at(2200)).await.expect("puts");
    registry.put_mailbox(&first, at(2200)).await.expect("puts");
    for (from, to) in [(&first, &second), (&second, &third)] {
        assert!(registry.migrate_mailbox(&name, from, to, at(2300)).await.expect("answers"));
        assert_eq!(json(former().await), json(from));
    }
}

#[tokio::test]
async fn only_what_was_seen_is_changed() {
    let basic = basic();
    let (fixture, name) = fixture_with(&basic).await;
    let registry = &fixture.registry;
    let to = by_account(&basic);
    let other = Mailbox { user: "somebody-else".into(), ..basic.clone() };
    assert!(!registry.migrate_mailbox(&name, &other, &to, at(2000)).await.expect("answers"));
    assert!(!registry.migrate_mailbox(&id("gone"), &basic, &to, at(2000)).await.expect("answers"));
    assert!(!registry.migrate_mailbox(&name, &basic, &mailbox("other"), at(2000)).await.expect("answers"));
    let held = registry.mailbox(&name).await.expect("answers").expect("is there");
    assert_eq!(json(held.mailbox), json(&basic));

    // Many at once: one of them, and the first one's way back is kept.
    let runs: Vec<_> = (0..8)
        .map(|run| {
            let (registry, name, basic, to) = (registry.clone(), name.clone(), basic.clone(), to.clone());
            tokio::spawn(async move { registry.migrate_mailbox(&name, &basic, &to, at(2000 + run)).await })
        })
        .collect();
    let mut done = 0;
    for run in runs {
        done += u32::from(run.await.expect("runs").expect("answers"));
    }
    assert_eq!(done, 1);
    let former = registry.former(&name).await.expect("answers").expect("was migrated");
    assert_eq!(json(former.mailbox), json(&basic));
}

#[tokio::test]
async fn what_an_early_release_wrote_goes_over() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let early = serde_json::json!({
        "id": "m", "protocol": "imap", "host": "mail.example", "port": 993, "tls": "implicit", "user": "m",
        "kind": "mailbox", "v": 1,
    });
    fixture.put_raw("MAILBOX#m", "CONFIG", early).await;
    let name: MailboxId = id("m");
    let seen = registry.mailbox(&name).await.expect("answers").expect("is there").mailbox;
    let to = by_account(&seen);
    assert!(registry.migrate_mailbox(&name, &seen, &to, at(2000)).await.expect("answers"));
    assert!(registry.migrate_back(&name, &to, &seen, at(3000)).await.expect("answers"));
    assert_eq!(registry.mailbox(&name).await.expect("answers").expect("is there").mailbox, seen);
}

#[tokio::test]
async fn a_password_that_ends_is_looked_at_again_after_the_way_back() {
    let basic = basic();
    let (fixture, name) = fixture_with(&basic).await;
    let registry = &fixture.registry;
    let looked_at = async || registry.due_of("password", at(9000), 9).await.expect("lists").len();
    assert_eq!(looked_at().await, 1);
    let to = by_account(&basic);
    assert!(registry.migrate_mailbox(&name, &basic, &to, at(2000)).await.expect("answers"));
    assert_eq!(looked_at().await, 0, "nobody needs it now");
    assert!(registry.migrate_back(&name, &to, &basic, at(3000)).await.expect("answers"));
    assert_eq!(looked_at().await, 1);
}

#[tokio::test]
async fn a_field_that_is_left_out_is_gone() {
    let basic = basic();
    let (fixture, name) = fixture_with(&basic).await;
    let plain = mailbox("m");
    fixture.registry.put_mailbox(&plain, at(2000)).await.expect("puts");
    let held = fixture.registry.mailbox(&name).await.expect("answers").expect("is there");
    assert_eq!(json(held.mailbox), json(plain));
}
