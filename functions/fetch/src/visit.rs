//! What a mailbox's run knows and has done so far, from one session to the next.

use crate::{allowance::Allowance, email_ids::EmailIds, slice::Slice, tally::Tally};
use jiff::Timestamp;
use postroom_mail::source::Entry;
use postroom_model::{Mailbox, MailboxState, UniqueId};
use postroom_registry::Counted;
use std::collections::HashSet;
use tokio::time::Instant;

/// What a mailbox's run knows and has done so far.
#[derive(Debug)]
pub(crate) struct Visit {
    /// The mailbox's state as it is on record, with what this run has written.
    pub(crate) state: MailboxState,
    pub(crate) tally: Tally,
    pub(crate) allowance: Allowance,
    pub(crate) email_ids: EmailIds,
    /// The mailbox's filter.
    pub(crate) filter: Filtering,
    pub(crate) session: Session,
    /// What the last session had removed when it ended, until the next has looked for it.
    pub(crate) removal: Option<Removal>,
    /// The Message-ID of the message that broke earlier runs, once it was looked at.
    pub(crate) message_id: Option<String>,
    /// The server refuses earlier sign-ins (LOGIN-DELAY, RFC 2449 section 6.5).
    pub(crate) next_sign_in: Option<Timestamp>,
}

/// What the present session has done.
#[derive(Debug)]
pub(crate) struct Session {
    /// What it has marked as deleted, and will remove when it ends.
    pub(crate) removed: Removed,
    /// What it has marked as deleted should take effect after this.
    pub(crate) full_at: Instant,
    /// A text was read in it that is not durable. To say goodbye could mean to the server that it was
    /// fetched.
    pub(crate) read_in_vain: bool,
    /// It is not in the middle of an answer.
    pub(crate) is_usable: bool,
}

/// Which filter is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Filtering {
    /// Its fingerprint.
    fingerprint: u64,
    /// Another one has left something out, which this one may want.
    pub(crate) is_new: bool,
}

impl Filtering {
    /// The filter is on record from now on, if it was counted.
    pub(crate) fn note(&mut self, counted: &Counted) {
        self.is_new &= counted.left_out.is_none();
    }
}

/// What a session has marked as deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// What they are known by, those that are.
    pub(crate) ids: HashSet<UniqueId>,
}

/// What a session had removed when it ended.
#[derive(Debug)]
pub(crate) struct Removal {
    /// How many messages there were before.
    pub(crate) present: u32,
    pub(crate) removed: Removed,
}

impl Removal {
    /// Whether the server still lists what was removed. That there are no fewer messages than before proves
    /// nothing where others may have come; where they have ids, one of those must be there.
    pub(crate) fn is_undone(&self, present: u32, entries: &[Entry]) -> bool {
        let is_removed = |entry: &Entry| entry.unique_id.is_some_and(|id| self.removed.ids.contains(&id));
        present >= self.present && (self.removed.ids.is_empty() || entries.iter().any(is_removed))
    }
}

impl Session {
    fn new(full_at: Instant) -> Self {
        Self { removed: Removed::default(), full_at, read_in_vain: false, is_usable: true }
    }
}

impl Removed {
    /// Takes in what else was marked.
    pub(crate) fn add<'e>(&mut self, entries: impl Iterator<Item = &'e Entry>) {
        for entry in entries {
            self.messages += 1;
            self.bytes = self.bytes.saturating_add(entry.size);
            self.ids.extend(entry.unique_id);
        }
    }
}

impl Visit {
    /// A run that begins now.
    pub(crate) fn new(mailbox: &Mailbox, state: &MailboxState, now: Timestamp) -> Self {
        let fingerprint = mailbox.filter.fingerprint();
        let is_new = state.left_out_by.is_some_and(|earlier| earlier != fingerprint);
        Self {
            state: state.clone(),
            tally: Tally::default(),
            allowance: Allowance::new(mailbox.daily_bytes, state.day, now),
            email_ids: EmailIds::default(),
            filter: Filtering { fingerprint, is_new },
            session: Session::new(Instant::now()),
            removal: None,
            message_id: None,
            next_sign_in: None,
        }
    }

