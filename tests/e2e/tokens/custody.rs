//! Token sets that were issued and cannot be put away at once: AWS refuses, the caller is gone, a
//! person was quicker, the lease ended.

use super::{STALE, current, granted, only, patient, soon, token};
use postroom_model::{AccountId, FaultClass, TokenSet};
use postroom_tests::{Act, Call, Gate, Lab, Process, ahead, clock, digest, later, works};
use postroom_tokens::{Demand, Outcome};
use secrecy::ExposeSecret;
use std::time::Duration;

/// The texts of a token set that nobody may see.
fn texts(tokens: &TokenSet) -> [&str; 2] {
    let refresh_token = tokens.refresh_token.as_ref().expect("a refresh token");
    [tokens.access_token.expose_secret(), refresh_token.expose_secret()]
}

/// What lies in the account's journal, opened.
async fn journaled(lab: &Lab, id: &AccountId) -> TokenSet {
    let status = lab.registry.account_status(id).await.expect("a status");
    let journal = status.journal.expect("a journal");
    let sealed = journal.split_once(':').map_or(journal.as_str(), |(_, sealed)| sealed);
    lab.sealer().open(id, sealed).await.expect("it opens")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_secrets_manager_refuses_lies_sealed_in_the_registry_until_it_is_taken() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    for (status, code) in [(400, "ThrottlingException"), (500, "InternalServiceError")] {
        let id = lab.stale(&provider).await;
        let gate = Gate::start().await;
        gate.rule(Call::PUT, Act::Refuse(status, code));
        let behind = lab.tokens_behind(&gate, clock).await;
        let outcome = behind.renew(&id, STALE, later(clock(), 2)).await.expect("an outcome");
        let Outcome::Transient { fault, retry_at } = outcome else { panic!("{}", outcome.name()) };
        assert_eq!(fault.class, FaultClass::Storage, "{fault}");
        assert!(retry_at > clock());

        let issued = journaled(&lab, &id).await;
        let items = lab.items().await;
        for text in texts(&issued).into_iter().chain(texts(&current(&lab, &id).await)) {
            assert!(!items.contains(text), "a token lies in the registry in clear");
        }
        assert!(lab.unauthorised().await.is_empty(), "nobody is blamed");
        let status = lab.registry.account_status(&id).await.expect("a status");
        assert!(status.due_at.is_some_and(|due| due <= later(clock(), 60)), "it is tried again soon");

        // Whoever comes next finishes it: here the schedule, when Secrets Manager is well again.
        let outcome = lab.tokens(ahead::<70>).renew(&id, Demand::Due, patient()).await.expect("an outcome");
        assert_eq!((outcome.name(), token(&outcome)), ("refreshed", Some(digest(&issued.access_token))));
        assert_eq!(granted(&id).await, only(1), "nothing more was asked of the server");
        let status = lab.registry.account_status(&id).await.expect("a status");
        assert_eq!((status.journal, status.fault, status.failures), (None, None, 0));
        assert!(works(&current(&lab, &id).await.access_token).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_for_that_could_not_be_sealed() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let id = lab.stale(&provider).await;
    let gate = Gate::start().await;
    gate.rule(Call::PREPARE, Act::Refuse(400, "AccessDeniedException"));
    let refused = lab.tokens_behind(&gate, clock).await.renew(&id, STALE, soon()).await;
    let fault = match refused {
        Ok(outcome) => outcome.tokens().expect_err("no tokens"),
        Err(error) => error.fault(),
    };
    assert_eq!(fault.class, FaultClass::Storage, "{fault}");
    assert_eq!(granted(&id).await, only(0));
    let outcome = lab.tokens(clock).renew(&id, STALE, soon()).await.expect("an outcome");
    assert_eq!(outcome.name(), "refreshed", "the lease was given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_is_cancelled_takes_nothing_with_it() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    for call in [Call::JOURNAL, Call::PUT, Call::STAGE, Call::RECORD] {
        let id = lab.stale(&provider).await;
        let gate = Gate::start().await;
        gate.rule(call, Act::Hold);
        let behind = lab.tokens_behind(&gate, clock).await;
        let (tokens, account) = (behind.clone(), id.clone());
        let caller = tokio::spawn(async move { tokens.renew(&account, STALE, soon()).await });
        gate.met().await;
        caller.abort();
        assert!(caller.await.is_err_and(|error| error.is_cancelled()));
        let early = tokio::time::timeout(Duration::from_millis(50), behind.settled()).await;
        assert!(early.is_err(), "it is not settled while a change is under way");
        gate.open();
        behind.settled().await;
        let status = lab.registry.account_status(&id).await.expect("a status");
        assert_eq!((status.journal, status.lease), (None, None), "{call:?}");
        assert!(works(&current(&lab, &id).await.access_token).await, "{call:?}");
        let outcome = lab.tokens(clock).renew(&id, STALE, soon()).await.expect("an outcome");
        assert_eq!((outcome.name(), granted(&id).await), ("not_due", only(1)), "{call:?}");
    }
}

/// A token set as a person brings it from another sign-in.
async fn brought(id: &AccountId) -> TokenSet {
    postroom_model::TokenSet::from_response(&postroom_tests::token_set(id.as_str()).await, clock())
        .expect("a token set")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_between_read_and_put_stays_and_the_late_set_lies_beside_it() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    for call in [Call::PUT, Call::STAGE] {
        let id = lab.stale(&provider).await;
        let gate = Gate::start().await;
        gate.rule(call, Act::Hold);
        let behind = lab.tokens_behind(&gate, clock).await;
        let account = id.clone();
        let renewal = tokio::spawn(async move { behind.renew(&account, STALE, soon()).await });
        gate.met().await;
        let late = journaled(&lab, &id).await;
        let edit = brought(&id).await;
        lab.edit(&id, &edit).await;
        gate.open();

        let outcome = renewal.await.expect("no panic").expect("an outcome");
        let edited = Some(digest(&edit.access_token));
        assert_eq!((outcome.name(), token(&outcome)), ("changed_underneath", edited.clone()), "{call:?}");
        assert_eq!(Some(digest(&current(&lab, &id).await.access_token)), edited, "{call:?}");
        let beside = lab.secret_at(&id, "AWSPENDING").await.expect("the late set");
        assert!(beside.contains(late.access_token.expose_secret()), "{call:?}");
        assert!(works(&edit.access_token).await && works(&late.access_token).await);
        let status = lab.registry.account_status(&id).await.expect("a status");
        assert_eq!((status.journal, status.lease, status.fault), (None, None, None));
        assert_eq!(status.obtained_at.map(|at| at.as_second()), Some(edit.obtained_at.as_second()));
    }
}

/// A person saves the secret once more as it was, while it is renewed: at a server that rotates, what
/// was saved is worth nothing any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_spent_refresh_token_that_is_saved_again_gives_way() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let id = lab.stale(&provider).await;
    let before = current(&lab, &id).await;
    let gate = Gate::start().await;
    gate.rule(Call::PUT, Act::Hold);
    let behind = lab.tokens_behind(&gate, clock).await;
    let account = id.clone();
    let renewal = tokio::spawn(async move { behind.renew(&account, STALE, soon()).await });
    gate.met().await;
    let issued = journaled(&lab, &id).await;
    lab.edit(&id, &before).await;
    gate.open();

    let outcome = renewal.await.expect("no panic").expect("an outcome");
    assert_eq!((outcome.name(), token(&outcome)), ("refreshed", Some(digest(&issued.access_token))));
    let again = lab.tokens(ahead::<5000>).renew(&id, STALE, patient()).await.expect("an outcome");
    assert_eq!(again.name(), "refreshed", "its refresh token lives");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_while_the_vault_lags_behind_the_record() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let id = lab.stale(&provider).await;
    let spent = current(&lab, &id).await;
    lab.tokens(clock).renew(&id, STALE, soon()).await.expect("an outcome");
    // What a reader may see for a moment after the renewal: the version before.
    lab.edit(&id, &spent).await;
    let outcome = lab.tokens(clock).renew(&id, STALE, soon()).await.expect("an outcome");
    let Outcome::Transient { fault, .. } = outcome else { panic!("{}", outcome.name()) };
    assert_eq!(fault.class, FaultClass::Storage);
    assert_eq!(granted(&id).await, only(1), "the spent refresh token was not shown again");
}

/// The same edit, and the process dies before it sees it: whoever finds its journal must not put it
/// over what the person brought.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_stays_too_where_the_late_set_is_found_in_a_journal() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let id = lab.stale(&provider).await;
    let gate = Gate::start().await;
    gate.rule(Call::PUT, Act::Hold);
    let mut process = Process::start(env!("CARGO_BIN_EXE_renew"), &lab.errand(&id, &gate.endpoint())).await;
    process.go().await;
    gate.met().await;
    process.kill().await;
    drop(gate); // what it held is never sent
    // A person pastes what was obtained elsewhere a while ago.
    let mut edit = brought(&id).await;
    edit.obtained_at = later(clock(), -60);
    lab.edit(&id, &edit).await;

    let outcome = lab.tokens(ahead::<130>).renew(&id, Demand::Due, patient()).await.expect("an outcome");
    let edited = Some(digest(&edit.access_token));
    assert_eq!(token(&outcome), edited, "{}", outcome.name());
    assert_eq!(Some(digest(&current(&lab, &id).await.access_token)), edited);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_whose_lease_ended_changes_nothing_any_more() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    for (call, again) in [(Call::PUT, false), (Call::PUT, true), (Call::STAGE, true), (Call::RECORD, true)] {
        let id = lab.stale(&provider).await;
        let gate = Gate::start().await;
        gate.rule(call, Act::Hold);
        let behind = lab.tokens_behind(&gate, clock).await;
        let account = id.clone();
        let slow = tokio::spawn(async move { behind.renew(&account, STALE, soon()).await });
        gate.met().await;
        // Its lease ends; others go on from its journal, and perhaps renew once more.
        let next = lab.tokens(ahead::<130>).renew(&id, STALE, patient()).await.expect("an outcome");
        let mut counts = token(&next);
        if again {
            let next = lab.tokens(ahead::<5000>).renew(&id, STALE, patient()).await.expect("an outcome");
            counts = token(&next);
        }
        let recorded = lab.registry.account_status(&id).await.expect("a status");

        gate.open();
        let outcome = slow.await.expect("no panic").expect("an outcome");
        assert!(token(&outcome).is_some(), "{call:?}: {}", outcome.name());
        assert_eq!(lab.registry.account_status(&id).await.expect("a status"), recorded, "{call:?}");
        let tokens = current(&lab, &id).await;
        assert_eq!(Some(digest(&tokens.access_token)), counts, "{call:?}");
        assert!(works(&tokens.access_token).await, "{call:?}");
        assert_eq!(granted(&id).await, only(1 + u64::from(again)), "{call:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_may_not_be_opened_now_is_waited_for() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    for code in ["AccessDeniedException", "KMSInternalException"] {
        let id = lab.stale(&provider).await;
        let gate = Gate::start().await;
        gate.rule(Call::PUT, Act::Refuse(500, "InternalServiceError"));
        let behind = lab.tokens_behind(&gate, clock).await;
        behind.renew(&id, STALE, later(clock(), 1)).await.expect("an outcome");
        let issued = journaled(&lab, &id).await;

        // To ask with the refresh token in the vault would end the authorization: it is used up.
        gate.rule(Call::OPEN, Act::Refuse(400, code));
        let behind = lab.tokens_behind(&gate, ahead::<130>).await;
        let fault = match behind.renew(&id, STALE, patient()).await {
            Ok(outcome) => outcome.tokens().expect_err("no tokens"),
            Err(error) => error.fault(),
        };
        assert_eq!((fault.class, granted(&id).await), (FaultClass::Storage, only(1)), "{code}: {fault}");
        gate.open();
        let outcome = lab.tokens(ahead::<260>).renew(&id, STALE, patient()).await.expect("an outcome");
        assert_eq!(token(&outcome), Some(digest(&issued.access_token)), "{code}: {}", outcome.name());
        assert_eq!(granted(&id).await, only(1), "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_refuses_writes_loses_nothing_either() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    for call in [Call::JOURNAL, Call::RECORD] {
        let id = lab.stale(&provider).await;
        let gate = Gate::start().await;
        gate.rule(call, Act::Refuse(500, "InternalServerError"));
        let behind = lab.tokens_behind(&gate, clock).await;
        // The set is in the vault, whatever the registry knows of it.
        let outcome = behind.renew(&id, STALE, later(clock(), 10)).await;
        let outcome = outcome.map_or_else(|error| error.fault().class.name(), |outcome| outcome.name());
        assert!(matches!(outcome, "refreshed" | "storage"), "{call:?}: {outcome}");
        let issued = current(&lab, &id).await;
        assert!(works(&issued.access_token).await, "{call:?}");
        let outcome = lab.tokens(ahead::<130>).renew(&id, STALE, patient()).await.expect("an outcome");
        assert_eq!(token(&outcome), Some(digest(&issued.access_token)), "{call:?}");
        let outcome = lab.tokens(ahead::<5000>).renew(&id, Demand::Due, patient()).await;
        assert_eq!(outcome.expect("an outcome").name(), "refreshed", "{call:?}: it is due again in time");
        assert_eq!(granted(&id).await, only(2), "{call:?}");
    }
}
