//! Two commands at once on one container: each does its work or says in a line why not, and what is left is whole.

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

const ROUNDS: usize = 5;

pub(crate) fn two_commands_on_a_container_serialise_or_say_so() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for (made, pair) in PAIRS {
        for _ in 0..ROUNDS {
            let make = format!("{made} --name victim alpine sleep 600");
            stack.rpod(&make).ok()?;
            let begun = pair.map(|line| stack.rpod(line).start());
            let mut ended = Vec::new();
            for command in begun {
                ended.push(command?.wait()?);
            }
            let [first, second] = [&ended[0], &ended[1]];
            for command in [first, second] {
                is_clear(command).with_context(|| format!("{pair:?}: {first}{second}"))?;
            }
            ensure!(
                first.code == 0 || second.code == 0,
                "neither is done: {first}{second}"
            );
            is_whole(&stack).with_context(|| format!("{pair:?}: {first}{second}"))?;
        }
    }
    nothing_is_left(&stack)
}

/// It succeeded, or says one line of what a person can understand.
fn is_clear(command: &Output) -> Result<()> {
    if command.code != 0 {
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
    stack.rpod("rm -f -a -t 0").ok()?;
    stack.rpod("ps -aq").ok()?.is("")?;
    stack.rpod("rmi -f -i copy").ok()?;
    for dir in ["root/names", "runroot/containers"] {
        let left = std::fs::read_dir(stack.scratch.path(dir)).map_or(0, Iterator::count);
        ensure!(left == 0, "{left} are left in {dir}");
    }
    Ok(())
}
