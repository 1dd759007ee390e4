//! The kernel's audit knows who asked: there is no daemon in between.

use std::fs;
use std::path::PathBuf;

use tests::{Cmd, Result, Stack, ensure, peer, skip};

const CALLER: &str = "4242";

/// A shell takes a login uid, as a login would, and starts the engine.
struct Caller {
    stack: Stack,
}

const TAKE: &str = "echo 4242 > /proc/self/loginuid && exec \"$@\"";

impl Caller {
    fn new() -> Result<Caller> {
        if fs::read_to_string("/proc/self/loginuid").is_err() {
            return skip("this kernel keeps no loginuid");
        }
        if Cmd::new("sh").args(["-c", TAKE, "sh", "true"]).run()?.code != 0 {
            return skip("this machine does not let a process set its loginuid");
        }
        let stack = Stack::with_alpine()?;
        Ok(Caller { stack })
    }

    fn rpod(&self, line: &str) -> Cmd {
        self.stack.rpod(line).through("sh", &["-c", TAKE, "sh"])
    }
}

pub(crate) fn loginuid_reaches_the_container() -> Result<()> {
    let caller = Caller::new()?;
    let line = "run --rm alpine cat /proc/self/loginuid";
    caller.rpod(line).ok()?.is(CALLER)?;
    caller
        .rpod("run -d --name detached alpine sleep 600")
        .ok()?;
    let seen = caller
        .rpod("exec detached cat /proc/self/loginuid /proc/1/loginuid")
        .ok()?;
    ensure!(seen.stdout == format!("{CALLER}{CALLER}"), "{seen}");
    // The session is the caller's too: every process that a login starts has its number.
    let session = caller.rpod("exec detached cat /proc/self/sessionid").ok()?;
    ensure!(session.stdout.trim() != "4294967295", "{session}");
    // Somebody else's exec is somebody else's.
    let other = caller
        .stack
        .rpod("exec detached cat /proc/self/loginuid")
        .ok()?;
    ensure!(other.stdout.trim() != CALLER, "{other}");
    Ok(())
}

pub(crate) fn loginuid_reaches_a_pod() -> Result<()> {
    let caller = Caller::new()?;
    caller.rpod("pod create --name together").ok()?;
    caller
        .rpod("run -d --pod together --name member alpine sleep 600")
        .ok()?;
    let seen = caller.stack.rpod("exec member cat /proc/1/loginuid").ok()?;
    seen.is(CALLER)?;
    let infra = caller
        .stack
        .rpod("pod inspect --format {{.InfraContainerID}} together")
        .ok()?;
    let pid = caller
        .stack
        .rpod(&format!(
            "inspect --format {{{{.State.Pid}}}} {}",
            infra.stdout.trim()
        ))
        .ok()?;
    let of_infra = fs::read_to_string(format!("/proc/{}/loginuid", pid.stdout.trim()))?;
    ensure!(of_infra == CALLER, "the infra container's is {of_infra}");
    Ok(())
}

/// A file that is watched; nothing is left of the watch.
struct Watch {
    file: PathBuf,
    key: String,
}

impl Watch {
    fn new(file: PathBuf, key: String) -> Result<Watch> {
        peer("auditctl")?;
        let status = Cmd::new("auditctl").arg("-s").run()?;
        let field = |name: &str| {
            let found = status
                .stdout
                .lines()
                .find_map(|line| line.strip_prefix(name));
            found.map(|value| value.trim().to_owned())
        };
        match (field("enabled "), field("pid ")) {
            (Some(enabled), Some(pid)) if enabled == "0" && pid == "0" => {}
            _ => return skip("the kernel's audit is somebody's already, or not to be had"),
        }
        let watch = Watch { file, key };
        Cmd::new("auditctl").args(["-e", "1"]).ok()?;
        let set = watch.rule("-w").run()?;
        if set.code != 0 {
            return skip(format!("auditctl sets no watch here: {}", set.stderr));
        }
        Ok(watch)
    }

    fn rule(&self, action: &str) -> Cmd {
        Cmd::new("auditctl")
            .arg(action)
            .arg(&self.file)
            .args(["-p", "w", "-k", &self.key])
    }

    /// Records go to the kernel's log where no auditd takes them.
    fn records(&self) -> Result<String> {
        for _ in 0..20 {
            let log = Cmd::new("dmesg").ok()?;
            let own: Vec<&str> = log
                .stdout
                .lines()
                .filter(|line| line.contains(&self.key))
                .collect();
            if own.iter().any(|line| line.contains("type=1300")) {
                return Ok(own.join("\n"));
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        skip("the kernel's log shows no audit records")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.rule("-W").run();
        let _ = Cmd::new("auditctl").args(["-e", "0"]).run();
    }
}

pub(crate) fn a_watch_tells_who_asked() -> Result<()> {
    let caller = Caller::new()?;
    let file = caller.stack.scratch.write("watched", "")?;
    let watch = Watch::new(file.clone(), caller.stack.scratch.id("watch"))?;
    let line = format!(
        "run --rm --privileged -v /:/host alpine sh -c 'echo x > /host{}'",
        file.display()
    );
    caller.rpod(&line).ok()?;
    let records = watch.records()?;
    ensure!(records.contains(&format!(" auid={CALLER} ")), "{records}");
    Ok(())
}
