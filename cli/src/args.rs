//! What can be asked of `postroom`.

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use jiff::SignedDuration;
use postroom_model::{AccountId, Interval, MailboxId, Protocol, Subject, Tls, amount};
use serde::Serialize;
use std::{fmt, path::PathBuf};

const EXIT_STATUS: &str = "\
Exit status: 0 it worked; 1 something failed; 2 the command line or the manifest is wrong.

The deployment is found through the outputs of its CloudFormation stack. Region, credentials and
endpoint come from the usual AWS environment (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, ...).";

/// Postroom's command line: mail from many mailboxes into S3, unattended.
#[derive(Debug, Parser)]
#[command(name = "postroom", version, after_help = EXIT_STATUS)]
pub struct Cli {
    /// The CloudFormation stack that Postroom is deployed as.
    #[arg(long, global = true, env = "POSTROOM_STACK", default_value = "postroom", value_name = "NAME")]
    pub stack: String,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the deployment in line with a manifest: its providers, accounts and mailboxes.
    ///
    /// The plan is shown first. Applying the same manifest again changes nothing. When anything is
    /// wrong with the manifest, everything that is wrong is reported, and nothing is applied.
    Apply(ApplyArgs),
    /// Bring in a list of mailboxes, CSV: one row a mailbox, with its password. Shows the plan unless
    /// --yes is given.
    ///
    /// The first line names the columns: host, port, protocol, tls, user, password or password_file, id,
    /// owners, folders, interval, tags, tag:NAME and other keys of a manifest's mailbox, and the usual
    /// other names of these. When anything is wrong with the list, everything that is wrong is reported,
    /// and nothing is imported. What is deployed and not in the list stays as it is.
    Import(ImportListArgs),
    /// Fetch mailboxes now, besides their schedule.
    Fetch(FetchArgs),
    /// Show how mailboxes and accounts are doing, and who must act.
    Status(StatusArgs),
    /// Show who was reminded of what and when, what comes next, and which addresses take no mail.
    Reminders(RemindersArgs),
    /// Connect and sign in to a mailbox without fetching, and explain each step.
    Check(CheckArgs),
    /// Have mailboxes sign in with an account's token instead of their passwords, or go back.
    ///
    /// Each is rehearsed first: connected to, signed in to and opened as it is to be. With --yes, those
    /// that can be are switched. Nothing is fetched a second time, and passwords stay in the vault.
    Migrate(MigrateArgs),
    /// Authorise an account: with a code on any device, or where nobody needs to consent, at once.
    Authorize(AuthorizeArgs),
    /// Handle accounts.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Handle the tokens of accounts.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Reckon what a deployment costs in a month, from counted calls and public prices. No AWS is needed.
    Cost(CostArgs),
}

/// `postroom apply`
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The manifest, in TOML.
    pub file: PathBuf,
    /// Show the plan and stop there.
    #[arg(long)]
    pub dry_run: bool,
    /// Delete what is deployed and not in the manifest. What is archived always stays.
    #[arg(long)]
    pub prune: bool,
}

/// `postroom import`
#[derive(Debug, Args)]
pub struct ImportListArgs {
    /// The list: UTF-8, with ',', ';' or tabs between the cells. Files that it names are beside it.
    pub file: PathBuf,
    /// Import it.
    #[arg(long)]
    pub yes: bool,
    /// Sign in to each mailbox first, and leave out those that do not work.
    #[arg(long)]
    pub check: bool,
    /// Write the mailboxes as a manifest too, without their passwords, to be kept and applied.
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Pass over a column of the list.
    #[arg(long, value_name = "COLUMN")]
    pub ignore: Vec<String>,
}

/// `postroom fetch`
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// The mailboxes to fetch.
    #[arg(required_unless_present = "all")]
    pub mailboxes: Vec<MailboxId>,
    /// Fetch every mailbox.
    #[arg(long, conflicts_with = "mailboxes")]
    pub all: bool,
    /// Look at everything again that the servers hold, by headers: what is archived stays as it is, what is
    /// not, such as a message in quarantine, is fetched. The list of quarantine begins anew.
    #[arg(long)]
    pub again: bool,
    /// Wait until each is done and print what came of it.
    #[arg(long)]
    pub wait: bool,
    /// How long to wait at most, such as 90s, 15m or 2h.
    #[arg(long, default_value = "15m", value_parser = positive, requires = "wait", value_name = "TIME")]
    pub timeout: SignedDuration,
}

