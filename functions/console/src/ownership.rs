//! Who owns an account: those whom it names, and those whom the mailboxes that use it name.
//!
//! Guarantees: it is the same people whom `expiry-check` tells; each comes once, whatever the case of
//! the address.

use crate::{app::App, problem::Problem};
use postroom_model::{Account, AccountId, mail_address};
use std::collections::BTreeSet;

/// The owners of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Owners {
    /// Those whom mail can be sent to, in small letters.
    pub(crate) addresses: BTreeSet<String>,
    /// What is named as an owner and is no mail address.
    pub(crate) invalid: BTreeSet<String>,
}

impl Owners {
    fn of<'a>(owners: impl Iterator<Item = &'a String>) -> Self {
        let mut all = Self::default();
        for owner in owners {
            match mail_address(owner) {
                Some(address) => all.addresses.insert(address),
                None => all.invalid.insert(owner.trim().to_owned()),
            };
        }
        all
    }

    /// Whether there is nobody.
    pub(crate) fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.invalid.is_empty()
    }
}

/// Everybody who owns an account.
pub(crate) async fn owners_of(app: &App, account: &Account) -> Result<Owners, Problem> {
    let mailboxes = app.registry.mailboxes_of(&account.id).await?;
    let of_mailboxes = mailboxes.iter().flat_map(|placed| &placed.mailbox.owners);
    Ok(Owners::of(account.owners.iter().chain(of_mailboxes)))
}

/// The account, where somebody, by the hash that links and sessions have, owns it still.
///
/// # Errors
/// [`Problem`], where that person does not, or the account is gone.
pub(crate) async fn still_owned(app: &App, account: &AccountId, owner: &str) -> Result<Account, Problem> {
    let account = app.registry.account(account).await?.ok_or_else(Problem::link_withdrawn)?;
    let keys = app.keys().await?;
    let links = keys.links()?;
    if links.lists(&account.owners, owner) {
        return Ok(account);
    }
    let mailboxes = app.registry.mailboxes_of(&account.id).await?;
    let is_listed = mailboxes.iter().any(|placed| links.lists(&placed.mailbox.owners, owner));
    if is_listed { Ok(account) } else { Err(Problem::link_withdrawn()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_owner_comes_once_and_what_is_no_address_is_set_apart() {
        let named = ["Ann@Contoso.com ", "ann@contoso.com", "ben@contoso.com,eve@evil.example", " "];
        let owners = Owners::of(named.map(str::to_owned).iter());
        assert_eq!(owners.addresses, BTreeSet::from(["ann@contoso.com".to_owned()]));
        assert_eq!(owners.invalid.len(), 2, "{owners:?}");
    }
}
