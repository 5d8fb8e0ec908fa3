//! The round of the post: mails that are sent as fast as SES lets us, each put on record once it is
//! taken.
//!
//! Guarantees: a mail that fails stops no other; one that SES throttles is tried again; one that SES may
//! have taken is not tried again in the same round; what was not taken is on no record, so that the next
//! run sends it. Whoever cannot be told while SES is in its sandbox has not been told, and is once that has
//! ended. A mail is written when its turn has come, so that as many are held in memory as are under way.
//! None is begun after the round's end.
//!
//! Left out: one message exactly once. A crash between SES's answer and the record repeats a mail.

use crate::{audience::Role, matter::Matter, run::count};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use postroom_lambda::Refusals;
use postroom_letter::{Letter, Post, Quota, SendError};
use postroom_model::{Recipient, Rejection};
use postroom_registry::Registry;
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep, sleep_until};

/// Mails that are under way at once at most.
const AT_ONCE: usize = 32;
/// The right that mails need.
const SEND: &str = "ses:SendEmail";
/// How often a mail is tried that SES throttles.
const TRIES: u32 = 6;
/// The first pause before another try; it doubles.
const PAUSE: Duration = Duration::from_millis(500);

/// A mail to one person.
#[derive(Debug)]
pub(crate) struct Mail<'a> {
    /// The person's address.
    pub(crate) address: &'a str,
    /// What it is about, by position in the list of matters, and why this person hears of it.
    pub(crate) matters: Vec<(usize, Role)>,
}

/// Writes what a mail says.
pub(crate) type Write<'a> = &'a (dyn Fn(&Mail<'_>) -> Result<Letter, askama::Error> + Sync);

/// What a round has.
pub(crate) struct Round<'a> {
    pub(crate) post: &'a Post,
    pub(crate) registry: &'a Registry,
    pub(crate) refusals: &'a Refusals,
    pub(crate) matters: &'a [Matter],
    pub(crate) write: Write<'a>,
    /// When the mails are said to be sent.
    pub(crate) now: Timestamp,
    pub(crate) clock: fn() -> Timestamp,
    /// When no further mail is begun.
    pub(crate) until: Timestamp,
}

/// What came of a round.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// Who was told of what, by position in the list of matters.
    pub(crate) told: Vec<(usize, Recipient)>,
    /// Mails that SES took.
    pub(crate) mails: u64,
    /// Mails that were not sent, or are on no record.
    pub(crate) failed: u64,
}

/// What came of one mail.
enum Outcome {
    Taken(String),
    /// Nothing can be sent to this address; what was said.
    Unsendable(String),
    /// Nothing can be sent to it while SES is in its sandbox; what was said.
    Unverified(String),
    Failed,
    /// There was no time for it.
    NoTime,
}

