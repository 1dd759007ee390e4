//! Times of podman's objects. JSON has them as text; Go prints them in another way, and lets a template call their methods.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::output::time::{go_time, local_zone};

/// The only key of an object that stands for a time. Nobody can type it.
const MARK: &str = "\0time";

/// What podman's objects have as times of Go's.
const FIELDS: [&str; 8] = [
    "Created",
    "CreatedAt",
    "created",
    "StartedAt",
    "FinishedAt",
    "CheckpointedAt",
    "RestoredAt",
    "UpdatedAt",
];

/// Whose keys are people's, and mean what they like.
const PEOPLES: [&str; 4] = ["labels", "annotations", "options", "env"];

/// The same object with its times known as such.
pub fn with_times(value: &Value) -> Value {
    match value {
        Value::Array(array) => array.iter().map(with_times).collect(),
        Value::Object(object) => {
            let known = |(key, value): (&String, &Value)| {
                let known = match value {
                    Value::String(text) if FIELDS.contains(&key.as_str()) => marked(text),
                    Value::Array(_) | Value::Object(_) if !is_peoples(key) => with_times(value),
                    value => value.clone(),
                };
                (key.clone(), known)
            };
            Value::Object(object.iter().map(known).collect())
        }
        value => value.clone(),
    }
}

fn is_peoples(key: &str) -> bool {
    PEOPLES.contains(&key.to_ascii_lowercase().as_str())
}

fn marked(text: &str) -> Value {
    match text.parse::<Timestamp>() {
        Ok(_) => json!({ MARK: text }),
        Err(_) => text.into(),
    }
}

/// What JSON says of it.
pub(super) fn without_marks(value: Value) -> Value {
    match value {
        Value::Array(array) => array.into_iter().map(without_marks).collect(),
        Value::Object(mut object) => match object.remove(MARK) {
            Some(text) => text,
            None => object
                .into_iter()
                .map(|(key, value)| (key, without_marks(value)))
                .collect(),
        },
        value => value,
    }
}

/// The time that a value stands for.
pub(super) fn of(value: &Value) -> Option<Timestamp> {
    value.as_object()?.get(MARK)?.as_str()?.parse().ok()
}

/// Go's `time.Time.String()`.
pub(super) fn print(time: Timestamp) -> String {
    go_time(time)
}

/// What a method of Go's `time.Time` gives.
pub(super) fn method(time: Timestamp, name: &str, arguments: &[Value]) -> Option<Value> {
    let local = time.to_zoned_datetime(local_zone());
    let value = match (name, arguments) {
        ("Format", [Value::String(layout)]) => format(time, layout).into(),
        ("String", []) => print(time).into(),
        ("IsZero", []) => (time == zero()?).into(),
        ("Unix", []) => time.as_second().into(),
        ("UnixMilli", []) => time.as_millisecond().into(),
        ("UnixMicro", []) => time.as_microsecond().into(),
        ("UnixNano", []) => i64::try_from(time.as_nanosecond()).ok()?.into(),
        ("Year", []) => local.year().into(),
        ("Month", []) => local.strftime("%B").to_string().into(),
        ("Day", []) => local.day().into(),
        ("Weekday", []) => local.strftime("%A").to_string().into(),
        ("YearDay", []) => local.day_of_year().into(),
        ("Hour", []) => local.hour().into(),
        ("Minute", []) => local.minute().into(),
        ("Second", []) => local.second().into(),
        ("Nanosecond", []) => local.subsec_nanosecond().into(),
        // It is the same moment, and printed in the zone of this host.
        ("Local", []) => json!({ MARK: time.to_string() }),
        _ => return None,
    };
    Some(value)
}

/// The year 1, which is no time at all to Go.
fn zero() -> Option<Timestamp> {
    let date = jiff::civil::date(1, 1, 1);
    Some(date.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp())
}

