//! Accounts as people look for them: each exactly once, however they are filtered and paged.

use crate::support::{Fixture, account, at, id, lease, mailbox};
use postroom_model::{Account, AccountId, AccountStatus, Expiry, Governs};
use postroom_registry::{
    AccountQuery, LeasedAccount, NotAPosition, Page, Position, Registry, Standing, TokenRecord,
};
use serde_json::json;
use std::collections::BTreeSet;

const ANY: AccountQuery = AccountQuery { standing: Standing::Any, provider: None, owner: None, text: None };

fn name(n: usize) -> String {
    format!("a{n:03}")
}

/// Three hundred accounts. Every second is of `contoso`, every third is Ann's, every fifth waits for
/// a person, and every fourth ends, number `n` at `10_000 - n`.
async fn three_hundred(fixture: &Fixture) {
    let puts = (0..300).map(|n| async move {
        let name = name(n);
        let item = json!({
            "kind": "account", "v": 1, "id": name, "grant": "authorization_code",
            "provider": if n % 2 == 0 { "contoso" } else { "acme" },
            "login": format!("{name}@Mail.example"),
            "owners": if n % 3 == 0 { ["Ann@contoso.example"] } else { ["ben@contoso.example"] },
        });
        fixture.put_raw(&format!("ACCOUNT#{name}"), "ACCOUNT", item).await;
        let mut status = json!({ "obtained_at": 1000 + n });
        if n % 5 == 0 {
            status["kind"] = "unauthorised".into();
            status["id"] = name.clone().into();
        }
        if n % 4 == 0 {
            status["ending"] = "account".into();
            status["ends_at"] = (10_000 - n).into();
        }
        fixture.put_raw(&format!("ACCOUNT#{name}"), "STATUS", status).await;
    });
    futures::future::join_all(puts).await;
}

/// Every page to the end; a position goes through its text, as in a URL.
async fn pages(
    registry: &Registry,
    query: &AccountQuery,
    size: usize,
) -> Vec<Page<(Account, AccountStatus)>> {
    let mut pages = Vec::new();
    let mut from: Option<Position> = None;
    loop {
        let page = registry.accounts_page(query, from.as_ref(), size).await.expect("a page");
        assert!(page.items.len() <= size.max(1) && pages.len() < 400);
        let next = page.next.as_ref().map(|next| next.to_string().parse().expect("a position"));
        pages.push(page);
        match next {
            Some(next) => from = Some(next),
            None => return pages,
        }
    }
}

async fn found(registry: &Registry, query: &AccountQuery, size: usize) -> Vec<String> {
    let pages = pages(registry, query, size).await;
    pages.into_iter().flat_map(|page| page.items).map(|(account, _)| account.id.to_string()).collect()
}

#[tokio::test]
async fn every_filter_gives_every_account_exactly_once() {
    let fixture = Fixture::new().await;
    three_hundred(&fixture).await;
    let soon = Standing::EndingBefore(at(9_900));
    type Wanted = fn(usize) -> bool;
    let standings: [(Standing, Wanted); 3] = [
        (Standing::Any, |_| true),
        (Standing::NeedsConsent, |n| n % 5 == 0),
        (soon, |n| n % 4 == 0 && n >= 100),
    ];
    let filters: [(AccountQuery, Wanted); 6] = [
        (ANY, |_| true),
        (AccountQuery { provider: Some(id("contoso")), ..ANY }, |n| n % 2 == 0),
        (AccountQuery { owner: Some("ann@CONTOSO.example".into()), ..ANY }, |n| n % 3 == 0),
        (AccountQuery { text: Some("A29".into()), ..ANY }, |n| n / 10 == 29),
        (AccountQuery { text: Some("@mail.EXAMPLE".into()), ..ANY }, |_| true),
        (
            AccountQuery {
                provider: Some(id("acme")),
                owner: Some("ben@contoso.example".into()),
                text: Some("ben@".into()),
                ..ANY
            },
            |n| n % 2 == 1 && n % 3 != 0,
        ),
    ];
    for (standing, stands) in standings {
        for (filter, passes) in &filters {
            let query = AccountQuery { standing, ..filter.clone() };
            let mut wanted: Vec<_> = (0..300).filter(|n| stands(*n) && passes(*n)).map(name).collect();
            if standing == soon {
                wanted.reverse();
            }
            for size in [7, 50, 1000] {
                assert_eq!(found(&fixture.registry, &query, size).await, wanted, "{query:?}, {size}");
            }
        }
    }
    let none = AccountQuery { text: Some("nobody".into()), ..ANY };
    let page = fixture.registry.accounts_page(&none, None, 50).await.expect("a page");
    assert_eq!((page.items.len(), page.next, page.looked_at), (0, None, 300));
}

