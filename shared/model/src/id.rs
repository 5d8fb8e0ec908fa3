//! Names that people give to things. Each kind has a type of its own, so that an account's name
//! cannot be passed where a mailbox's is meant.

use serde::{Deserialize, Serialize};

/// The longest name, in bytes: short enough for any key that is built from it.
const MAX_LEN: usize = 64;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a valid id: use 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit"
)]
pub struct IdError(String);

fn check(text: &str) -> Result<(), IdError> {
    let head = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let tail = |c: char| head(c) || matches!(c, '.' | '_' | '-');
    let ok = text.len() <= MAX_LEN && text.starts_with(head) && text.chars().all(tail);
    if ok { Ok(()) } else { Err(IdError(text.chars().take(MAX_LEN).collect())) }
}

macro_rules! id {
    ($(#[$doc:meta] $name:ident)*) => {$(
        #[$doc]
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                check(text).map(|()| Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                check(&text).map(|()| Self(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    )*};
}

id! {
    /// Names a [`Provider`](crate::Provider).
    ProviderId
    /// Names an [`Account`](crate::Account).
    AccountId
    /// Names a [`Mailbox`](crate::Mailbox); also the folder of its mail in the archive.
    MailboxId
    /// Names a [`Batch`](crate::Batch).
    BatchId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_safe_in_keys_and_paths() {
        for good in ["a", "site-diary", "4.b_c", &"x".repeat(64)] {
            assert_eq!(good.parse::<MailboxId>().map(String::from).as_deref(), Ok(good));
        }
        for bad in ["", "-a", ".", "..", "A", "a/b", "a b", "ä", "a#b", &"x".repeat(65)] {
            assert!(bad.parse::<MailboxId>().is_err(), "{bad}");
        }
    }
}
