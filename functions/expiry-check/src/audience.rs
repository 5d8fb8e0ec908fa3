//! Who is told. Pure: facts and the deployment's addresses go in.
//!
//! Guarantees: an address comes once, whatever the case it is written in; what concerns somebody is
//! told to somebody, as long as the deployment names anybody: where nobody owns it, or no owner's
//! address takes mail, the fall-back address or the operators hear of it.

use crate::{decision::Occasion, facts::Facts, settings::Settings};
use postroom_model::{Account, AccountStatus, Actor, Expiry, Governs, Mailbox, mail_address};
use std::collections::{BTreeMap, BTreeSet};

/// Characters of a text that is no address, kept to show it.
const SHOWN: usize = 200;

/// Why somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// It is theirs.
    Owner,
    /// A mailbox that uses it is theirs.
    MailboxOwner,
    /// Nobody owns it.
    Fallback,
    /// The addresses of those whose it is take no mail.
    Instead,
    /// They run this Postroom.
    Operator,
}

/// Who is told of one thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Audience {
    /// People by their addresses.
    pub(crate) people: BTreeMap<String, Role>,
    /// What is named as an owner and is no address.
    pub(crate) invalid: BTreeSet<String>,
}

impl Audience {
    /// Who is told of an occasion; `mailboxes` are those that use an account.
    pub(crate) fn of(facts: &Facts, occasion: &Occasion, mailboxes: &[Mailbox], settings: &Settings) -> Self {
        // Incidents of mailboxes and of the schedule are for machines.
        let Occasion::Stage { expiry, .. } = occasion else { return Self::default() };
        match facts {
            Facts::Account { account, status, .. } => {
                if is_beyond_owners(account, status, expiry) {
                    return Self::operators(settings);
                }
                let own = account.owners.iter().map(|owner| (owner, Role::Owner));
                let of_mailboxes = mailboxes.iter().flat_map(|mailbox| &mailbox.owners);
                let of_mailboxes = of_mailboxes.map(|owner| (owner, Role::MailboxOwner));
                Self::owners(own.chain(of_mailboxes), settings)
            }
            Facts::Password(mailbox) => {
                Self::owners(mailbox.owners.iter().map(|owner| (owner, Role::Owner)), settings)
            }
            Facts::Provider(_) | Facts::Incident(_) => Self::operators(settings),
            Facts::Address(undeliverable) => {
                let mut operators = Self::operators(settings);
                operators.people.remove(&undeliverable.address);
                operators
            }
            Facts::Mailbox { .. } | Facts::Gone => Self::default(),
        }
    }

    fn operators(settings: &Settings) -> Self {
        let people = settings.operators.iter().map(|address| (address.clone(), Role::Operator));
        Self { people: people.collect(), invalid: BTreeSet::new() }
    }

    fn owners<'a>(owners: impl Iterator<Item = (&'a String, Role)>, settings: &Settings) -> Self {
        let mut audience = Self::default();
        for (owner, role) in owners {
            match mail_address(owner) {
                Some(address) => {
                    audience.people.entry(address).or_insert(role);
                }
                None => {
                    let text: String = owner.trim().chars().filter(|c| !c.is_control()).take(SHOWN).collect();
                    audience.invalid.extend(Some(text).filter(|text| !text.is_empty()));
                }
            }
        }
        if audience.people.is_empty() {
            let fallback = settings.fallback.as_ref().map(std::slice::from_ref);
            audience.add(fallback.unwrap_or(&settings.operators), Role::Fallback);
        }
        audience
    }

    /// Adds those who are told in place of others, where none of these takes mail: the fall-back
    /// address, then the operators.
    pub(crate) fn stand_in(&mut self, takes_mail: impl Fn(&str) -> bool, settings: &Settings) {
        for others in [settings.fallback.as_slice(), &settings.operators] {
            if self.people.is_empty() || self.people.keys().any(|address| takes_mail(address)) {
                return;
            }
            self.add(others, Role::Instead);
        }
    }

    fn add(&mut self, people: &[String], role: Role) {
        for address in people {
            self.people.entry(address.clone()).or_insert(role);
        }
    }
}

