//! A vault of its own for each test.

use aws_sdk_secretsmanager::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use jiff::Timestamp;
use postroom_model::TokenSet;
use postroom_vault::Vault;
use secrecy::{ExposeSecret, SecretString};

/// A vault under a prefix that nobody else uses.
pub(crate) struct Fixture {
    pub(crate) vault: Vault,
    pub(crate) client: Client,
    pub(crate) prefix: String,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let endpoint = std::env::var("POSTROOM_TEST_AWS_ENDPOINT")
            .expect("this test needs an AWS API: run `make test`, or set POSTROOM_TEST_AWS_ENDPOINT");
        let client = client(&endpoint);
        let name: String = std::iter::repeat_with(fastrand::alphanumeric).take(16).collect();
        let prefix = format!("postroom-test-{name}");
        Self { vault: Vault::new(client.clone(), &prefix), client, prefix }
    }

    /// Stores a value as another release, or somebody by hand, might have.
    pub(crate) async fn put_raw(&self, name: &str, value: &str) {
        let name = format!("{}/{name}", self.prefix);
        self.client.create_secret().name(name).secret_string(value).send().await.expect("creates");
    }

    /// Gives a secret another value, as an administrator at the AWS console does.
    pub(crate) async fn edit(&self, name: &str, value: &str) {
        let name = format!("{}/{name}", self.prefix);
        self.client.put_secret_value().secret_id(name).secret_string(value).send().await.expect("puts");
    }

    /// The value of one stage, if there is one.
    pub(crate) async fn raw(&self, name: &str, stage: &str) -> Option<String> {
        let name = format!("{}/{name}", self.prefix);
        let answer = self.client.get_secret_value().secret_id(name).version_stage(stage).send().await;
        answer.ok()?.secret_string
    }
}

/// A token set that was obtained at 1000.
pub(crate) fn tokens(access: &str) -> TokenSet {
    let answer = format!(
        r#"{{"access_token":"{access}","refresh_token":"r-{access}","token_type":"Bearer","expires_in":60}}"#
    );
    TokenSet::from_response(&answer, Timestamp::from_second(1000).expect("in range")).expect("a token set")
}

pub(crate) fn client(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

pub(crate) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("id")
}

pub(crate) fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}
