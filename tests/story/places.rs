//! Where rskopeo looks for its configuration, and what comes before what.

use std::fs;

use tests::{Cmd, Result, Scratch, Stack, ensure, ours};

/// A registry that a file speaks of is blocked by it, so that the error tells which files were read.
fn blocks(registry: &str) -> String {
    format!("[[registry]]\nlocation = \"{registry}\"\nblocked = true\n")
}

struct Home(Scratch);

impl Home {
    fn new() -> Result<Home> {
        let home = Home(Scratch::new()?);
        for directory in [".config/containers/registries.conf.d", "xdg/containers"] {
            fs::create_dir_all(home.0.path(directory))?;
        }
        home.0.write(
            ".config/containers/policy.json",
            r#"{"default":[{"type":"reject"}]}"#,
        )?;
        Ok(home)
    }

    fn rskopeo(&self, line: &str) -> Result<Cmd> {
        let rskopeo = Cmd::new(ours("rskopeo")?).dir(self.0.path(""));
        let rskopeo = rskopeo.env("HOME", self.0.path("")).words(line);
        let rskopeo = rskopeo
            .without("XDG_CONFIG_HOME")
            .without("CONTAINERS_REGISTRIES_CONF");
        // Nobody is there, so that what is not blocked is an error, too.
        Ok(rskopeo.env("https_proxy", "http://127.0.0.1:1"))
    }

    fn blocked(&self, cmd: impl Fn(&str) -> Result<Cmd>) -> Result<String> {
        let mut blocked = String::new();
        for registry in ["main", "below", "other", "env", "last"] {
            let failed = cmd(&format!("inspect docker://{registry}.test/x"))?.exits(1)?;
            if failed.stderr.contains("is blocked") {
                blocked.push_str(registry);
                blocked.push(' ');
            }
        }
        Ok(blocked)
    }
}

pub(crate) fn registries_are_configured_in_many_places() -> Result<()> {
    let home = Home::new()?;
    let write = |name: &str, registry: &str| home.0.write(name, blocks(registry));
    write(".config/containers/registries.conf", "main.test")?;
    write(".config/containers/registries.conf.d/1.conf", "below.test")?;
    write(".config/containers/registries.conf.d/1.txt", "other.test")?;
    write("xdg/containers/registries.conf", "other.test")?;
    write("env.conf", "env.test")?;
    write("last.conf", "last.test")?;

    let plain = |line: &str| home.rskopeo(line);
    ensure!(home.blocked(plain)? == "main below ", "by HOME");
    let xdg = |line: &str| Ok(plain(line)?.env("XDG_CONFIG_HOME", home.0.path("xdg")));
    ensure!(home.blocked(xdg)? == "other ", "by XDG_CONFIG_HOME");
    let given = |line: &str| plain(&format!("--registries-conf env.conf {line}"));
    ensure!(home.blocked(given)? == "below env ", "by --registries-conf");
    let named = |line: &str| Ok(plain(line)?.env("CONTAINERS_REGISTRIES_CONF", "env.conf"));
    ensure!(
        home.blocked(named)? == "env ",
        "by CONTAINERS_REGISTRIES_CONF"
    );
    let over =
        |line: &str| Ok(named(line)?.env("CONTAINERS_REGISTRIES_CONF_OVERRIDE", "last.conf"));
    ensure!(
        home.blocked(over)? == "env last ",
        "by CONTAINERS_REGISTRIES_CONF_OVERRIDE"
    );

    let missing = "--registries-conf none inspect docker://main.test/x";
    plain(missing)?
        .exits(1)?
        .complains("open none: no such file or directory")?;
    Ok(())
}

pub(crate) fn the_policy_is_the_users_before_the_systems() -> Result<()> {
    let home = Home::new()?;
    home.0.write(
        "lax.json",
        r#"{"default":[{"type":"insecureAcceptAnything"}]}"#,
    )?;
    home.0.write(
        "manifest.json",
        r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json"}"#,
    )?;
    let copy = "copy dir:. dir:to";
    let by_policy = "is rejected by policy";
    home.rskopeo(copy)?.exits(1)?.complains(by_policy)?;
    let named = home
        .rskopeo(copy)?
        .env("CONTAINERS_POLICY_JSON", "lax.json");
    let told = named.exits(1)?;
    ensure!(!told.stderr.contains(by_policy), "{told}");
    let none = home
        .rskopeo(copy)?
        .env("CONTAINERS_POLICY_JSON", "none.json");
    none.exits(1)?.complains("open none.json")?;
    Ok(())
}

/// Where a name is looked for is one thing, and what it names another: what is written goes where it is said to go.
pub(crate) fn names_are_rewritten_for_reading_alone() -> Result<()> {
    let stack = Stack::new()?;
    let conf = format!(
        "[[registry]]\nprefix = \"example.test/a\"\nlocation = \"{}\"\ninsecure = true\n{}",
        stack.registry.address,
        blocks("bad.test")
    );
    stack.scratch.write("registries.conf", conf)?;
    let named = "docker://example.test/a/alpine:latest";
    stack.rskopeo(&format!("copy {named} dir:alpine")).ok()?;
    stack
        .rskopeo("list-tags docker://example.test/a/alpine")
        .ok()?
        .says("latest")?;
    let written = stack.rskopeo(&format!("copy dir:alpine {named}"));
    // Nobody is there.
    let proxy = "http://127.0.0.1:1";
    let written = written.env("https_proxy", proxy).env("http_proxy", proxy);
    written.exits(1)?.complains("example.test")?;
    let conf = stack.scratch.path("registries.conf");
    stack
        .rskopeo("copy dir:alpine docker://bad.test/alpine")
        .exits(1)?
        .complains(format!(
            "registry bad.test is blocked in {}",
            conf.display()
        ))?;
    Ok(())
}
