//! Postroom's own IMAP client, reading as `fetch` does: sizes first, then texts in the same portions.

use crate::{
    Mailbox, Result,
    digest::{Message, Total},
};
use clap::Args;
use postroom_mail::{
    Credential, Network, NetworkSettings,
    imap::{self, Access, Entry, UidSet},
};
use postroom_model::{SaslPolicy, Server, Tls};
use std::{fs, time::Duration};
use tokio::runtime::Builder;

/// Messages and bytes of one command, as in `fetch`.
const COMMAND_MESSAGES: usize = 250;
const COMMAND_BYTES: u64 = 8 << 20;
const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    mailbox: Mailbox,
    /// Reads beside worker threads, as `fetch` does, instead of on the only thread.
    #[arg(long)]
    workers: bool,
}

/// Reads the whole INBOX.
pub(crate) fn read(options: &Options) -> Result<Total> {
    let mut runtime =
        if options.workers { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    runtime.enable_all().build()?.block_on(read_all(&options.mailbox))
}

async fn read_all(mailbox: &Mailbox) -> Result<Total> {
    let network = Network::new(NetworkSettings {
        extra_ca_pem: Some(fs::read_to_string(&mailbox.ca)?),
        allow_local: true,
        plaintext_hosts: Vec::new(),
        connect_timeout: TIMEOUT,
        idle_timeout: TIMEOUT,
    })?;
    let server = Server { host: "127.0.0.1".into(), port: mailbox.port, tls: Tls::Implicit };
    let credential = Credential::Password(mailbox.password.clone().into());
    let connection = imap::connect(&network, &server).await?;
    let mut session = connection.sign_in(&mailbox.user, &credential, SaslPolicy::Auto).await?;
    let opened = session.open("INBOX", Access::ReadOnly, Some(1), usize::MAX).await?;
    let listing = opened.listing.unwrap_or_default();
    let mut bodies = session.bodies(portions(&listing.entries));
    let mut total = Total::default();
    while let Some(mut body) = bodies.next().await? {
        let mut message = Message::default();
        while let Some(chunk) = body.chunk().await? {
            message.add(&chunk);
        }
        body.finish().await?;
        total.add(message);
    }
    session.logout().await;
    Ok(total)
}

fn portions(entries: &[Entry]) -> Vec<UidSet> {
    let mut sets = Vec::new();
    let (mut uids, mut bytes) = (Vec::new(), 0);
    for entry in entries {
        if uids.len() == COMMAND_MESSAGES || (bytes + entry.size > COMMAND_BYTES && !uids.is_empty()) {
            sets.extend(UidSet::split(std::mem::take(&mut uids)));
            bytes = 0;
        }
        uids.push(entry.uid);
        bytes += entry.size;
    }
    sets.extend(UidSet::split(uids));
    sets
}
