//! Commands on several containers: which ones, and how their errors are told.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::ExitStatus;
use crate::engine::Context;
use crate::engine::container::filter::Filter;
use crate::engine::container::{self, record::Container};
use crate::store::lookup::LookupError;

#[derive(Args, Debug, Default)]
pub struct Selection {
    /// Act on all containers
    #[arg(short, long)]
    pub all: bool,
    /// Read the container ID from the file
    #[arg(long, value_name = "FILE")]
    pub cidfile: Vec<PathBuf>,
    /// Act on the latest container
    #[arg(short, long)]
    pub latest: bool,
    /// Names or IDs of containers
    #[arg(value_name = "CONTAINER")]
    pub names: Vec<String>,
    /// `--filter`, of the commands that have it.
    #[arg(skip)]
    pub filter: Vec<String>,
    /// `--ignore`, of the commands that have it: what is missing is no error.
    #[arg(skip)]
    pub ignore: bool,
    /// `--filter` chooses among the names, of the commands that take both.
    #[arg(skip)]
    pub among_names: bool,
    /// Only containers that run, whatever else was asked for.
    #[arg(skip)]
    pub running: bool,
}

/// A container and the word that named it; its whole id where none did.
#[derive(Debug)]
pub struct Chosen {
    pub word: String,
    pub container: Container,
}

impl Selection {
    /// Does it to each and prints the name as it was typed. Every error is printed; the last one's code is rpod's.
    pub fn each(&self, ctx: &Context, act: impl Fn(&Container) -> Result<()>) -> Result<u8> {
        each(self.choose(ctx)?, act)
    }

    /// The containers that are meant. One that does not exist is an error before anything is done to the others.
    pub fn choose(&self, ctx: &Context) -> Result<Vec<Chosen>> {
        self.check()?;
        let whole = |container: Container| Chosen {
            word: container.id.clone(),
            container,
        };
        let mut words = self.names.clone();
        words.extend(self.cidfile_ids()?);
        let filters = Filter::parse_all(ctx, &self.filter)?;
        let takes_names = self.among_names && !words.is_empty();
        if !takes_names && (!self.filter.is_empty() || self.running || self.all || self.latest) {
            let mut found = Vec::new();
            for container in container::all(ctx)?.into_iter().rev() {
                if self.running || !filters.is_empty() {
                    let status = ctx.store.status(&container.id)?;
                    if self.running && !status.is_running()
                        || !Filter::all_take(&filters, ctx, &container, &status)
                    {
                        continue;
                    }
                }
                found.push(whole(container));
            }
            if self.latest && !found.is_empty() {
                found.truncate(1);
            } else if self.latest {
                bail!("no containers found: no such container");
            }
            return Ok(found);
        }
        let mut chosen = Vec::new();
        for word in words {
            match container::find(ctx, word.trim_start_matches('/')) {
                Ok(container) => {
                    let is_meant = filters.is_empty() || {
                        let status = ctx.store.status(&container.id)?;
                        Filter::all_take(&filters, ctx, &container, &status)
                    };
                    if is_meant {
                        chosen.push(Chosen { word, container });
                    }
                }
                Err(error) if self.ignore && is_missing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(chosen)
    }

    /// Only one way is used to say which are meant.
    pub fn check(&self) -> Result<()> {
        let file = (!self.cidfile.is_empty()).then_some("--cidfile");
        not_with_file(self.all, self.latest, file)?;
        not_both(self.all, self.latest)?;
        if !self.filter.is_empty() {
            if !self.names.is_empty() && !self.among_names {
                bail!("--filter takes no arguments");
            }
            return Ok(());
        }
        if self.running && self.names.is_empty() {
            return Ok(());
        }
        only_one_way(self.all, self.latest, file, &self.names)
    }

    /// The first line of each file; with `--ignore` a file may be missing.
    fn cidfile_ids(&self) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        for path in &self.cidfile {
            match std::fs::read_to_string(path) {
                Ok(text) => ids.push(text.lines().next().unwrap_or_default().to_owned()),
                Err(error) if self.ignore && error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("reading CIDFile: open {}", path.display()));
                }
            }
        }
        Ok(ids)
    }
}

/// What is meant is told by `--all`, `--latest`, an option that names a file with ids, or by names.
pub fn only_one_way(all: bool, latest: bool, file: Option<&str>, names: &[String]) -> Result<()> {
    not_with_file(all, latest, file)?;
    not_both(all, latest)?;
    match (file, names) {
        (None, []) if !all && !latest => bail!("you must provide at least one name or id"),
        (_, []) => Ok(()),
        _ if all => bail!("no arguments are needed with --all"),
        _ if latest => bail!("--latest and containers cannot be used together"),
        (Some(file), _) => bail!("no arguments are needed with --latest or {file}"),
        (None, _) => Ok(()),
    }
}

fn not_with_file(all: bool, latest: bool, file: Option<&str>) -> Result<()> {
    match file {
        Some(file) if all || latest => {
            bail!("--all, --latest, and {file} cannot be used together")
        }
        _ => Ok(()),
    }
}

pub fn not_both(all: bool, latest: bool) -> Result<()> {
    if all && latest {
        bail!("--all and --latest cannot be used together");
    }
    Ok(())
}

/// What [`Selection::each`] does, of containers that are chosen already.
pub fn each(chosen: Vec<Chosen>, act: impl Fn(&Container) -> Result<()>) -> Result<u8> {
    Ok(super::tell_each(chosen, |one| {
        act(&one.container).map(|()| one.word)
    }))
}

/// The one word that a command on one container takes.
pub fn at_most_one<'a>(command: &str, names: &'a [String]) -> Result<Option<&'a str>> {
    match names {
        [] => Ok(None),
        [name] => Ok(Some(name)),
        _ => bail!("`rpod {command}` accepts at most one argument"),
    }
}

/// The container that the one word names, or the latest one: for commands on one container.
pub fn one(ctx: &Context, command: &str, name: Option<&str>, latest: bool) -> Result<Container> {
    match (name, latest) {
        (Some(_), true) => bail!("--latest and containers cannot be used together"),
        (Some(name), false) => container::find(ctx, name.trim_start_matches('/')),
        (None, true) => container::all(ctx)?
            .pop()
            .context("no containers found: no such container"),
        (None, false) => bail!("\"rpod {command}\" requires a name, id, or the \"--latest\" flag"),
    }
}

/// True when a container was looked for in vain.
pub fn is_missing(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(LookupError::NoContainer(_)))
}

/// An error with an exit code of its own.
pub fn with_code(code: u8, error: anyhow::Error) -> anyhow::Error {
    ExitStatus {
        code,
        message: format!("{error:#}"),
    }
    .into()
}
