//! The end of an authorization by somebody's wish.

use super::{STALE, current, soon};
use jiff::SignedDuration;
use postroom_model::FaultClass;
use postroom_tests::{Lab, clock, environment, works};
use postroom_tokens::{Consent, Revoked};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_account_is_over_at_the_server_and_here_until_somebody_consents() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let id = lab.authorised(&provider, SignedDuration::from_mins(5)).await;
    let tokens = lab.tokens(clock);
    let before = current(&lab, &id).await;
    assert!(works(&before.access_token).await);
    assert_eq!(tokens.revoke(&id, soon()).await.expect("an answer"), Revoked::AtServer);
    assert!(!works(&before.access_token).await, "the server takes it no more");
    assert!(lab.vault.token_set(&id).await.expect("an answer").is_none());
    assert_eq!(lab.unauthorised().await, std::slice::from_ref(&id));
    let status = lab.registry.account_status(&id).await.expect("a status");
    assert_eq!((status.obtained_at, status.due_at, status.ends_at, status.lease), (None, None, None, None));

    assert_eq!(tokens.revoke(&id, soon()).await.expect("an answer"), Revoked::Nothing);
    let outcome = tokens.renew(&id, STALE, soon()).await.expect("an outcome");
    let fault = outcome.tokens().expect_err("no tokens");
    assert_eq!(fault.class, FaultClass::AuthorizationEnded);

    let answer = postroom_tests::token_set(id.as_str()).await;
    let brought = postroom_model::TokenSet::from_response(&answer, clock()).expect("a token set");
    let consent = Consent { at: clock(), identity: None };
    tokens.accept(&id, brought, consent, soon()).await.expect("accepted");
    assert!(works(&current(&lab, &id).await.access_token).await, "the secret is had back");
    assert!(lab.unauthorised().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_does_not_revoke_is_forgotten_only_where_it_offers_nothing() {
    let lab = Lab::new().await;
    let issuer = environment("POSTROOM_TEST_ISSUER");
    let explicit = |revoke: Option<&str>| {
        let mut endpoints =
            json!({"authorize_url": format!("{issuer}/auth"), "token_url": format!("{issuer}/token")});
        if let Some(revoke) = revoke {
            endpoints["revoke_url"] = revoke.into();
        }
        json!({"explicit": endpoints})
    };
    for (id, revoke, forgotten) in [("none", None, true), ("absent", Some("http://127.0.0.1:1/"), false)] {
        let provider = lab.provider(|json| {
            json["id"] = id.into();
            json["endpoints"] = explicit(revoke);
        });
        let account = lab.authorised(&provider.await, SignedDuration::from_mins(5)).await;
        let before = current(&lab, &account).await;
        let revoked = lab.tokens(clock).revoke(&account, soon()).await.expect("an answer");
        let left = lab.vault.token_set(&account).await.expect("an answer");
        assert_eq!(left.is_none(), forgotten, "{revoked:?}");
        match revoked {
            Revoked::OnlyHere => assert!(forgotten),
            Revoked::Refused(fault) => assert_eq!((fault.class, forgotten), (FaultClass::Unreachable, false)),
            other => panic!("{other:?}"),
        }
        assert!(works(&before.access_token).await, "nobody told the server");
        let status = lab.registry.account_status(&account).await.expect("a status");
        assert_eq!(status.lease, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_provider_has_lost_its_secret_is_revoked_once_that_is_back() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let id = lab.authorised(&provider, SignedDuration::from_mins(5)).await;
    let before = current(&lab, &id).await;
    assert!(lab.vault.delete_client_secret(&provider.id).await.expect("an answer"));
    let revoked = lab.tokens(clock).revoke(&id, soon()).await.expect("an answer");
    let Revoked::Refused(fault) = revoked else { panic!("{revoked:?}") };
    let secret = format!("{}/provider/{}", lab.settings.secret_prefix, provider.id);
    assert!(fault.reason.contains(&secret), "{fault}");
    assert!(works(&before.access_token).await, "nobody could ask the server");
    assert!(lab.vault.token_set(&id).await.expect("an answer").is_some(), "nothing was forgotten");
    let status = lab.registry.account_status(&id).await.expect("a status");
    assert_eq!((status.lease, status.obtained_at.is_some()), (None, true));

    lab.secret(&provider.id, &environment("POSTROOM_TEST_CLIENT_SECRET")).await;
    assert_eq!(lab.tokens(clock).revoke(&id, soon()).await.expect("an answer"), Revoked::AtServer);
    assert!(!works(&before.access_token).await);
}
