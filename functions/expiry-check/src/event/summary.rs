//! An event as an English sentence, which the stack's topic publishes to people.
//!
//! Guarantees: one line of plain text. It has no quotation mark, backslash or angle bracket, because
//! EventBridge puts it into the text of a rule as it is; no address, and nothing that a server said.
//!
//! Left out: the stack's name, which the rule adds.

use super::{Expiring, News, State, Trouble};
use jiff::Timestamp;
use postroom_model::{ClientAuth, Governs, Rejection, Subject};

/// What happened to a subject; `id` is what the event calls it.
pub(super) fn of(subject: &Subject, id: &str, news: &News) -> String {
    match news {
        News::Expiry(expiring) => expiry(subject, id, expiring),
        News::Incident(trouble) => incident(subject, id, trouble),
    }
}

fn expiry(subject: &Subject, id: &str, expiring: &Expiring) -> String {
    let Expiring { ends_at, governs, stage, repeat, client_auth, mailboxes, .. } = expiring;
    let what = match subject {
        Subject::Password(_) => format!("The password of mailbox {id}"),
        Subject::Provider(_) => match client_auth {
            Some(ClientAuth::Certificate) => format!("The certificate of provider {id}"),
            Some(ClientAuth::ServiceAccount) => format!("The service account's key of provider {id}"),
            _ => format!("The client secret of provider {id}"),
        },
        _ => format!("The authorization of account {id}"),
    };
    let end = match (*stage, governs) {
        ("overdue", Governs::Policy) => "was to be given anew by",
        ("overdue", Governs::Refused) => "has been missing or refused since",
        ("overdue", _) => "ended on",
        ("month", Governs::Policy) => "is to be given anew within a month, by",
        ("week", Governs::Policy) => "is to be given anew within a week, by",
        (_, Governs::Policy) => "is to be given anew within a day, by",
        ("month", _) => "ends within a month, on",
        ("week", _) => "ends within a week, on",
        _ => "ends within a day, on",
    };
    let reason = match governs {
        Governs::IdleLimit => ": the server ends what is not renewed for so long",
        Governs::RefreshToken => ": the server said so when it gave the refresh token",
        Governs::AccessToken => ": there is no refresh token, and the access token ends",
        Governs::ProviderLimit => ": the provider ends every authorization after so long",
        Governs::Policy => ": an administrator wants it so, and mail goes on meanwhile",
        Governs::Refused => {
            ": nobody has given it yet, it was revoked, or something else is wrong that a person must mend"
        }
        _ => "",
    };
    let uses = match mailboxes {
        None => String::new(),
        Some(0) => " No mailbox uses it.".to_owned(),
        Some(1) => " One mailbox uses it.".to_owned(),
        Some(more) => format!(" {more} mailboxes use it."),
    };
    let again = match repeat {
        0 => String::new(),
        repeat => format!(" This is said again until it is solved (repeat {repeat})."),
    };
    format!("{what} {end} {}{reason}.{uses}{again}", moment(*ends_at))
}

fn incident(subject: &Subject, id: &str, trouble: &Trouble) -> String {
    let Trouble { state, since, class, rejection } = trouble;
    let since = moment(*since);
    let class = class.map(|class| class.name().replace('_', " "));
    let class = class.map(|class| format!(" ({class})")).unwrap_or_default();
    let again = if *state == State::Open { " This is said again until it works." } else { "" };
    let is_over = *state == State::Closed;
    match subject {
        Subject::Schedule if is_over => format!("Mail is fetched in time again. It was late since {since}."),
        Subject::Schedule => format!("Mail is fetched late: some has been due since {since}.{again}"),
        Subject::Mailbox(_) if is_over => format!("Mailbox {id} works again. It failed since {since}."),
        Subject::Mailbox(_) => format!("Mailbox {id} has been failing since {since}{class}.{again}"),
        Subject::Address(_) if is_over => {
            format!(
                "An operator's address takes mail again, or is none any more (digest {id}). It took none since \
                 {since}."
            )
        }
        Subject::Address(_) => {
            let why = match rejection {
                Some(Rejection::Invalid) => "it is no address",
                Some(Rejection::Refused) => "SES does not send to it",
                Some(Rejection::Complained) => "a mail to it was reported as unwanted",
                _ => "mail to it came back",
            };
            format!(
                "No operator can be reached by mail: since {since} an address takes none, because {why} \
                 (digest {id}).{again}"
            )
        }
        _ if is_over => {
            format!("The app registration at provider {id} works again. It failed since {since}.")
        }
        _ => {
            let fails = if *state == State::Open { "still fails" } else { "fails" };
            format!(
                "The app registration at provider {id} {fails}, since {since}, and with it all its \
                 accounts.{again}"
            )
        }
    }
}

fn moment(at: Timestamp) -> impl std::fmt::Display {
    at.strftime("%-d %B %Y at %H:%M UTC")
}

