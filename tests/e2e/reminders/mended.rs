//! What people and servers do in between: consents, renewals, revocations, faults that pass.

use super::{
    Clock, Watch, account, at, brought, consent, days, hours, lab, mailbox, on_record, provider, read,
    refuse, set,
};
use jiff::Timestamp;
use postroom_model::{AccountId, Fault, FaultClass, Governs, Provider, Recipient, Subject, TokenSet};
use postroom_tests::{Lab, User, control, later, token_set};
use postroom_tokens::{Consent, Demand, Tokens};

const BEGIN: &str = "2027-01-01T10:00:00Z";

/// What a person was told, as `subject stage`.
async fn told(lab: &Lab, name: &str) -> Vec<String> {
    let person = Recipient::Person(lab.person(name));
    let records = on_record(lab).await;
    let of_person = records.iter().filter(|reminder| reminder.recipient == person);
    of_person.map(|reminder| format!("{} {}", reminder.subject, reminder.stage)).collect()
}

/// The provider of the authorization server of the test stack, with an idle limit of ninety days.
async fn idle(lab: &Lab, begin: Timestamp) -> Provider {
    let provider = lab.provider(|json| json["idle_days"] = 90.into()).await;
    lab.registry.put_provider(&provider, begin).await.expect("stored");
    provider
}

/// Tokens of the authorization server, as if they had been obtained at `now`.
async fn signed(tokens: &Tokens, id: &AccountId, user: &User, now: Timestamp) {
    let brought = TokenSet::from_response(&token_set(user.name()).await, now).expect("a token set");
    let consent = Consent { at: now, identity: Some(id.to_string()) };
    tokens.accept(id, brought, consent, later(now, 30)).await.expect("accepted");
}

