//! `postroom apply`: brings a deployment in line with a manifest.

use crate::{
    Error, Outcome,
    args::ApplyArgs,
    deployment::Deployment,
    manifest::{Draft, Ground, Manifest},
    plan::{Action, Deployed, Plan, Step, counted},
    status::unreached,
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{
    AccountId, Actor, Auth, ClientSecret, Mailbox, MailboxId, Provider, ProviderId, Subject,
};
use postroom_registry::AccountQuery;
use secrecy::SecretString;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    mem::discriminant,
};

/// Writes of one kind that are under way at once. Secrets Manager grants 50 writes a second in all.
const AT_ONCE: usize = 16;
/// How long after its begin an apply still waits for whoever renews the tokens of an account that is to
/// be deleted. A lease that its holder left behind ends sooner.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);
/// Accounts that are looked at together.
const ACCOUNTS_AT_ONCE: usize = 500;

/// Shows what applying a manifest would do, and does it unless it is a dry run.
///
/// # Errors
/// The manifest's problems, all at once, before anything is applied; or what broke it off.
pub async fn apply(
    deployment: &Deployment,
    draft: Draft,
    args: &ApplyArgs,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<Outcome, Error> {
    let (deployed, manifest) = resolved(deployment, draft, args.prune).await?;
    let plan = Plan::new(&deployed, &manifest, args.prune);
    writeln!(out, "{plan}")?;
    if args.dry_run || plan.steps.is_empty() {
        return Ok(Outcome::Well);
    }
    out.flush()?;
    let done = follow(deployment, &plan.steps, now).await?;
    writeln!(out, "applied {}", counted(done, "change", "changes"))?;
    Ok(Outcome::Well)
}

/// A manifest that is checked against what is deployed, and that. With `prune`, what the manifest does
/// not name supports no reference.
///
/// # Errors
/// The manifest's problems, or the deployment cannot be asked.
pub(crate) async fn resolved(
    deployment: &Deployment,
    draft: Draft,
    prune: bool,
) -> Result<(Deployed, Manifest), Error> {
    let mut deployed = deployed(deployment).await?;
    let mailboxes: Vec<MailboxId> = draft.with_password().cloned().collect();
    deployed.passwords = passwords(deployment, &mailboxes).await?;
    let (no_providers, no_accounts) = (BTreeMap::new(), BTreeMap::new());
    let with_password: BTreeSet<MailboxId> = deployed.passwords.keys().cloned().collect();
    let manifest = draft
        .resolve(&Ground {
            allowances: &deployment.allowances,
            providers: if prune { &no_providers } else { &deployed.providers },
            accounts: if prune { &no_accounts } else { &deployed.accounts },
            mailboxes: &deployed.mailboxes,
            passwords: &with_password,
        })
        .map_err(Error::Manifest)?;
    deployed.client_secrets = client_secrets(deployment, manifest.client_secrets.keys()).await?;
    deployed.account_passwords = account_passwords(deployment, manifest.account_passwords.keys()).await?;
    deployed.migrated = migrated(deployment, &deployed.mailboxes, &manifest).await?;
    Ok((deployed, manifest))
}

/// Mailboxes that were migrated from their passwords to an account, and that the manifest has sign in with
/// a password.
async fn migrated(
    deployment: &Deployment,
    deployed: &BTreeMap<MailboxId, Mailbox>,
    manifest: &Manifest,
) -> Result<BTreeSet<MailboxId>, Error> {
    let of_account = |id| deployed.get(id).is_some_and(|mailbox| mailbox.auth != Auth::Basic);
    let basic = manifest.mailboxes.values().filter(|mailbox| mailbox.auth == Auth::Basic);
    let formers = basic.map(|mailbox| &mailbox.id).filter(|id| of_account(*id)).map(|id| async move {
        let former = deployment.registry.former(id).await?;
        let is_so = former.is_some_and(|former| former.mailbox.auth == Auth::Basic);
        Ok::<_, Error>(is_so.then(|| id.clone()))
    });
    let found: Vec<_> = stream::iter(formers).buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// What the registry has.
async fn deployed(deployment: &Deployment) -> Result<Deployed, Error> {
    let registry = &deployment.registry;
    let (providers, accounts, mailboxes, owners, unreached) = futures::try_join!(
        registry.providers(),
        registry.accounts(),
        registry.mailboxes(),
        registry.owners(),
        unreached(registry),
    )?;
    let batches = registry.batches(mailboxes.iter().filter_map(|placed| placed.batch.clone())).await?;
    Ok(Deployed {
        providers: providers.into_iter().map(|provider| (provider.id.clone(), provider)).collect(),
        accounts: accounts.into_iter().map(|account| (account.id.clone(), account)).collect(),
        unlisted: mailboxes
            .iter()
            .filter(|placed| placed.listed_under.is_none())
            .map(|placed| placed.mailbox.id.clone())
            .collect(),
        mailboxes: mailboxes.into_iter().map(|placed| (placed.mailbox.id.clone(), placed.mailbox)).collect(),
        owners: owners.into_iter().map(|owner| (owner.address.clone(), owner)).collect(),
        batches,
        unreached: unreached.into_keys().collect(),
        staff: deployment.staff.iter().cloned().collect(),
        ..Deployed::default()
    })
}

async fn passwords(
    deployment: &Deployment,
    mailboxes: &[MailboxId],
) -> Result<BTreeMap<MailboxId, SecretString>, Error> {
    let mut readable = BTreeMap::new();
    for (id, password) in deployment.vault.passwords(mailboxes).await? {
        let found = unless_unreadable(password.map(Some))?;
        readable.extend(found.map(|password| (id, password)));
    }
    Ok(readable)
}

async fn client_secrets(
    deployment: &Deployment,
    providers: impl Iterator<Item = &ProviderId>,
) -> Result<BTreeMap<ProviderId, ClientSecret>, Error> {
    let mut readable = BTreeMap::new();
    for id in providers {
        let found = unless_unreadable(deployment.vault.client_secret(id).await)?;
        readable.extend(found.map(|secret| (id.clone(), secret)));
    }
    Ok(readable)
}

async fn account_passwords(
    deployment: &Deployment,
    accounts: impl Iterator<Item = &AccountId>,
) -> Result<BTreeMap<AccountId, SecretString>, Error> {
    let mut readable = BTreeMap::new();
    for id in accounts {
        let found = unless_unreadable(deployment.vault.account_password(id).await)?;
        readable.extend(found.map(|password| (id.clone(), password)));
    }
    Ok(readable)
}

/// What cannot be read counts as absent, so that applying it again mends it.
fn unless_unreadable<T>(found: postroom_vault::Result<Option<T>>) -> Result<Option<T>, Error> {
    match found {
        Err(postroom_vault::Error::Unreadable { .. }) => Ok(None),
        found => Ok(found?),
    }
}

/// Takes a plan's steps: those of one kind side by side, the kinds one after another.
pub(crate) async fn follow(deployment: &Deployment, steps: &[Step], now: Timestamp) -> Result<usize, Error> {
    let mut done = 0;
    for kind in steps.chunk_by(|one, next| discriminant(&one.action) == discriminant(&next.action)) {
        let mut writes =
            stream::iter(kind).map(|step| take(deployment, &step.action, now)).buffer_unordered(AT_ONCE);
        loop {
            match writes.try_next().await {
                Ok(Some(())) => done += 1,
                Ok(None) => break,
                Err(because) => {
                    return Err(Error::BrokenOff { done, all: steps.len(), because: because.into() });
                }
            }
        }
    }
    Ok(done)
}

/// What a change of a provider is to its accounts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    /// What kept them from new tokens may be mended.
    Mended,
    /// That, and their authorizations end at other times.
    OtherEnds,
}

async fn put_provider(deployment: &Deployment, provider: &Provider, now: Timestamp) -> Result<(), Error> {
    let registry = &deployment.registry;
    let limits = |provider: &Provider| (provider.idle_days, provider.authorization_days);
    let before = registry.provider(&provider.id).await?;
    let change = match before {
        Some(before) if limits(&before) != limits(provider) => Change::OtherEnds,
        _ => Change::Mended,
    };
    registry.put_provider(provider, now).await?;
    tell_accounts(deployment, &provider.id, change, now).await
}

/// Has the accounts tried again that failed because of their provider, and looked at those of which
/// somebody may have to be told sooner. Each renewal does the latter too, so that nothing is lost when
/// this breaks off.
async fn tell_accounts(
    deployment: &Deployment,
    id: &ProviderId,
    change: Change,
    now: Timestamp,
) -> Result<(), Error> {
    let registry = &deployment.registry;
    let query = AccountQuery { provider: Some(id.clone()), ..AccountQuery::default() };
    let mut from = None;
    loop {
        let page = registry.accounts_page(&query, from.as_ref(), ACCOUNTS_AT_ONCE).await?;
        let accounts = stream::iter(page.items).map(|(account, status)| async move {
            let may_end = account.grant.needs_consent() && status.obtained_at.is_some();
            if status.fault.is_some_and(|fault| fault.class.actor() == Actor::Operator) {
                registry.renew_now(&account.id, now).await?;
            }
            if change == Change::OtherEnds && may_end {
                registry.remind_now(&Subject::Account(account.id), now).await?;
            }
            Ok::<_, Error>(())
        });
        accounts.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        from = page.next;
        if from.is_none() {
            return Ok(());
        }
    }
}

async fn take(deployment: &Deployment, action: &Action, now: Timestamp) -> Result<(), Error> {
    let Deployment { registry, vault, .. } = deployment;
    match action {
        Action::PutClientSecret(id, secret) => {
            vault.put_client_secret(id, secret).await?;
            tell_accounts(deployment, id, Change::Mended, now).await?;
        }
        Action::PutAccountPassword(id, password) => {
            vault.put_account_password(id, password).await?;
            registry.renew_now(id, now).await?;
            for placed in registry.mailboxes_of(id).await? {
                registry.end_rest(&placed.mailbox.id, now).await?;
            }
        }
        Action::PutPassword(id, password) => {
            registry.forget_former(id).await?;
            vault.put_password(id, password).await?;
            registry.end_rest(id, now).await?;
        }
        Action::PutProvider(provider) => put_provider(deployment, provider, now).await?,
        Action::PutAccount(account) => registry.put_account(account, now).await?,
        Action::PutMailbox(mailbox) => registry.put_mailbox(mailbox, now).await?,
        Action::PutOwner(owner) => registry.put_owner(owner).await?,
        Action::PutBatch(batch) => registry.put_batch(batch, now, fastrand::f64()).await?,
        Action::DeleteMailbox(id) => {
            // The definition goes last, so that a plan made after a failure finds it again.
            vault.delete_password(id).await?;
            registry.delete_mailbox(id).await?;
        }
        Action::DeleteAccount(id) => delete_account(deployment, id, now).await?,
        Action::DeleteProvider(id) => {
            vault.delete_client_secret(id).await?;
            registry.delete_provider(id).await?;
        }
        Action::DeleteOwner(address) => registry.delete_owner(address).await?,
        Action::ForgetUndeliverable(address) => drop(registry.clear_undeliverable(address).await?),
    }
    Ok(())
}

/// Deletes an account, its tokens by the path on which they change, so that nobody who renews them at
/// this moment puts them back. The definition goes last, as a mailbox's does.
async fn delete_account(deployment: &Deployment, id: &AccountId, now: Timestamp) -> Result<(), Error> {
    deployment.tokens.forget(id, now.saturating_add(PATIENCE).unwrap_or(Timestamp::MAX)).await?;
    deployment.vault.delete_account_password(id).await?;
    Ok(deployment.registry.delete_account(id).await?)
}
