//! What an authorization server says of itself (OpenID Connect Discovery 1.0, RFC 8414).

use crate::{
    classify,
    http::{Http, HttpAnswer},
};
use postroom_model::{Fault, FaultClass};
use serde_json::{Map, Value};
use url::Url;

/// An authorization server's metadata.
pub(crate) struct Metadata {
    fields: Map<String, Value>,
    /// Whether the server speaks OpenID Connect, so that it signs id_tokens.
    pub(crate) openid: bool,
}

impl Metadata {
    /// The metadata of an issuer: by OpenID Connect Discovery 1.0 section 4, else by RFC 8414
    /// section 3. The issuer that it names must be the one that was asked (section 4.3, section 3.3).
    pub(crate) async fn of(http: &Http, issuer: &Url) -> Result<Self, Fault> {
        let path = issuer.path().trim_end_matches('/');
        let openid = fetch(http, &at(issuer, &format!("{path}/.well-known/openid-configuration"))).await?;
        let metadata = match openid {
            Ok(fields) => Self { fields, openid: true },
            Err(why) => {
                let address = at(issuer, &format!("/.well-known/oauth-authorization-server{path}"));
                let fields = fetch(http, &address).await?.map_err(|_| why)?;
                let openid = texts(&fields, "scopes_supported").any(|scope| scope == "openid");
                Self { fields, openid }
            }
        };
        if is_issuer(issuer, metadata.issuer()?) {
            Ok(metadata)
        } else {
            let reason = format!("the metadata of {issuer} is of another issuer");
            Err(Fault::new(FaultClass::AppRegistration, reason))
        }
    }

    /// The metadata of a Microsoft directory, which names its issuer by the directory's id however it
    /// was asked for, or with `{tenantid}` where it is shared
    /// (<https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc>).
    pub(crate) async fn of_microsoft(http: &Http, cloud: &Url, tenant: &str) -> Result<Self, Fault> {
        let address = at(cloud, &format!("/{tenant}/v2.0/.well-known/openid-configuration"));
        let metadata = Self { fields: fetch(http, &address).await??, openid: true };
        let issuer = Url::parse(metadata.issuer()?).ok();
        if issuer.is_some_and(|issuer| issuer.origin() == cloud.origin()) {
            Ok(metadata)
        } else {
            let reason = format!("the metadata of tenant {tenant} is of another server");
            Err(Fault::new(FaultClass::AppRegistration, reason))
        }
    }

    /// The issuer, exactly as the server writes it.
    pub(crate) fn issuer(&self) -> Result<&str, Fault> {
        self.fields.get("issuer").and_then(Value::as_str).ok_or_else(|| lacks("issuer"))
    }

    pub(crate) fn token_url(&self) -> Result<Url, Fault> {
        self.url("token_endpoint").ok_or_else(|| lacks("token_endpoint"))
    }

    /// One of its URLs; one that cannot be read counts as absent.
    pub(crate) fn url(&self, name: &str) -> Option<Url> {
        Url::parse(self.fields.get(name)?.as_str()?).ok()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.fields.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        texts(&self.fields, name).map(str::to_owned).collect()
    }
}

/// Whether a server's own word for its issuer means this one. A URL without a path is written with
/// and without a slash; every other difference counts.
pub(crate) fn is_issuer(issuer: &Url, said: &str) -> bool {
    said == issuer.as_str() || (issuer.path() == "/" && format!("{said}/") == issuer.as_str())
}

fn texts<'m>(fields: &'m Map<String, Value>, name: &str) -> impl Iterator<Item = &'m str> {
    fields.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn lacks(field: &str) -> Fault {
    Fault::new(FaultClass::Protocol, format!("the authorization server's metadata has no {field:?}"))
}

/// The same server with another path.
fn at(server: &Url, path: &str) -> Url {
    let mut url = server.clone();
    url.set_path(path);
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// One document: `Err` in the `Ok` where the server has none there, so that another place may have it.
async fn fetch(http: &Http, address: &Url) -> Result<Result<Map<String, Value>, Fault>, Fault> {
    let answer = http.get(address, None).await?;
    if matches!(answer.status, 408 | 429 | 500..) {
        return Err(classify(answer.status, answer.body(), answer.retry_after));
    }
    Ok(read(&answer).ok_or_else(|| {
        let HttpAnswer { status, .. } = answer;
        let reason = format!("{address} answers HTTP {status} without an authorization server's metadata");
        Fault::new(FaultClass::Configuration, reason)
    }))
}

fn read(answer: &HttpAnswer) -> Option<Map<String, Value>> {
    answer.is_success().then(|| serde_json::from_str(answer.body()).ok()).flatten()
}
