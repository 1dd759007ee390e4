//! Kills for lack of memory.

use std::fs;
use std::path::{Path, PathBuf};

use tests::{Result, ensure, skip};

use tests::monitor::Case;
use tests::monitor::stand_in;

/// A group that may have 16 MiB, or why there is none.
fn small_group(case: &Case) -> Result<PathBuf> {
    let v1 = Path::new("/sys/fs/cgroup/memory");
    let (group, limit) = if v1.join("memory.limit_in_bytes").exists() {
        (v1.join(case.cid()), "memory.limit_in_bytes")
    } else {
        (Path::new("/sys/fs/cgroup").join(case.cid()), "memory.max")
    };
    if fs::create_dir(&group).is_err() || fs::write(group.join(limit), "16M").is_err() {
        return skip("no memory cgroup can be made here");
    }
    Ok(group)
}

pub(crate) fn a_kill_leaves_its_mark(case: &Case) -> Result<()> {
    let group = small_group(case)?;
    let mut watched = case
        .container("head -c 200m /dev/zero | tail >/dev/null; exit $?")
        .env(stand_in::GROUP, &group)
        .created_only()
        .begin()?;
    watched.container()?;
    ensure!(
        !case.path("persist/oom").exists(),
        "there is a mark already"
    );
    watched.start()?;
    let code = watched.code()?;
    watched.end()?;
    fs::remove_dir(&group)?;
    ensure!(code == "137", "tail ended with {code}");
    ensure!(
        case.path("persist/oom").exists(),
        "no mark in the persist directory"
    );
    case.since(&[2, 2], "leaves no mark in the bundle")?;
    ensure!(case.path("bundle/oom").exists(), "no mark in the bundle");
    Ok(())
}
