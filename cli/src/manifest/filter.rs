//! `[mailbox.filter]`: which messages of a mailbox are archived.

use super::{problem::Placed, section::Section};
use jiff::civil::Date;
use postroom_model::{Filter, Pattern, amount::bytes};
use toml::de::DeValue;

/// How a number of bytes is written.
pub(super) const AMOUNT: &str = "a number with its unit, such as \"500kB\", \"50MB\" or \"2GB\"";

/// Reads the table `filter`; no rule where there is none.
pub(super) fn filter(section: &mut Section<'_, '_>) -> Filter {
    let Some(Placed { at, value }) = section.take("filter") else { return Filter::default() };
    let DeValue::Table(table) = value else {
        let hint = "[mailbox.filter], and below it from = [\"*@contoso.com\"], since = 2026-01-01 …";
        section.problems.add_with_hint(at, "\"filter\" must be a table of rules", hint);
        return Filter::default();
    };
    let mut rules = Section::new(section.problems, at, table);
    let filter = Filter {
        from: senders(&mut rules, "from"),
        not_from: senders(&mut rules, "not_from"),
        subject: patterns(&mut rules, "subject"),
        not_subject: patterns(&mut rules, "not_subject"),
        min_bytes: size(&mut rules, "min_size"),
        max_bytes: size(&mut rules, "max_size"),
        since: since(&mut rules),
    };
    if let (Some(least), Some(most)) = (filter.min_bytes, filter.max_bytes)
        && least > most
    {
        rules.problems.add(at, "\"min_size\" is more than \"max_size\": every message would be left out");
    }
    rules.finish();
    filter
}

/// Patterns for addresses: one without `@` and without `*` is nobody's whole address.
fn senders(rules: &mut Section<'_, '_>, key: &'static str) -> Vec<Pattern> {
    let texts = rules.texts(key).map(|texts| texts.value).unwrap_or_default();
    for Placed { at, value } in texts.iter().filter(|text| !text.value.contains(['@', '*'])) {
        let hint = format!("{key} = [\"*@{value}\"] for a domain, [\"{value}@*\"] for a name");
        rules.problems.add_with_hint(
            *at,
            format!("{value:?} is no whole address, and has no '*' in it"),
            hint,
        );
    }
    texts.iter().filter_map(|text| Pattern::new(&text.value)).collect()
}

fn patterns(rules: &mut Section<'_, '_>, key: &'static str) -> Vec<Pattern> {
    let texts = rules.texts(key).map(|texts| texts.value).unwrap_or_default();
    texts.iter().filter_map(|text| Pattern::new(&text.value)).collect()
}

fn size(rules: &mut Section<'_, '_>, key: &'static str) -> Option<u64> {
    let Placed { at, value } = rules.text(key)?;
    let size = bytes(&value);
    if size.is_none() {
        rules.problems.add_with_hint(at, format!("{value:?} is no size"), format!("{key} takes {AMOUNT}"));
    }
    size
}

/// A day, without a time of it: messages are compared by the day on which they were received, in UTC.
fn since(rules: &mut Section<'_, '_>) -> Option<Date> {
    let Placed { at, value } = rules.take("since")?;
    let day = match &value {
        DeValue::Datetime(written) if written.time.is_none() => written.to_string().parse().ok(),
        _ => None,
    };
    if day.is_none() {
        rules.problems.add(at, "\"since\" must be a day such as 2026-01-01, without quotes");
    }
    day
}
