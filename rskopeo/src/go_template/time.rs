//! A time, and what of Go's methods people ask of it.

use anyhow::{Context, Result, bail};
use jiff::Timestamp;

use super::value::Value;

/// `2016-06-20 00:00:00.5 +0000 UTC`
pub(super) fn shown(time: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S%.f +0000 UTC").to_string(),
        Err(_) => time.to_owned(),
    }
}

pub(super) fn method(time: &str, name: &str, arguments: &[Value]) -> Result<Value> {
    let stamp: Timestamp = time
        .parse()
        .with_context(|| format!("error calling {name}: {time} is no time"))?;
    let text = |directive: &str| stamp.strftime(directive).to_string();
    let number = |number: i64| Ok(Value::Number(number));
    let counted = |directive: &str| Ok(Value::Number(text(directive).parse()?));
    match (name, arguments) {
        ("Format", [Value::Text(layout)]) => Ok(Value::Text(format(layout, stamp))),
        ("String", []) => Ok(Value::Text(shown(time))),
        ("UTC", []) => Ok(Value::Time(time.to_owned())),
        ("Unix", []) => number(stamp.as_second()),
        ("UnixMilli", []) => number(stamp.as_millisecond()),
        ("UnixNano", []) => number(i64::try_from(stamp.as_nanosecond())?),
        ("Year", []) => counted("%Y"),
        ("Day", []) => counted("%d"),
        ("Hour", []) => counted("%H"),
        ("Minute", []) => counted("%M"),
        ("Second", []) => counted("%S"),
        ("Month", []) => Ok(Value::Text(text("%B"))),
        ("Weekday", []) => Ok(Value::Text(text("%A"))),
        _ => bail!(
            "can't evaluate field {name} of a time, with {} arguments",
            arguments.len()
        ),
    }
}

/// Parts of Go's layouts, the longer before those that they begin with.
const LAYOUT: [(&str, &str); 30] = [
    ("January", "%B"),
    ("Jan", "%b"),
    ("Monday", "%A"),
    ("Mon", "%a"),
    ("MST", "UTC"),
    ("2006", "%Y"),
    ("-07:00", "+00:00"),
    ("-0700", "+0000"),
    ("-07", "+00"),
    ("Z07:00", "Z"),
    ("Z0700", "Z"),
    (".000000000", "%.9f"),
    (".000000", "%.6f"),
    (".000", "%.3f"),
    (".999999999", "%.f"),
    ("01", "%m"),
    ("02", "%d"),
    ("03", "%I"),
    ("04", "%M"),
    ("05", "%S"),
    ("06", "%y"),
    ("15", "%H"),
    ("PM", "%p"),
    ("_2", "%e"),
    ("1", "%-m"),
    ("2", "%-d"),
    ("3", "%-I"),
    ("4", "%-M"),
    ("5", "%-S"),
    ("pm", "%P"),
];

fn format(layout: &str, time: Timestamp) -> String {
    let mut text = String::new();
    let mut rest = layout;
    while let Some(letter) = rest.chars().next() {
        let part = LAYOUT.iter().find(|(part, _)| rest.starts_with(part));
        match part {
            Some((part, directive)) => {
                text.push_str(&time.strftime(directive).to_string());
                rest = &rest[part.len()..];
            }
            None => {
                text.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
    }
    text
}
