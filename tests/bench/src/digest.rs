//! What was read, so that two readers can be compared: neither order nor chunks matter.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Everything that was read from a mailbox.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Total {
    messages: u64,
    bytes: u64,
    /// The sum of the messages' SHA-256, cut to 64 bits each.
    digest: u64,
}

/// One message while it is read.
#[derive(Default)]
pub(crate) struct Message {
    hash: Sha256,
    bytes: u64,
}

impl Message {
    pub(crate) fn add(&mut self, text: &[u8]) {
        self.hash.update(text);
        self.bytes += text.len() as u64;
    }
}

impl Total {
    pub(crate) fn add(&mut self, message: Message) {
        let digest = message.hash.finalize();
        let first: [u8; 8] = std::array::from_fn(|at| digest[at]);
        self.digest = self.digest.wrapping_add(u64::from_le_bytes(first));
        self.messages += 1;
        self.bytes += message.bytes;
    }
}
