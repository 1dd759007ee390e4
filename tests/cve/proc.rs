//! A /proc that is the attacker's: a label that is written there confines nobody.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use tests::{Result, ensure};

use crate::jail::Jail;

/// What a naive runtime does to confine the process.
const WRITE_LABEL: &str = "echo 'exec profile' >$R/proc/self/attr/exec";

/// A jail with a volume at `destination` that looks like procfs to a label's writer.
fn with_fake(destination: &str, first: bool) -> Result<Jail> {
    let jail = Jail::new(&["true"], |_| {})?;
    fs::create_dir_all(jail.scratch.path("fake/self/attr"))?;
    jail.scratch.write("fake/self/attr/exec", "")?;
    let bind = json!({"destination": destination, "source": jail.scratch.path("fake"), "type": "bind", "options": ["bind"]});
    jail.change(|config| insert(&mut config["mounts"], bind, first))?;
    Ok(jail)
}

fn insert(mounts: &mut Value, mount: Value, first: bool) {
    if let Some(mounts) = mounts.as_array_mut() {
        let at = if first { 0 } else { mounts.len() };
        mounts.insert(at, mount);
    }
}

fn is_refused(jail: &Jail, because: &str) -> Result<()> {
    let run = jail.run()?;
    ensure!(run.code != 0, "{run}");
    run.complains(because)?;
    jail.is_gone()
}

pub(crate) fn cve_2019_16884_a_volume_is_mounted_at_proc() -> Result<()> {
    for first in [true, false] {
        let jail = with_fake("/proc", first)?;
        let naive = jail.naive(&format!(
            "mount --bind fake $R/proc; {WRITE_LABEL}; cat fake/self/attr/exec"
        ))?;
        naive.is("exec profile")?;
        is_refused(&jail, "proc")?;
    }
    // By a way around the name.
    let jail = with_fake("/dev/../proc", false)?;
    is_refused(&jail, "/proc")
}

pub(crate) fn cve_2023_28642_proc_is_a_link() -> Result<()> {
    for name in ["proc", "sys"] {
        let jail = Jail::new(&["true"], |_| {})?;
        let naive = format!(
            "umount $R/proc; rmdir $R/{name}; ln -s $PWD/outside $R/{name}; mount -t tmpfs tmpfs $R/{name}; mountpoint outside"
        );
        jail.naive(&naive)?.says("is a mountpoint")?;
        // `NAME` is the link that the naive order has left.
        is_refused(&jail, "symbolic link")?;
        fs::remove_file(jail.rootfs().join(name))?;
        symlink("tmp", jail.rootfs().join(name))?;
        is_refused(&jail, "symbolic link")?;
    }
    Ok(())
}

pub(crate) fn cve_2023_27561_proc_is_a_link_into_a_volume() -> Result<()> {
    let jail = with_fake("/volume", true)?;
    fs::create_dir(jail.scratch.path("fake/proc"))?;
    fs::rename(
        jail.scratch.path("fake/self"),
        jail.scratch.path("fake/proc/self"),
    )?;
    fs::create_dir(jail.rootfs().join("volume"))?;
    let naive = format!(
        "umount $R/proc; rmdir $R/proc; ln -s volume/proc $R/proc; mount --bind fake $R/volume
        mount -t proc proc $R/proc; umount $R/proc # another container with the volume has swapped what was below
        {WRITE_LABEL}; cat fake/proc/self/attr/exec"
    );
    jail.naive(&naive)?.says("exec profile")?;
    is_refused(&jail, "symbolic link")
}
