//! podman-artifact-inspect(1)

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::artifact::{self, Artifact};
use crate::output;

#[derive(Args, Debug)]
pub struct Inspect {
    /// Format the output to a Go template or json
    #[arg(short, long, default_value = "json")]
    format: String,
    /// Name or digest of an artifact
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
}

impl Verb for Inspect {
    const NAME: &'static str = "inspect";
    const ABOUT: &'static str = "Inspect an OCI artifact";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let found = shown(&artifact::find(&ctx, &self.artifact)?);
        match self.format.as_str() {
            // One object, and no array of them.
            "" | "json" => println!("{}", output::pretty(&found, 5)),
            format => output::inspected_with("inspect", &[found], format, methods)?,
        }
        Ok(0)
    }
}

pub fn shown(artifact: &Artifact) -> Value {
    json!({
        "Name": artifact.name,
        "Manifest": artifact.manifest,
        "Digest": artifact.digest,
    })
}

/// What an artifact has beyond its JSON.
pub fn methods(artifact: &Value, name: &str, arguments: &[Value]) -> Option<Value> {
    let Some(manifest) = artifact.get("Manifest") else {
        return field(artifact, name);
    };
    match (name, arguments) {
        ("Artifact", []) => Some(artifact.clone()),
        ("TotalSizeBytes", []) => {
            let sizes = manifest["layers"].as_array().into_iter().flatten();
            let sizes = sizes.filter_map(|layer| layer["size"].as_u64());
            Some(sizes.sum::<u64>().into())
        }
        _ => None,
    }
}

/// Go's name of a manifest's field, whose JSON name begins with a small letter.
fn field(object: &Value, name: &str) -> Option<Value> {
    let (first, rest) = name.split_at_checked(1)?;
    object.get(first.to_lowercase() + rest).cloned()
}
