//! podman-artifact-ls(1)

use anyhow::Result;
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
            name: "ls",
            rows: rows.collect(),
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
    /// What others have written into it is shown as far as it can be understood.
    fn row(&self, artifact: &Artifact) -> Value {
        let digest = artifact.digest.trim_start_matches("sha256:");
        let name = Name::parse(&artifact.name).ok();
        let repository = match (&name, artifact.name.as_str()) {
            (Some(name), _) => &name.repository,
            (None, "") => "<none>",
            (None, unclear) => unclear,
        };
        let created = artifact
            .created()
            .and_then(|text| text.parse::<Timestamp>().ok());
        let size = artifact.size();
        json!({
            "Digest": if self.no_trunc { digest } else { id::short(digest) },
            "Repository": repository,
            "Size": human_size(size),
            "Tag": name.as_ref().and_then(|name| name.tag.as_deref()).unwrap_or_default(),
            "VirtualSize": size.to_string(),
            "Created": created.map(ago).unwrap_or_default(),
            "CreatedAt": created.map(go_time).unwrap_or_default(),
        })
    }
}
