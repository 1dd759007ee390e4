//! `printf`: what Go's `fmt` makes of a value by a verb.

use super::value::Value;

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    left: bool,
    zeros: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

/// What a cell is filled up to, at most.
const MAX_WIDTH: usize = 1 << 20;

pub(super) fn sprintf(format: &str, values: &[Value]) -> String {
    let mut text = String::new();
    let mut values = values.iter();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        let (flags, behind) = flags(&rest[at + 1..]);
        let Some(verb) = behind.chars().next() else {
            text.push_str("%!(NOVERB)");
            rest = "";
            break;
        };
        rest = &behind[verb.len_utf8()..];
        match (verb, values.len()) {
            ('%', _) => text.push('%'),
            (_, 0) => text.push_str(&format!("%!{verb}(MISSING)")),
            _ => {
                let value = values.next().unwrap_or(&Value::Nil);
                text.push_str(&shown(verb, flags, value));
            }
        }
    }
    text.push_str(rest);
    let extra: Vec<String> = values
        .map(|value| format!("{}={}", value.kind(), value.shown()))
        .collect();
    if !extra.is_empty() {
        text.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    text
}

fn flags(text: &str) -> (Flags, &str) {
    let mut flags = Flags::default();
    let mut rest = text;
    while let Some(flag) = rest.chars().next() {
        match flag {
            '-' => flags.left = true,
            '0' => flags.zeros = true,
            '+' => flags.plus = true,
            ' ' => flags.space = true,
            '#' => flags.alternate = true,
            _ => break,
        }
        rest = &rest[1..];
    }
    let number = |text: &str| {
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        (
            text[..end].parse::<usize>().ok().map(|n| n.min(MAX_WIDTH)),
            end,
        )
    };
    let (width, end) = number(rest);
    flags.width = width.unwrap_or(0);
    rest = &rest[end..];
    if let Some(behind) = rest.strip_prefix('.') {
        let (precision, end) = number(behind);
        flags.precision = Some(precision.unwrap_or(0));
        rest = &behind[end..];
    }
    (flags, rest)
}

fn shown(verb: char, flags: Flags, value: &Value) -> String {
    if verb == 'T' {
        return padded(value.kind(), flags);
    }
    let each = |items: &[Value]| -> Vec<String> {
        items.iter().map(|item| shown(verb, flags, item)).collect()
    };
    match value {
        Value::List(items) if verb != 'p' => format!("[{}]", each(items).join(" ")),
        Value::Map(items) if verb != 'p' => {
            let pairs = items.iter().map(|(key, item)| {
                let key = Value::text(key);
                format!("{}:{}", shown(verb, flags, &key), shown(verb, flags, item))
            });
            format!("map[{}]", pairs.collect::<Vec<_>>().join(" "))
        }
        value => padded(simple(verb, flags, value), flags),
    }
}

fn simple(verb: char, flags: Flags, value: &Value) -> String {
    let signed = |text: String| match (flags.plus, flags.space, text.starts_with('-')) {
        (_, _, true) | (false, false, _) => text,
        (true, ..) => format!("+{text}"),
        (false, true, _) => format!(" {text}"),
    };
    let hex = |text: String| match flags.alternate {
        true => format!("0{verb}{text}"),
        false => text,
    };
    match (verb, value) {
        ('v' | 's', Value::Text(text)) => cut(text, flags),
        ('q', Value::Text(text)) => format!("{:?}", cut(text, flags)),
        ('x', Value::Text(text)) => hex(text.bytes().map(|byte| format!("{byte:02x}")).collect()),
        ('X', Value::Text(text)) => hex(text.bytes().map(|byte| format!("{byte:02X}")).collect()),
        ('v' | 'd', Value::Number(number)) => signed(number.to_string()),
        ('x', Value::Number(number)) => hex(format!("{number:x}")),
        ('X', Value::Number(number)) => hex(format!("{number:X}")),
        ('o', Value::Number(number)) => format!("{number:o}"),
        ('b', Value::Number(number)) => format!("{number:b}"),
        ('c', Value::Number(number)) => letter(*number).to_string(),
        ('q', Value::Number(number)) => format!("{:?}", letter(*number)),
        ('U', Value::Number(number)) => format!("U+{number:04X}"),
        ('f' | 'F', Value::Float(number)) => {
            signed(format!("{number:.*}", flags.precision.unwrap_or(6)))
        }
        ('v' | 'g', Value::Float(number)) => signed(number.to_string()),
        ('v' | 't', Value::Bool(value)) => value.to_string(),
        ('v' | 's', Value::Time(_) | Value::Struct { .. }) => value.shown(),
        ('v', Value::Nil | Value::Missing) => "<nil>".to_owned(),
        (_, Value::Nil | Value::Missing) => format!("%!{verb}(<nil>)"),
        _ => format!("%!{verb}({}={})", value.kind(), value.shown()),
    }
}

fn letter(number: i64) -> char {
    let letter = u32::try_from(number).ok().and_then(char::from_u32);
    letter.unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn cut(text: &str, flags: Flags) -> String {
    text.chars()
        .take(flags.precision.unwrap_or(usize::MAX))
        .collect()
}

fn padded(text: String, flags: Flags) -> String {
    let width = flags.width;
    let fill = width.saturating_sub(text.chars().count());
    match (flags.left, flags.zeros) {
        (true, _) => format!("{text:width$}"),
        (false, true) => {
            let digits = text.strip_prefix(['-', '+']);
            let sign = digits.map_or("", |_| &text[..1]);
            format!("{sign}{}{}", "0".repeat(fill), digits.unwrap_or(&text))
        }
        (false, false) => format!("{text:>width$}"),
    }
}
