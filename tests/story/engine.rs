//! Containers: pulled, run, looked into, stopped.

use std::fs;
use std::time::{Duration, Instant};

use tests::image::Image;
use tests::{Cmd, Result, Stack, ensure, peer, until};

pub(crate) fn pull_and_list_images() -> Result<()> {
    let stack = Stack::new()?;
    let name = format!("{}/alpine:latest", stack.registry.address);
    let id = Image::alpine()?.config.hex;
    stack.rpod(&format!("pull {name}")).ok()?.says(&id)?;
    let images = stack.rpod("images").ok()?;
    for column in ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"] {
        images.says(column)?;
    }
    images
        .says(format!("{}/alpine", stack.registry.address))?
        .says(&id[..12])?;
    stack.rpod("rmi alpine").ok()?;
    stack.rpod("images -q").ok()?.is("")?;
    Ok(())
}

pub(crate) fn run_detached_exec_logs_ps() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let id = stack.rpod("run -d --name top alpine top -b -d 1").ok()?;
    let id = id.text();
    ensure!(id.len() == 64, "{id:?} is not an id");
    stack.rpod("exec top ps").ok()?.says("top -b")?;
    stack.rpod("exec top sh -c 'exit 5'").exits(5)?;
    let ps = stack.rpod("ps").ok()?;
    for column in [
        "CONTAINER ID",
        "IMAGE",
        "COMMAND",
        "CREATED",
        "STATUS",
        "PORTS",
        "NAMES",
    ] {
        ps.says(column)?;
    }
    ps.says(&id[..12])?.says("Up ")?.says("alpine:latest")?;
    until("top's first lines in its log", || {
        Ok(stack.rpod("logs top").ok()?.stdout.contains("Mem:"))
    })?;
    stack.rpod("rm -f -t 0 top").ok()?;
    stack.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}

pub(crate) fn the_exit_code_is_passed_on() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("run --rm alpine sh -c 'exit 7'").exits(7)?;
    stack.rpod("run --rm alpine true").exits(0)?;
    stack
        .rpod("run --rm --init alpine sh -c 'kill -9 $$'")
        .exits(137)?;
    let both = stack
        .rpod("run --rm alpine sh -c 'echo out; echo err >&2'")
        .ok()?;
    both.is("out")?.complains("err")?;
    stack
        .rpod("run --rm -i alpine cat")
        .stdin("through\n")
        .ok()?
        .is("through")?;
    stack.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}

pub(crate) fn stop_and_remove() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run -d --name deaf alpine sh -c 'trap \"\" TERM; while :; do sleep 1; done'")
        .ok()?;
    stack
        .rpod(
            "run -d --name polite alpine sh -c 'trap \"exit 4\" TERM; while :; do sleep 0.1; done'",
        )
        .ok()?;
    let refused = stack.rpod("rm polite").run()?;
    ensure!(
        refused.code == 2,
        "a running container was removed\n{refused}"
    );
    let begin = Instant::now();
    stack.rpod("stop -t 1 deaf").ok()?;
    ensure!(
        begin.elapsed() >= Duration::from_secs(1),
        "killed before its time"
    );
    stack.rpod("stop polite").ok()?;
    stack
        .rpod("inspect --format {{.State.ExitCode}} deaf")
        .ok()?
        .is("137")?;
    stack
        .rpod("inspect --format {{.State.ExitCode}} polite")
        .ok()?
        .is("4")?;
    stack
        .rpod("ps -a")
        .ok()?
        .says("Exited (4)")?
        .says("Exited (137)")?;
    stack.rpod("start polite").ok()?;
    stack.rpod("kill -s KILL polite").ok()?;
    stack.rpod("wait polite").ok()?.is("137")?;
    stack.rpod("rm deaf polite").ok()?;
    stack.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}

pub(crate) fn several_have_their_time_at_once() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for name in ["one", "two"] {
        stack
            .rpod(&format!("run -d --name {name} alpine sleep 600"))
            .ok()?;
    }
    stack
        .rpod("stop -t 3 one two one")
        .ok()?
        .is("one\ntwo\none")?;
    let finished = |name| {
        stack
            .rpod(&format!(
                "ps -a --filter name={name} --format {{{{.ExitedAt}}}}"
            ))
            .ok()
    };
    let (one, two): (i64, i64) = (
        finished("one")?.text().parse()?,
        finished("two")?.text().parse()?,
    );
    ensure!(two - one < 3, "one was over before the other's time began");
    stack.rpod("start one two").ok()?;
    stack
        .rpod("create --name guest --network container:one alpine")
        .ok()?;
    // What cannot go is not ended.
    stack
        .rpod("rm -f -t 0 one two")
        .exits(125)?
        .is("two")?
        .complains("has dependent containers")?;
    stack.rpod("ps --format {{.Names}}").ok()?.is("one")?;
    Ok(())
}

