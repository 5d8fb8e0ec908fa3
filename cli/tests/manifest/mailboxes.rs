//! Mailboxes: how they sign in, what is archived, who owns them.

use crate::deployed::{Deployed, mailbox, oauth};
use postroom_model::{Pattern, SaslPolicy};

#[test]
fn apop_is_for_pop3_with_a_password() {
    let mailbox = |keys: &str| {
        format!("[[mailbox]]\nid = \"m\"\nhost = \"h.example\"\nuser = \"m\"\nsasl = \"apop\"\n{keys}\n")
    };
    let password = "password = { env = \"SECRET\" }";
    let pop3 = format!("protocol = \"pop3\"\n{password}");
    let manifest = Deployed::default().resolve(&mailbox(&pop3)).expect("fine");
    assert_eq!(manifest.mailboxes.values().next().map(|mailbox| mailbox.sasl), Some(SaslPolicy::Apop));
    for (keys, said) in [
        (password.to_owned(), "5:8: \"apop\" is a way to sign in to POP3 with a password"),
        (format!("{pop3}\ntls = \"starttls\""), "5:8: \"apop\" needs what a server greets with"),
        ("protocol = \"pop3\"\nauth = { oauth = \"a\" }".to_owned(), "5:8: \"apop\" is a way to sign in"),
    ] {
        let report = Deployed::default().report(&mailbox(&keys));
        assert!(report.contains(said), "{keys}: {report}");
    }
    let provider =
        "[[provider]]\nid = \"p\"\nissuer = \"https://sso.example\"\nclient_id = \"x\"\nsasl = \"apop\"\n";
    let report = Deployed::default().report(provider);
    assert!(report.contains("possible are auto, xoauth2, oauthbearer\n"), "{report}");
}

#[test]
fn an_owner_whose_domain_may_look_like_another_is_warned_of() {
    let text = "[[mailbox]]\nid = \"m\"\nhost = \"h.example\"\nuser = \"m\"\n\
        password = { env = \"SECRET\" }\nowners = [\"ann@CONTOSO.com\", \"ben@müller.example\", \
        \"cem@c\u{43e}ntoso.com\", \"dora@xn--mller-kva.example\"]\n\
        [[owner]]\naddress = \"eve@\u{43f}\u{43e}\u{447}\u{442}\u{430}.example\"\n";
    let manifest = Deployed::default().resolve(text).expect("fine");
    insta::assert_snapshot!(manifest.warnings.join("\n"), @"
    owner ben@müller.example: the domain is müller.example in letters and xn--mller-kva.example in mail: make sure that it is the right one
    owner cem@cоntoso.com: the domain is cоntoso.com in letters and xn--cntoso-wqf.com in mail, and mixes letters of several scripts: make sure that it is the right one
    owner dora@xn--mller-kva.example: the domain is müller.example in letters and xn--mller-kva.example in mail: make sure that it is the right one
    owner eve@xn--80a1acny.example: the domain is почта.example in letters and xn--80a1acny.example in mail: make sure that it is the right one
    ");
}

#[test]
fn a_filter_says_what_is_archived() {
    let full = mailbox(
        "exclude_folders = [\"Trash\"]\nattachments = true\ninline_images = true\n[mailbox.filter]\n\
         from = [\"*@a.example\", \"ann@b.example\"]\nnot_from = [\"no-reply@*\"]\nsubject = [\"*invoice*\"]\n\
         not_subject = [\"*draft*\"]\nmin_size = \"1kB\"\nmax_size = \"50 MB\"\nsince = 2026-01-01",
    );
    let full = full.expect("fine");
    assert_eq!((full.exclude_folders.len(), full.inline_images), (1, true));
    assert_eq!((full.filter.min_bytes, full.filter.max_bytes), (Some(1_000), Some(50_000_000)));
    assert_eq!(
        full.filter.from.iter().map(Pattern::as_str).collect::<Vec<_>>(),
        ["*@a.example", "ann@b.example"]
    );
    assert_eq!(full.filter.since.map(|day| day.to_string()).as_deref(), Some("2026-01-01"));
    assert!(mailbox("").expect("fine").filter.is_empty());
    let wrong = mailbox(
        "protocol = \"pop3\"\nexclude_folders = [\"Trash\"]\ninline_images = true\ndaily_limit = \"2 gigs\"\n\
         [mailbox.filter]\nfrom = [\"contoso.com\", \"\"]\nnot_from = \"x@y\"\nsubjects = [\"x\"]\n\
         min_size = \"5MB\"\nmax_size = \"1MB\"\nsince = \"2026-01-01\"",
    );
    insta::assert_snapshot!(wrong.expect_err("has problems"), @r#"
    manifest.toml:7:19: POP3 knows no folders: leave "exclude_folders" out
    manifest.toml:8:17: "inline_images" says which attachments are unpacked, and none are
        hint: attachments = true
    manifest.toml:9:15: "2 gigs" is no amount
        hint: daily_limit takes a number with its unit, such as "500kB", "50MB" or "2GB", or "none"
    manifest.toml:10:1: "min_size" is more than "max_size": every message would be left out
    manifest.toml:11:9: "contoso.com" is no whole address, and has no '*' in it
        hint: from = ["*@contoso.com"] for a domain, ["contoso.com@*"] for a name
    manifest.toml:11:24: an entry of "from" is empty
    manifest.toml:12:12: "not_from" must be a list
        hint: not_from = ["…"]
    manifest.toml:13:1: unknown key "subjects"
        hint: did you mean "subject"?
    manifest.toml:16:9: "since" must be a day such as 2026-01-01, without quotes
    9 errors in manifest.toml; nothing was applied
    "#);
    for (keys, said) in [
        ("filter = \"x\"", "\"filter\" must be a table of rules\n    hint: [mailbox.filter]"),
        ("[mailbox.filter]\nsince = 2026-01-01T00:00:00Z", "\"since\" must be a day such as 2026-01-01"),
        ("[mailbox.filter]\nmax_size = 5000000", "\"max_size\" must be a text in quotes"),
        ("daily_limit = \"0B\"", "\"0B\" would fetch nothing"),
        ("attachments = false\ninline_images = true", "none are\n    hint: attachments = true"),
    ] {
        let report = mailbox(keys).expect_err(keys);
        assert!(report.contains(said), "{keys}: {report}");
    }
}

#[test]
fn a_day_at_google_has_its_limit_unless_the_manifest_says_otherwise() {
    for (keys, expected) in
        [("", None), ("daily_limit = \"1.5GB\"", Some(1_500_000_000)), ("daily_limit = \"none\"", None)]
    {
        assert_eq!(mailbox(keys).expect("fine").daily_bytes, expected, "{keys}");
    }
    let google = |keys: &str| {
        let manifest = Deployed::default().resolve(&oauth("preset = \"google\"", "", keys)).expect("fine");
        manifest.mailboxes.into_values().next().expect("a mailbox").daily_bytes
    };
    assert_eq!(google("interval = \"5m\""), Some(2_000_000_000));
    assert_eq!(google("protocol = \"pop3\""), Some(1_000_000_000));
    assert_eq!(google("daily_limit = \"none\""), None);
    assert_eq!(google("daily_limit = \"3GB\""), Some(3_000_000_000));
}
