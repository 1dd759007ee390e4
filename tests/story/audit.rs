//! The kernel's audit knows who asked: there is no daemon in between.

use std::fs;

use tests::{Cmd, Result, Stack, ensure, skip};

/// A shell takes a login uid, as a login would, and starts the engine.
pub(crate) fn loginuid_reaches_the_container() -> Result<()> {
    const CALLER: &str = "4242";
    if fs::read_to_string("/proc/self/loginuid").is_err() {
        return skip("this kernel keeps no loginuid");
    }
    let take = format!("echo {CALLER} > /proc/self/loginuid && exec \"$@\"");
    if Cmd::new("sh").args(["-c", &take, "sh", "true"]).run()?.code != 0 {
        return skip("this machine does not let a process set its loginuid");
    }
    let stack = Stack::with_alpine()?;
    let as_caller = |line: &str| {
        let engine = stack.rpod(line).into_command();
        let mut cmd = Cmd::new("sh")
            .args(["-c", &take, "sh"])
            .arg(engine.get_program())
            .args(engine.get_args());
        for (name, value) in engine.get_envs() {
            if let Some(value) = value {
                cmd = cmd.env(&name.to_string_lossy(), value);
            }
        }
        cmd
    };
    as_caller("run --rm alpine cat /proc/self/loginuid")
        .ok()?
        .is(CALLER)?;
    as_caller("run -d --name detached alpine sleep 600").ok()?;
    let seen = as_caller("exec detached cat /proc/self/loginuid /proc/1/loginuid").ok()?;
    ensure!(seen.stdout == format!("{CALLER}{CALLER}"), "{seen}");
    Ok(())
}
