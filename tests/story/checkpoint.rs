//! Containers that are checkpointed and restored. criu works on few kernels, so a script plays it: it writes what rpod and the runtime
//! look for, ends the process when it dumps, and starts another when it restores.

use std::fs;

use tests::{Cmd, Context as _, Result, Stack, ensure, peer, skip};

const CRIU: &str = r#"#!/bin/sh
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

struct Saved {
    stack: Stack,
}

impl Saved {
    fn new() -> Result<Saved> {
        let stack = Stack::with_alpine()?;
        stack.scratch.program("bin/criu", CRIU)?;
        Ok(Saved { stack })
    }

    /// With the container `it`.
    fn running() -> Result<Saved> {
        let saved = Saved::new()?;
        saved.rpod("run -d --name it alpine sleep 300").ok()?;
        Ok(saved)
    }

    fn rpod(&self, line: &str) -> Cmd {
        let cmd = self.stack.rpod(line);
        cmd.programs(self.stack.scratch.path("bin"))
    }

    fn runs(&self, name: &str) -> Result<bool> {
        let shown = self.rpod(&format!("inspect --format {{{{.State.Status}}}} {name}"));
        Ok(shown.ok()?.text() == "running")
    }

    /// The names in an archive.
    fn names(&self, path: &str) -> Result<Vec<String>> {
        let tar = Cmd::new("tar").args(["--list", "--file"]);
        let listed = tar.arg(self.stack.scratch.path(path)).ok()?;
        Ok(listed.stdout.lines().map(str::to_owned).collect())
    }

    fn criu_log(&self) -> Result<String> {
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

pub(crate) fn a_checkpoint_goes_through_an_archive() -> Result<()> {
    let saved = Saved::new()?;
    saved
        .rpod("run -d --name it -v data:/data alpine sleep 300")
        .ok()?;
    let change = "mkdir /made; echo new >/made/file; rm -r /etc/passwd; echo kept >/data/x; echo shared >/dev/shm/s";
    saved.rpod("exec it sh -c").arg(change).ok()?;
    for (options, magic) in [
        ("", &[0x28, 0xb5, 0x2f, 0xfd][..]),
        ("--compress gzip --ignore-volumes", &[0x1f, 0x8b]),
        ("--compress none --ignore-rootfs", b"config.dump"),
    ] {
        let line = format!("container checkpoint --leave-running --export dump.tar {options} it");
        saved.rpod(&line).ok()?;
        let bytes = fs::read(saved.stack.scratch.path("dump.tar"))?;
        ensure!(bytes.starts_with(magic), "{options}");
        let names = saved.names("dump.tar")?;
        let has = |name: &str| names.iter().any(|found| found == name);
        for name in [
            "config.dump",
            "spec.dump",
            "checkpoint/inventory.img",
            "network.status",
            "devshm-checkpoint.tar",
        ] {
            ensure!(has(name), "{options}: no {name} in {names:?}");
        }
        ensure!(has("volumes/data.tar") != options.contains("volumes"));
        ensure!(has("rootfs-diff.tar") != options.contains("rootfs"));
    }
    ensure!(saved.runs("it")?);
    saved
        .rpod("container checkpoint --export dump.tar it")
        .ok()?;
    saved
        .rpod("container restore --import dump.tar --name copy")
        .exits(125)?
        .complains("volume with name data already exists")?;
    saved.rpod("rm it").ok()?;
    saved.rpod("volume rm data").ok()?;

    let said = saved
        .rpod("container restore --import dump.tar --keep")
        .ok()?;
    ensure!(saved.runs("it")?, "{said}");
    let id = saved.rpod("inspect --format {{.Id}} it").ok()?;
    let (root, id) = (saved.stack.root(), id.text());
    let files = root.join("containers").join(id).join("rootfs");
    let shm = saved
        .stack
        .scratch
        .path(format!("runroot/containers/{id}/shm/s"));
    for (path, content) in [
        (files.join("made/file"), "new"),
        (root.join("volumes/data/_data/x"), "kept"),
        (shm, "shared"),
    ] {
        let found = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        ensure!(found.trim() == content, "{}: {found}", path.display());
    }
    ensure!(!files.join("etc/passwd").exists());
    saved
        .rpod("container restore --import dump.tar --ignore-volumes")
        .exits(125)?
        .complains("exists already: give the restored one another name with --name")?;
    saved
        .rpod("container restore --import dump.tar --ignore-volumes --name copy")
        .ok()?;
    ensure!(saved.runs("copy")? && saved.runs("it")?);
    // One that cannot be restored is not left half-made.
    saved.stack.scratch.write(
        "bin/criu",
        CRIU.replace("inventory.img\" ]", "nothing.img\" ]"),
    )?;
    saved
        .rpod("container restore --import dump.tar --ignore-volumes --name other")
        .exits(125)?
        .complains("criu restore failed")?;
    saved.rpod("container exists other").exits(1)?;
    let left = fs::read_dir(saved.stack.root().join("checkpoints"))?;
    ensure!(left.count() == 0, "what was unpacked is left");
    Ok(())
}

pub(crate) fn a_checkpoint_is_an_image() -> Result<()> {
    let saved = Saved::running()?;
    saved
        .rpod("container checkpoint --create-image saved it")
        .ok()?;
    let prefix = "io.podman.annotations.checkpoint.";
    let shown = saved.rpod("image inspect saved").ok()?.json()?;
    let annotations = &shown[0]["Annotations"];
    ensure!(
        annotations[format!("{prefix}name")] == "it",
        "{annotations}"
    );
    ensure!(annotations[format!("{prefix}criu.version")] == "31701");
    ensure!(annotations[format!("{prefix}runtime.name")] == "rrunc");
    for name in ["one", "two"] {
        saved
            .rpod(&format!("container restore --name {name} saved"))
            .ok()?;
        ensure!(saved.runs(name)?);
    }
    saved
        .rpod("container restore alpine")
        .exits(125)?
        .complains("no such container")?;
    Ok(())
}

pub(crate) fn a_checkpoint_goes_into_another_pod() -> Result<()> {
    let saved = Saved::new()?;
    for pod in ["first", "second"] {
        saved.rpod(&format!("pod create --name {pod}")).ok()?;
    }
    saved.rpod("pod create --name apart --share net").ok()?;
    saved
        .rpod("run -d --pod first --name it alpine sleep 300")
        .ok()?;
    saved
        .rpod("container checkpoint --export dump.tar it")
        .ok()?;
    saved.rpod("pod rm -f -t0 first").ok()?;
    for (options, complaint) in [
        ("", "cannot restore pod container without --pod"),
        ("--pod apart", "does not share the IPC namespace"),
        ("--pod nobody", "no such pod"),
    ] {
        let line = format!("container restore --import dump.tar {options}");
        saved.rpod(&line).exits(125)?.complains(complaint)?;
    }
    saved
        .rpod("container restore --import dump.tar --pod second")
        .ok()?;
    ensure!(saved.runs("it")?);
    let second = saved.rpod("pod inspect --format {{.ID}} second").ok()?;
    let pod = saved.rpod("inspect --format {{.Pod}} it").ok()?;
    ensure!(pod.text() == second.text(), "{pod}");
    let log = saved.criu_log()?;
    let last = log.lines().last().unwrap_or_default();
    ensure!(last.contains("--join-ns ipc:"), "{last}");
    saved.rpod("pod rm -f -t0 --all").ok()?;
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
