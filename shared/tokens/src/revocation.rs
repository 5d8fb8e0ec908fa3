//! The end of a token set's life by somebody's wish.

use crate::{Error, Tokens, lease::Hold};
use jiff::Timestamp;
use postroom_model::{AccountId, Fault};
use postroom_oauth::Revocation;

/// What became of an authorization that was to be revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// The authorization server revoked it, and it is forgotten here.
    AtServer,
    /// The server offers no revocation; it is forgotten here.
    OnlyHere,
    /// There was no token set.
    Nothing,
    /// The server did not do it; nothing was forgotten, so that it can be tried again.
    Refused(Fault),
}

impl Tokens {
    /// Revokes an account's authorization: at the server where it offers that (RFC 7009), then here.
    ///
    /// # Errors
    /// [`Error`]; the call may then be repeated.
    pub async fn revoke(&self, id: &AccountId, until: Timestamp) -> Result<Revoked, Error> {
        let hold = self.hold(id, until).await?;
        let revoked = self.revoke_held(&hold).await;
        if !matches!(revoked, Ok(Revoked::AtServer | Revoked::OnlyHere)) {
            self.let_go(&hold).await;
        }
        revoked
    }

    async fn revoke_held(&self, hold: &Hold) -> Result<Revoked, Error> {
        let account = self.0.registry.account(&hold.id).await?;
        let account = account.ok_or_else(|| Error::NoAccount(hold.id.clone()))?;
        let journaled = match &hold.status.journal {
            // What lies in the journal is the newest, and what must be revoked.
            Some(sealed) => Some(self.0.sealer.open(&hold.id, sealed).await?),
            None => None,
        };
        let Some(tokens) = journaled.or(self.0.vault.token_set(&hold.id).await?) else {
            return Ok(Revoked::Nothing);
        };
        let registration = self.registration(&account.provider).await?;
        let revoked = match registration.client().revoke(&tokens, self.now()).await {
            Ok(Revocation::Revoked) => Revoked::AtServer,
            Ok(Revocation::NotOffered) => Revoked::OnlyHere,
            Err(fault) => return Ok(Revoked::Refused(fault)),
        };
        self.0.vault.delete_token_set(&hold.id).await?;
        self.0.registry.forget_tokens(&hold.id, hold.fence()).await?;
        Ok(revoked)
    }
}
