//! App registrations that an authorization server refuses: one incident, not one for each account.

use super::{STALE, granted, incidents, patient, soon};
use postroom_model::{AccountId, FaultClass, Provider};
use postroom_tests::{Lab, ahead, clock, control, environment, later};
use postroom_tokens::{Demand, Outcome};

/// A provider whose client secret is wrong.
async fn mistaken(lab: &Lab) -> Provider {
    let provider = lab.provider(|_| {}).await;
    lab.secret(&provider.id, "not-the-secret").await;
    provider
}

/// As `postroom apply` does it.
async fn mend(lab: &Lab, provider: &Provider, ids: &[&AccountId]) {
    lab.secret(&provider.id, &environment("POSTROOM_TEST_CLIENT_SECRET")).await;
    for id in ids {
        lab.registry.renew_now(id, clock()).await.expect("an answer");
    }
}

async fn refused(lab: &Lab, id: &AccountId) {
    let outcome = lab.tokens(clock).renew(id, STALE, soon()).await.expect("an outcome");
    let Outcome::OperatorMustMend(fault) = &outcome else { panic!("{}", outcome.name()) };
    assert_eq!(fault.class, FaultClass::AppRegistration);
}

async fn renewed(lab: &Lab, id: &AccountId) {
    let outcome = lab.tokens(clock).renew(id, STALE, soon()).await.expect("an outcome");
    assert_eq!(outcome.name(), "refreshed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_client_secret_is_one_incident_for_all_its_accounts_and_ends_by_itself() {
    let lab = Lab::new().await;
    let provider = mistaken(&lab).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(lab.stale(&provider).await);
    }
    let tally = lab.token_refresh(clock).tick(later(clock(), 300)).await.expect("a tick");
    assert_eq!((tally.refreshed, tally.failed), (0, 5));
    let open = incidents(&lab).await;
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!((&open[0].provider, open[0].fault.class), (&provider.id, FaultClass::AppRegistration));
    assert!(lab.unauthorised().await.is_empty(), "no owner can help");

    // Later it is the same incident.
    let tally = lab.token_refresh(ahead::<4000>).tick(later(ahead::<4000>(), 300)).await.expect("a tick");
    assert_eq!((tally.refreshed, tally.failed), (0, 5), "they are tried again");
    let still = incidents(&lab).await;
    assert_eq!((still.len(), still[0].since), (1, open[0].since));
    assert!(still[0].seen_at > open[0].seen_at);

    // Mended: the next renewal of any of them closes it, and the others follow by the schedule.
    mend(&lab, &provider, &[&ids[0]]).await;
    renewed(&lab, &ids[0]).await;
    assert!(incidents(&lab).await.is_empty());
    let refresh = lab.token_refresh(ahead::<100_000>);
    let tally = refresh.tick(later(ahead::<100_000>(), 300)).await.expect("a tick");
    assert_eq!((tally.refreshed, tally.failed), (5, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_ends_whatever_happened_between_it_and_the_first_success() {
    let lab = Lab::new().await;
    let provider = mistaken(&lab).await;
    let (one, two) = (lab.stale(&provider).await, lab.stale(&provider).await);

    // The same account fails for another reason before it works.
    refused(&lab, &one).await;
    assert_eq!(incidents(&lab).await.len(), 1);
    mend(&lab, &provider, &[&one]).await;
    control("POST", &format!("fail?user={one}&count=1&status=503")).await;
    let outcome = lab.tokens(clock).renew(&one, STALE, soon()).await.expect("an outcome");
    assert_eq!(outcome.name(), "transient");
    let outcome = lab.tokens(ahead::<130>).renew(&one, Demand::Due, patient()).await.expect("an outcome");
    assert_eq!(outcome.name(), "refreshed");
    assert!(incidents(&lab).await.is_empty(), "after another failure");

    // Another account is the first that works.
    let three = lab.stale(&provider).await;
    lab.secret(&provider.id, "not-the-secret").await;
    refused(&lab, &three).await;
    assert_eq!(incidents(&lab).await.len(), 1);
    mend(&lab, &provider, &[&three]).await;
    renewed(&lab, &two).await;
    assert!(incidents(&lab).await.is_empty(), "by another account");
    let outcome = lab.tokens(clock).renew(&three, Demand::Due, soon()).await.expect("an outcome");
    assert!(matches!(outcome.name(), "refreshed" | "not_due"), "{}", outcome.name());
    assert_eq!(granted(&two).await, super::only(1));
}
