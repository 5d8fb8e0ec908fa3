//! One change of an account's token set at a time.

use crate::support::{Fixture, account, at, id, lease};
use postroom_model::{AccountId, AccountStatus, Expiry, Fault, FaultClass, Governs, Lease, Subject};
use postroom_registry::{AccountQuery, DueSubject, LeasedAccount, Registry, Standing, TokenRecord};

fn record() -> TokenRecord {
    TokenRecord {
        obtained_at: at(2000),
        access_expires_at: Some(at(5600)),
        refresh_expires_at: Some(at(90_000)),
        refresh_expires_since: Some(at(2000)),
        unrefreshable: true,
        ends: Some(Expiry { at: at(80_000), governs: Governs::IdleLimit, since: at(1) }),
        missing_scopes: vec!["imap".into()],
        due_at: Some(at(5000)),
        remind_at: Some(at(48_000)),
        consent: Some((at(2000), Some("ann@contoso.example".into()))),
    }
}

async fn take(registry: &Registry, name: &AccountId, lease: &Lease, now: i64) -> LeasedAccount {
    registry.lease_account(name, lease, at(now)).await.expect("answers")
}

async fn held(registry: &Registry, name: &AccountId, lease: &Lease, now: i64) -> AccountStatus {
    match take(registry, name, lease, now).await {
        LeasedAccount::Held(status) => status,
        busy => panic!("not held but {busy:?}"),
    }
}

async fn status(registry: &Registry, name: &AccountId) -> AccountStatus {
    registry.account_status(name).await.expect("reads")
}

async fn is_waiting(registry: &Registry) -> bool {
    let query = AccountQuery { standing: Standing::NeedsConsent, ..AccountQuery::default() };
    !registry.accounts_page(&query, None, 9).await.expect("a page").items.is_empty()
}

/// Every write that names a fence; whether each was made.
async fn writes(registry: &Registry, name: &AccountId, fence: u64) -> [bool; 5] {
    let fault = Fault::new(FaultClass::AuthorizationEnded, "late");
    [
        registry.journal_tokens(name, fence, "sealed late", at(1000)).await.expect("answers"),
        registry.record_tokens(name, fence, &record()).await.expect("answers"),
        registry.record_refusal(name, fence, &fault, 9, None, at(1600)).await.expect("answers"),
        registry.forget_tokens(name, fence).await.expect("answers"),
        registry.release_account(name, fence).await.expect("answers"),
    ]
}

#[tokio::test]
async fn one_of_fifty_gets_the_lease() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name: AccountId = id("ann");
    registry.put_account(&account("ann"), at(1000)).await.expect("puts");
    for round in 0..3 {
        let now = 1000 + 100 * round;
        let asked = (0..50).map(|n| {
            let (registry, name) = (registry.clone(), name.clone());
            let lease = lease(&format!("worker {n}"), now + 100);
            tokio::spawn(async move { (take(&registry, &name, &lease, now).await, lease) })
        });
        let mut holders = Vec::new();
        for answer in asked.collect::<Vec<_>>() {
            match answer.await.expect("runs") {
                (LeasedAccount::Held(status), lease) => holders.push((status, lease)),
                (LeasedAccount::Busy { until }, _) => assert_eq!(until, at(now + 100)),
            }
        }
        let [(held, lease)] = holders.as_slice() else { panic!("held by {}", holders.len()) };
        assert_eq!(held.lease.as_ref(), Some(lease), "what its holder sees is its own");
        assert_eq!(status(&registry, &name).await, *held);
    }
}

#[tokio::test]
async fn a_holder_that_was_fenced_off_writes_nothing() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name: AccountId = id("ann");
    let first = held(&registry, &name, &lease("first", 1100), 1000).await;
    let busy = take(&registry, &name, &lease("second", 1200), 1099).await;
    assert_eq!(busy, LeasedAccount::Busy { until: at(1100) });
    let second = held(&registry, &name, &lease("second", 1200), 1100).await;
    assert!(second.fence > first.fence);

    let before = status(&registry, &name).await;
    assert_eq!(writes(&registry, &name, first.fence).await, [false; 5]);
    assert_eq!(writes(&registry, &name, second.fence + 1).await, [false; 5]);
    assert_eq!(status(&registry, &name).await, before);

    assert!(registry.journal_tokens(&name, second.fence, "sealed", at(1000)).await.expect("answers"));
    assert!(registry.release_account(&name, second.fence).await.expect("answers"));
    let after = status(&registry, &name).await;
    assert_eq!((after.lease, after.journal.as_deref()), (None, Some("sealed")), "the journal stays");
    // A lease that was given back is free, and its number is no longer the latest once it is taken.
    let third = held(&registry, &name, &lease("third", 9000), 1150).await;
    assert!(third.fence > second.fence);
    assert_eq!(third.journal.as_deref(), Some("sealed"), "whoever comes next finds it");
    assert_eq!(writes(&registry, &name, second.fence).await, [false; 5]);
}

