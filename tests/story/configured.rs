//! What a host's configuration says of every container: containers.conf(5), mounts.conf(5).

use std::fs;
use std::path::Path;

use serde_json::Value;
use tests::{Cmd, Result, Stack, ensure};

/// A command of a host whose containers.conf has this besides.
fn with(stack: &Stack, conf: &str, line: &str) -> Result<Cmd> {
    stack.scratch.write("more.conf", conf)?;
    let more = stack.scratch.path("more.conf");
    Ok(stack.rpod(line).env("CONTAINERS_CONF_OVERRIDE", more))
}

fn inspected(stack: &Stack, name: &str) -> Result<Value> {
    Ok(stack
        .rpod(&format!("container inspect {name}"))
        .ok()?
        .json()?[0]
        .clone())
}

pub(crate) fn defaults_of_containers() -> Result<()> {
    let stack = Stack::with_alpine()?;
    fs::create_dir(stack.scratch.path("shared"))?;
    let conf = format!(
        "[containers]\nannotations = [\"team=blue\"]\ncontainer_name_as_hostname = true\nenv = [\"COLOUR=green\"]\n\
         log_size_max = 4096\nno_hosts = true\noom_score_adj = 50\npids_limit = 77\nread_only = true\nshm_size = \"8m\"\n\
         tz = \"Europe/Berlin\"\numask = \"0077\"\ninit = true\nutsns = \"private\"\nvolumes = [\"{}:/shared\"]\n\
         [engine]\npull_policy = \"never\"\nimage_volume_mode = \"ignore\"\nstop_timeout = 3\n",
        stack.scratch.path("shared").display()
    );
    with(&stack, &conf, "create --name made alpine true")?.ok()?;
    let made = inspected(&stack, "made")?;
    let host = &made["HostConfig"];
    ensure!(
        made["Config"]["Hostname"] == "made"
            && made["Config"]["Umask"] == "0077"
            && made["Config"]["StopTimeout"] == 3
            && host["OomScoreAdj"] == 50
            && host["ReadonlyRootfs"] == true
            && host["ShmSize"] == 8_000_000
            && made["Mounts"].to_string().contains("/shared"),
        "{made}"
    );
    let said = with(
        &stack,
        &conf,
        "run --rm --name two alpine sh -c 'hostname; echo $COLOUR; umask; cat /proc/1/comm; date +%Z'",
    )?
    .ok()?;
    ensure!(
        said.text().starts_with("two\ngreen\n0077\n") && !said.text().contains("UTC"),
        "{said}"
    );
    stack.rpod("run -d --name plain alpine sleep 600").ok()?;
    let caps = "exec plain grep CapBnd /proc/self/status";
    let (plain, more) = (
        stack.rpod(caps).ok()?,
        with(&stack, "[containers]\nprivileged = true\n", caps)?.ok()?,
    );
    ensure!(plain.stdout != more.stdout, "{more}");
    // A list may be added to.
    let first = "[containers]\nenv = [\"A=1\"]\n";
    stack.scratch.write("first.conf", first)?;
    let module = stack.scratch.path("first.conf");
    let line = format!(
        "--module {} run --rm alpine sh -c 'echo $A$B'",
        module.display()
    );
    let second = "[containers]\nenv = [{append = true}, \"B=2\"]\n";
    with(&stack, second, &line)?.ok()?.is("12")?;
    // What is asked for wins.
    with(
        &stack,
        &conf,
        "run --rm --shm-size 16m -e COLOUR=red --umask 022 --hostname own alpine sh -c 'hostname; echo $COLOUR; umask'",
    )?
    .ok()?
    .is("own\nred\n0022")?;
    with(&stack, &conf, "create no-such-image true")?
        .exits(125)?
        .complains("image not known")?;
    with(
        &stack,
        "[engine]\npull_policy = \"often\"\n",
        "create alpine true",
    )?
    .exits(125)?
    .complains("unsupported pull policy \"often\"")?;
    with(
        &stack,
        "[containers]\nlog_driver = \"k8s-file\"\n",
        "run --log-opt path=own.log --name logged alpine echo logged",
    )?
    .ok()?;
    stack.rpod("logs logged").ok()?.is("logged")?;
    stack
        .rpod("create --log-driver k8s-file --log-opt tag=mine alpine")
        .exits(125)?
        .complains("only journald's entries have tags")?;
    ensure!(fs::read_to_string(stack.scratch.path("own.log"))?.contains("logged"));
    Ok(())
}

