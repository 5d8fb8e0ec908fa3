//! Trying mailboxes out: connecting and signing in as `fetch` would, while somebody waits.
//!
//! Guarantees: nothing is stored, nothing changes at the mail server, and it ends in time. A mailbox
//! that does not work is a result, with the fault that `fetch` would record.

use crate::app::App;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use postroom_mail::{Credential, source::rehearse};
use postroom_model::{Account, Auth, Fault, FaultClass, Mailbox, MailboxId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest that somebody waits for one mailbox.
const LONGEST: Duration = Duration::from_secs(10);
/// Mailboxes of one account that are tried out at once, of however many.
const MOST: usize = 3;
/// Mailboxes whose rest is ended at the same time.
const AT_ONCE: usize = 16;

/// How trying a mailbox out went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trial {
    /// The mailbox.
    pub(crate) mailbox: MailboxId,
    /// How many messages its first folder has, or why it does not work.
    pub(crate) result: Result<u32, Fault>,
}

/// How trying an account's mailboxes out went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trials {
    /// Those that were tried.
    pub(crate) tried: Vec<Trial>,
    /// How many the account has.
    pub(crate) of: usize,
}

/// Connects to a mailbox, signs in and opens its first folder, without changing anything. The number
/// of messages in that folder.
///
/// # Errors
/// The fault that keeps the mailbox from working.
pub(crate) async fn try_out(app: &App, mailbox: &Mailbox) -> Result<u32, Fault> {
    let tried = in_time(async { attempt(app, mailbox, credential(app, mailbox).await?).await }).await;
    tried.inspect_err(|fault| {
        app.refusals.noted(fault.refusal.as_deref().cloned());
    })
}

/// As [`try_out`], for somebody who may just have mended what the mailbox's account rests for.
///
/// # Errors
/// As [`try_out`].
pub(crate) async fn try_anew(app: &App, mailbox: &Mailbox) -> Result<u32, Fault> {
    if let Auth::Oauth(account) = &mailbox.auth {
        app.tokens.end_rest(account).await.map_err(|error| error.fault())?;
    }
    try_out(app, mailbox).await
}

/// As [`try_out`], with a password that is not in the vault yet.
///
/// # Errors
/// As [`try_out`].
pub(crate) async fn try_password(app: &App, mailbox: &Mailbox, password: SecretString) -> Result<u32, Fault> {
    in_time(attempt(app, mailbox, Credential::Password(password))).await
}

async fn in_time(trial: impl Future<Output = Result<u32, Fault>>) -> Result<u32, Fault> {
    let limit = tokio::time::timeout(LONGEST, trial).await;
    limit.unwrap_or_else(|_| {
        let seconds = LONGEST.as_secs();
        Err(Fault::new(FaultClass::TimedOut, format!("the mailbox was not open after {seconds} s")))
    })
}

/// Tries some of an account's mailboxes out, and lets the schedule try all of them at once, because
/// what kept them from working may just have been mended.
///
/// # Errors
/// [`postroom_registry::Error`], when the account's mailboxes cannot be listed.
pub(crate) async fn try_account(app: &App, account: &Account) -> Result<Trials, postroom_registry::Error> {
    let mailboxes = app.registry.mailboxes_of(&account.id).await?;
    let now = app.now();
    let rested = mailboxes.iter().map(|placed| async move {
        if let Err(error) = app.registry.end_rest(&placed.mailbox.id, now).await {
            tracing::warn!(%error, mailbox = %placed.mailbox.id, "a mailbox rests on until its pause is over");
        }
    });
    let rested = stream::iter(rested.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).collect::<Vec<()>>();
    let tried = mailboxes.iter().take(MOST).map(|placed| async move {
        Trial { mailbox: placed.mailbox.id.clone(), result: try_out(app, &placed.mailbox).await }
    });
    let tried = futures::future::join_all(tried);
    // However many there are: whoever waits does not wait longer than for the mailboxes themselves.
    let (tried, _) = tokio::join!(tried, tokio::time::timeout(LONGEST, rested));
    Ok(Trials { tried, of: mailboxes.len() })
}

async fn attempt(app: &App, mailbox: &Mailbox, credential: Credential) -> Result<u32, Fault> {
    Ok(rehearse(&app.network, mailbox, &credential).await?.messages)
}

async fn credential(app: &App, mailbox: &Mailbox) -> Result<Credential, Fault> {
    match &mailbox.auth {
        Auth::Basic => {
            let password = app.vault.password(&mailbox.id).await;
            let password = password.map_err(|error| error.fault())?;
            password.ok_or_else(|| app.vault.no_password(&mailbox.id)).map(Credential::Password)
        }
        Auth::Oauth(account) => {
            let until = within(app.now(), LONGEST);
            let access = app.tokens.access(account, &mailbox.user, None, until).await?;
            Ok(Credential::AccessToken(access.tokens.access_token))
        }
    }
}

fn within(now: Timestamp, time: Duration) -> Timestamp {
    SignedDuration::try_from(time).ok().and_then(|time| now.checked_add(time).ok()).unwrap_or(now)
}
