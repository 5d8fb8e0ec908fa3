//! What people try who should not get in. Each test is a row of the table in `docs/security.md`.

use crate::{
    browser::Browser,
    imap::MailServer,
    owner::link_to,
    reminders,
    server::{Mood, Server, parameters},
    support::{ADMIN, Fixture, pass},
};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use jiff::SignedDuration;
use postroom_letter::{LinkKey, personal_link};
use postroom_model::{Auth, Endpoints};
use secrecy::ExposeSecret;
use serde_json::json;
use url::Url;

const OTHER_BROWSER: &str = "This sign-in was begun elsewhere";
const USED: &str = "This sign-in is no longer open";
const UNIDENTIFIED: &str = "nobody knows who signed in";

#[tokio::test]
async fn a_replayed_state_is_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    let before = browser.clone();
    browser.get(&fixture.server.approve(&request, "projects@post.test")).await;
    let tokens = fixture.tokens(&projects).await.expect("tokens");
    // With the cookies of before, as who has a copy of everything would.
    let mut replay = before;
    let page = replay.get(&fixture.server.approve(&request, "projects@post.test")).await;
    page.is_problem(StatusCode::BAD_REQUEST, USED);
    assert_eq!(fixture.tokens(&projects).await.expect("tokens").obtained_at, tokens.obtained_at);
    assert_eq!(fixture.server.posted("/token").len(), 2, "the sign-in's and the consent's");
}

#[tokio::test]
async fn a_state_that_is_too_old_is_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    pass(SignedDuration::from_mins(11));
    let page = browser.get(&fixture.server.approve(&request, "projects@post.test")).await;
    page.is_problem(StatusCode::BAD_REQUEST, USED);
    fixture.is_untouched(&projects).await;
}

#[tokio::test]
async fn a_state_of_another_browser_is_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut attacker = fixture.administrator().await;
    let request = attacker.leave("/accounts/projects/authorise", &[]).await;
    let back = fixture.server.approve(&request, "projects@post.test");
    // Whether the victim is signed in or not.
    for mut victim in [fixture.browser(), fixture.administrator().await] {
        let page = victim.get(&back).await;
        page.is_problem(StatusCode::FORBIDDEN, OTHER_BROWSER);
    }
    fixture.is_untouched(&projects).await;
    // And the one whose it is can still finish it.
    attacker.get(&back).await;
    assert!(fixture.tokens(&projects).await.is_some());
}

#[tokio::test]
async fn a_sign_in_of_another_browser_is_refused() {
    let fixture = Fixture::new().await;
    let mut attacker = fixture.browser();
    let request = fixture.begin_sign_in(&mut attacker, "/sign-in?go=1").await;
    let mut victim = fixture.browser();
    let page = victim.get(&fixture.server.approve(&request, ADMIN)).await;
    page.is_problem(StatusCode::FORBIDDEN, OTHER_BROWSER);
    assert_eq!(victim.get("/chain").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_state_of_another_session_of_the_browser_is_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let mut begun = Vec::new();
    for _ in 0..2 {
        let request = browser.leave("/accounts/projects/authorise", &[]).await;
        begun.push(fixture.server.approve(&request, "projects@post.test"));
        browser.get("/chain").await;
    }
    browser.post("/sign-out", &[]).await;
    browser.get(&begun[0]).await.is_problem(StatusCode::FORBIDDEN, OTHER_BROWSER);
    // The same person, the same browser, another session.
    let again = fixture.begin_sign_in(&mut browser, "/sign-in?go=1").await;
    browser.get(&fixture.server.approve(&again, ADMIN)).await;
    browser.get(&begun[1]).await.is_problem(StatusCode::FORBIDDEN, OTHER_BROWSER);
    fixture.is_untouched(&projects).await;
}

#[tokio::test]
async fn an_injected_code_is_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut attacker = fixture.administrator().await;
    let stolen = attacker.leave("/accounts/projects/authorise", &[]).await;
    let stolen = fixture.server.approve(&stolen, "projects@post.test");
    let stolen = parameters(&Url::parse(&format!("http://x{stolen}")).expect("url"))["code"].clone();
    // The code of one flow in the answer to another: its PKCE verifier does not fit.
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    let state = parameters(&request)["state"].clone();
    let page = browser.follow(&format!("/callback?code={stolen}&state={state}")).await;
    assert!(page.says("something stood in the way"), "{page:?}");
    fixture.is_untouched(&projects).await;
}

