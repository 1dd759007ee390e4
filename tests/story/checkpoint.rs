//! Containers that are checkpointed and restored. criu works on few kernels, so a script plays it: it writes what rpod and the runtime
//! look for, ends the process when it dumps, and starts another when it restores.

use std::fs;

use tests::{Cmd, Result, Stack, ensure, peer, skip};

pub(crate) const CRIU: &str = r#"#!/bin/sh
echo "$*" >>"$0.log"
action=$1
case $action in
--version) echo "Version: 3.17.1"; exit 0 ;;
check) exit 0 ;;
esac
while [ $# -gt 0 ]; do
    case $1 in
    --images-dir) images=$2 ;;
    --work-dir) work=$2 ;;
    --tree) tree=$2 ;;
    --pidfile) pidfile=$2 ;;
    --leave-running) running=1 ;;
    esac
    shift
done
if [ "$action" = restore ]; then
    [ -e "$images/inventory.img" ] || exit 1
    printf '\100\131\020\125\006\063\011\127\006\000\000\000\022\004\030\001\040\002' >"$work/stats-restore"
    sleep 300 >/dev/null 2>&1 &
    echo $! >"$pidfile"
    exit 0
fi
[ -e "$work/fail" ] && { echo "(00.1) Error (criu/x.c:1): told to fail" >"$work/dump.log"; exit 1; }
echo "$tree" >"$images/inventory.img"
printf '\100\131\020\125\006\063\011\127\006\000\000\000\012\004\010\007\050\011' >"$work/stats-dump"
[ "$action" = pre-dump ] || [ -n "$running" ] || kill -9 "$tree"
"#;

pub(crate) struct Saved {
    pub(crate) stack: Stack,
}

impl Saved {
    pub(crate) fn new() -> Result<Saved> {
        let stack = Stack::with_alpine()?;
        stack.scratch.program("bin/criu", CRIU)?;
        Ok(Saved { stack })
    }

    /// With the container `it`.
    pub(crate) fn running() -> Result<Saved> {
        let saved = Saved::new()?;
        saved.rpod("run -d --name it alpine sleep 300").ok()?;
        Ok(saved)
    }

    pub(crate) fn rpod(&self, line: &str) -> Cmd {
        let cmd = self.stack.rpod(line);
        cmd.programs(self.stack.scratch.path("bin"))
    }

    pub(crate) fn runs(&self, name: &str) -> Result<bool> {
        let shown = self.rpod(&format!("inspect --format {{{{.State.Status}}}} {name}"));
        Ok(shown.ok()?.text() == "running")
    }

    /// The names in an archive.
    pub(crate) fn names(&self, path: &str) -> Result<Vec<String>> {
        let tar = Cmd::new("tar").args(["--list", "--file"]);
        let listed = tar.arg(self.stack.scratch.path(path)).ok()?;
        Ok(listed.stdout.lines().map(str::to_owned).collect())
    }

    pub(crate) fn criu_log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.stack.scratch.path("bin/criu.log"))?)
    }
}

pub(crate) fn a_checkpoint_is_kept_and_restored() -> Result<()> {
    let saved = Saved::running()?;
    saved
        .rpod("container restore it")
        .exits(125)?
        .complains("is running or paused, cannot restore")?;
    let said = saved.rpod("container checkpoint it").ok()?;
    ensure!(said.text() == "it", "{said}");
    ensure!(!saved.runs("it")?);
    let format = "inspect --format {{.State.Checkpointed}} it";
    saved.rpod(format).ok()?.says("true")?;
    saved
        .rpod("container checkpoint it")
        .exits(125)?
        .complains("\"exited\" is not running, cannot checkpoint")?;

    let said = saved
        .rpod("container restore --keep --tcp-established it")
        .ok()?;
    ensure!(said.text() == "it" && saved.runs("it")?, "{said}");
    let log = saved.criu_log()?;
    let last = log.lines().last().unwrap_or_default();
    ensure!(
        last.starts_with("restore ") && last.contains(" --tcp-established"),
        "{log}"
    );
    saved
        .rpod("inspect --format {{.State.Restored}} it")
        .ok()?
        .says("true")?;

    let said = saved
        .rpod("container checkpoint --print-stats --all")
        .ok()?
        .json()?;
    ensure!(
        said["podman_checkpoint_duration"].as_u64() > Some(0),
        "{said}"
    );
    let criu = &said["container_statistics"][0]["criu_statistics"];
    ensure!(
        criu["freezing_time"] == 7 && criu["pages_scanned"] == 9,
        "{said}"
    );
    let said = saved
        .rpod("container restore --print-stats --all")
        .ok()?
        .json()?;
    let criu = &said["container_statistics"][0]["criu_statistics"];
    ensure!(
        criu["forking_time"] == 1 && criu["restore_time"] == 2,
        "{said}"
    );
    // What was not to be kept is gone.
    saved.rpod("stop -t0 it").ok()?;
    saved
        .rpod("container restore it")
        .exits(125)?
        .complains("a complete checkpoint for this container cannot be found")?;
    let events = saved
        .rpod("events --stream=false --filter event=checkpoint")
        .ok()?;
    ensure!(events.stdout.lines().count() == 2, "{events}");
    // One without a /dev/shm has nothing to keep there.
    saved
        .rpod("run -d --name apart --ipc none alpine sleep 300")
        .ok()?;
    saved.rpod("container checkpoint apart").ok()?;
    saved.rpod("container restore apart").ok()?;
    ensure!(saved.runs("apart")?);
    // One that its policy would start again stays where it is, once it is dumped.
    saved
        .rpod("run -d --name always --restart always alpine sleep 300")
        .ok()?;
    let stopped = "inspect --format {{.State.StoppedByUser}} always";
    let id = saved.rpod("inspect --format {{.Id}} always").ok()?;
    let fail = saved.stack.root().join("containers").join(id.text());
    let fail = fail.join("fail");
    fs::write(&fail, "")?;
    saved
        .rpod("container checkpoint always")
        .exits(125)?
        .complains("told to fail")?;
    saved.rpod(stopped).ok()?.says("false")?;
    fs::remove_file(&fail)?;
    saved.rpod("container checkpoint always").ok()?;
    saved.rpod(stopped).ok()?.says("true")?;
    ensure!(!saved.runs("always")?);
    saved.rpod("start it").ok()?;
    saved
        .rpod("inspect --format {{.State.RestoredAt}} it")
        .ok()?
        .says("0001-01-01")?;
    Ok(())
}

