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
    account_status::{BY_MAIL, SCHEDULE, scheduled, unauthorised},
    remind::due_for_a_look,
    table::{Key, attribute, number, seconds, text},
    update::{Outcome, Update},
};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use postroom_model::{AccountId, AccountStatus, Actor, Expiry, Fault, FaultClass, Lease, Subject};

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

    /// Gives an account's lease back, and has its tokens renewed at `due_at`; changes nothing else. `false` as in
    /// [`Registry::release_account`].
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn put_off_account(&self, id: &AccountId, fence: u64, due_at: Timestamp) -> Result<bool> {
        self.update_fenced(scheduled(fenced(id, fence), Some(due_at)).remove("lease")).await
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

    /// Records that the vault has a token set: what was wrong with renewals before is over, what was
    /// journaled is dropped, and the lease is given back. That mail servers refuse its tokens is over only
    /// by a consent, when [`Registry::record_account_fault`] says so, or where none has been asked for
    /// [`AccountStatus::MAIL_REFUSAL`]: they may refuse this set too.
    /// `false` as in [`Registry::release_account`].
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn record_tokens(&self, id: &AccountId, fence: u64, record: &TokenRecord) -> Result<bool> {
        let key = Key::account_status(id);
        let ended_by = record.ends.map(|ends| attribute(&key, &ends.governs)).transpose()?;
        let missing = Some(&record.missing_scopes).filter(|scopes| !scopes.is_empty());
        let missing = missing.map(|scopes| attribute(&key, scopes)).transpose()?;
        let update = scheduled(fenced(id, fence), record.due_at)
            .set("obtained_at", seconds(record.obtained_at))
            .set_or_remove("access_expires_at", record.access_expires_at.map(seconds))
            .set_or_remove("refresh_expires_at", record.refresh_expires_at.map(seconds))
            .set_or_remove("refresh_expires_since", record.refresh_expires_since.map(seconds))
            .set_or_remove("unrefreshable", record.unrefreshable.then_some(AttributeValue::Bool(true)))
            .set_or_remove("ending", record.ends.map(|_| text(ENDING)))
            .set_or_remove("ends_at", record.ends.map(|ends| seconds(ends.at)))
            .set_or_remove("ended_by", ended_by)
            .set_or_remove("missing_scopes", missing);
        let update = ["failures", "undescribed", "failing_since", "journal", "lease"]
            .into_iter()
            .fold(update, Update::remove);
        if let Some((at, identity)) = &record.consent {
            let update = update
                .set("authorised_at", seconds(*at))
                .set_or_remove("identity", identity.as_deref().map(text));
            return self.update_fenced(looked_at(mended(update, &BY_MAIL), id, record.remind_at)).await;
        }
        let attempts = renewed(&update, id, record);
        // Twice, because what mail servers say may change in between.
        for attempt in attempts.iter().chain(&attempts) {
            if self.update_fenced(attempt.clone()).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Records why an account got no tokens, how often in a row that was, and when it is tried
    /// again, if it is; gives the lease back. One that a person must mend is looked at from `now` on;
    /// one whose renewals have just begun to fail in a day, because an idle limit counts from then on.
    /// One that nobody has described is counted. What is journaled stays. `false` as in
    /// [`Registry::release_account`].
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
        let update = scheduled(fenced(id, fence), due_at)
            .set("failures", number(failures.into()))
            .set_if_absent("failing_since", seconds(now))
            .remove("lease");
        let update = if fault.is_undescribed() { update.count_from("undescribed", 0) } else { update };
        let made = match fault.class.actor() {
            Actor::Owner | Actor::Administrator => self.update_refused(update, id, fault, now).await?,
            Actor::Nobody | Actor::Operator | Actor::We => {
                let update = update.set("fault", attribute(&Key::account_status(id), fault)?);
                let update = update.name("obtained_at");
                let look = now.saturating_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX);
                let subject = Subject::Account(id.clone());
                self.update_and_look_if(BEGINS_TO_FAIL, &update, &subject, look).await?
            }
        };
        Ok(made.is_done())
    }

    /// Records that an account's tokens are gone, those in the journal too, as if it had never been
    /// authorised, and gives the lease back. It is no longer due, and is listed among those that wait
    /// for a person, whatever its grant, until [`Registry::put_account`] or [`Registry::record_tokens`]
    /// gives it its place anew. That keeps the schedule from renewing it, and nobody else: where the grant
    /// needs nobody's consent, the next mailbox that wants a token has a new one. Only the fence stays.
    /// `false` as in [`Registry::release_account`].
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
            "mail_refused_at",
            "mail_refused_seen_at",
            "failing_since",
            "failures",
            "undescribed",
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

/// Where renewals have not failed before of an authorization that may end.
const BEGINS_TO_FAIL: &str = "attribute_exists(#obtained_at) AND attribute_not_exists(#failing_since)";
/// The accounts' value of `ending`, the `ending` index's partition key.
pub(crate) const ENDING: &str = "account";

/// An update that only the holder of the lease with this number makes.
fn fenced(id: &AccountId, fence: u64) -> Update {
    Update::of(Key::account_status(id)).when("#fence = :fence").name("fence").value("fence", number(fence))
}

/// What a renewal changes of what is wrong with an account, one for each thing that may be: mail servers
/// do not refuse its tokens; they do, and that is its fault; they do, and renewals failed since.
fn renewed(update: &Update, id: &AccountId, record: &TokenRecord) -> [Update; 3] {
    let counts_from = record.obtained_at.saturating_sub(AccountStatus::MAIL_REFUSAL);
    let counts_from = seconds(counts_from.unwrap_or(Timestamp::MIN));
    let seen = |update: Update, condition| {
        update.name("mail_refused_seen_at").value("counts_from", counts_from.clone()).when(condition)
    };
    let refused = |update: Update, condition| {
        let update = seen(update, "#mail_refused_seen_at > :counts_from").name("fault").name("class");
        update.value("by_mail", text(FaultClass::TokenRefused.name())).when(condition)
    };
    let all_mended = looked_at(mended(update.clone(), &BY_MAIL), id, record.remind_at);
    // The watch of a mail server's fault may end at any time: that is looked at.
    let watched = looked_at(update.clone(), id, record.remind_at.map(|_| record.obtained_at));
    let covered = looked_at(mended(update.clone(), &[]), id, record.remind_at);
    [
        seen(
            all_mended,
            "attribute_not_exists(#mail_refused_seen_at) OR #mail_refused_seen_at <= :counts_from",
        ),
        refused(watched, "#fault.#class = :by_mail"),
        refused(covered, "attribute_not_exists(#fault) OR #fault.#class <> :by_mail"),
    ]
}

fn mended(update: Update, besides: &[&str]) -> Update {
    ["fault", "refused_at", "kind"].iter().chain(besides).fold(update, |update, name| update.remove(name))
}

fn looked_at(update: Update, id: &AccountId, at: Option<Timestamp>) -> Update {
    match at {
        Some(at) => due_for_a_look(update, &Subject::Account(id.clone()), at),
        None => update,
    }
}
