//! JSON as podman prints it: indented, and `<`, `>` and `&` escaped as Go's encoder does.

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

/// `spaces` a level: podman uses 4 for listings and 5 for `inspect`.
pub fn pretty(value: &Value, spaces: usize) -> String {
    let indent = " ".repeat(spaces);
    let mut output = Vec::new();
    let mut serializer =
        Serializer::with_formatter(&mut output, PrettyFormatter::with_indent(indent.as_bytes()));
    // Writing a Value to memory cannot fail: its keys are strings and its numbers finite.
    match value.serialize(&mut serializer) {
        Ok(()) => String::from_utf8_lossy(&output).into_owned(),
        Err(error) => error.to_string(),
    }
}
