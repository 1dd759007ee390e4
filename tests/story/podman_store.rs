//! Images between rskopeo and the store that real podman runs containers from.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};

use tests::image::Image;
use tests::registry::Access;
use tests::stack::Parts;
use tests::user::{Ranges, User};
use tests::{Cmd, Result, Stack, ensure, ours, peer};

/// Podman, and the store that it uses; `pulled` is a second one beside it.
struct Podman {
    stack: Stack,
}

impl Podman {
    fn new() -> Result<Podman> {
        let parts = Parts {
            engine: peer("podman")?,
            runtime: peer("runc")?,
            monitor: peer("conmon")?,
            pause: peer("catatonit")?,
            copier: ours("rskopeo")?,
        };
        Ok(Podman {
            stack: Stack::of(parts, Access::Plain)?,
        })
    }

    /// An image in its store.
    fn image(&self, name: &str) -> String {
        self.of("root", name)
    }

    fn of(&self, root: &str, name: &str) -> String {
        let path = |name| self.stack.scratch.path(name).display().to_string();
        format!(
            "containers-storage:[overlay@{}+{}]{name}",
            path(root),
            path("runroot")
        )
    }

    fn skopeo(&self, line: &str) -> Result<Cmd> {
        let skopeo = Cmd::new(peer("skopeo")?).words(line);
        Ok(skopeo.dir(self.stack.scratch.path("")))
    }

    /// The config's digest and the layers', whatever their media types: skopeo calls plain layers compressed here.
    fn digests(&self, directory: &str) -> Result<Vec<String>> {
        let path = self.stack.scratch.path(directory).join("manifest.json");
        let manifest: serde_json::Value = serde_json::from_slice(&fs::read(path)?)?;
        let layers = manifest["layers"].as_array().into_iter().flatten();
        let all = std::iter::once(&manifest["config"]).chain(layers);
        Ok(all
            .map(|blob| format!("{} {}", blob["digest"], blob["size"]))
            .collect())
    }
}

pub(crate) fn podman_runs_what_rskopeo_wrote() -> Result<()> {
    let podman = Podman::new()?;
    let Podman { stack } = &podman;
    let fedora = Image::fedora()?;
    let image = podman.image("example.org/fedora:24");
    let copy = format!("copy {} {image}", stack.remote("fedora:24"));
    stack.rskopeo(&copy).ok()?;
    let listed = stack
        .rpod("images --digests --no-trunc --format '{{.Repository}}:{{.Tag}} {{.Digest}}'")
        .ok()?;
    listed.is(format!("example.org/fedora:24 {}", fedora.digest()))?;
    let seen = "cat /etc/os-release; ls /etc/motd /opt/data; stat -c %a /opt/data/new";
    let run = stack
        .rpod(&format!(
            "run --rm --network none example.org/fedora:24 sh -c '{seen}'"
        ))
        .run()?;
    run.says("VERSION_ID=24")?
        .says("new\n640")?
        .complains("/etc/motd")?;
    ensure!(!run.stdout.contains("old"), "{run}");

    // The same store, seen by skopeo: every layer has the bytes that it came with.
    podman.skopeo(&format!("copy {image} dir:theirs"))?.ok()?;
    stack.rskopeo(&format!("copy {image} dir:ours")).ok()?;
    ensure!(
        podman.digests("ours")? == podman.digests("theirs")?,
        "the blobs differ"
    );
    let inspect = stack.rskopeo(&format!("inspect {image}")).ok()?.json()?;
    ensure!(inspect["Digest"] == fedora.digest().as_str(), "{inspect}");

    // Again, under another name: the layers are there.
    let again = podman.image("example.org/fedora:again");
    let copied = stack
        .rskopeo(&format!("copy {} {again}", stack.remote("fedora:24")))
        .ok()?;
    ensure!(copied.stdout.contains("Copying blob"), "{copied}");
    stack
        .rpod("inspect example.org/fedora:again")
        .ok()?
        .says(fedora.digest())?;
    stack
        .rpod("rmi example.org/fedora:24 example.org/fedora:again")
        .ok()?;
    let left = fs::read_to_string(stack.scratch.path("root/overlay-layers/layers.json"))?;
    ensure!(left == "[]", "podman left {left}");
    Ok(())
}

