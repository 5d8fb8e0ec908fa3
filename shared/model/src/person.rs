//! People whom Postroom writes to.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A language that people are written to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

/// Why a text is not a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be \"en\" or \"de\"")]
pub struct NotALanguage;

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::En, Self::De];

    /// Its tag (RFC 5646).
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

impl FromStr for Language {
    type Err = NotALanguage;

    fn from_str(text: &str) -> Result<Self, NotALanguage> {
        Self::ALL.into_iter().find(|language| language.tag() == text).ok_or(NotALanguage)
    }
}

/// An owner of whom more is known than the address that accounts and mailboxes name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The address, in small letters.
    #[serde(rename = "id")]
    pub address: String,
    /// The language that the owner is written to in; otherwise the deployment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

/// An address as people are told apart by it: in small letters, without space around it. `None` where
/// no mail can be sent to it: it needs a local part and a domain, and no character that would make it
/// more than one address or line (RFC 5321 section 4.1.2, of which quoted local parts are left out).
pub fn mail_address(text: &str) -> Option<String> {
    let address = text.trim().to_lowercase();
    let (local, domain) = address.rsplit_once('@')?;
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"\"(),:;<>@[\\]".contains(c);
    let is_domain = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    let fits = (1..=64).contains(&local.len())
        && domain.len() <= 255
        && local.chars().all(plain)
        && domain.split('.').all(is_domain);
    fits.then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_one_address_each() {
        for (text, address) in [
            (" Ann@Contoso.com ", Some("ann@contoso.com")),
            ("o'hara+mail@post.example", Some("o'hara+mail@post.example")),
            ("jörg@müller.example", Some("jörg@müller.example")),
            ("root@localhost", Some("root@localhost")),
            ("ann", None),
            ("@contoso.com", None),
            ("ann@", None),
            ("ann@contoso..com", None),
            ("ann@contoso.com, ben@contoso.com", None),
            ("ann@contoso.com\r\nBcc: eve@example.com", None),
            ("Ann <ann@contoso.com>", None),
            ("a b@contoso.com", None),
            ("", None),
        ] {
            assert_eq!(mail_address(text).as_deref(), address, "{text:?}");
        }
    }
}