impl Round<'_> {
    /// Sends mails, in their order: the first are sent where not all can be.
    pub(crate) async fn go(&self, mut mails: Vec<Mail<'_>>) -> Delivered {
        let mut delivered = Delivered::default();
        if mails.is_empty() {
            return delivered;
        }
        let all = mails.len();
        let quota = match self.post.quota().await {
            Ok(quota) if quota.sending_enabled => quota,
            Ok(_) => {
                tracing::error!(mails = all, "SES has paused sending: the next run tries again");
                return Delivered { failed: count(all), ..delivered };
            }
            Err(error) => {
                if !self.refusals.noted(self.post.refusal("ses:GetAccount", &error)) {
                    tracing::error!(mails = all, %error, "SES did not say what may be sent");
                }
                return Delivered { failed: count(all), ..delivered };
            }
        };
        if quota.sandbox {
            tracing::warn!("SES is in its sandbox: only verified addresses can be sent to");
        }
        if let Some(left) = quota.left {
            mails.truncate(left as usize);
        }
        if mails.len() < all {
            tracing::error!(all, sent = mails.len(), "SES's daily quota is too small for all mails");
            delivered.failed += count(all - mails.len());
        }
        let (pace, stopped) = (Pace::new(&quota), AtomicBool::new(false));
        let at_once = (quota.per_second.ceil() as usize).clamp(1, AT_ONCE);
        let under_way = stream::iter(&mails).map(|mail| self.deliver(mail, &pace, &stopped));
        let mut under_way = under_way.buffer_unordered(at_once);
        while let Some(one) = under_way.next().await {
            delivered.told.extend(one.told);
            delivered.mails += one.mails;
            delivered.failed += one.failed;
        }
        delivered
    }

    /// Sends one mail and puts it on record.
    async fn deliver(&self, mail: &Mail<'_>, pace: &Pace, stopped: &AtomicBool) -> Delivered {
        let mut delivered = Delivered::default();
        let message_id = match self.send(mail, pace, stopped).await {
            Outcome::NoTime => return delivered,
            Outcome::Failed => return Delivered { failed: 1, ..delivered },
            Outcome::Taken(id) => {
                delivered.mails = 1;
                Some(id)
            }
            Outcome::Unsendable(said) => match self.note(mail.address, &said).await {
                true => None,
                false => return Delivered { failed: 1, ..delivered },
            },
            // The operators hear of it, and others stand in; the stage is told when it can be.
            Outcome::Unverified(said) => {
                self.note(mail.address, &said).await;
                return Delivered { failed: 1, ..delivered };
            }
        };
        for (position, _) in &mail.matters {
            let recipient = Recipient::Person(mail.address.to_owned());
            let matter = self.matters.get(*position);
            let reminder = matter.and_then(|m| m.reminder(recipient.clone(), self.now, message_id.clone()));
            let Some(reminder) = reminder else { continue };
            match self.registry.record_reminder(&reminder).await {
                Ok(_) => delivered.told.push((*position, recipient)),
                Err(error) => {
                    if !self.refusals.noted(error.refusal()) {
                        tracing::error!(%error, "a mail was sent and is on no record: it is sent again");
                    }
                    delivered.failed += 1;
                }
            }
        }
        delivered
    }

    /// Puts on record that an address takes no mail; whether it is.
    async fn note(&self, address: &str, said: &str) -> bool {
        let refused = Rejection::Refused;
        let noted = self.registry.record_undeliverable(address, refused, said, self.now).await;
        if let Err(error) = &noted
            && !self.refusals.noted(error.refusal())
        {
            tracing::error!(%error, "an address that takes no mail could not be put on record");
        }
        noted.is_ok()
    }

    async fn send(&self, mail: &Mail<'_>, pace: &Pace, stopped: &AtomicBool) -> Outcome {
        let mut letter = None;
        let mut pause = PAUSE;
        for tried in 1.. {
            // Nobody waits for a turn that is of no use.
            if let Some(outcome) = self.is_done(stopped) {
                return outcome;
            }
            pace.turn().await;
            if let Some(outcome) = self.is_done(stopped) {
                return outcome;
            }
            let written = letter.take().map_or_else(|| (self.write)(mail), Ok);
            let written = match written {
                Ok(written) => written,
                Err(error) => {
                    tracing::error!(%error, "a mail could not be written");
                    return Outcome::Failed;
                }
            };
            match self.post.send(&written, mail.address).await {
                Ok(id) => return Outcome::Taken(id.0),
                Err(SendError::Recipient(said)) => {
                    tracing::warn!("SES does not send to an address: the operators hear of it");
                    return Outcome::Unsendable(said);
                }
                Err(SendError::Unverified(said)) => {
                    tracing::warn!(
                        "SES, in its sandbox, does not know an address: the operators hear of it, and the next run \
                         tries again"
                    );
                    return Outcome::Unverified(said);
                }
                Err(error @ (SendError::QuotaUsedUp | SendError::Stopped(_))) => {
                    let is_first = !stopped.swap(true, Ordering::Relaxed);
                    if is_first && !self.refusals.noted(self.post.refusal(SEND, &error)) {
                        let advice = error.advice();
                        tracing::error!(%error, advice, "no further mail is sent in this run");
                    }
                    return Outcome::Failed;
                }
                Err(SendError::Throttled) if tried < TRIES => {}
                // Of what passes, SES may have taken it.
                Err(error @ (SendError::Throttled | SendError::Rejected(_) | SendError::Passing(_))) => {
                    if !self.refusals.noted(self.post.refusal(SEND, &error)) {
                        tracing::error!(%error, tried, "a mail was not sent: the next run tries again");
                    }
                    return Outcome::Failed;
                }
            }
            letter = Some(written);
            sleep(pause).await;
            pause *= 2;
        }
        Outcome::Failed
    }

    /// Why no further mail is begun, if that is so.
    fn is_done(&self, stopped: &AtomicBool) -> Option<Outcome> {
        if stopped.load(Ordering::Relaxed) {
            return Some(Outcome::Failed);
        }
        ((self.clock)() > self.until).then_some(Outcome::NoTime)
    }
}

