//! What is known of accounts besides their definitions.

use crate::{
    Registry, Result,
    table::{Key, attribute, seconds},
    update::Update,
};
use jiff::Timestamp;
use postroom_model::{AccountId, AccountStatus, Fault};

impl Registry {
    /// An account's status; the default where nothing was recorded yet.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn account_status(&self, id: &AccountId) -> Result<AccountStatus> {
        Ok(self.value(&Key::account_status(id)).await?.unwrap_or_default())
    }

    /// Records that a token set was obtained: what was wrong before is over. `false`: a set that
    /// was obtained later is on record already, and nothing was written.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn put_account_tokens(
        &self,
        id: &AccountId,
        obtained_at: Timestamp,
        access_expires_at: Option<Timestamp>,
        refresh_expires_at: Option<Timestamp>,
    ) -> Result<bool> {
        let update = Update::of(Key::account_status(id))
            .set("obtained_at", seconds(obtained_at))
            .set_or_remove("access_expires_at", access_expires_at.map(seconds))
            .set_or_remove("refresh_expires_at", refresh_expires_at.map(seconds))
            .remove("fault")
            .when("attribute_not_exists(#obtained_at) OR #obtained_at <= :obtained_at");
        Ok(self.update(update).await?.is_done())
    }

    /// Records why an account's tokens were refused, or that they work again.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn record_account_fault(&self, id: &AccountId, fault: Option<&Fault>) -> Result<()> {
        let key = Key::account_status(id);
        let fault = fault.map(|fault| attribute(&key, fault)).transpose()?;
        let update = Update::of(key).set_or_remove("fault", fault);
        self.update(update).await.map(drop)
    }
}
