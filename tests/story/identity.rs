//! Who a process in a container is: its user, its groups, its capabilities.

use std::fs;

use tests::{Result, Stack, ensure};

pub(crate) fn accounts_are_added() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let shown = "alpine cat /etc/passwd /etc/group";
    for way in ["", "--read-only"] {
        stack
            .rpod(&format!("run --rm {way} --user 4321:8765 -w /tmp {shown}"))
            .ok()?
            .says("\n4321:*:4321:8765:container user:/tmp:/bin/sh\n")?
            .says("\n8765:x:8765:4321\n")?;
        stack
            .rpod(&format!(
                "run --rm {way} --user 4321 -w /tmp alpine sh -c 'echo $HOME; whoami'"
            ))
            .ok()?
            .is("/tmp\n4321")?;
    }
    let left_alone = stack
        .rpod(&format!("run --rm --passwd=false --user 4321:8765 {shown}"))
        .ok()?;
    ensure!(
        !left_alone.stdout.contains("4321") && !left_alone.stdout.contains("8765"),
        "{left_alone}"
    );
    stack
        .rpod("run --rm --user 4321:8765")
        .args(["--passwd-entry", "$USERNAME:x:$UID:$GID:me:/srv:/bin/ash"])
        .args(["--group-entry", "crew:x:$GID:$USERLIST"])
        .words(shown)
        .ok()?
        .says("\n4321:x:4321:8765:me:/srv:/bin/ash\n")?
        .says("\ncrew:x:8765:4321\n")?;
    // A second start adds nothing.
    stack
        .rpod("create --name twice --user 4321 alpine grep -c 4321 /etc/passwd")
        .ok()?;
    for _ in 0..2 {
        stack.rpod("start -a twice").ok()?.is("1")?;
    }
    let known = stack.rpod(&format!("run --rm {shown}")).ok()?.stdout;
    let host = fs::read_to_string("/etc/passwd")?;
    let is_new = |line: &&str| {
        let fields: Vec<&str> = line.split(':').collect();
        !known.contains(fields[0]) && !known.contains(&format!(":{}:", fields[2]))
    };
    if let Some(user) = host
        .lines()
        .find(is_new)
        .and_then(|line| line.split(':').next())
    {
        stack
            .rpod(&format!(
                "run --rm --hostuser {user} --user {user} alpine whoami"
            ))
            .ok()?
            .is(user)?;
    }
    stack
        .rpod("run --rm --hostuser no-such-user alpine true")
        .exits(126)?
        .complains("user: unknown user no-such-user")?;
    Ok(())
}

pub(crate) fn groups_are_those_of_the_containers_files() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let group = stack
        .scratch
        .write("group", "root:x:0:root\nbin:x:1:root\nwheel:x:10:root\n")?;
    let groups = |options: &str| {
        let line = format!(
            "run --rm --network none {options} -v {}:/etc/group alpine grep Groups: /proc/self/status",
            group.display()
        );
        let said = stack.rpod(&line).ok()?;
        let groups = said.text().split_whitespace().skip(1);
        Ok::<_, tests::Error>(groups.collect::<Vec<_>>().join(" "))
    };
    for (options, expected) in [
        ("", "0 1 10"),
        ("--user 0", "0 1 10"),
        ("--user 0:0", "0"),
        // Its own group is not got rid of by another.
        ("--user 1234", "0"),
        ("--user 1234:10", "10"),
        ("--uidmap 0:0:2", "0 1"),
    ] {
        let found = groups(options)?;
        ensure!(found == expected, "{options}: {found}");
    }
    stack
        .rpod("run -d --name c --network none alpine sleep 600")
        .ok()?;
    stack
        .rpod("exec --user 1234:10 c grep Groups: /proc/self/status")
        .ok()?
        .says("\t10")?;
    stack
        .rpod("run --rm --network none --group-add 3,4 alpine id -G")
        .ok()?
        .says("3 4")?;
    Ok(())
}

pub(crate) fn capabilities_are_those_that_were_meant() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let status = "grep -E Cap(Eff|Inh|Bnd) /proc/self/status";
    let all = stack
        .rpod("run --rm --network none --user 1000 --cap-add all alpine grep CapEff /proc/self/status")
        .ok()?;
    all.hides("0000000000000000")?;
    stack
        .rpod("run -d --name c --network none --user 1000 --cap-drop all --cap-add net_bind_service alpine sleep 600")
        .ok()?;
    let effective = |options: &str| stack.rpod(&format!("exec {options} c {status}")).ok();
    effective("")?.says("CapEff:\t0000000000000400")?;
    effective("--privileged")?
        .says("CapInh:\t0000000000000400")?
        .hides("CapBnd:\t0000000000000400")?;
    // What was added for one user is no other's.
    effective("--user 1001")?.says("CapEff:\t0000000000000000")?;

    let label = "io.containers.capabilities";
    let caps = |name: &str| {
        let line = format!("inspect --format '{{{{.EffectiveCaps}}}}' {name}");
        stack.rpod(&line).ok()
    };
    stack
        .rpod(&format!(
            "create --name less --label {label}=setuid,setgid alpine"
        ))
        .ok()?;
    caps("less")?.is("[CAP_SETGID CAP_SETUID]")?;
    stack
        .rpod(&format!("create --name none --label {label}= alpine"))
        .ok()?;
    caps("none")?.is("[]")?;
    stack
        .rpod("create --name user --user 1000 --cap-add kill alpine")
        .ok()?;
    caps("user")?.is("[CAP_KILL]")?;
    stack
        .rpod("inspect --format '{{json .EffectiveCaps}}' none")
        .ok()?
        .is("null")?;
    stack
        .rpod(&format!("create --name more --label {label}=sys_admin alpine"))
        .ok()?
        .complains("Capabilities requested by user or image are not allowed by default: \\\"CAP_SYS_ADMIN\\\"")?;
    caps("more")?.says("CAP_CHOWN")?.hides("CAP_SYS_ADMIN")?;
    stack
        .rpod(&format!("create --label {label}=fly alpine"))
        .exits(125)?
        .complains("capabilities requested by user or image are not valid")?;
    Ok(())
}
