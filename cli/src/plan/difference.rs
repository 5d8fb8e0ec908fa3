//! What changed in a definition, field by field, in the manifest's words.

use serde::Serialize;
use serde_json::{Map, Value};

/// The fields that differ, as `interval 5m → 15m`.
pub(super) fn difference<T: Serialize>(old: &T, new: &T) -> Vec<String> {
    let (old, new) = (fields(old), fields(new));
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    let changed = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    changed.map(|name| format!("{name} {} → {}", shown(old.get(name)), shown(new.get(name)))).collect()
}

/// A definition is stored as JSON-like fields anyway: what does not serialise could not be stored.
fn fields<T: Serialize>(value: &T) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}
