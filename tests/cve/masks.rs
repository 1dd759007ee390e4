//! Files that a runtime puts over others, or writes to, and that the container replaced.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use tests::{Cmd, Result, ensure};

use crate::jail::Jail;

pub(crate) fn cve_2025_31133_the_null_device_is_another_file() -> Result<()> {
    let jail = Jail::new(
        &[
            "sh",
            "-c",
            "cat /masked; echo written >/masked; cat /attack",
        ],
        |config| config["linux"]["maskedPaths"] = json!(["/masked"]),
    )?;
    jail.scratch.write("b/rootfs/masked", "not to be seen")?;
    jail.scratch.write("b/rootfs/attack", "unwritten")?;
    let swap = "rm -f $R/dev/null; ln -s /attack $R/dev/null";
    let naive = format!(
        "{swap}; chroot $R /bin/mount -o bind /dev/null /masked; chroot $R /bin/sh -c 'echo written >/masked'; cat $R/attack"
    );
    jail.naive(&naive)?.is("written")?;

    jail.scratch.write("b/rootfs/attack", "unwritten")?;
    fs::remove_file(jail.rootfs().join("dev/null"))?;
    let rootfs = jail.rootfs();
    let hook = jail.hook(&swap.replace("$R", &rootfs.to_string_lossy()));
    jail.change(|config| config["hooks"] = hook)?;
    let run = jail.run()?;
    run.is("unwritten")?;

    // The same from an image, where nothing is mounted at /dev.
    symlink("/attack", jail.rootfs().join("dev/null"))?;
    jail.change(|config| {
        config["hooks"] = json!({});
        keep_mounts(config, |destination| !destination.starts_with("/dev"));
    })?;
    let run = jail.run()?;
    ensure!(run.code != 0, "{run}");
    run.complains("/dev/null")?;
    jail.is_gone()
}

pub(crate) fn cve_2025_52565_the_console_is_another_file() -> Result<()> {
    let jail = Jail::new(&["true"], |config| {
        config["process"]["terminal"] = json!(true);
        // Nothing of the host's lies over the image's /dev.
        keep_mounts(config, |destination| {
            destination == "/proc" || destination == "/dev/pts"
        });
    })?;
    fs::create_dir(jail.rootfs().join("dev/pts"))?;
    let victim = jail.scratch.write("victim", "the host's own")?;
    symlink(&victim, jail.rootfs().join("dev/console"))?;
    let naive = "mount --bind b/config.json $R/dev/console; cat victim";
    jail.naive(naive)?.says("ociVersion")?;

    let terminal = |bundle: &str| {
        let run = jail.rrunc(bundle).into_command();
        let line = [run.get_program()]
            .into_iter()
            .chain(run.get_args())
            .map(|word| word.to_string_lossy().into_owned());
        // script(1) gives it a terminal, and says how it ended.
        Cmd::new("script")
            .words("-qec")
            .arg(line.collect::<Vec<_>>().join(" "))
            .arg("/dev/null")
            .run()
    };
    let run = terminal("run --bundle BUNDLE ID")?;
    ensure!(run.code != 0, "{run}");
    run.says("/dev/console")?.says("symbolic link")?;
    ensure!(
        fs::read(&victim)? == b"the host's own",
        "the victim has changed"
    );
    jail.is_gone()?;

    // A terminal of the attacker's: /dev/pts is a directory with a file in the multiplexer's place.
    fs::remove_file(jail.rootfs().join("dev/console"))?;
    fs::create_dir(jail.scratch.path("fake"))?;
    jail.scratch.write("fake/ptmx", "")?;
    let fake = jail.scratch.path("fake");
    jail.change(|config| {
        keep_mounts(config, |destination| destination == "/proc");
        let bind =
            json!({"destination": "/dev/pts", "source": fake, "type": "bind", "options": ["bind"]});
        if let Some(mounts) = config["mounts"].as_array_mut() {
            mounts.push(bind)
        }
    })?;
    let run = terminal("run --bundle BUNDLE ID")?;
    ensure!(run.code != 0, "{run}");
    run.says("/dev/pts")?;
    jail.is_gone()
}

pub(crate) fn cve_2025_52881_writes_to_proc_are_led_elsewhere() -> Result<()> {
    let jail = Jail::new(&["cat", "/proc/sys/kernel/hostname"], |config| {
        config["hostname"] = json!("mine");
        config["linux"]["sysctl"] = json!({"kernel.domainname": "77"});
    })?;
    // What is written to the one file arrives in the other.
    let lead = "mount --bind /proc/sys/kernel/hostname /proc/sys/kernel/domainname";
    let naive = format!("{lead}; echo 77 >/proc/sys/kernel/domainname; hostname");
    jail.naive(&naive)?.is("77")?;

    // On the host's own /proc, where rrunc writes.
    let rrunc = jail.rrunc("run --bundle BUNDLE ID").into_command();
    let led = format!("{lead}; exec \"$@\"");
    let run = Cmd::new("unshare")
        .words("-m -u --propagation private sh -ec")
        .arg(led)
        .arg("sh")
        .arg(rrunc.get_program())
        .args(rrunc.get_args())
        .run()?;
    ensure!(run.code != 0, "{run}");
    run.hides("77")?.complains("kernel.domainname")?;
    jail.is_gone()?;

    // By a mount of the configuration, named outright and through a link of the image's.
    symlink("/proc/sys/kernel", jail.rootfs().join("link"))?;
    for destination in [
        "/proc/sys/kernel/domainname",
        "/link/domainname",
        "/proc/self/attr",
        "/proc/1/attr/exec",
    ] {
        jail.change(|config| {
            keep_mounts(config, |kept| kept == "/proc" || kept.starts_with("/dev") || kept == "/sys");
            let bind = json!({"destination": destination, "source": "/proc/sys/kernel/hostname", "type": "bind", "options": ["bind"]});
            if let Some(mounts) = config["mounts"].as_array_mut() { mounts.push(bind) }
        })?;
        let run = jail.run()?;
        ensure!(run.code != 0, "{destination}\n{run}");
        run.complains(destination)?.complains("/proc")?;
        jail.is_gone()?;
    }
    Ok(())
}

fn keep_mounts(config: &mut Value, keep: impl Fn(&str) -> bool) {
    if let Some(mounts) = config["mounts"].as_array_mut() {
        mounts.retain(|mount| mount["destination"].as_str().is_some_and(&keep));
    }
}
