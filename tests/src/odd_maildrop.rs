//! A POP3 server on loopback that is honest but for one habit.
//!
//! It has one maildrop, which one session at a time may have (RFC 1939 section 4), and whose messages a
//! test may add to, take away and renumber. What it does wrong, it does as servers were seen to do it.

mod conversation;

use conversation::Conversation;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::SocketAddr,
    ops::Range,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// How long a session may keep the maildrop after its client has gone away.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the server does wrong, or otherwise than most. A message is meant by its number among all that
/// were ever there, from 1, which does not change when others go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Nothing.
    None,
    /// It does not know UIDL.
    NoUidl,
    /// It does not know TOP.
    NoTop,
    /// It knows neither.
    NeitherUidlNorTop,
    /// It does not know CAPA, and takes one command at a time.
    NoCapa,
    /// Its unique ids are shared by two messages each.
    SharesUidls,
    /// Its ids are the messages' numbers, which others take over when messages go.
    NumbersForUidls,
    /// Its ids are other ones in every session.
    ForgetsUidls,
    /// It lists every message by so many bytes too large, or too small.
    SizesOff(i64),
    /// It closes the connection in the middle of this message.
    ClosesInRetr(u64),
    /// It refuses this message.
    Refuses(u64),
    /// It refuses this message for good (RFC 3206 section 4).
    RefusesForGood(u64),
    /// It takes DELE and deletes nothing.
    IgnoresDele,
    /// It does what QUIT asks, and says that it did not.
    RefusesQuit,
    /// It deletes nothing at QUIT, and says so.
    FailsQuit,
    /// Another session has the maildrop (RFC 2449 section 8.1.2).
    InUse,
    /// It asks for so many seconds between two sign-ins (RFC 2449 section 6.5), and refuses earlier ones
    /// (section 8.1.1).
    LoginDelay(u32),
    /// A line of this message never ends.
    EndlessLine(u64),
    /// This message is longer by a line each time.
    Grows(u64),
    /// It counts so many messages whatever there are, takes one command at a time, and three seconds to list
    /// ids.
    CountsMany(u32),
    /// It stuffs no dots.
    StuffsNoDots,
    /// It rests five milliseconds before every message.
    Slow,
}

/// A message of the maildrop.
#[derive(Debug, Clone)]
struct Message {
    /// Its number among all that were ever there.
    id: u64,
    uidl: String,
    text: Arc<[u8]>,
}

#[derive(Debug, Default)]
struct Maildrop {
    messages: Vec<Message>,
    /// How many messages were ever there.
    delivered: u64,
    taken: bool,
    last_sign_in: Option<tokio::time::Instant>,
    asked: BTreeMap<String, usize>,
    sessions: usize,
    bytes: u64,
}

/// A running server; it stops when this is dropped.
#[derive(Debug)]
pub struct OddMaildrop {
    address: SocketAddr,
    maildrop: Arc<Mutex<Maildrop>>,
    task: JoinHandle<()>,
}

impl OddMaildrop {
    /// Serves the messages on a free port of loopback.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start(messages: Vec<Vec<u8>>, habit: Habit) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let maildrop = Arc::new(Mutex::new(Maildrop::default()));
        let shared = Arc::clone(&maildrop);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let conversation = Conversation::new(stream, Arc::clone(&shared), habit);
                // An error is a client that went away.
                tokio::spawn(async move { conversation.run().await });
            }
        });
        let server = Self { address, maildrop, task };
        for message in messages {
            server.deliver(&message);
        }
        server
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Adds a message, with an id that none had before. A session that has begun does not see it.
    ///
    /// # Panics
    /// Never.
    pub fn deliver(&self, text: &[u8]) {
        let mut maildrop = lock(&self.maildrop);
        maildrop.delivered += 1;
        let id = maildrop.delivered;
        maildrop.messages.push(Message { id, uidl: format!("id{id:08}"), text: text.into() });
    }

    /// Takes messages away, as another client or a rule of the server does.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn remove(&self, messages: Range<usize>) {
        lock(&self.maildrop).messages.drain(messages);
    }

    /// Gives every message another id, as a server does that was moved or restored.
    ///
    /// # Panics
    /// Never.
    pub fn renumber(&self) {
        for message in &mut lock(&self.maildrop).messages {
            write!(message.uidl, "-{:04x}", fastrand::u16(..)).expect("text");
        }
    }

    /// The texts that are there.
    ///
    /// # Panics
    /// Never.
    pub fn texts(&self) -> Vec<Vec<u8>> {
        lock(&self.maildrop).messages.iter().map(|message| message.text.to_vec()).collect()
    }

    /// How often it was asked this since that was last asked here: a command's name, as `RETR`.
    ///
    /// # Panics
    /// Never.
    pub fn asked(&self, command: &str) -> usize {
        lock(&self.maildrop).asked.remove(command).unwrap_or_default()
    }

    /// How many sessions have signed in.
    ///
    /// # Panics
    /// Never.
    pub fn sessions(&self) -> usize {
        lock(&self.maildrop).sessions
    }

    /// How many bytes of messages it has sent, headers that were asked for among them.
    ///
    /// # Panics
    /// Never.
    pub fn bytes(&self) -> u64 {
        lock(&self.maildrop).bytes
    }

    /// Waits until no session has the maildrop: a client that was killed keeps it for a moment.
    ///
    /// # Panics
    /// When one keeps it.
    pub async fn free(&self) {
        let free = async {
            while lock(&self.maildrop).taken {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, free).await.expect("the session ends with its client");
    }
}

impl Drop for OddMaildrop {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(maildrop: &Mutex<Maildrop>) -> std::sync::MutexGuard<'_, Maildrop> {
    maildrop.lock().expect("nobody panics with it")
}
