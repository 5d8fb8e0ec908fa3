//! What can be done about a line of the bill, and how much that spares.

use super::{bill::Bill, counted::Counted, load::Load, price::Rate, usage::Purpose};
use crate::args::ArchitectureArg;
use serde::Serialize;

/// What can be done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Remedy {
    /// What.
    pub what: String,
    /// What the bill is less by it, in US dollars a month, where that can be reckoned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spares: Option<f64>,
}

/// Mailboxes that one account may as well open, as far as costs go.
const SHARED_BY: u32 = 50;

/// What can be done about a line of a bill of `total` dollars.
pub(super) fn remedies(
    (purpose, rate): (Purpose, Rate),
    load: &Load,
    counted: &Counted,
    total: f64,
) -> Vec<Remedy> {
    let with = |what: &str, other: Load| {
        let spares = total - Bill::of(other, counted).total;
        (spares > 0.0).then(|| Remedy { what: what.to_owned(), spares: Some(spares) })
    };
    let says = |what: &str| Some(Remedy { what: what.to_owned(), spares: None });
    let slower = || {
        let interval = match load.interval.seconds() {
            ..900 => "15m",
            900..3600 => "1h",
            _ => "1d",
        };
        let other = Load { interval: interval.parse().unwrap_or_default(), ..load.clone() };
        with(&format!("poll every {interval} what can wait; if that is all of them"), other)
    };
    let untraced = || with("deploy with Tracing=no", Load { tracing: false, ..load.clone() });
    let shared = || {
        let accounts = (load.mailboxes - load.passwords).div_ceil(SHARED_BY);
        let other = Load { accounts: accounts.min(load.accounts), ..load.clone() };
        with("share accounts: one consent, or one app-only grant, opens fifty mailboxes", other)
    };
    let without_passwords = || {
        let accounts = load.accounts + load.passwords.div_ceil(SHARED_BY);
        let other = Load { passwords: 0, accounts, ..load.clone() };
        with("migrate from passwords to shared accounts", other)
    };
    let found = match (purpose, rate) {
        (_, Rate::Secrets) => vec![shared(), without_passwords()],
        (Purpose::SignIn, _) => vec![
            shared(),
            without_passwords(),
            with(
                "deploy with FetchConcurrency=10: fewer processes ask for tokens, and rounds take longer",
                Load { concurrency: load.concurrency.min(10), ..load.clone() },
            ),
        ],
        (Purpose::Polls, Rate::ComputeArm | Rate::ComputeX86) => vec![
            slower(),
            with(
                "deploy with FetchMemory=256, where messages are small",
                Load { memory: load.memory.min(256), ..load.clone() },
            ),
            with("deploy for arm64", Load { architecture: ArchitectureArg::Arm64, ..load.clone() }),
        ],
        (_, Rate::Traces) => vec![untraced()],
        (_, Rate::TrafficOut) => vec![
            slower(),
            says("AWS gives 100 GB a month to each account for nothing, which is not deducted here"),
        ],
        (Purpose::Polls, _) => vec![slower()],
        (Purpose::Messages, Rate::ObjectWrites) => vec![
            with("do not unpack attachments that nobody uses", Load { attachments: 0.0, ..load.clone() }),
            says("leave out what nobody needs, by a mailbox's `filter`: it is not put"),
        ],
        (Purpose::Messages, _) => {
            vec![slower(), says("leave out what nobody needs, by a mailbox's `filter`")]
        }
        (Purpose::Storage, _) => vec![
            says("deploy with ArchiveColdAfterDays=30: GLACIER_IR is $0.004 a GB, and $0.02 for 1,000 moved"),
            says("objects under 128 KB stay where they are: they would cost more there"),
        ],
        (Purpose::Stack, _) => vec![
            says("one stack for all mailboxes in place of several: what stands is paid once"),
            says("AWS gives an account ten metrics, ten alarms and three dashboards; not deducted here"),
        ],
        (Purpose::Secrets, _) => vec![],
    };
    let found: Vec<Remedy> = found.into_iter().flatten().collect();
    match found.is_empty() {
        true => says("little: what can be shared is shared already").into_iter().collect(),
        false => found,
    }
}
