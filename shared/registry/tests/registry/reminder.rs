//! What was told to whom: once, and listed with the latest first.

use crate::support::{Fixture, at, id};
use aws_sdk_dynamodb::types::AttributeValue;
use postroom_model::{Governs, Recipient, Reminder, Stage, Subject};
use postroom_registry::Position;
use std::collections::HashMap;

const DAY: i64 = 86_400;

fn reminder(account: &str, stage: Stage, recipient: &str, sent_at: i64) -> Reminder {
    Reminder {
        subject: Subject::Account(id(account)),
        ends_at: at(90 * DAY),
        governs: Governs::IdleLimit,
        stage,
        began_at: at(80 * DAY),
        recipient: recipient.to_owned().into(),
        sent_at: at(sent_at),
        message_id: Some(format!("id-{sent_at}")),
    }
}

#[tokio::test]
async fn one_of_twenty_who_tell_the_same_is_on_record() {
    let fixture = Fixture::new().await;
    let told = (0..20).map(|n| {
        let registry = fixture.registry.clone();
        tokio::spawn(async move {
            let reminder = reminder("projects", Stage::Week, "ann@contoso.example", 1000 + n);
            (registry.record_reminder(&reminder).await.expect("answers"), reminder)
        })
    });
    let mut recorded = Vec::new();
    for told in told.collect::<Vec<_>>() {
        let (is_first, reminder) = told.await.expect("runs");
        recorded.extend(is_first.then_some(reminder));
    }
    assert_eq!(recorded.len(), 1);
    let subject = Subject::Account(id("projects"));
    assert_eq!(fixture.registry.reminders_of(&subject, None).await.expect("lists"), recorded);
    assert_eq!(fixture.registry.reminders(None, 9).await.expect("lists").items, recorded);
}

#[tokio::test]
async fn another_end_stage_or_recipient_is_another_reminder() {
    let Fixture { registry, .. } = Fixture::new().await;
    let first = reminder("projects", Stage::Day, "ann@contoso.example", 1000);
    let others = [
        first.clone(),
        Reminder { stage: Stage::Overdue(1), sent_at: at(1001), ..first.clone() },
        Reminder { stage: Stage::Overdue(10), began_at: at(81 * DAY), sent_at: at(1002), ..first.clone() },
        Reminder { recipient: Recipient::Events, sent_at: at(1003), ..first.clone() },
        Reminder {
            recipient: Recipient::Person("ben@contoso.example".into()),
            sent_at: at(1004),
            ..first.clone()
        },
        // An end that begins as another does, and one before 1970.
        Reminder { ends_at: at(90 * DAY * 10), sent_at: at(1005), ..first.clone() },
        Reminder { ends_at: at(-5), sent_at: at(1006), message_id: None, ..first.clone() },
        Reminder { subject: Subject::Incident(id("projects")), sent_at: at(1007), ..first.clone() },
        Reminder { subject: Subject::Schedule, sent_at: at(1008), ..first.clone() },
    ];
    for reminder in &others {
        assert!(registry.record_reminder(reminder).await.expect("records"), "{reminder:?}");
        assert!(!registry.record_reminder(reminder).await.expect("answers"), "{reminder:?}");
    }
    let of = async |subject, ends_at| registry.reminders_of(&subject, ends_at).await.expect("lists");
    let projects = Subject::Account(id("projects"));
    assert_eq!(of(projects.clone(), None).await, others[..7], "in the order of time");
    assert_eq!(of(projects.clone(), Some(at(90 * DAY))).await, others[..5]);
    assert_eq!(of(projects.clone(), Some(at(90 * DAY * 10))).await, others[5..6]);
    assert_eq!(of(projects.clone(), Some(at(-5))).await, others[6..7]);
    assert_eq!(of(projects, Some(at(9))).await, []);
    assert_eq!(of(Subject::Schedule, None).await, others[8..]);
    assert_eq!(of(Subject::Account(id("project")), None).await, []);
}

#[tokio::test]
async fn that_an_end_has_come_is_on_record_by_the_moment_from_which_it_was_said() {
    let Fixture { registry, .. } = Fixture::new().await;
    let overdue = |count, day| Reminder {
        began_at: at(day * DAY),
        ..reminder("projects", Stage::Overdue(count), "ann@contoso.example", day * DAY)
    };
    for (count, day, is_new) in [(0, 90, true), (4, 118, true), (2, 118, false), (4, 146, true)] {
        let recorded = registry.record_reminder(&overdue(count, day)).await.expect("answers");
        assert_eq!(recorded, is_new, "{count} {day}");
    }
}

#[tokio::test]
async fn pages_come_with_the_latest_first() {
    let fixture = Fixture::new().await;
    let registry = &fixture.registry;
    let mut sent = Vec::new();
    // Four people at a time, in the same second, as one run tells them.
    for n in 0..30 {
        let person = format!("p{}@contoso.example", n % 4);
        let reminder = reminder(&format!("a{n:02}"), Stage::Month, &person, 1_000_000 + 3600 * (n / 4));
        assert!(registry.record_reminder(&reminder).await.expect("records"));
        sent.push(reminder);
    }
    for size in [1, 4, 7, 29, 30, 31] {
        let (mut listed, mut from, mut pages) = (Vec::new(), None::<Position>, 0);
        loop {
            let page = registry.reminders(from.as_ref(), size).await.expect("a page");
            assert!(page.items.len() <= size && page.looked_at == page.items.len());
            listed.extend(page.items);
            pages += 1;
            let Some(next) = page.next else { break };
            // As a link to the next page carries it, without a word of whom it is about.
            let text = next.to_string();
            assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || c == '~'), "{text}");
            from = Some(text.parse().expect("a position"));
        }
        assert_eq!(pages, sent.len().div_ceil(size), "pages of {size}");
        assert!(listed.is_sorted_by_key(|reminder| std::cmp::Reverse(reminder.sent_at)));
        let names = |reminders: &[Reminder]| -> Vec<String> {
            let mut names: Vec<_> = reminders.iter().map(|r| r.subject.to_string()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&listed), names(&sent), "each once, in pages of {size}");
    }
    // A position of another list does no harm.
    for (position, found) in [("a", 30), ("-5~a", 0), ("253402207200~z", 30)] {
        let position: Position = position.parse().expect("a position");
        assert_eq!(registry.reminders(Some(&position), 100).await.expect("a page").items.len(), found);
    }
}

#[tokio::test]
async fn a_record_goes_by_itself_and_takes_recipients_of_any_length() {
    let fixture = Fixture::new().await;
    let long = "ü".repeat(3000);
    let reminder = Reminder {
        recipient: Recipient::Person(long),
        message_id: None,
        ..reminder("projects", Stage::Overdue(0), "", 1000)
    };
    assert!(fixture.registry.record_reminder(&reminder).await.expect("records"));
    let subject = Subject::Account(id("projects"));
    assert_eq!(fixture.registry.reminders_of(&subject, None).await.expect("lists"), [reminder]);
    let items = fixture.client.scan().table_name(&fixture.table).send().await.expect("scans");
    let [item]: &[HashMap<_, _>] = items.items() else { panic!("{} items", items.count()) };
    assert_eq!(item["expires_at"], AttributeValue::N((1000 + 400 * DAY).to_string()));
    assert_eq!(item["pk"], AttributeValue::S("REMINDER#account:projects".into()));
    assert!(!item.contains_key("remind_at"));
}
