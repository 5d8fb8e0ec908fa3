//! `postroom migrate`: has mailboxes sign in with an account's token instead of their passwords, and back.
//!
//! Guarantees: nothing is switched that was not rehearsed (connected to, signed in to and opened as it is
//! to be), unless somebody forces the way back, for which its password must be there; each mailbox is switched for itself, only as it was seen,
//! and what it was is kept. Cursors stay, so that nothing is fetched a second time. Passwords stay in the
//! vault.

mod candidate;
mod definitions;
mod table;

use crate::{
    Error, Outcome,
    args::MigrateArgs,
    deployment::Deployment,
    plan::counted,
    rehearsal::{Trial, credential, rehearse},
    token::until,
};
use candidate::{Candidate, Finding, backward, forward, selected};
use definitions::Definitions;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use postroom_mail::Credential;
use postroom_model::{AccountId, Auth, Fault, Mailbox};
use std::io::Write;
use table::{Table, changed_lines};

/// Requests to the deployment that are under way at once.
const AT_ONCE: usize = 16;
/// Mailboxes of one server that are signed in to at once with tokens.
const TOKENS_PER_HOST: usize = 8;
/// The same with passwords, which some servers count.
const PASSWORDS_PER_HOST: usize = 2;

/// Rehearses and switches mailboxes, one way or the other.
///
/// # Errors
/// [`Error`], when something that is named does not exist, or the deployment cannot be asked. What does
/// not work at a mail server is part of the table, and [`Outcome::NotWell`].
pub async fn migrate(
    deployment: &Deployment,
    args: &MigrateArgs,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<Outcome, Error> {
    let definitions = Definitions::load(deployment, now).await?;
    let seen = selected(deployment, args).await?;
    let mut candidates = match &args.to {
        Some(account) => forward(deployment, &definitions, args, account, seen).await?,
        None => backward(deployment, &definitions, seen).await?,
    };
    match args.force {
        true => looked_for_passwords(deployment, &mut candidates, now).await,
        false => rehearsed(deployment, &mut candidates, args, now).await?,
    }
    write!(out, "{}", Table(&candidates))?;
    let (ready, others): (Vec<Candidate>, Vec<Candidate>) =
        candidates.into_iter().partition(|candidate| candidate.finding.is_well());
    let stuck = others.iter().filter(|candidate| !matches!(candidate.finding, Finding::Already)).count();
    let mut outcome = if stuck == 0 { Outcome::Well } else { Outcome::NotWell };
    writeln!(out, "\n{} can be switched, {stuck} cannot", counted(ready.len(), "mailbox", "mailboxes"))?;
    if ready.is_empty() {
        return Ok(outcome);
    }
    if !args.yes {
        writeln!(out, "nothing was changed: --yes switches those that can be")?;
        return Ok(outcome);
    }
    out.flush()?;
    let switches = ready.iter().map(|candidate| switched(deployment, candidate, args.back, now));
    let done: Vec<bool> = stream::iter(switches).buffered(AT_ONCE).try_collect().await?;
    let (mut lines, mut number) = (String::new(), 0);
    for (Candidate { id, seen, to, .. }, is_done) in ready.iter().zip(done) {
        let Some(to) = to.as_ref().filter(|_| is_done) else {
            writeln!(out, "{id}: changed by somebody else meanwhile, and not switched")?;
            outcome = Outcome::NotWell;
            continue;
        };
        number += 1;
        lines += &changed_lines((seen, definitions.provider_of(seen)), (to, definitions.provider_of(to)));
    }
    writeln!(out, "switched {}", counted(number, "mailbox", "mailboxes"))?;
    if number > 0 {
        let back = if args.back { "switches them again" } else { "takes them back" };
        writeln!(
            out,
            "\nwhere a manifest has them, change it so, or the next `postroom apply` {back}:\n{lines}"
        )?;
    }
    Ok(outcome)
}

/// Rehearses what can be.
async fn rehearsed(
    deployment: &Deployment,
    candidates: &mut [Candidate],
    args: &MigrateArgs,
    now: Timestamp,
) -> Result<(), Error> {
    let mut open: Vec<&mut Candidate> = candidates
        .iter_mut()
        .filter(|candidate| matches!(candidate.finding, Finding::NotRehearsed))
        .collect();
    let targets: Vec<Mailbox> = open.iter().filter_map(|candidate| candidate.to.clone()).collect();
    let credentials = match &args.to {
        Some(account) => tokens(deployment, account, &targets, now).await,
        None => {
            let credentials = targets.iter().map(|mailbox| credential(deployment, mailbox, now));
            stream::iter(credentials).buffered(AT_ONCE).collect().await
        }
    };
    let trials: Vec<Trial<'_>> =
        targets.iter().zip(credentials).map(|(mailbox, credential)| Trial { mailbox, credential }).collect();
    let per_host = if args.back { PASSWORDS_PER_HOST } else { TOKENS_PER_HOST };
    let seen = rehearse(deployment, &trials, per_host).await?;
    for (candidate, seen) in open.iter_mut().zip(seen) {
        candidate.finding = seen.map_or_else(Finding::Failed, Finding::Opened);
    }
    Ok(())
}

/// Looks whether those that go back to their passwords still have them, because nobody tries them out.
async fn looked_for_passwords(deployment: &Deployment, candidates: &mut [Candidate], now: Timestamp) {
    let looked = candidates.iter_mut().map(|candidate| async move {
        let basic = candidate.to.as_ref().filter(|to| to.auth == Auth::Basic);
        let Some(to) = basic.filter(|_| matches!(candidate.finding, Finding::NotRehearsed)) else { return };
        let found = credential(deployment, to, now).await;
        candidate.finding = found.map_or_else(Finding::Failed, |_| Finding::HasPassword);
    });
    stream::iter(looked).buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// A token for each mailbox: the account's own, or where each user has one of its own, that.
async fn tokens(
    deployment: &Deployment,
    account: &AccountId,
    mailboxes: &[Mailbox],
    now: Timestamp,
) -> Vec<Result<Credential, Fault>> {
    let Some(first) = mailboxes.first() else { return Vec::new() };
    let token = |user: &str| {
        let user = user.to_owned();
        async move { deployment.tokens.access(account, &user, None, until(now)).await }
    };
    let first = token(&first.user).await;
    let shared = first.as_ref().map_or(true, |access| access.shared);
    let credential = |access: Result<postroom_tokens::Access, Fault>| {
        access.map(|access| Credential::AccessToken(access.tokens.access_token))
    };
    if shared {
        let credential = credential(first);
        return mailboxes.iter().map(|_| credential.clone()).collect();
    }
    let others = mailboxes[1..].iter().map(|mailbox| token(&mailbox.user));
    let others: Vec<_> = stream::iter(others).buffered(AT_ONCE).collect().await;
    std::iter::once(first).chain(others).map(credential).collect()
}

/// Switches a mailbox. `false`: it is not as it was seen any more.
async fn switched(
    deployment: &Deployment,
    Candidate { id, seen, to, .. }: &Candidate,
    back: bool,
    now: Timestamp,
) -> Result<bool, Error> {
    let registry = &deployment.registry;
    Ok(match to {
        Some(to) if back => registry.migrate_back(id, seen, to, now).await?,
        Some(to) => registry.migrate_mailbox(id, seen, to, now).await?,
        None => false,
    })
}
