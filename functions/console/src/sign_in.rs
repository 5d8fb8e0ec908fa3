//! Administrators sign in by OpenID Connect.
//!
//! Guarantees: whoever is let in has an id_token of the configured provider that passed every check,
//! and in it an address from the list that the provider says it has verified, or the configured group.
//! Where nothing is configured, nobody is let in. After signing in a browser goes to a page of this console
//! and nowhere else.

use crate::{
    app::App,
    flow::{self, Answered, Flow, Purpose, RedeemError},
    language::{self, Speak},
    outcome::short_name,
    page::{self, Page},
    problem::Problem,
    security::{Limited, Navigation, Source},
    session::{Session, Who},
    texts::Fill,
};
use askama::Template;
use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::PrivateCookieJar;
use postroom_model::{FaultClass, Preset, Provider, ProviderId};
use postroom_oauth::Identity;
use serde::Deserialize;
use serde_json::Value;
use std::str::FromStr;
use url::Url;

/// The domains of addresses that are Google's own.
const GMAIL: [&str; 2] = ["gmail.com", "googlemail.com"];
/// The longest path that is come back to.
const MAX_PATH: usize = 512;

/// Who may sign in as an administrator, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrators {
    /// The provider that signs administrators in.
    pub provider: Option<ProviderId>,
    /// The addresses of those who may.
    pub addresses: Vec<String>,
    /// The group of those who may.
    pub group: Option<Group>,
}

/// A group, as a claim of an id_token names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The claim: a text, or a list of them.
    pub claim: String,
    /// The group's name in it.
    pub value: String,
}

/// Not a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a group is written as claim=value")]
pub struct NotAGroup;

impl FromStr for Group {
    type Err = NotAGroup;

    fn from_str(text: &str) -> Result<Self, NotAGroup> {
        match text.split_once('=') {
            Some((claim, value)) if !claim.is_empty() && !value.is_empty() => {
                Ok(Self { claim: claim.to_owned(), value: value.to_owned() })
            }
            _ => Err(NotAGroup),
        }
    }
}

impl Administrators {
    /// The provider at which administrators sign in; nobody does where nobody may.
    fn provider(&self) -> Option<&ProviderId> {
        self.provider.as_ref().filter(|_| !self.addresses.is_empty() || self.group.is_some())
    }

    /// Whether this person is an administrator.
    fn admits(&self, identity: &Identity, provider: &Provider) -> bool {
        let listed = |name: &str| self.addresses.iter().any(|known| known.eq_ignore_ascii_case(name));
        let email = identity.email.as_deref().filter(|email| vouches(identity, email, provider));
        // The sign-in name in a directory of one's own is the directory's to give.
        let own_directory = provider.preset == Preset::Microsoft && !provider.is_shared_directory();
        let user = identity.preferred_username.as_deref().filter(|_| own_directory);
        let in_group =
            self.group.as_ref().filter(|_| !provider.is_shared_directory()).is_some_and(
                |group| match identity.claims.get(&group.claim) {
                    Some(Value::String(text)) => *text == group.value,
                    Some(Value::Array(texts)) => texts.iter().any(|text| *text == group.value),
                    _ => false,
                },
            );
        email.is_some_and(listed) || user.is_some_and(listed) || in_group
    }

    /// What is asked for: who the person is, and the group where the provider knows a scope for that.
    fn scopes(&self, provider: &Provider) -> Vec<String> {
        let group = self.group.as_ref().map(|group| &group.claim);
        let group = group.filter(|claim| provider.scopes.contains(claim)).cloned();
        ["openid", "email", "profile"].map(str::to_owned).into_iter().chain(group).collect()
    }
}

/// Whether the server stands in for an address: it says in so many words that it has verified it. A
/// Google account may be made with any address; Google speaks for those of its own domain and of the
/// organisations that it hosts (<https://developers.google.com/identity/gsi/web/guides/verify-google-id-token>).
fn vouches(identity: &Identity, email: &str, provider: &Provider) -> bool {
    let hosted = identity.claims.get("hd").and_then(Value::as_str);
    let is_googles = email.rsplit_once('@').is_some_and(|(_, domain)| {
        GMAIL.iter().copied().chain(hosted).any(|own| own.eq_ignore_ascii_case(domain))
    });
    identity.email_vouched && (provider.preset != Preset::Google || is_googles)
}

/// What `GET /sign-in` may be asked with.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct SignInQuery {
    /// The page that was asked for.
    to: Option<String>,
    /// Whether to go on to the authorization server.
    go: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    page: Page<'a>,
    button: String,
    go: String,
}

