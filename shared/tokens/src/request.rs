//! One request to an authorization server, by the account's grant.

use crate::{Error, Outcome, Registration, Tokens, later, lease::Hold};
use jiff::SignedDuration;
use postroom_model::{Account, Fault, FaultClass, Grant, TokenSet};
use postroom_oauth::{Client, scopes_of};
use postroom_registry::TokenRecord;
use secrecy::ExposeSecret;

/// How often a service account's key is tried, so that one that stopped working is noticed.
const TRY_OUT: SignedDuration = SignedDuration::from_hours(24);

impl Tokens {
    /// One request to the authorization server, by the account's grant.
    pub(crate) async fn ask(
        &self,
        client: &Client<'_>,
        account: &Account,
        scopes: &[String],
        current: Option<&TokenSet>,
    ) -> Result<TokenSet, Fault> {
        let now = self.now();
        let missing =
            |what: &str| Fault::new(FaultClass::Configuration, format!("account {}: {what}", account.id));
        match account.grant {
            Grant::AuthorizationCode | Grant::DeviceCode => {
                let ended = |what: &str| Fault::new(FaultClass::AuthorizationEnded, what);
                let current = current.ok_or_else(|| ended("the account is not authorised"))?;
                if !current.is_of(&account.provider) {
                    // Another server must not see it.
                    return Err(ended("the account has another provider since it was authorised"));
                }
                let refresh_token = current.refresh_token.as_ref();
                let refresh_token = refresh_token
                    .ok_or_else(|| ended("the access token ended, and the server gave no refresh token"))?;
                let mut tokens = client.refresh(refresh_token, scopes, now).await?;
                if tokens.refresh_expires_at.is_none() && same_refresh_token(&tokens, current) {
                    tokens.refresh_expires_at = current.refresh_expires_at;
                }
                // RFC 6749 section 5.1: an answer without a scope means the one that was granted before.
                tokens.scope = tokens.scope.or_else(|| current.scope.clone());
                Ok(tokens)
            }
            Grant::ClientCredentials => client.client_credentials(scopes, now).await,
            Grant::ServiceAccount => {
                let user = account.login.as_deref();
                let user = user.ok_or_else(|| {
                    missing("a service account is tried with its \"login\", and it has none")
                })?;
                client.service_account(user, scopes, now).await
            }
            Grant::Password => {
                let user = account.login.as_deref();
                let user = user.ok_or_else(|| missing("the password grant needs a \"login\""))?;
                let password = self.0.vault.account_password(&account.id).await;
                let password = password.map_err(|error| Error::from(error).fault())?;
                let password = password.ok_or_else(|| self.0.vault.no_account_password(&account.id))?;
                client.password(user, &password, scopes, now).await
            }
        }
    }

    /// Asks for a service account's token to learn whether its key still works. Nobody keeps the token.
    pub(crate) async fn try_out(
        &self,
        hold: &Hold,
        account: &Account,
        registration: &Registration,
    ) -> Result<Outcome, Error> {
        let Registration { provider, .. } = registration;
        match self.ask(&registration.client(), account, scopes_of(account, provider), None).await {
            Ok(tokens) => {
                let due_at = Some(later(self.now(), TRY_OUT));
                let record = self.record_of(account, provider, &hold.status, &tokens, None);
                self.record(hold, &TokenRecord { due_at, access_expires_at: None, ..record }).await?;
                self.close_incident(account).await;
                Ok(Outcome::Refreshed(tokens))
            }
            Err(fault) => self.refused(hold, account, fault).await,
        }
    }
}

/// The set with the provider on it that it comes from.
pub(crate) fn issued_by(tokens: TokenSet, account: &Account) -> TokenSet {
    TokenSet { issued_by: Some(account.provider.clone()), ..tokens }
}

fn same_refresh_token(one: &TokenSet, other: &TokenSet) -> bool {
    let text = |tokens: &TokenSet| tokens.refresh_token.as_ref().map(|t| t.expose_secret().to_owned());
    text(one) == text(other)
}
