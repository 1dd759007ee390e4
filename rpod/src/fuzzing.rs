//! What `fuzz/` feeds with arbitrary bytes: none of it may panic. Without `--cfg fuzzing` there is nothing here.
#![cfg(fuzzing)]
#![allow(dead_code, reason = "the rest is the program's")]

mod output {
    pub mod template;
}

use output::template::{Template, no_methods};
use serde_json::json;

pub fn templates(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let dot = json!({"ID": "1f", "Names": ["a", "b"], "Size": 7, "State": {"Running": true, "Pid": -1}, "Labels": {}});
    if let Ok(template) = Template::parse("fuzz", text) {
        let _ = template.execute(&dot, no_methods);
    }
}
