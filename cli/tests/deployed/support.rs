//! A deployment of its own for each test.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::{Client, config::Credentials, types::AttributeValue};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use postroom_cli::{
    Error, Outcome,
    apply::apply,
    args::ApplyArgs,
    deployment::Deployment,
    manifest::{Allowances, Draft, SecretSources},
};
use postroom_model::Calendar;
use postroom_oauth::{Http, HttpSettings};
use postroom_registry::Registry;
use postroom_tokens::Tokens;
use postroom_vault::{Sealer, Vault};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// How long before their end tokens are renewed.
const LEAD: SignedDuration = SignedDuration::from_mins(10);

/// A deployment without anything in it.
pub(crate) struct Fixture {
    pub(crate) deployment: Deployment,
    client: Client,
    table: String,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let config = config().await;
        let name: String = std::iter::repeat_with(fastrand::alphanumeric).take(16).collect();
        let table = format!("postroom-test-{name}");
        let client = Client::new(&config);
        postroom_test_table::create(&client, &table).await;
        let registry = Registry::new(client.clone(), &table);
        let vault = Vault::new(aws_sdk_secretsmanager::Client::new(&config), &table);
        let sealer = Sealer::new(aws_sdk_kms::Client::new(&config), key(&config).await);
        let http = Http::new(HttpSettings {
            extra_ca_pem: None,
            allow_local: true,
            plaintext_hosts: Vec::new(),
            timeout: Duration::from_secs(5),
        });
        let http = http.expect("the system's roots");
        let deployment = Deployment {
            tokens: Tokens::new(registry.clone(), vault.clone(), sealer, http, LEAD, now),
            registry,
            vault,
            console_url: "https://console.example".to_owned(),
            fetch_queue_url: queue(&config, &table).await,
            sqs: aws_sdk_sqs::Client::new(&config),
            allowances: Allowances { local_servers: true, plaintext_hosts: Vec::new() },
            calendar: Calendar { zone: TimeZone::UTC, repeat_days: Some(7) },
            staff: vec!["Operators@contoso.com".to_owned()],
            mail_ca: None,
        };
        Self { deployment, client, table }
    }

    /// Applies a manifest in which every environment variable has the value `secret`.
    pub(crate) async fn apply(&self, text: &str, secret: &str, flags: &[&str]) -> Result<String, Error> {
        let variable = |_: &str| Some(secret.to_owned());
        let sources = SecretSources { folder: ".".into(), variable: &variable };
        let args = ApplyArgs {
            file: "manifest.toml".into(),
            dry_run: flags.contains(&"--dry-run"),
            prune: flags.contains(&"--prune"),
        };
        let draft = Draft::read("manifest.toml", text, &sources, now());
        printed(async |out| apply(&self.deployment, draft, &args, now(), out).await)
            .await
            .map(|(text, _)| text)
    }

    /// Writes an attribute of an item as nobody of ours would.
    pub(crate) async fn spoil(&self, pk: &str, sk: &str, name: &str) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let update = self.client.update_item().table_name(&self.table).key("pk", text(pk));
        let update = update.key("sk", text(sk)).update_expression("SET #name = :value");
        let update = update.expression_attribute_names("#name", name);
        update.expression_attribute_values(":value", text("spoilt")).send().await.expect("spoilt");
    }

    /// Everything in the table, by key.
    pub(crate) async fn items(&self) -> BTreeMap<(String, String), HashMap<String, AttributeValue>> {
        let scan = self.client.scan().table_name(&self.table).send().await.expect("scans");
        let text = |item: &HashMap<String, AttributeValue>, key| item[key].as_s().expect("text").clone();
        scan.items.unwrap_or_default().into_iter().map(|i| ((text(&i, "pk"), text(&i, "sk")), i)).collect()
    }
}

/// The AWS API that the tests use.
pub(crate) async fn config() -> SdkConfig {
    let endpoint = std::env::var("POSTROOM_TEST_AWS_ENDPOINT")
        .expect("this test needs an AWS API: run `make test`, or set POSTROOM_TEST_AWS_ENDPOINT");
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .load()
        .await
}

/// What a command printed, and how it ended.
pub(crate) async fn printed(
    command: impl AsyncFnOnce(&mut dyn std::io::Write) -> Result<Outcome, Error>,
) -> Result<(String, Outcome), Error> {
    let mut out = Vec::new();
    let outcome = command(&mut out).await?;
    Ok((String::from_utf8(out).expect("text"), outcome))
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("in range")
}

pub(crate) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("id")
}

async fn queue(config: &SdkConfig, name: &str) -> String {
    let queue = aws_sdk_sqs::Client::new(config).create_queue().queue_name(name).send().await.expect("queue");
    queue.queue_url.expect("address")
}

/// A key that seals token sets.
async fn key(config: &SdkConfig) -> String {
    let created = aws_sdk_kms::Client::new(config).create_key().send().await.expect("key");
    created.key_metadata.expect("described").key_id
}
