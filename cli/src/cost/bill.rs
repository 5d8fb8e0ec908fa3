//! The bill of a month.

use super::{
    counted::Counted,
    load::Load,
    price::{Price, READ_ON, REGION, Rate},
    remedy::{Remedy, remedies},
    usage::{Purpose, usage},
};
use serde::Serialize;

/// Lines about which it is said what can be done.
const REMEDIED: usize = 3;

/// The bill of a month. Its `Display` is what people read. Dollars are US dollars.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bill {
    /// What the deployment has to do.
    pub load: Load,
    /// Whose prices these are.
    pub region: &'static str,
    /// When they were read.
    pub prices_read_on: &'static str,
    /// What is paid for, the dearest first.
    pub lines: Vec<Line>,
    /// All of it, in dollars.
    pub total: f64,
    /// What can be done about the dearest.
    pub remedies: Vec<Remedied>,
}

/// A line of the bill.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Line {
    /// What for.
    pub purpose: Purpose,
    /// What.
    pub rate: Rate,
    /// How much, in the price's units.
    pub quantity: f64,
    /// The price.
    pub price: Price,
    /// What that costs, in dollars.
    pub dollars: f64,
}

/// A line, and what can be done about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Remedied {
    /// What the line is for.
    pub purpose: Purpose,
    /// What it is.
    pub rate: Rate,
    /// What can be done.
    pub remedies: Vec<Remedy>,
}

impl Bill {
    /// The bill of a load, without what can be done.
    pub(super) fn of(load: Load, counted: &Counted) -> Self {
        let lines = usage(&load, counted).into_iter().map(|((purpose, rate), quantity)| Line {
            purpose,
            rate,
            quantity,
            price: rate.price(),
            dollars: rate.cost(quantity),
        });
        let mut lines: Vec<Line> = lines.collect();
        lines.sort_by(|one, other| other.dollars.total_cmp(&one.dollars));
        let total = lines.iter().map(|line| line.dollars).sum();
        Self { load, region: REGION, prices_read_on: READ_ON, lines, total, remedies: Vec::new() }
    }

    /// The same, with what can be done about the dearest lines.
    pub(super) fn remedied(self, counted: &Counted) -> Self {
        let mut remedied: Vec<Remedied> = Vec::new();
        for Line { purpose, rate, .. } in self.lines.iter().copied() {
            let remedies = remedies((purpose, rate), &self.load, counted, self.total);
            // What helps several lines is said once.
            if remedied.len() < REMEDIED && remedied.iter().all(|earlier| earlier.remedies != remedies) {
                remedied.push(Remedied { purpose, rate, remedies });
            }
        }
        Self { remedies: remedied, ..self }
    }

    /// What is paid for one purpose, in dollars.
    pub fn of_purpose(&self, purpose: Purpose) -> f64 {
        self.lines.iter().filter(|line| line.purpose == purpose).map(|line| line.dollars).sum()
    }

    /// What a mailbox costs whether or not anything comes, in dollars: everything but messages and the secrets' own
    /// price.
    pub fn per_mailbox(&self) -> f64 {
        self.per_mailbox_with_messages() - self.of_purpose(Purpose::Messages) / f64::from(self.load.mailboxes)
    }

    /// What a thousand messages cost beside that, in dollars; 0 where none come.
    pub fn per_thousand_messages(&self) -> f64 {
        match self.load.messages() {
            messages if messages > 0.0 => self.of_purpose(Purpose::Messages) / messages * 1000.0,
            _ => 0.0,
        }
    }

    /// What a mailbox costs with its messages, in dollars: everything but the secrets' own price.
    pub fn per_mailbox_with_messages(&self) -> f64 {
        (self.total - self.of_purpose(Purpose::Secrets)) / f64::from(self.load.mailboxes)
    }
}
