//! What is known of accounts: when each is due, and which wait for a person.

use crate::support::{Fixture, account, at, id, lease};
use jiff::Timestamp;
use postroom_model::{Account, AccountId, AccountStatus, Fault, FaultClass, Grant};
use postroom_registry::{AccountQuery, DueAccount, LeasedAccount, Registry, Standing, TokenRecord};
use serde_json::json;

async fn due(registry: &Registry, now: Timestamp) -> Vec<DueAccount> {
    let mut pages = registry.due_accounts(now);
    let mut due = Vec::new();
    while let Some(page) = pages.next_page().await.expect("a page") {
        due.extend(page);
    }
    due
}

async fn waiting(registry: &Registry) -> Vec<AccountId> {
    let query = AccountQuery { standing: Standing::NeedsConsent, ..AccountQuery::default() };
    let page = registry.accounts_page(&query, None, 100).await.expect("a page");
    page.items.into_iter().map(|(account, _)| account.id).collect()
}

fn tokens() -> TokenRecord {
    TokenRecord {
        obtained_at: at(1000),
        access_expires_at: Some(at(4600)),
        refresh_expires_at: None,
        refresh_expires_since: None,
        unrefreshable: false,
        ends: None,
        missing_scopes: Vec::new(),
        due_at: Some(at(4000)),
        remind_at: None,
        consent: None,
    }
}

fn app_only(name: &str) -> Account {
    Account { grant: Grant::ClientCredentials, ..account(name) }
}

#[tokio::test]
async fn a_new_account_waits_for_a_person_or_is_due_at_once() {
    let Fixture { registry, .. } = Fixture::new().await;
    registry.put_account(&account("ann"), at(1000)).await.expect("puts");
    registry.put_account(&app_only("app"), at(1000)).await.expect("puts");
    assert_eq!(waiting(&registry).await, [id::<AccountId>("ann")]);
    assert_eq!(due(&registry, at(1000)).await, [DueAccount { id: id("app"), due_at: at(1000) }]);
    assert_eq!(due(&registry, at(999)).await, []);

    // Whoever changes the grant changes whom the account waits for.
    registry.put_account(&app_only("ann"), at(2000)).await.expect("puts");
    registry.put_account(&account("app"), at(2000)).await.expect("puts");
    assert_eq!(waiting(&registry).await, [id::<AccountId>("app")]);
    assert_eq!(due(&registry, at(9999)).await, [DueAccount { id: id("ann"), due_at: at(2000) }]);

    registry.delete_account(&id("ann")).await.expect("deletes");
    registry.delete_account(&id("app")).await.expect("deletes");
    assert_eq!((waiting(&registry).await, due(&registry, at(9999)).await), (vec![], vec![]));
}

#[tokio::test]
async fn a_definition_written_again_leaves_what_is_known_of_tokens() {
    let fixture = Fixture::new().await;
    let (registry, name) = (&fixture.registry, id("ann"));
    registry.put_account(&account("ann"), at(1000)).await.expect("puts");
    let known = json!({ "obtained_at": 1100, "access_expires_at": 4700 });
    fixture.put_raw("ACCOUNT#ann", "STATUS", known).await;
    let before = registry.account_status(&name).await.expect("reads");
    for grant in [Grant::AuthorizationCode, Grant::ClientCredentials] {
        registry.put_account(&Account { grant, ..account("ann") }, at(2000)).await.expect("puts");
        let found = registry.account_status(&name).await.expect("reads");
        assert!(found.remind_at.is_some_and(|look| look <= at(2000)), "{found:?}");
        assert_eq!(AccountStatus { remind_at: None, ..found }, before);
    }
    assert_eq!((waiting(registry).await, due(registry, at(9999)).await), (vec![], vec![]));

    let fault = Fault::new(FaultClass::AppRegistration, "wrong secret");
    registry.record_account_fault(&name, Some(&fault), at(1500)).await.expect("records");
    registry.put_account(&app_only("ann"), at(3000)).await.expect("puts");
    let mended = [DueAccount { id: name, due_at: at(3000) }];
    assert_eq!(due(registry, at(3000)).await, mended, "what was changed is tried again");
}

