//! When secrets, certificates and passwords end.

use crate::deployed::{Deployed, oauth, provider};

#[test]
fn a_certificate_says_itself_when_it_ends() {
    let entra = "preset = \"microsoft\"\ntenant = \"contoso.com\"\nkey = { env = \"KEY\" }";
    let named = |name: &str, rest: &str| format!("{entra}\ncertificate = {{ env = \"{name}\" }}\n{rest}");
    let ends = |keys: &str| provider(keys).client_auth_expires.map(|day| day.to_string());
    assert_eq!(ends(&named("CERTIFICATE", "")).as_deref(), Some("2027-09-30"));
    let earlier = "client_secret_expires = 2027-06-01";
    assert_eq!(ends(&named("CERTIFICATE", earlier)).as_deref(), Some("2027-06-01"));
    for (keys, expected) in [
        (named("ENDED", ""), "the certificate ended on 2026-09-30"),
        (named("CERTIFICATE", "client_secret_expires = 2028-01-01"), "ends on 2027-09-30 already"),
    ] {
        let report = Deployed::default().report(&oauth(&keys, "", ""));
        assert!(report.contains(expected), "{report}");
    }
}

#[test]
fn ends_are_days_or_moments_and_those_that_have_come_are_warned_of() {
    let text = |secret: &str, password: &str| {
        format!(
            "[[provider]]\nid = \"p\"\nissuer = \"https://sso.example\"\nclient_id = \"x\"\n\
             client_secret = {{ env = \"SECRET\" }}\nclient_secret_expires = {secret}\n\
             [[mailbox]]\nid = \"m\"\nhost = \"h.example\"\nuser = \"m\"\n\
             password = {{ env = \"SECRET\" }}\npassword_expires = {password}\n"
        )
    };
    for (secret, password, ends, warnings) in [
        ("2027-09-30", "2027-09-30T12:00:00+02:00", ["2027-09-30", "2027-09-30T10:00:00Z"], 0),
        ("2027-01-15 08:00:01Z", "2028-02-29", ["2027-01-15T08:00:01Z", "2028-02-29"], 0),
        ("2027-01-15T10:00:00+02:00", "2027-01-16", ["2027-01-15T08:00:00Z", "2027-01-16"], 1),
        ("2027-01-15", "1999-12-31T23:59:59-11:00", ["2027-01-15", "2000-01-01T10:59:59Z"], 2),
    ] {
        let manifest = Deployed::default().resolve(&text(secret, password)).expect("fine");
        let of_secret = manifest.providers.values().find_map(|provider| provider.client_auth_expires);
        let of_password = manifest.mailboxes.values().find_map(|mailbox| mailbox.password_expires);
        let found = [of_secret, of_password].map(|end| end.expect("is there").to_string());
        assert_eq!(found, ends);
        assert_eq!(manifest.warnings.len(), warnings, "{:?}", manifest.warnings);
    }
    let past =
        Deployed::default().resolve(&text("2027-01-15", "2026-06-30")).expect("a past end is no mistake");
    insta::assert_snapshot!(past.warnings.join("\n"), @"
    provider p: client_secret_expires = 2027-01-15 is past; operators are told that it is over
    mailbox m: password_expires = 2026-06-30 is past; its owners are told that it is over
    ");
    for bad in ["2027-02-29", "2027-13-01", "2027-09-30T25:00:00Z", "2027-09-30T12:00:00", "2027", "true"] {
        let report = Deployed::default().report(&text(bad, "2027-09-30"));
        assert!(
            report.contains("manifest.toml:6:25: ") && report.contains("\n1 error in "),
            "{bad}: {report}"
        );
    }
}