#[tokio::test]
async fn an_answer_of_another_issuer_is_refused() {
    let mood = || Mood { names_itself: true, ..Mood::default() };
    let fixture = Fixture::with(Server::start(mood()).await, |_| {}).await;
    let projects = fixture.account("projects").await;
    let evil = Server::start(mood()).await;
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    let back = fixture.server.approve(&request, "projects@post.test");
    let own = url_encoded(&fixture.server.issuer());
    for iss in [format!("&iss={}", url_encoded(&evil.issuer())), String::new(), "&iss=".to_owned()] {
        let request = browser.leave("/accounts/projects/authorise", &[]).await;
        let state = parameters(&request)["state"].clone();
        let page = browser.get(&format!("/callback?code=x&state={state}{iss}")).await;
        page.is_problem(StatusCode::BAD_REQUEST, "The answer came from the wrong server");
    }
    assert_eq!(fixture.server.posted("/token").len(), 1, "no code was redeemed but the sign-in's");
    assert!(evil.posted("/token").is_empty());
    fixture.is_untouched(&projects).await;
    // The right one is taken.
    assert!(back.contains(&own), "{back}");
    browser.get(&back).await;
    assert!(fixture.tokens(&projects).await.is_some());
}

fn url_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn a_server_that_claims_to_be_another_is_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    fixture.server.becomes(|mood| mood.issuer = Some("https://login.example".to_owned()));
    // What discovery found out before is no longer known.
    let mut fresh = Browser::new(fixture.reconfigured(|_| {}));
    (fresh.cookies, fresh.csrf) = (browser.cookies.clone(), browser.csrf.clone());
    let page = fresh.post_and_follow("/accounts/projects/authorise", &[]).await;
    assert!(page.says("Not authorised"), "{page:?}");
    fixture.is_untouched(&projects).await;
    browser.get("/chain").await;
}

#[tokio::test]
async fn a_forged_id_token_is_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let now = crate::support::now().as_second();
    let forgeries = [
        ("another key", true, json!({})),
        ("another issuer", false, json!({"iss": "https://evil.example"})),
        ("another client", false, json!({"aud": "another"})),
        ("another request", false, json!({"nonce": "another"})),
        ("no request", false, json!({"nonce": null})),
        ("over", false, json!({"exp": now - 3600, "iat": now - 7200})),
        ("not yet", false, json!({"iat": now + 3600, "exp": now + 7200})),
    ];
    for (what, forges, claims) in forgeries {
        fixture.server.becomes(|mood| (mood.forges, mood.claims) = (forges, claims));
        let request = browser.leave("/accounts/projects/authorise", &[]).await;
        let page = browser.follow(&fixture.server.approve(&request, "projects@post.test")).await;
        assert!(page.says(UNIDENTIFIED), "{what}: {page:?}");
        fixture.is_untouched(&projects).await;

        let mut nobody = fixture.browser();
        let request = fixture.begin_sign_in(&mut nobody, "/sign-in?go=1").await;
        let page = nobody.get(&fixture.server.approve(&request, ADMIN)).await;
        page.is_problem(StatusCode::BAD_GATEWAY, "Signing in did not work");
        assert_eq!(nobody.get("/chain").await.status, StatusCode::SEE_OTHER, "{what}");
    }
}

#[tokio::test]
async fn a_missing_id_token_is_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    fixture.server.becomes(|mood| mood.is_silent = true);
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    let page = browser.follow(&fixture.server.approve(&request, "projects@post.test")).await;
    assert!(page.says(UNIDENTIFIED), "{page:?}");
    fixture.is_untouched(&projects).await;
}

