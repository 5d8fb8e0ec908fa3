//! What lies in an account's journal: a sealed token set, and which version of the vault it is to take
//! the place of. Whoever finishes a journal compares as its writer would have: what somebody put into
//! the vault meanwhile stays.

use postroom_vault::Version;

/// Between the version, which has none of these, and the sealed text.
const SEPARATOR: char = ':';

/// A journal's text.
pub(crate) fn text(seen: Option<&Version>, sealed: &str) -> String {
    format!("{}{SEPARATOR}{sealed}", seen.map_or("", Version::as_str))
}

/// The version that was seen, and the sealed token set.
pub(crate) fn parts(text: &str) -> (Option<Version>, &str) {
    let (seen, sealed) = text.split_once(SEPARATOR).unwrap_or(("", text));
    ((!seen.is_empty()).then(|| Version::new(seen)), sealed)
}
