//! How many connections one user has at one server.
//!
//! Guarantees: of the mailboxes of one batch that share a user, so few are worked side by side that the
//! server sees a careful guest: four by IMAP (Gmail allows fifteen an account, and its owner wants some),
//! one by POP3, where a mailbox is one session's at a time (RFC 1939 section 4). Those that are worked on
//! their own, outside the batch, count among them. Who waits for another takes no place from anybody else's.
//! Leaves out: other batches, and what somebody asks for by hand.

use postroom_model::{Mailbox, Protocol};
use postroom_registry::LoadedMailbox;
use std::collections::BTreeMap;

/// IMAP connections of one user at one server.
const IMAP: usize = 4;
/// POP3 sessions of one user at one server.
const POP3: usize = 1;

/// A user at a server, by one protocol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Guest {
    host: String,
    user: String,
    is_imap: bool,
}

impl Guest {
    fn of(mailbox: &Mailbox) -> Self {
        Self {
            host: mailbox.server.host.to_ascii_lowercase(),
            user: mailbox.user.clone(),
            is_imap: mailbox.protocol == Protocol::Imap,
        }
    }

    fn most(&self) -> usize {
        if self.is_imap { IMAP } else { POP3 }
    }
}

/// The connections that mailboxes have which are worked on their own.
#[derive(Debug, Default)]
pub(crate) struct Alone(BTreeMap<Guest, usize>);

impl Alone {
    /// The mailbox is worked on its own.
    pub(crate) fn note(&mut self, mailbox: &Mailbox) {
        *self.0.entry(Guest::of(mailbox)).or_default() += 1;
    }

    /// Whether one more may be. By IMAP one connection is left to the batch, so that a long import does not
    /// keep the user's other mailboxes waiting.
    pub(crate) fn has_room(&self, mailbox: &Mailbox) -> bool {
        let guest = Guest::of(mailbox);
        self.of(&guest) < guest.most().saturating_sub(1).max(1)
    }

    /// Mailboxes in lanes: each lane is to be worked one after another, all of them side by side. A user
    /// all of whose connections are taken has none: its turn is at the next poll.
    pub(crate) fn lanes<'m>(&self, mailboxes: &'m [LoadedMailbox]) -> Vec<Vec<&'m LoadedMailbox>> {
        let mut guests: BTreeMap<Guest, Vec<&LoadedMailbox>> = BTreeMap::new();
        for loaded in mailboxes {
            guests.entry(Guest::of(&loaded.placed.mailbox)).or_default().push(loaded);
        }
        let mut lanes = Vec::new();
        for (guest, mut mailboxes) in guests {
            let most = guest.most().saturating_sub(self.of(&guest));
            if mailboxes.len() > most {
                // Where the time is not enough for all, it is not always the same ones that have no turn.
                fastrand::shuffle(&mut mailboxes);
            }
            let first = lanes.len();
            for (at, loaded) in mailboxes.into_iter().enumerate() {
                match at {
                    _ if most == 0 => {}
                    at if at < most => lanes.push(vec![loaded]),
                    at => lanes[first + at % most].push(loaded),
                }
            }
        }
        lanes
    }

    fn of(&self, guest: &Guest) -> usize {
        self.0.get(guest).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailboxes(protocol: &str, host: &str, user: &str, count: usize) -> Vec<LoadedMailbox> {
        let loaded = |n| {
            let text = format!(
                r#"{{"id":"{protocol}-{user}-{n}","protocol":"{protocol}","host":"{host}","port":993,
                    "tls":"implicit","user":"{user}"}}"#
            );
            let placed = serde_json::from_str(&text).expect("a mailbox");
            LoadedMailbox { placed, state: Default::default() }
        };
        (0..count).map(loaded).collect()
    }

    fn lengths(alone: &Alone, mailboxes: &[LoadedMailbox]) -> Vec<usize> {
        let mut lengths: Vec<usize> = alone.lanes(mailboxes).iter().map(Vec::len).collect();
        lengths.sort_unstable();
        lengths
    }

    #[test]
    fn a_user_has_so_many_connections_at_a_server_and_no_more() {
        let none = Alone::default();
        let mut all = mailboxes("imap", "mail.example", "ann", 5);
        all.extend(mailboxes("imap", "MAIL.example", "ann", 4));
        assert_eq!(lengths(&none, &all), [2, 2, 2, 3]);
        assert_eq!(lengths(&none, &mailboxes("pop3", "mail.example", "ann", 3)), [3]);
        for other in
            [mailboxes("imap", "mail.example", "bob", 1), mailboxes("pop3", "mail.example", "ann", 1)]
        {
            all.extend(other);
        }
        assert_eq!(lengths(&none, &all), [1, 1, 2, 2, 2, 3]);
        assert!(none.lanes(&[]).is_empty());
    }

    #[test]
    fn who_is_worked_alone_counts_and_leaves_one_connection_to_the_batch() {
        let imap = mailboxes("imap", "mail.example", "ann", 6);
        let mut alone = Alone::default();
        let mut went = 0;
        for loaded in &imap {
            if alone.has_room(&loaded.placed.mailbox) {
                alone.note(&loaded.placed.mailbox);
                went += 1;
            }
        }
        assert_eq!(went, 3);
        assert_eq!(lengths(&alone, &imap), [6]);
        let pop3 = mailboxes("pop3", "mail.example", "ann", 2);
        assert_eq!(lengths(&alone, &pop3), [2]);
        assert!(alone.has_room(&pop3[0].placed.mailbox));
        alone.note(&pop3[0].placed.mailbox);
        assert!(!alone.has_room(&pop3[1].placed.mailbox));
        assert!(alone.lanes(&pop3).is_empty(), "a maildrop is one session's");
    }
}
