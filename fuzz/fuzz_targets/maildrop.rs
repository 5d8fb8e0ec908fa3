//! A POP3 mailbox that is fetched again and again while things happen to it and to us.
//!
//! The fuzzer chooses what happens: messages come, anywhere in the listing, and go; the server gives out
//! new unique ids, gives two messages the same, or none, or the session's numbers, and forgets UIDL or TOP;
//! the mailbox becomes another server's, is fetched by IMAP in between, or gets another filter; runs fail
//! at a message, lose the connection, or crash between two writes.
//!
//! Claims: after a run that came to its end every message that is there is in the archive; none is deleted
//! at the server that is not; and when nothing has happened since, a run reads no text and writes nothing.
//!
//! What no client can tell apart is not chosen: an id that comes back for another message after its first
//! is gone; a server that lacks ids, or gives one twice, adds messages at the end alone, and knows TOP.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom_fuzz::{IDLE, Letter, MaildropServer, TARGET, USER, password, run};
use postroom_mail::{
    Error, Protection, pop3,
    source::{Access, Body, Cursor, Entry, Fate, Folder, MayBeKnown, Moved, Position, Source},
};
use postroom_model::{MaildropCursor, SaslPolicy, UniqueId};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The most messages of a mailbox.
const MOST: usize = 12;
/// The most things that happen.
const EVENTS: usize = 60;

/// What lasts from one run to the next.
#[derive(Default)]
struct World {
    server: MaildropServer,
    origin: u64,
    /// How many times the server has given out new ids, and how many ids since.
    ids: (u32, u32),
    /// It has an id for every message, and lists them in any order.
    is_unordered: bool,
    names: u32,
    /// How many sets of ids were begun.
    sets: u32,
    /// What has happened to the mailbox elsewhere, until that is on record.
    may_be_known: Option<MayBeKnown>,
    archive: HashSet<Vec<u8>>,
    cursor: Option<MaildropCursor>,
    known: BTreeMap<u32, HashSet<UniqueId>>,
}

/// How a run goes.
#[derive(Debug, Clone, Copy, Default)]
struct Plan {
    deletes: bool,
    /// Messages whose number in the subject is a multiple of this fail.
    fails: Option<u32>,
    /// It crashes between the ids and the cursor of the write with this number.
    crashes_at: Option<usize>,
    cap: usize,
}

/// Why a run ended before its end.
#[derive(Debug)]
enum Ended {
    Crashed,
    Lost,
}

/// What a run did.
#[derive(Debug, Default)]
struct Done {
    writes: usize,
    left: usize,
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, events)) = data.split_first() else { return };
    let mut world = World { is_unordered: kind & 1 != 0, ..World::default() };
    for event in events.chunks_exact(2).take(EVENTS) {
        world.happens(event[0], usize::from(event[1]));
    }
    world.server.breaks_at = None;
    let plan = Plan { cap: 5, ..Plan::default() };
    world.fetch(plan);
    world.rests(plan);
});

impl World {
    fn happens(&mut self, what: u8, how: usize) {
        let count = self.server.letters.len();
        match what % 16 {
            0..3 => self.comes(how),
            3 if how & 1 == 0 => self.may_be_known = Some(MayBeKnown::Everything),
            3 => self.comes_back(),
            4 if count > 0 => self.goes(how % count),
            5 if !self.is_unordered && how & 1 == 0 => self.server.lacks_uidl = !self.server.lacks_uidl,
            5 if !self.is_unordered => self.server.numbers_for_uidls = !self.server.numbers_for_uidls,
            6 if self.is_unordered => self.server.lacks_top = !self.server.lacks_top,
            7 => self.server.pipelines = !self.server.pipelines,
            8 => self.renumbers(),
            9 if count > 0 && self.is_unordered => self.server.letters.swap(how % count, (how / 16) % count),
            10 => self.moves_house(),
            11 => self.server.exaggerates = how % 4,
            12.. => {
                self.server.breaks_at = (how & 1 != 0).then_some(how >> 5);
                self.fetch(Plan {
                    // With an id that is given twice, to delete one is to take the other for it.
                    deletes: how & 2 != 0 && self.uidls().is_some(),
                    fails: (how & 4 != 0).then_some(2 + (how >> 6) as u32),
                    crashes_at: (how & 8 != 0).then_some(how >> 6),
                    cap: if how & 16 != 0 { 2 } else { 5 },
                });
            }
            _ => {}
        }
    }

