//! Servers without unique ids: messages are known by their headers and sizes.

use super::*;

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