/// `postroom status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Only these mailboxes and their accounts.
    pub mailboxes: Vec<MailboxId>,
    /// Print JSON for machines: stable names, times in RFC 3339.
    #[arg(long)]
    pub json: bool,
}

/// `postroom reminders`
#[derive(Debug, Args)]
pub struct RemindersArgs {
    /// Only of this: account:ID, provider:ID (its client secret or certificate), password:MAILBOX,
    /// incident:PROVIDER, mailbox:ID, address:MAIL-ADDRESS or schedule:batches.
    #[arg(long, value_name = "KIND:NAME")]
    pub subject: Option<Subject>,
    /// How many reminders that were sent and how many that come are shown at most.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..), value_name = "N")]
    pub limit: u16,
    /// Print JSON for machines: stable names, times in RFC 3339.
    #[arg(long)]
    pub json: bool,
}

/// `postroom check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The mailbox to sign in to.
    pub mailbox: MailboxId,
    /// Print the protocol conversation too; secrets are masked, and no mail is in it.
    #[arg(long)]
    pub transcript: bool,
}

/// `postroom migrate`
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("way").args(["to", "back"]).required(true))]
#[command(group = ArgGroup::new("which").args(["mailboxes", "all_of", "tag"]).required(true))]
pub struct MigrateArgs {
    /// The mailboxes.
    pub mailboxes: Vec<MailboxId>,
    /// All mailboxes at this server.
    #[arg(long, value_name = "HOST")]
    pub all_of: Option<String>,
    /// All mailboxes with this tag.
    #[arg(long, value_name = "NAME=VALUE", value_parser = tag)]
    pub tag: Option<(String, String)>,
    /// The account whose token opens them.
    #[arg(long, value_name = "ACCOUNT")]
    pub to: Option<AccountId>,
    /// Return to how they were before they were migrated.
    #[arg(long)]
    pub back: bool,
    /// Switch those whose rehearsal went well.
    #[arg(long)]
    pub yes: bool,
    /// Go back without a rehearsal.
    #[arg(long, requires = "back", conflicts_with = "to")]
    pub force: bool,
    /// The server, if it is neither the one of now, where the account opens mailboxes, nor the usual one
    /// of the account's provider.
    #[arg(long, conflicts_with = "back")]
    pub host: Option<String>,
    /// The protocol, if it is another than now.
    #[arg(long, value_enum, conflicts_with = "back")]
    pub protocol: Option<ProtocolArg>,
    /// The server's port; it stays with server, protocol and protection, and else is the usual one.
    #[arg(long, conflicts_with = "back", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// How the connection is protected; it stays with the server, and is TLS from the first byte at
    /// another.
    #[arg(long, value_enum, conflicts_with = "back")]
    pub tls: Option<TlsArg>,
    /// The user name, if it is another than now; for one mailbox.
    #[arg(long, conflicts_with = "back")]
    pub user: Option<String>,
}

/// A mail protocol.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ProtocolArg {
    /// IMAP.
    Imap,
    /// POP3.
    Pop3,
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum TlsArg {
    /// TLS from the first byte.
    Implicit,
    /// A plain connection that becomes TLS.
    Starttls,
    /// Not at all: only for hosts that the deployment allows.
    None,
}

impl From<ProtocolArg> for Protocol {
    fn from(protocol: ProtocolArg) -> Self {
        match protocol {
            ProtocolArg::Imap => Self::Imap,
            ProtocolArg::Pop3 => Self::Pop3,
        }
    }
}

impl From<TlsArg> for Tls {
    fn from(tls: TlsArg) -> Self {
        match tls {
            TlsArg::Implicit => Self::Implicit,
            TlsArg::Starttls => Self::Starttls,
            TlsArg::None => Self::None,
        }
    }
}

