//! Five people who are all to be told something.

use super::{Clock, account, at, brought, consent, lab, provider, read, set};
use jiff::Timestamp;
use postroom_tests::Lab;
use std::collections::BTreeMap;

static CLOCK: Clock = Clock::new(0);

fn now() -> Timestamp {
    read(&CLOCK)
}

/// When the accounts here were consented to, and a time at which the month before their end has begun.
pub(super) const CONSENTED: &str = "2027-01-01T10:00:00Z";
pub(super) const MONTH: &str = "2027-03-01T11:05:00Z";
pub(super) const PEOPLE: [&str; 5] = ["anna", "bernd", "carla", "dora", "emil"];

/// Five people with two accounts each, one of which all five share: they are all a month from their end
/// at [`MONTH`].
pub(super) async fn five() -> Lab {
    let lab = lab().await;
    let begin = at(CONSENTED);
    set(&CLOCK, begin);
    provider(&lab, "contoso", begin, |json| json["idle_days"] = 90.into()).await;
    for name in PEOPLE {
        let id = account(&lab, &format!("own-{name}"), "contoso", &[name], begin, |_| {}).await;
        consent(&lab.tokens(now), &id, begin, brought(begin, None)).await;
    }
    let id = account(&lab, "shared", "contoso", &PEOPLE, begin, |_| {}).await;
    consent(&lab.tokens(now), &id, begin, brought(begin, None)).await;
    lab
}

/// How many mails each person got.
pub(super) async fn received(lab: &Lab) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for mail in lab.mails().await {
        *counts.entry(mail.to.concat()).or_default() += 1;
    }
    counts
}
