//! What `inspect` prints: an array of JSON, or a Go template over each object.

use std::io::{self, Write as _};

use anyhow::Result;
use serde_json::Value;

use super::listing::over_all;
use super::template::{Methods, Template, no_methods, with_times};
use super::{json, unescape};

/// Print the objects; `name` is the command's, for errors about the template.
pub fn inspected(name: &str, objects: &[Value], format: &str) -> Result<()> {
    inspected_with(name, objects, format, no_methods)
}

/// The same for objects that have more than their JSON tells.
pub fn inspected_with(name: &str, objects: &[Value], format: &str, methods: Methods) -> Result<()> {
    let text = match format {
        "" | "json" => json::pretty(&objects.to_vec().into(), 5) + "\n",
        template => {
            let mut row = unescape(template);
            if !row.ends_with('\n') {
                row.push('\n');
            }
            let template = Template::parse(name, &over_all(&row))?;
            template.execute(&objects.iter().map(with_times).collect(), methods)?
        }
    };
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}