pub(crate) fn create_start_wait_logs() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("create --name later alpine sh -c 'echo one; echo two >&2; exit 6'")
        .ok()?;
    stack.rpod("ps -a").ok()?.says("Created")?;
    stack.rpod("start later").ok()?.is("later")?;
    stack.rpod("wait later").ok()?.is("6")?;
    stack.rpod("logs later").ok()?.is("one")?.complains("two")?;
    stack.rpod("start -a later").exits(6)?.is("one")?;
    Ok(())
}

pub(crate) fn volumes_and_environment() -> Result<()> {
    let stack = Stack::with_alpine()?;
    fs::create_dir(stack.scratch.path("shared"))?;
    let shared = stack.scratch.write("shared/in", "from the host\n")?;
    let shared = shared.parent().unwrap_or(&shared).display();
    let script = "cat /data/in; echo $COLOUR; pwd; id -u; echo back > /data/out";
    let run = format!("run --rm -v {shared}:/data -e COLOUR=blue -w /etc alpine sh -c '{script}'");
    stack.rpod(&run).ok()?.is("from the host\nblue\n/etc\n0")?;
    ensure!(fs::read_to_string(stack.scratch.path("shared/out"))? == "back\n");
    let refused = stack
        .rpod(&format!(
            "run --rm -v {shared}:/data:ro alpine touch /data/x"
        ))
        .exits(1)?;
    refused.complains("Read-only")?;
    stack
        .rpod("run --rm -u guest --hostname box alpine sh -c 'id -u; hostname'")
        .ok()?
        .is("405\nbox")?;
    Ok(())
}

pub(crate) fn privileged_with_the_host_mounted() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let mark = stack.scratch.path("mark");
    stack
        .rpod(&format!(
            "run --rm --privileged -v /:/host alpine touch /host{}",
            mark.display()
        ))
        .ok()?;
    ensure!(mark.exists(), "{} was not made", mark.display());
    Ok(())
}

pub(crate) fn a_missing_program_is_127() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --rm alpine no-such-program")
        .exits(127)?
        .complains("no-such-program")?;
    stack.rpod("run --rm alpine /etc/motd").exits(126)?;
    stack.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}

pub(crate) fn errors_name_the_container() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("logs nobody")
        .exits(125)?
        .complains("Error: no container with name or ID \"nobody\" found: no such container")?;
    stack
        .rpod("run --no-such-option alpine")
        .exits(125)?
        .complains("--no-such-option")?;
    stack
        .rpod("run --rm no/such:image")
        .exits(125)?
        .complains("no/such:image")?;
    stack.rpod("create --name twice alpine").ok()?;
    stack
        .rpod("create --name twice alpine")
        .exits(125)?
        .complains("\"twice\" is already in use")?;
    Ok(())
}

/// The store's `images/` is an OCI layout like any other.
pub(crate) fn skopeo_puts_an_image_into_the_store() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let images = stack.root().join("images");
    let skopeo = Cmd::new(peer("skopeo")?);
    let copy = format!(
        "copy --src-tls-verify=false {} oci:{}:localhost/theirs:24",
        stack.remote("fedora:24"),
        images.display()
    );
    skopeo.words(&copy).ok()?;
    stack
        .rpod("run --rm localhost/theirs:24 cat /etc/os-release")
        .ok()?
        .says("ID=fedora")?;
    Ok(())
}

pub(crate) fn an_image_is_saved_and_loaded() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let name = format!("{}/alpine:latest", stack.registry.address);
    for format in ["docker-archive", "oci-archive", "oci-dir"] {
        stack
            .rpod(&format!("save --format {format} -o {format}.tar {name}"))
            .ok()?;
        stack.rpod("rmi alpine").ok()?;
        stack
            .rpod(&format!("load -i {format}.tar"))
            .ok()?
            .says(&name)?;
        stack
            .rpod("run --rm --pull never alpine echo again")
            .ok()?
            .is("again")?;
    }
    Ok(())
}

pub(crate) fn several_images_in_one_archive() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.pull("fedora:24")?;
    let fedora = stack.rpod("images -q --no-trunc fedora").ok()?;
    let fedora = fedora.text().trim_start_matches("sha256:");
    stack
        .rpod(&format!("save -q -m -o both.tar alpine {fedora}"))
        .ok()?;
    stack.rpod("rmi -a").ok()?;
    stack
        .rpod("pull -q docker-archive:both.tar")
        .exits(125)?
        .complains("expected 1 item, got 2")?;
    stack
        .rpod("pull -q docker-archive:both.tar:@1")
        .ok()?
        .is(fedora)?;
    stack.rpod("rmi -a").ok()?;
    let archive = fs::read(stack.scratch.path("both.tar"))?;
    stack
        .rpod("load -q")
        .stdin(archive)
        .ok()?
        .says("/alpine:latest")?
        .says(format!("Loaded image: sha256:{fedora}"))?;
    stack
        .rpod(&format!("run --rm {fedora} cat /etc/os-release"))
        .ok()?
        .says("ID=fedora")?;
    Ok(())
}
