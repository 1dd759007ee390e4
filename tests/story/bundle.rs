//! From an image to a bundle and back, beside umoci, and bundles that every runtime takes.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use tests::user::{Ranges, User};
use tests::{Cmd, Context as _, Result, Stack, bail, ensure, peer};

/// What a person may do in a rootfs, one of each kind.
const CHANGES: &str = "
    echo changed >etc/os-release
    mkdir -p srv/new/deep && echo deep >srv/new/deep/file && chmod 2750 srv/new
    rm -r opt/data && rm bin/yes
    rm -r tmp && echo file >tmp
    rm bin/wc && mkdir bin/wc
    ln -s ../etc/os-release srv/link && ln srv/new/deep/file srv/twin && chown -h 7:8 srv/link
    mknod dev/null c 1 3 && mkfifo srv/fifo
    touch -d '1969-12-31 UTC' srv/old
    printf x >\"srv/$(printf 'o d\\n*')\" && echo long >srv/$(printf 'n%.0s' $(seq 180))
    chown 1000:100 srv/new/deep/file && chmod u+s srv/new/deep/file
";

const WHOLE_SECONDS: &str = r#"
    find . ! -type d -printf '%T@ %p\0' | sed -zn 's/^\(-\?[0-9]*\)\.0*[1-9][0-9]* /\1 /p' |
        xargs -0 -n 1 sh -c 'touch -h -d @${0%% *} -- "${0#* }"'
"#;

pub(crate) fn a_changed_bundle_packs_and_unpacks_the_same() -> Result<()> {
    let stack = layout()?;
    stack.rskopeo("unpack oci:layout:24 one").ok()?;
    change(&stack.scratch.path("one/rootfs"))?;
    stack
        .rskopeo("pack --history.comment 'by hand' one oci:layout:new")
        .ok()?;
    let config = stack
        .rskopeo("inspect --config oci:layout:new")
        .ok()?
        .json()?;
    let history = config["history"].as_array().context("a history")?;
    ensure!(
        history.len() == 4 && history[3]["comment"] == "by hand",
        "{config}"
    );
    stack.rskopeo("unpack oci:layout:new two").ok()?;
    same(&stack, "one", "two")
}

pub(crate) fn umoci_and_rskopeo_pack_each_others_bundles() -> Result<()> {
    let stack = layout()?;
    let umoci = |line: &str| {
        Ok::<_, tests::Error>(
            Cmd::new(peer("umoci")?)
                .dir(stack.scratch.path(""))
                .words(line),
        )
    };
    umoci("unpack --image layout:24 theirs")?.ok()?;
    stack.rskopeo("unpack oci:layout:24 ours").ok()?;
    change(&stack.scratch.path("theirs/rootfs"))?;
    change(&stack.scratch.path("ours/rootfs"))?;
    stack.rskopeo("pack theirs oci:layout:by-us").ok()?;
    umoci("repack --image layout:by-them ours")?.ok()?;
    for image in ["by-us", "by-them"] {
        umoci(&format!("unpack --image layout:{image} {image}"))?.ok()?;
        stack
            .rskopeo(&format!("unpack oci:layout:{image} {image}-ours"))
            .ok()?;
    }
    same(&stack, "theirs", "by-us")?;
    same(&stack, "theirs", "by-us-ours")?;
    same(&stack, "ours", "by-them")?;
    same(&stack, "ours", "by-them-ours")
}

pub(crate) fn an_unchanged_bundle_gets_no_layer() -> Result<()> {
    let stack = layout()?;
    stack.rskopeo("unpack oci:layout:24 bundle").ok()?;
    let umoci = Cmd::new(peer("umoci")?).dir(stack.scratch.path(""));
    umoci.words("repack --image layout:theirs bundle").ok()?;
    stack.rskopeo("pack bundle oci:layout:ours").ok()?;
    let before = stack.rskopeo("inspect --raw oci:layout:24").ok()?.json()?;
    for image in ["theirs", "ours"] {
        let line = format!("inspect --raw oci:layout:{image}");
        let after = stack.rskopeo(&line).ok()?.json()?;
        ensure!(after["layers"] == before["layers"], "{image}: {after}");
    }
    // Refreshed, the bundle is one of the new image.
    change(&stack.scratch.path("bundle/rootfs"))?;
    stack
        .rskopeo("pack --refresh-bundle bundle oci:layout:new")
        .ok()?;
    stack
        .rskopeo("pack --no-history bundle oci:layout:again")
        .ok()?;
    let new = stack.rskopeo("inspect --raw oci:layout:new").ok()?;
    stack
        .rskopeo("inspect --raw oci:layout:again")
        .ok()?
        .is(new.stdout.trim())?;
    Ok(())
}

