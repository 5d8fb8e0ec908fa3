//! A table of its own for each test, and the things that tests put into it.

use aws_sdk_dynamodb::{
    Client, Config,
    config::{
        BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
        interceptors::BeforeTransmitInterceptorContextRef, retry::RetryConfig,
    },
    error::BoxError,
    types::AttributeValue,
};
use jiff::Timestamp;
use postroom_model::{Account, Batch, Lease, Mailbox, MailboxId};
use postroom_registry::Registry;
use serde::Serialize;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A registry on an empty table.
pub(crate) struct Fixture {
    pub(crate) registry: Registry,
    pub(crate) client: Client,
    pub(crate) table: String,
    requests: Arc<AtomicUsize>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let endpoint = std::env::var("POSTROOM_TEST_AWS_ENDPOINT")
            .expect("this test needs an AWS API: run `make test`, or set POSTROOM_TEST_AWS_ENDPOINT");
        let requests = Arc::new(AtomicUsize::new(0));
        let client = client(&endpoint, Counter(requests.clone()));
        let name: String = std::iter::repeat_with(fastrand::alphanumeric).take(16).collect();
        let table = format!("postroom-test-{name}");
        postroom_test_table::create(&client, &table).await;
        requests.store(0, Ordering::SeqCst);
        Self { registry: Registry::new(client.clone(), &table), client, table, requests }
    }

    /// Requests sent so far, repeated ones included.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Puts an item as it might have been stored by another release, or by hand.
    pub(crate) async fn put_raw(&self, pk: &str, sk: &str, value: serde_json::Value) {
        let mut item: std::collections::HashMap<String, AttributeValue> =
            serde_dynamo::aws_sdk_dynamodb_1::to_item(value).expect("an item");
        item.insert("pk".into(), AttributeValue::S(pk.into()));
        item.insert("sk".into(), AttributeValue::S(sk.into()));
        self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await.expect("put");
    }
}

/// A client that tries once, so that what is counted is what the registry asked for.
pub(crate) fn client(endpoint: &str, interceptor: impl Intercept + 'static) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled())
        .interceptor(interceptor)
        .build();
    Client::from_conf(config)
}

/// Counts requests.
#[derive(Debug)]
pub(crate) struct Counter(pub(crate) Arc<AtomicUsize>);

impl Intercept for Counter {
    fn name(&self) -> &'static str {
        "Counter"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

pub(crate) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("id")
}

pub(crate) fn account(name: &str) -> Account {
    serde_json::from_value(serde_json::json!({
        "id": name, "provider": "contoso", "grant": "authorization_code", "login": "a@contoso.example",
        "owners": ["b@contoso.example"],
    }))
    .expect("account")
}

pub(crate) fn mailbox(name: &str) -> Mailbox {
    serde_json::from_value(serde_json::json!({
        "id": name, "protocol": "imap", "host": "mail.example", "port": 993, "tls": "implicit", "user": name,
    }))
    .expect("mailbox")
}

pub(crate) fn batch(name: &str, mailboxes: &[MailboxId]) -> Batch {
    Batch {
        id: id(name),
        interval: "5m".parse().expect("interval"),
        mailboxes: mailboxes.to_vec(),
        due_at: None,
        lease: None,
        completed_at: None,
    }
}

pub(crate) fn lease(owner: &str, until: i64) -> Lease {
    Lease { owner: owner.into(), until: at(until) }
}

/// Something that must survive storing and loading.
pub(crate) fn json(value: impl Serialize) -> serde_json::Value {
    serde_json::to_value(value).expect("writes")
}
