//! Times and sizes as people read them.

use jiff::{SignedDuration, Timestamp};

/// A time as people read it: `3 min ago (2026-11-21 22:03 UTC)`.
pub(crate) fn moment(at: Timestamp, now: Timestamp) -> String {
    let difference = at.duration_since(now);
    let relative = match (rounded(difference.abs()), difference.is_positive()) {
        (None, _) => "now".to_owned(),
        (Some(amount), true) => format!("in {amount}"),
        (Some(amount), false) => format!("{amount} ago"),
    };
    format!("{relative} ({})", clock(at))
}

/// A time as machines' clocks have it: `2026-11-21 22:03 UTC`.
pub(crate) fn clock(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn rounded(duration: SignedDuration) -> Option<String> {
    match duration.as_secs() {
        0 => None,
        seconds @ 1..120 => Some(format!("{seconds} s")),
        seconds @ 120..7_200 => Some(format!("{} min", seconds / 60)),
        seconds @ 7_200..172_800 => Some(format!("{} h", seconds / 3_600)),
        seconds => Some(format!("{} days", seconds / 86_400)),
    }
}

/// A size as people read it, in powers of ten: `61.2 MB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // Tenths of the unit; what is cut off by the division is below a tenth.
    let (mut tenths, mut unit) = (bytes / 100, 0);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_cut_to_a_tenth() {
        let table =
            [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_999, "999.9 kB"), (61_234_567, "61.2 MB")];
        for (bytes, shown) in table {
            assert_eq!(size(bytes), shown);
        }
        assert_eq!(size(u64::MAX), "18446744.0 TB");
    }

    #[test]
    fn moments_are_relative_and_absolute() {
        let now = Timestamp::from_second(1_800_000_000).expect("in range");
        for (offset, shown) in [
            (0, "now (2027-01-15 08:00 UTC)"),
            (-90, "90 s ago (2027-01-15 07:58 UTC)"),
            (300, "in 5 min (2027-01-15 08:05 UTC)"),
            (-86_400, "24 h ago (2027-01-14 08:00 UTC)"),
            (90 * 86_400, "in 90 days (2027-04-15 08:00 UTC)"),
        ] {
            let at = now.checked_add(SignedDuration::from_secs(offset)).expect("in range");
            assert_eq!(moment(at, now), shown);
        }
    }
}
