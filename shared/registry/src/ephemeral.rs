//! What lives for minutes to days: consent that is under way, links that were used, counters.
//!
//! Guarantees: what has expired counts as absent, at once; DynamoDB removes it within days
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html>). A value
//! is replaced only by somebody who has seen the one before, and taken by one of many who ask.
//!
//! Left out: what it is. A `kind` names its user, a `key` the thing; a value is whatever `serde`
//! writes, and must hold no secret.

use crate::{
    Error, Registry, Result,
    table::{Item, Key, attribute, moment, number, seconds},
    update::{Outcome, Update},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// How often a count is tried. Only one that finds the counter expired, and then begun anew by
/// somebody else, is tried again.
const ATTEMPTS: usize = 4;

#[derive(Deserialize)]
struct Stored<T> {
    value: T,
    version: u64,
}

impl Registry {
    /// Writes a value that counts as absent from `expires_at` on. `seen` is the version of the value
    /// that it replaces; `None`: there must be none at `now`. `false`: that is not so, and nothing
    /// was written.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn put_ephemeral<T: Serialize>(
        &self,
        kind: &str,
        key: &str,
        value: &T,
        expires_at: Timestamp,
        seen: Option<u64>,
        now: Timestamp,
    ) -> Result<bool> {
        let key = Key::ephemeral(kind, key);
        let value = attribute(&key, value)?;
        let update = Update::of(key)
            .set("value", value)
            .set("version", number(seen.unwrap_or_default() + 1))
            .set("expires_at", seconds(expires_at))
            .value("now", seconds(now));
        let update = match seen {
            None => update.when("attribute_not_exists(#expires_at) OR #expires_at <= :now"),
            Some(seen) => update.when("#version = :seen AND #expires_at > :now").value("seen", number(seen)),
        };
        Ok(self.update(update).await?.is_done())
    }

    /// A value with its version, unless it has expired at `now`.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn ephemeral<T: DeserializeOwned>(
        &self,
        kind: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<(T, u64)>> {
        let item = self.item(&Key::ephemeral(kind, key)).await?;
        self.living(item, now)
    }

    /// Takes a value away, unless it has expired at `now`: one of many who ask gets it.
    ///
    /// # Errors
    /// [`Error`]; the value may then be gone.
    pub async fn take_ephemeral<T: DeserializeOwned>(
        &self,
        kind: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<T>> {
        let item = self.take(&Key::ephemeral(kind, key)).await?;
        Ok(self.living(item, now)?.map(|(value, _)| value))
    }

    /// Claims a key until `expires_at`: `true` for the first who asks, `false` for everybody after.
    ///
    /// # Errors
    /// [`Error`]; the key may then be claimed.
    pub async fn claim_ephemeral(
        &self,
        kind: &str,
        key: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool> {
        self.put_ephemeral(kind, key, &true, expires_at, None, now).await
    }

    /// Counts one more, and returns the count so far. The first count decides when the counter
    /// expires; then it begins anew.
    ///
    /// # Errors
    /// [`Error`]; it may then have been counted.
    pub async fn count_ephemeral(
        &self,
        kind: &str,
        key: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<u64> {
        for _ in 0..ATTEMPTS {
            let more = Update::of(Key::ephemeral(kind, key))
                .add("value", number(1))
                .set_if_absent("version", number(1))
                .set_if_absent("expires_at", seconds(expires_at))
                .value("now", seconds(now))
                .when("attribute_not_exists(#expires_at) OR #expires_at > :now")
                .returning();
            if let Outcome::Done(item) = self.update(more).await? {
                let stored: Stored<u64> = self.decode(item.unwrap_or_default())?;
                return Ok(stored.value);
            }
            if self.put_ephemeral(kind, key, &1, expires_at, None, now).await? {
                return Ok(1);
            }
        }
        Err(Error::Throttled { table: self.table.to_string(), action: "UpdateItem" })
    }

    fn living<T: DeserializeOwned>(&self, item: Option<Item>, now: Timestamp) -> Result<Option<(T, u64)>> {
        let Some(item) = item.filter(|item| moment(item, "expires_at").is_none_or(|at| at > now)) else {
            return Ok(None);
        };
        let stored: Stored<T> = self.decode(item)?;
        Ok(Some((stored.value, stored.version)))
    }
}
