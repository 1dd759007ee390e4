//! Mounts of every kind: binds, overlays, images, tmpfs, and their options.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

use tests::{Result, Stack, ensure};

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

pub(crate) fn volumes_have_podmans_rarer_options() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for way in [
        "-v none:/v:nocreate",
        "--mount type=volume,src=none,dst=/v,nocreate",
    ] {
        stack
            .rpod(&format!("create {way} alpine true"))
            .exits(125)?
            .complains("volume none does not exist and nocreate option is set")?;
    }
    stack.rpod("volume exists none").exits(1)?;
    stack.rpod("volume create there").ok()?;
    stack
        .rpod("run --rm -v there:/v:nocreate alpine ls -d /v")
        .ok()?
        .is("/v")?;

    // What is mapped for one mount alone.
    let dir = stack.scratch.path("own");
    fs::create_dir(&dir)?;
    let maps = "uids=0-7-1;gids=0-8-1";
    for way in [
        format!("-v {}:/v:idmap={maps}", dir.display()),
        format!(
            "--mount type=bind,src={},dst=/v,idmap={maps}",
            dir.display()
        ),
    ] {
        let shown = stack
            .rpod(&format!("run --rm {way} alpine stat -c %u:%g /v"))
            .run()?;
        ensure!(
            shown.text() == "7:8" || shown.stderr.contains("support idmapped mounts"),
            "{shown}"
        );
    }
    let users = "--uidmap 0:100000:1000 --gidmap 0:100000:1000";
    let relative = format!("-v {}:/v:idmap=uids=@0-7-1;gids=@0-8-1", dir.display());
    let shown = stack
        .rpod(&format!(
            "run --rm {users} {relative} alpine stat -c %u:%g /v"
        ))
        .run()?;
    ensure!(
        shown.text() == "7:8" || shown.stderr.contains("support idmapped mounts"),
        "{shown}"
    );
    stack
        .rpod(&format!(
            "run --rm -v {}:/v:idmap=uids=@0-7-1;gids=0-8-1 alpine true",
            dir.display()
        ))
        .exits(126)?
        .complains("could not find a user namespace mapping for the relative mapping")?;
    Ok(())
}

pub(crate) fn an_overlay_looks_like_what_it_lies_over() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let dir = stack.scratch.path("own");
    fs::create_dir(&dir)?;
    fs::write(dir.join("file"), "")?;
    chown(&dir, Some(5), Some(6))?;
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o751))?;
    let volume = |options: &str| format!("-v {}:/v:{options}", dir.display());
    stack
        .rpod(&format!(
            "run --rm {} alpine stat -c %u:%g:%a /v",
            volume("O")
        ))
        .ok()?
        .is("5:6:751")?;
    stack
        .rpod(&format!(
            "run --rm --user 7:8 {} alpine sh -c 'touch /v/new; stat -c %u:%g /v /v/file'",
            volume("O,U")
        ))
        .ok()?
        .is("7:8\n7:8")?;
    // As by podman, what is given away is what lies below; what was written is gone.
    let owner = fs::metadata(&dir)?;
    ensure!((owner.uid(), owner.gid()) == (7, 8) && !dir.join("new").exists());
    stack
        .rpod(&format!("create {} alpine true", volume("O,U,ro")))
        .exits(125)?
        .complains("can't use 'O' with other options")?;
    Ok(())
}

pub(crate) fn a_link_is_mounted_as_a_link() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let link = stack.scratch.path("link");
    symlink("/etc/hostname", &link)?;
    let mount = format!("--mount type=bind,src={},dst=/a/b/link", link.display());
    stack
        .rpod(&format!(
            "create --name made {mount},no-dereference alpine readlink /a/b/link"
        ))
        .ok()?;
    // The second start finds what the first has made.
    for _ in 0..2 {
        stack.rpod("start -a made").ok()?.is("/etc/hostname")?;
    }
    let plain = stack.rpod(&format!("run --rm {mount} alpine readlink /a/b/link"));
    plain.exits(1)?;
    // Of several that fit a pattern, too, wherever they lead.
    symlink("/no/such", stack.scratch.path("link2"))?;
    stack
        .rpod(&format!(
            "run --rm --mount type=glob,src={}*,dst=/m,no-dereference alpine sh -c 'readlink /m/link; readlink /m/link2'",
            link.display()
        ))
        .ok()?
        .is("/etc/hostname\n/no/such")?;
    let own = stack.scratch.path("store-link");
    fs::write(&own, "file")?;
    stack
        .rpod(&format!(
            "run --rm --mount type=bind,src={},dst=/f,no-dereference alpine cat /f",
            own.display()
        ))
        .ok()?
        .is("file")?;
    Ok(())
}

pub(crate) fn proc_has_the_options_that_are_given() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let shown = "alpine grep ' /proc proc' /proc/mounts";
    stack
        .rpod(&format!(
            "run --rm --security-opt proc-opts=nosuid,exec,nodev,hidepid=2 {shown}"
        ))
        .ok()?
        .says("hidepid=")?
        .hides("noexec")?;
    stack
        .rpod(&format!("run --rm {shown}"))
        .ok()?
        .says("noexec")?;
    stack
        .rpod("run --rm --security-opt label=nested alpine true")
        .ok()?;
    Ok(())
}
