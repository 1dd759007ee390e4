//! What an identifier can call: Go's predefined functions, and podman's.

mod compare;
mod words;

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use compare::{compare, equal, equals_any};
use words::{escape_html, escape_js, escape_query, join, pad, split, title, truncate};

use super::eval::is_true;
use super::printf::printf;
use super::printing::{plain, type_name};
use super::{moment, nil};

type Arguments<'a> = Vec<Cow<'a, Value>>;

const NAMES: [&str; 26] = [
    "and", "eq", "ge", "gt", "html", "index", "join", "js", "json", "le", "len", "lower", "lt",
    "ne", "not", "or", "pad", "print", "printf", "println", "slice", "split", "title", "truncate",
    "upper", "urlquery",
];

pub(super) fn exists(name: &str) -> bool {
    NAMES.contains(&name)
}

pub(super) fn call<'a>(name: &str, arguments: Arguments<'a>) -> Result<Cow<'a, Value>, String> {
    // The two that hand on an argument as it is.
    match name {
        "and" => return first_or_last(arguments, |value| !is_true(value)),
        "or" => return first_or_last(arguments, is_true),
        _ => {}
    }
    let value = |argument: Cow<Value>| match name {
        "json" if nil::is_nil(&argument) => Value::Null,
        _ => nil::made(&argument).unwrap_or_else(|| argument.into_owned()),
    };
    let values: Vec<Value> = arguments.into_iter().map(value).collect();
    let result: Value = match name {
        "not" => (!is_true(one(&values)?)).into(),
        "len" => len(one(&values)?)?.into(),
        "index" => index(&values)?,
        "slice" => slice(&values)?,
        "print" => print(&values).into(),
        "println" => (spaced(&values) + "\n").into(),
        "printf" => match values.split_first() {
            Some((Value::String(format), rest)) => printf(format, rest).into(),
            _ => return Err("the first argument is the format, a string".into()),
        },
        "html" => escape_html(&print(&values)).into(),
        "js" => escape_js(&print(&values)).into(),
        "urlquery" => escape_query(&print(&values)).into(),
        "eq" => equals_any(&values)?.into(),
        "ne" => (!equal(&values)?).into(),
        "lt" => (compare(&values)? == Ordering::Less).into(),
        "le" => (compare(&values)? != Ordering::Greater).into(),
        "gt" => (compare(&values)? == Ordering::Greater).into(),
        "ge" => (compare(&values)? != Ordering::Less).into(),
        "json" => moment::without_marks(one(&values)?.clone())
            .to_string()
            .into(),
        "lower" => text(one(&values)?)?.to_lowercase().into(),
        "upper" => text(one(&values)?)?.to_uppercase().into(),
        "title" => title(text(one(&values)?)?).into(),
        "split" => split(&values)?,
        "join" => join(&values)?.into(),
        "pad" => pad(&values)?.into(),
        "truncate" => truncate(&values)?.into(),
        _ => return Err("no such function".into()),
    };
    Ok(Cow::Owned(result))
}

fn first_or_last<'a>(
    arguments: Arguments<'a>,
    decides: fn(&Value) -> bool,
) -> Result<Cow<'a, Value>, String> {
    let count = arguments.len();
    arguments
        .into_iter()
        .enumerate()
        .find(|(index, value)| index + 1 == count || decides(value))
        .map(|(_, value)| value)
        .ok_or_else(|| "wrong number of args: want at least 1 got 0".to_owned())
}

fn wrong_count<T>(want: usize, values: &[Value]) -> Result<T, String> {
    Err(format!(
        "wrong number of args: want {want} got {}",
        values.len()
    ))
}

fn one(values: &[Value]) -> Result<&Value, String> {
    match values {
        [value] => Ok(value),
        _ => wrong_count(1, values),
    }
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| {
        format!(
            "wrong type for value; expected string; got {}",
            type_name(value)
        )
    })
}

fn count(value: &Value) -> Result<usize, String> {
    let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
    count.ok_or_else(|| format!("cannot use {} as a count", plain(value)))
}

fn len(value: &Value) -> Result<usize, String> {
    match value {
        Value::String(text) => Ok(text.len()),
        Value::Array(array) => Ok(array.len()),
        Value::Object(object) => Ok(object.len()),
        Value::Null => Ok(0),
        other => Err(format!("len of type {}", type_name(other))),
    }
}

fn index(values: &[Value]) -> Result<Value, String> {
    let Some((container, keys)) = values.split_first() else {
        return Err("wrong number of args: want at least 1 got 0".into());
    };
    let mut value = container;
    for key in keys {
        value = match (value, key) {
            (Value::Object(object), Value::String(key)) => object.get(key).unwrap_or(&Value::Null),
            (Value::Object(_), key) => {
                return Err(format!(
                    "value has type {}; should be string",
                    type_name(key)
                ));
            }
            (Value::Array(array), key) => at(array.len(), key).map(|at| &array[at])?,
            (Value::String(text), key) => {
                return at(text.len(), key).map(|at| text.as_bytes()[at].into());
            }
            (Value::Null, _) => return Err("index of untyped nil".into()),
            (other, _) => return Err(format!("can't index item of type {}", type_name(other))),
        };
    }
    Ok(value.clone())
}

fn at(len: usize, key: &Value) -> Result<usize, String> {
    match key.as_i64() {
        Some(at) => usize::try_from(at)
            .ok()
            .filter(|&at| at < len)
            .ok_or_else(|| format!("index out of range: {at}")),
        None => Err(format!(
            "cannot index slice/array with type {}",
            type_name(key)
        )),
    }
}

fn slice(values: &[Value]) -> Result<Value, String> {
    let Some((item, bounds)) = values.split_first() else {
        return Err("wrong number of args: want at least 1 got 0".into());
    };
    if bounds.len() > 2 {
        return Err(format!("too many slice indexes: {}", bounds.len()));
    }
    let len = match item {
        Value::String(_) | Value::Array(_) => len(item)?,
        other => return Err(format!("can't slice item of type {}", type_name(other))),
    };
    let from = bounds.first().map_or(Ok(0), count)?;
    let to = bounds.get(1).map_or(Ok(len), count)?;
    if from > to || to > len {
        return Err(format!("index out of range: {from}:{to} of {len}"));
    }
    match item {
        Value::Array(array) => Ok(array[from..to].into()),
        other => text(other)?
            .get(from..to)
            .map(Value::from)
            .ok_or_else(|| "slice inside a character".to_owned()),
    }
}

/// Go's Sprint: a space between two operands if neither is a string.
fn print(values: &[Value]) -> String {
    let mut output = String::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 && !value.is_string() && !values[index - 1].is_string() {
            output.push(' ');
        }
        output.push_str(&plain(value));
    }
    output
}

fn spaced(values: &[Value]) -> String {
    values.iter().map(plain).collect::<Vec<_>>().join(" ")
}
