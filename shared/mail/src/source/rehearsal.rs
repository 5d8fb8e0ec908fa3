//! Trying a mailbox out: connecting and signing in as if to fetch, and counting what is there.
//!
//! Guarantees: nothing changes at the server. The folder is opened read-only, and a maildrop is counted
//! without being listed, which would take its time where it has a hundred thousand messages.
//!
//! Left out: where the credential comes from, and a limit for the whole.

use super::{Access, Source, connect_recorded};
use crate::{Credential, Error, Mechanism, Network};
use postroom_model::{Fault, FaultClass, Mailbox};

/// What was seen of a mailbox that opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rehearsed {
    /// How it signed in.
    pub mechanism: Mechanism,
    /// How many messages its first folder has.
    pub messages: u32,
}

/// Connects to a mailbox, signs in and opens its first folder.
///
/// # Errors
/// The fault that would keep it from being fetched.
pub async fn rehearse(
    network: &Network,
    mailbox: &Mailbox,
    credential: &Credential,
) -> Result<Rehearsed, Fault> {
    let fault = |error: Error| error.fault();
    let connected = connect_recorded(network, mailbox.protocol, &mailbox.server, None).await;
    let connection = connected.map_err(fault)?;
    let mechanism = connection.mechanism(credential, mailbox.sasl).map_err(fault)?;
    let signed_in = connection.sign_in(&mailbox.user, credential, mailbox.sasl).await;
    let mut source = signed_in.map_err(fault)?;
    let messages = count(&mut source, mailbox).await;
    // Nothing was changed that a goodbye could keep from being done.
    let _ = source.close().await;
    Ok(Rehearsed { mechanism, messages: messages? })
}

async fn count(source: &mut Source, mailbox: &Mailbox) -> Result<u32, Fault> {
    let fault = |error: Error| error.fault();
    let folders = source.resolve_folders(&mailbox.folders, &mailbox.exclude_folders).await.map_err(fault)?;
    let Some(folder) = folders.first() else {
        let reason = "every folder that the mailbox names is excluded: nothing is fetched";
        return Err(Fault::new(FaultClass::Folder, reason));
    };
    let messages = match source {
        Source::Imap(session) => {
            session.open(folder, Access::ReadOnly, None, 0).await.map(|opened| opened.exists)
        }
        Source::Pop3(session) => session.count().await.map(|count| count.messages),
    };
    messages.map_err(fault)
}
