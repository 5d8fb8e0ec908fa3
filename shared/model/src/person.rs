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
    /// The address, as [`mail_address`] has it.
    #[serde(rename = "id")]
    pub address: String,
    /// The language that the owner is written to in; otherwise the deployment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

/// An address as people are told apart by it: in small letters, without space around it, its domain as
/// mail systems write it (RFC 5891), so that what SES says of it is known to be of it. `None` where no mail
/// can be sent to it: it needs a local part and a domain, and no character that would make it more than
/// one address or line (RFC 5321 section 4.1.2, of which quoted local parts are left out), or look like
/// another.
pub fn mail_address(text: &str) -> Option<String> {
    let (local, domain) = text.trim().rsplit_once('@')?;
    let (local, domain) = (local.to_lowercase(), idna::domain_to_ascii(domain).ok()?);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let fits = (1..=64).contains(&local.len())
        && domain.len() <= 255
        && local.chars().all(is_in_local_part)
        && domain.split('.').all(is_label);
    fits.then(|| format!("{local}@{domain}"))
}

/// Whether a character may stand in a local part: what can be seen, and is no sign of an address list.
fn is_in_local_part(c: char) -> bool {
    // Letters by Unicode, and yet nothing is drawn for them.
    const FILLERS: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];
    let is_sign = c.is_ascii_graphic() && !"\"(),:;<>@[\\]".contains(c);
    is_sign || (c.is_alphanumeric() && !FILLERS.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_one_address_each() {
        for (text, address) in [
            (" Ann@Contoso.com ", Some("ann@contoso.com")),
            ("o'hara+mail@post.example", Some("o'hara+mail@post.example")),
            ("Jörg@Müller.example", Some("jörg@xn--mller-kva.example")),
            ("jörg@xn--mller-kva.example", Some("jörg@xn--mller-kva.example")),
            ("김@postkasten.example", Some("김@postkasten.example")),
            ("ann\u{200b}@contoso.com", None),
            ("a\u{ad}nn@contoso.com", None),
            ("\u{202e}nna@contoso.com", None),
            ("\u{feff}ann@contoso.com", None),
            ("ann\u{3164}@contoso.com", None),
            ("ann\u{e0061}@contoso.com", None),
            ("ann@conto_so.com", None),
            ("ann@xn--a.example", None),
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
