//! What a container finds when it begins, and who hears of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tests::monitor::eventually;
use tests::{Cmd, Result, ensure, peer, skip};

use super::Machine;

pub(super) fn propagations(machine: &Machine) -> Result<()> {
    for kind in ["private", "shared", "slave", "unbindable"] {
        for name in [kind.to_owned(), format!("r{kind}")] {
            let bundle = machine.bundle(&["echo", "started"], |config| {
                config["linux"]["rootfsPropagation"] = json!(name);
            })?;
            machine.cmd("run ID").dir(&bundle).ok()?.is("started")?;
            fs::remove_dir_all(bundle)?;
        }
    }
    Ok(())
}

/// Where nobody whom the container's user namespace knows may pass.
pub(super) fn private_root(machine: &Machine) -> Result<()> {
    let private = machine.scratch.path("private");
    fs::create_dir(&private)?;
    let bundle = machine.bundle(&["cat", "/data/file"], |config| {
        let ids = json!([{"containerID": 0, "hostID": 100_000, "size": 65_536}]);
        config["linux"]["uidMappings"] = ids.clone();
        config["linux"]["gidMappings"] = ids;
        if let Some(namespaces) = config["linux"]["namespaces"].as_array_mut() {
            namespaces.push(json!({"type": "user"}));
        }
        // One that the root has, which only a helper can copy by then.
        if let Some(mounts) = config["mounts"].as_array_mut() {
            mounts.push(json!({"destination": "/data", "source": "rootfs/tmp", "type": "bind", "options": ["rbind"]}));
        }
    })?;
    for name in ["data", "sys/fs"] {
        fs::create_dir_all(bundle.join("rootfs").join(name))?;
    }
    fs::write(bundle.join("rootfs/tmp/file"), "found")?;
    let moved = private.join("bundle");
    fs::rename(bundle, &moved)?;
    fs::set_permissions(&private, fs::Permissions::from_mode(0o700))?;
    machine.cmd("run ID").dir(&moved).ok()?.is("found")?;
    Ok(())
}

/// A container whose program cannot be executed has run all the same: no log line, but its own words, as runc's.
pub(super) fn not_executed(machine: &Machine) -> Result<()> {
    let bundle = machine.bundle(&["/script"], |_| {})?;
    let script = bundle.join("rootfs/script");
    fs::write(&script, "#!/no/interpreter\n")?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    let run = machine.cmd("run ID").dir(&bundle).exits(255)?;
    let said = run.stderr.lines().last();
    ensure!(
        said == Some("exec /script: no such file or directory"),
        "{run}"
    );
    machine.cmd("list -q").ok()?.is("")?;
    machine
        .cmd("run --detach ID")
        .dir(&bundle)
        .exits(1)?
        .complains("exec /script: no such file or directory")?;
    Ok(())
}

pub(super) fn readiness(machine: &Machine) -> Result<()> {
    let script = "test -S $NOTIFY_SOCKET && sleep 600";
    machine.bundle(&["sh", "-c", script], |_| {})?;
    let host = machine.scratch.path("host");
    let socket = UnixDatagram::bind(&host)?;
    socket.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut waiting = machine
        .cmd("run --detach ID")
        .env("NOTIFY_SOCKET", &host)
        .dir(machine.scratch.path("bundle"))
        .into_command()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let inside = machine
        .scratch
        .path("state")
        .join(&machine.id)
        .join("notify/notify.sock");
    while !inside.exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    UnixDatagram::unbound()?.send_to(b"MAINPID=1\nREADY=1", &inside)?;
    let mut packet = [0; 256];
    let length = socket.recv(&mut packet)?;
    let said = String::from_utf8_lossy(&packet[..length]).into_owned();
    ensure!(
        said.starts_with("READY=1\nMAINPID=") && !said.contains("MAINPID=1\n"),
        "{said:?}"
    );
    ensure!(waiting.wait()?.success());
    Ok(())
}

pub(super) fn devices(machine: &Machine) -> Result<()> {
    let ip = peer("ip")?;
    let (name, other) = (
        format!("rt{}a", std::process::id()),
        format!("rt{}b", std::process::id()),
    );
    let add = format!("link add {name} type veth peer name {other}");
    if Cmd::new(&ip).words(&add).run()?.code != 0 {
        return skip("this kernel makes no veth devices");
    }
    let address = format!("address add 10.99.7.1/24 dev {name}");
    Cmd::new(&ip).words(&address).ok()?;
    let bundle = machine.bundle(&["busybox", "ip", "address"], |config| {
        config["linux"]["netDevices"] = json!({name.as_str(): {"name": "inside0"}});
    })?;
    let output = machine.cmd("run ID").dir(bundle).run()?;
    // It ends with its namespace, and its peer with it; the kernel takes namespaces apart in its own time.
    let place = format!("/sys/class/net/{other}");
    let gone = eventually("the device is gone", || !Path::new(&place).exists());
    if gone.is_err() {
        Cmd::new(&ip).words(&format!("link delete {other}")).run()?;
    }
    output.says("inside0")?.says("10.99.7.1/24")?;
    gone
}
