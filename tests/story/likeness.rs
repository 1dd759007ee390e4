//! Small things that podman's own end-to-end tests look for.

use tests::{Cmd, Result, Stack, ensure, peer, skip};

pub(crate) fn a_person_who_stopped_it_is_told_of() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let stopped_by_user = || {
        stack
            .rpod("inspect --format {{.State.StoppedByUser}} top")
            .ok()
    };
    stack.rpod("run -d --name top alpine sleep 600").ok()?;
    stopped_by_user()?.is("false")?;
    stack.rpod("stop -t 0 --service top").ok()?;
    stopped_by_user()?.is("false")?;
    stack.rpod("start top").ok()?;
    stack.rpod("stop -t 0 top").ok()?;
    stopped_by_user()?.is("true")?;
    stack.rpod("start top").ok()?;
    stopped_by_user()?.is("false")?;
    stack.rpod("rm -f -t 0 top").ok()?;
    Ok(())
}

pub(crate) fn names_may_be_long() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let name = "long.".repeat(60) + "er";
    stack
        .rpod(&format!("create --name {name} alpine true"))
        .ok()?;
    stack
        .rpod(&format!("inspect --format {{{{.Name}}}} {name}"))
        .ok()?
        .is(&name)?;
    stack
        .rpod(&format!("create --name {name} alpine true"))
        .exits(125)?
        .complains("is already in use")?;
    stack.rpod(&format!("rename {name} short")).ok()?;
    stack
        .rpod(&format!("create --name {name} alpine true"))
        .ok()?;
    stack.rpod(&format!("rm short {name}")).ok()?;
    let left = std::fs::read_dir(stack.root().join("names"))?.count();
    ensure!(left == 0, "{left} names are left");
    Ok(())
}

/// A field that is none is told of with those that are, wherever a struct stands in what is shown.
pub(crate) fn unknown_fields_are_refused() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name c alpine true").ok()?;
    for (line, words) in [
        ("info --format {{.Nope}}", "fields here are Host, Store"),
        ("info --format {{.Host.Nope}}", "can't evaluate field Nope"),
        ("info --format {{.Host.Security.Nope}}", "Rootless"),
        (
            "events --stream=false --format {{.Nope}}",
            "ContainerExitCode, OOMKilled, ID, Image, Name, Network",
        ),
    ] {
        stack.rpod(line).exits(125)?.complains(words)?;
    }
    stack
        .rpod("info --format '{{.Client}} {{.Store.GraphStatus.nope}}'")
        .ok()?
        .is("<nil> <no value>")?;
    let size = stack.rpod("ps -a --format {{.Size}}").ok()?;
    size.is("")?;
    size.complains("Size format requires --size option")?;
    stack
        .rpod("ps -a --size --format {{.Size}}")
        .ok()?
        .says("virtual")?;
    Ok(())
}

pub(crate) fn options_stand_where_podmans_do() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.scratch.write("more.conf", "")?;
    let module = stack.scratch.path("more.conf");
    stack
        .rpod(&format!("--module {} ps", module.display()))
        .ok()?;
    stack
        .rpod(&format!("ps --module {}", module.display()))
        .exits(125)?
        .complains("unknown flag: --module")?;
    stack
        .rpod("ps --log-level info")
        .ok()?
        .complains("level=info msg=\"rpod filtering at log level info\"")?;
    stack
        .rpod("--imagestore /proc/nowhere images")
        .exits(125)?
        .complains("configure storage: mkdir /proc/nowhere: ")?;
    let quiet = stack.rpod("ps --log-level warn").ok()?;
    ensure!(quiet.stderr.is_empty(), "{quiet}");
    Ok(())
}

/// A new volume's directory is as old as the image's.
pub(crate) fn a_volume_is_as_old_as_what_it_covers() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --name old alpine sh -c 'mkdir /aged && touch -d 2001-02-03 /aged'")
        .ok()?;
    stack.rpod("commit -q old aged").ok()?;
    let show = "aged stat -c '%a %Y' /aged";
    let before = stack.rpod(&format!("run --rm {show}")).ok()?;
    stack
        .rpod(&format!("run --rm -v fresh:/aged {show}"))
        .ok()?
        .is(before.text())?;
    Ok(())
}

pub(crate) fn a_pods_shm_needs_its_members() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("pod create --name p --shm-size 10m").ok()?;
    stack
        .rpod("create --pod p --ipc host alpine true")
        .exits(125)?
        .complains("cannot set shmsize when running in the host IPC Namespace")?;
    stack.rpod("create --pod p alpine true").ok()?;
    Ok(())
}

pub(crate) fn images_on_their_way_have_a_place() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let told = |conf: &str| {
        stack.scratch.write("more.conf", conf)?;
        let rpod = stack.rpod("info --format {{.Store.ImageCopyTmpDir}}");
        rpod.env("CONTAINERS_CONF_OVERRIDE", stack.scratch.path("more.conf"))
            .without("TMPDIR")
            .run()
    };
    told("")?.is("/var/tmp")?;
    told("[engine]\nimage_copy_tmp_dir = \"/foobar\"\n")?.is("/foobar")?;
    told("[engine]\nimage_copy_tmp_dir = \"storage\"\n")?.is(stack.root().join("tmp").display())?;
    let relative = told("[engine]\nimage_copy_tmp_dir = \"foobar\"\n")?;
    ensure!(relative.code == 125, "{relative}");
    relative.complains("relative paths are not accepted")?;
    Ok(())
}

pub(crate) fn checks_are_events_unless_nobody_wants_them() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .scratch
        .write("more.conf", "[engine]\nhealthcheck_events = false\n")?;
    stack
        .rpod("run -d --name c --health-cmd true --health-interval disable alpine sleep 600")
        .ok()?;
    let silent = stack.rpod("healthcheck run c");
    silent
        .env("CONTAINERS_CONF_OVERRIDE", stack.scratch.path("more.conf"))
        .ok()?;
    let events = || stack.rpod("events --stream=false").ok();
    events()?.hides("health_status")?;
    stack.rpod("healthcheck run c").ok()?;
    events()?.says("health_status=healthy")?;
    stack.rpod("rm -f -t 0 c").ok()?;
    Ok(())
}

/// slirp4netns serves whoever asks for it, root as well.
pub(crate) fn root_has_slirp4netns_too() -> Result<()> {
    peer("slirp4netns")?;
    if !std::fs::exists("/dev/net/tun")? {
        return skip("this machine has no /dev/net/tun");
    }
    let stack = Stack::with_alpine()?;
    let shown = stack
        .rpod("run --rm --network slirp4netns:enable_ipv6=true alpine ip address show tap0")
        .ok()?;
    shown.says("inet 10.0.2.100/24")?;
    shown.says("inet6 fd00::")?;
    stack
        .rpod("create --network pasta alpine true")
        .exits(125)?
        .complains("pasta networking is only supported for rootless mode")?;
    stack
        .rpod("pod create --name p --network slirp4netns:mtu=1400")
        .ok()?;
    stack
        .rpod("pod inspect --format {{.InfraConfig.NetworkOptions.slirp4netns}} p")
        .ok()?
        .is("[mtu=1400]")?;
    stack.rpod("pod rm -f -t 0 p").ok()?;
    // What served a container goes with it.
    let namespaces = stack.scratch.path("runroot/netns");
    let left = Cmd::new("pgrep").arg("-f").arg(&namespaces).run()?;
    ensure!(left.stdout.is_empty(), "{left}");
    Ok(())
}
