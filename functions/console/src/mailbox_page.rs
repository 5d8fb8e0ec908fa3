//! The page of one mailbox: how it is doing, its settings, and what can be done with it.

use crate::{
    addressee::Addressee,
    calendar::{Clock, When},
    condition::{Explained, State},
    language::Speak,
    mailbox::Found,
    mailbox_form::{Form, Wrongs},
    mailbox_state,
    page::Page,
    quarantine::Quarantined,
    texts::Fill,
    verdict::Verdict,
    way_back::WayBack,
};
use askama::Template;
use jiff::{Timestamp, tz::TimeZone};
use postroom_language::{Words, day_in};
use postroom_model::{AccountId, Auth, EndDate, Interval, Language, Mailbox, MailboxState, amount};
use postroom_registry::LoadedMailbox;

/// The choices of how often; a mailbox's own is added where it is another.
const INTERVALS: [&str; 11] = ["1m", "2m", "5m", "10m", "15m", "30m", "1h", "2h", "6h", "12h", "1d"];

/// What stands in the form, and what is said about it.
pub(crate) struct Shown {
    pub(crate) form: Form,
    pub(crate) wrongs: Wrongs,
    pub(crate) done: Option<&'static str>,
    pub(crate) tested: Option<Verdict>,
}

#[derive(Template)]
#[template(path = "mailbox.html")]
pub(crate) struct MailboxPage<'a> {
    page: Page<'a>,
    id: &'a str,
    form: Form,
    wrongs: Wrongs,
    is_wrong: bool,
    done: Option<&'static str>,
    tested: Option<Verdict>,
    state: State,
    fault: Option<Explained>,
    archived: String,
    last: Option<When>,
    polled: Option<When>,
    /// When its password ends, in words; none where it has none.
    password_ends: Option<String>,
    owners: &'a [Addressee],
    backlog: u64,
    quarantined: u64,
    quarantine: Vec<Quarantined>,
    /// That there is more in quarantine than is shown.
    quarantine_more: Option<String>,
    /// What rules have left out, in words; none where they have not.
    left_out: Option<String>,
    /// What was read today, in words; none where nobody counts.
    today: Option<String>,
    has_attachments: bool,
    way_back: Option<WayBack>,
    is_paused: bool,
    transcript_until: Option<String>,
    transcript_what: String,
    has_password: bool,
    accounts: &'a [AccountId],
    intervals: Vec<(String, String, bool)>,
    port_hint: String,
}

impl<'a> MailboxPage<'a> {
    pub(crate) fn new(page: Page<'a>, found: &'a Found, shown: Shown, clock: Clock<'_>) -> Self {
        let Clock { now, language, .. } = clock;
        let t = &language.texts().mailbox;
        let Shown { form, wrongs, done, tested } = shown;
        let LoadedMailbox { placed, state } = &found.loaded;
        let mailbox = &placed.mailbox;
        let when = |at: Option<Timestamp>| at.map(|at| clock.when(at));
        let transcript_until = placed.transcript_until.filter(|until| *until > now);
        let usual = mailbox.protocol.default_port(mailbox.server.tls);
        Self {
            page,
            id: mailbox.id.as_str(),
            is_wrong: wrongs != Wrongs::default(),
            wrongs,
            done,
            tested,
            state: mailbox_state::words(placed, state, clock),
            fault: state.failure.as_ref().map(|failure| Explained::new(&failure.fault, language)),
            archived: t
                .archived_what
                .fill(&[("n", &language.number(state.messages)), ("size", &size(state.bytes))]),
            last: when(state.last_success),
            polled: when(match &state.no_turn {
                Some(no_turn) => no_turn.polled_at,
                None => found.batch.as_ref().and_then(|batch| batch.completed_at),
            }),
            password_ends: (mailbox.auth == Auth::Basic)
                .then(|| password_ends(mailbox.password_expires, clock)),
            owners: &found.owners,
            backlog: state.backlog,
            quarantined: state.quarantined,
            quarantine: Quarantined::first(&found.quarantine, clock),
            quarantine_more: Quarantined::more(&found.quarantine, language),
            left_out: left_out(mailbox, state, language),
            today: today(mailbox, state, clock),
            has_attachments: mailbox.attachments,
            way_back: found.former.as_ref().map(|former| WayBack::new(former, clock)),
            is_paused: placed.paused_at.is_some(),
            transcript_until: transcript_until
                .map(|until| t.transcript_on.fill(&[("when", &clock.moment(until))])),
            transcript_what: t.transcript_what.fill(&[("place", &found.transcripts)]),
            has_password: found.has_password,
            accounts: &found.accounts,
            intervals: intervals(&form.interval, language),
            port_hint: t.port_hint.fill(&[("port", &usual)]),
            form,
        }
    }

