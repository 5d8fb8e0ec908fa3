//! What owners hear: of accounts that they authorise, and of passwords.

use super::{Block, Button, Reader, Row, link_end, name};
use crate::{
    audience::Role,
    matter::Matter,
    texts::{Account as Texts, Reason},
};
use postroom_language::{Fill, Words};
use postroom_model::{
    Account, AccountStatus, EndDate, Expiry, FaultClass, Governs, Language, Mailbox, Provider,
};

/// An account that a person authorises, for the first time or again.
pub(super) fn account(
    matter: &Matter,
    (account, provider, status): (&Account, &Provider, &AccountStatus),
    expiry: &Expiry,
    role: Role,
    reader: Reader<'_>,
) -> Block {
    let (t, letter) = (Texts::of(reader.language), reader.letter());
    let title = title(account);
    let overdue = expiry.at <= reader.now;
    let label = match expiry.governs {
        Governs::Refused => letter.since,
        Governs::Policy => letter.due,
        _ if overdue => letter.ended,
        _ => letter.ends,
    };
    let (consequence, follows) = match expiry.governs {
        _ if matter.mailboxes.is_empty() => (letter.otherwise, t.nothing_stops),
        _ if is_new(status) => (letter.meanwhile, t.waits),
        Governs::Policy => (letter.otherwise, t.goes_on),
        _ if matter.is_over() && status.fault.is_some() => (letter.meanwhile, t.has_stopped),
        // Nobody has tried it since.
        _ if matter.is_over() => (letter.otherwise, t.stops),
        _ => (letter.otherwise, t.will_stop),
    };
    let end = EndDate::Moment(expiry.at);
    let rows = vec![
        reader.when(label, end),
        Row::new(letter.why, why(account, provider, status, expiry, reader.language)),
        Row::new(consequence, follows),
    ];
    // Whoever owns a mailbox alone is not shown whose the others are.
    let mailboxes = reader.mailboxes(&matter.mailboxes, role != Role::MailboxOwner);
    let subject = match overdue {
        _ if is_new(status) => t.subject_first,
        true => t.subject_since,
        false => t.subject_by,
    };
    let subject = subject.fill(&[("name", &title), ("date", &reader.date(end))]);
    let button = Some(button(matter, account, status, role, reader));
    Block { subject, title, rows, button, mailboxes }
}

fn button(
    matter: &Matter,
    account: &Account,
    status: &AccountStatus,
    role: Role,
    reader: Reader<'_>,
) -> Button {
    let t = Texts::of(reader.language);
    let until = link_end(matter.next, reader.now);
    let is_owner = matches!(role, Role::Owner | Role::MailboxOwner);
    let personal = is_owner.then(|| (reader.link)(account, status.authorised_at, until)).flatten();
    let Some(url) = personal else {
        let note = if role == Role::Fallback { t.open_account } else { t.open_instead };
        let url = reader.page(&format!("accounts/{}", account.id));
        return Button { label: t.open, url, notes: vec![note.to_owned()] };
    };
    let host = url.host_str().unwrap_or_default();
    let opens = match &account.login {
        Some(login) => t.authorise_as.fill(&[("host", &host), ("login", &name(login))]),
        None => t.authorise_usual.with("host", host),
    };
    let notes = vec![opens, t.yours_alone.with("until", reader.moment(until))];
    Button { label: if is_new(status) { t.authorise } else { t.reauthorise }, url, notes }
}

/// Whether nobody has authorised an account yet, or what somebody did was revoked here.
fn is_new(status: &AccountStatus) -> bool {
    status.authorised_at.is_none() && status.obtained_at.is_none()
}

/// A mailbox whose password ends.
pub(super) fn password(
    matter: &Matter,
    mailbox: &Mailbox,
    end: EndDate,
    role: Role,
    reader: Reader<'_>,
) -> Block {
    let (t, letter) = (Texts::of(reader.language), reader.letter());
    let title = name(&mailbox.user);
    let (label, subject, consequence) = if matter.is_over() {
        (letter.due, t.password_subject_since, t.password_has_stopped)
    } else {
        (letter.ends, t.password_subject_by, t.password_will_stop)
    };
    let by_owner = role == Role::Owner;
    let to_do = match by_owner {
        false => t.password_change,
        // Answers go to the operators; without any they reach nobody.
        true if reader.settings.operators.is_empty() => t.password_pass_on,
        true => t.password_tell,
    };
    let rows = vec![
        reader.when(label, end),
        Row::new(letter.why, t.password_why),
        Row::new(letter.otherwise, consequence),
        Row::new(letter.to_do, to_do),
    ];
    // Owners of mailboxes cannot sign in there.
    let url = reader.page(&format!("mailboxes/{}", mailbox.id));
    let button = (!by_owner).then(|| Button { label: t.password_open, url, notes: vec![] });
    let subject = subject.fill(&[("name", &title), ("date", &reader.date(end))]);
    Block { subject, title, rows, button, mailboxes: None }
}

/// An account's name: whom it signs in as, or else its own.
pub(super) fn title(account: &Account) -> String {
    let login = account.login.as_deref().map(name).filter(|login| !login.is_empty());
    login.unwrap_or_else(|| account.id.to_string())
}

/// Why an account's authorization ends.
fn why(
    account: &Account,
    provider: &Provider,
    status: &AccountStatus,
    expiry: &Expiry,
    language: Language,
) -> String {
    let t = Reason::of(language);
    let days = |text: &str, days: Option<u16>| text.with("days", days.unwrap_or_default());
    match (expiry.governs, account.reauthorise_every) {
        (Governs::RefreshToken, _) => t.refresh_token.to_owned(),
        (Governs::IdleLimit, _) => days(t.idle_limit, provider.idle_days),
        (Governs::AccessToken, _) => t.access_token.to_owned(),
        (Governs::ProviderLimit, _) => days(t.provider_limit, provider.authorization_days),
        (Governs::Policy, Some(every)) => t.policy.with("every", language.period(every)),
        (Governs::Refused, _) => refusal(status, t).to_owned(),
        _ => t.other.to_owned(),
    }
}

/// What stands in the way of a sign-in, in words.
pub(super) fn refusal(status: &AccountStatus, t: &'static Reason) -> &'static str {
    match status.fault.as_ref().map(|fault| fault.class) {
        Some(FaultClass::AuthorizationEnded) if is_new(status) => t.unauthorised,
        Some(FaultClass::AuthorizationEnded) => t.authorization_ended,
        Some(FaultClass::InteractionRequired) => t.interaction_required,
        Some(FaultClass::ConsentRequired) => t.consent_required,
        Some(FaultClass::TokenRefused) => t.token_refused,
        Some(FaultClass::AdminConsentRequired) => t.admin_consent_required,
        Some(FaultClass::AccountPolicy) => t.account_policy,
        _ => t.refused,
    }
}
