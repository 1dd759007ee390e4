//! Images made of containers and archives: commit, import, history, tree, prune; and a commit that is killed.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use tests::{Cmd, Result, Stack, ensure, peer};

pub(crate) fn committed() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --name changed -w /etc -e KEPT=1 alpine sh -c 'echo new > /new; rm /bin/vi; chown 5:6 /new'")
        .ok()?;
    let id = stack
        .rpod("commit -q -a somebody -c 'CMD [\"cat\", \"/new\"]' -c 'ENV COLOUR=blue' -c 'LABEL tier=web' -c 'EXPOSE 80' --iidfile id changed made:1")
        .ok()?;
    ensure!(
        fs::read_to_string(stack.scratch.path("id"))? == id.text(),
        "{id}"
    );
    let image = stack.rpod("image inspect made:1").ok()?.json()?[0].clone();
    ensure!(
        image["Id"] == id.text()
            && image["RepoTags"][0] == "localhost/made:1"
            && image["Author"] == "somebody",
        "{image}"
    );
    let config = &image["Config"];
    ensure!(
        config["Cmd"] == json!(["cat", "/new"])
            && config["WorkingDir"] == "/etc"
            && config["Labels"]["tier"] == "web"
            && config["ExposedPorts"] == json!({ "80/tcp": {} }),
        "{config}"
    );
    ensure!(
        config["Env"].as_array().is_some_and(
            |env| env.contains(&json!("KEPT=1")) && env.contains(&json!("COLOUR=blue"))
        ),
        "{config}"
    );
    stack.rpod("run --rm made:1").ok()?.is("new")?;
    stack
        .rpod("run --rm made:1 sh -c 'ls /bin/vi; stat -c %u:%g /new'")
        .ok()?
        .is("5:6")?
        .complains("/bin/vi")?;
    stack
        .rpod("commit -q -s -f docker -m 'all in one' changed flat")
        .ok()?;
    let flat = stack.rpod("image inspect flat").ok()?.json()?[0].clone();
    ensure!(
        flat["Comment"] == "all in one"
            && flat["RootFS"]["Layers"].as_array().map(Vec::len) == Some(1),
        "{flat}"
    );
    stack.rpod("run --rm flat cat /new").ok()?.is("new")?;
    stack
        .rpod("commit -m no changed x")
        .exits(125)?
        .complains("messages are only compatible with the docker image format")?;
    stack
        .rpod("commit -c 'RUN ls' changed x")
        .exits(125)?
        .complains("invalid change \"RUN ls\" - invalid instruction RUN")?;
    stack
        .rpod("commit nobody x")
        .exits(125)?
        .complains("nobody")?;
    stack.rpod("run -d --name up alpine sleep 600").ok()?;
    stack.rpod("commit -q -p up paused").ok()?;
    stack.rpod("exec up true").ok()?;
    // The store is still a layout that others read, and the image one that they take.
    let layout = stack.root().join("images");
    Cmd::new(peer("skopeo")?)
        .words(&format!(
            "--insecure-policy copy oci:{}:localhost/made:1 dir:{}",
            layout.display(),
            stack.scratch.path("theirs").display()
        ))
        .ok()?;
    Ok(())
}

pub(crate) fn imported_with_a_history() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --name source alpine sh -c 'echo kept > /kept'")
        .ok()?;
    stack.rpod("export -o out.tar source").ok()?;
    Cmd::new("gzip")
        .dir(stack.scratch.path(""))
        .words("-k out.tar")
        .ok()?;
    for (archive, name) in [("out.tar", "plain"), ("out.tar.gz", "packed")] {
        stack
            .rpod(&format!(
                "import -q -m said -c 'CMD cat /kept' --os linux --arch amd64 {archive} {name}"
            ))
            .ok()?
            .says("sha256:")?;
        stack.rpod(&format!("run --rm {name}")).ok()?.is("kept")?;
    }
    let bytes = fs::read(stack.scratch.path("out.tar"))?;
    stack.rpod("import -q - from-stdin").stdin(bytes).ok()?;
    stack
        .rpod("import -q registries.conf no")
        .exits(125)?
        .complains("no tar archive")?;
    stack
        .rpod("import -q nothing.tar no")
        .exits(125)?
        .complains("nothing.tar")?;
    let history = stack.rpod("history plain").ok()?;
    for column in ["ID", "CREATED", "CREATED BY", "SIZE", "COMMENT", "said"] {
        history.says(column)?;
    }
    let point = stack.rpod("history --format {{.CreatedAt}} plain").ok()?;
    ensure!(
        point.text().len() == "2026-11-30T00:00:00Z".len(),
        "{point}"
    );
    let told = stack.rpod("history --format json plain").ok()?.json()?;
    ensure!(
        told[0]["tags"][0] == "localhost/plain:latest"
            && told[0]["size"].as_u64() > Some(1_000_000),
        "{told}"
    );
    stack.rpod("commit -q source child").ok()?;
    let tree = stack.rpod("image tree --whatrequires alpine").ok()?;
    tree.says("Image Layers")?
        .says("Top Layer of: [localhost/child:latest]")?;
    stack.rpod("untag child").ok()?;
    stack.rpod("image prune -f").ok()?;
    ensure!(
        stack.rpod("images -q").ok()?.text().lines().count() == 4,
        "only the untagged one goes"
    );
    stack.rpod("image prune -a -f").ok()?;
    stack
        .rpod("images --format {{.Repository}}")
        .ok()?
        .says("alpine")?;
    ensure!(
        stack.rpod("images -q").ok()?.text().lines().count() == 1,
        "a container's image stays"
    );
    Ok(())
}

