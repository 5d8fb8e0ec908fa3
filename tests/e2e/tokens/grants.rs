//! Accounts that need nobody's consent.

use super::{STALE, current, soon, token};
use postroom_model::{Account, AccountId, ClientSecret, FaultClass, Provider};
use postroom_tests::{Lab, User, ahead, clock, digest, environment, later, works};
use postroom_tokens::Demand;
use serde_json::{Value, json};

/// Registers an account with a grant.
async fn account(lab: &Lab, provider: &Provider, grant: &str, login: &User) -> AccountId {
    let json = json!({"id": login.name(), "provider": provider.id, "grant": grant, "login": login.name()});
    let account: Account = serde_json::from_value(json).expect("an account");
    lab.registry.put_account(&account, clock()).await.expect("stored");
    account.id
}

/// Registers the account of an app that has rights of its own.
async fn app(lab: &Lab, login: &User) -> AccountId {
    let provider = lab.provider(|json| {
        json["client_id"] = "postroom-app".into();
        json["scopes"] = json!([]);
    });
    account(lab, &provider.await, "client_credentials", login).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_with_rights_of_its_own_is_due_at_once_and_again_in_time() {
    let lab = Lab::new().await;
    let id = app(&lab, &User::new("app")).await;
    assert!(lab.unauthorised().await.is_empty());
    let tally = lab.token_refresh(clock).tick(later(clock(), 300)).await.expect("a tick");
    assert_eq!((tally.refreshed, tally.failed), (1, 0));
    let first = digest(&current(&lab, &id).await.access_token);
    let outcome = lab.tokens(clock).renew(&id, STALE, soon()).await.expect("an outcome");
    assert_eq!((outcome.name(), token(&outcome).as_ref()), ("not_due", Some(&first)));
    let status = lab.registry.account_status(&id).await.expect("a status");
    assert!(status.due_at.is_some() && status.ends_at.is_none() && status.fault.is_none(), "{status:?}");
    let refresh = lab.token_refresh(ahead::<3600>);
    let tally = refresh.tick(later(ahead::<3600>(), 300)).await.expect("a tick");
    assert_eq!((tally.refreshed, tally.failed), (1, 0));
    assert_ne!(digest(&current(&lab, &id).await.access_token), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_gets_an_apps_first_token_where_no_schedule_has_been_quicker() {
    let lab = Lab::new().await;
    let user = User::new("app");
    let id = app(&lab, &user).await;
    let mailbox = user.mailbox(|json| json["auth"] = json!({"oauth": id}));
    lab.registry.put_mailbox(&mailbox, clock()).await.expect("a stored mailbox");
    assert!(lab.vault.token_set(&id).await.expect("an answer").is_none());
    // Whether the mail server takes it is another question.
    lab.fetch_one(&lab.fetch(), &mailbox.id).await;
    assert!(lab.vault.token_set(&id).await.expect("an answer").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_gets_a_token_for_each_user_and_keeps_none() {
    let key = std::fs::read_to_string(environment("POSTROOM_TEST_SERVICE_ACCOUNT")).expect("a key");
    let key: Value = serde_json::from_str(&key).expect("JSON");
    let text = |name: &str| key[name].as_str().expect("a text").to_owned();
    let lab = Lab::new().await;
    let provider = lab.provider(|json| {
        json["id"] = "google".into();
        json["client_auth"] = "service_account".into();
        json["client_id"] = text("client_id").into();
        json["endpoints"] =
            json!({"explicit": {"authorize_url": text("auth_uri"), "token_url": text("token_uri")}});
        json["scopes"] = json!(["openid", "mail"]);
    });
    let provider = provider.await;
    let secret = ClientSecret::ServiceAccount {
        email: text("client_email"),
        key_id: text("private_key_id"),
        key: text("private_key").into(),
    };
    lab.vault.put_client_secret(&provider.id, &secret).await.expect("stored");
    let id = account(&lab, &provider, "service_account", &User::new("delegate")).await;
    let tokens = lab.tokens(clock);
    let (one, two) = (User::new("one"), User::new("two"));
    let (one, two) = tokio::join!(
        tokens.access(&id, one.name(), None, soon()),
        tokens.access(&id, two.name(), None, soon()),
    );
    let (one, two) = (one.expect("access"), two.expect("access"));
    assert!(!one.shared && !two.shared);
    assert_ne!(digest(&one.tokens.access_token), digest(&two.tokens.access_token));
    assert!(works(&one.tokens.access_token).await && works(&two.tokens.access_token).await);
    // The schedule tries the key out; nothing of that is kept either.
    let outcome = tokens.renew(&id, Demand::Due, soon()).await.expect("an outcome");
    assert_eq!(outcome.name(), "refreshed");
    assert!(lab.vault.token_set(&id).await.expect("an answer").is_none());
    let status = lab.registry.account_status(&id).await.expect("a status");
    assert!(status.due_at.is_some() && status.ends_at.is_none() && status.fault.is_none(), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_s_password_is_sent_only_where_the_provider_allows_it() {
    let lab = Lab::new().await;
    for (allowed, expected) in [(true, Ok("refreshed")), (false, Err(FaultClass::Configuration))] {
        let provider = lab.provider(|json| {
            json["client_id"] = "postroom-password".into();
            json["scopes"] = json!(["openid", "mail"]);
            json["allow_password_grant"] = allowed.into();
        });
        let user = User::new("old");
        let id = account(&lab, &provider.await, "password", &user).await;
        lab.vault.put_account_password(&id, &user.password().into()).await.expect("stored");
        let outcome = lab.tokens(clock).renew(&id, Demand::Due, soon()).await.expect("an outcome");
        let name = outcome.name();
        let came = outcome.tokens().map(|_| name).map_err(|fault| fault.class);
        assert_eq!(came, expected);
    }
}
