//! `postroom authorize`: gets an account its token set.
//!
//! Where a person must consent, that person signs in on any device with a code (RFC 8628), or in the
//! console; where nobody must, a token is asked for at once. An identity that is not the account's
//! login is refused, one that the server was asked for and did not say, and a consent that lets no mail
//! be read; nothing changes then.

use crate::{
    Error, Outcome,
    args::AuthorizeArgs,
    deployment::Deployment,
    manifest::PASSWORD_GRANT,
    status::{faulted, moment, plain},
    token::{end_rests, tell_accepted, until},
};
use jiff::Timestamp;
use postroom_model::{Account, Actor, Fault, FaultClass, Grant};
use postroom_oauth::{
    Answer, Client, DeviceAuthorization, DevicePoll, IdentityError, is_enough, missing_scopes, scopes_of,
};
use postroom_tokens::{Consent, Demand, Error as TokensError, Outcome as Renewal, Registration};
use std::{io::Write, time::Duration};

/// What each `slow_down` adds to the pause between two polls (RFC 8628 section 3.5).
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// The shortest pause between two polls, whatever the server says.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause after a poll that did not reach the server.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Authorises an account, or says how.
///
/// # Errors
/// [`Error`], when there is no such account or the deployment cannot be asked. What the authorization
/// server refuses is said, and [`Outcome::NotWell`].
pub async fn authorize(
    deployment: &Deployment,
    args: &AuthorizeArgs,
    clock: fn() -> Timestamp,
    out: &mut dyn Write,
) -> Result<Outcome, Error> {
    let id = &args.account;
    let account = deployment.registry.account(id).await?;
    let account = account.ok_or_else(|| {
        Error::Usage(format!("there is no account {id}: apply a manifest that has it first"))
    })?;
    match account.grant {
        Grant::AuthorizationCode if !args.device => {
            writeln!(
                out,
                "account {id}: open {}/accounts/{id} and authorise it there",
                deployment.console_url
            )?;
            if let Some(login) = &account.login {
                writeln!(out, "    sign in as {login}")?;
            }
            writeln!(
                out,
                "    or run `postroom authorize {id} --device`, if the provider takes device codes"
            )?;
            Ok(Outcome::Well)
        }
        Grant::AuthorizationCode | Grant::DeviceCode => by_device(deployment, &account, clock, out).await,
        Grant::ClientCredentials | Grant::ServiceAccount | Grant::Password if args.device => {
            let reason = format!("account {id} needs nobody's consent: leave out --device");
            Err(Error::Usage(reason))
        }
        Grant::ClientCredentials | Grant::ServiceAccount | Grant::Password => {
            at_once(deployment, &account, clock, out).await
        }
    }
}

async fn by_device(
    deployment: &Deployment,
    account: &Account,
    clock: fn() -> Timestamp,
    out: &mut dyn Write,
) -> Result<Outcome, Error> {
    let registration = match deployment.tokens.registration(&account.provider).await {
        Ok(registration) => registration,
        Err(TokensError::Server(fault)) => {
            return faulted(out, "the authorization server is not usable", &fault);
        }
        Err(error) => return Err(error.into()),
    };
    let client = registration.client();
    let scopes = scopes_of(account, &registration.provider);
    let device = match client.start_device(scopes, clock()).await {
        Ok(device) => device,
        Err(fault) => return faulted(out, "the authorization server gives no device code", &fault),
    };
    show(account, &device, clock(), out)?;
    let answer = match wait(&client, &device, clock).await {
        Ok(answer) => answer,
        Err(fault) => return faulted(out, "the account was not authorised", &fault),
    };
    let now = clock();
    let missing = missing_scopes(scopes, answer.tokens.scope.as_deref());
    let identity = match identify(&registration, account, &answer, now).await {
        Ok(identity) if is_enough(scopes, &missing) => Ok(identity),
        Ok(_) => Err(format!(
            "what mail needs was asked for and not granted ({}); run the command again and accept every permission",
            missing.join(" ")
        )),
        Err(refusal) => Err(refusal),
    };
    let identity = match identity {
        Ok(identity) => identity,
        Err(refusal) => {
            writeln!(
                out,
                "account {}: not authorised, and nothing was changed: {}",
                account.id,
                plain(&refusal)
            )?;
            return Ok(Outcome::NotWell);
        }
    };
    let consent = Consent { at: now, identity: identity.clone() };
    let accepted = deployment.tokens.accept(&account.id, answer.tokens, consent, until(now)).await?;
    match (&identity, &account.login) {
        (Some(who), _) => writeln!(out, "account {}: authorised by {}", account.id, plain(who))?,
        (None, None) => writeln!(out, "account {}: authorised", account.id)?,
        (None, Some(login)) => {
            writeln!(out, "account {}: authorised", account.id)?;
            writeln!(out, "    the server did not say by whom: it could not be compared with {login}")?;
        }
    }
    tell_accepted(&accepted, now, out)?;
    end_rests(deployment, &account.id, now, out).await?;
    Ok(Outcome::Well)
}

