//! Postroom's own clients, reading as `fetch` does: by IMAP sizes first, then texts in the same portions;
//! by POP3 unique ids, sizes, then texts.

use crate::{
    Mailbox, Result,
    digest::{Message, Total},
};
use clap::Args;
use postroom_mail::{
    Credential, Network, NetworkSettings,
    imap::{self, Access, Entry, UidSet},
    pop3,
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
    /// Speaks POP3.
    #[arg(long)]
    pop3: bool,
    /// Reads beside worker threads, as `fetch` does, instead of on the only thread.
    #[arg(long)]
    workers: bool,
}

/// Reads the whole INBOX.
pub(crate) fn read(options: &Options) -> Result<Total> {
    let mut runtime =
        if options.workers { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    runtime.enable_all().build()?.block_on(read_all(options))
}

async fn read_all(options: &Options) -> Result<Total> {
    let mailbox = &options.mailbox;
    let network = Network::new(NetworkSettings {
        extra_ca_pem: Some(fs::read_to_string(&mailbox.ca)?),
        allow_local: true,
        plaintext_hosts: Vec::new(),
        connect_timeout: TIMEOUT,
        idle_timeout: TIMEOUT,
    })?;
    let server = Server { host: "127.0.0.1".into(), port: mailbox.port, tls: Tls::Implicit };
    match options.pop3 {
        true => by_pop3(mailbox, pop3::connect(&network, &server).await?).await,
        false => by_imap(mailbox, imap::connect(&network, &server).await?).await,
    }
}

async fn by_imap(mailbox: &Mailbox, connection: imap::Connection) -> Result<Total> {
    let mut session = connection.sign_in(&mailbox.user, &mailbox.credential(), SaslPolicy::Auto).await?;
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

async fn by_pop3(mailbox: &Mailbox, connection: pop3::Connection) -> Result<Total> {
    let mut session = connection.sign_in(&mailbox.user, &mailbox.credential(), SaslPolicy::Auto).await?;
    let mut listing = session.list().await?;
    session.list_sizes(&mut listing).await?;
    let mut bodies = session.retrieve(listing.iter().map(|message| message.number).collect());
    let mut total = Total::default();
    while let Some(mut body) = bodies.next().await? {
        let mut message = Message::default();
        while let Some(chunk) = body.chunk().await? {
            message.add(&chunk);
        }
        body.finish().await?;
        total.add(message);
    }
    session.quit().await?;
    Ok(total)
}

impl Mailbox {
    fn credential(&self) -> Credential {
        Credential::Password(self.password.clone().into())
    }
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
