//! What an administrator of a directory does so that an app opens mailboxes in its own right: the
//! link and the commands, filled in.
//!
//! Guarantees: whatever stands in a command stands there as a literal, so that a mailbox's name
//! cannot become a command of its own.
//!
//! Sources: <https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth>,
//! <https://learn.microsoft.com/entra/identity-platform/v2-admin-consent>,
//! <https://developers.google.com/identity/protocols/oauth2/service-account#delegatingauthority>.

use crate::{
    language::{Language, Speak},
    page::{self, Page},
    texts::{Fill, guide::Guide as GuideTexts},
};
use askama::Template;
use axum::response::Response;
use postroom_model::{Account, Cloud, Endpoints, Grant, Preset, Protocol, Provider};
use postroom_registry::PlacedMailbox;
use url::Url;

/// Where Google's administrators let a service account act for their people.
const GOOGLE_CONSOLE: &str = "https://admin.google.com/ac/owl/domainwidedelegation";
/// What the answer to an administrator's consent is recognised by. It is no secret and proves nothing:
/// the answer changes nothing, it only gets a page.
const CONSENT_STATE: &str = "admin-consent";

/// What is to be done in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Guide {
    /// Microsoft Entra ID and Exchange Online.
    Microsoft {
        /// The application permissions that the app registration needs.
        permissions: String,
        /// Where an administrator consents for the whole directory.
        consent: String,
        /// PowerShell for Exchange Online.
        commands: String,
    },
    /// The Google admin console.
    Google {
        /// Where.
        console: &'static str,
        /// The service account's client id.
        client_id: String,
        /// What it may do, separated by commas as the console takes it.
        scopes: String,
    },
}

impl Guide {
    /// The guide for an account that needs nobody's consent but the directory's; `None` for others,
    /// and where the server is none that is known here.
    pub(crate) fn of(
        account: &Account,
        provider: &Provider,
        mailboxes: &[PlacedMailbox],
        redirect: &Url,
        language: Language,
    ) -> Option<Self> {
        let scopes = if account.scopes.is_empty() { &provider.scopes } else { &account.scopes };
        match (account.grant, provider.preset) {
            (Grant::ClientCredentials, Preset::Microsoft) => Some(Self::Microsoft {
                permissions: permissions(mailboxes),
                consent: admin_consent(provider, &scopes.join(" "), redirect)?.into(),
                commands: commands(provider, mailboxes, &language.texts().guide),
            }),
            (Grant::ServiceAccount, Preset::Google) => Some(Self::Google {
                console: GOOGLE_CONSOLE,
                client_id: provider.client_id.clone(),
                scopes: scopes.join(","),
            }),
            _ => None,
        }
    }
}

#[derive(Template)]
#[template(path = "consented.html")]
struct ConsentedPage<'a> {
    page: Page<'a>,
    what: &'a str,
}

/// The page for whoever comes back from an administrator's consent, who need not be signed in here;
/// `None` where the state is not that of such a consent.
pub(crate) fn consented(state: Option<&str>, declined: bool, language: Language) -> Option<Response> {
    let t = &language.texts().guide;
    let (title, what) =
        if declined { (t.declined, t.declined_what) } else { (t.consented, t.consented_what) };
    let page = ConsentedPage { page: Page::alone(language, title), what };
    (state == Some(CONSENT_STATE)).then(|| page::html(&page))
}

/// The application permissions for the protocols that the mailboxes speak.
fn permissions(mailboxes: &[PlacedMailbox]) -> String {
    let has_pop3 = mailboxes.iter().any(|placed| placed.mailbox.protocol == Protocol::Pop3);
    if has_pop3 { "IMAP.AccessAsApp, POP.AccessAsApp" } else { "IMAP.AccessAsApp" }.to_owned()
}

/// Where an administrator consents, at the provider's own authorize host: national clouds have theirs.
fn admin_consent(provider: &Provider, scopes: &str, redirect: &Url) -> Option<Url> {
    let mut url = match &provider.endpoints {
        Endpoints::Issuer(issuer) => issuer.clone(),
        Endpoints::Explicit { authorize_url, .. } => authorize_url.clone(),
    };
    let tenant = provider.tenant.as_deref().unwrap_or("organizations");
    url.set_fragment(None);
    url.path_segments_mut().ok()?.clear().extend([tenant, "v2.0", "adminconsent"]);
    url.query_pairs_mut()
        .clear()
        .append_pair("client_id", &provider.client_id)
        .append_pair("scope", scopes)
        .append_pair("redirect_uri", redirect.as_str())
        .append_pair("state", CONSENT_STATE);
    Some(url)
}

