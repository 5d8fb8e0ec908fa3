//! One renewal: decide, ask, keep.

use crate::{
    Demand, Error, Outcome, Tokens,
    custody::{Issued, Kept},
    later,
    lease::{Hold, Pauses},
    refusal::{RETRY_STORAGE, at_rest},
    request::issued_by,
};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{Account, AccountId, Fault, FaultClass, Grant, ProviderId, TokenSet};
use postroom_oauth::scopes_of;
use postroom_vault::Version;
use secrecy::{ExposeSecret, SecretString};

/// An access token that ends sooner is not handed out any more.
const LEAST_LIFE: SignedDuration = SignedDuration::from_secs(60);
/// A token set that is younger is not renewed because a mail server refuses it: a new one would be
/// refused too.
const LEAST_AGE: SignedDuration = SignedDuration::from_mins(10);
/// The longest that a request to the authorization server, with discovery before it, may take.
const REQUEST: SignedDuration = SignedDuration::from_secs(45);
/// How long the vault may lag behind what is on record before it counts as what somebody made of it.
const VAULT_LAG: SignedDuration = SignedDuration::from_mins(2);

impl Tokens {
    /// Renews an account's token set, if that is due or needed. Waits no longer than `until` for
    /// somebody else who does the same.
    ///
    /// # Errors
    /// [`Error`], when it could not even be tried, or what came of it not be written down. What was
    /// issued is in the journal then.
    pub async fn renew(&self, id: &AccountId, demand: Demand, until: Timestamp) -> Result<Outcome, Error> {
        self.renew_of(id, None, demand, until).await
    }

