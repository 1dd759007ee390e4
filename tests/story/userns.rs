//! `--userns` and its kin: which ids a container has, for root and for an ordinary user, beside podman where that knows the mode.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use tests::registry::Access;
use tests::stack::Parts;
use tests::user::{Ranges, User};
use tests::{Cmd, Context as _, Result, Stack, ensure, peer};

use crate::rootless::Person;

/// The process's ids and the two maps, without the padding.
const IDS: &str = "sh -c 'id -u; id -g; cat /proc/self/uid_map; echo; cat /proc/self/gid_map'";

fn words(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.join(" ")
    });
    let mut lines: Vec<String> = lines.collect();
    // In which order a map was written means nothing.
    lines.sort_unstable();
    lines
}

pub(crate) fn an_ordinary_users_are_podmans() -> Result<()> {
    let person = Person::new("m", Ranges::Some)?;
    let user = &person.user;
    let podman = podman_of(&person)?;
    for options in [
        "--userns=host",
        "--userns=keep-id",
        "--userns=keep-id:uid=7,gid=8",
        "--userns=nomap",
        "--userns=auto:size=100",
        "--userns=auto",
        "--userns=auto:size=100,uidmapping=0:0:1",
        "--uidmap 0:1:100 --uidmap 100:0:1",
        "--user 5 --uidmap 0:1:100 --gidmap 4:1:100 --gidmap 0:200:1",
    ] {
        let ours = run(user, options)?;
        let theirs = podman(&format!(
            "run --rm --network none {options} localhost/alpine {IDS}"
        ));
        let theirs = words(&theirs.ok()?.stdout);
        ensure!(ours == theirs, "{options}: {ours:?}, podman's {theirs:?}");
    }
    Ok(())
}

/// The installed podman as this user, with the image.
fn podman_of(person: &Person) -> Result<impl Fn(&str) -> Cmd> {
    let (user, program) = (&person.user, peer("podman")?);
    peer("runc")?;
    person.scratch().write(
        "containers.conf",
        "[containers]\ndefault_ulimits = []\n[engine]\nevents_logger = \"file\"\n",
    )?;
    let configuration = person.scratch().path("containers.conf");
    let temporary = user.home.join("run/libpod");
    let podman = move |line: &str| {
        let command = Cmd::new(&program)
            .args([
                "--cgroup-manager",
                "cgroupfs",
                "--runtime",
                "runc",
                "--tmpdir",
            ])
            .arg(&temporary)
            .words(line);
        user.run(command).env("CONTAINERS_CONF", &configuration)
    };
    user.rpod("save -q -o alpine.tar localhost/alpine").ok()?;
    podman("load -q -i alpine.tar").ok()?;
    Ok(podman)
}

fn run(user: &User, options: &str) -> Result<Vec<String>> {
    let line = format!("run --rm --network none {options} localhost/alpine {IDS}");
    Ok(words(&user.rpod(&line).ok()?.stdout))
}

/// What the installed podman does not know yet, or does otherwise than its page says.
pub(crate) fn an_ordinary_users_by_name_and_by_path() -> Result<()> {
    let person = Person::new("n", Ranges::Some)?;
    let user = &person.user;
    let sized = run(user, "--userns=keep-id:size=3000")?;
    ensure!(
        sized.contains(&format!("{} 0 1", user.uid)) && !sized.join(" ").contains("65536"),
        "{sized:?}"
    );
    let own = run(user, &format!("--subuidname {}", user.name))?;
    ensure!(own == run(user, "--userns=nomap")?, "{own:?}");
    let stranger = User::new(person.scratch(), "o", Ranges::Some)?;
    user.rpod(&format!(
        "run --rm --subuidname {} localhost/alpine true",
        stranger.name
    ))
    .exits(125)?
    .complains("are not all yours")?;
    user.rpod("run --rm --subgidname nobody-has-it localhost/alpine true")
        .exits(125)?
        .complains("no subuid ranges found for user \"nobody-has-it\" in /etc/subuid")?;
    // Another container's, by its name and by the file that it is.
    user.rpod(
        "run -d --name first --network none --userns=auto:size=100 localhost/alpine sleep 600",
    )
    .ok()?;
    let first = words(&user.rpod(&format!("exec first {IDS}")).ok()?.stdout);
    let pid = user.rpod("inspect -f {{.State.Pid}} first").ok()?;
    for mode in [
        "container:first".to_owned(),
        format!("ns:/proc/{}/ns/user", pid.text()),
    ] {
        let same = run(user, &format!("--userns={mode}"))?;
        ensure!(same == first, "{mode}: {same:?}, {first:?}");
    }
    user.rpod("rm -f -t 0 first").ok()?;
    Ok(())
}

