//! Volumes: filled, shared, carried away, removed.

use tests::{Result, Stack, ensure};

pub(crate) fn a_volume_outlives_its_containers() -> Result<()> {
    let stack = Stack::with_alpine()?;
    // It is filled with what the image has there, once.
    stack
        .rpod("run --rm -v data:/etc alpine sh -c 'echo kept > /etc/new; rm /etc/passwd'")
        .ok()?;
    stack
        .rpod("run --rm -v data:/etc:ro alpine ls /etc")
        .ok()?
        .says("new")?
        .hides("passwd")?;
    stack
        .rpod("run --rm -v data:/data:ro alpine touch /data/x")
        .exits(1)?
        .complains("Read-only file system")?;
    stack.rpod("create --name user -v data:/data alpine").ok()?;
    stack
        .rpod("volume rm data")
        .exits(2)?
        .complains("volume data is being used by the following container(s)")?;
    stack.rpod("rm user").ok()?;
    stack.rpod("volume rm data").ok()?.is("data")?;
    stack
        .rpod("volume inspect data")
        .exits(125)?
        .complains("no such volume")?;
    Ok(())
}

pub(crate) fn anonymous_volumes_go_with_their_container() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("run --rm -v /data alpine touch /data/x").ok()?;
    stack.rpod("volume ls -q").ok()?.is("")?;
    stack.rpod("create --name one -v /data alpine").ok()?;
    stack.rpod("create --name two -v /data alpine").ok()?;
    stack.rpod("rm -v one").ok()?;
    stack.rpod("rm two").ok()?;
    let left = stack.rpod("volume ls -q").ok()?;
    ensure!(left.text().lines().count() == 1, "{left}");
    stack.rpod("volume create named").ok()?;
    stack.rpod("volume prune -f").ok()?.is(left.text())?;
    let shown = stack.rpod("volume prune --all --dry-run").ok()?;
    shown.is("Volumes that would be pruned:\nnamed")?;
    stack
        .rpod("volume prune --all -f --filter all=true")
        .exits(125)?
        .complains("--all and --filter all cannot be used together")?;
    stack
        .rpod("volume prune -f --filter all=true")
        .ok()?
        .is("named")?;
    Ok(())
}

pub(crate) fn mounts_of_every_kind() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.scratch.write("a.conf", "from a glob")?;
    let here = stack.scratch.path("");
    let here = here.display();
    let mounts = format!(
        "--mount type=volume,src=data,dst=/data --mount type=tmpfs,dst=/t,tmpfs-size=1m \
         --mount type=image,src=alpine,dst=/image --mount type=glob,src={here}/*.conf,dst=/conf,ro \
         --mount type=bind,src={here},dst=/here,readonly --mount type=ramfs,dst=/ram"
    );
    stack
        .rpod(&format!("run -d --name all {mounts} alpine sleep 1000"))
        .ok()?;
    let look = "cat /conf/a.conf; test -x /image/bin/sh; echo $?; mount";
    stack
        .rpod("exec all sh -c")
        .arg(look)
        .ok()?
        .says("from a glob0")?
        .says("tmpfs on /t ")?
        .says("ramfs on /ram ")?;
    stack
        .rpod("run --rm --volumes-from all:ro alpine sh -c")
        .arg("ls /here; touch /data/x")
        .exits(1)?
        .says("a.conf")?
        .complains("Read-only")?;
    stack.rpod("rm -f -t 0 all").ok()?;
    stack
        .rpod("create --mount type=fly,dst=/x alpine")
        .exits(125)?
        .complains("invalid filesystem type")?;
    Ok(())
}

pub(crate) fn volumes_are_exported_and_mounted() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --rm -v one:/v alpine sh -c 'mkdir /v/d; echo carried > /v/d/file; ln -s /etc/passwd /v/link'")
        .ok()?;
    stack.rpod("volume export -o one.tar one").ok()?;
    stack.rpod("volume create two").ok()?.is("two")?;
    stack.rpod("volume import two one.tar").ok()?;
    stack
        .rpod("run --rm -v two:/v alpine sh -c 'cat /v/d/file; readlink /v/link'")
        .ok()?
        .is("carried\n/etc/passwd")?;
    stack
        .rpod("volume create -o type=tmpfs -o o=size=1m small")
        .ok()?;
    stack
        .rpod("run --rm -v small:/v alpine df /v")
        .ok()?
        .says("1024")?;
    let path = stack.root().join("volumes/small/_data");
    stack.rpod("volume mount small").ok()?.is(path.display())?;
    let mounts = || std::fs::read_to_string("/proc/self/mounts");
    let shown = path.display().to_string();
    ensure!(mounts()?.contains(&shown));
    stack.rpod("volume unmount small").ok()?;
    ensure!(!mounts()?.contains(&shown));
    Ok(())
}

