//! Images of other stores: those that lend theirs, and a place of their own.

use std::fs;

use tests::{Cmd, Result, Stack, ensure};

/// Another root, to which the stack's own lends its images.
struct Borrower<'a>(&'a Stack);

impl Borrower<'_> {
    fn rpod(&self, line: &str) -> Cmd {
        let scratch = &self.0.scratch;
        let (root, lender) = (scratch.path("borrower"), self.0.root());
        self.0.rpod(&format!(
            "--root {} --storage-opt additionalimagestore={} {line}",
            root.display(),
            lender.display()
        ))
    }
}

pub(crate) fn a_lent_image_is_used_and_never_changed() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let own = Borrower(&stack);
    let list = |line: &str| -> Result<String> { Ok(own.rpod(line).ok()?.text().to_owned()) };
    let name = format!("{}/alpine:latest", stack.registry.address);
    own.rpod("images --format '{{.Repository}}:{{.Tag}} {{.ReadOnly}}'")
        .ok()?
        .says(format!("{name} true"))?;
    ensure!(list("images")?.contains("R/O"), "the column is there");
    own.rpod("run --name c alpine sh -c 'echo more >/file; cat /etc/passwd'")
        .ok()?;
    let layers = stack.scratch.path("borrower/layers");
    for layer in fs::read_dir(&layers)? {
        ensure!(layer?.file_type()?.is_symlink(), "no layer is copied");
    }
    for (line, said) in [
        ("rmi alpine", "cannot remove read-only image"),
        ("rmi --force alpine", "cannot remove read-only image"),
        ("untag alpine", "cannot untag read-only image"),
    ] {
        own.rpod(line).exits(125)?.complains(said)?;
    }
    own.rpod("save -o saved.tar alpine").ok()?;
    own.rpod("history alpine").ok()?;
    own.rpod("image mount alpine").ok()?;
    own.rpod("image unmount alpine").ok()?;

    // What is made of it, or named anew, is the store's own and needs no lender.
    own.rpod("commit -q c made").ok()?;
    own.rpod("tag alpine mine").ok()?;
    let alone = stack.scratch.path("borrower").display().to_string();
    let alone = |line: &str| stack.rpod(&format!("--root {alone} {line}"));
    alone("run --rm made cat /file").ok()?.says("more")?;
    alone("run --rm mine true").ok()?;
    alone("run --rm --pull never alpine true").exits(125)?;
    own.rpod("rm --all").ok()?;
    own.rpod("rmi --all").ok()?;
    ensure!(
        fs::read_dir(&layers)?.count() == 0,
        "nothing is left of what nobody uses"
    );
    stack.rpod("run --rm alpine true").ok()?;
    Ok(())
}

pub(crate) fn storage_conf_names_who_lends() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let conf = format!(
        "[storage.options]\nadditionalimagestores = [\"/nowhere\", \"{}\"]\n",
        stack.root().display()
    );
    let conf = stack.scratch.write("lends.conf", conf)?;
    let root = stack.scratch.path("borrower");
    let run = |line: &str| {
        stack
            .rpod(&format!("--root {} {line}", root.display()))
            .env("CONTAINERS_STORAGE_CONF", &conf)
    };
    run("run -d --name c alpine sleep 60").ok()?;
    run("exec c true").ok()?;
    run("info --format '{{index .Store.GraphOptions \"overlay.additionalImageStores\"}}'")
        .ok()?
        .says(format!("[/nowhere {}]", stack.root().display()))?;
    run("--storage-opt= image exists alpine").exits(1)?;
    run("rm -ft0 c").ok()?;
    Ok(())
}

pub(crate) fn images_have_a_place_of_their_own() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let (root, place) = (stack.root(), stack.scratch.path("place"));
    let apart = |line: &str| stack.rpod(&format!("--imagestore {} {line}", place.display()));
    // What the root has is still there, and is not touched.
    apart("run --rm alpine true").ok()?;
    apart("rmi alpine")
        .exits(125)?
        .complains("cannot remove read-only image")?;
    apart("tag alpine other").ok()?;
    apart("run -d --name c other sleep 60").ok()?;
    ensure!(place.join("images/index.json").exists(), "it is kept there");
    ensure!(
        !fs::read_to_string(root.join("images/index.json"))?.contains("other"),
        "and nowhere else"
    );
    ensure!(
        root.join("containers").exists(),
        "containers are in the root"
    );
    apart("rm -ft0 c").ok()?;
    apart("system reset --force").ok()?;
    ensure!(
        !place.exists() && !root.join("images").exists(),
        "both went"
    );
    Ok(())
}