    /// The same, for somebody who has read which provider the account is at.
    pub(crate) async fn renew_of(
        &self,
        id: &AccountId,
        provider: Option<&ProviderId>,
        demand: Demand,
        until: Timestamp,
    ) -> Result<Outcome, Error> {
        let (tokens, id, provider) = (self.clone(), id.clone(), provider.cloned());
        let guard = self.0.under_way.clone().read_owned().await;
        // A task of its own: a caller that is cancelled must not take an issued token set with it.
        let work = tokio::spawn(async move {
            let _guard = guard;
            tokens.renew_uncancelled(&id, provider, &demand, until).await
        });
        work.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    async fn renew_uncancelled(
        &self,
        id: &AccountId,
        provider: Option<ProviderId>,
        demand: &Demand,
        until: Timestamp,
    ) -> Result<Outcome, Error> {
        let provider = match (provider, demand) {
            (None, Demand::Stale { .. }) => Some(self.account(id).await?.provider),
            (provider, _) => provider,
        };
        let mut pauses = Pauses::default();
        loop {
            if let (Demand::Stale { refused }, Some(provider)) = (demand, &provider)
                && let Some(outcome) = self.known(id, provider, refused.as_ref()).await?
            {
                return Ok(outcome);
            }
            if let Some(hold) = self.try_hold(id).await? {
                match self.renew_held(&hold, demand, until).await {
                    Ok(Some(outcome)) => return Ok(outcome),
                    // An earlier run's set was stale by the time it was found.
                    Ok(None) => continue,
                    Err(error) => {
                        self.give_up(&hold, &error).await;
                        return Err(error);
                    }
                }
            }
            if !pauses.wait(self.now(), until).await {
                let fault = Error::Busy(id.clone()).fault();
                return Ok(Outcome::Transient { fault, retry_at: self.now() });
            }
        }
    }

    /// What there is to say without the lease, which thousands of mailboxes may want at once: the present set
    /// is good, or what came of the last renewal still holds.
    async fn known(
        &self,
        id: &AccountId,
        provider: &ProviderId,
        refused: Option<&SecretString>,
    ) -> Result<Option<Outcome>, Error> {
        let current = self.0.vault.token_set_version(id).await?.map(|(_, tokens)| tokens);
        let current = current.filter(|tokens| tokens.is_of(provider));
        if let Some(tokens) = current.as_ref().filter(|tokens| self.is_good(tokens, refused)) {
            return Ok(Some(Outcome::NotDue(tokens.clone())));
        }
        let status = self.0.registry.account_status(id).await?;
        let is_finished = status.journal.is_none();
        Ok(at_rest(&status, current.as_ref(), self.now()).filter(|_| is_finished))
    }

    /// Renews under the lease, which is given back on every way out but an error.
    async fn renew_held(
        &self,
        hold: &Hold,
        demand: &Demand,
        until: Timestamp,
    ) -> Result<Option<Outcome>, Error> {
        let account = self.account(&hold.id).await?;
        let provider = self.0.registry.provider(&account.provider).await?;
        let provider = provider.ok_or_else(|| Error::NoProvider(account.provider.clone()))?;
        // What another provider gave the account before it moved counts for nothing.
        let is_good =
            |tokens: &TokenSet| tokens.is_of(&account.provider) && self.is_good(tokens, refused(demand));
        if let Some(tokens) = self.finish_journal(hold, &account, &provider).await? {
            return Ok(is_good(&tokens).then_some(Outcome::Refreshed(tokens)));
        }
        let current = self.0.vault.token_set_version(&hold.id).await?;
        let is_due = hold.status.due_at.is_some_and(|due| due <= self.now());
        if let Some((_, tokens)) = &current {
            let recorded = hold.status.obtained_at.map(Timestamp::as_second);
            if recorded < Some(tokens.obtained_at.as_second()) && is_good(tokens) {
                // Put there by somebody's hand: it counts, and is on record from now on.
                self.record(hold, &self.record_of(&account, &provider, &hold.status, tokens, None)).await?;
                return Ok(Some(Outcome::ChangedUnderneath(tokens.clone())));
            }
            let is_due = match demand {
                Demand::Due => is_due,
                Demand::Stale { .. } => !is_good(tokens),
            };
            if !is_due {
                self.let_go(hold).await;
                return Ok(Some(Outcome::NotDue(tokens.clone())));
            }
        }
        let present = current.as_ref().map(|(_, tokens)| tokens);
        let of_provider = present.filter(|tokens| tokens.is_of(&account.provider));
        let rest = at_rest(&hold.status, of_provider, self.now());
        if let Some(outcome) = rest.or_else(|| self.not_now(hold, &account, present, until)) {
            self.let_go(hold).await;
            return Ok(Some(outcome));
        }
        self.ask_and_keep(hold, &account, current, until).await.map(Some)
    }

    /// Why nothing is to be asked of the server at this moment, though it would be time.
    fn not_now(
        &self,
        hold: &Hold,
        account: &Account,
        current: Option<&TokenSet>,
        until: Timestamp,
    ) -> Option<Outcome> {
        let now = self.now();
        let is_kept = account.grant != Grant::ServiceAccount;
        let lease_ends = hold.status.lease.as_ref().map_or(now, |lease| lease.until);
        let recorded = hold.status.obtained_at;
        let reason = if now > until || later(now, REQUEST) > lease_ends {
            // Perhaps the process was frozen. Somebody else may hold the account before the answer came.
            "there is no time left for a request to the authorization server"
        } else if is_kept && recorded.is_some_and(|at| now < later(at, VAULT_LAG) && is_older(current, at)) {
            // To ask with a refresh token that was spent just now would end the authorization.
            "the vault does not have the latest token set yet"
        } else {
            return None;
        };
        let retry_at = later(now, RETRY_STORAGE);
        Some(Outcome::Transient { fault: Fault::new(FaultClass::Storage, reason), retry_at })
    }

    async fn ask_and_keep(
        &self,
        hold: &Hold,
        account: &Account,
        current: Option<(Version, TokenSet)>,
        until: Timestamp,
    ) -> Result<Outcome, Error> {
        let registration = match self.registration(&account.provider).await {
            Ok(registration) => registration,
            Err(Error::Server(fault)) => {
                if fault.class == FaultClass::Configuration {
                    self.open_incident(hold, account, &fault).await?;
                }
                return self.refused(hold, account, fault).await;
            }
            Err(error) => return Err(error),
        };
        if account.grant == Grant::ServiceAccount {
            return self.try_out(hold, account, &registration).await;
        }
        let key = self.0.sealer.prepare(&hold.id).await?;
        let (seen, tokens) = current.unzip();
        let spent = tokens.as_ref().and_then(|tokens| tokens.refresh_token.clone());
        let client = registration.client();
        let asked = self.ask(&client, account, scopes_of(account, &registration.provider), tokens.as_ref());
        let issued = match asked.await {
            Ok(tokens) => Issued { tokens: issued_by(tokens, account), spent, seen, key },
            Err(fault) => {
                // Somebody else may have renewed it: only what is still there is dead.
                let again = self.0.vault.token_set_version(&hold.id).await?;
                return match again {
                    Some((version, tokens))
                        if Some(&version) != seen.as_ref() && tokens.is_of(&account.provider) =>
                    {
                        let record =
                            self.record_of(account, &registration.provider, &hold.status, &tokens, None);
                        self.record(hold, &record).await?;
                        Ok(Outcome::ChangedUnderneath(tokens))
                    }
                    _ => self.refused(hold, account, fault).await,
                };
            }
        };
        let kept = match self.keep(hold, &issued, until).await {
            Ok(kept) => kept,
            Err(error) => return self.refused(hold, account, error.fault()).await,
        };
        let tokens = match kept {
            Kept::Current => Some(issued.tokens),
            Kept::Late => self.0.vault.token_set(&hold.id).await?,
        };
        let tokens = tokens.ok_or_else(|| Error::NoAccount(hold.id.clone()))?;
        self.record(hold, &self.record_of(account, &registration.provider, &hold.status, &tokens, None))
            .await?;
        self.close_incident(account).await;
        Ok(match kept {
            Kept::Current => Outcome::Refreshed(tokens),
            Kept::Late => Outcome::ChangedUnderneath(tokens),
        })
    }

    /// The account, which must be there.
    pub(crate) async fn account(&self, id: &AccountId) -> Result<Account, Error> {
        self.0.registry.account(id).await?.ok_or_else(|| Error::NoAccount(id.clone()))
    }

    /// Whether a token set of the account's provider can be used now, by somebody to whom `refused` was refused.
    fn is_good(&self, tokens: &TokenSet, refused: Option<&SecretString>) -> bool {
        let now = self.now();
        let lives = tokens.expires_at.is_none_or(|end| later(now, LEAST_LIFE) < end);
        let is_refused = refused.is_some_and(|r| r.expose_secret() == tokens.access_token.expose_secret());
        lives && (!is_refused || now < later(tokens.obtained_at, LEAST_AGE))
    }
}

fn refused(demand: &Demand) -> Option<&SecretString> {
    match demand {
        Demand::Stale { refused } => refused.as_ref(),
        Demand::Due => None,
    }
}

/// Whether what the vault has was obtained before `at`. Times are kept in whole seconds.
fn is_older(current: Option<&TokenSet>, at: Timestamp) -> bool {
    current.is_none_or(|tokens| tokens.obtained_at.as_second() < at.as_second())
}