/// What is written over a directory, a volume or an image does not reach it.
pub(crate) fn mounts_are_written_over() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for dir in ["given", "upper", "work"] {
        std::fs::create_dir(stack.scratch.path(dir))?;
    }
    let path = |name: &str| stack.scratch.path(name).display().to_string();
    let (given, upper, work) = (path("given"), path("upper"), path("work"));
    let run = |options: &str, script: &str| {
        stack.rpod(&format!("run --rm {options} alpine sh -c '{script}'"))
    };
    run(
        &format!("-v {given}:/x:O"),
        "echo hi >/x/file && cat /x/file",
    )
    .ok()?
    .is("hi")?;
    run(&format!("-v {given}:/x:O"), "ls /x").ok()?.is("")?;
    let kept = format!("-v {given}:/x:O,upperdir={upper},workdir={work}");
    run(&kept, "echo hi >/x/file").ok()?;
    run(&kept, "cat /x/file").ok()?.is("hi")?;
    ensure!(
        std::fs::read_dir(stack.scratch.path("given"))?
            .next()
            .is_none()
    );
    run("-v data:/x:O", "echo hi >/x/file").ok()?;
    run("-v data:/x", "ls /x").ok()?.is("")?;
    run(
        "--mount type=image,src=alpine,dst=/i,rw=true",
        "echo hi >/i/new && cat /i/new",
    )
    .ok()?
    .is("hi")?;
    run("--mount type=image,src=alpine,dst=/i", "touch /i/new").exits(1)?;
    run(&format!("-v {given}:/x:O,ro"), "true")
        .exits(125)?
        .complains("can't use 'O' with other options")?;
    run(&format!("-v {given}:/x:O,upperdir={upper}"), "true").exits(125)?;
    stack.rpod("volume rm data").ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    ensure!(!mounts.contains(&path("root")), "mounts are left");
    Ok(())
}

pub(crate) fn parts_of_images_and_volumes_are_mounted() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let run = |options: &str, script: &str| {
        stack.rpod(&format!("run --rm {options} alpine sh -c '{script}'"))
    };
    let image = "--mount type=image,src=alpine,dst=/i,subpath";
    run(&format!("{image}=/etc"), "ls /i")
        .ok()?
        .says("os-release")?;
    run(&format!("{image}=etc/passwd"), "cat /i")
        .ok()?
        .says("root:")?;
    run(&format!("{image}=/nowhere"), "true")
        .exits(127)?
        .complains("nowhere")?;
    run(
        "-v data:/x",
        "mkdir /x/in; echo own >/x/in/file; ln -s /etc /x/out",
    )
    .ok()?;
    let volume = "--mount type=volume,src=data,dst=/v,subpath";
    run(&format!("{volume}=in"), "cat /v/file")
        .ok()?
        .is("own")?;
    // A link leads to what is in the volume, never to the host.
    run(&format!("{volume}=out"), "true").exits(127)?;
    run(&format!("{volume}=../../../../../../etc"), "true").exits(127)?;
    run("--mount type=artifact,src=x,dst=/a", "true")
        .exits(125)?
        .complains("artifact")?;
    Ok(())
}

