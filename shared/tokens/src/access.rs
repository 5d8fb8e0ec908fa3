//! What a mailbox signs in with now.

use crate::{Demand, Tokens};
use jiff::Timestamp;
use postroom_model::{AccountId, Fault, FaultClass, Grant, TokenSet};
use postroom_oauth::scopes_of;
use secrecy::SecretString;

/// A token set that opens a mailbox now.
#[derive(Debug, Clone)]
pub struct Access {
    /// The token set.
    pub tokens: TokenSet,
    /// Whether it opens every mailbox of the account; `false`: only that of the user it was asked for.
    pub shared: bool,
}

impl Tokens {
    /// What a mailbox of `user` signs in with now: the account's token set, renewed first if it is
    /// stale or is the one that was `refused`; for a service account a token of the user's own, which
    /// nobody keeps, because the next one is had by asking (RFC 7523). It is the present provider's: what
    /// another gave the account before it moved opens mailboxes there, and is nobody else's to see.
    ///
    /// # Errors
    /// The fault; nothing that was issued is lost by it.
    pub async fn access(
        &self,
        id: &AccountId,
        user: &str,
        refused: Option<&SecretString>,
        until: Timestamp,
    ) -> Result<Access, Fault> {
        let account = self.account(id).await.map_err(|error| error.fault())?;
        if account.grant == Grant::ServiceAccount {
            let registration = self.registration(&account.provider).await.map_err(|error| error.fault())?;
            let scopes = scopes_of(&account, &registration.provider);
            let tokens = registration.client().service_account(user, scopes, self.now()).await?;
            return Ok(Access { tokens, shared: false });
        }
        let demand = Demand::Stale { refused: refused.cloned() };
        let outcome = self.renew_of(id, Some(&account.provider), demand, until).await;
        let tokens = outcome.map_err(|error| error.fault())?.tokens()?;
        if !tokens.is_of(&account.provider) {
            // Somebody put it into the vault while the account moved.
            let reason = "the token set in the vault is another provider's";
            return Err(Fault::new(FaultClass::TemporarilyUnavailable, reason));
        }
        Ok(Access { tokens, shared: true })
    }
}
