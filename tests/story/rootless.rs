//! What an ordinary user types: the same as root, and nothing of anybody else's is in reach.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::{Signal, kill};
use tests::registry::{Access, Registry};
use tests::user::{Ranges, User};
use tests::{Context as _, Result, Scratch, ensure, peer, skip};

/// A user who has pulled an image.
pub(crate) struct Person {
    pub(crate) user: User,
    _registry: Registry,
    scratch: Scratch,
}

impl Person {
    pub(crate) fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    pub(crate) fn new(name: &str, ranges: Ranges) -> Result<Person> {
        let scratch = Scratch::new()?;
        let registry = Registry::start(&scratch, Access::Plain)?;
        let user = User::new(&scratch, name, ranges)?;
        let image = format!("{}/alpine:latest", registry.address);
        user.rpod(&format!("pull -q --tls-verify=false {image}"))
            .ok()?;
        user.rpod(&format!("tag {image} localhost/alpine")).ok()?;
        Ok(Person {
            user,
            _registry: registry,
            scratch,
        })
    }
}

/// What was started with powers that its caller had not, in all that a user's everyday commands start.
pub(crate) fn no_setuid_programs_but_two() -> Result<()> {
    peer("strace")?;
    let person = Person::new("s", Ranges::Some)?;
    let user = &person.user;
    let trace = person.scratch.path("trace");
    let words = "-f -qq -z -e trace=execve,execveat -e signal=none -A -o";
    let mut words: Vec<&str> = words.split(' ').collect();
    words.push(trace.to_str().context("a path that is no text")?);
    // The holder of the namespaces is made anew, and ends with the last command: strace waits for all that it has seen.
    user.sh(
        "set -e; rpod system migrate; rpod run --rm alpine true; rpod run -d --name bridged --network bridge alpine sleep 600; \
         rpod exec bridged true; rpod cp bridged:/etc/passwd copy; rpod rm -f -t 0 bridged; rpod system migrate",
    )
    .through("strace", &words)
    .ok()?;
    let traced = fs::read_to_string(&trace)?;
    // Until then it is root who prepares.
    let (_, own) = traced
        .split_once("\"setpriv\"")
        .context("nobody became the user")?;
    let started = own.lines().filter_map(|line| line.split('"').nth(1));
    let mut powerful: Vec<&str> = started
        .filter(|path| {
            let mode = fs::metadata(path).map_or(0, |about| about.permissions().mode());
            mode & 0o6000 != 0
        })
        .filter_map(|path| path.rsplit('/').next())
        .collect();
    powerful.sort_unstable();
    powerful.dedup();
    ensure!(
        powerful == ["newgidmap", "newuidmap"],
        "{powerful:?}\n{traced}"
    );
    Ok(())
}

pub(crate) fn root_inside_and_the_user_outside() -> Result<()> {
    let person = Person::new("a", Ranges::Some)?;
    let user = &person.user;
    user.sh("mkdir shared").ok()?;
    let line = "run --rm --network none -v ./shared:/s alpine sh -c 'id -u; touch /s/own; chown 33 /s/own; touch /s/root'";
    user.rpod(line).ok()?.is("0")?;
    let uid =
        |name: &str| fs::metadata(user.home.join("shared").join(name)).map(|about| about.uid());
    ensure!(
        uid("root")? == user.uid && uid("own")? > 65536,
        "{} {}",
        uid("root")?,
        uid("own")?
    );
    let map = user.rpod("unshare cat /proc/self/uid_map").ok()?;
    ensure!(
        map.stdout.split_whitespace().nth(1) == Some(&user.uid.to_string()),
        "{map}"
    );
    user.rpod("info --format {{.Host.Security.Rootless}}")
        .ok()?
        .is("true")?;
    let refused = user.rpod("mount").exits(125)?;
    ensure!(
        refused.stderr.contains("must execute `rpod unshare` first"),
        "{refused}"
    );
    user.rpod("run -d --name kept --network none alpine sleep 600")
        .ok()?;
    user.sh(
        "rpod unshare sh -c 'mkdir t && mount -t tmpfs none t && touch t/inside && ls t'; ls t",
    )
    .ok()?
    .is("inside")?;
    let path = user.rpod("unshare rpod mount kept").ok()?;
    let listed = user
        .rpod(&format!("unshare ls {}", path.stdout.trim()))
        .ok()?;
    ensure!(listed.stdout.contains("bin"), "{listed}");
    Ok(())
}