pub(crate) fn what_a_volume_is_made_with() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("volume create --opt o=uid=5,gid=6 owned").ok()?;
    let list = "run --rm -v owned:/x alpine stat -c %u:%g /x";
    stack.rpod(list).ok()?.is("5:6")?;
    stack
        .rpod("volume inspect --format {{.Options.UID}}:{{.Options.GID}} owned")
        .ok()?
        .is("5:6")?;
    stack
        .rpod("volume import bad bad.tar")
        .exits(125)?
        .complains("open bad.tar: no such file or directory")?;
    for (options, complaint) in [
        ("--opt o=size=1m", "quota"),
        ("--driver fly", "required plugin missing"),
        ("--opt fly=1", "invalid mount option fly for driver 'local'"),
        ("--opt type=ext4", "device"),
        (
            "--opt type=bind --opt device=/bogus",
            "invalid volume option device for driver 'local': faccessat /bogus: no such file or directory",
        ),
    ] {
        stack
            .rpod(&format!("volume create {options} bad"))
            .exits(125)?
            .complains(complaint)?;
        stack.rpod("volume exists bad").exits(1)?;
    }
    stack
        .rpod("volume create --opt type=tmpfs --opt device=tmpfs --opt o=size=1m,noquota small")
        .ok()?;
    stack
        .rpod("run --rm -v small:/x alpine df /x")
        .ok()?
        .says(" 1024 ")?;
    let tree = stack.scratch.path("tree");
    std::fs::create_dir(&tree)?;
    stack.scratch.write("tree/file", "of the host")?;
    stack
        .rpod(&format!(
            "volume create --opt type=bind --opt device={} tree",
            tree.display()
        ))
        .ok()?;
    let shown = stack.rpod("run --rm -v tree:/x alpine cat /x/file").ok()?;
    shown.is("of the host")?;
    Ok(())
}

pub(crate) fn a_volume_is_filled_by_the_first_that_has_something() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("volume create --label a=1 data").ok()?;
    let state = || {
        let line = "volume inspect data --format {{.NeedsCopyUp}}/{{.NeedsChown}}/{{.Anonymous}}";
        stack.rpod(line).ok()
    };
    state()?.is("true/true/false")?;
    let run = "run --rm --user 5:6 -v data:/nowhere alpine stat -c %u:%g /nowhere";
    stack.rpod(run).ok()?.is("5:6")?;
    state()?.is("true/true/false")?;
    stack
        .rpod("run --rm -v data:/etc -v data:/etc alpine ls /etc/passwd")
        .ok()?;
    state()?.is("false/false/false")?;
    stack
        .rpod("run --rm -v data:/etc -v other:/etc alpine true")
        .exits(125)?
        .complains("/etc: duplicate mount destination")?;
    let list = |options: &str| stack.rpod(&format!("volume ls {options}")).ok();
    list("--format {{.Labels}}")?.is("a=1")?;
    list("-q --filter name=da.a$")?.is("data")?;
    list("-q --filter name=ta.+")?.is("")?;
    let nameless = stack.rpod("volume create").ok()?;
    list("-q --filter anonymous=true")?.is(nameless.text())?;
    Ok(())
}

pub(crate) fn a_volume_stands_on_an_image() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let create = |options: &str| stack.rpod(&format!("volume create --driver image {options}"));
    for (options, complaint) in [
        ("", "must provide an image name"),
        (
            "--opt image=alpine --opt o=ro",
            "invalid mount option o for driver 'image'",
        ),
        (
            "--opt image=none",
            "looking up image none to create volume failed",
        ),
    ] {
        create(options).exits(125)?.complains(complaint)?;
    }
    create("--opt image=alpine base").ok()?.is("base")?;
    stack.rpod("system check").ok()?;
    let run = |words: &str| stack.rpod(&format!("run --rm -v base:/x alpine {words}"));
    run("sh -c 'test -d /x/bin && echo kept > /x/new'").ok()?;
    run("cat /x/new").ok()?.is("kept")?;
    stack.rpod("run --rm alpine test -e /new").exits(1)?;
    stack
        .rpod("volume inspect --format '{{.Driver}} {{.Options.image}}' base")
        .ok()?
        .is("image alpine")?;

    // Its image stays as long as it does, and goes with it only by force.
    stack
        .rpod("rmi alpine")
        .exits(2)?
        .complains("image used by volume base")?;
    stack.rpod("image prune -a -f").ok()?;
    run("cat /x/new").ok()?.is("kept")?;
    stack.rpod("create -v base:/x alpine true").ok()?;
    stack.rpod("rmi -f alpine").ok()?;
    stack.rpod("volume exists base").exits(1)?;
    stack.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}