#[tokio::test]
async fn signing_in_leads_to_pages_of_the_console_only() {
    let fixture = Fixture::new().await;
    for to in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
    ] {
        let mut browser = fixture.browser();
        let path = format!("/sign-in?go=1&to={}", url_encoded(to));
        let request = fixture.begin_sign_in(&mut browser, &path).await;
        let page = browser.get(&fixture.server.approve(&request, ADMIN)).await;
        assert_eq!(page.location().as_deref(), Some("/"), "{to}");
        pass(SignedDuration::from_mins(1));
    }
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let token = browser.csrf.clone().expect("a token");
    let other = fixture.administrator().await.csrf.expect("a token");
    let own = "http://console.test";
    let wrong = "This form is out of date";
    for path in [
        "/accounts/projects/authorise",
        "/accounts/projects/revoke",
        "/accounts/projects/move",
        "/chain/go",
        "/mailboxes/own/back",
        "/migration/switch",
        "/sign-out",
    ] {
        for (csrf, origin, site) in [
            (None, own, "same-origin"),
            (Some(""), own, "same-origin"),
            (Some(other.as_str()), own, "same-origin"),
            (Some(&token[1..]), own, "same-origin"),
            (Some(token.as_str()), "https://evil.example", "same-origin"),
            (Some(token.as_str()), own, "cross-site"),
            (Some(token.as_str()), "null", "cross-site"),
            (Some(token.as_str()), own, "same-site"),
        ] {
            let fields: Vec<(&str, &str)> = csrf.map(|csrf| ("csrf", csrf)).into_iter().collect();
            let page = browser.post_as(path, &fields, origin, site).await;
            page.is_problem(StatusCode::FORBIDDEN, wrong);
        }
    }
    assert_eq!(browser.get("/chain").await.status, StatusCode::OK, "nobody signed us out");
    fixture.is_untouched(&projects).await;
}

