//! `printf`: Go's verbs, flags, width and precision, and its marks for what does not fit (`%!d(string=x)`).

use serde_json::Value;

use super::{moment, printing};

/// Go takes a width beyond this for a mistake.
const MAX_WIDTH: usize = 1_000_000;

pub(super) fn printf(format: &str, arguments: &[Value]) -> String {
    let mut output = String::new();
    let mut arguments = arguments.iter();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        output.push_str(&rest[..at]);
        let (directive, after) = Directive::parse(&rest[at + 1..], &mut arguments);
        rest = after;
        match directive.verb {
            None => output.push_str("%!(NOVERB)"),
            Some('%') => output.push('%'),
            Some(verb) => match arguments.next() {
                Some(argument) => output.push_str(&directive.write(verb, argument)),
                None => output.push_str(&format!("%!{verb}(MISSING)")),
            },
        }
    }
    output.push_str(rest);
    let extra: Vec<String> = arguments
        .map(|argument| match argument {
            Value::Null => "<nil>".to_owned(),
            other => format!("{}={}", printing::type_name(other), printing::plain(other)),
        })
        .collect();
    if !extra.is_empty() {
        output.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    output
}

#[derive(Default)]
struct Directive {
    minus: bool,
    plus: bool,
    space: bool,
    sharp: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    verb: Option<char>,
}

impl Directive {
    /// `text` is what follows the `%`; returns what follows the verb.
    fn parse<'t>(text: &'t str, arguments: &mut std::slice::Iter<'_, Value>) -> (Self, &'t str) {
        let mut directive = Self::default();
        let flags = text.len() - text.trim_start_matches(['-', '+', ' ', '#', '0']).len();
        for flag in text[..flags].chars() {
            match flag {
                '-' => directive.minus = true,
                '+' => directive.plus = true,
                ' ' => directive.space = true,
                '#' => directive.sharp = true,
                _ => directive.zero = true,
            }
        }
        let (width, mut rest) = count(&text[flags..], arguments);
        directive.width = width.unwrap_or(0);
        if let Some(after) = rest.strip_prefix('.') {
            let (precision, after) = count(after, arguments);
            directive.precision = Some(precision.unwrap_or(0));
            rest = after;
        }
        let mut characters = rest.chars();
        directive.verb = characters.next();
        (directive, characters.as_str())
    }

    fn write(&self, verb: char, argument: &Value) -> String {
        let body = match (verb, argument) {
            ('v', Value::String(text)) if self.sharp => quote(text),
            ('v', Value::Number(_)) if self.plus => self.signed(printing::plain(argument)),
            ('v', _) => printing::plain(argument),
            ('T', _) => printing::type_name(argument).to_owned(),
            ('t', Value::Bool(truth)) => truth.to_string(),
            ('s', Value::String(text)) => self.cut(text),
            ('s', Value::Object(_)) if moment::of(argument).is_some() => printing::plain(argument),
            ('q', Value::String(text)) => quote(&self.cut(text)),
            ('x', Value::String(text)) => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
            ('X', Value::String(text)) => text.bytes().map(|byte| format!("{byte:02X}")).collect(),
            ('s' | 'q' | 'x' | 'X' | 'd', Value::Array(array)) => {
                let items: Vec<String> = array.iter().map(|item| self.write(verb, item)).collect();
                return format!("[{}]", items.join(" "));
            }
            (_, Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => match integer_verb(verb, integer, self.sharp) {
                    Some(body) => self.signed(body),
                    None => mismatch(verb, argument),
                },
                (None, Some(float)) => match float_verb(verb, float, self.precision) {
                    Some(body) => self.signed(body),
                    None => mismatch(verb, argument),
                },
                (None, None) => mismatch(verb, argument),
            },
            _ => mismatch(verb, argument),
        };
        self.pad(body, argument.is_number())
    }

    fn cut(&self, text: &str) -> String {
        match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text.to_owned(),
        }
    }

    fn signed(&self, body: String) -> String {
        match body.starts_with(['-', '+']) {
            false if self.plus => format!("+{body}"),
            false if self.space => format!(" {body}"),
            _ => body,
        }
    }

    fn pad(&self, body: String, is_number: bool) -> String {
        let missing = self.width.saturating_sub(body.chars().count());
        if self.minus {
            return body + &" ".repeat(missing);
        }
        if self.zero && is_number {
            let (sign, digits) = body.split_at(usize::from(body.starts_with(['-', '+', ' '])));
            return format!("{sign}{}{digits}", "0".repeat(missing));
        }
        " ".repeat(missing) + &body
    }
}

