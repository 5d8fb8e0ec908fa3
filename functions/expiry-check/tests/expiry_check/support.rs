//! A deployment of its own for each test: a table, a key of links, a sender, a queue for its events.

use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName;
use expiry_check::{ExpiryCheck, Settings, Tally};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{Account, Mailbox, Provider, Reminder, Subject, Undeliverable};
use postroom_registry::Registry;
use serde_json::{Value, json};
use std::str::FromStr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) struct Fixture {
    pub(crate) registry: Registry,
    pub(crate) check: ExpiryCheck,
    pub(crate) settings: Settings,
    pub(crate) aws: SdkConfig,
    name: String,
    queue: String,
}

/// A mail that SES took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mail {
    pub(crate) id: String,
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let aws = aws();
        let name: String = std::iter::repeat_with(fastrand::alphanumeric).take(16).collect();
        let name = format!("postroom-test-{}", name.to_lowercase());
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
        postroom_test_table::create(&dynamodb, &name).await;
        let secret: String = std::iter::repeat_with(fastrand::alphanumeric).take(64).collect();
        let secrets = aws_sdk_secretsmanager::Client::new(&aws);
        let secret = secrets.create_secret().name(format!("{name}/links")).secret_string(secret);
        secret.send().await.expect("a secret");
        let sender = format!("postroom@{name}.test");
        let ses = aws_sdk_sesv2::Client::new(&aws);
        ses.create_email_identity().email_identity(&sender).send().await.expect("a sender");
        let queue = listen(&aws, &name).await;
        let get = |variable: &str| {
            let value = match variable {
                "TABLE_NAME" | "SECRET_PREFIX" | "STACK_NAME" => &name,
                "PUBLIC_URL" => "https://post.example",
                "SENDER_ADDRESS" => &sender,
                "OPERATOR_ADDRESSES" => "ops@contoso.com",
                "FALLBACK_ADDRESS" => "it@contoso.com",
                "ALLOW_LOCAL_SERVERS" => "true",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let settings = Settings::from_env(get).expect("complete");
        // Its own clients say whose they are, so that what it asks for can be told from what tests do.
        let own = aws.to_builder().app_name(AppName::new("postroom-expiry-check").expect("a name")).build();
        let check = ExpiryCheck::new(settings.clone(), &own, postroom_lambda::now);
        let registry = Registry::new(dynamodb, &name);
        registry.put_provider(&provider("contoso"), at(EARLY)).await.expect("stored");
        Self { registry, check, settings, aws, name, queue }
    }

    /// A run at a moment.
    pub(crate) async fn run(&self, now: &str) -> Tally {
        let deadline = postroom_lambda::now() + SignedDuration::from_mins(10);
        self.check.check(at(now), deadline).await.expect("a run")
    }

    /// An account that was authorised once and is never renewed: it ends 90 days after.
    pub(crate) async fn authorised(&self, account: &Account, obtained_at: &str) {
        self.registry.put_account(account, at(EARLY)).await.expect("stored");
        for name in ["authorised_at", "obtained_at"] {
            let second = at(obtained_at).as_second().to_string();
            self.set(&format!("ACCOUNT#{}", account.id), "STATUS", name, AttributeValue::N(second)).await;
        }
        let subject = Subject::Account(account.id.clone());
        assert!(self.registry.remind_now(&subject, at(EARLY)).await.expect("brought forward"));
    }

    /// Sets an attribute of an item, as it might be by hand.
    pub(crate) async fn set(&self, pk: &str, sk: &str, name: &str, value: AttributeValue) {
        let client = aws_sdk_dynamodb::Client::new(&self.aws);
        let update = client
            .update_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(pk.into()))
            .key("sk", AttributeValue::S(sk.into()))
            .update_expression("SET #name = :value")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", value);
        update.send().await.expect("set");
    }

    /// When a subject is looked at next, if it is.
    pub(crate) async fn next_look(&self, subject: &str) -> Option<String> {
        let due = self.registry.due_subjects(at("2100-01-01T00:00:00Z"), 1000).await.expect("lists");
        let due = due.into_iter().find(|due| due.subject.to_string() == subject)?;
        Some(due.remind_at.to_string())
    }

    /// The addresses that take no mail.
    pub(crate) async fn undeliverables(&self) -> Vec<Undeliverable> {
        self.registry.undeliverables(None, 100).await.expect("lists").items
    }

    /// What is on record of a subject: stage, recipient, whether with an id.
    pub(crate) async fn told(&self, subject: &str) -> Vec<String> {
        let subject: Subject = id(subject);
        let told = self.registry.reminders_of(&subject, None).await.expect("lists");
        let shown = |reminder: &Reminder| format!("{} {}", reminder.stage, reminder.recipient);
        let mut told: Vec<_> = told.iter().map(shown).collect();
        told.sort();
        told
    }

    /// The mails of this deployment, by recipient.
    pub(crate) async fn mails(&self) -> Vec<Mail> {
        let all = get("/_ministack/ses/messages").await;
        let by_account = all["messages"].as_object().expect("accounts");
        let ours = by_account.values().filter_map(Value::as_array).flatten();
        let sender = self.settings.sender.as_deref().expect("a sender");
        let text = |mail: &Value, name: &str| mail[name].as_str().unwrap_or_default().to_owned();
        let mut mails: Vec<_> = ours
            .filter(|mail| text(mail, "Source").contains(sender))
            .map(|mail| Mail {
                id: text(mail, "MessageId"),
                to: mail["To"][0].as_str().expect("an address").to_owned(),
                subject: text(mail, "Subject"),
                text: text(mail, "BodyText"),
            })
            .collect();
        mails.sort_by(|one, other| one.to.cmp(&other.to));
        mails
    }

    /// The details of the events that were delivered since this was last asked, with their type.
    pub(crate) async fn events(&self) -> Vec<Value> {
        let sqs = aws_sdk_sqs::Client::new(&self.aws);
        let mut events = Vec::new();
        loop {
            let answer = sqs.receive_message().queue_url(&self.queue).max_number_of_messages(10);
            let messages = answer.send().await.expect("messages").messages.unwrap_or_default();
            if messages.is_empty() {
                return events;
            }
            for message in messages {
                let event: Value = serde_json::from_str(message.body().expect("a body")).expect("JSON");
                let mut detail = event["detail"].clone();
                detail["detail-type"] = event["detail-type"].clone();
                assert_eq!(mistakes(&event), [""; 0]);
                assert_eq!((&event["source"], &detail["stack"]), (&json!("postroom"), &json!(self.name)));
                events.push(detail);
                let receipt = message.receipt_handle().expect("a receipt");
                let gone = sqs.delete_message().queue_url(&self.queue).receipt_handle(receipt);
                gone.send().await.expect("deleted");
            }
        }
    }
}

