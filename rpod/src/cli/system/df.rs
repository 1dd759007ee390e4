//! podman-system-df(1)

use anyhow::{Result, bail};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::system::usage::{Usage, usage};
use crate::output::template::no_methods;
use crate::output::{Listing, Style, human_duration, human_size};
use crate::store::id;

#[derive(Args, Debug)]
pub struct Df {
    /// Pretty-print by a Go template, or as JSON
    #[arg(long)]
    format: Option<String>,
    /// Show detailed information on disk usage
    #[arg(short, long)]
    verbose: bool,
}

impl Verb for Df {
    const NAME: &'static str = "df";
    const ABOUT: &'static str = "Show rpod disk usage";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.verbose && self.format.is_some() {
            bail!("cannot combine --format and --verbose flags");
        }
        let usage = usage(&Context::new(globals)?)?;
        if self.verbose {
            return print_verbose(&usage).map(|()| 0);
        }
        print(
            summary(&usage).iter().map(Line::row).collect(),
            "{{.Type}}\t{{.Total}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
            self.format,
        )?;
        Ok(0)
    }
}

/// What one kind of thing takes.
struct Line {
    kind: &'static str,
    total: usize,
    active: usize,
    size: u64,
    reclaimable: u64,
}

fn summary(usage: &Usage) -> [Line; 3] {
    let mut used: Vec<&str> = Vec::new();
    let mut in_use = 0;
    for image in usage.images.iter().filter(|image| image.containers > 0) {
        if !used.contains(&image.id.as_str()) {
            used.push(&image.id);
            in_use += image.size - image.shared;
        }
    }
    let runs = |status: &str| status == "running";
    let stopped = usage.containers.iter().filter(|one| !runs(one.status));
    [
        Line {
            kind: "Images",
            total: usage.images.len(),
            active: used.len(),
            size: usage.images_size,
            reclaimable: usage.images_size.saturating_sub(in_use),
        },
        Line {
            kind: "Containers",
            total: usage.containers.len(),
            active: usage
                .containers
                .iter()
                .filter(|one| runs(one.status))
                .count(),
            size: usage.containers.iter().map(|one| one.size).sum(),
            reclaimable: stopped.map(|one| one.size).sum(),
        },
        Line {
            kind: "Local Volumes",
            total: usage.volumes.len(),
            active: usage.volumes.iter().map(|one| one.links).sum(),
            size: usage.volumes.iter().map(|one| one.size).sum(),
            reclaimable: usage.volumes.iter().map(|one| one.reclaimable).sum(),
        },
    ]
}

impl Line {
    fn reclaimable(&self) -> String {
        let percent = match self.size {
            0 => 0.0,
            size => (self.reclaimable as f64 / size as f64 * 100.0).round(),
        };
        format!("{} ({percent}%)", human_size(self.reclaimable))
    }

    fn row(&self) -> Value {
        json!({
            "Type": self.kind,
            "Total": self.total,
            "Active": self.active,
            "RawSize": self.size,
            "RawReclaimable": self.reclaimable,
            "TotalCount": self.total,
            "Size": human_size(self.size),
            "Reclaimable": self.reclaimable(),
        })
    }
}

fn print_verbose(usage: &Usage) -> Result<()> {
    println!("Images space usage:\n");
    let images = usage.images.iter().map(|image| {
        json!({
            "Repository": image.repository,
            "Tag": image.tag,
            "ImageID": id::short(&image.id),
            "Created": since(image.created),
            "Size": human_size(image.size),
            "SharedSize": human_size(image.shared),
            "UniqueSize": human_size(image.size - image.shared),
            "Containers": image.containers,
        })
    });
    print(
        images.collect(),
        "{{.Repository}}\t{{.Tag}}\t{{.ImageID}}\t{{.Created}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}",
        None,
    )?;
    println!("\nContainers space usage:\n");
    let containers = usage.containers.iter().map(|one| {
        let container = &one.container;
        json!({
            "ContainerID": id::short(&container.id),
            "Image": id::short(&container.image.id),
            "Command": container.process.command.join(" "),
            "LocalVolumes": one.volumes,
            "Size": human_size(one.size),
            "Created": since(container.created.parse().unwrap_or(Timestamp::UNIX_EPOCH)),
            "Status": one.status,
            "Names": container.name,
        })
    });
    print(
        containers.collect(),
        "{{.ContainerID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.Created}}\t{{.Status}}\t{{.Names}}",
        None,
    )?;
    println!("\nLocal Volumes space usage:\n");
    let volumes = usage.volumes.iter().map(|volume| {
        json!({ "VolumeName": volume.name, "Links": volume.links, "Size": human_size(volume.size) })
    });
    print(
        volumes.collect(),
        "{{.VolumeName}}\t{{.Links}}\t{{.Size}}",
        None,
    )
}

fn since(time: Timestamp) -> String {
    human_duration(Timestamp::now().duration_since(time))
}

fn print(rows: Vec<Value>, table: &str, format: Option<String>) -> Result<()> {
    Listing {
        name: "df",
        rows,
        hidden: &[],
        methods: no_methods,
        heading: |name| match name {
            "ContainerID" => Some("CONTAINER ID"),
            "LocalVolumes" => Some("LOCAL VOLUMES"),
            _ => None,
        },
        table,
    }
    .print(&Style {
        format,
        ..Style::default()
    })
}
