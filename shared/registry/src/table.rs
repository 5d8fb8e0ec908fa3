//! The table: its keys, and how one item is read, written and decoded.

use crate::{Error, Result, version};
use aws_sdk_dynamodb::{
    Client,
    operation::{delete_item::DeleteItemError, put_item::PutItemError},
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use jiff::Timestamp;
use postroom_model::{AccountId, BatchId, MailboxId, ProviderId, Subject, mail_address};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, fmt, sync::Arc};

/// The index of what is due, by due time.
pub(crate) const DUE_INDEX: &str = "due";
/// The index of what people ask for lists of, by kind and id.
pub(crate) const KIND_INDEX: &str = "kind";
/// The index of the accounts whose authorization ends, by when.
pub(crate) const ENDING_INDEX: &str = "ending";
/// The index of what somebody may have to be told of, by when it is to be looked at.
pub(crate) const REMIND_INDEX: &str = "remind";
/// The index of the mailboxes, by account and id.
pub(crate) const ACCOUNT_INDEX: &str = "account";

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The registry: one DynamoDB table. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Registry {
    pub(crate) client: Client,
    pub(crate) table: Arc<str>,
}

impl Registry {
    /// The registry in `table`, reached through `client`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into().into() }
    }

    /// Asks for an item that need not exist: whether the table answers at all.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn ping(&self) -> Result<()> {
        self.item(&Key { pk: "PING".into(), sk: "PING".into() }).await.map(drop)
    }

    /// One item, strongly consistent.
    pub(crate) async fn item(&self, key: &Key) -> Result<Option<Item>> {
        let request = self.client.get_item().table_name(&*self.table).consistent_read(true);
        let answer = request.set_key(Some(key.item())).send().await;
        Ok(answer.map_err(|e| Error::request(&self.table, "GetItem", e))?.item)
    }

    /// One item as what it stands for.
    pub(crate) async fn value<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>> {
        self.item(key).await?.map(|item| self.decode(item)).transpose()
    }

    /// Writes an item, in place of what was there, unless a later release has written into that.
    pub(crate) async fn put(&self, key: Key, mut item: Item) -> Result<()> {
        item.extend(key.item());
        item.insert(version::NAME.to_owned(), version::value());
        let request = self.client.put_item().table_name(&*self.table).set_item(Some(item));
        let request = request
            .condition_expression(version::IS_KNOWN)
            .expression_attribute_names("#v", version::NAME)
            .expression_attribute_values(":v", version::value())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = request.send().await else { return Ok(()) };
        if let Some(PutItemError::ConditionalCheckFailedException(refusal)) = error.as_service_error()
            && let Some(held) = &refusal.item
        {
            self.check_version(held)?;
        }
        Err(Error::request(&self.table, "PutItem", error))
    }

    /// Deletes an item and returns it: to one of many who ask.
    pub(crate) async fn take(&self, key: &Key) -> Result<Option<Item>> {
        self.remove(key, ReturnValue::AllOld).await
    }

    /// Deletes an item; nothing happens where there is none.
    pub(crate) async fn delete(&self, key: &Key) -> Result<()> {
        self.remove(key, ReturnValue::None).await.map(drop)
    }

    /// Deletes an item, unless a later release has written into it.
    async fn remove(&self, key: &Key, returned: ReturnValue) -> Result<Option<Item>> {
        let request = self.client.delete_item().table_name(&*self.table).set_key(Some(key.item()));
        let request = request
            .condition_expression(version::IS_KNOWN)
            .expression_attribute_names("#v", version::NAME)
            .expression_attribute_values(":v", version::value())
            .return_values(returned)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(answer) => Ok(answer.attributes.filter(|item| !item.is_empty())),
            Err(error) => {
                if let Some(DeleteItemError::ConditionalCheckFailedException(refusal)) =
                    error.as_service_error()
                    && let Some(held) = &refusal.item
                {
                    self.check_version(held)?;
                }
                Err(Error::request(&self.table, "DeleteItem", error))
            }
        }
    }

    /// What an item stands for, unless a later release wrote it.
    pub(crate) fn decode<T: DeserializeOwned>(&self, item: Item) -> Result<T> {
        self.check_version(&item)?;
        let key = Key::of(&item);
        serde_dynamo::aws_sdk_dynamodb_1::from_item(item).map_err(|source| Error::Unreadable {
            table: self.table.to_string(),
            key,
            source,
        })
    }

    /// What an item stands for; `None`, and a line in the log, where it cannot be read.
    pub(crate) fn readable<T: DeserializeOwned>(&self, item: Item) -> Option<T> {
        let decoded = self.decode(item);
        decoded.inspect_err(|error| tracing::error!(%error, "an item is left out of a list")).ok()
    }
}

