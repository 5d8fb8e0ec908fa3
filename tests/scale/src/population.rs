//! What the made-up deployment holds: the same at every run, for its size.
//!
//! | of a hundred mailboxes | |
//! |---|---|
//! | 20 | sign in with a password |
//! | 60 | sign in by an account that opens four |
//! | 20 | sign in by an account that opens a thousand |
//!
//! A batch has fifty mailboxes and an interval of five minutes. There is an account to five mailboxes, all
//! of them authorised and five to an owner, and to five hundred mailboxes another one that waits for a
//! person.

use crate::deployment::{Item, text};
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, PutRequest, WriteRequest},
};
use futures::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{
    Account, Batch, BatchId, Expiry, FolderCursor, Governs, Lease, MAX_MAILBOXES, Mailbox, MailboxId,
};
use postroom_registry::{Counted, LeasedAccount, Registry, TokenRecord};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Items in one `BatchWriteItem`: the most that DynamoDB takes.
const ITEMS: usize = 25;
/// Requests that are under way at once.
const AT_ONCE: usize = 4;
/// How long before its life is over an access token was had.
pub(crate) const TOKEN_LEFT: SignedDuration = SignedDuration::from_mins(10);
/// Since when tokens are there.
pub(crate) const OBTAINED: SignedDuration = SignedDuration::from_mins(50);
/// Days between a consent and the end of what it gave.
pub(crate) const AUTHORIZATION_DAYS: i64 = 90;

/// How many there are of everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size(pub(crate) usize);

impl Size {
    pub(crate) fn batches(self) -> usize {
        self.0 / MAX_MAILBOXES
    }

    pub(crate) fn accounts(self) -> usize {
        self.0 / 5
    }

    fn waiting(self) -> usize {
        self.0 / 500
    }
}

pub(crate) fn account_id(n: usize) -> String {
    format!("account-{n:05}")
}

fn mailbox_id(n: usize) -> String {
    format!("mailbox-{n:06}")
}

pub(crate) fn batch_id(n: usize) -> String {
    format!("5m-{n:04}")
}

/// The account that opens a mailbox; `None`: a password does.
fn account_of(mailbox: usize) -> Option<usize> {
    let (five, place) = (mailbox / 5, mailbox % 5);
    // Of a thousand accounts one opens what the last quarter would.
    let account = if five % 1000 >= 750 { five / 1000 * 1000 + 750 } else { five };
    (place < 4).then_some(account)
}

fn owner_of(account: usize) -> String {
    format!("owner-{:04}@scale.test", account / 5)
}

/// One item of each kind, as the registry writes them.
struct Models {
    account: Item,
    status: Item,
    waiting: Item,
    mailbox: Item,
    basic: Item,
    state: Item,
    batch: Item,
}

/// Fills an empty table.
pub(crate) async fn fill(client: &Client, table: &str, registry: &Registry, size: Size, now: Timestamp) {
    let models = &Models::make(client, table, registry, now).await;
    let accounts = (0..size.accounts()).flat_map(|n| models.account(n, now));
    let waiting = (0..size.waiting()).flat_map(|n| models.waiting(n));
    let mailboxes = (0..size.0).flat_map(|n| models.mailbox(n));
    let batches = (0..size.batches()).map(|n| models.batch(n, now));
    let mut items = accounts.chain(waiting).chain(mailboxes).chain(batches).map(put).peekable();
    let chunks = std::iter::from_fn(|| items.peek().is_some().then(|| items.by_ref().take(ITEMS).collect()));
    let writes = stream::iter(chunks).for_each_concurrent(AT_ONCE, |chunk: Vec<WriteRequest>| async move {
        let written = client.batch_write_item().request_items(table, chunk).send().await.expect("written");
        assert!(written.unprocessed_items.unwrap_or_default().is_empty());
    });
    writes.await;
}

