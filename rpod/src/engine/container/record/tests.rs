#![allow(clippy::unwrap_used)]
use super::*;
use crate::store::record::differences;
use serde_json::{Value, json};

/// Every place in it that holds a value, as a JSON pointer.
fn leaves(value: &Value, pointer: &str) -> Vec<String> {
    match value {
        Value::Object(fields) if !fields.is_empty() => fields
            .iter()
            .flat_map(|(key, field)| leaves(field, &format!("{pointer}/{key}")))
            .collect(),
        _ => vec![pointer.to_owned()],
    }
}

#[test]
fn one_field_that_differs_brings_all_others_back() {
    let default = serde_json::to_value(Container::default()).unwrap();
    let mut tried = 0;
    for pointer in leaves(&default, "") {
        let mut changed = default.clone();
        let field = changed.pointer_mut(&pointer).unwrap();
        *field = match &*field {
            Value::Bool(yes) => json!(!yes),
            Value::Number(number) => json!(number.as_u64().unwrap() + 1),
            Value::String(text) => json!(format!("{text}x")),
            Value::Array(_) => json!(["x"]),
            Value::Object(_) => json!({"x": "y"}),
            Value::Null => json!("x"),
        };
        // Not every type takes these.
        let Ok(container) = serde_json::from_value::<Container>(changed.clone()) else {
            continue;
        };
        let read: Container = serde_json::from_value(differences(&container).unwrap()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), changed, "{pointer}");
        tried += 1;
    }
    assert!(tried > 80, "{tried}");
}