/// `GET /sign-in`: a page with a button, which leads to the authorization server.
pub(crate) async fn page(
    _: Navigation,
    State(app): State<App>,
    source: Source,
    headers: HeaderMap,
    Query(query): Query<SignInQuery>,
) -> Result<Response, Problem> {
    let language = language::of(&headers, app.settings.language);
    let to = query.to.as_deref().and_then(|to| own_path(&app.settings.public_url, to));
    let Some(id) = app.settings.administrators.provider() else {
        return Err(Problem::sign_in_not_configured(
            "ADMIN_PROVIDER, or both ADMIN_ADDRESSES and ADMIN_GROUP",
        ));
    };
    if query.go.is_none() {
        let mut parameters = url::form_urlencoded::Serializer::new("/sign-in?go=1".to_owned());
        parameters.extend_pairs(to.map(|to| ("to", to)));
        let t = &language.texts().sign_in;
        let button = t.button.fill(&[("provider", id)]);
        let page = Page::alone(language, t.title).at("/sign-in");
        return Ok(page::html(&SignInPage { page, button, go: parameters.finish() }));
    }
    source.limit(&app, Limited::SignIn).await?;
    let provider = app.registry.provider(id).await?;
    let provider =
        provider.ok_or_else(|| Problem::sign_in_not_configured("ADMIN_PROVIDER names no provider"))?;
    let scopes = app.settings.administrators.scopes(&provider);
    let flow = Flow {
        purpose: Purpose::SignIn { to: to.unwrap_or_else(|| "/".to_owned()) },
        provider: id,
        account: None,
        scopes: &scopes,
        another_user: false,
        session: None,
    };
    let begun = flow::begin(&app, &headers, flow).await.map_err(Problem::sign_in_failed)?;
    Ok((begun.jar, Redirect::to(begun.url.as_str())).into_response())
}

/// Finishes a sign-in: the person is an administrator, or is told what is missing. The session that the
/// browser had is over then.
pub(crate) async fn complete(
    app: &App,
    answered: Answered,
    to: &str,
    replaced: Option<Session>,
) -> Result<Response, Problem> {
    let administrators = &app.settings.administrators;
    if administrators.provider() != Some(&answered.provider) {
        return Err(Problem::sign_in_not_configured("the provider is no longer the administrators'"));
    }
    let redeemed = answered.redeem(app, true).await.map_err(|error| match error {
        RedeemError::Declined => Problem::sign_in_declined("access_denied"),
        RedeemError::Fault(fault) if fault.class == FaultClass::InteractionRequired => {
            Problem::sign_in_declined(fault)
        }
        RedeemError::Fault(fault) => Problem::sign_in_failed(fault),
        RedeemError::Identity(why) => Problem::sign_in_failed(why),
    })?;
    let identity = redeemed.identity.ok_or_else(|| {
        Problem::sign_in_not_configured("the provider issues no id_tokens: it is no OpenID provider")
    })?;
    let provider = &answered.registration().map_err(Problem::from)?.provider;
    if !administrators.admits(&identity, provider) {
        return Err(Problem::not_an_administrator());
    }
    // The tokens are dropped: they were for knowing who it is.
    let key = app.keys().await?.name(&format!("{}\n{}", identity.issuer, identity.subject));
    if let Some(replaced) = replaced {
        replaced.end(app).await?;
    }
    let who = Who::Administrator { key, name: short_name(identity.shown()) };
    tracing::info!("an administrator has signed in");
    let to = own_path(&app.settings.public_url, to).unwrap_or_else(|| "/".to_owned());
    Ok((signed_in(answered.jar, who, app), Redirect::to(&to)).into_response())
}

/// The jar with a new session in it: whatever session the browser had before is not gone on with.
fn signed_in(jar: PrivateCookieJar, who: Who, app: &App) -> PrivateCookieJar {
    Session::new(who, app.now()).kept_in(jar)
}

