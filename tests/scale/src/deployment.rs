//! A made-up deployment of some size at a local AWS API.

use crate::{
    issuer::Issuer,
    meter::Meter,
    population::{self, Size},
};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::{
    Client,
    config::Credentials,
    types::{AttributeValue, ReturnValue},
};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use postroom_model::{ClientSecret, Provider};
use postroom_registry::Registry;
use postroom_vault::Vault;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// What the emulator is told to be.
const REGION: &str = "eu-central-1";
/// Requests that are under way at once while the ground is prepared.
const AT_ONCE: usize = 8;

/// A deployment with its table, queue, key and secrets, an authorization server, and an emulator that
/// somebody else runs.
#[derive(Debug)]
pub struct Deployment {
    pub(crate) size: Size,
    pub(crate) registry: Registry,
    pub(crate) vault: Vault,
    /// AWS, by way of the meter.
    pub(crate) metered: SdkConfig,
    pub(crate) meter: Meter,
    /// The secret that the console's cookies are encrypted with.
    pub(crate) console_key: String,
    dynamodb: Client,
    table: String,
    /// What a function's environment says.
    environment: BTreeMap<&'static str, String>,
    _issuer: Issuer,
}

impl Deployment {
    /// Makes a deployment of so many mailboxes, five hundred at least, at the AWS API of `endpoint`.
    ///
    /// # Panics
    /// When that does not do what it should.
    pub async fn make(endpoint: &str, mailboxes: usize, now: Timestamp) -> Self {
        let name = format!("scale-{:016x}", fastrand::u64(..));
        let aws = aws(endpoint).await;
        let dynamodb = Client::new(&aws);
        postroom_test_table::create(&dynamodb, &name).await;
        let queue = aws_sdk_sqs::Client::new(&aws).create_queue().queue_name(&name).send().await;
        let key = aws_sdk_kms::Client::new(&aws).create_key().send().await.expect("a key");
        let secrets = aws_sdk_secretsmanager::Client::new(&aws);
        let console_key = random();
        for (own, key) in [("console", console_key.clone()), ("links", random())] {
            let secret = secrets.create_secret().name(format!("{name}/{own}")).secret_string(key);
            secret.send().await.expect("a secret");
        }
        let sender = format!("postroom@{name}.test");
        let ses = aws_sdk_sesv2::Client::new(&aws);
        ses.create_email_identity().email_identity(&sender).send().await.expect("a sender");

        let registry = Registry::new(dynamodb.clone(), &name);
        let vault = Vault::new(secrets, &name);
        let issuer = Issuer::start().await;
        let provider: Provider = serde_json::from_value(json!({
            "id": "contoso", "preset": "custom", "endpoints": issuer.endpoints(), "client_id": "postroom",
            "client_auth": "secret", "scopes": ["mail"], "authorization_days": population::AUTHORIZATION_DAYS,
        }))
        .expect("a provider");
        registry.put_provider(&provider, now).await.expect("stored");
        let secret = ClientSecret::Secret(random().into());
        vault.put_client_secret(&provider.id, &secret).await.expect("stored");
        let size = Size(mailboxes);
        population::fill(&dynamodb, &name, &registry, size, now).await;

        let meter = Meter::start(endpoint.trim_start_matches("http://").trim_end_matches('/')).await;
        let environment = BTreeMap::from([
            ("TABLE_NAME", name.clone()),
            ("QUEUE_URL", queue.expect("a queue").queue_url.expect("a URL")),
            ("STACK_NAME", name.clone()),
            ("SECRET_PREFIX", name.clone()),
            ("TRANSCRIPT_BUCKET_NAME", name.clone()),
            ("TOKEN_KEY_ID", key.key_metadata.expect("a key").key_id),
            ("PUBLIC_URL", "https://console.scale.test".to_owned()),
            ("SENDER_ADDRESS", sender),
            ("OPERATOR_ADDRESSES", "operators@scale.test".to_owned()),
            ("ALLOW_LOCAL_SERVERS", "true".to_owned()),
        ]);
        Self {
            size,
            registry,
            vault,
            metered: self::aws(&meter.endpoint()).await,
            meter,
            console_key,
            dynamodb,
            table: name,
            environment,
            _issuer: issuer,
        }
    }

    /// How many mailboxes there are.
    pub fn mailboxes(&self) -> usize {
        self.size.0
    }

    /// How many batches.
    pub fn batches(&self) -> usize {
        self.size.batches()
    }

    /// How many accounts that are authorised.
    pub fn accounts(&self) -> usize {
        self.size.accounts()
    }

    /// Takes the table away: others may have to read every table.
    ///
    /// # Panics
    /// When the AWS API does not answer.
    pub async fn remove(self) {
        self.dynamodb.delete_table().table_name(&self.table).send().await.expect("deleted");
    }

    /// What a function's environment says.
    pub(crate) fn says(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    /// Sets moments of items, whatever the registry thinks of it.
    pub(crate) async fn set<const N: usize>(
        &self,
        items: impl Iterator<Item = (String, &'static str)>,
        moments: [(&'static str, Timestamp); N],
    ) {
        let each = stream::iter(items).for_each_concurrent(AT_ONCE, |(pk, sk)| async move {
            let mut update = self.dynamodb.update_item().table_name(&self.table);
            update = update.key("pk", text(&pk)).key("sk", text(sk)).return_values(ReturnValue::None);
            let assignments = moments.map(|(name, _)| format!("#{name} = :{name}")).join(", ");
            for (name, at) in moments {
                let second = AttributeValue::N(at.as_second().to_string());
                update = update.expression_attribute_names(format!("#{name}"), name);
                update = update.expression_attribute_values(format!(":{name}"), second);
            }
            update.update_expression(format!("SET {assignments}")).send().await.expect("set");
        });
        each.await;
    }

    /// Takes attributes away from items.
    pub(crate) async fn forget<const N: usize>(
        &self,
        items: impl Iterator<Item = (String, &'static str)>,
        names: [&'static str; N],
    ) {
        let each = stream::iter(items).for_each_concurrent(AT_ONCE, |(pk, sk)| async move {
            let mut update = self.dynamodb.update_item().table_name(&self.table);
            for name in names {
                update = update.expression_attribute_names(format!("#{name}"), name);
            }
            let expression = format!("REMOVE {}", names.map(|name| format!("#{name}")).join(", "));
            update = update.key("pk", text(&pk)).key("sk", text(sk)).update_expression(expression);
            update.send().await.expect("forgotten");
        });
        each.await;
    }
}

/// How the emulator is reached.
async fn aws(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("local", "local", None, None, "scale"))
        .load()
        .await
}

fn random() -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(64).collect()
}

pub(crate) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
