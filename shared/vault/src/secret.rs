//! One secret: how it is read, written only when it changed, deleted and had back.

use crate::{Error, Result};
use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};
use postroom_model::{Fault, FaultClass, Refusal};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned};
use std::{fmt, sync::Arc};

/// The version of values that this release writes, and the latest that it reads. Whatever a later one looks like,
/// it must be a JSON object whose `v` is a greater number: anything else gives way to what is put in its place.
const VERSION: u64 = 1;
/// The largest value that Secrets Manager takes, in bytes.
const MAX_BYTES: usize = 65_536;
/// Days for which a deleted secret can be had back.
const RECOVERY_DAYS: i64 = 30;

/// The vault: the secrets under one prefix. Cheap to clone; `Debug` is safe to print.
#[derive(Clone)]
pub struct Vault {
    pub(crate) client: Client,
    prefix: Arc<str>,
}

/// What a put came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There was no such secret, or it had been deleted.
    Created,
    /// It had another value.
    Replaced,
    /// It has this value already; nothing was written.
    Unchanged,
}

/// Names one version of one secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub(crate) String);

impl Version {
    /// The version with this id.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Its id: letters, digits and hyphens.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A secret as it stands.
pub(crate) enum Current {
    Value(SecretString, Version),
    Deleted,
    /// There is no such secret, or it has no value yet.
    Absent,
}

/// A kind of value: what it looks like is all that an error may say about it.
pub(crate) trait Value: DeserializeOwned {
    const EXPECTED: &'static str;
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Vault {
    /// The secrets whose names begin with `prefix` and a slash, reached through `client`.
    pub fn new(client: Client, prefix: impl Into<String>) -> Self {
        Self { client, prefix: prefix.into().into() }
    }

    pub(crate) fn name(&self, kind: &str, id: impl fmt::Display) -> String {
        self.secret(&format!("{kind}/{id}"))
    }

    /// The full name of a secret.
    pub(crate) fn secret(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    pub(crate) async fn get<T: Value>(&self, name: &str) -> Result<Option<T>> {
        match self.current(name).await? {
            Current::Value(text, _) => parse(name, &text).map(Some),
            Current::Deleted | Current::Absent => Ok(None),
        }
    }

    /// Writes a value, unless it is there already. What cannot be read gives way to it; what a later release
    /// wrote does not.
    pub(crate) async fn put<T: Serialize>(&self, name: &str, value: &T) -> Result<Change> {
        let text = text(name, value)?;
        match self.current(name).await? {
            Current::Value(current, _) if current.expose_secret() == text.expose_secret() => {
                Ok(Change::Unchanged)
            }
            Current::Value(current, _) => {
                not_later(name, &current)?;
                self.write(name, &text).await.map(|()| Change::Replaced)
            }
            Current::Absent => self.create(name, &text).await,
            Current::Deleted => {
                self.restore(name).await?;
                self.write(name, &text).await.map(|()| Change::Created)
            }
        }
    }

    /// Deletes a secret; it can be had back for thirty days. `false`: there was none.
    pub(crate) async fn delete(&self, name: &str) -> Result<bool> {
        let request = self.client.delete_secret().secret_id(name).recovery_window_in_days(RECOVERY_DAYS);
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_absent(&error) || is_deleted(&error) => Ok(false),
            Err(error) => Err(Error::request(name, "DeleteSecret", error)),
        }
    }

    pub(crate) async fn current(&self, name: &str) -> Result<Current> {
        match self.client.get_secret_value().secret_id(name).send().await {
            Ok(answer) => {
                // A secret that has bytes instead of text is nothing that we wrote.
                let text = answer.secret_string.unwrap_or_default().into();
                Ok(Current::Value(text, Version(answer.version_id.unwrap_or_default())))
            }
            Err(error) if is_absent(&error) => Ok(Current::Absent),
            Err(error) if is_deleted(&error) => Ok(Current::Deleted),
            Err(error) => Err(Error::request(name, "GetSecretValue", error)),
        }
    }

    /// Has a deleted secret back, as it was.
    pub(crate) async fn restore(&self, name: &str) -> Result<()> {
        let request = self.client.restore_secret().secret_id(name);
        request.send().await.map(drop).map_err(|e| Error::request(name, "RestoreSecret", e))
    }

    async fn create(&self, name: &str, text: &SecretString) -> Result<Change> {
        match self.client.create_secret().name(name).secret_string(text.expose_secret()).send().await {
            Ok(_) => Ok(Change::Created),
            // It has no value yet, or somebody else created it just now.
            Err(error) if error.code() == Some("ResourceExistsException") => {
                self.write(name, text).await.map(|()| Change::Replaced)
            }
            Err(error) => Err(Error::request(name, "CreateSecret", error)),
        }
    }

    /// The SDK gives each call a random `ClientRequestToken` and repeats it when it retries, so that
    /// a put whose answer was lost does not make a second version.
    async fn write(&self, name: &str, text: &SecretString) -> Result<()> {
        let request = self.client.put_secret_value().secret_id(name).secret_string(text.expose_secret());
        request.send().await.map(drop).map_err(|e| Error::request(name, "PutSecretValue", e))
    }
}

pub(crate) fn is_absent<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.code() == Some(ABSENT)
}

pub(crate) fn is_deleted<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    says_deleted(error.code(), error.message())
}

