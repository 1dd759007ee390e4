//! Capabilities that outlive the change of user.

use serde_json::json;
use std::fs;
use tests::{Result, ensure};

use crate::jail::Jail;

const NET_RAW: u32 = 1 << 13;

pub(crate) fn cve_2022_29162_exec_leaves_inheritable_capabilities() -> Result<()> {
    let jail = Jail::new(&["sleep", "600"], |config| {
        config["process"]["noNewPrivileges"] = json!(false);
    })?;
    // A program that may use what its caller lets it inherit, as `setcap cap_net_raw+i` makes it.
    fs::create_dir(jail.rootfs().join("caps"))?;
    let program = jail.rootfs().join("caps/cat");
    fs::copy(jail.rootfs().join("bin/busybox"), &program)?;
    let words: [u32; 5] = [0x0200_0001, 0, NET_RAW, 0, 0];
    let value: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    set_attribute(&program, &value)?;

    let naive = jail.naive(
        "setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps +net_raw $R/caps/cat /proc/self/status",
    )?;
    naive
        .says("CapInh:\t0000000000002000")?
        .says("CapEff:\t0000000000002000")?;
    jail.start()?;
    let exec = "exec --cap CAP_NET_RAW --user 1000:1000 ID /caps/cat /proc/self/status";
    let status = jail.rrunc(exec).ok()?;
    status
        .says("CapInh:\t0000000000000000")?
        .says("CapEff:\t0000000000000000")?
        .says("CapAmb:\t0000000000000000")?;
    jail.rrunc("exec ID cat /proc/self/status")
        .ok()?
        .says("CapInh:\t0000000000000000")?;
    jail.rrunc("delete --force ID").ok()?;
    Ok(())
}

fn set_attribute(path: &std::path::Path, value: &[u8]) -> Result<()> {
    let name = std::ffi::CString::new(path.to_string_lossy().as_bytes())?;
    // SAFETY: both strings end in nul, and the length is the value's.
    let set = unsafe {
        libc::setxattr(
            name.as_ptr(),
            c"security.capability".as_ptr(),
            value.as_ptr().cast(),
            value.len(),
            0,
        )
    };
    ensure!(
        set == 0,
        "setxattr {}: {}",
        path.display(),
        std::io::Error::last_os_error()
    );
    Ok(())
}
