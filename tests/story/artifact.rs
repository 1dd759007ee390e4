//! Artifacts: files that are kept as images are.

use std::fs;

use serde_json::Value;
use tests::{Output, Result, Stack, ensure, peer};

/// A stack with two files, `one.txt` and `two.bin`.
fn with_files() -> Result<Stack> {
    let stack = Stack::with_alpine()?;
    stack.scratch.write("one.txt", "first\n")?;
    stack.scratch.write("two.bin", "\u{7f}ELF\0second")?;
    Ok(stack)
}

fn manifest(stack: &Stack, name: &str) -> Result<Value> {
    let shown = stack.rpod(&format!("artifact inspect {name}")).ok()?;
    let mut shown: Value = serde_json::from_str(&shown.stdout)?;
    Ok(shown["Manifest"].take())
}

pub(crate) fn artifacts_are_made_and_extracted() -> Result<()> {
    let stack = with_files()?;
    let name = "localhost/test/files";
    let options = "--type test/kind --annotation color=blue";
    let line = format!("artifact add {options} {name} one.txt");
    stack.rpod(&line).ok()?;
    stack
        .rpod(&line)
        .exits(125)?
        .complains("localhost/test/files:latest: artifact already exists")?;
    let before = manifest(&stack, name)?;
    ensure!(before["artifactType"] == "test/kind", "{before}");
    ensure!(before["layers"][0]["mediaType"] == "text/plain; charset=utf-8");
    ensure!(before["layers"][0]["annotations"]["color"] == "blue");
    stack
        .rpod(&format!("artifact add --append {name} two.bin"))
        .ok()?;
    stack
        .rpod(&format!("artifact add --append {name} two.bin"))
        .exits(125)?
        .complains("two.bin: file already exists in artifact")?;
    stack
        .rpod(&format!(
            "artifact add --append --annotation org.opencontainers.image.title=two.bin {name} one.txt"
        ))
        .exits(125)?
        .complains("duplicate layers org.opencontainers.image.title labels")?;
    let after = manifest(&stack, name)?;
    ensure!(after["layers"][1]["mediaType"] == "application/octet-stream");
    let created = "org.opencontainers.image.created";
    ensure!(after["annotations"][created] == before["annotations"][created]);

    fs::create_dir(stack.scratch.path("out"))?;
    stack.rpod(&format!("artifact extract {name} out")).ok()?;
    ensure!(fs::read_to_string(stack.scratch.path("out/one.txt"))? == "first\n");
    let line = format!("artifact extract --title two.bin {name} file");
    stack.rpod(&line).ok()?;
    ensure!(fs::read(stack.scratch.path("file"))?.ends_with(b"second"));
    stack
        .rpod(&format!("artifact extract {name} file"))
        .exits(125)?
        .complains("consists of several blobs")?;

    let listed = stack.rpod("artifact ls").ok()?;
    let headings = listed.stdout.lines().next().unwrap_or_default();
    let headings: Vec<&str> = headings.split_whitespace().collect();
    ensure!(
        headings == ["REPOSITORY", "TAG", "DIGEST", "CREATED", "SIZE"],
        "{listed}"
    );
    let format = "{{.Repository}}:{{.Tag}} {{.VirtualSize}}";
    let listed = stack.rpod("artifact ls --format").arg(format).ok()?;
    ensure!(
        listed.text() == "localhost/test/files:latest 17",
        "{listed}"
    );
    let events = stack
        .rpod("events --stream=false --filter type=artifact")
        .ok()?;
    ensure!(events.stdout.lines().count() == 2, "{events}");
    stack
        .rpod("inspect --type artifact localhost/test/files")
        .ok()?;

    stack.rpod("artifact rm --all").ok()?;
    let blobs = fs::read_dir(stack.root().join("artifacts/blobs/sha256"))?;
    ensure!(blobs.count() == 0, "blobs of no artifact are left");
    stack
        .rpod(&format!("artifact rm {name}"))
        .exits(125)?
        .complains("artifact does not exist")?;
    stack.rpod(&format!("artifact rm --ignore {name}")).ok()?;
    Ok(())
}

pub(crate) fn artifacts_are_pushed_and_pulled() -> Result<()> {
    let stack = with_files()?;
    let name = format!("{}/test/files:v1", stack.registry.address);
    let digest = stack
        .rpod(&format!("artifact add {name} one.txt two.bin"))
        .ok()?
        .text()
        .to_owned();
    let line = format!("artifact push --digestfile digest {name}");
    stack.rpod(&line).ok()?;
    let pushed = fs::read_to_string(stack.scratch.path("digest"))?;
    ensure!(pushed.trim() == format!("sha256:{digest}"), "{pushed}");
    stack.rpod(&format!("artifact rm {}", &digest[..12])).ok()?;
    stack.rpod(&format!("artifact pull {name}")).ok()?;
    let format = "{{.Digest}} {{.TotalSizeBytes}} {{len .Manifest.Layers}}";
    let shown: Output = stack
        .rpod(&format!("artifact inspect {digest} --format"))
        .arg(format)
        .ok()?;
    ensure!(shown.text() == format!("sha256:{digest} 17 2"), "{shown}");
    // It is a plain layout, which others read.
    if let Ok(skopeo) = peer("skopeo") {
        let layout = format!("oci:{}:{name}", stack.root().join("artifacts").display());
        let raw = tests::Cmd::new(skopeo)
            .args(["inspect", "--raw", &layout])
            .ok()?;
        ensure!(
            raw.stdout.contains("application/vnd.oci.empty.v1+json"),
            "{raw}"
        );
    }
    stack
        .rpod("artifact pull alpine")
        .exits(125)?
        .complains("repository name must be canonical")?;
    Ok(())
}