/// `postroom authorize`
#[derive(Debug, Args)]
pub struct AuthorizeArgs {
    /// The account to authorise.
    pub account: AccountId,
    /// Show an address and a code, with which the person signs in on any device, and wait for that.
    #[arg(long)]
    pub device: bool,
}

/// `postroom account`
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Revoke an account's authorization at its server, and forget its tokens.
    Revoke(RevokeArgs),
}

/// `postroom account revoke`
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// The account whose authorization ends.
    pub account: AccountId,
}

/// `postroom token`
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Put a token set into the vault: the JSON that a token endpoint answered with.
    Import(ImportArgs),
}

/// `postroom token import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The account that the tokens are for.
    pub account: AccountId,
    /// The file with the JSON, or - for standard input.
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
}

/// `postroom cost`
#[derive(Debug, Clone, Args)]
pub struct CostArgs {
    /// Mailboxes.
    #[arg(long, default_value_t = 150, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    pub mailboxes: u32,
    /// How often each is polled, as the manifest has it.
    #[arg(long, default_value_t)]
    pub interval: Interval,
    /// Messages that come to each mailbox in a day.
    #[arg(long, default_value_t = 10.0, value_parser = amount_of, value_name = "N")]
    pub messages: f64,
    /// How large a message is.
    #[arg(long, default_value = "60kB", value_parser = size, value_name = "SIZE")]
    pub message_size: u64,
    /// Attachments of each message that are unpacked, where mailboxes have `attachments = true`.
    #[arg(long, default_value_t = 0.0, value_parser = amount_of, value_name = "N")]
    pub attachments: f64,
    /// Accounts whose tokens open the mailboxes. Unless it is given, each opens fifty.
    #[arg(long, value_name = "N")]
    pub accounts: Option<u32>,
    /// Mailboxes that have a password of their own instead.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub passwords: u32,
    /// Seconds from connecting to a mailbox until it is known that nothing is new: five turns and the server's time
    /// to sign in. Those of a batch are polled at once, so it is the slowest of fifty that counts.
    #[arg(long, default_value_t = 0.5, value_parser = amount_of, value_name = "SECONDS")]
    pub poll_seconds: f64,
    /// The deployment's FetchConcurrency.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(2..=1000), value_name = "N")]
    pub concurrency: u32,
    /// The deployment's FetchMemory.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(256..=10240), value_name = "MIB")]
    pub memory: u32,
    /// The deployment's Architecture.
    #[arg(long, value_enum, default_value_t = ArchitectureArg::Arm64)]
    pub architecture: ArchitectureArg,
    /// With Tracing=no.
    #[arg(long)]
    pub no_tracing: bool,
    /// Months for which mail has come: all of it is kept.
    #[arg(long, default_value_t = 1.0, value_parser = amount_of, value_name = "N")]
    pub months: f64,
    /// Print JSON for machines: stable names, dollars as numbers.
    #[arg(long)]
    pub json: bool,
}

/// A processor architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
pub enum ArchitectureArg {
    /// AWS's Graviton.
    #[value(name = "arm64")]
    #[serde(rename = "arm64")]
    Arm64,
    /// Intel's and AMD's.
    #[value(name = "x86_64")]
    #[serde(rename = "x86_64")]
    X86_64,
}

impl fmt::Display for ArchitectureArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        })
    }
}

fn amount_of(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=1e6).contains(&number) => Ok(number),
        _ => Err("write a number from 0 to 1,000,000, such as 10 or 0.5".to_owned()),
    }
}

fn size(text: &str) -> Result<u64, String> {
    amount::bytes(text).ok_or_else(|| "write a size such as 60kB or 1.5 MB".to_owned())
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn positive(text: &str) -> Result<SignedDuration, String> {
    match text.parse::<SignedDuration>() {
        Ok(duration) if duration.is_positive() => Ok(duration),
        _ => Err("write a time such as 90s, 15m or 2h".to_owned()),
    }
}
