//! What requests to DynamoDB consume, from the items that they read and write.
//!
//! The rules are AWS's: sizes of items and units of requests
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>,
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>), and writes to
//! global secondary indexes
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes>).

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Map, Value};

/// An item as DynamoDB's JSON has it.
type Item = Map<String, Value>;

/// Bytes that a write request unit covers.
const WRITE: usize = 1024;
/// Bytes that a read request unit covers.
const READ: usize = 4096;
/// What a list or a map takes besides its elements, in bytes.
const COLLECTION: usize = 3;

/// A global secondary index.
#[derive(Debug)]
pub(super) struct Index {
    keys: Vec<String>,
    /// Whether it has the item's keys and its own alone.
    keys_only: bool,
}

impl Index {
    /// The indexes of a table, from its description.
    pub(super) fn all(table: &Value) -> Vec<Self> {
        let names = |schema: &Value| -> Vec<String> {
            let keys = schema.as_array().into_iter().flatten();
            keys.filter_map(|key| key["AttributeName"].as_str().map(str::to_owned)).collect()
        };
        let indexes = table["GlobalSecondaryIndexes"].as_array().into_iter().flatten();
        let index = |index: &Value| Self {
            keys: names(&index["KeySchema"]),
            keys_only: index["Projection"]["ProjectionType"] == "KEYS_ONLY",
        };
        indexes.map(index).collect()
    }

    /// An item's entry; none where it lacks one of the index's keys.
    fn entry(&self, item: &Item) -> Option<Item> {
        if !self.keys.iter().all(|key| item.contains_key(key)) {
            return None;
        }
        let is_kept = |name: &str| {
            !self.keys_only || ["pk", "sk"].contains(&name) || self.keys.iter().any(|key| key == name)
        };
        Some(item.iter().filter(|(name, _)| is_kept(name)).map(|(n, v)| (n.clone(), v.clone())).collect())
    }

    /// What a change of an item costs in the index: nothing where its entry stays as it is; two writes where
    /// the entry's key changes, because it is deleted and put anew.
    fn write(&self, before: Option<&Item>, after: Option<&Item>) -> usize {
        let (before, after) = (before.and_then(|i| self.entry(i)), after.and_then(|i| self.entry(i)));
        match (before, after) {
            (None, None) => 0,
            (Some(entry), None) | (None, Some(entry)) => write_units(size(&entry)),
            (Some(before), Some(after)) if before == after => 0,
            (Some(before), Some(after)) if self.keys.iter().any(|key| before[key] != after[key]) => {
                write_units(size(&before)) + write_units(size(&after))
            }
            (Some(before), Some(after)) => write_units(size(&before).max(size(&after))),
        }
    }
}

/// Write request units of one item's change, refused or made, in the table and its indexes.
pub(super) fn write(indexes: &[Index], before: Option<&Item>, after: Option<&Item>) -> f64 {
    let larger = before.into_iter().chain(after).map(size).max().unwrap_or_default();
    let of_indexes: usize = indexes.iter().map(|index| index.write(before, after)).sum();
    (write_units(larger) + of_indexes) as f64
}

/// Read request units of `GetItem`, `BatchGetItem` or `Query`. An item that is not there costs as much as a small
/// one; a query costs what its items have together.
///
/// # Panics
/// When the request leaves out something of what it reads: its answer does not say what that was.
pub(super) fn read(operation: &str, asked: &Value, answer: &Value) -> f64 {
    let is_whole =
        ["FilterExpression", "ProjectionExpression", "Select"].iter().all(|name| asked[name].is_null());
    assert!(is_whole, "what is left out of an answer is paid for");
    let consistent = |asked: &Value| if asked["ConsistentRead"] == true { 1.0 } else { 0.5 };
    let items = |list: &Value| -> Vec<usize> {
        list.as_array().into_iter().flatten().filter_map(Value::as_object).map(size).collect()
    };
    match operation {
        "GetItem" => {
            read_units(answer["Item"].as_object().map(size).unwrap_or_default()) as f64 * consistent(asked)
        }
        "Query" => read_units(items(&answer["Items"]).iter().sum()) as f64 * consistent(asked),
        _ => {
            let tables = asked["RequestItems"].as_object().into_iter().flatten();
            let of_table = |(table, asked): (&String, &Value)| {
                let found = items(&answer["Responses"][table]);
                let missing = asked["Keys"].as_array().map_or(0, Vec::len) - found.len();
                (found.into_iter().map(read_units).sum::<usize>() + missing) as f64 * consistent(asked)
            };
            tables.map(of_table).sum()
        }
    }
}

