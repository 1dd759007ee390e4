//! Images that are looked for, trusted, and that say how they are run.

use tests::{Result, Stack, ensure};

pub(crate) fn registries_are_searched() -> Result<()> {
    let stack = Stack::new()?;
    let registry = stack.registry.address.clone();
    let found = stack.rpod("search alp").ok()?;
    found
        .says("NAME")?
        .says("DESCRIPTION")?
        .says(format!("{registry}/alpine"))?;
    stack
        .rpod(&format!("search {registry}/alpine --format {{{{.Name}}}}"))
        .ok()?
        .is(format!("{registry}/alpine"))?;
    let all = stack
        .rpod(&format!("search {registry}/ --format json"))
        .ok()?
        .json()?;
    ensure!(all.as_array().is_some_and(|all| all.len() > 1), "{all}");
    ensure!(all[0]["Index"] == registry.as_str(), "{all}");
    stack
        .rpod(&format!("search --list-tags {registry}/alpine"))
        .ok()?
        .says("TAG")?
        .says("latest")?;
    let tags = stack
        .rpod(&format!(
            "search --list-tags --format json {registry}/alpine:latest"
        ))
        .ok()?
        .json()?;
    ensure!(
        tags[0]["Name"] == format!("{registry}/alpine").as_str() && tags[0]["Tags"][0] == "latest",
        "{tags}"
    );
    stack.rpod("search nothing-is-called-so").ok()?.is("")?;
    stack.rpod("search --filter stars=1 alp").ok()?.is("")?;
    // Any number will do, as by podman: of less than none nothing is told.
    stack.rpod("search --limit 101 alp").ok()?.says("alpine")?;
    stack.rpod("search --limit -1 alp").ok()?.is("")?;
    stack
        .rpod("search --limit many alp")
        .exits(125)?
        .complains("invalid argument \"many\" for \"--limit\" flag")?;
    stack
        .rpod("search --filter colour=red alp")
        .exits(125)?
        .complains("invalid filter type")?;
    stack
        .rpod("search 127.0.0.1:1/alp")
        .exits(125)?
        .complains("127.0.0.1:1")?;
    Ok(())
}

pub(crate) fn trust_is_shown_and_set() -> Result<()> {
    let stack = Stack::new()?;
    let set = |words: &str| {
        stack.rpod(&format!(
            "image trust set --signature-policy policy.json {words}"
        ))
    };
    let show = |words: &str| {
        stack.rpod(&format!(
            "image trust show --policypath policy.json {words}"
        ))
    };
    set("--type accept docker.io")
        .exits(125)?
        .complains("default trust policy must be set before")?;
    set("--type reject default").ok()?;
    set("-t accept docker.io/library").ok()?;
    stack.scratch.write("key.pub", "a key")?;
    set("-t sigstoreSigned -f key.pub quay.io").ok()?;
    set("quay.io")
        .exits(125)?
        .complains("at least one public key must be defined")?;
    let table = show("").ok()?;
    ensure!(
        table
            .text()
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .eq([
                "TRANSPORT NAME TYPE ID STORE",
                "all default reject",
                "repository docker.io/library accept",
                "repository quay.io sigstoreSigned N/A",
            ]),
        "{table}"
    );
    let json = show("--json").ok()?.json()?;
    ensure!(
        json[2]["repo_name"] == "quay.io" && json[0]["name"] == "* (default)",
        "{json}"
    );
    let raw = show("--raw").ok()?.json()?;
    let key = stack.scratch.path("key.pub").canonicalize()?;
    ensure!(
        raw["transports"]["docker"]["quay.io"][0]["keyPath"] == key.to_string_lossy().as_ref(),
        "{raw}"
    );
    // The copier acts on it.
    let local = stack.remote("alpine:latest");
    stack
        .rskopeo(&format!("--policy policy.json copy {local} dir:x"))
        .exits(1)?
        .complains("rejected by policy")?;
    Ok(())
}

pub(crate) fn a_label_says_how_it_is_run() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name base alpine").ok()?;
    stack
        .rpod("commit -q")
        .args(["--change", "LABEL run=\"echo running IMAGE as ${NAME}\""])
        .args(["base", "labelled"])
        .ok()?;
    stack
        .rpod("container runlabel run labelled more words")
        .ok()?
        .is("running localhost/labelled:latest as labelled more words")?;
    stack
        .rpod("container runlabel --display --name other run labelled")
        .ok()?
        .is("command: echo running localhost/labelled:latest as other")?;
    stack
        .rpod("container runlabel install labelled")
        .exits(125)?
        .complains("cannot find the value of label: install")?;
    Ok(())
}

pub(crate) fn a_pods_clone_has_other_users() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("pod create --name old --userns host --shm-size-systemd 4m")
        .ok()?;
    stack
        .rpod("run -d --pod old --name inside alpine sleep 600")
        .ok()?;
    stack
        .rpod("pod clone --start --uidmap 0:200000:1000 --gidmap 0:200000:1000 old new")
        .ok()?;
    stack
        .rpod("exec inside-clone cat /proc/self/uid_map")
        .ok()?
        .says("200000")?;
    stack.rpod("pod rm -f -t 0 old new").ok()?;
    Ok(())
}
