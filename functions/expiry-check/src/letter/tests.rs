//! Mails as people read them.

use super::write;
use crate::{
    audience::Role,
    block::Reader,
    facts::Facts,
    fixtures::{account, at, incident, mailbox, matter, provider, refused, settings, status, undeliverable},
    matter::{Matter, Urgency},
    settings::Settings,
};
use jiff::Timestamp;
use postroom_letter::Letter;
use postroom_model::{
    Account, AccountStatus, ClientAuth, Fault, FaultClass, Language, Mailbox, Provider, Rejection,
    Undeliverable,
};
use postroom_registry::Incident;
use std::collections::BTreeSet;
use url::Url;

const NOW: &str = "2027-04-11T10:00:00Z";

fn mail(matters: &[(&Matter, Role)], language: Language, now: &str) -> Letter {
    let settings = Settings { language, ..settings() };
    let link = |account: &Account, _: Option<Timestamp>, _: Timestamp| {
        Some(Url::parse(&format!("https://post.example/link/{}-for-ann", account.id)).expect("a link"))
    };
    let reader =
        Reader { address: "ann@contoso.com", language, now: at(now), settings: &settings, link: &link };
    write(matters, reader).expect("a mail")
}

fn shown(letter: &Letter) -> String {
    format!("Subject: {}\n\n{}", letter.subject, letter.text)
}

/// Compares a mail as text in both languages.
macro_rules! assert_mails {
    ($name:expr, $matters:expr, $now:expr) => {
        for language in Language::ALL {
            let letter = mail($matters, language, $now);
            insta::assert_snapshot!(format!("{}_{language}", $name), shown(&letter));
        }
    };
}

fn twelve_mailboxes() -> Vec<Mailbox> {
    (1..=12).map(|n| mailbox(&format!("site-{n:02}"), &["ann@contoso.com"])).collect()
}

fn of(account: Account, provider: Provider, status: AccountStatus) -> Facts {
    Facts::Account { account, provider, status }
}

fn idle() -> Facts {
    of(account("projects"), provider(Some(90), None), status())
}

#[test]
fn an_account_with_twelve_mailboxes_at_every_stage() {
    for (stage, now) in [
        ("month", "2027-03-11T10:00:00Z"),
        ("week", "2027-04-04T10:00:00Z"),
        ("day", "2027-04-10T10:00:00Z"),
        ("overdue", "2027-04-18T10:00:00Z"),
    ] {
        let matter = matter(idle(), &twelve_mailboxes(), at(now));
        assert_mails!(format!("account_{stage}"), &[(&matter, Role::Owner)], now);
    }
}

/// The first mail that most owners ever get.
#[test]
fn whoever_never_authorised_an_account_is_asked_to_and_not_to_do_it_again() {
    let fault = Fault::new(FaultClass::AuthorizationEnded, "the account is not authorised");
    let status = AccountStatus {
        fault: Some(fault),
        refused_at: Some(at("2027-04-11T09:40:00Z")),
        ..AccountStatus::default()
    };
    let facts = of(account("projects"), provider(Some(90), None), status);
    let matter = matter(facts, &[mailbox("site", &[])], at(NOW));
    assert_mails!("account_new", &[(&matter, Role::Owner)], NOW);
    let letters = Language::ALL.iter().flat_map(|language| {
        [Role::Owner, Role::Fallback, Role::Instead].map(|role| mail(&[(&matter, role)], *language, NOW))
    });
    for letter in letters {
        let said = shown(&letter);
        assert!(!said.contains("again") && !said.contains("erneut") && !said.contains("withdrawn"), "{said}");
    }
}

#[test]
fn the_same_as_html() {
    let matter = matter(idle(), &twelve_mailboxes(), at("2027-03-11T10:00:00Z"));
    let letter = mail(&[(&matter, Role::Owner)], Language::En, "2027-03-11T10:00:00Z");
    insta::assert_snapshot!("account_month_html", letter.html);
}