/// The namespaces outlive their holder as long as a container lives in them.
pub(crate) fn the_namespace_is_made_once() -> Result<()> {
    let person = Person::new("b", Ranges::Some)?;
    let user = &person.user;
    let of = || {
        user.rpod("unshare readlink /proc/self/ns/user /proc/self/ns/mnt")
            .ok()
    };
    let (first, holder) = (of()?.stdout, user.holder()?);
    ensure!(
        of()?.stdout == first && user.holder()? == holder,
        "made again"
    );
    user.rpod("run -d --name long --network none alpine sleep 600")
        .ok()?;
    kill(holder, Signal::SIGKILL)?;
    ensure!(
        of()?.stdout == first,
        "other namespaces than the container's"
    );
    ensure!(user.holder()? != holder, "the holder was not made again");
    user.rpod("exec long id -u").ok()?.is("0")?;
    // Somebody else's pid in the file is not joined.
    fs::write(user.home.join("run/rpod/pause.pid"), "1\n1\n")?;
    ensure!(
        of()?.stdout == first,
        "other namespaces than the container's"
    );
    // The second of two first commands finds what the first has made.
    user.rpod("system migrate").ok()?;
    let both = user.sh("rpod unshare readlink /proc/self/ns/user >one & rpod unshare readlink /proc/self/ns/user >two; wait; cmp one two");
    both.ok()?;
    ensure!(of()?.stdout != first, "migrate kept the old namespaces");
    Ok(())
}

pub(crate) fn nothing_of_others_is_in_reach() -> Result<()> {
    let person = Person::new("c", Ranges::Some)?;
    let user = &person.user;
    let secret = person.scratch.write("secret", "root's own")?;
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
    let etc = user
        .rpod("run --rm --network none --privileged -v /etc:/host alpine cat /host/shadow")
        .run()?;
    ensure!(
        etc.code != 0 && etc.stderr.contains("Permission denied"),
        "{etc}"
    );
    let place = person.scratch.path("").display().to_string();
    let read = user
        .rpod(&format!(
            "run --rm --network none -v {place}:/host alpine cat /host/secret"
        ))
        .run()?;
    ensure!(read.code != 0 && !read.stdout.contains("root's"), "{read}");
    let made = user
        .rpod("run --rm --network none --privileged -v /etc:/host alpine touch /host/made")
        .run()?;
    ensure!(made.code != 0 && !fs::exists("/etc/made")?, "{made}");
    // Another user's containers and files.
    let other = User::new(&person.scratch, "d", Ranges::None)?;
    let theirs = user.home.display();
    for line in [
        format!("--root {theirs}/.local/share/rpod ps"),
        format!("--runroot {theirs}/run/rpod ps"),
        format!("unshare cat {theirs}/run/rpod/pause.pid"),
    ] {
        let tried = other.rpod(&line).run()?;
        // A list of none of them is as good as a refusal.
        let lists_none = line.ends_with(" ps") && tried.stdout.lines().count() == 1;
        ensure!(tried.code != 0 || lists_none, "{tried}");
    }
    let holder = user.holder()?;
    let entered = other
        .sh(&format!("nsenter --user --mount --target {holder} true"))
        .run()?;
    ensure!(entered.code != 0, "{entered}");
    Ok(())
}

