//! What the runs of its mailboxes say of an account.
//!
//! Guarantees: one mailbox that an account may not open does not condemn the account. Its tokens count
//! as refused when no mailbox of it is known to work; the others are asked about only where one was
//! refused and none worked in the same run. A mailbox that works again clears it.
//!
//! Left out: an authorization that ended. Whoever tried to renew the tokens has recorded that. Where
//! all that works is a mailbox that was paused or belonged elsewhere meanwhile, the account is cleared
//! by a renewal of its tokens, once no mail server has refused them for three days.

use crate::{
    Fetch,
    outcome::{End, Report},
};
use postroom_model::{AccountId, Auth, Fault, FaultClass, Mailbox, MailboxState};
use postroom_registry::LoadedMailbox;
use std::collections::BTreeMap;

/// What the runs of an account's mailboxes saw.
#[derive(Debug, Default)]
struct Seen {
    /// A mail server refused the account's token.
    refused: Option<Fault>,
    /// A mail server took it.
    works: bool,
    /// One took it for a mailbox that did not work before.
    recovered: bool,
}

/// What is to be done about an account.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// A fault that is on record is over.
    Works,
    /// This is on record from now on, unless another mailbox works.
    Suspect(Fault),
}

/// What runs say of the accounts that their mailboxes sign in with.
#[derive(Debug, Default)]
pub(crate) struct Accounts(BTreeMap<AccountId, Seen>);

impl Accounts {
    /// Takes note of one mailbox's run; `before` is the mailbox's state when it began.
    pub(crate) fn note(&mut self, mailbox: &Mailbox, before: &MailboxState, report: &Report) {
        let Auth::Oauth(account) = &mailbox.auth else { return };
        let seen = self.0.entry(account.clone()).or_default();
        if report.tally.signed_in {
            seen.works = true;
            // A new mailbox has not failed before, and may be the first that works.
            let is_new = !was_fetched(before) && report.tally.messages > 0;
            seen.recovered |= before.failure.is_some() || is_new;
        } else if let End::Failed(fault) = &report.end
            && fault.class == FaultClass::TokenRefused
        {
            seen.refused = Some(fault.clone());
        }
    }

    /// The accounts about which something is to be done.
    fn verdicts(self) -> impl Iterator<Item = (AccountId, Verdict)> {
        self.0.into_iter().filter_map(|(account, seen)| {
            let verdict = match seen {
                Seen { works: true, recovered, refused } => {
                    (recovered || refused.is_some()).then_some(Verdict::Works)
                }
                Seen { refused, .. } => refused.map(Verdict::Suspect),
            };
            Some((account, verdict?))
        })
    }
}

impl Fetch {
    /// Writes down what runs said of accounts. Their mailboxes' own outcomes are on record by now. One account
    /// that cannot be written stops no other; a run that sees the same again says it again.
    pub(crate) async fn record_accounts(&self, accounts: Accounts) {
        for (account, verdict) in accounts.verdicts() {
            if let Err(error) = self.record_account(&account, verdict).await
                && !self.refusals.noted(error.refusal())
            {
                tracing::error!(%account, %error, "what mail servers say of an account could not be recorded");
            }
        }
    }

    async fn record_account(
        &self,
        account: &AccountId,
        verdict: Verdict,
    ) -> Result<(), postroom_registry::Error> {
        let now = (self.clock)();
        match verdict {
            Verdict::Works => self.registry.record_account_fault(account, None, now).await,
            Verdict::Suspect(fault) if !self.any_works(account).await? => {
                self.registry.record_account_fault(account, Some(&fault), now).await
            }
            Verdict::Suspect(_) => Ok(()),
        }
    }

    /// Whether a mailbox of the account works, as far as is known.
    async fn any_works(&self, account: &AccountId) -> Result<bool, postroom_registry::Error> {
        let mailboxes = self.registry.mailboxes_of(account).await?;
        let ids: Vec<_> = mailboxes.into_iter().map(|placed| placed.mailbox.id).collect();
        let loaded = self.registry.load(&ids).await?;
        Ok(loaded.iter().filter_map(|(_, loaded)| loaded.as_ref().ok()).any(speaks_for_its_account))
    }
}

/// Whether a mailbox works, or did until something other than its sign-in failed. One that has not been
/// tried yet will be, and is waited for.
fn speaks_for_its_account(loaded: &LoadedMailbox) -> bool {
    let LoadedMailbox { placed, state } = loaded;
    let works = match &state.failure {
        None => true,
        Some(failure) => {
            let tokens =
                matches!(failure.fault.class, FaultClass::TokenRefused | FaultClass::AuthorizationEnded);
            !tokens && was_fetched(state)
        }
    };
    works && placed.paused_at.is_none()
}

