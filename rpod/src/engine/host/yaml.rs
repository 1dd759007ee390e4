//! A JSON value as YAML, as far as `info` needs it: maps by key, lists, plain words.

use serde_json::Value;

pub fn yaml(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0);
    text
}

fn write(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            for key in keys {
                let value = &map[key];
                text.push_str(&format!("{indent}{key}:"));
                nested(text, value, depth);
            }
        }
        Value::Array(list) => {
            for item in list {
                text.push_str(&format!("{indent}- {}\n", scalar(item, depth)));
            }
        }
        other => text.push_str(&format!("{indent}{}\n", scalar(other, depth))),
    }
}

fn nested(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if map.is_empty() => text.push_str(" {}\n"),
        Value::Array(list) if list.is_empty() => text.push_str(" []\n"),
        Value::Object(_) => {
            text.push('\n');
            write(text, value, depth + 1);
        }
        // A list of a map's stands at the depth of its key.
        Value::Array(_) => {
            text.push('\n');
            write(text, value, depth);
        }
        other => text.push_str(&format!(" {}\n", scalar(other, depth + 1))),
    }
}

fn scalar(value: &Value, depth: usize) -> String {
    let Value::String(word) = value else {
        return value.to_string();
    };
    if word.contains('\n') {
        let indent = "  ".repeat(depth);
        let lines: Vec<String> = word.lines().map(|line| format!("{indent}{line}")).collect();
        return format!("|-\n{}", lines.join("\n"));
    }
    // What would be read as something else than this word is quoted.
    let is_plain = !word.is_empty()
        && word.parse::<f64>().is_err()
        && !matches!(
            word.as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "~"
        )
        && !word.contains(": ")
        && !word.contains(" #")
        && !word.ends_with(':')
        && word.starts_with(|c: char| c.is_alphanumeric() || c == '/' || c == '.')
        && word.trim() == word;
    if is_plain {
        word.clone()
    } else if word.chars().any(char::is_control) {
        value.to_string()
    } else if word.parse::<f64>().is_ok() || word.is_empty() {
        format!("\"{word}\"")
    } else {
        format!("'{}'", word.replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn as_podman_writes_it() {
        let value = json!({"b": {"version": "12", "lines": "a\nb", "empty": {}}, "a": ["x", "y: z"], "n": null, "t": true});
        assert_eq!(
            yaml(&value),
            "a:\n- x\n- 'y: z'\nb:\n  empty: {}\n  lines: |-\n    a\n    b\n  version: \"12\"\nn: null\nt: true\n"
        );
    }
}
