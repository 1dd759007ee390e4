//! Pods as they are made, copied and broken: init containers, clones, names of members, a killed infra container.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::{Result, Stack, ensure, until};

fn statuses(stack: &Stack) -> Result<String> {
    let line = "ps -a --format '{{.Names}}: {{.Status}}'";
    Ok(stack.rpod(line).ok()?.stdout)
}

pub(crate) fn init_containers_run_before_the_others() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("create --init-ctr always alpine true")
        .exits(125)?
        .complains("must specify pod value with init-ctr")?;
    stack
        .rpod("pod create --name school -v notes:/notes")
        .ok()?;
    stack
        .rpod("create --init-ctr sometimes --pod school alpine true")
        .exits(125)?
        .complains("init-ctr value must be 'always' or 'once'")?;
    for (name, kind) in [("first", "once"), ("second", "always")] {
        stack
            .rpod(&format!(
                "create --name {name} --init-ctr {kind} --pod school alpine sh -c 'echo {name} >>/notes/order'"
            ))
            .ok()?;
    }
    stack
        .rpod("create --name main --pod school alpine sh -c 'echo main >>/notes/order; sleep 600'")
        .ok()?;
    stack.rpod("pod start school").ok()?;
    let read = "exec main cat /notes/order";
    until("the last to start", || {
        Ok(stack.rpod(read).ok()?.text() == "first\nsecond\nmain")
    })?;
    let all = statuses(&stack)?;
    ensure!(
        !all.contains("first") && all.contains("second: Exited (0)"),
        "{all}"
    );
    stack.rpod("pod ps").ok()?.says("Running")?;
    stack
        .rpod("create --init-ctr once --pod school alpine true")
        .exits(125)?
        .complains("cannot add init-ctr to a running pod")?;
    stack.rpod("pod stop -t 0 school").ok()?;
    stack.rpod("pod start school").ok()?;
    until("the second life", || {
        Ok(stack.rpod(read).ok()?.text() == "first\nsecond\nmain\nsecond\nmain")
    })?;
    stack.rpod("pod stop -t 0 school").ok()?;
    stack
        .rpod("create --name strict --init-ctr once --pod school alpine sh -c 'exit 3'")
        .ok()?;
    stack
        .rpod("pod start school")
        .exits(125)?
        .complains("exited with code 3")?;
    let all = statuses(&stack)?;
    ensure!(
        all.contains("main: Exited") && all.contains("strict: Exited (3)"),
        "{all}"
    );
    stack.rpod("pod rm -f -t 0 school").ok()?;
    stack.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}

pub(crate) fn a_pod_is_cloned() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("pod create --name sheep --network none --label field=green --memory 300m")
        .ok()?;
    stack
        .rpod("create --name wool --pod sheep alpine sleep 600")
        .ok()?;
    stack
        .rpod("create --name bell --pod sheep --requires wool -v /own alpine sleep 600")
        .ok()?;
    stack
        .rpod("pod clone --start --cpus 1.5 sheep dolly")
        .ok()?;
    let all = statuses(&stack)?;
    ensure!(
        all.contains("wool-clone: Up")
            && all.contains("bell-clone: Up")
            && all.contains("wool: Created"),
        "{all}"
    );
    stack.rpod("exec bell-clone hostname").ok()?.is("dolly")?;
    let asked = "{{.memory_limit}} {{.cpu_quota}} {{.Labels.field}}";
    stack
        .rpod("pod inspect dolly --format")
        .arg(asked)
        .ok()?
        .is("314572800 150000 green")?;
    let net = "readlink /proc/self/ns/net";
    let one = stack.rpod(&format!("exec wool-clone {net}")).ok()?;
    stack
        .rpod(&format!("exec bell-clone {net}"))
        .ok()?
        .is(one.text())?;
    // A volume of one container alone is not its copy's.
    let volumes = stack.rpod("volume ls -q").ok()?;
    ensure!(volumes.stdout.lines().count() == 2, "{volumes}");
    stack.rpod("pod clone sheep").ok()?;
    stack.rpod("pod clone sheep").ok()?;
    stack
        .rpod("pod ps")
        .ok()?
        .says("sheep-clone ")?
        .says("sheep-clone1 ")?;
    stack.rpod("pod clone --destroy sheep --name heir").ok()?;
    stack.rpod("pod exists sheep").exits(1)?;
    stack.rpod("pod exists heir").ok()?;
    stack.rpod("pod rm -f -t 0 -a").ok()?;
    stack.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}

pub(crate) fn members_are_in_the_hosts_file_while_they_run() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .scratch
        .write("base", "10.1.2.3 printer # upstairs\n")?;
    let base = stack.scratch.path("base");
    stack
        .rpod(&format!(
            "pod create --name home --network none --add-host 'db;sql:10.0.0.9' --hosts-file {}",
            base.display()
        ))
        .ok()?;
    for name in ["cat", "dog"] {
        stack
            .rpod(&format!("run -d --pod home --name {name} alpine sleep 600"))
            .ok()?;
    }
    let hosts = stack.rpod("exec cat cat /etc/hosts").ok()?;
    hosts
        .says("10.0.0.9\tdb sql")?
        .says("10.1.2.3\tprinter\n")?
        .says("127.0.0.1\tcat\n")?
        .says("127.0.0.1\tdog\n")?;
    stack.rpod("rm -f -t 0 dog").ok()?;
    let hosts = stack.rpod("exec cat cat /etc/hosts").ok()?;
    ensure!(!hosts.stdout.contains("dog"), "{hosts}");
    stack
        .rpod("run --rm --pod home --no-hosts --no-hostname alpine cat /etc/hosts /etc/hostname")
        .exits(1)?;
    stack.rpod("pod rm -f -t 0 home").ok()?;
    Ok(())
}

