//! What the deployment tells `token-refresh`, by environment variables.

use jiff::SignedDuration;
use postroom_lambda::{Environment, Reach, SettingsError};
use postroom_oauth::HttpSettings;
use std::time::Duration;

/// How long an authorization server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What the deployment tells `token-refresh`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `TABLE_NAME`: the registry's table.
    pub table: String,
    /// `SECRET_PREFIX`: what the names of the stack's secrets begin with.
    pub secret_prefix: String,
    /// `TOKEN_KEY_ID`: the KMS key that seals tokens outside the vault.
    pub token_key: String,
    /// `STACK_NAME`: the dimension of the metrics.
    pub stack: String,
    /// How authorization servers may be reached.
    pub http: HttpSettings,
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
        let Reach { extra_ca_pem, allow_local, plaintext_hosts } = environment.reach()?;
        Ok(Self {
            table: environment.need("TABLE_NAME")?,
            secret_prefix: environment.need("SECRET_PREFIX")?,
            token_key: environment.need("TOKEN_KEY_ID")?,
            stack: environment.need("STACK_NAME")?,
            http: HttpSettings { extra_ca_pem, allow_local, plaintext_hosts, timeout: TIMEOUT },
            lead: environment.refresh_lead()?,
        })
    }
}
