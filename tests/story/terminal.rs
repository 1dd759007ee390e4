//! A person at a terminal.

use std::thread::sleep;
use std::time::Duration;

use tests::{Result, Stack, Terminal, ensure};

pub(crate) fn a_terminal_is_one() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let mut shell = Terminal::start(stack.rpod("run --rm -it alpine sh"))?;
    shell.type_in("tty; stty size\n")?;
    shell.expect("/dev/pts/0")?;
    shell.expect("24 80")?;
    shell.type_in("echo $((6 * 7))\n")?;
    shell.expect("42")?;
    shell.type_in("exit 9\n")?;
    let code = shell.wait()?;
    ensure!(code == 9, "exit code {code} in place of 9");
    Ok(())
}

pub(crate) fn the_first_process_knows_its_window() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("run -d --name host alpine sleep 600").ok()?;
    for line in ["run --rm -it alpine stty size", "exec -it host stty size"] {
        for _ in 0..5 {
            let mut size = Terminal::start(stack.rpod(line))?;
            size.expect("24 80")?;
            ensure!(size.wait()? == 0, "{line}");
        }
    }
    Ok(())
}

pub(crate) fn the_window_is_resized() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let mut shell = Terminal::start(stack.rpod("run --rm -it alpine sh"))?;
    shell.type_in("trap 'echo now $(stty size)' WINCH; echo rea''dy\n")?;
    shell.expect("ready")?;
    shell.resize(50, 132)?;
    shell.type_in("while ! stty size | grep -q 132; do sleep 0.1; done; echo is $(stty size)\n")?;
    shell.expect("is 50 132")?;
    shell.type_in("exit\n")?;
    shell.wait()?;
    Ok(())
}

pub(crate) fn ctrl_c_interrupts() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let mut shell = Terminal::start(stack.rpod("run --rm -it alpine sh"))?;
    shell.type_in("echo sta''rt; sleep 100; echo code $?\n")?;
    shell.expect("start")?;
    // The shell is between its echo and its sleep.
    sleep(Duration::from_millis(300));
    shell.type_in("\x03")?;
    shell.type_in("echo al''ive; exit 3\n")?;
    shell.expect("alive")?;
    let code = shell.wait()?;
    ensure!(code == 3, "exit code {code} in place of 3");
    Ok(())
}

pub(crate) fn detach_keys_leave_it_running() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let mut shell = Terminal::start(stack.rpod("run -it --name kept alpine sh"))?;
    shell.type_in("mark=he''re; echo rea''dy\n")?;
    shell.expect("ready")?;
    shell.type_in("\x10")?;
    // Keys come one by one from a person; podman looks for them only so.
    sleep(Duration::from_millis(100));
    shell.type_in("\x11")?;
    let code = shell.wait()?;
    ensure!(code == 0, "detached with {code}");
    stack.rpod("ps").ok()?.says("kept")?;

    let mut again = Terminal::start(stack.rpod("attach kept"))?;
    again.type_in("echo still $mark\n")?;
    again.expect("still here")?;
    again.type_in("exit 8\n")?;
    again.wait()?;
    stack.rpod("wait kept").ok()?.is("8")?;
    Ok(())
}

pub(crate) fn exec_in_a_terminal() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("run -d --name host alpine sleep 600").ok()?;
    let mut shell = Terminal::start(stack.rpod("exec -it host sh"))?;
    shell.type_in("tty; stty size\n")?;
    shell.expect("/dev/pts/0")?;
    shell.expect("24 80")?;
    shell.resize(40, 100)?;
    shell.type_in("while ! stty size | grep -q 100; do sleep 0.1; done; echo is $(stty size)\n")?;
    shell.expect("is 40 100")?;
    shell.type_in("exit 11\n")?;
    let code = shell.wait()?;
    ensure!(code == 11, "exit code {code} in place of 11");
    Ok(())
}
