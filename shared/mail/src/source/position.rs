//! From where on a folder is to be fetched.

use postroom_model::{FolderCursor, MailboxState, MaildropCursor, Protocol};

/// From where on a folder is to be fetched, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// An IMAP folder.
    Uid {
        /// The cursor on record.
        recorded: Option<FolderCursor>,
        /// What else the archive may hold.
        may_be_known: MayBeKnown,
        /// Whose folder it is ([`Mailbox::origin`](postroom_model::Mailbox::origin)).
        origin: u64,
    },
    /// A POP3 maildrop.
    Maildrop {
        /// The cursor on record.
        recorded: Option<MaildropCursor>,
        /// As for a folder.
        may_be_known: MayBeKnown,
        /// As for a folder.
        origin: u64,
    },
}

/// What of a folder the archive may hold, besides what is on record as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayBeKnown {
    /// Nothing: the rest is new.
    Nothing,
    /// What is there now: the other protocol has fetched in between.
    Rest,
    /// Everything, and nothing counts as done: it is all looked at again, because the archive may be to
    /// hold more of it than before.
    Everything,
}

impl Position {
    /// As the mailbox's state has it. What there is when a mailbox comes back from the other protocol may
    /// be known: the archive holds under other numbers what that has fetched.
    pub fn of(protocol: Protocol, state: &MailboxState, folder: &str, origin: u64) -> Self {
        let comes_back = state.fetched_by.is_some_and(|by| by != protocol);
        let may_be_known = |is_first| match comes_back || is_first {
            true => MayBeKnown::Rest,
            false => MayBeKnown::Nothing,
        };
        match protocol {
            Protocol::Imap => {
                let recorded = state.folders.get(folder).copied();
                let may_be_known = may_be_known(recorded.is_none() && state.maildrop.is_some());
                Self::Uid { recorded, may_be_known, origin }
            }
            Protocol::Pop3 => {
                let recorded = state.maildrop;
                let may_be_known = may_be_known(recorded.is_none() && !state.folders.is_empty());
                Self::Maildrop { recorded, may_be_known, origin }
            }
        }
    }

    /// The same, where everything is to be looked at again.
    #[must_use]
    pub fn again(mut self) -> Self {
        match &mut self {
            Self::Uid { may_be_known, .. } | Self::Maildrop { may_be_known, .. } => {
                *may_be_known = MayBeKnown::Everything;
            }
        }
        self
    }

    /// Whether a cursor is on record.
    pub fn is_recorded(&self) -> bool {
        match self {
            Self::Uid { recorded, .. } => recorded.is_some(),
            Self::Maildrop { recorded, .. } => recorded.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_other_protocol_has_archived_may_be_known() {
        let mut state = MailboxState::default();
        let known = |state: &MailboxState| {
            [Protocol::Imap, Protocol::Pop3].map(|protocol| match Position::of(protocol, state, "INBOX", 1) {
                Position::Uid { may_be_known, .. } | Position::Maildrop { may_be_known, .. } => may_be_known,
            })
        };
        let (nothing, rest) = (MayBeKnown::Nothing, MayBeKnown::Rest);
        assert_eq!(known(&state), [nothing, nothing], "new");
        state.folders.insert("INBOX".into(), FolderCursor::start(7, 1));
        assert_eq!(known(&state), [nothing, rest], "to POP3");
        state.maildrop = Some(MaildropCursor::start(1));
        assert_eq!(known(&state), [nothing, nothing], "and nobody knows who came last");
        state.fetched_by = Some(Protocol::Pop3);
        assert_eq!(known(&state), [rest, nothing], "and back");
        state.fetched_by = Some(Protocol::Imap);
        assert_eq!(known(&state), [nothing, rest], "and to POP3 again");
        state.folders.clear();
        assert_eq!(known(&state), [rest, rest], "a folder that was not fetched yet");
    }
}
