//! Many images at once, images that go away, and output by template.

use std::fs;

use std::time::Duration;

use tests::image::Image;
use tests::{Context as _, Fault, Result, Stack, Unruly, ensure};

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
    .complains(format!(
        "level=info msg=\"Tag presence check\" imagename=\"{address}/many\" tagged=false"
    ))?
    .complains(format!("msg=\"Getting tags\" image=\"{address}/many\""))?
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
        let said = stack
            .rskopeo(&format!("sync --src yaml --dest dir {name}.yml {name}"))
            .ok()?;
        said.complains(format!(
            "level=info msg=\"Processing repo\" registry=\"{address}\" repo=many"
        ))?;
        let queried =
            format!("msg=\"Querying registry for image tags\" registry=\"{address}\" repo=");
        ensure!(said.stderr.contains(&queried), "{said}");
        if name == "c" {
            said.complains(format!("level=error msg=\"Error processing repo, skipping\" registry=\"{address}\" repo=missing"))?;
        }
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
        format!("{address}:\n  images:\n    fedora: [\"no\", \"no tag\", \"24\"]\n"),
    )?;
    let sync = "sync --src yaml --dest dir";
    stack
        .rskopeo(&format!("{sync} missing.yml stops"))
        .exits(2)?
        .complains("level=error msg=\"Error parsing ref, skipping\" ref=\"no tag\"")?
        .complains("level=error msg=\"invalid tag format\"")?
        .complains("Error copying ref")?;
    ensure!(!stack.scratch.path("stops/fedora:24").exists());
    stack
        .rskopeo(&format!("{sync} --keep-going missing.yml goes"))
        .exits(1)?
        .complains(format!(
            "level=error msg=\"Error copying ref \\\"docker://{address}/fedora:no\\\"\" error=\""
        ))?
        .complains("Sync failed due to previous reported error(s)")?;
    ensure!(stack.scratch.path("goes/fedora:24/manifest.json").exists());
    Ok(())
}

/// The first image is the slowest; the others wait to be told of, and share its layers. One that fails lets those end that are
/// on their way.
pub(crate) fn sync_tells_in_order_what_it_does_at_once() -> Result<()> {
    let stack = Stack::new()?;
    let address = &stack.registry.address;
    for tag in ["a", "b", "c", "d", "e", "f", "g"] {
        stack.registry.hold("many", tag, &Image::fedora()?)?;
    }
    let listed = stack.remote("many");
    let listed = stack.rskopeo(&format!("list-tags {listed}")).ok()?.json()?;
    let listed = listed["Tags"].as_array().context("tags")?.clone();
    let tags: Vec<&str> = listed.iter().filter_map(|tag| tag.as_str()).collect();
    let first = format!("/many/manifests/{}", tags[0]);
    let missing = format!("/many/manifests/{}", tags[4]);
    let unruly = Unruly::before(address, move |asked, _| {
        if asked.is("GET", &first) {
            return Some(Fault::Slow(100, Duration::from_millis(50)));
        }
        let gone = asked.is("GET", &missing);
        gone.then(|| Fault::Answer(404, Vec::new(), String::new()))
    })?;
    let sync = |options: &str, to: &str| {
        stack.rskopeo(&format!(
            "sync {options} --src docker --dest docker --src-tls-verify=false {}/many {address}/{to}",
            unruly.address
        ))
    };
    let done = sync("--keep-going --digestfile digests", "all").exits(1)?;
    let told: Vec<&str> = done
        .stderr
        .lines()
        .filter_map(|line| line.split_once("Copying image ref ")?.1.split('"').next())
        .collect();
    ensure!(
        told == ["1/7", "2/7", "3/7", "4/7", "5/7", "6/7", "7/7"],
        "{done}"
    );
    let pieces = done
        .stdout
        .split("Getting image source signatures\n")
        .skip(1);
    for piece in pieces {
        let lines: Vec<&str> = piece
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1))
            .collect();
        ensure!(
            lines == ["blob", "blob", "blob", "config", "manifest"],
            "{done}"
        );
    }
    let digests = fs::read_to_string(stack.scratch.path("digests"))?;
    let noted: Vec<&str> = digests
        .lines()
        .filter_map(|line| line.rsplit(':').next())
        .collect();
    let copied: Vec<&str> = tags.iter().copied().filter(|tag| *tag != tags[4]).collect();
    ensure!(noted == copied, "{digests}");
    let requests = stack.registry.requests()?;
    let sent = requests
        .iter()
        .filter(|line| line.contains("PUT") && line.contains("/v2/all/many/blobs/"));
    ensure!(
        sent.count() == 4,
        "three layers and a config were not sent once each"
    );

    let stopped = sync("", "some").exits(1)?;
    stopped.complains("Error copying ref")?;
    ensure!(!stopped.stderr.contains("Synced"), "{stopped}");
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