/// Whether a run has ever got as far as its mail.
fn was_fetched(state: &MailboxState) -> bool {
    !state.folders.is_empty() || state.maildrop.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::{LeftOuts, Tally};
    use FaultClass::{AuthorizationEnded, ConnectionLost, TokenRefused};
    use jiff::Timestamp;
    use postroom_model::{Failure, FolderCursor};
    use serde_json::json;

    const IN: Tally = Tally {
        signed_in: true,
        messages: 0,
        bytes: 0,
        known: 0,
        left_out: LeftOuts { from: 0, subject: 0, size: 0, since: 0 },
        quarantined: 0,
        backlog: 0,
    };

    fn loaded(failure: Option<FaultClass>, is_fetched: bool, more: serde_json::Value) -> LoadedMailbox {
        let mut placed = json!({
            "id": "m", "protocol": "imap", "host": "h", "port": 993, "tls": "implicit", "user": "m",
            "auth": {"oauth": "a"},
        });
        placed.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let now = Timestamp::UNIX_EPOCH;
        let failure = failure.map(|class| Failure::next(None, Fault::new(class, ""), now, 0.0));
        let placed: postroom_registry::PlacedMailbox = serde_json::from_value(placed).expect("a mailbox");
        let cursor = FolderCursor::start(1, placed.mailbox.origin());
        let folders = is_fetched.then(|| ("INBOX".to_owned(), cursor)).into_iter().collect();
        LoadedMailbox { placed, state: MailboxState { failure, folders, ..MailboxState::default() } }
    }

    fn verdict(before: Option<FaultClass>, runs: Vec<(Tally, End)>) -> Option<Verdict> {
        let LoadedMailbox { placed, state } = loaded(before, true, json!({}));
        let mut accounts = Accounts::default();
        for (tally, end) in runs {
            accounts.note(&placed.mailbox, &state, &Report { tally, end });
        }
        accounts.verdicts().next().map(|(_, verdict)| verdict)
    }

    fn failed(class: FaultClass) -> (Tally, End) {
        (Tally::default(), End::Failed(Fault::new(class, "")))
    }

    #[test]
    fn an_account_is_suspected_when_one_is_refused_and_none_works() {
        let suspect = Some(Verdict::Suspect(Fault::new(TokenRefused, "")));
        assert_eq!(verdict(None, vec![failed(TokenRefused)]), suspect);
        assert_eq!(verdict(None, vec![failed(TokenRefused), failed(ConnectionLost)]), suspect);
        let not_in = (Tally::default(), End::Unfinished);
        assert_eq!(verdict(None, vec![failed(TokenRefused), not_in]), suspect, "it had no time to sign in");
        assert_eq!(verdict(None, vec![failed(AuthorizationEnded)]), None, "the renewal has recorded it");
        assert_eq!(verdict(None, vec![failed(ConnectionLost)]), None);
        let works = Some(Verdict::Works);
        assert_eq!(verdict(None, vec![failed(TokenRefused), (IN, End::Complete)]), works);
    }

    #[test]
    fn an_account_is_cleared_when_a_mailbox_works_again() {
        assert_eq!(verdict(Some(TokenRefused), vec![(IN, End::Complete)]), Some(Verdict::Works));
        let lost = End::Failed(Fault::new(ConnectionLost, ""));
        assert_eq!(verdict(Some(TokenRefused), vec![(IN, lost)]), Some(Verdict::Works), "it was let in");
        assert_eq!(verdict(None, vec![(IN, End::Complete)]), None, "nothing to write");
        assert_eq!(verdict(Some(TokenRefused), vec![(Tally::default(), End::Unfinished)]), None);

        let LoadedMailbox { placed, state } = loaded(None, false, json!({}));
        let mut accounts = Accounts::default();
        let report = Report { tally: Tally { messages: 1, ..IN }, end: End::Complete };
        accounts.note(&placed.mailbox, &state, &report);
        assert!(accounts.verdicts().any(|(_, verdict)| verdict == Verdict::Works), "a new one's first mail");
    }

    #[test]
    fn a_mailbox_speaks_for_its_account_unless_it_is_refused_too_or_never_worked() {
        for (failure, is_fetched, speaks) in [
            (None, true, true),
            (None, false, true),
            (Some(ConnectionLost), true, true),
            (Some(ConnectionLost), false, false),
            (Some(TokenRefused), true, false),
            (Some(AuthorizationEnded), true, false),
        ] {
            let loaded = loaded(failure, is_fetched, json!({}));
            assert_eq!(speaks_for_its_account(&loaded), speaks, "{failure:?} {is_fetched}");
        }
        assert!(!speaks_for_its_account(&loaded(None, true, json!({"paused_at": 1}))));
    }
}
