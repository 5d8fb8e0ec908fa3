//! What the deployment tells `dispatch`, by environment variables.

use postroom_lambda::{Environment, SettingsError};

/// What the deployment tells `dispatch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `TABLE_NAME`: the registry's table.
    pub table: String,
    /// `QUEUE_URL`: the fetch queue.
    pub queue_url: String,
    /// `STACK_NAME`: the dimension of the metrics.
    pub stack: String,
}

impl Settings {
    /// Reads the settings through `get`, which is `|name| std::env::var(name).ok()` in a function.
    ///
    /// # Errors
    /// [`SettingsError`], naming the first variable that is missing.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let environment = Environment::new(get);
        Ok(Self {
            table: environment.need("TABLE_NAME")?,
            queue_url: environment.need("QUEUE_URL")?,
            stack: environment.need("STACK_NAME")?,
        })
    }
}
