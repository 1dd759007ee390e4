//! What a user's fingers expect of podman, found by its own system tests.

use tests::{Result, Stack, ensure};

/// Every byte of a file arrives, those of the detach keys among them.
pub(crate) fn a_file_is_no_keyboard() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let bytes: Vec<u8> = [b"\x10\x11".as_slice(), &[b'x'; 200_000]].concat();
    stack
        .rpod("run -i --name taken alpine wc -c")
        .stdin(bytes.clone())
        .ok()?
        .is("200002")?;
    stack.rpod("run -d --name host alpine sleep 600").ok()?;
    stack
        .rpod("exec -i host wc -c")
        .stdin(bytes)
        .ok()?
        .is("200002")?;
    let told = stack.rpod("run --rm -it alpine echo said").stdin("").ok()?;
    told.complains("The input device is not a TTY")?;
    Ok(())
}

pub(crate) fn images_are_taken_by_name_and_by_file() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("tag alpine localhost/mine/own:1").ok()?;
    stack
        .rpod("create --name /own localhost/mine/own:1 true")
        .ok()?;
    stack
        .rpod("inspect --format {{.ImageName}} own")
        .ok()?
        .is("localhost/mine/own:1")?;
    stack.rpod("rm --storage own").ok()?;
    for (format, transport) in [
        ("docker-archive", "docker-archive"),
        ("oci-archive", "oci-archive"),
        ("oci-dir", "oci"),
    ] {
        let place = stack.scratch.path(format);
        let place = place.display();
        stack
            .rpod(&format!("save -q --format {format} -o {place} alpine"))
            .ok()?;
        stack.rpod("rmi -a -f").ok()?;
        stack
            .rpod(&format!("run --rm {transport}:{place} echo from a file"))
            .ok()?
            .says("from a file")?;
        let id = stack.rpod("images -q").ok()?;
        stack.rpod(&format!("tag {} alpine", id.text())).ok()?;
    }
    Ok(())
}

pub(crate) fn copies_land_where_they_are_seen() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let here = stack.scratch.write("here", "one")?;
    let here = here.display();
    stack
        .rpod("run -d --name host --workdir /etc alpine sleep 600")
        .ok()?;
    let link = "ln -s /tmp/far /tmp/link; mkfifo /tmp/pipe";
    stack.rpod("exec host sh -c").arg(link).ok()?;
    for target in [".", "./", "named", "/tmp/link"] {
        stack.rpod(&format!("cp {here} host:{target}")).ok()?;
    }
    stack
        .rpod("exec host cat /etc/here /etc/named /tmp/far")
        .ok()?
        .is("oneoneone")?;
    for target in ["host:/dev/null", "host:/tmp/pipe"] {
        stack
            .rpod(&format!("cp {here} {target}"))
            .exits(125)?
            .complains("must be a directory or a regular file")?;
    }
    // What is no file of the host's stays what it is.
    let pipe = stack.scratch.path("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU)?;
    for target in ["/dev/stdout".to_owned(), pipe.display().to_string()] {
        stack
            .rpod(&format!("cp host:/etc/here {target}"))
            .exits(125)?
            .complains("invalid destination")?;
    }
    ensure!(
        std::fs::symlink_metadata("/dev/stdout")?.is_symlink(),
        "/dev/stdout is gone"
    );
    Ok(())
}
