//! What both print for the same containers: columns, JSON keys, exit codes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;
use tests::{Context as _, Result, ensure};

use crate::both::Both;

pub fn ps_has_podmans_columns_and_keys() -> Result<()> {
    let both = Both::with_a_container()?;
    for line in ["ps -a", "ps -a --ns", "ps -a --size", "ps -a --pod"] {
        let (theirs, ours) = both.run(line)?;
        let columns = |text: &str| header(text);
        ensure!(
            columns(&theirs) == columns(&ours),
            "{line}: podman's {:?}, ours {:?}",
            columns(&theirs),
            columns(&ours)
        );
    }
    same_keys(
        &both,
        "ps -a --format json",
        &["Mounts", "PIDNS", "CIDFile"],
    )
}

pub fn inspect_has_podmans_keys() -> Result<()> {
    let both = Both::with_a_container()?;
    same_keys(&both, "container inspect one", LATER)
}

pub fn nouns_have_podmans_keys() -> Result<()> {
    let both = Both::with_a_container()?;
    for line in [
        "pod create --infra=false --name group --label a=b",
        "volume create data",
    ] {
        both.run(line)?;
    }
    for (line, but) in [
        ("image inspect alpine", &[][..]),
        ("images --format json", &[]),
        ("history --format json alpine", &[]),
        ("pod inspect group", &[]),
        ("pod ps --format json", &[]),
        ("network inspect podman", &[]),
        ("network ls --format json", &[]),
        ("volume inspect data", &[]),
        ("volume ls --format json", &[]),
        ("diff --format json one", &[]),
        // What Go and buildah were of which version.
        (
            "info --format json",
            &[
                "registries",
                "buildahVersion",
                "version/Built",
                "GitCommit",
                "GoVersion",
            ],
        ),
        (
            "version --format json",
            &["Client/Built", "GitCommit", "GoVersion"],
        ),
    ] {
        same_keys(&both, line, but)?;
    }
    Ok(())
}

/// A container of the image that was never started, too.
pub fn a_container_that_was_not_started_has_podmans_keys() -> Result<()> {
    let both = Both::new()?;
    both.run("create --name one --network none --device /dev/null --expose 99 alpine true")?;
    same_keys(&both, "container inspect one", LATER)?;
    let inspected = both.ours.rpod("container inspect one").ok()?.json()?;
    let inspected = &inspected[0];
    ensure!(
        inspected["HostConfig"]["Devices"][0]["PathInContainer"] == "/dev/null"
            && inspected["BoundingCaps"].is_array()
            && inspected["Config"]["Labels"].is_null(),
        "{inspected}"
    );
    let absent = [
        "OCIConfigPath",
        "GraphDriver/Data/MergedDir",
        "State/CgroupPath",
    ];
    for path in absent {
        let found = inspected.pointer(&format!("/{path}"));
        ensure!(found.is_none(), "{path}: {found:?}");
    }
    let shown = both.ours.rpod("ps -a --format {{.Ports}}").ok()?;
    ensure!(shown.text() == "99/tcp", "{shown}");
    Ok(())
}

pub fn errors_have_podmans_codes() -> Result<()> {
    let both = Both::new()?;
    for line in [
        "create --name stopped --network none alpine true",
        "create --name unstartable --network none alpine /no/such",
    ] {
        both.run(line)?;
    }
    for line in [
        "run --rm alpine /no/such/program",
        "run --rm alpine /etc",
        "run --rm alpine sh -c 'exit 42'",
        "run --no-such-option alpine",
        "start nobody",
        "stop nobody",
        "rm nobody",
        "rm -f nobody",
        "inspect nobody",
        "exec nobody true",
        "logs nobody",
        "wait nobody",
        "container exists nobody",
        "kill nobody",
        "ps --filter no=thing",
        "ps --sort nothing",
        "healthcheck run nobody",
        "rename nobody somebody",
        "top nobody",
        "cp nobody:/a /tmp/b",
        "run --memory x alpine true",
        "run --restart sometimes alpine true",
        "run --tmpfs relative alpine true",
        "run --dns nobody alpine true",
        "run --memory-swap 1g alpine true",
        "run --mount type=nothing alpine true",
        "run --rm --workdir /no/such alpine true",
        "run --rm --user nobody7 alpine true",
        "exec stopped true",
        "exec -d stopped true",
        "start unstartable",
        "start -a unstartable",
        "restart unstartable",
        "init unstartable",
        "create --cpus -1 alpine",
        "create --oom-score-adj -500 alpine",
        "create --memory-swappiness -1 alpine",
        "create --device /no/such alpine",
        "create --device /dev/null:/x:q alpine",
        "create --sysctl foo alpine",
        "create --tmpfs /x:foo alpine",
        "create --init --init-path /no/such alpine",
        "create --cpuset-cpus foo alpine",
        "create --umask 99 alpine",
        "create --env =x alpine",
        "create --label =x alpine",
        "image inspect nobody",
        "volume inspect nobody",
        "network inspect nobody",
        "secret inspect nobody",
    ] {
        let theirs = both.theirs.rpod(line).run()?;
        let ours = both.ours.rpod(line).run()?;
        ensure!(theirs.code == ours.code, "{theirs}\n{ours}");
    }
    Ok(())
}

/// Keys of the installed podman that the newest one has no more: the health of what has no checks.
const LATER: &[&str] = &["State/Health"];

fn same_keys(both: &Both, line: &str, but: &[&str]) -> Result<()> {
    let (theirs, ours) = both.run(line)?;
    let keys = |text: &str| -> Result<BTreeSet<String>> {
        let json: Value = serde_json::from_str(text).context(line.to_owned())?;
        let mut keys = BTreeSet::new();
        collect(&json, &PathBuf::new(), &mut keys);
        Ok(keys)
    };
    let ours = keys(&ours)?;
    let missing: Vec<String> = keys(&theirs)?
        .into_iter()
        .filter(|key| !ours.contains(key) && !but.iter().any(|but| key.contains(but)))
        .collect();
    ensure!(missing.is_empty(), "{line}: podman has {missing:?}");
    Ok(())
}

/// `State/Status`: the paths of all keys; a list's entries share theirs.
fn collect(json: &Value, path: &std::path::Path, keys: &mut BTreeSet<String>) {
    match json {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = path.join(key);
                keys.insert(path.display().to_string());
                // What stands there is the user's own, not podman's.
                if !matches!(key.as_str(), "Labels" | "Annotations" | "Env" | "Networks") {
                    collect(value, &path, keys);
                }
            }
        }
        Value::Array(entries) => {
            for entry in entries {
                collect(entry, path, keys);
            }
        }
        _ => {}
    }
}

fn header(text: &str) -> Vec<String> {
    let first = text.lines().next().unwrap_or_default();
    let columns = first.split("  ").map(str::trim);
    columns
        .filter(|column| !column.is_empty())
        .map(str::to_owned)
        .collect()
}
