//! Messages that the archive may hold: from another server, protocol or filter, or from a run that broke off.

use super::*;

#[test]
fn while_messages_may_be_known_their_last_may_go() {
    let mut lab = Lab::new(&["a", "b", "c"]);
    let maildrop = lab.open_where(MayBeKnown::Everything);
    lab.finish(maildrop, |held| if held.header.contains('a') { Fate::Done } else { Fate::Pending });
    lab.held.pop();
    lab.held.push(Held::new("d"));
    let seen = lab.run(done);
    assert_eq!((seen.may_be_known, seen.new), (names(&["b", "d"]), names(&[])), "nobody knows of d");
    assert_eq!(lab.cursor.and_then(|cursor| cursor.known_through), None);
}

#[test]
fn what_was_archived_by_imap_may_be_known_and_what_comes_later_is_new() {
    let mut lab = Lab::new(&["a", "b"]);
    let maildrop = lab.open_where(MayBeKnown::Everything);
    assert!(!maildrop.is_renumbered() && maildrop.needs_known().is_none());
    let seen = lab.finish(maildrop, done);
    assert_eq!(seen, Seen { may_be_known: names(&["a", "b"]), written: (2, 1), ..nothing() });
    lab.held.push(Held::new("c"));
    assert_eq!(lab.run(done).new, names(&["c"]));
    assert_eq!(lab.run(done), nothing());
}

#[test]
fn another_origin_or_filter_looks_at_everything_again_without_the_old_set() {
    let mut lab = Lab::new(&["a", "b"]);
    lab.run(done);
    let mut elsewhere = lab.clone();
    elsewhere.origin = 2;
    assert!(elsewhere.open().is_renumbered());
    let seen = elsewhere.run(done);
    assert_eq!(seen, Seen { may_be_known: names(&["a", "b"]), written: (2, 1), ..nothing() });
    assert_eq!(elsewhere.run(done), nothing());

    let before = lab.cursor.expect("on record").generation;
    let maildrop = lab.open_where(MayBeKnown::Everything);
    let seen =
        lab.finish(maildrop, |held| if held.header.contains('b') { Fate::Pending } else { Fate::Done });
    assert_eq!(seen.may_be_known, names(&["a", "b"]));
    assert_ne!(lab.cursor.expect("on record").generation, before);
    // What the old set has is not known any more, even where the prefix does not fit.
    lab.held.remove(0);
    let seen = lab.run(done);
    assert_eq!([seen.new, seen.may_be_known].concat(), names(&["b"]));
}

#[test]
fn what_the_other_protocol_has_fetched_meanwhile_may_be_known() {
    let mut lab = Lab::new(&["a", "b"]);
    lab.run(done);
    let nothing_came = lab.open_where(MayBeKnown::Rest);
    assert!(!nothing_came.is_renumbered());
    assert_eq!(lab.finish(nothing_came, done), nothing());
    lab.held.push(Held::new("c"));
    let comes_back = lab.open_where(MayBeKnown::Rest);
    let seen = lab.finish(comes_back, done);
    assert_eq!(seen, Seen { may_be_known: names(&["c"]), written: (1, 1), ..nothing() });
    lab.held.remove(0);
    lab.held.push(Held::new("d"));
    let comes_back = lab.open_where(MayBeKnown::Rest);
    assert_eq!(lab.finish(comes_back, done).may_be_known, names(&["d"]));
    lab.held.push(Held::new("e"));
    assert_eq!(lab.run(done).new, names(&["e"]));
}

#[test]
fn a_crash_between_ids_and_cursor_and_two_runs_at_once_lose_nothing() {
    let mut lab = Lab::new(&["a", "b", "c"]);
    lab.run(|held| if held.header.contains('c') { Fate::Pending } else { Fate::Done });
    // The id of the third is on record, the cursor is not.
    let mut crashed = lab.clone();
    crashed.crash(MayBeKnown::Nothing);
    assert_eq!(crashed.run(done).new, names(&["c"]), "is fetched again; the archive knows it");
    assert_eq!(crashed.run(done), nothing());
    assert_eq!(crashed.ids(), 3);

    // Two runs read the same cursor; one of them has moved it when the other wants to.
    let (mut one, mut other) = (lab.open(), lab.open());
    let moved = |maildrop: &mut Maildrop| {
        maildrop.turn_page();
        maildrop.identify(&[]);
        let page = maildrop.page().expect("has one");
        maildrop.moved(&page.entries, |_| Fate::Done)
    };
    let (Moved::Maildrop { from, to, ids }, Moved::Maildrop { from: same, ids: again, .. }) =
        (moved(&mut one), moved(&mut other))
    else {
        panic!("maildrops")
    };
    assert_eq!((from, same, &ids), (lab.cursor, lab.cursor, &again), "only one of them can be from here");
    lab.put_ids(to, ids.into_iter().chain(again).collect());
    lab.cursor = Some(to);
    assert_eq!((lab.run(done), lab.ids()), (nothing(), 3));
}

#[test]
fn ids_that_a_run_left_before_it_crashed_say_nothing_of_another_maildrop_or_filter() {
    // What comes later has ids that the crashed run has put on record.
    let comes_later = |lab: &mut Lab| {
        let later = lab.held.split_off(1);
        lab.run(done);
        lab.held.remove(0);
        lab.held.extend(later);
        lab.run(done)
    };
    let mut begun = Lab::new(&["a", "b", "c"]);
    begun.crash(MayBeKnown::Nothing);
    begun.origin = 2;
    assert_eq!(comes_later(&mut begun).may_be_known, names(&["b", "c"]));

    for (origin, may_be_known) in [(2, MayBeKnown::Nothing), (1, MayBeKnown::Everything)] {
        let mut lab = Lab::new(&["z"]);
        lab.run(done);
        lab.held = Lab::new(&["a", "b", "c"]).held;
        lab.origin = origin;
        lab.crash(may_be_known);
        // The mailbox becomes a third server's, or its filter is changed a second time.
        lab.origin += 2;
        assert_eq!(comes_later(&mut lab).may_be_known, names(&["b", "c"]));
    }
}
