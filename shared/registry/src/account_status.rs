//! What is known of accounts besides their definitions.

use crate::{
    DuePages, Registry, Result,
    table::{Key, Kind, attribute, seconds, text},
    update::{Outcome, Update},
};
use jiff::Timestamp;
use postroom_model::{Account, AccountId, AccountStatus, Actor, Fault, FaultClass, Subject};
use std::collections::{BTreeSet, HashMap};

/// The accounts' value of `schedule`, the `due` index's partition key.
pub(crate) const SCHEDULE: &str = "refresh";

/// What is known of mail servers that refuse an account's tokens.
pub(crate) const BY_MAIL: [&str; 2] = ["mail_refused_at", "mail_refused_seen_at"];
/// Where a fault that a person must mend is news: it is asked about again and again.
const NEWS: &str = "attribute_not_exists(#remind_at) OR attribute_not_exists(#refused_at) \
    OR attribute_not_exists(#fault) OR #fault.#class <> :class";

/// An account whose tokens are to be renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueAccount {
    /// Which.
    pub id: AccountId,
    /// Since when.
    pub due_at: Timestamp,
}

/// The accounts whose tokens are to be renewed, page by page, the longest due first.
pub type DueAccounts = DuePages<DueAccount>;

impl Registry {
    /// An account's status; the default where nothing was recorded yet.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn account_status(&self, id: &AccountId) -> Result<AccountStatus> {
        Ok(self.value(&Key::account_status(id)).await?.unwrap_or_default())
    }

    /// The statuses of accounts, one for each, a hundred in one request; the default where nothing
    /// was recorded yet.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn account_statuses(&self, ids: &[AccountId]) -> Result<HashMap<AccountId, AccountStatus>> {
        let ids: BTreeSet<&AccountId> = ids.iter().collect();
        let mut items = self.items(ids.iter().map(|id| Key::account_status(id))).await?;
        let status = |id: &AccountId| {
            let item = items.remove(&Key::account_status(id));
            let status = item.map(|item| self.decode(item)).transpose()?.unwrap_or_default();
            Ok((id.clone(), status))
        };
        ids.into_iter().map(status).collect()
    }

    /// The accounts whose tokens are to be renewed at `now`.
    pub fn due_accounts(&self, now: Timestamp) -> DueAccounts {
        DuePages::new(self, SCHEDULE, now, |pk, due_at| Some(DueAccount { id: Key::account_id(pk)?, due_at }))
    }

    /// Records why mail servers refuse an account's tokens, or that they work. A fault that its
    /// owner must mend puts it among the accounts that wait for a person; one that a person must mend
    /// is looked at from `now` on, so that the person hears of it. While its renewals fail,
    /// nothing is written: that says more, and tokens that still work do not change it. That they
    /// work is not written either where none are on record: an account that was revoked goes on
    /// waiting, whatever a run found that began before.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn record_account_fault(
        &self,
        id: &AccountId,
        fault: Option<&Fault>,
        now: Timestamp,
    ) -> Result<()> {
        let update =
            Update::of(Key::account_status(id)).name("failures").when("attribute_not_exists(#failures)");
        let Some(fault) = fault else { return self.clear_account_fault(id, update, now).await };
        let update = match fault.class {
            FaultClass::TokenRefused => update
                .set_if_absent("mail_refused_at", seconds(now))
                .set("mail_refused_seen_at", seconds(now)),
            _ => update,
        };
        self.update_refused(update, id, fault, now).await.map(drop)
    }

    async fn clear_account_fault(&self, id: &AccountId, update: Update, now: Timestamp) -> Result<()> {
        let update = ["fault", "refused_at", "kind"].into_iter().chain(BY_MAIL).fold(update, Update::remove);
        let update = update.when("attribute_exists(#obtained_at)").name("obtained_at");
        // Another end governs again, perhaps a nearer one than that which was looked at last.
        let (news, subject) = ("attribute_exists(#refused_at)", Subject::Account(id.clone()));
        if !self.update_and_look_if(news, &update, &subject, now).await?.is_done() {
            // Its renewals fail. What mail servers say is another matter.
            let update = BY_MAIL.into_iter().fold(Update::of(Key::account_status(id)), Update::remove);
            self.update(update.when("attribute_exists(#mail_refused_at)")).await?;
        }
        Ok(())
    }

    /// Makes an update that notes a fault, and what follows for those who must act: an account whose
    /// owner must waits for a person; one that a person must mend has been refused since `now`, unless it
    /// was before, and is looked at if that is new, or another fault.
    pub(crate) async fn update_refused(
        &self,
        update: Update,
        id: &AccountId,
        fault: &Fault,
        now: Timestamp,
    ) -> Result<Outcome> {
        let update = update.set("fault", attribute(&Key::account_status(id), fault)?);
        let actor = fault.class.actor();
        let update = if actor == Actor::Owner { unauthorised(update, id) } else { update };
        match actor {
            Actor::Owner | Actor::Administrator => {
                let update = update
                    .set_if_absent("refused_at", seconds(now))
                    .name("class")
                    .value("class", text(fault.class.name()))
                    .name("remind_at");
                self.update_and_look_if(NEWS, &update, &Subject::Account(id.clone()), now).await
            }
            Actor::Nobody | Actor::Operator | Actor::We => self.update(update).await,
        }
    }

    /// Has an account looked at from `now` on, if it has or had an authorization that may end.
    pub(crate) async fn look_at_status(&self, id: &AccountId, now: Timestamp) -> Result<()> {
        let update = Update::of(Key::account_status(id)).name("obtained_at").name("refused_at");
        let update = update.when("attribute_exists(#obtained_at) OR attribute_exists(#refused_at)");
        self.update_and_look(&update, &Subject::Account(id.clone()), now).await.map(drop)
    }

    /// Has an account that failed renewed at the next tick, because somebody has mended what failed.
    /// `false`: it has not failed.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn renew_now(&self, id: &AccountId, now: Timestamp) -> Result<bool> {
        let update = scheduled(Update::of(Key::account_status(id)), Some(now)).name("fault");
        Ok(self.update(update.when("attribute_exists(#fault)")).await?.is_done())
    }

    /// Gives an account that has no tokens its place: it waits for a person where its grant needs
    /// one; otherwise it is due at `now`, as it is when it failed and its definition changed. One
    /// whose first tokens lie in the journal is due already, and stays so.
    pub(crate) async fn open_status(&self, account: &Account, now: Timestamp) -> Result<()> {
        let update = Update::of(Key::account_status(&account.id)).name("obtained_at");
        let update = if account.grant.needs_consent() {
            let update = scheduled(unauthorised(update, &account.id), None).name("journal");
            update.when("attribute_not_exists(#obtained_at) AND attribute_not_exists(#journal)")
        } else {
            let update = scheduled(update.remove("kind"), Some(now)).name("fault");
            update.when("attribute_not_exists(#obtained_at) OR attribute_exists(#fault)")
        };
        self.update(update).await.map(drop)
    }
}

/// Has the account renewed at a moment, or never.
pub(crate) fn scheduled(update: Update, due_at: Option<Timestamp>) -> Update {
    update
        .set_or_remove("schedule", due_at.map(|_| text(SCHEDULE)))
        .set_or_remove("due_at", due_at.map(seconds))
}

/// Puts the account among those that wait for a person.
pub(crate) fn unauthorised(update: Update, id: &AccountId) -> Update {
    update.set("kind", text(Kind::Unauthorised.name())).set("id", text(id.as_str()))
}
