//! The mailboxes that use an account, as mails name them. Pure.
//!
//! Guarantees: whose each is, is found out once, however many people are told.

use postroom_model::{Mailbox, mail_address};
use std::collections::HashMap;

/// The mailboxes that use an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mailboxes {
    /// Their user names, in the order of their ids.
    names: Vec<String>,
    /// Whose they are: positions in `names`, by address.
    by_owner: HashMap<String, Vec<usize>>,
}

impl Mailboxes {
    pub(crate) fn of(mailboxes: &[Mailbox]) -> Self {
        let mut by_owner: HashMap<String, Vec<usize>> = HashMap::new();
        for (position, mailbox) in mailboxes.iter().enumerate() {
            for owner in mailbox.owners.iter().filter_map(|owner| mail_address(owner)) {
                let theirs = by_owner.entry(owner).or_default();
                if theirs.last() != Some(&position) {
                    theirs.push(position);
                }
            }
        }
        Self { names: mailboxes.iter().map(|mailbox| mailbox.user.clone()).collect(), by_owner }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// The first names, and how many there are.
    pub(crate) fn all(&self, most: usize) -> (Vec<&str>, usize) {
        (self.names.iter().take(most).map(String::as_str).collect(), self.names.len())
    }

    /// The same of one owner's.
    pub(crate) fn owned_by(&self, address: &str, most: usize) -> (Vec<&str>, usize) {
        let theirs = self.by_owner.get(address).map(Vec::as_slice).unwrap_or_default();
        let names = theirs.iter().take(most).filter_map(|position| self.names.get(*position));
        (names.map(String::as_str).collect(), theirs.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::mailbox;

    #[test]
    fn each_owner_has_their_own() {
        let all = [
            mailbox("bid", &["ann@contoso.com", "Ben@contoso.com"]),
            mailbox("plan", &[]),
            mailbox("site", &["ANN@contoso.com", " ann@contoso.com "]),
        ];
        let mailboxes = Mailboxes::of(&all);
        assert_eq!(mailboxes.all(2), (vec!["bid@contoso.com", "plan@contoso.com"], 3));
        let annes = (vec!["bid@contoso.com", "site@contoso.com"], 2);
        assert_eq!(mailboxes.owned_by("ann@contoso.com", 20), annes);
        assert_eq!(mailboxes.owned_by("ben@contoso.com", 20), (vec!["bid@contoso.com"], 1));
        assert_eq!(mailboxes.owned_by("eve@contoso.com", 20), (vec![], 0));
    }
}
