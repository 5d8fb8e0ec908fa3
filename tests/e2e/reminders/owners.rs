//! Who is told: one message each, with all that is theirs.

use super::{
    Clock, Watch, account, assert_on_record, at, brought, consent, lab, mailbox, provider, read, set, to,
};
use jiff::Timestamp;
use postroom_letter::{LinkKey, PersonalLink};
use postroom_model::{AccountId, Language, Owner};
use postroom_tests::{Act, Call, Gate, Lab, Mail};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

/// When everything here was consented to: with 90 idle days it ends on Thursday, 1 April 2027, at 12:00
/// in Berlin.
const CONSENTED: &str = "2027-01-01T10:00:00Z";
/// A month before.
const MONTH: &str = "2027-03-01T11:05:00Z";

static CLOCK: Clock = Clock::new(0);

fn now() -> Timestamp {
    read(&CLOCK)
}

/// What a mail's links open, once for each button.
async fn links(lab: &Lab, mail: &Mail, owner: &str, now: Timestamp) -> Vec<AccountId> {
    let key = LinkKey::of(&lab.vault.link_key().await.expect("an answer").expect("a key"));
    let html = mail.body_html.as_deref().expect("HTML");
    let mut opened = Vec::new();
    let mut tokens = BTreeSet::new();
    for rest in html.split("https://post.test/link/").skip(1) {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).unwrap_or(rest.len());
        let token = &rest[..end];
        if !tokens.insert(token) {
            continue;
        }
        assert!(mail.body_text.contains(token), "the text has the same links");
        let link = PersonalLink::read(&key, token, now).expect("a link of this deployment");
        assert!(key.lists(&[lab.person(owner)], &link.owner), "{owner}'s own link");
        opened.push(link.account);
    }
    opened.sort();
    opened
}

#[tokio::test(flavor = "multi_thread")]
async fn four_owners_of_ten_shared_mailboxes_get_one_message_each_with_all_of_theirs() {
    let lab = lab().await;
    let begin = at(CONSENTED);
    set(&CLOCK, begin);
    let german = Owner { address: lab.person("Bernd"), language: Some(Language::De) };
    lab.registry.put_owner(&german).await.expect("stored");
    provider(&lab, "contoso", begin, |json| json["idle_days"] = 90.into()).await;
    // Dora owns an account and no mailbox.
    for (id, owners) in [("bridges", &[][..]), ("tunnels", &[]), ("yards", &["dora"])] {
        let id = account(&lab, id, "contoso", owners, begin, |_| {}).await;
        consent(&lab.tokens(now), &id, begin, brought(begin, None)).await;
    }
    let shared: [(&str, &str, &[&str]); 10] = [
        ("bridge-1", "bridges", &["anna"]),
        ("bridge-2", "bridges", &["anna", "bernd"]),
        ("bridge-3", "bridges", &["Anna"]),
        ("bridge-4", "bridges", &["carla", "anna"]),
        ("tunnel-1", "tunnels", &["bernd"]),
        ("tunnel-2", "tunnels", &["BERND", "carla"]),
        ("tunnel-3", "tunnels", &[]),
        ("yard-1", "yards", &["carla"]),
        ("yard-2", "yards", &["dora"]),
        ("yard-3", "yards", &["dora", "dora"]),
    ];
    for (id, account, owners) in shared {
        mailbox(&lab, id, Some(account), owners, begin, |_| {}).await;
    }

    let gate = Gate::start().await;
    let sent = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&sent);
    gate.script(move |request| {
        if Call::MAIL.is(request) {
            kept.lock().expect("nobody panics").push(request.text());
        }
        None::<Act>
    });
    let mut watch = Watch::of(&lab, lab.checker_behind(&gate).await);
    assert!(watch.run(at("2027-03-01T10:05:00Z")).await.mails.is_empty(), "not before the month begins");
    let month = at(MONTH);
    let told = watch.run(month).await;
    assert_eq!(told.mails.len(), 4, "{:#?}", told.mails);
    for (owner, accounts, foreign, others) in [
        ("anna", &["bridges"][..], &["tunnels", "yards"][..], "Mailboxes"),
        ("bernd", &["bridges", "tunnels"], &["yards"], "3 von anderen"),
        ("carla", &["bridges", "tunnels", "yards"], &[], "3 of other people"),
        ("dora", &["yards"], &["bridges", "tunnels"], "Mailboxes"),
    ] {
        let mails = to(&told.mails, &lab, owner);
        let [mail] = mails.as_slice() else { panic!("{} mails to {owner}", mails.len()) };
        let opened = links(&lab, mail, owner, month).await;
        let wanted: Vec<AccountId> = accounts.iter().map(|id| id.parse().expect("an id")).collect();
        assert_eq!(opened, wanted, "one button for each account of {owner}");
        let html = mail.body_html.as_deref().expect("HTML");
        let is_hers = |(_, account, owners): &&(&str, &str, &[&str])| {
            accounts.contains(account) && owners.iter().any(|named| named.eq_ignore_ascii_case(owner))
        };
        for text in [mail.body_text.as_str(), html] {
            assert!(
                !foreign.iter().any(|account| text.contains(account)),
                "{owner} is told of others': {text}"
            );
            // Dora owns the account, and with it everything that it opens.
            let shown = |mailbox: &&(&str, &str, &[&str])| {
                is_hers(mailbox) || (owner == "dora" && mailbox.1 == "yards")
            };
            for mailbox in &shared {
                assert_eq!(text.contains(mailbox.0), shown(&mailbox), "{}, {owner}: {text}", mailbox.0);
            }
            let day = if owner == "bernd" { "Donnerstag, 1. April 2027" } else { "Thursday, 1 April 2027" };
            assert!(text.contains(day), "{owner}: {text}");
        }
        assert!(mail.body_text.contains(others), "{owner}: {}", mail.body_text);
    }
    for request in sent.lock().expect("nobody panics").iter() {
        let request: Value = serde_json::from_str(request).expect("JSON");
        assert_eq!(request["ReplyToAddresses"], serde_json::json!([lab.operators()]));
        assert_eq!(request["ConfigurationSetName"], format!("{}-reminders", lab.settings.stack));
        assert!(!request.to_string().to_lowercase().contains("list-unsubscribe"));
    }
    assert!(watch.run(at("2027-03-01T12:05:00Z")).await.mails.is_empty(), "once");
    assert_on_record(&lab).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_owns_goes_to_the_fall_back_and_without_one_to_the_operators() {
    for fallback in [Some("desk"), None] {
        let lab = lab().await;
        let begin = at(CONSENTED);
        provider(&lab, "contoso", begin, |_| {}).await;
        let ends = |json: &mut Value| json["password_expires"] = "2027-02-01".into();
        mailbox(&lab, "nobodys", None, &[], begin, ends).await;
        mailbox(&lab, "annas", None, &["anna"], begin, ends).await;
        let mut deployment = lab.deployment();
        let address = fallback.map(|name| lab.person(name)).unwrap_or_default();
        deployment.insert("FALLBACK_ADDRESS".to_owned(), address);
        let told = Watch::of(&lab, lab.checker_of(&deployment)).run(at("2027-01-02T10:05:00Z")).await;
        assert_eq!(told.mails.len(), 2);
        assert!(to(&told.mails, &lab, "anna")[0].body_text.contains("annas"));
        let other = to(&told.mails, &lab, fallback.unwrap_or("operators"));
        assert!(other[0].body_text.contains("nobodys"));
        assert!(!other[0].body_text.contains("annas"));
    }
}

