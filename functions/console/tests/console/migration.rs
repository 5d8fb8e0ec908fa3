//! Mailboxes move onto an account: rehearsed first, switched when somebody says yes.

use crate::{
    account::authorised,
    browser::{Browser, Page},
    imap::MailServer,
    support::{Fixture, now, pass},
};
use axum::http::StatusCode;
use jiff::SignedDuration;
use postroom_model::{AfterFetch, Auth, Mailbox, MailboxId, Protocol, SaslPolicy};
use secrecy::ExposeSecret;

/// A mailbox with a password, at a server of this machine.
pub(crate) async fn basic(fixture: &Fixture, id: &str, port: u16) -> Mailbox {
    let mailbox: Mailbox = serde_json::from_value(serde_json::json!({
        "id": id, "protocol": "imap", "host": "127.0.0.1", "port": port, "tls": "none", "user": id,
        "password_expires": "2027-09-30",
    }))
    .expect("a mailbox");
    put(fixture, &mailbox).await;
    fixture.vault.put_password(&mailbox.id, &"s3cret".into()).await.expect("stored");
    mailbox
}

pub(crate) async fn put(fixture: &Fixture, mailbox: &Mailbox) {
    fixture.registry.put_mailbox(mailbox, now()).await.expect("stored");
}

pub(crate) async fn stored(fixture: &Fixture, id: &str) -> Mailbox {
    let id: MailboxId = id.parse().expect("id");
    fixture.registry.mailbox(&id).await.expect("answers").expect("is there").mailbox
}

/// The account `projects` with a mailbox of its own, and the open server at which that is.
struct Stage {
    fixture: Fixture,
    open: MailServer,
    browser: Browser,
}

impl Stage {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let open = MailServer::start(true).await;
        let mut browser = fixture.administrator().await;
        let account = authorised(&fixture, &mut browser, "projects").await;
        fixture.mailbox("own", &account, open.port).await;
        Self { fixture, open, browser }
    }
}

/// Begins a run, and looks at it until it stands still.
async fn rehearsed(browser: &mut Browser, account: &str, fields: &[(&str, &str)]) -> Page {
    let page = browser.post(&format!("/accounts/{account}/move"), fields).await;
    assert_eq!(page.location().as_deref(), Some("/migration"), "{page:?}");
    to_the_end(browser).await
}

async fn to_the_end(browser: &mut Browser) -> Page {
    for _ in 0..20 {
        let page = browser.get("/migration").await;
        let Some(refresh) = page.headers.get("refresh") else { return page };
        assert_eq!(refresh, "2; url=/migration");
    }
    panic!("the run does not end");
}

