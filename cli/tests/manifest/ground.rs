//! What the deployment decides: which servers and secrets may be used, and what may be left out.

use crate::deployed::Deployed;
use postroom_cli::manifest::Allowances;
use postroom_model::MailboxId;
use std::collections::BTreeSet;

#[test]
fn the_ground_decides_what_may_be_used_and_what_may_be_left_out() {
    let local = "[[mailbox]]\nid = \"a\"\nuser = \"a\"\npassword = { env = \"SECRET\" }\n";
    let plain = |host: &str| format!("{local}tls = \"none\"\nhost = \"{host}\"\n");
    let secure = |host: &str| format!("{local}host = \"{host}\"\n");
    let issuer = |url: &str| format!("[[provider]]\nid = \"a\"\nclient_id = \"a\"\nissuer = \"{url}\"\n");
    let allowances = |local_servers, hosts: &[&str]| Allowances {
        local_servers,
        plaintext_hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
    };
    for (allowances, text, problems) in [
        (allowances(false, &[]), secure("mail.example"), 0),
        (allowances(false, &[]), secure("localhost"), 1),
        (allowances(true, &[]), secure("127.0.0.1"), 0),
        (allowances(false, &[]), plain("mail.example"), 1),
        (allowances(true, &[]), plain("mail.example"), 1),
        (allowances(false, &["Mail.Example"]), plain("mail.example"), 0),
        (allowances(true, &[]), plain("::1"), 0),
        (allowances(false, &["127.0.0.1"]), plain("127.0.0.1"), 1),
        (allowances(false, &[]), issuer("https://sso.example"), 0),
        (allowances(false, &[]), issuer("https://127.0.0.1:9400"), 1),
        (allowances(false, &[]), issuer("https://169.254.169.254"), 1),
        (allowances(false, &[]), issuer("https://[::ffff:169.254.169.254]"), 1),
        (allowances(false, &[]), secure("169.254.169.254"), 1),
        (allowances(false, &["sso.example"]), issuer("http://sso.example"), 1),
        (allowances(true, &["sso.example"]), issuer("http://sso.example"), 0),
        (allowances(true, &[]), issuer("http://127.0.0.1:9400"), 0),
        (allowances(true, &[]), issuer("http://sso.example"), 1),
    ] {
        let deployed = Deployed { allowances, ..Deployed::default() };
        let found = deployed.resolve(&text).map_or_else(|found| found.len(), |_| 0);
        assert_eq!(found, problems, "{text} with {:?}", deployed.allowances);
    }
    let without_password = local.replace("password = { env = \"SECRET\" }", "host = \"mail.example\"");
    assert!(Deployed::default().resolve(&without_password).is_err());
}

#[test]
fn a_password_in_the_vault_is_sent_only_where_it_went_before() {
    let mailbox = |host: &str, user: &str, rest: &str| {
        format!("[[mailbox]]\nid = \"a\"\nhost = \"{host}\"\nuser = \"{user}\"\n{rest}")
    };
    let given = "password = { env = \"SECRET\" }\n";
    let first = Deployed::default().resolve(&mailbox("mail.example", "ann", given)).expect("fine");
    let passwords: BTreeSet<MailboxId> = first.passwords.keys().cloned().collect();
    let deployed =
        Deployed { mailboxes: first.mailboxes, passwords: passwords.clone(), ..Deployed::default() };
    for (text, is_fine) in [
        (mailbox("mail.example", "ann", ""), true),
        (mailbox("Mail.Example", "ann", "interval = \"1h\"\n"), true),
        (mailbox("other.example", "ann", ""), false),
        (mailbox("mail.example", "bob", ""), false),
        (mailbox("other.example", "bob", given), true),
    ] {
        match deployed.resolve(&text) {
            Ok(_) => assert!(is_fine, "{text}"),
            Err(problems) => {
                let report = problems.to_string();
                assert!(!is_fine && report.contains("hint: give it again: password"), "{text}: {report}");
            }
        }
    }
    let forgotten = Deployed { passwords, ..Deployed::default() };
    assert!(forgotten.resolve(&mailbox("mail.example", "ann", "")).is_err(), "where it went is not known");
}

#[test]
fn credentials_of_aws_are_no_secrets_of_a_manifest() {
    for name in ["AWS_SECRET_ACCESS_KEY", "aws_session_token"] {
        let text = format!(
            "[[mailbox]]\nid = \"a\"\nhost = \"h.example\"\nuser = \"a\"\npassword = {{ env = \"{name}\" }}\n"
        );
        let report = Deployed::default().report(&text);
        assert!(report.contains(&format!("environment variable {name} is AWS's own")), "{report}");
    }
}

#[test]
fn what_has_no_end_is_no_secret() {
    for name in ["/dev/zero", "/dev"] {
        let text = format!(
            "[[mailbox]]\nid = \"a\"\nhost = \"h.example\"\nuser = \"a\"\npassword = {{ file = \"{name}\" }}\n"
        );
        let report = Deployed::default().report(&text);
        assert!(report.contains(&format!("{name} is not a file")), "{report}");
    }
}
