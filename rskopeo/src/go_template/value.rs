//! What a template is given.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::time;

/// A value as Go has it.
#[derive(Clone, Debug)]
pub enum Value {
    /// A pointer to nothing.
    Nil,
    /// What a map has not.
    Missing,
    Bool(bool),
    Number(i64),
    Float(f64),
    Text(String),
    /// In RFC 3339's form.
    Time(String),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
    Struct {
        /// By their names in Go, in order.
        fields: Vec<(&'static str, Value)>,
        /// What Go's encoder makes of it.
        json: String,
    },
}

impl Value {
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub fn time(time: Option<&str>) -> Self {
        time.map_or(Self::Nil, |time| Self::Time(time.to_owned()))
    }

    pub fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    pub fn map<'a>(texts: impl IntoIterator<Item = (&'a String, &'a str)>) -> Self {
        let pair = |(key, text): (&'a String, &'a str)| (key.clone(), Self::text(text));
        Self::Map(texts.into_iter().map(pair).collect())
    }

    /// What counts as true.
    pub(super) fn holds(&self) -> bool {
        match self {
            Self::Nil | Self::Missing => false,
            Self::Bool(value) => *value,
            Self::Number(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(items) => !items.is_empty(),
            Self::Time(_) | Self::Struct { .. } => true,
        }
    }

    /// What `.A.B` behind it stands for; the last name may be one of a method, which gets the arguments.
    pub(super) fn field(&self, path: &[String], arguments: &[Self]) -> Result<Self> {
        let mut value = self.clone();
        for (index, name) in path.iter().enumerate() {
            let given = if index + 1 == path.len() {
                arguments
            } else {
                &[]
            };
            value = match value {
                Self::Time(time) => return time::method(&time, name, given),
                _ if !given.is_empty() => {
                    bail!("{name} has arguments but cannot be invoked as function")
                }
                Self::Struct { fields, .. } => {
                    let found = fields.into_iter().find(|(field, _)| field == name);
                    match found {
                        Some((_, value)) => value,
                        None => bail!("can't evaluate field {name}"),
                    }
                }
                Self::Map(mut items) => items.remove(name).unwrap_or(Self::Missing),
                Self::Nil | Self::Missing => bail!("nil pointer evaluating .{name}"),
                _ => bail!("can't evaluate field {name}: it is no part of what stands before it"),
            };
        }
        if path.is_empty() && !arguments.is_empty() {
            bail!("can't give argument to non-function");
        }
        Ok(value)
    }

    /// As `%v` prints it.
    pub(super) fn shown(&self) -> String {
        let words = |words: Vec<String>| words.join(" ");
        match self {
            Self::Nil => "<nil>".to_owned(),
            Self::Missing => "<no value>".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Time(time) => time::shown(time),
            Self::List(items) => format!("[{}]", words(items.iter().map(Self::shown).collect())),
            Self::Map(items) => {
                let pair = |(key, value): (&String, &Self)| format!("{key}:{}", value.shown());
                format!("map[{}]", words(items.iter().map(pair).collect()))
            }
            Self::Struct { fields, .. } => {
                let fields = fields.iter().map(|(_, value)| value.shown());
                format!("{{{}}}", words(fields.collect()))
            }
        }
    }

    /// As `%T` prints it.
    pub(super) fn kind(&self) -> String {
        let of_items = |items: Option<&Self>| items.map_or("string".to_owned(), Self::kind);
        match self {
            Self::Nil | Self::Missing => "<nil>".to_owned(),
            Self::Bool(_) => "bool".to_owned(),
            Self::Number(_) => "int".to_owned(),
            Self::Float(_) => "float64".to_owned(),
            Self::Text(_) => "string".to_owned(),
            Self::Time(_) => "*time.Time".to_owned(),
            Self::List(items) => format!("[]{}", of_items(items.first())),
            Self::Map(items) => format!("map[string]{}", of_items(items.values().next())),
            Self::Struct { .. } => "struct".to_owned(),
        }
    }

    pub(super) fn json(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Nil | Self::Missing => "null".to_owned(),
            Self::Bool(_) | Self::Number(_) | Self::Float(_) => self.shown(),
            Self::Text(text) | Self::Time(text) => quoted(text),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::json).collect();
                format!("[{}]", items.join(","))
            }
            Self::Map(items) => {
                let pair =
                    |(key, value): (&String, &Self)| format!("{}:{}", quoted(key), value.json());
                let items: Vec<String> = items.iter().map(pair).collect();
                format!("{{{}}}", items.join(","))
            }
            Self::Struct { json, .. } => json.clone(),
        }
    }
}
