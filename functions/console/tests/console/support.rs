//! A console of its own for each test, on an empty table.

use crate::{browser::Browser, server::Server};
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use axum::Router;
use console::{Administrators, App, Group, Language, Settings};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use postroom_mail::NetworkSettings;
use postroom_model::{Account, AccountId, Calendar, Mailbox, TokenSet};
use postroom_oauth::{Http, HttpSettings};
use postroom_registry::Registry;
use postroom_tokens::Tokens;
use postroom_vault::{Sealer, Vault};
use secrecy::ExposeSecret;
use std::{cell::Cell, sync::LazyLock, time::Duration};
use url::Url;

pub(crate) const ADMIN: &str = "admin@postroom.test";
pub(crate) const PUBLIC_URL: &str = "http://console.test/";
pub(crate) const OPERATOR: &str = "operators@postroom.test";
pub(crate) const SENDER: &str = "postroom@sender.test";

static START: LazyLock<Timestamp> = LazyLock::new(postroom_lambda::now);

thread_local! {
    /// How far a test has gone into the future; each test has a thread of its own.
    static LATER: Cell<i64> = const { Cell::new(0) };
}

/// The test's clock.
pub(crate) fn now() -> Timestamp {
    *START + SignedDuration::from_secs(LATER.get())
}

/// Lets time pass.
pub(crate) fn pass(time: SignedDuration) {
    LATER.set(LATER.get() + time.as_secs());
}