    fn is(&self, field: &str, value: &str) -> bool {
        field == value
    }
}

/// What a mailbox's rules have left out, and whether those that stand there now did.
fn left_out(mailbox: &Mailbox, state: &MailboxState, language: Language) -> Option<String> {
    let t = &language.texts().mailbox;
    let is_present = state.left_out_by == Some(mailbox.filter.fingerprint());
    let text = if is_present { t.left_out_now } else { t.left_out_before };
    (state.left_out > 0).then(|| text.with("n", language.number(state.left_out)))
}

/// What was read from the server on this day, where there is a limit.
fn today(mailbox: &Mailbox, state: &MailboxState, clock: Clock<'_>) -> Option<String> {
    let most = mailbox.daily_bytes?;
    let date = day_in(clock.now, &TimeZone::UTC);
    let read = state.day.filter(|day| day.date == date).map_or(0, |day| day.bytes);
    let t = &clock.language.texts().mailbox;
    let megabytes = format!("{} MB", clock.language.number(read / 1_000_000));
    Some(t.today_of.fill(&[("n", &megabytes), ("most", &amount::written(most))]))
}

/// When a password ends, in words.
fn password_ends(end: Option<EndDate>, clock: Clock<'_>) -> String {
    let t = &clock.language.texts().mailbox;
    end.map_or(t.password_ends_unknown.to_owned(), |end| {
        let date = clock.end_date(end);
        let distance = clock.distance(end.at());
        let text = if end.at() <= clock.now { t.password_ended } else { t.password_ends_then };
        text.fill(&[("date", &date), ("distance", &distance)])
    })
}

/// A number of bytes in its largest fitting unit.
fn size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = units.into_iter().find(|(_, bits)| bytes >> bits > 0);
    unit.map_or_else(|| format!("{bytes} B"), |(name, bits)| format!("{} {name}", bytes >> bits))
}

