//! Not the keys alone: what `inspect` says under them, of the same container of both.

use tests::{Result, Stack, ensure};

use crate::both::Both;

/// How a container is made, and what is looked at.
const SAME: [(&str, &str); 11] = [
    ("-v /tmp:/x", ".Mounts"),
    ("-v /tmp:/x:ro,z,rslave,nosuid", ".Mounts"),
    ("-v /tmp:/x:Z,noexec", ".Mounts"),
    ("-v data:/x:ro,z", ".Mounts"),
    ("-v data:/x:nocopy", ".Mounts"),
    ("-v data:/x:U,exec", ".Mounts"),
    ("-v /tmp:/x:ro,z -v data:/y:ro", ".HostConfig.Binds"),
    (
        "--mount type=bind,src=/tmp,dst=/x,relabel=shared,bind-propagation=shared",
        ".Mounts",
    ),
    ("--mount type=image,src=alpine,dst=/x,rw=true", ".Mounts"),
    (
        "--security-opt label=type:a_t --security-opt label=level:s0:c1,c2",
        ".HostConfig.SecurityOpt",
    ),
    ("--health-cmd true", ".State.Health.Log"),
];

pub fn inspect_has_podmans_values() -> Result<()> {
    let both = Both::new()?;
    for (options, field) in SAME {
        let line = format!("create --name one --network none {options} alpine true");
        both.run(&line)?;
        let theirs = shown(&both.theirs, field)?;
        let ours = shown(&both.ours, field)?;
        ensure!(
            theirs == ours,
            "{options}: {field}: podman's {theirs}, ours {ours}"
        );
        both.run("rm one")?;
    }
    Ok(())
}

fn shown(stack: &Stack, field: &str) -> Result<String> {
    let said = stack
        .rpod("container inspect one --format")
        .arg(format!("{{{{json {field}}}}}"));
    let root = stack.root().display().to_string();
    Ok(said.ok()?.stdout.replace(&root, "ROOT"))
}
