//! How Go's fmt writes a value (`%v`), which is how a template prints it.

use serde_json::{Number, Value};

use super::{moment, nil, structs};

/// The value as an action prints it: what is missing or nil is `<no value>`.
pub(super) fn print(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".to_owned(),
        value => plain(value),
    }
}

/// `%v`
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => plain_number(number),
        Value::String(text) => nil::printed(text).to_owned(),
        Value::Array(array) => format!("[{}]", spaced(array.iter().map(element))),
        Value::Object(object) => {
            if let Some(time) = moment::of(value) {
                return moment::print(time);
            }
            if let Some(values) = structs::values(object, plain) {
                return format!("{{{}}}", spaced(values.into_iter()));
            }
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            format!(
                "map[{}]",
                spaced(
                    entries
                        .into_iter()
                        .map(|(key, value)| format!("{key}:{}", plain(value)))
                )
            )
        }
    }
}

/// What is listed in podman's objects is a struct, of which Go prints the values alone; an object elsewhere may as well be a map.
fn element(value: &Value) -> String {
    match value {
        Value::Object(fields)
            if moment::of(value).is_none() && structs::values(fields, plain).is_none() =>
        {
            format!("{{{}}}", spaced(fields.values().map(plain)))
        }
        value => plain(value),
    }
}

fn spaced(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(" ")
}

fn plain_number(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => general(float, None, 21),
        _ => number.to_string(),
    }
}

/// Go's name for the type that the value would have.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) if moment::of(value).is_some() => "time.Time",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// C's `%g` with that many significant digits, or the fewest that tell the number apart; an exponent is
/// written from ten to the `widest` on.
pub(in crate::output) fn general(float: f64, precision: Option<usize>, widest: i32) -> String {
    if !float.is_finite() {
        return if float.is_nan() {
            "NaN".into()
        } else if float > 0.0 {
            "+Inf".into()
        } else {
            "-Inf".into()
        };
    }
    let scientific = match precision {
        Some(digits) => format!("{float:.*e}", digits.max(1) - 1),
        None => format!("{float:e}"),
    };
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= widest {
        return format!("{}{}", trim_zeros(mantissa), go_exponent(exponent));
    }
    match precision {
        // The digits after the point that leave as many significant ones as asked for.
        Some(digits) => {
            let after =
                usize::try_from(digits.max(1) as i64 - 1 - i64::from(exponent)).unwrap_or(0);
            trim_zeros(&format!("{float:.after$}")).to_owned()
        }
        None => format!("{float}"),
    }
}

/// `e+06`: a sign and at least two digits.
pub(super) fn go_exponent(exponent: i32) -> String {
    format!(
        "e{}{:02}",
        if exponent < 0 { '-' } else { '+' },
        exponent.unsigned_abs()
    )
}

fn trim_zeros(digits: &str) -> &str {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    }
}