fn write_units(bytes: usize) -> usize {
    bytes.div_ceil(WRITE).max(1)
}

fn read_units(bytes: usize) -> usize {
    bytes.div_ceil(READ).max(1)
}

/// An item's size in bytes: names and values.
fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

/// A value's size in bytes.
///
/// # Panics
/// When it is no attribute value.
fn value_size(value: &Value) -> usize {
    let (kind, value) =
        value.as_object().and_then(|object| object.iter().next()).expect("a type and a value");
    let text = || value.as_str().unwrap_or_default();
    let list = || value.as_array().into_iter().flatten();
    let texts = || list().filter_map(Value::as_str);
    match kind.as_str() {
        "S" => text().len(),
        "N" => number_size(text()),
        "B" => BASE64.decode(text()).map_or(0, |bytes| bytes.len()),
        "BOOL" | "NULL" => 1,
        "SS" => texts().map(str::len).sum(),
        "NS" => texts().map(number_size).sum(),
        "BS" => texts().map(|text| BASE64.decode(text).map_or(0, |bytes| bytes.len())).sum(),
        "L" => COLLECTION + list().map(|value| 1 + value_size(value)).sum::<usize>(),
        "M" => {
            let entries = value.as_object().into_iter().flatten();
            COLLECTION + entries.map(|(name, value)| 1 + name.len() + value_size(value)).sum::<usize>()
        }
        other => panic!("{other} is no type of DynamoDB's"),
    }
}

/// A number's size in bytes: one for every two significant digits, and one more.
fn number_size(text: &str) -> usize {
    let digits = text.trim_start_matches('-').replace('.', "");
    digits.trim_matches('0').len().div_ceil(2) + 1 + usize::from(text.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item(value: Value) -> Item {
        value.as_object().expect("an item").clone()
    }

    #[test]
    fn sizes_are_those_of_names_and_values() {
        let all = json!({
            "s": {"S": "four"}, "n": {"N": "1795344000"}, "b": {"B": "AAAA"}, "t": {"BOOL": true},
            "l": {"L": [{"S": "a"}, {"NULL": true}]}, "m": {"M": {"k": {"N": "-1"}}}, "set": {"SS": ["x", "yz"]},
        });
        // s 1+4, n 1+(7 digits: 4)+1, b 1+3, t 1+1, l 1+3+2+2, m 1+3+1+1+3, set 3+3
        assert_eq!(size(&item(all)), 5 + 6 + 4 + 2 + 8 + 9 + 6);
    }

    #[test]
    fn a_write_costs_what_it_changes_in_the_table_and_in_indexes() {
        let of = |keys: &[&str], keys_only| Index {
            keys: keys.iter().map(|k| (*k).to_owned()).collect(),
            keys_only,
        };
        let indexes = [of(&["schedule", "due_at"], true), of(&["kind", "id"], false)];
        let batch = |due: u32, more: &str| {
            let schedule = json!({"S": "batch"});
            item(json!({"pk": {"S": "p"}, "sk": {"S": "s"}, "kind": {"S": "batch"}, "id": {"S": "i"},
                "schedule": schedule, "due_at": {"N": due.to_string()}, "more": {"S": more}}))
        };
        let (now, later, large) = (batch(1, ""), batch(2, ""), batch(1, &"x".repeat(1024)));
        let cost = |before: Option<&Item>, after: Option<&Item>| write(&indexes, before, after);
        assert_eq!(cost(Some(&now), Some(&now)), 1.0, "refused: the item alone");
        assert_eq!(cost(Some(&now), Some(&later)), 4.0, "out of one entry, into another");
        assert_eq!(cost(Some(&now), Some(&large)), 4.0, "the larger size, twice");
        assert_eq!(cost(Some(&now), None), 3.0);
    }

    #[test]
    fn a_read_costs_what_it_reads_and_what_is_not_there() {
        let items = json!([{"pk": {"S": "x".repeat(5000)}}, {"pk": {"S": "y"}}]);
        let cost = |operation, asked: Value, answer: Value| read(operation, &asked, &answer);
        let batch = json!({"RequestItems": {"t": {"Keys": [1, 2, 3], "ConsistentRead": true}}});
        assert_eq!(cost("BatchGetItem", batch, json!({"Responses": {"t": items}})), 4.0);
        assert_eq!(cost("Query", json!({}), json!({"Items": items})), 1.0);
        assert_eq!(cost("GetItem", json!({"ConsistentRead": true}), json!({})), 1.0);
    }
}