    /// Another session begins.
    pub(crate) fn next_session(&mut self, slice: Slice) {
        // What is cut off removes nothing: half of the time is for work that another half can bring home.
        self.session = Session::new(Instant::now() + slice.left() / 2);
        self.allowance.next_session();
    }

    /// What is to be counted of what was done since then. A new filter goes on record with the first
    /// move of a cursor that starts anew because of it.
    pub(crate) fn counted_since(&self, before: &Tally) -> Counted {
        let left_out = self.tally.left_out.all() - before.left_out.all();
        Counted {
            messages: self.tally.messages - before.messages,
            bytes: self.tally.bytes - before.bytes,
            left_out: (left_out > 0 || self.filter.is_new).then_some((left_out, self.filter.fingerprint)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::LeftOuts;
    use postroom_model::{Filter, Pattern};

    fn visit(filter: Filter, left_out_by: Option<u64>) -> Visit {
        let text = r#"{"id":"plant","protocol":"pop3","host":"h","port":995,"tls":"implicit","user":"u"}"#;
        let mailbox: Mailbox = serde_json::from_str(text).expect("a mailbox");
        let state = MailboxState { left_out_by, ..MailboxState::default() };
        Visit::new(&Mailbox { filter, ..mailbox }, &state, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn what_is_counted_is_what_was_done_since() {
        let mut visit = visit(Filter::default(), None);
        visit.tally = Tally {
            messages: 5,
            bytes: 50,
            left_out: LeftOuts { size: 1, ..LeftOuts::default() },
            ..Tally::default()
        };
        let before = visit.tally;
        assert_eq!(visit.counted_since(&before), Counted::default());
        visit.tally = Tally {
            messages: 7,
            bytes: 80,
            left_out: LeftOuts { size: 2, since: 2, ..LeftOuts::default() },
            ..before
        };
        let fingerprint = Filter::default().fingerprint();
        let expected = Counted { messages: 2, bytes: 30, left_out: Some((3, fingerprint)) };
        assert_eq!(visit.counted_since(&before), expected);
    }

    #[test]
    fn a_removal_is_undone_where_a_removed_message_is_listed_again() {
        let id = |text: &str| Some(UniqueId::of_uidl(text));
        let entry = |unique_id| Entry { number: 1, size: 1, may_be_known: false, unique_id, email_id: None };
        let removal = |ids: &[Option<UniqueId>]| {
            let mut removed = Removed::default();
            removed.add(ids.iter().map(|id| entry(*id)).collect::<Vec<_>>().iter());
            Removal { present: 3, removed }
        };
        let (old, new) = ([entry(id("a"))], [entry(id("b"))]);
        assert!(removal(&[id("a")]).is_undone(3, &old));
        assert!(!removal(&[id("a")]).is_undone(3, &new), "another message came in between");
        assert!(
            !removal(&[id("a")]).is_undone(2, &old),
            "some are gone, and it is told apart by the archive"
        );
        assert!(removal(&[None]).is_undone(3, &[entry(None)]), "without ids their number tells");
        assert!(!removal(&[None]).is_undone(2, &[entry(None)]));
    }

    #[test]
    fn a_new_filter_goes_on_record_once_also_if_it_leaves_nothing_out() {
        let new = Filter { subject: Pattern::new("*diary*").into_iter().collect(), ..Filter::default() };
        let old = Filter::default().fingerprint();
        assert!(!visit(new.clone(), None).filter.is_new, "nothing was left out");
        assert!(!visit(Filter::default(), Some(old)).filter.is_new);
        assert!(visit(Filter::default(), Some(!old)).filter.is_new, "somebody asked for it");
        let mut visit = visit(new.clone(), Some(old));
        assert!(visit.filter.is_new);
        let counted = visit.counted_since(&Tally::default());
        assert_eq!(counted.left_out, Some((0, new.fingerprint())));
        visit.filter.note(&counted);
        assert_eq!(visit.counted_since(&Tally::default()), Counted::default());
    }
}
