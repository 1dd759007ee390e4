//! The runtime and the monitor as an ordinary user's, without an engine.

use std::fs;

use tests::image::busybox;
use tests::user::{Ranges, User};
use tests::{Cmd, Result, Scratch, ensure, peer, until};

/// Somebody with a bundle of their own, as the runtime's own words make it.
struct Person {
    user: User,
    _scratch: Scratch,
}

impl Person {
    fn new(name: &str) -> Result<Person> {
        peer("jq")?;
        let scratch = Scratch::new()?;
        let user = User::new(&scratch, name, Ranges::None)?;
        let make = "mkdir -p b/rootfs/bin b/rootfs/dev b/rootfs/etc b/rootfs/proc b/rootfs/sys b/rootfs/tmp && cp $0 b/rootfs/bin/busybox \
                    && for applet in sh id cat sleep; do ln -s busybox b/rootfs/bin/$applet; done; cd b && rrunc spec --rootless";
        user.run(Cmd::new("sh").args(["-c", make]).arg(busybox()?))
            .ok()?;
        let person = Person {
            user,
            _scratch: scratch,
        };
        person.configure(".process.terminal = false")?;
        Ok(person)
    }

    /// Changes the bundle's configuration by a filter of jq(1).
    fn configure(&self, filter: &str) -> Result<()> {
        let script = "cd b && jq \"$0\" config.json >new && mv new config.json";
        let jq = Cmd::new("sh").args(["-c", script, filter]);
        self.user.run(jq).ok()?;
        Ok(())
    }
}

pub(crate) fn a_runtime_needs_no_root() -> Result<()> {
    let person = Person::new("q")?;
    let user = &person.user;
    let rrunc = |line: &str| user.sh(&format!("cd b && rrunc {line}"));
    person.configure(".process.args = [\"sh\", \"-c\", \"id -u; cat /proc/self/uid_map\"]")?;
    let ids = rrunc("run one").ok()?;
    let words: Vec<&str> = ids.stdout.split_whitespace().collect();
    ensure!(
        words == ["0", "0", &*user.uid.to_string(), "1"],
        "root inside is {} outside: {ids}",
        user.uid
    );
    person.configure(".process.args = [\"sleep\", \"600\"]")?;
    rrunc("run -d one </dev/null >/dev/null 2>&1").ok()?;
    rrunc("exec one id -u").ok()?.is("0")?;
    rrunc("list").ok()?.says("running")?.says(&user.name)?;
    rrunc("ps one").exits(1)?.complains("has no cgroup")?;
    rrunc("kill one KILL").ok()?;
    until("it has ended", || {
        Ok(rrunc("state one").ok()?.stdout.contains("\"stopped\""))
    })?;
    rrunc("delete one").ok()?;
    // What is asked of a group that cannot be made is not let go of in silence.
    if !fs::exists("/sys/fs/cgroup/cgroup.controllers")? {
        for filter in [
            ".linux.resources = {memory: {limit: 33554432}}",
            ".linux.resources = {} | .linux.cgroupsPath = \"/mine\"",
        ] {
            person.configure(filter)?;
            rrunc("run one")
                .exits(1)?
                .complains("this user may make no cgroup")?;
        }
    }
    rrunc("list -q").ok()?.is("")?;
    Ok(())
}

pub(crate) fn a_monitor_needs_no_root() -> Result<()> {
    let person = Person::new("r")?;
    let user = &person.user;
    person.configure(".process.args = [\"sh\", \"-c\", \"echo out; echo err >&2; exit 7\"]")?;
    let monitor = "cd b && mkdir -p out/exits && rconmon --api-version 1 -c one -u one -n one -r ~/bin/rrunc -b $PWD -p $PWD/out/pid \
                   -l k8s-file:$PWD/out/log --exit-dir $PWD/out/exits --socket-dir-path $PWD/out";
    user.sh(monitor).ok()?;
    let at = |name: &str| user.home.join("b/out").join(name);
    until("the container waits", || Ok(fs::exists(at("pid"))?))?;
    user.sh("rrunc start one").ok()?;
    until("its end is told", || Ok(fs::exists(at("exits/one"))?))?;
    let code = fs::read_to_string(at("exits/one"))?;
    ensure!(code == "7", "the exit code is {code:?}");
    let log = fs::read_to_string(at("log"))?;
    ensure!(
        log.contains(" stdout F out\n") && log.contains(" stderr F err\n"),
        "{log}"
    );
    user.sh("rrunc delete one").ok()?;
    Ok(())
}
