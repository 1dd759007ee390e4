//! Places in a volume that are checked, and then are others.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;
use tests::{Result, ensure};

use crate::jail::{Jail, Swapping};

/// What is checked, and what then is in its place.
const CHECK_AND_SWAP: &str = "mount --bind volume $R/volume
    case $(realpath $R/volume/data) in $R/*) ;; *) exit 9 ;; esac
    mv $R/volume/data $R/volume/old; ln -s $PWD/outside $R/volume/data";
/// Until now the attacker was lucky once in some thousand.
const TRIES: u32 = 40;

/// A jail with a volume whose `data` is a directory, and `link` a link to the host's `outside`.
fn with_volume() -> Result<Jail> {
    let jail = Jail::new(&["true"], |_| {})?;
    fs::create_dir(jail.rootfs().join("volume"))?;
    fs::create_dir_all(jail.scratch.path("volume/data"))?;
    symlink(jail.outside(), jail.scratch.path("volume/link"))?;
    Ok(jail)
}

pub(crate) fn cve_2021_30465_a_mount_point_is_swapped() -> Result<()> {
    let jail = with_volume()?;
    let naive =
        format!("{CHECK_AND_SWAP}; mount -t tmpfs tmpfs $R/volume/data; mountpoint outside");
    jail.naive(&naive)?.says("is a mountpoint")?;
    fs::remove_file(jail.scratch.path("volume/data"))?;
    fs::rename(
        jail.scratch.path("volume/old"),
        jail.scratch.path("volume/data"),
    )?;

    let escaped = jail.scratch.path("escaped");
    let look = format!(
        "if grep -q ' {} ' /proc/self/mountinfo; then touch {}; fi",
        jail.outside().display(),
        escaped.display()
    );
    let (hook, volume) = (jail.hook(&look), jail.scratch.path("volume"));
    jail.change(|config| {
        config["hooks"] = hook;
        if let Some(mounts) = config["mounts"].as_array_mut() { mounts.extend([
            json!({"destination": "/volume", "source": volume, "type": "bind", "options": ["bind"]}),
            json!({"destination": "/volume/data", "source": "tmpfs", "type": "tmpfs"}),
        ]) }
    })?;
    let swapping = Swapping::between(
        &jail.scratch.path("volume/data"),
        &jail.scratch.path("volume/link"),
    )?;
    for _ in 0..TRIES {
        let run = jail.run()?;
        ensure!(!escaped.exists(), "mounted on the host\n{run}");
        jail.is_gone()?;
    }
    drop(swapping);
    Ok(())
}

pub(crate) fn cve_2024_45310_a_file_is_made_on_the_host() -> Result<()> {
    let jail = with_volume()?;
    jail.naive(&format!(
        "{CHECK_AND_SWAP}; touch $R/volume/data/made; ls outside"
    ))?
    .says("made")?;
    fs::remove_file(jail.outside().join("made"))?;
    fs::remove_file(jail.scratch.path("volume/data"))?;
    fs::rename(
        jail.scratch.path("volume/old"),
        jail.scratch.path("volume/data"),
    )?;

    let volume = jail.scratch.path("volume");
    jail.change(|config| {
        let bind = |to: &str, from: &std::path::Path| json!({"destination": to, "source": from, "type": "bind", "options": ["bind"]});
        if let Some(mounts) = config["mounts"].as_array_mut() { mounts.extend([
            bind("/volume", &volume),
            bind("/volume/data/made", std::path::Path::new("/dev/null")),
            bind("/volume/data/below/here", &volume),
        ]) }
    })?;
    let swapping = Swapping::between(
        &jail.scratch.path("volume/data"),
        &jail.scratch.path("volume/link"),
    )?;
    for _ in 0..TRIES {
        let run = jail.run()?;
        let outside: Vec<_> = fs::read_dir(jail.outside())?
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        ensure!(
            outside == ["secret"],
            "made on the host: {outside:?}\n{run}"
        );
        jail.is_gone()?;
    }
    drop(swapping);
    Ok(())
}

/// Shared mounts are what systemd makes of a host. A copy of one that is made outside of the container is its peer, and the
/// container's mounts on it become the host's: here those of a volume with mapped ids, and of a volume in a user namespace.
pub(crate) fn a_mount_on_a_volume_spreads_to_the_host() -> Result<()> {
    let script = "mount -t tmpfs inside /volume/below && grep /volume /proc/self/mountinfo";
    let jail = Jail::new(&["sh", "-c", script], |config| {
        for set in ["bounding", "effective", "permitted"] {
            if let Some(names) = config["process"]["capabilities"][set].as_array_mut() {
                names.push(json!("CAP_SYS_ADMIN"));
            }
        }
    })?;
    fs::create_dir(jail.rootfs().join("volume"))?;
    fs::create_dir(jail.outside().join("below"))?;
    const SHARED: &str =
        "mount -t tmpfs host outside; mount --make-shared outside; mkdir outside/below";
    let naive = format!(
        "{SHARED}; mount --bind outside $R/volume
        unshare -m --propagation unchanged mount -t tmpfs inside $R/volume/below; mountpoint outside/below"
    );
    jail.naive(&naive)?.says("is a mountpoint")?;

    let ids = json!([{"containerID": 0, "hostID": 100_000, "size": 65_536}]);
    let mut volume = json!({"destination": "/volume", "source": jail.outside(), "type": "bind", "options": ["rbind"]});
    jail.change(|config| {
        config["linux"]["uidMappings"] = ids.clone();
        config["linux"]["gidMappings"] = ids.clone();
        if let (Some(namespaces), Some(mounts)) = (
            config["linux"]["namespaces"].as_array().cloned(),
            config["mounts"].as_array_mut(),
        ) {
            mounts.push(volume.clone());
            config["linux"]["namespaces"] =
                json!([namespaces, vec![json!({"type": "user"})]].concat());
        }
    })?;
    spreads_nothing(&jail, SHARED)?;

    volume["uidMappings"] = ids.clone();
    volume["gidMappings"] = ids;
    jail.change(|config| {
        if let Some(linux) = config["linux"].as_object_mut() {
            linux.remove("uidMappings");
            linux.remove("gidMappings");
        }
        if let Some(namespaces) = config["linux"]["namespaces"].as_array_mut() {
            namespaces.pop();
        }
        if let Some(last) = config["mounts"]
            .as_array_mut()
            .and_then(|mounts| mounts.last_mut())
        {
            *last = volume;
        }
    })?;
    spreads_nothing(&jail, SHARED)
}

/// Runs the bundle on a host whose `outside` is a shared mount.
fn spreads_nothing(jail: &Jail, shared: &str) -> Result<()> {
    let script = format!(
        "cd {}; {shared}; chmod 777 outside/below
        \"$@\"; if mountpoint -q outside/below; then echo spread; fi",
        jail.scratch.path("").display()
    );
    let words = ["-m", "--propagation", "private", "sh", "-ec", &script, "sh"];
    let run = jail
        .rrunc("run --bundle BUNDLE ID")
        .through("unshare", &words);
    run.ok()?.says(" - tmpfs inside ")?.hides("spread")?;
    jail.is_gone()
}