/// As in podman: the others live on, and a restart policy does not make a new infra container for one of them alone.
pub(crate) fn a_pod_whose_infra_container_ended_is_degraded() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("pod create --name headless --network none")
        .ok()?;
    stack
        .rpod("run -d --pod headless --name stays alpine sleep 600")
        .ok()?;
    stack
        .rpod("run -d --pod headless --name comes --restart always alpine sleep 600")
        .ok()?;
    let infra = stack
        .rpod("pod inspect headless --format {{.InfraContainerID}}")
        .ok()?;
    let kill_first_of = |name: &str| -> Result<()> {
        let line = format!("inspect --format {{{{.State.Pid}}}} {name}");
        let mut pid = 0;
        // 0 while it is between two runs, which is no process to be killed.
        until("a process", || {
            pid = stack.rpod(&line).ok()?.text().parse()?;
            Ok(pid > 1)
        })?;
        Ok(kill(Pid::from_raw(pid), Signal::SIGKILL)?)
    };
    kill_first_of("comes")?;
    until("the policy", || {
        let restarts = stack.rpod("pod ps --format {{.Restarts}}").ok()?;
        Ok(restarts.text() == "1" && statuses(&stack)?.contains("comes: Up"))
    })?;
    kill_first_of(infra.text())?;
    stack.rpod(&format!("wait {}", infra.text())).ok()?;
    kill_first_of("comes")?;
    stack.rpod("wait comes").ok()?;
    until("the policy to give up", || {
        Ok(statuses(&stack)?.contains("comes: Exited"))
    })?;
    let all = statuses(&stack)?;
    ensure!(
        all.contains("stays: Up") && all.contains("-infra: Exited"),
        "{all}"
    );
    stack.rpod("pod ps").ok()?.says("Degraded")?;
    stack.rpod("pod start headless").ok()?;
    stack.rpod("pod ps").ok()?.says("Running")?;
    stack.rpod("pod rm -f -t 0 headless").ok()?;
    Ok(())
}

pub(crate) fn pods_and_their_containers() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let own = stack
        .rpod("run --rm --no-hostname alpine sh -c")
        .arg("cat /etc/hostname || true")
        .ok()?
        .text()
        .to_owned();
    stack.rpod("pod create --no-hostname --name bare").ok()?;
    stack
        .rpod("run --rm --pod bare alpine sh -c")
        .arg("cat /etc/hostname || true")
        .ok()?
        .is(&own)?;
    stack.rpod("run -d --pod bare alpine sleep 600").ok()?;
    stack.rpod("pod kill bare").ok()?;
    stack.rpod("ps -q").ok()?.is("")?;
    stack.rpod("pod rm -f -t 0 bare").ok()?;
    Ok(())
}

pub(crate) fn a_pod_is_paused() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("pod create --name still --network none").ok()?;
    stack
        .rpod("run -d --pod still --name member alpine sh -c 'trap \"exit 5\" TERM; while :; do sleep 0.05; done'")
        .ok()?;
    stack.rpod("pod pause still").ok()?;
    stack.rpod("pod ps").ok()?.says("Paused")?;
    stack.rpod("ps -q").ok()?.is("")?;
    stack
        .rpod("inspect --format '{{.State.Status}} {{.State.Paused}} {{.State.Running}}' member")
        .ok()?
        .is("paused true false")?;
    stack.rpod("rm member").exits(2)?.complains(
        "as it is paused - running or paused containers cannot be removed without force",
    )?;
    stack.rpod("exec member true").exits(255)?;
    stack
        .rpod("stop member")
        .exits(125)?
        .complains("is running or paused, refusing to clean up: container state improper")?;
    stack
        .rpod("pause member")
        .exits(125)?
        .complains("is already paused: container state improper")?;
    stack.rpod("pod unpause still").ok()?;
    stack.rpod("pod ps").ok()?.says("Running")?;
    stack.rpod("pause member").ok()?.is("member")?;
    stack.rpod("pod ps").ok()?.says("Degraded")?;
    stack.rpod("unpause member").ok()?.is("member")?;
    stack.rpod("pod stop still").ok()?;
    stack
        .rpod("inspect --format {{.State.ExitCode}} member")
        .ok()?
        .is("5")?;
    stack.rpod("pod start still").ok()?;
    stack.rpod("pod pause still").ok()?;
    stack.rpod("pod rm still").exits(125)?;
    stack.rpod("pod rm -f still").ok()?;
    stack.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}

pub(crate) fn a_pods_containers_are_started_again() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("pod create --name tough --network none --restart on-failure:2")
        .ok()?;
    stack
        .rpod("run -d --pod tough --name falls alpine sh -c 'echo up; exit 3'")
        .ok()?;
    until("the container to be started twice more", || {
        Ok(stack.rpod("logs falls").ok()?.stdout.matches("up").count() == 3)
    })?;
    stack
        .rpod("pod inspect --format {{.RestartPolicy}} tough")
        .ok()?
        .is("on-failure")?;
    stack.rpod("pod stop -t 0 tough").ok()?;
    stack.rpod("pod rm tough").ok()?;
    Ok(())
}
