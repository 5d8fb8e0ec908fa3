//! Resources of one test's own at the local AWS API, and the `fetch` library on top of them.

use crate::log;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, VersioningConfiguration,
};
use fetch::{Fetch, Invocation, Settings};
use jiff::{SignedDuration, Timestamp};
use postroom_lambda::Reach;
use postroom_model::{Batch, Mailbox, MailboxId, MailboxState};
use postroom_oauth::{Http, HttpSettings};
use postroom_registry::Registry;
use postroom_tokens::Tokens;
use postroom_vault::{Sealer, Vault};
use std::time::Duration;

/// How long before its end an access token is renewed.
const LEAD: SignedDuration = SignedDuration::from_mins(10);
/// How long an authorization server may take to answer.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(10);

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

/// A moment so many seconds after the present one; a clock of another time.
///
/// # Panics
/// Never before the year 9999.
pub fn ahead<const SECONDS: i64>() -> Timestamp {
    clock().checked_add(SignedDuration::from_secs(SECONDS)).expect("in range")
}

/// How the local AWS API is reached at an endpoint.
pub(crate) async fn aws(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(environment("POSTROOM_TEST_AWS_REGION")))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("local", "local", None, None, "tests"))
        .load()
        .await
}

/// The same for a function's own clients. They say whose they are, so that what the function asks for can be told
/// from what its test does.
pub(crate) fn of_function(aws: &SdkConfig, function: &str) -> SdkConfig {
    let name = AppName::new(format!("postroom-{function}")).expect("a name");
    aws.to_builder().app_name(name).build()
}

async fn local_aws() -> SdkConfig {
    aws(&environment("POSTROOM_TEST_AWS_ENDPOINT")).await
}

/// How the authorization servers of tests are reached.
pub(crate) fn local_http() -> HttpSettings {
    HttpSettings {
        extra_ca_pem: None,
        allow_local: true,
        plaintext_hosts: Vec::new(),
        timeout: TOKEN_TIMEOUT,
    }
}

/// What changes token sets, on the resources of these names.
pub(crate) fn tokens(
    aws: &SdkConfig,
    table: &str,
    prefix: &str,
    key: &str,
    clock: fn() -> Timestamp,
) -> Tokens {
    Tokens::new(
        Registry::new(aws_sdk_dynamodb::Client::new(aws), table),
        Vault::new(aws_sdk_secretsmanager::Client::new(aws), prefix),
        Sealer::new(aws_sdk_kms::Client::new(aws), key),
        Http::new(local_http()).expect("usable settings"),
        LEAD,
        clock,
    )
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

/// DynamoDB with the tables of the deployed stack and of all labs.
pub async fn stack_dynamodb() -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&local_aws().await)
}

/// Secrets Manager with the secrets of the deployed stack and of all labs.
pub async fn stack_secrets() -> aws_sdk_secretsmanager::Client {
    aws_sdk_secretsmanager::Client::new(&local_aws().await)
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
        log::keep();
        let name = format!("lab-{:016x}", fastrand::u64(..));
        let aws = local_aws().await;
        postroom_test_table::create(&aws_sdk_dynamodb::Client::new(&aws), &name).await;
        let s3 = aws_sdk_s3::Client::from_conf(
            aws_sdk_s3::config::Builder::from(&aws).force_path_style(true).build(),
        );
        let place = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::EuCentral1)
            .build();
        let bucket = s3.create_bucket().bucket(&name).create_bucket_configuration(place).send().await;
        bucket.expect("a bucket");
        let versions = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let versions =
            s3.put_bucket_versioning().bucket(&name).versioning_configuration(versions).send().await;
        versions.expect("versions are kept");
        let key = aws_sdk_kms::Client::new(&aws).create_key().send().await.expect("a key");
        let queue = aws_sdk_sqs::Client::new(&aws).create_queue().queue_name(&name).send().await;
        let settings = Settings {
            table: name.clone(),
            bucket: name.clone(),
            transcript_bucket: name.clone(),
            s3_endpoint: None,
            queue_url: queue.expect("a queue").queue_url.expect("a URL"),
            secret_prefix: format!("lab/{name}"),
            token_key: key.key_metadata.expect("a key").key_id,
            stack: name.clone(),
            memory_budget: 16 << 20,
            slice: Duration::from_secs(20),
            reach: Reach {
                extra_ca_pem: std::fs::read_to_string(environment("POSTROOM_TEST_CA")).ok(),
                allow_local: true,
                plaintext_hosts: Vec::new(),
            },
            lead: LEAD,
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
        let aws = of_function(&self.aws, "fetch");
        Fetch::new(self.settings.clone(), &aws, clock).expect("usable settings")
    }

    /// Registers basic mailboxes with their password.
    ///
    /// # Panics
    /// When they cannot be stored.
    pub async fn add(&self, mailboxes: impl IntoIterator<Item = (Mailbox, String)>) {
        for (mailbox, password) in mailboxes {
            self.vault.put_password(&mailbox.id, &password.into()).await.expect("a stored password");
            self.registry.put_mailbox(&mailbox, clock()).await.expect("a stored mailbox");
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
}

/// An invocation that may run for so many seconds.
///
/// # Panics
/// Never before the year 9999.
pub fn invocation(seconds: i64) -> Invocation {
    let deadline = clock().saturating_add(SignedDuration::from_secs(seconds)).expect("in range");
    Invocation { request_id: format!("r-{:016x}", fastrand::u64(..)), deadline }
}