pub(crate) fn roots_are_podmans() -> Result<()> {
    let stack = Stack::with_alpine()?;
    // Ranges of this test's own, for whatever it starts.
    let ranges = stack.scratch.path("ranges");
    stack.scratch.write(
        "ranges",
        "containers:2000000:70000\nsomebody:3000000:500\nparted:3000000:500\nparted:3100000:500\n",
    )?;
    let ranged = |command: Cmd| {
        let bind = "for file in subuid subgid; do mount --bind \"$RANGES\" /etc/$file || exit; done; exec \"$@\"";
        command
            .through("unshare", &["--mount", "sh", "-c", bind, "sh"])
            .env("RANGES", &ranges)
    };
    let run = |engine: &Stack, options: &str| {
        let line = format!("run --rm --network none {options} alpine {IDS}");
        Ok::<_, tests::Error>(words(&ranged(engine.rpod(&line)).ok()?.stdout))
    };
    let podman = Stack::of(
        Parts {
            engine: peer("podman")?,
            runtime: peer("runc")?,
            monitor: peer("conmon")?,
            pause: peer("catatonit")?,
            copier: peer("skopeo")?,
        },
        Access::Plain,
    )?;
    podman.pull("alpine:latest")?;
    for options in [
        "--userns=auto",
        "--userns=auto:size=100",
        "--subuidname somebody",
        "--subuidname containers --subgidname somebody",
        "--uidmap 0:100000:1000 --gidmap 0:200000:1000",
        "--userns=host",
    ] {
        let (ours, theirs) = (run(&stack, options)?, run(&podman, options)?);
        ensure!(ours == theirs, "{options}: {ours:?}, podman's {theirs:?}");
    }
    // With ids of several ranges podman's layers cannot be mounted.
    for (options, mapped) in [
        ("--userns=auto:size=100,uidmapping=0:5000:1", "0 5000 1"),
        ("--subuidname parted", "500 3100000 500"),
    ] {
        let ours = run(&stack, options)?;
        ensure!(ours.contains(&mapped.to_owned()), "{options}: {ours:?}");
    }
    for (mode, refusal) in [
        (
            "keep-id:size=9",
            "cannot set max size for user namespace when not running rootless",
        ),
        ("nomap", "nomap is only supported in rootless mode"),
    ] {
        let line = format!("run --rm --userns={mode} alpine true");
        stack.rpod(&line).exits(125)?.complains(refusal)?;
    }
    // Root's own ids, in a namespace of the container's own.
    stack
        .rpod("run -d --name kept --userns=keep-id:uid=5 -v kept:/kept alpine sleep 600")
        .ok()?;
    let inside = stack
        .rpod("exec kept sh -c 'id -u; readlink /proc/self/ns/user'")
        .ok()?;
    ensure!(inside.text().starts_with("5\n"), "{inside}");
    let own = std::fs::read_link("/proc/self/ns/user")?;
    ensure!(
        !inside.text().ends_with(&*own.to_string_lossy()),
        "{inside}"
    );
    let shown = stack
        .rpod("inspect kept --format {{.HostConfig.IDMappings.UIDMap}}")
        .ok()?;
    ensure!(shown.text().starts_with("[0:0:"), "{shown}");
    stack.rpod("rm -f -t 0 kept").ok()?;
    Ok(())
}

