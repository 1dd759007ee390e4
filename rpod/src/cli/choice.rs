//! Values that are one of a few, where podman has words of its own for any other.

use std::ffi::OsStr;
use std::fmt;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error, ValueEnum};

/// What is told of a value, as it is: podman looks at it later than its parser does, which would say whose value it is.
#[derive(Debug)]
pub struct Amiss(pub String);

impl fmt::Display for Amiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Amiss {}

/// A parser for one of these words.
pub fn word(
    words: &'static [&'static str],
    amiss: fn(&str) -> String,
) -> impl TypedValueParser<Value = String> {
    let listed = Listed(words.iter().map(PossibleValue::new).collect());
    listed.try_map(move |text| match words.contains(&text.as_str()) {
        true => Ok(text),
        false => Err(Amiss(amiss(&text))),
    })
}

/// A parser for what the words of an enumeration stand for.
pub fn named<T: ValueEnum + Clone + Send + Sync + 'static>(
    amiss: fn(&str) -> String,
) -> impl TypedValueParser<Value = T> {
    let values = T::value_variants().iter();
    let listed = Listed(values.filter_map(T::to_possible_value).collect());
    listed.try_map(move |text| T::from_str(&text, false).map_err(|_| Amiss(amiss(&text))))
}

/// Takes any text; the possible values are for help and completion.
#[derive(Clone)]
struct Listed(Vec<PossibleValue>);

impl TypedValueParser for Listed {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().cloned()))
    }
}
