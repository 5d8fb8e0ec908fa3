//! Transfer encodings (RFC 2045 section 6), undone as the bytes come.

use crate::base64::Base64;
use crate::defect::Defect;
use crate::quoted_printable::QuotedPrintable;

/// Undoes a transfer encoding.
#[derive(Debug)]
pub(crate) enum Decoder {
    /// `7bit`, `8bit`, `binary`, and what is not known: the bytes as they stand.
    Identity,
    Base64(Base64),
    QuotedPrintable(QuotedPrintable),
}

impl Decoder {
    /// The decoder that a `Content-Transfer-Encoding` asks for.
    pub(crate) fn of(declared: Option<&[u8]>, defects: &mut Vec<Defect>) -> Self {
        let declared = declared.unwrap_or_default();
        let token = declared.split(|&b| b == b';' || b == b'(' || b.is_ascii_whitespace()).next();
        match token.unwrap_or_default().to_ascii_lowercase().trim_ascii() {
            b"base64" => Self::Base64(Base64::default()),
            b"quoted-printable" => Self::QuotedPrintable(QuotedPrintable::default()),
            b"" | b"7bit" | b"8bit" | b"binary" | b"7-bit" | b"8-bit" => Self::Identity,
            _ => {
                defects.push(Defect::EncodingUnknown);
                Self::Identity
            }
        }
    }

    /// Decodes more; `decoded` is used where the bytes are not what they were.
    pub(crate) fn decode<'a>(&mut self, raw: &'a [u8], decoded: &'a mut Vec<u8>) -> &'a [u8] {
        decoded.clear();
        match self {
            Self::Identity => return raw,
            Self::Base64(base64) => base64.decode(raw, decoded),
            Self::QuotedPrintable(decoder) => decoder.decode(raw, decoded),
        }
        decoded
    }

    /// What was held back at the end.
    pub(crate) fn finish<'a>(&mut self, decoded: &'a mut Vec<u8>) -> &'a [u8] {
        decoded.clear();
        match self {
            Self::Identity => {}
            Self::Base64(base64) => base64.finish(decoded),
            Self::QuotedPrintable(decoder) => decoder.finish(decoded),
        }
        decoded
    }

    pub(crate) fn defects(&self) -> Vec<Defect> {
        match self {
            Self::Identity => Vec::new(),
            Self::Base64(base64) => base64.defects().collect(),
            Self::QuotedPrintable(decoder) => decoder.defects().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_recognised_however_it_is_written() {
        for (declared, expected, known) in [
            (&b""[..], "Identity", true),
            (b"7bit", "Identity", true),
            (b"8BIT (really)", "Identity", true),
            (b"Base64", "Base64", true),
            (b"base64; x", "Base64", true),
            (b"quoted-printable", "Quoted", true),
            (b"x-uuencode", "Identity", false),
        ] {
            let mut defects = Vec::new();
            let decoder = Decoder::of(Some(declared), &mut defects);
            assert!(format!("{decoder:?}").starts_with(expected), "{declared:?}");
            assert_eq!(defects.is_empty(), known, "{declared:?}");
        }
    }
}
