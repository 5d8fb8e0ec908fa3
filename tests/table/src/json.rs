//! Items as DynamoDB's JSON
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html>), in the
//! types that the registry writes.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// An item as JSON.
///
/// # Panics
/// When it has an attribute of a type that the registry does not write.
pub fn of_item(item: &HashMap<String, AttributeValue>) -> Map<String, Value> {
    item.iter().map(|(name, value)| (name.clone(), of_attribute(value))).collect()
}

/// The item that JSON stands for.
///
/// # Panics
/// When it stands for none, or as [`of_item`].
pub fn to_item(item: &Map<String, Value>) -> HashMap<String, AttributeValue> {
    item.iter().map(|(name, value)| (name.clone(), to_attribute(value))).collect()
}

fn of_attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::Bool(is) => json!({"BOOL": is}),
        AttributeValue::Null(is) => json!({"NULL": is}),
        AttributeValue::L(list) => json!({"L": list.iter().map(of_attribute).collect::<Vec<_>>()}),
        AttributeValue::M(map) => json!({"M": of_item(map)}),
        AttributeValue::Bs(set) => {
            let mut set: Vec<String> = set.iter().map(|bytes| BASE64_STANDARD.encode(bytes)).collect();
            set.sort();
            json!({"BS": set})
        }
        other => panic!("an attribute that the registry does not write: {other:?}"),
    }
}

fn to_attribute(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().and_then(|map| map.iter().next()).expect("DynamoDB's JSON");
    let text = || value.as_str().expect("a text").to_owned();
    let list = || value.as_array().expect("a list").iter();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "BOOL" => AttributeValue::Bool(value.as_bool().expect("a boolean")),
        "NULL" => AttributeValue::Null(true),
        "L" => AttributeValue::L(list().map(to_attribute).collect()),
        "M" => AttributeValue::M(to_item(value.as_object().expect("a map"))),
        "BS" => {
            let bytes =
                |text: &Value| BASE64_STANDARD.decode(text.as_str().expect("base64")).expect("base64");
            AttributeValue::Bs(list().map(|text| Blob::new(bytes(text))).collect())
        }
        other => panic!("{other}: not an attribute that the registry writes"),
    }
}
