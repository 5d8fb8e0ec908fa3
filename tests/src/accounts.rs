//! Accounts at the authorization server of the test stack, in a lab.

use crate::{Errand, Gate, Lab, User, clock, environment, issuer, lab};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{
    Account, AccountId, AccountStatus, ClientSecret, Lease, Provider, ProviderId, TokenSet, expiry, renew_at,
};
use postroom_oauth::{Http, HttpSettings};
use postroom_registry::{AccountQuery, LeasedAccount, Standing, TokenRecord};
use postroom_tokens::Tokens;
use postroom_vault::{Replaced, Sealer};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::{fmt::Write as _, time::Duration};
use token_refresh::TokenRefresh;

/// A moment so many seconds after another.
///
/// # Panics
/// Never before the year 9999.
pub fn later(moment: Timestamp, seconds: i64) -> Timestamp {
    moment.checked_add(SignedDuration::from_secs(seconds)).expect("in range")
}

impl Lab {
    /// Registers the authorization server as a provider; `change` edits its JSON.
    ///
    /// # Panics
    /// When it cannot be stored.
    pub async fn provider(&self, change: impl FnOnce(&mut Value)) -> Provider {
        let mut json = json!({
            "id": "sso", "preset": "custom", "endpoints": {"issuer": environment("POSTROOM_TEST_ISSUER")},
            "client_id": environment("POSTROOM_TEST_CLIENT_ID"), "client_auth": "secret",
            "scopes": ["openid", "offline_access", "mail"],
        });
        change(&mut json);
        let provider: Provider = serde_json::from_value(json).expect("a provider");
        self.registry.put_provider(&provider, clock()).await.expect("a stored provider");
        self.secret(&provider.id, &environment("POSTROOM_TEST_CLIENT_SECRET")).await;
        provider
    }

    /// Gives a provider its client secret.
    ///
    /// # Panics
    /// When it cannot be stored.
    pub async fn secret(&self, provider: &ProviderId, secret: &str) {
        let secret = ClientSecret::Secret(secret.into());
        self.vault.put_client_secret(provider, &secret).await.expect("a stored secret");
    }

    /// Registers a user's account, which nobody has authorised yet.
    ///
    /// # Panics
    /// When it cannot be stored.
    pub async fn account(&self, provider: &Provider, user: &User) -> AccountId {
        let json = json!({
            "id": user.name(), "provider": provider.id, "grant": "authorization_code", "login": user.name(),
            "owners": [format!("{}@example.com", user.name())],
        });
        let account: Account = serde_json::from_value(json).expect("an account");
        self.registry.put_account(&account, clock()).await.expect("a stored account");
        account.id
    }

    /// Registers a new user's account with a token set that was obtained `ago` and lives for an hour.
    ///
    /// # Panics
    /// When it cannot be stored.
    pub async fn authorised(&self, provider: &Provider, ago: SignedDuration) -> AccountId {
        let user = User::new("account");
        let id = self.account(provider, &user).await;
        let obtained_at = clock().checked_sub(ago).expect("in range");
        let tokens = issuer::token_set_of(&user, obtained_at, 3600).await;
        self.keep(&id, provider, &tokens).await;
        id
    }

    /// The same with a token set that ended an hour ago.
    ///
    /// # Panics
    /// As [`Lab::authorised`].
    pub async fn stale(&self, provider: &Provider) -> AccountId {
        self.authorised(provider, SignedDuration::from_hours(2)).await
    }

    /// Has an account keep its first token set.
    ///
    /// # Panics
    /// When it has one already.
    pub async fn keep(&self, id: &AccountId, provider: &Provider, tokens: &TokenSet) {
        let request = format!("{:064x}", fastrand::u128(..));
        let put = self.vault.replace_token_set(id, None, tokens, &request).await.expect("a stored token set");
        assert_eq!(put, Replaced::Done, "{id} has no token set yet");
        let lease = Lease { owner: request, until: later(clock(), 60) };
        let held = self.registry.lease_account(id, &lease, clock()).await.expect("an answer");
        let LeasedAccount::Held(status) = held else { panic!("nobody holds {id}") };
        let account = self.registry.account(id).await.expect("an answer").expect("an account");
        let obtained = AccountStatus {
            obtained_at: Some(tokens.obtained_at),
            access_expires_at: tokens.expires_at,
            refresh_expires_at: tokens.refresh_expires_at,
            unrefreshable: tokens.refresh_token.is_none(),
            authorised_at: Some(tokens.obtained_at),
            ..AccountStatus::default()
        };
        let record = TokenRecord {
            obtained_at: tokens.obtained_at,
            access_expires_at: tokens.expires_at,
            refresh_expires_at: tokens.refresh_expires_at,
            refresh_expires_since: tokens.refresh_expires_at.map(|_| tokens.obtained_at),
            unrefreshable: obtained.unrefreshable,
            ends: expiry(&account, provider, &obtained),
            missing_scopes: Vec::new(),
            due_at: renew_at(provider, tokens, self.settings.lead, 0.5),
            remind_at: Some(tokens.obtained_at),
            consent: Some((tokens.obtained_at, Some(id.to_string()))),
        };
        let recorded = self.registry.record_tokens(id, status.fence, &record).await;
        assert!(recorded.expect("an answer"));
    }