impl Models {
    /// Has the registry write one of each, takes them, and leaves nothing of them.
    async fn make(client: &Client, table: &str, registry: &Registry, now: Timestamp) -> Self {
        for id in ["model", "waiting"] {
            let account: Account = read(json!({
                "id": id, "provider": "contoso", "grant": "authorization_code", "login": "model@scale.test",
                "owners": ["model@scale.test"],
            }));
            registry.put_account(&account, now).await.expect("stored");
        }
        authorise(registry, now).await;
        for (id, auth) in [("model", json!({"oauth": "model"})), ("basic", json!("basic"))] {
            let mailbox: Mailbox = read(json!({
                "id": id, "protocol": "imap", "host": "outlook.office365.com", "port": 993, "tls": "implicit",
                "user": "model@scale.test", "auth": auth, "owners": ["model@scale.test"], "interval": "5m",
            }));
            registry.put_mailbox(&mailbox, now).await.expect("stored");
        }
        let mailboxes: Vec<MailboxId> = ["model", "basic"].map(|id| id.parse().expect("an id")).into();
        let cursor = FolderCursor::start(1_700_000_000, 1).advance(12_345);
        let counted = Counted { messages: 12_345, bytes: 987_654_321, left_out: None };
        registry.advance(&mailboxes[0], "INBOX", None, cursor, &counted).await.expect("stored");
        registry.record_success(&mailboxes[0], now, 0, None).await.expect("stored");
        let id: BatchId = "model".parse().expect("an id");
        let interval = "5m".parse().expect("an interval");
        let batch = Batch { id, interval, mailboxes, due_at: None, lease: None, completed_at: Some(now) };
        registry.put_batch(&batch, now, 0.0).await.expect("stored");
        let take = async |pk: &str, sk: &str| {
            let key = HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))]);
            let taken = client.delete_item().table_name(table).set_key(Some(key));
            let taken = taken.return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld).send().await;
            taken.expect("taken").attributes.expect("an item")
        };
        take("ACCOUNT#waiting", "ACCOUNT").await;
        Self {
            account: take("ACCOUNT#model", "ACCOUNT").await,
            status: take("ACCOUNT#model", "STATUS").await,
            waiting: take("ACCOUNT#waiting", "STATUS").await,
            mailbox: take("MAILBOX#model", "CONFIG").await,
            basic: take("MAILBOX#basic", "CONFIG").await,
            state: take("MAILBOX#model", "STATE").await,
            batch: take("BATCH#model", "BATCH").await,
        }
    }

    /// An account that is authorised and neither due nor to be looked at; ends are spread over a year.
    fn account(&self, n: usize, now: Timestamp) -> [Item; 2] {
        let id = account_id(n);
        let account = self.account_named(&id, owner_of(n));
        let days = i64::try_from(n % 365).expect("small");
        let status = with(
            &self.status,
            [
                ("pk", text(&format!("ACCOUNT#{id}"))),
                ("due_at", after(now, 1)),
                ("ends_at", after(now, days + 1)),
                ("remind_at", after(now, 200)),
            ],
        );
        [account, status]
    }

    fn waiting(&self, n: usize) -> [Item; 2] {
        let id = format!("waiting-{n:05}");
        let status = [("pk", text(&format!("ACCOUNT#{id}"))), ("id", text(&id))];
        [self.account_named(&id, owner_of(n)), with(&self.waiting, status)]
    }

    fn account_named(&self, id: &str, owner: String) -> Item {
        let login = text(&format!("{id}@scale.test"));
        let named = [("pk", text(&format!("ACCOUNT#{id}"))), ("id", text(id)), ("login", login)];
        with(&with(&self.account, named), [("owners", AttributeValue::L(vec![text(&owner)]))])
    }

    fn mailbox(&self, n: usize) -> [Item; 2] {
        let id = mailbox_id(n);
        let account = account_of(n);
        let owner = owner_of(account.unwrap_or(n / 5));
        let pk = text(&format!("MAILBOX#{id}"));
        let named = [
            ("pk", pk.clone()),
            ("id", text(&id)),
            ("user", text(&format!("{id}@scale.test"))),
            ("owners", AttributeValue::L(vec![text(&owner)])),
            ("batch", text(&batch_id(n / MAX_MAILBOXES))),
        ];
        let config = match account.map(account_id) {
            None => with(&self.basic, named),
            Some(account) => {
                let auth = AttributeValue::M([("oauth".to_owned(), text(&account))].into());
                with(&with(&self.mailbox, named), [("account", text(&account)), ("auth", auth)])
            }
        };
        [config, with(&self.state, [("pk", pk)])]
    }

    fn batch(&self, n: usize, now: Timestamp) -> Item {
        let id = batch_id(n);
        let mailboxes = (0..MAX_MAILBOXES).map(|place| text(&mailbox_id(n * MAX_MAILBOXES + place)));
        with(
            &self.batch,
            [
                ("pk", text(&format!("BATCH#{id}"))),
                ("id", text(&id)),
                ("mailboxes", AttributeValue::L(mailboxes.collect())),
                ("due_at", after(now, 1)),
            ],
        )
    }
}

/// Gives the model account a token set.
async fn authorise(registry: &Registry, now: Timestamp) {
    let id = "model".parse().expect("an id");
    let lease = Lease { owner: "scale".into(), until: now + SignedDuration::from_secs(60) };
    let LeasedAccount::Held(status) = registry.lease_account(&id, &lease, now).await.expect("an answer")
    else {
        panic!("nobody else has the lease")
    };
    let end = now + SignedDuration::from_hours(24 * AUTHORIZATION_DAYS);
    let record = TokenRecord {
        obtained_at: now - OBTAINED,
        access_expires_at: Some(now + TOKEN_LEFT),
        refresh_expires_at: None,
        refresh_expires_since: None,
        unrefreshable: false,
        ends: Some(Expiry { at: end, governs: Governs::ProviderLimit, since: now }),
        missing_scopes: Vec::new(),
        due_at: Some(now),
        remind_at: Some(end),
        consent: Some((now, Some("model@scale.test".into()))),
    };
    assert!(registry.record_tokens(&id, status.fence, &record).await.expect("an answer"));
}

fn read<T: serde::de::DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).expect("what it says")
}

fn with<const N: usize>(model: &Item, changes: [(&str, AttributeValue); N]) -> Item {
    let changes = changes.into_iter().map(|(name, value)| (name.to_owned(), value));
    model.clone().into_iter().chain(changes).collect()
}

fn after(now: Timestamp, days: i64) -> AttributeValue {
    AttributeValue::N((now + SignedDuration::from_hours(24 * days)).as_second().to_string())
}

fn put(item: Item) -> WriteRequest {
    let put = PutRequest::builder().set_item(Some(item)).build().expect("an item");
    WriteRequest::builder().put_request(put).build()
}
