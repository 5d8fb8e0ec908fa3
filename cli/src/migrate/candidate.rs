//! The mailboxes that are to be switched: as they are, as they are to be, and what is known of that.

use super::{AT_ONCE, definitions::Definitions};
use crate::{Error, args::MigrateArgs, deployment::Deployment, fetch::refuse_unknown};
use futures::{StreamExt, TryStreamExt, stream};
use postroom_mail::source::Rehearsed;
use postroom_model::{AccountId, Fault, Home, Mailbox, MailboxId, Move, is_at_home};
use std::collections::BTreeSet;

/// Mailboxes of the account that are looked at to know where it is at home.
const LOOKED_AT: usize = 100;

/// A mailbox that is to be switched.
pub(super) struct Candidate {
    pub(super) id: MailboxId,
    /// As it is now.
    pub(super) seen: Mailbox,
    /// As it is to be, if that is known.
    pub(super) to: Option<Mailbox>,
    pub(super) finding: Finding,
    /// Its messages in the archive.
    pub(super) archived: u64,
}

/// What is known of a switch.
pub(super) enum Finding {
    /// It works.
    Opened(Rehearsed),
    /// It does not.
    Failed(Fault),
    /// It is not allowed, or makes no sense.
    Refused(Vec<String>),
    /// Nobody tried.
    NotRehearsed,
    /// Nobody tried, but its password is in the vault.
    HasPassword,
    /// It is as it should be.
    Already,
}

impl Finding {
    /// Whether nothing stands in the way of the switch, as far as that was looked at.
    pub(super) fn is_well(&self) -> bool {
        matches!(self, Self::Opened(_) | Self::NotRehearsed | Self::HasPassword)
    }
}

/// The mailboxes that the command line names, as they are now, and how much of each is archived.
pub(super) async fn selected(
    deployment: &Deployment,
    args: &MigrateArgs,
) -> Result<Vec<(Mailbox, u64)>, Error> {
    let registry = &deployment.registry;
    let ids: Vec<MailboxId> = if args.mailboxes.is_empty() {
        let all = registry.mailboxes().await?.into_iter().map(|placed| placed.mailbox);
        let host = |mailbox: &Mailbox| {
            args.all_of.as_ref().is_none_or(|host| mailbox.server.host.eq_ignore_ascii_case(host))
        };
        let tag = |mailbox: &Mailbox| {
            args.tag.as_ref().is_none_or(|(name, value)| mailbox.tags.get(name) == Some(value))
        };
        all.filter(|mailbox| host(mailbox) && tag(mailbox)).map(|mailbox| mailbox.id).collect()
    } else {
        args.mailboxes.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect()
    };
    if ids.is_empty() {
        return Err(Error::Usage("no mailbox is like that; `postroom status` lists what there is".into()));
    }
    if args.user.is_some() && ids.len() > 1 {
        return Err(Error::Usage(format!("--user is for one mailbox, and {} are meant", ids.len())));
    }
    let loaded = registry.load(&ids).await?;
    refuse_unknown(&args.mailboxes, &loaded.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>())?;
    let mut seen = Vec::with_capacity(loaded.len());
    for (_, mailbox) in loaded {
        let mailbox = mailbox?;
        seen.push((mailbox.placed.mailbox, mailbox.state.messages));
    }
    seen.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
    Ok(seen)
}

/// Mailboxes as they are to be with the account.
pub(super) async fn forward(
    deployment: &Deployment,
    definitions: &Definitions<'_>,
    args: &MigrateArgs,
    account: &AccountId,
    seen: Vec<(Mailbox, u64)>,
) -> Result<Vec<Candidate>, Error> {
    let MigrateArgs { host, protocol, port, tls, user, .. } = args.clone();
    let to = Move { protocol: protocol.map(Into::into), host, port, tls: tls.map(Into::into), user };
    let provider = definitions.provider_of_account(account);
    let provider = provider.ok_or_else(|| {
        Error::Usage(format!("there is no account {account}: apply a manifest that has it first"))
    })?;
    let its = deployment.registry.first_mailboxes_of(account, LOOKED_AT).await?;
    let its: Vec<Mailbox> = its.into_iter().map(|placed| placed.mailbox).collect();
    let home = Home { account, provider, mailboxes: &its };
    Ok(seen
        .into_iter()
        .map(|(seen, archived)| {
            let wanted = to.target(&seen, definitions.provider_of(&seen), &home);
            let finding = match definitions.check(&wanted) {
                Err(reasons) => Finding::Refused(reasons),
                Ok(()) if to.host.is_none() && !gets_tokens(&wanted, &seen, &home) => {
                    Finding::Refused(vec![stranger(&wanted.server.host, account)])
                }
                Ok(()) if wanted == seen => Finding::Already,
                Ok(()) => Finding::NotRehearsed,
            };
            Candidate { id: seen.id.clone(), seen, to: Some(wanted), finding, archived }
        })
        .collect())
}

/// Whether the account's tokens go to the mailbox's host without anybody's word: it has mail there.
fn gets_tokens(wanted: &Mailbox, seen: &Mailbox, home: &Home<'_>) -> bool {
    let host = &wanted.server.host;
    let is_there = wanted.auth == seen.auth && seen.server.host.eq_ignore_ascii_case(host);
    is_there || is_at_home(host, wanted.protocol, Some(home.provider), home.mailboxes)
}

fn stranger(host: &str, account: &AccountId) -> String {
    format!(
        "account {account} is not at home at {host}, which would get its token: --host {host} says that it is meant"
    )
}

/// Mailboxes as they were before they were migrated. What is not about fetching stays as it is now.
pub(super) async fn backward(
    deployment: &Deployment,
    definitions: &Definitions<'_>,
    seen: Vec<(Mailbox, u64)>,
) -> Result<Vec<Candidate>, Error> {
    let candidates = seen.into_iter().map(|(seen, archived)| async move {
        let former = deployment.registry.former(&seen.id).await?;
        let to = former.map(|former| former.restored(&seen));
        let finding = match to.as_ref().map(|to| definitions.check(to)) {
            None => Finding::Refused(vec!["it was not migrated, so that there is no way back".to_owned()]),
            Some(Err(reasons)) => Finding::Refused(reasons),
            Some(Ok(())) => Finding::NotRehearsed,
        };
        Ok::<_, Error>(Candidate { id: seen.id.clone(), seen, to, finding, archived })
    });
    stream::iter(candidates).buffered(AT_ONCE).try_collect().await
}
