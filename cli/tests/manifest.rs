//! Manifests: what is accepted, and what is said about mistakes.

use jiff::Timestamp;
use postroom_cli::manifest::{Allowances, Draft, Ground, Manifest, Problems, SecretSources};
use postroom_model::{
    Account, AccountId, Auth, ClientAuth, ClientSecret, Endpoints, Mailbox, MailboxId, Pattern, Preset,
    Provider, ProviderId, SaslPolicy, Tls,
};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use std::collections::{BTreeMap, BTreeSet};

/// What a test's manifest stands on.
#[derive(Default)]
struct Deployed {
    allowances: Allowances,
    providers: BTreeMap<ProviderId, Provider>,
    accounts: BTreeMap<AccountId, Account>,
    mailboxes: BTreeMap<MailboxId, Mailbox>,
    passwords: BTreeSet<MailboxId>,
}

impl Deployed {
    fn resolve(&self, text: &str) -> Result<Manifest, Problems> {
        let variable = |name: &str| match name {
            "SECRET" | "CONTOSO_SECRET" | "ACME_SECRET" | "PLANT_PASSWORD" => Some("s3cret-value".to_owned()),
            "EMPTY" => Some(String::new()),
            "LINES" => Some("s3cret\nvalue".to_owned()),
            "CERTIFICATE" => Some(certificate(2027)),
            "ENDED" => Some(certificate(2026)),
            "KEY" => Some(KeyPair::generate().expect("key").serialize_pem()),
            "SERVICE_ACCOUNT" => Some(service_account()),
            _ => None,
        };
        let sources = SecretSources { folder: "tests".into(), variable: &variable };
        Draft::read("manifest.toml", text, &sources, now()).resolve(&Ground {
            allowances: &self.allowances,
            providers: &self.providers,
            accounts: &self.accounts,
            mailboxes: &self.mailboxes,
            passwords: &self.passwords,
        })
    }

    fn report(&self, text: &str) -> String {
        let report = self.resolve(text).expect_err("has problems").to_string();
        assert!(!report.contains("s3cret"), "a secret's value is never shown");
        report
    }
}

/// 2027-01-15 08:00:00 UTC
fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("in range")
}

/// A certificate, PEM, that ends on 30 September.
fn certificate(year: i32) -> String {
    let mut parameters = CertificateParams::default();
    parameters.not_after = date_time_ymd(year, 9, 30);
    parameters.self_signed(&KeyPair::generate().expect("key")).expect("certificate").pem()
}

/// A key file as Google makes it; the key in it is none.
fn service_account() -> String {
    serde_json::json!({
        "type": "service_account", "client_id": "107", "client_email": "postroom@p.iam.example",
        "private_key_id": "k1",
        "private_key": "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n",
    })
    .to_string()
}

fn example() -> Manifest {
    Deployed::default().resolve(include_str!("manifest.example.toml")).expect("the example is fine")
}

