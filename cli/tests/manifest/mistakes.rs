//! What is accepted as a whole, and every mistake at once.

use crate::deployed::Deployed;
use postroom_cli::manifest::Manifest;
use postroom_model::{Auth, Preset, SaslPolicy, Tls};

fn example() -> Manifest {
    Deployed::default().resolve(include_str!("../manifest.example.toml")).expect("the example is fine")
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
    insta::assert_snapshot!(Deployed::default().report(include_str!("../mistakes.toml")), @r#"
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
