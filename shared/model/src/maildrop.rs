//! How far a POP3 maildrop is archived.
//!
//! A maildrop has no numbers that last, only the unique ids of its messages (RFC 1939 section 7), and
//! their order. Two things are kept. The *prefix*: how many messages from the first on are done, and a
//! digest of their ids in order. As long as nobody deletes a message, it alone tells what is new, in 40
//! bytes for any number of messages. And the set of all ids that are done, beside the mailbox's state,
//! which is read only where the prefix does not fit the listing.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// How far a maildrop is archived. Messages whose ids are known are durable in the archive, on record in
/// quarantine, or left out by the mailbox's filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaildropCursor {
    /// Whose maildrop it is ([`Mailbox::origin`](crate::Mailbox::origin)).
    pub origin: u64,
    /// The messages from the first on that are done.
    pub prefix: Prefix,
    /// Messages after those are done too: which ones, only the set tells.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scattered: bool,
    /// Which set of known ids counts. A set that is begun, or written anew, gets its number by chance when
    /// the cursor is put on record; until then any that is not its predecessor's stands for it.
    pub generation: u32,
    /// The set's part that takes the next ids.
    pub part: u32,
    /// How many ids are in that part.
    pub filled: u32,
    /// While a maildrop is looked through whose messages the archive may hold under other ids: the last
    /// message of which that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_through: Option<UniqueId>,
}

impl MaildropCursor {
    /// Ids in one part of the set.
    pub const PART: u32 = 600;

    /// How many ids the set has, when no run that broke off has left others in it.
    pub fn ids(&self) -> u64 {
        u64::from(self.part) * u64::from(Self::PART) + u64::from(self.filled)
    }

    /// A maildrop of which nothing is known.
    pub fn start(origin: u64) -> Self {
        Self {
            origin,
            prefix: Prefix::default(),
            scattered: false,
            generation: 0,
            part: 0,
            filled: 0,
            known_through: None,
        }
    }
}

/// The beginning of a listing: how many messages, and a digest of their ids in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prefix {
    /// How many messages.
    pub messages: u32,
    /// The digest of their ids; [`PrefixDigest::default`] for none.
    pub digest: PrefixDigest,
}

impl Prefix {
    /// The beginning that is longer by this message.
    #[must_use]
    pub fn then(self, id: UniqueId) -> Self {
        Self { messages: self.messages.saturating_add(1), digest: self.digest.then(id) }
    }
}

/// A digest of ids in order. Shown as 32 hex digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PrefixDigest([u8; 16]);

impl PrefixDigest {
    fn then(self, id: UniqueId) -> Self {
        let digest = Sha256::new().chain_update(self.0).chain_update(id.0).finalize();
        let mut chained = [0; 16];
        chained.copy_from_slice(&digest[..16]);
        Self(chained)
    }
}

/// What a message of a maildrop is known by: 96 bits of a hash of the server's unique id, or of the
/// message's header and size where the server has none. Shown as 24 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId([u8; Self::BYTES]);

impl UniqueId {
    /// Its length in bytes.
    pub const BYTES: usize = 12;

    /// Of a message that the server calls so (UIDL, RFC 1939 section 7).
    pub fn of_uidl(uidl: &str) -> Self {
        Self::hash(b"uidl\n", uidl.as_bytes())
    }

    /// Of a message that the server gives no id, or not one of its own: `header` is its header block as
    /// delivered, `size` what the server lists.
    pub fn of_header(header: &[u8], size: u64) -> Self {
        Self::hash(format!("header {size}\n").as_bytes(), header)
    }

    /// As it is stored.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// What was stored; none, if it is not of the right length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    fn hash(kind: &[u8], text: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(kind).chain_update(text).finalize();
        let mut id = [0; Self::BYTES];
        id.copy_from_slice(&digest[..Self::BYTES]);
        Self(id)
    }
}

/// A text that is not so many hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {0} lower-case hexadecimal digits")]
pub struct NotHex(usize);

fn from_hex<const BYTES: usize>(text: &str) -> Result<[u8; BYTES], NotHex> {
    let digits = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if text.len() != 2 * BYTES || !digits {
        return Err(NotHex(2 * BYTES));
    }
    let mut bytes = [0; BYTES];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| NotHex(2 * BYTES))?;
    }
    Ok(bytes)
}

macro_rules! as_hex {
    ($($name:ident)*) => {
        $(impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotHex;

            fn from_str(text: &str) -> Result<Self, NotHex> {
                from_hex(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        })*
    };
}

as_hex!(UniqueId PrefixDigest);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_tells_which_ids_and_in_what_order() {
        let id = UniqueId::of_uidl;
        let of = |ids: &[&str]| ids.iter().fold(Prefix::default(), |prefix, text| prefix.then(id(text)));
        assert_eq!(of(&["a", "b"]), of(&["a"]).then(id("b")));
        assert_eq!(of(&["a", "b"]).messages, 2);
        for other in [&["b", "a"][..], &["a"], &["a", "c"], &["ab"], &[]] {
            assert_ne!(of(&["a", "b"]), of(other), "{other:?}");
        }
    }

    #[test]
    fn an_id_is_stored_as_it_is_shown_and_kinds_do_not_mix() {
        let id = UniqueId::of_uidl("1");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(UniqueId::from_bytes(id.as_bytes()), Some(id));
        assert_eq!(UniqueId::from_bytes(&id.as_bytes()[1..]), None);
        assert_ne!(UniqueId::of_header(b"1", 1), UniqueId::of_header(b"1", 2));
        assert_ne!(id, UniqueId::of_header(b"1", 1));
        for bad in ["", "ab", &id.to_string().to_uppercase(), &"é".repeat(12)] {
            assert!(bad == id.to_string() || bad.parse::<UniqueId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cursor_is_small_and_round_trips() {
        let cursor = MaildropCursor {
            prefix: Prefix::default().then(UniqueId::of_uidl("1")),
            known_through: Some(UniqueId::of_uidl("2")),
            ..MaildropCursor::start(u64::MAX)
        };
        let text = serde_json::to_string(&cursor).expect("writes");
        assert!(text.len() < 250, "{text}");
        assert_eq!(serde_json::from_str::<MaildropCursor>(&text).expect("reads"), cursor);
    }
}
