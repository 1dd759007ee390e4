//! rrunc under engines that keep a daemon: docker and containerd; and under buildah.

use std::fs;
use std::path::PathBuf;

use tests::daemon::Daemon;
use tests::image::{Image, busybox};
use tests::trial::Trial;
use tests::{Cmd, Result, Scratch, Terminal, ensure, ours, peer, trial};

const IMAGE: &str = "localhost/alpine:latest";

pub(crate) fn under_engines() -> Vec<Trial> {
    vec![
        trial("docker::rrunc", docker),
        trial("containerd::rrunc", containerd),
        trial("buildah::rrunc", buildah),
    ]
}

/// An archive with one image of busybox that docker, containerd and buildah load.
fn archive(scratch: &Scratch) -> Result<PathBuf> {
    let layout = scratch.path("layout");
    Image::alpine()?.write_layout(&layout, "latest")?;
    let archive = scratch.path("alpine.tar");
    Cmd::new(peer("skopeo")?)
        .args(["copy", "-q", "--insecure-policy"])
        .arg(format!("oci:{}:latest", layout.display()))
        .arg(format!("docker-archive:{}:{IMAGE}", archive.display()))
        .ok()?;
    Ok(archive)
}

fn docker() -> Result<()> {
    let client = peer("docker")?;
    // The plug-in that dockerd starts for its containers.
    peer("containerd-shim-runc-v2")?;
    let scratch = Scratch::new()?;
    let archive = archive(&scratch)?;
    let socket = scratch.path("docker.sock");
    let address = format!("unix://{}", socket.display());
    let runtime = format!("rrunc={}", ours("rrunc")?.display());
    let more = ["--add-runtime", &runtime, "--default-runtime", "rrunc"];
    let _daemon = Daemon::docker(scratch, &more.map(str::to_owned))?;
    let docker = |line: &str| Cmd::new(&client).args(["--host", &address]).words(line);

    docker(&format!("load -i {}", archive.display())).ok()?;
    let run = "run --rm --network none";
    docker(&format!(
        "{run} {IMAGE} sh -c 'echo out; echo err >&2; exit 7'"
    ))
    .exits(7)?
    .is("out")?
    .complains("err")?;
    docker(&format!("{run} --init --user 7:8 --read-only {IMAGE} id"))
        .ok()?
        .says("uid=7 gid=8")?;
    docker(&format!("{run} {IMAGE} no-such-program")).exits(127)?;
    let mut shell = Terminal::start(docker(&format!("{run} -it {IMAGE} sh")))?;
    shell.type_in("tty; exit 9\n")?;
    shell.expect("/dev/pts/0")?;
    let code = shell.wait()?;
    ensure!(code == 9, "exit code {code} in place of 9");

    docker(&format!(
        "run -d --name held --network none {IMAGE} sleep 600"
    ))
    .ok()?;
    docker("exec -i -w /etc -e A=b held sh -c 'pwd; echo $A; cat; exit 5'")
        .stdin("in\n")
        .exits(5)?
        .is("/etc\nb\nin")?;
    docker("pause held").ok()?;
    let status = "inspect -f '{{.State.Status}}' held";
    docker(status).ok()?.is("paused")?;
    docker("unpause held").ok()?;
    docker(status).ok()?.is("running")?;
    docker("update --memory 64m --memory-swap 128m --pids-limit 50 held").ok()?;
    docker("stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' held")
        .ok()?
        .says("64MiB 1")?;
    docker("top held").ok()?.says("sleep 600")?;
    docker("kill held").ok()?;
    docker("wait held").ok()?.is("137")?;
    docker("start held").ok()?;
    docker("rm -f held").ok()?;
    docker("ps -aq").ok()?.is("")?;
    Ok(())
}

fn containerd() -> Result<()> {
    let (containerd, client) = (peer("containerd")?, peer("ctr")?);
    let scratch = Scratch::new()?;
    let archive = archive(&scratch)?;
    let socket = scratch.path("containerd.sock");
    let config = format!(
        "version = 2\nroot = \"{0}/root\"\nstate = \"{0}/state\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
         [grpc]\naddress = \"{1}\"\n",
        scratch.path("").display(),
        socket.display()
    );
    let config = scratch.write("config.toml", config)?;
    let command = Cmd::new(containerd).arg("--config").arg(config);
    let id = scratch.id("c");
    let daemon = Daemon::start(scratch, command, &socket)?;
    let ctr = |line: &str| Cmd::new(&client).arg("--address").arg(&socket).words(line);

    ctr(&format!(
        "images import --snapshotter native {}",
        archive.display()
    ))
    .ok()?;
    let runtime = ours("rrunc")?;
    let run = |options: &str, rest: &str| {
        let cgroup = daemon.scratch.id("ctr");
        ctr(&format!(
            "run {options} --snapshotter native --runc-binary {} --cgroup /{cgroup} {IMAGE} {rest}",
            runtime.display()
        ))
    };
    run("--rm", &format!("{id} sh -c 'echo out; exit 7'"))
        .exits(7)?
        .is("out")?;
    run("-d", &format!("{id} sleep 600")).ok()?;
    ctr(&format!(
        "task exec --exec-id e {id} sh -c 'echo in; exit 5'"
    ))
    .exits(5)?
    .is("in")?;
    ctr(&format!("task pause {id}")).ok()?;
    ctr("task ls").ok()?.says("PAUSED")?;
    ctr(&format!("task resume {id}")).ok()?;
    ctr("task ls").ok()?.says("RUNNING")?;
    ctr(&format!("task metrics {id}"))
        .ok()?
        .says("pids.current")?;
    ctr(&format!("task ps {id}")).ok()?.says("PID")?;
    ctr(&format!("task kill -s SIGKILL {id}")).ok()?;
    // It answers with the task's own code.
    ctr(&format!("task rm {id}")).run()?;
    ctr(&format!("containers rm {id}")).ok()?;
    ctr("containers ls -q").ok()?.is("")?;
    Ok(())
}

fn buildah() -> Result<()> {
    let program = peer("buildah")?;
    let scratch = Scratch::new()?;
    let runtime = ours("rrunc")?;
    fs::create_dir(scratch.path("bin"))?;
    fs::copy(busybox()?, scratch.path("bin/busybox"))?;
    let buildah = |line: &str| {
        Cmd::new(&program)
            .env("BUILDAH_ISOLATION", "oci")
            .env("TMPDIR", scratch.path(""))
            .arg("--root")
            .arg(scratch.path("root"))
            .arg("--runroot")
            .arg(scratch.path("runroot"))
            .args(["--storage-driver", "vfs"])
            .words(line)
    };
    let name = buildah("from scratch").ok()?.text().to_owned();
    buildah(&format!(
        "copy {name} {} /bin/busybox",
        scratch.path("bin/busybox").display()
    ))
    .ok()?;
    let options = format!("--runtime {} --network none", runtime.display());
    buildah(&format!(
        "run {options} {name} /bin/busybox sh -c 'echo built > /made; echo out; exit 3'"
    ))
    .exits(3)?
    .is("out")?;
    buildah(&format!("run {options} {name} /bin/busybox cat /made"))
        .ok()?
        .is("built")?;
    buildah(&format!("rm {name}")).ok()?;
    Ok(())
}
