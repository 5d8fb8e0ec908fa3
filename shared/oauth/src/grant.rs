//! Grants: the requests by which tokens are obtained and renewed.

use crate::{
    assertion,
    client::Client,
    exchange::{Exchange, answer},
    http::HttpAnswer,
    microsoft, refusal,
};
use jiff::Timestamp;
use oauth2::{
    AuthorizationCode, PkceCodeVerifier, RedirectUrl, RefreshToken, ResourceOwnerPassword,
    ResourceOwnerUsername, Scope,
};
use postroom_model::{ClientSecret, Fault, FaultClass, Preset, TokenSet};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::borrow::Cow;
use url::Url;

/// The grant of signed assertions (RFC 7523 section 2.1).
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What a token endpoint gave after a person's consent. `Debug` is safe to print.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The tokens.
    pub tokens: TokenSet,
    /// Who consented, unchecked: see [`Client::identity`].
    pub id_token: Option<SecretString>,
}

impl Client<'_> {
    /// Redeems an authorization code (RFC 6749 section 4.1.3, RFC 7636 section 4.5). `redirect` is
    /// the one of the authorization request.
    ///
    /// # Errors
    /// A [`Fault`], when there are no tokens in the answer, or no answer.
    pub async fn redeem(
        &self,
        code: &SecretString,
        verifier: &SecretString,
        redirect: &Url,
        now: Timestamp,
    ) -> Result<Answer, Fault> {
        let (client, proof) = self.token_client(now)?;
        let mut request = client
            .exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()))
            .set_redirect_uri(Cow::Owned(RedirectUrl::from_url(redirect.clone())));
        for (name, value) in proof {
            request = request.add_extra_param(name, value);
        }
        consented(&answer(request.request_async(&Exchange(self.http)).await)?, now)
    }

    /// Renews tokens (RFC 6749 section 6). The refresh token is kept where the answer has none; how
    /// long that one lives was said, if ever, when it was issued. An id_token is dropped.
    ///
    /// `scopes` are sent to Microsoft, where they choose what the token is for; elsewhere the answer
    /// has what was consented to, whatever is configured meanwhile.
    ///
    /// # Errors
    /// A [`Fault`], when there are no tokens in the answer, or no answer.
    pub async fn refresh(
        &self,
        refresh_token: &SecretString,
        scopes: &[String],
        now: Timestamp,
    ) -> Result<TokenSet, Fault> {
        let (client, proof) = self.token_client(now)?;
        let token = RefreshToken::new(refresh_token.expose_secret().to_owned());
        let mut request = client.exchange_refresh_token(&token);
        if self.provider.preset == Preset::Microsoft {
            request = request.add_scopes(scopes.iter().cloned().map(Scope::new));
        }
        for (name, value) in proof {
            request = request.add_extra_param(name, value);
        }
        let mut tokens = tokens(&answer(request.request_async(&Exchange(self.http)).await)?, now)?;
        tokens.refresh_token.get_or_insert_with(|| refresh_token.clone());
        Ok(tokens)
    }

    /// Asks for tokens of the app's own right (RFC 6749 section 4.4).
    ///
    /// # Errors
    /// A [`Fault`], when there are no tokens in the answer, or no answer; without a request where
    /// Microsoft would refuse it in words that tell less.
    pub async fn client_credentials(&self, scopes: &[String], now: Timestamp) -> Result<TokenSet, Fault> {
        self.check_app_only(scopes)?;
        let (client, proof) = self.token_client(now)?;
        let mut request =
            client.exchange_client_credentials().add_scopes(scopes.iter().cloned().map(Scope::new));
        for (name, value) in proof {
            request = request.add_extra_param(name, value);
        }
        let answer = answer(request.request_async(&Exchange(self.http)).await)?;
        tokens(&answer, now).map_err(|fault| in_place_of_an_end(fault, FaultClass::AppRegistration))
    }

    /// What is wrong with a request of the app's own right, as far as it can be known beforehand.
    fn check_app_only(&self, scopes: &[String]) -> Result<(), Fault> {
        if self.provider.preset != Preset::Microsoft {
            return Ok(());
        }
        let refused = |reason| Err(Fault::new(FaultClass::AppRegistration, reason));
        if scopes.is_empty() || !scopes.iter().all(|scope| scope.ends_with("/.default")) {
            let right = microsoft::app_only_scope(self.provider.cloud);
            refused(format!("client credentials with a delegated scope: ask for {right:?} and nothing else"))
        } else if self.provider.is_shared_directory() {
            let tenant = microsoft::tenant(self.provider).unwrap_or_default();
            refused(format!("client credentials need the directory's id or domain; {tenant:?} is neither"))
        } else {
            Ok(())
        }
    }

    /// Asks for tokens for `subject`, a mailbox that the service account may open by domain-wide
    /// delegation (RFC 7523 section 2.1).
    ///
    /// # Errors
    /// A [`Fault`], when there are no tokens in the answer, or no answer.
    pub async fn service_account(
        &self,
        subject: &str,
        scopes: &[String],
        now: Timestamp,
    ) -> Result<TokenSet, Fault> {
        let Some(ClientSecret::ServiceAccount { email, key_id, key }) = self.secret else {
            let reason = "the service account's key is not in the vault: apply it again";
            return Err(Fault::new(FaultClass::Configuration, reason));
        };
        let url = &self.server.token_url;
        let request = (subject, scopes);
        let assertion = assertion::of_service_account(email, key_id, key, request, url.as_str(), now)?;
        // The assertion is all the proof there is: a service account has no client.
        let form = [("grant_type", JWT_BEARER), ("assertion", assertion.expose_secret())];
        let answer = self.http.post(url, None, &form).await?;
        tokens(&answer, now).map_err(|fault| in_place_of_an_end(fault, FaultClass::AppRegistration))
    }

    /// Asks for tokens with a person's password (RFC 6749 section 4.3), for old servers only: RFC 9700
    /// section 2.4 forbids it.
    ///
    /// # Errors
    /// A [`Fault`], when there are no tokens in the answer, or no answer; without a request where the
    /// provider does not allow this grant.
    pub async fn password(
        &self,
        user: &str,
        password: &SecretString,
        scopes: &[String],
        now: Timestamp,
    ) -> Result<TokenSet, Fault> {
        if !self.provider.allow_password_grant {
            let reason = "the provider does not allow passwords: set allow_password_grant, or another grant";
            return Err(Fault::new(FaultClass::Configuration, reason));
        }
        let (client, proof) = self.token_client(now)?;
        let user = ResourceOwnerUsername::new(user.to_owned());
        let password = ResourceOwnerPassword::new(password.expose_secret().to_owned());
        let mut request =
            client.exchange_password(&user, &password).add_scopes(scopes.iter().cloned().map(Scope::new));
        for (name, value) in proof {
            request = request.add_extra_param(name, value);
        }
        let answer = answer(request.request_async(&Exchange(self.http)).await)?;
        tokens(&answer, now).map_err(|fault| in_place_of_an_end(fault, FaultClass::PasswordRefused))
    }
}

