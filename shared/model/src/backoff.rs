//! When a failing mailbox is tried again.

use crate::{Actor, Fault};
use std::time::Duration;

/// The first pause where time alone may help.
const FIRST_TRANSIENT: Duration = Duration::from_secs(60);
/// The first pause where a person must act: slower, so that repeated refusals lock nobody out.
const FIRST_PERSON: Duration = Duration::from_secs(15 * 60);
/// The longest pause of our own choosing. A pause that the server asks for may be longer.
const LONGEST: Duration = Duration::from_secs(4 * 60 * 60);
/// The longest pause that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a mailbox rests after its `failures`th failure in a row (counted from 1).
///
/// Pauses double from one minute (from fifteen where a person must act) to four hours. `dice`, in
/// `0.0..1.0`, spreads them over the upper half of the pause, so that mailboxes which failed
/// together do not return together. A pause that the server asked for is honoured in full, up to a
/// day, and spread by up to a tenth on top.
pub fn retry_after(fault: &Fault, failures: u32, dice: f64) -> Duration {
    let dice = dice.clamp(0.0, 1.0);
    let first = if fault.class.actor() == Actor::Nobody { FIRST_TRANSIENT } else { FIRST_PERSON };
    let doublings = failures.saturating_sub(1).min(16);
    let pause = first.saturating_mul(1 << doublings).min(LONGEST);
    let own = pause.mul_f64(0.5 + 0.5 * dice);
    match fault.retry_after() {
        Some(asked) => own.max(asked.min(LONGEST_ASKED).mul_f64(1.0 + 0.1 * dice)),
        None => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FaultClass;

    #[test]
    fn pauses_grow_are_spread_and_honour_the_server() {
        let minutes =
            |class, failures, dice| retry_after(&Fault::new(class, ""), failures, dice).as_secs_f64() / 60.0;
        let table = [
            (FaultClass::TimedOut, 1, 0.0, 0.5),
            (FaultClass::TimedOut, 1, 1.0, 1.0),
            (FaultClass::TimedOut, 4, 1.0, 8.0),
            (FaultClass::TimedOut, 4_000_000_000, 1.0, 240.0),
            (FaultClass::PasswordRefused, 1, 1.0, 15.0),
            (FaultClass::PasswordRefused, 5, 0.0, 120.0),
        ];
        for (class, failures, dice, expected) in table {
            assert_eq!(minutes(class, failures, dice), expected, "{class} {failures} {dice}");
        }
        let asked = Fault::new(FaultClass::Throttled, "").with_retry_after(Duration::from_secs(1000));
        assert_eq!(retry_after(&asked, 1, 0.0).as_secs(), 1000);
        assert_eq!(retry_after(&asked, 1, 1.0).as_secs(), 1100);
        let forever = asked.with_retry_after(Duration::from_secs(u64::MAX));
        assert_eq!(retry_after(&forever, 1, 0.0), LONGEST_ASKED);
    }
}
