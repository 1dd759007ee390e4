//! What an identifier can call: Go's predefined functions, and podman's.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::eval::is_true;
use super::printf::printf;
use super::printing::{plain, type_name};

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
    let values: Vec<Value> = arguments.into_iter().map(Cow::into_owned).collect();
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
        "json" => one(&values)?.to_string().into(),
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

fn equals_any(values: &[Value]) -> Result<bool, String> {
    let Some((first, others)) = values
        .split_first()
        .filter(|(_, others)| !others.is_empty())
    else {
        return Err("missing argument for comparison".into());
    };
    for other in others {
        if pair_equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal(values: &[Value]) -> Result<bool, String> {
    match values {
        [a, b] => pair_equal(a, b),
        _ => wrong_count(2, values),
    }
}

fn pair_equal(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Array(_) | Value::Object(_), _) | (_, Value::Array(_) | Value::Object(_))
            if !a.is_null() && !b.is_null() =>
        {
            Err("non-comparable types".into())
        }
        (Value::Null, _) | (_, Value::Null) => Ok(a == b),
        _ => Ok(pair_compare(a, b)? == Ordering::Equal),
    }
}

fn compare(values: &[Value]) -> Result<Ordering, String> {
    match values {
        [Value::Bool(_), _] => Err("invalid type for comparison".into()),
        [a, b] => pair_compare(a, b),
        _ => wrong_count(2, values),
    }
}

fn pair_compare(a: &Value, b: &Value) -> Result<Ordering, String> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Ok(a.cmp(b)),
        (Value::String(a), Value::String(b)) => Ok(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Ok(a.cmp(&b)),
            _ => a
                .as_f64()
                .partial_cmp(&b.as_f64())
                .ok_or_else(|| "incompatible numbers".to_owned()),
        },
        _ => Err("incompatible types for comparison".into()),
    }
}

/// Every word begins with a capital; the rest is left as it is.
fn title(text: &str) -> String {
    let mut inside = false;
    let mut output = String::with_capacity(text.len());
    for c in text.chars() {
        match inside {
            false => output.extend(c.to_uppercase()),
            true => output.push(c),
        }
        inside = c.is_alphanumeric() || c == '_' || c == '\'';
    }
    output
}

fn split(values: &[Value]) -> Result<Value, String> {
    let [value, separator] = values else {
        return wrong_count(2, values);
    };
    let (value, separator) = (text(value)?, text(separator)?);
    Ok(match separator {
        "" => value.chars().map(String::from).collect(),
        separator => value.split(separator).collect(),
    })
}

fn join(values: &[Value]) -> Result<String, String> {
    let [items, separator] = values else {
        return wrong_count(2, values);
    };
    let items = match items {
        Value::Array(items) => items.as_slice(),
        Value::Null => &[],
        other => {
            return Err(format!(
                "wrong type for value; expected []string; got {}",
                type_name(other)
            ));
        }
    };
    Ok(items
        .iter()
        .map(plain)
        .collect::<Vec<_>>()
        .join(text(separator)?))
}

/// `pad TEXT BEFORE AFTER`: spaces on either side of a text that is not empty.
fn pad(values: &[Value]) -> Result<String, String> {
    const MAX: usize = 1_000_000;
    let [value, before, after] = values else {
        return wrong_count(3, values);
    };
    let value = text(value)?;
    if value.is_empty() {
        return Ok(String::new());
    }
    Ok(format!(
        "{}{value}{}",
        " ".repeat(count(before)?.min(MAX)),
        " ".repeat(count(after)?.min(MAX))
    ))
}

fn truncate(values: &[Value]) -> Result<String, String> {
    let [value, length] = values else {
        return wrong_count(2, values);
    };
    Ok(text(value)?.chars().take(count(length)?).collect())
}

fn escape_html(text: &str) -> String {
    escape(text, |c| match c {
        '"' => Some("&#34;".into()),
        '\'' => Some("&#39;".into()),
        '&' => Some("&amp;".into()),
        '<' => Some("&lt;".into()),
        '>' => Some("&gt;".into()),
        '\0' => Some("\u{fffd}".into()),
        _ => None,
    })
}

fn escape_js(text: &str) -> String {
    escape(text, |c| match c {
        '\\' | '\'' | '"' => Some(format!("\\{c}")),
        '<' | '>' | '&' | '=' => Some(format!("\\u{:04X}", u32::from(c))),
        c if c.is_control() => Some(format!("\\u{:04X}", u32::from(c))),
        _ => None,
    })
}

fn escape_query(text: &str) -> String {
    escape(text, |c| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' | '~' => None,
        ' ' => Some("+".into()),
        c => Some(
            c.encode_utf8(&mut [0; 4])
                .bytes()
                .map(|byte| format!("%{byte:02X}"))
                .collect(),
        ),
    })
}

fn escape(text: &str, replacement: impl Fn(char) -> Option<String>) -> String {
    let mut output = String::with_capacity(text.len());
    for c in text.chars() {
        match replacement(c) {
            Some(replaced) => output.push_str(&replaced),
            None => output.push(c),
        }
    }
    output
}
