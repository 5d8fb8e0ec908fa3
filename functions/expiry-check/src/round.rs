//! The round of the post: mails that are sent as fast as SES lets us, each put on record once it is
//! taken.
//!
//! Guarantees: a mail that fails stops no other; one that SES throttles is tried again; what was not
//! taken is on no record, so that the next run sends it; no mail is begun after the round's end.
//!
//! Left out: one message exactly once. A crash between SES's answer and the record repeats a mail.

use crate::{audience::Role, matter::Matter};
use futures::{StreamExt, stream};
use jiff::Timestamp;
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
/// How often a mail is tried that SES throttles.
const TRIES: u32 = 6;
/// How often one is tried that fails for another reason that may pass: SES may have taken it.
const TRIES_IN_DOUBT: u32 = 2;
/// The first pause before another try; it doubles.
const PAUSE: Duration = Duration::from_millis(500);

/// A mail to one person.
#[derive(Debug)]
pub(crate) struct Mail<'a> {
    /// The person's address.
    pub(crate) address: &'a str,
    /// What it is about, by position in the list of matters, and why this person hears of it.
    pub(crate) matters: Vec<(usize, Role)>,
    /// What it says.
    pub(crate) letter: Letter,
}

/// What a round has.
pub(crate) struct Round<'a> {
    pub(crate) post: &'a Post,
    pub(crate) registry: &'a Registry,
    pub(crate) matters: &'a [Matter],
    /// When the mails are said to be sent.
    pub(crate) now: Timestamp,
    pub(crate) clock: fn() -> Timestamp,
    /// When no further mail is begun.
    pub(crate) end: Timestamp,
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
                tracing::error!(mails = all, %error, "SES did not say what may be sent");
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
            Outcome::Unsendable(said) => {
                let refused = Rejection::Refused;
                let noted = self.registry.record_undeliverable(mail.address, refused, &said, self.now).await;
                if let Err(error) = noted {
                    tracing::error!(%error, "an address that takes no mail could not be put on record");
                    return Delivered { failed: 1, ..delivered };
                }
                None
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
                    tracing::error!(%error, "a mail was sent and is on no record: it is sent again");
                    delivered.failed += 1;
                }
            }
        }
        delivered
    }

    async fn send(&self, mail: &Mail<'_>, pace: &Pace, stopped: &AtomicBool) -> Outcome {
        let mut pause = PAUSE;
        for tried in 1.. {
            pace.turn().await;
            if stopped.load(Ordering::Relaxed) {
                return Outcome::Failed;
            }
            if (self.clock)() > self.end {
                return Outcome::NoTime;
            }
            let error = match self.post.send(&mail.letter, mail.address).await {
                Ok(id) => return Outcome::Taken(id.0),
                Err(SendError::Recipient(said)) => {
                    tracing::warn!("SES does not send to an address: the operators hear of it");
                    return Outcome::Unsendable(said);
                }
                Err(error) => error,
            };
            let tries = match &error {
                SendError::Throttled => TRIES,
                SendError::QuotaUsedUp | SendError::Stopped(_) => {
                    if !stopped.swap(true, Ordering::Relaxed) {
                        tracing::error!(%error, "no further mail is sent in this run");
                    }
                    return Outcome::Failed;
                }
                SendError::Passing(_) | SendError::Recipient(_) => TRIES_IN_DOUBT,
            };
            if tried >= tries {
                tracing::error!(%error, tried, "a mail was not sent: the next run tries again");
                return Outcome::Failed;
            }
            sleep(pause).await;
            pause *= 2;
        }
        Outcome::Failed
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
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
