//! What the deployment tells `fetch`, by environment variables.

use postroom_mail::NetworkSettings;
use std::time::Duration;

/// How long a mail server may take to answer a connection, TLS and its greeting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest silence of a mail server in mid-answer.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
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
    /// `AWS_ENDPOINT_URL_S3`, as the SDKs know it: where S3 answers, if not where the region's does.
    pub s3_endpoint: Option<String>,
    /// `QUEUE_URL`: the fetch queue, for work that goes on in messages of its own.
    pub queue_url: String,
    /// `SECRET_PREFIX`: what the names of the stack's secrets begin with.
    pub secret_prefix: String,
    /// `STACK_NAME`: the dimension of the metrics.
    pub stack: String,
    /// `MEMORY_BUDGET_MIB`: memory for message texts, in bytes here.
    pub memory_budget: u64,
    /// How long a mailbox may take within its batch before it goes on in a message of its own.
    pub slice: Duration,
    /// `MAIL_CA` (base64 of a PEM bundle), `ALLOW_LOCAL_SERVERS` (`true` or `false`) and
    /// `PLAINTEXT_HOSTS` (comma separated): how mail servers may be reached.
    pub network: NetworkSettings,
}

/// An environment variable that is missing or wrong.
#[derive(Debug, thiserror::Error)]
#[error("environment variable {name} {problem}; the deployment's template sets it")]
pub struct SettingsError {
    name: &'static str,
    problem: &'static str,
}

impl Settings {
    /// Reads the settings through `get`, which is `|name| std::env::var(name).ok()` in a function.
    ///
    /// # Errors
    /// [`SettingsError`], naming the first variable that is missing or wrong.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let get = |name| get(name).filter(|value| !value.is_empty());
        let need = |name| get(name).ok_or(SettingsError { name, problem: "is not set" });
        let mebibytes = match get("MEMORY_BUDGET_MIB").map(|text| text.parse()) {
            None => MEMORY_BUDGET_MIB,
            Some(Ok(n)) if (LEAST_BUDGET_MIB..=65536).contains(&n) => n,
            Some(_) => {
                let problem = "is not a number of mebibytes from 12 to 65536";
                return Err(SettingsError { name: "MEMORY_BUDGET_MIB", problem });
            }
        };
        let allow_local = match get("ALLOW_LOCAL_SERVERS").as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                let problem = "is neither true nor false";
                return Err(SettingsError { name: "ALLOW_LOCAL_SERVERS", problem });
            }
        };
        let plaintext_hosts = get("PLAINTEXT_HOSTS").unwrap_or_default();
        Ok(Self {
            table: need("TABLE_NAME")?,
            bucket: need("BUCKET_NAME")?,
            s3_endpoint: get("AWS_ENDPOINT_URL_S3"),
            queue_url: need("QUEUE_URL")?,
            secret_prefix: need("SECRET_PREFIX")?,
            stack: need("STACK_NAME")?,
            memory_budget: mebibytes << 20,
            slice: SLICE,
            network: NetworkSettings {
                extra_ca_pem: get("MAIL_CA").map(decode_pem).transpose()?,
                allow_local,
                plaintext_hosts: plaintext_hosts
                    .split(',')
                    .map(|host| host.trim().to_owned())
                    .filter(|host| !host.is_empty())
                    .collect(),
                connect_timeout: CONNECT_TIMEOUT,
                idle_timeout: IDLE_TIMEOUT,
            },
        })
    }
}

fn decode_pem(text: String) -> Result<String, SettingsError> {
    use base64::Engine;
    let error = SettingsError { name: "MAIL_CA", problem: "is not base64 of a PEM file" };
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim());
    bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(extra: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let basic = [
            ("TABLE_NAME", "t"),
            ("BUCKET_NAME", "b"),
            ("QUEUE_URL", "q"),
            ("SECRET_PREFIX", "p"),
            ("STACK_NAME", "s"),
        ];
        let all = [&basic, extra].concat();
        Settings::from_env(|name| all.iter().rev().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn defaults_are_safe_and_mistakes_are_named() {
        let settings = read(&[]).expect("complete");
        assert!(!settings.network.allow_local && settings.network.plaintext_hosts.is_empty());
        assert_eq!(settings.memory_budget, 128 << 20);
        let hosts = read(&[("PLAINTEXT_HOSTS", "a.example, b.example,")]).expect("complete");
        assert_eq!(hosts.network.plaintext_hosts, ["a.example", "b.example"]);
        for wrong in
            [("TABLE_NAME", ""), ("MEMORY_BUDGET_MIB", "1"), ("ALLOW_LOCAL_SERVERS", "yes"), ("MAIL_CA", "%")]
        {
            let error = read(&[wrong]).expect_err("refused");
            assert!(error.to_string().contains(wrong.0), "{error}");
        }
    }
}
