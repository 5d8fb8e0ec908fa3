//! What a mailbox's run has done so far.

use postroom_model::LeftOut;

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
    pub(crate) left_out: LeftOuts,
    /// Messages put on record in quarantine.
    pub(crate) quarantined: u64,
    /// Messages seen and left for the next run.
    pub(crate) backlog: u64,
}

impl Tally {
    /// Messages that are done, in whatever way.
    pub(crate) fn done(&self) -> u64 {
        self.messages + self.known + self.left_out.all()
    }
}

/// Messages that a filter left out, by the rule that did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LeftOuts {
    /// By `from` or `not_from`.
    pub(crate) from: u64,
    /// By `subject` or `not_subject`.
    pub(crate) subject: u64,
    /// By `min_size` or `max_size`.
    pub(crate) size: u64,
    /// By `since`.
    pub(crate) since: u64,
}

impl LeftOuts {
    /// One more.
    pub(crate) fn add(&mut self, rule: LeftOut) {
        *match rule {
            LeftOut::From => &mut self.from,
            LeftOut::Subject => &mut self.subject,
            LeftOut::Size => &mut self.size,
            LeftOut::Since => &mut self.since,
        } += 1;
    }

    /// By whichever rule.
    pub(crate) fn all(&self) -> u64 {
        self.from + self.subject + self.size + self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_counted_for_itself() {
        let mut left_out = LeftOuts::default();
        for (rule, times) in
            [(LeftOut::From, 1), (LeftOut::Subject, 2), (LeftOut::Size, 3), (LeftOut::Since, 4)]
        {
            (0..times).for_each(|_| left_out.add(rule));
        }
        assert_eq!(left_out, LeftOuts { from: 1, subject: 2, size: 3, since: 4 });
        assert_eq!((left_out.all(), Tally { left_out, messages: 5, ..Tally::default() }.done()), (10, 15));
    }
}
