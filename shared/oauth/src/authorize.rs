//! Authorization requests: what a browser is sent to the authorization server with.

use crate::{client::Client, scope::scopes_of};
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, RedirectUrl, Scope, basic::BasicClient};
use openidconnect::Nonce;
use postroom_model::{Account, Fault, FaultClass, Preset};
use secrecy::SecretString;
use std::fmt;
use url::Url;

/// Parameters of an authorization request that are never taken from a provider's
/// `authorize_parameters`: each request has its own.
pub const RESERVED_PARAMETERS: &[&str] = &[
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "login_hint",
    "nonce",
    "redirect_uri",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
];

/// What a person is asked to consent to.
#[derive(Clone, Copy)]
pub struct AuthorizationRequest<'a> {
    /// The account that is authorised; `None` when somebody only signs in.
    pub account: Option<&'a Account>,
    /// What is asked for; where empty, the account's scopes, else the provider's.
    pub scopes: &'a [String],
    /// What the server gives back with the code, and what only this browser can know.
    pub state: &'a str,
    /// Where the browser comes back to.
    pub redirect: &'a Url,
    /// Whether somebody else must be able to sign in than whoever is signed in there.
    pub another_user: bool,
}

/// An authorization request that is ready to be made. `Debug` is safe to print.
#[derive(Clone)]
pub struct Authorization {
    /// Where the browser goes.
    pub url: Url,
    /// What proves, when the code is redeemed, that we asked for it (RFC 7636).
    pub verifier: SecretString,
    /// What the id_token must repeat.
    pub nonce: SecretString,
}

impl fmt::Debug for Authorization {
    /// The URL has the state in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").finish_non_exhaustive()
    }
}

impl Client<'_> {
    /// An authorization request with PKCE (RFC 7636, S256) and a nonce. Besides what is asked for it
    /// asks who consents, where this server's id_tokens can be checked.
    ///
    /// # Errors
    /// A [`Fault`], when the server has no authorization endpoint.
    pub fn authorize(&self, request: &AuthorizationRequest<'_>) -> Result<Authorization, Fault> {
        let endpoint = self.server.authorize_url.clone().ok_or_else(|| {
            let reason = "the authorization server has no authorization endpoint";
            Fault::new(FaultClass::Configuration, reason)
        })?;
        let client = BasicClient::new(ClientId::new(self.provider.client_id.clone()))
            .set_auth_uri(AuthUrl::from_url(endpoint))
            .set_redirect_uri(RedirectUrl::from_url(request.redirect.clone()));
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let nonce = Nonce::new_random();
        let scopes = self.with_identity(self.asked(request));
        let mut builder = client
            .authorize_url(|| CsrfToken::new(request.state.to_owned()))
            .add_scopes(scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(challenge);
        if scopes.iter().any(|scope| scope == "openid") {
            builder = builder.add_extra_param("nonce", nonce.secret());
        }
        if let Some(login) = request.account.and_then(|account| account.login.as_deref()) {
            builder = builder.add_extra_param("login_hint", login);
        }
        let prompt = self.prompt(request, &scopes);
        if !prompt.is_empty() {
            builder = builder.add_extra_param("prompt", prompt);
        }
        for (name, value) in &self.provider.authorize_parameters {
            // `prompt` is above; a refresh token is no use to somebody who only signs in.
            let elsewhere = name == "prompt" || (name == "access_type" && request.account.is_none());
            if !elsewhere && !RESERVED_PARAMETERS.contains(&name.as_str()) {
                builder = builder.add_extra_param(name, value);
            }
        }
        let (url, _) = builder.url();
        Ok(Authorization {
            url,
            verifier: verifier.into_secret().into(),
            nonce: nonce.secret().as_str().into(),
        })
    }

    fn asked<'r>(&'r self, request: &AuthorizationRequest<'r>) -> &'r [String] {
        match request.account {
            _ if !request.scopes.is_empty() => request.scopes,
            Some(account) => scopes_of(account, self.provider),
            None => &self.provider.scopes,
        }
    }

    /// Scopes, and those by which the server says who consents, where that can be checked. A server of
    /// one's own may not know `email` and `profile`, and refuse what it does not know.
    pub(crate) fn with_identity(&self, scopes: &[String]) -> Vec<String> {
        let identity: &[&str] = match self.provider.preset {
            _ if !self.server.openid => &[],
            Preset::Microsoft | Preset::Google => &["openid", "email", "profile"],
            Preset::Custom => &["openid"],
        };
        let lacking = identity.iter().filter(|name| !scopes.iter().any(|scope| scope == *name));
        scopes.iter().cloned().chain(lacking.map(|name| (*name).to_owned())).collect()
    }

    /// What the server must ask the person, whoever is signed in there (OpenID Connect Core 1.0
    /// section 3.1.2.1).
    ///
    /// Offline access needs `consent` (section 11), except at Microsoft, which takes one word and would
    /// ask each person for a consent that an administrator has given for all. At a server that may not
    /// heed `login_hint`, whoever is signed in must not be taken for the person who is expected.
    fn prompt(&self, request: &AuthorizationRequest<'_>, scopes: &[String]) -> String {
        let microsoft = self.provider.preset == Preset::Microsoft;
        let mut words: Vec<&str> = Vec::new();
        if request.another_user {
            words.push(self.other_person());
        }
        if let Some(account) = request.account {
            if self.provider.preset == Preset::Custom && account.login.is_some() {
                words.push("login");
            }
            let configured = self.provider.authorize_parameters.get("prompt");
            words.extend(configured.iter().flat_map(|words| words.split_whitespace()));
            if scopes.iter().any(|scope| scope == "offline_access") && !microsoft {
                words.push("consent");
            }
        }
        if microsoft {
            words.truncate(1);
        }
        let mut prompt: Vec<&str> = Vec::new();
        for word in words {
            if !prompt.contains(&word) {
                prompt.push(word);
            }
        }
        prompt.join(" ")
    }

    /// How a server is told to let somebody else sign in.
    fn other_person(&self) -> &'static str {
        match self.provider.preset {
            Preset::Microsoft | Preset::Google => "select_account",
            Preset::Custom => "login",
        }
    }
}