#[test]
fn several_things_for_one_person() {
    let policy = Account {
        reauthorise_every: Some("1mo".parse().expect("a period")),
        login: None,
        ..account("plans")
    };
    // Authorised on 1 January: due for weeks.
    let policy = matter(of(policy, provider(None, None), status()), &[], at(NOW));
    let revoked = refused(FaultClass::AuthorizationEnded, "2027-04-11T08:12:00Z", "AADSTS50173");
    let revoked =
        matter(of(account("bids"), provider(None, None), revoked), &[mailbox("bids", &[])], at(NOW));
    let secret = matter(Facts::Provider(provider(None, Some("2027-04-20"))), &[], at(NOW));
    let matters = [(&secret, Role::Operator), (&revoked, Role::Owner), (&policy, Role::Owner)];
    assert_mails!("several", &matters, NOW);
}

#[test]
fn whoever_owns_one_mailbox_sees_that_one() {
    let others = Account { owners: vec!["cem@contoso.com".into()], ..account("projects") };
    let mut mailboxes = vec![mailbox("bid", &["Ann@contoso.com"])];
    mailboxes.extend((1..=30).map(|n| mailbox(&format!("site-{n:02}"), &[])));
    let facts = of(others, provider(Some(90), None), status());
    let matter = matter(facts, &mailboxes, at(NOW));
    let text = mail(&[(&matter, Role::MailboxOwner)], Language::En, NOW).text;
    assert!(text.contains("  bid@contoso.com\n  30 of other people\n"), "{text}");
    assert!(!text.contains("site-"), "{text}");
    let text = mail(&[(&matter, Role::Fallback)], Language::En, NOW).text;
    assert!(text.contains("  site-19@contoso.com\n  and 11 more\n"), "{text}");
}

#[test]
fn every_reason_has_its_words() {
    let now = "2027-01-12T12:00:00Z";
    let every = |period: &str| Account {
        reauthorise_every: Some(period.parse().expect("a period")),
        ..account("projects")
    };
    let limited = Provider { authorization_days: Some(7), ..provider(None, None) };
    let explicit = AccountStatus {
        refresh_expires_at: Some(at("2027-01-13T00:00:00Z")),
        refresh_expires_since: Some(at("2027-01-01T09:00:00Z")),
        ..status()
    };
    let unrefreshable = AccountStatus {
        unrefreshable: true,
        access_expires_at: Some(at("2027-01-11T10:00:00Z")),
        ..status()
    };
    let mut all = vec![
        of(account("projects"), limited, status()),
        of(account("projects"), provider(None, None), explicit),
        of(account("projects"), provider(None, None), unrefreshable),
        of(every("1w"), provider(None, None), status()),
    ];
    let yesterday = "2027-01-11T12:00:00Z";
    all.extend(
        [
            FaultClass::AuthorizationEnded,
            FaultClass::InteractionRequired,
            FaultClass::ConsentRequired,
            FaultClass::TokenRefused,
        ]
        .map(|class| of(account("projects"), provider(None, None), refused(class, yesterday, "no"))),
    );
    for language in Language::ALL {
        let why = |facts: &Facts| {
            let matter = matter(facts.clone(), &[], at(now));
            let letter = mail(&[(&matter, Role::Owner)], language, now);
            let label = if language == Language::En { "Why: " } else { "Warum: " };
            let text = letter.text.clone();
            text.lines().find_map(|line| line.strip_prefix(label)).expect("a reason").to_owned()
        };
        let reasons: BTreeSet<String> = all.iter().map(why).collect();
        assert_eq!(reasons.len(), all.len(), "each has words of its own");
        insta::assert_snapshot!(format!("reasons_{language}"), Vec::from_iter(reasons).join("\n"));
    }
}

fn failing(class: FaultClass, said: &str) -> Incident {
    Incident { fault: Fault::new(class, said), ..incident("2027-04-11T09:30:00Z", None) }
}