pub(crate) fn without_ranges_there_is_one_user() -> Result<()> {
    let person = Person::new("e", Ranges::None)?;
    let user = &person.user;
    let map = user.rpod("unshare cat /proc/self/uid_map").ok()?;
    ensure!(map.stdout.lines().count() == 1, "{map}");
    user.rpod("system migrate").ok()?;
    let first = user.rpod("run --rm --network none alpine id -u").ok()?;
    ensure!(first.stderr.contains("mapping of a single ID"), "{first}");
    first.is("0")?;
    // Nobody can set groups there.
    user.rpod("run --rm --network none --user 0 alpine id -u")
        .ok()?
        .is("0")?;
    user.rpod("run -d --name runs --network none alpine sleep 600")
        .ok()?;
    user.rpod("exec runs id -u").ok()?.is("0")?;
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

pub(crate) fn networks_without_root() -> Result<()> {
    for program in [
        "pasta",
        "slirp4netns",
        "netavark",
        "aardvark-dns",
        "iptables",
    ] {
        peer(program)?;
    }
    if !fs::exists("/dev/net/tun")? {
        return skip("this machine has no /dev/net/tun");
    }
    let person = Person::new("g", Ranges::Some)?;
    let user = &person.user;
    let said = |port: u16| {
        let script = format!(
            "for try in 1 2 3 4 5 6 7 8 9 10; do exec 3<>/dev/tcp/127.0.0.1/{port} && read -t 2 line <&3 && echo $line && break; sleep 0.2; done"
        );
        tests::Cmd::new("bash").args(["-c", &script]).ok()
    };
    for mode in [
        "pasta",
        "slirp4netns",
        "slirp4netns:port_handler=slirp4netns",
        "bridge",
    ] {
        let port = free_port()?;
        let line = format!(
            "run -d --name web --network {mode} -p 127.0.0.1:{port}:80 alpine nc -ll -p 80 -e echo hello"
        );
        user.rpod(&line).ok()?;
        said(port)?.is("hello")?;
        user.rpod("rm -f -t 0 web").ok()?;
    }
    user.rpod("network create mine").ok()?;
    user.rpod("run -d --name server --network mine alpine nc -ll -p 80 -e echo found")
        .ok()?;
    let asked = "run --rm --network mine alpine sh -c 'for i in 1 2 3 4 5; do nc server 80 </dev/null && break; sleep 0.3; done'";
    user.rpod(asked).ok()?.is("found")?;
    let inside = user.rpod("unshare --rootless-netns ip -br address").ok()?;
    ensure!(inside.stdout.contains("10.89.0.1/24"), "{inside}");
    user.rpod("rm -f -t 0 server").ok()?;
    ensure!(
        !fs::exists(user.home.join("run/rpod/rootless-netns"))?,
        "the bridges' namespace is left"
    );
    user.rpod("run --rm --dns-option ndots:3 alpine cat /etc/resolv.conf")
        .ok()?
        .says("options ndots:3")?;
    // Out of its last network a container is left with its ports, which lead nowhere.
    let port = free_port()?;
    let line = format!("run -d --name web --network mine -p {port}:80 alpine sleep 600");
    user.rpod(&line).ok()?;
    let known = || {
        let format = "{{(index .NetworkSettings.Networks \"mine\").MacAddress}}";
        user.rpod("inspect web --format").arg(format).ok()
    };
    let before = known()?;
    user.rpod("network reload web").ok()?;
    known()?.is(before.text())?;
    user.rpod("network disconnect mine web").ok()?;
    user.rpod("rm -f -t 0 web").ok()?;
    // What is asked for stands behind what is configured.
    user.sh("mkdir -p .config/containers && echo '[network]\npasta_options = [\"-I\", \"mine\"]' > .config/containers/containers.conf")
        .ok()?;
    user.rpod("run --rm --network pasta:--ns-mac-addr,aa:bb:cc:dd:ee:ff alpine ip link show mine")
        .ok()?
        .says("aa:bb:cc:dd:ee:ff")?;
    let refused = user
        .rpod("run --rm --network pasta:--netns=/x alpine true")
        .exits(125)?;
    ensure!(
        refused.stderr.contains("rpod sets --netns by itself"),
        "{refused}"
    );
    Ok(())
}

/// A port that nobody listens on now.
/// None that the kernel gives to whoever connects somewhere meanwhile, and none that another test has been given.
pub(crate) fn free_port() -> Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let own = std::process::id() * 16;
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(20_000 + (own + step) % 12_000)?;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
}

pub(crate) fn limits_need_a_cgroup_of_the_users_own() -> Result<()> {
    if fs::exists("/sys/fs/cgroup/cgroup.controllers")? {
        return skip("cgroup v2 may be delegated here: tests/vm tells that story");
    }
    let person = Person::new("h", Ranges::Some)?;
    let refused = person.user.rpod("run --rm -m 64m alpine true").exits(125)?;
    ensure!(
        refused
            .stderr
            .contains("--memory: this user has no cgroup of their own"),
        "{refused}"
    );
    let user = &person.user;
    user.rpod("run -d --name free --network none alpine sleep 600")
        .ok()?;
    for line in ["stats --no-stream free", "pause free"] {
        user.rpod(line)
            .exits(125)?
            .complains("this container does not have a cgroup")?;
    }
    user.rpod("exec free true").ok()?;
    Ok(())
}

