//! `postroom token import`: puts what a token endpoint answered into the vault.

use crate::{Error, Outcome, args::ImportArgs, deployment::Deployment, status::moment};
use jiff::Timestamp;
use postroom_model::TokenSet;
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
    let tokens = TokenSet::from_response(text.expose_secret(), now)
        .map_err(|source| Error::NoTokenSet { file: args.from.clone(), source })?;
    deployment.vault.put_token_set(id, &tokens).await?;
    let (access, refresh) = (tokens.expires_at, tokens.refresh_expires_at);
    let is_newest = deployment.registry.put_account_tokens(id, tokens.obtained_at, access, refresh).await?;
    writeln!(out, "account {id}: the token set is in the vault")?;
    match access {
        Some(at) => writeln!(out, "    the access token ends {}", moment(at, now))?,
        None => writeln!(out, "    the file does not say when the access token ends")?,
    }
    match (&tokens.refresh_token, refresh) {
        (Some(_), Some(at)) => writeln!(out, "    the refresh token ends {}", moment(at, now))?,
        (Some(_), None) => writeln!(out, "    the file does not say when the refresh token ends")?,
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
