//! The functions that templates may call: Go's own, and those that skopeo and podman add.

use std::cmp::Ordering;

use anyhow::{Result, bail};

use super::printf::sprintf;
use super::value::Value;

/// Repetitions of a blank, at most.
const MAX_PAD: i64 = 1 << 16;

pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value> {
    let text = |text: String| Ok(Value::Text(text));
    match (name, arguments) {
        ("and", [_, ..]) => Ok(first(arguments, |value| !value.holds())),
        ("or", [_, ..]) => Ok(first(arguments, Value::holds)),
        ("not", [value]) => Ok(Value::Bool(!value.holds())),
        ("len", [value]) => length(value).map(Value::Number),
        ("index", [value, keys @ ..]) => keys.iter().try_fold(value.clone(), index),
        ("slice", [value, bounds @ ..]) if bounds.len() <= 3 => slice(value, bounds),
        ("call", [value, ..]) => bail!("error calling call: non-function of type {}", value.kind()),
        ("print", values) => text(printed(values)),
        ("println", values) => {
            let words: Vec<String> = values.iter().map(Value::shown).collect();
            text(words.join(" ") + "\n")
        }
        ("printf", [Value::Text(format), values @ ..]) => text(sprintf(format, values)),
        ("html", values) => text(escaped(&printed(values), html)),
        ("js", values) => text(escaped(&printed(values), javascript)),
        ("urlquery", values) => text(query(&printed(values))),
        ("eq", [value, others @ ..]) if !others.is_empty() => {
            let mut is_one = false;
            for other in others {
                is_one |= compared(name, value, other)? == Ordering::Equal;
            }
            Ok(Value::Bool(is_one))
        }
        ("ne" | "lt" | "le" | "gt" | "ge", [value, other]) => {
            let order = compared(name, value, other)?;
            Ok(Value::Bool(match name {
                "ne" => order.is_ne(),
                "lt" => order.is_lt(),
                "le" => order.is_le(),
                "gt" => order.is_gt(),
                _ => order.is_ge(),
            }))
        }
        ("json", [value]) => text(value.json()),
        ("join", [Value::List(items), Value::Text(separator)]) => {
            let items: Vec<String> = items.iter().map(Value::shown).collect();
            text(items.join(separator))
        }
        ("split", [Value::Text(all), Value::Text(separator)]) => {
            Ok(Value::list(match separator.is_empty() {
                true => all
                    .split("")
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>(),
                false => all.split(separator.as_str()).collect(),
            }))
        }
        ("upper", [Value::Text(all)]) => text(all.to_uppercase()),
        ("lower", [Value::Text(all)]) => text(all.to_lowercase()),
        ("title", [Value::Text(all)]) => text(title(all)),
        (
            "pad",
            [
                Value::Text(all),
                Value::Number(before),
                Value::Number(behind),
            ],
        ) => {
            let blanks = |count: i64| " ".repeat(count.clamp(0, MAX_PAD) as usize);
            text(match all.is_empty() {
                true => String::new(),
                false => format!("{}{all}{}", blanks(*before), blanks(*behind)),
            })
        }
        ("truncate", [Value::Text(all), Value::Number(length)]) => {
            let length = usize::try_from(*length).unwrap_or(0).min(all.len());
            text(String::from_utf8_lossy(&all.as_bytes()[..length]).into_owned())
        }
        (
            "and" | "or" | "not" | "len" | "index" | "slice" | "call" | "printf" | "eq" | "ne"
            | "lt" | "le" | "gt" | "ge" | "json" | "join" | "split" | "upper" | "lower" | "title"
            | "pad" | "truncate",
            _,
        ) => bail!("wrong number or type of arguments for {name}"),
        _ => bail!("function {name:?} not defined"),
    }
}

/// The first that is so, else the last.
fn first(values: &[Value], is_it: impl Fn(&Value) -> bool) -> Value {
    let found = values.iter().find(|value| is_it(value));
    found.or(values.last()).cloned().unwrap_or(Value::Nil)
}

