//! Runs over maildrops that change in between, with all that is on record kept in memory.

use super::*;
use std::collections::BTreeMap;

/// One message at the server.
#[derive(Debug, Clone)]
struct Held {
    uidl: Option<String>,
    header: String,
    size: u64,
}

/// A server, and what is on record of it.
#[derive(Debug, Clone)]
struct Lab {
    held: Vec<Held>,
    knows_top: bool,
    origin: u64,
    cursor: Option<MaildropCursor>,
    known: BTreeMap<u32, HashSet<UniqueId>>,
    /// How many sets were begun.
    sets: u32,
}

/// What a run saw.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// The headers of what was new.
    new: Vec<String>,
    /// Those of what the archive may hold.
    may_be_known: Vec<String>,
    /// Whether the set was read.
    read_set: bool,
    /// Headers that were looked at to know messages by.
    looked_at: usize,
    /// Ids and cursors that were put on record.
    written: (usize, usize),
}

impl Held {
    fn new(uidl: &str) -> Self {
        Self { uidl: Some(uidl.to_owned()), header: format!("s: {uidl}\r\n"), size: 100 + uidl.len() as u64 }
    }

    fn without_id(name: &str, size: u64) -> Self {
        Self { uidl: None, header: format!("s: {name}\r\n"), size }
    }
}

impl Lab {
    fn new(uidls: &[&str]) -> Self {
        Self::holding(uidls.iter().map(|uidl| Held::new(uidl)).collect())
    }

    fn holding(held: Vec<Held>) -> Self {
        Self { held, knows_top: true, origin: 1, cursor: None, known: BTreeMap::new(), sets: 0 }
    }

    fn header_of(&self, message: (u32, u64)) -> Option<(u32, UniqueId)> {
        let (number, size) = message;
        let header = self.held[number as usize - 1].header.as_bytes();
        self.knows_top.then(|| (number, UniqueId::of_header(header, size)))
    }

    fn open(&self) -> Maildrop {
        self.open_where(MayBeKnown::Nothing)
    }

    fn open_where(&self, may_be_known: MayBeKnown) -> Maildrop {
        let ids = self.held.iter().map(|held| (held.uidl.as_deref().map(UniqueId::of_uidl), held.size));
        let listing = Listing::of(ids);
        let prefix = self.cursor.map(|cursor| cursor.prefix).unwrap_or_default();
        let closing = closing_message(&listing, prefix);
        let closing = closing.and_then(|message| self.header_of((message.number, message.size)));
        let closing = closing.map(|(_, id)| id);
        Maildrop::new(listing, self.cursor, may_be_known, self.origin, closing, 1_000)
    }

    /// A run to the end, in which every message gets this fate.
    fn run(&mut self, fate: impl Fn(&Held) -> Fate) -> Seen {
        let maildrop = self.open();
        self.finish(maildrop, fate)
    }

    fn finish(&mut self, mut maildrop: Maildrop, fate: impl Fn(&Held) -> Fate) -> Seen {
        let mut seen = Seen::default();
        if let Some(generation) = maildrop.needs_known() {
            seen.read_set = true;
            maildrop.know(self.known.get(&generation).cloned().unwrap_or_default());
        }
        let held = self.held.clone();
        loop {
            if maildrop.sizes_needed().is_some() {
                maildrop.take_sizes();
            }
            let unread = maildrop.turn_page();
            seen.looked_at += unread.len();
            let headers: Vec<_> = unread.into_iter().filter_map(|message| self.header_of(message)).collect();
            maildrop.identify(&headers);
            let Some(page) = maildrop.page() else { break };
            for entry in &page.entries {
                let name = held[entry.number as usize - 1].header.trim_start_matches("s: ").trim().to_owned();
                if entry.may_be_known { &mut seen.may_be_known } else { &mut seen.new }.push(name);
            }
            let moved = maildrop.moved(&page.entries, |number| fate(&held[number as usize - 1]));
            self.record(&mut maildrop, moved, &mut seen);
        }
        let moved = maildrop.moved(&[], |_| Fate::Pending);
        self.record(&mut maildrop, moved, &mut seen);
        if let Some((from, ids)) = maildrop.rewritten() {
            assert_eq!(self.cursor, Some(from));
            let to = MaildropCursor { generation: self.new_set(), ..from };
            self.known = BTreeMap::from([(to.generation, ids.into_iter().collect())]);
            self.cursor = Some(to);
        }
        // What is removed is gone with the end of the session.
        self.held.retain(|held| fate(held) != Fate::Removed);
        seen
    }

    fn record(&mut self, maildrop: &mut Maildrop, moved: Moved, seen: &mut Seen) {
        if moved.is_nothing() {
            return;
        }
        let Moved::Maildrop { from, to, ids } = moved else { panic!("a maildrop") };
        assert_eq!(from, self.cursor, "nobody else has moved it");
        seen.written.0 += ids.len();
        seen.written.1 += 1;
        let to = self.put_ids(to, ids);
        self.known.retain(|generation, _| *generation == to.generation);
        self.cursor = Some(to);
        maildrop.recorded(to);
    }

    /// Puts ids on record, and begins a set where the cursor has another.
    fn put_ids(&mut self, to: MaildropCursor, ids: Vec<UniqueId>) -> MaildropCursor {
        let goes_on = self.cursor.is_some_and(|cursor| cursor.generation == to.generation);
        let generation = if goes_on { to.generation } else { self.new_set() };
        self.known.entry(generation).or_default().extend(ids);
        MaildropCursor { generation, ..to }
    }