/// Whether an account's owners cannot mend it: its directory's administrator must, or the app's own
/// rights have ended.
pub(crate) fn is_beyond_owners(account: &Account, status: &AccountStatus, expiry: &Expiry) -> bool {
    let actor = status.fault.as_ref().map(|fault| fault.class.actor());
    let administrator = expiry.governs == Governs::Refused && actor == Some(Actor::Administrator);
    administrator || !account.grant.needs_consent()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{
        account, at, incident, mailbox, provider, refused, settings, status, undeliverable,
    };
    use postroom_model::{FaultClass, Rejection, Stage};

    fn occasion(governs: Governs) -> Occasion {
        let end = at("2027-04-11T09:00:00Z");
        Occasion::Stage { expiry: Expiry { at: end, governs, since: end }, stage: Stage::Day, began_at: end }
    }

    fn told(facts: &Facts, governs: Governs, mailboxes: &[Mailbox]) -> Vec<String> {
        let audience = Audience::of(facts, &occasion(governs), mailboxes, &settings());
        audience.people.iter().map(|(address, role)| format!("{address} {role:?}")).collect()
    }

    fn of_account(account: Account, status: AccountStatus) -> Facts {
        Facts::Account { account, provider: provider(Some(90), None), status }
    }

    #[test]
    fn owners_hear_of_what_is_theirs_and_operators_of_the_rest() {
        let owned = |owners: &[&str]| Account {
            owners: owners.iter().map(|owner| (*owner).to_owned()).collect(),
            ..account("projects")
        };
        let app_only = || Account { grant: postroom_model::Grant::ClientCredentials, ..account("app") };
        let since = "2027-04-11T09:00:00Z";
        let shared = [mailbox("bid", &["ann@contoso.com", "Cem@Contoso.com"]), mailbox("site", &[])];
        for (what, facts, governs, mailboxes, expected) in [
            (
                "an account's and its mailboxes' owners, once each",
                of_account(owned(&["Ann@contoso.com ", "ANN@contoso.com"]), status()),
                Governs::IdleLimit,
                &shared[..],
                &["ann@contoso.com Owner", "cem@contoso.com MailboxOwner"][..],
            ),
            (
                "nobody's",
                of_account(owned(&[]), status()),
                Governs::IdleLimit,
                &[],
                &["it@contoso.com Fallback"],
            ),
            (
                "nobody's address",
                of_account(owned(&["ann", ""]), status()),
                Governs::IdleLimit,
                &[],
                &["it@contoso.com Fallback"],
            ),
            (
                "a refusal that an owner mends",
                of_account(owned(&["ann@contoso.com"]), refused(FaultClass::AuthorizationEnded, since, "")),
                Governs::Refused,
                &[],
                &["ann@contoso.com Owner"],
            ),
            (
                "a refusal that an administrator mends",
                of_account(owned(&["ann@contoso.com"]), refused(FaultClass::AccountPolicy, since, "")),
                Governs::Refused,
                &shared,
                &["ops@contoso.com Operator", "root@contoso.com Operator"],
            ),
            (
                "an end that comes whatever an administrator does",
                of_account(owned(&["ann@contoso.com"]), refused(FaultClass::AccountPolicy, since, "")),
                Governs::IdleLimit,
                &[],
                &["ann@contoso.com Owner"],
            ),
            (
                "an app's own",
                of_account(app_only(), refused(FaultClass::AuthorizationEnded, since, "")),
                Governs::Refused,
                &shared,
                &["ops@contoso.com Operator", "root@contoso.com Operator"],
            ),
            (
                "a secret",
                Facts::Provider(provider(None, Some("2027-04-11"))),
                Governs::ClientSecret,
                &[],
                &["ops@contoso.com Operator", "root@contoso.com Operator"],
            ),
            (
                "an incident",
                Facts::Incident(incident(since, None)),
                Governs::Incident,
                &[],
                &["ops@contoso.com Operator", "root@contoso.com Operator"],
            ),
            (
                "a password",
                Facts::Password(mailbox("plant", &["Cem@contoso.com"])),
                Governs::Password,
                &[],
                &["cem@contoso.com Owner"],
            ),
            (
                "nobody's password",
                Facts::Password(mailbox("plant", &[])),
                Governs::Password,
                &[],
                &["it@contoso.com Fallback"],
            ),
            (
                "an address",
                Facts::Address(undeliverable(Rejection::Bounced, since)),
                Governs::Refused,
                &[],
                &["ops@contoso.com Operator", "root@contoso.com Operator"],
            ),
        ] {
            assert_eq!(told(&facts, governs, mailboxes), expected, "{what}");
        }
    }

    #[test]
    fn an_operator_does_not_hear_of_the_own_address() {
        let address = postroom_model::Undeliverable {
            address: "ops@contoso.com".into(),
            ..undeliverable(Rejection::Bounced, "2027-04-11T09:00:00Z")
        };
        assert_eq!(told(&Facts::Address(address), Governs::Refused, &[]), ["root@contoso.com Operator"]);
    }

    #[test]
    fn what_is_no_address_is_shown_as_one_line() {
        let long = "x".repeat(1000);
        let owners = ["Ann\r\nBcc: eve@example.com".to_owned(), " ".to_owned(), long.clone()];
        let facts = of_account(Account { owners: owners.into(), ..account("a") }, status());
        let audience = Audience::of(&facts, &occasion(Governs::IdleLimit), &[], &settings());
        let expected = BTreeSet::from(["AnnBcc: eve@example.com".to_owned(), long[..200].to_owned()]);
        assert_eq!(audience.invalid, expected);
    }

    #[test]
    fn somebody_stands_in_for_owners_who_cannot_be_reached() {
        let owned =
            Account { owners: vec!["ann@contoso.com".into(), "ben@contoso.com".into()], ..account("a") };
        let facts = of_account(owned, status());
        let everybody = ["ann@contoso.com", "ben@contoso.com", "it@contoso.com"];
        for (bouncing, expected) in [
            (&everybody[..1], "ann Owner, ben Owner"),
            (&everybody[..2], "ann Owner, ben Owner, it Instead"),
            (&everybody, "ann Owner, ben Owner, it Instead, ops Instead, root Instead"),
        ] {
            let mut audience = Audience::of(&facts, &occasion(Governs::IdleLimit), &[], &settings());
            audience.stand_in(|address| !bouncing.contains(&address), &settings());
            let people = audience.people.iter().map(|(address, role)| format!("{address} {role:?}"));
            let people = people.collect::<Vec<_>>().join(", ").replace("@contoso.com", "");
            assert_eq!(people, expected);
        }
    }

    #[test]
    fn operators_stand_in_where_there_is_no_fallback() {
        let settings = Settings { fallback: None, ..settings() };
        let facts = Facts::Password(mailbox("plant", &[]));
        let audience = Audience::of(&facts, &occasion(Governs::Password), &[], &settings);
        assert!(audience.people.values().all(|role| *role == Role::Fallback));
        assert_eq!(audience.people.len(), 2);
    }
}