pub(crate) const ABSENT: &str = "ResourceNotFoundException";

/// Secrets Manager has no code of its own for a secret that is scheduled for deletion.
pub(crate) fn says_deleted(code: Option<&str>, message: Option<&str>) -> bool {
    code == Some("InvalidRequestException") && message.is_some_and(|m| m.contains("delet"))
}

/// The fault of whatever lacks its secret.
pub(crate) fn absent(name: &str, what: &str) -> Fault {
    let reason = format!("there is no secret {name}, which holds {what}: apply the manifest again");
    let refusal = Refusal::missing("secretsmanager:GetSecretValue", &format!("secret {name}"));
    Fault::new(FaultClass::Configuration, reason).because(Some(refusal))
}

/// A value with its version, as it is stored.
#[derive(Serialize)]
struct Versioned<'a, T> {
    v: u64,
    #[serde(flatten)]
    value: &'a T,
}

/// A value with its version, as JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> SecretString {
    let text = serde_json::to_string(&Versioned { v: VERSION, value });
    let text = text.unwrap_or_else(|_| {
        unreachable!("the values of this crate are strings and numbers under string keys")
    });
    SecretString::from(text)
}

/// A value as Secrets Manager takes it.
pub(crate) fn text<T: Serialize>(name: &str, value: &T) -> Result<SecretString> {
    let text = json(value);
    match text.expose_secret().len() {
        ..=MAX_BYTES => Ok(text),
        bytes => Err(Error::TooLarge { name: name.to_owned(), bytes, most: MAX_BYTES }),
    }
}

/// Reads a value. What JSON's parser says is dropped: it quotes what it read.
pub(crate) fn parse<T: Value>(name: &str, text: &SecretString) -> Result<T> {
    not_later(name, text)?;
    let object = Some(text.expose_secret()).filter(|text| is_object(text));
    let value = object.and_then(|text| serde_json::from_str(text).ok());
    value.ok_or_else(|| Error::Unreadable { name: name.to_owned(), expected: T::EXPECTED })
}

/// Whether JSON is an object: an array reads as a structure, too.
fn is_object(json: &str) -> bool {
    json.trim_start().starts_with('{')
}

/// What every version of a value has; the first may lack it.
#[derive(Deserialize)]
struct Head {
    v: serde_json::Value,
}

/// Makes sure that no later release wrote a value. One whose `v` says nothing that this release knows counts as
/// a later one's.
pub(crate) fn not_later(name: &str, text: &SecretString) -> Result<()> {
    let Ok(Head { v }) = serde_json::from_str(text.expose_secret()) else { return Ok(()) };
    if !is_object(text.expose_secret()) || v.as_u64().is_some_and(|v| v <= VERSION) {
        return Ok(());
    }
    // Only a number is no part of a secret.
    let found = if v.is_number() { v.to_string() } else { "unknown".to_owned() };
    Err(Error::TooNew { name: name.to_owned(), found, known: VERSION })
}

/// Exposes a secret to the wire: the serialised text is a secret itself.
pub(crate) fn exposed<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}
