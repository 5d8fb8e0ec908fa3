//! The set of ids: how large it becomes, and what its loss costs.

use super::*;

#[test]
fn a_set_that_is_lost_costs_a_look_at_headers() {
    let mut lab = Lab::new(&["a", "b", "c"]);
    lab.run(done);
    lab.known.clear();
    assert_eq!(lab.run(done), nothing(), "the prefix fits");
    lab.held.remove(0);
    assert_eq!(lab.run(done).may_be_known, names(&["b", "c"]));
    assert_eq!(lab.run(done), nothing());
}

#[test]
fn a_set_of_which_much_is_stale_is_written_anew() {
    let uidls: Vec<String> = (0..1_200).map(|n| format!("{n:04}")).collect();
    let mut lab = Lab::new(&uidls.iter().map(String::as_str).collect::<Vec<_>>());
    lab.run(done);
    lab.held.drain(..500);
    lab.run(done);
    assert_eq!(lab.ids(), 1_200, "not yet");
    lab.held.drain(..200);
    lab.held.push(Held::new("new"));
    let generation = lab.cursor.expect("on record").generation;
    assert_eq!(lab.run(done).new, names(&["new"]));
    assert_eq!(lab.ids(), 501);
    assert_ne!(lab.cursor.expect("on record").generation, generation);
    lab.held.remove(0);
    assert_eq!(lab.run(done), Seen { read_set: true, written: (0, 1), ..nothing() });
}

#[test]
fn a_set_is_not_written_anew_without_the_prefix() {
    let uidls: Vec<String> = (0..2_000).map(|n| format!("{n:04}")).collect();
    let mut lab = Lab::new(&uidls.iter().map(String::as_str).collect::<Vec<_>>());
    lab.run(|held| if held.header.contains("1900") { Fate::Pending } else { Fate::Done });
    assert!(lab.cursor.expect("on record").scattered);
    assert_eq!(lab.run(done), Seen { new: names(&["1900"]), read_set: true, written: (1, 1), ..nothing() });
    assert_eq!(lab.ids(), 2_000);
    lab.held.remove(0);
    assert_eq!(lab.run(done), Seen { read_set: true, written: (0, 1), ..nothing() });
}

#[test]
fn a_hundred_thousand_messages_take_little() {
    let held: Vec<Held> = (0..100_000).map(|n| Held::new(&format!("UID{n}-1447683500"))).collect();
    let mut lab = Lab::holding(held);
    assert_eq!(lab.run(done).written, (100_000, 100));
    assert_eq!(lab.run(done), nothing());
    assert_eq!(lab.open().messages.capacity(), 0, "nothing is kept of what is done");
    lab.held.push(Held::new("new"));
    assert_eq!(lab.run(done), Seen { new: names(&["new"]), written: (1, 1), ..nothing() });
    lab.held.remove(50_000);
    assert_eq!(lab.run(done), Seen { read_set: true, written: (0, 1), ..nothing() });
    let cursor = serde_json::to_string(&lab.cursor).expect("writes");
    assert!(cursor.len() < 250, "{cursor}");
    assert!(size_of::<Message>() <= 40);
}
