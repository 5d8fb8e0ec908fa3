//! What a server offers.

use std::collections::BTreeSet;

/// The capabilities of a server (RFC 3501 section 7.2.1), in capitals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities(BTreeSet<String>);

impl Capabilities {
    /// Reads a list with spaces between.
    pub(super) fn parse(list: &str) -> Self {
        Self(list.split_ascii_whitespace().map(str::to_ascii_uppercase).collect())
    }

    /// Whether the server offers this; `name` in capitals, as `UIDPLUS`.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The SASL mechanisms on offer.
    pub fn mechanisms(&self) -> Vec<&str> {
        self.0.iter().filter_map(|c| c.strip_prefix("AUTH=")).collect()
    }

    /// All of them, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}
