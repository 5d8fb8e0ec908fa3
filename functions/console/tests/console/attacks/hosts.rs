//! Addresses to which nothing may be sent.

use crate::{
    browser::Browser,
    imap::MailServer,
    server::{Mood, Server},
    support::Fixture,
};
use axum::http::StatusCode;
use postroom_model::{Auth, Endpoints};
use url::Url;

#[tokio::test]
async fn servers_of_this_machine_and_its_link_are_not_reached() {
    let inside = Server::start(Mood::default()).await;
    let fixture = Fixture::new().await;
    let mut browser = fixture.administrator().await;
    let mut outside = Browser::new(fixture.reconfigured(|settings| {
        settings.http.allow_local = false;
        settings.network.allow_local = false;
        settings.http.plaintext_hosts =
            ["127.0.0.1", "localhost", "169.254.169.254", "[::1]"].map(str::to_owned).into();
    }));
    (outside.cookies, outside.csrf) = (browser.cookies.clone(), browser.csrf.clone());
    let port = inside.url.port().expect("a port");
    let hosts = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://2130706433:{port}/"),
        "http://169.254.169.254/".to_owned(),
        "https://169.254.169.254/".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for (n, issuer) in hosts.iter().enumerate() {
        let mut provider = inside.provider(&format!("inside-{n}"));
        provider.endpoints = Endpoints::Issuer(Url::parse(issuer).expect("url"));
        fixture.registry.put_provider(&provider, crate::support::now()).await.expect("stored");
        let account = fixture.account_at(&format!("inside-{n}"), provider.id.as_str()).await;
        let page = outside.post_and_follow(&format!("/accounts/{account}/authorise"), &[]).await;
        assert!(page.says("Not authorised"), "{issuer}: {page:?}");
        assert!(page.leads_to().is_none());
        fixture.is_untouched(&account).await;
    }
    assert!(inside.posted("/token").is_empty());
    browser.get("/chain").await;
}

#[tokio::test]
async fn a_mail_host_of_this_machine_is_not_reached() {
    let inside = MailServer::start(true).await;
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    browser.get(&fixture.server.approve(&request, "projects@post.test")).await;
    let mut outside = Browser::new(fixture.reconfigured(|settings| settings.network.allow_local = false));
    (outside.cookies, outside.csrf) = (browser.cookies.clone(), browser.csrf.clone());
    let mut mailbox = fixture.mailbox("inside", &projects, inside.port).await;
    for host in ["127.0.0.1", "localhost", "::1", "::ffff:127.0.0.1", "169.254.169.254"] {
        mailbox.server.host = host.to_owned();
        fixture.registry.put_mailbox(&mailbox, crate::support::now()).await.expect("stored");
        let page = outside.post("/accounts/projects/check", &[]).await;
        assert!(page.says("this deployment does not connect"), "{host}: {page:?}");
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn a_token_endpoint_of_this_machine_gets_no_code() {
    // Discovery is served from a host that may be spoken to, and names an address that may not.
    let inside = Server::start(Mood::default()).await;
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let token_url = "http://169.254.169.254/token".to_owned();
    fixture.server.becomes(|mood| mood.token_url = Some(token_url));
    let mut fresh = Browser::new(fixture.reconfigured(|_| {}));
    (fresh.cookies, fresh.csrf) = (browser.cookies.clone(), browser.csrf.clone());
    let page = fresh.post("/accounts/projects/authorise", &[]).await;
    if let Some(request) = page.leads_to() {
        let page = fresh.follow(&fixture.server.approve(&request, "projects@post.test")).await;
        assert!(page.says("Not authorised"), "{page:?}");
    }
    assert!(inside.posted("/token").is_empty());
    fixture.is_untouched(&projects).await;
    browser.get("/chain").await;
}

#[tokio::test]
async fn a_token_goes_to_no_host_that_a_form_names() {
    let fixture = Fixture::new().await;
    let evil = MailServer::start(true).await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    browser.get(&fixture.server.approve(&request, "projects@post.test")).await;
    let own = fixture.mailbox("own", &projects, 1).await;
    let mut lure = fixture.mailbox("lure", &projects, evil.port).await;
    lure.auth = Auth::Basic;
    lure.server.host = "localhost".to_owned();
    fixture.registry.put_mailbox(&lure, crate::support::now()).await.expect("stored");
    let port = evil.port.to_string();
    let form = [
        ("auth", "oauth"),
        ("account", "projects"),
        ("protocol", "imap"),
        ("host", "localhost"),
        ("port", &port),
        ("tls", "none"),
        ("user", "own"),
        ("folders", "INBOX"),
        ("interval", "5m"),
        ("after", "leave"),
    ];
    for mailbox in [&own, &lure] {
        for action in ["", "/test"] {
            let page = browser.post(&format!("/mailboxes/{}{action}", mailbox.id), &form).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{page:?}");
            assert!(page.says("token is not sent there") && page.says("postroom apply"), "{page:?}");
        }
        let stored = fixture.registry.mailbox(&mailbox.id).await.expect("answers").expect("is there");
        assert_eq!(&stored.mailbox, mailbox);
    }
    for host in ["", "localhost"] {
        let move_there = [("mailbox", "lure"), ("host", host), ("port", &port)];
        let page = browser.post_and_follow("/accounts/projects/move", &move_there).await;
        assert!(page.says("Left as it was") && page.says("token goes nowhere new"), "{host}: {page:?}");
    }
    browser.post("/migration/switch", &[("confirmed", "yes")]).await;
    let stored = fixture.registry.mailbox(&lure.id).await.expect("answers").expect("is there");
    assert_eq!(stored.mailbox, lure);
    assert_eq!(evil.connections(), 0);
}
