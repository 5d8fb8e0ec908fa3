//! Exactly once: whoever runs again, at the same time, or is killed.

use super::{
    Clock, Watch, account, assert_on_record, at, brought,
    cast::{CONSENTED, MONTH, PEOPLE, five, received},
    consent, days, hours, lab, on_record, provider, read, set,
};
use jiff::{SignedDuration, Timestamp};
use postroom_model::Recipient;
use postroom_tests::{Act, Call, Gate, Lab, Process, later, run_at};
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};

/// Everybody got one mail, but for so many at most who got another; everything is on record once, and
/// nothing is due any more.
async fn assert_told(lab: &Lab, repeated: usize, now: Timestamp, context: &str) {
    let counts = received(lab).await;
    for name in PEOPLE {
        assert!(counts.contains_key(&lab.person(name)), "{context}: {name} was skipped: {counts:?}");
    }
    let surplus: usize = counts.values().map(|count| count - 1).sum();
    assert!(surplus <= repeated, "{context}: {surplus} mails too many: {counts:?}");
    let records = on_record(lab).await;
    let people = records.iter().filter(|record| record.recipient != Recipient::Events).count();
    assert_eq!(people, 10, "{context}: two accounts for each person");
    assert_eq!(records.len() - people, 6, "{context}: an event for each account");
    let known: BTreeSet<String> = records.iter().filter_map(|record| record.message_id.clone()).collect();
    let mails = lab.mails().await;
    let unknown = mails.iter().filter(|mail| !known.contains(&mail.message_id)).count();
    assert!(unknown <= repeated, "{context}: {unknown} mails are not on record");
    let due = lab.registry.due_subjects(now, 10).await.expect("an answer");
    assert!(due.is_empty(), "{context}: still due: {due:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_repeated_tells_nobody_anything() {
    let lab = five().await;
    let check = lab.checker();
    for minutes in [0, 0, 1, 60] {
        run_at(&check, later(at(MONTH), minutes * 60)).await;
    }
    assert_told(&lab, 0, hours(at(MONTH), 2), "repeated").await;
    assert_on_record(&lab).await;
    assert_eq!(lab.events().await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_at_once_tell_everybody_once() {
    for slowly in [false, true] {
        let lab = five().await;
        let gate = Gate::start().await;
        if slowly {
            gate.rule(Call::MAIL, Act::Delay(Duration::from_millis(150)));
        }
        let round = lab.round(&gate.endpoint(), at(MONTH));
        let mut processes = Vec::new();
        for _ in 0..2 {
            processes.push(Process::start(env!("CARGO_BIN_EXE_remind"), &round).await);
        }
        for process in &mut processes {
            process.go().await;
        }
        let mut busy = 0;
        for process in processes {
            let answer: Value = process.came().await;
            busy += usize::from(answer["busy"] == true);
        }
        assert_told(&lab, 0, at(MONTH), "two at once").await;
        assert_on_record(&lab).await;
        assert!(!slowly || busy == 1, "one of them ends at once");
    }
}

/// Where a process is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// SES has not seen the mail.
    BeforeMail,
    /// SES has taken it, and the process does not know it.
    Mailed,
    /// It is about to be put on record.
    BeforeRecord,
    /// It is on record, and the process does not know it.
    Recorded,
    /// EventBridge has not seen the events.
    BeforeEvents,
    /// EventBridge has taken them, and the process does not know it.
    Put,
    /// The subjects are about to be moved on.
    BeforeMove,
    /// One is, and the process does not know it.
    Moved,
}

impl Moment {
    const ALL: [Self; 8] = [
        Self::BeforeMail,
        Self::Mailed,
        Self::BeforeRecord,
        Self::Recorded,
        Self::BeforeEvents,
        Self::Put,
        Self::BeforeMove,
        Self::Moved,
    ];

    fn rule(self) -> (Call, Act) {
        match self {
            Self::BeforeMail => (Call::MAIL, Act::Hold),
            Self::Mailed => (Call::MAIL, Act::HoldAnswer),
            Self::BeforeRecord => (Call::RECORD_REMINDER, Act::Hold),
            Self::Recorded => (Call::RECORD_REMINDER, Act::HoldAnswer),
            Self::BeforeEvents => (Call::EVENTS, Act::Hold),
            Self::Put => (Call::EVENTS, Act::HoldAnswer),
            Self::BeforeMove => (Call::MOVE_REMINDER, Act::Hold),
            Self::Moved => (Call::MOVE_REMINDER, Act::HoldAnswer),
        }
    }
}

/// Has a process run, and kills it when the third request of a kind comes to the gate, so that some
/// things are done and others are not. Says whether it still ran.
async fn kill(lab: &Lab, (call, act): (Call, Act), nth: usize, after: Duration) -> bool {
    let gate = Gate::start().await;
    let mut came = 0;
    gate.script(move |request| {
        came += usize::from(call.is(request));
        (call.is(request) && came >= nth).then(|| act.clone())
    });
    let round = lab.round(&gate.endpoint(), at(MONTH));
    let mut process = Process::start(env!("CARGO_BIN_EXE_remind"), &round).await;
    process.go().await;
    gate.met().await;
    if !after.is_zero() {
        gate.open();
        tokio::time::sleep(after).await;
    }
    process.kill().await
}

/// Mails that SES had taken, and of which not all was on record yet: those that may be repeated.
async fn in_doubt(lab: &Lab) -> usize {
    let records = on_record(lab).await;
    let told = |person: &str| {
        let person = Recipient::Person(person.to_owned());
        records.iter().filter(|record| record.recipient == person).count()
    };
    received(lab).await.keys().filter(|person| told(person) < 2).count()
}

/// What SES had taken when the process was killed, and was not on record, is repeated once. Nobody is
/// skipped, and nothing else is repeated.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_skips_nobody() {
    for moment in Moment::ALL {
        // The events of all go in one request.
        let events = matches!(moment, Moment::BeforeEvents | Moment::Put);
        for nth in if events { 1..=1 } else { 1..=3 } {
            let lab = five().await;
            let context = format!("{moment:?} {nth}");
            assert!(kill(&lab, moment.rule(), nth, Duration::ZERO).await, "{context}");
            let before = lab.mails().await.len();
            assert!(before <= 6, "{context}");
            let next = hours(at(MONTH), 1);
            let busy = run_at(&lab.checker(), next).await;
            assert_eq!(busy["busy"], true, "{context}: its claim lasts as long as it could have");
            assert_eq!(lab.mails().await.len(), before, "{context}");
            lab.forget_run().await;
            let repeated = in_doubt(&lab).await;
            run_at(&lab.checker(), next).await;
            assert_told(&lab, repeated, next, &context).await;
            run_at(&lab.checker(), hours(next, 1)).await;
            assert_told(&lab, repeated, hours(next, 1), &context).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "how many were killed in time is worth a line")]
async fn processes_that_are_killed_at_any_time_skip_nobody() {
    let (mut killed, mut repeated) = (0, 0);
    for _ in 0..12 {
        let lab = five().await;
        let after = Duration::from_micros(fastrand::u64(1..120_000));
        killed += usize::from(kill(&lab, (Call::MAIL, Act::Hold), 1, after).await);
        lab.forget_run().await;
        let doubtful = in_doubt(&lab).await;
        repeated = repeated.max(doubtful);
        let next = hours(at(MONTH), 1);
        run_at(&lab.checker(), next).await;
        assert_told(&lab, doubtful, next, &format!("{after:?}")).await;
    }
    println!("{killed} of 12 were killed before they were through; {repeated} mails at most were repeated");
}

static CLOCK: Clock = Clock::new(0);

fn now() -> Timestamp {
    read(&CLOCK)
}

/// The stages that ten days without a run have missed are not made up for: the present one is told.
#[tokio::test(flavor = "multi_thread")]
async fn after_ten_days_without_a_run_the_present_stage_is_told() {
    let lab = lab().await;
    let begin = at(CONSENTED);
    set(&CLOCK, begin);
    provider(&lab, "contoso", begin, |_| {}).await;
    // The run before was at noon on 1 March; the next is ten days later.
    let last = at("2027-03-01T11:05:00Z");
    let next = days(last, 10);
    for (id, ends) in [
        ("to-month", days(last, 35)),    // its month began meanwhile
        ("to-week", days(last, 15)),     // a month before was told, its week began
        ("month-to-day", days(next, 1)), // its week and its day began
        ("to-overdue", days(last, 2)),   // its day began, it ended, and that was a week ago
        ("twice-over", days(last, -12)), // told for the second time before, and due for the fourth
        ("far", days(last, 100)),
    ] {
        let id = account(&lab, id, "contoso", &["anna"], begin, |_| {}).await;
        let left = span_of(begin, ends);
        consent(&lab.tokens(now), &id, begin, brought(begin, Some(left))).await;
    }
    let mut watch = Watch::new(&lab);
    watch.run(last).await;
    let told = watch.run(next).await;
    assert_eq!(told.mails.len(), 1);
    let stages: BTreeSet<String> = on_record(&lab)
        .await
        .iter()
        .filter(|reminder| reminder.sent_at == next && reminder.recipient != Recipient::Events)
        .map(|reminder| format!("{} {}", reminder.subject, reminder.stage))
        .collect();
    let expected = [
        "account:month-to-day day",
        "account:to-month month",
        "account:to-overdue overdue-1",
        "account:to-week week",
        "account:twice-over overdue-3",
    ];
    assert_eq!(stages, expected.map(str::to_owned).into());
    assert_eq!(told.events.len(), 5);
    assert!(watch.run(hours(next, 1)).await.mails.is_empty());
}

/// Seconds from one moment to another.
fn span_of(from: Timestamp, to: Timestamp) -> i64 {
    let span: SignedDuration = to.duration_since(from);
    span.as_secs()
}