#[tokio::test]
async fn what_opens_with_the_account_is_switched_after_a_yes_and_the_rest_is_left() {
    let fixture = Fixture::new().await;
    let (open, closed) = (MailServer::start(true).await, MailServer::start(false).await);
    let mut browser = fixture.administrator().await;
    let account = authorised(&fixture, &mut browser, "projects").await;
    let other = fixture.account("other").await;
    let own = fixture.mailbox("own", &account, open.port).await;
    fixture.mailbox("theirs", &other, open.port).await;
    let plain = basic(&fixture, "plain", open.port).await;
    let shut = basic(&fixture, "shut", closed.port).await;

    let page = browser.get("/accounts/projects?find=").await;
    for offered in ["plain", "shut", "theirs"] {
        assert!(page.says(&format!("name=\"mailbox\" value=\"{offered}\"")), "{offered}: {page:?}");
    }
    assert!(!page.says("value=\"own\"") && page.says("account other"), "{page:?}");
    assert!(page.says("All with Basic auth at 127.0.0.1"), "{page:?}");
    let page = browser.get("/accounts/projects?find=PLAI").await;
    assert!(page.says("value=\"plain\"") && !page.says("value=\"shut\""), "{page:?}");

    let chosen = ["plain", "shut", "theirs", "own", "gone", "plain"].map(|id| ("mailbox", id));
    let page = rehearsed(&mut browser, "projects", &chosen).await;
    assert!(page.says("All 5 rehearsed. Nothing was changed."), "{page:?}");
    for said in ["Opens with the account: 2", "Left as it was: 2", "first folder: 42"] {
        assert!(page.says(said), "{said}: {page:?}");
    }
    assert!(page.says("refused the access token") && page.says("Already on this account"), "{page:?}");
    assert!(page.says("no such mailbox any more"), "{page:?}");
    assert_eq!(stored(&fixture, "plain").await, plain);
    let page = browser.get("/accounts/projects").await;
    assert!(page.says("Moving mailboxes is under way: 5 of 5 rehearsed."), "{page:?}");

    let page = browser.post("/migration/switch", &[]).await;
    assert!(page.says("Mailboxes that are switched: 2") && page.says("<li>plain</li>"), "{page:?}");
    assert!(page.says("postroom apply") && !page.says("<li>shut</li>"), "{page:?}");
    assert_eq!(stored(&fixture, "plain").await, plain, "nothing changes before the yes");

    let page = browser.post_and_follow("/migration/switch", &[("confirmed", "yes")]).await;
    assert!(page.says("Switched: 2") && page.says("2 of 5 switched."), "{page:?}");
    let on = Auth::Oauth(account);
    for id in ["plain", "theirs"] {
        assert_eq!(stored(&fixture, id).await.auth, on, "{id}");
    }
    assert_eq!(stored(&fixture, "plain").await.password_expires, None);
    assert_eq!([stored(&fixture, "shut").await, stored(&fixture, "own").await], [shut, own]);
    let former = fixture.registry.former(&plain.id).await.expect("answers").expect("is kept");
    assert_eq!(former.mailbox, plain);
    let password = fixture.vault.password(&plain.id).await.expect("answers").expect("is kept");
    assert_eq!(password.expose_secret(), "s3cret");
    let due = fixture.registry.due_of("account", now(), 10).await.expect("answers");
    let is_due = due.iter().any(|due| due.subject.to_string() == "account:projects");
    assert!(is_due, "their owners may have to be told of the account now: {due:?}");
    let page = browser.get("/accounts/projects").await;
    assert!(!page.says("under way"), "{page:?}");
}

#[tokio::test]
async fn a_whole_server_is_chosen_at_once_and_rehearsed_a_few_at_a_time() {
    let Stage { fixture, open, mut browser } = Stage::new().await;
    for n in 0..6 {
        basic(&fixture, &format!("plant-{n}"), open.port).await;
    }
    let mut elsewhere = basic(&fixture, "elsewhere", 1).await;
    elsewhere.server.host = "not-127.0.0.1".into();
    put(&fixture, &elsewhere).await;
    let page = browser.post("/accounts/projects/move", &[("server", "127.0.0.1")]).await;
    assert_eq!(page.location().as_deref(), Some("/migration"), "{page:?}");
    let page = browser.get("/migration").await;
    assert!(page.says("4 of 6 rehearsed. Nothing was changed.") && page.says("To come"), "{page:?}");
    assert!(!page.says("elsewhere") && !page.says("/migration/switch"), "{page:?}");
    let page = to_the_end(&mut browser).await;
    assert!(page.says("All 6 rehearsed."), "{page:?}");
    let page = browser.post_and_follow("/migration/switch", &[("confirmed", "yes")]).await;
    assert!(page.says("6 of 6 switched."), "{page:?}");
}

