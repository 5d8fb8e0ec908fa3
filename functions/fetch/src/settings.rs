//! What the deployment tells `fetch`, by environment variables.

use jiff::SignedDuration;
use postroom_lambda::{Environment, Reach, SettingsError};
use postroom_mail::NetworkSettings;
use postroom_oauth::HttpSettings;
use std::time::Duration;

/// How long a mail server may take to answer a connection, TLS and its greeting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest silence of a mail server in mid-answer.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an authorization server may take to answer.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a mailbox may take within its batch; after that it goes on in a message of its own.
const SLICE: Duration = Duration::from_secs(60);
/// The memory for message texts, where `MEMORY_BUDGET_MIB` is not set.
const MEMORY_BUDGET_MIB: u64 = 128;
/// The least memory that works: one large message in flight.
const LEAST_BUDGET_MIB: u64 = 12;

/// What the deployment tells `fetch`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `TABLE_NAME`: the registry's table.
    pub table: String,
    /// `BUCKET_NAME`: the archive's bucket.
    pub bucket: String,
    /// `TRANSCRIPT_BUCKET_NAME`: the bucket of protocol transcripts.
    pub transcript_bucket: String,
    /// `AWS_ENDPOINT_URL_S3`, as the SDKs know it: where S3 answers, if not where the region's does.
    pub s3_endpoint: Option<String>,
    /// `QUEUE_URL`: the fetch queue, for work that goes on in messages of its own.
    pub queue_url: String,
    /// `SECRET_PREFIX`: what the names of the stack's secrets begin with.
    pub secret_prefix: String,
    /// `TOKEN_KEY_ID`: the KMS key that seals tokens outside the vault.
    pub token_key: String,
    /// `STACK_NAME`: the dimension of the metrics.
    pub stack: String,
    /// `MEMORY_BUDGET_MIB`: memory for message texts, in bytes here.
    pub memory_budget: u64,
    /// How long a mailbox may take within its batch before it goes on in a message of its own.
    pub slice: Duration,
    /// How mail servers and authorization servers may be reached.
    pub reach: Reach,
    /// `REFRESH_LEAD_MINUTES`: how long before its end an access token is renewed.
    pub lead: SignedDuration,
}

impl Settings {
    /// Reads the settings through `get`, which is `|name| std::env::var(name).ok()` in a function.
    ///
    /// # Errors
    /// [`SettingsError`], naming the first variable that is missing or wrong.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let environment = Environment::new(get);
        let problem = "is not a number of mebibytes from 12 to 65536";
        let mebibytes = LEAST_BUDGET_MIB..=65536;
        let mebibytes = environment.number("MEMORY_BUDGET_MIB", mebibytes, MEMORY_BUDGET_MIB, problem)?;
        Ok(Self {
            table: environment.need("TABLE_NAME")?,
            bucket: environment.need("BUCKET_NAME")?,
            transcript_bucket: environment.need("TRANSCRIPT_BUCKET_NAME")?,
            s3_endpoint: environment.get("AWS_ENDPOINT_URL_S3"),
            queue_url: environment.need("QUEUE_URL")?,
            secret_prefix: environment.need("SECRET_PREFIX")?,
            token_key: environment.need("TOKEN_KEY_ID")?,
            stack: environment.need("STACK_NAME")?,
            memory_budget: mebibytes << 20,
            slice: SLICE,
            reach: environment.reach()?,
            lead: environment.refresh_lead()?,
        })
    }

    pub(crate) fn network(&self) -> NetworkSettings {
        NetworkSettings {
            extra_ca_pem: self.reach.extra_ca_pem.clone(),
            allow_local: self.reach.allow_local,
            plaintext_hosts: self.reach.plaintext_hosts.clone(),
            connect_timeout: CONNECT_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
        }
    }

    pub(crate) fn http(&self) -> HttpSettings {
        HttpSettings {
            extra_ca_pem: self.reach.extra_ca_pem.clone(),
            allow_local: self.reach.allow_local,
            plaintext_hosts: self.reach.plaintext_hosts.clone(),
            timeout: TOKEN_TIMEOUT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(extra: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let basic = [
            ("TABLE_NAME", "t"),
            ("BUCKET_NAME", "b"),
            ("TRANSCRIPT_BUCKET_NAME", "c"),
            ("QUEUE_URL", "q"),
            ("SECRET_PREFIX", "p"),
            ("TOKEN_KEY_ID", "k"),
            ("STACK_NAME", "s"),
        ];
        let all = [&basic, extra].concat();
        Settings::from_env(|name| all.iter().rev().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn defaults_are_safe_and_mistakes_are_named() {
        let settings = read(&[]).expect("complete");
        assert_eq!(settings.memory_budget, 128 << 20);
        assert!(!settings.network().allow_local && !settings.http().allow_local);
        for wrong in [
            ("TABLE_NAME", ""),
            ("TRANSCRIPT_BUCKET_NAME", ""),
            ("TOKEN_KEY_ID", ""),
            ("MEMORY_BUDGET_MIB", "1"),
            ("MAIL_CA", "%"),
        ] {
            let error = read(&[wrong]).expect_err("refused");
            assert!(error.to_string().contains(wrong.0), "{error}");
        }
    }
}
