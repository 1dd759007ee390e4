//! Two commands at once on one thing: each does its work or says in a line why not, and what is left is whole.

use std::collections::HashSet;

use tests::{Context as _, Output, Result, Stack, ensure};

use crate::engine::nothing_is_left;

/// A container that was created, or runs, and what is done to it at once.
const PAIRS: [(&str, [&str; 2]); 14] = [
    ("create", ["start victim", "start victim"]),
    ("create", ["start victim", "rm victim"]),
    ("create", ["start victim", "rename victim renamed"]),
    ("create", ["rm victim", "rm victim"]),
    ("create", ["rename victim one", "rename victim two"]),
    (
        "create",
        [
            "create --name taken alpine true",
            "create --name taken alpine true",
        ],
    ),
    ("run -d", ["stop -t 0 victim", "stop -t 0 victim"]),
    ("run -d", ["stop -t 0 victim", "kill victim"]),
    ("run -d", ["restart -t 0 victim", "stop -t 0 victim"]),
    ("run -d", ["restart -t 0 victim", "rm -f -t 0 victim"]),
    ("run -d", ["pause victim", "stop -t 0 victim"]),
    ("run -d", ["exec victim true", "rm -f -t 0 victim"]),
    ("run -d", ["commit -q victim copy", "rm -f -t 0 victim"]),
    ("run -d", ["cp /bin/busybox victim:/copy", "kill victim"]),
];

/// Other things that are there, and what is done to them at once.
const THINGS: [(&[&str], [&str; 2]); 22] = [
    (&[], ["volume create v", "volume create v"]),
    (
        &[],
        [
            "run --rm -v v:/v alpine true",
            "run --rm -v v:/v alpine true",
        ],
    ),
    (&["volume create v"], ["volume rm v", "volume rm v"]),
    (
        &["volume create v"],
        ["volume rm v", "create -v v:/v alpine true"],
    ),
    (
        &["volume create v"],
        ["volume prune -f", "create -v v:/v alpine true"],
    ),
    (&[], ["network create n", "network create n"]),
    (&[], ["network create n", "network create m"]),
    (&["network create n"], ["network rm n", "network rm n"]),
    (
        &["network create n"],
        ["network rm n", "create --network n alpine true"],
    ),
    (
        &["network create n", "create --name c alpine true"],
        ["network connect n c", "network rm n"],
    ),
    (&[], ["pod create --name p", "pod create --name p"]),
    (&["pod create --name p"], ["pod rm p", "pod rm p"]),
    (&["pod create --name p"], ["pod start p", "pod start p"]),
    (
        &["pod create --name p"],
        ["pod start p", "pod rm -f -t 0 p"],
    ),
    (
        &["pod create --name p"],
        ["run -d --pod p alpine sleep 600", "pod rm -f -t 0 p"],
    ),
    (
        &["pod create --name p", "run -d --pod p alpine sleep 600"],
        ["pod stop -t 0 p", "pod rm -f -t 0 p"],
    ),
    (
        &["pod create --name p", "run -d --pod p alpine sleep 600"],
        ["pod restart p", "pod stop -t 0 p"],
    ),
    (&["tag alpine copy"], ["rmi copy", "rmi copy"]),
    (
        &["tag alpine copy"],
        ["rmi copy", "create --pull never copy true"],
    ),
    (
        &["create --name c alpine true"],
        ["rmi -f alpine", "start c"],
    ),
    (
        &[],
        ["secret create s /etc/passwd", "secret create s /etc/passwd"],
    ),
    (
        &["secret create s /etc/passwd"],
        ["secret rm s", "create --secret s alpine true"],
    ),
];

const ROUNDS: usize = 5;

pub(crate) fn two_commands_on_a_container_serialise_or_say_so() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for (made, pair) in PAIRS {
        for _ in 0..ROUNDS {
            let make = format!("{made} --name victim alpine sleep 600");
            stack.rpod(&make).ok()?;
            both(&stack, pair)?;
        }
    }
    nothing_is_left(&stack)
}

pub(crate) fn two_commands_on_a_thing_serialise_or_say_so() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let archive = stack.scratch.path("alpine.tar").display().to_string();
    stack.rpod(&format!("save -q -o {archive} alpine")).ok()?;
    for (made, pair) in THINGS {
        for _ in 0..ROUNDS {
            stack.rpod(&format!("load -q -i {archive}")).ok()?;
            for line in made {
                stack.rpod(line).ok()?;
            }
            both(&stack, pair)?;
        }
    }
    nothing_is_left(&stack)
}

/// One of two that are begun at once is done, and the other is, too, or says why not.
fn both(stack: &Stack, pair: [&str; 2]) -> Result<()> {
    let begun = pair.map(|line| stack.rpod(line).start());
    let mut ended = Vec::new();
    for command in begun {
        ended.push(command?.wait()?);
    }
    let [first, second] = [&ended[0], &ended[1]];
    let told = || format!("{pair:?}: {first}{second}");
    for command in [first, second] {
        is_clear(command).with_context(told)?;
    }
    ensure!(
        first.code == 0 || second.code == 0,
        "neither is done: {}",
        told()
    );
    is_whole(stack).with_context(told)
}

/// It succeeded, or says one line of what a person can understand.
fn is_clear(command: &Output) -> Result<()> {
    // What it ran was killed with the container, as its code says.
    let was_killed = command.code == 137 && command.stderr.is_empty();
    if command.code != 0 && !was_killed {
        let lines = command.stderr.trim_end().lines().count();
        ensure!(lines == 1, "{lines} lines");
        command.complains("Error: ")?;
        // What a system call found in its way is no explanation.
        ensure!(!command.stderr.contains("os error"), "it does not explain");
    }
    Ok(())
}

/// Every container has one name and its state is known; all go, and their names with them.
fn is_whole(stack: &Stack) -> Result<()> {
    let all = stack.rpod("ps -a --format {{.Names}}").ok()?;
    let names: Vec<&str> = all.text().lines().collect();
    let different: HashSet<&str> = names.iter().copied().collect();
    ensure!(different.len() == names.len(), "names twice: {names:?}");
    for name in names {
        let state = format!("inspect --format {{{{.State.Status}}}} {name}");
        stack.rpod(&state).ok()?;
    }
    for line in [
        "pod rm -f -a -t 0",
        "rm -f -a -t 0",
        "volume rm -f -a",
        "network prune -f",
        "secret rm -i s",
        "rmi -f -i copy",
    ] {
        stack.rpod(line).ok()?;
    }
    for line in ["ps -aq", "pod ps -q", "volume ls -q", "secret ls -q"] {
        stack.rpod(line).ok()?.is("")?;
    }
    stack.rpod("network ls -q").ok()?.is("podman")?;
    for dir in ["root/names", "runroot/containers"] {
        let left = std::fs::read_dir(stack.scratch.path(dir)).map_or(0, Iterator::count);
        ensure!(left == 0, "{left} are left in {dir}");
    }
    Ok(())
}
