//! The kernel's audit knows who asked: there is no daemon in between.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use tests::user::Ranges;
use tests::{Cmd, Result, Scratch, Stack, ensure, peer, skip, until};

use crate::rootless::Person;

const CALLER: &str = "4242";

/// A shell takes a login uid, as a login would, and starts the engine.
struct Caller {
    stack: Stack,
}

const TAKE: &str = "echo 4242 > /proc/self/loginuid && exec \"$@\"";

impl Caller {
    /// Whether this machine lets it be.
    fn may_be() -> Result<()> {
        if fs::read_to_string("/proc/self/loginuid").is_err() {
            return skip("this kernel keeps no loginuid");
        }
        if Cmd::new("sh").args(["-c", TAKE, "sh", "true"]).run()?.code != 0 {
            return skip("this machine does not let a process set its loginuid");
        }
        Ok(())
    }

    fn new() -> Result<Caller> {
        Caller::may_be()?;
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

pub(crate) fn loginuid_reaches_an_ordinary_users_container() -> Result<()> {
    Caller::may_be()?;
    let person = Person::new("x", Ranges::Some)?;
    let user = &person.user;
    // As by a login of theirs. The namespaces were made by somebody who had not logged in.
    let take = TAKE.replace(CALLER, &user.uid.to_string());
    let rpod = |line: &str| user.rpod(line).through("sh", &["-c", &take, "sh"]).ok();
    // Inside, the user is root.
    let own = "alpine cat /proc/self/loginuid";
    rpod(&format!("run --rm --network none {own}"))?.is("0")?;
    rpod("run -d --name detached --network none alpine sleep 600")?;
    rpod("exec detached cat /proc/self/loginuid /proc/1/loginuid")?.is("00")?;
    rpod("pod create --name together --network none")?;
    rpod(&format!("run --rm --pod together {own}"))?.is("0")?;
    let pid = rpod("inspect -f {{.State.Pid}} detached")?;
    let outside = fs::read_to_string(format!("/proc/{}/loginuid", pid.text()))?;
    ensure!(outside == user.uid.to_string(), "{outside} outside");
    user.rpod("exec detached cat /proc/self/loginuid")
        .ok()?
        .is("4294967295")?;
    user.rpod("pod rm -f -t 0 together").ok()?;
    user.rpod("rm -f -t 0 detached").ok()?;
    Ok(())
}

/// A file that is watched, and an auditd that keeps what the kernel tells of it; nothing is left of either.
struct Watch {
    file: PathBuf,
    key: String,
    log: PathBuf,
    _daemon: Daemon,
}

/// auditd(8), for this test alone.
struct Daemon(Child);

impl Daemon {
    fn start(scratch: &Scratch) -> Result<(Daemon, PathBuf)> {
        let log = scratch.path("audit/log");
        fs::create_dir_all(scratch.path("audit/plugins"))?;
        let configuration = format!(
            "log_file = {}\nplugin_dir = {}\nflush = NONE\nspace_left = 1\nadmin_space_left = 0\nspace_left_action = IGNORE\n\
             admin_space_left_action = IGNORE\ndisk_full_action = IGNORE\ndisk_error_action = IGNORE\n",
            log.display(),
            scratch.path("audit/plugins").display()
        );
        scratch.write("audit/auditd.conf", configuration)?;
        let auditd = Cmd::new(peer("auditd")?)
            .args(["-n", "-c"])
            .arg(scratch.path("audit"));
        let mut command = auditd.into_command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let daemon = Daemon(command.spawn()?);
        let pid = daemon.0.id().to_string();
        until("auditd hears the kernel", || {
            Ok(field("pid ")?.as_ref() == Some(&pid))
        })?;
        Ok((daemon, log))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        let _ = Cmd::new("auditctl").args(["-e", "0"]).run();
    }
}

/// What the kernel's audit says of itself.
fn field(name: &str) -> Result<Option<String>> {
    let status = Cmd::new("auditctl").arg("-s").run()?;
    let found = status
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix(name));
    Ok(found.map(|value| value.trim().to_owned()))
}

impl Watch {
    fn new(scratch: &Scratch, file: PathBuf) -> Result<Watch> {
        peer("auditctl")?;
        let is_zero = |value: Option<String>| value.as_deref() == Some("0");
        if !is_zero(field("enabled ")?) || !is_zero(field("pid ")?) {
            return skip("the kernel's audit is somebody's already, or not to be had");
        }
        let (daemon, log) = Daemon::start(scratch)?;
        let watch = Watch {
            file,
            key: scratch.id("watch"),
            log,
            _daemon: daemon,
        };
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

    /// What is kept of so many system calls at least.
    fn records(&self, calls: usize) -> Result<Vec<String>> {
        let mut found = Vec::new();
        until("each call is recorded", || {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let own = |line: &&str| line.contains(&self.key) && line.starts_with("type=SYSCALL");
            found = log.lines().filter(own).map(str::to_owned).collect();
            Ok(found.len() >= calls)
        })?;
        Ok(found)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.rule("-W").run();
    }
}

pub(crate) fn a_watch_tells_who_asked() -> Result<()> {
    let caller = Caller::new()?;
    let file = caller.stack.scratch.write("watched", "")?;
    let watch = Watch::new(&caller.stack.scratch, file.clone())?;
    let write = format!("sh -c 'echo x > /host{}'", file.display());
    let run = "run --privileged -v /:/host";
    for line in [
        format!("{run} --rm alpine {write}"),
        // Detached, and what is done in it later.
        format!(
            "{run} -d --name detached alpine sh -c 'echo x > /host{}; exec sleep 600'",
            file.display()
        ),
        format!("exec detached {write}"),
        format!("exec -d detached {write}"),
        "pod create --name together".to_owned(),
        format!("{run} --rm --pod together alpine {write}"),
    ] {
        caller.rpod(&line).ok()?;
    }
    let records = watch.records(5)?;
    let is_callers = |record: &String| record.contains(&format!(" auid={CALLER} "));
    ensure!(records.iter().all(is_callers), "{records:#?}");
    Ok(())
}
