//! Which image a name or an id means, where there are several ways to say it.

use tests::{Result, Stack, ensure};

/// An archive keeps layers as they are, a registry compressed: two manifests of one configuration.
pub(crate) fn an_image_packed_twice_is_one() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let rows = |line: &str| -> Result<usize> { Ok(stack.rpod(line).ok()?.text().lines().count()) };
    stack.rpod("save -q -o packed.tar alpine").ok()?;
    stack.rpod("load -q -i packed.tar").ok()?;
    ensure!(
        rows("images -a --noheading")? == 1,
        "a nameless one is left"
    );
    stack.rpod("tag alpine kept").ok()?;
    let pulled = format!("pull -q {}/alpine:latest", stack.registry.address);
    let id = stack.rpod(&pulled).ok()?.text().to_owned();
    ensure!(rows("images -a --noheading")? == 2, "both names are there");
    stack.rpod(&format!("create --name one {id} true")).ok()?;
    stack.rpod("commit -q one made").ok()?;
    stack
        .rpod("rmi kept")
        .ok()?
        .says("Untagged: localhost/kept")?;
    stack.rpod("tag alpine kept").ok()?;
    stack
        .rpod("rmi -a")
        .exits(2)?
        .complains("image used by")?
        .hides("alpine")?;
    stack.rpod(&format!("rmi {id}")).exits(2)?;
    stack.rpod("rm one").ok()?;
    stack
        .rpod(&format!("rmi {id}"))
        .exits(125)?
        .complains("more than one tag")?;
    stack.rpod("manifest create many alpine").ok()?;
    stack.rpod("rmi -a").ok()?;
    ensure!(rows("images -a --noheading")? == 0, "something is left");
    Ok(())
}

pub(crate) fn a_name_by_digest_is_a_name_of_its_own() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let digest = stack.rpod("inspect --format {{.Digest}} alpine").ok()?;
    let name = format!("{}/alpine:latest", stack.registry.address);
    let by_digest = format!("{name}@{}", digest.text());
    stack
        .rpod(&format!("untag {name} {by_digest}"))
        .exits(125)?
        .complains("tag not known")?;
    let before = stack.rpod("images -a").ok()?.text().to_owned();
    stack.rpod(&format!("pull -q {by_digest}")).ok()?;
    stack.rpod("images -a").ok()?.is(&before)?;
    stack
        .rpod("inspect --format {{.RepoTags}}")
        .arg(&by_digest)
        .ok()?
        .is(format!("[{name}]"))?;
    stack.rpod(&format!("untag {name} {by_digest}")).ok()?;
    let only = format!("{}/alpine@{}", stack.registry.address, digest.text());
    stack.rpod("rmi -f alpine").ok()?;
    stack.rpod(&format!("pull -q {only}")).ok()?;
    stack
        .rpod("inspect --format {{.RepoTags}}")
        .arg(&only)
        .ok()?
        .is("[]")?;
    stack
        .rpod(&format!("save -q -o by-digest.tar {only}"))
        .ok()?;
    stack.rpod(&format!("tag {only} {name}")).ok()?;
    stack.rpod(&format!("image exists {name}")).ok()?;
    Ok(())
}

/// Of a list with several names the one that was typed says where it goes.
pub(crate) fn a_list_is_pushed_by_the_name_that_was_typed() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let name = format!("{}/many:1", stack.registry.address);
    stack.rpod("manifest create many alpine").ok()?;
    stack.rpod(&format!("tag many {name}")).ok()?;
    stack.rpod(&format!("manifest push --all {name}")).ok()?;
    stack.rpod("rmi -f many").ok()?;
    stack.rpod(&format!("manifest inspect {name}")).ok()?;
    Ok(())
}