    /// A message comes: a new one or, sometimes, another copy of one that is there; with an id of its own
    /// or, sometimes, with another's or with none.
    fn comes(&mut self, how: usize) {
        if self.server.letters.len() >= MOST {
            return;
        }
        let other = self.server.letters.get(how % MOST).cloned();
        let name = match (how >> 4 & 3, &other) {
            (3, Some(other)) => other.name,
            _ => {
                self.names += 1;
                self.names
            }
        };
        let uidl = match (how >> 6 & 3, other) {
            (3, Some(other)) if !self.is_unordered => other.uidl,
            (2, _) if !self.is_unordered => None,
            _ => Some(self.next_id()),
        };
        let at = if how & 8 != 0 && self.is_unordered { 0 } else { self.server.letters.len() };
        self.server.letters.insert(at, Letter { name, uidl });
    }

    /// A message goes, unless another with its id would be mistaken for it from then on.
    fn goes(&mut self, at: usize) {
        let gone = &self.server.letters[at];
        let mut same =
            self.server.letters.iter().filter(|letter| letter.uidl.is_some() && letter.uidl == gone.uidl);
        if gone.uidl.is_none() || same.all(|letter| letter == gone || self.holds(letter)) {
            self.server.letters.remove(at);
        }
    }

    /// The server gives out ids that it has never given out.
    fn renumbers(&mut self) {
        self.ids = (self.ids.0 + 1, 0);
        for at in 0..self.server.letters.len() {
            self.server.letters[at].uidl = Some(self.next_id());
        }
    }

    /// The mailbox becomes another server's, which begins its ids like every server.
    fn moves_house(&mut self) {
        self.origin = self.origin.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.ids = (0, 0);
        for at in 0..self.server.letters.len() {
            self.names += 1;
            self.server.letters[at] = Letter { name: self.names, uidl: Some(self.next_id()) };
        }
    }

    /// The other protocol has fetched what is there.
    fn comes_back(&mut self) {
        self.may_be_known = self.may_be_known.or(Some(MayBeKnown::Rest));
        for letter in &self.server.letters {
            self.archive.insert(letter.text().into_bytes());
        }
    }

    fn next_id(&mut self) -> String {
        self.ids.1 += 1;
        format!("{}-{}", self.ids.0, self.ids.1)
    }

    /// The ids that messages have; none, if two have the same.
    fn uidls(&self) -> Option<HashSet<&String>> {
        let mut uidls = HashSet::new();
        let mut given = self.server.letters.iter().filter_map(|letter| letter.uidl.as_ref());
        given.all(|uidl| uidls.insert(uidl)).then_some(uidls)
    }

    fn holds(&self, letter: &Letter) -> bool {
        self.archive.contains(letter.text().as_bytes())
    }

    /// One run, and what must be so after it.
    fn fetch(&mut self, plan: Plan) -> Option<Done> {
        let before = self.server.letters.clone();
        self.server.greet();
        let mut server = std::mem::take(&mut self.server);
        let ended = run(self.session(&mut server, plan));
        self.server = server;
        for letter in before.iter().filter(|letter| !self.server.letters.contains(letter)) {
            assert!(self.holds(letter), "{letter:?} is deleted and not in the archive; {plan:?}");
        }
        let done = ended.ok()?;
        if done.left == 0 {
            for letter in &before {
                assert!(
                    self.holds(letter),
                    "{letter:?} is lost, and the run thinks that it is done; {plan:?}"
                );
            }
        }
        Some(done)
    }

    /// A run after a run, with nothing between. Where the server has an id for each message, there is
    /// nothing to do.
    fn rests(&mut self, plan: Plan) {
        let letters = &self.server.letters;
        let uidls: HashSet<&String> = letters.iter().filter_map(|letter| letter.uidl.as_ref()).collect();
        let has_ids =
            uidls.len() == letters.len() && !self.server.lacks_uidl && !self.server.numbers_for_uidls;
        let done = self.fetch(plan).expect("nothing goes wrong in it");
        if has_ids {
            assert_eq!((self.server.retrieved, done.writes), (0, 0), "nothing is new, and still it works");
        }
    }