async fn renew(tokens: &Tokens, id: &AccountId, now: Timestamp) -> &'static str {
    let demand = Demand::Stale { refused: None };
    tokens.renew(id, demand, later(now, 30)).await.expect("an outcome").name()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_begins_the_stages_anew() {
    static CLOCK: Clock = Clock::new(0);
    let now = || read(&CLOCK);
    let lab = lab().await;
    let begin = at(BEGIN);
    set(&CLOCK, begin);
    let provider = idle(&lab, begin).await;
    let user = User::new("consent");
    let id = account(&lab, "diary", provider.id.as_str(), &["anna"], begin, |_| {}).await;
    let tokens = lab.tokens(now);
    signed(&tokens, &id, &user, begin).await;
    let mut watch = Watch::new(&lab);
    // It ends on 1 April. Anna acts a day after she was told that a week is left.
    for day in [0, 60, 84] {
        watch.run(later(days(begin, day), 300)).await;
    }
    assert_eq!(told(&lab, "anna").await, ["account:diary month", "account:diary week"]);
    let second = days(begin, 85);
    set(&CLOCK, second);
    signed(&tokens, &id, &user, second).await;
    for day in 85..(85 + 58) {
        assert!(watch.run(later(days(begin, day), 300)).await.mails.is_empty(), "day {day}");
    }
    for day in [60, 84, 89, 90, 97] {
        assert_eq!(
            watch.run(later(days(second, day), 4000)).await.mails.len(),
            1,
            "{day} days after the second"
        );
    }
    let expected = ["month", "week", "month", "week", "day", "overdue-0", "overdue-1"];
    assert_eq!(told(&lab, "anna").await, expected.map(|stage| format!("account:diary {stage}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_puts_the_idle_end_off_says_nothing_more() {
    static CLOCK: Clock = Clock::new(0);
    let now = || read(&CLOCK);
    let lab = lab().await;
    let begin = at(BEGIN);
    set(&CLOCK, begin);
    let provider = idle(&lab, begin).await;
    let id = account(&lab, "diary", provider.id.as_str(), &["anna"], begin, |_| {}).await;
    let tokens = lab.tokens(now);
    signed(&tokens, &id, &User::new("renewed"), begin).await;
    let mut watch = Watch::new(&lab);
    for day in 0..200 {
        let today = days(begin, day);
        if day % 20 == 10 {
            set(&CLOCK, today);
            assert_eq!(renew(&tokens, &id, today).await, "refreshed", "day {day}");
        }
        assert!(watch.run(later(today, 300)).await.mails.is_empty(), "day {day}");
    }
    // From the last renewal on day 190 nobody renews it any more.
    assert_eq!(watch.run(later(days(begin, 190 + 60), 300)).await.mails.len(), 1);
    assert_eq!(told(&lab, "anna").await, ["account:diary month"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_is_told_by_the_next_run_and_a_consent_ends_it() {
    static CLOCK: Clock = Clock::new(0);
    let now = || read(&CLOCK);
    let lab = lab().await;
    let begin = at(BEGIN);
    set(&CLOCK, begin);
    let provider = idle(&lab, begin).await;
    let user = User::new("revoked");
    let id = account(&lab, "diary", provider.id.as_str(), &["anna"], begin, |_| {}).await;
    mailbox(&lab, "diary-1", Some("diary"), &["bernd"], begin, |_| {}).await;
    let tokens = lab.tokens(now);
    signed(&tokens, &id, &user, begin).await;
    let mut watch = Watch::new(&lab);
    assert!(watch.run(later(begin, 300)).await.mails.is_empty());
    control("POST", &format!("revoke?user={}", user.name())).await;
    let found = days(begin, 5);
    set(&CLOCK, found);
    assert_eq!(renew(&tokens, &id, found).await, "owner_must_reauthorise");
    let told_now = watch.run(later(found, 300)).await;
    assert_eq!(told_now.mails.len(), 2, "both owners");
    assert_eq!(told(&lab, "anna").await, ["account:diary overdue-0"]);
    assert_eq!(told_now.events[0]["detail"]["governs"], "refused");
    // A second refusal of what is refused already is the same end.
    set(&CLOCK, hours(found, 1));
    assert_eq!(renew(&tokens, &id, hours(found, 1)).await, "owner_must_reauthorise");
    refuse(&lab, &id, FaultClass::AuthorizationEnded, hours(found, 1)).await;
    assert!(watch.run(later(hours(found, 1), 300)).await.mails.is_empty());
    // A consent ends it; what is revoked after that is another end.
    let mended = hours(found, 2);
    set(&CLOCK, mended);
    signed(&tokens, &id, &user, mended).await;
    assert!(watch.run(later(mended, 300)).await.mails.is_empty());
    assert!(watch.run(days(found, 8)).await.mails.is_empty(), "no weekly word of what is mended");
    control("POST", &format!("revoke?user={}", user.name())).await;
    set(&CLOCK, days(found, 9));
    renew(&tokens, &id, days(found, 9)).await;
    assert_eq!(watch.run(later(days(found, 9), 300)).await.mails.len(), 2);
}

/// Between the run's look and the mail an owner consents: the next run tells nothing of the old end.
#[tokio::test(flavor = "multi_thread")]
async fn a_consent_while_a_mail_is_under_way_is_not_moved_out_of_sight() {
    use postroom_tests::{Act, Call, Gate, Process};
    static CLOCK: Clock = Clock::new(0);
    let now = || read(&CLOCK);
    let lab = lab().await;
    let begin = at(BEGIN);
    set(&CLOCK, begin);
    provider(&lab, "contoso", begin, |json| json["idle_days"] = 90.into()).await;
    let id = account(&lab, "diary", "contoso", &["anna"], begin, |_| {}).await;
    consent(&lab.tokens(now), &id, begin, brought(begin, None)).await;
    let gate = Gate::start().await;
    gate.rule(Call::MAIL, Act::Hold);
    let month = later(days(begin, 60), 300);
    let mut process = Process::start(env!("CARGO_BIN_EXE_remind"), &lab.round(&gate.endpoint(), month)).await;
    process.go().await;
    gate.met().await;
    // Its new tokens end in forty days, so that they are to be spoken of long before the old end's next
    // stage.
    set(&CLOCK, month);
    let left = 40 * 24 * 3600;
    consent(&lab.tokens(now), &id, month, brought(month, Some(left))).await;
    gate.open();
    process.came::<serde_json::Value>().await;
    let mut watch = Watch::new(&lab);
    watch.told().await;
    for day in 1..=40 {
        watch.run(later(days(month, day), 3600)).await;
    }
    let expected = ["month", "month", "week", "day", "overdue-0"];
    assert_eq!(told(&lab, "anna").await, expected.map(|stage| format!("account:diary {stage}")));
    let person = Recipient::Person(lab.person("anna"));
    let sent: Vec<i64> = on_record(&lab)
        .await
        .iter()
        .filter(|r| r.recipient == person)
        .map(|r| r.sent_at.as_second())
        .collect();
    let days_after: Vec<i64> = sent.iter().map(|sent| (sent - month.as_second()) / (24 * 3600)).collect();
    assert_eq!(days_after, [0, 9, 33, 39, 40], "in time");
}

/// An owner consents while a run looks at the account and finds nothing to say: the new end is looked at
/// in time, not when the old one would have been.
#[tokio::test(flavor = "multi_thread")]
async fn a_consent_while_an_account_is_looked_at_is_not_moved_out_of_sight() {
    use postroom_tests::{Act, Call, Gate, Process};
    static CLOCK: Clock = Clock::new(0);
    let now = || read(&CLOCK);
    let lab = lab().await;
    let begin = at(BEGIN);
    set(&CLOCK, begin);
    provider(&lab, "contoso", begin, |json| json["idle_days"] = 90.into()).await;
    let id = account(&lab, "diary", "contoso", &["anna"], begin, |_| {}).await;
    consent(&lab.tokens(now), &id, begin, brought(begin, None)).await;
    let looked = days(begin, 50);
    lab.registry.remind_now(&Subject::Account(id.clone()), looked).await.expect("an answer");
    let gate = Gate::start().await;
    gate.rule(Call::MOVE_REMINDER, Act::Hold);
    let round = lab.round(&gate.endpoint(), later(looked, 300));
    let mut process = Process::start(env!("CARGO_BIN_EXE_remind"), &round).await;
    process.go().await;
    gate.met().await;
    // The month before the new end begins in five days; that before the old one in nine.
    set(&CLOCK, later(looked, 60));
    consent(&lab.tokens(now), &id, later(looked, 60), brought(later(looked, 60), Some(33 * 24 * 3600))).await;
    gate.open();
    process.came::<serde_json::Value>().await;
    let mut watch = Watch::new(&lab);
    let mut mails = Vec::new();
    for day in 1..8 {
        mails.push(watch.run(later(days(looked, day), 4000)).await.mails.len());
    }
    assert_eq!(mails, [0, 0, 0, 0, 1, 0, 0]);
}

/// One mail server that now refuses an account's tokens and now takes them is watched for a day, in which
/// renewals work and say nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn faults_of_one_mail_server_are_told_when_they_have_lasted_for_a_day() {
    static CLOCK: Clock = Clock::new(0);
    let now = || read(&CLOCK);
    let lab = lab().await;
    let begin = at(BEGIN);
    set(&CLOCK, begin);
    let provider = idle(&lab, begin).await;
    let id = account(&lab, "diary", provider.id.as_str(), &["anna"], begin, |_| {}).await;
    let tokens = lab.tokens(now);
    signed(&tokens, &id, &User::new("refused"), begin).await;
    let refused = Fault::new(FaultClass::TokenRefused, "AUTHENTICATE failed.");
    let mut watch = Watch::new(&lab);
    let say = async |fault: Option<&Fault>, moment: Timestamp| {
        lab.registry.record_account_fault(&id, fault, moment).await.expect("recorded");
    };
    // Twenty hours of refusals, four hours of peace, for five days: nobody is told.
    for hour in 0..(5 * 24) {
        let moment = hours(begin, hour);
        say((hour % 24 < 20).then_some(&refused), moment).await;
        let told = watch.run(later(moment, 300)).await;
        assert!(told.mails.is_empty() && told.events.is_empty(), "hour {hour}");
    }
    // From then on it lasts.
    let first = days(begin, 5);
    for hour in 0..=30 {
        let moment = hours(first, hour);
        if hour % 6 == 3 {
            set(&CLOCK, moment);
            assert_eq!(renew(&tokens, &id, moment).await, "refreshed", "hour {hour}");
        }
        say(Some(&refused), moment).await;
        let told = watch.run(later(moment, 300)).await;
        assert_eq!(told.mails.is_empty(), hour != 24, "hour {hour}");
    }
    assert_eq!(told(&lab, "anna").await, ["account:diary overdue-0"]);
}

/// A server whose clock is wrong changes nothing: it says how many seconds are left. One that says anew
/// at each renewal how many are left names the same end, and each stage is told once.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_every_renewal_names_again_is_one_end() {
    static CLOCK: Clock = Clock::new(0);
    let now = || read(&CLOCK);
    let lab = lab().await;
    let begin = at(BEGIN);
    set(&CLOCK, begin);
    let provider = idle(&lab, begin).await;
    let user = User::new("counting");
    let id = account(&lab, "diary", provider.id.as_str(), &["anna"], begin, |_| {}).await;
    let tokens = lab.tokens(now);
    let ends = days(begin, 50);
    let seconds_left = |moment: Timestamp| ends.as_second() - moment.as_second();
    let mut set_of_tokens =
        TokenSet::from_response(&token_set(user.name()).await, begin).expect("a token set");
    set_of_tokens.refresh_expires_at = Some(ends);
    let by = Consent { at: begin, identity: Some(id.to_string()) };
    tokens.accept(&id, set_of_tokens, by, later(begin, 30)).await.expect("accepted");
    let mut watch = Watch::new(&lab);
    for day in 0..58 {
        let today = days(begin, day);
        if day % 3 == 1 && day < 50 {
            // Give or take what the request takes.
            let skew = fastrand::i64(-60..60);
            let left = seconds_left(today) + skew;
            control("POST", &format!("refresh-expires-in?user={}&seconds={left}", user.name())).await;
            set(&CLOCK, today);
            assert_eq!(renew(&tokens, &id, today).await, "refreshed", "day {day}");
        }
        watch.run(later(today, 7200)).await;
    }
    let expected = ["month", "week", "day", "overdue-0", "overdue-1"];
    assert_eq!(told(&lab, "anna").await, expected.map(|stage| format!("account:diary {stage}")));
}

/// What an administrator wants from now on counts from now on, also for what was consented to before.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_new_is_told_by_the_next_run() {
    static CLOCK: Clock = Clock::new(0);
    let now = || read(&CLOCK);
    let lab = lab().await;
    let begin = at(BEGIN);
    set(&CLOCK, begin);
    provider(&lab, "contoso", begin, |_| {}).await;
    let id = account(&lab, "diary", "contoso", &["anna"], begin, |_| {}).await;
    consent(&lab.tokens(now), &id, begin, brought(begin, None)).await;
    let mut watch = Watch::new(&lab);
    let later_on = days(begin, 100);
    assert!(watch.run(later_on).await.mails.is_empty());
    let policy = |json: &mut serde_json::Value| json["reauthorise_every"] = "15w".into();
    account(&lab, "diary", "contoso", &["anna"], later_on, policy).await;
    assert_eq!(watch.run(hours(later_on, 1)).await.mails.len(), 1);
    assert_eq!(told(&lab, "anna").await, ["account:diary week"]);
    // It is taken back, and what is gone is not spoken of.
    account(&lab, "diary", "contoso", &["anna"], hours(later_on, 2), |_| {}).await;
    assert!(watch.run(days(later_on, 20)).await.mails.is_empty());
    account(&lab, "diary", "contoso", &["anna"], days(later_on, 20), policy).await;
    lab.registry.delete_account(&id).await.expect("deleted");
    let told = watch.run(days(later_on, 21)).await;
    assert!(told.mails.is_empty() && told.events.is_empty());
    assert!(lab.registry.due_subjects(days(later_on, 400), 10).await.expect("an answer").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn how_often_an_end_is_said_again_is_the_deployments_matter() {
    for (repeat, expected) in [("0", 1), ("3", 10), ("7", 5)] {
        let lab = lab().await;
        let begin = at(BEGIN);
        let ends = |json: &mut serde_json::Value| json["password_expires"] = BEGIN.into();
        mailbox(&lab, "archive", None, &["anna"], begin, ends).await;
        let mut deployment = lab.deployment();
        deployment.insert("OVERDUE_REPEAT_DAYS".to_owned(), repeat.to_owned());
        let mut watch = Watch::of(&lab, lab.checker_of(&deployment));
        let mut mails = 0;
        for day in 0..30 {
            mails += watch.run(later(days(begin, day), 300)).await.mails.len();
        }
        assert_eq!(mails, expected, "every {repeat} days");
    }
}

/// While renewals work, an idle limit is no end, however short it is; when they fail, it is one.
#[tokio::test(flavor = "multi_thread")]
async fn a_short_idle_limit_is_spoken_of_when_renewals_fail() {
    static CLOCK: Clock = Clock::new(0);
    let now = || read(&CLOCK);
    let lab = lab().await;
    let begin = at(BEGIN);
    set(&CLOCK, begin);
    let provider = lab.provider(|json| json["idle_days"] = 2.into()).await;
    let id = account(&lab, "diary", provider.id.as_str(), &["anna"], begin, |_| {}).await;
    let (tokens, user) = (lab.tokens(now), User::new("short"));
    signed(&tokens, &id, &user, begin).await;
    let mut watch = Watch::new(&lab);
    // Every time a day before the end has begun, and it is put off by two days.
    for count in 1..10 {
        let moment = hours(begin, count * 25);
        for looked in [later(moment, -3300), later(moment, 300)] {
            if looked > moment {
                set(&CLOCK, moment);
                assert_eq!(renew(&tokens, &id, moment).await, "refreshed", "{count}");
            }
            lab.registry.remind_now(&Subject::Account(id.clone()), looked).await.expect("an answer");
            let told = watch.run(looked).await;
            assert!(told.mails.is_empty() && told.events.is_empty(), "{count}: {:?}", told.events);
        }
    }
    // The last renewal that works; the server is down from then on.
    let last = hours(begin, 9 * 25);
    control("POST", &format!("fail?user={}&count=1000&status=503", user.name())).await;
    for hour in 1..50 {
        let moment = hours(last, hour);
        set(&CLOCK, moment);
        assert_eq!(renew(&tokens, &id, moment).await, "transient", "{hour}");
        watch.run(later(moment, 300)).await;
    }
    // The first renewal failed after an hour, and that counts a day later.
    assert_eq!(told(&lab, "anna").await, ["account:diary overdue-0"]);
    let sent: Vec<i64> =
        on_record(&lab).await.iter().map(|r| r.sent_at.duration_since(last).as_hours()).collect();
    assert_eq!(sent, [48, 48], "a person and machines");
}

/// A policy after which mail goes on hides no end after which there is none, however long it is overdue.
/// From the day on which that end comes near, it alone is spoken of: one consent mends both.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_hides_no_end_of_mail() {
    static CLOCK: Clock = Clock::new(0);
    let now = || read(&CLOCK);
    for (tokens_end, of_policy) in [(72, 1), (140, 3 + 8)] {
        let lab = lab().await;
        let begin = at(BEGIN);
        set(&CLOCK, begin);
        provider(&lab, "contoso", begin, |_| {}).await;
        let policy = |json: &mut serde_json::Value| json["reauthorise_every"] = "60d".into();
        let id = account(&lab, "diary", "contoso", &["anna"], begin, policy).await;
        let tokens = brought(begin, Some(tokens_end * 24 * 3600));
        consent(&lab.tokens(now), &id, begin, tokens).await;
        let mut watch = Watch::new(&lab);
        for day in 20..(tokens_end + 3) {
            assert!(watch.run(later(days(begin, day), 4000)).await.mails.len() <= 1, "one message a day");
        }
        let person = Recipient::Person(lab.person("anna"));
        let records = on_record(&lab).await;
        let told: Vec<(Governs, String)> = records
            .iter()
            .filter(|record| record.recipient == person)
            .map(|record| (record.governs, record.stage.to_string()))
            .collect();
        let (policy, tokens) = told.split_at(of_policy);
        assert!(policy.iter().all(|(governs, _)| *governs == Governs::Policy), "{told:?}");
        let expected =
            ["month", "week", "day", "overdue-0"].map(|stage| (Governs::RefreshToken, stage.to_owned()));
        assert_eq!(tokens, expected, "{told:?}");
    }
}
