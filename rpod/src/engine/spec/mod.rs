//! A container or a pod as podman's API takes it to make another: podman-generate-spec(1), the JSON of libpod's SpecGenerator.
//!
//! Keys stand in podman's order; what is empty is left out, as there.

mod container;
mod mounts;
mod namespaces;
mod pod;

use serde_json::{Map, Value};

pub use container::of_container;
pub use pod::of_pod;

/// An object that keeps its keys in order and takes nothing that is empty.
#[derive(Default)]
struct Spec(Map<String, Value>);

impl Spec {
    /// Leaves out what says nothing: null, false, zero, and what is empty.
    fn add(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        let says_nothing = match &value {
            Value::Null => true,
            Value::Bool(yes) => !yes,
            Value::Number(number) => number.as_i64() == Some(0),
            Value::String(text) => text.is_empty(),
            Value::Array(all) => all.is_empty(),
            Value::Object(all) => all.is_empty(),
        };
        if !says_nothing {
            self.always(key, value);
        }
    }

    fn always(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }
}
