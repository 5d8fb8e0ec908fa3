//! What can be asked of `postroom`.

use clap::{Args, Parser, Subcommand};
use jiff::SignedDuration;
use postroom_model::{AccountId, MailboxId, Subject};
use std::path::PathBuf;

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
    /// Fetch mailboxes now, besides their schedule.
    Fetch(FetchArgs),
    /// Show how mailboxes and accounts are doing, and who must act.
    Status(StatusArgs),
    /// Show who was reminded of what and when, what comes next, and which addresses take no mail.
    Reminders(RemindersArgs),
    /// Connect and sign in to a mailbox without fetching, and explain each step.
    Check(CheckArgs),
    /// Authorise an account: with a code on any device, or where nobody needs to consent, at once.
    Authorize(AuthorizeArgs),
    /// Handle accounts.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Handle the tokens of accounts.
    #[command(subcommand)]
    Token(TokenCommand),
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

/// `postroom fetch`
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// The mailboxes to fetch.
    #[arg(required_unless_present = "all")]
    pub mailboxes: Vec<MailboxId>,
    /// Fetch every mailbox.
    #[arg(long, conflicts_with = "mailboxes")]
    pub all: bool,
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

fn positive(text: &str) -> Result<SignedDuration, String> {
    match text.parse::<SignedDuration>() {
        Ok(duration) if duration.is_positive() => Ok(duration),
        _ => Err("write a time such as 90s, 15m or 2h".to_owned()),
    }
}
