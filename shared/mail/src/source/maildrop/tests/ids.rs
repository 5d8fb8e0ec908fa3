//! Servers whose unique ids are shared, given out anew, or mere numbers.

use super::*;

#[test]
fn other_ids_for_the_same_messages_are_looked_at_by_header() {
    let mut lab = Lab::new(&["a", "b", "c"]);
    lab.run(done);
    for (held, uidl) in lab.held.iter_mut().zip(["x", "y", "z"]) {
        held.uidl = Some(uidl.to_owned());
    }
    let all = names(&["a", "b", "c"]);
    let maildrop = lab.open();
    let mut opened = lab.clone();
    let seen = opened.finish(maildrop, done);
    assert_eq!(seen, Seen { may_be_known: all, read_set: true, written: (3, 1), ..nothing() });
    assert_eq!(opened.cursor.and_then(|cursor| cursor.known_through), None, "looked through");
    opened.held.push(Held::new("d"));
    assert_eq!(opened.run(done).new, names(&["d"]), "is new for sure");

    // Looking through takes two runs, and new mail comes in between.
    let is_first = |held: &Held| if held.header.contains('a') { Fate::Done } else { Fate::Pending };
    assert_eq!(lab.run(is_first).may_be_known.len(), 3);
    assert!(lab.cursor.and_then(|cursor| cursor.known_through).is_some());
    lab.held.push(Held::new("d"));
    let seen = lab.run(done);
    assert_eq!((seen.may_be_known, seen.new), (names(&["b", "c"]), names(&["d"])));
    assert_eq!(lab.run(done), nothing());
}

#[test]
fn ids_that_are_shared_are_told_apart_by_header() {
    let mut lab = Lab::new(&["a", "x", "x", "b"]);
    lab.held[1].header = "s: one\r\n".into();
    lab.held[2].header = "s: two\r\n".into();
    let seen = lab.run(done);
    assert_eq!((seen.new, seen.looked_at), (names(&["a", "one", "two", "b"]), 2));
    assert_eq!(lab.run(done), nothing());
    lab.held.remove(0);
    lab.held.push(Held { uidl: Some("x".into()), ..Held::without_id("three", 101) });
    let seen = lab.run(done);
    assert_eq!((seen.new, seen.read_set), (names(&["three"]), true));
    assert_eq!(lab.run(done), nothing());
    // One that had its id for itself has to share it: it is looked at, and fetched, once more.
    lab.held.push(Held { uidl: Some("b".into()), ..Held::without_id("four", 101) });
    assert_eq!(lab.run(done).new, names(&["b", "four"]));
    assert_eq!(lab.run(done), nothing());
}

#[test]
fn a_message_with_the_id_of_another_is_not_passed_over() {
    let x = |name| Held { uidl: Some("x".into()), ..Held::without_id(name, 7) };
    // All have one id and one size; the first goes, and another comes.
    let mut lab = Lab::holding(vec![x("a"), x("b")]);
    lab.run(done);
    lab.held.remove(0);
    lab.held.push(x("c"));
    assert_eq!(lab.run(done).new, names(&["c"]));
    assert_eq!(lab.run(done), nothing());
    // One comes before, or behind, the only one that had it.
    for at in [0, 1] {
        let mut lab = Lab::holding(vec![x("a")]);
        assert_eq!(lab.run(done).looked_at, 0);
        lab.held.insert(at, x("b"));
        assert!(lab.run(done).new.contains(&"b".to_owned()), "{at}");
        assert_eq!(lab.run(done), nothing());
    }
}

#[test]
fn ids_that_are_numbers_of_the_session_do_not_count() {
    let numbered = |lab: &mut Lab| {
        for (held, number) in lab.held.iter_mut().zip(1..) {
            held.uidl = Some(format!("{number}"));
        }
    };
    let mut lab = Lab::holding(["a", "b", "c"].map(|name| Held::without_id(name, 7)).into());
    numbered(&mut lab);
    assert_eq!(lab.run(done).new.len(), 3);
    assert_eq!(lab.run(done), nothing());
    // As many as before, and new: their numbers are on record.
    lab.held.drain(..2);
    lab.held.extend(["d", "e"].map(|name| Held::without_id(name, 7)));
    numbered(&mut lab);
    let seen = lab.run(done);
    assert_eq!((seen.new, seen.may_be_known), (names(&["d", "e"]), vec![]));
    assert_eq!(lab.run(done), nothing());
    // A server that numbers messages for good looks like that until one goes: nothing is lost by it.
    lab.held.remove(1);
    let seen = lab.run(done);
    assert_eq!(seen.may_be_known, names(&["c", "e"]), "their ids count from now on");
    lab.held.push(Held { uidl: Some("4".into()), ..Held::without_id("f", 7) });
    assert_eq!(lab.run(done).new, names(&["f"]));
    assert_eq!(lab.run(done), nothing());
}

#[test]
fn ids_that_a_server_has_given_up_may_be_given_out_again() {
    let mut lab = Lab::new(&["a", "b", "c"]);
    lab.run(done);
    for held in &mut lab.held {
        held.uidl = held.uidl.take().map(|uidl| format!("new-{uidl}"));
    }
    assert_eq!(lab.run(done).may_be_known.len(), 3);
    assert_eq!(lab.ids(), 3, "the old ones count no longer");
    lab.held.remove(0);
    lab.held.push(Held { uidl: Some("b".into()), ..Held::without_id("d", 7) });
    assert_eq!(lab.run(done).new, names(&["d"]));
}