/// Where nobody consented, no authorization can have ended: `invalid_grant` means that what was sent
/// instead is wrong (RFC 6749 section 5.2, RFC 7521 section 4.1.1).
fn in_place_of_an_end(mut fault: Fault, class: FaultClass) -> Fault {
    if fault.class == FaultClass::AuthorizationEnded {
        fault.class = class;
    }
    fault
}

/// The tokens and the id_token in an answer.
pub(crate) fn consented(answer: &HttpAnswer, now: Timestamp) -> Result<Answer, Fault> {
    #[derive(Deserialize)]
    struct Identified {
        id_token: Option<SecretString>,
    }
    let tokens = tokens(answer, now)?;
    let identified = serde_json::from_str(answer.body());
    Ok(Answer { tokens, id_token: identified.ok().and_then(|Identified { id_token }| id_token) })
}

/// The tokens in an answer.
fn tokens(answer: &HttpAnswer, now: Timestamp) -> Result<TokenSet, Fault> {
    if !answer.is_success() {
        return Err(refusal::classify(answer.status, answer.body(), answer.retry_after));
    }
    // Some servers refuse with status 200; others answer a page while they are down.
    TokenSet::from_response(answer.body(), now)
        .map_err(|why| refusal::of_success(answer.status, answer.body(), &why))
}
