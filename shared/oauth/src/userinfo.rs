//! What a server tells of a person besides the id_token (OpenID Connect Core 1.0 section 5.3).

use crate::{Identity, client::Client};
use oauth2::http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

impl Client<'_> {
    /// An identity with what the server's UserInfo endpoint adds to it. Some servers leave addresses
    /// and names out of the id_token (section 5.4 lets them). The identity stays as it is where
    /// it has an address already, where the server has no such endpoint, and where that does not
    /// answer for the same person.
    pub async fn with_userinfo(&self, identity: Identity, access_token: &SecretString) -> Identity {
        let more = if identity.email.is_some() { None } else { self.userinfo(access_token).await };
        let Some(more) = more.filter(|more| more.get("sub").is_some_and(|sub| *sub == identity.subject))
        else {
            return identity;
        };
        let mut claims = identity.claims.clone();
        for (name, value) in more {
            // The id_token is signed: what it says stands.
            claims.entry(name).or_insert(value);
        }
        Identity::read(claims, !self.provider.is_shared_directory()).unwrap_or(identity)
    }

    async fn userinfo(&self, access_token: &SecretString) -> Option<Map<String, Value>> {
        let url = self.server.userinfo_url.as_ref()?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", access_token.expose_secret())).ok()?;
        bearer.set_sensitive(true);
        let answer = self.http.get(url, Some(bearer)).await.ok().filter(|answer| answer.is_success())?;
        serde_json::from_str(answer.body()).ok()
    }
}
