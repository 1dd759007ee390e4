//! podman-artifact-ls(1)

use anyhow::{Context as _, Result};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::artifact::{self, Artifact};
use crate::engine::image::Name;
use crate::output::{Listing, Style, ago, go_time, human_size};
use crate::store::id;

#[derive(Args, Debug)]
pub struct List {
    /// Format the output by a Go template, or as JSON
    #[arg(long)]
    format: Option<String>,
    /// Do not print column headings
    #[arg(short, long)]
    noheading: bool,
    /// Do not truncate digests
    #[arg(long)]
    no_trunc: bool,
}

impl Verb for List {
    const NAME: &'static str = "ls";
    const ALIASES: &'static [&'static str] = &["list"];
    const ABOUT: &'static str = "List OCI artifacts";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let artifacts = artifact::all(&ctx)?;
        let rows = artifacts.iter().map(|artifact| self.row(artifact));
        let listing = Listing {
            name: "artifact ls",
            rows: rows.collect::<Result<_>>()?,
            hidden: &["Created", "CreatedAt"],
            methods: |_, _, _| None,
            heading: |_| None,
            table: "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.Created}}\t{{.Size}}",
        };
        listing.print(&Style {
            format: self.format,
            quiet: None,
            no_heading: self.noheading,
        })?;
        Ok(0)
    }
}

impl List {
    fn row(&self, artifact: &Artifact) -> Result<Value> {
        let digest = artifact.digest.trim_start_matches("sha256:");
        let name = match artifact.name.as_str() {
            "" => None,
            name => Some(Name::parse(name)?),
        };
        let created = artifact.created().map(str::parse::<Timestamp>).transpose();
        let created = created
            .with_context(|| format!("{}: when it was created is no time", artifact.name))?;
        let size = artifact.size();
        Ok(json!({
            "Digest": if self.no_trunc { digest } else { id::short(digest) },
            "Repository": name.as_ref().map_or("<none>", |name| &name.repository),
            "Size": human_size(size),
            "Tag": name.as_ref().and_then(|name| name.tag.as_deref()).unwrap_or_default(),
            "VirtualSize": size.to_string(),
            "Created": created.map(ago).unwrap_or_default(),
            "CreatedAt": created.map(go_time).unwrap_or_default(),
        }))
    }
}
