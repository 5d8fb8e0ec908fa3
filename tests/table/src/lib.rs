//! The registry's table, as the deployment's template defines it, for tests.
//!
//! Guarantees: a test runs on the keys and indexes that a deployment has, because both are read from
//! `infra/template.yaml`. Left out: what no test needs, such as encryption, backups, and the removal
//! of what has expired.

mod json;

pub use json::{of_item, to_item};

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType,
    },
};
use saphyr::{LoadableYamlNode, Yaml};

const TEMPLATE: &str = include_str!("../../../infra/template.yaml");

/// Creates the table under a name of its own.
///
/// # Panics
/// When the template does not define a table, or the AWS API does not create it.
pub async fn create(client: &Client, name: &str) {
    let template = Yaml::load_from_str(TEMPLATE).expect("a template in YAML");
    let table = &template[0]["Resources"]["Table"]["Properties"];
    let request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(list(table, "AttributeDefinitions", attribute)))
        .set_key_schema(Some(list(table, "KeySchema", key)))
        .set_global_secondary_indexes(Some(list(table, "GlobalSecondaryIndexes", index)));
    request.send().await.expect("a table");
}

fn attribute(attribute: &Yaml<'_>) -> AttributeDefinition {
    AttributeDefinition::builder()
        .attribute_name(text(attribute, "AttributeName"))
        .attribute_type(ScalarAttributeType::from(text(attribute, "AttributeType")))
        .build()
        .expect("an attribute")
}

fn key(key: &Yaml<'_>) -> KeySchemaElement {
    KeySchemaElement::builder()
        .attribute_name(text(key, "AttributeName"))
        .key_type(KeyType::from(text(key, "KeyType")))
        .build()
        .expect("a key")
}

fn index(index: &Yaml<'_>) -> GlobalSecondaryIndex {
    let projection = ProjectionType::from(text(&index["Projection"], "ProjectionType"));
    GlobalSecondaryIndex::builder()
        .index_name(text(index, "IndexName"))
        .set_key_schema(Some(list(index, "KeySchema", key)))
        .projection(Projection::builder().projection_type(projection).build())
        .build()
        .expect("an index")
}

fn list<T>(of: &Yaml<'_>, name: &str, read: fn(&Yaml<'_>) -> T) -> Vec<T> {
    of[name].as_vec().unwrap_or_else(|| panic!("{name} of the table")).iter().map(read).collect()
}

fn text<'a>(of: &'a Yaml<'_>, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_else(|| panic!("{name} of the table"))
}
