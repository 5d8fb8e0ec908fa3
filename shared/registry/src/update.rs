//! One `UpdateItem` request: what it sets, removes and adds, and on what condition.

use crate::{
    Error, Registry, Result,
    table::{Item, Key, number},
    version,
};
use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use std::{borrow::Cow, collections::HashMap};

/// One `UpdateItem` in the making. In expressions, `#name` and `:name` stand for the attribute
/// `name` and its value; every attribute goes by its placeholder, because many of our names are
/// reserved words of DynamoDB's.
#[derive(Debug, Clone)]
pub(crate) struct Update {
    key: Key,
    set: Vec<String>,
    remove: Vec<String>,
    add: Vec<String>,
    conditions: Vec<Cow<'static, str>>,
    names: HashMap<String, String>,
    values: Item,
    returned: ReturnValue,
}

/// What came of an update.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was made; the whole item as it is now or was before, or what was set, if that was asked for. There
    /// is none before an item was made.
    Done(Option<Item>),
    /// Its condition did not hold for this item, or for its absence.
    Refused(Option<Item>),
    /// A map that it writes into does not exist.
    NoSuchPath,
}

impl Outcome {
    /// Whether the update was made.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

impl Update {
    /// An update of an item that no later release has written into; it carries this one's version then.
    pub(crate) fn of(key: Key) -> Self {
        let update = Self {
            key,
            set: Vec::new(),
            remove: Vec::new(),
            add: Vec::new(),
            conditions: Vec::new(),
            names: HashMap::new(),
            values: Item::new(),
            returned: ReturnValue::None,
        };
        update.set(version::NAME, version::value()).when(version::IS_KNOWN)
    }

    /// Sets an attribute.
    pub(crate) fn set(mut self, name: &str, value: AttributeValue) -> Self {
        self.set.push(format!("#{name} = :{name}"));
        self.name(name).value(name, value)
    }

    /// Sets an attribute unless the item has it.
    pub(crate) fn set_if_absent(mut self, name: &str, value: AttributeValue) -> Self {
        self.set.push(format!("#{name} = if_not_exists(#{name}, :{name})"));
        self.name(name).value(name, value)
    }

    /// Sets an attribute, or removes it where there is no value.
    pub(crate) fn set_or_remove(self, name: &str, value: Option<AttributeValue>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self.remove(name),
        }
    }

    /// Makes a number that the item has smaller by one.
    pub(crate) fn count_down(mut self, name: &str) -> Self {
        self.set.push(format!("#{name} = #{name} - :one"));
        self.name(name).value("one", number(1))
    }

    /// Sets one entry of the map `map`, which must exist ([`Outcome::NoSuchPath`]).
    pub(crate) fn set_entry(mut self, map: &str, entry: &str, value: AttributeValue) -> Self {
        self.set.push(format!("#{map}.#entry = :entry"));
        self.entry(map, entry).value("entry", value)
    }

    /// Removes an attribute.
    pub(crate) fn remove(mut self, name: &str) -> Self {
        self.remove.push(format!("#{name}"));
        self.name(name)
    }

    /// Removes one entry of the map `map`, which must exist ([`Outcome::NoSuchPath`]).
    pub(crate) fn remove_entry(mut self, map: &str, entry: &str) -> Self {
        self.remove.push(format!("#{map}.#entry"));
        self.entry(map, entry)
    }

    /// Adds to a number that counts as 0 where it is absent.
    pub(crate) fn add(mut self, name: &str, value: AttributeValue) -> Self {
        self.add.push(format!("#{name} :{name}"));
        self.name(name).value(name, value)
    }

    /// Adds one to a number that counts on from `start` where it is absent.
    pub(crate) fn count_from(mut self, name: &str, start: u64) -> Self {
        self.set.push(format!("#{name} = if_not_exists(#{name}, :start) + :one"));
        self.name(name).value("start", number(start)).value("one", number(1))
    }

    /// Makes the update only where the condition holds, and every other that was given.
    pub(crate) fn when(mut self, condition: impl Into<Cow<'static, str>>) -> Self {
        self.conditions.push(condition.into());
        self
    }

    /// Names an attribute that only the condition mentions.
    pub(crate) fn name(mut self, name: &str) -> Self {
        self.names.insert(format!("#{name}"), name.to_owned());
        self
    }

    /// Gives a value that only the condition mentions.
    pub(crate) fn value(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(format!(":{name}"), value);
        self
    }

    /// Asks for the new item.
    pub(crate) fn returning(mut self) -> Self {
        self.returned = ReturnValue::AllNew;
        self
    }

    /// Asks for what the update sets.
    pub(crate) fn returning_set(mut self) -> Self {
        self.returned = ReturnValue::UpdatedNew;
        self
    }

    /// Asks for the item as it was before.
    pub(crate) fn returning_old(mut self) -> Self {
        self.returned = ReturnValue::AllOld;
        self
    }

    fn entry(mut self, map: &str, entry: &str) -> Self {
        self.names.insert("#entry".into(), entry.to_owned());
        self.name(map)
    }

    fn expression(&self) -> String {
        let clauses = [("SET", &self.set), ("REMOVE", &self.remove), ("ADD", &self.add)];
        let clauses = clauses.into_iter().filter(|(_, parts)| !parts.is_empty());
        clauses.map(|(verb, parts)| format!("{verb} {}", parts.join(", "))).collect::<Vec<_>>().join(" ")
    }

    fn condition(&self) -> Option<String> {
        match self.conditions.as_slice() {
            [] => None,
            [only] => Some(only.to_string()),
            all => Some(all.iter().map(|one| format!("({one})")).collect::<Vec<_>>().join(" AND ")),
        }
    }

    /// The update as part of a transaction on `table`.
    pub(crate) fn into_transaction(self, table: &str) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        aws_sdk_dynamodb::types::Update::builder()
            .table_name(table)
            .update_expression(self.expression())
            .set_condition_expression(self.condition())
            .set_key(Some(self.key.item()))
            .set_expression_attribute_names(Some(self.names))
            .set_expression_attribute_values(Some(self.values))
    }
}

impl Registry {
    /// Makes an update. [`Error::TooNew`]: a later release has written into the item.
    pub(crate) async fn update(&self, update: Update) -> Result<Outcome> {
        let answer = self
            .client
            .update_item()
            .table_name(&*self.table)
            .update_expression(update.expression())
            .set_condition_expression(update.condition())
            .set_key(Some(update.key.item()))
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values))
            .return_values(update.returned)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(Outcome::Done(answer.attributes)),
            Err(SdkError::ServiceError(context)) if is_missing_path(context.err()) => Ok(Outcome::NoSuchPath),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                    refusal.item.as_ref().map_or(Ok(()), |item| self.check_version(item))?;
                    Ok(Outcome::Refused(refusal.item.clone()))
                }
                _ => Err(Error::request(&self.table, "UpdateItem", error)),
            },
        }
    }
}

/// DynamoDB has no code of its own for a path into a map that does not exist.
fn is_missing_path(error: &UpdateItemError) -> bool {
    error.code() == Some("ValidationException")
        && error.message().is_some_and(|m| m.contains("document path provided in the update expression"))
}
