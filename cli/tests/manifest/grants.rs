//! Accounts and the ways in which they are granted.

use crate::deployed::{Deployed, oauth};
use postroom_model::{AccountId, ClientAuth, ClientSecret};

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
