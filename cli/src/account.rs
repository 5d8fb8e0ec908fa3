//! `postroom account revoke`: ends an account's authorization.

use crate::{
    Error, Outcome,
    args::RevokeArgs,
    deployment::Deployment,
    plan::counted,
    status::{faulted, moment},
    token::until,
};
use jiff::Timestamp;
use postroom_model::{Account, MailboxId};
use postroom_tokens::Revoked;
use std::io::Write;

/// Mailboxes that are named one by one.
const NAMED: usize = 10;

/// Revokes an account's authorization at its server where that is offered, forgets its tokens, and
/// says what stops working.
///
/// # Errors
/// [`Error`], when there is no such account or the deployment cannot be asked.
pub async fn revoke(
    deployment: &Deployment,
    args: &RevokeArgs,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<Outcome, Error> {
    let id = &args.account;
    let account = deployment.registry.account(id).await?;
    let account = account.ok_or_else(|| Error::Usage(format!("there is no account {id}")))?;
    let access_ends = deployment.registry.account_status(id).await?.access_expires_at;
    match deployment.tokens.revoke(id, until(now)).await? {
        Revoked::AtServer => {
            writeln!(out, "account {id}: revoked at the authorization server, and forgotten here")?;
        }
        Revoked::OnlyHere => {
            writeln!(out, "account {id}: forgotten here; the authorization server offers no revocation")?;
        }
        Revoked::Nothing => {
            writeln!(out, "account {id}: there are no tokens to revoke")?;
            if !account.grant.needs_consent() {
                RENEWED.iter().try_for_each(|line| writeln!(out, "    {line}"))?;
            }
            return Ok(Outcome::Well);
        }
        Revoked::Refused(fault) => {
            let what = format!("account {id}: not revoked, and nothing was forgotten");
            return faulted(out, &what, &fault);
        }
    }
    let mailboxes = deployment.registry.mailboxes_of(id).await?;
    let mailboxes: Vec<MailboxId> = mailboxes.into_iter().map(|placed| placed.mailbox.id).collect();
    let lines = outstanding(access_ends, now).into_iter().chain(consequences(&account, &mailboxes));
    lines.into_iter().try_for_each(|line| writeln!(out, "    {line}"))?;
    Ok(Outcome::Well)
}

/// What is told where nobody's consent was needed.
const RENEWED: [&str; 2] = [
    "nobody's consent was needed, so the next fetch gets a new token; to keep it from that,",
    "delete the account from the manifest, or take the app's rights away at the provider",
];

/// What an access token that was issued already is good for: a warm `fetch` may have it, and a mail server
/// need not ask the authorization server about it. `None`: it has ended.
fn outstanding(access_ends: Option<Timestamp>, now: Timestamp) -> Option<String> {
    match access_ends {
        Some(end) if end <= now => None,
        Some(end) => Some(format!("what was issued may open mailboxes until it ends: {}", moment(end, now))),
        None => Some("what was issued may open mailboxes until it ends".to_owned()),
    }
}

/// What stops working.
fn consequences(account: &Account, mailboxes: &[MailboxId]) -> Vec<String> {
    let id = &account.id;
    if !account.grant.needs_consent() {
        return RENEWED.map(str::to_owned).into();
    }
    let mut names: Vec<&str> = mailboxes.iter().take(NAMED).map(MailboxId::as_str).collect();
    if mailboxes.len() > NAMED {
        names.push("…");
    }
    let affected = match mailboxes {
        [] => "no mailbox signs in with it".to_owned(),
        [one] => format!("then mailbox {one} is not fetched any more"),
        all => {
            let number = counted(all.len(), "mailbox", "mailboxes");
            format!("then {number} are not fetched any more: {}", names.join(", "))
        }
    };
    vec![affected, format!("to authorise it again: `postroom authorize {id}`")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use postroom_model::Grant;

    #[test]
    fn what_stops_working_depends_on_the_grant_and_the_mailboxes() {
        let account = |grant| Account {
            id: "team".parse().expect("id"),
            provider: "sso".parse().expect("id"),
            grant,
            login: None,
            scopes: Vec::new(),
            owners: Vec::new(),
            reauthorise_every: None,
        };
        let mailboxes: Vec<MailboxId> =
            (10..30).map(|number| format!("m-{number}").parse().expect("id")).collect();
        let first = |grant, number: usize| consequences(&account(grant), &mailboxes[..number]).remove(0);
        let consent = Grant::AuthorizationCode;
        assert_eq!(first(consent, 0), "no mailbox signs in with it");
        assert_eq!(first(consent, 1), "then mailbox m-10 is not fetched any more");
        assert_eq!(first(consent, 2), "then 2 mailboxes are not fetched any more: m-10, m-11");
        assert!(first(consent, 20).ends_with("m-18, m-19, …"));
        for grant in [Grant::ClientCredentials, Grant::ServiceAccount, Grant::Password] {
            assert!(first(grant, 1).starts_with("nobody's consent was needed"), "{grant:?}");
        }
    }

    #[test]
    fn what_was_issued_is_good_until_it_ends() {
        let at = |second| Timestamp::from_second(second).expect("in range");
        let said = |end: Option<i64>| outstanding(end.map(at), at(0)).unwrap_or_default();
        assert!(said(Some(3600)).ends_with("until it ends: in 60 min (1970-01-01 01:00 UTC)"));
        assert!(said(None).ends_with("until it ends"));
        assert_eq!(said(Some(0)), "");
    }
}
