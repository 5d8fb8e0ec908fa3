//! Attachments as they are told to the caller, and as they stand in the index.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::parameter::Parameter;

/// An attachment as it is known when its first byte comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its place in the message, numbered as IMAP numbers body parts (RFC 9051 section 6.4.5): `2`,
    /// `1.3`. Files inside TNEF, and parts of a signed part, are numbered below the part they lie in.
    pub path: String,
    /// A name that is safe to store under and differs from all others of the message: see
    /// [`names`](crate#names).
    pub name: String,
    /// The file name as declared, decoded but otherwise as it stands: neither safe nor unique.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared_name: Option<String>,
    /// The declared type, `type/subtype` in lower case; what RFC 2045 assumes where there is none, and
    /// `application/octet-stream` where it cannot be read.
    pub content_type: String,
    /// The type's parameters, decoded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// The declared disposition (RFC 2183).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
    /// `Content-ID` without its angle brackets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_id: Option<String>,
}

/// How a part asks to be presented (RFC 2183).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// `inline`
    Inline,
    /// `attachment`, and any other word (RFC 2183 section 2.8).
    Attachment,
}

/// An attachment as it stands in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// What was known at its beginning.
    #[serde(flatten)]
    pub part: Part,
    /// Its size in bytes, decoded.
    pub size: u64,
    /// The SHA-256 of its decoded bytes.
    pub sha256: Sha256Sum,
}

/// A SHA-256 digest, shown as 64 hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Sha256Sum(pub [u8; 32]);

impl fmt::Display for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha256Sum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