    async fn session(&mut self, server: &mut MaildropServer, plan: Plan) -> Result<Done, Ended> {
        let connection = pop3::Connection::over(server, &TARGET, Protection::Tls, IDLE, None).await?;
        let mut source = Source::Pop3(connection.sign_in(USER, &password(), SaslPolicy::Auto).await?);
        let (recorded, may_be_known) = (self.cursor, self.may_be_known.unwrap_or(MayBeKnown::Nothing));
        let position = Position::Maildrop { recorded, may_be_known, origin: self.origin };
        let mut folder = source.open("INBOX", Access::ReadWrite, position, plan.cap).await?;
        if let Some(generation) = folder.needs_known() {
            folder.know(self.known.get(&generation).cloned().unwrap_or_default());
        }
        let mut done = Done::default();
        while let Some(page) = source.page(&mut folder).await? {
            let fates = self.archive(&mut source, &page.entries, plan).await?;
            let removed = page.entries.iter().map(|entry| entry.number);
            let removed: Vec<u32> =
                removed.filter(|number| fates.get(number) == Some(&Fate::Removed)).collect();
            source.delete(&removed).await?;
            let fate = |number| fates.get(&number).copied().unwrap_or(Fate::Pending);
            done.left += page.entries.iter().filter(|entry| fate(entry.number) == Fate::Pending).count();
            let moved = folder.moved(&page.entries, fate);
            self.record(&mut folder, moved, plan, &mut done)?;
        }
        let moved = folder.moved(&[], |_| Fate::Pending);
        self.record(&mut folder, moved, plan, &mut done)?;
        if let Some((from, ids)) = folder.rewritten() {
            let to = self.begin_set(from);
            self.known = BTreeMap::from([(to.generation, ids.into_iter().collect())]);
            self.cursor = Some(to);
        }
        source.close().await?;
        Ok(done)
    }

    /// Looks for messages in the archive, and puts there what it lacks.
    async fn archive(
        &mut self,
        source: &mut Source<&mut MaildropServer>,
        entries: &[Entry],
        plan: Plan,
    ) -> Result<HashMap<u32, Fate>, Ended> {
        let stored = if plan.deletes { Fate::Removed } else { Fate::Done };
        let mut fates = HashMap::new();
        let looked_at: Vec<Entry> = entries.iter().copied().filter(|entry| entry.may_be_known).collect();
        let mut headers = source.headers(&looked_at);
        loop {
            match headers.next().await {
                Ok(None) => break,
                Ok(Some(header)) => {
                    let (number, header) = text(header).await?;
                    let sizes =
                        looked_at.iter().find(|entry| entry.number == number).map(Entry::possible_sizes);
                    let sizes = sizes.expect("what was asked for");
                    let is_it =
                        |text: &Vec<u8>| text.starts_with(&header) && sizes.contains(&(text.len() as u64));
                    if !plan.deletes && self.archive.iter().any(is_it) {
                        fates.insert(number, Fate::Done);
                    }
                }
                Err(error) if error.leaves_session_usable() => {}
                Err(error) => return Err(error.into()),
            }
        }
        let wanted: Vec<Entry> =
            entries.iter().copied().filter(|entry| !fates.contains_key(&entry.number)).collect();
        let mut bodies = source.bodies(&wanted);
        while let Some(body) = bodies.next().await? {
            let (number, text) = text(body).await?;
            let name = String::from_utf8_lossy(&text[9..15]).parse::<u32>().expect("a number");
            if plan.fails.is_none_or(|fails| name % fails != 0) {
                self.archive.insert(text);
                fates.insert(number, stored);
            }
        }
        Ok(fates)
    }

    /// The same with a set of ids of its own, as the registry begins one.
    fn begin_set(&mut self, cursor: MaildropCursor) -> MaildropCursor {
        self.sets += 1;
        // It stands for a number by chance: sets follow one another at a distance.
        MaildropCursor { generation: self.sets.wrapping_mul(0x9e37_79b9), ..cursor }
    }

    /// Puts on record what is to be put on record: ids first.
    fn record(
        &mut self,
        folder: &mut Folder,
        moved: Moved,
        plan: Plan,
        done: &mut Done,
    ) -> Result<(), Ended> {
        if moved.is_nothing() {
            return Ok(());
        }
        let Moved::Maildrop { from, to, ids } = moved else { panic!("it is a maildrop") };
        assert_eq!(from, self.cursor, "nobody else has moved it");
        let goes_on = from.is_some_and(|from| from.generation == to.generation);
        let to = if goes_on { to } else { self.begin_set(to) };
        self.known.entry(to.generation).or_default().extend(ids);
        if plan.crashes_at == Some(done.writes) {
            return Err(Ended::Crashed);
        }
        if !goes_on {
            self.known.retain(|generation, _| *generation == to.generation);
        }
        self.may_be_known = None;
        done.writes += 1;
        self.cursor = Some(to);
        folder.recorded(Cursor::Maildrop(to));
        Ok(())
    }
}

impl From<Error> for Ended {
    fn from(_: Error) -> Self {
        Self::Lost
    }
}

/// A whole text, with its message's number.
async fn text(mut body: Body<'_, &mut MaildropServer>) -> Result<(u32, Vec<u8>), Error> {
    let mut text = Vec::new();
    while let Some(chunk) = body.chunk().await? {
        text.extend_from_slice(&chunk);
    }
    Ok((body.finish().await?, text))
}
