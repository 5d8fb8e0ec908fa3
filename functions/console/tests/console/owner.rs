//! Owners come by personal links, and to their own account only.

use crate::{
    browser::Page,
    imap::MailServer,
    server::{Mood, Server},
    support::{Fixture, SENDER, now, pass},
};
use axum::http::StatusCode;
use jiff::SignedDuration;
use postroom_model::{Language, Owner};
use secrecy::ExposeSecret;
use serde_json::Value;

/// The paths of the links that were mailed to an address, the latest last.
pub(crate) async fn links_for(fixture: &Fixture, address: &str) -> Vec<String> {
    let mail = mail(fixture).await;
    let mut links = Vec::new();
    for text in mail.iter().filter(|text| text.contains(address)) {
        let mut rest = text.as_str();
        while let Some((_, from)) = rest.split_once("http://console.test/link/") {
            let end = from.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
            let token = &from[..end.unwrap_or(from.len())];
            let path = format!("/link/{token}");
            if !links.contains(&path) {
                links.push(path);
            }
            rest = from;
        }
    }
    links
}

/// Every mail that the local SES has sent from our address, as JSON.
async fn mail(fixture: &Fixture) -> Vec<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let endpoint = fixture.aws.endpoint_url().expect("an endpoint").trim_start_matches("http://");
    let mut tcp = tokio::net::TcpStream::connect(endpoint).await.expect("connects");
    let request = format!("GET /_ministack/ses/messages HTTP/1.0\r\nHost: {endpoint}\r\n\r\n");
    tcp.write_all(request.as_bytes()).await.expect("writes");
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.expect("reads");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let start = body.find('{').expect("JSON");
    let end = body.rfind('}').expect("JSON");
    let all: Value = serde_json::from_str(&body[start..=end]).expect("JSON");
    // By account of AWS.
    let messages = all["messages"].as_object().expect("accounts").values().filter_map(Value::as_array);
    messages.flatten().map(Value::to_string).filter(|text| text.contains(SENDER)).collect()
}

async fn verified(fixture: &Fixture, addresses: &[&str]) {
    let ses = aws_sdk_sesv2::Client::new(&fixture.aws);
    for address in addresses {
        // It may be there from another test.
        let _ = ses.create_email_identity().email_identity(*address).send().await;
    }
}

/// A link to an account, as its owner gets it by mail. The account's name is the test's own.
pub(crate) async fn link_to(fixture: &Fixture, account: &str) -> String {
    let owner = format!("owner-of-{account}@post.test");
    verified(fixture, &[SENDER, &owner]).await;
    let mut browser = fixture.administrator().await;
    let page = browser.post(&format!("/accounts/{account}/link"), &[]).await;
    assert!(page.says("Sent"), "{page:?}");
    links_for(fixture, &owner).await.pop().expect("a link")
}

#[tokio::test]
async fn an_owner_authorises_the_account_of_the_link() {
    let fixture = Fixture::new().await;
    let id = fixture.account("owner-flow").await;
    let server = MailServer::start(true).await;
    let mut own = fixture.mailbox("diary", &id, server.port).await;
    own.owners = vec!["Owner-of-owner-flow@post.test".to_owned()];
    fixture.registry.put_mailbox(&own, crate::support::now()).await.expect("stored");
    fixture.mailbox("secret-plans", &id, server.port).await;
    let link = link_to(&fixture, "owner-flow").await;
    let mut owner = fixture.browser();
    // A mail scanner, and the owner, look at it as often as they like.
    for _ in 0..2 {
        let page = owner.get(&link).await;
        assert_eq!(page.status, StatusCode::OK, "{page:?}");
        assert!(owner.cookies.is_empty());
    }
    let token = owner.get(&link).await.field("token").expect("a form");
    let page = owner.post_and_follow("/link", &[("token", &token)]).await;
    assert!(page.says("diary") && page.says("owner-flow@post.test"), "{page:?}");
    assert!(page.says("Other mailboxes that use this account: 1, of which 0"), "{page:?}");
    assert!(!page.says("secret-plans"), "{page:?}");
    let request = owner.leave("/mine/authorise", &[]).await;
    let page = owner.follow(&fixture.server.approve(&request, "owner-flow@post.test")).await;
    assert!(page.says("Authorised, and mail can be read"), "{page:?}");
    assert!(page.says("tried: 1, of which 1 open") && !page.says("secret-plans"), "{page:?}");
    assert!(fixture.tokens(&id).await.is_some());
}

