//! Replacing a token set by compare-and-swap.
//!
//! Guarantees: a token set becomes the current one only in the place of the one that its writer has
//! seen. Where somebody else put another one there meanwhile (a person's edit, another refresh), that
//! one stays, and the writer's lies beside it under `AWSPENDING`: neither is lost. Doing it again
//! after a lost answer does it once.

use crate::{
    Error, Result, Vault, Version,
    secret::{Current, is_absent, is_deleted, parse, text},
    token_set::Stored,
};
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use postroom_model::{AccountId, TokenSet};
use secrecy::{ExposeSecret, SecretString};

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";
/// How often a secret is looked at that is created or deleted by somebody else meanwhile.
const LOOKS: usize = 3;

/// What became of a token set that was to take another's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// It is the current one.
    Done,
    /// The current one is not the one that was seen.
    ChangedUnderneath,
}

impl Vault {
    /// Makes a token set the current one in the place of the version `seen`, which stays as
    /// `AWSPREVIOUS`; `None`: in the place of none. What was deleted, or cannot be read, counts as
    /// none.
    ///
    /// `request_token` names this replacement: 32 to 64 letters, digits and hyphens, the same for
    /// every attempt with the same token set.
    ///
    /// # Errors
    /// [`Error`]; the call may then be repeated.
    pub async fn replace_token_set(
        &self,
        id: &AccountId,
        seen: Option<&Version>,
        tokens: &TokenSet,
        request_token: &str,
    ) -> Result<Replaced> {
        let name = self.account(id);
        let text = text(&name, &Stored::from(tokens))?;
        let new = Replacement { name: &name, text: &text, token: request_token };
        for _ in 0..LOOKS {
            match (self.current(&name).await?, seen) {
                (Current::Value(current, _), _) if current.expose_secret() == text.expose_secret() => {
                    return Ok(Replaced::Done);
                }
                (Current::Value(..), Some(seen)) => return self.swap(&new, Some(seen)).await,
                (Current::Value(current, version), None) => {
                    return match parse::<Stored>(&name, &current) {
                        Err(Error::Unreadable { .. }) => self.swap(&new, Some(&version)).await,
                        Ok(_) | Err(_) => Ok(Replaced::ChangedUnderneath),
                    };
                }
                (Current::Deleted | Current::Absent, Some(_)) => return Ok(Replaced::ChangedUnderneath),
                (Current::Deleted, None) => {
                    self.restore(&name).await?;
                    if let Current::Value(_, version) = self.current(&name).await? {
                        return self.swap(&new, Some(&version)).await;
                    }
                }
                (Current::Absent, None) => {
                    if let Some(replaced) = self.create_token_set(&new).await? {
                        return Ok(replaced);
                    }
                }
            }
        }
        Ok(Replaced::ChangedUnderneath)
    }

    /// `None`: there is such a secret by now.
    async fn create_token_set(&self, new: &Replacement<'_>) -> Result<Option<Replaced>> {
        let request = self.client.create_secret().name(new.name).client_request_token(new.token);
        match request.secret_string(new.text.expose_secret()).send().await {
            Ok(_) => Ok(Some(Replaced::Done)),
            Err(error) if error.code() == Some(EXISTS) => match self.current(new.name).await? {
                // Created without a value: by a template, say.
                Current::Absent => self.swap(new, None).await.map(Some),
                Current::Value(..) | Current::Deleted => Ok(None),
            },
            Err(error) if is_deleted(&error) => Ok(None),
            Err(error) => Err(Error::request(new.name, "CreateSecret", error)),
        }
    }

    /// Puts the new value beside the current one, and then moves `AWSCURRENT` to it from the version
    /// that was seen; Secrets Manager refuses to move it from another.
    async fn swap(&self, new: &Replacement<'_>, seen: Option<&Version>) -> Result<Replaced> {
        let Replacement { name, text, token } = *new;
        let put = self.client.put_secret_value().secret_id(name).client_request_token(token);
        let put = put.version_stages(PENDING).secret_string(text.expose_secret());
        match put.send().await {
            Ok(_) => {}
            Err(error) if error.code() == Some(EXISTS) => {
                return Err(Error::TokenReused { name: name.to_owned() });
            }
            Err(error) if is_absent(&error) || is_deleted(&error) => return Ok(Replaced::ChangedUnderneath),
            Err(error) => return Err(Error::request(name, "PutSecretValue", error)),
        }
        let request = self.client.update_secret_version_stage().secret_id(name).version_stage(CURRENT);
        let request = request.move_to_version_id(token);
        match request.set_remove_from_version_id(seen.map(|v| v.0.clone())).send().await {
            Ok(_) => Ok(Replaced::Done),
            // Most likely another version has the label, or the one that was seen is gone altogether.
            Err(error) if MOVE_REFUSED.contains(&error.code().unwrap_or_default()) => {
                match self.current(name).await? {
                    Current::Value(_, Version(version)) if version == token => Ok(Replaced::Done),
                    Current::Value(_, version) if Some(&version) == seen => {
                        Err(Error::request(name, MOVE, error))
                    }
                    _ => Ok(Replaced::ChangedUnderneath),
                }
            }
            Err(error) => Err(Error::request(name, MOVE, error)),
        }
    }
}

const MOVE: &str = "UpdateSecretVersionStage";
const EXISTS: &str = "ResourceExistsException";
/// What Secrets Manager answers where a label is not where it should be moved from
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html>).
const MOVE_REFUSED: [&str; 3] =
    ["InvalidParameterException", "InvalidRequestException", "ResourceNotFoundException"];

/// A value on its way to becoming the current one.
struct Replacement<'a> {
    name: &'a str,
    text: &'a SecretString,
    token: &'a str,
}
