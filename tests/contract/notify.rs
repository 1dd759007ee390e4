//! sd_notify(3) from the container to the host.

use std::fs;
use std::os::unix::net::UnixDatagram;

use tests::{Result, ensure};

use tests::monitor::{Case, LIMIT};

pub(crate) fn harmless_lines_are_passed_on(case: &Case) -> Result<()> {
    fs::create_dir(case.path("bundle/notify"))?;
    let host = UnixDatagram::bind(case.path("host"))?;
    host.set_read_timeout(Some(LIMIT))?;
    case.since(&[2, 2], "passes on READY=1 alone")?;
    let mut watched = case
        .container("exec sleep 600")
        .with("--sdnotify-socket")
        .arg(case.path("host"))
        .begin()?;
    watched.container()?;
    let container = UnixDatagram::unbound()?;
    let socket = case.path("bundle/notify/notify.sock");
    for (sent, passed) in [
        ("READY=1", "READY=1"),
        (
            "MAINPID=1\nREADY=1\nSTATUS=up and running\nFDSTORE=1",
            "READY=1\nSTATUS=up and running",
        ),
        ("STOPPING=1\nERRNO=2\n", "STOPPING=1\nERRNO=2"),
        ("WATCHDOG=1", "WATCHDOG=1"),
    ] {
        container.send_to(b"MAINPID=1", &socket)?;
        container.send_to(sent.as_bytes(), &socket)?;
        let mut buffer = [0; 4096];
        let length = host.recv(&mut buffer)?;
        let got = String::from_utf8_lossy(&buffer[..length]);
        ensure!(got == passed, "{got:?} in place of {passed:?}");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&socket.metadata()?.permissions());
    ensure!(
        mode & 0o777 == 0o777,
        "the container may not write: {mode:o}"
    );
    watched.signal(nix::sys::signal::Signal::SIGTERM)?;
    watched.end()
}