/// What an item is, as the `kind` index has it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Provider,
    Account,
    Mailbox,
    /// The status of an account that waits for a person to authorise it.
    Unauthorised,
    Incident,
    Owner,
    Undeliverable,
    Reminder,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Account => "account",
            Self::Mailbox => "mailbox",
            Self::Unauthorised => "unauthorised",
            Self::Incident => "incident",
            Self::Owner => "owner",
            Self::Undeliverable => "undeliverable",
            Self::Reminder => "reminder",
        }
    }
}

/// An item's primary key. Some hold people's addresses, which errors and log lines must not: `Display` is
/// for those.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

pub(crate) const ACCOUNT_PREFIX: &str = "ACCOUNT#";
/// The sort key of an account's status.
pub(crate) const STATUS: &str = "STATUS";
const BATCH_PREFIX: &str = "BATCH#";
const OWNER: &str = "OWNER";
const REMINDER: &str = "REMINDER";
/// The longest part of a text that people wrote that goes into a key: DynamoDB allows 1,024 bytes in a
/// sort key.
const TEXT_IN_KEY: usize = 900;

impl Key {
    pub(crate) fn provider(id: &ProviderId) -> Self {
        Self { pk: format!("PROVIDER#{id}"), sk: "PROVIDER".into() }
    }

    pub(crate) fn incident(id: &ProviderId) -> Self {
        // A partition of its own, because rights are given by partition: who notes an incident must not
        // be able to change the provider.
        Self { pk: format!("INCIDENT#{id}"), sk: "INCIDENT".into() }
    }

    pub(crate) fn account(id: &AccountId) -> Self {
        Self { pk: format!("{ACCOUNT_PREFIX}{id}"), sk: "ACCOUNT".into() }
    }

    pub(crate) fn account_status(id: &AccountId) -> Self {
        Self { pk: format!("{ACCOUNT_PREFIX}{id}"), sk: STATUS.into() }
    }

    pub(crate) fn mailbox(id: &MailboxId) -> Self {
        Self { pk: format!("MAILBOX#{id}"), sk: "CONFIG".into() }
    }

    pub(crate) fn mailbox_state(id: &MailboxId) -> Self {
        Self { pk: format!("MAILBOX#{id}"), sk: "STATE".into() }
    }

    /// One part of one generation of the set of ids that are known of a mailbox's maildrop. It has a
    /// partition of its own, because rights are given by partition: who deletes ids that nobody needs any
    /// more must not be able to delete a mailbox.
    pub(crate) fn known(id: &MailboxId, generation: u32, part: u32) -> Self {
        Self { pk: format!("KNOWN#{id}"), sk: format!("{}{part:010}", Self::known_prefix(generation)) }
    }

    /// What the sort keys of one generation begin with.
    pub(crate) fn known_prefix(generation: u32) -> String {
        format!("{generation:010}#")
    }

    /// The generation of [`Key::known`].
    pub(crate) fn known_generation(&self) -> Option<u32> {
        self.sk.split_once('#')?.0.parse().ok()
    }

    pub(crate) fn batch(id: &BatchId) -> Self {
        Self { pk: format!("{BATCH_PREFIX}{id}"), sk: "BATCH".into() }
    }

    /// The batch that a partition key names.
    pub(crate) fn batch_id(pk: &str) -> Option<BatchId> {
        pk.strip_prefix(BATCH_PREFIX)?.parse().ok()
    }

