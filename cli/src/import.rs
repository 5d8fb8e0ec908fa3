//! `postroom import`: brings in a list of mailboxes that somebody has in a spreadsheet.
//!
//! A list is planned and applied as a manifest is, and deletes nothing. Unless it is told to go ahead it
//! shows the plan and stops there.

use crate::{
    Error, Outcome,
    apply::{follow, resolved},
    args::ImportListArgs,
    deployment::Deployment,
    manifest::{Draft, Manifest, written},
    plan::{Deployed, Plan, counted},
    rehearsal::{Trial, rehearse},
    status::plain,
};
use jiff::Timestamp;
use postroom_mail::Credential;
use postroom_model::{Fault, FaultClass, MailboxId};
use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::Path,
};

/// Mailboxes of one server that are signed in to at once: some servers count that.
const PER_HOST: usize = 2;
/// What a manifest that is written begins with.
const HEAD: &str = "\
# Mailboxes as `postroom import` brought them in. Their passwords are not here: they lie in the vault, and
# stay valid for the same server and user. A new one is given by password = { env = \"NAME\" }.
";

/// Shows what importing a list would do, and does it if the arguments say so.
///
/// # Errors
/// The list's problems, all at once, before anything is imported; or what broke it off.
pub async fn import(
    deployment: &Deployment,
    draft: Draft,
    args: &ImportListArgs,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<Outcome, Error> {
    let (deployed, mut manifest) = resolved(deployment, draft, false).await?;
    let mut outcome = Outcome::Well;
    if args.check {
        let failed = check(deployment, &deployed, &manifest, out).await?;
        for id in &failed {
            manifest.mailboxes.remove(id);
            manifest.passwords.remove(id);
            outcome = Outcome::NotWell;
        }
    }
    let mut plan = Plan::new(&deployed, &manifest, false);
    // A list is never the whole.
    plan.left_alone.clear();
    writeln!(out, "{plan}")?;
    if let Some(file) = &args.manifest {
        write_manifest(file, &manifest)?;
        writeln!(
            out,
            "{} written to {}",
            counted(manifest.mailboxes.len(), "mailbox", "mailboxes"),
            file.display()
        )?;
    }
    if plan.steps.is_empty() {
        return Ok(outcome);
    }
    if !args.yes {
        writeln!(out, "nothing was changed: --yes imports the list")?;
        return Ok(outcome);
    }
    out.flush()?;
    let done = follow(deployment, &plan.steps, now).await?;
    writeln!(out, "applied {}", counted(done, "change", "changes"))?;
    Ok(outcome)
}

/// Signs in to every mailbox, and tells which of them do not work.
async fn check(
    deployment: &Deployment,
    deployed: &Deployed,
    manifest: &Manifest,
    out: &mut dyn Write,
) -> Result<Vec<MailboxId>, Error> {
    let trials = manifest.mailboxes.values().map(|mailbox| {
        let given = manifest.passwords.get(&mailbox.id).map(|password| &password.secret);
        let password = given.or_else(|| deployed.passwords.get(&mailbox.id)).cloned();
        let missing = || Fault::new(FaultClass::Configuration, "the mailbox has no password");
        Trial { mailbox, credential: password.map(Credential::Password).ok_or_else(missing) }
    });
    let trials: Vec<Trial<'_>> = trials.collect();
    writeln!(out, "signing in to {} …", counted(trials.len(), "mailbox", "mailboxes"))?;
    out.flush()?;
    let seen = rehearse(deployment, &trials, PER_HOST).await?;
    let mut failed = Vec::new();
    for (trial, seen) in trials.iter().zip(seen) {
        let Err(fault) = seen else { continue };
        let id = &trial.mailbox.id;
        let source =
            manifest.passwords.get(id).map(|password| format!(" (password from {})", password.source));
        writeln!(out, "FAILED  {id}{}", plain(&source.unwrap_or_default()))?;
        writeln!(out, "    {}: {}", fault.class, plain(&fault.reason))?;
        writeln!(out, "    who must act: {}. {}", fault.class.actor(), fault.class.advice())?;
        failed.push(id.clone());
    }
    let well = trials.len() - failed.len();
    match failed.len() {
        0 => writeln!(out, "every mailbox can be signed in to\n")?,
        number => writeln!(
            out,
            "{well} of {} can be signed in to; {number} left out of what follows\n",
            counted(trials.len(), "mailbox", "mailboxes")
        )?,
    }
    Ok(failed)
}

/// Writes the mailboxes as a manifest. A file that says something else already stays as it is.
fn write_manifest(file: &Path, manifest: &Manifest) -> Result<(), Error> {
    let entries = manifest.mailboxes.values().map(|mailbox| written::mailbox(mailbox, None));
    let text = format!("{HEAD}\n{}", entries.collect::<Vec<_>>().join("\n"));
    let unwritable = |source| Error::Unwritable { file: file.to_owned(), source };
    let created = OpenOptions::new().write(true).create_new(true).open(file);
    match created {
        Ok(mut created) => created.write_all(text.as_bytes()).map_err(unwritable),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            match std::fs::read_to_string(file).map_err(unwritable)? == text {
                true => Ok(()),
                false => Err(unwritable(error)),
            }
        }
        Err(error) => Err(unwritable(error)),
    }
}
