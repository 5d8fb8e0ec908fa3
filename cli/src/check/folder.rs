//! The folders of an IMAP mailbox, as `postroom check` tells them.

use super::step::Steps;
use crate::{Error, Outcome};
use postroom_mail::{Error as MailError, imap::Access, source::Source};
use postroom_model::{Fault, FaultClass, Mailbox};

/// Folders that are opened, or named where one is missing.
const FOLDERS_SHOWN: usize = 50;

/// Opens every folder that is fetched, read-only.
pub(super) async fn check(
    steps: &mut Steps<'_>,
    mailbox: &Mailbox,
    source: &mut Source,
) -> Result<Outcome, Error> {
    let folders = match source.resolve_folders(&mailbox.folders, &mailbox.exclude_folders).await {
        Ok(folders) => folders,
        Err(error) => return failed(steps, &error, source).await,
    };
    if folders.is_empty() {
        let reason = "\"exclude_folders\" names every folder that \"folders\" does: nothing is fetched";
        return steps.failed("folder", &Fault::new(FaultClass::Folder, reason));
    }
    let mut outcome = Outcome::Well;
    for folder in folders.iter().take(FOLDERS_SHOWN) {
        let Source::Imap(session) = &mut *source else { return Ok(outcome) };
        match session.open(folder, Access::ReadOnly, None, 0).await {
            Ok(opened) => {
                let messages = if opened.exists == 1 { "message" } else { "messages" };
                steps.done("folder", &format!("{folder:?} has {} {messages}", opened.exists))?;
            }
            Err(error) => {
                outcome = failed(steps, &error, source).await?;
                if !error.leaves_session_usable() {
                    return Ok(outcome);
                }
            }
        }
    }
    if folders.len() > FOLDERS_SHOWN {
        steps.done("folder", &format!("and {} more, not opened here", folders.len() - FOLDERS_SHOWN))?;
    }
    Ok(outcome)
}

/// Says what is wrong with a folder, and which folders there are.
async fn failed(steps: &mut Steps<'_>, error: &MailError, source: &mut Source) -> Result<Outcome, Error> {
    let outcome = steps.failed("folder", &error.fault())?;
    if let Source::Imap(session) = source
        && error.leaves_session_usable()
        && let Ok(all) = session.list("*").await
    {
        let openable = all.iter().filter(|folder| folder.selectable);
        let names: Vec<String> =
            openable.take(FOLDERS_SHOWN).map(|folder| format!("{:?}", folder.display)).collect();
        steps.more(&format!("there are: {}", names.join(", ")))?;
    }
    Ok(outcome)
}
