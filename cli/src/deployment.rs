//! A deployed Postroom, found through its CloudFormation stack.

use crate::{Error, manifest::Allowances};
use aws_config::SdkConfig;
use aws_sdk_cloudformation::{config::ProvideCredentials, error::ProvideErrorMetadata, types::Stack};
use base64::{Engine, prelude::BASE64_STANDARD};
use postroom_registry::Registry;
use postroom_vault::Vault;
use std::error::Error as StdError;

/// Emulators have this account; AWS gives the number to nobody. Only there are local servers allowed.
const LOCAL_ACCOUNT: &str = ":000000000000:";

/// A deployed Postroom.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Its providers, accounts, mailboxes and batches.
    pub registry: Registry,
    /// Its secrets.
    pub vault: Vault,
    /// SQS, for its fetch queue.
    pub sqs: aws_sdk_sqs::Client,
    /// The address of its fetch queue.
    pub fetch_queue_url: String,
    /// What it allows beyond TLS to the world.
    pub allowances: Allowances,
    /// Certificate authorities it trusts besides the public ones, PEM.
    pub mail_ca: Option<String>,
}

impl Deployment {
    /// Finds the deployment of a stack.
    ///
    /// # Errors
    /// One sentence that says what is missing and what to do.
    pub async fn find(stack: &str, config: &SdkConfig) -> Result<Self, Error> {
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
            [found] => Self::of(stack, found, config),
            _ => Err(Error::IncompleteStack { stack: stack.to_owned(), what: "exactly one description" }),
        }
    }

    fn of(name: &str, stack: &Stack, config: &SdkConfig) -> Result<Self, Error> {
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
        Ok(Self {
            registry: Registry::new(aws_sdk_dynamodb::Client::new(config), output("TableName")?),
            vault: Vault::new(aws_sdk_secretsmanager::Client::new(config), output("SecretPrefix")?),
            sqs: aws_sdk_sqs::Client::new(config),
            fetch_queue_url: output("FetchQueueUrl")?.to_owned(),
            allowances: Allowances {
                local_servers: is_local && parameter("AllowLocalServers") == "true",
                plaintext_hosts: hosts.map(str::to_owned).collect(),
            },
            mail_ca,
        })
    }
}

fn no_credentials(error: impl StdError + Send + Sync + 'static) -> Error {
    // Where none is configured, the SDK lists every place it looked at; that helps nobody.
    let is_configured = error.to_string() != "the credential provider was not enabled";
    Error::NoCredentials(is_configured.then(|| error.into()))
}
