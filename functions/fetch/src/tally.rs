//! What a mailbox's run has done so far.

/// What a mailbox's run has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Whether the mail server let it in.
    pub(crate) signed_in: bool,
    /// Messages stored.
    pub(crate) messages: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Messages that were in the archive already.
    pub(crate) known: u64,
    /// Messages that the mailbox's filter left out.
    pub(crate) left_out: u64,
    /// Messages put on record in quarantine.
    pub(crate) quarantined: u64,
    /// Messages seen and left for the next run.
    pub(crate) backlog: u64,
}

impl Tally {
    /// Messages that are done, in whatever way.
    pub(crate) fn done(&self) -> u64 {
        self.messages + self.known + self.left_out
    }
}
