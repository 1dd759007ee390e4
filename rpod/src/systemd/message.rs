//! D-Bus messages as far as a unit's start and stop need them (D-Bus specification, "Message Protocol"): little-endian, no
//! descriptors, few types.

use anyhow::{Context as _, Result, bail, ensure};

/// A unit's, by systemd's names.
pub type Properties = Vec<(&'static str, Value)>;

/// A property of a unit, or an argument.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    I32(i32),
    U64(u64),
    Text(String),
    Texts(Vec<String>),
    Bytes(Vec<u8>),
    Numbers(Vec<u32>),
    /// `a(st)`: a timer's bases, each with microseconds.
    Times(Vec<(&'static str, u64)>),
    /// `a(sasb)` with one element: what a service executes, word by word. That it fails is no failure of the unit.
    Command(Vec<String>),
    /// `a(sv)`.
    Properties(Properties),
    /// `a(sa(sv))`: the auxiliary units of StartTransientUnit.
    Units(Vec<(String, Properties)>),
}

impl Value {
    fn signature(&self) -> &'static str {
        match self {
            Value::Bool(_) => "b",
            Value::I32(_) => "i",
            Value::U64(_) => "t",
            Value::Text(_) => "s",
            Value::Texts(_) => "as",
            Value::Bytes(_) => "ay",
            Value::Numbers(_) => "au",
            Value::Times(_) => "a(st)",
            Value::Command(_) => "a(sasb)",
            Value::Properties(_) => "a(sv)",
            Value::Units(_) => "a(sa(sv))",
        }
    }
}

/// Bytes being written; each value begins at a multiple of its size.
#[derive(Debug, Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    fn number(&mut self, bytes: &[u8]) {
        self.align(bytes.len());
        self.0.extend(bytes);
    }

    fn text(&mut self, text: &str) {
        self.number(&(text.len() as u32).to_le_bytes());
        self.0.extend(text.as_bytes());
        self.0.push(0);
    }

    fn signature(&mut self, signature: &str) {
        self.0.push(signature.len() as u8);
        self.0.extend(signature.as_bytes());
        self.0.push(0);
    }

    /// The length counts from the first element, after the padding before it.
    fn array<T>(&mut self, alignment: usize, elements: &[T], write: impl Fn(&mut Writer, &T)) {
        self.number(&0u32.to_le_bytes());
        let place = self.0.len() - 4;
        self.align(alignment);
        let start = self.0.len();
        for element in elements {
            self.align(alignment);
            write(self, element);
        }
        let length = (self.0.len() - start) as u32;
        self.0[place..place + 4].copy_from_slice(&length.to_le_bytes());
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Bool(value) => self.number(&u32::from(*value).to_le_bytes()),
            Value::I32(value) => self.number(&value.to_le_bytes()),
            Value::U64(value) => self.number(&value.to_le_bytes()),
            Value::Text(text) => self.text(text),
            Value::Texts(texts) => self.texts(texts),
            Value::Bytes(bytes) => self.array(1, bytes, |writer, byte| writer.0.push(*byte)),
            Value::Numbers(numbers) => self.array(4, numbers, |writer, number| {
                writer.number(&number.to_le_bytes());
            }),
            Value::Times(times) => self.array(8, times, |writer, (base, micros)| {
                writer.text(base);
                writer.number(&micros.to_le_bytes());
            }),
            Value::Command(words) => self.array(8, &[words], |writer, words| {
                writer.text(words.first().map_or("", String::as_str));
                // systemd would put a variable's value there.
                let plain: Vec<String> = words.iter().map(|word| word.replace('$', "$$")).collect();
                writer.texts(&plain);
                writer.number(&1u32.to_le_bytes());
            }),
            Value::Properties(properties) => self.properties(properties),
            Value::Units(units) => self.array(8, units, |writer, (unit, properties)| {
                writer.text(unit);
                writer.properties(properties);
            }),
        }
    }

    fn texts(&mut self, texts: &[String]) {
        self.array(4, texts, |writer, text| writer.text(text));
    }

    fn properties(&mut self, properties: &Properties) {
        self.array(8, properties, |writer, (name, value)| {
            writer.text(name);
            writer.signature(value.signature());
            writer.value(value);
        });
    }
}

/// Header fields, by the specification's numbers.
const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const ERROR_NAME: u8 = 4;
const REPLY_SERIAL: u8 = 5;
const DESTINATION: u8 = 6;
const SIGNATURE: u8 = 8;

/// Where a call goes.
#[derive(Clone, Copy, Debug)]
pub struct Method<'a> {
    pub destination: &'a str,
    pub path: &'a str,
    pub interface: &'a str,
    pub member: &'a str,
}

