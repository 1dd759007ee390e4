//! Many images at once, images that go away, and output by template.

use std::fs;

use tests::{Context as _, Result, Stack, ensure};

pub(crate) fn sync_between_registry_and_directory() -> Result<()> {
    let stack = Stack::new()?;
    let address = &stack.registry.address;
    for tag in ["1.0", "1.2", "2.0", "edge"] {
        let to = stack.remote(&format!("many:{tag}"));
        stack
            .rskopeo(&format!("copy -q {} {to}", stack.remote("alpine:latest")))
            .ok()?;
    }
    let sync = |line: &str| stack.rskopeo(&format!("sync {line}"));
    sync(&format!(
        "--src docker --dest dir {address}/many dry --dry-run"
    ))
    .ok()?
    .complains("Would have synced 4 images from 1 sources")?;
    ensure!(!stack.scratch.path("dry").exists(), "a dry run has copied");
    sync(&format!(
        "--src docker --dest dir {address}/many flat --digestfile digests"
    ))
    .ok()?;
    ensure!(stack.scratch.path("flat/many:1.2/manifest.json").exists());
    let digests = fs::read_to_string(stack.scratch.path("digests"))?;
    ensure!(digests.lines().count() == 4, "{digests}");
    ensure!(digests.contains(" dir:flat/many:1.0\n"), "{digests}");
    sync(&format!("--src docker --dest dir {address}/many flat"))
        .exits(1)?
        .complains("Refusing to overwrite destination directory")?;
    sync(&format!(
        "--src docker --dest dir --scoped {address}/many:edge scoped"
    ))
    .ok()?;
    let scoped = stack.scratch.path(format!("scoped/{address}/many:edge"));
    ensure!(scoped.join("version").exists(), "{}", scoped.display());
    sync(&format!(
        "--src dir --dest docker --append-suffix -x flat {address}/copies"
    ))
    .ok()?;
    let tags = stack
        .rskopeo(&format!("list-tags {}", stack.remote("copies/many")))
        .ok()?
        .json()?;
    for tag in ["1.0-x", "1.2-x", "2.0-x", "edge-x"] {
        let all = tags["Tags"].as_array().context("tags")?;
        ensure!(all.len() == 4 && all.contains(&tag.into()), "{tags}");
    }
    Ok(())
}

pub(crate) fn sync_from_yaml() -> Result<()> {
    let stack = Stack::new()?;
    let address = &stack.registry.address;
    for tag in ["1.0", "1.2", "2.0", "edge"] {
        let to = stack.remote(&format!("many:{tag}"));
        stack
            .rskopeo(&format!("copy -q {} {to}", stack.remote("alpine:latest")))
            .ok()?;
    }
    let yaml = |name: &str, text: &str| stack.scratch.write(name, format!("{address}:\n{text}"));
    yaml(
        "a.yml",
        "  tls-verify: false\n  images:\n    many: [\"edge\"]\n    fedora:\n",
    )?;
    yaml("b.yml", "  images-by-semver:\n    many: \">= 1.2\"\n")?;
    yaml(
        "c.yml",
        "  images-by-tag-regex:\n    many: ^1\\.\n    missing: x\n",
    )?;
    for (name, expected) in [
        ("a", vec!["fedora:24", "many:edge"]),
        ("b", vec!["many:1.2", "many:2.0"]),
        ("c", vec!["many:1.0", "many:1.2"]),
    ] {
        stack
            .rskopeo(&format!("sync --src yaml --dest dir {name}.yml {name}"))
            .ok()?;
        let mut found: Vec<String> = fs::read_dir(stack.scratch.path(name))?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_>>()?;
        found.sort();
        ensure!(found == expected, "{name}: {found:?}");
    }
    Ok(())
}

pub(crate) fn sync_goes_on_and_copies_nothing_twice() -> Result<()> {
    let stack = Stack::new()?;
    let address = &stack.registry.address;
    let line = format!("sync --src docker --dest docker {address}/fedora {address}/mirror");
    stack.rskopeo(&line).ok()?;
    let before = stack.registry.requests()?.len();
    stack.rskopeo(&line).ok()?;
    let new = stack.registry.requests()?.split_off(before);
    ensure!(
        new.iter()
            .all(|line| !line.contains("/blobs/") && !line.contains("PUT")),
        "{}",
        new.join("\n")
    );
    stack.scratch.write(
        "missing.yml",
        format!("{address}:\n  images:\n    fedora: [\"no\", \"24\"]\n"),
    )?;
    let sync = "sync --src yaml --dest dir";
    stack
        .rskopeo(&format!("{sync} missing.yml stops"))
        .exits(2)?
        .complains("Error copying ref")?;
    ensure!(!stack.scratch.path("stops/fedora:24").exists());
    stack
        .rskopeo(&format!("{sync} --keep-going missing.yml goes"))
        .exits(1)?
        .complains("Sync failed due to previous reported error(s)")?;
    ensure!(stack.scratch.path("goes/fedora:24/manifest.json").exists());
    Ok(())
}

pub(crate) fn images_are_deleted() -> Result<()> {
    let stack = Stack::new()?;
    let from = stack.remote("fedora:24");
    stack.rskopeo(&format!("copy {from} oci:layout:one")).ok()?;
    stack
        .rskopeo(&format!(
            "copy {} oci:layout:two",
            stack.remote("alpine:latest")
        ))
        .ok()?;
    stack.rskopeo("delete oci:layout:one").ok()?;
    stack
        .rskopeo("inspect oci:layout:one")
        .exits(2)?
        .complains("no descriptor found for reference")?;
    stack.rskopeo("copy oci:layout:two dir:whole").ok()?;
    let blobs = fs::read_dir(stack.scratch.path("layout/blobs/sha256"))?.count();
    ensure!(
        blobs == 3,
        "{blobs} blobs in place of manifest, config and layer"
    );
    stack.rskopeo(&format!("delete {from}")).ok()?;
    stack
        .rskopeo(&format!("inspect {from}"))
        .exits(2)?
        .complains("manifest unknown")?;
    stack
        .rskopeo("delete dir:whole")
        .exits(1)?
        .complains("Deleting images not implemented for dir: images")?;
    Ok(())
}

pub(crate) fn inspect_renders_templates() -> Result<()> {
    let stack = Stack::new()?;
    let image = stack.remote("fedora:24");
    let inspect = |options: &str, template: &str| {
        let line = format!("inspect {options} --format '{template}' {image}");
        Ok::<_, tests::Error>(stack.rskopeo(&line).ok()?.stdout)
    };
    let layers = inspect("", "{{range .Layers}}{{println .}}{{end}}")?;
    ensure!(
        layers
            .lines()
            .filter(|line| line.starts_with("sha256:"))
            .count()
            == 3,
        "{layers}"
    );
    let created = inspect("", "{{.Os}}/{{.Architecture}} {{.Created}}")?;
    ensure!(
        created == "linux/amd64 2016-06-20 00:00:00 +0000 UTC\n",
        "{created}"
    );
    let directory = inspect("--config", "{{.Config.WorkingDir}} {{len .RootFS.DiffIDs}}")?;
    ensure!(directory == "/opt/data 3\n", "{directory}");
    ensure!(inspect("--no-tags", "{{json .RepoTags}}")? == "[]\n");
    stack
        .rskopeo(&format!("inspect --format {{{{.Nope}}}} {image}"))
        .exits(1)?
        .complains("can't evaluate field Nope")?;
    Ok(())
}