    fn new_set(&mut self) -> u32 {
        self.sets += 1;
        self.sets * 1_000
    }

    /// A run that breaks off when the ids of its first page are on record and the cursor is not.
    fn crash(&mut self, may_be_known: MayBeKnown) {
        let mut maildrop = self.open_where(may_be_known);
        maildrop.take_sizes();
        maildrop.turn_page();
        let page = maildrop.page().expect("has one");
        let Moved::Maildrop { to, ids, .. } = maildrop.moved(&page.entries, |_| Fate::Done) else {
            panic!("a maildrop")
        };
        self.put_ids(to, ids);
    }

    fn ids(&self) -> usize {
        self.known.values().map(HashSet::len).sum()
    }
}

fn done(_: &Held) -> Fate {
    Fate::Done
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A run that finds nothing to do, and writes nothing.
fn nothing() -> Seen {
    Seen::default()
}

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

#[test]
fn without_uidl_the_header_decides_and_an_unchanged_listing_takes_one_look() {
    let mut lab =
        Lab::holding(vec![Held::without_id("a", 7), Held::without_id("b", 7), Held::without_id("c", 9)]);
    let seen = lab.run(done);
    assert_eq!((seen.new, seen.looked_at, seen.written), (names(&["a", "b", "c"]), 3, (3, 1)));
    assert_eq!(lab.run(done), nothing(), "but for the header of the last message");
    lab.held.push(Held::without_id("d", 7));
    let seen = lab.run(done);
    assert_eq!((seen.new, seen.looked_at, seen.read_set), (names(&["d"]), 1, false));
    // The sizes are as before; the header of the last one is not.
    lab.held.remove(3);
    lab.held.push(Held::without_id("e", 7));
    let seen = lab.run(done);
    assert_eq!((seen.new, seen.read_set), (names(&["e"]), true));
    lab.held.remove(0);
    assert_eq!(lab.run(done), Seen { read_set: true, looked_at: 3, written: (0, 1), ..nothing() });
    assert_eq!(lab.run(done), nothing());
}

#[test]
fn without_uidl_and_top_everything_is_new_whenever_something_changes() {
    let mut lab = Lab::holding(vec![Held::without_id("a", 7), Held::without_id("b", 8)]);
    lab.knows_top = false;
    assert_eq!(lab.run(done).new, names(&["a", "b"]));
    assert_eq!(lab.run(done), nothing());
    lab.held.push(Held::without_id("c", 9));
    assert_eq!(lab.run(done).new, names(&["a", "b", "c"]));
    assert_eq!(lab.run(done), nothing());
    lab.held.remove(0);
    assert_eq!(lab.run(done).new, names(&["b", "c"]));
    assert_eq!(lab.run(done), nothing());
}

#[test]
fn a_message_without_an_id_among_others_is_known_by_its_header() {
    let mut lab = Lab::holding(vec![Held::new("a"), Held::without_id("n", 7), Held::new("b")]);
    assert_eq!(lab.run(done).looked_at, 1);
    assert_eq!(lab.run(done), nothing());
    lab.held.remove(0);
    assert_eq!(lab.run(done), Seen { read_set: true, looked_at: 1, written: (0, 1), ..nothing() });
    lab.held.pop();
    lab.run(done);
    assert_eq!(lab.run(done), nothing(), "it is the last one now");
    lab.held[0] = Held::without_id("m", 7);
    assert_eq!(lab.run(done).new, names(&["m"]), "another one in its place");
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
fn of_messages_with_one_header_and_size_one_is_known() {
    let twin = || Held::without_id("twin", 7);
    let mut lab = Lab::holding(vec![Held::without_id("a", 8), twin(), Held::without_id("b", 9)]);
    lab.run(done);
    lab.held.remove(0);
    lab.held.push(twin());
    assert_eq!(lab.run(done).new, names(&["twin"]), "its bytes may differ");
    assert_eq!(lab.run(done), nothing());
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
    assert!(size_of::<Message>() <= 48);
}

#[test]
fn many_headers_are_looked_at_page_by_page_and_what_was_found_is_kept() {
    let held: Vec<Held> = (0..1_000).map(|n| Held::without_id(&n.to_string(), n)).collect();
    let mut lab = Lab::holding(held);
    lab.run(done);
    lab.held.remove(0);
    // A run that has no time for more than one page.
    let mut maildrop = lab.open();
    maildrop.know(lab.known[&lab.cursor.expect("on record").generation].clone());
    maildrop.take_sizes();
    let unread = maildrop.turn_page();
    assert_eq!(unread.len(), HEADERS);
    let headers: Vec<_> = unread.into_iter().filter_map(|message| lab.header_of(message)).collect();
    maildrop.identify(&headers);
    assert_eq!(maildrop.page().map(|page| page.entries.len()), Some(0), "all of them are known");
    let moved = maildrop.moved(&[], |_| Fate::Pending);
    lab.record(&mut maildrop, moved, &mut Seen::default());
    assert_eq!(lab.cursor.expect("on record").prefix.messages, HEADERS as u32);
    let seen = lab.run(done);
    assert_eq!((seen.new.len(), seen.looked_at), (0, 999 - HEADERS));
    assert_eq!(lab.run(done), nothing());
}
