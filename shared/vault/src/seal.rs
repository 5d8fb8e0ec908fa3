//! Token sets that must lie outside the vault for a while, sealed.
//!
//! Guarantees: a sealed text opens only for the account that it was sealed for, and only for who may
//! use the KMS key. It is encrypted with AES-256-GCM under a data key of its own; KMS wraps that key
//! with the account as encryption context
//! (<https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html>). Once a key is
//! prepared, sealing needs nobody: what was just issued cannot be lost to a service that is away.
//!
//! A sealed text is base64 of: the version 1 (a byte), the length of the wrapped key (two bytes, the
//! more significant first), the wrapped key, a nonce (12 bytes), and the ciphertext with its tag. The
//! tag covers the account and everything before the nonce, too. A later version keeps that order, so that
//! it is told from a text that is damaged: the one waits for its release, the other must stop nothing.

use crate::{
    Error, Result,
    secret::{json, parse},
    token_set::Stored,
};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    error::Unspecified,
};
use aws_sdk_kms::{Client, error::ProvideErrorMetadata, primitives::Blob, types::DataKeySpec};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use postroom_model::{AccountId, TokenSet};
use secrecy::{ExposeSecret, SecretString};
use std::{fmt, sync::Arc};

const VERSION: u8 = 1;
/// The greatest version that a later release is believed to have: beyond it a text is damaged.
const LATEST: u8 = 16;
/// The name under which the encryption context has the account.
const ACCOUNT: &str = "account";

/// Seals and opens with one KMS key. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sealer {
    client: Client,
    key_id: Arc<str>,
}

/// A key for one account's token sets. `Debug` is safe to print.
pub struct SealingKey {
    account: AccountId,
    wrapped: Vec<u8>,
    key: RandomizedNonceKey,
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey").field("account", &self.account).finish_non_exhaustive()
    }
}

impl Sealer {
    /// Seals with the KMS key that has this id, ARN or alias.
    pub fn new(client: Client, key_id: impl Into<String>) -> Self {
        Self { client, key_id: key_id.into().into() }
    }

    /// A key to seal an account's token sets with: have it before asking for tokens.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn prepare(&self, account: &AccountId) -> Result<SealingKey> {
        const ACTION: &str = "GenerateDataKey";
        let request = self.client.generate_data_key().key_id(&*self.key_id).key_spec(DataKeySpec::Aes256);
        let answer = request.encryption_context(ACCOUNT, account.as_str()).send().await;
        let answer = answer.map_err(|e| Error::of_key(&self.key_id, ACTION, e))?;
        let (Some(plain), Some(wrapped)) = (answer.plaintext, answer.ciphertext_blob) else {
            return Err(Error::incomplete_key(&self.key_id, ACTION));
        };
        let key = RandomizedNonceKey::new(&AES_256_GCM, plain.as_ref())
            .map_err(|Unspecified| Error::incomplete_key(&self.key_id, ACTION))?;
        Ok(SealingKey { account: account.clone(), wrapped: wrapped.into_inner(), key })
    }

    /// Opens what was sealed for an account.
    ///
    /// # Errors
    /// [`Error::Unsealable`], when it was sealed for another account or is no sealed text at all;
    /// [`Error::TooNew`]; [`Error::Request`].
    pub async fn open(&self, account: &AccountId, sealed: &str) -> Result<TokenSet> {
        let unsealable = || Error::Unsealable { account: account.clone() };
        let bytes = BASE64_STANDARD.decode(sealed).map_err(|_| unsealable())?;
        let parts = Parts::of(&bytes).ok_or_else(unsealable)?;
        if parts.version > VERSION {
            let (found, known) = (parts.version.to_string(), VERSION.into());
            return Err(Error::TooNew { name: sealed_for(account), found, known });
        }
        let request = self.client.decrypt().key_id(&*self.key_id);
        let request = request.ciphertext_blob(Blob::new(parts.wrapped));
        let answer = match request.encryption_context(ACCOUNT, account.as_str()).send().await {
            Ok(answer) => answer,
            Err(error) if does_not_open(error.code()) => return Err(unsealable()),
            Err(error) => return Err(Error::of_key(&self.key_id, "Decrypt", error)),
        };
        let plain = answer.plaintext.ok_or_else(|| Error::incomplete_key(&self.key_id, "Decrypt"))?;
        let key =
            RandomizedNonceKey::new(&AES_256_GCM, plain.as_ref()).map_err(|Unspecified| unsealable())?;
        let mut text = parts.ciphertext.to_vec();
        let length = key
            .open_in_place(parts.nonce, Aad::from(covered(parts.head, account)), &mut text)
            .map_err(|Unspecified| unsealable())?
            .len();
        text.truncate(length);
        let text = SecretString::from(String::from_utf8(text).map_err(|_| unsealable())?);
        let stored: Stored = parse(&sealed_for(account), &text)?;
        Ok(stored.into())
    }
}

impl SealingKey {
    /// Seals a token set of the key's account. Times are kept in whole seconds.
    pub fn seal(&self, tokens: &TokenSet) -> String {
        let length = u16::try_from(self.wrapped.len())
            .unwrap_or_else(|_| unreachable!("KMS returns wrapped keys of at most 6,144 bytes"));
        let mut bytes = vec![VERSION];
        bytes.extend(length.to_be_bytes());
        bytes.extend(&self.wrapped);
        let mut text = json(&Stored::from(tokens)).expose_secret().as_bytes().to_vec();
        let covered = Aad::from(covered(&bytes, &self.account));
        let nonce = self
            .key
            .seal_in_place_append_tag(covered, &mut text)
            .unwrap_or_else(|Unspecified| unreachable!("AES-GCM seals whatever is shorter than 64 GiB"));
        bytes.extend(nonce.as_ref());
        bytes.extend(text);
        BASE64_STANDARD.encode(bytes)
    }
}

/// What errors call a sealed text.
fn sealed_for(account: &AccountId) -> String {
    format!("sealed for account {account}")
}

/// What the tag covers besides the ciphertext.
fn covered(head: &[u8], account: &AccountId) -> Vec<u8> {
    [head, account.as_str().as_bytes()].concat()
}

/// A sealed text of this or a later version, taken apart.
struct Parts<'a> {
    version: u8,
    /// Everything before the nonce.
    head: &'a [u8],
    wrapped: &'a [u8],
    nonce: Nonce,
    ciphertext: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let ([version @ VERSION..=LATEST, high, low], rest) = bytes.split_first_chunk()? else { return None };
        let (wrapped, rest) = rest.split_at_checked(u16::from_be_bytes([*high, *low]).into())?;
        let head = &bytes[..bytes.len() - rest.len()];
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>()?;
        Some(Self {
            version: *version,
            head,
            wrapped,
            nonce: Nonce::assume_unique_for_key(*nonce),
            ciphertext,
        })
    }
}

/// What KMS says of a wrapped key that it does not open: another encryption context, another key, or
/// damage (<https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html>).
fn does_not_open(code: Option<&str>) -> bool {
    matches!(code, Some("InvalidCiphertextException" | "IncorrectKeyException"))
}
