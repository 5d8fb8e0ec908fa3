//! Trying mailboxes out before something is changed: connecting and signing in as `fetch` would, many
//! side by side.
//!
//! Nothing is stored, and nothing changes at a mail server: folders are opened read-only, and a POP3
//! session marks nothing.

use crate::{Error, deployment::Deployment, token::until};
use futures::future::join_all;
use jiff::Timestamp;
use postroom_mail::{
    Credential,
    source::{Rehearsed, rehearse as try_out},
};
use postroom_model::{Auth, Fault, FaultClass, Mailbox};
use std::{collections::HashMap, time::Duration};
use tokio::{sync::Semaphore, time::timeout};

/// Rehearsals that are under way at once.
const AT_ONCE: usize = 8;
/// How long one may take, whatever its server does.
const LONGEST: Duration = Duration::from_secs(60);

/// A mailbox, and what it is tried out with.
pub(crate) struct Trial<'m> {
    pub(crate) mailbox: &'m Mailbox,
    pub(crate) credential: Result<Credential, Fault>,
}

/// Tries mailboxes out, at most `per_host` of one server at once; what came of each, in their order.
///
/// # Errors
/// [`Error`], when this machine cannot make connections at all.
pub(crate) async fn rehearse(
    deployment: &Deployment,
    trials: &[Trial<'_>],
    per_host: usize,
) -> Result<Vec<Result<Rehearsed, Fault>>, Error> {
    let network = deployment.network()?;
    let stage = Semaphore::new(AT_ONCE);
    let mut hosts: HashMap<String, Semaphore> = HashMap::new();
    for trial in trials {
        let host = trial.mailbox.server.host.to_ascii_lowercase();
        hosts.entry(host).or_insert_with(|| Semaphore::new(per_host));
    }
    let (network, stage, hosts) = (&network, &stage, &hosts);
    let rehearsals = trials.iter().map(|trial| async move {
        let credential = trial.credential.as_ref().map_err(Clone::clone)?;
        // First the server's turn: who waits for that keeps nobody else from the stage.
        let _turn = match hosts.get(&trial.mailbox.server.host.to_ascii_lowercase()) {
            Some(host) => host.acquire().await.ok(),
            None => None,
        };
        let _place = stage.acquire().await.ok();
        timeout(LONGEST, try_out(network, trial.mailbox, credential)).await.unwrap_or_else(|_| {
            let reason = format!("the mailbox was not open after {} s", LONGEST.as_secs());
            Err(Fault::new(FaultClass::TimedOut, reason))
        })
    });
    Ok(join_all(rehearsals).await)
}

/// The password or token that `fetch` would sign in with; a token that is stale is renewed.
pub(crate) async fn credential(
    deployment: &Deployment,
    mailbox: &Mailbox,
    now: Timestamp,
) -> Result<Credential, Fault> {
    match &mailbox.auth {
        Auth::Basic => {
            let password = deployment.vault.password(&mailbox.id).await;
            let password = password.map_err(|error| error.fault())?;
            password.map(Credential::Password).ok_or_else(|| deployment.vault.no_password(&mailbox.id))
        }
        Auth::Oauth(account) => {
            let access = deployment.tokens.access(account, &mailbox.user, None, until(now)).await?;
            Ok(Credential::AccessToken(access.tokens.access_token))
        }
    }
}