#[tokio::test]
async fn each_owner_gets_one_letter_about_all_that_were_chosen() {
    let fixture = Fixture::new().await;
    let owner = format!("owner-{}@post.test", fixture.settings.table);
    for id in ["letter-a", "letter-b"] {
        let account = fixture.account(id).await;
        let mut account = fixture.registry.account(&account).await.expect("answers").expect("there");
        account.owners = vec![if id == "letter-a" { owner.clone() } else { owner.to_uppercase() }];
        fixture.registry.put_account(&account, now()).await.expect("stored");
    }
    verified(&fixture, &[SENDER]).await;
    let mut browser = fixture.administrator().await;
    let fields = [("account", "letter-a"), ("account", "letter-b"), ("do", "links")];
    let page = browser.post("/accounts/selected", &fields).await;
    assert!(page.says("Links in it: 2."), "{page:?}");
    let sent = mail(&fixture).await;
    assert_eq!(sent.iter().filter(|text| text.contains(&owner)).count(), 1);
    assert_eq!(links_for(&fixture, &owner).await.len(), 2);
    let log = crate::log::text();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("an owner was mailed a link")).collect();
    assert_eq!(lines.len(), 2, "{log}");
    for (line, id) in lines.iter().zip(["letter-a", "letter-b"]) {
        assert!(line.contains(id) && line.contains("message_id") && !line.contains("post.test"), "{line}");
    }
}

#[tokio::test]
async fn an_owner_is_written_to_in_the_language_on_record() {
    let fixture = Fixture::new().await;
    let [ann, ben] = ["ann", "ben"].map(|name| format!("{name}-{}@post.test", fixture.settings.table));
    let id = fixture.account("letter-f").await;
    let mut account = fixture.registry.account(&id).await.expect("answers").expect("there");
    account.owners = vec![ann.to_uppercase(), ben.clone()];
    fixture.registry.put_account(&account, now()).await.expect("stored");
    let german = Owner { address: ann.clone(), language: Some(Language::De) };
    fixture.registry.put_owner(&german).await.expect("stored");
    verified(&fixture, &[SENDER]).await;
    let mut browser = fixture.administrator().await;
    let page = browser.post("/accounts/letter-f/link", &[]).await;
    assert_eq!(page.text.matches("Links in it: 1.").count(), 2, "{page:?}");
    let sent = mail(&fixture).await;
    for (owner, subject) in [
        (&ann, "Bitte autorisieren Sie den Mailabruf erneut"),
        (&ben, "Please authorise mail fetching again"),
    ] {
        let letter = sent.iter().find(|text| text.contains(owner)).expect("a letter");
        assert!(letter.contains(subject), "{letter}");
    }
}

#[tokio::test]
async fn letters_go_to_the_owners_of_an_accounts_mailboxes_too() {
    let fixture = Fixture::new().await;
    let id = fixture.account("letter-e").await;
    let mut account = fixture.registry.account(&id).await.expect("answers").expect("there");
    account.owners.clear();
    fixture.registry.put_account(&account, now()).await.expect("stored");
    let table = &fixture.settings.table;
    let (cleo, dora) = (format!("cleo-{table}@post.test"), format!("dora-{table}@post.test"));
    // An "address" that would add recipients, and one that is none.
    let hostile = format!("cleo@post.test,eve-{table}@evil.test");
    for (mailbox, owners) in
        [("diary", vec![cleo.to_uppercase(), dora.clone()]), ("plans", vec![cleo.clone(), hostile.clone()])]
    {
        let mut mailbox = fixture.mailbox(mailbox, &id, 1).await;
        mailbox.owners = owners;
        fixture.registry.put_mailbox(&mailbox, now()).await.expect("stored");
    }
    verified(&fixture, &[SENDER]).await;
    let mut browser = fixture.administrator().await;
    let page = browser.get("/accounts/letter-e").await;
    assert!(page.says("Send the owners a link") && page.says("its mailboxes have some"), "{page:?}");
    let page = browser.post("/accounts/letter-e/link", &[]).await;
    assert_eq!(page.text.matches("Links in it: 1.").count(), 2, "{page:?}");
    assert!(page.says(&hostile) && page.says("This is no mail address."), "{page:?}");
    let sent = mail(&fixture).await;
    for (address, letters) in [(&cleo, 1), (&dora, 1), (&format!("eve-{table}"), 0)] {
        assert_eq!(sent.iter().filter(|text| text.contains(address.as_str())).count(), letters, "{address}");
    }
    let letter = sent.iter().find(|text| text.contains(&cleo)).expect("a letter");
    assert!(letter.contains("remove it before you forward or answer this mail."), "{letter}");
    let link = links_for(&fixture, &cleo).await.pop().expect("a link");
    assert_eq!(fixture.browser().get(&link).await.status, StatusCode::OK);
}