#[test]
fn the_example_is_complete_with_what_its_presets_know() {
    let manifest = example();
    let diary = &manifest.mailboxes[&"site-diary".parse().expect("id")];
    assert_eq!((diary.server.port, diary.server.tls, diary.sasl), (993, Tls::Implicit, SaslPolicy::Xoauth2));
    assert_eq!(diary.auth, Auth::Oauth("projects".parse().expect("id")));
    let contoso = &manifest.providers[&"contoso".parse().expect("id")];
    assert_eq!(contoso.preset, Preset::Microsoft);
    insta::assert_snapshot!(serde_json::to_string_pretty(contoso).expect("writes"), @r#"
    {
      "id": "contoso",
      "preset": "microsoft",
      "tenant": "contoso.onmicrosoft.com",
      "endpoints": {
        "explicit": {
          "authorize_url": "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/authorize",
          "token_url": "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token",
          "device_url": "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/devicecode"
        }
      },
      "client_id": "6731de76-14a6-49ae-97bc-6eba6914391e",
      "client_auth": "secret",
      "client_auth_expires": "2027-09-30",
      "scopes": [
        "openid",
        "profile",
        "offline_access",
        "https://outlook.office.com/IMAP.AccessAsUser.All"
      ],
      "sasl": "xoauth2",
      "idle_days": 90
    }
    "#);
    assert_eq!(manifest.client_secrets.len(), 2);
    assert_eq!(manifest.passwords.len(), 1);
    assert!(manifest.notes.is_empty(), "{:?}", manifest.notes);
}

#[test]
fn every_mistake_is_reported_at_once() {
    insta::assert_snapshot!(Deployed::default().report(include_str!("mistakes.toml")), @r#"
    manifest.toml:3:10: "microsft" is not a possible "preset"; possible are microsoft, google, custom
        hint: did you mean "microsoft"?
    manifest.toml:11:17: "client_secret" holds the secret itself; a manifest only says where it is read from
        hint: client_secret = { env = "NAME" } or client_secret = { file = "name" }
    manifest.toml:13:1: the provider has no "client_id"
    manifest.toml:15:10: an authorization server must be reached by https
        hint: only a stack with AllowLocalServers may use http, for loopback and the hosts in PlaintextHosts
    manifest.toml:16:13: addresses of its own need both "authorize_url" and "token_url"
        hint: an "issuer" alone finds them all by itself
    manifest.toml:17:17: environment variable NOT_SET is not set
    manifest.toml:18:25: "client_secret_expires" must be a day or a moment, without quotes
        hint: write a day such as 2027-09-30, or a moment with its offset from UTC such as 2027-09-30T12:00:00+02:00
    manifest.toml:19:11: "openid offline_access" is no scope
        hint: each scope is a text of its own: ["one", "two"]
    manifest.toml:20:8: "plain" is not a possible "sasl"; possible are auto, xoauth2, oauthbearer
    manifest.toml:22:1: the provider has neither an "issuer" nor "authorize_url" and "token_url"
        hint: preset = "microsoft" and preset = "google" know theirs
    manifest.toml:23:6: "Upper" is not a valid id: use 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit
    manifest.toml:24:13: "client_id" is empty
    manifest.toml:25:15: what "certificate" points to is no PEM file with a CERTIFICATE
    manifest.toml:25:15: a "certificate" needs its "key"
    manifest.toml:30:9: client_credentials needs one directory, and provider entra has tenant "common"
        hint: tenant = "contoso.onmicrosoft.com", or the directory's id
    manifest.toml:31:10: with client_credentials Microsoft knows one scope only; delegated scopes are for people who consent
        hint: scopes = ["https://outlook.office365.com/.default"]
    manifest.toml:32:11: "ann" is no mail address
        hint: one address alone, without a name, such as "ann@contoso.com"
    manifest.toml:35:6: account projects is there twice: the first is on line 28
    manifest.toml:36:12: there is no provider nowhere
        hint: there are contoso, dated, delegated, entra, old, sovereign, sso, timed
    manifest.toml:37:1: unknown key "granted"
        hint: did you mean "grant"?
    manifest.toml:41:1: unknown key "intervall"
        hint: did you mean "interval"?
    manifest.toml:42:12: "90s" is not a valid interval: write whole minutes, hours or days from "1m" to "1d", such as "5m" or "2h"
    manifest.toml:43:8: "imap.example.com:993" is no host name
        hint: only the name or address, such as "imap.example.com"; the port has a key of its own
    manifest.toml:44:8: "port" must be a number from 1 to 65535, without quotes
    manifest.toml:46:12: what "password" points to is empty
    manifest.toml:50:12: "imap4" is not a possible "protocol"; possible are imap, pop3
        hint: did you mean "imap"?
    manifest.toml:51:7: tls = "none" would send the password or token to "mail.example.com" in the clear
        hint: tls = "implicit" or "starttls"; or name the host in the stack's parameter PlaintextHosts
    manifest.toml:53:8: "user" has control characters in it
    manifest.toml:54:18: there is no account project
        hint: there are app, half, keyed, person, projects
    manifest.toml:55:12: cannot read tests/no-such-file: No such file or directory (os error 2)
    manifest.toml:55:12: the mailbox signs in with account "project" and has a password too
        hint: leave out "password" or "auth"
    manifest.toml:56:11: "folders" is empty: nothing would be fetched
        hint: folders = ["INBOX"], or leave it out
    manifest.toml:57:24: "move" is empty
    manifest.toml:58:15: "attachments" must be true or false, without quotes
    manifest.toml:60:1: mailbox c has no "password", and the vault has none of it
        hint: password = { env = "NAME" } or auth = { oauth = "account" }
    manifest.toml:63:8: "localhost" is the machine that Postroom itself runs on, or its link
        hint: only a stack with AllowLocalServers may use such servers
    manifest.toml:65:11: POP3 knows no folders: leave "folders" out
    manifest.toml:65:21: "INBOX" is in "folders" twice
    manifest.toml:65:38: "folders" has control characters in it
    manifest.toml:66:15: "mark-read" is not a possible "after_fetch"; possible are leave, mark_read, delete
        hint: did you mean "mark_read"?
    manifest.toml:67:20: "project" must be a text in quotes
    manifest.toml:69:1: the mailbox has no "user"
    manifest.toml:70:6: mailbox a is there twice: the first is on line 40
    manifest.toml:73:2: unknown key "mailboxes"
        hint: did you mean "mailbox"?
    manifest.toml:79:9: "us-gov" is not a possible "cloud"; possible are global, us_gov, us_gov_dod, china
        hint: did you mean "us_gov"?
    manifest.toml:82:19: "service_account" is Google's; Microsoft knows no such thing
    manifest.toml:82:19: a provider has one of "client_secret", "certificate" with its "key", and "service_account"
    manifest.toml:83:12: "jwks_url" needs the "issuer" whose id_tokens its keys sign
    manifest.toml:84:13: "idle_days" must be a number from 1 to 3650, without quotes
    manifest.toml:85:24: the parameter "state" is Postroom's own to set
    manifest.toml:85:48: "prompt" must be a text in quotes
    manifest.toml:86:24: "allow_password_grant" must be true or false, without quotes
    manifest.toml:91:9: "cloud" is for preset = "microsoft" only
    manifest.toml:93:15: the certificate ended on 2026-09-30
        hint: register a new one with the app, and name it here
    manifest.toml:98:17: addresses of its own need both "authorize_url" and "token_url"
        hint: an "issuer" alone finds them all by itself
    manifest.toml:99:19: what "service_account" points to is no key file of a service account
        hint: create a key of the service account in the Google Cloud console, of the type JSON
    manifest.toml:104:9: this grant needs a "login": a mailbox by which it is tried that the delegation works
    manifest.toml:104:9: this grant needs a service account's key, and provider old has none
        hint: service_account = { file = "key.json" } at the provider
    manifest.toml:105:12: "password" is for grant = "password" only
        hint: a mailbox's password stands at the mailbox
    manifest.toml:110:9: this grant needs a "password"
        hint: password = { env = "NAME" } or password = { file = "name" }
    manifest.toml:110:9: this grant needs a "login": whose password it is
    manifest.toml:110:9: provider sovereign does not allow the password grant
        hint: grant = "authorization_code"; only for an old server that knows no other way, allow_password_grant = true at the provider
    manifest.toml:117:25: "client_secret_expires" is a time of day without its offset from UTC
        hint: client_secret_expires = 2027-09-30T12:00:00+02:00 where clocks are two hours ahead of UTC, 2027-09-30T12:00:00Z in UTC
    manifest.toml:118:22: "authorization_days" must be a number from 1 to 3650, without quotes
    manifest.toml:125:25: "client_secret_expires" is no end
        hint: write a day such as 2027-09-30, or a moment with its offset from UTC such as 2027-09-30T12:00:00+02:00
    manifest.toml:126:22: "authorization_days" must be a number from 1 to 3650, without quotes
    manifest.toml:132:21: with this grant nobody consents, so that nothing can be given anew
        hint: leave "reauthorise_every" out
    manifest.toml:133:30: "Ann@Contoso.com" is in "owners" twice
    manifest.toml:133:49: "Ann <ann@contoso.com>" is no mail address
        hint: one address alone, without a name, such as "ann@contoso.com"
    manifest.toml:133:74: "ann@contoso.com, ben@contoso.com" is no mail address
        hint: one address alone, without a name, such as "ann@contoso.com"
    manifest.toml:133:110: "ann@contoso.com " is no mail address
        hint: one address alone, without a name, such as "ann@contoso.com"
    manifest.toml:138:21: "6 months" is not a valid period: write whole days, weeks, months or years from "1d" to "10y", such as "90d" or "6mo"
    manifest.toml:145:20: the mailbox signs in with account "half" and has no password that could end
        hint: leave "password_expires" out
    manifest.toml:152:20: "password_expires" must be a day or a moment, without quotes
        hint: write a day such as 2027-09-30, or a moment with its offset from UTC such as 2027-09-30T12:00:00+02:00
    manifest.toml:153:10: "owners" must be a list
        hint: owners = ["…"]
    manifest.toml:157:12: "fr" is not a possible "language"; possible are en, de
    manifest.toml:160:11: owner ben@contoso.com is there twice: the first is on line 156
    manifest.toml:161:1: unknown key "langauge"
        hint: did you mean "language"?
    manifest.toml:164:11: "Ben" is no mail address
        hint: one address alone, without a name, such as "ann@contoso.com"
    manifest.toml:166:1: the owner has no "address"
    80 errors in manifest.toml; nothing was applied
    "#);
}

#[test]
fn syntax_errors_are_reported_without_what_follows_from_them() {
    let text = r#"
[[mailbox]]
id = "a"
host = imap.example.com
port = 0
user = "a
[[mailbox]]
id = "b"
id = "c"
colour = "red"
"#;
    insta::assert_snapshot!(Deployed::default().report(text), @r#"
    manifest.toml:4:8: invalid float, expected `inf`
        hint: a text stands in quotes
    manifest.toml:5:8: "port" must be a number from 1 to 65535, without quotes
    manifest.toml:6:10: invalid basic string, expected `"`
    manifest.toml:7:1: the mailbox has no "user"
    manifest.toml:9:1: duplicate key
    manifest.toml:10:1: unknown key "colour"
        hint: known here: id, protocol, host, port, tls, user, auth, sasl, folders, exclude_folders, filter, daily_limit, interval, after_fetch, attachments, inline_images, owners, tags, password, password_expires
    6 errors in manifest.toml; nothing was applied
    "#);
}

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

/// A manifest with one provider, one account and, where `mailbox` is something, one mailbox.
fn oauth(provider: &str, account: &str, mailbox: &str) -> String {
    let mailbox = match mailbox {
        "" => String::new(),
        keys => format!("[[mailbox]]\nid = \"m\"\nuser = \"m\"\nauth = {{ oauth = \"a\" }}\n{keys}\n"),
    };
    format!(
        "[[provider]]\nid = \"p\"\nclient_id = \"x\"\n{provider}\n[[account]]\nid = \"a\"\nprovider = \"p\"\n{account}\n{mailbox}"
    )
}

#[test]
fn grants_are_checked_against_their_provider() {
    let entra = "preset = \"microsoft\"\ntenant = \"contoso.com\"";
    let secret = "client_secret = { env = \"SECRET\" }";
    let confidential = format!("{entra}\n{secret}");
    let shared = format!("preset = \"microsoft\"\ntenant = \"common\"\n{secret}");
    let explicit = "authorize_url = \"https://s.example/a\"\ntoken_url = \"https://s.example/t\"";
    let app = "grant = \"client_credentials\"";
    let delegated = "service_account = { env = \"SERVICE_ACCOUNT\" }";
    let password = "grant = \"password\"\nlogin = \"ann\"\npassword = { env = \"SECRET\" }";
    let old = &*format!("{explicit}\nallow_password_grant = true");
    for (provider, account, expected) in [
        (entra, "", ""),
        ("preset = \"microsoft\"", "", "needs a \"tenant\""),
        (&*confidential, app, ""),
        (entra, app, "needs a client secret or a certificate"),
        (&*shared, app, "needs one directory"),
        (
            &*confidential,
            "grant = \"client_credentials\"\nscopes = [\"https://outlook.office365.com/.default\"]",
            "",
        ),
        (
            &*confidential,
            "grant = \"client_credentials\"\nscopes = [\"https://outlook.office.com/IMAP.AccessAsUser.All\"]",
            "scopes = [\"https://outlook.office365.com/.default\"]",
        ),
        (&*confidential, "grant = \"service_account\"", "service_account is Google's"),
        (explicit, "", ""),
        (explicit, "grant = \"device_code\"", "needs a \"device_url\""),
        (&*format!("{explicit}\ndevice_url = \"https://s.example/d\""), "grant = \"device_code\"", ""),
        ("authorize_url = \"https://s.example/a\"", "", "both \"authorize_url\" and \"token_url\""),
        (&*format!("issuer = \"https://s.example\"\n{explicit}"), "", ""),
        (&*format!("jwks_url = \"https://s.example/k\"\n{explicit}"), "", "needs the \"issuer\""),
        ("preset = \"google\"\ncloud = \"china\"", "", "microsoft\" only"),
        (
            &*format!("preset = \"google\"\n{secret}"),
            "grant = \"service_account\"",
            "needs a service account's key",
        ),
        (&*format!("{explicit}\n{delegated}"), "grant = \"service_account\"\nlogin = \"ann\"", ""),
        (&*format!("{explicit}\n{delegated}"), "grant = \"service_account\"", "this grant needs a \"login\""),
        (&*format!("preset = \"google\"\n{delegated}"), "", "serves no other grant"),
        (&*format!("{explicit}\n{secret}\n{delegated}"), "", "a provider has one of"),
        (explicit, password, "does not allow the password grant"),
        (old, "grant = \"password\"\nlogin = \"ann\"", "this grant needs a \"password\""),
        (old, "grant = \"password\"\npassword = { env = \"SECRET\" }", "this grant needs a \"login\""),
        (old, "password = { env = \"SECRET\" }", "is for grant = \"password\" only"),
        (old, password, ""),
        ("issuer = \"ftp://s.example\"", "", "is not an address of a server"),
        ("issuer = \"https://ann:pw@s.example\"", "", "is not an address of a server"),
        ("preset = \"google\"\ntenant = \"x\"", "", "microsoft\" only"),
        (&*format!("{explicit}\n{secret}\nkey = {{ env = \"SECRET\" }}"), "", "a provider has one of"),
    ] {
        match Deployed::default().resolve(&oauth(provider, account, "")) {
            Ok(_) => assert_eq!(expected, "", "{provider} {account} should be refused"),
            Err(problems) => {
                let report = problems.to_string();
                assert!(!expected.is_empty() && report.contains(expected), "{provider} {account}: {report}");
            }
        }
    }
    let manifest = Deployed::default().resolve(&oauth(&confidential, app, "")).expect("fine");
    let account = &manifest.accounts[&"a".parse().expect("id")];
    assert_eq!(account.scopes, ["https://outlook.office365.com/.default"], "filled in");
}

#[test]
fn presets_fill_in_the_server_and_the_mechanism() {
    let entra = "preset = \"microsoft\"\ntenant = \"contoso.com\"";
    let custom = "issuer = \"https://sso.example\"\nsasl = \"oauthbearer\"";
    for (provider, mailbox, expected) in [
        (entra, "interval = \"5m\"", "outlook.office365.com:993 Implicit Xoauth2"),
        (entra, "protocol = \"pop3\"", "outlook.office365.com:995 Implicit Xoauth2"),
        (entra, "sasl = \"auto\"\nhost = \"h.example\"", "h.example:993 Implicit Auto"),
        ("preset = \"google\"", "tls = \"starttls\"", "imap.gmail.com:143 Starttls Auto"),
        ("preset = \"google\"", "protocol = \"pop3\"", "pop.gmail.com:995 Implicit Auto"),
        (custom, "host = \"h.example\"\nport = 1993", "h.example:1993 Implicit Oauthbearer"),
    ] {
        let manifest = Deployed::default().resolve(&oauth(provider, "", mailbox)).expect("fine");
        let mailbox = &manifest.mailboxes[&"m".parse().expect("id")];
        let server = &mailbox.server;
        assert_eq!(format!("{}:{} {:?} {:?}", server.host, server.port, server.tls, mailbox.sasl), expected);
    }
    let report = Deployed::default().report(&oauth(custom, "", "interval = \"5m\""));
    assert!(report.contains("mailbox m has no \"host\""), "{report}");
}

/// The only provider of a manifest whose provider has these keys.
fn provider(keys: &str) -> Provider {
    let manifest = Deployed::default().resolve(&oauth(keys, "", "")).expect("fine");
    manifest.providers.into_values().next().expect("a provider")
}

#[test]
fn addresses_of_its_own_take_the_place_of_the_presets_one_by_one() {
    let explicit = |keys: &str| match provider(keys).endpoints {
        Endpoints::Explicit { issuer, jwks_url, authorize_url, token_url, revoke_url, device_url } => {
            [issuer, jwks_url, Some(authorize_url), Some(token_url), revoke_url, device_url]
                .map(|url| url.map_or_else(|| "-".to_owned(), String::from))
                .join("\n")
        }
        Endpoints::Issuer(issuer) => issuer.into(),
    };
    let own = "token_url = \"https://proxy.example/t\"";
    insta::assert_snapshot!(explicit(&format!("preset = \"microsoft\"\ntenant = \"contoso.com\"\n{own}")), @"
    -
    -
    https://login.microsoftonline.com/contoso.com/oauth2/v2.0/authorize
    https://proxy.example/t
    -
    https://login.microsoftonline.com/contoso.com/oauth2/v2.0/devicecode
    ");
    insta::assert_snapshot!(explicit(&format!("preset = \"google\"\n{own}")), @"
    https://accounts.google.com/
    https://www.googleapis.com/oauth2/v3/certs
    https://accounts.google.com/o/oauth2/v2/auth
    https://proxy.example/t
    https://oauth2.googleapis.com/revoke
    https://oauth2.googleapis.com/device/code
    ");
    assert_eq!(explicit("preset = \"google\""), "https://accounts.google.com/");
    let alone = "preset = \"microsoft\"\ntenant = \"contoso.com\"\nissuer = \"https://sso.example/v2.0\"";
    assert_eq!(explicit(alone), "https://sso.example/v2.0");
    let custom = "authorize_url = \"https://s.example/a\"\ntoken_url = \"https://s.example/t\"\n\
        issuer = \"https://s.example\"\njwks_url = \"https://s.example/k\"";
    insta::assert_snapshot!(explicit(custom), @"
    https://s.example/
    https://s.example/k
    https://s.example/a
    https://s.example/t
    -
    -
    ");
}

#[test]
fn national_clouds_have_their_own_sign_in_scopes_and_mail() {
    let table = ["global", "us_gov", "us_gov_dod", "china"].map(|cloud| {
        let keys = format!(
            "preset = \"microsoft\"\ntenant = \"c.example\"\ncloud = \"{cloud}\"\nclient_secret = {{ env = \"SECRET\" }}"
        );
        let app = "grant = \"client_credentials\"";
        let manifest = Deployed::default().resolve(&oauth(&keys, app, "interval = \"5m\"")).expect("fine");
        let provider = &manifest.providers[&"p".parse().expect("id")];
        let Endpoints::Explicit { token_url, .. } = &provider.endpoints else { panic!("explicit") };
        let app_only = &manifest.accounts[&"a".parse().expect("id")].scopes[0];
        let host = &manifest.mailboxes[&"m".parse().expect("id")].server.host;
        let sign_in = token_url.host_str().unwrap_or_default();
        format!("{sign_in} {host} {} {app_only}", provider.scopes[3])
    });
    insta::assert_snapshot!(table.join("\n"), @"
    login.microsoftonline.com outlook.office365.com https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office365.com/.default
    login.microsoftonline.us outlook.office365.us https://outlook.office365.us/IMAP.AccessAsUser.All https://outlook.office365.us/.default
    login.microsoftonline.us webmail.apps.mil https://outlook-dod.office365.us/IMAP.AccessAsUser.All https://outlook-dod.office365.us/.default
    login.partner.microsoftonline.cn partner.outlook.cn https://partner.outlook.cn/IMAP.AccessAsUser.All https://partner.outlook.cn/.default
    ");
}

#[test]
fn what_a_preset_fills_in_can_be_overridden() {
    let google = provider("preset = \"google\"");
    assert_eq!(google.idle_days, Some(180));
    let parameters: Vec<_> = google.authorize_parameters.iter().map(|(n, v)| format!("{n}={v}")).collect();
    assert_eq!(parameters, ["access_type=offline", "prompt=consent"]);
    let own = provider("preset = \"google\"\nidle_days = 30\nauthorize_parameters = { hd = \"a.example\" }");
    assert_eq!((own.idle_days, own.authorize_parameters.len()), (Some(30), 1));
    let manifest =
        Deployed::default().resolve(&oauth("preset = \"google\"\nauthorize_parameters = {}", "", ""));
    assert_eq!(
        manifest.expect("fine").notes,
        [
            "account a: without the parameter access_type=offline Google gives no refresh token, and consent lasts an hour"
        ]
    );
}

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

#[test]
fn only_where_somebody_consents_it_can_be_asked_for_again() {
    let entra = "preset = \"microsoft\"\ntenant = \"contoso.com\"\nclient_secret = { env = \"SECRET\" }\nauthorization_days = 3650";
    for (grant, is_fine) in
        [("authorization_code", true), ("device_code", true), ("client_credentials", false)]
    {
        let account = format!("grant = \"{grant}\"\nreauthorise_every = \"6mo\"");
        match Deployed::default().resolve(&oauth(entra, &account, "")) {
            Ok(manifest) => {
                let every = manifest.accounts.values().find_map(|account| account.reauthorise_every);
                assert!(is_fine && every.is_some_and(|every| every.to_string() == "6mo"), "{grant}");
                assert_eq!(manifest.providers.values().find_map(|p| p.authorization_days), Some(3650));
            }
            Err(problems) => {
                assert!(!is_fine && problems.to_string().contains("nobody consents"), "{problems}")
            }
        }
    }
}

#[test]
fn a_service_accounts_key_file_is_taken_apart_and_never_shown() {
    let text = "[[provider]]\nid = \"p\"\npreset = \"google\"\nservice_account = { env = \"SERVICE_ACCOUNT\" }\n\
        [[account]]\nid = \"a\"\nprovider = \"p\"\ngrant = \"service_account\"\nlogin = \"ann@a.example\"\n";
    let manifest = Deployed::default().resolve(text).expect("fine");
    let id = "p".parse().expect("id");
    let provider = &manifest.providers[&id];
    assert_eq!((provider.client_auth, provider.client_id.as_str()), (ClientAuth::ServiceAccount, "107"));
    let ClientSecret::ServiceAccount { email, key_id, .. } = &manifest.client_secrets[&id].secret else {
        panic!("a service account")
    };
    assert_eq!((email.as_str(), key_id.as_str()), ("postroom@p.iam.example", "k1"));
    assert!(!format!("{manifest:?}").contains("s3cret"));
    let report = Deployed::default().report(&text.replace("SERVICE_ACCOUNT", "SECRET"));
    assert!(report.contains("is no key file of a service account"), "{report}");
}

#[test]
fn whoever_allows_the_password_grant_is_warned() {
    let keys = "authorize_url = \"https://s.example/a\"\ntoken_url = \"https://s.example/t\"\nallow_password_grant = true";
    let account = "grant = \"password\"\nlogin = \"ann\"\npassword = { env = \"SECRET\" }";
    let manifest = Deployed::default().resolve(&oauth(keys, account, "")).expect("fine");
    insta::assert_snapshot!(manifest.warnings.join("\n"), @"provider p has allow_password_grant: accounts may hand a person's password to the authorization server, which OAuth's security practice forbids; use it only for a server that knows no other way");
    let passwords: Vec<&str> = manifest.account_passwords.keys().map(AccountId::as_str).collect();
    assert_eq!(passwords, ["a"]);
}

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

/// The only mailbox of a manifest whose mailbox has these keys besides a server, a user and a password.
fn mailbox(keys: &str) -> Result<Mailbox, String> {
    let text = format!(
        "[[mailbox]]\nid = \"m\"\nhost = \"h.example\"\nuser = \"m\"\npassword = {{ env = \"SECRET\" }}\n{keys}\n"
    );
    let manifest = Deployed::default().resolve(&text).map_err(|problems| problems.to_string())?;
    Ok(manifest.mailboxes.into_values().next().expect("a mailbox"))
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