pub(crate) fn every_container_gets_copies() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let keys = stack.scratch.path("keys");
    fs::create_dir(&keys)?;
    stack.scratch.write("keys/one", "first")?;
    stack.scratch.write("file", "single")?;
    let file = stack.scratch.path("file");
    stack.scratch.write(
        "mounts.conf",
        format!(
            "# what every container has\n{}:/run/secrets\n{}:/etc/single\n/no/such:/x\n",
            keys.display(),
            file.display()
        ),
    )?;
    let mounts = stack.scratch.path("mounts.conf");
    let rpod = |line: &str| stack.rpod("--default-mounts-file").arg(&mounts).words(line);
    rpod("run --rm alpine sh -c 'cat /run/secrets/one /etc/single; echo changed > /run/secrets/one; ls -d /x'")
        .exits(1)?
        .says("firstsingle")?;
    ensure!(fs::read_to_string(keys.join("one"))? == "first");
    rpod("run --rm --tmpfs /run/secrets alpine ls /run/secrets")
        .ok()?
        .is("")?;
    Ok(())
}

pub(crate) fn one_damaged_image_is_named() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name base alpine").ok()?;
    stack.rpod("commit -q base other").ok()?;
    let digest = stack.rpod("image inspect -f {{.Digest}} other").ok()?;
    let digest = digest.text().trim_start_matches("sha256:").to_owned();
    let blob = Path::new("images/blobs/sha256").join(digest);
    fs::write(stack.root().join(blob), "{")?;
    stack
        .rpod("images --format {{.Repository}}:{{.Tag}}")
        .ok()?
        .says("alpine:latest")?
        .complains("image localhost/other:latest is damaged")?;
    stack.rpod("run --rm alpine true").ok()?;
    stack
        .rpod("info -f {{.Store.ImageStore.Number}}")
        .ok()?
        .is("2")?;
    Ok(())
}

pub(crate) fn info_tells_of_the_host() -> Result<()> {
    let stack = Stack::new()?;
    let info = stack.rpod("info --format json").ok()?.json()?;
    let busy = &info["host"]["cpuUtilization"];
    let all: f64 = ["userPercent", "systemPercent", "idlePercent"]
        .iter()
        .filter_map(|key| busy[key].as_f64())
        .sum();
    ensure!(all > 0.0 && all <= 100.1, "{busy}");
    for (place, key) in [
        ("host", "databaseBackend"),
        ("host", "networkBackendInfo"),
        ("host", "pasta"),
        ("host", "remoteSocket"),
        ("store", "graphStatus"),
        ("store", "configFile"),
    ] {
        ensure!(!info[place][key].is_null(), "{place}.{key}: {info}");
    }
    // Templates name podman's own fields, which are not always the keys.
    let fields = [
        "{{.Host.CgroupsVersion}}",
        "{{.Host.CPUUtilization.IdlePercent}}",
        "{{.Host.Slirp4NetNS.Executable}}",
        "{{range .Host.IDMappings.UIDMap}}{{.ContainerID}} {{.HostID}}{{end}}",
    ];
    let told = stack.rpod("info --format").arg(fields.join("|"));
    ensure!(told.ok()?.text().matches('|').count() == 3);
    let security = stack.rpod("info --format '{{json .Host.Security}}'").ok()?;
    ensure!(security.json()?["rootless"] == false, "{security}");
    // The package manager is asked but twice, for whatever rpod starts.
    let netavark = &info["host"]["networkBackendInfo"];
    ensure!(
        netavark["package"]
            .as_str()
            .is_some_and(|of| of.starts_with("netavark_")),
        "{netavark}"
    );
    stack
        .rpod("manifest inspect nope")
        .exits(125)?
        .complains("nope: image not known, and no registry has it")?;
    Ok(())
}

pub(crate) fn configured_hosts_names_and_zones() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let with = |conf: &str, line: &str| -> Result<Cmd> {
        stack.scratch.write("own.conf", conf)?;
        let module = stack.scratch.path("own.conf");
        Ok(stack.rpod(&format!("--module {} {line}", module.display())))
    };
    let conf = "[containers]\nno_hosts = true\ncontainer_name_as_hostname = true\ntz = \"Europe/Berlin\"\n";
    with(conf, "create --add-host a:1.2.3.4 alpine")?
        .exits(125)?
        .complains("--no-hosts and --add-host cannot be set together")?;
    with(
        conf,
        "run --rm --no-hosts=false --add-host a:1.2.3.4 alpine cat /etc/hosts",
    )?
    .ok()?
    .says("1.2.3.4")?;
    with(conf, "run --rm --name a_b_c alpine hostname")?
        .ok()?
        .is("abc")?;
    with(conf, "run --rm --tz= alpine date +%Z")?
        .ok()?
        .hides("UTC")?;
    // podman's default, and what it reads of the file, are in thousands.
    let size = "inspect --format {{.HostConfig.ShmSize}} sized";
    stack.rpod("create --name sized alpine").ok()?;
    stack.rpod(size).ok()?.is("65536000")?;
    with(
        "[containers]\nshm_size = \"201k\"\n",
        "create --replace --name sized alpine",
    )?
    .ok()?;
    stack.rpod(size).ok()?.is("201000")?;
    stack
        .rpod("create --replace --name sized --shm-size 201k alpine")
        .ok()?;
    stack.rpod(size).ok()?.is("205824")?;
    Ok(())
}
