//! What fails, goes on failing, and works again: events for machines, mail to the operators where an app
//! registration fails.

use super::{Watch, account, at, days, hours, lab, later, mailbox, on_record, provider, refuse, to};
use jiff::Timestamp;
use postroom_model::{AccountId, Batch, Failure, Fault, FaultClass, MailboxId, ProviderId, Recipient};
use postroom_tests::{Act, Call, Gate, Lab, run_at};
use serde_json::Value;

const BEGIN: &str = "2027-01-04T10:00:00Z";

/// Events as `detail-type subject state class`.
fn said(events: &[Value]) -> Vec<String> {
    let text =
        |event: &Value, path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or("-").to_owned();
    let said = |event: &Value| {
        let parts =
            ["/detail-type", "/detail/subject/kind", "/detail/subject/id", "/detail/state", "/detail/class"];
        parts.map(|path| text(event, path)).join(" ")
    };
    events.iter().inspect(|event| super::schema::assert_valid(event)).map(said).collect()
}

async fn fail(lab: &Lab, id: &MailboxId, class: FaultClass, since: Timestamp, moment: Timestamp) {
    let first = Failure::next(None, Fault::new(class, "no answer"), since, 0.5);
    let failure = Failure { at: moment, ..first };
    lab.registry.record_failure(id, &failure, None).await.expect("recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_fails_for_a_day_is_an_incident_until_it_works() {
    let lab = lab().await;
    let begin = at(BEGIN);
    let id = mailbox(&lab, "diary", None, &["anna"], begin, |_| {}).await.id;
    let mut watch = Watch::new(&lab);
    let mut told = Vec::new();
    // It fails for ten hours, which is nobody's business, works for ten, fails for forty, works for ten,
    // fails for twenty, works for ten, fails for 27, works for two, between two looks, and fails for 41.
    for hour in 0..180 {
        let moment = hours(begin, hour);
        let since = match hour {
            0..10 => Some(0),
            20..60 => Some(20),
            70..90 => Some(70),
            100..127 => Some(100),
            129..170 => Some(129),
            _ => None,
        };
        match since {
            Some(since) => fail(&lab, &id, FaultClass::TimedOut, hours(begin, since), moment).await,
            None => lab.registry.record_success(&id, moment, 0, None).await.expect("recorded"),
        }
        let now = watch.run(later(moment, 60)).await;
        assert!(now.mails.is_empty(), "machines alone");
        told.extend(said(&now.events).into_iter().map(|said| (hour, said)));
    }
    let kinds: Vec<&str> =
        told.iter().filter_map(|(_, said)| said.rsplit_once(' ')).map(|(said, _)| said).collect();
    let [opened, closed] = ["opened", "closed"].map(|how| format!("Postroom Incident mailbox diary {how}"));
    assert_eq!(kinds, [&opened, &closed, &opened, &closed, &opened, &closed]);
    let when: Vec<i64> = told.iter().map(|(hour, _)| *hour).collect();
    assert_eq!([when[0], when[2], when[4]], [44, 124, 153], "after a day");
    for (hour, worked) in [(when[1], 60), (when[3], 127), (when[5], 170)] {
        assert!((worked..=worked + 6).contains(&hour), "within six hours: {when:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_is_told_elsewhere_is_no_incident_of_its_mailbox() {
    let lab = lab().await;
    let begin = at(BEGIN);
    provider(&lab, "contoso", begin, |_| {}).await;
    let ended = account(&lab, "ended", "contoso", &[], begin, |_| {}).await;
    refuse(&lab, &ended, FaultClass::AuthorizationEnded, begin).await;
    for (class, account) in [
        (FaultClass::AuthorizationEnded, Some("ended")),
        (FaultClass::AppRegistration, Some("ended")),
        (FaultClass::PasswordRefused, None),
        // Some mail servers say of a password what authorization servers say of an account.
        (FaultClass::AccountPolicy, None),
    ] {
        let id = mailbox(&lab, &class.name().replace('_', "-"), account, &[], begin, |_| {}).await.id;
        fail(&lab, &id, class, begin, begin).await;
    }
    let mut watch = Watch::new(&lab);
    let told = watch.run(hours(begin, 25)).await;
    let mut told = said(&told.events);
    told.retain(|said| said.contains("mailbox"));
    told.sort();
    let opened = [
        "Postroom Incident mailbox account-policy opened account_policy",
        "Postroom Incident mailbox password-refused opened password_refused",
    ];
    assert_eq!(told, opened);
    // A mailbox that goes while it fails fails no more.
    lab.registry.delete_mailbox(&"password-refused".parse().expect("an id")).await.expect("deleted");
    let mut events = Vec::new();
    for hour in 26..40 {
        events.extend(said(&watch.run(hours(begin, hour)).await.events));
    }
    assert!(events.len() <= 1, "{events:?}");
    assert!(lab.registry.due_subjects(hours(begin, 40), 10).await.expect("an answer").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_incident_is_told_at_once_every_week_and_when_it_is_over() {
    let lab = lab().await;
    let begin = at(BEGIN);
    let (contoso, id, fault) = refused(&lab, begin).await;
    let mut watch = Watch::new(&lab);
    let mut told = Vec::new();
    // The hours around those at which something happens, and some in between.
    let near = [0..6, 100..102, 160..175, 195..210, 298..325, 465..480];
    for hour in near.into_iter().flatten() {
        let moment = hours(begin, hour);
        match hour {
            // Every renewal of every account sees it again.
            1..200 | 300..320 => {
                lab.registry.open_incident(&contoso, &id, &fault, moment).await.expect("recorded");
            }
            200 | 320 => drop(lab.registry.close_incident(&contoso, moment).await.expect("recorded")),
            _ => {}
        }
        let now = watch.run(later(moment, 60)).await;
        assert!(now.mails.iter().all(|mail| mail.to == [lab.operators()]));
        told.extend(said(&now.events).into_iter().map(|said| format!("{hour} {said}")));
        told.extend(now.mails.iter().map(|_| format!("{hour} mail")));
    }
    let expected = [
        "1 Postroom Incident incident contoso opened app_registration",
        "1 mail",
        "169 Postroom Incident incident contoso open app_registration",
        "169 mail",
        "200 Postroom Incident incident contoso closed app_registration",
        "300 Postroom Incident incident contoso opened app_registration",
        "300 mail",
        "320 Postroom Incident incident contoso closed app_registration",
    ];
    assert_eq!(told, expected);
    assert_eq!(lab.registry.incident(&contoso).await.expect("an answer"), None);
}

/// An incident that is over and begins again between two runs is the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_incident_that_comes_back_before_anybody_heard_of_its_end_is_one() {
    let lab = lab().await;
    let begin = at(BEGIN);
    let (contoso, id, fault) = refused(&lab, begin).await;
    let mut watch = Watch::new(&lab);
    lab.registry.open_incident(&contoso, &id, &fault, begin).await.expect("recorded");
    assert_eq!(watch.run(later(begin, 60)).await.mails.len(), 1);
    lab.registry.close_incident(&contoso, later(begin, 120)).await.expect("recorded");
    lab.registry.open_incident(&contoso, &id, &fault, later(begin, 180)).await.expect("recorded");
    let told = watch.run(hours(begin, 1)).await;
    assert!(told.mails.is_empty() && told.events.is_empty(), "{:?}", told.events);
    let still = lab.registry.incident(&contoso).await.expect("an answer").expect("an incident");
    assert_eq!(still.closed_at, None);
}

/// Whoever heard that an incident is over hears that it is back, also where that happens while the end
/// is being told.
#[tokio::test(flavor = "multi_thread")]
async fn an_incident_that_comes_back_while_its_end_is_told_is_told_anew() {
    let lab = lab().await;
    let begin = at(BEGIN);
    let (contoso, id, fault) = refused(&lab, begin).await;
    let mut watch = Watch::new(&lab);
    lab.registry.open_incident(&contoso, &id, &fault, begin).await.expect("recorded");
    watch.run(later(begin, 60)).await;
    lab.registry.close_incident(&contoso, hours(begin, 2)).await.expect("recorded");
    let gate = Gate::start().await;
    gate.rule(Call::EVENTS, Act::HoldAnswer);
    let check = lab.checker_behind(&gate).await;
    let comes_back = async {
        gate.met().await;
        let moment = later(hours(begin, 2), 60);
        lab.registry.open_incident(&contoso, &id, &fault, moment).await.expect("recorded");
        gate.open();
    };
    tokio::join!(run_at(&check, hours(begin, 2)), comes_back);
    let told = watch.told().await;
    assert_eq!(said(&told.events), ["Postroom Incident incident contoso closed app_registration"]);
    let next = watch.run(hours(begin, 3)).await;
    assert_eq!(said(&next.events), ["Postroom Incident incident contoso opened app_registration"]);
    assert_eq!(to(&next.mails, &lab, "operators").len(), 1);
}

/// A provider, an account of it, and what its authorization server says.
async fn refused(lab: &Lab, begin: Timestamp) -> (ProviderId, AccountId, Fault) {
    let contoso = provider(lab, "contoso", begin, |_| {}).await.id;
    let id = account(lab, "diary", "contoso", &["anna"], begin, |_| {}).await;
    (contoso, id, Fault::new(FaultClass::AppRegistration, "AADSTS7000222: the client secret has expired"))
}

#[tokio::test(flavor = "multi_thread")]
async fn fetching_that_is_late_is_an_incident_until_it_is_not() {
    let lab = lab().await;
    let begin = at(BEGIN);
    let id = mailbox(&lab, "diary", None, &["anna"], begin, |_| {}).await.id;
    let batch = Batch {
        id: "5m-0001".parse().expect("an id"),
        interval: "5m".parse().expect("an interval"),
        mailboxes: vec![id],
        due_at: None,
        lease: None,
        completed_at: None,
    };
    lab.registry.put_batch(&batch, begin, 0.0).await.expect("stored");
    let due = lab.registry.oldest_due_batch(hours(begin, 1)).await.expect("an answer").expect("a batch");
    let mut watch = Watch::new(&lab);
    let mut told = Vec::new();
    let mut seen = due;
    for minute in 0..120 {
        let moment = later(begin, minute * 60);
        // It is worked at last after an hour, and is then on time.
        if minute >= 60 {
            let next = later(moment, 300);
            assert!(lab.registry.claim(&batch.id, seen, next).await.expect("an answer").is_some());
            seen = next;
        }
        let events = watch.run(moment).await.events;
        told.extend(said(&events).into_iter().map(|said| (minute, said)));
    }
    let [(opened, first), (closed, second)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(first, "Postroom Incident schedule batches opened -");
    assert_eq!(second, "Postroom Incident schedule batches closed -");
    assert!((15..=17).contains(opened), "{opened}");
    assert_eq!(*closed, 60);
    assert!(on_record(&lab).await.iter().all(|reminder| reminder.recipient == Recipient::Events));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_not_taken_are_put_later() {
    let lab = lab().await;
    let begin = at(BEGIN);
    let id = mailbox(&lab, "diary", None, &["anna"], begin, |_| {}).await.id;
    fail(&lab, &id, FaultClass::Unreachable, begin, begin).await;
    let gate = Gate::start().await;
    gate.rule(Call::EVENTS, Act::Refuse(500, "InternalException"));
    let mut watch = Watch::of(&lab, lab.checker_behind(&gate).await);
    for hour in 24..30 {
        assert!(watch.run(hours(begin, hour)).await.events.is_empty());
    }
    gate.open();
    let mut events = Vec::new();
    for hour in 30..60 {
        events.extend(watch.run(hours(begin, hour)).await.events);
    }
    assert_eq!(said(&events), ["Postroom Incident mailbox diary opened unreachable"]);
    lab.registry.record_success(&id, days(begin, 3), 0, None).await.expect("recorded");
    gate.rule(Call::EVENTS, Act::Refuse(500, "InternalException"));
    assert!(watch.run(days(begin, 3)).await.events.is_empty());
    gate.open();
    let events = watch.run(days(begin, 4)).await.events;
    assert_eq!(said(&events), ["Postroom Incident mailbox diary closed -"]);
}
