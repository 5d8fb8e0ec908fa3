//! A whole year in Berlin, across both changes of the clock, against a table of what is to be told.
//!
//! The table was worked out with a calendar, not with this program.

use super::{
    Clock, Watch, account, assert_on_record, at, brought, consent, hours, lab, line, mailbox, next_tick,
    on_record, provider, read, refuse, schema, set, to,
};
use jiff::Timestamp;
use postroom_model::{AccountId, FaultClass, Language, Owner, Recipient, Reminder};
use postroom_tests::{Lab, control, later, token_set};
use postroom_tokens::{Consent, Demand, Tokens};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What people are told: when, what, the stage, and who. A run is at five minutes past every hour.
///
/// - `diary` dies of idleness: last used on 10 December at 09:30. Its owners see to it on 6 April, and
///   from then on it is renewed.
/// - `plans` has tokens with an end: 12 April at 00:15, then 7 November at 10:00.
/// - `annex` has the same on 29 March at 02:10, within the hour of `archive`'s password.
/// - `audits` is to be authorised every six months: 31 July at 14:00, then 25 January at 09:00.
/// - `limited` ends 300 days after consent: 1 November at 02:30, so that "a day before" is in the hour
///   that comes twice.
/// - `archive` has a password that ends on 29 March at 02:30, so that "a day before" is in the hour that
///   does not come.
/// - `revoked` is refused on 3 May at 08:20; `robot`, which is nobody's, by an administrator on
///   1 February at 09:20.
/// - The secret of `contoso` ends on 30 September, the certificate of `fabrikam` on 15 June.
/// - `unused` was never authorised.
const TOLD: &str = "\
2027-02-01 10:05+01:00 account:robot overdue-0 operators
2027-02-08 10:05+01:00 account:robot overdue-1 operators
2027-02-10 10:05+01:00 account:diary month anna
2027-02-10 10:05+01:00 account:diary month carla
2027-02-15 10:05+01:00 account:robot overdue-2 operators
2027-02-28 03:05+01:00 account:annex month carla
2027-02-28 03:05+01:00 password:archive month carla
2027-03-03 10:05+01:00 account:diary week anna
2027-03-03 10:05+01:00 account:diary week carla
2027-03-09 10:05+01:00 account:diary day anna
2027-03-09 10:05+01:00 account:diary day carla
2027-03-10 10:05+01:00 account:diary overdue-0 anna
2027-03-10 10:05+01:00 account:diary overdue-0 carla
2027-03-12 01:05+01:00 account:plans month bernd
2027-03-17 10:05+01:00 account:diary overdue-1 anna
2027-03-17 10:05+01:00 account:diary overdue-1 carla
2027-03-22 03:05+01:00 account:annex week carla
2027-03-22 03:05+01:00 password:archive week carla
2027-03-24 10:05+01:00 account:diary overdue-2 anna
2027-03-24 10:05+01:00 account:diary overdue-2 carla
2027-03-28 04:05+02:00 account:annex day carla
2027-03-28 04:05+02:00 password:archive day carla
2027-03-29 03:05+02:00 account:annex overdue-0 carla
2027-03-29 03:05+02:00 password:archive overdue-0 carla
2027-03-31 10:05+02:00 account:diary overdue-3 anna
2027-03-31 10:05+02:00 account:diary overdue-3 carla
2027-04-05 01:05+02:00 account:plans week bernd
2027-04-05 03:05+02:00 password:archive overdue-1 carla
2027-04-11 01:05+02:00 account:plans day bernd
2027-04-12 01:05+02:00 account:plans overdue-0 bernd
2027-04-19 01:05+02:00 account:plans overdue-1 bernd
2027-05-03 09:05+02:00 account:revoked overdue-0 bernd
2027-05-10 09:05+02:00 account:revoked overdue-1 bernd
2027-05-15 10:05+02:00 provider:fabrikam month operators
2027-05-17 09:05+02:00 account:revoked overdue-2 bernd
2027-06-08 10:05+02:00 provider:fabrikam week operators
2027-06-30 14:05+02:00 account:audits month carla
2027-07-24 14:05+02:00 account:audits week carla
2027-08-30 02:05+02:00 provider:contoso month operators
2027-09-23 02:05+02:00 provider:contoso week operators
2027-09-29 02:05+02:00 provider:contoso day operators
2027-09-30 02:05+02:00 provider:contoso overdue-0 operators
2027-10-01 03:05+02:00 account:limited month anna
2027-10-07 02:05+02:00 provider:contoso overdue-1 operators
2027-10-07 10:05+02:00 account:plans month bernd
2027-10-25 03:05+02:00 account:limited week anna
2027-10-31 02:05+01:00 account:limited day anna
2027-10-31 10:05+01:00 account:plans week bernd
2027-11-01 03:05+01:00 account:limited overdue-0 anna
2027-11-06 10:05+01:00 account:plans day bernd
2027-11-08 03:05+01:00 account:limited overdue-1 anna
2027-12-25 09:05+01:00 account:audits month carla
";

