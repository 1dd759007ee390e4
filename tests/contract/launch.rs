//! How the runtime is called, and what it inherits.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getsid, pipe2};
use tests::{Context as _, Result, ensure, skip};

use tests::monitor::{Case, Launch, appears, is_gone};

/// The words that the runtime got, after its name, with the scratch directory as `DIR/` and the container's id as `ID`.
fn words(case: &Case, launch: Launch<'_>) -> Result<String> {
    let mut watched = launch.begin()?;
    watched.sync.line()?;
    watched.end()?;
    let line = fs::read(case.path("notes/arguments"))?;
    let text = String::from_utf8_lossy(&line).replace('\0', " ");
    let (_, words) = text.trim_end().split_once(' ').unwrap_or_default();
    let dir = case.path("").display().to_string();
    Ok(words.replace(&dir, "DIR/").replace(&case.cid(), "ID"))
}

fn same(got: &str, expected: &str) -> Result<()> {
    ensure!(got == expected, "     got: {got}\nexpected: {expected}");
    Ok(())
}

pub(crate) fn create_has_these_arguments(case: &Case) -> Result<()> {
    let plain = words(case, case.container("true"))?;
    same(
        &plain,
        "create --bundle DIR/bundle --pid-file DIR/pidfile ID",
    )?;
    let all = case.container("true").with(
        "-s --runtime-arg --root=/x --runtime-arg --log-format=json --no-pivot --no-new-keyring --runtime-opt --preserve-fds --runtime-opt 2",
    );
    same(
        &words(case, all)?,
        "--systemd-cgroup --root=/x --log-format=json create --bundle DIR/bundle --pid-file DIR/pidfile --no-pivot --no-new-keyring \
         --preserve-fds 2 ID",
    )?;
    let terminal = words(case, case.container("true").with("-t"))?;
    let socket = terminal
        .split(' ')
        .skip_while(|word| *word != "--console-socket")
        .nth(1);
    ensure!(socket.is_some(), "no console socket: {terminal}");
    ensure!(terminal.ends_with(" ID"), "{terminal}");
    Ok(())
}

pub(crate) fn restore_has_these_arguments(case: &Case) -> Result<()> {
    let restore = case
        .container("true")
        .with("--restore /checkpoint --runtime-opt --tcp-established");
    same(
        &words(case, restore)?,
        "restore --bundle DIR/bundle --pid-file DIR/pidfile --detach --image-path /checkpoint --work-path DIR/bundle --tcp-established ID",
    )
}

pub(crate) fn exec_has_these_arguments(case: &Case) -> Result<()> {
    let exec = case.container("true").with(
        "-s --exec --exec-process-spec /spec --runtime-arg --root=/x --runtime-opt --cap=CAP_KILL",
    );
    same(
        &words(case, exec)?,
        "--root=/x exec --pid-file DIR/pidfile --process /spec --detach --cap=CAP_KILL ID",
    )
}

pub(crate) fn the_runtime_gets_only_its_own_descriptors(case: &Case) -> Result<()> {
    let mut watched = case.container("true").with("-i --syslog").begin()?;
    watched.container()?;
    watched.end()?;
    let fds = case.read("notes/fds")?;
    let numbers: Vec<&str> = fds
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    ensure!(numbers == ["0", "1", "2"], "{fds}");
    ensure!(fds.lines().all(|line| line.contains(" pipe:[")), "{fds}");
    Ok(())
}

pub(crate) fn streams_are_pipes_that_anyone_may_open(case: &Case) -> Result<()> {
    case.since(&[2, 2], "opens streams to root alone")?;
    let mut watched = case
        .container("stat -L -c %F:%a /proc/self/fd/1 /proc/self/fd/2; stat -L -c %n:%F /proc/self/fd/0; readlink /proc/self/fd/0")
        .begin()?;
    watched.container()?;
    watched.end()?;
    let log = watched.log()?;
    let open = log.matches("fifo:777").count();
    ensure!(open == 2, "{log}");
    ensure!(log.contains("F /dev/null\n"), "{log}");
    Ok(())
}

pub(crate) fn listen_pid_names_the_runtime(case: &Case) -> Result<()> {
    for (option, replaced) in [("--replace-listen-pid", true), ("", false)] {
        let mut watched = case
            .container("true")
            .with(option)
            .env("LISTEN_PID", "4242")
            .env("LISTEN_FDS", "1")
            .begin()?;
        watched.container()?;
        watched.end()?;
        let environment = case.read("notes/environment")?;
        let named = environment
            .split('\0')
            .find_map(|pair| pair.strip_prefix("LISTEN_PID="))
            .unwrap_or_default();
        let runtime = case.read("notes/pid")?;
        let expected = if replaced { runtime.as_str() } else { "4242" };
        ensure!(
            named == expected,
            "LISTEN_PID={named}, the runtime is {runtime}"
        );
    }
    Ok(())
}