fn length(value: &Value) -> Result<i64> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Map(items) => items.len(),
        other => bail!("error calling len: len of type {}", other.kind()),
    };
    Ok(length as i64)
}

fn index(value: Value, key: &Value) -> Result<Value> {
    match (value, key) {
        (Value::List(items), Value::Number(at)) => {
            let place = usize::try_from(*at).ok();
            match place.and_then(|place| items.get(place).cloned()) {
                Some(item) => Ok(item),
                None => bail!("error calling index: index out of range: {at}"),
            }
        }
        (Value::Map(mut items), Value::Text(key)) => {
            Ok(items.remove(key).unwrap_or(Value::text("")))
        }
        (other, _) => bail!(
            "error calling index: can't index item of type {}",
            other.kind()
        ),
    }
}

fn slice(value: &Value, bounds: &[Value]) -> Result<Value> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        other => bail!(
            "error calling slice: can't slice item of type {}",
            other.kind()
        ),
    };
    let mut places = [0, length];
    for (place, bound) in places.iter_mut().zip(bounds) {
        match bound {
            Value::Number(at) => match usize::try_from(*at).ok().filter(|at| *at <= length) {
                Some(at) => *place = at,
                None => bail!("error calling slice: index out of range: {at}"),
            },
            other => bail!(
                "error calling slice: cannot index slice/array with type {}",
                other.kind()
            ),
        }
    }
    let [from, to] = places;
    if from > to {
        bail!("error calling slice: invalid slice index: {from} > {to}");
    }
    Ok(match value {
        Value::Text(text) => {
            Value::Text(String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned())
        }
        Value::List(items) => Value::List(items[from..to].to_vec()),
        _ => Value::Nil,
    })
}

/// As `fmt.Sprint` does: with a blank between two of which neither is a text.
fn printed(values: &[Value]) -> String {
    let mut text = String::new();
    let mut last_is_text = true;
    for value in values {
        let is_text = matches!(value, Value::Text(_));
        if !is_text && !last_is_text {
            text.push(' ');
        }
        text.push_str(&value.shown());
        last_is_text = is_text;
    }
    text
}

fn compared(name: &str, one: &Value, other: &Value) -> Result<Ordering> {
    match (one, other) {
        (Value::Text(one), Value::Text(other)) => Ok(one.cmp(other)),
        (Value::Number(one), Value::Number(other)) => Ok(one.cmp(other)),
        (Value::Float(one), Value::Float(other)) => {
            Ok(one.partial_cmp(other).unwrap_or(Ordering::Less))
        }
        (Value::Bool(one), Value::Bool(other)) if ["eq", "ne"].contains(&name) => {
            Ok(one.cmp(other))
        }
        (Value::Nil, Value::Nil) if ["eq", "ne"].contains(&name) => Ok(Ordering::Equal),
        _ => bail!("error calling {name}: incompatible types for comparison"),
    }
}

fn escaped(text: &str, escape: impl Fn(char) -> Option<String>) -> String {
    text.chars()
        .map(|c| escape(c).unwrap_or_else(|| c.to_string()))
        .collect()
}

fn html(c: char) -> Option<String> {
    let escape = match c {
        '<' => "&lt;",
        '>' => "&gt;",
        '&' => "&amp;",
        '"' => "&#34;",
        '\'' => "&#39;",
        _ => return None,
    };
    Some(escape.to_owned())
}

fn javascript(c: char) -> Option<String> {
    match c {
        '\\' | '\'' | '"' => Some(format!("\\{c}")),
        '<' | '>' | '&' | '=' => Some(format!("\\u{:04X}", u32::from(c))),
        c if c.is_control() => Some(format!("\\u{:04X}", u32::from(c))),
        _ => None,
    }
}

fn query(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn title(text: &str) -> String {
    let mut begins = true;
    let letter = |c: char| {
        let shown = if begins { c.to_ascii_uppercase() } else { c };
        begins = !(c.is_alphanumeric() || c == '_' || c == '\'');
        shown
    };
    text.chars().map(letter).collect()
}
