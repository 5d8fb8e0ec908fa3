//! For tests: a bucket of its own for each, and clients to which something happens.

use crate::archive::Archive;
use aws_sdk_s3::{
    Client, Config,
    config::{
        BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
        interceptors::{BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut},
        retry::RetryConfig,
    },
    error::BoxError,
    types::{
        BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, VersioningConfiguration,
    },
};
use bytes::Bytes;
use postroom_model::Mailbox;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A mailbox whose attachments are wanted.
pub(crate) fn mailbox() -> Mailbox {
    let text = r#"{"id":"site-diary","protocol":"imap","host":"mail.example","port":993,"tls":"implicit",
        "user":"site","attachments":true}"#;
    serde_json::from_str(text).expect("a mailbox")
}

/// What becomes of a request that goes wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    /// It is not sent, nor is any after it: the process is dead.
    Unsent,
    /// It is done, and nobody hears of it: the process is dead, and sends no other.
    Unanswered,
    /// It is not sent; others are.
    Failed,
}

/// An empty bucket that keeps every version.
pub(crate) struct Bucket {
    client: Client,
    name: String,
    requests: Arc<AtomicUsize>,
}

/// An object as it lies in the bucket.
pub(crate) struct Found {
    pub(crate) bytes: Bytes,
    pub(crate) content_type: String,
    pub(crate) metadata: HashMap<String, String>,
}

impl Bucket {
    pub(crate) async fn new() -> Self {
        let name: String = std::iter::repeat_with(fastrand::lowercase).take(16).collect();
        let requests = Arc::new(AtomicUsize::new(0));
        let client = client(Trouble { requests: requests.clone(), at: usize::MAX, fate: Fate::Unsent });
        let name = format!("postroom-test-{name}");
        let place =
            CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuCentral1);
        let created = client.create_bucket().bucket(&name).create_bucket_configuration(place.build());
        created.send().await.expect("a bucket");
        let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let versioned = client.put_bucket_versioning().bucket(&name).versioning_configuration(versioning);
        versioned.send().await.expect("versions");
        Self { client, name, requests }
    }

    pub(crate) fn archive(&self) -> Archive {
        Archive::new(self.client.clone(), self.name.clone(), Arc::default())
    }

    /// The archive of a process that dies during the request of this number, counted from zero.
    pub(crate) fn crashing(&self, at: usize, fate: Fate) -> Archive {
        let trouble = Trouble { requests: Arc::new(AtomicUsize::new(0)), at, fate };
        Archive::new(client(trouble), self.name.clone(), Arc::default())
    }

    /// An archive whose request of this number fails.
    pub(crate) fn failing(&self, at: usize) -> Archive {
        self.crashing(at, Fate::Failed)
    }

    /// Requests sent so far, by tests too, but not by processes that crash.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(crate) async fn get(&self, key: &str) -> Found {
        let object = self.client.get_object().bucket(&self.name).key(key).send().await;
        let object = object.unwrap_or_else(|error| panic!("{key}: {error:?}"));
        Found {
            content_type: object.content_type.expect("a type"),
            metadata: object.metadata.unwrap_or_default(),
            bytes: object.body.collect().await.expect("bytes").into_bytes(),
        }
    }

    pub(crate) async fn put(&self, key: &str, bytes: &'static [u8]) {
        let bytes = Bytes::from_static(bytes).into();
        self.client.put_object().bucket(&self.name).key(key).body(bytes).send().await.expect("put");
    }

    /// The keys, in order.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let list = self.client.list_objects_v2().bucket(&self.name).send().await.expect("a list");
        assert_eq!(list.is_truncated(), Some(false));
        list.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    /// The sizes in bytes of the objects whose keys begin so.
    pub(crate) async fn sizes(&self, prefix: &str) -> Vec<u64> {
        let list = self.client.list_objects_v2().bucket(&self.name).prefix(prefix).send().await;
        let list = list.expect("a list");
        list.contents().iter().filter_map(|object| object.size()?.try_into().ok()).collect()
    }

    /// The keys in order, each as often as it was stored.
    pub(crate) async fn versions(&self) -> Vec<String> {
        let list = self.client.list_object_versions().bucket(&self.name).send().await.expect("a list");
        assert_eq!(list.is_truncated(), Some(false));
        let versions = list.versions().iter();
        let mut keys: Vec<String> = versions.filter_map(|version| version.key().map(str::to_owned)).collect();
        keys.sort();
        keys
    }

    /// How many uploads were begun and neither completed nor given up.
    pub(crate) async fn uploads(&self) -> usize {
        let list = self.client.list_multipart_uploads().bucket(&self.name).send().await.expect("a list");
        list.uploads().len()
    }
}

/// A client that tries once.
fn client(trouble: Trouble) -> Client {
    let endpoint = std::env::var("POSTROOM_TEST_AWS_ENDPOINT")
        .expect("this test needs an AWS API: run `make test`, or set POSTROOM_TEST_AWS_ENDPOINT");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .interceptor(trouble)
        .build();
    Client::from_conf(config)
}

/// Counts requests, and lets one of them go wrong.
#[derive(Debug)]
struct Trouble {
    requests: Arc<AtomicUsize>,
    at: usize,
    fate: Fate,
}

impl Intercept for Trouble {
    fn name(&self) -> &'static str {
        "trouble"
    }

    fn modify_before_transmit(
        &self,
        _: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let sent = match self.fate {
            Fate::Unsent => number < self.at,
            Fate::Unanswered => number <= self.at,
            Fate::Failed => number != self.at,
        };
        if sent { Ok(()) } else { Err("it is not sent".into()) }
    }

    fn read_before_deserialization(
        &self,
        _: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let dead = self.requests.load(Ordering::SeqCst) > self.at;
        match self.fate {
            Fate::Unanswered if dead => Err("nobody hears of it".into()),
            Fate::Unsent | Fate::Unanswered | Fate::Failed => Ok(()),
        }
    }
}
