//! Options and values that few type, and that podman has all the same.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::time::Duration;

use tests::{Result, Stack, ensure};

pub(crate) fn volumes_have_podmans_rarer_options() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for way in [
        "-v none:/v:nocreate",
        "--mount type=volume,src=none,dst=/v,nocreate",
    ] {
        stack
            .rpod(&format!("create {way} alpine true"))
            .exits(125)?
            .complains("volume none does not exist and nocreate option is set")?;
    }
    stack.rpod("volume exists none").exits(1)?;
    stack.rpod("volume create there").ok()?;
    stack
        .rpod("run --rm -v there:/v:nocreate alpine ls -d /v")
        .ok()?
        .is("/v")?;

    // What is mapped for one mount alone.
    let dir = stack.scratch.path("own");
    fs::create_dir(&dir)?;
    let maps = "uids=0-7-1;gids=0-8-1";
    for way in [
        format!("-v {}:/v:idmap={maps}", dir.display()),
        format!(
            "--mount type=bind,src={},dst=/v,idmap={maps}",
            dir.display()
        ),
    ] {
        let shown = stack
            .rpod(&format!("run --rm {way} alpine stat -c %u:%g /v"))
            .run()?;
        ensure!(
            shown.text() == "7:8" || shown.stderr.contains("support idmapped mounts"),
            "{shown}"
        );
    }
    let users = "--uidmap 0:100000:1000 --gidmap 0:100000:1000";
    let relative = format!("-v {}:/v:idmap=uids=@0-7-1;gids=@0-8-1", dir.display());
    let shown = stack
        .rpod(&format!(
            "run --rm {users} {relative} alpine stat -c %u:%g /v"
        ))
        .run()?;
    ensure!(
        shown.text() == "7:8" || shown.stderr.contains("support idmapped mounts"),
        "{shown}"
    );
    stack
        .rpod(&format!(
            "run --rm -v {}:/v:idmap=uids=@0-7-1;gids=0-8-1 alpine true",
            dir.display()
        ))
        .exits(126)?
        .complains("could not find a user namespace mapping for the relative mapping")?;
    Ok(())
}

pub(crate) fn an_overlay_looks_like_what_it_lies_over() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let dir = stack.scratch.path("own");
    fs::create_dir(&dir)?;
    fs::write(dir.join("file"), "")?;
    chown(&dir, Some(5), Some(6))?;
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o751))?;
    let volume = |options: &str| format!("-v {}:/v:{options}", dir.display());
    stack
        .rpod(&format!(
            "run --rm {} alpine stat -c %u:%g:%a /v",
            volume("O")
        ))
        .ok()?
        .is("5:6:751")?;
    stack
        .rpod(&format!(
            "run --rm --user 7:8 {} alpine sh -c 'touch /v/new; stat -c %u:%g /v /v/file'",
            volume("O,U")
        ))
        .ok()?
        .is("7:8\n7:8")?;
    // As by podman, what is given away is what lies below; what was written is gone.
    let owner = fs::metadata(&dir)?;
    ensure!((owner.uid(), owner.gid()) == (7, 8) && !dir.join("new").exists());
    stack
        .rpod(&format!("create {} alpine true", volume("O,U,ro")))
        .exits(125)?
        .complains("can't use 'O' with other options")?;
    Ok(())
}

pub(crate) fn a_link_is_mounted_as_a_link() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let link = stack.scratch.path("link");
    symlink("/etc/hostname", &link)?;
    let mount = format!("--mount type=bind,src={},dst=/a/b/link", link.display());
    stack
        .rpod(&format!(
            "create --name made {mount},no-dereference alpine readlink /a/b/link"
        ))
        .ok()?;
    // The second start finds what the first has made.
    for _ in 0..2 {
        stack.rpod("start -a made").ok()?.is("/etc/hostname")?;
    }
    let plain = stack.rpod(&format!("run --rm {mount} alpine readlink /a/b/link"));
    plain.exits(1)?;
    // Of several that fit a pattern, too, wherever they lead.
    symlink("/no/such", stack.scratch.path("link2"))?;
    stack
        .rpod(&format!(
            "run --rm --mount type=glob,src={}*,dst=/m,no-dereference alpine sh -c 'readlink /m/link; readlink /m/link2'",
            link.display()
        ))
        .ok()?
        .is("/etc/hostname\n/no/such")?;
    let own = stack.scratch.path("store-link");
    fs::write(&own, "file")?;
    stack
        .rpod(&format!(
            "run --rm --mount type=bind,src={},dst=/f,no-dereference alpine cat /f",
            own.display()
        ))
        .ok()?
        .is("file")?;
    Ok(())
}

pub(crate) fn proc_has_the_options_that_are_given() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let shown = "alpine grep ' /proc proc' /proc/mounts";
    stack
        .rpod(&format!(
            "run --rm --security-opt proc-opts=nosuid,exec,nodev,hidepid=2 {shown}"
        ))
        .ok()?
        .says("hidepid=")?
        .hides("noexec")?;
    stack
        .rpod(&format!("run --rm {shown}"))
        .ok()?
        .says("noexec")?;
    stack
        .rpod("run --rm --security-opt label=nested alpine true")
        .ok()?;
    Ok(())
}

