//! What changed in a definition, field by field, in the manifest's words.

use postroom_model::amount;
use serde::Serialize;
use serde_json::{Map, Value};

/// Fields that are stored under another name than the manifest's; all of them are numbers of bytes.
const AMOUNTS: [(&str, &str); 3] = [
    ("daily_bytes", "daily_limit"),
    ("filter.min_bytes", "filter.min_size"),
    ("filter.max_bytes", "filter.max_size"),
];

/// The fields that differ, as `interval 5m → 15m`.
pub(super) fn difference<T: Serialize>(old: &T, new: &T) -> Vec<String> {
    let (old, new) = (fields(old), fields(new));
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    let changed = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    changed.map(|name| changed_field(name, old.get(name), new.get(name))).collect()
}

/// A definition is stored as JSON-like fields anyway: what does not serialise could not be stored. The
/// rules of a filter are fields of their own.
fn fields<T: Serialize>(value: &T) -> Map<String, Value> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(value) else { return Map::new() };
    if let Some(Value::Object(rules)) = fields.remove("filter") {
        fields.extend(rules.into_iter().map(|(name, rule)| (format!("filter.{name}"), rule)));
    }
    fields
}

fn changed_field(name: &str, old: Option<&Value>, new: Option<&Value>) -> String {
    if let Some((_, name)) = AMOUNTS.iter().find(|(stored, _)| *stored == name) {
        let shown =
            |value: Option<&Value>| value.and_then(Value::as_u64).map_or("none".to_owned(), amount::written);
        return format!("{name} {} → {}", shown(old), shown(new));
    }
    // What is so by itself is not stored.
    let is_flag = old.or(new).is_some_and(Value::is_boolean);
    let shown = |value: Option<&Value>| match value {
        None | Some(Value::Null) if is_flag => "false".to_owned(),
        None | Some(Value::Null) => "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => written(value),
    };
    format!("{name} {} → {}", shown(old), shown(new))
}

/// A value as a manifest has it.
fn written(value: &Value) -> String {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let fields = fields.iter().map(|(name, value)| format!("{name} = {}", written(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", "))
        }
        value => value.to_string(),
    }
}
