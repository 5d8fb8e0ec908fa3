//! Base64 as it comes (RFC 2045 section 6.8): in pieces of any length, with whatever lies between.

use crate::defect::Defect;

const NOT_BASE64: u8 = 0xff;
const PADDING: u8 = 0xfe;
const SPACE: u8 = 0xfd;

const TABLE: [u8; 256] = {
    let mut table = [NOT_BASE64; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut i = 0;
    while i < 64 {
        table[alphabet[i] as usize] = i as u8;
        i += 1;
    }
    table[b'=' as usize] = PADDING;
    table[b' ' as usize] = SPACE;
    table[b'\t' as usize] = SPACE;
    table[b'\r' as usize] = SPACE;
    table[b'\n' as usize] = SPACE;
    table
};

/// A decoder that holds less than four characters.
///
/// Foreign characters are skipped, as RFC 2045 asks. Data that goes on after its padding (some senders
/// encode block by block) is decoded too, up to the first foreign character: that is where the footer of
/// a mailing list begins.
#[derive(Debug, Default)]
pub(crate) struct Base64 {
    bits: u32,
    held: u8,
    stage: Stage,
    foreign: bool,
    cut: bool,
    goes_on: bool,
}

#[derive(Debug, Default, PartialEq)]
enum Stage {
    #[default]
    Data,
    Padded,
    Ended,
}

impl Base64 {
    pub(crate) fn decode(&mut self, encoded: &[u8], decoded: &mut Vec<u8>) {
        if self.stage == Stage::Ended {
            return;
        }
        decoded.reserve(encoded.len() / 4 * 3 + 3);
        for &byte in encoded {
            let value = TABLE[usize::from(byte)];
            if value < 64 {
                if self.stage == Stage::Padded {
                    self.stage = Stage::Data;
                    self.goes_on = true;
                }
                self.bits = self.bits << 6 | u32::from(value);
                self.held += 1;
                if self.held == 4 {
                    decoded.extend_from_slice(&self.bits.to_be_bytes()[1..]);
                    self.held = 0;
                }
            } else if value == PADDING {
                self.padding(decoded);
            } else if value == NOT_BASE64 {
                if self.stage == Stage::Padded {
                    self.stage = Stage::Ended;
                    self.goes_on = true;
                    return;
                }
                self.foreign = true;
            }
        }
    }

    /// What is still held when the data ends.
    pub(crate) fn finish(&mut self, decoded: &mut Vec<u8>) {
        if self.stage == Stage::Data && self.held > 0 {
            self.cut = true;
            self.flush(decoded);
        }
    }

    pub(crate) fn defects(&self) -> impl Iterator<Item = Defect> {
        let found = [
            (self.foreign, Defect::Base64Characters),
            (self.cut, Defect::Base64Cut),
            (self.goes_on, Defect::Base64GoesOn),
        ];
        found.into_iter().filter_map(|(is, defect)| is.then_some(defect))
    }

    /// The first padding character after data ends it; a second one belongs to the first.
    fn padding(&mut self, decoded: &mut Vec<u8>) {
        match self.held {
            2 | 3 => {
                self.flush(decoded);
                self.stage = Stage::Padded;
            }
            _ if self.stage == Stage::Padded => {}
            _ => self.foreign = true,
        }
    }

    fn flush(&mut self, decoded: &mut Vec<u8>) {
        let bytes = (self.bits << (6 * (4 - u32::from(self.held)))).to_be_bytes();
        let whole = usize::from(self.held).saturating_sub(1);
        decoded.extend_from_slice(&bytes[1..1 + whole]);
        self.held = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]]) -> (Vec<u8>, Vec<Defect>) {
        let mut base64 = Base64::default();
        let mut decoded = Vec::new();
        for piece in pieces {
            base64.decode(piece, &mut decoded);
        }
        base64.finish(&mut decoded);
        (decoded, base64.defects().collect())
    }

    #[test]
    fn base64_is_decoded_whatever_lies_between() {
        for (encoded, expected, defects) in [
            (&b""[..], &b""[..], &[][..]),
            (b"cGxhbg==", b"plan", &[]),
            (b"cGxh\r\nbg==\r\n", b"plan", &[]),
            (b"c G x h b g = =", b"plan", &[]),
            (b"cGxhbnM=", b"plans", &[]),
            (b"cGxh", b"pla", &[]),
            (b"cGxhbg", b"plan", &[Defect::Base64Cut]),
            (b"cGxhbg=", b"plan", &[]),
            (b"cGxhb", b"pla", &[Defect::Base64Cut]),
            (b"cG!xh\x00bg==", b"plan", &[Defect::Base64Characters]),
            (b"=cGxh", b"pla", &[Defect::Base64Characters]),
            (b"cGxhbg==\r\ncGxhbg==", b"planplan", &[Defect::Base64GoesOn]),
            (b"cGxhbg==\r\n-- \r\nlist footer", b"plan", &[Defect::Base64GoesOn]),
            (b"cGxhbg==\r\n_____\r\nfooter", b"plan", &[Defect::Base64GoesOn]),
        ] {
            let whole = decode(&[encoded]);
            assert_eq!((&whole.0[..], &whole.1[..]), (expected, defects), "{encoded:?}");
            for split in 0..encoded.len() {
                let pieces = [&encoded[..split], &encoded[split..]];
                assert_eq!(decode(&pieces), whole, "{encoded:?} split at {split}");
            }
        }
    }
}
