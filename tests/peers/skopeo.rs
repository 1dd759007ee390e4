//! The same of rskopeo and skopeo: `skopeo/COMMAND.table` has the options of a command, `skopeo/skopeo.table` those that stand
//! before it.

use std::path::Path;

use tests::{Cmd, Output, Result, Scratch, Trial, bail, ensure, ours, peer, skip, trial};

use crate::help::{self, Options};
use crate::table::{self, Table};

/// Commands that skopeo has no page of.
const OWN: [&str; 4] = ["completion", "help", "pack", "unpack"];
/// No command: the options before it.
const BEFORE: &str = "skopeo";

/// Two for each command: with our own help, and with the installed skopeo's.
pub fn trials() -> Vec<Trial> {
    let commands = match rskopeo(&[]) {
        Ok(help) => help::subcommands(&help),
        Err(error) => return vec![trial("skopeo", move || Err(error))],
    };
    let described = commands
        .into_iter()
        .filter(|command| !OWN.contains(&command.as_str()));
    let mut all = vec![trial(
        "skopeo::every_table_is_of_a_command",
        no_table_is_left_over,
    )];
    let tests = described.chain([BEFORE.to_owned()]).flat_map(|command| {
        let again = command.clone();
        [
            trial(format!("skopeo::options::{command}"), move || {
                agree(&command)
            }),
            trial(format!("skopeo::theirs::{again}"), move || compare(&again)),
        ]
    });
    all.extend(tests);
    all
}

fn no_table_is_left_over() -> Result<()> {
    let commands = help::subcommands(&rskopeo(&[])?);
    for name in table::names("skopeo")? {
        ensure!(
            name == BEFORE || commands.contains(&name),
            "rskopeo has no command for skopeo/{name}.table"
        );
    }
    Ok(())
}

fn rskopeo(words: &[&str]) -> Result<String> {
    let help = Cmd::new(ours("rskopeo")?).args(words).arg("--help");
    Ok(help.ok()?.stdout)
}

fn table(command: &str) -> Result<Table> {
    match table::read(&format!("skopeo/{command}"))? {
        Some(table) => Ok(table),
        None => bail!("no tests/peers/skopeo/{command}.table"),
    }
}

/// What the help of a command lists, but for what it lists of every command.
fn listed(command: &str) -> Result<Options> {
    let everywhere = help::options(&rskopeo(&[])?);
    if command == BEFORE {
        return Ok(everywhere);
    }
    let mut options = help::options(&rskopeo(&[command])?);
    options.retain(|option, _| !everywhere.contains_key(option));
    Ok(options)
}

fn agree(command: &str) -> Result<()> {
    let wrong = table::amiss(&table(command)?, &listed(command)?, |option| {
        given(command, option)
    })?;
    ensure!(wrong.is_empty(), "{command}:\n{}", wrong.join("\n"));
    Ok(())
}

/// What is said of an option that has a value, on a line that is otherwise right.
fn given(command: &str, option: &str) -> Result<Output> {
    let line = match command {
        "sync" => format!("sync --src docker --dest dir {option} x localhost:1/a b"),
        "copy" => format!("copy {option} x dir:a dir:b"),
        _ => bail!("nothing of {command} is refused yet: say how it is called"),
    };
    Cmd::new(ours("rskopeo")?)
        .words(&format!("--insecure-policy {line}"))
        .run()
}

/// What the installed skopeo has stands in the table, and under the same letter.
fn compare(command: &str) -> Result<()> {
    let (table, own) = (table(command)?, listed(command)?);
    let skopeo = Cmd::new(peer("skopeo")?);
    let skopeo = if command == BEFORE {
        skopeo
    } else {
        skopeo.arg(command)
    };
    let help = skopeo.arg("--help").run()?;
    if command != BEFORE && !help.stdout.contains(&format!("skopeo {command} ")) {
        return skip(format!("this skopeo has no {command}"));
    }
    let theirs = help
        .stdout
        .split("Global Flags:")
        .next()
        .unwrap_or_default();
    let wrong = table::lacking(&table, &help::options(theirs), &own);
    ensure!(wrong.is_empty(), "{command}:\n{}", wrong.join("\n"));
    Ok(())
}

/// Lines that nobody can act on, and both say why in the same words.
const WRONG: &[&str] = &[
    "",
    "--nope",
    "copy a dir:x",
    "copy dir:x a",
    "copy --all --multi-arch all dir:a dir:b",
    "copy --multi-arch foo dir:a dir:b",
    "copy --format foo dir:a dir:b",
    "copy --all=maybe dir:a dir:b",
    "copy --all=false dir:nope dir:b",
    "copy --additional-tag a:b:c dir:a docker-archive:x",
    "copy --additional-tag alpine dir:a docker-archive:x",
    "copy --encryption-key jwe:/x --decryption-key y dir:a oci:b",
    "copy --encrypt-layer 0 dir:a oci:b",
    "--insecure-policy copy dir:nope dir:b",
    "--insecure-policy=true copy dir:nope dir:b",
    "--policy /none copy dir:nope dir:b",
    "copy --src-creds a:b --src-no-creds docker://a/b dir:x",
    "copy --src-creds '' docker://a/b dir:x",
    "copy --src-creds :x docker://a/b dir:x",
    "copy --src-username a docker://a/b dir:x",
    "copy --src-password a docker://a/b dir:x",
    "copy --src-username a --src-no-creds docker://a/b dir:x",
    "copy --src-username a --src-password b --src-creds a:b docker://a/b dir:x",
    "copy --tls-verify=false dir:nope dir:b",
    "--tls-verify=false inspect dir:nope",
    "--debug=x inspect dir:x",
    "delete",
    "delete a b",
    "delete x",
    "delete dir:x",
    "inspect",
    "inspect a b",
    "inspect x",
    "inspect dir:nope",
    "inspect --raw --format x dir:nope",
    "list-tags x",
    "list-tags docker:a",
    "login",
    "login a b",
    "login --get-login nope.invalid",
    "logout",
    "logout nope.invalid",
    "logout --all x",
    "manifest-digest",
    "manifest-digest nope",
    "standalone-sign",
    "standalone-verify",
    "standalone-verify nope a b c",
    "sync a b",
    "sync --src x a b",
    "sync --src docker a b",
    "sync --src docker --dest y a b",
    "sync --src dir --dest dir a b",
    "sync --src dir --dest docker nope localhost:1/x",
    "sync --src dir --dest docker . localhost:1/x",
    "sync --src yaml --dest dir nope x",
    "sync --src docker --dest dir UPPER x",
];

pub fn complaints_are_skopeos() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.write("auth.json", "{}")?;
    let complaint = |program: &Path, line: &str| -> Result<(i32, String)> {
        let ran = Cmd::new(program)
            .dir(scratch.path(""))
            .env("REGISTRY_AUTH_FILE", scratch.path("auth.json"))
            .words(line)
            .run()?;
        let last = ran.stderr.lines().next_back().unwrap_or_default();
        let told = last.split_once(" msg=").map_or(last, |(_, told)| told);
        // How they are called is all that may differ.
        Ok((ran.code, told.replace("rskopeo", "skopeo")))
    };
    let (ours, theirs) = (ours("rskopeo")?, peer("skopeo")?);
    let mut wrong = Vec::new();
    for line in WRONG {
        let (a, b) = (complaint(&ours, line)?, complaint(&theirs, line)?);
        if a != b {
            wrong.push(format!("{line}\n  ours   {a:?}\n  theirs {b:?}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