pub(crate) fn rskopeo_reads_what_podman_wrote() -> Result<()> {
    let podman = Podman::new()?;
    let Podman { stack } = &podman;
    let address = &stack.registry.address;
    stack.pull("fedora:24")?;
    let name = format!("{address}/fedora:24");
    let image = podman.image(&name);
    stack.rskopeo(&format!("copy {image} dir:ours")).ok()?;
    podman.skopeo(&format!("copy {image} dir:theirs"))?.ok()?;
    ensure!(
        podman.digests("ours")? == podman.digests("theirs")?,
        "the blobs differ"
    );
    // A layer that podman made has no blob to go back to.
    stack
        .rpod(&format!("run --network none --name changed {name} sh -c 'echo hi >/opt/data/mine; rm /etc/os-release'"))
        .ok()?;
    stack.rpod("commit changed example.org/changed:1").ok()?;
    let changed = podman.image("example.org/changed:1");
    stack
        .rskopeo(&format!("copy {changed} {}", stack.remote("changed:1")))
        .ok()?;

    // And into rpod's store, from which it runs.
    let ours = format!(
        "containers-storage:[rpod@{}]",
        stack.scratch.path("rpod").display()
    );
    stack
        .rskopeo(&format!("copy {changed} {ours}example.org/changed:1"))
        .ok()?;
    let id = |image: &str| -> Result<String> {
        let raw = stack
            .rskopeo(&format!("inspect --raw {image}"))
            .ok()?
            .json()?;
        Ok(raw["config"]["digest"].to_string())
    };
    ensure!(id(&changed)? == id(&format!("{ours}example.org/changed:1"))?);
    ensure!(id(&changed)? == id(&stack.remote("changed:1"))?);

    let preserved = stack
        .rskopeo(&format!("copy --preserve-digests {image} dir:x"))
        .exits(1)?;
    preserved.complains("changing layer representation")?;
    stack.rskopeo(&format!("delete {changed}")).ok()?;
    let images = stack.rpod("images --format '{{.Repository}}'").ok()?;
    ensure!(!images.stdout.contains("example.org/changed"), "{images}");
    stack
        .rskopeo(&format!("delete {image}"))
        .exits(1)?
        .complains("is used by container")?;
    stack.rpod("start --attach changed").run()?;
    stack
        .rskopeo(&format!("inspect {}", podman.image("none:1")))
        .exits(2)?
        .complains("does not resolve to an image ID")?;
    Ok(())
}

/// What lies in a store that is only read is as good as what lies in the first.
pub(crate) fn images_of_further_stores_are_read() -> Result<()> {
    let podman = Podman::new()?;
    let Podman { stack } = &podman;
    stack.pull("fedora:24")?;
    let name = format!("{}/fedora:24", stack.registry.address);
    let root = stack.scratch.path("root").display().to_string();
    let with = |stores: &str| {
        let (first, runroot) = (stack.scratch.path("first"), stack.scratch.path("runroot"));
        let (first, runroot) = (first.display(), runroot.display());
        format!("containers-storage:[overlay@{first}+{runroot}:overlay.{stores}]{name}")
    };
    let image = with(&format!("additionalimagestore={root}"));
    stack.rskopeo(&format!("copy {image} dir:ours")).ok()?;
    podman.skopeo(&format!("copy {image} dir:theirs"))?.ok()?;
    ensure!(
        podman.digests("ours")? == podman.digests("theirs")?,
        "the blobs differ"
    );
    // One of its own, beside the others.
    let own = with(&format!("imagestore={root}")).replace(&name, "example.org/own:1");
    stack
        .rskopeo(&format!("copy {} {own}", stack.remote("alpine:latest")))
        .ok()?;
    stack.rskopeo(&format!("inspect {own}")).ok()?;
    for (stores, told) in [
        ("imagestore=root", "is not an absolute path"),
        ("imagestore=/nowhere", "is not a directory"),
        ("size=1", "is not supported: leave it out"),
    ] {
        stack
            .rskopeo(&format!("inspect {}", with(stores)))
            .exits(1)?
            .complains(told)?;
    }
    Ok(())
}