#[tokio::test]
async fn letters_that_are_not_sent_are_told_address_by_address() {
    let fixture = Fixture::with(Server::start(Mood::default()).await, |settings| {
        settings.sender = Some("nobody@unverified.test".to_owned());
    })
    .await;
    fixture.account("letter-c").await;
    fixture.account("letter-d").await;
    let mut browser = fixture.administrator().await;
    let fields = [("account", "letter-c"), ("account", "letter-d"), ("do", "links")];
    let page = browser.post("/accounts/selected", &fields).await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    for owner in ["owner-of-letter-c@post.test", "owner-of-letter-d@post.test"] {
        assert!(page.says(owner), "{page:?}");
    }
    assert_eq!(page.text.matches("Not sent").count(), 2, "{page:?}");
    assert!(page.says("not verified"), "{page:?}");
}

#[tokio::test]
async fn without_a_sender_the_page_says_what_to_configure() {
    let fixture = Fixture::new().await;
    fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let mut other = crate::browser::Browser::new(fixture.reconfigured(|settings| settings.sender = None));
    (other.cookies, other.csrf) = (browser.cookies.clone(), browser.csrf.clone());
    let page: Page = other.post("/accounts/projects/link", &[]).await;
    assert!(page.says("SenderAddress"), "{page:?}");
    browser.get("/chain").await;
}

#[tokio::test]
async fn an_owners_session_ends_after_half_an_hour() {
    let fixture = Fixture::new().await;
    fixture.account("owner-session").await;
    let link = link_to(&fixture, "owner-session").await;
    let mut owner = fixture.browser();
    let token = owner.get(&link).await.field("token").expect("a form");
    owner.post_and_follow("/link", &[("token", &token)]).await;
    pass(SignedDuration::from_mins(29));
    assert_eq!(owner.get("/mine").await.status, StatusCode::OK);
    pass(SignedDuration::from_mins(2));
    assert_eq!(owner.get("/mine").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_account_without_login_is_authorised_by_whoever_did_so_before() {
    let fixture = Fixture::new().await;
    let id = fixture.without_login("owner-known").await;
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/owner-known/authorise", &[]).await;
    browser.get(&fixture.server.approve(&request, "ann@post.test")).await;
    let before = fixture.tokens(&id).await.expect("an administrator may").access_token;
    let link = link_to(&fixture, "owner-known").await;
    let mut owner = fixture.browser();
    let token = owner.get(&link).await.field("token").expect("a form");
    owner.post_and_follow("/link", &[("token", &token)]).await;
    let request = owner.leave("/mine/authorise", &[]).await;
    let page = owner.follow(&fixture.server.approve(&request, "eve@post.test")).await;
    assert!(page.says("ask an administrator of this Postroom to set `login`"), "{page:?}");
    let kept = fixture.tokens(&id).await.expect("tokens").access_token;
    assert_eq!(kept.expose_secret(), before.expose_secret());
    let request = owner.leave("/mine/authorise", &[]).await;
    let page = owner.follow(&fixture.server.approve(&request, "ann@post.test")).await;
    assert!(page.says("Done: you can close this page."), "{page:?}");
}
