//! A token set that a person's consent brought.

use crate::{
    Error, Tokens,
    custody::{Issued, Kept},
    journal,
    lease::Hold,
    request::issued_by,
};
use jiff::Timestamp;
use postroom_model::{AccountId, Expiry, TokenSet};

/// Who consented, and when.
#[derive(Debug, Clone)]
pub struct Consent {
    /// When.
    pub at: Timestamp,
    /// Who, as the authorization server names that person.
    pub identity: Option<String>,
}

/// A token set that now counts.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The set, in the vault.
    pub tokens: TokenSet,
    /// When the authorization ends unless something is done, and why then.
    pub ends: Option<Expiry>,
    /// Scopes that were asked for and not granted.
    pub missing_scopes: Vec<String>,
}

impl Tokens {
    /// Keeps the token set that a consent brought; what was wrong with the account before is over.
    /// Where the server gave no refresh token, the one before stays valid and is kept (RFC 6749
    /// section 6), if it is the same person's at the same provider. Waits until `until` for whoever changes the account's token set now.
    ///
    /// # Errors
    /// [`Error`]. Once the set is in the journal, it is not lost by one.
    pub async fn accept(
        &self,
        id: &AccountId,
        tokens: TokenSet,
        consent: Consent,
        until: Timestamp,
    ) -> Result<Accepted, Error> {
        let (this, id) = (self.clone(), id.clone());
        let guard = self.0.under_way.clone().read_owned().await;
        let work = tokio::spawn(async move {
            let _guard = guard;
            let hold = this.hold(&id, until).await?;
            let accepted = this.accept_held(&hold, tokens, consent, until).await;
            if accepted.is_err() {
                this.let_go(&hold).await;
            }
            accepted
        });
        work.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    async fn accept_held(
        &self,
        hold: &Hold,
        tokens: TokenSet,
        consent: Consent,
        until: Timestamp,
    ) -> Result<Accepted, Error> {
        let account = self.account(&hold.id).await?;
        let provider = self.0.registry.provider(&account.provider).await?;
        let provider = provider.ok_or_else(|| Error::NoProvider(account.provider.clone()))?;
        let mut tokens = issued_by(tokens, &account);
        // Another person's or another server's refresh token would undo the consent at its first use.
        let same_person = match (&consent.identity, &hold.status.identity) {
            (Some(now), Some(before)) => now == before,
            _ => true,
        };
        let is_kept = |before: &TokenSet| same_person && before.is_of(&account.provider);
        // A person's consent takes the place of what lies in the journal.
        let journaled = match &hold.status.journal {
            Some(text) if tokens.refresh_token.is_none() => {
                match self.0.sealer.open(&hold.id, journal::parts(text).1).await {
                    Err(postroom_vault::Error::Unsealable { .. }) => None,
                    opened => Some(opened?),
                }
            }
            _ => None,
        };
        loop {
            let current = match self.0.vault.token_set_version(&hold.id).await {
                Err(postroom_vault::Error::Unreadable { .. }) => None,
                current => current?,
            };
            let (seen, before) = current.unzip();
            if tokens.refresh_token.is_none()
                && let Some(before) = journaled.clone().or(before).filter(is_kept)
            {
                tokens.refresh_token = before.refresh_token;
                tokens.refresh_expires_at = before.refresh_expires_at;
            }
            let key = self.0.sealer.prepare(&hold.id).await?;
            let issued = Issued { tokens, spent: None, seen, key };
            let kept = self.keep(hold, &issued, until).await?;
            tokens = issued.tokens;
            if let Kept::Current = kept {
                break;
            }
        }
        let record =
            self.record_of(&account, &provider, &hold.status, &tokens, Some((consent.at, consent.identity)));
        self.record(hold, &record).await?;
        self.close_incident(&account).await;
        Ok(Accepted { tokens, ends: record.ends, missing_scopes: record.missing_scopes })
    }
}
