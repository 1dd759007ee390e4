//! What an ordinary user types: the same as root, and nothing of anybody else's is in reach.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use nix::sys::signal::{Signal, kill};
use tests::network::free_port;
use tests::registry::{Access, Registry};
use tests::user::{Ranges, User};
use tests::{Context as _, Result, Scratch, ensure, peer, skip};

/// A user who has pulled an image.
pub(crate) struct Person {
    pub(crate) user: User,
    pub(crate) registry: Registry,
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
            registry,
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

pub(crate) fn logs_without_root() -> Result<()> {
    let person = Person::new("l", Ranges::Some)?;
    let user = &person.user;
    let talk = "echo one; sleep 0.2; echo two >&2; sleep 0.2; echo three";
    user.rpod(&format!(
        "run -d --name talks --network none --log-driver k8s-file alpine sh -c '{talk}'"
    ))
    .ok()?;
    let followed = user.rpod("logs -f talks").ok()?;
    ensure!(
        followed.stdout == "one\nthree" || followed.text() == "one\nthree",
        "{followed}"
    );
    ensure!(followed.stderr.trim() == "two", "{followed}");
    user.rpod("logs --tail 1 talks").ok()?.is("three")?;
    let since = user.rpod("logs --since 2000-01-01 -t talks").ok()?;
    ensure!(
        since.text().lines().all(|line| line.starts_with("20")),
        "{since}"
    );
    let until = user.rpod("logs --until 2000-01-01 talks").ok()?;
    ensure!(until.text().is_empty(), "{until}");
    Ok(())
}

pub(crate) fn a_pod_without_root() -> Result<()> {
    peer("pasta")?;
    if !std::fs::exists("/dev/net/tun")? {
        return skip("this machine has no /dev/net/tun");
    }
    let person = Person::new("p", Ranges::Some)?;
    let user = &person.user;
    let port = free_port()?;
    user.rpod(&format!("pod create --name p -p 127.0.0.1:{port}:80"))
        .ok()?;
    user.rpod("run -d --pod p --name web alpine nc -ll -p 80 -e echo hello")
        .ok()?;
    let asked = "run --rm --pod p alpine sh -c 'for i in 1 2 3 4 5; do nc 127.0.0.1 80 </dev/null && break; sleep 0.3; done'";
    user.rpod(asked).ok()?.is("hello")?;
    let mut said = String::new();
    std::io::Read::read_to_string(
        &mut std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port))?,
        &mut said,
    )?;
    ensure!(said == "hello\n", "{said:?}");
    user.rpod("pod ps --format '{{.Name}} {{.Status}} {{.NumberOfContainers}}'")
        .ok()?
        .is("p Running 2")?;
    user.rpod("pod stop -t 0 p").ok()?;
    user.rpod("pod start p").ok()?;
    user.rpod("exec web true").ok()?;
    user.rpod("pod rm -f -t 0 p").ok()?;
    user.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}
