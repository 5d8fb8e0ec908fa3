//! Maildrops that are full: the memory for their listings is shared, and nobody else waits for it.

use super::{class, mailbox, messages};
use postroom_model::{Mailbox, MailboxId};
use postroom_tests::{Habit, Lab, OddMaildrop};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_maildrop_is_listed_once_there_is_room_and_others_do_not_wait() {
    let full = || OddMaildrop::start(messages(1), Habit::CountsMany(250_000));
    let servers = [full().await, full().await, OddMaildrop::start(messages(3), Habit::None).await];
    // Each of another user: those of one are worked one after the other.
    let named = |(number, server): (usize, &OddMaildrop)| {
        mailbox(server.port(), |json| {
            json["id"] = format!("m{number}").into();
            json["user"] = format!("user{number}").into();
        })
    };
    let mailboxes: Vec<Mailbox> = servers.iter().enumerate().map(named).collect();
    let ids: Vec<MailboxId> = mailboxes.iter().map(|mailbox| mailbox.id.clone()).collect();
    let mut lab = Lab::new().await;
    lab.add(mailboxes.into_iter().map(|mailbox| (mailbox, "pw".to_owned()))).await;

    lab.settings.slice = Duration::from_secs(2);
    let states = lab.poll(&lab.fetch(), &ids).await;
    let asked: usize = servers[..2].iter().map(|server| server.asked("UIDL")).sum();
    assert_eq!(asked, 1, "one of them is listed, and the other waits");
    assert_eq!(states[2].messages, 3, "a small one is fetched meanwhile");
    assert!(states.iter().all(|state| class(state).is_none()), "to wait is no failure: {states:?}");

    for server in &servers {
        server.free().await;
    }
    lab.settings.slice = Duration::from_secs(20);
    let states = lab.poll(&lab.fetch(), &ids).await;
    let found: Vec<_> = states.iter().map(|state| (class(state), state.messages)).collect();
    assert_eq!(found, [(None, 1), (None, 1), (None, 3)], "one after the other");
}