/// The bytes of a method call.
pub fn call(serial: u32, method: Method<'_>, arguments: &[Value]) -> Vec<u8> {
    let mut body = Writer::default();
    arguments.iter().for_each(|argument| body.value(argument));
    let signature: String = arguments.iter().map(Value::signature).collect();
    let mut message = Writer(vec![b'l', 1, 0, 1]);
    message.number(&(body.0.len() as u32).to_le_bytes());
    message.number(&serial.to_le_bytes());
    let fields = [
        (PATH, "o", method.path),
        (INTERFACE, "s", method.interface),
        (MEMBER, "s", method.member),
        (DESTINATION, "s", method.destination),
        (SIGNATURE, "g", &signature),
    ];
    message.array(8, &fields, |writer, (field, kind, text)| {
        writer.0.push(*field);
        writer.signature(kind);
        match *kind {
            "g" => writer.signature(text),
            _ => writer.text(text),
        }
    });
    message.align(8);
    message.0.extend(body.0);
    message.0
}

/// Length of the fixed part of a header.
pub const HEADER: usize = 16;
/// No answer of systemd's comes near this.
const LIMIT: usize = 1 << 20;

/// How many bytes follow the fixed part.
pub fn rest(header: &[u8; HEADER]) -> Result<usize> {
    ensure!(
        header[0] == b'l' && header[3] == 1,
        "not a D-Bus message of version 1"
    );
    let number = |at: usize| {
        u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize
    };
    let (body, fields) = (number(4), number(12));
    ensure!(
        body < LIMIT && fields < LIMIT,
        "a D-Bus message of {body} bytes"
    );
    Ok(fields.next_multiple_of(8) + body)
}

/// What a message answers, and if it is an error, which.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub to: Option<u32>,
    pub error: Option<String>,
    /// Its first argument, where that is a text.
    pub text: String,
}

impl Answer {
    /// Reads a whole message.
    pub fn parse(bytes: &[u8]) -> Result<Answer> {
        let mut reader = Reader { bytes, at: 12 };
        let end = reader.number()? as usize + HEADER;
        let (mut answer, mut signature) = (Answer::default(), String::new());
        while reader.at < end {
            reader.align(8);
            let field = reader.byte()?;
            match (field, reader.signature()?.as_str()) {
                (REPLY_SERIAL, "u") => answer.to = Some(reader.number()?),
                (_, "u") => drop(reader.number()?),
                (SIGNATURE, "g") => signature = reader.signature()?,
                (ERROR_NAME, "s") => answer.error = Some(reader.text()?),
                (_, "s" | "o") => drop(reader.text()?),
                (field, kind) => bail!("header field {field} of type {kind:?}"),
            }
        }
        reader.align(8);
        if signature.starts_with(['s', 'o']) {
            answer.text = reader.text()?;
        }
        Ok(answer)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn align(&mut self, to: usize) {
        self.at = self.at.next_multiple_of(to);
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        self.at = self.at.saturating_add(length);
        taken.context("a D-Bus message ends too early")
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self) -> Result<u32> {
        self.align(4);
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn text(&mut self) -> Result<String> {
        let length = self.number()? as usize;
        self.string(length)
    }

    fn signature(&mut self) -> Result<String> {
        let length = self.byte()? as usize;
        self.string(length)
    }

    fn string(&mut self, length: usize) -> Result<String> {
        let text = self.take(length)?.to_vec();
        self.take(1)?;
        Ok(String::from_utf8(text)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_call_is_laid_out_as_specified() {
        let method = Method {
            destination: "d.e",
            path: "/p",
            interface: "i.f",
            member: "M",
        };
        let arguments = [Value::Text("ab".into()), Value::Bool(true)];
        let bytes = call(7, method, &arguments);
        assert_eq!(&bytes[..12], [b'l', 1, 0, 1, 12, 0, 0, 0, 7, 0, 0, 0]);
        assert_eq!(
            &bytes[bytes.len() - 12..],
            [2, 0, 0, 0, b'a', b'b', 0, 0, 1, 0, 0, 0]
        );
        let header: [u8; HEADER] = bytes[..HEADER].try_into().unwrap();
        assert_eq!(rest(&header).unwrap(), bytes.len() - HEADER);
        assert_eq!(Answer::parse(&bytes).unwrap().text, "ab");
    }

    #[test]
    fn an_array_of_structures_is_padded_before_its_first() {
        let mut writer = Writer::default();
        writer.value(&Value::Properties(vec![("a", Value::U64(5))]));
        let expected = [
            24, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, b'a', 0, 1, b't', 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0,
            0, 0, 0, 0, 0,
        ];
        assert_eq!(writer.0, expected);
    }

    proptest! {
        #[test]
        fn nonsense_is_refused_and_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            Answer::parse(&bytes).ok();
        }
    }
}
