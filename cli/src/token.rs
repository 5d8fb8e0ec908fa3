//! `postroom token import`: puts what a token endpoint answered into the vault.
//!
//! An answer without a refresh token leaves the stored one valid (RFC 6749 section 6), so it is kept.
//! Mailboxes of the account that rest after a failure are tried again.

use crate::{Error, Outcome, args::ImportArgs, deployment::Deployment, status::moment};
use jiff::Timestamp;
use postroom_model::{AccountId, Auth, Mailbox, TokenSet};
use secrecy::{ExposeSecret, SecretString};
use std::{
    io::{self, Write},
    path::Path,
};

/// Stores a token set that was obtained at `now`, and says when it ends.
///
/// # Errors
/// [`Error`], when there is no such account, no token set in the file, or the deployment fails.
pub async fn import(
    deployment: &Deployment,
    args: &ImportArgs,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<Outcome, Error> {
    let id = &args.account;
    if deployment.registry.account(id).await?.is_none() {
        return Err(Error::Usage(format!("there is no account {id}: apply a manifest that has it first")));
    }
    let text = read(&args.from).map_err(|source| Error::Unreadable { file: args.from.clone(), source })?;
    let mut tokens = TokenSet::from_response(text.expose_secret(), now)
        .map_err(|source| Error::NoTokenSet { file: args.from.clone(), source })?;
    let brings_refresh_token = tokens.refresh_token.is_some();
    if !brings_refresh_token && let Some(stored) = stored(deployment, id).await? {
        tokens.refresh_token = stored.refresh_token;
        tokens.refresh_expires_at = stored.refresh_expires_at;
    }
    deployment.vault.put_token_set(id, &tokens).await?;
    let (access, refresh) = (tokens.expires_at, tokens.refresh_expires_at);
    let is_newest = deployment.registry.put_account_tokens(id, tokens.obtained_at, access, refresh).await?;
    let uses = |mailbox: &Mailbox| matches!(&mailbox.auth, Auth::Oauth(account) if account == id);
    for placed in deployment.registry.mailboxes().await?.iter().filter(|placed| uses(&placed.mailbox)) {
        deployment.registry.end_rest(&placed.mailbox.id, now).await?;
    }
    writeln!(out, "account {id}: the token set is in the vault")?;
    match access {
        Some(at) => writeln!(out, "    the access token ends {}", moment(at, now))?,
        None => writeln!(out, "    the file does not say when the access token ends")?,
    }
    if tokens.refresh_token.is_some() && !brings_refresh_token {
        writeln!(out, "    the file has no refresh token: the one in the vault is kept")?;
    }
    match (&tokens.refresh_token, refresh) {
        (Some(_), Some(at)) => writeln!(out, "    the refresh token ends {}", moment(at, now))?,
        (Some(_), None) => writeln!(out, "    it is not known when the refresh token ends")?,
        (None, _) => writeln!(
            out,
            "    warning: there is no refresh token: when the access token ends, a person must sign in again"
        )?,
    }
    if !is_newest {
        writeln!(out, "    warning: a token set that was obtained later was on record already")?;
    }
    if is_readable_by_others(&args.from) {
        let file = args.from.display();
        writeln!(
            out,
            "    warning: other users of this machine can read {file}: delete it, or `chmod 600` it"
        )?;
    }
    Ok(Outcome::Well)
}

/// The token set that the vault has. One that cannot be read counts as absent, so that importing mends it.
async fn stored(deployment: &Deployment, id: &AccountId) -> Result<Option<TokenSet>, Error> {
    match deployment.vault.token_set(id).await {
        Err(postroom_vault::Error::Unreadable { .. }) => Ok(None),
        found => Ok(found?),
    }
}

fn read(file: &Path) -> io::Result<SecretString> {
    let text = if file == Path::new("-") {
        io::read_to_string(io::stdin())?
    } else {
        std::fs::read_to_string(file)?
    };
    Ok(SecretString::from(text))
}

#[cfg(unix)]
fn is_readable_by_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file != Path::new("-") && std::fs::metadata(file).is_ok_and(|data| data.permissions().mode() & 0o044 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_file: &Path) -> bool {
    false
}