/// A directory of a group that the caller is in, and the container's user is not.
pub(crate) fn files_of_the_users_groups() -> Result<()> {
    let person = Person::new("k", Ranges::Some)?;
    let user = &person.user;
    let shared = person.scratch.path("shared");
    fs::create_dir(&shared)?;
    fs::write(shared.join("file"), "the group's")?;
    // Nobody's but this test's: no group of this machine has the number.
    const GROUP: u32 = 987_654_321;
    for (path, mode) in [(shared.join("file"), 0o640), (shared.clone(), 0o750)] {
        std::os::unix::fs::chown(&path, None, Some(GROUP))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    let member = |line: String| user.rpod_in_group(GROUP, &line);
    let read = format!(
        "run --rm --network none -v {}:/shared OPTIONS alpine cat /shared/file",
        shared.display()
    );
    let kept = |options: &str| read.replace("OPTIONS", options);
    for options in [
        "--group-add keep-groups",
        "--group-add keep-groups --userns keep-id",
        "--group-add keep-groups --user 33:33",
    ] {
        member(kept(options)).ok()?.is("the group's")?;
    }
    let refused = member(kept("")).exits(1)?;
    refused.complains("Permission denied")?;
    member(kept("--group-add keep-groups --group-add 5"))
        .exits(125)?
        .complains("not allowed with any other --group-add options")?;
    Ok(())
}

pub(crate) fn volumes_are_the_containers() -> Result<()> {
    let person = Person::new("v", Ranges::Some)?;
    let user = &person.user;
    let owner = |options: &str| {
        let line = format!(
            "run --rm --network none {options} alpine sh -c 'touch /v/file; stat -c %u /v /v/file'"
        );
        user.rpod(&line).ok()
    };
    owner("--user 33 -v named:/v:U")?.is("33\n33")?;
    owner("-v named:/v")?.is("33\n33")?;
    owner("--userns auto --user 7 -v named:/v:U")?.is("7\n7")?;
    // The kernel maps ids of a mount only for who owns its file system: in the user's namespace, of what was mounted there.
    user.sh("mkdir plain own").ok()?;
    let refused =
        user.rpod("run --rm --network none --userns auto -v ./plain:/v:idmap alpine true");
    refused.exits(126)?.complains("U in place of idmap")?;
    let own = "rpod unshare sh -c 'mount -t tmpfs none own && for o in ro idmap; do rpod run --rm --network none --userns auto -v ./own:/v:$o alpine stat -c %u /v; done'";
    user.sh(own).ok()?.is("65534\n0")?;
    Ok(())
}

/// A file system that the kernel lays nothing over: an overlay itself.
struct Refusing {
    place: std::path::PathBuf,
}

impl Refusing {
    fn new(person: &Person, place: std::path::PathBuf) -> Result<Refusing> {
        for directory in ["lower", "upper", "work"] {
            fs::create_dir(person.scratch.path(directory))?;
        }
        fs::create_dir(&place)?;
        let options = format!(
            "lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work",
            person.scratch.path("").display()
        );
        let mount = tests::Cmd::new("mount").args(["-t", "overlay", "-o", &options, "overlay"]);
        mount.arg(&place).ok()?;
        std::os::unix::fs::chown(&place, Some(person.user.uid), Some(person.user.uid))?;
        Ok(Refusing { place })
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        let _ = tests::Cmd::new("umount").arg("-l").arg(&self.place).run();
    }
}

/// Where the kernel refuses an overlay, fuse-overlayfs does it; storage.conf has it done so anywhere.
pub(crate) fn overlays_by_a_program() -> Result<()> {
    let program = peer("fuse-overlayfs")?;
    let person = Person::new("i", Ranges::Some)?;
    let user = &person.user;
    let data = user.home.join("data");
    let _refusing = Refusing::new(&person, data.clone())?;
    // The namespaces that there are do not see the new mount.
    user.rpod("system migrate").ok()?;
    let conf = user.home.join("storage.conf");
    fs::write(
        &conf,
        format!("[storage.options.overlay]\nmount_program = {program:?}\n"),
    )?;
    let refused = |line: &str| user.rpod(line).env("XDG_DATA_HOME", &data);
    let asked = |line: &str| user.rpod(line).env("CONTAINERS_STORAGE_CONF", &conf);
    for (rpod, name) in [
        (&refused as &dyn Fn(&str) -> tests::Cmd, "alpine:latest"),
        (&asked, "fedora:24"),
    ] {
        let image = format!("{}/{name}", person._registry.address);
        rpod(&format!("pull -q --tls-verify=false {image}")).ok()?;
        let run = format!(
            "run -d --name one --network none {image} sh -c 'echo mine > /home/mine; exec sleep 600'"
        );
        rpod(&run).ok()?;
        let mounts = rpod("exec one grep fuse-overlayfs /proc/mounts").ok()?;
        ensure!(mounts.stdout.contains(" / "), "{mounts}");
        rpod("exec one cat /home/mine").ok()?.is("mine")?;
        rpod(&format!(
            "run --rm --network none -v /usr/share:/s:O {image} touch /s/there"
        ))
        .ok()?;
    }
    // What it leaves of what was removed is what the kernel leaves.
    asked("exec one sh -c 'rm -r /opt/data && mkdir /opt/data && echo > /opt/data/own && rm /bin/cat'").ok()?;
    let changed = asked("diff one").ok()?;
    changed
        .says("A /opt/data/own")?
        .says("D /bin/cat")?
        .hides(".wh.")?;
    asked("commit -q one localhost/changed").ok()?;
    let listed =
        asked("run --rm --network none localhost/changed ls -a /opt/data /bin/cat").exits(1)?;
    listed.says(".\n..\nown")?;
    Ok(())
}