/// A console with its registry and vault, and one authorization server for everything.
pub(crate) struct Fixture {
    pub(crate) registry: Registry,
    pub(crate) vault: Vault,
    pub(crate) server: Server,
    pub(crate) router: Router,
    pub(crate) aws: SdkConfig,
    pub(crate) settings: Settings,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(Server::start(Default::default()).await, |_| {}).await
    }

    /// A console with other settings.
    pub(crate) async fn with(server: Server, change: impl FnOnce(&mut Settings)) -> Self {
        crate::log::start();
        let aws = aws();
        let name: String = std::iter::repeat_with(fastrand::alphanumeric).take(16).collect();
        let name = format!("postroom-test-{}", name.to_lowercase());
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
        postroom_test_table::create(&dynamodb, &name).await;
        let key = aws_sdk_kms::Client::new(&aws).create_key().send().await.expect("a key");
        let secrets = aws_sdk_secretsmanager::Client::new(&aws);
        for own in ["console", "links"] {
            let secret: String = std::iter::repeat_with(fastrand::alphanumeric).take(64).collect();
            let secret = secrets.create_secret().name(format!("{name}/{own}")).secret_string(secret);
            secret.send().await.expect("a secret");
        }
        let mut settings = Settings {
            table: name.clone(),
            transcript_bucket: "post-transcripts".to_owned(),
            secret_prefix: name.clone(),
            stack: name.clone(),
            token_key: key.key_metadata.expect("a key").key_id,
            public_url: Url::parse(PUBLIC_URL).expect("url"),
            administrators: Administrators {
                provider: Some("sso".parse().expect("id")),
                addresses: vec![ADMIN.to_owned()],
                group: Some("groups=postroom-admins".parse::<Group>().expect("a group")),
            },
            sender: Some(SENDER.to_owned()),
            operators: vec![OPERATOR.to_owned()],
            configuration_set: None,
            calendar: Calendar { zone: TimeZone::UTC, repeat_days: Some(7) },
            language: Language::En,
            refresh_lead: SignedDuration::from_mins(10),
            network: NetworkSettings {
                extra_ca_pem: None,
                allow_local: true,
                plaintext_hosts: Vec::new(),
                connect_timeout: Duration::from_secs(2),
                idle_timeout: Duration::from_secs(2),
            },
            http: HttpSettings {
                extra_ca_pem: None,
                allow_local: true,
                plaintext_hosts: Vec::new(),
                timeout: Duration::from_secs(2),
            },
        };
        change(&mut settings);
        let registry = Registry::new(dynamodb, &name);
        registry.put_provider(&server.provider("sso"), now()).await.expect("stored");
        let vault = Vault::new(secrets, &name);
        let app = App::new(settings.clone(), &of_the_console(&aws), now).expect("starts");
        Self { registry, vault, server, router: console::router(app), aws, settings }
    }

    /// The console with other settings, on the same table.
    pub(crate) fn reconfigured(&self, change: impl FnOnce(&mut Settings)) -> Router {
        let mut settings = self.settings.clone();
        change(&mut settings);
        console::router(App::new(settings, &of_the_console(&self.aws), now).expect("starts"))
    }

    /// A browser that nobody has signed in with.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.router.clone())
    }

    /// A browser in which the administrator is signed in, on a page with forms.
    pub(crate) async fn administrator(&self) -> Browser {
        let mut browser = self.browser();
        let request = self.begin_sign_in(&mut browser, "/sign-in?go=1").await;
        let page = browser.get(&self.server.approve(&request, ADMIN)).await;
        assert_eq!(page.location().as_deref(), Some("/"), "{page:?}");
        let page = browser.get("/chain").await;
        assert!(browser.csrf.is_some(), "{page:?}");
        browser
    }

    /// Presses the button of the sign-in page.
    pub(crate) async fn begin_sign_in(&self, browser: &mut Browser, path: &str) -> Url {
        let page = browser.get(path).await;
        Url::parse(&page.location().unwrap_or_else(|| panic!("{page:?}"))).expect("a URL")
    }

    /// An account of `login` that nobody has authorised, at the provider `sso`.
    pub(crate) async fn account(&self, id: &str) -> AccountId {
        self.account_at(id, "sso").await
    }

    pub(crate) async fn account_at(&self, id: &str, provider: &str) -> AccountId {
        let account: Account = serde_json::from_value(serde_json::json!({
            "id": id, "provider": provider, "grant": "authorization_code",
            "login": format!("{id}@post.test"), "owners": [format!("owner-of-{id}@post.test")],
        }))
        .expect("an account");
        self.registry.put_account(&account, now()).await.expect("stored");
        account.id
    }

    /// An account whose `login` nobody has set.
    pub(crate) async fn without_login(&self, id: &str) -> AccountId {
        let id = self.account(id).await;
        let mut account = self.registry.account(&id).await.expect("answers").expect("is there");
        account.login = None;
        self.registry.put_account(&account, now()).await.expect("stored");
        id
    }

    /// A mailbox that the account opens, at a server of this machine.
    pub(crate) async fn mailbox(&self, id: &str, account: &AccountId, port: u16) -> Mailbox {
        let mailbox: Mailbox = serde_json::from_value(serde_json::json!({
            "id": id, "protocol": "imap", "host": "127.0.0.1", "port": port, "tls": "none", "user": id,
            "auth": {"oauth": account},
        }))
        .expect("a mailbox");
        self.registry.put_mailbox(&mailbox, now()).await.expect("stored");
        mailbox
    }

    /// The path that tokens take, without a console before it.
    pub(crate) fn custody(&self) -> Tokens {
        let sealer = Sealer::new(aws_sdk_kms::Client::new(&self.aws), self.settings.token_key.clone());
        let http = Http::new(self.settings.http.clone()).expect("usable settings");
        let lead = self.settings.refresh_lead;
        Tokens::new(self.registry.clone(), self.vault.clone(), sealer, http, lead, now)
    }

    /// The account's token set.
    pub(crate) async fn tokens(&self, account: &AccountId) -> Option<TokenSet> {
        self.vault.token_set(account).await.expect("answers")
    }

    /// Asserts that an account is as it was before anybody touched it.
    pub(crate) async fn is_untouched(&self, account: &AccountId) {
        let tokens = self.tokens(account).await;
        assert!(tokens.is_none(), "{:?}", tokens.map(|t| t.access_token.expose_secret().to_owned()));
        let status = self.registry.account_status(account).await.expect("answers");
        assert!(status.obtained_at.is_none() && status.journal.is_none(), "{status:?}");
    }
}

/// The console's own clients say whose they are, so that what it asks for can be told from what tests do.
fn of_the_console(aws: &SdkConfig) -> SdkConfig {
    aws.to_builder().app_name(AppName::new("postroom-console").expect("a name")).build()
}

fn aws() -> SdkConfig {
    let endpoint = std::env::var("POSTROOM_TEST_AWS_ENDPOINT")
        .expect("this test needs an AWS API: run `make test`, or set POSTROOM_TEST_AWS_ENDPOINT");
    let credentials = Credentials::new("test", "test", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled())
        .build()
}
