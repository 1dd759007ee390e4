//! Commands on several pods: which ones, and how their errors are told.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::cli::selection::{only_one_way, with_code};
use crate::cli::{ENGINE_ERROR, options, tell};
use crate::engine::Context;
use crate::engine::pod::{self, Failures, record::Pod};
use crate::store::lookup::LookupError;

#[derive(Args, Debug)]
pub struct Selection {
    /// Act on all pods
    #[arg(short, long)]
    pub all: bool,
    /// Act on the latest created pod
    #[arg(short, long)]
    pub latest: bool,
    /// Names or IDs of pods
    #[arg(value_name = "POD")]
    pub pods: Vec<String>,
    /// `--pod-id-file`, of the commands that have it.
    #[arg(skip)]
    pub files: Vec<PathBuf>,
}

impl Selection {
    /// The pods, newest first for `--all`. As in podman nothing is done when one does not exist, unless that is to be `ignored`.
    pub fn find(&self, ctx: &Context, ignored: bool) -> Result<Vec<Pod>> {
        let file = (!self.files.is_empty()).then_some("--pod-id-file");
        only_one_way(self.all, self.latest, file, &self.pods)?;
        if self.all || self.latest {
            let mut all = pod::all(ctx)?;
            all.reverse();
            all.truncate(if self.latest { 1 } else { usize::MAX });
            return Ok(all);
        }
        let mut names = self.pods.clone();
        for file in &self.files {
            names.push(options::read_pod_id(file)?);
        }
        let mut found = Vec::new();
        for name in &names {
            match pod::find(ctx, name) {
                Ok(pod) => found.push(pod),
                Err(error) if is_missing(&error) && ignored => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

/// The pod that the one word names, or the latest one: for commands on one pod.
pub fn one(ctx: &Context, command: &str, name: Option<&str>, latest: bool) -> Result<Pod> {
    match (name, latest) {
        (Some(_), true) => bail!("--latest and pods cannot be used together"),
        (Some(name), false) => pod::find(ctx, name),
        (None, true) => pod::all(ctx)?.pop().context("no pods found: no such pod"),
        (None, false) => bail!("\"rpod {command}\" requires a name, id, or the \"--latest\" flag"),
    }
}

/// Does it to each and prints its id. What fails for a container is told as `DOING container ID: why`.
pub fn each(pods: &[Pod], doing: &str, act: impl Fn(&Pod) -> Result<Failures>) -> Result<u8> {
    each_told(pods, doing, |pod| &pod.id, act)
}

/// The same, but it is their names that are printed, as podman prints them of what it starts or stops.
pub fn each_by_name(
    pods: &[Pod],
    doing: &str,
    act: impl Fn(&Pod) -> Result<Failures>,
) -> Result<u8> {
    each_told(pods, doing, |pod| &pod.name, act)
}

fn each_told(
    pods: &[Pod],
    doing: &str,
    told: fn(&Pod) -> &str,
    act: impl Fn(&Pod) -> Result<Failures>,
) -> Result<u8> {
    let mut code = 0;
    for pod in pods {
        match act(pod) {
            Ok(failures) if failures.is_empty() => println!("{}", told(pod)),
            Ok(failures) => {
                for (id, error) in failures {
                    tell(&error.context(format!("{doing} container {id}")));
                }
                code = ENGINE_ERROR;
            }
            Err(error) => code = tell(&error),
        }
    }
    Ok(code)
}

pub fn is_missing(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(LookupError::NoPod(_)))
}

/// podman-pod-rm(1): 1 when a pod does not exist.
pub fn missing_is_1(error: anyhow::Error) -> anyhow::Error {
    if is_missing(&error) {
        with_code(1, error)
    } else {
        error
    }
}