#[cfg(test)]
mod tests {
    use super::*;
    use postroom_model::{Expiry, FaultClass, Stage};

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    fn said(subject: &str, news: &News) -> String {
        let subject: Subject = subject.parse().expect("a subject");
        let id = subject.to_string();
        of(&subject, id.split_once(':').map_or("", |(_, id)| id), news)
    }

    fn ends(governs: Governs, stage: Stage) -> Expiring {
        let end = at("2027-04-01T09:05:00Z");
        Expiring::new(&Expiry { at: end, governs, since: end }, stage)
    }

    #[test]
    fn ends_are_sentences() {
        let of_account = |governs, stage, mailboxes| {
            News::Expiry(Expiring { mailboxes: Some(mailboxes), ..ends(governs, stage) })
        };
        let of_provider = |auth| {
            News::Expiry(Expiring { client_auth: Some(auth), ..ends(Governs::ClientSecret, Stage::Week) })
        };
        for (subject, news, expected) in [
            (
                "account:projects",
                of_account(Governs::IdleLimit, Stage::Month, 12),
                "The authorization of account projects ends within a month, on 1 April 2027 at 09:05 UTC: \
                 the server ends what is not renewed for so long. 12 mailboxes use it.",
            ),
            (
                "account:tenders",
                of_account(Governs::Refused, Stage::Overdue(0), 1),
                "The authorization of account tenders has been missing or refused since 1 April 2027 at 09:05 \
                 UTC: nobody has given it yet, it was revoked, or something else is wrong that a person must \
                 mend. One mailbox uses it.",
            ),
            (
                "account:tenders",
                of_account(Governs::ProviderLimit, Stage::Overdue(2), 0),
                "The authorization of account tenders ended on 1 April 2027 at 09:05 UTC: the provider ends \
                 every authorization after so long. No mailbox uses it. This is said again until it is solved \
                 (repeat 2).",
            ),
            (
                "account:tenders",
                of_account(Governs::Policy, Stage::Overdue(0), 1),
                "The authorization of account tenders was to be given anew by 1 April 2027 at 09:05 UTC: \
                 an administrator wants it so, and mail goes on meanwhile. One mailbox uses it.",
            ),
            (
                "provider:contoso",
                of_provider(ClientAuth::Certificate),
                "The certificate of provider contoso ends within a week, on 1 April 2027 at 09:05 UTC.",
            ),
            (
                "provider:contoso",
                of_provider(ClientAuth::Secret),
                "The client secret of provider contoso ends within a week, on 1 April 2027 at 09:05 UTC.",
            ),
            (
                "password:plant",
                News::Expiry(ends(Governs::Password, Stage::Day)),
                "The password of mailbox plant ends within a day, on 1 April 2027 at 09:05 UTC.",
            ),
        ] {
            assert_eq!(said(subject, &news), expected);
        }
    }

    #[test]
    fn incidents_are_sentences_and_so_is_their_end() {
        let trouble = |state, class, rejection| {
            News::Incident(Trouble { state, since: at("2027-04-11T09:05:00Z"), class, rejection })
        };
        let app = Some(FaultClass::AppRegistration);
        let password = Some(FaultClass::PasswordRefused);
        for (subject, news, expected) in [
            (
                "incident:contoso",
                trouble(State::Opened, app, None),
                "The app registration at provider contoso fails, since 11 April 2027 at 09:05 UTC, \
                 and with it all its accounts.",
            ),
            (
                "incident:contoso",
                trouble(State::Open, app, None),
                "The app registration at provider contoso still fails, since 11 April 2027 at 09:05 UTC, \
                 and with it all its accounts. This is said again until it works.",
            ),
            (
                "incident:contoso",
                trouble(State::Closed, app, None),
                "The app registration at provider contoso works again. It failed since 11 April 2027 at \
                 09:05 UTC.",
            ),
            (
                "mailbox:plant",
                trouble(State::Opened, password, None),
                "Mailbox plant has been failing since 11 April 2027 at 09:05 UTC (password refused).",
            ),
            (
                "mailbox:plant",
                trouble(State::Closed, None, None),
                "Mailbox plant works again. It failed since 11 April 2027 at 09:05 UTC.",
            ),
            (
                "schedule:batches",
                trouble(State::Opened, None, None),
                "Mail is fetched late: some has been due since 11 April 2027 at 09:05 UTC.",
            ),
            (
                "schedule:batches",
                trouble(State::Closed, None, None),
                "Mail is fetched in time again. It was late since 11 April 2027 at 09:05 UTC.",
            ),
            (
                "address:0a1b2c3d4e5f",
                trouble(State::Opened, None, Some(Rejection::Bounced)),
                "No operator can be reached by mail: since 11 April 2027 at 09:05 UTC an address takes none, \
                 because mail to it came back (digest 0a1b2c3d4e5f).",
            ),
            (
                "address:0a1b2c3d4e5f",
                trouble(State::Closed, None, None),
                "An operator's address takes mail again, or is none any more (digest 0a1b2c3d4e5f). It took \
                 none since 11 April 2027 at 09:05 UTC.",
            ),
        ] {
            assert_eq!(said(subject, &news), expected);
        }
    }
}