pub(crate) fn names_that_are_gone_are_remembered() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for line in [
        "tag alpine one",
        "tag alpine two:v",
        "untag alpine one",
        "tag alpine three",
    ] {
        stack.rpod(line).ok()?;
    }
    let first = format!("{}/alpine:latest", stack.registry.address);
    let all = format!("{first} localhost/two:v localhost/three:latest localhost/one:latest");
    stack
        .rpod("image inspect alpine --format")
        .arg("{{range .NamesHistory}}{{.}} {{end}}")
        .ok()?
        .is(&all)?;
    // A name that goes to another image leaves its trace.
    stack.rpod("create --name c alpine").ok()?;
    stack.rpod("commit -q c three").ok()?;
    stack
        .rpod("images --format {{.History}} --filter id=three")
        .run()?;
    stack
        .rpod("image inspect alpine --format")
        .arg("{{index .NamesHistory 2}} {{len .RepoTags}}")
        .ok()?
        .is("localhost/three:latest 2")?;
    stack.rpod("untag alpine").ok()?;
    Ok(())
}

pub(crate) fn exec_waits_until_the_container_runs() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("exec --wait 1 late true")
        .exits(125)?
        .complains("timed out waiting for container: late")?;
    let waiting = stack.rpod("exec --wait 20 late echo here").start()?;
    std::thread::sleep(Duration::from_millis(200));
    stack
        .rpod("run -d --name late --network none alpine sleep 60")
        .ok()?;
    waiting.wait()?.is("here")?;
    stack.rpod("rm -f -t 0 late").ok()?;
    Ok(())
}

/// Answers each request with what there is at the path.
fn serve(archive: Vec<u8>) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream?;
            let mut asked = [0; 1024];
            let read = std::io::Read::read(&mut stream, &mut asked)?;
            let asked = String::from_utf8_lossy(&asked[..read]).into_owned();
            let head = |status: &str, more: &str| {
                format!("HTTP/1.1 {status}\r\nConnection: close\r\n{more}\r\n")
            };
            let whole = format!("Content-Length: {}\r\n", archive.len());
            match asked.split(' ').nth(1) {
                Some("/moved") => {
                    stream.write_all(
                        head("302 Found", "Location: /files.tar\r\nContent-Length: 0\r\n")
                            .as_bytes(),
                    )?;
                }
                Some("/files.tar") => {
                    stream.write_all(head("200 OK", &whole).as_bytes())?;
                    stream.write_all(&archive)?;
                }
                Some("/cut") => {
                    stream.write_all(head("200 OK", &whole).as_bytes())?;
                    stream.write_all(&archive[..1000])?;
                }
                _ => stream.write_all(head("404 Not Found", "Content-Length: 0\r\n").as_bytes())?,
            }
        }
        std::io::Result::Ok(())
    });
    Ok(format!("http://{address}"))
}

pub(crate) fn an_archive_is_imported_from_the_web() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name c alpine").ok()?;
    stack.rpod("export -o files.tar c").ok()?;
    let server = serve(fs::read(stack.scratch.path("files.tar"))?)?;
    let imported = stack.rpod(&format!("import {server}/moved fetched")).ok()?;
    imported.complains(format!("Downloading from \"{server}/moved\""))?;
    stack.rpod("run --rm fetched cat /etc/passwd").ok()?;
    for (path, cause) in [("none", "404"), ("cut", "failed to download")] {
        stack
            .rpod(&format!("import {server}/{path}"))
            .exits(125)?
            .complains(cause)?;
    }
    let images = stack.rpod("images -q").ok()?;
    ensure!(images.text().lines().count() == 2, "{images}");
    Ok(())
}

pub(crate) fn the_journals_entries_are_marked() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("create --log-driver k8s-file --log-opt label=A=b alpine")
        .exits(125)?
        .complains("log labels can only be used with journald log driver")?;
    stack
        .rpod("create --log-driver journald --log-opt label=a=b alpine")
        .exits(125)?
        .complains("log label \"a\" contains invalid characters")?;
    // The monitor is asked for what the templates give.
    let asked = stack.scratch.path("asked");
    let monitor = tests::ours("rconmon")?;
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > {}\nexec {} \"$@\"\n",
        asked.display(),
        monitor.display()
    );
    let conmon = stack.scratch.program("spying-conmon", script)?;
    let journal = stack.scratch.path("journal.sock");
    let _socket = std::os::unix::net::UnixDatagram::bind(journal)?;
    stack
        .rpod("--conmon")
        .arg(&conmon)
        .words("run --rm --name c --network none --log-driver journald --log-opt tag={{.Name}}-x --log-opt label=IMAGE={{.ImageName}} alpine true")
        .run()?;
    let words = fs::read_to_string(&asked)?;
    let first = format!("{}/alpine:latest", stack.registry.address);
    for pair in [
        "--log-tag\nc-x".to_owned(),
        format!("--log-label\nIMAGE={first}"),
    ] {
        ensure!(words.contains(&pair), "{pair}: {words}");
    }
    Ok(())
}

/// What podman takes and tells nobody of.
pub(crate) fn podmans_hidden_options_are_taken() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("create --name one --kernel-memory 1m alpine")
        .ok()?
        .complains("The --kernel-memory flag is no longer supported")?;
    stack.rpod("top --list-descriptors").ok()?.says("capbnd")?;
    stack.rpod("container cleanup --stopped-only one").ok()?;
    stack.rpod("-D ps").ok()?;
    let list = stack.remote("list:1");
    stack.rpod("manifest create many alpine").ok()?;
    stack
        .rpod(&format!("manifest push --insecure --purge many {list}"))
        .ok()?;
    stack.rpod("manifest exists many").exits(1)?;

    // Nothing is trusted.
    stack
        .scratch
        .write("policy.json", r#"{"default":[{"type":"reject"}]}"#)?;
    let remote = format!("{}/alpine", stack.registry.address);
    stack
        .rpod(&format!("pull --signature-policy policy.json {remote}"))
        .exits(125)?
        .complains("policy")?;
    stack.scratch.write("registries.conf.own", "")?;
    stack
        .rpod("--registries-conf registries.conf.own pull nothing")
        .exits(125)?
        .complains("nothing")?;
    Ok(())
}
