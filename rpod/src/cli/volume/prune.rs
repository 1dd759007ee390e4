//! `rpod volume prune`: podman-volume-prune(1).

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::prune::confirmed;
use crate::cli::{Globals, Verb, tell_each};
use crate::engine::Context;
use crate::engine::volume::{Volume, filter::Filter, remove};

#[derive(Args, Debug)]
pub struct Prune {
    /// Remove all unused volumes, named ones, too
    #[arg(short, long)]
    all: bool,
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Provide filter values (all, label, label!, until, anonymous, …)
    #[arg(long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Do not prompt for confirmation
    #[arg(short, long)]
    force: bool,
}

impl Verb for Prune {
    const NAME: &'static str = "prune";
    const ABOUT: &'static str = "Remove all unused volumes";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.force && self.dry_run {
            bail!("--force and --dry-run cannot be used together");
        }
        let ctx = Context::new(globals)?;
        let all = self.wants_all()?;
        let filter = Filter::parse(&ctx, &self.filters(all))?;
        let volumes = filter.apply(&ctx, remove::unused(&ctx)?)?;
        if self.dry_run {
            println!("Volumes that would be pruned:");
            volumes
                .iter()
                .for_each(|volume| println!("{}", volume.name));
            return Ok(0);
        }
        if !self.force && !confirmed_for(&volumes, all)? {
            return Ok(0);
        }
        Ok(tell_each(volumes, |volume| {
            remove::remove(&ctx, &volume, false, None)?;
            Ok(volume.name)
        }))
    }
}

impl Prune {
    fn wants_all(&self) -> Result<bool> {
        let asked = self
            .filter
            .iter()
            .any(|filter| filter.eq_ignore_ascii_case("all=true"));
        if self.all && asked {
            bail!("--all and --filter all cannot be used together");
        }
        Ok(self.all || asked)
    }

    /// Only volumes that nobody gave a name to, unless it is said which.
    fn filters(&self, all: bool) -> Vec<String> {
        let is_all = |filter: &str| filter.to_ascii_lowercase().starts_with("all=");
        let mut filters: Vec<String> = self.filter.clone();
        filters.retain(|filter| !is_all(filter));
        if !all
            && !filters
                .iter()
                .any(|filter| filter.starts_with("anonymous="))
        {
            filters.push("anonymous=true".to_owned());
        }
        filters
    }
}

fn confirmed_for(volumes: &[Volume], all: bool) -> Result<bool> {
    let (which, kind) = match all {
        true => ("all volumes", "dangling"),
        false => ("anonymous local volumes", "dangling anonymous"),
    };
    let mut warning = format!(
        "WARNING! This will remove {which} not used by at least one container. The following volumes will be removed:"
    );
    if volumes.is_empty() {
        println!("{warning}\nNo {kind} volumes found");
        return Ok(false);
    }
    for volume in volumes {
        warning += &format!("\n{}", volume.name);
    }
    confirmed(&warning)
}
