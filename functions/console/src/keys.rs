//! What the console signs and encrypts with, derived from two secrets in the vault: one is its own, and
//! the other one, for owners' links, is shared with `expiry-check`.

use crate::problem::Problem;
use aws_lc_rs::{constant_time, digest, hmac, rand};
use axum_extra::extract::cookie;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use postroom_letter::LinkKey;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// The console's keys. `Debug` is safe to print.
pub(crate) struct Keys {
    /// Encrypts and authenticates cookies.
    pub(crate) cookies: cookie::Key,
    /// Signs owners' links; none where the deployment has no secret for them.
    links: Option<LinkKey>,
    /// Makes names of people and places that tell nothing about them.
    names: hmac::Key,
}

impl Keys {
    /// The keys of a console whose secret this is, and of the links that are made with another.
    pub(crate) fn of(secret: &SecretString, links: Option<&SecretString>) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        let names = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"postroom name");
        Self {
            cookies: cookie::Key::derive_from(bytes),
            links: links.map(LinkKey::of),
            names: hmac::Key::new(hmac::HMAC_SHA256, names.as_ref()),
        }
    }

    /// What owners' links are signed with.
    pub(crate) fn links(&self) -> Result<&LinkKey, Problem> {
        self.links.as_ref().ok_or_else(|| Problem::unavailable("the vault holds no key for links"))
    }

    /// A name for something that is not to be stored as it is: the same for the same thing.
    pub(crate) fn name(&self, thing: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.names, thing.as_bytes()))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

/// 256 random bits, safe in a URL.
pub(crate) fn random() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<32>())
}

/// Random bytes for a key, a state or a reference.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::expect_used, reason = "a process without randomness must not go on")]
    rand::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// The SHA-256 of a text, in hexadecimal.
pub(crate) fn hash(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}
