//! Owners' personal links: each opens one account for a while, once.
//!
//! Guarantees: a link cannot be made, or changed to another account or a later end, without a key
//! that is derived from the deployment's secret of links. It names an account and nobody's address: of the owner
//! whom it was made for it has a keyed hash, by which somebody who is an owner no more is known.
//!
//! Left out: that a link works once, and not after a consent. Whoever opens it claims its
//! [`PersonalLink::nonce`] first, and compares its [`PersonalLink::authorised_at`].

use aws_lc_rs::{constant_time, hmac, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use postroom_model::{AccountId, mail_address};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::fmt;
use url::Url;

/// The longest text that is looked at: an id of 64 characters makes about 290.
const MAX_TOKEN: usize = 512;

/// What links are signed with. `Debug` is safe to print.
#[derive(Clone)]
pub struct LinkKey(hmac::Key);

/// What a link says, once its signature was found to be ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalLink {
    /// The account that it opens.
    #[serde(rename = "a")]
    pub account: AccountId,
    /// The owner whom it was made for, by [`LinkKey::owner`].
    #[serde(rename = "o")]
    pub owner: String,
    /// When the account was authorised last as it was made, in seconds since 1970; 0: never. A consent
    /// after that has done what it was made for.
    #[serde(rename = "t")]
    pub authorised_at: i64,
    /// When it ends.
    #[serde(rename = "u", with = "jiff::fmt::serde::timestamp::second::required")]
    pub until: Timestamp,
    /// Tells it from every other link.
    #[serde(rename = "n")]
    pub nonce: String,
}

/// Why a text opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It is incomplete, changed, or not ours.
    #[error("not a link of this deployment")]
    Invalid,
    /// Its time is over.
    #[error("the link has ended")]
    Expired,
}

impl LinkKey {
    /// The key that is derived from the deployment's secret of links.
    pub fn of(secret: &SecretString) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        let derived = hmac::sign(&secret, b"postroom personal link");
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// An owner's address as links and sessions hold it: a keyed hash, one for all that [`mail_address`]
    /// holds for the same.
    pub fn owner(&self, address: &str) -> String {
        // A link's claims are base64, which has no space: no hash of an owner signs a link.
        let address = mail_address(address).unwrap_or_else(|| address.trim().to_lowercase());
        let owner = format!("owner {address}");
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, owner.as_bytes()))
    }

    /// Whether one of these owners is the one of that hash.
    pub fn lists(&self, owners: &[String], owner: &str) -> bool {
        owners.iter().any(|listed| {
            constant_time::verify_slices_are_equal(self.owner(listed).as_bytes(), owner.as_bytes()).is_ok()
        })
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey")
    }
}

/// A new link to an account, which was authorised last at `authorised_at` (seconds since 1970; 0: never),
/// for one of its owners, at the console with that public address.
pub fn personal_link(
    key: &LinkKey,
    console: &Url,
    account: &AccountId,
    authorised_at: i64,
    owner: &str,
    until: Timestamp,
) -> Url {
    let mut nonce = [0; 16];
    #[expect(clippy::expect_used, reason = "a process without randomness must not go on")]
    rand::fill(&mut nonce).expect("the system gives random bytes");
    let nonce = URL_SAFE_NO_PAD.encode(nonce);
    let (account, owner) = (account.clone(), key.owner(owner));
    let link = PersonalLink { account, owner, authorised_at, until, nonce };
    let mut url = console.clone();
    url.set_path(&format!("link/{}", link.token(key)));
    url
}

impl PersonalLink {
    fn token(&self, key: &LinkKey) -> String {
        let said = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default());
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key.0, said.as_bytes()));
        format!("{said}.{signature}")
    }

    /// Reads what a link's last part says.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn read(key: &LinkKey, token: &str, now: Timestamp) -> Result<Self, LinkError> {
        let token = Some(token).filter(|token| token.len() <= MAX_TOKEN);
        let (said, signature) = token.and_then(|token| token.split_once('.')).ok_or(LinkError::Invalid)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| LinkError::Invalid)?;
        // In constant time, and before anything of it is read.
        hmac::verify(&key.0, said.as_bytes(), &signature).map_err(|_| LinkError::Invalid)?;
        let said = URL_SAFE_NO_PAD.decode(said).map_err(|_| LinkError::Invalid)?;
        let link: Self = serde_json::from_slice(&said).map_err(|_| LinkError::Invalid)?;
        if now >= link.until { Err(LinkError::Expired) } else { Ok(link) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &str) -> LinkKey {
        LinkKey::of(&SecretString::from(secret))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn a_link_opens_what_it_was_made_for_until_it_ends() {
        let console = Url::parse("https://post.example").expect("url");
        let account: AccountId = "projects".parse().expect("id");
        let url = personal_link(&key("k"), &console, &account, 900, "Ann@post.example", at(1000));
        let token = url.path().strip_prefix("/link/").expect("a link");
        let link = PersonalLink::read(&key("k"), token, at(999)).expect("ours");
        assert_eq!((&link.account, link.authorised_at), (&account, 900));
        let owners = |address: &str| [address.to_owned()];
        assert!(key("k").lists(&owners("ann@Post.example"), &link.owner));
        assert!(!key("k").lists(&owners("ben@post.example"), &link.owner));
        assert!(!key("other").lists(&owners("ann@post.example"), &link.owner));
        let jörg = key("k").owner("jörg@xn--mller-kva.example");
        assert!(key("k").lists(&owners("Jörg@Müller.example"), &jörg));
        assert_eq!(PersonalLink::read(&key("k"), token, at(1000)), Err(LinkError::Expired));
        assert_eq!(PersonalLink::read(&key("other"), token, at(0)), Err(LinkError::Invalid));
        let again = personal_link(&key("k"), &console, &account, 900, "ann@post.example", at(1000));
        assert_ne!(again, url, "each link is another");
    }

    #[test]
    fn a_changed_link_opens_nothing() {
        let (account, owner) = ("a".parse().expect("id"), key("k").owner("ann@post.example"));
        let link = PersonalLink { account, owner, authorised_at: 0, until: at(1000), nonce: "n".into() };
        let token = link.token(&key("k"));
        let (said, signature) = token.split_once('.').expect("two parts");
        let written = |link: &PersonalLink| URL_SAFE_NO_PAD.encode(serde_json::to_vec(link).expect("writes"));
        let renewed = written(&PersonalLink { authorised_at: 900, ..link.clone() });
        let other = written(&PersonalLink { account: "b".parse().expect("id"), ..link });
        for wrong in [
            format!("{other}.{signature}"),
            format!("{renewed}.{signature}"),
            format!("{said}."),
            said.to_owned(),
            format!("{said}.{signature}A"),
            format!("{said}A.{signature}"),
            String::new(),
            ".".to_owned(),
            "x".repeat(600),
        ] {
            assert_eq!(PersonalLink::read(&key("k"), &wrong, at(0)), Err(LinkError::Invalid), "{wrong}");
        }
    }
}