#[tokio::test]
async fn only_a_fault_that_its_owner_must_mend_makes_an_account_wait() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name: AccountId = id("ann");
    registry.put_account(&account("ann"), at(1000)).await.expect("puts");
    registry.record_account_fault(&name, None, at(1500)).await.expect("answers");
    assert_eq!(waiting(&registry).await, std::slice::from_ref(&name), "it has no tokens that could work");
    let leased = registry.lease_account(&name, &lease("w", 2000), at(1000)).await.expect("answers");
    let LeasedAccount::Held(held) = leased else { panic!("not held but {leased:?}") };
    assert!(registry.record_tokens(&name, held.fence, &tokens()).await.expect("records"));
    assert_eq!(waiting(&registry).await, []);
    for (class, waits) in [
        (FaultClass::TemporarilyUnavailable, false),
        (FaultClass::AppRegistration, false),
        (FaultClass::TokenRefused, true),
        (FaultClass::TemporarilyUnavailable, true),
    ] {
        registry
            .record_account_fault(&name, Some(&Fault::new(class, "so")), at(1500))
            .await
            .expect("records");
        assert_eq!(!waiting(&registry).await.is_empty(), waits, "{class}");
    }
    registry.record_account_fault(&name, None, at(1500)).await.expect("it works");
    assert_eq!(waiting(&registry).await, []);

    // A mailbox that opens with the last access token says nothing of the refresh token.
    let leased = registry.lease_account(&name, &lease("w", 2000), at(1000)).await.expect("answers");
    let LeasedAccount::Held(held) = leased else { panic!("not held but {leased:?}") };
    let ended = Fault::new(FaultClass::AuthorizationEnded, "revoked");
    assert!(registry.record_refusal(&name, held.fence, &ended, 1, None, at(1600)).await.expect("records"));
    registry.record_account_fault(&name, None, at(1500)).await.expect("answers");
    let passing = Fault::new(FaultClass::TemporarilyUnavailable, "later");
    registry.record_account_fault(&name, Some(&passing), at(1500)).await.expect("answers");
    assert_eq!(registry.account_status(&name).await.expect("reads").fault, Some(ended));
    assert_eq!(waiting(&registry).await, [name]);
}

#[tokio::test]
async fn what_a_run_found_makes_no_account_that_is_gone() {
    let fixture = Fixture::new().await;
    fixture.registry.record_account_fault(&id("gone"), None, at(1500)).await.expect("answers");
    let item = fixture.client.scan().table_name(&fixture.table).send().await.expect("scans");
    assert_eq!(item.count(), 0);
}

#[tokio::test]
async fn a_definition_written_again_leaves_a_journal_due() {
    let Fixture { registry, .. } = Fixture::new().await;
    let name: AccountId = id("ann");
    registry.put_account(&account("ann"), at(1000)).await.expect("puts");
    let leased = registry.lease_account(&name, &lease("w", 2000), at(1000)).await.expect("answers");
    let LeasedAccount::Held(held) = leased else { panic!("not held but {leased:?}") };
    assert!(registry.journal_tokens(&name, held.fence, "sealed", at(1100)).await.expect("journals"));
    registry.put_account(&account("ann"), at(1200)).await.expect("puts");
    assert_eq!(due(&registry, at(1100)).await, [DueAccount { id: name, due_at: at(1100) }]);
}

#[tokio::test]
async fn statuses_come_together_and_one_for_each_account() {
    let fixture = Fixture::new().await;
    let names: Vec<AccountId> = (0..130).map(|n| id(&format!("a{n:03}"))).collect();
    for name in &names[..120] {
        let item = json!({ "obtained_at": 1000 });
        fixture.put_raw(&format!("ACCOUNT#{name}"), "STATUS", item).await;
    }
    let before = fixture.requests();
    let asked = [names.as_slice(), &names[..1]].concat();
    let statuses = fixture.registry.account_statuses(&asked).await.expect("reads");
    assert_eq!(fixture.requests() - before, 2, "a hundred in one request");
    assert_eq!(statuses.len(), 130);
    assert_eq!(statuses[&names[119]].obtained_at, Some(at(1000)));
    assert_eq!(statuses[&names[129]], AccountStatus::default());
    assert!(fixture.registry.account_statuses(&[]).await.expect("reads").is_empty());
}

#[tokio::test]
async fn a_status_of_the_earlier_release_loads_and_can_be_leased() {
    let fixture = Fixture::new().await;
    let (registry, name) = (&fixture.registry, id("ann"));
    let item = json!({
        "obtained_at": 1000, "access_expires_at": 4600, "refresh_expires_at": 90_000,
        "fault": {"class": "token_refused", "reason": "expired"},
    });
    fixture.put_raw("ACCOUNT#ann", "STATUS", item).await;
    let status = registry.account_status(&name).await.expect("reads");
    assert_eq!((status.obtained_at, status.access_expires_at), (Some(at(1000)), Some(at(4600))));
    assert_eq!((status.fence, status.failures, status.due_at, status.lease.clone()), (0, 0, None, None));
    assert_eq!((status.remind_at, status.refused_at, status.unrefreshable), (None, None, false));
    assert_eq!(status.fault.as_ref().map(|fault| fault.class), Some(FaultClass::TokenRefused));

    let leased = registry.lease_account(&name, &lease("w", 3000), at(2000)).await.expect("answers");
    let LeasedAccount::Held(leased) = leased else { panic!("not held but {leased:?}") };
    assert!(leased.fence > 0);
    assert_eq!(AccountStatus { fence: 0, lease: None, ..leased }, status);
}