    /// What changes token sets in this lab.
    pub fn tokens(&self, clock: fn() -> Timestamp) -> Tokens {
        let settings = &self.settings;
        lab::tokens(&self.aws, &settings.table, &settings.secret_prefix, &settings.token_key, clock)
    }

    /// The same, giving an authorization server so long to answer.
    ///
    /// # Panics
    /// Never.
    pub fn tokens_within(&self, timeout: Duration, clock: fn() -> Timestamp) -> Tokens {
        let http = Http::new(HttpSettings { timeout, ..lab::local_http() }).expect("usable settings");
        let (registry, vault) = (self.registry.clone(), self.vault.clone());
        Tokens::new(registry, vault, self.sealer(), http, self.settings.lead, clock)
    }

    /// The function `token-refresh`.
    pub fn token_refresh(&self, clock: fn() -> Timestamp) -> TokenRefresh {
        self.token_refresh_within(lab::local_http().timeout, clock)
    }

    /// The same, giving an authorization server so long to answer.
    ///
    /// # Panics
    /// Never.
    pub fn token_refresh_within(&self, timeout: Duration, clock: fn() -> Timestamp) -> TokenRefresh {
        let fetch::Settings { table, secret_prefix, token_key, stack, lead, .. } = self.settings.clone();
        let http = HttpSettings { timeout, ..lab::local_http() };
        let settings = token_refresh::Settings { table, secret_prefix, token_key, stack, http, lead };
        let aws = lab::of_function(&self.aws, "token-refresh");
        TokenRefresh::new(settings, &aws, clock).expect("usable settings")
    }

    /// What changes token sets, reaching AWS by way of a gate.
    pub async fn tokens_behind(&self, gate: &Gate, clock: fn() -> Timestamp) -> Tokens {
        let (aws, settings) = (lab::aws(&gate.endpoint()).await, &self.settings);
        lab::tokens(&aws, &settings.table, &settings.secret_prefix, &settings.token_key, clock)
    }

    /// One demand for an account's tokens, for a process of its own that reaches AWS at `endpoint`.
    pub fn errand(&self, account: &AccountId, endpoint: &str) -> Errand {
        Errand {
            endpoint: endpoint.to_owned(),
            table: self.settings.table.clone(),
            secret_prefix: self.settings.secret_prefix.clone(),
            token_key: self.settings.token_key.clone(),
            account: account.clone(),
            demands: 1,
            ahead: 0,
            patience: 30,
        }
    }

    /// What opens journals.
    pub fn sealer(&self) -> Sealer {
        Sealer::new(aws_sdk_kms::Client::new(&self.aws), &self.settings.token_key)
    }

    /// The accounts that wait for a person.
    ///
    /// # Panics
    /// When the registry does not answer.
    pub async fn unauthorised(&self) -> Vec<AccountId> {
        let standing = Standing::NeedsConsent;
        let query = AccountQuery { standing, provider: None, owner: None, text: None };
        let page = self.registry.accounts_page(&query, None, 200).await.expect("a page");
        page.items.into_iter().map(|(account, _)| account.id).collect()
    }

    /// The text that the vault holds for an account under a stage, such as `AWSPENDING`.
    ///
    /// # Panics
    /// When Secrets Manager fails.
    pub async fn secret_at(&self, id: &AccountId, stage: &str) -> Option<String> {
        let vault = aws_sdk_secretsmanager::Client::new(&self.aws);
        let value = vault.get_secret_value().secret_id(self.secret_name(id)).version_stage(stage);
        let value = value.send().await;
        value.ok().and_then(|value| value.secret_string)
    }

    fn secret_name(&self, id: &AccountId) -> String {
        format!("{}/account/{id}", self.settings.secret_prefix)
    }

    /// Puts a token set into the vault as a person does by the AWS console: by force.
    ///
    /// # Panics
    /// When Secrets Manager fails.
    pub async fn edit(&self, id: &AccountId, tokens: &TokenSet) {
        let exposed = |token: &Option<SecretString>| token.as_ref().map(|t| t.expose_secret().to_owned());
        let second = |at: Option<Timestamp>| at.map(Timestamp::as_second);
        let text = json!({
            "access_token": tokens.access_token.expose_secret(), "refresh_token": exposed(&tokens.refresh_token),
            "expires_at": second(tokens.expires_at), "obtained_at": tokens.obtained_at.as_second(),
            "issued_by": tokens.issued_by,
        });
        let vault = aws_sdk_secretsmanager::Client::new(&self.aws);
        let put = vault.put_secret_value().secret_id(self.secret_name(id)).secret_string(text.to_string());
        put.send().await.expect("an edited secret");
    }

    /// Everything in the registry's table, as text.
    ///
    /// # Panics
    /// When the table cannot be read.
    pub async fn items(&self) -> String {
        let dynamodb = aws_sdk_dynamodb::Client::new(&self.aws);
        let mut pages = dynamodb.scan().table_name(&self.settings.table).into_paginator().send();
        let mut text = String::new();
        while let Some(page) = pages.next().await {
            write!(text, "{:?}", page.expect("a page").items).expect("text");
        }
        text
    }
}
