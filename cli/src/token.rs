//! `postroom token import`: puts what a token endpoint answered into the vault.
//!
//! It takes the place of what was there as a consent does: an answer without a refresh token leaves
//! the stored one valid (RFC 6749 section 6), so that one is kept. Mailboxes of the account that rest
//! after a failure are tried again.

use crate::{
    Error, Outcome,
    args::ImportArgs,
    deployment::Deployment,
    plan::counted,
    status::{because, moment},
};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{AccountId, TokenSet};
use postroom_tokens::{Accepted, Consent};
use secrecy::{ExposeSecret, SecretString};
use std::{
    io::{self, Write},
    path::Path,
};

/// How long somebody else may keep an account's token set busy before a command gives up: longer than
/// the lease of one that died.
const PATIENCE: SignedDuration = SignedDuration::from_secs(150);

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
    let tokens = TokenSet::from_response(text.expose_secret(), now)
        .map_err(|source| Error::NoTokenSet { file: args.from.clone(), source })?;
    let brings_refresh_token = tokens.refresh_token.is_some();
    let consent = Consent { at: now, identity: None };
    let accepted = deployment.tokens.accept(id, tokens, consent, until(now)).await?;
    writeln!(out, "account {id}: the token set is in the vault")?;
    if accepted.tokens.refresh_token.is_some() && !brings_refresh_token {
        writeln!(out, "    the file has no refresh token: the one in the vault is kept")?;
    }
    tell_accepted(&accepted, now, out)?;
    end_rests(deployment, id, now, out).await?;
    if is_readable_by_others(&args.from) {
        let file = args.from.display();
        writeln!(
            out,
            "    warning: other users of this machine can read {file}: delete it, or `chmod 600` it"
        )?;
    }
    Ok(Outcome::Well)
}

/// Until when a command that began at `now` waits for an account's token set.
pub(crate) fn until(now: Timestamp) -> Timestamp {
    now.saturating_add(PATIENCE).unwrap_or(Timestamp::MAX)
}

/// Says how long a token set lasts, and what it lacks.
pub(crate) fn tell_accepted(accepted: &Accepted, now: Timestamp, out: &mut dyn Write) -> Result<(), Error> {
    let Accepted { tokens, ends, missing_scopes } = accepted;
    match tokens.expires_at {
        Some(at) => writeln!(out, "    the access token ends {}", moment(at, now))?,
        None => writeln!(out, "    it is not known when the access token ends")?,
    }
    match (&tokens.refresh_token, ends) {
        (Some(_), Some(ends)) => {
            let because = because(ends.governs);
            writeln!(out, "    the authorization ends {}, because {because}", moment(ends.at, now))?;
        }
        (Some(_), None) => writeln!(out, "    it is not known when the authorization ends")?,
        (None, _) => writeln!(
            out,
            "    warning: there is no refresh token: when the access token ends, a person must sign in again"
        )?,
    }
    if !missing_scopes.is_empty() {
        writeln!(out, "    warning: asked for and not granted: {}", missing_scopes.join(" "))?;
    }
    Ok(())
}

/// Has the schedule try the account's mailboxes again that rest after a failure.
pub(crate) async fn end_rests(
    deployment: &Deployment,
    id: &AccountId,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let mut ended = 0;
    for placed in deployment.registry.mailboxes_of(id).await? {
        ended += usize::from(deployment.registry.end_rest(&placed.mailbox.id, now).await?);
    }
    if ended > 0 {
        let number =
            counted(ended, "mailbox that failed is tried again", "mailboxes that failed are tried again");
        writeln!(out, "    {number} at the next poll")?;
    }
    Ok(())
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