#[tokio::test]
async fn a_tampered_cookie_is_nobodys() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.administrator().await;
    let (name, value) = browser.cookies.iter().next().map(|(n, v)| (n.clone(), v.clone())).expect("a cookie");
    let other_name = "__Host-postroom-notice".to_owned();
    let changed = |at: usize| {
        let mut bytes = value.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("text")
    };
    for tampered in
        [changed(0), changed(value.len() / 2), value[..40].to_owned(), String::new(), "e30".to_owned()]
    {
        browser.cookies.insert(name.clone(), tampered);
        assert_eq!(browser.get("/chain").await.status, StatusCode::SEE_OTHER);
    }
    // A cookie is good for its own name only, and a session of another console for that one only.
    browser.cookies = [(name.clone(), String::new()), (other_name, value)].into();
    assert_eq!(browser.get("/chain").await.status, StatusCode::SEE_OTHER);
    let other = Fixture::new().await.administrator().await;
    browser.cookies = other.cookies;
    assert_eq!(browser.get("/chain").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_used_link_opens_nothing() {
    let fixture = Fixture::new().await;
    fixture.account("used-link").await;
    let link = link_to(&fixture, "used-link").await;
    let token = link.strip_prefix("/link/").expect("a link").to_owned();
    let page = fixture.browser().post("/link", &[("token", &token)]).await;
    assert_eq!(page.location().as_deref(), Some("/mine"));
    let mut second = fixture.browser();
    for page in [second.post("/link", &[("token", &token)]).await, second.get(&link).await] {
        page.is_problem(StatusCode::GONE, "This link was used before");
    }
    assert_eq!(second.get("/mine").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_expired_link_opens_nothing() {
    let fixture = Fixture::new().await;
    fixture.account("expired-link").await;
    let link = link_to(&fixture, "expired-link").await;
    pass(SignedDuration::from_hours(7 * 24 + 1));
    let mut browser = fixture.browser();
    let token = link.strip_prefix("/link/").expect("a link").to_owned();
    for page in [browser.get(&link).await, browser.post("/link", &[("token", &token)]).await] {
        page.is_problem(StatusCode::GONE, "This link has expired");
    }
}

#[tokio::test]
async fn a_link_opens_no_other_account() {
    let fixture = Fixture::new().await;
    fixture.account("own-link").await;
    let other = fixture.account("other-account").await;
    let link = link_to(&fixture, "own-link").await;
    let token = link.strip_prefix("/link/").expect("a link").to_owned();
    // Changed to name the other account, the signature no longer fits.
    let (said, signature) = token.split_once('.').expect("two parts");
    let forged = {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        let said = BASE64_URL_SAFE_NO_PAD.decode(said).expect("base64");
        let said = String::from_utf8(said).expect("text").replace("own-link", "other-account");
        format!("{}.{signature}", BASE64_URL_SAFE_NO_PAD.encode(said))
    };
    let mut owner = fixture.browser();
    owner
        .post("/link", &[("token", &forged)])
        .await
        .is_problem(StatusCode::FORBIDDEN, "This link is not valid");
    // With the right link, no page but the owner's own is there.
    owner.post_and_follow("/link", &[("token", &token)]).await;
    for path in ["/accounts/other-account", "/accounts/own-link", "/", "/chain", "/providers"] {
        assert_eq!(owner.get(path).await.status, StatusCode::SEE_OTHER, "{path}");
    }
    for path in ["/accounts/other-account/authorise", "/accounts/own-link/revoke", "/accounts/selected"] {
        let page = owner.post(path, &[("do", "authorise"), ("account", "other-account")]).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{path}");
    }
    // Whatever a form says: it is the session that names the account.
    let request =
        owner.leave("/mine/authorise", &[("account", "other-account"), ("id", "other-account")]).await;
    assert_eq!(parameters(&request)["login_hint"], "own-link@post.test");
    fixture.is_untouched(&other).await;
}

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
async fn whoever_tries_too_often_has_to_wait() {
    let fixture = Fixture::new().await;
    let mut browser = fixture.browser();
    let mut answers = Vec::new();
    for _ in 0..31 {
        answers.push(browser.get("/callback?state=guessed&code=x").await);
    }
    let last = answers.pop().expect("an answer");
    last.is_problem(StatusCode::TOO_MANY_REQUESTS, "Too many attempts");
    assert!(answers.iter().all(|page| page.status == StatusCode::FORBIDDEN));
    for _ in 0..10 {
        browser.post("/link", &[("token", "guessed")]).await;
        browser.get("/sign-in?go=1").await;
    }
    let title = "Too many attempts";
    browser.post("/link", &[("token", "guessed")]).await.is_problem(StatusCode::TOO_MANY_REQUESTS, title);
    browser.get("/sign-in?go=1").await.is_problem(StatusCode::TOO_MANY_REQUESTS, title);
    pass(SignedDuration::from_mins(1));
    assert_eq!(browser.get("/callback?state=guessed&code=x").await.status, StatusCode::FORBIDDEN);
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

#[tokio::test]
async fn an_address_that_nobody_vouches_for_makes_no_administrator() {
    let fixture = Fixture::new().await;
    for verified in [json!(null), json!(false)] {
        fixture.server.becomes(|mood| mood.claims = json!({"email_verified": verified}));
        let mut browser = fixture.browser();
        let request = fixture.begin_sign_in(&mut browser, "/sign-in?go=1").await;
        let page = browser.get(&fixture.server.approve(&request, ADMIN)).await;
        page.is_problem(StatusCode::FORBIDDEN, "You are not an administrator here");
        assert!(page.says("email_verified") && page.says("AdminGroup"), "{page:?}");
    }
}

#[tokio::test]
async fn a_link_authorises_no_account_that_is_nobodys() {
    let fixture = Fixture::new().await;
    let id = fixture.without_login("nobodys-link").await;
    let link = link_to(&fixture, "nobodys-link").await;
    let token = link.strip_prefix("/link/").expect("a link").to_owned();
    let mut owner = fixture.browser();
    owner.post_and_follow("/link", &[("token", &token)]).await;
    let page = owner.post_and_follow("/mine/authorise", &[]).await;
    assert!(page.leads_to().is_none() && page.says("set `login` for the account"), "{page:?}");
    fixture.is_untouched(&id).await;
}

#[tokio::test]
async fn a_link_of_somebody_who_is_no_owner_any_more_opens_nothing() {
    let fixture = Fixture::new().await;
    let id = fixture.account("former-owner").await;
    let links = [link_to(&fixture, "former-owner").await, link_to(&fixture, "former-owner").await];
    let token = |n: usize| links[n].strip_prefix("/link/").expect("a link").to_owned();
    let mut inside = fixture.browser();
    inside.post_and_follow("/link", &[("token", &token(0))]).await;
    let mut account = fixture.registry.account(&id).await.expect("answers").expect("is there");
    account.owners = vec!["new-owner@post.test".to_owned()];
    fixture.registry.put_account(&account, crate::support::now()).await.expect("stored");
    let mut outside = fixture.browser();
    for page in [
        outside.get(&links[1]).await,
        outside.post("/link", &[("token", &token(1))]).await,
        inside.get("/mine").await,
        inside.post("/mine/authorise", &[]).await,
    ] {
        page.is_problem(StatusCode::GONE, "Ask for a new link");
    }
}

#[tokio::test]
async fn a_session_that_a_link_replaces_is_over() {
    let fixture = Fixture::new().await;
    fixture.account("replacing-link").await;
    let link = link_to(&fixture, "replacing-link").await;
    let token = link.strip_prefix("/link/").expect("a link").to_owned();
    let mut browser = fixture.administrator().await;
    let mut copy = browser.clone();
    let mut elsewhere = fixture.administrator().await;
    browser.post_and_follow("/link", &[("token", &token)]).await;
    assert_eq!(browser.get("/mine").await.status, StatusCode::OK);
    assert_eq!(copy.get("/chain").await.status, StatusCode::SEE_OTHER);
    assert_eq!(elsewhere.get("/chain").await.status, StatusCode::OK, "another browser's goes on");
}

#[tokio::test]
async fn a_replaced_key_ends_sessions_and_links() {
    let fixture = Fixture::new().await;
    fixture.account("replaced-key").await;
    let link = link_to(&fixture, "replaced-key").await;
    let mut browser = fixture.administrator().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&fixture.aws);
    let replace = async |own: &str| {
        let name = format!("{}/{own}", fixture.settings.secret_prefix);
        let replaced = secrets.put_secret_value().secret_id(name).secret_string("another".repeat(10));
        replaced.send().await.expect("replaced");
        pass(SignedDuration::from_secs(61));
    };
    replace("console").await;
    assert_eq!(browser.get("/chain").await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get(&link).await.status, StatusCode::OK, "links have a key of their own");
    replace("links").await;
    browser.get(&link).await.is_problem(StatusCode::FORBIDDEN, "This link is not valid");
}

#[tokio::test]
async fn the_key_of_links_opens_no_session_and_the_consoles_makes_no_link() {
    let fixture = Fixture::new().await;
    let id = fixture.account("two-keys").await;
    let owner = "owner-of-two-keys@post.test";
    let forged = |secret| {
        let until = crate::support::now() + SignedDuration::from_hours(1);
        let key = LinkKey::of(&secret);
        personal_link(&key, &fixture.settings.public_url, &id, 0, owner, until).path().to_owned()
    };
    let own = fixture.vault.console_key().await.expect("answers").expect("a key");
    let links = fixture.vault.link_key().await.expect("answers").expect("a key");
    assert_ne!(own.expose_secret(), links.expose_secret());
    let mut browser = fixture.browser();
    browser.get(&forged(own)).await.is_problem(StatusCode::FORBIDDEN, "This link is not valid");
    assert_eq!(browser.get(&forged(links.clone())).await.status, StatusCode::OK);
    // Cookies that another console made with the links' key as its own.
    let other = Fixture::new().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&other.aws);
    let name = format!("{}/console", other.settings.secret_prefix);
    let replaced = secrets.put_secret_value().secret_id(name).secret_string(links.expose_secret());
    replaced.send().await.expect("replaced");
    browser.cookies = other.administrator().await.cookies;
    assert_eq!(browser.get("/chain").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_link_from_before_a_consent_opens_nothing() {
    let fixture = Fixture::new().await;
    let id = fixture.account("overtaken-link").await;
    let owner = "owner-of-overtaken-link@post.test";
    let mut links = Vec::new();
    for _ in 0..3 {
        links.push(reminders::link(&fixture, &id, owner).await.path().to_owned());
    }
    let token = |n: usize| links[n].strip_prefix("/link/").expect("a link").to_owned();
    // The first is used as it is meant to be.
    let mut ann = fixture.browser();
    ann.post_and_follow("/link", &[("token", &token(0))]).await;
    let request = ann.leave("/mine/authorise", &[]).await;
    let page = ann.follow(&fixture.server.approve(&request, "overtaken-link@post.test")).await;
    assert!(page.says("Done: you can close this page."), "{page:?}");
    let tokens = fixture.tokens(&id).await.expect("tokens").obtained_at;
    // Then the others lie in old mails, for whoever finds them.
    let mut eve = fixture.browser();
    for page in [eve.get(&links[1]).await, eve.post("/link", &[("token", &token(2))]).await] {
        page.is_problem(StatusCode::GONE, "There is nothing left to do");
        assert!(page.says("Somebody has authorised this account since"), "{page:?}");
    }
    assert_eq!(eve.get("/mine").await.status, StatusCode::SEE_OTHER);
    assert_eq!(fixture.tokens(&id).await.expect("tokens").obtained_at, tokens);
    // A link that is made now knows of that consent.
    let fresh = reminders::link(&fixture, &id, owner).await;
    assert_eq!(eve.get(fresh.path()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_owner_who_is_removed_in_mid_consent_authorises_nothing() {
    let fixture = Fixture::new().await;
    let id = fixture.account("removed-owner").await;
    let link = reminders::link(&fixture, &id, "owner-of-removed-owner@post.test").await;
    let token = link.path().strip_prefix("/link/").expect("a link");
    let mut owner = fixture.browser();
    owner.post_and_follow("/link", &[("token", token)]).await;
    let request = owner.leave("/mine/authorise", &[]).await;
    let mut account = fixture.registry.account(&id).await.expect("answers").expect("is there");
    account.owners = vec!["new-owner@post.test".to_owned()];
    fixture.registry.put_account(&account, crate::support::now()).await.expect("stored");
    let page = owner.get(&fixture.server.approve(&request, "removed-owner@post.test")).await;
    page.is_problem(StatusCode::GONE, "Ask for a new link");
    assert!(fixture.server.posted("/token").is_empty(), "the code was not redeemed");
    fixture.is_untouched(&id).await;
}

#[tokio::test]
async fn parts_of_other_pages_begin_and_finish_nothing() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let mut browser = fixture.administrator().await;
    let request = browser.leave("/accounts/projects/authorise", &[]).await;
    let back = fixture.server.approve(&request, "projects@post.test");
    // More often than is allowed in a minute: nothing is counted.
    for part in ["image", "script", "iframe"].iter().cycle().take(33) {
        for path in [back.as_str(), "/sign-in?go=1"] {
            let asked = Request::get(path).header("sec-fetch-dest", *part).body(Body::empty());
            let page = browser.send(asked.expect("a request")).await;
            page.is_problem(StatusCode::BAD_REQUEST, "That request cannot be understood");
        }
    }
    fixture.is_untouched(&projects).await;
    let asked = Request::get(&back).header("sec-fetch-dest", "document").body(Body::empty());
    browser.send(asked.expect("a request")).await;
    assert!(fixture.tokens(&projects).await.is_some());
}