#[tokio::test]
async fn a_lease_that_its_owner_takes_again_has_a_new_number() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name: AccountId = id("ann");
    let first = held(&registry, &name, &lease("w", 1100), 1000).await;
    let again = held(&registry, &name, &lease("w", 1300), 1050).await;
    assert!(again.fence > first.fence);
    assert_eq!(again.lease, Some(lease("w", 1300)));
    assert_eq!(writes(&registry, &name, first.fence).await, [false; 5]);
}

#[tokio::test]
async fn an_account_made_anew_is_fenced_off_from_its_namesake() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name: AccountId = id("ann");
    registry.put_account(&account("ann"), at(1000)).await.expect("puts");
    let before = held(&registry, &name, &lease("before", 9000), 1000).await;
    registry.delete_account(&name).await.expect("deletes");
    assert_eq!(writes(&registry, &name, before.fence).await, [false; 5], "nothing comes back");
    registry.put_account(&account("ann"), at(1010)).await.expect("puts");
    let after = held(&registry, &name, &lease("after", 9000), 1010).await;
    assert!(after.fence > before.fence);
    assert_eq!(writes(&registry, &name, before.fence).await, [false; 5]);
}

/// A renewal at a moment.
async fn renew(registry: &Registry, name: &AccountId, now: i64) {
    let fence = held(registry, name, &lease("w", now + 60), now).await.fence;
    let record = TokenRecord { obtained_at: at(now), remind_at: None, consent: None, ..record() };
    assert!(registry.record_tokens(name, fence, &record).await.expect("records"));
}

#[tokio::test]
async fn a_renewal_leaves_what_mail_servers_refuse() {
    const HOUR: i64 = 3600;
    let Fixture { registry, .. } = Fixture::new().await;
    let name: AccountId = id("ann");
    registry.put_account(&account("ann"), at(1000)).await.expect("puts");
    renew(&registry, &name, 2000).await;
    let refused = Fault::new(FaultClass::TokenRefused, "no");
    let note = async |fault: Option<&Fault>, now| {
        registry.record_account_fault(&name, fault, at(now)).await.expect("records");
    };
    let start = 10_000;
    for hour in 0..30 {
        let now = start + hour * HOUR;
        note(Some(&refused), now).await;
        renew(&registry, &name, now + 60).await;
        let found = status(&registry, &name).await;
        assert_eq!((found.fault.as_ref(), found.refused_at), (Some(&refused), Some(at(start))), "{hour}");
        assert_eq!(found.mail_refused_at, Some(at(start)), "{hour}");
        assert!(is_waiting(&registry).await, "{hour}");
    }
    // A renewal that fails says more; that mail servers refuse is known on.
    let fence = held(&registry, &name, &lease("w", 200_000), 150_000).await.fence;
    let slow = Fault::new(FaultClass::TimedOut, "slow");
    assert!(
        registry
            .record_refusal(&name, fence, &slow, 1, Some(at(160_000)), at(150_000))
            .await
            .expect("records")
    );
    renew(&registry, &name, 160_000).await;
    assert_eq!(status(&registry, &name).await.fault, None);
    note(Some(&refused), 161_000).await;
    assert_eq!(status(&registry, &name).await.mail_refused_at, Some(at(start)));

    note(None, 162_000).await;
    let works = status(&registry, &name).await;
    assert_eq!((works.fault, works.refused_at, works.mail_refused_at), (None, None, None));
    assert!(!is_waiting(&registry).await);
    note(Some(&refused), 170_000).await;
    let fence = held(&registry, &name, &lease("w", 171_060), 171_000).await.fence;
    assert!(registry.record_tokens(&name, fence, &record()).await.expect("records"));
    let consented = status(&registry, &name).await;
    assert_eq!((consented.fault, consented.refused_at, consented.mail_refused_at), (None, None, None));
    assert!(!is_waiting(&registry).await, "a consent is another authorization");
}

#[tokio::test]
async fn a_mailbox_that_is_polled_no_more_does_not_keep_its_account_refused() {
    const DAY: i64 = 86_400;
    let Fixture { registry, .. } = Fixture::new().await;
    let name: AccountId = id("ann");
    registry.put_account(&account("ann"), at(1000)).await.expect("puts");
    renew(&registry, &name, 2000).await;
    let refused = Fault::new(FaultClass::TokenRefused, "no");
    for now in [3000, 4000] {
        registry.record_account_fault(&name, Some(&refused), at(now)).await.expect("records");
    }
    for (now, is_refused) in [(4000 + 3 * DAY - 1, true), (4000 + 3 * DAY, false)] {
        renew(&registry, &name, now).await;
        let found = status(&registry, &name).await;
        assert_eq!(found.fault.is_some(), is_refused, "{now}");
        assert_eq!(found.mail_refused_at.is_some(), is_refused, "{now}");
        assert_eq!(is_waiting(&registry).await, is_refused, "{now}");
    }
}