#[tokio::test]
async fn a_run_that_stands_still_goes_on_at_a_click_only() {
    let Stage { fixture, open, mut browser } = Stage::new().await;
    for n in 0..9 {
        basic(&fixture, &format!("plant-{n}"), open.port).await;
    }
    browser.post("/accounts/projects/move", &[("server", "127.0.0.1")]).await;
    browser.get("/migration").await;
    let page = browser.post_and_follow("/migration/stop", &[]).await;
    assert!(page.says("4 of 9 rehearsed.") && page.headers.get("refresh").is_none(), "{page:?}");
    browser.post("/migration/go", &[]).await;
    drop(browser);
    // Somebody closed the browser, and comes back after lunch.
    pass(SignedDuration::from_hours(1));
    let asked = open.connections();
    let mut browser = fixture.administrator().await;
    let page = browser.get("/migration").await;
    assert!(page.says("4 of 9 rehearsed.") && page.says("/migration/go"), "{page:?}");
    assert_eq!(open.connections(), asked, "looking begins nothing");
    browser.post("/migration/go", &[]).await;
    assert!(to_the_end(&mut browser).await.says("All 9 rehearsed."));
    // What was found counts for a day.
    pass(SignedDuration::from_hours(25));
    let mut browser = fixture.administrator().await;
    let page = browser.post("/migration/switch", &[("confirmed", "yes")]).await;
    assert!(page.says("No mailboxes are being moved"), "{page:?}");
    assert_eq!(stored(&fixture, "plant-0").await.auth, Auth::Basic);
}

#[tokio::test]
async fn what_was_changed_after_its_rehearsal_is_left_and_can_be_rehearsed_again() {
    let Stage { fixture, open, mut browser } = Stage::new().await;
    let mut plain = basic(&fixture, "plain", open.port).await;
    basic(&fixture, "gone", open.port).await;
    rehearsed(&mut browser, "projects", &[("mailbox", "plain"), ("mailbox", "gone")]).await;
    plain.user = "somebody-else".into();
    put(&fixture, &plain).await;
    fixture.registry.delete_mailbox(&"gone".parse().expect("id")).await.expect("deleted");
    let page = browser.post_and_follow("/migration/switch", &[("confirmed", "yes")]).await;
    assert!(page.says("changed after the rehearsal") && page.says("no such mailbox"), "{page:?}");
    assert_eq!(stored(&fixture, "plain").await, plain);
    browser.post("/migration/repeat", &[]).await;
    let page = to_the_end(&mut browser).await;
    assert!(page.says("Opens with the account: 1"), "{page:?}");
    let page = browser.post_and_follow("/migration/switch", &[("confirmed", "yes")]).await;
    assert!(page.says("1 of 2 switched."), "{page:?}");
    assert_eq!(stored(&fixture, "plain").await.user, "somebody-else");
    // Pressed twice, or in two tabs: what is switched stays so.
    let page = browser.post_and_follow("/migration/switch", &[("confirmed", "yes")]).await;
    assert!(page.says("1 of 2 switched."), "{page:?}");
}

#[tokio::test]
async fn a_maildrop_moves_from_pop3_to_imap_and_to_a_new_server() {
    let fixture = Fixture::new().await;
    let (old, new) = (MailServer::pop3(true).await, MailServer::start(true).await);
    let mut browser = fixture.administrator().await;
    let account = authorised(&fixture, &mut browser, "projects").await;
    fixture.mailbox("own", &account, new.port).await;
    let mut mailbox = basic(&fixture, "drop", old.port).await;
    (mailbox.protocol, mailbox.sasl) = (Protocol::Pop3, SaslPolicy::Apop);
    put(&fixture, &mailbox).await;
    let mut marks = basic(&fixture, "marks", old.port).await;
    marks.after_fetch = AfterFetch::MarkRead;
    put(&fixture, &marks).await;

    // As it is, by POP3 with the account's token.
    let both = [("mailbox", "drop"), ("mailbox", "marks"), ("protocol", "pop3"), ("host", "")];
    let page = rehearsed(&mut browser, "projects", &both).await;
    assert!(page.says("first folder: 17") && page.says("and it marks or moves them"), "{page:?}");

    let port = new.port.to_string();
    let there = [("mailbox", "drop"), ("protocol", "imap"), ("host", "127.0.0.1"), ("port", &port)];
    let page = rehearsed(&mut browser, "projects", &there).await;
    assert!(page.says("first folder: 42"), "{page:?}");
    browser.post("/migration/switch", &[("confirmed", "yes")]).await;
    let moved = stored(&fixture, "drop").await;
    assert_eq!((moved.protocol, moved.server.port), (Protocol::Imap, new.port));
    assert_eq!((moved.sasl, &moved.auth), (SaslPolicy::Auto, &Auth::Oauth(account)));
}

