//! `rpod version`: podman-version(1).

use std::io::Write as _;

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::{Globals, Verb};
use crate::engine::host;
use crate::output::template::{Template, no_methods};
use crate::output::unescape;
use crate::rootless::Needs;

#[derive(Args, Debug)]
pub struct Version {
    /// Change the output format to JSON or a Go template
    #[arg(short, long)]
    format: Option<String>,
}

impl Verb for Version {
    const NAME: &'static str = "version";
    const ABOUT: &'static str = "Display the rpod version information";
    const NEEDS: Needs = Needs::Nothing;

    fn call(self, _: &Globals) -> Result<u8> {
        let value = serde_json::json!({ "Client": host::version() });
        let text = match self.format.as_deref() {
            None | Some("") => table(&value["Client"]),
            Some("json") => value.to_string() + "\n",
            Some(template) => {
                let text = unescape(template);
                let whole = Template::parse("version", &text)?.execute(&value, no_methods);
                // As podman has it, who says less means the client, and so does who asks for its server: it has none.
                whole.or_else(|_| {
                    let text = text.replace(".Server.", ".");
                    Template::parse("version", &text)?.execute(&value["Client"], no_methods)
                })? + "\n"
            }
        };
        std::io::stdout().lock().write_all(text.as_bytes())?;
        Ok(0)
    }
}

fn table(client: &Value) -> String {
    let lines = [
        ("Client:", "rpod"),
        ("Version:", client["Version"].as_str().unwrap_or_default()),
        (
            "API Version:",
            client["APIVersion"].as_str().unwrap_or_default(),
        ),
        ("OS/Arch:", client["OsArch"].as_str().unwrap_or_default()),
    ];
    lines
        .iter()
        .map(|(name, value)| format!("{name:<14}{value}\n"))
        .collect()
}