/// The path and query of a page of ours; `None` for whatever might lead elsewhere.
pub(crate) fn own_path(public_url: &Url, to: &str) -> Option<String> {
    // Browsers read a backslash as a slash, and skip tabs and line ends (https://url.spec.whatwg.org).
    let plain =
        to.len() <= MAX_PATH && !to.contains(|c: char| c == '\\' || c.is_control() || c.is_whitespace());
    if !plain || !to.starts_with('/') || to.starts_with("//") {
        return None;
    }
    let url = public_url.join(to).ok()?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let own = url.origin() == public_url.origin() && !url.path().starts_with("//");
    own.then(|| format!("{}{query}", url.path()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use postroom_model::{ClientAuth, Endpoints, SaslPolicy};
    use serde_json::json;

    #[test]
    fn only_pages_of_ours_are_come_back_to() {
        let console = Url::parse("https://post.example").expect("url");
        for (to, expected) in [
            ("/", Some("/")),
            ("/accounts/a?x=1", Some("/accounts/a?x=1")),
            ("/a/../b", Some("/b")),
            ("/a#b", Some("/a")),
            ("", None),
            ("accounts", None),
            ("//evil.example", None),
            ("/\\evil.example", None),
            ("\\\\evil.example", None),
            ("/\t/evil.example", None),
            ("/..//evil.example", None),
            ("/.//evil.example", None),
            ("https://evil.example", None),
            ("https:/evil.example", None),
            ("javascript:alert(1)", None),
            (" /", None),
            ("/%0d%0aLocation:%20https://evil.example", Some("/%0d%0aLocation:%20https://evil.example")),
            ("/a\r\nLocation: https://evil.example", None),
        ] {
            assert_eq!(own_path(&console, to).as_deref(), expected, "{to:?}");
        }
        assert_eq!(own_path(&console, &format!("/{}", "x".repeat(600))), None);
    }

    fn provider(preset: Preset, tenant: Option<&str>) -> Provider {
        Provider {
            id: "sso".parse().expect("id"),
            preset,
            cloud: postroom_model::Cloud::Global,
            tenant: tenant.map(str::to_owned),
            endpoints: Endpoints::Issuer(Url::parse("https://sso.example").expect("url")),
            client_id: "c".to_owned(),
            client_auth: ClientAuth::Public,
            client_auth_expires: None,
            scopes: Vec::new(),
            sasl: SaslPolicy::Auto,
            idle_days: None,
            authorization_days: None,
            authorize_parameters: Default::default(),
            allow_password_grant: false,
        }
    }

    fn identity(claims: Value) -> Identity {
        let claims = claims.as_object().expect("an object").clone();
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        Identity {
            issuer: "https://sso.example".to_owned(),
            subject: "s".to_owned(),
            email: text("email"),
            email_verified: claims.get("email_verified") != Some(&json!(false)),
            email_vouched: claims.get("email_verified") == Some(&json!(true)),
            preferred_username: text("preferred_username"),
            name: None,
            claims,
        }
    }

    #[test]
    fn administrators_are_those_on_the_list_or_in_the_group() {
        let administrators = Administrators {
            provider: Some("sso".parse().expect("id")),
            addresses: ["ann@post.example", "ann@gmail.com"].map(str::to_owned).into(),
            group: Some("groups=mail-admins".parse().expect("a group")),
        };
        let custom = provider(Preset::Custom, None);
        let own = provider(Preset::Microsoft, Some("contoso.onmicrosoft.com"));
        let shared = provider(Preset::Microsoft, Some("Common"));
        let google = provider(Preset::Google, None);
        for (claims, provider, admitted) in [
            (json!({"email": "Ann@Post.Example", "email_verified": true}), &custom, true),
            (json!({"email": "ann@post.example"}), &custom, false),
            (json!({"email": "ann@post.example"}), &own, false),
            (json!({"email": "ann@post.example", "email_verified": false}), &custom, false),
            (json!({"email": "eve@post.example", "email_verified": true}), &custom, false),
            (json!({"preferred_username": "ann@post.example"}), &custom, false),
            (json!({"preferred_username": "ann@post.example"}), &own, true),
            (json!({"preferred_username": "ann@post.example"}), &shared, false),
            (json!({"email": "ann@post.example", "email_verified": true}), &google, false),
            (json!({"email": "ann@post.example", "email_verified": true, "hd": "x.example"}), &google, false),
            (
                json!({"email": "ann@post.example", "email_verified": true, "hd": "Post.example"}),
                &google,
                true,
            ),
            (json!({"email": "ann@post.example", "hd": "post.example"}), &google, false),
            (json!({"email": "ann@gmail.com", "email_verified": true}), &google, true),
            (json!({"email": "ann@gmail.com", "email_verified": true}), &custom, true),
            (json!({"groups": ["a", "mail-admins"]}), &custom, true),
            (json!({"groups": "mail-admins"}), &custom, true),
            (json!({"groups": "mail-admins"}), &shared, false),
            (json!({"groups": ["mail-admins-2"]}), &custom, false),
            (json!({"groups": {"mail-admins": true}}), &custom, false),
            (json!({}), &custom, false),
        ] {
            let identity = identity(claims.clone());
            assert_eq!(administrators.admits(&identity, provider), admitted, "{claims}");
        }
        let nobody = Administrators { addresses: Vec::new(), group: None, ..administrators };
        assert!(nobody.provider().is_none());
    }
}