/// Says where to sign in and with which code.
fn show(
    account: &Account,
    device: &DeviceAuthorization,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<(), Error> {
    match &account.login {
        Some(login) => writeln!(out, "account {}: on any device, sign in as {login}", account.id)?,
        None => writeln!(out, "account {}: on any device, sign in", account.id)?,
    }
    writeln!(out, "    at         {}", plain(device.verification_uri.as_str()))?;
    writeln!(out, "    with code  {}", plain(&device.user_code))?;
    if let Some(complete) = &device.verification_uri_complete {
        writeln!(out, "    or at      {}", plain(complete.as_str()))?;
    }
    writeln!(out, "waiting; the code ends {}", moment(device.expires_at, now))?;
    Ok(out.flush()?)
}

/// Polls until the person has decided (RFC 8628 section 3.5).
async fn wait(
    client: &Client<'_>,
    device: &DeviceAuthorization,
    clock: fn() -> Timestamp,
) -> Result<Answer, Fault> {
    let (mut interval, mut unreached) = (device.interval.max(SHORTEST_PAUSE), Duration::ZERO);
    loop {
        tokio::time::sleep(interval + unreached).await;
        match client.poll_device(device, clock()).await {
            Ok(DevicePoll::Answer(answer)) => return Ok(answer),
            Ok(DevicePoll::Pending) => unreached = Duration::ZERO,
            Ok(DevicePoll::SlowDown) => interval += SLOW_DOWN,
            Err(fault) if may_pass(&fault) && clock() < device.expires_at => {
                unreached = (interval + unreached).min(LONGEST_PAUSE);
            }
            Err(fault) => return Err(fault),
        }
    }
}

/// Whether the next poll may well succeed. An error that nobody has described yet is not one of those.
fn may_pass(fault: &Fault) -> bool {
    fault.class.actor() == Actor::Nobody && fault.class != FaultClass::Unknown
}

/// Who signed in, where the server says so. An error is a reason to refuse the tokens, in words.
async fn identify(
    registration: &Registration,
    account: &Account,
    answer: &Answer,
    now: Timestamp,
) -> Result<Option<String>, String> {
    let Some(id_token) = &answer.id_token else {
        return match registration.server.openid {
            true => Err("the server was asked who signed in, and did not say".to_owned()),
            false => Ok(None),
        };
    };
    let client = registration.client();
    let identity = match client.identity(id_token, None, now).await {
        Ok(identity) => client.with_userinfo(identity, &answer.tokens.access_token).await,
        Err(IdentityError::NotOffered) => return Ok(None),
        Err(error) => return Err(format!("who signed in could not be verified: {error}")),
    };
    let who = identity.shown().to_owned();
    match &account.login {
        Some(login) if !identity.is(login) => Err(format!(
            "{who} signed in, and the account is for {login}; run the command again and sign in as {login}"
        )),
        _ => Ok(Some(who)),
    }
}

/// Asks for a token in the app's own right, or with the account's password.
async fn at_once(
    deployment: &Deployment,
    account: &Account,
    clock: fn() -> Timestamp,
    out: &mut dyn Write,
) -> Result<Outcome, Error> {
    let (id, now) = (&account.id, clock());
    if account.grant == Grant::Password {
        writeln!(out, "warning: account {id} has the password grant: {PASSWORD_GRANT}")?;
    }
    // As if the present one had been refused: what works is to be seen now, not when it ends.
    let present = match deployment.vault.token_set(id).await {
        Err(postroom_vault::Error::Unreadable { .. }) => None,
        found => found?,
    };
    let demand = Demand::Stale { refused: present.map(|tokens| tokens.access_token) };
    // Perhaps somebody has just mended what it rests for.
    deployment.tokens.end_rest(id).await?;
    let renewal = deployment.tokens.renew(id, demand, until(now)).await?;
    let (what, tokens) = match renewal {
        Renewal::Refreshed(tokens) => ("a new token set is in the vault", tokens),
        Renewal::NotDue(tokens) => ("its token set has just been renewed", tokens),
        Renewal::ChangedUnderneath(tokens) => {
            ("somebody else has put a token set into the vault; that one counts", tokens)
        }
        Renewal::Transient { fault, retry_at } => {
            let what = format!("account {id} got no token; it is tried again {}", moment(retry_at, now));
            return faulted(out, &what, &fault);
        }
        Renewal::OwnerMustReauthorise(fault) | Renewal::OperatorMustMend(fault) => {
            return faulted(out, &format!("account {id} got no token"), &fault);
        }
    };
    writeln!(out, "account {id}: {what}")?;
    match tokens.expires_at {
        Some(at) => writeln!(out, "    the access token ends {}", moment(at, now))?,
        None => writeln!(out, "    it is not known when the access token ends")?,
    }
    end_rests(deployment, id, now, out).await?;
    Ok(Outcome::Well)
}
