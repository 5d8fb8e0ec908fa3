//! The bill as people read it, in 100 columns.

use super::{
    bill::{Bill, Line},
    usage::Purpose,
};
use crate::{plan::counted, status::table};
use postroom_model::amount;
use std::fmt;

/// Lines that are a smaller part of the bill are added up.
const SMALL: f64 = 0.005;

impl fmt::Display for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        let (shown, small): (Vec<&Line>, Vec<&Line>) =
            self.lines.iter().partition(|line| line.dollars >= self.total * SMALL);
        let share = |dollars: f64| format!("{:>3.0}%", 100.0 * dollars / self.total);
        let row = |line: &Line| {
            let price = line.price;
            let per = if price.per == 1.0 { String::new() } else { format!(" per {}", number(price.per)) };
            [
                line.purpose.name().to_owned(),
                line.rate.name().to_owned(),
                format!("{:>13} {}", quantity(line.quantity), price.unit),
                format!("${}{per}", price.dollars),
                format!("{:>10}", dollars(line.dollars)),
                share(line.dollars),
            ]
        };
        let rest: f64 = small.iter().map(|line| line.dollars).sum();
        let smaller = counted(small.len(), "smaller line", "smaller lines");
        let none = String::new;
        let rest = [none(), smaller, none(), none(), format!("{:>10}", dollars(rest)), share(rest)];
        let rows = shown.into_iter().map(row).chain([rest]).map(|row| (row, String::new()));
        table(f, ["FOR", "WHAT", "     HOW MUCH", "PRICE", "   A MONTH", "PART"], rows)?;
        writeln!(f)?;
        self.sums(f)?;
        self.advice(f)
    }
}

impl Bill {
    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let load = &self.load;
        let many = |count: u32, one: &str, many: &str| {
            format!("{} {}", number(f64::from(count)), if count == 1 { one } else { many })
        };
        writeln!(
            f,
            "{}, each polled every {} (--interval), {} s a poll (--poll-seconds)",
            many(load.mailboxes, "mailbox", "mailboxes"),
            load.interval,
            load.poll_seconds
        )?;
        writeln!(
            f,
            "{} (--accounts), {} of mailboxes' own (--passwords)",
            many(load.accounts, "account whose tokens open them", "accounts whose tokens open them"),
            many(load.passwords, "password", "passwords"),
        )?;
        writeln!(
            f,
            "{} messages a day and mailbox (--messages) of {} (--message-size), {} attachments (--attachments)",
            load.messages_a_day,
            amount::written(load.message_bytes),
            load.attachments
        )?;
        writeln!(
            f,
            "{}, {} MiB (--memory), {} runs at once (--concurrency), {}traced; mail of {} is kept",
            load.architecture,
            load.memory,
            load.concurrency,
            if load.tracing { "" } else { "un" },
            if load.months == 1.0 { "a month".to_owned() } else { format!("{} months", load.months) }
        )?;
        writeln!(
            f,
            "prices: {}, read on {}; what AWS gives for nothing is not deducted\n",
            self.region, self.prices_read_on
        )
    }

    fn sums(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mailboxes = f64::from(self.load.mailboxes);
        let row = |what: &str, sum: f64, note: &str| {
            let row = [
                what.to_owned(),
                format!("{:>10}", dollars(sum)),
                format!("{:>15}", format!("${:.4}", sum / mailboxes)),
                note.to_owned(),
            ];
            (row, String::new())
        };
        let of = |purpose: Purpose| row(purpose.name(), self.of_purpose(purpose), "");
        let (secrets, messages) = (self.of_purpose(Purpose::Secrets), self.of_purpose(Purpose::Messages));
        let each = format!("${:.4} per 1,000 messages", self.per_thousand_messages());
        let rows = [
            of(Purpose::Polls),
            of(Purpose::SignIn),
            of(Purpose::Stack),
            of(Purpose::Storage),
            row("without mail", self.total - secrets - messages, "what a mailbox costs if nothing comes"),
            row(Purpose::Messages.name(), messages, if messages > 0.0 { &each } else { "" }),
            row("with mail", self.total - secrets, "all but secrets"),
            of(Purpose::Secrets),
            row("total", self.total, ""),
        ];
        table(f, ["FOR", "   A MONTH", "    PER MAILBOX", ""], rows.into_iter())
    }

    fn advice(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nwhat can be done about the largest")?;
        for line in &self.remedies {
            writeln!(f, "{}: {}", line.purpose.name(), line.rate.name())?;
            for remedy in &line.remedies {
                let spares = remedy
                    .spares
                    .map(|spares| format!(": {} less a month", dollars(spares)))
                    .unwrap_or_default();
                writeln!(f, "    {}{spares}", remedy.what)?;
            }
        }
        Ok(())
    }
}

fn dollars(dollars: f64) -> String {
    let cents = format!("{dollars:.2}");
    let (whole, cents) = cents.split_once('.').unwrap_or((&cents, "00"));
    format!("${}.{cents}", grouped(whole))
}

/// A quantity, with a fraction where it is small.
fn quantity(quantity: f64) -> String {
    if quantity < 10.0 && quantity.fract() != 0.0 { format!("{quantity:.2}") } else { number(quantity) }
}

/// A whole number with its thousands apart.
fn number(number: f64) -> String {
    grouped(&format!("{number:.0}"))
}

fn grouped(digits: &str) -> String {
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
