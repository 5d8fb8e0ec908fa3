//! Runs over maildrops that change in between, with all that is on record kept in memory.

mod ids;
mod may_be_known;
mod prefix;
mod set;
mod without_ids;

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