pub(crate) fn a_bundle_packs_into_any_transport() -> Result<()> {
    let stack = Stack::new()?;
    let from = stack.remote("alpine:latest");
    stack.rskopeo(&format!("unpack {from} bundle")).ok()?;
    fs::write(stack.scratch.path("bundle/rootfs/etc/motd"), "packed\n")?;
    fs::write(stack.scratch.path("bundle/rootfs/root/cache"), "x")?;
    for (n, to) in [
        stack.remote("alpine:new"),
        "docker-archive:a.tar:example.org/a:new".to_owned(),
        "dir:flat".to_owned(),
        "oci-archive:b.tar:new".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        stack
            .rskopeo(&format!("pack --mask-path /root bundle {to}"))
            .ok()?;
        stack.rskopeo(&format!("unpack {to} unpacked{n}")).ok()?;
        let rootfs = stack.scratch.path(format!("unpacked{n}/rootfs"));
        ensure!(
            fs::read_to_string(rootfs.join("etc/motd"))? == "packed\n",
            "{to}"
        );
        ensure!(
            !rootfs.join("root/cache").exists(),
            "{to} has what was masked"
        );
    }
    stack
        .rskopeo("pack --from dir:flat bundle oci:other:new")
        .exits(1)?
        .complains("of which bundle is a bundle, at dir:flat")?;
    stack
        .rskopeo("pack nowhere oci:other:new")
        .exits(1)?
        .complains("is nowhere a bundle that rskopeo or umoci has unpacked?")?;
    Ok(())
}

pub(crate) fn owners_come_back_from_their_map() -> Result<()> {
    let stack = layout()?;
    for (name, options) in [
        (
            "mapped",
            "--uid-map 0:100000:65536 --gid-map 0:100000:65536",
        ),
        ("rootless", "--rootless"),
    ] {
        stack
            .rskopeo(&format!("unpack {options} oci:layout:24 {name}"))
            .ok()?;
        let rootfs = stack.scratch.path(name).join("rootfs");
        fs::write(rootfs.join("etc/mine"), "x")?;
        if name == "mapped" {
            std::os::unix::fs::chown(rootfs.join("etc/mine"), Some(101_000), Some(100_007))?;
            std::os::unix::fs::chown(rootfs.join("etc"), Some(100_000), Some(100_000))?;
        } else {
            // What umoci and others store of an owner: a message of two numbers.
            let path = CString::new(rootfs.join("etc/mine").as_os_str().as_bytes())?;
            let value = b"\x08\xe8\x07\x10\x07";
            // SAFETY: both strings end in NUL, and the value is valid for its length.
            let set = unsafe {
                libc::setxattr(
                    path.as_ptr(),
                    c"user.rootlesscontainers".as_ptr(),
                    value.as_ptr().cast(),
                    value.len(),
                    0,
                )
            };
            ensure!(set == 0, "{}", std::io::Error::last_os_error());
        }
        stack
            .rskopeo(&format!("pack {name} oci:layout:{name}"))
            .ok()?;
        stack
            .rskopeo(&format!("unpack oci:layout:{name} {name}-kept"))
            .ok()?;
        let files = files(&stack, &format!("{name}-kept"))?;
        let mine = &files["etc/mine"];
        ensure!(
            mine.contains("uid=1000") && mine.contains("gid=7"),
            "{name}: {mine}"
        );
        ensure!(files["etc"].contains("uid=0"), "{name}: {}", files["etc"]);
    }
    Ok(())
}

pub(crate) fn every_runtime_takes_a_bundle_as_it_is() -> Result<()> {
    let stack = layout()?;
    stack.rskopeo("unpack oci:layout:24 bundle").ok()?;
    let ours = stack.parts.runtime.clone();
    for runtime in [Ok(ours), peer("runc"), peer("crun")] {
        let runtime = runtime?;
        let name = runtime.file_name().unwrap_or_default().to_string_lossy();
        let id = stack.scratch.id(&name);
        let console = stack.scratch.path(format!("{name}.sock"));
        let receiver = Cmd::new(peer("python3")?)
            .arg("-c")
            .arg(RECEIVER)
            .arg(&console)
            .start()?;
        while !console.exists() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let run = |line: &str| {
            let cmd = Cmd::new(&runtime).dir(stack.scratch.path(""));
            let cmd = cmd.arg("--root").arg(stack.scratch.path("runtime"));
            cmd.words(line)
        };
        let console = console.display();
        let line = format!("create -b bundle --console-socket {console} {id}");
        let created = run(&line).run()?;
        if created.code == 0 {
            run(&format!("delete -f {id}")).ok()?;
        }
        receiver.signal(nix::sys::signal::Signal::SIGKILL)?;
        // Debian's crun knows no hybrid cgroups: it has taken the configuration, and not this machine.
        ensure!(
            created.code == 0 || created.stderr.contains("hybrid"),
            "{name}: {created}"
        );
    }
    Ok(())
}

/// Takes a terminal from a runtime and holds it.
const RECEIVER: &str = "
import socket, sys, time
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
server.settimeout(30)
client, _ = server.accept()
socket.recv_fds(client, 100, 1)
time.sleep(60)
";

/// `oci:layout:24`, with whiteouts and directories in its layers.
fn layout() -> Result<Stack> {
    let stack = Stack::new()?;
    let from = stack.remote("fedora:24");
    stack.rskopeo(&format!("copy {from} oci:layout:24")).ok()?;
    Ok(stack)
}

