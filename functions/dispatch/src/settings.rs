//! What the deployment tells `dispatch`, by environment variables.

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

/// An environment variable that is missing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {0} is not set; the deployment's template sets it")]
pub struct SettingsError(&'static str);

impl Settings {
    /// Reads the settings through `get`, which is `|name| std::env::var(name).ok()` in a function.
    ///
    /// # Errors
    /// [`SettingsError`], naming the first variable that is missing.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let need = |name| get(name).filter(|value| !value.is_empty()).ok_or(SettingsError(name));
        Ok(Self { table: need("TABLE_NAME")?, queue_url: need("QUEUE_URL")?, stack: need("STACK_NAME")? })
    }
}