/// Without a sender nobody is mailed, nothing fails, and machines hear of everything once.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_sender_machines_are_told_alone() {
    let lab = lab().await;
    let begin = at(CONSENTED);
    let ends = |json: &mut Value| json["client_auth_expires"] = "2027-02-01".into();
    provider(&lab, "contoso", begin, ends).await;
    let mut deployment = lab.deployment();
    deployment.insert("SENDER_ADDRESS".to_owned(), String::new());
    let mut watch = Watch::of(&lab, lab.checker_of(&deployment));
    let told = watch.run(at("2027-01-02T10:05:00Z")).await;
    assert_eq!((told.mails.len(), told.events.len()), (0, 1));
    let again = watch.run(at("2027-01-02T11:05:00Z")).await;
    assert_eq!((again.mails.len(), again.events.len()), (0, 0));
    // From the day there is a sender, people hear of the stages that begin then.
    let mut watch = Watch::new(&lab);
    watch.told().await;
    let told = watch.run(at("2027-01-25T10:05:00Z")).await;
    assert_eq!((told.mails.len(), told.events.len()), (1, 1));
}

/// A deployment without the key of links can make none; people are told all the same.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_people_are_told_without_links() {
    let lab = Lab::new().await;
    lab.open_post().await;
    let begin = at(CONSENTED);
    set(&CLOCK, begin);
    provider(&lab, "contoso", begin, |json| json["idle_days"] = 90.into()).await;
    let id = account(&lab, "bridges", "contoso", &["anna"], begin, |_| {}).await;
    consent(&lab.tokens(now), &id, begin, brought(begin, None)).await;
    let told = Watch::new(&lab).run(at(MONTH)).await;
    let [mail] = told.mails.as_slice() else { panic!("{:#?}", told.mails) };
    assert!(mail.body_text.contains("bridges") && !mail.body_text.contains("/link/"), "{}", mail.body_text);
}
