//! When a renewal came to nothing: what is written down, who is told, and when it is tried again.

use crate::{Error, Outcome, Tokens, later, lease::Hold};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{Account, AccountId, AccountStatus, Actor, Fault, FaultClass, TokenSet, retry_after};
use std::time::Duration;

/// The longest pause of our own choosing: every mailbox of the account waits for its end.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// The longest pause that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 60 * 60);
/// When an authorization is tried again that a directory's administrator may have let in meanwhile: all that
/// many mailboxes ask of the server in that time is one request.
const RETRY_POLICY: SignedDuration = SignedDuration::from_hours(1);
/// When an account is tried again that cannot even be read.
const RETRY_BROKEN: SignedDuration = SignedDuration::from_mins(15);
/// When an account is tried again after a fault of our own making.
const RETRY_BUG: SignedDuration = SignedDuration::from_hours(24);
/// Failures that fill a day: [`LONGEST_PAUSE`] between them is spread over its upper half.
const FAILURES_OF_A_DAY: u32 = 128;
/// When an account is tried again whose token set could not be stored.
pub(crate) const RETRY_STORAGE: SignedDuration = SignedDuration::from_mins(1);

impl Tokens {
    /// Writes down why there is no new token set, and when it is tried again.
    pub(crate) async fn refused(
        &self,
        hold: &Hold,
        account: &Account,
        fault: Fault,
    ) -> Result<Outcome, Error> {
        let now = self.now();
        let failures = hold.status.failures.saturating_add(1);
        let fault = ended_at_last(fault, hold.status.undescribed);
        let due_at = next_try(&fault, failures, now, fastrand::f64());
        self.0.registry.record_refusal(&hold.id, hold.fence(), &fault, failures, due_at, now).await?;
        if matches!(fault.class, FaultClass::AppRegistration | FaultClass::Bug) {
            self.open_incident(hold, account, &fault).await?;
        }
        // What AWS did not do is said once, by whoever wanted it done, and not for each account.
        if fault.refusal.is_none() {
            tracing::warn!(account = %hold.id, class = %fault.class, failures, "an account's tokens were not renewed");
        }
        Ok(Outcome::of(fault, due_at.unwrap_or(Timestamp::MAX)))
    }

    /// Has an account tried again that rests until an operator or an administrator has mended something:
    /// somebody has, or asks whether it is. A server that was to be given its rest has it all the same, and
    /// what an owner must do nobody else can.
    ///
    /// # Errors
    /// [`Error`]; it rests on.
    pub async fn end_rest(&self, id: &AccountId) -> Result<(), Error> {
        let (registry, now) = (&self.0.registry, self.now());
        let status = registry.account_status(id).await?;
        let actor = status.fault.map(|fault| fault.class.actor());
        let rests = status.due_at.is_some_and(|due| now < due);
        if rests && matches!(actor, Some(Actor::Operator | Actor::Administrator)) {
            registry.renew_now(id, now).await?;
        }
        Ok(())
    }

    /// Opens the provider's incident: one for all its accounts.
    pub(crate) async fn open_incident(
        &self,
        hold: &Hold,
        account: &Account,
        fault: &Fault,
    ) -> Result<(), Error> {
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
        match self.0.registry.close_incident(provider, self.now()).await {
            Ok(Some(_)) => tracing::info!(%provider, "a provider works again"),
            Ok(None) => {}
            Err(error) => tracing::warn!(%provider, %error, "a provider's incident could not be closed"),
        }
    }

    /// Gives an account back that could not even be tried, and puts it off unless that may pass.
    pub(crate) async fn give_up(&self, hold: &Hold, error: &Error) {
        let fault = error.fault();
        let now = self.now();
        if error.is_transient() || fault.is_the_deployments() {
            return match put_off(hold.status.due_at, error.is_transient(), now) {
                Some(due_at) => self.let_go_until(hold, due_at).await,
                None => self.let_go(hold).await,
            };
        }
        let due_at = match error {
            Error::NoAccount(_) => None,
            _ => Some(later(now, RETRY_BROKEN)),
        };
        let failures = hold.status.failures.saturating_add(1);
        let registry = &self.0.registry;
        let recorded = registry.record_refusal(&hold.id, hold.fence(), &fault, failures, due_at, now).await;
        if recorded.is_err() {
            self.let_go(hold).await;
        }
    }
}

/// When an account is tried again that is due and could not be tried. What the deployment lacks is nothing to
/// hold against it, so that no failure is counted. But it may lack that for this one account, and the account
/// must not be the first of all that are due for ever. `None`: it stays as it is.
fn put_off(due_at: Option<Timestamp>, may_pass: bool, now: Timestamp) -> Option<Timestamp> {
    due_at.filter(|due| !may_pass && *due <= now).map(|_| later(now, RETRY_STORAGE))
}

/// A refusal that nobody has described, and that says the grant is invalid for a day, is the end of
/// the authorization after all. What a server did not answer, or answered otherwise, is no part of that day;
/// `before` counts the others.
fn ended_at_last(fault: Fault, before: u32) -> Fault {
    if fault.is_undescribed() && before.saturating_add(1) >= FAILURES_OF_A_DAY {
        Fault { class: FaultClass::AuthorizationEnded, ..fault }
    } else {
        fault
    }
}