/// Turns, as many a second as SES grants.
struct Pace {
    gap: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    fn new(quota: &Quota) -> Self {
        Self {
            gap: Duration::from_secs_f64(quota.per_second.max(0.1).recip()),
            next: Mutex::new(Instant::now()),
        }
    }

    async fn turn(&self) {
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            *next = turn + self.gap;
            turn
        };
        sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::Facts,
        fixtures::{at, incident, matter},
    };
    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use std::sync::atomic::AtomicUsize;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    /// An SES that grants so many mails, takes each, and cuts the connection: its address, and how many
    /// it took.
    async fn cutting(left: usize) -> (String, &'static AtomicUsize) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let taken: &AtomicUsize = Box::leak(Box::default());
        let quota = format!(
            r#"{{"SendingEnabled":true,"SendQuota":{{"Max24HourSend":{left}.0,"MaxSendRate":50.0}}}}"#
        );
        tokio::spawn(async move {
            loop {
                let (mut tcp, _) = listener.accept().await.expect("a request");
                let mut window = [0; 16 * 1024];
                let n = tcp.read(&mut window).await.expect("reads");
                if window[..n].starts_with(b"POST /v2/email/outbound-emails") {
                    taken.fetch_add(1, Ordering::Relaxed);
                } else {
                    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
                    let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{quota}", quota.len());
                    tcp.write_all(answer.as_bytes()).await.expect("writes");
                }
            }
        });
        (endpoint, taken)
    }

    /// A round of mails to so many people: what came of it, and how many mails were written.
    async fn round(endpoint: &str, people: usize) -> (Delivered, usize) {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let aws = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(endpoint)
            .build();
        let post = Post::new(aws_sdk_sesv2::Client::new(&aws), "post@contoso.com".into(), vec![], None);
        let registry = Registry::new(aws_sdk_dynamodb::Client::new(&aws), "none");
        let began = "2027-04-11T09:00:00Z";
        let matters = [matter(Facts::Incident(incident(began, None)), &[], at(began))];
        let written = AtomicUsize::new(0);
        let write = |_: &Mail<'_>| {
            written.fetch_add(1, Ordering::Relaxed);
            Ok(Letter { subject: "s".into(), text: "t".into(), html: "h".into() })
        };
        let addresses: Vec<_> = (0..people).map(|n| format!("person-{n}@contoso.com")).collect();
        let mails = addresses.iter().map(|address| Mail { address, matters: vec![(0, Role::Owner)] });
        let (clock, now) = (postroom_lambda::now, at(began));
        let round = Round {
            post: &post,
            registry: &registry,
            refusals: &Refusals::default(),
            matters: &matters,
            write: &write,
            now,
            clock,
            until: Timestamp::MAX,
        };
        let delivered = round.go(mails.collect()).await;
        (delivered, written.into_inner())
    }

    #[tokio::test]
    async fn a_mail_that_may_have_been_taken_is_sent_once_in_a_round() {
        let (endpoint, taken) = cutting(100).await;
        let (delivered, _) = round(&endpoint, 1).await;
        assert_eq!(delivered, Delivered { failed: 1, ..Delivered::default() });
        assert_eq!(taken.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn mails_are_written_when_their_turn_has_come() {
        let (endpoint, taken) = cutting(3).await;
        let (delivered, written) = round(&endpoint, 20_000).await;
        assert_eq!(delivered, Delivered { failed: 20_000, ..Delivered::default() });
        assert_eq!((written, taken.load(Ordering::Relaxed)), (3, 3));
    }
}
