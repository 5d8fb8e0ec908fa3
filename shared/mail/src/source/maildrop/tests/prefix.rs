//! What the prefix of a listing decides by itself, and what the set of ids after it.

use super::*;

#[test]
fn only_what_follows_the_prefix_is_new_and_the_set_is_not_read() {
    let mut lab = Lab::new(&["a", "b"]);
    assert_eq!(lab.run(done), Seen { new: names(&["a", "b"]), written: (2, 1), ..nothing() });
    assert_eq!(lab.run(done), nothing());
    lab.held.push(Held::new("c"));
    assert_eq!(lab.run(done), Seen { new: names(&["c"]), written: (1, 1), ..nothing() });
    assert_eq!(lab.run(done), nothing());
}

#[test]
fn an_empty_maildrop_writes_once_and_forgets_nothing() {
    let mut lab = Lab::new(&[]);
    assert_eq!(lab.run(done).written, (0, 1));
    assert_eq!(lab.run(done), nothing());
    lab.held = vec![Held::new("a"), Held::new("b")];
    lab.run(done);
    let held = std::mem::take(&mut lab.held);
    assert_eq!(lab.run(done), nothing(), "emptied by somebody");
    lab.held = held;
    assert_eq!(lab.run(done), nothing(), "and filled again");
    lab.run(done);
    lab.held.push(Held::new("bad"));
    lab.held.push(Held::new("c"));
    let fails = |held: &Held| if held.header.contains("bad") { Fate::Pending } else { Fate::Done };
    lab.run(fails);
    let held = std::mem::take(&mut lab.held);
    assert_eq!(lab.run(done), nothing());
    lab.held = held;
    assert_eq!(lab.run(fails), Seen { new: names(&["bad"]), read_set: true, ..nothing() });
}

#[test]
fn where_messages_are_gone_the_set_decides_once() {
    let all = ["a", "b", "c", "d", "e"];
    for gone in [&["a"][..], &["c"], &["e"], &["b", "d"], &["a", "b", "c", "d"]] {
        let mut lab = Lab::new(&all);
        lab.run(done);
        lab.held.retain(|held| !gone.contains(&held.uidl.as_deref().expect("has one")));
        lab.held.push(Held::new("f"));
        let seen = lab.run(done);
        assert_eq!(
            seen,
            Seen { new: names(&["f"]), read_set: true, written: (1, 1), ..nothing() },
            "{gone:?}"
        );
        assert_eq!(lab.run(done), nothing());
    }
    // Without a new one, too.
    let mut lab = Lab::new(&all);
    lab.run(done);
    lab.held.remove(2);
    assert_eq!(lab.run(done), Seen { read_set: true, written: (0, 1), ..nothing() });
    assert_eq!(lab.run(done), nothing());
}

#[test]
fn a_server_that_lists_the_newest_first_loses_nothing() {
    let mut lab = Lab::new(&["a", "b"]);
    lab.run(done);
    lab.held.insert(0, Held::new("c"));
    assert_eq!(lab.run(done), Seen { new: names(&["c"]), read_set: true, written: (1, 1), ..nothing() });
    // Several come, and there is no time for all of them: those before are known all the same.
    for uidl in ["x", "y"] {
        lab.held.insert(0, Held::new(uidl));
    }
    let is_first = |held: &Held| if held.header.contains('x') { Fate::Pending } else { Fate::Done };
    assert_eq!(lab.run(is_first).new, names(&["y", "x"]));
    assert_eq!(lab.run(is_first).new, names(&["x"]));
    assert_eq!(lab.run(done).new, names(&["x"]));
    assert_eq!(lab.run(done), nothing());
    // One comes, another goes: as many as before, and the same last one.
    lab.held.remove(1);
    lab.held.insert(0, Held::new("d"));
    assert_eq!(lab.run(done).new, names(&["d"]));
    assert_eq!(lab.run(done), nothing());
}

#[test]
fn a_message_that_cannot_be_fetched_holds_nothing_back() {
    let mut lab = Lab::new(&["a", "bad", "b"]);
    let fails = |held: &Held| if held.header.contains("bad") { Fate::Pending } else { Fate::Done };
    assert_eq!(lab.run(fails).written, (2, 1));
    assert_eq!(lab.cursor.expect("on record").prefix.messages, 1);
    assert_eq!(lab.run(fails), Seen { new: names(&["bad"]), read_set: true, ..nothing() });
    // It goes on record in quarantine: then it is done.
    assert_eq!(lab.run(done), Seen { new: names(&["bad"]), read_set: true, written: (1, 1), ..nothing() });
    lab.held.push(Held::new("c"));
    assert_eq!(lab.run(done), Seen { new: names(&["c"]), written: (1, 1), ..nothing() });
}

#[test]
fn what_is_deleted_needs_no_id_and_what_stays_is_known() {
    let deletes = |held: &Held| if held.header.contains("stays") { Fate::Done } else { Fate::Removed };
    let mut lab = Lab::new(&["a", "stays-1", "b", "stays-2"]);
    assert_eq!(lab.run(deletes).new.len(), 4);
    assert_eq!((lab.held.len(), lab.ids()), (2, 2));
    assert_eq!(lab.run(deletes), nothing());
    lab.held.push(Held::new("c"));
    assert_eq!(lab.run(deletes).new, names(&["c"]));
    assert_eq!(lab.run(deletes), nothing());
    // The session ended without an answer to QUIT: nothing was removed.
    lab.held.push(Held::new("d"));
    let before = lab.held.clone();
    lab.run(deletes);
    lab.held = before;
    assert_eq!(lab.run(deletes).new, names(&["d"]), "is read again");
    assert_eq!((lab.held.len(), lab.ids()), (2, 2));
}
