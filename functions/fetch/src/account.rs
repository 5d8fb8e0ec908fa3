//! What the runs of its mailboxes say of an account.
//!
//! Guarantees: one mailbox that an account may not open does not condemn the account. Its tokens are
//! to blame when they end, or when none of the mailboxes that were tried could be opened.

use crate::{
    Fetch,
    mailbox::{End, Report},
};
use postroom_model::{AccountId, Auth, Fault, FaultClass, Mailbox, MailboxState};
use std::collections::BTreeMap;

/// What is to be written down of one account.
#[derive(Debug, Default)]
struct Verdict {
    ended: Option<Fault>,
    refused: Option<Fault>,
    works: bool,
    recovered: bool,
}

/// What runs say of the accounts that their mailboxes sign in with.
#[derive(Debug, Default)]
pub(crate) struct Accounts(BTreeMap<AccountId, Verdict>);

impl Accounts {
    /// Takes note of one mailbox's run; `before` is the mailbox's state when it began.
    pub(crate) fn note(&mut self, mailbox: &Mailbox, before: &MailboxState, report: &Report) {
        let Auth::Oauth(account) = &mailbox.auth else { return };
        let verdict = self.0.entry(account.clone()).or_default();
        match &report.end {
            End::Failed(fault) if fault.class == FaultClass::AuthorizationEnded => {
                verdict.ended = Some(fault.clone());
            }
            End::Failed(fault) if fault.class == FaultClass::TokenRefused => {
                verdict.refused = Some(fault.clone());
            }
            End::Failed(_) => {}
            End::Complete | End::Unfinished => {
                verdict.works = true;
                verdict.recovered |= before.failure.is_some();
            }
        }
    }

    /// The accounts of which something is to be written: a fault, or that they work again.
    fn verdicts(self) -> impl Iterator<Item = (AccountId, Option<Fault>)> {
        self.0.into_iter().filter_map(|(account, verdict)| match verdict {
            Verdict { works: true, recovered, .. } => recovered.then_some((account, None)),
            Verdict { ended, refused, .. } => ended.or(refused).map(|fault| (account, Some(fault))),
        })
    }
}

impl Fetch {
    /// Writes down what runs said of accounts.
    pub(crate) async fn record_accounts(&self, accounts: Accounts) -> Result<(), postroom_registry::Error> {
        for (account, fault) in accounts.verdicts() {
            self.registry.record_account_fault(&account, fault.as_ref()).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::round::Tally;

    fn verdict(ends: &[Option<FaultClass>], failed_before: bool) -> Option<Option<FaultClass>> {
        let text = r#"{"id":"m","protocol":"imap","host":"h","port":993,"tls":"implicit","user":"m","auth":{"oauth":"a"}}"#;
        let mailbox: Mailbox = serde_json::from_str(text).expect("a mailbox");
        let now = jiff::Timestamp::UNIX_EPOCH;
        let failure =
            postroom_model::Failure::next(None, Fault::new(FaultClass::ConnectionLost, ""), now, 0.0);
        let before = MailboxState { failure: failed_before.then_some(failure), ..MailboxState::default() };
        let mut accounts = Accounts::default();
        for end in ends {
            let end = end.map_or(End::Complete, |class| End::Failed(Fault::new(class, "")));
            accounts.note(&mailbox, &before, &Report { tally: Tally::default(), end });
        }
        accounts.verdicts().next().map(|(_, fault)| fault.map(|fault| fault.class))
    }

    #[test]
    fn an_account_is_blamed_when_nothing_works_and_cleared_when_something_does_again() {
        use FaultClass::{AuthorizationEnded, ConnectionLost, TokenRefused};
        assert_eq!(verdict(&[Some(TokenRefused)], false), Some(Some(TokenRefused)));
        assert_eq!(
            verdict(&[Some(AuthorizationEnded), Some(TokenRefused)], true),
            Some(Some(AuthorizationEnded))
        );
        assert_eq!(verdict(&[Some(TokenRefused), None], false), None, "one mailbox without rights");
        assert_eq!(verdict(&[None], true), Some(None), "it works again");
        assert_eq!(verdict(&[None], false), None, "nothing to write");
        assert_eq!(verdict(&[Some(ConnectionLost)], true), None);
    }
}
