//! Descriptors of the runtime's, or of its caller's, in the container.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;
use tests::{Cmd, Result, ensure, peer};

use crate::jail::{Jail, SECRET};

pub(crate) fn cve_2024_21626_the_working_directory_is_a_leaked_descriptor() -> Result<()> {
    let jail = Jail::new(&["cat", "secret"], |_| {})?;
    let naive = jail.naive(
        "exec 7<outside; chroot $R /bin/sh -c 'PATH=/bin; cd /proc/self/fd/7 && cat secret'",
    )?;
    naive.says(SECRET)?;

    for fd in 3..20 {
        let cwd = format!("/proc/self/fd/{fd}");
        jail.change(|config| config["process"]["cwd"] = json!(cwd))?;
        let run = jail
            .rrunc_after("exec 7<outside", "run --bundle BUNDLE ID")
            .run()?;
        ensure!(run.code != 0, "started in {cwd}\n{run}");
        run.hides(SECRET)?
            .complains("current working directory is outside")
            .or_else(|_| run.complains(&cwd))?;
        jail.is_gone()?;
    }
    working_directories_are_made_inside(&jail)?;
    jail.change(|config| {
        config["process"]["cwd"] = json!("/");
        config["process"]["args"] = json!(["sleep", "600"]);
    })?;
    jail.start()?;
    for fd in 3..20 {
        let exec = format!("exec --cwd /proc/self/fd/{fd} ID cat secret");
        let exec = jail.rrunc_after("exec 7<outside", &exec).run()?;
        ensure!(exec.code != 0, "{exec}");
        exec.hides(SECRET)?;
    }
    jail.rrunc("delete --force ID").ok()?;
    Ok(())
}

/// A working directory that is missing is made: not below a leaked descriptor, and not where a link in the image leads.
fn working_directories_are_made_inside(jail: &Jail) -> Result<()> {
    jail.naive("exec 7<outside; chroot $R /bin/busybox mkdir -p /proc/self/fd/7/made; ls outside")?
        .says("made")?;
    fs::remove_dir(jail.outside().join("made"))?;
    symlink(
        "/../../../../../../../proc/self/fd/7",
        jail.rootfs().join("link"),
    )?;
    for (cwd, readonly) in [
        ("/proc/self/fd/7/made/here", false),
        ("/proc/self/fd/7/made/here", true),
        ("/proc/thread-self/fd/7/made", false),
        ("/link/made", false),
    ] {
        jail.change(|config| {
            config["process"]["cwd"] = json!(cwd);
            config["root"]["readonly"] = json!(readonly);
        })?;
        let run = jail
            .rrunc_after("exec 7<outside", "run --bundle BUNDLE ID")
            .run()?;
        ensure!(run.code != 0, "started in {cwd}\n{run}");
        let outside = fs::read_dir(jail.outside())?.count();
        ensure!(outside == 1, "made on the host: {cwd}\n{run}");
        jail.is_gone()?;
    }
    jail.change(|config| config["root"]["readonly"] = json!(false))
}

/// The last one that `ls` lists is its own, of the directory.
pub(crate) fn only_stdio_and_what_is_preserved_is_passed_on() -> Result<()> {
    let jail = Jail::new(&["ls", "/proc/self/fd"], |_| {})?;
    let open = "exec 3<outside 4<outside 5<outside 9<outside";
    jail.rrunc_after(open, "run --bundle BUNDLE ID")
        .ok()?
        .is("0\n1\n2\n3")?;
    jail.rrunc_after(open, "run --preserve-fds 2 --bundle BUNDLE ID")
        .ok()?
        .is("0\n1\n2\n3\n4\n5")?;
    // A hole between those of the caller's stays one.
    jail.rrunc_after(open, "run --preserve-fds 7 --bundle BUNDLE ID")
        .ok()?
        .is("0\n1\n2\n3\n4\n5\n6\n9")?;
    jail.change(|config| config["process"]["args"] = json!(["sleep", "600"]))?;
    jail.start()?;
    jail.rrunc_after(open, "exec ID ls /proc/self/fd")
        .ok()?
        .is("0\n1\n2\n3")?;
    jail.rrunc_after(open, "exec --preserve-fds 1 ID ls /proc/self/fd")
        .ok()?
        .is("0\n1\n2\n3\n4")?;
    jail.rrunc_after(open, "exec --preserve-fds 7 ID ls /proc/self/fd")
        .ok()?
        .is("0\n1\n2\n3\n4\n5\n6\n9")?;
    jail.rrunc("exec ID ls /proc/1/fd").ok()?.is("0\n1\n2")?;
    jail.rrunc("delete --force ID").ok()?;
    Ok(())
}

/// Looks through the descriptors of every process that appears, for some time after the first.
const ATTACK: &str = r#"
echo ready
left=400
while [ $left -gt 0 ]; do
    for p in /proc/[0-9]*; do
        case $p in /proc/1|/proc/$$) continue ;; esac
        seen=yes
        cat $p/fd/7/secret
    done 2>/dev/null
    [ "$seen" ] && left=$((left - 1))
done
echo "seen $seen"
"#;

pub(crate) fn cve_2016_9962_a_joining_process_is_looked_into() -> Result<()> {
    let strace = peer("strace")?;
    let jail = Jail::new(&["sleep", "600"], |config| {
        if let Some(namespaces) = config["linux"]["namespaces"].as_array_mut() {
            namespaces.push(json!({"type": "user"}));
        }
        let maps = json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
        config["linux"]["uidMappings"] = maps.clone();
        config["linux"]["gidMappings"] = maps;
        let all = json!([
            "CAP_SYS_PTRACE",
            "CAP_SYS_ADMIN",
            "CAP_DAC_OVERRIDE",
            "CAP_DAC_READ_SEARCH"
        ]);
        config["process"]["capabilities"] =
            json!({"bounding": all, "effective": all, "permitted": all});
    })?;
    jail.scratch.write("b/rootfs/attack", ATTACK)?;
    jail.start()?;

    // In the container with all descriptors, and visible there.
    let pid = jail.rrunc("state ID").ok()?.json()?["pid"].to_string();
    let attacker = jail.rrunc("exec ID sh /attack").start()?;
    let naive = "exec 7<outside; exec nsenter -t PID -U -p -m sleep 3".replace("PID", &pid);
    Cmd::new("sh")
        .arg("-ec")
        .arg(naive)
        .dir(jail.scratch.path(""))
        .ok()?;
    attacker.wait()?.says(SECRET)?;

    // The child stands still after its first step in the container.
    let attacker = jail.rrunc("exec ID sh /attack").start()?;
    let held = "-f -o /dev/null -e trace=setsid -e inject=setsid:delay_exit=3000000";
    let exec = jail.rrunc("exec ID true").into_command();
    Cmd::new("sh")
        .args(["-ec", "exec 7<outside; exec \"$@\"", "sh"])
        .arg(strace)
        .words(held)
        .arg(exec.get_program())
        .args(exec.get_args())
        .dir(jail.scratch.path(""))
        .ok()?;
    attacker.wait()?.says("seen yes")?.hides(SECRET)?;
    jail.rrunc("delete --force ID").ok()?;
    Ok(())
}
