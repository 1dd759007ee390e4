//! One thing is damaged: it is named with its file and the way out, the others are as they were, and it can be removed.

use std::fs;
use std::path::{Path, PathBuf};

use tests::{Context as _, Result, Stack, ensure};

use crate::engine::nothing_is_left;

/// A thing, and what is asked of it.
struct Case {
    /// As errors name it.
    thing: &'static str,
    file: PathBuf,
    /// Each says what is damaged, and fails.
    fail: &'static [&'static str],
    /// Each says so, too, and does its work.
    go_on: &'static [&'static str],
    /// After this it is gone.
    remove: &'static str,
}

pub(crate) fn one_damaged_thing_hides_no_other() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.scratch.write("file", "content")?;
    for line in [
        "create --name other alpine sleep 600",
        "commit -q other copy",
        "create --name victim copy true",
        "volume create kept",
        "volume create lost",
        "network create net",
        "pod create --infra=false --name group",
        "create --pod group --name member alpine true",
        "secret create hidden file",
        "artifact add localhost/one:1 file",
        "artifact add localhost/two:2 registries.conf",
        "manifest create list",
    ] {
        stack.rpod(line).ok()?;
    }
    for case in cases(&stack)? {
        look_at(&stack, &case).with_context(|| format!("{} is damaged", case.thing))?;
    }
    stack.rpod("system check").ok()?.is("")?;
    stack.rpod("ps -a --format {{.Names}}").ok()?.is("other")?;
    stack.rpod("images --format {{.Tag}}").ok()?.is("latest")?;
    stack.rpod("volume ls -q").ok()?.is("kept")?;
    stack.rpod("artifact ls --format {{.Tag}}").ok()?.is("2")?;
    stack.rpod("secret ls -q").ok()?.is("")?;
    Ok(())
}

fn cases(stack: &Stack) -> Result<[Case; 8]> {
    let root = stack.root();
    let id = |line: &str| Ok::<_, tests::Error>(stack.rpod(line).ok()?.text().to_owned());
    let victim = id("inspect --format {{.Id}} victim")?;
    let group = id("pod inspect --format {{.Id}} group")?;
    let secret = id("secret inspect --format {{.ID}} hidden")?;
    let blob = |line: &str, store: &str| {
        let digest = id(line)?;
        let blobs = root.join(store).join("blobs/sha256");
        Ok::<_, tests::Error>(blobs.join(digest.trim_start_matches("sha256:")))
    };
    Ok([
        Case {
            thing: "container",
            file: root.join("containers").join(victim).join("container.json"),
            fail: &[
                "inspect victim",
                "start victim",
                "rm victim",
                "create --name victim alpine",
                "volume prune -f",
                "volume rm lost",
            ],
            go_on: &["ps -a", "images", "image prune -f", "system df"],
            remove: "rm -f victim",
        },
        Case {
            thing: "image localhost/copy:latest",
            file: blob("image inspect --format {{.Digest}} copy", "images")?,
            fail: &["inspect copy", "create copy", "image exists copy"],
            go_on: &["images", "image prune -f", "system df", "rmi -f nothere"],
            remove: "rmi copy",
        },
        Case {
            thing: "manifest list localhost/list:latest",
            file: list_blob(&root)?,
            fail: &["inspect list", "manifest inspect list"],
            go_on: &["images", "image prune -f"],
            remove: "manifest rm list",
        },
        Case {
            thing: "volume lost",
            file: root.join("volumes/lost/volume.json"),
            fail: &["inspect lost", "volume rm lost", "create -v lost:/x alpine"],
            go_on: &[
                "volume ls",
                "volume create more",
                "volume rm more",
                "system df",
            ],
            remove: "volume rm -f lost",
        },
        Case {
            thing: "network net",
            file: root.join("networks/net.json"),
            fail: &["inspect net", "network create new"],
            go_on: &["network ls", "network prune -f"],
            remove: "network rm net",
        },
        Case {
            thing: "pod",
            file: root.join("pods").join(group).join("pod.json"),
            fail: &["inspect group", "pod start group", "pod rm group"],
            go_on: &["pod ps", "ps -a"],
            remove: "pod rm -f group",
        },
        Case {
            thing: "artifact localhost/one:1",
            file: blob(
                "artifact inspect --format {{.Digest}} localhost/one:1",
                "artifacts",
            )?,
            fail: &[
                "inspect localhost/one:1",
                "artifact extract localhost/one:1 out",
                "artifact add --append localhost/one:1 auth.json",
            ],
            go_on: &[
                "artifact ls",
                "artifact add localhost/three:3 file",
                "artifact rm localhost/three:3",
            ],
            remove: "artifact rm localhost/one:1",
        },
        Case {
            thing: "secret",
            file: root.join("secrets").join(secret).join("secret.json"),
            fail: &["secret inspect hidden", "create --secret hidden alpine"],
            go_on: &["secret ls"],
            remove: "secret rm ID",
        },
    ])
}

