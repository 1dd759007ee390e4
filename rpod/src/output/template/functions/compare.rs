//! Which value is the greater, and which are the same.

use std::cmp::Ordering;

use serde_json::Value;

use super::wrong_count;

pub(super) fn equals_any(values: &[Value]) -> Result<bool, String> {
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

pub(super) fn equal(values: &[Value]) -> Result<bool, String> {
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

pub(super) fn compare(values: &[Value]) -> Result<Ordering, String> {
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
