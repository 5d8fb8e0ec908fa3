//! One renewal: decide, ask, keep.

use crate::{
    Demand, Error, Outcome, Registration, Tokens,
    custody::{Issued, Kept, scopes},
    later,
    lease::{Hold, Pauses},
};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{
    Account, AccountId, AccountStatus, Actor, Fault, FaultClass, Grant, TokenSet, retry_after,
};
use postroom_oauth::Client;
use postroom_registry::TokenRecord;
use postroom_vault::Version;
use secrecy::ExposeSecret;
use std::time::Duration;

/// An access token that ends sooner is not handed out any more.
const LEAST_LIFE: SignedDuration = SignedDuration::from_secs(60);
/// A token set that is younger is not renewed because a mail server refuses it: a new one would be
/// refused too.
const LEAST_AGE: SignedDuration = SignedDuration::from_mins(10);
/// The longest pause of our own choosing: every mailbox of the account waits for its end.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// The longest pause that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 60 * 60);
/// When an authorization is tried again that a directory's administrator may have let in meanwhile.
const RETRY_POLICY: SignedDuration = SignedDuration::from_hours(6);
/// The longest that a request to the authorization server, with discovery before it, may take.
const REQUEST: SignedDuration = SignedDuration::from_secs(45);
/// How long the vault may lag behind what is on record before it counts as what somebody made of it.
const VAULT_LAG: SignedDuration = SignedDuration::from_mins(2);
/// When an account is tried again that cannot even be read.
const RETRY_BROKEN: SignedDuration = SignedDuration::from_mins(15);
/// When an account is tried again after a fault of our own making.
const RETRY_BUG: SignedDuration = SignedDuration::from_hours(24);
/// Failures with [`LONGEST_PAUSE`] between them that fill a day.
const FAILURES_OF_A_DAY: u32 = 96;
/// How often a service account's key is tried, so that one that stopped working is noticed.
const TRY_OUT: SignedDuration = SignedDuration::from_hours(24);
/// When an account is tried again whose token set could not be stored.
const RETRY_STORAGE: SignedDuration = SignedDuration::from_mins(1);