/// A layout of Go's: how `Mon Jan 2 15:04:05 MST 2006` would be written. The longest that fits stands first.
const LAYOUT: [(&str, &str); 24] = [
    ("January", "%B"),
    ("Monday", "%A"),
    ("Z07:00", "Z%:z"),
    ("-07:00", "%:z"),
    ("-0700", "%z"),
    ("2006", "%Y"),
    ("Jan", "%b"),
    ("Mon", "%a"),
    ("MST", "%Z"),
    ("002", "%j"),
    ("_2", "%e"),
    ("06", "%y"),
    ("01", "%m"),
    ("02", "%d"),
    ("03", "%I"),
    ("04", "%M"),
    ("05", "%S"),
    ("15", "%H"),
    ("PM", "%p"),
    ("1", "%-m"),
    ("2", "%-d"),
    ("3", "%-I"),
    ("4", "%-M"),
    ("5", "%-S"),
];

fn format(time: Timestamp, layout: &str) -> String {
    let local = time.to_zoned_datetime(local_zone());
    let mut written = String::new();
    let mut rest = layout;
    while let Some(letter) = rest.chars().next() {
        if let Some(digits) = fraction(rest) {
            let nanoseconds = format!("{:09}", local.subsec_nanosecond());
            let kept = &nanoseconds[..digits];
            let is_short = rest[1..].starts_with('9');
            match is_short.then(|| kept.trim_end_matches('0')) {
                Some("") => {}
                Some(kept) => written += &format!(".{kept}"),
                None => written += &format!(".{kept}"),
            }
            rest = &rest[1 + digits..];
        } else if let Some((layout, directive)) =
            LAYOUT.iter().find(|(layout, _)| rest.starts_with(layout))
        {
            // Of the zone's letters Go keeps only UTC's.
            written += &match (*directive, local.offset().is_zero()) {
                ("Z%:z", true) => "Z".to_owned(),
                ("Z%:z", false) => local.strftime("%:z").to_string(),
                (directive, _) => local.strftime(directive).to_string(),
            };
            rest = &rest[layout.len()..];
        } else {
            written.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    written
}

/// `.000` or `.999`: how many digits of a second's fraction.
fn fraction(layout: &str) -> Option<usize> {
    let digits = layout.strip_prefix(['.', ','])?;
    let kind = digits.chars().next().filter(|kind| "09".contains(*kind))?;
    let count = digits.chars().take_while(|digit| *digit == kind).count();
    let ends = !digits[count..].starts_with(|next: char| next.is_ascii_digit());
    (ends && count <= 9).then_some(count)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::output::template::{Template, no_methods};

    fn run(text: &str) -> String {
        let object = with_times(&json!({
            "Created": "2024-10-11T15:34:11.25Z",
            "State": {"StartedAt": "2024-10-11T15:04:05Z", "FinishedAt": "0001-01-01T00:00:00Z"},
            "Config": {"Labels": {"Created": "2024-10-11T15:34:11Z"}, "Created": "some day"},
        }));
        let template = Template::parse("test", text).unwrap();
        template
            .execute(&object, no_methods)
            .unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn times_are_gos() {
        // Where the host has another zone than UTC the hours differ.
        for (text, expected) in [
            ("{{.Created.Unix}}", "1728660851"),
            ("{{.Created.UnixNano}}", "1728660851250000000"),
            (
                "{{.State.FinishedAt.IsZero}} {{.Created.IsZero}}",
                "true false",
            ),
            ("{{json .Created}}", "\"2024-10-11T15:34:11.25Z\""),
            ("{{.Config.Labels.Created}}", "2024-10-11T15:34:11Z"),
            ("{{.Config.Created}}", "some day"),
            (
                "{{.Created.Format \"Jan _2 2006 .000 :04:05.999\"}}",
                "Oct 11 2024 .250 :34:11.25",
            ),
            ("{{.State.StartedAt.Format \"05.999 05.00\"}}", "05 05.00"),
            ("{{.Created.Month}} {{.Created.Year}}", "October 2024"),
            (
                "{{json .State}}",
                "{\"StartedAt\":\"2024-10-11T15:04:05Z\",\"FinishedAt\":\"0001-01-01T00:00:00Z\"}",
            ),
        ] {
            assert_eq!(run(text), expected, "{text}");
        }
        let expected = go_time("2024-10-11T15:34:11.25Z".parse().unwrap());
        assert_eq!(run("{{.Created}}"), expected);
        assert_eq!(run("{{printf \"%s\" .Created}}"), expected);
        assert!(run("{{.Created.Wings}}").contains("can't evaluate field Wings in type time.Time"));
    }
}