/// Every third is overdue by a policy, every fourth waits for a person, every fifth is the app's own, and
/// what ends every seventh is the app's secret.
#[tokio::test]
async fn whoever_must_be_authorised_comes_once_whether_waiting_or_overdue() {
    let fixture = Fixture::new().await;
    let puts = (0..100).map(|n| {
        let fixture = &fixture;
        async move {
            let name = name(n);
            let grant = if n % 5 == 0 { "client_credentials" } else { "authorization_code" };
            let account = json!({ "kind": "account", "v": 1, "id": name, "provider": "sso", "grant": grant });
            fixture.put_raw(&format!("ACCOUNT#{name}"), "ACCOUNT", account).await;
            let mut status = json!({ "obtained_at": 1000 });
            if n % 3 == 0 {
                let governs = if n % 7 == 0 { "client_secret" } else { "policy" };
                status["ending"] = "account".into();
                status["ends_at"] = (5000 - n).into();
                status["ended_by"] = governs.into();
            }
            if n % 4 == 0 {
                status["kind"] = "unauthorised".into();
                status["id"] = name.clone().into();
            }
            fixture.put_raw(&format!("ACCOUNT#{name}"), "STATUS", status).await;
        }
    });
    futures::future::join_all(puts).await;
    let waiting = (0..100).filter(|n| n % 4 == 0 && n % 5 > 0);
    let overdue = (50..100).rev().filter(|n| n % 3 == 0 && n % 7 > 0 && n % 4 > 0 && n % 5 > 0);
    let wanted: Vec<_> = waiting.chain(overdue).map(name).collect();
    let query = AccountQuery { standing: Standing::MustBeAuthorised(at(4950)), ..ANY };
    for size in 1..=wanted.len() {
        assert_eq!(found(&fixture.registry, &query, size).await, wanted, "{size}");
    }
    let last = pages(&fixture.registry, &query, wanted.len()).await.pop().expect("a page");
    assert!(!last.items.is_empty(), "no empty page at the end");
    let waiting_only = AccountQuery { standing: Standing::MustBeAuthorised(at(1)), ..ANY };
    assert_eq!(pages(&fixture.registry, &waiting_only, 20).await.len(), 1, "twenty wait");
    let text = AccountQuery { text: Some("a099".into()), ..query };
    assert_eq!(found(&fixture.registry, &text, 9).await, [name(99)]);
}

#[tokio::test]
async fn a_page_is_a_handful_of_requests_and_the_last_is_known_to_be() {
    let fixture = Fixture::new().await;
    three_hundred(&fixture).await;
    let before = fixture.requests();
    let page = fixture.registry.accounts_page(&ANY, None, 100).await.expect("a page");
    assert_eq!(fixture.requests() - before, 2, "the index, and the statuses");
    assert_eq!((page.items.len(), page.looked_at), (100, 100));
    let (account, status) = &page.items[99];
    assert_eq!((account.id.as_str(), status.obtained_at), ("a099", Some(at(1099))));
    assert_eq!(pages(&fixture.registry, &ANY, 100).await.len(), 3, "no empty page at the end");
    assert_eq!(pages(&fixture.registry, &ANY, 0).await.len(), 300, "nothing less than one");
}

#[tokio::test]
async fn work_is_bounded_where_there_is_much_to_look_at_and_little_to_find() {
    let fixture = Fixture::new().await;
    let puts = (0..900).map(|n| {
        let status = json!({ "kind": "unauthorised", "id": name(n) });
        let fixture = &fixture;
        async move { fixture.put_raw(&format!("ACCOUNT#{}", name(n)), "STATUS", status).await }
    });
    futures::future::join_all(puts).await;
    let last = AccountQuery { standing: Standing::NeedsConsent, text: Some("a899".into()), ..ANY };
    fixture.registry.put_account(&account("a899"), at(1)).await.expect("puts");
    let before = fixture.requests();
    let page = fixture.registry.accounts_page(&last, None, 50).await.expect("a page");
    assert!(fixture.requests() - before <= 13, "four index pages and what they name");
    assert_eq!((page.items.len(), page.looked_at), (0, 800));
    assert_eq!(page.next.as_ref().map(ToString::to_string).as_deref(), Some("a799"));
    assert_eq!(found(&fixture.registry, &last, 50).await, ["a899"]);

    let puts = (0..1100).map(|n| {
        let name = format!("b{n:04}");
        let account =
            json!({ "kind": "account", "v": 1, "id": name, "provider": "sso", "grant": "authorization_code" });
        let fixture = &fixture;
        async move { fixture.put_raw(&format!("ACCOUNT#{name}"), "ACCOUNT", account).await }
    });
    futures::future::join_all(puts).await;
    let nobody = AccountQuery { text: Some("nobody".into()), ..ANY };
    let page = fixture.registry.accounts_page(&nobody, None, 50).await.expect("a page");
    assert_eq!((page.items.len(), page.looked_at), (0, 1000), "docs/scale.md counts on it");
    assert!(page.next.is_some());
}

