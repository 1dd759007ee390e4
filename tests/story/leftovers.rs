//! Small things that a script notices: files with ids, what an image is made to run, and what is said of what stays.

use tests::{Result, Stack, ensure};

/// podman-run(1), "--cidfile": it is written anew, and goes with the container, unless it is another's by then.
pub(crate) fn the_file_with_the_id_goes_with_the_container() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let file = stack.scratch.write("cid", "what was here before")?;
    let id = stack.rpod("create --name one --cidfile cid alpine").ok()?;
    ensure!(std::fs::read_to_string(&file)? == id.text(), "{id}");
    let named = stack.rpod("inspect --format {{.HostConfig.ContainerIDFile}} one");
    named.ok()?.is(file.display())?;
    stack.rpod("rm one").ok()?;
    ensure!(!file.exists(), "the file is left");
    stack.rpod("create --name one --cidfile cid alpine").ok()?;
    stack.rpod("create --name two --cidfile cid alpine").ok()?;
    stack.rpod("rm one").ok()?;
    ensure!(file.exists(), "another's file is gone");
    Ok(())
}

pub(crate) fn an_image_has_no_arguments_of_another_entrypoint() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --name one --network none --entrypoint '[\"/bin/echo\",\"said\"]' alpine")
        .ok()?;
    stack.rpod("commit -q one made").ok()?;
    stack
        .rpod("run --rm --network none made")
        .ok()?
        .is("said")?;
    stack
        .rpod("image inspect --format {{.Config.Cmd}} made")
        .ok()?
        .is("[]")?;
    Ok(())
}

pub(crate) fn a_pod_goes_with_the_image_of_its_infra_container() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name one alpine").ok()?;
    stack.rpod("commit -q one infra").ok()?;
    stack
        .rpod("pod create --name group --infra-image infra")
        .ok()?;
    stack
        .rpod("rmi infra")
        .exits(2)?
        .complains("image is in use by a container")?;
    stack.rpod("rmi --force infra").ok()?;
    stack.rpod("pod exists group").exits(1)?;
    stack.rpod("ps -a --format {{.Names}}").ok()?.is("one")?;
    Ok(())
}

/// Asked for by its whole name an image is shown under that alone.
pub(crate) fn a_whole_name_is_shown_alone() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("tag alpine localhost/other:1").ok()?;
    let rows = |what: &str| -> Result<usize> {
        let listed = stack.rpod(&format!("images -n {what}")).ok()?;
        Ok(listed.text().lines().count())
    };
    ensure!(rows("localhost/other:1")? == 1);
    ensure!(rows("other:1")? == 2 && rows("alpine")? == 2);
    Ok(())
}

pub(crate) fn an_image_that_stays_is_told_of() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name one alpine").ok()?;
    stack
        .rpod("run --rmi --rm --network none alpine true")
        .ok()?
        .complains("image is in use by a container")?;
    Ok(())
}

/// `engine.runtimes_flags` of containers.conf; what the runtime says to it is told, whatever else fails by it.
pub(crate) fn a_runtime_is_given_its_flags() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let runtime = stack.parts.runtime.file_name().unwrap_or_default();
    let conf = format!(
        "[engine.runtimes_flags]\n{} = [\"no-such-flag\"]\n",
        runtime.display()
    );
    let conf = stack.scratch.write("flags.conf", conf)?;
    stack
        .rpod("run --rm --network none alpine true")
        .env("CONTAINERS_CONF_OVERRIDE", conf)
        .exits(126)?
        .complains("no-such-flag")?;
    Ok(())
}

pub(crate) fn credentials_are_where_they_are_said_to_be() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for line in [
        "pull alpine",
        "search alpine",
        "create alpine",
        "push alpine",
    ] {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        stack
            .rpod(&format!("{command} --authfile none.json {rest}"))
            .exits(125)?
            .complains("Error: credential file is not accessible: faccessat none.json: no such file or directory")?;
    }
    let login = format!(
        "--config docker login --tls-verify=false -u me -p secret {}",
        stack.registry.address
    );
    stack.rpod(&login).without("REGISTRY_AUTH_FILE").ok()?;
    let kept = stack.scratch.path("docker/config.json");
    ensure!(kept.exists(), "{} is not written", kept.display());
    Ok(())
}

/// `/` is open to those alone who may write everywhere, whatever mode the image gives it.
pub(crate) fn the_root_directory_is_closed() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let ask = |options: &str| {
        let line =
            format!("run --rm --network none {options} alpine sh -c 'stat -c %a /; touch /new'");
        stack.rpod(&line)
    };
    ask("").ok()?.is("555")?;
    for options in ["--user 1000", "--cap-drop all"] {
        ask(options).exits(1)?.complains("Permission denied")?;
    }
    // What the container makes of it is its own.
    stack
        .rpod("run --name open --network none alpine chmod 700 /")
        .ok()?;
    stack.rpod("start open").ok()?;
    stack
        .rpod("run -d --name other --network none alpine sh -c 'chmod 711 /; sleep 600'")
        .ok()?;
    stack.rpod("restart -t 0 other").ok()?;
    stack.rpod("exec other stat -c %a /").ok()?.is("711")?;
    Ok(())
}