/// In a user namespace, whose other users are the subordinate ids.
pub(crate) fn an_ordinary_user_writes_their_own_store() -> Result<()> {
    let podman = Podman::new()?;
    let Podman { stack } = &podman;
    let line = |line: &str| stack.rskopeo(line).ok().map(drop);
    line(&format!("copy {} oci:layout:24", stack.remote("fedora:24")))?;
    line("unpack oci:layout:24 bundle")?;
    chown(
        stack.scratch.path("bundle/rootfs/opt/data/new"),
        Some(33),
        Some(33),
    )?;
    line("pack bundle oci:layout:owned")?;
    line(&format!(
        "copy oci:layout:owned {}",
        stack.remote("owned:1")
    ))?;

    let user = User::new(&stack.scratch, "store", Ranges::Some)?;
    let home = user.home.display();
    let place =
        format!("containers-storage:[overlay@{home}/store+{home}/run/store]example.org/owned:1");
    let copy = |from: &str, to: &str| {
        let line = format!("--insecure-policy copy --src-tls-verify=false {from} {to}");
        user.run(Cmd::new("rskopeo").words(&line))
    };
    copy(&stack.remote("owned:1"), &place).ok()?;
    let mut owners = Vec::new();
    for layer in fs::read_dir(user.home.join("store/overlay"))? {
        let file = layer?.path().join("diff/opt/data/new");
        owners.extend(file.symlink_metadata().map(|meta| meta.uid()).ok());
    }
    ensure!(
        owners.contains(&user.uid) && owners.iter().any(|uid| *uid > 1000 && *uid != user.uid),
        "root's file and another's belong to {owners:?}"
    );
    copy(&place, "dir:ours").ok()?;
    let theirs = format!("--insecure-policy copy {place} dir:theirs");
    user.run(Cmd::new(peer("skopeo")?).words(&theirs)).ok()?;
    let digests = |name: &str| podman.digests(&format!("{}/{name}", home));
    ensure!(digests("ours")? == digests("theirs")?, "the blobs differ");
    let delete = format!("delete {place}");
    user.run(Cmd::new("rskopeo").words(&delete)).ok()?;

    let nobody = User::new(&stack.scratch, "none", Ranges::None)?;
    let home = nobody.home.display();
    let place = format!("containers-storage:[overlay@{home}/store+{home}/run/store]x");
    let refused = format!(
        "--insecure-policy copy oci:{}:24 {place}",
        stack.scratch.path("layout").display()
    );
    nobody
        .run(Cmd::new("rskopeo").words(&refused))
        .exits(1)?
        .complains("/etc/subgid has no range for user")?;
    Ok(())
}

