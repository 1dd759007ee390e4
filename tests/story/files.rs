//! Files of containers: cp, diff, export, mount.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use serde_json::json;
use tests::{Cmd, Result, Stack, ensure};

/// Every rule of podman-cp(1), with a container that runs and with one that does not.
pub(crate) fn copied_in_and_out() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let dir = stack.scratch.path("");
    fs::create_dir_all(dir.join("src/sub"))?;
    fs::write(dir.join("src/sub/x"), "x\n")?;
    fs::write(dir.join("src/y"), "y\n")?;
    symlink("src/y", dir.join("link"))?;
    stack.rpod("run -d --name up alpine sleep 600").ok()?;
    stack.rpod("create --name down alpine").ok()?;
    for name in ["up", "down"] {
        let rules = [
            ("src/y", "/tmp", "/tmp/y"),
            ("src/y", "tmp/named", "/tmp/named"),
            ("link", "/tmp/followed", "/tmp/followed"),
            ("src", "/tmp", "/tmp/src/sub/x"),
            ("src", "/tmp/made", "/tmp/made/sub/x"),
            ("src/.", "/root", "/root/sub/x"),
            ("src/.", "/tmp/contents", "/tmp/contents/sub/x"),
        ];
        for (from, to, arrived) in rules {
            stack.rpod(&format!("cp {from} {name}:{to}")).ok()?;
            let back = format!("back{}", arrived.replace('/', "-"));
            stack.rpod(&format!("cp {name}:{arrived} {back}")).ok()?;
            let text = fs::read_to_string(dir.join(&back))?;
            ensure!(
                text.trim() == if arrived.ends_with('x') { "x" } else { "y" },
                "{from} {to}: {text:?}"
            );
            fs::remove_file(dir.join(&back))?;
        }
        let refused = [
            (
                format!("cp src {name}:/etc/passwd"),
                "destination must be a directory when copying a directory",
            ),
            (
                format!("cp src/y {name}:/nowhere/y"),
                "could not be found on container",
            ),
            (
                format!("cp src/y {name}:/new/"),
                "could not be found on container",
            ),
            (
                format!("cp nothing {name}:/"),
                "could not be found on the host",
            ),
            (
                format!("cp {name}:/nothing ."),
                "could not be found on container",
            ),
            (
                format!("cp {name}:nothing/at/all ."),
                "\"nothing/at/all\" could not be found on container",
            ),
            (format!("cp src/y {name}:/tmp/src"), ""),
        ];
        for (line, words) in &refused[..5] {
            stack.rpod(line).exits(125)?.complains(words)?;
        }
        stack.rpod(&format!("cp {name}:/tmp/src out")).ok()?;
        ensure!(fs::read_to_string(dir.join("out/sub/x"))? == "x\n");
        fs::remove_dir_all(dir.join("out"))?;
        // A file in a directory's place, only when told.
        stack.rpod(&format!("cp src/y {name}:/tmp/y2")).ok()?;
        fs::create_dir(dir.join("y2"))?;
        stack
            .rpod(&format!("cp y2 {name}:/tmp"))
            .exits(125)?
            .complains("--overwrite")?;
        stack.rpod(&format!("cp --overwrite y2 {name}:/tmp")).ok()?;
        fs::remove_dir(dir.join("y2"))?;
        // Between containers, and within one.
        stack
            .rpod(&format!("cp {name}:/tmp/y {name}:/tmp/again"))
            .ok()?;
    }
    stack.rpod("cp up:/tmp/src down:/srv").ok()?;
    stack.rpod("cp down:/srv/sub/x from-down").ok()?;
    stack
        .rpod("cp src dst")
        .exits(125)?
        .complains("name or ID cannot be empty")?;
    Ok(())
}

