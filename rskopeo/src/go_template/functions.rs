//! The functions that templates may call.

use anyhow::{Result, bail};

use super::value::Value;

pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value> {
    match (name, arguments) {
        ("json", [value]) => Ok(Value::Text(value.json())),
        ("len", [value]) => length(value).map(Value::Number),
        ("index", [value, keys @ ..]) => keys.iter().try_fold(value.clone(), index),
        ("join", [Value::List(items), separator]) => {
            let items: Vec<String> = items.iter().map(Value::shown).collect();
            Ok(Value::Text(items.join(&separator.shown())))
        }
        ("split", [text, separator]) => {
            let (text, separator) = (text.shown(), separator.shown());
            Ok(Value::list(text.split(separator.as_str())))
        }
        ("upper", [text]) => Ok(Value::Text(text.shown().to_uppercase())),
        ("lower", [text]) => Ok(Value::Text(text.shown().to_lowercase())),
        ("title", [text]) => Ok(Value::Text(title(&text.shown()))),
        ("println", values) => {
            let words: Vec<String> = values.iter().map(Value::shown).collect();
            Ok(Value::Text(words.join(" ") + "\n"))
        }
        ("printf", [format, values @ ..]) => printf(&format.shown(), values).map(Value::Text),
        ("not", [value]) => Ok(Value::Bool(!value.holds())),
        ("eq", [value, others @ ..]) if !others.is_empty() => Ok(Value::Bool(
            others.iter().any(|other| other.shown() == value.shown()),
        )),
        ("ne", [value, other]) => Ok(Value::Bool(other.shown() != value.shown())),
        (
            "json" | "len" | "index" | "join" | "split" | "upper" | "lower" | "title" | "printf"
            | "not" | "eq" | "ne",
            _,
        ) => bail!("error calling {name}: wrong number or kind of arguments"),
        _ => bail!("function {name:?} not defined"),
    }
}

fn length(value: &Value) -> Result<i64> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Map(items) => items.len(),
        other => bail!("error calling len: {} has no length", other.shown()),
    };
    Ok(length as i64)
}

fn index(value: Value, key: &Value) -> Result<Value> {
    match (value, key) {
        (Value::List(items), Value::Number(at)) => {
            let item = usize::try_from(*at)
                .ok()
                .and_then(|at| items.get(at).cloned());
            match item {
                Some(item) => Ok(item),
                None => bail!("error calling index: index out of range: {at}"),
            }
        }
        (Value::Map(mut items), key) => Ok(items.remove(&key.shown()).unwrap_or(Value::text(""))),
        (other, _) => bail!("error calling index: can't index {}", other.shown()),
    }
}

fn title(text: &str) -> String {
    let mut begins = true;
    let letter = |c: char| {
        let shown = if begins { c.to_ascii_uppercase() } else { c };
        begins = !c.is_alphanumeric();
        shown
    };
    text.chars().map(letter).collect()
}

/// The verbs %s, %v, %d, %q and %%.
fn printf(format: &str, values: &[Value]) -> Result<String> {
    let mut text = String::new();
    let mut values = values.iter();
    let mut characters = format.chars();
    while let Some(c) = characters.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let Some(verb) = characters.next() else {
            bail!("error calling printf: the format ends in %");
        };
        if verb == '%' {
            text.push('%');
            continue;
        }
        let Some(value) = values.next() else {
            bail!("error calling printf: no value for %{verb}");
        };
        match verb {
            's' | 'v' | 'd' => text.push_str(&value.shown()),
            'q' => text.push_str(&format!("{:?}", value.shown())),
            other => bail!("error calling printf: %{other} is not supported"),
        }
    }
    Ok(text)
}