impl Tokens {
    /// Renews an account's token set, if that is due or needed. Waits no longer than `until` for
    /// somebody else who does the same.
    ///
    /// # Errors
    /// [`Error`], when it could not even be tried, or what came of it not be written down. What was
    /// issued is in the journal then.
    pub async fn renew(&self, id: &AccountId, demand: Demand, until: Timestamp) -> Result<Outcome, Error> {
        let (tokens, id) = (self.clone(), id.clone());
        let guard = self.0.under_way.clone().read_owned().await;
        // A task of its own: a caller that is cancelled must not take an issued token set with it.
        let work = tokio::spawn(async move {
            let _guard = guard;
            tokens.renew_uncancelled(&id, &demand, until).await
        });
        work.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    async fn renew_uncancelled(
        &self,
        id: &AccountId,
        demand: &Demand,
        until: Timestamp,
    ) -> Result<Outcome, Error> {
        let mut pauses = Pauses::default();
        loop {
            if let Demand::Stale { refused } = demand
                && let Some((_, tokens)) = self.0.vault.token_set_version(id).await?
                && self.is_good(&tokens, refused.as_ref())
            {
                return Ok(Outcome::NotDue(tokens));
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

    /// Renews under the lease, which is given back on every way out but an error.
    async fn renew_held(
        &self,
        hold: &Hold,
        demand: &Demand,
        until: Timestamp,
    ) -> Result<Option<Outcome>, Error> {
        let account = self.0.registry.account(&hold.id).await?;
        let account = account.ok_or_else(|| Error::NoAccount(hold.id.clone()))?;
        let provider = self.0.registry.provider(&account.provider).await?;
        let provider = provider.ok_or_else(|| Error::NoProvider(account.provider.clone()))?;
        if let Some(tokens) = self.finish_journal(hold, &account, &provider).await? {
            return Ok(self.is_good(&tokens, refused(demand)).then_some(Outcome::Refreshed(tokens)));
        }
        let current = self.0.vault.token_set_version(&hold.id).await?;
        let is_due = hold.status.due_at.is_some_and(|due| due <= self.now());
        if let Some((_, tokens)) = &current {
            let recorded = hold.status.obtained_at.map(Timestamp::as_second);
            if recorded < Some(tokens.obtained_at.as_second()) && self.is_good(tokens, refused(demand)) {
                // Put there by somebody's hand: it counts, and is on record from now on.
                self.record(hold, &self.record_of(&account, &provider, tokens, None)).await?;
                return Ok(Some(Outcome::ChangedUnderneath(tokens.clone())));
            }
            let is_due = match demand {
                Demand::Due => is_due,
                Demand::Stale { refused } => !self.is_good(tokens, refused.as_ref()),
            };
            if !is_due {
                self.let_go(hold).await;
                return Ok(Some(Outcome::NotDue(tokens.clone())));
            }
        }
        let present = current.as_ref().map(|(_, tokens)| tokens);
        let rest = self.at_rest(hold, present);
        if let Some(outcome) = rest.or_else(|| self.not_now(hold, &account, present, until)) {
            self.let_go(hold).await;
            return Ok(Some(outcome));
        }
        self.ask_and_keep(hold, &account, current, until).await.map(Some)
    }

    /// What came of the last renewal, while that still holds and nobody should ask again, however many
    /// mailboxes need the token: a person must act first, or the server is given its rest.
    fn at_rest(&self, hold: &Hold, current: Option<&TokenSet>) -> Option<Outcome> {
        let AccountStatus { fault, failures, due_at, obtained_at, .. } = &hold.status;
        let fault = fault.clone().filter(|_| *failures > 0)?;
        let second = |at: Option<Timestamp>| at.map(Timestamp::as_second);
        if second(current.map(|tokens| tokens.obtained_at)) != second(*obtained_at) {
            return None; // somebody put another set there since
        }
        match (fault.class.actor(), *due_at) {
            (Actor::Owner, None) => Some(Outcome::OwnerMustReauthorise(fault)),
            (Actor::Nobody, Some(retry_at)) if self.now() < retry_at => {
                Some(Outcome::Transient { fault, retry_at })
            }
            (Actor::We, Some(retry_at)) if self.now() < retry_at => Some(Outcome::OperatorMustMend(fault)),
            _ => None,
        }
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
        let asked = self.ask(&client, account, scopes(account, &registration.provider), tokens.as_ref());
        let issued = match asked.await {
            Ok(tokens) => Issued { tokens: issued_by(tokens, account), spent, seen, key },
            Err(fault) => {
                // Somebody else may have renewed it: only what is still there is dead.
                let again = self.0.vault.token_set_version(&hold.id).await?;
                return match again {
                    Some((version, tokens)) if Some(&version) != seen.as_ref() => {
                        let record = self.record_of(account, &registration.provider, &tokens, None);
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
        self.record(hold, &self.record_of(account, &registration.provider, &tokens, None)).await?;
        self.close_incident(account).await;
        Ok(match kept {
            Kept::Current => Outcome::Refreshed(tokens),
            Kept::Late => Outcome::ChangedUnderneath(tokens),
        })
    }

    /// Asks for a service account's token to learn whether its key still works. Nobody keeps the token.
    async fn try_out(
        &self,
        hold: &Hold,
        account: &Account,
        registration: &Registration,
    ) -> Result<Outcome, Error> {
        let Registration { provider, .. } = registration;
        match self.ask(&registration.client(), account, scopes(account, provider), None).await {
            Ok(tokens) => {
                let due_at = Some(later(self.now(), TRY_OUT));
                let record = self.record_of(account, provider, &tokens, None);
                self.record(hold, &TokenRecord { due_at, access_expires_at: None, ..record }).await?;
                self.close_incident(account).await;
                Ok(Outcome::Refreshed(tokens))
            }
            Err(fault) => self.refused(hold, account, fault).await,
        }
    }

    /// One request to the authorization server, by the account's grant.
    async fn ask(
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
                let current = current.ok_or_else(|| ended("nobody has authorised the account yet"))?;
                if current.issued_by.as_ref().is_some_and(|provider| *provider != account.provider) {
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
                let password = password.ok_or_else(|| missing("the vault holds no password for it"))?;
                client.password(user, &password, scopes, now).await
            }
        }
    }

    /// Writes down why there is no new token set, and when it is tried again.
    async fn refused(&self, hold: &Hold, account: &Account, fault: Fault) -> Result<Outcome, Error> {
        let now = self.now();
        let failures = hold.status.failures.saturating_add(1);
        let fault = ended_at_last(fault, failures);
        let own = retry_after(&fault, failures, fastrand::f64()).min(LONGEST_PAUSE);
        let pause = fault.retry_after().map_or(own, |asked| own.max(asked.min(LONGEST_ASKED)));
        let retry_at = later(now, SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX));
        let due_at = match (fault.class, fault.class.actor()) {
            // An issued set may wait in the journal.
            (FaultClass::Storage, _) => Some(later(now, RETRY_STORAGE)),
            // Only a person's consent helps; asking again and again could lock that person out.
            (_, Actor::Owner) => None,
            (FaultClass::AdminConsentRequired | FaultClass::AccountPolicy, _) => {
                Some(later(now, RETRY_POLICY))
            }
            // Calls stop: what is wrong is in this release.
            (_, Actor::We) => Some(later(now, RETRY_BUG)),
            (_, Actor::Nobody | Actor::Operator | Actor::Administrator) => Some(retry_at),
        };
        self.0.registry.record_refusal(&hold.id, hold.fence(), &fault, failures, due_at).await?;
        if matches!(fault.class, FaultClass::AppRegistration | FaultClass::Bug) {
            self.open_incident(hold, account, &fault).await?;
        }
        tracing::warn!(account = %hold.id, class = %fault.class, failures, "an account's tokens were not renewed");
        Ok(Outcome::of(fault, retry_at))
    }

    /// Opens the provider's incident: one for all its accounts.
    async fn open_incident(&self, hold: &Hold, account: &Account, fault: &Fault) -> Result<(), Error> {
        let Account { provider, .. } = account;
        if self.0.registry.open_incident(provider, &hold.id, fault, self.now()).await? {
            tracing::error!(%provider, class = %fault.class, "a provider must be mended");
        }
        Ok(())
    }

    /// The provider works: its incident, if there is one, is over. A failure must not undo the success
    /// that it follows; the next one closes it.
    pub(crate) async fn close_incident(&self, account: &Account) {
        let Account { provider, .. } = account;
        match self.0.registry.close_incident(provider).await {
            Ok(Some(_)) => tracing::info!(%provider, "a provider works again"),
            Ok(None) => {}
            Err(error) => tracing::warn!(%provider, %error, "a provider's incident could not be closed"),
        }
    }

    /// Gives an account back that could not even be tried, and puts it off unless that may pass.
    async fn give_up(&self, hold: &Hold, error: &Error) {
        let fault = error.fault();
        if error.is_transient() {
            return self.let_go(hold).await;
        }
        let due_at = match error {
            Error::NoAccount(_) => None,
            _ => Some(later(self.now(), RETRY_BROKEN)),
        };
        let failures = hold.status.failures.saturating_add(1);
        let recorded = self.0.registry.record_refusal(&hold.id, hold.fence(), &fault, failures, due_at).await;
        if recorded.is_err() {
            self.let_go(hold).await;
        }
    }

    /// Whether a token set can be used now, by somebody to whom `refused` was refused.
    fn is_good(&self, tokens: &TokenSet, refused: Option<&secrecy::SecretString>) -> bool {
        let now = self.now();
        let lives = tokens.expires_at.is_none_or(|end| later(now, LEAST_LIFE) < end);
        let is_refused = refused.is_some_and(|r| r.expose_secret() == tokens.access_token.expose_secret());
        lives && (!is_refused || now < later(tokens.obtained_at, LEAST_AGE))
    }
}

fn refused(demand: &Demand) -> Option<&secrecy::SecretString> {
    match demand {
        Demand::Stale { refused } => refused.as_ref(),
        Demand::Due => None,
    }
}

/// A refusal that nobody has described, and that says the grant is invalid for a day, is the end of
/// the authorization after all.
fn ended_at_last(fault: Fault, failures: u32) -> Fault {
    let is_undescribed = fault.class == FaultClass::Unknown && fault.reason.contains("invalid_grant");
    if is_undescribed && failures >= FAILURES_OF_A_DAY {
        Fault { class: FaultClass::AuthorizationEnded, ..fault }
    } else {
        fault
    }
}

/// Whether what the vault has was obtained before `at`. Times are kept in whole seconds.
fn is_older(current: Option<&TokenSet>, at: Timestamp) -> bool {
    current.is_none_or(|tokens| tokens.obtained_at.as_second() < at.as_second())
}

/// The set with the provider on it that it comes from.
pub(crate) fn issued_by(tokens: TokenSet, account: &Account) -> TokenSet {
    TokenSet { issued_by: Some(account.provider.clone()), ..tokens }
}

fn same_refresh_token(one: &TokenSet, other: &TokenSet) -> bool {
    let text = |tokens: &TokenSet| tokens.refresh_token.as_ref().map(|t| t.expose_secret().to_owned());
    text(one) == text(other)
}