/// Killed at any moment, a commit leaves either no image or a whole one, and nothing that the next sweep does not take.
pub(crate) fn a_killed_commit_leaves_nothing_half_made() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --name big alpine sh -c 'head -c 20000000 /dev/urandom > /big'")
        .ok()?;
    for millis in (0..200).step_by(10) {
        let killed = stack.rpod("commit -q big half").start()?;
        sleep(Duration::from_millis(millis));
        killed.signal(Signal::SIGKILL)?;
        killed.wait().ok();
        if stack.rpod("image exists half").run()?.code == 0 {
            stack
                .rpod("run --rm half ls -l /big")
                .ok()?
                .says("20000000")?;
            stack.rpod("rmi half").ok()?;
        }
    }
    stack.rpod("image prune -f").ok()?;
    let blobs: Vec<_> = fs::read_dir(stack.root().join("images/blobs/sha256"))?
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    ensure!(
        blobs.len() == 3,
        "more than alpine's manifest, configuration and layer: {blobs:?}"
    );
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let rootfs = stack.root().join("containers").display().to_string();
    let left = mounts.lines().filter(|line| line.contains(&rootfs)).count();
    ensure!(left <= 1, "{left} mounts are left");
    stack.rpod("rm big").ok()?;
    ensure!(
        !fs::read_to_string("/proc/self/mountinfo")?.contains(&rootfs),
        "a mount is left"
    );
    Ok(())
}

/// Whatever the moment, a killed rename leaves the container under one of its names, and the other free.
pub(crate) fn a_killed_rename_leaves_one_name() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name one alpine").ok()?;
    let (mut from, mut to) = ("one", "two");
    for micros in (0..6000).step_by(300) {
        let killed = stack.rpod(&format!("rename {from} {to}")).start()?;
        sleep(Duration::from_micros(micros));
        killed.signal(Signal::SIGKILL)?;
        killed.wait().ok();
        let now = stack
            .rpod("ps -a --format {{.Names}}")
            .ok()?
            .text()
            .to_owned();
        if now == to {
            std::mem::swap(&mut from, &mut to);
        }
        ensure!(now == from, "{now:?} is neither name");
        stack.rpod(&format!("container exists {to}")).exits(1)?;
        stack.rpod(&format!("create --name {to} alpine")).ok()?;
        stack.rpod(&format!("rm {to}")).ok()?;
    }
    Ok(())
}

/// Two commands on one container: each is done or says why not, and the container is whole.
pub(crate) fn two_commands_at_once() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for _ in 0..5 {
        stack.rpod("create --name both alpine sleep 600").ok()?;
        let running: Vec<_> = [
            "start both",
            "rename both other",
            "commit -q both",
            "export -o e.tar both",
            "rm -f -t 0 both",
        ]
        .iter()
        .map(|line| stack.rpod(line).start())
        .collect::<Result<_>>()?;
        for one in running {
            one.wait()?;
        }
        stack.rpod("rm -f -t 0 -i both other").ok()?;
        stack.rpod("ps -aq").ok()?.is("")?;
    }
    let rootfs = stack.root().join("containers").display().to_string();
    ensure!(
        !fs::read_to_string("/proc/self/mountinfo")?.contains(&rootfs),
        "a mount is left"
    );
    Ok(())
}

pub(crate) fn what_is_only_mounted_is_nobodys_file() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.scratch.write("word", "secret")?;
    stack.rpod("secret create word word").ok()?;
    stack
        .rpod("run --name c --network none --secret word alpine touch /tmp/own")
        .ok()?;
    stack.rpod("commit -q c made").ok()?;
    stack
        .rpod("run --rm --network none made ls /run /run/secrets/word")
        .exits(1)?;
    stack
        .rpod("run --rm --network none made ls /tmp")
        .ok()?
        .is("own")?;
    stack
        .rpod("image diff made")
        .ok()?
        .says("A /tmp/own")?
        .hides("secrets/word")?
        .hides("/run/.containerenv")?;

    stack
        .rpod("run -d --name runs --network none alpine sleep 600")
        .ok()?;
    let copy = stack.scratch.path("copy");
    fs::create_dir(&copy)?;
    stack.rpod("cp runs:/").arg(&copy).ok()?;
    ensure!(copy.join("bin/busybox").exists() || copy.join("bin/sh").exists());
    for kernels in ["proc", "sys"] {
        ensure!(
            fs::read_dir(copy.join(kernels))?.next().is_none(),
            "{kernels} was copied"
        );
    }
    Ok(())
}