    /// The account that a partition key names.
    pub(crate) fn account_id(pk: &str) -> Option<AccountId> {
        pk.strip_prefix(ACCOUNT_PREFIX)?.parse().ok()
    }

    pub(crate) fn ephemeral(kind: &str, key: &str) -> Self {
        Self { pk: format!("EPHEMERAL#{kind}#{key}"), sk: "EPHEMERAL".into() }
    }

    /// An owner's definition; `address` as [`address_in_key`] makes it.
    pub(crate) fn owner(address: &str) -> Self {
        Self { pk: format!("{OWNER}#{address}"), sk: "OWNER".into() }
    }

    /// Whether an address takes mail; `address` as [`address_in_key`] makes it.
    pub(crate) fn delivery(address: &str) -> Self {
        Self { pk: format!("{OWNER}#{address}"), sk: "DELIVERY".into() }
    }

    /// One thing that was told of a subject; `sk` says which.
    pub(crate) fn reminder(subject: &Subject, sk: String) -> Self {
        Self { pk: format!("{REMINDER}#{}", cut_for_key(&subject.to_string())), sk }
    }

    /// The item that carries a subject's moment to look at it; `None`: nothing does.
    pub(crate) fn subject(subject: &Subject) -> Option<Self> {
        Some(match subject {
            Subject::Account(id) => Self::account_status(id),
            Subject::Provider(id) => Self::provider(id),
            Subject::Password(id) => Self::mailbox(id),
            Subject::Mailbox(id) => Self::mailbox_state(id),
            Subject::Incident(id) => Self::incident(id),
            Subject::Address(address) => Self::delivery(&address_in_key(address)),
            Subject::Schedule => return None,
        })
    }

    /// A part of the key's digest, which tells strangers nothing.
    pub(crate) fn digest(&self) -> String {
        let digest: [u8; 32] = Sha256::digest(format!("{}/{}", self.pk, self.sk)).into();
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn item(&self) -> Item {
        HashMap::from([("pk".to_owned(), text(&self.pk)), ("sk".to_owned(), text(&self.sk))])
    }

    /// The key of an item.
    pub(crate) fn from_item(item: &Item) -> Option<Self> {
        let part = |name| item.get(name)?.as_s().ok().cloned();
        Some(Self { pk: part("pk")?, sk: part("sk")? })
    }

    /// An item's key, as errors show it.
    pub(crate) fn of(item: &Item) -> String {
        Self::from_item(item).map_or_else(|| "without a key".to_owned(), |key| key.to_string())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pk.split_once('#') {
            Some((kind @ (OWNER | REMINDER), _)) => write!(f, "{kind}#{}", self.digest()),
            _ => write!(f, "{}/{}", self.pk, self.sk),
        }
    }
}

/// An address as keys have it: one for all that [`mail_address`] holds for the same, and whatever somebody
/// wrote fits, even if that is nothing or very long.
pub(crate) fn address_in_key(address: &str) -> String {
    let address = mail_address(address).unwrap_or_else(|| address.trim().to_lowercase());
    if address.is_empty() { "-".into() } else { cut_for_key(&address).to_owned() }
}

/// As much of a text that people wrote as fits into a key.
pub(crate) fn cut_for_key(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_IN_KEY)]
}

pub(crate) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(crate) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(crate) fn seconds(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_second().to_string())
}

/// A moment that an item has as seconds since 1970.
pub(crate) fn moment(item: &Item, name: &str) -> Option<Timestamp> {
    let second = item.get(name)?.as_n().ok()?.parse().ok()?;
    Timestamp::from_second(second).ok()
}

/// A value as an attribute of the item at `key`.
pub(crate) fn attribute<T: Serialize>(key: &Key, value: &T) -> Result<AttributeValue> {
    serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value(value)
        .map_err(|source| Error::Unstorable { key: key.to_string(), source })
}

/// A value's fields as attributes of the item at `key`.
pub(crate) fn attributes<T: Serialize>(key: &Key, value: &T) -> Result<Item> {
    serde_dynamo::aws_sdk_dynamodb_1::to_item(value)
        .map_err(|source| Error::Unstorable { key: key.to_string(), source })
}
