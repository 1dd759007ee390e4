//! The pod story under rpod, with {rrunc, crun, runc} × {rconmon, conmon} × {rpause, catatonit}, and images copied by
//! {rskopeo, skopeo}.

use std::fs;
use std::path::PathBuf;

use tests::registry::Access;
use tests::stack::Parts;
use tests::trial::Trial;
use tests::{Result, Stack, ensure, ours, peer, skip, trial};

pub(crate) fn matrix() -> Vec<Trial> {
    let mut trials = Vec::new();
    for runtime in ["rrunc", "crun", "runc"] {
        for monitor in ["rconmon", "conmon"] {
            for pause in ["rpause", "catatonit"] {
                let name = format!("pod::{runtime}+{monitor}+{pause}");
                trials.push(trial(name, move || pod_story(runtime, monitor, pause)));
            }
        }
    }
    for copier in ["rskopeo", "skopeo"] {
        trials.push(trial(format!("image::{copier}"), move || {
            copied_image_runs(copier)
        }));
    }
    trials
}

fn pod_story(runtime: &str, monitor: &str, pause: &str) -> Result<()> {
    let parts = Parts {
        runtime: find(runtime)?,
        monitor: find(monitor)?,
        pause: find(pause)?,
        ..Parts::ours()?
    };
    refuse_hybrid_cgroups(runtime)?;
    let stack = Stack::of(parts, Access::Plain)?;
    stack.pull("alpine:latest")?;
    stack
        .rpod("pod create --name podtest --network none")
        .ok()?;
    stack
        .rpod("create --pod podtest --name one alpine sh -c 'echo started; exec sleep 600'")
        .ok()?;
    stack
        .rpod("create --pod podtest --name two alpine sh -c 'exit 3'")
        .ok()?;
    stack.rpod("pod start podtest").ok()?;
    stack.rpod("wait two").ok()?.is("3")?;
    let infra = stack.rpod("ps -ap").ok()?;
    infra.says("-infra")?.says("podtest")?;
    stack
        .rpod("exec one sh -c 'readlink /proc/self/ns/net; exit 4'")
        .exits(4)?
        .says("net:[")?;
    stack.rpod("logs one").ok()?.is("started")?;
    stack
        .rpod("run --rm --pod podtest alpine sh -c 'exit 7'")
        .exits(7)?;
    let pid = stack
        .rpod("inspect --format {{.State.ConmonPid}} one")
        .ok()?;
    let monitor_runs = fs::read_link(format!("/proc/{}/exe", pid.text()))?;
    ensure!(
        monitor_runs.ends_with(monitor),
        "{} is the monitor",
        monitor_runs.display()
    );
    stack.rpod("pod stop -t 1 podtest").ok()?;
    stack.rpod("pod rm podtest").ok()?;
    stack.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}

fn copied_image_runs(copier: &str) -> Result<()> {
    let parts = Parts {
        copier: find(copier)?,
        ..Parts::ours()?
    };
    let stack = Stack::of(parts, Access::Plain)?;
    fs::create_dir_all(stack.root())?;
    let images = stack.root().join("images");
    let copy = format!(
        "copy {} oci:{}:localhost/copied:24",
        stack.remote("fedora:24"),
        images.display()
    );
    stack.rskopeo(&copy).ok()?;
    stack
        .rpod("run --rm localhost/copied:24 cat new /etc/os-release")
        .ok()?
        .says("new")?
        .says("ID=fedora")?;
    Ok(())
}

pub(crate) fn find(name: &str) -> Result<PathBuf> {
    if name.starts_with('r') && name != "runc" {
        ours(name)
    } else {
        peer(name)
    }
}

/// crun before 1.9 refuses a host whose cgroup v2 tree has controllers beside those of v1.
fn refuse_hybrid_cgroups(runtime: &str) -> Result<()> {
    let controllers =
        fs::read_to_string("/sys/fs/cgroup/unified/cgroup.controllers").unwrap_or_default();
    if runtime == "crun" && !controllers.trim().is_empty() {
        return skip(format!(
            "crun refuses hybrid cgroups with the v2 controller {}",
            controllers.trim()
        ));
    }
    Ok(())
}
