//! The index of a message, as `docs/archive` says it is.

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::ops::{Deref, Index as At};

/// An index that fits its schema.
#[derive(Debug)]
pub(super) struct Index {
    json: Value,
    parts: Vec<Part>,
}

/// One attachment of it.
#[derive(Debug)]
pub(super) struct Part(Value);

impl Index {
    /// Reads an index, which must fit the schema and have no field beside it.
    pub(super) fn read(text: &[u8]) -> Self {
        let json: Value = serde_json::from_slice(text).expect("JSON");
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/archive/index.schema.json");
        let schema = std::fs::read_to_string(path).expect("a schema");
        let schema: Value = serde_json::from_str(&schema).expect("JSON");
        let known = schema["properties"].as_object().expect("properties");
        for key in json.as_object().expect("an object").keys() {
            assert!(known.contains_key(key), "{key} is not documented");
        }
        let options = jsonschema::options().should_validate_formats(true);
        let fits =
            options.build(&schema).expect("a schema").validate(&json).map_err(|error| error.to_string());
        assert_eq!(fits, Ok(()), "{json}");
        let parts = json["parts"].as_array().expect("parts").iter().cloned().map(Part).collect();
        Self { json, parts }
    }

    /// Where the message is.
    pub(super) fn key(&self) -> &str {
        self.json["key"].as_str().expect("a key")
    }

    /// The attachments.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

impl At<&str> for Index {
    type Output = Value;

    fn index(&self, field: &str) -> &Value {
        &self.json[field]
    }
}

impl Part {
    /// Where it is.
    pub(super) fn key(&self) -> &str {
        self["key"].as_str().expect("a key")
    }

    /// Its safe name.
    pub(super) fn name(&self) -> &str {
        self["name"].as_str().expect("a name")
    }

    /// Its size in bytes.
    pub(super) fn size(&self) -> u64 {
        self["size"].as_u64().expect("a size")
    }

    /// Asserts that these are its bytes.
    pub(super) fn assert_is(&self, bytes: &[u8], what: &str) {
        assert_eq!(self.size(), bytes.len() as u64, "{what}: {}", self.name());
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(self["sha256"], digest, "{what}: {}", self.name());
        assert!(self.key().ends_with(&format!("/{}", self.name())), "{what}: {}", self.key());
    }
}

impl Deref for Part {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}
