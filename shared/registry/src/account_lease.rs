//! Who changes an account's token set, one at a time.
//!
//! Guarantees: a lease has one holder, and a number (the fence) that is greater than that of every
//! lease before it. Whoever writes names the number of the lease that it holds; a holder whose lease
//! was taken over writes nothing any more, whatever it still believes. A number never comes back,
//! even where an account is deleted and made anew.
//!
//! Left out: what is written to the vault meanwhile; its compare-and-swap guards that.

use crate::{
    Registry, Result,
    account_status::{SCHEDULE, refused, scheduled, unauthorised},
    remind::due_for_a_look,
    table::{Key, attribute, number, seconds, text},
    update::{Outcome, Update},
};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use postroom_model::{AccountId, AccountStatus, Expiry, Fault, Lease, Subject};

/// What came of asking for an account's lease.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, taken apart where it arrives")]
pub enum LeasedAccount {
    /// It is the caller's now: the status as it stands, with the fence of this lease.
    Held(AccountStatus),
    /// Somebody else's lease has not ended.
    Busy {
        /// When it ends by itself.
        until: Timestamp,
    },
}

/// What is recorded of a token set once the vault has it; no secret among it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// When it was obtained.
    pub obtained_at: Timestamp,
    /// When its access token ends.
    pub access_expires_at: Option<Timestamp>,
    /// When its refresh token ends, where the server said so.
    pub refresh_expires_at: Option<Timestamp>,
    /// Since when that end is known.
    pub refresh_expires_since: Option<Timestamp>,
    /// Whether it has no refresh token, so that it ends with its access token.
    pub unrefreshable: bool,
    /// When the authorization ends, and why then.
    pub ends: Option<Expiry>,
    /// Scopes that were asked for and not granted.
    pub missing_scopes: Vec<String>,
    /// When the set is to be renewed; `None` where nothing can renew it.
    pub due_at: Option<Timestamp>,
    /// When it is to be looked at whether somebody must be told of its end; `None`: as on record.
    pub remind_at: Option<Timestamp>,
    /// Where a person consented: when, and as whom.
    pub consent: Option<(Timestamp, Option<String>)>,
}

impl Registry {
    /// Takes an account's lease and returns its status, in one request. The lease is free when there
    /// is none, when it has ended at `now`, or when `lease` has the same owner.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn lease_account(
        &self,
        id: &AccountId,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<LeasedAccount> {
        let key = Key::account_status(id);
        let value = attribute(&key, lease)?;
        // A status without a fence counts from the seconds since 1970: later than any number that a
        // status of the same name had before it was deleted.
        let start = now.as_second().try_into().unwrap_or_default();
        let update = Update::of(key)
            .set("lease", value)
            .count_from("fence", start)
            .when("attribute_not_exists(#lease) OR #lease.#until <= :now OR #lease.#owner = :owner")
            .name("until")
            .name("owner")
            .value("now", seconds(now))
            .value("owner", text(&lease.owner))
            .returning();
        match self.update(update).await? {
            Outcome::Done(item) => Ok(LeasedAccount::Held(self.decode(item.unwrap_or_default())?)),
            Outcome::Refused(item) => {
                let status: AccountStatus = self.decode(item.unwrap_or_default())?;
                Ok(LeasedAccount::Busy { until: status.lease.map_or(now, |lease| lease.until) })
            }
            Outcome::NoSuchPath => Ok(LeasedAccount::Busy { until: now }),
        }
    }

