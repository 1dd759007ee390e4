//! `rpod auto-update`: podman-auto-update(1).

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use super::image::authfile;
use super::{Globals, Verb, tell};
use crate::engine::Context;
use crate::engine::image::Access;
use crate::output::template::no_methods;
use crate::output::{Listing, Style};
use crate::store::id;
use crate::systemd::auto_update::{self, Report, Request};

#[derive(Args, Debug)]
pub struct AutoUpdate {
    /// Path of the file with the registries' passwords
    #[arg(long, value_name = "FILE", value_parser = authfile)]
    authfile: Option<PathBuf>,
    /// Check for pending updates, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Change the output format to JSON or a Go template
    #[arg(long)]
    format: Option<String>,
    /// Go back to the old image if a unit does not start with the new one
    #[arg(long, default_value = "true")]
    rollback: bool,
    /// Require HTTPS and verify certificates when asking registries
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
}

impl Verb for AutoUpdate {
    const NAME: &'static str = "auto-update";
    const ABOUT: &'static str = "Auto update containers according to their auto-update policy";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let request = Request {
            access: Access {
                authfile: self.authfile,
                tls_verify: self.tls_verify,
                quiet: true,
                ..Access::default()
            },
            dry_run: self.dry_run,
            roll_back: self.rollback,
        };
        let (reports, errors) = auto_update::run(&ctx, &request)?;
        Listing {
            name: "auto-update",
            rows: reports.iter().map(row).collect(),
            hidden: &[],
            methods: no_methods,
            heading: |_| None,
            table: "{{.Unit}}\t{{.Container}}\t{{.Image}}\t{{.Policy}}\t{{.Updated}}",
        }
        .print(&Style {
            format: self.format,
            ..Style::default()
        })?;
        Ok(errors.iter().map(tell).max().unwrap_or(0))
    }
}

fn row(report: &Report) -> Value {
    json!({
        "Unit": report.unit,
        "Container": format!("{} ({})", id::short(&report.container_id), report.container),
        "ContainerName": report.container,
        "ContainerID": report.container_id,
        "Image": report.image,
        "Policy": report.policy,
        "Updated": report.updated,
    })
}
