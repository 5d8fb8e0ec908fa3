//! What lives for minutes: taken once, replaced by who has seen it, absent once it has expired.

use crate::support::{Fixture, at};
use postroom_registry::Error;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flow {
    account: String,
    who: Option<String>,
    done: Vec<u32>,
}

fn flow(account: &str) -> Flow {
    Flow { account: account.into(), who: None, done: vec![1, 2] }
}

#[tokio::test]
async fn one_of_twenty_takes_a_value() {
    let Fixture { registry, .. } = Fixture::new().await;
    for round in 0..3 {
        let put = registry.put_ephemeral("state", "k", &flow("a"), at(2000), None, at(1000 + round)).await;
        assert!(put.expect("puts"));
        let takers = (0..20).map(|_| {
            let registry = registry.clone();
            tokio::spawn(async move {
                registry.take_ephemeral::<Flow>("state", "k", at(1500)).await.expect("answers")
            })
        });
        let mut taken = Vec::new();
        for taker in takers.collect::<Vec<_>>() {
            taken.extend(taker.await.expect("runs"));
        }
        assert_eq!(taken, [flow("a")]);
        assert_eq!(registry.ephemeral::<Flow>("state", "k", at(1500)).await.expect("reads"), None);
    }
}

#[tokio::test]
async fn what_has_expired_is_absent_before_it_is_removed() {
    let Fixture { registry, .. } = Fixture::new().await;
    let put = async |expires, seen, now| {
        registry.put_ephemeral("chain", "k", &flow("a"), at(expires), seen, at(now)).await.expect("answers")
    };
    assert!(put(2000, None, 1000).await);
    assert!(!put(3000, None, 1999).await, "there is one");
    let read = async |now| registry.ephemeral::<Flow>("chain", "k", at(now)).await.expect("reads");
    assert_eq!(read(1999).await, Some((flow("a"), 1)));
    assert_eq!(read(2000).await, None);
    assert!(!put(9000, Some(1), 2000).await, "what has expired is not replaced");
    assert_eq!(registry.take_ephemeral::<Flow>("chain", "k", at(2000)).await.expect("answers"), None);

    assert!(put(2000, None, 1000).await);
    assert!(put(4000, None, 2000).await, "what has expired is in nobody's way");
    assert_eq!(read(3999).await, Some((flow("a"), 1)));
    let other = registry.ephemeral::<Flow>("state", "k", at(1)).await.expect("reads");
    assert_eq!(other, None, "another kind, another thing");
}

#[tokio::test]
async fn a_value_is_replaced_only_by_who_has_seen_it() {
    let Fixture { registry, .. } = Fixture::new().await;
    let put = async |value: &Flow, seen| {
        registry.put_ephemeral("chain", "k", value, at(2000), seen, at(1000)).await.expect("answers")
    };
    assert!(!put(&flow("a"), Some(1)).await, "there is nothing to replace");
    assert!(put(&flow("a"), None).await);
    assert!(put(&flow("b"), Some(1)).await);
    assert!(!put(&flow("c"), Some(1)).await, "somebody was faster");
    assert!(!put(&flow("c"), Some(3)).await);
    let read = registry.ephemeral::<Flow>("chain", "k", at(1000)).await.expect("reads");
    assert_eq!(read, Some((flow("b"), 2)));

    let writers = (0..20).map(|n| {
        let registry = registry.clone();
        tokio::spawn(async move {
            let value = flow(&format!("writer {n}"));
            registry.put_ephemeral("chain", "k", &value, at(2000), Some(2), at(1000)).await.expect("answers")
        })
    });
    let mut written = 0;
    for writer in writers.collect::<Vec<_>>() {
        written += usize::from(writer.await.expect("runs"));
    }
    assert_eq!(written, 1);
}

#[tokio::test]
async fn a_key_is_claimed_once_until_it_expires() {
    let Fixture { registry, .. } = Fixture::new().await;
    let claims = (0..20).map(|_| {
        let registry = registry.clone();
        tokio::spawn(async move {
            registry.claim_ephemeral("link", "nonce", at(2000), at(1000)).await.expect("answers")
        })
    });
    let mut won = 0;
    for claim in claims.collect::<Vec<_>>() {
        won += usize::from(claim.await.expect("runs"));
    }
    assert_eq!(won, 1);
    assert!(!registry.claim_ephemeral("link", "nonce", at(9000), at(1999)).await.expect("answers"));
    assert!(registry.claim_ephemeral("link", "nonce", at(9000), at(2000)).await.expect("answers"));
    assert!(registry.claim_ephemeral("link", "other", at(9000), at(1000)).await.expect("answers"));
}

#[tokio::test]
async fn a_counter_counts_everybody_and_begins_anew() {
    let Fixture { registry, .. } = Fixture::new().await;
    let count = |now| {
        let registry = registry.clone();
        tokio::spawn(async move {
            registry.count_ephemeral("callbacks", "who", at(now + 1000), at(now)).await.expect("counts")
        })
    };
    for now in [1000, 2000, 3500] {
        let mut counts = Vec::new();
        for counted in (0..20).map(|_| count(now)).collect::<Vec<_>>() {
            counts.push(counted.await.expect("runs"));
        }
        counts.sort_unstable();
        assert_eq!(counts, (1..=20).collect::<Vec<u64>>());
        assert_eq!(count(now + 900).await.expect("runs"), 21, "a later count does not prolong it");
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_read_is_an_error_and_never_an_absence() {
    let fixture = Fixture::new().await;
    let item = json!({ "value": 7, "version": 1, "expires_at": 2000 });
    fixture.put_raw("EPHEMERAL#chain#k", "EPHEMERAL", item).await;
    let error = fixture.registry.ephemeral::<Flow>("chain", "k", at(1000)).await.expect_err("unreadable");
    assert!(matches!(error, Error::Unreadable { .. }));
}
