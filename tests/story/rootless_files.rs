//! Files of ordinary users: overlays that the kernel refuses, groups of theirs, volumes, copies.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tests::user::Ranges;
use tests::{Result, ensure, peer};

use crate::rootless::Person;

/// A directory of a group that the caller is in, and the container's user is not.
pub(crate) fn files_of_the_users_groups() -> Result<()> {
    let person = Person::new("k", Ranges::Some)?;
    let user = &person.user;
    let shared = person.scratch().path("shared");
    fs::create_dir(&shared)?;
    fs::write(shared.join("file"), "the group's")?;
    // Nobody's but this test's: no group of this machine has the number.
    const GROUP: u32 = 987_654_321;
    for (path, mode) in [(shared.join("file"), 0o640), (shared.clone(), 0o750)] {
        std::os::unix::fs::chown(&path, None, Some(GROUP))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    let member = |line: String| user.rpod_in_group(GROUP, &line);
    let read = format!(
        "run --rm --network none -v {}:/shared OPTIONS alpine cat /shared/file",
        shared.display()
    );
    let kept = |options: &str| read.replace("OPTIONS", options);
    for options in [
        "--group-add keep-groups",
        "--group-add keep-groups --userns keep-id",
        "--group-add keep-groups --user 33:33",
    ] {
        member(kept(options)).ok()?.is("the group's")?;
    }
    let refused = member(kept("")).exits(1)?;
    refused.complains("Permission denied")?;
    member(kept("--group-add keep-groups --group-add 5"))
        .exits(125)?
        .complains("not allowed with any other --group-add options")?;
    Ok(())
}

pub(crate) fn volumes_are_the_containers() -> Result<()> {
    let person = Person::new("v", Ranges::Some)?;
    let user = &person.user;
    let owner = |options: &str| {
        let line = format!(
            "run --rm --network none {options} alpine sh -c 'touch /v/file; stat -c %u /v /v/file'"
        );
        user.rpod(&line).ok()
    };
    owner("--user 33 -v named:/v:U")?.is("33\n33")?;
    owner("-v named:/v")?.is("33\n33")?;
    owner("--userns auto --user 7 -v named:/v:U")?.is("7\n7")?;
    // The kernel maps ids of a mount only for who owns its file system: in the user's namespace, of what was mounted there.
    user.sh("mkdir plain own").ok()?;
    let refused =
        user.rpod("run --rm --network none --userns auto -v ./plain:/v:idmap alpine true");
    refused.exits(126)?.complains("U in place of idmap")?;
    let own = "rpod unshare sh -c 'mount -t tmpfs none own && for o in ro idmap; do rpod run --rm --network none --userns auto -v ./own:/v:$o alpine stat -c %u /v; done'";
    user.sh(own).ok()?.is("65534\n0")?;
    Ok(())
}

/// A file system that the kernel lays nothing over: an overlay itself.
struct Refusing {
    place: std::path::PathBuf,
}

impl Refusing {
    fn new(person: &Person, place: std::path::PathBuf) -> Result<Refusing> {
        for directory in ["lower", "upper", "work"] {
            fs::create_dir(person.scratch().path(directory))?;
        }
        fs::create_dir(&place)?;
        let options = format!(
            "lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work",
            person.scratch().path("").display()
        );
        let mount = tests::Cmd::new("mount").args(["-t", "overlay", "-o", &options, "overlay"]);
        mount.arg(&place).ok()?;
        std::os::unix::fs::chown(&place, Some(person.user.uid), Some(person.user.uid))?;
        Ok(Refusing { place })
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        let _ = tests::Cmd::new("umount").arg("-l").arg(&self.place).run();
    }
}

/// Where the kernel refuses an overlay, fuse-overlayfs does it; storage.conf has it done so anywhere.
pub(crate) fn overlays_by_a_program() -> Result<()> {
    let program = peer("fuse-overlayfs")?;
    let person = Person::new("i", Ranges::Some)?;
    let user = &person.user;
    let data = user.home.join("data");
    let _refusing = Refusing::new(&person, data.clone())?;
    // The namespaces that there are do not see the new mount.
    user.rpod("system migrate").ok()?;
    let conf = user.home.join("storage.conf");
    fs::write(
        &conf,
        format!("[storage.options.overlay]\nmount_program = {program:?}\n"),
    )?;
    let refused = |line: &str| user.rpod(line).env("XDG_DATA_HOME", &data);
    let asked = |line: &str| user.rpod(line).env("CONTAINERS_STORAGE_CONF", &conf);
    for (rpod, name) in [
        (&refused as &dyn Fn(&str) -> tests::Cmd, "alpine:latest"),
        (&asked, "fedora:24"),
    ] {
        let image = format!("{}/{name}", person.registry.address);
        rpod(&format!("pull -q --tls-verify=false {image}")).ok()?;
        let run = format!(
            "run -d --name one --network none {image} sh -c 'echo mine > /home/mine; exec sleep 600'"
        );
        rpod(&run).ok()?;
        let mounts = rpod("exec one grep fuse-overlayfs /proc/mounts").ok()?;
        ensure!(mounts.stdout.contains(" / "), "{mounts}");
        rpod("exec one cat /home/mine").ok()?.is("mine")?;
        rpod(&format!(
            "run --rm --network none -v /usr/share:/s:O {image} touch /s/there"
        ))
        .ok()?;
    }
    // What it leaves of what was removed is what the kernel leaves.
    asked("exec one sh -c 'rm -r /opt/data && mkdir /opt/data && echo > /opt/data/own && rm /bin/cat'").ok()?;
    let changed = asked("diff one").ok()?;
    changed
        .says("A /opt/data/own")?
        .says("D /bin/cat")?
        .hides(".wh.")?;
    asked("commit -q one localhost/changed").ok()?;
    let listed =
        asked("run --rm --network none localhost/changed ls -a /opt/data /bin/cat").exits(1)?;
    listed.says(".\n..\nown")?;
    Ok(())
}

pub(crate) fn files_come_and_go_without_root() -> Result<()> {
    let person = Person::new("w", Ranges::Some)?;
    let user = &person.user;
    user.sh("echo carried >file").ok()?;
    user.rpod("volume create kept").ok()?;
    user.rpod("run -d --name one --network none -v kept:/kept --health-cmd 'test -e /kept/file' --health-interval 1h alpine sleep 600")
        .ok()?;
    user.rpod("healthcheck run one").exits(1)?;
    user.rpod("cp file one:/kept/file").ok()?;
    user.rpod("healthcheck run one").ok()?;
    user.rpod("exec one sh -c 'echo made >/made; chown 5:6 /made'")
        .ok()?;
    user.rpod("cp one:/made back").ok()?;
    let back = std::fs::metadata(user.home.join("back"))?;
    ensure!(
        std::os::unix::fs::MetadataExt::uid(&back) == user.uid,
        "what comes out is not the user's"
    );
    user.rpod("diff one").ok()?.says("A /made")?;
    user.rpod("commit -q one localhost/again").ok()?;
    user.rpod("save -q -o again.tar localhost/again").ok()?;
    user.rpod("rmi localhost/again").ok()?;
    user.rpod("load -q -i again.tar").ok()?;
    user.rpod("run --rm --network none localhost/again stat -c %u:%g /made")
        .ok()?
        .is("5:6")?;
    user.sh("rpod export one | tar t").ok()?.says("made")?;
    user.rpod("restart -t 0 one").ok()?;
    user.rpod("exec one cat /made /kept/file")
        .ok()?
        .is("made\ncarried")?;
    user.rpod("rm -f -t 0 one").ok()?;
    user.rpod("run --rm --network none -v kept:/kept alpine cat /kept/file")
        .ok()?
        .is("carried")?;
    user.rpod("volume rm kept").ok()?;
    Ok(())
}