#[tokio::test]
async fn a_service_accounts_token_is_fetched_for_its_own_users_only() {
    let fixture = Fixture::new().await;
    let server = MailServer::start(true).await;
    let id = fixture.account("robot").await;
    let mut account = fixture.registry.account(&id).await.expect("answers").expect("is there");
    account.grant = postroom_model::Grant::ServiceAccount;
    fixture.registry.put_account(&account, now()).await.expect("stored");
    fixture.mailbox("own", &id, server.port).await;
    let boss = basic(&fixture, "boss", server.port).await;
    let mut browser = fixture.administrator().await;
    let page = rehearsed(&mut browser, "robot", &[("mailbox", "boss"), ("mailbox", "boss")]).await;
    assert!(page.says("All 1 rehearsed.") && page.says("has no mailbox of its user"), "{page:?}");
    assert_eq!(stored(&fixture, "boss").await, boss);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn what_our_pages_do_not_ask_for_is_refused() {
    let fixture = Fixture::new().await;
    fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let page = browser.post("/accounts/projects/move", &[("port", "993")]).await;
    assert!(page.says("No mailboxes are being moved"), "{page:?}");
    assert!(browser.get("/migration").await.says("No mailboxes are being moved"));
    for wrong in [("protocol", "jmap"), ("port", "0"), ("port", "70000"), ("tls", "none"), ("mailbox", "a b")]
    {
        let page = browser.post("/accounts/projects/move", &[("mailbox", "a"), wrong]).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{wrong:?}: {page:?}");
    }
    for (path, status) in [
        ("/accounts/none/move", StatusCode::NOT_FOUND),
        ("/migration/delete", StatusCode::NOT_FOUND),
        ("/migration/go", StatusCode::SEE_OTHER),
        ("/migration/repeat", StatusCode::SEE_OTHER),
    ] {
        assert_eq!(browser.post(path, &[]).await.status, status, "{path}");
    }
    // An account that goes meanwhile ends its run.
    let open = MailServer::start(true).await;
    basic(&fixture, "plain", open.port).await;
    browser.post("/accounts/projects/move", &[("mailbox", "plain")]).await;
    fixture.registry.delete_account(&"projects".parse().expect("id")).await.expect("deleted");
    browser.get("/migration").await.is_problem(StatusCode::NOT_FOUND, "There is nothing here");
}

#[tokio::test]
async fn a_run_is_its_administrators_own() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.administrator().await;
    let account = authorised(&fixture, &mut browser, "projects").await;
    fixture.mailbox("own", &account, 1).await;
    basic(&fixture, "plain", 1).await;
    browser.post("/accounts/projects/move", &[("mailbox", "plain")]).await;
    fixture.server.becomes(|mood| mood.claims = serde_json::json!({"groups": ["postroom-admins"]}));
    let mut other = fixture.browser();
    let request = fixture.begin_sign_in(&mut other, "/sign-in?go=1").await;
    other.get(&fixture.server.approve(&request, "ben@post.test")).await;
    assert!(other.get("/migration").await.says("No mailboxes are being moved"));
    assert!(!other.get("/accounts/projects").await.says("under way"));
    let mut nobody = fixture.browser();
    let page = nobody.get("/migration").await;
    assert_ne!(page.status, StatusCode::OK, "{page:?}");
}
