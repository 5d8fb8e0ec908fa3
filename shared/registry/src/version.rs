//! The version of items: which release one needs to be read.
//!
//! Guarantees: every item that is written carries `v`, whatever its kind. An item that a later release
//! has written into is neither read nor changed: [`Error::TooNew`] names it, and it stays as it is. An item
//! without `v` is of version 1.
//!
//! `v` speaks of the whole item and is set by whoever writes any part of it. So a release reads every form
//! in which an earlier one may have left an attribute, and makes `v` greater only where an earlier release
//! would misread, or lose, what this one writes; an attribute that is merely new needs no new version,
//! because updates leave alone what they do not name.

use crate::{
    Error, Registry, Result,
    table::{Item, Key, number},
};
use aws_sdk_dynamodb::types::AttributeValue;

/// The version that this release writes, and the latest that it reads.
const VERSION: u32 = 1;
/// The attribute that has it.
pub(crate) const NAME: &str = "v";
/// Where no later release has written; `#v` and `:v` stand for the attribute and this release's version.
pub(crate) const IS_KNOWN: &str = "attribute_not_exists(#v) OR #v <= :v";

/// This release's version, as items have it.
pub(crate) fn value() -> AttributeValue {
    number(VERSION.into())
}

impl Registry {
    /// Makes sure that no later release has written into an item.
    pub(crate) fn check_version(&self, item: &Item) -> Result<()> {
        let Some(version) = item.get(NAME) else { return Ok(()) };
        let text = version.as_n().map(String::as_str).ok();
        if text.and_then(|text| text.parse::<u32>().ok()).is_some_and(|version| version <= VERSION) {
            return Ok(());
        }
        let found = text.unwrap_or("unknown").to_owned();
        Err(Error::TooNew { table: self.table.to_string(), key: Key::of(item), found, known: VERSION })
    }
}