pub(crate) fn memory_is_dumped_before() -> Result<()> {
    let saved = Saved::running()?;
    saved
        .rpod("container checkpoint --with-previous it")
        .exits(125)?
        .complains("has no pre-checkpoint")?;
    saved
        .rpod("container checkpoint --pre-checkpoint --export memory.tar it")
        .ok()?;
    ensure!(saved.runs("it")?);
    ensure!(
        saved
            .names("memory.tar")?
            .contains(&"pre-checkpoint/inventory.img".to_owned())
    );
    saved
        .rpod("container checkpoint --with-previous --export dump.tar it")
        .ok()?;
    let log = saved.criu_log()?;
    ensure!(log.contains("--prev-images-dir ../pre-checkpoint"), "{log}");
    saved.rpod("rm it").ok()?;
    saved
        .rpod("container restore --import-previous memory.tar --import dump.tar")
        .ok()?;
    ensure!(saved.runs("it")?);
    Ok(())
}

pub(crate) fn checkpoints_that_cannot_be_are_refused() -> Result<()> {
    let saved = Saved::new()?;
    saved.rpod("run -d --name it --rm alpine sleep 300").ok()?;
    for (line, complaint) in [
        ("checkpoint", "you must provide at least one name or id"),
        (
            "checkpoint it",
            "started with '--rm' unless '--export' is used",
        ),
        (
            "checkpoint --compress gzip it",
            "--compress can only be used with --export",
        ),
        (
            "checkpoint --export x --compress lz4 it",
            "not supported. Please select one from: gzip, none, zstd",
        ),
        (
            "checkpoint --ignore-rootfs it",
            "--ignore-rootfs can only be used with --export",
        ),
        (
            "checkpoint --with-previous --pre-checkpoint it",
            "can not be used with --pre-checkpoint",
        ),
        (
            "checkpoint --export no/such/directory/x -R it",
            "creating checkpoint export file",
        ),
        (
            "restore --name other it",
            "--name can only be used with image or --import",
        ),
        (
            "restore --publish 80 it",
            "--publish can only be used with image or --import",
        ),
        (
            "restore --import x --all",
            "cannot use --import with --all or --latest",
        ),
        (
            "restore --import no-such-file",
            "failed to open checkpoint archive",
        ),
        ("restore nobody", "no such container"),
    ] {
        let refused = saved.rpod(&format!("container {line}")).exits(125)?;
        refused.complains(complaint)?;
    }
    ensure!(saved.runs("it")?);
    // criu fails: the container runs on, and the log is named.
    let id = saved
        .rpod("inspect --format {{.Id}} it")
        .ok()?
        .text()
        .to_owned();
    let home = saved.stack.root().join("containers").join(id);
    fs::write(home.join("fail"), "")?;
    saved
        .rpod("container checkpoint --export dump.tar it")
        .exits(125)?
        .complains("told to fail")?
        .complains("dump.log")?;
    ensure!(saved.runs("it")? && !saved.stack.scratch.path("dump.tar").exists());
    // An archive of somebody else's.
    saved
        .stack
        .scratch
        .write("config.dump", r#"{"id":"x","name":"y"}"#)?;
    let tar = Cmd::new("tar").words("--create --file foreign.tar config.dump");
    tar.dir(saved.stack.scratch.path("")).ok()?;
    saved
        .rpod("container restore --import foreign.tar")
        .exits(125)?
        .complains("config.dump is not rpod's")?;
    Ok(())
}

pub(crate) fn without_criu_it_is_told() -> Result<()> {
    let stack = Stack::with_alpine()?;
    if peer("criu").is_ok() {
        return skip("criu is installed");
    }
    stack.rpod("run -d --name it alpine sleep 300").ok()?;
    for line in ["container checkpoint it", "container restore it"] {
        stack
            .rpod(line)
            .exits(125)?
            .complains("criu is not installed")?;
    }
    stack.rpod("rm -f -t0 it").ok()?;
    Ok(())
}