/// PowerShell that makes Exchange know the app and lets it open each mailbox.
fn commands(provider: &Provider, mailboxes: &[PlacedMailbox], t: &GuideTexts) -> String {
    let (graph, exchange) = match provider.cloud {
        Cloud::Global => ("", ""),
        Cloud::UsGov => (" -Environment USGov", " -ExchangeEnvironmentName O365USGovGCCHigh"),
        Cloud::UsGovDod => (" -Environment USGovDoD", " -ExchangeEnvironmentName O365USGovDoD"),
        Cloud::China => (" -Environment China", " -ExchangeEnvironmentName O365China"),
    };
    let tenant = provider.tenant.as_deref().map(|tenant| format!(" -TenantId {}", literal(tenant)));
    let mut lines = vec![
        format!("# {}", t.command_tools),
        "Install-Module Microsoft.Graph.Applications, ExchangeOnlineManagement -Scope CurrentUser".to_owned(),
        String::new(),
        format!("# {}", t.command_app),
        format!("$appId = {}", literal(&provider.client_id)),
        format!("Connect-MgGraph{graph}{} -Scopes 'Application.Read.All'", tenant.unwrap_or_default()),
        "$app = Get-MgServicePrincipal -Filter \"appId eq '$appId'\"".to_owned(),
        String::new(),
        format!("# {}", t.command_principal),
        format!("Connect-ExchangeOnline{exchange}"),
        format!(
            "New-ServicePrincipal -AppId $appId -ObjectId $app.Id -DisplayName {}",
            literal(&format!("Postroom {}", provider.id))
        ),
        String::new(),
        format!("# {}", t.command_mailboxes),
    ];
    lines.extend(mailboxes.iter().map(|placed| {
        let user = literal(&placed.mailbox.user);
        format!("Add-MailboxPermission -Identity {user} -User $app.Id -AccessRights FullAccess")
    }));
    if mailboxes.is_empty() {
        lines.push(format!("# {}", t.command_no_mailbox.fill(&[("example", &"Add-MailboxPermission")])));
    }
    lines.join("\n")
}

/// A text as PowerShell takes it literally. It knows four more characters as single quotes
/// (<https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules>).
fn literal(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars().filter(|c| !c.is_control()) {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(value: &str) -> Provider {
        serde_json::from_str(value).expect("a provider")
    }

    fn mailbox(id: &str, user: &str) -> PlacedMailbox {
        let value = serde_json::json!({"id": id, "protocol": "imap", "host": "outlook.office365.com",
            "port": 993, "tls": "implicit", "user": user, "auth": {"oauth": "robot"}});
        serde_json::from_value(value).expect("a mailbox")
    }

    fn account(grant: &str) -> Account {
        let value = serde_json::json!({"id": "robot", "provider": "contoso", "grant": grant});
        serde_json::from_value(value).expect("an account")
    }

    const CHINA: &str = r#"{"id":"contoso","preset":"microsoft","cloud":"china","tenant":"contoso.partner.onmschina.cn",
        "endpoints":{"explicit":{"authorize_url":"https://login.partner.microsoftonline.cn/contoso/oauth2/v2.0/authorize",
        "token_url":"https://login.partner.microsoftonline.cn/contoso/oauth2/v2.0/token"}},
        "client_id":"6731de76-14a6-49ae-97bc-6eba6914391e","client_auth":"secret",
        "scopes":["https://partner.outlook.cn/.default"]}"#;

    #[test]
    fn microsoft_is_filled_in() {
        let redirect = Url::parse("https://post.example/callback").expect("url");
        let mailboxes =
            [mailbox("diary", "site-diary@contoso.cn"), mailbox("x", "o'neil’; Remove-Mailbox 'a\n@b")];
        let guide =
            Guide::of(&account("client_credentials"), &provider(CHINA), &mailboxes, &redirect, Language::En);
        let Some(Guide::Microsoft { permissions, consent, commands }) = guide else {
            panic!("no guide");
        };
        insta::assert_snapshot!(format!("{permissions}\n\n{consent}\n\n{commands}"));
        assert!(
            Guide::of(&account("authorization_code"), &provider(CHINA), &[], &redirect, Language::En)
                .is_none()
        );
    }

    #[test]
    fn google_names_the_service_account() {
        let google = r#"{"id":"contoso","preset":"google","endpoints":{"issuer":"https://accounts.google.com"},
            "client_id":"104857600000000000000","client_auth":"service_account","scopes":["https://mail.google.com/"]}"#;
        let redirect = Url::parse("https://post.example/callback").expect("url");
        let guide = Guide::of(&account("service_account"), &provider(google), &[], &redirect, Language::De);
        assert_eq!(
            guide,
            Some(Guide::Google {
                console: GOOGLE_CONSOLE,
                client_id: "104857600000000000000".into(),
                scopes: "https://mail.google.com/".into()
            })
        );
    }
}
