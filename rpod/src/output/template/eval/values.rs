//! What values have in them.

use std::borrow::Cow;

use serde_json::Value;

use super::super::{nil, printing};
use super::Evaluated;

type Object = serde_json::Map<String, Value>;

/// The key a field name means. JSON says `Id` where Go's field is `ID`, so either spelling finds the other.
pub(super) fn key(object: &Object, name: &str) -> Option<String> {
    if object.contains_key(name) {
        return Some(name.to_owned());
    }
    let other = match name {
        "ID" => "Id".to_owned(),
        _ => name.replace("Id", "ID"),
    };
    object.contains_key(&other).then_some(other)
}

/// The member of an object, borrowed if the object is.
pub(super) fn member(value: Evaluated<'_>, key: String) -> Evaluated<'_> {
    match value {
        Cow::Borrowed(value) => Cow::Borrowed(&value[key]),
        Cow::Owned(mut value) => Cow::Owned(value[key].take()),
    }
}

/// A struct of Go's, whose fields are fixed, rather than a map: JSON does not say which, its keys do.
pub(super) fn is_record(object: &Object) -> bool {
    !object.is_empty()
        && object
            .keys()
            .all(|key| key.starts_with(|c: char| c.is_ascii_uppercase()) || key == "sdNotifyMode")
}

pub(super) fn names(object: &Object) -> String {
    let names: Vec<&str> = object.keys().map(String::as_str).collect();
    names.join(", ")
}

/// What a range goes through, with its keys: Go visits a map in the order of its keys.
pub(super) fn items(value: Evaluated<'_>) -> Result<Vec<(Value, Evaluated<'_>)>, String> {
    fn sorted<V>(entries: impl Iterator<Item = (String, V)>) -> Vec<(String, V)> {
        let mut entries: Vec<(String, V)> = entries.collect();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries
    }
    Ok(match value {
        Cow::Borrowed(Value::Array(array)) => array
            .iter()
            .enumerate()
            .map(|(index, item)| (index.into(), Cow::Borrowed(item)))
            .collect(),
        Cow::Owned(Value::Array(array)) => array
            .into_iter()
            .enumerate()
            .map(|(index, item)| (index.into(), Cow::Owned(item)))
            .collect(),
        Cow::Borrowed(Value::Object(object)) => {
            let entries = sorted(object.iter().map(|(key, item)| (key.clone(), item)));
            entries
                .into_iter()
                .map(|(key, item)| (key.into(), Cow::Borrowed(item)))
                .collect()
        }
        Cow::Owned(Value::Object(object)) => sorted(object.into_iter())
            .into_iter()
            .map(|(key, item)| (key.into(), Cow::Owned(item)))
            .collect(),
        value if value.is_null() || nil::made(&value).is_some() => Vec::new(),
        value => {
            return Err(format!(
                "range can't iterate over {}",
                printing::print(&value)
            ));
        }
    })
}

/// What `if` takes for true: anything but the zero of its type.
pub(in super::super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty() && !nil::is_nil(value),
        Value::Array(array) => !array.is_empty(),
        Value::Object(object) => !object.is_empty(),
    }
}
