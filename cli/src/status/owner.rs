//! The people who own accounts and mailboxes, as far as mail reaches them.

use jiff::Timestamp;
use postroom_model::{Rejection, Undeliverable, mail_address};
use postroom_registry::Registry;
use serde::Serialize;
use std::collections::BTreeMap;

/// The addresses that take no mail, in small letters.
pub type Unreached = BTreeMap<String, Undeliverable>;

/// Addresses that are asked for together.
const AT_ONCE: usize = 500;

/// Every address that takes no mail.
pub(crate) async fn unreached(registry: &Registry) -> Result<Unreached, postroom_registry::Error> {
    let (mut unreached, mut from) = (Unreached::new(), None);
    loop {
        let page = registry.undeliverables(from.as_ref(), AT_ONCE).await?;
        unreached.extend(page.items.into_iter().map(|known| (known.address.clone(), known)));
        from = page.next;
        if from.is_none() {
            return Ok(unreached);
        }
    }
}

/// Somebody who owns an account or a mailbox.
#[derive(Debug, Clone, Serialize)]
pub struct OwnerReport {
    /// The address as the manifest has it.
    pub address: String,
    /// Why it takes no mail, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undeliverable: Option<UndeliverableReport>,
}

impl OwnerReport {
    /// Owners, by their addresses.
    pub fn all(addresses: &[String], unreached: &Unreached) -> Vec<Self> {
        let report = |address: &String| {
            let known = mail_address(address).and_then(|address| unreached.get(&address));
            Self { address: address.clone(), undeliverable: known.map(UndeliverableReport::from) }
        };
        addresses.iter().map(report).collect()
    }
}

/// Why an address takes no mail.
#[derive(Debug, Clone, Serialize)]
pub struct UndeliverableReport {
    /// What happened to the latest mail to it.
    pub because: Rejection,
    /// What the mail system said.
    pub said: String,
    /// When that happened first.
    pub since: Timestamp,
    /// When it happened last.
    pub seen_at: Timestamp,
}

impl From<&Undeliverable> for UndeliverableReport {
    fn from(Undeliverable { because, said, since, seen_at, .. }: &Undeliverable) -> Self {
        Self { because: *because, said: said.clone(), since: *since, seen_at: *seen_at }
    }
}

/// What became of mail to an address, as people read it.
pub(crate) fn rejected(because: Rejection) -> &'static str {
    match because {
        Rejection::Invalid => "it is no mail address",
        Rejection::Refused => "SES does not send to it",
        Rejection::Bounced => "mail to it came back",
        Rejection::Returned => "mail to it came back for now, as from a full mailbox",
        Rejection::Complained => "its owner reported a mail as unwanted",
    }
}
