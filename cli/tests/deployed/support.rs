//! A deployment of its own for each test.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::{
    Client,
    config::Credentials,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
        Projection, ProjectionType, ScalarAttributeType,
    },
};
use jiff::Timestamp;
use postroom_cli::{
    Error, Outcome,
    apply::apply,
    args::ApplyArgs,
    deployment::Deployment,
    manifest::{Allowances, Draft, SecretSources},
};
use postroom_registry::Registry;
use postroom_vault::Vault;
use std::collections::{BTreeMap, HashMap};

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
        create(&client, &table).await;
        let deployment = Deployment {
            registry: Registry::new(client.clone(), &table),
            vault: Vault::new(aws_sdk_secretsmanager::Client::new(&config), &table),
            fetch_queue_url: queue(&config, &table).await,
            sqs: aws_sdk_sqs::Client::new(&config),
            allowances: Allowances { local_servers: true, plaintext_hosts: Vec::new() },
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
        let draft = Draft::read("manifest.toml", text, &sources);
        printed(async |out| apply(&self.deployment, draft, &args, now(), out).await)
            .await
            .map(|(text, _)| text)
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

/// The table as the deployment's template has it.
async fn create(client: &Client, table: &str) {
    let attribute = |name, kind| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().expect("attribute")
    };
    let index = |name, hash, range, projection| {
        GlobalSecondaryIndex::builder()
            .index_name(name)
            .key_schema(key(hash, KeyType::Hash))
            .key_schema(key(range, KeyType::Range))
            .projection(Projection::builder().projection_type(projection).build())
            .build()
            .expect("index")
    };
    client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("pk", ScalarAttributeType::S))
        .attribute_definitions(attribute("sk", ScalarAttributeType::S))
        .attribute_definitions(attribute("schedule", ScalarAttributeType::S))
        .attribute_definitions(attribute("due_at", ScalarAttributeType::N))
        .attribute_definitions(attribute("kind", ScalarAttributeType::S))
        .attribute_definitions(attribute("id", ScalarAttributeType::S))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .global_secondary_indexes(index("due", "schedule", "due_at", ProjectionType::KeysOnly))
        .global_secondary_indexes(index("kind", "kind", "id", ProjectionType::All))
        .send()
        .await
        .expect("table");
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("key")
}
