//! Holding an account: one change of its token set at a time.

use crate::{Error, Tokens, later};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{AccountId, AccountStatus, Lease};
use postroom_registry::LeasedAccount;
use std::time::Duration;

/// How long a lease lasts whose holder died. Longer than a token request and the writes after it.
const LEASE: SignedDuration = SignedDuration::from_secs(120);
/// The pause before a busy account is asked for again; it grows by half each time, up to
/// [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// An account whose lease is held.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    pub(crate) id: AccountId,
    /// The status as it was when the lease was taken.
    pub(crate) status: AccountStatus,
}

impl Hold {
    pub(crate) fn fence(&self) -> u64 {
        self.status.fence
    }
}

/// Grows from one try to the next.
#[derive(Debug)]
pub(crate) struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pauses {
    /// Waits, unless that would last beyond `until`: then `false`, at once.
    pub(crate) async fn wait(&mut self, now: Timestamp, until: Timestamp) -> bool {
        let pause = self.0.mul_f64(0.5 + fastrand::f64());
        if Duration::try_from(until.duration_since(now)).unwrap_or_default() < pause {
            return false;
        }
        tokio::time::sleep(pause).await;
        self.0 = self.0.mul_f64(1.5).min(LONGEST_PAUSE);
        true
    }
}

impl Tokens {
    /// Takes an account's lease, if it is free now.
    pub(crate) async fn try_hold(&self, id: &AccountId) -> Result<Option<Hold>, Error> {
        let now = self.now();
        // A name of its own for each holder: two tasks of one process are two.
        let owner = format!("{:032x}", fastrand::u128(..));
        let lease = Lease { owner, until: later(now, LEASE) };
        Ok(match self.0.registry.lease_account(id, &lease, now).await? {
            LeasedAccount::Held(status) => Some(Hold { id: id.clone(), status }),
            LeasedAccount::Busy { .. } => None,
        })
    }

    /// Takes an account's lease, and waits for it until `until`.
    pub(crate) async fn hold(&self, id: &AccountId, until: Timestamp) -> Result<Hold, Error> {
        let mut pauses = Pauses::default();
        loop {
            if let Some(hold) = self.try_hold(id).await? {
                return Ok(hold);
            }
            if !pauses.wait(self.now(), until).await {
                return Err(Error::Busy(id.clone()));
            }
        }
    }

    /// Gives a lease back that nothing came of. If that fails, it ends by itself.
    pub(crate) async fn let_go(&self, hold: &Hold) {
        let released = self.0.registry.release_account(&hold.id, hold.fence()).await;
        tell(hold, released);
    }

    /// As [`Tokens::let_go`], of an account that is tried again at `due_at`.
    pub(crate) async fn let_go_until(&self, hold: &Hold, due_at: Timestamp) {
        let released = self.0.registry.put_off_account(&hold.id, hold.fence(), due_at).await;
        tell(hold, released);
    }
}

fn tell(hold: &Hold, released: postroom_registry::Result<bool>) {
    if let Err(error) = released {
        tracing::warn!(account = %hold.id, %error, "an account's lease could not be given back");
    }
}
