//! Unique ids of messages, made fit to keep.

use crate::Error;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// The longest that the standard allows (RFC 1939 section 7), in bytes.
const MAX_STANDARD: usize = 70;
/// The longest that is tolerated, in bytes.
const MAX_TOLERATED: usize = 1000;

/// The id as it is kept: itself, if it is what the standard allows, 1 to 70 bytes from 0x21 to 0x7E.
/// Others, as some servers give them, are kept as a hash of 71 bytes, which can be no other message's id.
/// None, where there is nothing.
pub(super) fn uidl(id: &[u8]) -> Result<Option<Cow<'_, str>>, Error> {
    match std::str::from_utf8(id) {
        _ if id.is_empty() => Ok(None),
        Ok(text) if id.len() <= MAX_STANDARD && id.iter().all(u8::is_ascii_graphic) => {
            Ok(Some(Cow::Borrowed(text)))
        }
        _ if id.len() > MAX_TOLERATED => Err(Error::Protocol("a unique id longer than 1000 bytes")),
        _ => {
            let hash: [u8; 32] = Sha256::digest(id).into();
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            Ok(Some(Cow::Owned(format!("sha256:{hash}"))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kept_or_hashed() {
        let kept = |id: &[u8]| uidl(id).expect("tolerated").map(Cow::into_owned);
        let longest = "x".repeat(70);
        for id in ["1", "!~", "whqtswO00WBw418f9t5JxYwZ", &longest] {
            assert_eq!(kept(id.as_bytes()).as_deref(), Some(id));
        }
        assert_eq!(kept(b""), None);
        let mut hashed = Vec::new();
        for id in [&[b'x'; 71][..], &[b'x'; 72], &[b'x'; 1000], b"a b", b"a\xff", b"a\0", "ü".as_bytes()] {
            let id = kept(id).expect("there is one");
            assert!(id.len() == 71 && id.starts_with("sha256:"), "longer than any id that is kept: {id}");
            hashed.push(id);
        }
        hashed.sort_unstable();
        hashed.dedup();
        assert_eq!(hashed.len(), 7);
        assert!(uidl(&[b'x'; 1001]).is_err());
    }
}