/// Whoever is killed between two writes leaves a layer that says it is half-made; the next one removes it.
pub(crate) fn a_half_made_layer_is_removed() -> Result<()> {
    let podman = Podman::new()?;
    let Podman { stack } = &podman;
    let image = podman.image("example.org/fedora:24");
    let copy = format!("copy {} {image}", stack.remote("fedora:24"));
    stack.rskopeo(&copy).ok()?;
    let path = stack.scratch.path("root/overlay-layers/layers.json");
    let mut table: serde_json::Value = serde_json::from_slice(&fs::read(&path)?)?;
    let half = "ab".repeat(32);
    let mut made = table[0].clone();
    made["id"] = half.clone().into();
    made["flags"] = serde_json::json!({"incomplete": true});
    if let Some(layers) = table.as_array_mut() {
        layers.push(made);
    }
    fs::write(&path, table.to_string())?;
    let place = stack.scratch.path("root/overlay").join(&half);
    fs::create_dir(&place)?;
    fs::create_dir(stack.scratch.path("root/overlay/.tmp-left"))?;
    stack.rskopeo(&copy).ok()?;
    ensure!(!place.exists(), "the half-made layer is there");
    ensure!(
        !fs::read_to_string(&path)?.contains(&half),
        "the table has the half-made layer"
    );
    ensure!(!stack.scratch.path("root/overlay/.tmp-left").exists());
    stack
        .rpod("run --rm --network none example.org/fedora:24 true")
        .ok()?;
    Ok(())
}

pub(crate) fn the_driver_or_what_is_there_tells_the_store() -> Result<()> {
    let podman = Podman::new()?;
    let Podman { stack } = &podman;
    let alpine = stack.remote("alpine:latest");
    let to = |spec: &str| {
        let spec = spec.replace("ROOT", &stack.scratch.path("").display().to_string());
        stack.rskopeo(&format!(
            "copy {alpine} containers-storage:[{spec}]alpine:latest"
        ))
    };
    to("overlay@ROOT/p+ROOT/run:overlay.mountopt=nodev").ok()?;
    to("ROOT/p").ok()?;
    ensure!(!stack.scratch.path("p/images").exists());
    to("ROOT/r").ok()?;
    ensure!(stack.scratch.path("r/images/oci-layout").exists());
    to("vfs@ROOT/v")
        .exits(1)?
        .complains("[overlay@ROOT+RUNROOT]")?;
    to("overlay@ROOT/p:overlay.force_mask=700")
        .exits(1)?
        .complains("force_mask")?;
    Ok(())
}

/// By all of an image's ID or its beginning, with a name or without, in either store; real skopeo takes the same words.
pub(crate) fn images_are_found_by_their_ids() -> Result<()> {
    let podman = Podman::new()?;
    let stack = &podman.stack;
    let remote = stack.remote("alpine:latest");
    let config = stack
        .rskopeo(&format!("inspect --raw {remote}"))
        .ok()?
        .json()?["config"]["digest"]
        .to_string();
    let id = config.trim_matches('"').trim_start_matches("sha256:");
    let rpods = format!(
        "containers-storage:[rpod@{}]",
        stack.scratch.path("rpod").display()
    );
    for store in [rpods.as_str(), &podman.image("")] {
        stack
            .rskopeo(&format!("copy {remote} {store}example.org/a:1"))
            .ok()?;
        let short = &id[..12];
        for (image, known) in [
            (format!("@{id}"), true),
            (format!("@{short}"), true),
            (id.to_owned(), true),
            (short.to_owned(), true),
            (format!("example.org/a@{short}"), true),
            (format!("example.org/b@{short}"), false),
            ("@0123456789ab".to_owned(), false),
        ] {
            let line = format!("inspect --config {store}{image}");
            let output = stack.rskopeo(&line).run()?;
            ensure!((output.code == 0) == known, "{image} in {store}: {output}");
            if !store.contains("rpod@") {
                let theirs = podman.skopeo(&line)?.run()?;
                ensure!((theirs.code == 0) == known, "{image}: {theirs}");
            }
        }
        // A copy to an ID has to be of that image.
        let renamed = format!("copy {remote} {store}example.org/c:1@{id}");
        stack.rskopeo(&renamed).ok()?;
        stack
            .rskopeo(&format!("inspect {store}example.org/c:1"))
            .ok()?;
        let wrong = "0".repeat(64);
        stack
            .rskopeo(&format!("copy {remote} {store}example.org/d:1@{wrong}"))
            .exits(1)?
            .complains("the image's ID is")?;
    }
    Ok(())
}
