//! The end of a token set's life by somebody's wish.

use crate::{Error, Tokens, journal, lease::Hold};
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
    /// The server did not do it, or cannot be talked to; nothing was forgotten, so that it can be tried again.
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
        if !matches!(revoked, Ok(Revoked::AtServer | Revoked::OnlyHere | Revoked::Nothing)) {
            self.let_go(&hold).await;
        }
        revoked
    }

    /// Forgets an account's token set without a word to the server, as before its deletion.
    ///
    /// # Errors
    /// [`Error`]; the call may then be repeated.
    pub async fn forget(&self, id: &AccountId, until: Timestamp) -> Result<(), Error> {
        let hold = self.hold(id, until).await?;
        let forgotten = self.forget_held(&hold).await;
        if forgotten.is_err() {
            self.let_go(&hold).await;
        }
        forgotten
    }

    /// The journal first, so that nobody finishes what is to be forgotten; the lease is given back.
    async fn forget_held(&self, hold: &Hold) -> Result<(), Error> {
        self.0.registry.clear_journal(&hold.id, hold.fence()).await?;
        self.0.vault.delete_token_set(&hold.id).await?;
        self.0.registry.forget_tokens(&hold.id, hold.fence()).await?;
        Ok(())
    }

    async fn revoke_held(&self, hold: &Hold) -> Result<Revoked, Error> {
        let account = self.account(&hold.id).await?;
        let journaled = match &hold.status.journal {
            Some(text) => self.0.sealer.open(&hold.id, journal::parts(text).1).await.ok(),
            None => None,
        };
        let stored = match self.0.vault.token_set(&hold.id).await {
            // What nobody can read, nobody can use.
            Err(postroom_vault::Error::Unreadable { .. }) => None,
            stored => stored?,
        };
        let newest = journaled.into_iter().chain(stored).max_by_key(|tokens| tokens.obtained_at);
        let Some(tokens) = newest else {
            self.forget_held(hold).await?;
            return Ok(Revoked::Nothing);
        };
        if !tokens.is_of(&account.provider) {
            // Another server must not see them.
            self.forget_held(hold).await?;
            return Ok(Revoked::OnlyHere);
        }
        let registration = match self.registration(&account.provider).await {
            Ok(registration) => registration,
            // Perhaps the registration is being taken down, and its secret went first.
            Err(Error::Server(fault)) => return Ok(Revoked::Refused(fault)),
            Err(error) => return Err(error),
        };
        let revoked = match registration.client().revoke(&tokens, self.now()).await {
            Ok(Revocation::Revoked) => Revoked::AtServer,
            Ok(Revocation::NotOffered) => Revoked::OnlyHere,
            Err(fault) => return Ok(Revoked::Refused(fault)),
        };
        self.forget_held(hold).await?;
        Ok(revoked)
    }
}
