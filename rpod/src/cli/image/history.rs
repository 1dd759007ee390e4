//! podman-history(1)

use anyhow::Result;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::{Globals, Verb};
use crate::engine::{Context, image};
use crate::output::{self, Listing, Style};
use crate::store::id;

#[derive(Args, Debug)]
pub struct History {
    /// Change the output to JSON or a Go template
    #[arg(long)]
    format: Option<String>,
    /// Display sizes and dates in human readable format
    #[arg(short = 'H', long, value_name = "BOOL", default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    human: bool,
    /// Do not truncate the output
    #[arg(long, visible_alias = "notruncate")]
    no_trunc: bool,
    /// Display the numeric IDs only
    #[arg(short, long)]
    quiet: bool,
    /// Name or id of an image
    image: String,
}

impl Verb for History {
    const NAME: &'static str = "history";
    const ABOUT: &'static str = "Show history of a specified image";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let image = image::find(&ctx, &self.image)?;
        let rows = image::history(&image)?;
        if self.format.as_deref() == Some("json") {
            println!(
                "{}",
                Value::from(rows.iter().map(as_json).collect::<Vec<_>>())
            );
            return Ok(0);
        }
        let shown = rows.iter().map(|row| self.shown(row)).collect();
        let listing = Listing {
            name: "history",
            rows: shown,
            hidden: &[],
            methods: output::template::no_methods,
            heading: |name| {
                (name == "CreatedBy")
                    .then_some("CREATED BY")
                    .or((name == "CreatedSince").then_some("CREATED"))
            },
            table: "{{.ID}}\t{{.Created}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
        };
        listing.print(&Style {
            format: self.format,
            quiet: self.quiet.then_some("{{.ID}}"),
            no_heading: false,
        })?;
        Ok(0)
    }
}

impl History {
    fn shown(&self, row: &Value) -> Value {
        let created: Option<Timestamp> = row["created"].as_str().and_then(|text| text.parse().ok());
        let size = row["size"].as_u64().unwrap_or(0);
        let by = row["CreatedBy"].as_str().unwrap_or_default();
        let whole = row["id"].as_str().unwrap_or_default();
        let cut = !self.no_trunc && by.chars().count() > 45;
        json!({
            "ID": if self.no_trunc { whole } else { id::short(whole) },
            "Created": match created {
                Some(created) if self.human => output::ago(created),
                Some(created) => seconds(created),
                None => String::new(),
            },
            "CreatedAt": created.map(seconds).unwrap_or_default(),
            "CreatedSince": created.map(output::ago).unwrap_or_default(),
            "CreatedBy": if cut { by.chars().take(42).chain("...".chars()).collect() } else { by.to_owned() },
            "Size": if self.human { output::layer_size(size) } else { size.to_string() },
            "Comment": row["comment"],
            "Tags": row.get("tags").cloned().unwrap_or_else(|| json!([])),
        })
    }
}

fn as_json(row: &Value) -> Value {
    let mut row = row.clone();
    let created = row["created"].as_str();
    let created = created.and_then(|text| text.parse().ok());
    row["Created"] = json!(created.map(seconds));
    row
}

/// RFC 3339, without fractions.
fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