#[test]
fn operators_hear_of_app_registrations() {
    let secret = matter(Facts::Provider(provider(None, Some("2027-04-12"))), &[], at(NOW));
    let incident = Facts::Incident(incident("2027-04-11T09:30:00Z", None));
    let incident = matter(incident, &[], at(NOW));
    assert_mails!("secret", &[(&secret, Role::Operator)], NOW);
    assert_mails!("incident", &[(&incident, Role::Operator)], NOW);
    for class in [FaultClass::Configuration, FaultClass::Bug] {
        let incident = failing(class, "no");
        let matter = matter(Facts::Incident(incident), &[], at(NOW));
        assert_mails!(format!("incident_{class}"), &[(&matter, Role::Operator)], NOW);
    }
    for (kind, client_auth) in
        [("certificate", ClientAuth::Certificate), ("service_account", ClientAuth::ServiceAccount)]
    {
        let provider = Provider { client_auth, ..provider(None, Some("2027-04-01")) };
        let matter = matter(Facts::Provider(provider), &[], at(NOW));
        assert_mails!(kind, &[(&matter, Role::Operator)], NOW);
    }
}

#[test]
fn operators_hear_of_what_owners_cannot_mend() {
    let kept_out = refused(FaultClass::AccountPolicy, "2027-04-10T09:00:00Z", "AADSTS53003: access blocked");
    let facts = of(account("projects"), provider(Some(90), None), kept_out);
    let matter = matter(facts, &[mailbox("site", &[])], at("2027-04-10T10:00:00Z"));
    assert_mails!("kept_out", &[(&matter, Role::Operator)], "2027-04-10T10:00:00Z");
}

#[test]
fn somebody_hears_of_what_nobody_owns() {
    let nobodys = Account { owners: vec![], ..account("projects") };
    let facts = of(nobodys, provider(Some(90), None), status());
    let matter = matter(facts, &[mailbox("site", &[])], at("2027-04-10T10:00:00Z"));
    assert_mails!("nobodys", &[(&matter, Role::Fallback)], "2027-04-10T10:00:00Z");
    assert_mails!("instead", &[(&matter, Role::Instead)], "2027-04-10T10:00:00Z");
}

#[test]
fn owners_hear_of_passwords() {
    let mailbox = Mailbox {
        password_expires: Some("2027-04-18T12:00:00+02:00".parse().expect("an end")),
        ..mailbox("plant", &["ann@contoso.com"])
    };
    let matter = |now| matter(Facts::Password(mailbox.clone()), &[], at(now));
    let (before, after) = ("2027-04-12T10:00:00Z", "2027-04-19T10:00:00Z");
    assert_mails!("password", &[(&matter(before), Role::Owner)], before);
    assert_mails!("password_nobodys", &[(&matter(after), Role::Fallback)], after);
}

#[test]
fn operators_hear_of_addresses() {
    for (kind, because) in [
        ("bounced", Rejection::Bounced),
        ("complained", Rejection::Complained),
        ("refused", Rejection::Refused),
        ("returned", Rejection::Returned),
    ] {
        let facts = Facts::Address(undeliverable(because, "2027-04-11T09:00:00Z"));
        let matter = matter(facts, &[], at(NOW));
        assert_mails!(format!("address_{kind}"), &[(&matter, Role::Operator)], NOW);
    }
    let invalid = Undeliverable {
        address: "ann at contoso".into(),
        said: String::new(),
        ..undeliverable(Rejection::Invalid, "2027-04-11T09:00:00Z")
    };
    let matter = matter(Facts::Address(invalid), &[], at(NOW));
    assert_mails!("address_invalid", &[(&matter, Role::Operator)], NOW);
}

#[test]
fn names_from_outside_do_no_harm() {
    let hostile = "<script>alert(1)</script>\r\nBcc: eve@example.com\u{202e}\r\n\r\n<a href=//evil.example>";
    let account = Account { login: Some(hostile.into()), ..account("projects") };
    let mailboxes = vec![Mailbox { user: hostile.into(), ..mailbox("site", &[]) }];
    let facts = of(account, provider(Some(90), None), status());
    let account = matter(facts, &mailboxes, at(NOW));
    let incident = failing(FaultClass::AppRegistration, hostile);
    let incident = matter(Facts::Incident(incident), &[], at(NOW));
    let address = Undeliverable {
        address: hostile.into(),
        said: hostile.into(),
        ..undeliverable(Rejection::Invalid, NOW)
    };
    let address = matter(Facts::Address(address), &[], at(NOW));
    for (name, matter, role) in [
        ("account", &account, Role::Owner),
        ("incident", &incident, Role::Operator),
        ("address", &address, Role::Operator),
    ] {
        let letter = mail(&[(matter, role)], Language::En, NOW);
        assert!(!letter.subject.contains(['\r', '\n', '\u{202e}']), "{}", letter.subject);
        assert!(!letter.html.contains("<script>") && !letter.html.contains("<a href=//"), "{}", letter.html);
        insta::assert_snapshot!(format!("hostile_{name}"), shown(&letter));
    }
}

