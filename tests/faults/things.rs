//! What is made beside containers, struck at each of its changes: images and their lists, artifacts, volumes, secrets, networks. The next
//! commands list it, find it whole or not at all, make it, and remove it without a rest.

use std::fs;
use std::path::Path;

use tests::{Context as _, Result, Stack, ensure};

use crate::engine::nothing_is_left;
use crate::strike::{Blow, Whom, strike};

/// The life of a thing; each line is struck after those before it were done in full.
struct Life {
    lines: &'static [&'static str],
    /// Answers when it is whole, and says that it is not there when it is not.
    whole: &'static [&'static str],
    list: &'static str,
    /// Removes it and all that was begun of it.
    remove: &'static str,
    /// Of these directories nothing is left then but what was there before.
    homes: &'static [&'static str],
}

const ARTIFACT: Life = Life {
    lines: &[
        "artifact add localhost/one:1 file",
        "artifact add --append localhost/one:1 other",
        "artifact add --replace localhost/one:1 file",
        "artifact rm localhost/one:1",
    ],
    whole: &["artifact extract localhost/one:1 out"],
    list: "artifact ls",
    remove: "artifact rm -a",
    homes: &["root/artifacts/blobs/sha256"],
};

const PULLED: Life = Life {
    lines: &[
        "artifact pull -q ADDRESS/thing:1",
        "artifact rm ADDRESS/thing:1",
    ],
    whole: &["artifact extract ADDRESS/thing:1 out"],
    list: "artifact ls",
    remove: "artifact rm -a",
    homes: &["root/artifacts/blobs/sha256"],
};

const LIST: Life = Life {
    lines: &[
        "manifest create list",
        "manifest add list containers-storage:localhost/alpine:latest",
        "manifest annotate --annotation a=b list DIGEST",
        "manifest remove list DIGEST",
        "manifest rm list",
    ],
    whole: &["manifest inspect list"],
    list: "images",
    remove: "manifest rm -i list",
    homes: &["root/images/blobs/sha256", "root/layers"],
};

const VOLUME: Life = Life {
    lines: &["volume create --label a=b some", "volume rm some"],
    whole: &["volume inspect some", "volume export -o out.tar some"],
    list: "volume ls",
    remove: "volume rm -f some",
    homes: &["root/volumes"],
};

const SECRET: Life = Life {
    lines: &[
        "secret create some file",
        "secret create --replace some other",
        "secret rm some",
    ],
    whole: &["secret inspect --showsecret some"],
    list: "secret ls",
    remove: "secret rm -a",
    homes: &["root/secrets"],
};

const NETWORK: Life = Life {
    lines: &[
        "network create some",
        "network update --dns-add 1.1.1.1 some",
        "network rm some",
    ],
    whole: &["network inspect some"],
    list: "network ls",
    remove: "network rm -f some",
    homes: &["root/networks"],
};

pub(crate) fn an_artifact_is_whole_or_not_there() -> Result<()> {
    lives(&ARTIFACT)
}

pub(crate) fn a_pulled_artifact_is_whole_or_not_there() -> Result<()> {
    lives(&PULLED)
}

pub(crate) fn a_manifest_list_is_whole_or_not_there() -> Result<()> {
    lives(&LIST)
}

pub(crate) fn a_volume_is_whole_or_not_there() -> Result<()> {
    lives(&VOLUME)
}

pub(crate) fn a_secret_is_whole_or_not_there() -> Result<()> {
    lives(&SECRET)
}

pub(crate) fn a_network_is_whole_or_not_there() -> Result<()> {
    lives(&NETWORK)
}

