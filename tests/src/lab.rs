//! Resources of one test's own at the local AWS API, and the `fetch` library on top of them.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use fetch::{Fetch, Invocation, Settings};
use jiff::{SignedDuration, Timestamp};
use postroom_mail::NetworkSettings;
use postroom_model::{Batch, Mailbox, MailboxId, MailboxState};
use postroom_registry::Registry;
use postroom_vault::Vault;
use std::time::Duration;

/// A variable that `make test` sets.
///
/// # Panics
/// When it is not set.
pub fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: these tests run by `make test`"))
}

/// The present moment.
#[expect(clippy::disallowed_methods, reason = "tests of the whole run at the present time")]
pub fn clock() -> Timestamp {
    Timestamp::now()
}

/// How the local AWS API is reached.
async fn local_aws() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(environment("POSTROOM_TEST_AWS_REGION")))
        .endpoint_url(environment("POSTROOM_TEST_AWS_ENDPOINT"))
        .test_credentials()
        .load()
        .await
}

/// S3 as the deployed stack uses it.
pub async fn stack_s3() -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(&local_aws().await).force_path_style(true);
    aws_sdk_s3::Client::from_conf(config.build())
}

/// SQS as the deployed stack uses it.
pub async fn stack_sqs() -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(&local_aws().await)
}

/// One test's own table, bucket, queue and secrets.
#[derive(Debug)]
pub struct Lab {
    /// How the AWS API is reached.
    pub aws: SdkConfig,
    /// The registry, in a table of its own.
    pub registry: Registry,
    /// The vault, below a prefix of its own.
    pub vault: Vault,
    /// The S3 client.
    pub s3: aws_sdk_s3::Client,
    /// The bucket's name.
    pub bucket: String,
    /// What `fetch` is told.
    pub settings: Settings,
}

