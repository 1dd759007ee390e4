//! A compiled filter that was put in the place of one that rrunc keeps.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use tests::{Context as _, Result, ensure};

use crate::jail::Jail;

pub(crate) fn a_kept_filter_is_forged() -> Result<()> {
    let script = "busybox mkdir /tmp/made 2>/dev/null || echo refused";
    let jail = Jail::new(&["sh", "-c", script], |config| {
        config["linux"]["seccomp"] = json!({
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}],
        });
    })?;
    jail.run()?.says("refused")?;
    let kept = only_file(&jail)?;
    let directory = kept.parent().context("the cache")?.to_owned();
    let whole = fs::read(&kept)?;
    ensure!(
        fs::metadata(&kept)?.permissions().mode() & 0o777 == 0o600,
        "others may touch a kept filter"
    );

    // One that allows everything, with the right digests: who may write it as root is believed, so that it is known to bite.
    let allow = [6_u8, 0, 0, 0, 0, 0, 0xff, 0x7f];
    let mut forged = whole[..32].to_vec();
    forged.extend(Sha256::digest(allow));
    forged.extend(allow);
    fs::write(&kept, &forged)?;
    jail.run()?.is("")?;
    fs::remove_dir(jail.rootfs().join("tmp/made"))?;

    for (file, above) in [(0o666, 0o700), (0o620, 0o700), (0o600, 0o777)] {
        fs::write(&kept, &forged)?;
        fs::set_permissions(&kept, Permissions::from_mode(file))?;
        fs::set_permissions(&directory, Permissions::from_mode(above))?;
        jail.run()?.says("refused")?;
        fs::set_permissions(&directory, Permissions::from_mode(0o700))?;
    }
    // Not even root's word is taken for what was only half written.
    fs::write(&kept, &forged[..forged.len() - 1])?;
    fs::set_permissions(&kept, Permissions::from_mode(0o600))?;
    jail.run()?.says("refused")?;
    ensure!(fs::read(&kept)? == whole, "it is not mended");
    jail.is_gone()
}

fn only_file(jail: &Jail) -> Result<PathBuf> {
    let mut files = fs::read_dir(jail.scratch.path("root/@seccomp"))?;
    let file = files.next().context("no filter is kept")??.path();
    ensure!(files.next().is_none(), "more than one filter is kept");
    Ok(file)
}
