//! `rpod quadlet`: units that a person installs, finds and removes. podman-quadlet(1).

use std::fs;

use tests::user::{Ranges, User};
use tests::{Result, Scratch, ensure};

const CONTAINER: &str = "[Container]\nImage=localhost/alpine\nEnvironmentFile=./env\n";

pub(crate) fn units_are_installed_and_removed() -> Result<()> {
    let scratch = Scratch::new()?;
    let user = User::new(&scratch, "y", Ranges::None)?;
    let units = user.home.join(".config/containers/systemd");
    let at = |name: &str| units.join(name).display().to_string();
    let write = |name: &str, text: &str| fs::write(user.home.join(name), text);
    write("web.container", CONTAINER)?;
    write("env", "A=1\n")?;
    write(
        "both.quadlets",
        "# FileName=first\n[Container]\nImage=localhost/alpine\nPod=all.pod\n---\n# FileName=second\n[Volume]\n",
    )?;
    write("nameless.quadlets", "[Container]\nImage=localhost/alpine\n")?;
    fs::create_dir(user.home.join("app"))?;
    write("app/all.pod", "[Pod]\n")?;
    write("app/settings", "of the application\n")?;
    write("app/more.quadlets", "# FileName=kept\n[Volume]\n")?;
    let rpod = |line: &str| user.rpod(&format!("quadlet {line}"));

    // A unit with its file, a directory, and several units in one file.
    rpod("install web.container env").ok()?.is(format!(
        "{}\n{}",
        at("web.container"),
        at("env")
    ))?;
    rpod("install app").ok()?.is(format!(
        "{}\n{}\n{}",
        at("all.pod"),
        at("kept.volume"),
        at("settings")
    ))?;
    rpod("install both.quadlets").ok()?.is(format!(
        "{}\n{}",
        at("first.container"),
        at("second.volume")
    ))?;
    rpod("install nameless.quadlets")
        .exits(125)?
        .complains("FileName")?;
    rpod("install web.container")
        .exits(125)?
        .complains("refusing to overwrite")?;
    write("web.container", &format!("{CONTAINER}Exec=sleep 9\n"))?;
    rpod("install --replace web.container").ok()?;

    rpod("list --format '{{.Name}} {{.UnitName}} {{.App}} {{.Pod}}'")
        .ok()?
        .is(
            "all.pod all-pod.service .app.app \nfirst.container first.service .both.app all.pod\n\
             kept.volume kept-volume.service .app.app \nsecond.volume second-volume.service .both.app \nweb.container web.service",
        )?;
    rpod("list --noheading --filter name=web* --format '{{.Path}}'")
        .ok()?
        .is(at("web.container"))?;
    rpod("list --filter pod=all.pod --format '{{.Name}}'")
        .ok()?
        .is("first.container")?;
    rpod("print web.container").ok()?.says("\nExec=sleep 9")?;
    rpod("print nobody.container")
        .exits(125)?
        .complains("no quadlet \"nobody.container\"")?;
    // They are what the generator makes services of.
    let made = user.sh(
        "ln -s bin/rpod rpod-user-generator && ./rpod-user-generator -user -no-kmsg-log -dryrun",
    );
    made.ok()?
        .says("---first.service---")?
        .says("---web.service---")?;

    // What came with one goes with it.
    rpod("rm web.container").ok()?.is("web.container")?;
    rpod("rm first.container")
        .ok()?
        .is("first.container\nsecond.volume")?;
    rpod("rm nobody.container")
        .exits(125)?
        .complains("nobody.container")?;
    rpod("rm --ignore nobody.container").ok()?;
    rpod("rm --all").ok()?;
    let left: Vec<_> = fs::read_dir(&units)?.collect();
    ensure!(left.is_empty(), "{left:?}");
    Ok(())
}
