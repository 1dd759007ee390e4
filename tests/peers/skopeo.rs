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
    "nope",
    "INSP",
    "--nope",
    "-x",
    "--debug nope",
    "nope --all",
    "--insecure-policy=",
    "--policy",
    "--policy x --nope inspect",
    "--override-os",
    "--command-timeout x copy dir:a dir:b",
    "--command-timeout 1 copy dir:a dir:b",
    "--command-timeout copy dir:a dir:b",
    "--command-timeout 0 inspect dir:nope",
    "--command-timeout -1s inspect dir:nope",
    "--registries-conf /nope inspect docker://a/b",
    "completion bash x",
    "copy --nope a b",
    "copy -qx a b",
    "copy --format",
    "copy -qf",
    "copy -aq=false dir:nope dir:b",
    "copy --all --all=false dir:nope dir:b",
    "copy --digestfile --quiet dir:nope dir:b",
    "copy --digestfile= dir:nope dir:b",
    "copy --dest-compress-level x dir:a dir:b",
    "copy --dest-compress-format x dir:a dir:b",
    "copy --dest-compress --dest-decompress dir:nope dir:b",
    "copy --dest-compress --dest-decompress dir:nope oci:b",
    "copy --dest-tls-verify=x dir:a dir:b",
    "copy --encrypt-layer x dir:a dir:b",
    "copy --retry-times x dir:a dir:b",
    "copy --retry-times -1 dir:nope dir:b",
    "copy --sign-by x --sign-passphrase-file nope dir:nope dir:b",
    "copy --sign-identity UP dir:nope dir:b",
    "experimental-image-proxy x",
    "experimental-image-proxy --sockfd x",
    "inspect --format",
    "inspect --raw --raw dir:nope",
    "inspect -n=false dir:nope",
    "inspect --=x dir:nope",
    "inspect ---x dir:nope",
    "inspect dir:a -- --raw",
    "inspect --help --nope",
    "inspect docker://UPPER",
    "inspect docker:x",
    "inspect docker-archive:nope",
    "inspect nope:x",
    "layers",
    "list-tags docker-archive:nope",
    "login --username",
    "manifest-digest a b",
    "standalone-sign a b c",
    "standalone-verify a",
    "untrusted-signature-dump-without-verification a b",
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

/// Too few or too many images: the command's help is shown. That this is an error, and told on stderr, is news to skopeo 1.9.
const HELPLESS: &[&str] = &["copy dir:a", "copy a b c", "sync a", "list-tags a b"];

pub fn what_is_not_named_is_helped_with() -> Result<()> {
    for line in HELPLESS {
        let theirs = Cmd::new(peer("skopeo")?).words(line).run()?;
        ensure!(
            format!("{}{}", theirs.stdout, theirs.stderr).contains("Usage:"),
            "{theirs}"
        );
        let ours = Cmd::new(ours("rskopeo")?).words(line).exits(1)?;
        let command = line.split(' ').next().unwrap_or_default();
        let last = ours.stderr.lines().next_back().unwrap_or_default();
        ensure!(
            ours.stdout.is_empty()
                && ours.stderr.contains(&format!("Usage: rskopeo {command} "))
                && last.contains("msg=\"Exactly "),
            "{ours}"
        );
    }
    // These end well.
    for line in [
        "help nope",
        "completion",
        "completion nope",
        "inspect x y --help",
    ] {
        Cmd::new(peer("skopeo")?).words(line).ok()?;
        let ours = Cmd::new(ours("rskopeo")?).words(line).ok()?;
        ensure!(
            format!("{}{}", ours.stdout, ours.stderr).contains("Usage: rskopeo"),
            "{ours}"
        );
    }
    Ok(())
}

pub fn complaints_are_skopeos() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.write("auth.json", "{}")?;
    let complaints = |program: &Path, line: &str| -> Result<(i32, Vec<String>)> {
        let ran = Cmd::new(program)
            .dir(scratch.path(""))
            .env("REGISTRY_AUTH_FILE", scratch.path("auth.json"))
            .words(line)
            .run()?;
        let told = ran.stderr.lines().map(|line| {
            let told = line.split_once(" msg=").map_or(line, |(_, told)| told);
            // How they are called is all that may differ.
            told.trim_matches('"').replace("rskopeo", "skopeo")
        });
        Ok((ran.code, told.collect()))
    };
    let (ours, theirs) = (ours("rskopeo")?, peer("skopeo")?);
    let mut wrong = Vec::new();
    for line in WRONG {
        let (a, b) = (complaints(&ours, line)?, complaints(&theirs, line)?);
        // What we add to their words is the way out, and warnings of newer ones.
        let mut pairs = a.1.iter().rev().zip(b.1.iter().rev());
        let agree = pairs.all(|(ours, theirs)| ours.starts_with(theirs.as_str()));
        if a.0 != b.0 || a.1.len() < b.1.len() || !agree {
            wrong.push(format!("{line}\n  ours   {a:?}\n  theirs {b:?}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
