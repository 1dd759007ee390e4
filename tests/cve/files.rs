//! Files that others laid where the runtime makes or opens its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::json;
use tests::{Result, ensure};

use crate::jail::{Jail, SECRET};

/// In a directory that others may write to, the name that a pid file has until it is whole is known to them.
pub(crate) fn a_pid_file_is_led_elsewhere() -> Result<()> {
    let jail = Jail::new(&["true"], |_| {})?;
    let (shared, secret) = (jail.scratch.path("shared"), jail.outside().join("secret"));
    fs::create_dir(&shared)?;
    let naive = "cp outside/secret outside/copy; ln -s ../outside/copy shared/.pid
        echo 1 >shared/.pid; mv shared/.pid shared/pid; cat outside/copy; rm outside/copy shared/pid";
    jail.naive(naive)?.says("1")?;

    symlink(&secret, shared.join(".pid"))?;
    let run = format!("run --pid-file {}/pid --bundle BUNDLE ID", shared.display());
    jail.rrunc(&run).ok()?;
    ensure!(fs::read_to_string(&secret)? == SECRET, "overwritten");
    let pid = fs::read_to_string(shared.join("pid"))?;
    ensure!(pid.parse::<u32>().is_ok(), "{pid}");
    Ok(())
}

/// Devices of a container with a user namespace are bound over files that an image may have brought along.
pub(crate) fn a_fifo_waits_in_the_place_of_a_device() -> Result<()> {
    let jail = Jail::new(
        &["sh", "-c", "echo read >/dev/zero; echo $HOME"],
        |config| {
            let ids = json!([{"containerID": 0, "hostID": 0, "size": 65_536}]);
            config["linux"]["uidMappings"] = ids.clone();
            config["linux"]["gidMappings"] = ids;
            config["process"]["env"] = json!(["PATH=/bin"]);
            if let Some(mounts) = config["mounts"].as_array_mut() {
                mounts.retain(|mount| {
                    !mount["destination"]
                        .as_str()
                        .unwrap_or_default()
                        .starts_with("/dev")
                });
            }
            if let Some(namespaces) = config["linux"]["namespaces"].as_array_mut() {
                namespaces.push(json!({"type": "user"}));
            }
        },
    )?;
    for name in ["dev/zero", "etc/passwd"] {
        mkfifo(&jail.rootfs().join(name), Mode::from_bits_truncate(0o666))?;
    }
    jail.naive("timeout 1 cat $R/dev/zero || echo held up: $?")?
        .says("held up: 124")?;

    let run = jail
        .rrunc("run --bundle BUNDLE ID")
        .limit(Duration::from_secs(20));
    run.ok()?.is("/")?;
    jail.is_gone()
}
