//! D-Bus messages, as far as systemd's manager needs them (D-Bus specification, "Message Protocol"): little-endian, no
//! descriptors, and a closed set of argument types.

use anyhow::{Result, anyhow, bail, ensure};

/// A value of a property, or an argument.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Bool(bool),
    I32(i32),
    U32(u32),
    I64(i64),
    U64(u64),
    F64(f64),
    Text(String),
    Bytes(Vec<u8>),
    Numbers(Vec<u32>),
    Texts(Vec<String>),
    Pairs(Vec<(String, String)>),
    /// `a(sv)`.
    Properties(Vec<(String, Value)>),
    /// `a(sa(sv))` without elements: the auxiliary units of StartTransientUnit.
    NoUnits,
}

impl Value {
    pub(super) fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn signature(&self) -> &'static str {
        match self {
            Value::Bool(_) => "b",
            Value::I32(_) => "i",
            Value::U32(_) => "u",
            Value::I64(_) => "x",
            Value::U64(_) => "t",
            Value::F64(_) => "d",
            Value::Text(_) => "s",
            Value::Bytes(_) => "ay",
            Value::Numbers(_) => "au",
            Value::Texts(_) => "as",
            Value::Pairs(_) => "a(ss)",
            Value::Properties(_) => "a(sv)",
            Value::NoUnits => "a(sa(sv))",
        }
    }
}

/// Bytes of a message being written; each value begins at a multiple of its alignment.
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
    fn array<T>(
        &mut self,
        alignment: usize,
        elements: &[T],
        mut write: impl FnMut(&mut Writer, &T),
    ) {
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
            Value::U32(value) => self.number(&value.to_le_bytes()),
            Value::I64(value) => self.number(&value.to_le_bytes()),
            Value::U64(value) => self.number(&value.to_le_bytes()),
            Value::F64(value) => self.number(&value.to_le_bytes()),
            Value::Text(text) => self.text(text),
            Value::Bytes(bytes) => self.array(1, bytes, |writer, byte| writer.0.push(*byte)),
            Value::Numbers(numbers) => {
                self.array(4, numbers, |writer, number| {
                    writer.number(&number.to_le_bytes())
                });
            }
            Value::Texts(texts) => self.array(4, texts, |writer, text| writer.text(text)),
            Value::Pairs(pairs) => self.array(8, pairs, |writer, (first, second)| {
                writer.text(first);
                writer.text(second);
            }),
            Value::Properties(properties) => self.array(8, properties, |writer, (name, value)| {
                writer.text(name);
                writer.variant(value);
            }),
            Value::NoUnits => self.array(8, &[], |_, &()| {}),
        }
    }

    fn variant(&mut self, value: &Value) {
        self.signature(value.signature());
        self.value(value);
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
#[derive(Debug, Clone, Copy)]
pub(super) struct Method<'a> {
    pub(super) destination: &'a str,
    pub(super) path: &'a str,
    pub(super) interface: &'a str,
    pub(super) member: &'a str,
}

/// The bytes of a method call.
pub(super) fn call(serial: u32, method: Method<'_>, arguments: &[Value]) -> Vec<u8> {
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

/// A message that was received.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) member: String,
    /// The name of the error, when it is one.
    pub(super) error: Option<String>,
    /// The call that this answers.
    pub(super) reply_to: Option<u32>,
    /// The texts among the arguments (strings, paths, and strings in variants), in order.
    pub(super) texts: Vec<String>,
}

/// Length of the fixed part of a header.
pub(super) const HEADER: usize = 16;
/// The specification's limit for a whole message is 128 MiB; no answer of systemd's comes near this one.
const LIMIT: usize = 1 << 20;

/// How many bytes follow the fixed part.
///
/// # Errors
/// It is not the beginning of a little-endian message.
pub(super) fn rest(header: &[u8; HEADER]) -> Result<usize> {
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

impl Message {
    /// Reads a whole message.
    ///
    /// # Errors
    /// It does not keep to the specification.
    pub(super) fn parse(bytes: &[u8]) -> Result<Message> {
        let mut reader = Reader { bytes, at: 12 };
        let end = reader.number()? as usize + HEADER;
        let (mut message, mut signature) = (Message::default(), String::new());
        while reader.at < end {
            reader.align(8);
            let field = reader.byte()?;
            match (field, reader.signature()?.as_str()) {
                (REPLY_SERIAL, "u") => message.reply_to = Some(reader.number()?),
                (_, "u") => drop(reader.number()?),
                (SIGNATURE, "g") => signature = reader.signature()?,
                (MEMBER, "s") => message.member = reader.text()?,
                (ERROR_NAME, "s") => message.error = Some(reader.text()?),
                (_, "s" | "o") => drop(reader.text()?),
                (field, kind) => bail!("header field {field} of type {kind:?}"),
            }
        }
        reader.align(8);
        for kind in signature.chars() {
            match kind {
                's' | 'o' => message.texts.push(reader.text()?),
                'u' | 'i' | 'b' => drop(reader.number()?),
                'v' if matches!(reader.signature()?.as_str(), "s" | "o") => {
                    message.texts.push(reader.text()?)
                }
                // Nothing after it is of interest here.
                _ => break,
            }
        }
        Ok(message)
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
        self.at += length;
        taken.ok_or_else(|| anyhow!("a D-Bus message ends too early"))
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

    const METHOD: Method<'_> = Method {
        destination: "d.e",
        path: "/p",
        interface: "i.f",
        member: "M",
    };

    #[test]
    fn a_call_is_laid_out_as_specified() {
        let bytes = call(7, METHOD, &[Value::text("ab"), Value::Bool(true)]);
        assert_eq!(&bytes[..12], [b'l', 1, 0, 1, 12, 0, 0, 0, 7, 0, 0, 0]);
        assert_eq!(
            &bytes[bytes.len() - 12..],
            [2, 0, 0, 0, b'a', b'b', 0, 0, 1, 0, 0, 0]
        );
        let header: [u8; HEADER] = bytes[..HEADER].try_into().unwrap();
        assert_eq!(rest(&header).unwrap(), bytes.len() - HEADER);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(
            (message.member.as_str(), message.texts),
            ("M", vec!["ab".to_owned()])
        );
    }

    #[test]
    fn an_array_of_structures_is_padded_before_its_first() {
        let mut writer = Writer::default();
        writer.value(&Value::Properties(vec![("a".to_owned(), Value::U64(5))]));
        let expected = [
            24, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, b'a', 0, 1, b't', 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0,
            0, 0, 0, 0, 0,
        ];
        assert_eq!(writer.0, expected);
        let mut empty = Writer(vec![0]);
        empty.value(&Value::NoUnits);
        assert_eq!(empty.0, [0; 8]);
    }

    proptest! {
        #[test]
        fn nonsense_is_refused_and_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = bytes;
            Message::parse(&bytes).ok();
            if bytes.len() > HEADER {
                bytes[..4].copy_from_slice(&[b'l', 2, 0, 1]);
                bytes[12..16].copy_from_slice(&40u32.to_le_bytes());
                Message::parse(&bytes).ok();
            }
        }
    }
}
