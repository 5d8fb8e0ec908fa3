//! What makes a message the same message.

use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// A hash of the header block exactly as delivered, and the size: it does not change when a server
/// renumbers its messages, nor between IMAP and POP3. Shown as `<64 hex digits>-<size>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageIdentity {
    header_hash: [u8; 32],
    size: u64,
}

impl MessageIdentity {
    /// The identity of a message of `size` bytes whose text begins with `text`: the whole message,
    /// or at least its header block.
    pub fn new(text: &[u8], size: u64) -> Self {
        Self { header_hash: Sha256::digest(header_block(text)).into(), size }
    }

    /// The message's size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// How much of a header block counts, in bytes: 1 MiB. What is longer is not a header that a mail
/// server writes, and memory stays bounded.
pub const MAX_HEADER: usize = 1 << 20;

/// The header block at the start of a message: the lines before the first empty one, their line
/// ends included, the empty line not (RFC 5322 section 2.1). Where no line is empty, or none within
/// [`MAX_HEADER`], all of the text up to that limit.
pub fn header_block(text: &[u8]) -> &[u8] {
    let text = &text[..text.len().min(MAX_HEADER)];
    let mut start = 0;
    while let Some(length) = text[start..].iter().position(|&b| b == b'\n') {
        let line = &text[start..start + length];
        if line.is_empty() || line == b"\r" {
            return &text[..start];
        }
        start += length + 1;
    }
    text
}

impl fmt::Display for MessageIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.header_hash {
            write!(f, "{byte:02x}")?;
        }
        write!(f, "-{}", self.size)
    }
}

/// A text that is not an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a message identity: expected 64 hexadecimal digits, '-' and a size")]
pub struct NotAnIdentity;

impl FromStr for MessageIdentity {
    type Err = NotAnIdentity;

    fn from_str(text: &str) -> Result<Self, NotAnIdentity> {
        let (hash, size) = text.split_once('-').ok_or(NotAnIdentity)?;
        if hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(NotAnIdentity);
        }
        let mut header_hash = [0; 32];
        for (byte, digits) in header_hash.iter_mut().zip(0..) {
            *byte = u8::from_str_radix(&hash[digits * 2..digits * 2 + 2], 16).map_err(|_| NotAnIdentity)?;
        }
        Ok(Self { header_hash, size: size.parse().map_err(|_| NotAnIdentity)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_block_ends_before_the_empty_line() {
        let table: [(&[u8], &[u8]); 6] = [
            (b"A: 1\r\nB: 2\r\n\r\nbody\r\n\r\n", b"A: 1\r\nB: 2\r\n"),
            (b"A: 1\n\nbody", b"A: 1\n"),
            (b"A: 1\r\n", b"A: 1\r\n"),
            (b"A: 1", b"A: 1"),
            (b"\r\nbody", b""),
            (b"", b""),
        ];
        for (text, expected) in table {
            assert_eq!(header_block(text), expected);
        }
    }

    #[test]
    fn header_only_and_whole_message_agree_and_bodies_of_other_sizes_differ() {
        let whole = b"Message-ID: <1@x>\r\n\r\nbody";
        let size = whole.len() as u64;
        let identity = MessageIdentity::new(whole, size);
        assert_eq!(identity, MessageIdentity::new(b"Message-ID: <1@x>\r\n\r\n", size));
        assert_ne!(identity, MessageIdentity::new(whole, size + 1));
        assert_eq!(identity.to_string().parse(), Ok(identity));
        for bad in ["", "-1", "ab-1", &identity.to_string().to_uppercase()] {
            assert_eq!(bad.parse::<MessageIdentity>(), Err(NotAnIdentity));
        }
    }
}