/// What came of the last renewal, while that still holds and nobody should ask again, however many
/// mailboxes need the token: a person must act first, or the server is given its rest. Whoever mends
/// something has it tried at once ([`Tokens::end_rest`], [`postroom_registry::Registry::renew_now`]).
pub(crate) fn at_rest(status: &AccountStatus, current: Option<&TokenSet>, now: Timestamp) -> Option<Outcome> {
    let fault = status.fault.clone().filter(|_| status.failures > 0)?;
    let second = |at: Option<Timestamp>| at.map(Timestamp::as_second);
    if second(current.map(|tokens| tokens.obtained_at)) != second(status.obtained_at) {
        return None; // somebody put another set there since
    }
    match (fault.class.actor(), status.due_at) {
        (Actor::Owner, None) => Some(Outcome::OwnerMustReauthorise(fault)),
        (_, Some(retry_at)) if now < retry_at => Some(Outcome::of(fault, retry_at)),
        _ => None,
    }
}

/// When an account is renewed next whose tokens were refused at `now`, the `failures`th time in a row;
/// `None`: only a person's consent helps. `dice` as in [`retry_after`].
fn next_try(fault: &Fault, failures: u32, now: Timestamp, dice: f64) -> Option<Timestamp> {
    let own = retry_after(fault, failures, dice).min(LONGEST_PAUSE);
    let pause = fault.retry_after().map_or(own, |asked| own.max(asked.min(LONGEST_ASKED)));
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
    Some(match (fault.class, fault.class.actor()) {
        // An issued set may wait in the journal.
        (FaultClass::Storage, _) => later(now, RETRY_STORAGE),
        // Asking again and again could lock that person out.
        (_, Actor::Owner) => return None,
        (FaultClass::AdminConsentRequired | FaultClass::AccountPolicy, _) => later(now, RETRY_POLICY),
        // Calls stop: what is wrong is in this release.
        (_, Actor::We) => later(now, RETRY_BUG),
        (_, Actor::Nobody | Actor::Operator | Actor::Administrator) => later(now, pause),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn each_fault_is_tried_again_in_its_own_time() {
        let minutes = |class, failures| {
            let next = next_try(&Fault::new(class, ""), failures, at(0), 1.0);
            next.map(|next| next.as_second() / 60)
        };
        for (class, failures, expected) in [
            (FaultClass::TimedOut, 1, Some(1)),
            (FaultClass::TimedOut, 3, Some(4)),
            (FaultClass::TimedOut, 50, Some(15)),
            (FaultClass::Certificate, 9, Some(15)),
            (FaultClass::AppRegistration, 9, Some(15)),
            (FaultClass::Storage, 9, Some(1)),
            (FaultClass::AccountPolicy, 1, Some(60)),
            (FaultClass::Bug, 1, Some(1440)),
            (FaultClass::AuthorizationEnded, 1, None),
            (FaultClass::PasswordRefused, 1, None),
        ] {
            assert_eq!(minutes(class, failures), expected, "{class} {failures}");
        }
        let asked = Fault::new(FaultClass::Throttled, "").with_retry_after(Duration::from_secs(7200));
        assert_eq!(next_try(&asked, 1, at(0), 0.0), Some(at(7200)));
    }

    #[test]
    fn what_an_account_cannot_help_puts_it_off_and_no_further() {
        for (what, due_at, may_pass, expected) in [
            ("it lasts", Some(50), false, Some(160)),
            ("it may pass", Some(50), true, None),
            ("a mailbox asked, and it is not due", Some(101), false, None),
            ("it waits for a person", None, false, None),
        ] {
            assert_eq!(put_off(due_at.map(at), may_pass, at(100)), expected.map(at), "{what}");
        }
    }

    #[test]
    fn an_undescribed_invalid_grant_is_the_end_after_a_day() {
        let fault = |reason| Fault::new(FaultClass::Unknown, reason);
        assert_eq!(ended_at_last(fault("invalid_grant: AADSTS1"), 0).class, FaultClass::Unknown);
        assert_eq!(ended_at_last(fault("invalid_grant: AADSTS1"), 126).class, FaultClass::Unknown);
        assert_eq!(ended_at_last(fault("invalid_grant: AADSTS1"), 127).class, FaultClass::AuthorizationEnded);
        assert_eq!(ended_at_last(fault("HTTP 418"), 1000).class, FaultClass::Unknown);
        let mean = LONGEST_PAUSE.mul_f64(0.75) * FAILURES_OF_A_DAY;
        assert_eq!(mean, Duration::from_hours(24));
    }

    #[test]
    fn a_dead_or_resting_account_answers_from_the_record() {
        let status = |class, due_at: Option<i64>| AccountStatus {
            fault: Some(Fault::new(class, "")),
            failures: 1,
            due_at: due_at.map(at),
            ..AccountStatus::default()
        };
        let rests = |class, due_at| at_rest(&status(class, due_at), None, at(100)).map(|o| o.name());
        use FaultClass::{
            AccountPolicy, AdminConsentRequired, AppRegistration, AuthorizationEnded, Bug, TimedOut,
        };
        assert_eq!(rests(AuthorizationEnded, None), Some("owner_must_reauthorise"));
        assert_eq!(rests(TimedOut, Some(200)), Some("transient"));
        assert_eq!(rests(TimedOut, Some(100)), None, "its time has come");
        assert_eq!(rests(Bug, Some(200)), Some("operator_must_mend"));
        assert_eq!(rests(AppRegistration, Some(200)), Some("operator_must_mend"));
        assert_eq!(rests(AppRegistration, Some(100)), None, "a mended one is due at once");
        for class in [AccountPolicy, AdminConsentRequired] {
            assert_eq!(rests(class, Some(200)), Some("owner_must_reauthorise"), "{class}");
        }
        let recorded = AccountStatus { obtained_at: Some(at(50)), ..status(AuthorizationEnded, None) };
        assert!(at_rest(&recorded, None, at(100)).is_none(), "the vault has something else by now");
    }
}
