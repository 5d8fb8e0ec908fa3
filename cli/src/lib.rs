//! What the command `postroom` does, callable without a command line.
//!
//! A manifest is read ([`manifest`]), compared with what is deployed ([`plan`]) and applied
//! ([`apply`]); lists of mailboxes are brought in the same way ([`import`]); mailboxes are fetched on demand ([`fetch`]), watched ([`status`], [`reminders`]) and tried
//! out ([`check`]), and come to sign in another way ([`migrate`]); accounts are authorised ([`authorize`]) and revoked ([`account`]), and tokens brought
//! in ([`token`]). What it all costs is reckoned without looking at any of it ([`cost`]).
//! Everything that is printed goes to a writer that is passed in; the clock, too, is the caller's. No
//! secret is ever printed.

pub mod account;
pub mod apply;
pub mod args;
pub mod authorize;
pub mod check;
pub mod cost;
pub mod deployment;
pub mod fetch;
pub mod import;
pub mod manifest;
pub mod migrate;
pub mod plan;
mod rehearsal;
pub mod reminders;
pub mod status;
pub mod token;

use args::{AccountCommand, Cli, Command, ImportListArgs, TokenCommand};
use aws_config::BehaviorVersion;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use deployment::Deployment;
use jiff::Timestamp;
use manifest::{Draft, Problems, SecretSources};
use postroom_model::NotATokenSet;
use std::{
    error::Error as StdError,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// How a command ended that could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Well,
    /// It did its work, and found or caused something that is not well; it has said so.
    NotWell,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(Problems),
    /// The manifest is wrong, and what it says about the deployment could not even be looked at.
    #[error("{problems}\nwhat it refers to could not be checked")]
    ManifestAlone {
        /// What is wrong with it for itself.
        problems: Problems,
        /// Why there was nothing to check it against.
        #[source]
        because: Box<Error>,
    },
    /// The command line names something that does not exist.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be read.
    #[error("cannot read {file}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {file}")]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A list is no text that can be read.
    #[error("{file} is no text in UTF-8 (see line {line}): save it as \"CSV UTF-8\"")]
    NotText {
        /// The file.
        file: PathBuf,
        /// The line of the first byte that is none.
        line: usize,
    },
    /// A file holds no token set.
    #[error("{file} holds no token set")]
    NoTokenSet {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        #[source]
        source: NotATokenSet,
    },
    /// No region is configured.
    #[error("no AWS region is configured: set AWS_REGION, or AWS_PROFILE to a profile that has one")]
    NoRegion,
    /// No credentials were found.
    #[error(
        "no AWS credentials were found: sign in (`aws sso login`), or set AWS_PROFILE or the AWS_* variables"
    )]
    NoCredentials(#[source] Option<Box<dyn StdError + Send + Sync>>),
    /// The stack is not there.
    #[error(
        "there is no stack {stack:?} in region {region}: name it with --stack or POSTROOM_STACK, set the region, or deploy it"
    )]
    NoStack {
        /// The stack that was looked for.
        stack: String,
        /// Where.
        region: String,
    },
    /// The stack is there, but it is none of ours, or not complete.
    #[error(
        "stack {stack:?} lacks {what}: it is no Postroom, or it is older than this command; deploy it again"
    )]
    IncompleteStack {
        /// The stack.
        stack: String,
        /// What it lacks.
        what: &'static str,
    },
    /// AWS refused, failed, or was not reached.
    #[error("AWS could not {doing}: {reason}")]
    Aws {
        /// What was asked of it.
        doing: &'static str,
        /// What it said.
        reason: String,
    },
    /// The registry could not answer.
    #[error(transparent)]
    Registry(#[from] postroom_registry::Error),
    /// The vault could not answer.
    #[error(transparent)]
    Vault(#[from] postroom_vault::Error),
    /// Token sets could not be handled.
    #[error(transparent)]
    Tokens(#[from] postroom_tokens::Error),
    /// Requests cannot be made from this machine, or not with this deployment's settings.
    #[error(transparent)]
    Http(#[from] postroom_oauth::HttpError),
    /// Connections cannot be made from this machine, or not with this deployment's settings.
    #[error(transparent)]
    Network(#[from] postroom_mail::NetworkError),
    /// Applying broke off.
    #[error("{done} of {all} changes were applied; run the same command again to continue")]
    BrokenOff {
        /// Changes that were made.
        done: usize,
        /// Changes that were planned.
        all: usize,
        /// Why it broke off.
        #[source]
        because: Box<Error>,
    },
    /// What was to be printed could not be.
    #[error("cannot write the output")]
    Output(#[from] io::Error),
}

impl Error {
    /// The process's exit status.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Manifest(_)
            | Self::ManifestAlone { .. }
            | Self::Usage(_)
            | Self::NoTokenSet { .. }
            | Self::NotText { .. } => 2,
            _ => 1,
        }
    }

    /// The error with all that led to it, as a person reads it: nothing in it steers a terminal.
    pub fn report(&self) -> String {
        let mut sentence = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            sentence = format!("{sentence}: {cause}");
            source = cause.source();
        }
        let lines: Vec<String> = sentence.lines().map(status::plain).collect();
        lines.join("\n")
    }

    fn aws<E>(doing: &'static str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let reason = match (error.code(), error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            (None, _) => innermost(error),
        };
        Self::Aws { doing, reason }
    }
}

/// What the last of an error's sources says: why a request never came to an answer.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Does what the command line asks for.
///
/// # Errors
/// [`Error`], when it could not.
pub async fn run(cli: Cli, clock: fn() -> Timestamp, out: &mut dyn Write) -> Result<Outcome, Error> {
    let find = async || {
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        Deployment::find(&cli.stack, &config, clock).await
    };
    let now = clock();
    match cli.command {
        Command::Apply(args) => {
            let draft = draft(&args.file, now)?;
            match find().await {
                Ok(deployment) => apply::apply(&deployment, draft, &args, now, out).await,
                Err(because) => Err(alone(draft, because)),
            }
        }
        Command::Import(args) => {
            let draft = list(&args, now)?;
            match find().await {
                Ok(deployment) => import::import(&deployment, draft, &args, now, out).await,
                Err(because) => Err(alone(draft, because)),
            }
        }
        Command::Fetch(args) => fetch::fetch(&find().await?, &args, now, out).await,
        Command::Status(args) => status::status(&find().await?, &args, now, out).await,
        Command::Reminders(args) => reminders::reminders(&find().await?, &args, now, out).await,
        Command::Check(args) => check::check(&find().await?, &args, now, out).await,
        Command::Migrate(args) => migrate::migrate(&find().await?, &args, now, out).await,
        Command::Authorize(args) => authorize::authorize(&find().await?, &args, clock, out).await,
        Command::Account(AccountCommand::Revoke(args)) => {
            account::revoke(&find().await?, &args, now, out).await
        }
        Command::Token(TokenCommand::Import(args)) => token::import(&find().await?, &args, now, out).await,
        Command::Cost(args) => cost::cost(&args, out),
    }
}

fn draft(file: &Path, now: Timestamp) -> Result<Draft, Error> {
    let text = std::fs::read_to_string(file)
        .map_err(|source| Error::Unreadable { file: file.to_owned(), source })?;
    Ok(Draft::read(&file.display().to_string(), &text, &sources(file), now))
}

fn list(args: &ImportListArgs, now: Timestamp) -> Result<Draft, Error> {
    let file = &args.file;
    let bytes = std::fs::read(file).map_err(|source| Error::Unreadable { file: file.clone(), source })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        Error::NotText { file: file.clone(), line: 1 + before.iter().filter(|byte| **byte == b'\n').count() }
    })?;
    Ok(Draft::read_list(&file.display().to_string(), &text, &args.ignore, &sources(file), now))
}

/// Where a file's secrets are read from.
fn sources(file: &Path) -> SecretSources<'static> {
    let folder = file.parent().map(Path::to_owned).unwrap_or_default();
    SecretSources { folder, variable: &|name| std::env::var(name).ok() }
}

/// What is wrong with a manifest for itself, where there is nothing to check it against.
fn alone(draft: Draft, because: Error) -> Error {
    match draft.into_problems() {
        problems if problems.is_empty() => because,
        problems => Error::ManifestAlone { problems, because: because.into() },
    }
}
