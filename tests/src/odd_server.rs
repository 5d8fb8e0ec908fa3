//! An IMAP server on loopback that is honest but for one quirk.
//!
//! It knows the few commands that a careful client sends. Every folder has the same messages, unless a
//! test says which ([`OddServer::with_folders`]). What it does wrong, it does as servers were seen to do
//! it.

mod conversation;

use base64::{Engine, prelude::BASE64_STANDARD};
use conversation::Conversation;
use std::{
    collections::{BTreeMap, HashSet},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};
use tokio::{io::BufReader, net::TcpListener, task::JoinHandle};

/// What the server does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quirk {
    /// Nothing.
    None,
    /// It closes the connection in the middle of the message with this UID.
    ClosesInLiteral(u32),
    /// It announces fewer bytes than it sends for the message with this UID.
    SendsMoreThanAnnounced(u32),
    /// It lists the message with this UID and never delivers it.
    Withholds(u32),
    /// It refuses every command that asks for the text of the message with this UID.
    Refuses(u32),
    /// It delivers the message with this UID as an empty one.
    Empties(u32),
    /// It answers the sign-in with bytes that mean nothing.
    Garbage,
    /// It answers the sign-in with a line that never ends.
    EndlessLine,
    /// It accepts the connection and says nothing.
    Silent,
    /// It greets, and then sends a byte a second.
    Drips,
    /// It asks to be left alone for so many milliseconds.
    Throttles(u64),
    /// It announces a message of four gigabytes and sends zeros for as long as somebody reads.
    Huge,
    /// It sends endless unsolicited answers.
    Chatters,
    /// It rests five milliseconds before every message.
    Slow,
    /// A secret ends once so many bytes of messages were read with it: the session ends as Exchange
    /// Online ends it, and the secret is refused from then on.
    SecretEnds(u64),
    /// It numbers messages for the account, not for the folder, as Gmail does: `X-GM-MSGID`
    /// (<https://developers.google.com/workspace/gmail/imap/imap-extensions>).
    GmailIds,
    /// The same as RFC 8474 has it: `EMAILID`.
    EmailIds,
}

/// The messages of each folder, as places in the list of all.
type Folders = BTreeMap<String, Vec<usize>>;

/// What is there.
#[derive(Debug)]
struct Store {
    messages: Vec<Arc<[u8]>>,
    /// None: every folder has all messages.
    folders: Option<Folders>,
}

/// What all conversations share.
#[derive(Debug)]
struct Shared {
    store: Mutex<Store>,
    quirk: Quirk,
    delivered: AtomicUsize,
    bytes: AtomicU64,
    headers: AtomicUsize,
    deletions: AtomicUsize,
    sign_ins: AtomicUsize,
    /// Signed-in sessions, and the most that there were at a time.
    sessions: AtomicUsize,
    most_sessions: AtomicUsize,
    /// What was signed in with, as it was said: `PLAIN ` and base64.
    offered: Mutex<HashSet<String>>,
    /// Of those, what is refused now.
    ended: Mutex<HashSet<String>>,
}

/// A running server; it stops when this is dropped.
#[derive(Debug)]
pub struct OddServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl OddServer {
    /// Serves the messages, with UIDs from 1, on a free port of loopback.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start(messages: Vec<Vec<u8>>, quirk: Quirk) -> Self {
        Self::serve(messages, None, quirk).await
    }

    /// Serves folders that share messages; each names its own by their places in the list, in the order
    /// of their UIDs.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn with_folders(messages: Vec<Vec<u8>>, folders: &[(&str, &[usize])], quirk: Quirk) -> Self {
        let folders = folders.iter().map(|(name, places)| ((*name).to_owned(), places.to_vec()));
        Self::serve(messages, Some(folders.collect()), quirk).await
    }

    async fn serve(messages: Vec<Vec<u8>>, folders: Option<Folders>, quirk: Quirk) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            store: Mutex::new(Store { messages: messages.into_iter().map(Into::into).collect(), folders }),
            quirk,
            delivered: AtomicUsize::default(),
            bytes: AtomicU64::default(),
            headers: AtomicUsize::default(),
            deletions: AtomicUsize::default(),
            sign_ins: AtomicUsize::default(),
            sessions: AtomicUsize::default(),
            most_sessions: AtomicUsize::default(),
            offered: Mutex::default(),
            ended: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let conversation = Conversation::new(BufReader::new(stream), Arc::clone(&serving));
                // An error is a client that went away.
                tokio::spawn(async move { conversation.run().await });
            }
        });
        Self { address, shared, task }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Adds a message to these folders, or to all where none are known by name. A session sees it when
    /// it opens one.
    ///
    /// # Panics
    /// Never.
    pub fn deliver(&self, folders: &[&str], text: &[u8]) {
        let mut store = self.shared.store.lock().expect("nobody panics with it");
        let place = store.messages.len();
        store.messages.push(text.into());
        let known = store.folders.iter_mut().flatten();
        for (_, places) in known.filter(|(name, _)| folders.contains(&name.as_str())) {
            places.push(place);
        }
    }

    /// How many commands it got that mark messages as deleted.
    pub fn deletions(&self) -> usize {
        self.shared.deletions.load(Ordering::Relaxed)
    }

    /// How many texts it has begun to deliver.
    pub fn delivered(&self) -> usize {
        self.shared.delivered.load(Ordering::Relaxed)
    }

    /// How many bytes of texts it has delivered.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// How many headers it has delivered by themselves.
    pub fn headers(&self) -> usize {
        self.shared.headers.load(Ordering::Relaxed)
    }

    /// How many sign-ins it has granted.
    pub fn sign_ins(&self) -> usize {
        self.shared.sign_ins.load(Ordering::Relaxed)
    }

    /// Whether anybody tried to sign in as that user with that password.
    ///
    /// # Panics
    /// Never.
    pub fn saw(&self, user: &str, password: &str) -> bool {
        let said = format!("PLAIN {}", BASE64_STANDARD.encode(format!("\0{user}\0{password}")));
        self.shared.offered.lock().expect("nobody panics with it").contains(&said)
    }

    /// The most sessions that were signed in at a time.
    pub fn most_sessions(&self) -> usize {
        self.shared.most_sessions.load(Ordering::Relaxed)
    }
}

impl Drop for OddServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