pub(crate) fn users_of_a_containers_own() -> Result<()> {
    let person = Person::new("f", Ranges::Some)?;
    let user = &person.user;
    let run = |options: &str, command: &str| {
        user.rpod(&format!(
            "run --rm --network none {options} alpine {command}"
        ))
        .ok()
    };
    run("--userns=keep-id", "id -u")?.is(user.uid.to_string())?;
    run("--userns=keep-id:uid=7,gid=8", "sh -c 'id -u; id -g'")?.is("7\n8")?;
    run("--userns=keep-id", "stat -c %u /bin")?.is("0")?;
    run("--userns=nomap", "sh -c 'grep -c . /proc/self/uid_map'")?.is("1")?;
    let mine = format!("--uidmap +5:@{}", user.uid);
    let map = run(&mine, "cat /proc/self/uid_map")?;
    ensure!(
        map.stdout.contains("         5          0          1"),
        "{map}"
    );
    let mine = run("--userns=auto:size=100", "sh -c 'cat /proc/self/uid_map'")?;
    ensure!(
        mine.stdout.split_whitespace().nth(2) == Some("100"),
        "{mine}"
    );
    // As the kernel wants it a line ends where one of rpod's own ends.
    run("--uidmap 0:1:1000 --gidmap 0:0:1000", "true")?;
    let own = user.rpod("unshare cat /proc/self/uid_map").ok()?;
    let lowest = own.stdout.split_whitespace().nth(4);
    let lowest = lowest.context("a map without ranges")?.to_owned();
    let mapping = format!("--userns=auto:uidmapping=1:@{lowest}:1");
    run(&mapping, "true")?;
    user.rpod("run -d --name seen --network none --userns=nomap alpine sleep 600")
        .ok()?;
    user.rpod("top seen huser huid")
        .ok()?
        .says(format!("{lowest}      {lowest}"))?;
    user.rpod("rm -f -t 0 seen").ok()?;
    run("--oom-score-adj=-1000", "true")?.complains("lower than the current one")?;
    run("--memory=0", "true")?;
    // From another's pid namespace an ordinary user's runtime does not come back; where it is already it need not go.
    user.rpod("run -d --name near --network none --cgroupns host --ipc host alpine sleep 600")
        .ok()?;
    run("--pid container:near", "ps")?.says("sleep 600")?;
    run("--cgroupns container:near --ipc container:near", "true")?;
    run("--pid host", "ps")?.says("sleep 600")?;
    user.rpod("rm -f -t 0 near").ok()?;
    // Ids that a container has are given to no other.
    user.rpod("run -d --name first --network none --userns=auto alpine sleep 600")
        .ok()?;
    let of = |text: &str| text.split_whitespace().nth(1).map(str::to_owned);
    let first = user.rpod("exec first cat /proc/self/uid_map").ok()?;
    let second = run("--userns=auto", "cat /proc/self/uid_map")?;
    ensure!(of(&first.stdout) != of(&second.stdout), "{first}{second}");
    // What leaves and enters is the container's.
    user.rpod("exec first touch /made").ok()?;
    user.rpod("commit -q first again").ok()?;
    user.rpod("run --rm --network none again stat -c %u /made")
        .ok()?
        .is("0")?;
    user.sh("mkdir vol && touch vol/file").ok()?;
    run("--userns=nomap -v ./vol:/v:U", "stat -c %u /v/file")?.is("0")?;
    let about = fs::metadata(user.home.join("vol/file"))?;
    ensure!(
        about.uid() != user.uid,
        "the file is still {}'s",
        about.uid()
    );
    let refused = user.rpod("run --rm -v /etc:/e:U alpine true").exits(126)?;
    ensure!(refused.stderr.contains("the host's own"), "{refused}");
    Ok(())
}

/// `PODMAN_USERNS` speaks for containers that say nothing and are in no pod.
pub(crate) fn the_environment_names_a_mode() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for (options, users) in [
        ("--name env", "private"),
        ("--name host --userns host", ""),
        ("--name in-pod --pod new:own", ""),
    ] {
        let line = format!("create {options} alpine");
        let made = stack.rpod(&line).env("PODMAN_USERNS", "keep-id").ok()?;
        stack
            .rpod("inspect --format {{.HostConfig.UsernsMode}}")
            .arg(made.text())
            .ok()?
            .is(users)?;
    }
    Ok(())
}
