//! What was odd about a message. A defect never stops the unpacking; it tells whoever reads the index
//! what not to rely on.

use serde::Serialize;

/// How many defects are listed before repetitions are left out; a message that has more says so.
const MOST: usize = 100;

/// Something odd, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Noted {
    /// The part it was found in, as [`Part::path`](crate::Part::path); empty for the message itself.
    pub path: String,
    /// What it is.
    pub defect: Defect,
}

/// What can be odd about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Defect {
    /// There is no header at all: this is hardly a message.
    NoHeader,
    /// The header block ends without a blank line.
    HeaderNotEnded,
    /// A field is longer than is read; its end is missing here.
    FieldCut,
    /// A field that may occur once occurs again; the first one counts.
    FieldRepeated,
    /// `Content-Type` cannot be read. The part counts as plain text (RFC 2045 section 5.2), or if it is
    /// a file, as one of unknown type.
    TypeUnreadable,
    /// A multipart without a boundary, or with one that is too long: its parts cannot be found.
    NoBoundary,
    /// A multipart whose boundary never comes.
    NoStartBoundary,
    /// A multipart that does not end; perhaps the message is cut off.
    NoEndBoundary,
    /// A multipart or nested message lies too deep to be taken apart.
    TooDeep,
    /// There are more parts than are looked at.
    TooManyParts,
    /// A transfer encoding that is not known; the bytes are handed out as they are.
    EncodingUnknown,
    /// A multipart claims a transfer encoding, which it must not have; ignored.
    EncodingMisplaced,
    /// Base64 with characters that do not belong; ignored.
    Base64Characters,
    /// Base64 that ends in the middle of a byte, or without its padding.
    Base64Cut,
    /// More base64 after its end. It is decoded too, up to the first character that is not base64.
    Base64GoesOn,
    /// Quoted-printable with a `=` that means nothing; kept as it stands.
    QuotedPrintableBroken,
    /// A name or text in a character set that is not known.
    CharsetUnknown,
    /// A name or text with bytes that are neither ASCII nor UTF-8; read as Windows-1252.
    CharsetMissing,
    /// A parameter in pieces (RFC 2231) of which some are missing.
    ParameterGap,
    /// A name is longer than is kept.
    NameCut,
    /// Names or parameters are left out of the index because all together are too long.
    DescriptionLeftOut,
    /// A `winmail.dat` that is not TNEF, is damaged or ends early.
    TnefBroken,
    /// A TNEF attribute whose checksum is wrong.
    TnefChecksum,
    /// The name of a file inside TNEF came after more of its data than is held back.
    TnefNameLate,
    /// There are more defects than are listed.
    More,
}

/// The defects found so far: each once per part, not too many, and at least one of each kind.
#[derive(Debug, Default)]
pub(crate) struct Defects {
    noted: Vec<Noted>,
}

impl Defects {
    /// Beyond so many, only defects of a kind that has not been noted yet are.
    pub(crate) fn note(&mut self, path: &str, defect: Defect) {
        let mut of_its_kind = self.noted.iter().filter(|noted| noted.defect == defect).peekable();
        if self.noted.len() < MOST || of_its_kind.peek().is_none() {
            if !of_its_kind.any(|noted| noted.path == path) {
                self.noted.push(Noted { path: path.to_owned(), defect });
            }
        } else if self.noted.iter().all(|noted| noted.defect != Defect::More) {
            self.noted.push(Noted { path: String::new(), defect: Defect::More });
        }
    }

    pub(crate) fn into_list(self) -> Vec<Noted> {
        self.noted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defects_are_bounded_and_none_is_hidden_by_others() {
        let mut defects = Defects::default();
        for part in 0..1_000 {
            defects.note(&part.to_string(), Defect::NameCut);
            defects.note(&part.to_string(), Defect::NameCut);
        }
        defects.note("", Defect::TooManyParts);
        let list = defects.into_list();
        assert_eq!(list.len(), MOST + 2);
        assert_eq!(list[MOST].defect, Defect::More);
        assert_eq!(list[MOST + 1].defect, Defect::TooManyParts);
    }
}