fn change(rootfs: &Path) -> Result<()> {
    Cmd::new("sh").dir(rootfs).arg("-euc").arg(CHANGES).ok()?;
    // umoci rounds times to whole seconds, rskopeo cuts them: both keep one that is whole.
    Cmd::new("sh")
        .dir(rootfs)
        .args(["-euc", WHOLE_SECONDS])
        .ok()?;
    Ok(())
}

/// Compares two bundles' trees in all that a layer carries.
fn same(stack: &Stack, one: &str, other: &str) -> Result<()> {
    let (one_files, other_files) = (files(stack, one)?, files(stack, other)?);
    for (path, facts) in &one_files {
        let others = other_files.get(path).map_or("nothing", String::as_str);
        ensure!(
            facts == others,
            "{path}: {one} has {facts}, {other} has {others}"
        );
    }
    for path in other_files.keys() {
        ensure!(one_files.contains_key(path), "{other} has {path}");
    }
    Ok(())
}

/// What find(1) says of each file, and its content.
fn files(stack: &Stack, bundle: &str) -> Result<BTreeMap<String, String>> {
    let rootfs = stack.scratch.path(bundle).join("rootfs");
    let format = "%P\\0%y uid=%U gid=%G %m links=%n time=%T@ to=%l\\0";
    let found = Cmd::new("find")
        .dir(&rootfs)
        .args([".", "-printf", format])
        .ok()?;
    let mut files = BTreeMap::new();
    let mut words = found.stdout.split('\0');
    while let (Some(path), Some(facts)) = (words.next(), words.next()) {
        // Layers have whole seconds; the links of a directory are its file system's affair.
        let (before, rest) = facts.split_once("time=").context("a time")?;
        let (time, target) = rest.split_once(" to=").context("a target")?;
        let seconds: f64 = time.parse()?;
        let mut facts = format!("{before}{} {target}", seconds.floor());
        if facts.starts_with('d') {
            facts = facts.split(' ').take(4).collect();
        }
        if facts.starts_with('f') {
            facts += &format!("{:?}", fs::read(rootfs.join(path))?.len());
        }
        files.insert(path.to_owned(), facts);
    }
    if files.is_empty() {
        bail!("{} is empty", rootfs.display());
    }
    Ok(files)
}

/// Images have files and directories that their owner may neither read nor write, and which belong to others.
pub(crate) fn an_ordinary_user_unpacks_and_packs_what_is_closed() -> Result<()> {
    let stack = layout()?;
    stack.rskopeo("unpack oci:layout:24 made").ok()?;
    let close = "mkdir shut && echo in >shut/in && echo x >etc/shadow && chgrp 42 etc/shadow shut \
        && chmod 0 etc/shadow shut && mkdir -m 555 fixed && echo x >fixed/file && chown 7 fixed";
    Cmd::new("sh")
        .args(["-c", close])
        .dir(stack.scratch.path("made/rootfs"))
        .ok()?;
    stack.rskopeo("pack made oci:layout:closed").ok()?;
    let user = User::new(&stack.scratch, "shut", Ranges::None)?;
    let layout = stack.scratch.path("layout");
    let run = |line: &str| {
        let line = format!("--insecure-policy {line}");
        user.run(Cmd::new("rskopeo").words(&line).dir(&user.home))
    };
    let unpacked = |bundle: &str| -> Result<String> {
        let list = "find . -printf '%p %y %m %s %l\\n' | sort";
        let all = Cmd::new("sh").args(["-c", list]);
        let all = all.dir(user.home.join(bundle).join("rootfs")).ok()?;
        Ok(all.stdout)
    };
    let home = user.home.display();
    run(&format!(
        "unpack oci:{}:closed {home}/one",
        layout.display()
    ))
    .ok()?;
    let first = unpacked("one")?;
    for closed in [
        "./shut d 0 ",
        "./shut/in f ",
        "./etc/shadow f 0 ",
        "./fixed d 555 ",
    ] {
        ensure!(first.contains(closed), "no {closed:?}\n{first}");
    }
    // What a killed run has left is removed, closed or not.
    user.sh("cd && mkdir -p two/.unpack/rootfs/shut/in && chmod 0 two/.unpack/rootfs/shut")
        .ok()?;
    run(&format!(
        "unpack oci:{}:closed {home}/two",
        layout.display()
    ))
    .ok()?;
    ensure!(unpacked("two")? == first);
    // Owners come back from what the user's own bundle has noted.
    user.sh("echo new >~/one/rootfs/shut-not").ok()?;
    run(&format!("pack {home}/one oci:{home}/packed:x")).ok()?;
    stack
        .rskopeo(&format!("unpack oci:{home}/packed:x again"))
        .ok()?;
    let owners = Cmd::new("stat").args(["-c", "%n %u %g %a", "etc/shadow", "shut", "fixed"]);
    let owners = owners.dir(stack.scratch.path("again/rootfs")).ok()?;
    owners.is("etc/shadow 0 42 0\nshut 0 42 0\nfixed 7 0 555")?;
    Ok(())
}
