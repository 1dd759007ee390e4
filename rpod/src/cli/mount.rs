//! `rpod mount` and `rpod unmount`: podman-mount(1), podman-unmount(1).

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use super::selection::Selection;
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::{self, mount};
use crate::output::template::no_methods;
use crate::output::{self, Listing, Style};
use crate::rootless::Needs;
use crate::store::id;

#[derive(Args, Debug)]
pub struct Mount {
    /// Mount all containers
    #[arg(short, long)]
    all: bool,
    /// Print the mounted containers in specified format (json)
    #[arg(long)]
    format: Option<String>,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// Do not truncate output
    #[arg(long, visible_alias = "notruncate")]
    no_trunc: bool,
    /// Names or IDs of containers
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
}

impl Verb for Mount {
    const NAME: &'static str = "mount";
    const ABOUT: &'static str = "Mount a working container's root filesystem";
    const NEEDS: Needs = Needs::Inside;

    fn call(self, globals: &Globals) -> Result<u8> {
        let json = wants_json(self.format.as_deref())?;
        let ctx = Context::new(globals)?;
        let asked = self.all || self.latest || !self.names.is_empty();
        let mut mounted = Vec::new();
        if asked {
            let selection = Selection {
                all: self.all,
                latest: self.latest,
                names: self.names.clone(),
                ..Selection::default()
            };
            for chosen in selection.choose(&ctx)? {
                let path = mount::mount(&ctx, &chosen.container)?;
                mounted.push((chosen.container, path));
            }
        } else {
            for container in container::all(&ctx)? {
                if let Some(path) = mount::mounted_at(&ctx, &container)? {
                    mounted.push((container, path));
                }
            }
        }
        if json {
            let rows: Vec<_> = mounted
                .iter()
                .map(|(container, path)| json!({ "id": container.id, "Names": [container.name], "mountpoint": path }))
                .collect();
            println!("{}", output::pretty(&rows.into(), 1));
            return Ok(0);
        }
        if let ([(_, path)], true) = (&mounted[..], self.names.len() == 1 || self.latest) {
            println!("{}", path.display());
            return Ok(0);
        }
        let shown = |id: &str| {
            if self.no_trunc {
                id.to_owned()
            } else {
                id::short(id).to_owned()
            }
        };
        let rows = mounted
            .iter()
            .map(|(container, path)| json!({ "ID": shown(&container.id), "Path": path }));
        print_pairs(rows.collect())?;
        Ok(0)
    }
}

/// The one format that lists of mounts have besides their own.
pub(super) fn wants_json(format: Option<&str>) -> Result<bool> {
    match format {
        None | Some("") => Ok(false),
        Some("json") => Ok(true),
        Some(format) => bail!("unknown --format argument: {format:?}"),
    }
}

/// Two columns without headings, as podman lists mounts.
pub(super) fn print_pairs(rows: Vec<serde_json::Value>) -> Result<()> {
    let listing = Listing {
        name: "mount",
        rows,
        hidden: &[],
        methods: no_methods,
        heading: |_| None,
        table: "{{.ID}}\t{{.Path}}",
    };
    listing.print(&Style {
        no_heading: true,
        ..Style::default()
    })
}

#[derive(Args, Debug)]
pub struct Unmount {
    /// Unmount all of the currently mounted containers
    #[arg(short, long)]
    all: bool,
    /// Force the complete unmount of the specified mounted containers
    #[arg(short, long)]
    force: bool,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// Names or IDs of containers
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
}

impl Verb for Unmount {
    const NAME: &'static str = "unmount";
    const ALIASES: &'static [&'static str] = &["umount"];
    const ABOUT: &'static str = "Unmount working container's root filesystem";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let selection = Selection {
            all: self.all,
            latest: self.latest,
            names: self.names,
            ..Selection::default()
        };
        let mut code = 0;
        for chosen in selection.choose(&ctx)? {
            if self.all && mount::mounted_at(&ctx, &chosen.container)?.is_none() {
                continue;
            }
            match mount::unmount(&ctx, &chosen.container, self.force) {
                Ok(false) if self.all => {}
                Err(_) if self.all => {}
                Ok(_) => println!("{}", chosen.word),
                Err(error) => code = super::tell(&error),
            }
        }
        Ok(code)
    }
}
