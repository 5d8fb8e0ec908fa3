//! Messages that lie in several folders of one mailbox, as Gmail's labels make them.
//!
//! Guarantees: what a run has made durable from one folder it does not read again from another.
//! Bounded: beyond so many ids the earliest are forgotten, which costs a look at headers.

use postroom_mail::source::{EmailId, Entry};
use std::collections::HashSet;

/// Ids kept at once: a few megabytes a mailbox.
const MOST: usize = 100_000;

/// What a run has made durable, by the id that copies share.
#[derive(Debug, Default)]
pub(crate) struct EmailIds {
    recent: HashSet<EmailId>,
    older: HashSet<EmailId>,
}

impl EmailIds {
    /// Whether a copy of the message is durable.
    pub(crate) fn has(&self, entry: &Entry) -> bool {
        entry.email_id.is_some_and(|id| self.recent.contains(&id) || self.older.contains(&id))
    }

    /// The message is durable.
    pub(crate) fn add(&mut self, entry: &Entry) {
        let Some(id) = entry.email_id else { return };
        if self.recent.len() >= MOST / 2 {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_an_id_has_no_copies() {
        let entry = Entry { number: 1, size: 1, may_be_known: false, unique_id: None, email_id: None };
        let mut ids = EmailIds::default();
        ids.add(&entry);
        assert!(!ids.has(&entry) && ids.recent.is_empty());
    }
}
