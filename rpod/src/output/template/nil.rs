//! Nil of Go's: JSON has one null, and a template prints it by its type. It is false, and null again for `json`.

use serde_json::{Value, json};

/// A pointer that leads nowhere: it has no fields.
pub const NIL: &str = "<nil>";
/// Lists and maps have no elements. No text of podman's begins with a zero byte.
pub const NIL_LIST: &str = "\0[]";
pub const NIL_MAP: &str = "\0map[]";

pub(super) fn is_nil(value: &Value) -> bool {
    value.is_null() || value == NIL || value == NIL_LIST || value == NIL_MAP
}

pub(super) fn printed(text: &str) -> &str {
    text.trim_start_matches('\0')
}

/// The same list or map as if it had been made.
pub(super) fn made(value: &Value) -> Option<Value> {
    match value.as_str()? {
        NIL_LIST => Some(json!([])),
        NIL_MAP => Some(json!({})),
        _ => None,
    }
}
