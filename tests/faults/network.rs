//! rpod killed while it connects a container to its networks or takes it out of them.

use std::fs;

use tests::network::Host;
use tests::{Cmd, Result, Stack, ensure};

use crate::engine::nothing_is_left;
use crate::strike::{Blow, Whom, strike};

/// Of some thousand calls every so many is hit; the odd number hits others in each step.
const STRIDE: usize = 47;

const START: &str = "run -d --name victim --network one --network two -p 8080:80 alpine sleep 600";

pub(crate) fn a_killed_setup_or_teardown_leaves_nothing() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let host = Host::new(&stack.scratch)?;
    let rpod = |line: &str| host.run(stack.rpod(line));
    for name in ["one", "two"] {
        rpod(&format!("network create {name}")).ok()?;
    }
    // What netavark makes once and never takes away.
    rpod(START).ok()?;
    rpod("rm -f -t 0 victim").ok()?;
    let rules = rules(&host)?;
    for (before, struck) in [(None, START), (Some(START), "rm -f -t 0 victim")] {
        let mut nth = 0;
        loop {
            if let Some(line) = before {
                rpod(line).ok()?;
            }
            let command = rpod(struck).into_command();
            let outcome = strike(command, Whom::Command, Blow::Kill, nth)?;
            rpod("rm -f -a -t 0").ok()?;
            rpod("ps -aq").ok()?.is("")?;
            no_network_is_left(&stack, &host, &rules)?;
            if outcome.hit.is_none() {
                break;
            }
            nth += STRIDE;
        }
        ensure!(nth > 5 * STRIDE, "only {nth} calls of {struck}");
    }
    // Addresses and the port are free.
    rpod("run --rm --network one:ip=10.89.0.2 -p 8080:80 alpine true").ok()?;
    drop(host);
    nothing_is_left(&stack)
}

fn no_network_is_left(stack: &Stack, host: &Host, rules: &str) -> Result<()> {
    let links = host.run(Cmd::new("busybox").words("ip -o link")).ok()?;
    ensure!(
        links.text().lines().count() == 1,
        "links are left:\n{links}"
    );
    let left = fs::read_dir(stack.scratch.path("runroot/netns"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    ensure!(left.is_empty(), "left: {left:?}");
    let now = self::rules(host)?;
    ensure!(now == rules, "rules are left:\n{now}");
    Ok(())
}

/// All rules of the firewall, without their counters and comments.
fn rules(host: &Host) -> Result<String> {
    let all = host.run(Cmd::new("iptables-save")).ok()?;
    let lines = all.stdout.lines().filter(|line| line.starts_with("-A"));
    Ok(lines.map(|line| format!("{line}\n")).collect())
}
