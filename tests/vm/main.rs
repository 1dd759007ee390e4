//! rrunc where cgroup v2 is the only hierarchy and systemd is init: in a guest, since few build machines are like that.
//!
//! Each file in `stories/` is a test: a shell script that runs as root in the guest, restored anew, after the `prelude`. Its first
//! line says what it shows; with the exit code 77 it is skipped for the reason that it printed last. One that has the word `reboot` may
//! boot the guest anew, and is then told again from its beginning. A line `# kernel: WORDS` boots the guest with these on the kernel's
//! command line. `RESULT` says how they last went.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tests::{Cmd, Context as _, Result, Scratch, Trial, bail, ours, skip, trial};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vm");
/// More than `run` gives the guest: twice what the slowest takes on a machine that does other things beside.
const LIMIT: Duration = Duration::from_secs(960);

fn main() -> ExitCode {
    match stories() {
        Ok(trials) => tests::run(trials),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn stories() -> Result<Vec<Trial>> {
    let directory = Path::new(HERE).join("stories");
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).with_context(|| directory.display().to_string())? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names
        .into_iter()
        .map(|name| trial(format!("vm::{name}"), move || tell(&name)))
        .collect())
}

fn tell(story: &str) -> Result<()> {
    let scratch = Scratch::new()?;
    let bin = scratch.path("job/bin");
    fs::create_dir_all(&bin)?;
    let text = |path: &str| {
        fs::read_to_string(Path::new(HERE).join(path)).with_context(|| path.to_owned())
    };
    let script = text(&format!("stories/{story}"))?;
    for program in ["rrunc", "rconmon", "rpod", "rskopeo", "rpause"] {
        // rpod starts all the others.
        if script.contains(program) || script.contains("rpod") {
            fs::copy(ours(program)?, bin.join(program))?;
        }
    }
    if script.contains("scripts/try") {
        for name in ["try", "busybox-image"] {
            let script = text(&format!("../../scripts/{name}"))?;
            scratch.write(&format!("job/{name}"), script)?;
        }
    }
    if script.contains("/mnt/job/units") {
        let units = Path::new(HERE).join("../../rpod/systemd");
        let copied = Cmd::new("cp")
            .arg("-r")
            .arg(units)
            .arg(scratch.path("job/units"));
        copied.ok()?;
    }
    if let Some(words) = script
        .lines()
        .find_map(|line| line.strip_prefix("# kernel: "))
    {
        scratch.write("job/cmdline", words)?;
    }
    if script.contains("reboot") {
        scratch.write("job/reboots", "")?;
    }
    scratch.write("job/prelude", text("prelude")?)?;
    scratch.write("job/story", script)?;
    scratch.write(
        "job/job.sh",
        "mkdir -p /var/story && cd /var/story && . /mnt/job/prelude && . /mnt/job/story",
    )?;
    let said = Cmd::new(Path::new(HERE).join("run"))
        .arg(scratch.path("job"))
        .limit(LIMIT)
        .run()?;
    match said.code {
        0 => Ok(()),
        77 => skip(said.text().lines().last().unwrap_or("no reason given")),
        _ => bail!("{said}"),
    }
}
