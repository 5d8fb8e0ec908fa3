//! The picture of how many authorizations end in which month: its geometry and its figures.
//!
//! A bar for what is over already, where there is such, and one for each of the next twelve months,
//! this one first. Positions across are in percent and those down in pixels, so that the picture is
//! as wide as its place while its letters keep their size.

use crate::{calendar::Clock, language::Speak};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use postroom_language::{Words, day_in};

/// Months shown, this one included.
const MONTHS: usize = 12;
/// The most endings that are asked for.
pub(crate) const MOST: usize = 2_000;
/// Where bars stand, in pixels from the top.
const FLOOR: u32 = 132;
/// The height of the highest bar, in pixels.
const HIGHEST: u32 = 104;
/// The least height of a bar that counts something, so that one of a thousand is still seen.
const LEAST: u32 = 3;
/// The part of a month's place that its bar fills, in percent.
const FILLED: f64 = 62.0;

/// The picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Timeline {
    /// The bars, from left to right.
    pub(crate) bars: Vec<Bar>,
    /// How many the highest bar counts.
    pub(crate) most: usize,
    /// Whether there were more endings than are counted.
    pub(crate) is_cut: bool,
}

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bar {
    /// Below the bar: "Dec".
    pub(crate) label: &'static str,
    /// In the table: "December 2026".
    pub(crate) name: String,
    /// How many authorizations end then.
    pub(crate) count: usize,
    /// Its class in the style sheet.
    pub(crate) class: &'static str,
    /// Its left edge, in percent.
    pub(crate) x: String,
    /// Its middle, in percent.
    pub(crate) middle: String,
    /// Its width, in percent.
    pub(crate) width: String,
    /// Its top, in pixels.
    pub(crate) y: u32,
    /// Its height, in pixels.
    pub(crate) height: u32,
}

impl Bar {
    /// Where its figure stands, in pixels from the top.
    pub(crate) fn figure(&self) -> u32 {
        self.y - 7
    }
}

impl Timeline {
    /// The picture of what ends when.
    pub(crate) fn new(endings: &[Timestamp], Clock { now, zone, language }: Clock<'_>) -> Self {
        let first = day_in(now, zone).first_of_month();
        let month = |at: Timestamp| {
            let day = day_in(at, zone);
            i32::from(day.year() - first.year()) * 12 + i32::from(day.month() - first.month())
        };
        let over = endings.iter().filter(|at| **at <= now).count();
        let mut counts = vec![0_usize; MONTHS];
        for at in endings.iter().filter(|at| **at > now) {
            if let Some(count) = usize::try_from(month(*at)).ok().and_then(|month| counts.get_mut(month)) {
                *count += 1;
            }
        }
        let t = &language.texts().overview;
        let mut named: Vec<(&'static str, String, usize, &'static str)> = Vec::new();
        if over > 0 {
            named.push((t.overdue, t.overdue_long.to_owned(), over, "bar over"));
        }
        named.extend((0_i32..).zip(counts).map(|(ahead, count)| {
            let day = first.saturating_add(ahead.months());
            let class = if ahead == 0 { "bar now" } else { "bar" };
            (language.short_month(day), language.month(day), count, class)
        }));
        let most = named.iter().map(|(_, _, count, _)| *count).max().unwrap_or_default();
        let places = named.len();
        let bars = named.into_iter().enumerate().map(|(place, (label, name, count, class))| {
            let height = height(count, most);
            let (x, middle, width) = across(place, places);
            Bar { label, name, count, class, x, middle, width, y: FLOOR - height, height }
        });
        Self { bars: bars.collect(), most, is_cut: endings.len() >= MOST }
    }

    /// Whether nothing ends in the time shown.
    pub(crate) fn is_empty(&self) -> bool {
        self.most == 0
    }
}

/// Until when endings are asked for: the end of the last month shown.
pub(crate) fn until(now: Timestamp, zone: &TimeZone) -> Timestamp {
    let first: Date = day_in(now, zone).first_of_month();
    let end = first.saturating_add(i32::try_from(MONTHS).unwrap_or_default().months());
    end.to_zoned(zone.clone()).map_or(Timestamp::MAX, |end| end.timestamp())
}

fn height(count: usize, most: usize) -> u32 {
    if count == 0 || most == 0 {
        return 0;
    }
    let share = u32::try_from(count * usize::try_from(HIGHEST).unwrap_or_default() / most);
    share.unwrap_or(HIGHEST).max(LEAST)
}

/// Left edge, middle and width of a bar, in percent.
fn across(place: usize, places: usize) -> (String, String, String) {
    let each = 100.0 / f64::from(u32::try_from(places).unwrap_or(1));
    let start = each * f64::from(u32::try_from(place).unwrap_or_default());
    let width = each * FILLED / 100.0;
    let percent = |value: f64| format!("{value:.2}%");
    (percent(start + (each - width) / 2.0), percent(start + each / 2.0), percent(width))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixtures, language::Language};

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    #[test]
    fn bars_stand_in_their_months_and_to_scale() {
        // Berlin's months begin an hour before UTC's.
        let mut endings =
            vec![at("2026-11-01T00:00:00Z"), at("2026-11-30T22:59:59Z"), at("2026-11-30T23:00:00Z")];
        endings.extend(std::iter::repeat_n(at("2027-02-14T00:00:00Z"), 400));
        endings.push(at("2027-10-31T22:59:59Z"));
        endings.push(at("2027-10-31T23:00:00Z")); // the thirteenth month is not shown
        let timeline = Timeline::new(&endings, fixtures::clock(Language::En));
        let counts: Vec<_> = timeline.bars.iter().map(|bar| (bar.label, bar.count, bar.height)).collect();
        assert_eq!(
            counts,
            [
                ("Ended", 1, LEAST),
                ("Nov", 1, LEAST),
                ("Dec", 1, LEAST),
                ("Jan", 0, 0),
                ("Feb", 400, HIGHEST),
                ("Mar", 0, 0),
                ("Apr", 0, 0),
                ("May", 0, 0),
                ("Jun", 0, 0),
                ("Jul", 0, 0),
                ("Aug", 0, 0),
                ("Sep", 0, 0),
                ("Oct", 1, LEAST),
            ]
        );
        assert!(timeline.bars.iter().all(|bar| bar.y + bar.height == FLOOR && bar.figure() > 10));
        assert_eq!(timeline.bars[0].x, "1.46%");
        assert_eq!(timeline.bars[12].middle, "96.15%");
        assert!(!timeline.is_cut);
    }

    #[test]
    fn the_time_shown_ends_with_a_month() {
        let zone = fixtures::clock(Language::De).zone;
        assert_eq!(until(at("2026-11-22T12:00:00Z"), zone), at("2027-10-31T23:00:00Z"));
        assert_eq!(until(at("2026-01-31T00:00:00Z"), &TimeZone::UTC), at("2027-01-01T00:00:00Z"));
        let empty = Timeline::new(&[], fixtures::clock(Language::De));
        assert!(empty.is_empty());
        assert_eq!(empty.bars.len(), MONTHS);
    }
}
