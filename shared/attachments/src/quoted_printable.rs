//! Quoted-printable as it comes (RFC 2045 section 6.7): in pieces of any length, however broken.

use crate::defect::Defect;

/// The longest run of blanks that is held back to see whether a line ends after it. RFC 2045 allows
/// lines of 76 characters.
const MOST_BLANKS: usize = 1_000;

/// A decoder that holds a run of blanks or the beginning of an escape, nothing more.
///
/// Blanks at the end of a line were added on the way and are dropped; a soft line break may have them
/// too. An escape that means nothing is kept as it stands.
#[derive(Debug, Default)]
pub(crate) struct QuotedPrintable {
    held: Held,
    broken: bool,
}

#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    /// Blanks that may end a line.
    Blanks(Vec<u8>),
    /// `=`
    Escape,
    /// `=` and one hexadecimal digit.
    Digit(u8),
    /// `=` and blanks: a soft line break if the line ends here.
    SoftBreak(Vec<u8>),
    /// `=` and CR: a soft line break of which LF may follow.
    SoftReturn,
}

impl QuotedPrintable {
    pub(crate) fn decode(&mut self, encoded: &[u8], decoded: &mut Vec<u8>) {
        let mut rest = encoded;
        while let Some((&byte, after)) = rest.split_first() {
            match std::mem::take(&mut self.held) {
                Held::Nothing => {
                    let plain = rest.iter().position(|&b| matches!(b, b'=' | b' ' | b'\t'));
                    let (text, special) = rest.split_at(plain.unwrap_or(rest.len()));
                    decoded.extend_from_slice(text);
                    rest = special;
                    if let Some((&byte, after)) = rest.split_first() {
                        self.held = if byte == b'=' { Held::Escape } else { Held::Blanks(vec![byte]) };
                        rest = after;
                    }
                }
                Held::Blanks(mut blanks) => match byte {
                    b' ' | b'\t' if blanks.len() < MOST_BLANKS => {
                        blanks.push(byte);
                        self.held = Held::Blanks(blanks);
                        rest = after;
                    }
                    b'\r' | b'\n' => {}
                    _ => decoded.extend_from_slice(&blanks),
                },
                Held::Escape => {
                    self.held = match byte {
                        b'\n' => Held::Nothing,
                        b'\r' => Held::SoftReturn,
                        b' ' | b'\t' => Held::SoftBreak(vec![byte]),
                        _ if byte.is_ascii_hexdigit() => Held::Digit(byte),
                        _ => {
                            self.literal(b"=", decoded);
                            continue;
                        }
                    };
                    rest = after;
                }
                Held::Digit(first) => match (hex(first), hex(byte)) {
                    (Some(high), Some(low)) => {
                        decoded.push(high << 4 | low);
                        rest = after;
                    }
                    _ => self.literal(&[b'=', first], decoded),
                },
                Held::SoftBreak(mut blanks) => match byte {
                    b' ' | b'\t' if blanks.len() < MOST_BLANKS => {
                        blanks.push(byte);
                        self.held = Held::SoftBreak(blanks);
                        rest = after;
                    }
                    b'\n' => rest = after,
                    b'\r' => {
                        self.held = Held::SoftReturn;
                        rest = after;
                    }
                    _ => {
                        self.literal(b"=", decoded);
                        decoded.extend_from_slice(&blanks);
                    }
                },
                Held::SoftReturn => {
                    if byte == b'\n' {
                        rest = after;
                    }
                }
            }
        }
    }

    /// What is still held when the data ends. A `=` at the very end is a soft line break.
    pub(crate) fn finish(&mut self, decoded: &mut Vec<u8>) {
        if let Held::Digit(first) = std::mem::take(&mut self.held) {
            self.literal(&[b'=', first], decoded);
        }
    }

    pub(crate) fn defects(&self) -> impl Iterator<Item = Defect> {
        self.broken.then_some(Defect::QuotedPrintableBroken).into_iter()
    }

    fn literal(&mut self, text: &[u8], decoded: &mut Vec<u8>) {
        self.broken = true;
        decoded.extend_from_slice(text);
    }
}

/// The value of a hexadecimal digit.
pub(crate) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let mut decoder = QuotedPrintable::default();
        let mut decoded = Vec::new();
        for piece in pieces {
            decoder.decode(piece, &mut decoded);
        }
        decoder.finish(&mut decoded);
        (decoded, decoder.broken)
    }

    #[test]
    fn quoted_printable_is_decoded_however_broken() {
        for (encoded, expected, broken) in [
            (&b"Pl=C3=A4ne"[..], &b"Pl\xc3\xa4ne"[..], false),
            (b"Pl=c3=a4ne", b"Pl\xc3\xa4ne", false),
            (b"one =\r\nline", b"one line", false),
            (b"one =\nline", b"one line", false),
            (b"one= \t\r\nline", b"oneline", false),
            (b"two  \t\r\nlines\r\n", b"two\r\nlines\r\n", false),
            (b"two\rlines", b"two\rlines", false),
            (b"a = b", b"a = b", true),
            (b"100=ZZ", b"100=ZZ", true),
            (b"x=4", b"x=4", true),
            (b"x=4z", b"x=4z", true),
            (b"x==41", b"x=A", true),
            (b"x=", b"x", false),
            (b"end=\r\n", b"end", false),
            (b"end =20 ", b"end  ", false),
            (b"=00=FF", b"\x00\xff", false),
        ] {
            let whole = decode(&[encoded]);
            assert_eq!((&whole.0[..], whole.1), (expected, broken), "{encoded:?}");
            for split in 0..encoded.len() {
                let pieces = [&encoded[..split], &encoded[split..]];
                assert_eq!(decode(&pieces), whole, "{encoded:?} split at {split}");
            }
        }
    }

    #[test]
    fn blanks_without_end_are_not_held() {
        let mut decoder = QuotedPrintable::default();
        let mut decoded = Vec::new();
        for _ in 0..10_000 {
            decoder.decode(b" ", &mut decoded);
        }
        assert!(decoded.len() > 8_000);
    }
}