#[tokio::test]
async fn mail_servers_that_take_a_token_while_renewals_fail_are_believed() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name: AccountId = id("ann");
    registry.put_account(&account("ann"), at(1000)).await.expect("puts");
    renew(&registry, &name, 2000).await;
    let refused = Fault::new(FaultClass::TokenRefused, "no");
    registry.record_account_fault(&name, Some(&refused), at(3000)).await.expect("records");
    let fence = held(&registry, &name, &lease("w", 4060), 4000).await.fence;
    let slow = Fault::new(FaultClass::TimedOut, "slow");
    assert!(registry.record_refusal(&name, fence, &slow, 1, None, at(4000)).await.expect("records"));
    registry.record_account_fault(&name, None, at(5000)).await.expect("records");
    let found = status(&registry, &name).await;
    assert_eq!((found.fault, found.mail_refused_at), (Some(slow), None));
}

#[tokio::test]
async fn a_renewal_that_is_recorded_while_a_mail_server_refuses_is_looked_at_at_once() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name: AccountId = id("ann");
    registry.put_account(&account("ann"), at(1000)).await.expect("puts");
    renew(&registry, &name, 2000).await;
    let fence = held(&registry, &name, &lease("w", 3060), 3000).await.fence;
    // The renewal is under way, and knows nothing of this.
    let refused = Fault::new(FaultClass::TokenRefused, "no");
    registry.record_account_fault(&name, Some(&refused), at(3010)).await.expect("records");
    let record =
        TokenRecord { obtained_at: at(3020), remind_at: Some(at(48_000)), consent: None, ..record() };
    assert!(registry.record_tokens(&name, fence, &record).await.expect("records"));
    assert_eq!(status(&registry, &name).await.remind_at, Some(at(3020)));
}

#[tokio::test]
async fn renewals_fail_since_the_first_that_did() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name: AccountId = id("ann");
    registry.put_account(&account("ann"), at(1000)).await.expect("puts");
    renew(&registry, &name, 2000).await;
    let slow = Fault::new(FaultClass::TimedOut, "slow");
    let ended = Fault::new(FaultClass::AuthorizationEnded, "revoked");
    for (now, fault) in [(3000, &slow), (4000, &slow), (5000, &ended)] {
        let fence = held(&registry, &name, &lease("w", now + 60), now).await.fence;
        assert!(registry.record_refusal(&name, fence, fault, 1, None, at(now)).await.expect("records"));
        let found = status(&registry, &name).await;
        assert_eq!(found.failing_since, Some(at(3000)), "{now}");
        // An idle limit counts from a day after that.
        let look = if now < 5000 { 3000 + 86_400 } else { 5000 };
        assert_eq!(found.remind_at, Some(at(look)), "{now}");
    }
    renew(&registry, &name, 6000).await;
    assert_eq!(status(&registry, &name).await.failing_since, None);
    let fence = held(&registry, &name, &lease("w", 7060), 7000).await.fence;
    assert!(registry.record_refusal(&name, fence, &slow, 1, None, at(7000)).await.expect("records"));
    let fence = held(&registry, &name, &lease("w", 8060), 8000).await.fence;
    assert!(registry.forget_tokens(&name, fence).await.expect("forgets"));
    assert_eq!(status(&registry, &name).await.failing_since, None);
}