    /// Gives an account's lease back, and changes nothing else. `false`: somebody else has had the
    /// lease since, and nothing was written.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn release_account(&self, id: &AccountId, fence: u64) -> Result<bool> {
        self.update_fenced(fenced(id, fence).remove("lease")).await
    }

    /// Keeps a token set that was issued, sealed, until the vault has it. An account that is not
    /// scheduled, because it waited for a person, becomes due at `due_at`, so that what is journaled is
    /// found even where whoever brought it dies now. `false` as in [`Registry::release_account`].
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn journal_tokens(
        &self,
        id: &AccountId,
        fence: u64,
        sealed: &str,
        due_at: Timestamp,
    ) -> Result<bool> {
        let update = fenced(id, fence)
            .set("journal", text(sealed))
            .set_if_absent("schedule", text(SCHEDULE))
            .set_if_absent("due_at", seconds(due_at));
        self.update_fenced(update).await
    }

    /// Drops what is journaled, and what would have it renewed, because the authorization is to be
    /// forgotten. `false` as in [`Registry::release_account`].
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn clear_journal(&self, id: &AccountId, fence: u64) -> Result<bool> {
        self.update_fenced(scheduled(fenced(id, fence).remove("journal"), None)).await
    }

    /// Records that the vault has a token set: what was wrong before is over, what was journaled is
    /// dropped, and the lease is given back. `false` as in [`Registry::release_account`].
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn record_tokens(&self, id: &AccountId, fence: u64, record: &TokenRecord) -> Result<bool> {
        let key = Key::account_status(id);
        let ended_by = record.ends.map(|ends| attribute(&key, &ends.governs)).transpose()?;
        let missing = Some(&record.missing_scopes).filter(|scopes| !scopes.is_empty());
        let missing = missing.map(|scopes| attribute(&key, scopes)).transpose()?;
        let mut update = scheduled(fenced(id, fence), record.due_at)
            .set("obtained_at", seconds(record.obtained_at))
            .set_or_remove("access_expires_at", record.access_expires_at.map(seconds))
            .set_or_remove("refresh_expires_at", record.refresh_expires_at.map(seconds))
            .set_or_remove("refresh_expires_since", record.refresh_expires_since.map(seconds))
            .set_or_remove("unrefreshable", record.unrefreshable.then_some(AttributeValue::Bool(true)))
            .set_or_remove("ending", record.ends.map(|_| text(ENDING)))
            .set_or_remove("ends_at", record.ends.map(|ends| seconds(ends.at)))
            .set_or_remove("ended_by", ended_by)
            .set_or_remove("missing_scopes", missing);
        if let Some((at, identity)) = &record.consent {
            update = update
                .set("authorised_at", seconds(*at))
                .set_or_remove("identity", identity.as_deref().map(text));
        }
        if let Some(at) = record.remind_at {
            update = due_for_a_look(update, &Subject::Account(id.clone()), at);
        }
        let over = ["fault", "refused_at", "failures", "journal", "lease", "kind"];
        self.update_fenced(over.into_iter().fold(update, Update::remove)).await
    }

    /// Records why an account got no tokens, how often in a row that was, and when it is tried
    /// again, if it is; gives the lease back. One that a person must mend is looked at from `now` on.
    /// What is journaled stays. `false` as in [`Registry::release_account`].
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn record_refusal(
        &self,
        id: &AccountId,
        fence: u64,
        fault: &Fault,
        failures: u32,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        let fault_value = attribute(&Key::account_status(id), fault)?;
        let update = scheduled(fenced(id, fence), due_at)
            .set("fault", fault_value)
            .set("failures", number(failures.into()))
            .remove("lease");
        self.update_fenced(refused(update, id, fault, now)).await
    }

    /// Records that an account's tokens are gone, those in the journal too, as if it had never been
    /// authorised, and gives the lease back. It is no longer due, and is listed among those that wait
    /// for a person, whatever its grant: tokens that were revoked are not fetched again by themselves,
    /// until [`Registry::put_account`] or [`Registry::record_tokens`] gives it its place anew. Only the
    /// fence stays. `false` as in [`Registry::release_account`].
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn forget_tokens(&self, id: &AccountId, fence: u64) -> Result<bool> {
        let gone = [
            "obtained_at",
            "access_expires_at",
            "refresh_expires_at",
            "refresh_expires_since",
            "unrefreshable",
            "fault",
            "refused_at",
            "failures",
            "authorised_at",
            "identity",
            "missing_scopes",
            "ending",
            "ends_at",
            "ended_by",
            "journal",
            "lease",
        ];
        let update = unauthorised(scheduled(fenced(id, fence), None), id);
        self.update_fenced(gone.into_iter().fold(update, Update::remove)).await
    }

    async fn update_fenced(&self, update: Update) -> Result<bool> {
        Ok(self.update(update).await?.is_done())
    }
}

/// The accounts' value of `ending`, the `ending` index's partition key.
pub(crate) const ENDING: &str = "account";

/// An update that only the holder of the lease with this number makes.
fn fenced(id: &AccountId, fence: u64) -> Update {
    Update::of(Key::account_status(id)).when("#fence = :fence").name("fence").value("fence", number(fence))
}
