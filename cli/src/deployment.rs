//! A deployed Postroom, found through its CloudFormation stack.

use crate::{Error, manifest::Allowances};
use aws_config::SdkConfig;
use aws_sdk_cloudformation::{config::ProvideCredentials, error::ProvideErrorMetadata, types::Stack};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use postroom_mail::{Network, NetworkSettings};
use postroom_model::Calendar;
use postroom_oauth::{Http, HttpSettings};
use postroom_registry::Registry;
use postroom_tokens::Tokens;
use postroom_vault::{Sealer, Vault};
use std::{error::Error as StdError, time::Duration};

/// Emulators have this account; AWS gives the number to nobody. Only there are local servers allowed.
const LOCAL_ACCOUNT: &str = ":000000000000:";
/// How long a whole request to an authorization server may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// How long name resolution, TCP, TLS and greeting of a mail server may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a mail server may be silent when it owes an answer.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The lead with which tokens are renewed, where the stack does not say: its own default.
const DEFAULT_LEAD: SignedDuration = SignedDuration::from_mins(10);
/// Days between two reminders of what has ended, where the stack does not say: its own default.
const DEFAULT_REPEAT_DAYS: u16 = 7;

/// A deployed Postroom.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Its providers, accounts, mailboxes and batches.
    pub registry: Registry,
    /// Its secrets.
    pub vault: Vault,
    /// Where token sets of accounts are changed.
    pub tokens: Tokens,
    /// The address of its console, without a slash at the end.
    pub console_url: String,
    /// SQS, for its fetch queue.
    pub sqs: aws_sdk_sqs::Client,
    /// The address of its fetch queue.
    pub fetch_queue_url: String,
    /// What it allows beyond TLS to the world.
    pub allowances: Allowances,
    /// How it counts the stages of which people are reminded.
    pub calendar: Calendar,
    /// The addresses that it writes to besides owners': of those who run it, and for what nobody owns.
    pub staff: Vec<String>,
    /// Certificate authorities it trusts besides the public ones, PEM.
    pub mail_ca: Option<String>,
}

impl Deployment {
    /// Finds the deployment of a stack. Its tokens are handled by this clock.
    ///
    /// # Errors
    /// One sentence that says what is missing and what to do.
    pub async fn find(stack: &str, config: &SdkConfig, clock: fn() -> Timestamp) -> Result<Self, Error> {
        let region = config.region().ok_or(Error::NoRegion)?.to_string();
        let credentials = config.credentials_provider().ok_or(Error::NoCredentials(None))?;
        credentials.provide_credentials().await.map_err(no_credentials)?;
        let cloudformation = aws_sdk_cloudformation::Client::new(config);
        let answer = cloudformation.describe_stacks().stack_name(stack).send().await;
        let found = answer.map_err(|error| {
            // CloudFormation has no error code of its own for a stack that is not there.
            match error.message() {
                Some(message) if message.contains("does not exist") => {
                    Error::NoStack { stack: stack.to_owned(), region }
                }
                _ => Error::aws("look up the stack", &error),
            }
        })?;
        match found.stacks() {
            [found] => Self::of(stack, found, config, clock),
            _ => Err(Error::IncompleteStack { stack: stack.to_owned(), what: "exactly one description" }),
        }
    }

    /// Connections to mail servers, as this deployment allows them.
    ///
    /// # Errors
    /// [`Error::Network`].
    pub(crate) fn network(&self) -> Result<Network, Error> {
        Ok(Network::new(NetworkSettings {
            extra_ca_pem: self.mail_ca.clone(),
            allow_local: self.allowances.local_servers,
            plaintext_hosts: self.allowances.plaintext_hosts.clone(),
            connect_timeout: CONNECT_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
        })?)
    }

    fn of(name: &str, stack: &Stack, config: &SdkConfig, clock: fn() -> Timestamp) -> Result<Self, Error> {
        let incomplete = |what| Error::IncompleteStack { stack: name.to_owned(), what };
        let output = |key| {
            let found = stack.outputs().iter().find(|output| output.output_key() == Some(key));
            found.and_then(|output| output.output_value()).ok_or_else(|| incomplete(key))
        };
        let parameter = |key: &str| {
            let found = stack.parameters().iter().find(|parameter| parameter.parameter_key() == Some(key));
            found.and_then(|parameter| parameter.parameter_value()).unwrap_or_default()
        };
        let is_local = stack.stack_id().unwrap_or_default().contains(LOCAL_ACCOUNT);
        let hosts = parameter("PlaintextHosts").split(',').map(str::trim).filter(|host| !host.is_empty());
        let mail_ca = match parameter("MailCa") {
            "" => None,
            encoded => {
                let pem = BASE64_STANDARD.decode(encoded).ok().and_then(|pem| String::from_utf8(pem).ok());
                Some(pem.ok_or_else(|| incomplete("a readable MailCa parameter (base64 of PEM)"))?)
            }
        };
        let allowances = Allowances {
            local_servers: is_local && parameter("AllowLocalServers") == "true",
            plaintext_hosts: hosts.map(str::to_owned).collect(),
        };
        let zone = match parameter("TimeZone") {
            "" => TimeZone::UTC,
            name => TimeZone::get(name).map_err(|_| incomplete("a TimeZone parameter that names one"))?,
        };
        let staff = ["OperatorAddresses", "FallbackAddress"].map(parameter).join(",");
        let staff = staff.split(',').map(str::trim).filter(|address| !address.is_empty());
        let repeat_days = parameter("OverdueRepeatDays").parse().unwrap_or(DEFAULT_REPEAT_DAYS);
        let calendar = Calendar { zone, repeat_days: Some(repeat_days).filter(|days| *days > 0) };
        let registry = Registry::new(aws_sdk_dynamodb::Client::new(config), output("TableName")?);
        let vault = Vault::new(aws_sdk_secretsmanager::Client::new(config), output("SecretPrefix")?);
        let sealer = Sealer::new(aws_sdk_kms::Client::new(config), output("TokenKeyId")?);
        let http = Http::new(HttpSettings {
            extra_ca_pem: mail_ca.clone(),
            allow_local: allowances.local_servers,
            plaintext_hosts: allowances.plaintext_hosts.clone(),
            timeout: REQUEST_TIMEOUT,
        })?;
        let lead = parameter("RefreshLeadMinutes").parse().map_or(DEFAULT_LEAD, SignedDuration::from_mins);
        Ok(Self {
            tokens: Tokens::new(registry.clone(), vault.clone(), sealer, http, lead, clock),
            registry,
            vault,
            console_url: output("ConsoleUrl")?.trim_end_matches('/').to_owned(),
            sqs: aws_sdk_sqs::Client::new(config),
            fetch_queue_url: output("FetchQueueUrl")?.to_owned(),
            allowances,
            calendar,
            staff: staff.map(str::to_owned).collect(),
            mail_ca,
        })
    }
}

fn no_credentials(error: impl StdError + Send + Sync + 'static) -> Error {
    // Where none is configured, the SDK lists every place it looked at; that helps nobody.
    let is_configured = error.to_string() != "the credential provider was not enabled";
    Error::NoCredentials(is_configured.then(|| error.into()))
}
