//! `update`: other limits for a container that is there.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use nix::unistd::Pid;

use crate::cgroup::Manager;
use crate::cli::{Limits, Update};
use crate::container::{Container, Root, State, Status};
use crate::log::Log;
use crate::resctrl::Group;
use crate::spec::{self, BlockIo, Cpu, IntelRdt, Memory, Pids, Resources};

/// # Errors
/// The container does not run, or a limit is refused.
pub(super) fn run(root: &Root, options: &Update, log: &Log) -> Result<ExitCode> {
    let container = root.find_locked(&options.id)?;
    let mut state = container.state()?;
    ensure!(
        container.status(&state)? != Status::Stopped,
        "container not running"
    );
    ensure!(
        !state.cgroup_paths.is_empty(),
        "container has no cgroup to limit: set linux.cgroupsPath"
    );
    let resources = match &options.resources {
        Some(path) => read(path)?,
        None => of_options(&options.limits, log)?,
    };
    Manager::from_paths(state.cgroup_paths.clone()).update(&resources)?;
    share_caches(&container, &mut state, &options.limits)?;
    Ok(ExitCode::SUCCESS)
}

/// A container without a class of service gets one of its own.
fn share_caches(container: &Container, state: &mut State, limits: &Limits) -> Result<()> {
    let wanted = IntelRdt {
        l3_cache_schema: limits.l3_cache_schema.clone(),
        mem_bw_schema: limits.mem_bw_schema.clone(),
        ..IntelRdt::default()
    };
    if wanted.l3_cache_schema.is_none() && wanted.mem_bw_schema.is_none() {
        return Ok(());
    }
    if let Some(group) = &state.resctrl {
        return group.change(&wanted);
    }
    let group = Group::plan(&wanted, &state.id)?;
    state.resctrl = Some(group.clone());
    container.save(state)?;
    group.make(&wanted)?;
    let pids = Manager::from_paths(state.cgroup_paths.clone()).pids()?;
    pids.into_iter()
        .try_for_each(|pid| group.enter(Pid::from_raw(pid)))
}

/// Devices are not changed by an update, as by runc's: what an engine's
/// plug-in allowed since would be taken back.
fn read(path: &Path) -> Result<Resources> {
    let mut text = Vec::new();
    match path == Path::new("-") {
        true => std::io::stdin().read_to_end(&mut text).map(drop),
        false => fs::read(path).map(|read| text = read),
    }
    .with_context(|| format!("--resources {}", path.display()))?;
    spec::parse_resources(&text).with_context(|| format!("--resources {}", path.display()))
}

fn of_options(limits: &Limits, log: &Log) -> Result<Resources> {
    if limits.kernel_memory.is_some() || limits.kernel_memory_tcp.is_some() {
        log.warn("Kernel memory settings are ignored and will be removed");
    }
    Ok(Resources {
        memory: Some(Memory {
            limit: limits.memory,
            reservation: limits.memory_reservation,
            swap: limits.memory_swap,
            ..Memory::default()
        }),
        cpu: Some(Cpu {
            shares: limits.cpu_share,
            quota: limits.cpu_quota,
            burst: limits.cpu_burst,
            period: limits.cpu_period,
            realtime_runtime: limits.cpu_rt_runtime,
            realtime_period: limits.cpu_rt_period,
            cpus: limits.cpuset_cpus.clone(),
            mems: limits.cpuset_mems.clone(),
            idle: limits.cpu_idle,
        }),
        pids: Some(Pids {
            limit: limits.pids_limit,
        }),
        block_io: Some(BlockIo {
            weight: limits.blkio_weight.filter(|weight| *weight != 0),
            ..BlockIo::default()
        }),
        ..Resources::default()
    })
}