pub(crate) fn copied_as_archives() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let dir = stack.scratch.path("");
    fs::create_dir(dir.join("src"))?;
    fs::write(dir.join("src/y"), "y\n")?;
    stack
        .rpod("run -d --name up -u guest alpine sleep 600")
        .ok()?;
    for (packed, flag) in [("plain.tar", ""), ("packed.tgz", "z")] {
        Cmd::new("tar")
            .dir(&dir)
            .words(&format!("-c{flag}f {packed} src"))
            .ok()?;
        let archive = fs::read(dir.join(packed))?;
        stack.rpod("cp - up:/tmp").stdin(archive).ok()?;
        stack
            .rpod("exec -u 0 up stat -c %u /tmp/src/y")
            .ok()?
            .is("405")?;
    }
    stack
        .rpod("cp -a=false src up:/home")
        .exits(125)
        .or_else(|_| stack.rpod("cp -a=false src up:/tmp/kept").ok())?;
    stack
        .rpod("exec -u 0 up stat -c %u /tmp/src/y")
        .ok()?
        .is("405")?;
    let out = stack.rpod("cp up:/tmp/src -").ok()?;
    fs::write(dir.join("out.tar"), &out.stdout)?;
    Cmd::new("tar")
        .dir(&dir)
        .words("tf out.tar")
        .ok()?
        .says("src/y")?;
    stack
        .rpod("cp - up:/tmp")
        .stdin("this is no archive\n")
        .exits(125)?
        .complains("must be a (compressed) tar archive")?;
    Ok(())
}

/// A link in the container that leads to the host's files leads to the container's.
pub(crate) fn a_hostile_link_stays_inside() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let secret = stack.scratch.write("secret", "the host's\n")?;
    let secret = secret.display();
    let script = format!(
        "ln -s {secret} /leak; ln -s / /root/up; ln -s ../../../../../../../.. /deep; sleep 600"
    );
    stack
        .rpod(&format!("run -d --name bad alpine sh -c '{script}'"))
        .ok()?;
    stack
        .rpod("exec bad sh -c 'until [ -L /deep ]; do sleep 0.01; done'")
        .ok()?;
    for state in ["running", "stopped"] {
        stack
            .rpod("cp bad:/leak leaked")
            .exits(125)?
            .complains("could not be found on container")?;
        stack
            .rpod(&format!("cp bad:/deep{secret} leaked"))
            .exits(125)?;
        stack.scratch.write("new", "from outside\n")?;
        let target = format!("bad:/deep{}", stack.scratch.path("planted").display());
        stack.rpod(&format!("cp new {target}")).exits(125)?;
        ensure!(
            !stack.scratch.path("planted").exists(),
            "written to the host from a {state} container"
        );
        stack.rpod("stop -t 0 bad").ok()?;
    }
    Ok(())
}

pub(crate) fn changes_are_told() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --name changer alpine sh -c 'mkdir -p /srv/new; echo a > /srv/new/f; rm /bin/vi; echo b >> /etc/passwd'")
        .ok()?;
    stack
        .rpod("diff changer")
        .ok()?
        .is("C /bin\nD /bin/vi\nC /etc\nC /etc/passwd\nA /srv\nA /srv/new\nA /srv/new/f")?;
    let told = stack
        .rpod("container diff --format json changer")
        .ok()?
        .json()?;
    ensure!(
        told == json!({ "changed": ["/bin", "/etc", "/etc/passwd"], "added": ["/srv", "/srv/new", "/srv/new/f"], "deleted": ["/bin/vi"] }),
        "{told}"
    );
    stack
        .rpod("diff changer alpine")
        .ok()?
        .says("C /etc/passwd")?
        .says("D /bin/vi")?;
    stack
        .rpod("image diff alpine")
        .ok()?
        .says("A /bin/busybox")?;
    stack.rpod("diff -l").ok()?.says("A /srv/new/f")?;
    stack
        .rpod("diff --format yaml changer")
        .exits(125)?
        .complains("only supported value for '--format' is 'json'")?;
    stack.rpod("diff nobody").exits(125)?.complains("nobody")?;
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    ensure!(
        !mounts.contains(&*stack.scratch.path("").to_string_lossy()),
        "a mount is left:\n{mounts}"
    );
    Ok(())
}

pub(crate) fn exported() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let dir = stack.scratch.path("");
    let name = "a".repeat(150);
    stack
        .rpod(&format!("run --name source alpine sh -c 'echo made > /made; ln /made /twin; rm /bin/vi; echo long > /{name}; chown 7:8 /made; mkfifo /queue'"))
        .ok()?;
    stack.rpod("export -o out.tar source").ok()?.is("")?;
    fs::create_dir(dir.join("tree"))?;
    Cmd::new("tar")
        .dir(dir.join("tree"))
        .words("xf ../out.tar --numeric-owner")
        .ok()?;
    let tree = dir.join("tree");
    ensure!(fs::read_to_string(tree.join("made"))? == "made\n");
    let (made, twin) = (
        fs::metadata(tree.join("made"))?,
        fs::metadata(tree.join("twin"))?,
    );
    ensure!(
        (made.uid(), made.gid(), made.ino()) == (7, 8, twin.ino()),
        "{made:?}"
    );
    ensure!(
        tree.join(&name).exists()
            && !tree.join("bin/vi").exists()
            && tree.join("bin/busybox").exists()
    );
    stack
        .rpod("export -o no/such/dir.tar source")
        .exits(125)?
        .complains("no/such/dir.tar")?;
    stack
        .rpod("export -o a:b source")
        .exits(125)?
        .complains("should not contain ':'")?;
    ensure!(!dir.join("out.tar.partial").exists());
    Ok(())
}