/// How an event breaks its schema.
fn mistakes(event: &Value) -> Vec<String> {
    let schema = match event["detail-type"].as_str() {
        Some("Postroom Expiry") => include_str!("../../../../docs/events/expiry.schema.json"),
        Some("Postroom Incident") => include_str!("../../../../docs/events/incident.schema.json"),
        other => panic!("{other:?}"),
    };
    let schema = serde_json::from_str(schema).expect("JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    schema.iter_errors(&event["detail"]).map(|mistake| mistake.to_string()).collect()
}

/// Has a deployment's events delivered to a queue.
async fn listen(aws: &SdkConfig, name: &str) -> String {
    let sqs = aws_sdk_sqs::Client::new(aws);
    let queue = sqs.create_queue().queue_name(name).send().await.expect("a queue");
    let queue = queue.queue_url.expect("a URL");
    let arn = QueueAttributeName::QueueArn;
    let attributes = sqs.get_queue_attributes().queue_url(&queue).attribute_names(arn.clone());
    let attributes = attributes.send().await.expect("attributes").attributes.expect("attributes");
    let events = aws_sdk_eventbridge::Client::new(aws);
    let pattern = json!({ "source": ["postroom"], "detail": { "stack": [name] } });
    events.put_rule().name(name).event_pattern(pattern.to_string()).send().await.expect("a rule");
    let target = Target::builder().id("queue").arn(&attributes[&arn]).build().expect("a target");
    events.put_targets().rule(name).targets(target).send().await.expect("a target");
    queue
}

fn endpoint() -> String {
    std::env::var("POSTROOM_TEST_AWS_ENDPOINT")
        .expect("this test needs an AWS API: run `make test`, or set POSTROOM_TEST_AWS_ENDPOINT")
}

fn aws() -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint())
        .build()
}

/// A document of the emulator's own.
async fn get(path: &str) -> Value {
    let endpoint = endpoint();
    let host = endpoint.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host).await.expect("a server");
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    serde_json::from_str(body).expect("JSON")
}

/// Before everything that tests tell of.
pub(crate) const EARLY: &str = "2027-01-01T00:00:00Z";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

pub(crate) fn id<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("an id")
}

pub(crate) fn provider(name: &str) -> Provider {
    let provider = json!({
        "id": name, "preset": "microsoft", "endpoints": { "issuer": "https://sso.example" },
        "client_id": "c", "client_auth": "secret", "idle_days": 90,
    });
    serde_json::from_value(provider).expect("a provider")
}

pub(crate) fn account(name: &str, owners: &[&str]) -> Account {
    let account = json!({
        "id": name, "provider": "contoso", "grant": "authorization_code",
        "login": format!("{name}@contoso.com"), "owners": owners,
    });
    serde_json::from_value(account).expect("an account")
}

pub(crate) fn mailbox(name: &str, account: &str, owners: &[&str]) -> Mailbox {
    let mailbox = json!({
        "id": name, "protocol": "imap", "host": "mail.example", "port": 993, "tls": "implicit",
        "user": format!("{name}@contoso.com"), "auth": { "oauth": account }, "owners": owners,
    });
    serde_json::from_value(mailbox).expect("a mailbox")
}
