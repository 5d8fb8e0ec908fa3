//! Things that tests tell of.

use crate::{
    audience::Audience, decision::Decision, facts::Facts, mailboxes::Mailboxes, matter::Matter,
    settings::Settings,
};
use jiff::Timestamp;
use postroom_model::{
    Account, AccountStatus, Failure, Fault, FaultClass, Mailbox, Provider, Rejection, Subject, Undeliverable,
};
use postroom_registry::{DueSubject, Incident};
use serde_json::json;
use std::collections::BTreeMap;

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

pub(crate) fn account(id: &str) -> Account {
    let account = json!({
        "id": id, "provider": "contoso", "grant": "authorization_code",
        "login": format!("{id}@contoso.com"), "owners": ["Ann@contoso.com"],
    });
    serde_json::from_value(account).expect("an account")
}

pub(crate) fn provider(idle_days: Option<u16>, secret_ends: Option<&str>) -> Provider {
    let provider = json!({
        "id": "contoso", "preset": "microsoft", "endpoints": { "issuer": "https://sso.example" },
        "client_id": "c", "client_auth": "secret", "client_auth_expires": secret_ends,
        "idle_days": idle_days,
    });
    serde_json::from_value(provider).expect("a provider")
}

/// Consented on 1 January 2027, renewed ten days later: with 90 idle days it ends on 11 April.
pub(crate) fn status() -> AccountStatus {
    AccountStatus {
        authorised_at: Some(at("2027-01-01T09:00:00Z")),
        obtained_at: Some(at("2027-01-11T09:00:00Z")),
        ..AccountStatus::default()
    }
}

pub(crate) fn refused(class: FaultClass, since: &str, said: &str) -> AccountStatus {
    AccountStatus { fault: Some(Fault::new(class, said)), refused_at: Some(at(since)), ..status() }
}

pub(crate) fn mailbox(id: &str, owners: &[&str]) -> Mailbox {
    let mailbox = json!({
        "id": id, "protocol": "imap", "host": "mail.example", "port": 993, "tls": "implicit",
        "user": format!("{id}@contoso.com"), "owners": owners,
    });
    serde_json::from_value(mailbox).expect("a mailbox")
}

pub(crate) fn failure(class: FaultClass, since: &str) -> Failure {
    let since = at(since);
    Failure { fault: Fault::new(class, "no"), since, at: since, count: 1, not_before: since }
}

pub(crate) fn incident(since: &str, closed: Option<&str>) -> Incident {
    Incident {
        provider: "contoso".parse().expect("an id"),
        fault: Fault::new(FaultClass::AppRegistration, "AADSTS7000222: the client secret has expired"),
        since: at(since),
        seen_at: at(since),
        account: "projects".parse().expect("an id"),
        closed_at: closed.map(at),
    }
}

pub(crate) fn undeliverable(because: Rejection, since: &str) -> Undeliverable {
    Undeliverable {
        address: "ben@contoso.com".into(),
        because,
        said: "550 5.1.1 user unknown".into(),
        since: at(since),
        seen_at: at(since),
    }
}

/// What there is to tell of some facts at a moment.
pub(crate) fn matter(facts: Facts, mailboxes: &[Mailbox], now: Timestamp) -> Matter {
    let settings = settings();
    let Decision { occasion, next } = Decision::of(&facts, &settings.calendar, now);
    let occasion = occasion.expect("something to tell");
    let audience = Audience::of(&facts, &occasion, mailboxes, &settings);
    let due = DueSubject { subject: Subject::Schedule, remind_at: now };
    let (told, mailboxes) = (BTreeMap::new(), Mailboxes::of(mailboxes));
    Matter { due, facts, occasion, next, mailboxes, audience, told, is_repeated: false }
}

/// Operators Ops and Root, a fall-back address, Berlin's time.
pub(crate) fn settings() -> Settings {
    let get = |name: &str| {
        let value = match name {
            "TABLE_NAME" => "table",
            "SECRET_PREFIX" => "postroom/post",
            "STACK_NAME" => "post",
            "PUBLIC_URL" => "https://post.example",
            "OPERATOR_ADDRESSES" => "ops@contoso.com,root@contoso.com",
            "FALLBACK_ADDRESS" => "it@contoso.com",
            "TIME_ZONE" => "Europe/Berlin",
            _ => return None,
        };
        Some(value.to_owned())
    };
    Settings::from_env(get).expect("complete")
}