fn lives(life: &Life) -> Result<()> {
    for blow in [Blow::KillAtChange, Blow::NoSpace] {
        let stack = prepared()?;
        let digest = stack
            .rpod("image inspect --format {{.Digest}} alpine")
            .ok()?;
        let meant = |line: &str| {
            line.replace("ADDRESS", &stack.registry.address)
                .replace("DIGEST", digest.text())
        };
        let before = left_in(&stack, life.homes)?;
        for (at, struck) in life.lines.iter().enumerate() {
            for nth in 0.. {
                for line in &life.lines[..at] {
                    stack.rpod(&meant(line)).ok()?;
                }
                let command = stack.rpod(&meant(struck)).into_command();
                let outcome = strike(command, Whom::Command, blow, nth)?;
                let during = || format!("after {struck} and {outcome:?} at {nth}");
                goes_on(&stack, life, &meant).with_context(during)?;
                let left = left_in(&stack, life.homes)?;
                let more: Vec<_> = left.iter().filter(|path| !before.contains(path)).collect();
                ensure!(more.is_empty(), "left {}: {more:?}", during());
                if outcome.hit.is_none() {
                    ensure!(outcome.code == 0, "{struck} fails: {outcome:?}");
                    ensure!(nth > 0, "{struck} changes nothing");
                    break;
                }
                if blow == Blow::NoSpace && outcome.code != 0 {
                    let said = outcome.said.to_lowercase();
                    ensure!(said.contains("no space left on device"), "{}", during());
                    ensure!(said.lines().count() == 1, "{}", during());
                }
            }
        }
        stack.rpod("system check").ok()?.is("")?;
        nothing_is_left(&stack)?;
    }
    Ok(())
}

/// It is listed or not, whole or not there; it can be made again, or is there already; and it goes.
fn goes_on(stack: &Stack, life: &Life, meant: &dyn Fn(&str) -> String) -> Result<()> {
    let listed = stack.rpod(life.list).ok()?;
    ensure!(listed.stderr.is_empty(), "{listed}");
    let looks = life.whole.iter().map(|line| stack.rpod(&meant(line)).run());
    let looks = looks.collect::<Result<Vec<_>>>()?;
    let is_there = looks[0].code == 0;
    for look in &looks {
        ensure!((look.code == 0) == is_there, "half of it is there: {look}");
        ensure!(!look.stderr.contains("damaged"), "{look}");
    }
    let again = stack.rpod(&meant(life.lines[0])).run()?;
    ensure!(again.code == 0 || is_there, "{again}");
    for line in life.whole {
        stack.rpod(&meant(line)).ok()?;
    }
    stack.rpod(life.remove).ok()?;
    Ok(())
}

fn prepared() -> Result<Stack> {
    let stack = Stack::new()?;
    stack.pull("alpine:latest")?;
    stack
        .rpod(&format!(
            "tag {}/alpine localhost/alpine",
            stack.registry.address
        ))
        .ok()?;
    stack.scratch.write("file", "content")?;
    stack.scratch.write("other", "more")?;
    stack.rpod("volume create away").ok()?;
    let data = stack.root().join("volumes/away/_data");
    fs::create_dir(data.join("dir"))?;
    fs::write(data.join("dir/file"), "content")?;
    stack.rpod("volume export -o archive.tar away").ok()?;
    stack.rpod("volume rm away").ok()?;
    let thing = format!("{}/thing:1", stack.registry.address);
    stack
        .rpod(&format!("artifact add {thing} file other"))
        .ok()?;
    stack.rpod(&format!("artifact push -q {thing}")).ok()?;
    stack.rpod("artifact rm -a").ok()?;
    fs::create_dir(stack.scratch.path("out"))?;
    Ok(stack)
}

fn left_in(stack: &Stack, homes: &[&str]) -> Result<Vec<String>> {
    let mut left = Vec::new();
    for home in homes {
        all_below(&stack.scratch.path(home), &mut left)?;
    }
    left.sort();
    Ok(left)
}

fn all_below(dir: &Path, all: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(dir).into_iter().flatten() {
        all.push(entry?.path().display().to_string());
    }
    Ok(())
}

