//! What mailboxes refer to, and what is allowed of them.

use crate::{
    Error,
    deployment::Deployment,
    manifest::{Allowances, Draft, Ground, SecretSources, written},
};
use jiff::Timestamp;
use postroom_model::{Account, AccountId, Auth, Mailbox, Provider, ProviderId};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// The deployment's providers and accounts, and what it allows.
pub(super) struct Definitions<'d> {
    providers: BTreeMap<ProviderId, Provider>,
    accounts: BTreeMap<AccountId, Account>,
    allowances: &'d Allowances,
    now: Timestamp,
}

impl<'d> Definitions<'d> {
    pub(super) async fn load(deployment: &'d Deployment, now: Timestamp) -> Result<Self, Error> {
        let registry = &deployment.registry;
        let (providers, accounts) = futures::try_join!(registry.providers(), registry.accounts())?;
        Ok(Self {
            providers: providers.into_iter().map(|provider| (provider.id.clone(), provider)).collect(),
            accounts: accounts.into_iter().map(|account| (account.id.clone(), account)).collect(),
            allowances: &deployment.allowances,
            now,
        })
    }

    pub(super) fn provider_of_account(&self, id: &AccountId) -> Option<&Provider> {
        self.providers.get(&self.accounts.get(id)?.provider)
    }

    /// The provider whose account a mailbox signs in with; none, where it does so with a password.
    pub(super) fn provider_of(&self, mailbox: &Mailbox) -> Option<&Provider> {
        match &mailbox.auth {
            Auth::Basic => None,
            Auth::Oauth(account) => self.provider_of_account(account),
        }
    }

    /// Checks a mailbox as if a manifest had it: so it is sure that one can, and that it may be there.
    /// Its password, if it has one, is taken to be in the vault.
    ///
    /// # Errors
    /// What a manifest would be refused for.
    pub(super) fn check(&self, mailbox: &Mailbox) -> Result<(), Vec<String>> {
        let text = written::mailbox(mailbox, self.provider_of(mailbox));
        let sources = SecretSources { folder: PathBuf::new(), variable: &|_| None };
        let id = mailbox.id.clone();
        let ground = Ground {
            allowances: self.allowances,
            providers: &self.providers,
            accounts: &self.accounts,
            mailboxes: &BTreeMap::from([(id.clone(), mailbox.clone())]),
            passwords: &BTreeSet::from([id]),
        };
        let resolved = Draft::read("", &text, &sources, self.now).resolve(&ground);
        resolved.map(drop).map_err(|problems| problems.reasons())
    }
}
