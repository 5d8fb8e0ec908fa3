//! What presets fill in, and what takes its place.

use crate::deployed::{Deployed, oauth, provider};
use postroom_model::Endpoints;

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
