//! rrunc and rconmon under real podman.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tests::registry::Access;
use tests::stack::Parts;
use tests::trial::Trial;
use tests::{Result, Scratch, Stack, Terminal, ensure, ours, peer, trial};

use crate::pod::find;
use crate::watch;

type Story = fn(&Stack) -> Result<()>;

pub(crate) fn under_podman() -> Vec<Trial> {
    let stories: [(&str, Story); 11] = [
        ("run_and_exit_code", run_and_exit_code),
        ("exec", exec),
        ("logs", logs),
        ("stop_and_start", stop_and_start),
        ("terminal", terminal),
        ("attach", watch::attach),
        ("followed_logs", watch::followed_logs),
        ("logs_since", watch::logs_since),
        ("healthcheck", watch::healthcheck),
        ("stop_with_timeout", watch::stop_with_timeout),
        ("notify", watch::notify),
    ];
    let mut trials = Vec::new();
    for (runtime, monitor) in [
        ("rrunc", "conmon"),
        ("runc", "rconmon"),
        ("rrunc", "rconmon"),
    ] {
        for (name, story) in stories {
            let name = format!("podman::{runtime}+{monitor}::{name}");
            trials.push(trial(name, move || {
                story(&podman(find(runtime)?, monitor)?)
            }));
        }
    }
    trials.push(trial("podman::rrunc_as_crun::no_cgroup", no_cgroup));
    trials
}

/// podman lets only a runtime of crun's name do without cgroups, and tells it as crun is told.
fn no_cgroup() -> Result<()> {
    let scratch = Scratch::new()?;
    let crun = scratch.path("crun");
    symlink(ours("rrunc")?, &crun)?;
    let podman = podman(crun, "conmon")?;
    let own = fs::read_to_string("/proc/self/cgroup")?;
    podman
        .rpod("run --rm --cgroups disabled --cgroupns host alpine cat /proc/self/cgroup")
        .ok()?
        .is(own.trim_end())?;
    podman
        .rpod("run -d --name host --cgroups disabled alpine sleep 600")
        .ok()?;
    podman
        .rpod("exec host sh -c 'ls /sys/fs/cgroup | wc -l'")
        .ok()?;
    podman.rpod("stop -t 0 host").ok()?;
    podman.rpod("rm host").ok()?;
    Ok(())
}

fn podman(runtime: PathBuf, monitor: &str) -> Result<Stack> {
    let parts = Parts {
        engine: peer("podman")?,
        runtime,
        monitor: find(monitor)?,
        pause: peer("catatonit")?,
        copier: peer("skopeo")?,
    };
    let stack = Stack::of(parts, Access::Plain)?;
    stack.pull("alpine:latest")?;
    Ok(stack)
}

fn run_and_exit_code(podman: &Stack) -> Result<()> {
    podman
        .rpod("run --rm alpine sh -c 'echo out; echo err >&2; exit 7'")
        .exits(7)?
        .is("out")?
        .complains("err")?;
    podman
        .rpod("run --rm -i alpine cat")
        .stdin("through\n")
        .ok()?
        .is("through")?;
    podman.rpod("run --rm alpine no-such-program").exits(127)?;
    podman
        .rpod("run --rm --init alpine sh -c 'kill -9 $$'")
        .exits(137)?;
    podman.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}

fn exec(podman: &Stack) -> Result<()> {
    podman.rpod("run -d --name host alpine sleep 600").ok()?;
    podman
        .rpod("exec host sh -c 'echo inside; exit 5'")
        .exits(5)?
        .is("inside")?;
    podman
        .rpod("exec -i -w /etc -e A=b -u guest host sh -c 'pwd; echo $A; id -u; cat'")
        .stdin("in\n")
        .ok()?
        .is("/etc\nb\n405\nin")?;
    podman.rpod("rm -f -t 0 host").ok()?;
    Ok(())
}

fn logs(podman: &Stack) -> Result<()> {
    podman
        .rpod("run --name spoke alpine sh -c 'echo one; printf two; echo three >&2'")
        .ok()?;
    let logs = podman.rpod("logs spoke").ok()?;
    logs.is("one\ntwo")?.complains("three")?;
    podman.rpod("logs --tail 1 spoke").ok()?;
    Ok(())
}

fn stop_and_start(podman: &Stack) -> Result<()> {
    podman
        .rpod(
            "run -d --name polite alpine sh -c 'trap \"exit 4\" TERM; while :; do sleep 0.1; done'",
        )
        .ok()?;
    podman.rpod("stop polite").ok()?;
    podman.rpod("wait polite").ok()?.is("4")?;
    podman.rpod("start polite").ok()?;
    podman.rpod("kill polite").ok()?;
    podman.rpod("wait polite").ok()?.is("137")?;
    podman.rpod("rm polite").ok()?;
    Ok(())
}

fn terminal(podman: &Stack) -> Result<()> {
    let mut shell = Terminal::start(podman.rpod("run --rm -it alpine sh"))?;
    shell.type_in("tty; stty size\n")?;
    shell.expect("/dev/pts/0")?;
    shell.expect("24 80")?;
    shell.resize(50, 132)?;
    shell.type_in("while ! stty size | grep -q 132; do sleep 0.1; done; echo is $(stty size)\n")?;
    shell.expect("is 50 132")?;
    shell.type_in("exit 9\n")?;
    let code = shell.wait()?;
    ensure!(code == 9, "exit code {code} in place of 9");
    Ok(())
}