static CLOCK: Clock = Clock::new(0);

fn now() -> Timestamp {
    read(&CLOCK)
}

/// What people do in that year, and when.
#[derive(Debug, Clone, Copy)]
enum Deed {
    /// A consent whose refresh token ends then, where it does.
    Consent(&'static str, Option<&'static str>),
    /// A consent at the authorization server, whose tokens can be renewed.
    Sign(&'static str),
    /// A renewal as `token-refresh` makes it.
    Renew(&'static str),
    /// All that somebody consented to is revoked, and the next renewal finds it out.
    Revoke(&'static str),
    /// The directory's administrator keeps an app out.
    KeepOut(&'static str),
    /// The administrator lets it in again.
    LetIn(&'static str),
    /// A provider's secret or certificate is replaced by one that ends then.
    Replace(&'static str, &'static str),
    /// A mailbox's password is replaced by one that ends then.
    NewPassword(&'static str, &'static str),
}

use Deed::{Consent as Consents, KeepOut, LetIn, NewPassword, Renew, Replace, Revoke, Sign};

const DEEDS: [(&str, Deed); 27] = [
    ("2026-12-10T08:30:00Z", Consents("diary", None)),
    ("2026-12-20T10:00:00Z", Sign("revoked")),
    ("2026-12-20T10:00:00Z", LetIn("robot")),
    ("2027-01-02T00:00:00Z", Consents("plans", Some("2027-04-11T22:15:00Z"))),
    ("2027-01-02T00:00:00Z", Consents("annex", Some("2027-03-29T00:10:00Z"))),
    ("2027-01-05T01:30:00Z", Consents("limited", None)),
    ("2027-01-31T12:00:00Z", Consents("audits", None)),
    ("2027-02-01T08:20:00Z", KeepOut("robot")),
    ("2027-02-16T09:00:00Z", LetIn("robot")),
    ("2027-04-03T15:00:00Z", Consents("annex", Some("2029-04-01T00:00:00Z"))),
    ("2027-04-06T10:00:00Z", Sign("diary")),
    ("2027-04-07T07:00:00Z", NewPassword("archive", "2029-03-29")),
    ("2027-04-21T09:00:00Z", Consents("plans", Some("2027-11-07T09:00:00Z"))),
    ("2027-05-03T06:20:00Z", Revoke("revoked")),
    ("2027-05-16T10:00:00Z", Renew("diary")),
    ("2027-05-20T06:00:00Z", Sign("revoked")),
    ("2027-06-10T08:00:00Z", Replace("fabrikam", "2029-06-15")),
    ("2027-06-25T10:00:00Z", Renew("diary")),
    ("2027-07-25T08:00:00Z", Consents("audits", None)),
    ("2027-08-04T10:00:00Z", Renew("diary")),
    ("2027-09-13T10:00:00Z", Renew("diary")),
    ("2027-10-12T10:00:00Z", Replace("contoso", "2029-09-30")),
    ("2027-10-23T10:00:00Z", Renew("diary")),
    ("2027-11-06T15:00:00Z", Consents("plans", Some("2029-01-01T00:00:00Z"))),
    ("2027-11-10T12:00:00Z", Consents("limited", None)),
    ("2027-12-02T10:00:00Z", Renew("diary")),
    ("2027-12-30T10:00:00Z", Renew("diary")),
];

/// A year's cast, and what they do.
struct Stage<'a> {
    lab: &'a Lab,
    tokens: Tokens,
    /// The user at the authorization server whose tokens an account has.
    users: BTreeMap<&'static str, String>,
}

impl<'a> Stage<'a> {
    async fn new(lab: &'a Lab, begin: Timestamp) -> Self {
        let bernd = Owner { address: lab.person("bernd"), language: Some(Language::De) };
        lab.registry.put_owner(&bernd).await.expect("stored");
        let real = lab.provider(|_| {}).await;
        let idle =
            postroom_model::Provider { idle_days: Some(90), id: "idle".parse().expect("an id"), ..real };
        lab.registry.put_provider(&idle, begin).await.expect("stored");
        lab.secret(&idle.id, &postroom_tests::environment("POSTROOM_TEST_CLIENT_SECRET")).await;
        let end =
            |end: &'static str| move |json: &mut serde_json::Value| json["client_auth_expires"] = end.into();
        provider(lab, "contoso", begin, end("2027-09-30")).await;
        let ends = "2027-06-15T10:00:00+02:00";
        provider(lab, "fabrikam", begin, |json| {
            json["client_auth"] = "certificate".into();
            json["client_auth_expires"] = ends.into();
        })
        .await;
        provider(lab, "plain", begin, |_| {}).await;
        provider(lab, "limits", begin, |json| json["authorization_days"] = 300.into()).await;

        account(lab, "diary", "idle", &["anna"], begin, |_| {}).await;
        account(lab, "plans", "plain", &["bernd"], begin, |_| {}).await;
        account(lab, "annex", "plain", &["carla"], begin, |_| {}).await;
        account(lab, "audits", "plain", &[], begin, |json| json["reauthorise_every"] = "6mo".into()).await;
        account(lab, "limited", "limits", &["anna"], begin, |_| {}).await;
        account(lab, "revoked", "sso", &["bernd", "Bernd"], begin, |_| {}).await;
        account(lab, "robot", "plain", &["anna"], begin, |json| json["grant"] = "client_credentials".into())
            .await;
        account(lab, "unused", "plain", &["bernd"], begin, |_| {}).await;
        mailbox(lab, "diary-1", Some("diary"), &["ANNA", "carla"], begin, |_| {}).await;
        mailbox(lab, "diary-2", Some("diary"), &[], begin, |_| {}).await;
        mailbox(lab, "audits-1", Some("audits"), &["carla"], begin, |_| {}).await;
        let ends = "2027-03-29T02:30:00+02:00";
        mailbox(lab, "archive", None, &["carla"], begin, |json| json["password_expires"] = ends.into()).await;
        Self { lab, tokens: lab.tokens(now), users: BTreeMap::new() }
    }

    async fn act(&mut self, deed: Deed, moment: Timestamp) {
        set(&CLOCK, moment);
        let id = |name: &str| -> AccountId { name.parse().expect("an id") };
        match deed {
            Consents(name, ends) => {
                let left = ends.map(|ends| at(ends).as_second() - moment.as_second());
                consent(&self.tokens, &id(name), moment, brought(moment, left)).await;
            }
            Sign(name) => {
                let user = format!("{name}-{:08x}", fastrand::u32(..));
                let tokens = token_set(&user).await;
                let tokens = postroom_model::TokenSet::from_response(&tokens, moment).expect("a token set");
                // The same person, whatever the server calls each user of a test.
                let consent = Consent { at: moment, identity: Some(name.to_owned()) };
                let accepted = self.tokens.accept(&id(name), tokens, consent, later(moment, 30)).await;
                accepted.expect("accepted");
                self.users.insert(name, user);
            }
            Renew(name) => assert_eq!(self.renew(&id(name), moment).await, "refreshed", "{name}"),
            Revoke(name) => {
                control("POST", &format!("revoke?user={}", self.users[name])).await;
                assert_eq!(self.renew(&id(name), moment).await, "owner_must_reauthorise", "{name}");
            }
            KeepOut(name) => {
                refuse(self.lab, &id(name), FaultClass::AccountPolicy, moment).await;
            }
            LetIn(name) => {
                let mut tokens = brought(moment, None);
                tokens.refresh_token = None;
                consent(&self.tokens, &id(name), moment, tokens).await;
            }
            Replace(name, ends) => {
                let id = name.parse().expect("an id");
                let found = self.lab.registry.provider(&id).await.expect("an answer").expect("a provider");
                let ends = Some(ends.parse().expect("an end"));
                let provider = postroom_model::Provider { client_auth_expires: ends, ..found };
                self.lab.registry.put_provider(&provider, moment).await.expect("stored");
            }
            NewPassword(name, ends) => {
                let change = |json: &mut serde_json::Value| json["password_expires"] = json!(ends);
                mailbox(self.lab, name, None, &["carla"], moment, change).await;
            }
        }
    }

    async fn renew(&self, id: &AccountId, moment: Timestamp) -> &'static str {
        let demand = Demand::Stale { refused: None };
        self.tokens.renew(id, demand, later(moment, 30)).await.expect("an outcome").name()
    }
}

/// Whether the schedule's every hour is played, due or not.
fn is_near_a_change_of_the_clock(moment: Timestamp) -> bool {
    let near = |change: &str| moment.duration_since(at(change)).abs().as_hours() < 30;
    near("2027-03-28T01:00:00Z") || near("2027-10-31T01:00:00Z")
}

/// The hour of the next run that may have something to do: where something is due, or was done.
async fn next_run(lab: &Lab, last: Timestamp, deeds: &[(&str, Deed)]) -> Timestamp {
    let next = hours(last, 1);
    if is_near_a_change_of_the_clock(next) {
        return next;
    }
    let far = at("2100-01-01T00:00:00Z");
    let due = lab.registry.due_subjects(far, 1000).await.expect("an answer");
    let due = due.iter().map(|due| due.remind_at).min();
    let done = deeds.iter().map(|(moment, _)| at(moment)).find(|moment| *moment > last);
    let soonest = due.into_iter().chain(done).min().unwrap_or(far);
    // The hours around the change of the clock come in any case.
    let changes = ["2027-03-26T20:00:00Z", "2027-10-29T20:00:00Z"].map(at);
    let soonest = changes.into_iter().filter(|change| *change > last).chain([soonest]).min().unwrap_or(far);
    next_tick(soonest).max(next)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "how many runs a year took is worth a line")]
async fn a_year_is_told_as_the_calendar_has_it() {
    let lab = lab().await;
    let begin = at("2026-12-01T00:05:00Z");
    let end = at("2027-12-31T23:00:00Z");
    let mut stage = Stage::new(&lab, begin).await;
    let mut watch = Watch::new(&lab);
    let (mut moment, mut last, mut runs) = (begin, begin, 0);
    while moment <= end {
        for (when, deed) in DEEDS.into_iter().filter(|(when, _)| at(when) > last && at(when) <= moment) {
            stage.act(deed, at(when)).await;
        }
        let told = watch.run(moment).await;
        runs += 1;
        let people: BTreeSet<&Vec<String>> = told.mails.iter().map(|mail| &mail.to).collect();
        assert_eq!(people.len(), told.mails.len(), "one mail for each person at {moment}");
        let records = on_record(&lab).await;
        let new: Vec<&Reminder> = records.iter().filter(|reminder| reminder.sent_at == moment).collect();
        let ids: BTreeSet<&str> = told.mails.iter().map(|mail| mail.message_id.as_str()).collect();
        let people = new.iter().filter(|reminder| matches!(reminder.recipient, Recipient::Person(_)));
        let recorded: BTreeSet<&str> = people.filter_map(|reminder| reminder.message_id.as_deref()).collect();
        assert_eq!(ids, recorded, "what was mailed at {moment} is what is on record of it");
        let machines = new.iter().filter(|reminder| reminder.recipient == Recipient::Events).count();
        assert_eq!(told.events.len(), machines, "events at {moment}");
        last = moment;
        moment = next_run(&lab, last, &DEEDS).await;
    }
    println!("a year took {runs} runs");

    let records = on_record(&lab).await;
    let lines = |of: fn(&Recipient) -> bool| -> BTreeSet<String> {
        records
            .iter()
            .filter(|reminder| of(&reminder.recipient))
            .map(|reminder| line(&lab, reminder))
            .collect()
    };
    let told: Vec<String> = lines(|recipient| *recipient != Recipient::Events).into_iter().collect();
    let expected: Vec<&str> = TOLD.lines().collect();
    similar(&told, &expected);
    // Machines are told the same, once for all people.
    let machines: Vec<String> = lines(|recipient| *recipient == Recipient::Events).into_iter().collect();
    let without_person = |line: &&str| line.rsplit_once(' ').map(|(rest, _)| format!("{rest} events"));
    let expected: BTreeSet<String> = expected.iter().filter_map(without_person).collect();
    similar(&machines, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    assert_on_record(&lab).await;

    let mails = lab.mails().await;
    assert!(to(&mails, &lab, "bernd").iter().all(|mail| mail.body_text.starts_with("Guten Tag")));
    assert!(to(&mails, &lab, "anna").iter().all(|mail| mail.body_text.starts_with("Hello")));
    lab.events().await.iter().for_each(schema::assert_valid);
}

/// Compares two lists line by line.
fn similar(found: &[String], expected: &[&str]) {
    let found_lines: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let expected_lines: BTreeSet<&str> = expected.iter().copied().collect();
    let missing: Vec<_> = expected_lines.difference(&found_lines).collect();
    let surplus: Vec<_> = found_lines.difference(&expected_lines).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "not told: {missing:#?}\nnot expected: {surplus:#?}");
    assert_eq!(found, expected);
}