/// Value, words and whether it is chosen, of each choice of how often.
fn intervals(chosen: &str, language: Language) -> Vec<(String, String, bool)> {
    let mut known: Vec<Interval> = INTERVALS.iter().filter_map(|text| text.parse().ok()).collect();
    let chosen = chosen.parse::<Interval>().ok();
    if let Some(own) = chosen.filter(|own| !known.contains(own)) {
        known.push(own);
        known.sort();
    }
    let choice =
        |interval: Interval| (interval.to_string(), language.interval(interval), chosen == Some(interval));
    known.into_iter().map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{account::page, fixtures};
    use postroom_model::{Day, Fault, FaultClass};
    use postroom_registry::Former;

    fn html(found: &Found, shown: Shown, language: Language) -> String {
        let administrator = fixtures::administrator();
        let id = &found.loaded.placed.mailbox.id;
        let title = language.texts().mailbox.title.fill(&[("id", id)]);
        let page = page(&administrator, language, title, format!("/mailboxes/{id}"));
        fixtures::html(&MailboxPage::new(page, found, shown, fixtures::clock(language)))
    }

    #[test]
    fn a_mailbox_is_the_same_in_both_languages() {
        let mut placed = fixtures::mailbox("legacy-plant", None);
        placed.mailbox.daily_bytes = Some(2_000_000_000);
        placed.mailbox.attachments = true;
        placed.mailbox.filter.max_bytes = Some(50_000_000);
        let state = MailboxState {
            left_out: 1204,
            left_out_by: Some(placed.mailbox.filter.fingerprint()),
            day: Some(Day { date: "2026-11-22".parse().expect("a day"), bytes: 734_003_200 }),
            quarantined: 2,
            ..fixtures::failing()
        };
        let mut found = Found {
            loaded: LoadedMailbox { placed, state },
            batch: None,
            has_password: true,
            accounts: vec!["projects".parse().expect("id"), "reports".parse().expect("id")],
            owners: Vec::new(),
            quarantine: fixtures::quarantine(),
            transcripts: "s3://post-transcripts/transcripts/legacy-plant/".to_owned(),
            former: None,
        };
        for language in Language::ALL {
            let known = fixtures::undeliverable();
            found.owners = vec![Addressee::new(&known.address, Some(&known), fixtures::clock(language))];
            let t = &language.texts().mailbox;
            let mut form = Form::of(&found.loaded.placed.mailbox);
            form.host = "127.0.0.1".into();
            let wrongs = Wrongs { host: Some(t.wrong_host_local), ..Wrongs::default() };
            let fault =
                Fault::new(FaultClass::PasswordRefused, "LOGIN sign-in refused: NO Invalid \"credentials\"");
            let tested = Some(Verdict::failed("legacy-plant", t.tested_fails, &fault, language));
            let shown = Shown { form, wrongs, done: Some(t.tested_again), tested };
            insta::assert_snapshot!(format!("mailbox_{language}"), html(&found, shown, language));
        }
    }

    #[test]
    fn a_paused_mailbox_can_be_resumed_and_a_transcript_stopped() {
        let mut placed = fixtures::mailbox("site-diary", Some("projects"));
        placed.paused_at = Some(fixtures::at("2026-11-21T12:00:00Z"));
        placed.transcript_until = Some(fixtures::at("2026-11-22T12:30:00Z"));
        let found = Found {
            loaded: LoadedMailbox { placed, state: fixtures::fetched() },
            batch: None,
            has_password: false,
            accounts: Vec::new(),
            owners: Vec::new(),
            quarantine: Vec::new(),
            transcripts: "s3://post-transcripts/transcripts/legacy-plant/".to_owned(),
            former: Some(Former {
                mailbox: fixtures::mailbox("site-diary", None).mailbox,
                at: fixtures::at("2026-11-20T08:00:00Z"),
            }),
        };
        let form = Form::of(&found.loaded.placed.mailbox);
        let shown = Shown { form, wrongs: Wrongs::default(), done: None, tested: None };
        let html = html(&found, shown, Language::En);
        assert!(html.contains("/resume") && !html.contains("/pause"));
        assert!(html.contains("until 22 November 2026, 13:30 CET") && html.contains("Stop the transcript"));
        assert!(html.contains("700 MiB"));
        assert!(html.contains("Until 20 November 2026, 09:00 CET it signed in with its own password"));
        assert!(html.contains("Back to the password") && html.contains("/mailboxes/site-diary/back"));
    }

    #[test]
    fn what_rules_left_out_is_told_with_whether_they_are_the_present_ones() {
        let mut mailbox = fixtures::mailbox("plant", None).mailbox;
        let state = MailboxState { left_out: 3, left_out_by: Some(1), ..MailboxState::default() };
        let told = |mailbox: &Mailbox, state: &MailboxState| left_out(mailbox, state, Language::En);
        assert_eq!(
            told(&mailbox, &state).as_deref(),
            Some("3, the last of them by rules that were changed since")
        );
        mailbox.filter.min_bytes = Some(1);
        let state = MailboxState { left_out_by: Some(mailbox.filter.fingerprint()), ..state };
        assert_eq!(told(&mailbox, &state).as_deref(), Some("3 by the rules below"));
        assert_eq!(told(&mailbox, &MailboxState::default()), None);
        mailbox.daily_bytes = Some(2_000_000_000);
        let yesterday = Some(Day { date: "2026-11-21".parse().expect("a day"), bytes: 5 << 20 });
        let state = MailboxState { day: yesterday, ..state };
        let today = today(&mailbox, &state, fixtures::clock(Language::En));
        assert_eq!(today.as_deref(), Some("0 MB of at most 2GB"));
    }
}