pub(crate) fn artifacts_are_mounted() -> Result<()> {
    let stack = with_files()?;
    stack.rpod("artifact add localhost/one one.txt").ok()?;
    stack
        .rpod("artifact add localhost/two one.txt two.bin")
        .ok()?;
    let says = |options: &str, command: &str| -> Result<String> {
        let mount = format!("run --rm --mount type=artifact,{options} alpine {command}");
        Ok(stack.rpod(&mount).ok()?.text().to_owned())
    };
    ensure!(says("src=localhost/one,dst=/data", "cat /data")? == "first");
    ensure!(says("src=localhost/one,dst=/tmp", "cat /tmp/one.txt")? == "first");
    ensure!(says("src=localhost/one,dst=/tmp,name=x", "cat /tmp/x")? == "first");
    ensure!(says("src=localhost/two,dst=/data", "ls /data")? == "one.txt\ntwo.bin");
    ensure!(says("src=localhost/two,dst=/data,title=one.txt", "cat /data")? == "first");
    let names = says("src=localhost/two,dest=/data,name=n", "ls /data")?;
    ensure!(names == "n-0\nn-1", "{names}");
    // Written to it is never: it is what its digest says.
    stack
        .rpod("run --rm --mount type=artifact,src=localhost/one,dst=/data alpine")
        .args(["sh", "-c", "echo x >/data"])
        .exits(1)?;
    stack
        .rpod("run --rm --mount type=artifact,src=localhost/two,dst=/etc/passwd alpine true")
        .exits(126)?
        .complains("contains more than one blob")?;
    stack
        .rpod("create --mount type=artifact,src=localhost/none,dst=/data alpine true")
        .exits(125)?
        .complains("localhost/none:latest: artifact does not exist")?;
    Ok(())
}

pub(crate) fn an_artifact_goes_into_a_list() -> Result<()> {
    let stack = with_files()?;
    stack.scratch.write("data.json", "{}")?;
    stack.rpod("manifest create many alpine").ok()?;
    stack
        .rpod("manifest add --artifact-type test/x many alpine")
        .exits(125)?
        .complains("--artifact-type requires --artifact")?;
    let options = "--artifact --artifact-type test/x --artifact-subject alpine --annotation a=b";
    stack
        .rpod(&format!("manifest add {options} many two.bin data.json"))
        .ok()?;
    let list = stack.remote("many:1");
    stack
        .rpod(&format!("manifest push --all many {list}"))
        .ok()?;
    let pushed = stack
        .rskopeo(&format!("inspect --raw {list}"))
        .ok()?
        .json()?;
    let entry = &pushed["manifests"][1];
    ensure!(
        entry["artifactType"] == "test/x" && entry["annotations"]["a"] == "b",
        "{pushed}"
    );
    let digest = entry["digest"].as_str().unwrap_or_default();
    let by_digest = format!("{}@{digest}", list.trim_end_matches(":1"));
    let manifest = stack
        .rskopeo(&format!("inspect --raw {by_digest}"))
        .ok()?
        .json()?;
    let kinds: Vec<_> = (0..2)
        .map(|n| manifest["layers"][n]["mediaType"].clone())
        .collect();
    ensure!(
        kinds == ["application/octet-stream", "application/json"],
        "{manifest}"
    );
    ensure!(manifest["subject"]["digest"].is_string(), "{manifest}");
    // It is no image for this machine.
    stack.rpod("run --rm many true").ok()?;
    Ok(())
}

/// An artifact's titles are whoever's who made it.
pub(crate) fn an_artifacts_titles_lead_nowhere() -> Result<()> {
    let stack = with_files()?;
    let title = "org.opencontainers.image.title=../evil";
    stack
        .rpod(&format!(
            "artifact add --annotation {title} localhost/evil one.txt"
        ))
        .ok()?;
    fs::create_dir_all(stack.scratch.path("deep/out"))?;
    stack
        .rpod("artifact extract localhost/evil deep/out")
        .exits(125)?
        .complains("invalid name: \"../evil\" cannot contain /")?;
    ensure!(!stack.scratch.path("deep/evil").exists());
    // A file that is named by the person has no need of it.
    stack
        .rpod("artifact extract localhost/evil deep/file")
        .ok()?;
    stack
        .rpod("run --rm --mount type=artifact,src=localhost/evil,dst=/tmp alpine true")
        .exits(126)?
        .complains("cannot contain /")?;
    Ok(())
}