/// A width or precision: digits, or `*` for the next argument.
fn count<'t>(
    text: &'t str,
    arguments: &mut std::slice::Iter<'_, Value>,
) -> (Option<usize>, &'t str) {
    if let Some(rest) = text.strip_prefix('*') {
        let value = arguments
            .next()
            .and_then(Value::as_u64)
            .and_then(|value| usize::try_from(value).ok());
        return (value.map(|value| value.min(MAX_WIDTH)), rest);
    }
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &text[..text.len() - rest.len()];
    let value = (!digits.is_empty()).then(|| digits.parse().unwrap_or(MAX_WIDTH).min(MAX_WIDTH));
    (value, rest)
}

fn integer_verb(verb: char, integer: i64, sharp: bool) -> Option<String> {
    let sign = if integer < 0 { "-" } else { "" };
    let magnitude = integer.unsigned_abs();
    let prefix = |prefix: &'static str| if sharp { prefix } else { "" };
    let character = || {
        u32::try_from(integer)
            .ok()
            .and_then(char::from_u32)
            .unwrap_or(char::REPLACEMENT_CHARACTER)
    };
    Some(match verb {
        'd' => integer.to_string(),
        'x' => format!("{sign}{}{magnitude:x}", prefix("0x")),
        'X' => format!("{sign}{}{magnitude:X}", prefix("0X")),
        'o' => format!("{sign}{}{magnitude:o}", prefix("0")),
        'O' => format!("{sign}0o{magnitude:o}"),
        'b' => format!("{sign}{}{magnitude:b}", prefix("0b")),
        'c' => character().to_string(),
        'q' => format!("{:?}", character()),
        'U' => format!("U+{magnitude:04X}"),
        _ => return None,
    })
}

fn float_verb(verb: char, float: f64, precision: Option<usize>) -> Option<String> {
    // More digits than a float can hold are zeros.
    let digits = precision.unwrap_or(6).min(1100);
    Some(match verb {
        'f' | 'F' => format!("{float:.digits$}"),
        'e' | 'E' => {
            let text = format!("{float:.digits$e}");
            let (mantissa, exponent) = text.split_once('e')?;
            let text = format!(
                "{mantissa}{}",
                printing::go_exponent(exponent.parse().ok()?)
            );
            if verb == 'E' {
                text.to_uppercase()
            } else {
                text
            }
        }
        'g' | 'G' => {
            let widest = precision.map_or(21, |digits| {
                i32::try_from(digits.clamp(1, 1100)).unwrap_or(21)
            });
            printing::general(float, precision.map(|_| digits), widest)
        }
        _ => return None,
    })
}

fn mismatch(verb: char, argument: &Value) -> String {
    match argument {
        Value::Null => format!("%!{verb}(<nil>)"),
        other => format!(
            "%!{verb}({}={})",
            printing::type_name(other),
            printing::plain(other)
        ),
    }
}

/// A string as a Go literal.
pub(super) fn quote(text: &str) -> String {
    let mut output = String::from('"');
    for c in text.chars() {
        match c {
            '"' => output.push_str("\\\""),
            '\\' => output.push_str("\\\\"),
            '\n' => output.push_str("\\n"),
            '\r' => output.push_str("\\r"),
            '\t' => output.push_str("\\t"),
            c if c.is_control() && u32::from(c) < 0x80 => {
                output.push_str(&format!("\\x{:02x}", u32::from(c)))
            }
            c if c.is_control() => output.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => output.push(c),
        }
    }
    output.push('"');
    output
}
