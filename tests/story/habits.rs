//! What a user's fingers expect of podman, found by its own system tests.

use nix::sys::signal::Signal;
use tests::{Result, Stack, ensure, until};

/// Every byte of a file arrives, those of the detach keys among them.
pub(crate) fn a_file_is_no_keyboard() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let bytes: Vec<u8> = [b"\x10\x11".as_slice(), &[b'x'; 200_000]].concat();
    stack
        .rpod("run -i --name taken alpine wc -c")
        .stdin(bytes.clone())
        .ok()?
        .is("200002")?;
    stack.rpod("run -d --name host alpine sleep 600").ok()?;
    stack
        .rpod("exec -i host wc -c")
        .stdin(bytes)
        .ok()?
        .is("200002")?;
    Ok(())
}

pub(crate) fn a_start_that_fails_has_its_own_codes() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --name lost --workdir /not/there alpine true")
        .exits(126)?
        .complains("workdir \"/not/there\" does not exist on container")?;
    stack
        .rpod("run --rm --workdir /new -v /etc:/new/etc alpine pwd")
        .ok()?
        .is("/new")?;
    stack
        .rpod("run --timeout 1 --name late alpine sleep 60")
        .exits(255)?;
    stack
        .rpod("inspect --format {{.State.ExitCode}} late")
        .ok()?
        .is("-1")?;
    stack.rpod("run -d --name host alpine sleep 600").ok()?;
    stack.rpod("exec -d host nothing").exits(125)?;
    stack.rpod("exec host nothing").exits(127)?;
    Ok(())
}

pub(crate) fn stopping_is_seen() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run -d --name deaf alpine")
        .args(["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"])
        .ok()?;
    let stop = stack.rpod("stop --timeout 60 deaf").start()?;
    let state = || stack.rpod("inspect --format {{.State.Status}} deaf").ok();
    until("it is stopping", || Ok(state()?.text() == "stopping"))?;
    stack
        .rpod("ps --format {{.State}}={{.Status}}")
        .ok()?
        .is("stopping=Stopping")?;
    stop.signal(Signal::SIGKILL)?;
    stack.rpod("kill deaf").ok()?;
    stack.rpod("wait deaf").ok()?.is("137")?;
    state()?.is("exited")?;
    // Nothing of it is left for the next run.
    stack.rpod("start deaf").ok()?;
    state()?.is("running")?;
    stack.rpod("rm -f -t 0 deaf").ok()?;
    Ok(())
}

pub(crate) fn images_are_taken_by_name_and_by_file() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("tag alpine localhost/mine/own:1").ok()?;
    stack
        .rpod("create --name /own localhost/mine/own:1 true")
        .ok()?;
    stack
        .rpod("inspect --format {{.ImageName}} own")
        .ok()?
        .is("localhost/mine/own:1")?;
    stack.rpod("rm --storage own").ok()?;
    for (format, transport) in [
        ("docker-archive", "docker-archive"),
        ("oci-archive", "oci-archive"),
        ("oci-dir", "oci"),
    ] {
        let place = stack.scratch.path(format);
        let place = place.display();
        stack
            .rpod(&format!("save -q --format {format} -o {place} alpine"))
            .ok()?;
        stack.rpod("rmi -a -f").ok()?;
        stack
            .rpod(&format!("run --rm {transport}:{place} echo from a file"))
            .ok()?
            .says("from a file")?;
        let id = stack.rpod("images -q").ok()?;
        stack.rpod(&format!("tag {} alpine", id.text())).ok()?;
    }
    Ok(())
}

pub(crate) fn small_things() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --rm --net host -p 8080 alpine true")
        .ok()?
        .complains("because \"host\" network namespace mode does not support them")?;
    stack
        .rpod("run --rm --group-add 3,4 alpine id -G")
        .ok()?
        .says("3 4")?;
    stack
        .rpod("create --name made --log-opt max-size=8000 --ulimit core=-1:-1 alpine true")
        .ok()?;
    stack
        .rpod("inspect --format {{.HostConfig.LogConfig.Size}} made")
        .ok()?
        .is("8kB")?;
    let id = stack.rpod("ps -aq --no-trunc").ok()?.text().to_uppercase();
    stack
        .rpod(&format!(
            "ps -a --format {{{{.Names}}}} --filter id={}",
            &id[..2]
        ))
        .ok()?
        .is("made")?;
    stack
        .rpod("ps -a --format {{.Names}} --filter name=^/made$")
        .ok()?
        .is("made")?;
    stack
        .rpod("create --name other --net container:made alpine true")
        .ok()?;
    let gone = stack.rpod("rm --depend made").ok()?;
    ensure!(gone.text().lines().count() == 2, "{}", gone.text());
    stack
        .rpod("run -d --name talks alpine")
        .args(["sh", "-c", "while :; do echo word; sleep 0.1; done"])
        .ok()?;
    stack
        .rpod("logs --until 1s -f talks")
        .ok()?
        .says("word\nword")?;
    stack.rpod("logs --since -9s talks").ok()?.is("")?;
    stack.rpod("start --all").ok()?.is("")?;
    stack.rpod("start --filter name=other talks").ok()?.is("")?;
    stack
        .rpod("container inspect gone")
        .exits(125)?
        .complains("no such container \"gone\"")?;
    Ok(())
}

