//! What operators hear: of app registrations, and of refusals that owners cannot mend.

use super::{Block, Button, Reader, Row, account as owned};
use crate::{
    matter::Matter,
    texts::{Operator as Texts, Reason},
};
use postroom_language::Fill;
use postroom_model::{Account, AccountStatus, ClientAuth, EndDate, FaultClass, Provider, ProviderId};
use postroom_registry::Incident;

/// An account that its directory's administrator, or the operator, must mend.
pub(super) fn account(
    matter: &Matter,
    account: &Account,
    status: &AccountStatus,
    end: EndDate,
    reader: Reader<'_>,
) -> Block {
    let (t, reason, letter) = (Texts::of(reader.language), Reason::of(reader.language), reader.letter());
    let class = status.fault.as_ref().map(|fault| fault.class);
    let to_do = match class {
        Some(FaultClass::AdminConsentRequired) => reason.admin_consent_to_do,
        Some(FaultClass::AccountPolicy) => reason.account_policy_to_do,
        _ => reason.refused_to_do,
    };
    let title = owned::title(account);
    let mut rows = vec![reader.when(letter.since, end), Row::new(letter.why, owned::refusal(status, reason))];
    if !matter.mailboxes.is_empty() {
        rows.push(Row::new(letter.meanwhile, t.account_stopped));
    }
    rows.push(Row::new(letter.to_do, to_do));
    let mailboxes = reader.mailboxes(&matter.mailboxes, true);
    let url = reader.page(&format!("accounts/{}", account.id));
    let button = Button { label: t.account_open, url, notes: vec![t.account_console.to_owned()] };
    let subject = t.account_subject.fill(&[("name", &title), ("date", &reader.date(end))]);
    Block { subject, title, rows, button: Some(button), mailboxes }
}

/// A client secret, a certificate or a key that ends.
pub(super) fn provider(matter: &Matter, provider: &Provider, end: EndDate, reader: Reader<'_>) -> Block {
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
    let (label, subject, consequence) = if matter.is_over() {
        (letter.ended, since, t.provider_has_stopped)
    } else {
        (letter.ends, by, t.provider_will_stop)
    };
    let rows = vec![
        reader.when(label, end),
        Row::new(letter.why, why),
        Row::new(letter.otherwise, consequence),
        Row::new(letter.to_do, to_do),
    ];
    let subject = subject.fill(&[("name", id), ("what", &what), ("date", &reader.date(end))]);
    registration(id, subject, rows, reader)
}

/// A provider that gives its accounts no tokens, whoever is to blame.
pub(super) fn incident(incident: &Incident, end: EndDate, reader: Reader<'_>) -> Block {
    let (t, letter) = (Texts::of(reader.language), reader.letter());
    let id = &incident.provider;
    let (subject, why, to_do) = match incident.fault.class {
        FaultClass::Configuration => (t.configuration_subject, t.configuration_why, t.configuration_to_do),
        FaultClass::Bug => (t.bug_subject, t.bug_why, t.bug_to_do),
        _ => (t.incident_subject, t.incident_why, t.incident_to_do),
    };
    let rows = vec![
        reader.when(letter.since, end),
        Row::new(letter.why, why.with("account", &incident.account)),
        Row::new(letter.otherwise, t.incident_stopped),
        Row::new(letter.to_do, to_do),
    ];
    let subject = subject.fill(&[("name", id), ("date", &reader.date(end))]);
    registration(id, subject, rows, reader)
}

fn registration(id: &ProviderId, subject: String, rows: Vec<Row>, reader: Reader<'_>) -> Block {
    let t = Texts::of(reader.language);
    let notes = vec![t.provider_console.to_owned()];
    let button = Some(Button { label: t.provider_open, url: reader.page("providers"), notes });
    Block { subject, title: t.registration.with("name", id), rows, button, mailboxes: None }
}