pub(crate) fn mounted_for_a_person() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name still alpine cat /left").ok()?;
    let path = stack.rpod("mount still").ok()?.text().to_owned();
    fs::write(Path::new(&path).join("left"), "by hand\n")?;
    stack.rpod("mount").ok()?.says(&path)?;
    let listed = stack.rpod("mount --format json").ok()?.json()?;
    ensure!(
        listed[0]["mountpoint"] == path.as_str() && listed[0]["Names"][0] == "still",
        "{listed}"
    );
    stack.rpod("start -a still").ok()?.is("by hand")?;
    stack.rpod("wait --condition exited still").ok()?;
    ensure!(
        Path::new(&path).join("left").exists(),
        "the end of the process took the person's mount"
    );
    stack.rpod("unmount still").ok()?.is("still")?;
    ensure!(!Path::new(&path).join("left").exists());
    stack.rpod("mount").ok()?.is("")?;
    stack.rpod("mount still").ok()?;
    stack.rpod("rm still").ok()?;
    let image = stack.rpod("image mount alpine").ok()?.text().to_owned();
    ensure!(Path::new(&image).join("bin/busybox").exists());
    ensure!(
        fs::write(Path::new(&image).join("x"), "").is_err(),
        "an image was written to"
    );
    stack.rpod("image mount").ok()?.says(&image)?;
    stack
        .rpod("rmi alpine")
        .exits(125)?
        .complains("is mounted")?;
    stack.rpod("image unmount alpine").ok()?;
    stack.rpod("image unmount alpine").ok()?.is("")?;
    an_image_stays_for_who_has_it_mounted(&stack)?;
    stack.rpod("image mount -a").ok()?;
    stack.rpod("rmi -f alpine").ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    ensure!(
        !mounts.contains(&*stack.scratch.path("").to_string_lossy()),
        "a mount is left:\n{mounts}"
    );
    Ok(())
}

/// `image unmount` takes the mount from the host's eyes, as podman's, and not from the container.
fn an_image_stays_for_who_has_it_mounted(stack: &Stack) -> Result<()> {
    let id = stack.rpod("image inspect --format {{.Id}} alpine").ok()?;
    stack.rpod("create --name base alpine").ok()?;
    stack.rpod("commit -q base other").ok()?;
    stack.rpod("rm base").ok()?;
    let other = stack.rpod("image inspect --format {{.Id}} other").ok()?;
    for options in ["", ",rw=true", ",subpath=/bin"] {
        stack
            .rpod(&format!(
                "run -d --name user --mount type=image,src=other,dst=/im{options} alpine sleep 600"
            ))
            .ok()?;
        let there = match options {
            ",subpath=/bin" => "exec user test -e /im/busybox",
            _ => "exec user test -e /im/bin/busybox",
        };
        stack.rpod("image mount").ok()?.says("other:latest")?;
        stack.rpod("rmi other").exits(2)?.complains("in use")?;
        stack.rpod("image umount other").ok()?.is(other.text())?;
        stack.rpod("image umount other").ok()?.is("")?;
        stack.rpod("image mount").ok()?.is("")?;
        stack.rpod(there).ok()?;
        stack.rpod("rmi other").exits(2)?;
        stack.rpod("untag other").ok()?;
        stack.rpod("image prune -f").ok()?.is("")?;
        stack.rpod(there).ok()?;
        stack.rpod(&format!("tag {} other", other.text())).ok()?;
        stack.rpod("stop -t 0 user").ok()?;
        stack.rpod("start user").ok()?;
        stack.rpod(there).ok()?;
        stack.rpod("rm -f -t 0 user").ok()?;
    }
    stack
        .rpod("run -d --name user --mount type=image,src=other,dst=/im alpine sleep 600")
        .ok()?;
    stack.rpod("rmi -f other").ok()?;
    stack.rpod("ps -aq").ok()?.is("")?;
    ensure!(id.text() != other.text());
    Ok(())
}