#[tokio::test]
async fn recorded_tokens_end_what_was_wrong_before() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name: AccountId = id("ann");
    registry.put_account(&account("ann"), at(1000)).await.expect("puts");
    let fence = held(&registry, &name, &lease("w", 1900), 1000).await.fence;
    let fault = Fault::new(FaultClass::InteractionRequired, "sign in");
    registry.journal_tokens(&name, fence, "sealed", at(1000)).await.expect("journals");
    assert_eq!(status(&registry, &name).await.due_at, Some(at(1000)), "the schedule finds what is journaled");
    assert!(
        registry.record_refusal(&name, fence, &fault, 3, Some(at(1500)), at(1600)).await.expect("records")
    );
    let refused = status(&registry, &name).await;
    assert_eq!((refused.fault, refused.failures), (Some(fault), 3));
    assert_eq!((refused.due_at, refused.lease), (Some(at(1500)), None));
    assert_eq!((refused.refused_at, refused.remind_at), (Some(at(1600)), Some(at(1600))));
    assert_eq!(refused.journal.as_deref(), Some("sealed"), "what was issued is not dropped");
    assert!(is_waiting(&registry).await);

    let fence = held(&registry, &name, &lease("w", 1900), 1100).await.fence;
    assert!(registry.record_tokens(&name, fence, &record()).await.expect("records"));
    let wanted = AccountStatus {
        obtained_at: Some(at(2000)),
        access_expires_at: Some(at(5600)),
        refresh_expires_at: Some(at(90_000)),
        refresh_expires_since: Some(at(2000)),
        unrefreshable: true,
        authorised_at: Some(at(2000)),
        identity: Some("ann@contoso.example".into()),
        missing_scopes: vec!["imap".into()],
        ends_at: Some(at(80_000)),
        ended_by: Some(Governs::IdleLimit),
        remind_at: Some(at(48_000)),
        due_at: Some(at(5000)),
        fence,
        ..AccountStatus::default()
    };
    assert_eq!(status(&registry, &name).await, wanted);
    assert!(!is_waiting(&registry).await);
    assert_eq!(registry.endings(at(80_000)).await.expect("lists"), [(name.clone(), at(80_000))]);
    let due = DueSubject { subject: Subject::Account(name.clone()), remind_at: at(48_000) };
    assert_eq!(registry.due_subjects(at(48_000), 9).await.expect("lists"), [due]);

    // A renewal leaves alone who consented, and writes over all the rest.
    let fence = held(&registry, &name, &lease("w", 6000), 5000).await.fence;
    let bare = TokenRecord {
        obtained_at: at(5000),
        access_expires_at: None,
        refresh_expires_at: None,
        refresh_expires_since: None,
        unrefreshable: false,
        ends: None,
        missing_scopes: Vec::new(),
        due_at: None,
        remind_at: None,
        consent: None,
    };
    assert!(registry.record_tokens(&name, fence, &bare).await.expect("records"));
    let bare = AccountStatus {
        obtained_at: Some(at(5000)),
        authorised_at: wanted.authorised_at,
        identity: wanted.identity,
        remind_at: wanted.remind_at,
        fence,
        ..AccountStatus::default()
    };
    assert_eq!(status(&registry, &name).await, bare);
    assert_eq!(registry.endings(at(99_999)).await.expect("lists"), []);
    assert_eq!(registry.due_accounts(at(99_999)).next_page().await.expect("a page"), Some(vec![]));

    let fence = held(&registry, &name, &lease("w", 6000), 5000).await.fence;
    let anonymous = TokenRecord { consent: Some((at(5500), None)), ..record() };
    assert!(registry.record_tokens(&name, fence, &anonymous).await.expect("records"));
    let after = status(&registry, &name).await;
    assert_eq!((after.authorised_at, after.identity), (Some(at(5500)), None), "no longer somebody else");
}

#[tokio::test]
async fn a_fault_that_may_pass_does_not_make_an_account_wait_for_a_person() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name: AccountId = id("ann");
    registry.put_account(&account("ann"), at(1000)).await.expect("puts");
    let fence = held(&registry, &name, &lease("w", 1900), 1000).await.fence;
    registry.record_tokens(&name, fence, &record()).await.expect("records");
    let fault = Fault::new(FaultClass::TemporarilyUnavailable, "later");
    assert!(
        registry.record_refusal(&name, fence, &fault, 1, Some(at(6000)), at(1600)).await.expect("records")
    );
    assert!(!is_waiting(&registry).await);
    let after = status(&registry, &name).await;
    assert_eq!(
        (after.obtained_at, after.ends_at),
        (Some(at(2000)), Some(at(80_000))),
        "the tokens still count"
    );
}

#[tokio::test]
async fn forgotten_tokens_leave_nothing_but_the_number() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name: AccountId = id("ann");
    registry.put_account(&account("ann"), at(1000)).await.expect("puts");
    let fence = held(&registry, &name, &lease("w", 1900), 1000).await.fence;
    registry.record_tokens(&name, fence, &record()).await.expect("records");
    let fence = held(&registry, &name, &lease("w", 1900), 1000).await.fence;
    let fault = Fault::new(FaultClass::AuthorizationEnded, "revoked");
    assert!(registry.record_refusal(&name, fence, &fault, 1, None, at(1600)).await.expect("records"));
    let fence = held(&registry, &name, &lease("w", 1900), 1000).await.fence;
    registry.journal_tokens(&name, fence, "sealed", at(1000)).await.expect("journals");
    assert!(registry.forget_tokens(&name, fence).await.expect("forgets"));
    // Whoever looks finds nothing to tell.
    let left = AccountStatus { fence, remind_at: Some(at(1600)), ..AccountStatus::default() };
    assert_eq!(status(&registry, &name).await, left);
    assert!(is_waiting(&registry).await);
    assert_eq!(registry.endings(at(99_999)).await.expect("lists"), []);
    assert_eq!(registry.due_accounts(at(99_999)).next_page().await.expect("a page"), Some(vec![]));
}