pub(crate) fn only_the_monitor_is_spared_by_the_oom_killer(case: &Case) -> Result<()> {
    let before = fs::read_to_string("/proc/self/oom_score_adj")?;
    let mut watched = case.container("exec sleep 600").begin()?;
    let container = watched.container()?;
    let monitor = fs::read_to_string(format!("/proc/{}/oom_score_adj", watched.monitor()?))?;
    let inside = fs::read_to_string(format!("/proc/{container}/oom_score_adj"))?;
    let runtime = case.read("notes/score")?;
    watched.signal(Signal::SIGTERM)?;
    watched.end()?;
    ensure!(
        inside == before && runtime == before,
        "the caller has {before}, the runtime {runtime}, the container {inside}"
    );
    if monitor == before {
        return skip("the score may not be lowered here: CAP_SYS_RESOURCE is missing");
    }
    ensure!(monitor == "-1000\n", "the monitor has {monitor}");
    Ok(())
}

pub(crate) fn the_monitor_leads_a_session(case: &Case) -> Result<()> {
    let mut watched = case.container("exec sleep 600").begin()?;
    watched.container()?;
    let monitor = watched.monitor()?;
    ensure!(
        getsid(Some(monitor))? == monitor,
        "the session is another's"
    );
    let parent = parent_of(monitor)?;
    ensure!(parent != watched.caller.id(), "the caller still waits");
    watched.signal(Signal::SIGTERM)?;
    watched.end()
}

/// The fourth field of /proc/PID/stat.
fn parent_of(pid: Pid) -> Result<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, after_name) = stat.rsplit_once(") ").context("no name")?;
    Ok(after_name.split(' ').nth(1).context("no parent")?.parse()?)
}

pub(crate) fn sync_keeps_the_monitor_the_callers_child(case: &Case) -> Result<()> {
    let mut watched = case
        .container("exit 5")
        .with("--sync")
        .created_only()
        .begin()?;
    watched.container()?;
    ensure!(
        !case.path("monitor.pid").exists(),
        "there is a pidfile for a process that was not forked"
    );
    ensure!(
        watched.caller.try_wait()?.is_none(),
        "the monitor has gone into the background"
    );
    watched.start()?;
    let status = watched.caller.wait()?;
    ensure!(
        status.code() == Some(5),
        "{status} in place of the container's code"
    );
    Ok(())
}

pub(crate) fn pidfiles_hold_pids(case: &Case) -> Result<()> {
    let mut watched = case.container("exec sleep 600").without("-p").begin()?;
    let container = watched.container()?;
    // Without --container-pidfile it is in the working directory.
    let name = format!("runtime/pidfile-{}", case.cid());
    ensure!(
        case.read(&name)? == container.to_string(),
        "the container's pidfile"
    );
    let monitor = watched.monitor()?;
    let program = fs::read(format!("/proc/{monitor}/cmdline"))?;
    ensure!(
        program.starts_with(case.program.as_os_str().as_bytes()),
        "the monitor's pidfile names another process"
    );
    watched.signal(Signal::SIGTERM)?;
    watched.end()?;
    ensure!(is_gone(container), "the container has outlived its monitor");
    Ok(())
}

pub(crate) fn passthrough_keeps_the_callers_streams(case: &Case) -> Result<()> {
    let (stdin, typed) = pipe2(OFlag::O_CLOEXEC)?;
    let (shown, stdout) = pipe2(OFlag::O_CLOEXEC)?;
    let mut watched = case
        .container("read line; echo got $line; echo err >&2; exit 2")
        .log("passthrough")
        .streams(stdin, stdout)
        .begin()?;
    watched.container()?;
    nix::unistd::write(&typed, b"typed\n")?;
    let code = watched.code()?;
    ensure!(code == "2", "{code}");
    watched.end()?;
    let mut text = String::new();
    File::from(shown).read_to_string(&mut text)?;
    ensure!(text == "got typed\n", "{text:?}");
    ensure!(case.read("stderr")? == "err\n", "standard error");
    ensure!(
        !case.path("bundle/attach").exists(),
        "there is an attach socket"
    );
    appears(&case.path("persist/exit"))?;
    Ok(())
}