/// What was removed does not come back with the name.
pub(crate) fn a_removed_volume_is_gone() -> Result<()> {
    let stack = prepared()?;
    for nth in 0.. {
        stack.rpod("volume create some").ok()?;
        stack.rpod("volume import some archive.tar").ok()?;
        let command = stack.rpod("volume rm some").into_command();
        let outcome = strike(command, Whom::Command, Blow::KillAtChange, nth)?;
        let listed = stack.rpod("volume ls -q").ok()?;
        if listed.text().is_empty() {
            stack.rpod("volume create some").ok()?;
            let empty = stack.root().join("volumes/some/_data").read_dir()?.next();
            ensure!(empty.is_none(), "its files are back after {outcome:?}");
        }
        stack.rpod("volume rm some").ok()?;
        let left = left_in(&stack, &["root/volumes"])?;
        ensure!(left.is_empty(), "{left:?} after {outcome:?}");
        if outcome.hit.is_none() {
            return Ok(());
        }
    }
    Ok(())
}

pub(crate) fn an_import_that_was_cut_short_is_told() -> Result<()> {
    for blow in [Blow::KillAtChange, Blow::NoSpace] {
        let stack = prepared()?;
        stack.rpod("volume create some").ok()?;
        for nth in 0.. {
            let command = stack.rpod("volume import some archive.tar").into_command();
            let outcome = strike(command, Whom::Command, blow, nth)?;
            let whole = stack.rpod("volume inspect some").ok()?;
            if outcome.code == 0 {
                ensure!(whole.stderr.is_empty(), "{whole}");
            } else if whole.stderr.is_empty() {
                // Nothing was begun, or all was done.
                let there = stack.root().join("volumes/some/_data").read_dir()?.count();
                ensure!(there < 2, "{there} after {outcome:?}");
            } else {
                whole.complains("an import into it did not come to its end")?;
            }
            if !whole.stderr.is_empty() && nth % 4 == 1 {
                stack.rpod("system check").exits(125)?.says("volume some")?;
                stack
                    .rpod("run --rm -v some:/v localhost/alpine true")
                    .ok()?
                    .complains("volume some is incomplete")?;
            }
            if nth % 4 == 1 {
                stack.rpod("system check --repair").ok()?;
            } else {
                stack.rpod("volume import some archive.tar").ok()?;
            }
            let whole = stack.rpod("volume inspect some").ok()?;
            ensure!(whole.stderr.is_empty(), "{whole}");
            stack.rpod("volume rm some").ok()?;
            stack.rpod("volume create some").ok()?;
            if outcome.hit.is_none() {
                break;
            }
        }
    }
    Ok(())
}

/// The first start fills a volume from the image. Killed in its middle, or out of room, the next one fills it anew.
pub(crate) fn a_volume_is_filled_from_the_image_as_a_whole() -> Result<()> {
    let stack = prepared()?;
    stack
        .rpod("run --name base localhost/alpine sh -c 'mkdir /files; touch /files/one /files/two /files/three'")
        .ok()?;
    stack.rpod("commit -q base localhost/full").ok()?;
    stack.rpod("rm base").ok()?;
    let data = stack.root().join("volumes/some/_data");
    for blow in [Blow::KillAtChange, Blow::NoSpace] {
        for nth in 0.. {
            stack
                .rpod("create --name user -v some:/files localhost/full ls /files")
                .ok()?;
            let command = stack.rpod("start user").into_command();
            let outcome = strike(command, Whom::Command, blow, nth)?;
            let during = || format!("after {outcome:?} at {nth}");
            let again = stack.rpod("start -a user").run()?;
            if again.code != 0 {
                // It was running still, and has been killed as what a killed start had left; or it was just ending.
                stack.rpod("stop -t 0 user").ok().with_context(during)?;
                stack.rpod("start -a user").ok().with_context(during)?;
            }
            let files = data.read_dir()?.count();
            ensure!(files == 3, "{files} files {}", during());
            stack.rpod("rm -f -t 0 user").ok()?;
            stack.rpod("volume rm some").ok()?;
            if outcome.hit.is_none() {
                break;
            }
        }
    }
    nothing_is_left(&stack)
}