#[test]
fn nothing_is_loaded_and_nobody_is_watched() {
    let matter = matter(idle(), &twelve_mailboxes(), at(NOW));
    let html = mail(&[(&matter, Role::Owner)], Language::De, NOW).html;
    for wrong in ["<img", "src=", "url(", "@import", "<link", "http://"] {
        assert!(!html.contains(wrong), "{wrong}");
    }
    assert_eq!(html.matches("https://").count(), 1, "one button leads somewhere");
    assert!(html.contains(r#"<html lang="de">"#) && html.contains(r#"name="color-scheme""#));
}

#[test]
fn without_operators_nobody_is_asked_to_answer() {
    let settings = Settings { operators: vec![], ..settings() };
    let matter = matter(idle(), &[], at(NOW));
    let reader = Reader {
        address: "ann@contoso.com",
        language: Language::En,
        now: at(NOW),
        settings: &settings,
        link: &|_: &_, _, _| None,
    };
    let letter = write(&[(&matter, Role::Owner)], reader).expect("a mail");
    assert!(!letter.text.contains("reply"), "{}", letter.text);
    assert!(letter.text.contains("https://post.example/accounts/projects"), "{}", letter.text);
}

/// Whoever bounces a mail, or refuses a token, writes what is said of it: no mail repeats it.
#[test]
fn what_servers_say_holds_no_link() {
    let said = "550 5.1.1 visit https://evil.example/pay or www.evil.example now";
    let address = Undeliverable { said: said.into(), ..undeliverable(Rejection::Bounced, NOW) };
    let kept_out = refused(FaultClass::AccountPolicy, NOW, said);
    let ended = refused(FaultClass::AuthorizationEnded, NOW, said);
    let account = |status| of(account("projects"), provider(Some(90), None), status);
    for (facts, role) in [
        (Facts::Address(address.clone()), Role::Operator),
        (Facts::Incident(failing(FaultClass::AppRegistration, said)), Role::Operator),
        (Facts::Incident(failing(FaultClass::Bug, said)), Role::Operator),
        (account(kept_out), Role::Operator),
        (account(ended), Role::Owner),
    ] {
        let matter = matter(facts, &[mailbox("site", &[])], at(NOW));
        for language in Language::ALL {
            let Letter { subject, text, html } = mail(&[(&matter, role)], language, NOW);
            for shown in [&subject, &text, &html] {
                assert!(!shown.contains("evil") && !shown.contains("visit"), "{shown}");
            }
        }
    }
    let address = matter(Facts::Address(address), &[], at(NOW));
    let letter = mail(&[(&address, Role::Operator)], Language::En, NOW);
    assert!(letter.text.contains("Status code: 550 5.1.1\n"), "{}", letter.text);
}

fn bounced(n: usize) -> Vec<Matter> {
    let bounced = |n| {
        let address = format!("person-{n:04}@contoso.com");
        let address = Undeliverable { address, ..undeliverable(Rejection::Bounced, "2027-04-01T09:00:00Z") };
        matter(Facts::Address(address), &[], at(NOW))
    };
    (0..n).map(bounced).collect()
}

#[test]
fn an_incident_comes_before_a_thousand_addresses() {
    let addresses = bounced(1000);
    let incident = matter(Facts::Incident(failing(FaultClass::AppRegistration, "no")), &[], at(NOW));
    let matters: Vec<_> = addresses.iter().chain([&incident]).map(|m| (m, Role::Operator)).collect();
    let letter = mail(&matters, Language::En, NOW);
    assert_eq!(letter.subject, "1,001 things need you, the first since 11 April 2027");
    let at = |text: &str| letter.text.find(text).expect(text);
    assert!(at("App registration contoso") < at("1,000 addresses take no mail"), "{}", letter.text);
    assert!(letter.text.contains("person-0019@contoso.com: mail came back for good\n  and 980 more\n"));
    assert!(!letter.text.contains("person-0020"), "{}", letter.text);
    assert!(letter.html.len() < 20_000, "{}", letter.html.len());
}

#[test]
fn several_addresses_are_one_thing() {
    let addresses = bounced(57);
    let matters: Vec<_> = addresses.iter().map(|matter| (matter, Role::Operator)).collect();
    assert_mails!("addresses", &matters, NOW);
}

#[test]
fn what_has_stopped_comes_first_and_what_was_told_before_later() {
    let stopped = |id: &str, since: &str| {
        let status = refused(FaultClass::AuthorizationEnded, since, "no");
        matter(of(account(id), provider(None, None), status), &[], at(NOW))
    };
    let repeated = Matter { is_repeated: true, ..stopped("old", "2027-03-01T09:00:00Z") };
    let coming = matter(Facts::Provider(provider(None, Some("2027-04-12"))), &[], at(NOW));
    let stopped = stopped("new", "2027-04-11T09:00:00Z");
    let address = &bounced(1)[0];
    for (matter, urgency) in [
        (&stopped, Urgency::Stopped),
        (&coming, Urgency::Coming),
        (&repeated, Urgency::Repeated),
        (address, Urgency::Address),
    ] {
        assert_eq!(matter.urgency().0, urgency);
    }
    let matters = [address, &repeated, &coming, &stopped].map(|matter| (matter, Role::Operator));
    let text = mail(&matters, Language::En, NOW).text;
    let at = |title: &str| text.find(&format!("\n{title}\n--")).expect(title);
    let places = ["new@contoso.com", "App registration contoso", "old@contoso.com"].map(at);
    assert!(places.is_sorted() && places[2] < at("person-0000@contoso.com"), "{text}");
}

#[test]
fn everything_is_named_and_counted() {
    let account = |n: usize| Account { login: None, ..account(&format!("account-{n:03}")) };
    let matters: Vec<_> =
        (0..120).map(|n| matter(of(account(n), provider(Some(90), None), status()), &[], at(NOW))).collect();
    let about: Vec<_> = matters.iter().map(|matter| (matter, Role::Owner)).collect();
    let letter = mail(&about, Language::En, NOW);
    assert_eq!(letter.subject, "120 things need you, the first since 11 April 2027");
    assert_eq!(letter.text.matches("https://post.example/link/").count(), 50);
    assert!(letter.text.contains("\nAnd 70 more\n"), "{}", letter.text);
    for n in 0..120 {
        assert!(letter.text.contains(&format!("account-{n:03}")), "{n}");
    }
}

#[test]
fn without_operators_nobody_is_asked_to_answer_about_a_password() {
    let settings = Settings { operators: vec![], ..settings() };
    let mailbox =
        Mailbox { password_expires: Some("2027-04-12".parse().expect("a day")), ..mailbox("plant", &[]) };
    let matter = matter(Facts::Password(mailbox), &[], at(NOW));
    let (address, language, now, link) = ("ann@contoso.com", Language::En, at(NOW), &|_: &_, _, _| None);
    let reader = Reader { address, language, now, settings: &settings, link };
    let letter = write(&[(&matter, Role::Owner)], reader).expect("a mail");
    assert!(
        !letter.text.contains("reply") && letter.text.contains("Monday, 12 April 2027, in 1 day"),
        "{}",
        letter.text
    );
}

/// Nobody has tried it since its end: that it has stopped is not known.
#[test]
fn an_end_that_has_come_is_not_a_fault_on_record() {
    let ended = matter(idle(), &twelve_mailboxes(), at(NOW));
    let text = mail(&[(&ended, Role::Owner)], Language::En, NOW).text;
    assert!(text.contains("As soon as the sign-in service refuses it, no more mail is fetched"), "{text}");
    let refused = refused(FaultClass::AuthorizationEnded, NOW, "no");
    let refused =
        matter(of(account("projects"), provider(None, None), refused), &twelve_mailboxes(), at(NOW));
    let text = mail(&[(&refused, Role::Owner)], Language::En, NOW).text;
    assert!(text.contains("Meanwhile: No mail is fetched from the mailboxes below."), "{text}");
}
