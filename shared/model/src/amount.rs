//! Numbers of bytes as people write them: `50MB`, `2 GB`.

/// What each unit stands for, in powers of ten, as mail providers count.
const UNITS: [(&str, u64); 5] =
    [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000), ("B", 1)];

/// The bytes that a text such as `50MB` or `1.5 GB` stands for, in powers of ten. None, where it is no
/// number with a unit, or no whole number of bytes.
pub fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_uppercase();
    let (number, unit) =
        UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?.trim(), *unit)))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |digits: &str| digits.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || number.ends_with('.') {
        return None;
    }
    let mut bytes = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        if place % 10 != 0 {
            return None;
        }
        place /= 10;
        bytes = bytes.checked_add(place * u64::from(digit - b'0'))?;
    }
    Some(bytes)
}

/// A number of bytes in the largest unit in which it is whole: what [`bytes`] reads as the same.
pub fn written(bytes: u64) -> String {
    let fits = |(_, unit): &&(&str, u64)| bytes >= *unit && bytes.is_multiple_of(*unit);
    let (name, unit) = UNITS.iter().find(fits).unwrap_or(&("B", 1));
    format!("{}{}", bytes / unit, if *name == "KB" { "kB" } else { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_alike() {
        for (text, expected) in [
            ("0B", Some(0)),
            ("1B", Some(1)),
            ("500kB", Some(500_000)),
            ("50 MB", Some(50_000_000)),
            ("1.5gb", Some(1_500_000_000)),
            ("1.000001MB", Some(1_000_001)),
            ("1.0000001MB", None),
            ("18446744073709551616B", None),
            ("99999999TB", None),
            ("50", None),
            ("MB", None),
            ("-1MB", None),
            ("1e3MB", None),
            ("1.MB", None),
            (".5MB", None),
            ("50 MiB", None),
            ("", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
        for (number, expected) in
            [(0, "0B"), (1_500_000_000, "1500MB"), (2_000_000_000, "2GB"), (50_001, "50001B")]
        {
            assert_eq!(written(number), expected);
            assert_eq!(bytes(expected), Some(number));
        }
    }
}