impl Lab {
    /// Creates the resources.
    ///
    /// # Panics
    /// When the local AWS API does not do what it should.
    pub async fn new() -> Self {
        let name = format!("lab-{:016x}", fastrand::u64(..));
        let aws = local_aws().await;
        create_table(&aws_sdk_dynamodb::Client::new(&aws), &name).await;
        let s3 = aws_sdk_s3::Client::from_conf(
            aws_sdk_s3::config::Builder::from(&aws).force_path_style(true).build(),
        );
        let place = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::EuCentral1)
            .build();
        let bucket = s3.create_bucket().bucket(&name).create_bucket_configuration(place).send().await;
        bucket.expect("a bucket");
        let queue = aws_sdk_sqs::Client::new(&aws).create_queue().queue_name(&name).send().await;
        let settings = Settings {
            table: name.clone(),
            bucket: name.clone(),
            s3_endpoint: None,
            queue_url: queue.expect("a queue").queue_url.expect("a URL"),
            secret_prefix: format!("lab/{name}"),
            stack: name.clone(),
            memory_budget: 16 << 20,
            slice: Duration::from_secs(20),
            network: NetworkSettings {
                extra_ca_pem: std::fs::read_to_string(environment("POSTROOM_TEST_CA")).ok(),
                allow_local: true,
                plaintext_hosts: Vec::new(),
                connect_timeout: Duration::from_secs(5),
                idle_timeout: Duration::from_secs(2),
            },
        };
        Self {
            registry: Registry::new(aws_sdk_dynamodb::Client::new(&aws), &name),
            vault: Vault::new(aws_sdk_secretsmanager::Client::new(&aws), &settings.secret_prefix),
            s3,
            bucket: name,
            settings,
            aws,
        }
    }

    /// A `fetch` of this lab.
    ///
    /// # Panics
    /// When the settings cannot be used.
    pub fn fetch(&self) -> Fetch {
        Fetch::new(self.settings.clone(), &self.aws, clock).expect("usable settings")
    }

    /// Registers basic mailboxes with their password.
    ///
    /// # Panics
    /// When they cannot be stored.
    pub async fn add(&self, mailboxes: impl IntoIterator<Item = (Mailbox, String)>) {
        for (mailbox, password) in mailboxes {
            self.vault.put_password(&mailbox.id, &password.into()).await.expect("a stored password");
            self.registry.put_mailbox(&mailbox).await.expect("a stored mailbox");
        }
    }

    /// Polls the mailboxes as one batch, and returns their states.
    ///
    /// # Panics
    /// When the batch cannot be worked.
    pub async fn poll(&self, fetch: &Fetch, ids: &[MailboxId]) -> Vec<MailboxState> {
        let batch = Batch {
            id: "1m-0001".parse().expect("an id"),
            interval: "1m".parse().expect("an interval"),
            mailboxes: ids.to_vec(),
            due_at: None,
            lease: None,
            completed_at: None,
        };
        self.registry.put_batch(&batch, clock(), 0.0).await.expect("a stored batch");
        let body = format!(r#"{{"batch":{{"id":"1m-0001","due_at":{}}}}}"#, clock().as_second());
        fetch.work_message(&body, &invocation(90)).await.expect("a worked batch");
        self.states(ids).await
    }

    /// Works one mailbox by itself, and returns its state.
    ///
    /// # Panics
    /// When it cannot be worked.
    pub async fn fetch_one(&self, fetch: &Fetch, id: &MailboxId) -> MailboxState {
        self.fetch_within(fetch, id, 90).await
    }

    /// Works one mailbox by itself in a function that may run for so many seconds.
    ///
    /// # Panics
    /// When it cannot be worked.
    pub async fn fetch_within(&self, fetch: &Fetch, id: &MailboxId, seconds: i64) -> MailboxState {
        let body = format!(r#"{{"mailbox":{{"id":"{id}","cause":{{"demand":"test"}}}}}}"#);
        fetch.work_message(&body, &invocation(seconds)).await.expect("a worked mailbox");
        self.states(std::slice::from_ref(id)).await.remove(0)
    }

    /// The mailboxes' states, in the order asked for.
    ///
    /// # Panics
    /// When one cannot be read.
    pub async fn states(&self, ids: &[MailboxId]) -> Vec<MailboxState> {
        let loaded = self.registry.load(ids).await.expect("an answer");
        let state = |id| {
            let (_, loaded) = loaded.iter().find(|(found, _)| found == id).expect("a mailbox");
            loaded.as_ref().expect("a readable mailbox").state.clone()
        };
        ids.iter().map(state).collect()
    }

    /// Ends the leases of runs that were cut off, as time would.
    ///
    /// # Panics
    /// When the registry does not answer.
    pub async fn forget_leases(&self, mailbox: &MailboxId) {
        let state = self.states(std::slice::from_ref(mailbox)).await.remove(0);
        if let Some(lease) = state.lease {
            self.registry.release_mailbox(mailbox, &lease.owner).await.expect("an answer");
        }
    }

    /// Every archived message of a mailbox, sorted by its bytes.
    ///
    /// # Panics
    /// When the archive cannot be read.
    pub async fn archived(&self, mailbox: &MailboxId) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        for key in self.keys(mailbox).await {
            let object = self.s3.get_object().bucket(&self.bucket).key(key).send().await.expect("an object");
            messages.push(object.body.collect().await.expect("a body").to_vec());
        }
        messages.sort();
        messages
    }

    /// The keys of a mailbox's archived messages.
    ///
    /// # Panics
    /// When the archive cannot be listed.
    pub async fn keys(&self, mailbox: &MailboxId) -> Vec<String> {
        let list = self.s3.list_objects_v2().bucket(&self.bucket).prefix(format!("mail/{mailbox}/"));
        let mut pages = list.into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            keys.extend(page.expect("a page").contents.unwrap_or_default().into_iter().filter_map(|o| o.key));
        }
        keys
    }
}

/// An invocation that may run for so many seconds.
///
/// # Panics
/// Never before the year 9999.
pub fn invocation(seconds: i64) -> Invocation {
    let deadline = clock().saturating_add(SignedDuration::from_secs(seconds)).expect("in range");
    Invocation { request_id: format!("r-{:016x}", fastrand::u64(..)), deadline }
}

async fn create_table(dynamodb: &aws_sdk_dynamodb::Client, name: &str) {
    let attribute = |name: &str, kind: ScalarAttributeType| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().expect("complete")
    };
    let key = |name: &str, kind: KeyType| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("complete")
    };
    let index = |name: &str, hash: &str, range: &str, projection: ProjectionType| {
        GlobalSecondaryIndex::builder()
            .index_name(name)
            .key_schema(key(hash, KeyType::Hash))
            .key_schema(key(range, KeyType::Range))
            .projection(Projection::builder().projection_type(projection).build())
            .build()
            .expect("complete")
    };
    let created = dynamodb
        .create_table()
        .table_name(name)
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
        .await;
    created.expect("a table");
}
