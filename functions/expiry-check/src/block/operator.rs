//! What operators hear: of app registrations, of refusals that owners cannot mend, of addresses.

use super::{Block, Button, Reader, Row, account as owned, plain};
use crate::{
    matter::Matter,
    texts::{Operator as Texts, Reason},
};
use postroom_language::Fill;
use postroom_model::{
    Account, AccountStatus, ClientAuth, Expiry, FaultClass, Provider, Rejection, Undeliverable,
};
use postroom_registry::Incident;

/// Characters of what a server said.
const SAID: usize = 400;

/// An account that its directory's administrator, or the operator, must mend.
pub(super) fn account(
    matter: &Matter,
    account: &Account,
    status: &AccountStatus,
    expiry: &Expiry,
    reader: Reader<'_>,
) -> Block {
    let (t, reason, letter) = (Texts::of(reader.language), Reason::of(reader.language), reader.letter());
    let class = status.fault.as_ref().map(|fault| fault.class);
    let to_do = match class {
        Some(FaultClass::AdminConsentRequired) => reason.admin_consent_to_do,
        Some(FaultClass::AccountPolicy) => reason.account_policy_to_do,
        Some(FaultClass::NoMailboxAccess) => reason.no_mailbox_access_to_do,
        _ => reason.refused_to_do,
    };
    let title = owned::title(account);
    let mut rows =
        vec![reader.when(letter.since, expiry), Row::new(letter.why, owned::refusal(status, reason))];
    rows.extend(said(status.fault.as_ref().map_or("", |fault| &fault.reason), reader));
    if !matter.mailboxes.is_empty() {
        rows.push(Row::new(letter.meanwhile, t.account_stopped));
    }
    rows.push(Row::new(letter.to_do, to_do));
    let mailboxes = reader.mailboxes(&matter.mailboxes, |_| true);
    let url = reader.page(&format!("accounts/{}", account.id));
    let button = Button { label: t.account_open, url, note: t.account_console.to_owned() };
    let subject = t.account_subject.fill(&[("name", &title), ("date", &reader.date(expiry.at))]);
    Block { subject, title, rows, button: Some(button), mailboxes }
}

/// A client secret, a certificate or a key that ends.
pub(super) fn provider(matter: &Matter, provider: &Provider, expiry: &Expiry, reader: Reader<'_>) -> Block {
    let (t, letter) = (Texts::of(reader.language), reader.letter());
    let id = &provider.id;
    let (what, why, to_do) = match provider.client_auth {
        ClientAuth::Secret | ClientAuth::Public => (t.secret, t.secret_why, t.secret_to_do),
        ClientAuth::Certificate => (t.certificate, t.certificate_why, t.certificate_to_do),
        ClientAuth::ServiceAccount => (t.key, t.key_why, t.key_to_do),
    };
    let (by, since) = match provider.client_auth {
        ClientAuth::ServiceAccount => (t.key_subject_by, t.key_subject_since),
        _ => (t.provider_subject_by, t.provider_subject_since),
    };
    let (label, subject, consequence) = if matter.has_stopped() {
        (letter.ended, since, t.provider_has_stopped)
    } else {
        (letter.ends, by, t.provider_will_stop)
    };
    let rows = vec![
        reader.when(label, expiry),
        Row::new(letter.why, why),
        Row::new(letter.otherwise, consequence),
        Row::new(letter.to_do, to_do),
    ];
    let subject = subject.fill(&[("name", id), ("what", &what), ("date", &reader.date(expiry.at))]);
    {
        let (title, button) = (t.registration.with("name", id), Some(registrations(reader)));
        Block { subject, title, rows, button, mailboxes: None }
    }
}

/// A provider that refuses its app registration.
pub(super) fn incident(incident: &Incident, expiry: &Expiry, reader: Reader<'_>) -> Block {
    let (t, letter) = (Texts::of(reader.language), reader.letter());
    let id = &incident.provider;
    let why = t.incident_why.fill(&[("account", &incident.account)]);
    let mut rows = vec![reader.when(letter.since, expiry), Row::new(letter.why, why)];
    rows.extend(said(&incident.fault.reason, reader));
    rows.push(Row::new(letter.otherwise, t.incident_stopped));
    rows.push(Row::new(letter.to_do, t.incident_to_do));
    let subject = t.incident_subject.fill(&[("name", id), ("date", &reader.date(expiry.at))]);
    {
        let (title, button) = (t.registration.with("name", id), Some(registrations(reader)));
        Block { subject, title, rows, button, mailboxes: None }
    }
}

/// A person's address that takes no mail.
pub(super) fn address(undeliverable: &Undeliverable, expiry: &Expiry, reader: Reader<'_>) -> Block {
    let (t, letter) = (Texts::of(reader.language), reader.letter());
    let title = super::name(&undeliverable.address);
    let why = match undeliverable.because {
        Rejection::Invalid => t.address_invalid,
        Rejection::Refused => t.address_refused,
        Rejection::Bounced => t.address_bounced,
        Rejection::Complained => t.address_complained,
    };
    let mut rows = vec![reader.when(letter.since, expiry), Row::new(letter.why, why)];
    rows.extend(said(&undeliverable.said, reader));
    rows.push(Row::new(letter.otherwise, t.address_otherwise));
    let invalid = undeliverable.because == Rejection::Invalid;
    rows.push(Row::new(letter.to_do, if invalid { t.address_correct } else { t.address_to_do }));
    let subject = t.address_subject.fill(&[("name", &title), ("date", &reader.date(expiry.at))]);
    Block { subject, title, rows, button: None, mailboxes: None }
}

fn registrations(reader: Reader<'_>) -> Button {
    let t = Texts::of(reader.language);
    Button { label: t.provider_open, url: reader.page("providers"), note: t.provider_console.to_owned() }
}

fn said(text: &str, reader: Reader<'_>) -> Option<Row> {
    let text = plain(text, SAID);
    (!text.is_empty()).then(|| Row::new(reader.letter().said, text))
}
