//! Volumes: filled, shared, carried away, removed.

use tests::{Cmd, Result, Stack, ensure};

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

pub(crate) fn volumes_are_exported_and_mounted() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --rm -v one:/v alpine sh -c 'mkdir /v/d; echo carried > /v/d/file; ln -s /etc/passwd /v/link'")
        .ok()?;
    stack.rpod("volume export -o one.tar one").ok()?;
    stack.rpod("volume create two").ok()?.is("two")?;
    stack.rpod("volume import two one.tar").ok()?;
    // What it is compressed by, it tells itself.
    let archive = stack.scratch.path("one.tar");
    Cmd::new("gzip").arg("-k").arg(&archive).ok()?;
    stack.rpod("volume create three").ok()?;
    stack.rpod("volume import three one.tar.gz").ok()?;
    stack
        .rpod("run --rm -v three:/v alpine cat /v/d/file")
        .ok()?
        .is("carried")?;
    stack.scratch.write("none.tar", "no archive")?;
    stack
        .rpod("volume import three none.tar")
        .exits(125)?
        .complains("the file is no tar archive")?;
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
        .rpod("volume create --opt type=tmpfs --opt device=tmpfs --opt o=size=1m small")
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

pub(crate) fn volumes_are_their_users() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let mapped = "--network none --uidmap 0:1:500 --gidmap 0:200:5000";
    for place in ["/new", "/etc"] {
        stack
            .rpod(&format!(
                "run --rm {mapped} -v own:{place}:idmap alpine stat -c %u:%g {place}"
            ))
            .ok()?
            .is("0:0")?;
        stack.rpod("volume rm own").ok()?;
    }
    stack
        .rpod(&format!(
            "run --rm {mapped} -v own:/etc:idmap alpine stat -c %u:%g /etc/passwd"
        ))
        .ok()?
        .is("0:0")?;
    stack
        .rpod("run --rm --network none --user 1000:1001 -v user:/home/user alpine true")
        .ok()?;
    stack
        .rpod("volume inspect --format '{{.UID}} {{.GID}}' user")
        .ok()?
        .is("1000 1001")?;
    let mount = "--mount type=volume,source=memory,dst=/m,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-opt=o=nodev";
    stack
        .rpod(&format!(
            "run --rm --network none {mount} alpine grep /m /proc/mounts"
        ))
        .ok()?
        .says("tmpfs")?;
    stack
        .rpod("volume inspect --format {{.Options.o}} memory")
        .ok()?
        .is("nodev")?;
    stack
        .rpod(&format!("run --rm --network none {mount} alpine true"))
        .ok()?;
    stack
        .rpod("run --rm --network none -v user:/m:cached alpine true")
        .ok()?;
    stack
        .rpod("create --mount type=bind,src=/,dst=/host,ro=true,rw=false alpine")
        .exits(125)?
        .complains("cannot pass 'readonly', 'ro', or 'rw' mnt.Options more than once: must provide an argument for option")?;
    Ok(())
}
