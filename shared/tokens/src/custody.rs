//! Making an issued token set durable: journal, vault, record.

use crate::{
    Error, Tokens, journal,
    lease::{Hold, Pauses},
};
use jiff::Timestamp;
use postroom_model::{Account, Provider, TokenSet};
use postroom_registry::TokenRecord;
use postroom_vault::{Replaced, SealingKey, Version};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// How often the record of what is durable already is tried; after that the journal stays for the next.
const RECORD_ATTEMPTS: u32 = 3;

/// A token set that was issued just now.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) tokens: TokenSet,
    /// The refresh token that was spent on it.
    pub(crate) spent: Option<SecretString>,
    /// The version of the vault that it takes the place of.
    pub(crate) seen: Option<Version>,
    /// Made before the tokens were asked for, so that sealing them needs nobody.
    pub(crate) key: SealingKey,
}

impl Issued {
    /// Whether a set has the refresh token that was spent on this one, which has another.
    fn has_spent(&self, current: &TokenSet) -> bool {
        let text = |token: &Option<SecretString>| token.as_ref().map(|t| t.expose_secret().to_owned());
        let spent = text(&self.spent);
        spent.is_some() && spent == text(&current.refresh_token) && spent != text(&self.tokens.refresh_token)
    }
}

/// What became of a token set that was to be kept.
#[derive(Debug)]
pub(crate) enum Kept {
    /// It is the current one.
    Current,
    /// Somebody put another one into the vault meanwhile. This one lies beside it.
    Late,
}

impl Tokens {
    /// Makes an issued token set durable; a failure leaves it in the journal, unless that failed too
    /// until `until`.
    pub(crate) async fn keep(&self, hold: &Hold, issued: &Issued, until: Timestamp) -> Result<Kept, Error> {
        let sealed = issued.key.seal(&issued.tokens);
        let journal = journal::text(issued.seen.as_ref(), &sealed);
        let mut journaled = self.journal(hold, &journal).await;
        let mut pauses = Pauses::default();
        let mut seen = issued.seen.clone();
        loop {
            let error = match self.put(hold, seen.as_ref(), &issued.tokens, &sealed).await {
                Ok(Kept::Late) => match self.0.vault.token_set_version(&hold.id).await {
                    // Somebody saved the spent refresh token once more: it is worth nothing now.
                    Ok(Some((version, current)))
                        if issued.has_spent(&current) && seen.as_ref() != Some(&version) =>
                    {
                        seen = Some(version);
                        continue;
                    }
                    Ok(_) => return Ok(Kept::Late),
                    Err(error) => error,
                },
                Ok(Kept::Current) => return Ok(Kept::Current),
                Err(error) => error,
            };
            if !journaled {
                journaled = self.journal(hold, &journal).await;
            }
            if !journaled || error.refusal().is_none() {
                tracing::warn!(account = %hold.id, %error, journaled, "an issued token set is not in the vault yet");
            }
            let may_pass = error.is_transient() || !journaled;
            if !may_pass || !pauses.wait(self.now(), until).await {
                return Err(error.into());
            }
        }
    }

    /// Finishes what a holder before began, if it left a journal. `Some`: the set that now counts, on
    /// record and with the lease given back.
    pub(crate) async fn finish_journal(
        &self,
        hold: &Hold,
        account: &Account,
        provider: &Provider,
    ) -> Result<Option<TokenSet>, Error> {
        let Some(journal) = &hold.status.journal else { return Ok(None) };
        let (seen, sealed) = journal::parts(journal);
        let tokens = match self.0.sealer.open(&hold.id, sealed).await {
            Ok(tokens) => tokens,
            Err(error @ postroom_vault::Error::Unsealable { .. }) => {
                // It stays where it is until a newer set takes its place; nothing better is known.
                tracing::error!(account = %hold.id, %error, "a journaled token set cannot be opened");
                return Ok(None);
            }
            // It may be opened once KMS lets us. To ask with what is in the vault would use an old refresh
            // token again, which ends the authorization at a strict server.
            Err(error) => return Err(error.into()),
        };
        tracing::info!(account = %hold.id, "a token set that an earlier run left is put into the vault");
        let tokens = match self.put(hold, seen.as_ref(), &tokens, sealed).await? {
            Kept::Current => tokens,
            Kept::Late => match self.0.vault.token_set(&hold.id).await? {
                Some(current) => current,
                // Somebody deleted the secret meanwhile; what was issued is kept all the same.
                None => match self.put(hold, None, &tokens, sealed).await? {
                    Kept::Current => tokens,
                    Kept::Late => return Ok(None),
                },
            },
        };
        let first = hold.status.authorised_at.is_none() && account.grant.needs_consent();
        let consent = first.then_some((tokens.obtained_at, None));
        self.record(hold, &self.record_of(account, provider, &hold.status, &tokens, consent)).await?;
        self.close_incident(account).await;
        Ok(Some(tokens))
    }

    /// Puts a token set on record; the lease is given back with it.
    pub(crate) async fn record(&self, hold: &Hold, record: &TokenRecord) -> Result<(), Error> {
        let mut pauses = Pauses::default();
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.0.registry.record_tokens(&hold.id, hold.fence(), record).await {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    tracing::warn!(account = %hold.id, "the account's lease ended before its token set was on record");
                    return Ok(());
                }
                Err(error) if error.is_transient() && attempts < RECORD_ATTEMPTS => {
                    pauses.wait(self.now(), Timestamp::MAX).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn journal(&self, hold: &Hold, journal: &str) -> bool {
        match self.0.registry.journal_tokens(&hold.id, hold.fence(), journal, self.now()).await {
            Ok(true) => true,
            Ok(false) => {
                tracing::warn!(account = %hold.id, "the account's lease ended before its token set was journaled");
                false
            }
            Err(error) => {
                tracing::warn!(account = %hold.id, %error, "a token set could not be journaled");
                false
            }
        }
    }

    async fn put(
        &self,
        hold: &Hold,
        seen: Option<&Version>,
        tokens: &TokenSet,
        sealed: &str,
    ) -> Result<Kept, postroom_vault::Error> {
        // The same for everyone who puts this very set, so that doing it twice does it once.
        let request: [u8; 32] = Sha256::digest(sealed).into();
        let request: String = request.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(match self.0.vault.replace_token_set(&hold.id, seen, tokens, &request).await? {
            Replaced::Done => Kept::Current,
            Replaced::ChangedUnderneath => Kept::Late,
        })
    }
}
