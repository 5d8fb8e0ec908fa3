//! Where things lie in the bucket.
//!
//! Guarantees: a message has one place, which follows from its header block and size alone; its
//! attachments and its index lie in the same place under prefixes of their own, so that no attachment
//! can have the name of anything else. No key is longer than S3's 1,024 bytes. Leaves out: which of
//! them exist.

use crate::{archive::Checksum, headers};
use postroom_model::{MailboxId, MessageIdentity, header_block};
use std::fmt;

/// A message's place: `<mailbox>/<yyyy>/<mm>/<dd>/<identity>`. A message without any date lies under
/// `0000/00/00`. Shown as the message's own key, `mail/<place>.eml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    place: String,
}

impl Key {
    /// The place of a message of `size` bytes whose text begins with `text`.
    pub(crate) fn new(mailbox: &MailboxId, text: &[u8], size: u64) -> Self {
        let identity = MessageIdentity::new(text, size);
        let day = match headers::day(header_block(text)) {
            Some(day) => day.strftime("%Y/%m/%d").to_string(),
            None => "0000/00/00".to_owned(),
        };
        Self { place: format!("{mailbox}/{day}/{identity}") }
    }

    /// The place beside it, for a message that shares the identity but not the bytes: its own hash
    /// tells it apart from every other.
    pub(crate) fn beside(&self, checksum: &Checksum) -> Self {
        Self { place: format!("{}-{}", self.place, checksum.hex()) }
    }

    /// The key of the message's index.
    pub(crate) fn index(&self) -> String {
        format!("index/{}.json", self.place)
    }

    /// The key of an attachment: `attachments/<place>/<name>`.
    pub(crate) fn attachment(&self, name: &str) -> String {
        format!("attachments/{}/{name}", self.place)
    }

    /// The key of an attachment whose place is taken by other bytes: its own hash tells it apart.
    pub(crate) fn attachment_beside(&self, name: &str, checksum: &Checksum) -> String {
        format!("attachments/{}/{}-{name}", self.place, checksum.hex())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mail/{}.eml", self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_follows_from_the_message_alone() {
        let mailbox: MailboxId = "site-diary".parse().expect("id");
        let text = b"Date: Fri, 1 Mar 2024 10:00:00 +0000\r\n\r\nbody";
        let key = Key::new(&mailbox, text, text.len() as u64);
        let place =
            "site-diary/2024/03/01/9e0d3dbad4bf934b1db2e51278ad57dc8b75591257710b75de70c39e84e42576-44";
        assert_eq!(key.to_string(), format!("mail/{place}.eml"));
        assert_eq!(key.index(), format!("index/{place}.json"));
        assert_eq!(key.attachment("plan.pdf"), format!("attachments/{place}/plan.pdf"));
        assert_eq!(key, Key::new(&mailbox, header_block(text), text.len() as u64));
        assert!(Key::new(&mailbox, b"", 0).to_string().starts_with("mail/site-diary/0000/00/00/e3b0c442"));
        let beside = key.beside(&Checksum::whole(text)).to_string();
        assert!(beside.starts_with("mail/site-diary/2024/03/01/") && beside != key.to_string());
    }

    #[test]
    fn the_longest_key_is_one_that_s3_takes() {
        let mailbox: MailboxId = "m".repeat(64).parse().expect("id");
        let checksum = Checksum::whole(b"");
        let key = Key::new(&mailbox, b"", u64::MAX).beside(&checksum);
        // The longest name that the unpacker gives.
        assert!(key.attachment_beside(&"n".repeat(200), &checksum).len() <= 1_024);
    }
}