fn look_at(stack: &Stack, case: &Case) -> Result<()> {
    let file = case.file.display().to_string();
    fs::write(&case.file, "{\"cut")?;
    for line in case.fail {
        let failed = stack.rpod(line).run()?;
        ensure!(failed.code == 125, "{failed}");
        failed.complains(case.thing)?.complains(" is damaged (")?;
        failed.complains(&file)?;
    }
    for line in case.go_on {
        let done = stack.rpod(line).ok()?;
        // What does not meet it needs not tell.
        if !done.stderr.is_empty() {
            done.complains("level=warning")?.complains(&file)?;
        }
    }
    stack.rpod("system check").exits(125)?.says(&file)?;
    let id = case.file.parent().and_then(Path::file_name);
    let id = id.unwrap_or_default().to_string_lossy();
    stack.rpod(&case.remove.replace("ID", &id)).ok()?;
    stack.rpod("system check").ok()?.is("")?;
    Ok(())
}

/// Of the manifest list.
fn list_blob(root: &Path) -> Result<PathBuf> {
    let index = fs::read(root.join("images/index.json"))?;
    let index: serde_json::Value = serde_json::from_slice(&index)?;
    let all = index["manifests"].as_array().context("manifests")?;
    let of_list = |one: &&serde_json::Value| {
        let kind = one["mediaType"].as_str();
        kind == Some("application/vnd.oci.image.index.v1+json")
    };
    let list = all.iter().find(of_list).context("a manifest list")?;
    let digest = list["digest"].as_str().context("its digest")?;
    let blobs = root.join("images/blobs/sha256");
    Ok(blobs.join(digest.trim_start_matches("sha256:")))
}

/// What is not waited for on the disk may be cut short by a power failure. It is made up for.
pub(crate) fn damaged_history_is_history() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --name one alpine sh -c 'exit 3'")
        .exits(3)?;
    stack.rpod("run -d --name two alpine sleep 600").ok()?;
    let id = |name: &str| {
        let id = stack.rpod(&format!("inspect --format {{{{.Id}}}} {name}"));
        Ok::<_, tests::Error>(id.ok()?.text().to_owned())
    };
    let state = "inspect --format {{.State.Status}}:{{.State.ExitCode}}";
    fs::write(
        stack
            .root()
            .join("containers")
            .join(id("one")?)
            .join("last.json"),
        "",
    )?;
    let runroot = stack.scratch.path("runroot");
    fs::write(
        runroot.join("containers").join(id("two")?).join("started"),
        "{",
    )?;
    stack
        .rpod("ps -a")
        .ok()?
        .says("one")?
        .complains("last.json is damaged")?;
    stack.rpod(&format!("{state} one")).ok()?.is("exited:255")?;
    stack.rpod(&format!("{state} two")).ok()?.is("running:0")?;
    stack.rpod("start -a one").exits(3)?;
    stack.rpod(&format!("{state} one")).ok()?.is("exited:3")?;
    stack.rpod("stop -t 0 two").ok()?;
    stack.rpod(&format!("{state} two")).ok()?.is("exited:137")?;
    stack.rpod("rm one two").ok()?;
    nothing_is_left(&stack)
}