#[tokio::test]
async fn a_list_goes_on_where_the_account_at_its_position_is_gone() {
    let Fixture { registry, .. } = Fixture::new().await;
    for n in 0..9 {
        registry.put_account(&account(&name(n)), at(1)).await.expect("puts");
    }
    for standing in [Standing::Any, Standing::NeedsConsent] {
        let query = AccountQuery { standing, ..ANY };
        let page = registry.accounts_page(&query, None, 3).await.expect("a page");
        let (gone, _) = page.items.last().expect("an account");
        registry.delete_account(&gone.id).await.expect("deletes");
        let rest = registry.accounts_page(&query, page.next.as_ref(), 100).await.expect("a page");
        assert_eq!(
            rest.items[0].0.id,
            id::<AccountId>(if standing == Standing::Any { "a003" } else { "a004" })
        );
        assert_eq!(rest.next, None);
    }
}

#[tokio::test]
async fn what_cannot_be_read_hides_none_of_its_neighbours() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    for name in ["a", "b", "c"] {
        registry.put_account(&account(name), at(1)).await.expect("puts");
    }
    let kind = json!({ "kind": "account", "id": "bad", "v": 9 });
    fixture.put_raw("ACCOUNT#bad", "ACCOUNT", kind).await;
    fixture
        .put_raw("ACCOUNT#b", "STATUS", json!({ "kind": "unauthorised", "id": "b", "failures": "many" }))
        .await;
    fixture.put_raw("ACCOUNT#orphan", "STATUS", json!({ "kind": "unauthorised", "id": "orphan" })).await;
    for standing in [Standing::Any, Standing::NeedsConsent] {
        assert_eq!(found(registry, &AccountQuery { standing, ..ANY }, 1).await, ["a", "c"]);
    }
}

#[tokio::test]
async fn endings_come_in_order_and_not_without_end() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let ends = [("late", 9000), ("soon", 2000), ("over", 10), ("same", 2000)];
    for (name, second) in ends {
        let leased = registry.lease_account(&id(name), &lease("w", 100), at(1)).await.expect("answers");
        let LeasedAccount::Held(status) = leased else { panic!("busy") };
        let record = TokenRecord {
            obtained_at: at(1),
            access_expires_at: None,
            refresh_expires_at: None,
            refresh_expires_since: None,
            unrefreshable: false,
            ends: Some(Expiry { at: at(second), governs: Governs::RefreshToken, since: at(1) }),
            missing_scopes: Vec::new(),
            due_at: None,
            remind_at: None,
            consent: None,
        };
        assert!(registry.record_tokens(&id(name), status.fence, &record).await.expect("records"));
    }
    let endings = registry.endings(at(2000)).await.expect("lists");
    assert_eq!(endings[0], (id("over"), at(10)));
    let rest: BTreeSet<_> = endings[1..].iter().map(|(id, at)| (id.as_str(), at.as_second())).collect();
    assert_eq!(rest, BTreeSet::from([("same", 2000), ("soon", 2000)]));
}

#[tokio::test]
async fn what_is_no_position_is_refused() {
    for bad in [
        "",
        "~",
        "12~",
        "~a",
        "x~a",
        "1~a~b",
        "A",
        "../a",
        "a b",
        "99999999999999999~a",
        "%61",
        &"a".repeat(65),
    ] {
        assert_eq!(bad.parse::<Position>(), Err(NotAPosition), "{bad}");
    }
    for good in ["a", "site-diary_1.2", "1000~a", "-5~a", "0~a"] {
        let position: Position = good.parse().expect("a position");
        assert_eq!(position.to_string(), good);
    }
    // A position of one list does no harm in another.
    let Fixture { registry, .. } = Fixture::new().await;
    registry.put_account(&account("b"), at(1)).await.expect("puts");
    registry.put_mailbox(&mailbox("b"), at(1000)).await.expect("puts");
    for position in ["a", "-5~a", "1000~a"] {
        let position: Position = position.parse().expect("a position");
        for standing in [Standing::Any, Standing::NeedsConsent] {
            let query = AccountQuery { standing, ..ANY };
            let page = registry.accounts_page(&query, Some(&position), 9).await.expect("a page");
            assert_eq!(page.items.len(), 1);
        }
        let ending = AccountQuery { standing: Standing::EndingBefore(at(5000)), ..ANY };
        registry.accounts_page(&ending, Some(&position), 9).await.expect("a page");
        let page = registry.mailboxes_page(true, None, Some(&position), 9).await.expect("a page");
        assert_eq!(page.items.len(), 1);
    }
}
