//! What a template is given.

use std::collections::BTreeMap;

/// A value as Go has it.
#[derive(Clone, Debug)]
pub enum Value {
    /// A pointer to nothing.
    Nil,
    Bool(bool),
    Number(i64),
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
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Number(number) => *number != 0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(items) => !items.is_empty(),
            Self::Time(_) | Self::Struct { .. } => true,
        }
    }

    /// As `%v` prints it.
    pub(super) fn shown(&self) -> String {
        let words = |words: Vec<String>| words.join(" ");
        match self {
            Self::Nil => "<nil>".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Time(time) => go_time(time),
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

    pub(super) fn json(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Nil => "null".to_owned(),
            Self::Bool(_) | Self::Number(_) => self.shown(),
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

/// `2016-06-20 00:00:00.5 +0000 UTC`
fn go_time(time: &str) -> String {
    match time.parse::<jiff::Timestamp>() {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S%.f +0000 UTC").to_string(),
        Err(_) => time.to_owned(),
    }
}
