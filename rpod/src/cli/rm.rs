//! `rpod rm`: podman-rm(1). Its exit codes: 1, a container did not exist; 2, one was running.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Result, bail};
use clap::Args;

use super::selection::{Chosen, Selection, is_missing, with_code};
use super::stop::Patience;
use super::{ExitStatus, Globals, Verb};
use crate::engine::Context;
use crate::engine::container::dependency::dependents;
use crate::engine::container::record::Container;
use crate::engine::container::restart::EndedBy;
use crate::engine::container::{remove, stop};
use crate::engine::pod;
use crate::engine::volume::attach::remove_anonymous;
use crate::store::Noun;

#[derive(Args, Debug)]
pub struct Rm {
    /// Remove container and all containers that depend on the selected container
    #[arg(long)]
    depend: bool,
    /// Filter output based on conditions given
    #[arg(long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Force removal of a running container
    #[arg(short, long)]
    force: bool,
    /// Ignore errors when a specified container is missing
    #[arg(short, long)]
    ignore: bool,
    #[command(flatten)]
    patience: Patience,
    /// Podman's of old, which does nothing there either
    #[arg(long, hide = true)]
    storage: bool,
    /// Remove anonymous volumes associated with the container
    #[arg(short, long)]
    volumes: bool,
    #[command(flatten)]
    selection: Selection,
}

impl Verb for Rm {
    const NAME: &'static str = "rm";
    const ABOUT: &'static str = "Remove one or more containers";

    fn call(mut self, globals: &Globals) -> Result<u8> {
        let Rm { storage: _, .. } = self;
        self.patience.needs_force(self.force)?;
        let ctx = Context::new(globals)?;
        if self.selection.all {
            remove::sweep(&ctx)?;
            pod::remove::sweep(&ctx)?;
        }
        self.selection.filter = std::mem::take(&mut self.filter);
        if self.force {
            remove_damaged(&ctx, &self.selection)?;
        }
        // What is gone cannot be removed: to --force that is no error.
        self.selection.ignore = self.ignore || self.force;
        let chosen = self.selection.choose(&ctx).map_err(missing)?;
        let how = How {
            depend: self.depend || self.selection.all,
            force: self.force,
            timeout: self.patience.seconds(),
        };
        if self.force && chosen.len() > 1 {
            how.stop_together(&ctx, &chosen)?;
        }
        let words: HashMap<_, _> = chosen
            .iter()
            .map(|one| (one.container.id.clone(), one.word.clone()))
            .collect();
        let mut gone = BTreeSet::new();
        let mut code = 0;
        for Chosen { container, .. } in chosen {
            if gone.contains(&container.id) {
                continue;
            }
            match how.remove(&ctx, &container) {
                Ok(ids) => {
                    for id in ids {
                        println!("{}", words.get(&id).unwrap_or(&id));
                        gone.insert(id);
                    }
                    if self.volumes {
                        remove_anonymous(&ctx, &container)?;
                    }
                    pod::stop::after_exit(&ctx, &container)?;
                }
                Err(error) => code = super::tell(&error),
            }
        }
        Ok(code)
    }
}

/// podman, too, says it in other words here than elsewhere: it has looked in its storage as well.
fn missing(error: anyhow::Error) -> anyhow::Error {
    if !is_missing(&error) {
        return error;
    }
    let message = format!("{error:#}").replacen("with name or ID", "with ID or name", 1);
    ExitStatus { code: 1, message }.into()
}

/// What cannot be read goes by force alone: nobody knows what it was, or who needs it.
fn remove_damaged(ctx: &Context, selection: &Selection) -> Result<()> {
    let words = match selection.all {
        true => ctx.store.ids(Noun::Container)?,
        false => selection.names.clone(),
    };
    for word in words {
        if let Some(id) = ctx.store.find_damaged(Noun::Container, &word)? {
            remove::remove_damaged(ctx, &id)?;
            println!("{word}");
        }
    }
    Ok(())
}

struct How {
    /// What needs a container goes with it.
    depend: bool,
    force: bool,
    timeout: Option<u64>,
}

impl How {
    /// Ends what will go, in the time of the slowest. What keeps one from ending, its removal tells.
    fn stop_together(&self, ctx: &Context, chosen: &[Chosen]) -> Result<()> {
        let mut ending = Vec::new();
        for Chosen { container, .. } in chosen {
            if self.depend || dependents(ctx, &container.id)?.is_empty() {
                ending.push(container);
            }
        }
        stop::stop_all(ctx, &ending, self.timeout, EndedBy::Person, |_, _| {});
        Ok(())
    }

    /// The answer is the ids of all that are gone.
    fn remove(&self, ctx: &Context, container: &Container) -> Result<Vec<String>> {
        // One whose pod was never finished goes like any other.
        if container.infra
            && let Some(pod) = &container.pod
            && ctx.store.record(Noun::Pod, pod).exists()
        {
            return self.remove_pod(ctx, container, pod);
        }
        let active = ctx.store.status(&container.id)?.is_active();
        let removed = if self.depend {
            remove::remove_with_dependents(ctx, container, self.force, self.timeout)
        } else {
            remove::remove(ctx, container, self.force, self.timeout)
                .map(|()| vec![container.id.clone()])
        };
        removed.map_err(|error| {
            if active && !self.force {
                with_code(2, error)
            } else {
                error
            }
        })
    }

    /// A pod goes with its infra container.
    fn remove_pod(&self, ctx: &Context, infra: &Container, pod: &str) -> Result<Vec<String>> {
        if !self.depend {
            bail!(
                "container {} is the infra container of pod {pod} and cannot be removed without removing the pod",
                infra.id
            );
        }
        let pod = pod::load(ctx, pod)?;
        let members = pod::members(ctx, &pod)?;
        pod::remove::remove(ctx, &pod, self.force, self.timeout)?;
        Ok(members.into_iter().map(|member| member.id).collect())
    }
}