pub(crate) fn copies_land_where_they_are_seen() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let here = stack.scratch.write("here", "one")?;
    let here = here.display();
    stack
        .rpod("run -d --name host --workdir /etc alpine sleep 600")
        .ok()?;
    let link = "ln -s /tmp/far /tmp/link; mkfifo /tmp/pipe";
    stack.rpod("exec host sh -c").arg(link).ok()?;
    for target in [".", "./", "named", "/tmp/link"] {
        stack.rpod(&format!("cp {here} host:{target}")).ok()?;
    }
    stack
        .rpod("exec host cat /etc/here /etc/named /tmp/far")
        .ok()?
        .is("oneoneone")?;
    for target in ["host:/dev/null", "host:/tmp/pipe"] {
        stack
            .rpod(&format!("cp {here} {target}"))
            .exits(125)?
            .complains("must be a directory or a regular file")?;
    }
    // What is no file of the host's stays what it is.
    let pipe = stack.scratch.path("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU)?;
    for target in ["/dev/stdout".to_owned(), pipe.display().to_string()] {
        stack
            .rpod(&format!("cp host:/etc/here {target}"))
            .exits(125)?
            .complains("invalid destination")?;
    }
    ensure!(
        std::fs::symlink_metadata("/dev/stdout")?.is_symlink(),
        "/dev/stdout is gone"
    );
    Ok(())
}

pub(crate) fn an_ipc_namespace_is_shared_or_not() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let mode = |name: &str| {
        stack
            .rpod("inspect --format {{.HostConfig.IpcMode}}")
            .arg(name)
            .ok()
    };
    for kind in ["private", "none", "shareable", "host"] {
        stack
            .rpod(&format!(
                "run -d --name {kind} --ipc {kind} alpine sleep 600"
            ))
            .ok()?;
        mode(kind)?.is(kind)?;
        let joined = stack.rpod(&format!("run --rm --ipc container:{kind} alpine true"));
        match kind {
            "private" | "none" => joined.exits(125)?.complains("non-shareable IPC")?,
            _ => &joined.ok()?,
        };
    }
    stack.rpod("exec none ls /dev/shm").exits(1)?;
    stack.rpod("exec private ls /dev/shm").ok()?;
    Ok(())
}

pub(crate) fn more_small_things() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("create --name own --security-opt label=disable --ulimit host --mount type=image,src=alpine,dst=/i --health-cmd true --health-interval 45s alpine sleep 600")
        .ok()?;
    let shown = "{{(index .Mounts 0).Type}} {{(index .Mounts 0).RW}} {{.HostConfig.SecurityOpt}} {{.Config.Healthcheck.Interval}} {{.Config.StartupHealthCheck}}";
    stack
        .rpod("inspect own --format")
        .arg(shown)
        .ok()?
        .is("image false [label=disable] 45s <nil>")?;
    stack.rpod("create --name bare alpine true").ok()?;
    stack
        .rpod("update --health-retries 3 bare")
        .exits(125)?
        .complains("healthcheck command is not set")?;
    stack
        .rpod("update --device-read-bps /dev/zero:1m bare")
        .exits(125)?
        .complains("/dev/zero: not a block device")?;
    stack
        .rpod("create --ulimit core=-1:1000 alpine")
        .exits(125)?
        .complains("soft: -1 (unlimited), hard: 1000")?;
    stack
        .rpod("kill -s 65 bare")
        .exits(125)?
        .complains("valid signals are 1 through 64")?;
    stack.rpod("image umount alpine").ok()?.is("")?;
    stack
        .rpod("events --since soon")
        .exits(125)?
        .complains("failed to parse event filters")?;
    stack
        .rpod("run --rm --log-driver passthrough alpine sh -c")
        .arg("echo straight; exit 4")
        .exits(4)?
        .is("straight")?;
    stack
        .rpod("run -d --name always --restart always alpine sleep 600")
        .ok()?;
    stack.rpod("stop -t 0 always").ok()?;
    stack
        .rpod("inspect --format {{.State.StoppedByUser}} always")
        .ok()?
        .is("true")?;
    let told = stack.rpod("run --rm -it alpine echo said").stdin("").ok()?;
    told.complains("The input device is not a TTY")?;
    Ok(())
}
