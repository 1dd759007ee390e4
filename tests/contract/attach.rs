//! The attach socket.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::Path;

use tests::monitor::{Case, Client};
use tests::{Result, ensure};

pub(crate) fn every_client_gets_marked_messages(case: &Case) -> Result<()> {
    let mut watched = case
        .container("echo out; read line; echo err >&2; read line; exit")
        .with("-i")
        .created_only()
        .begin()?;
    watched.container()?;
    let clients = [watched.client()?, watched.client()?, watched.client()?];
    // A connection may still wait to be accepted.
    let input = &clients[0];
    watched.start()?;
    for client in &clients {
        client.expect(2, b"out\n")?;
    }
    let late = watched.client()?;
    input.write(b"go\n")?;
    for client in &clients {
        client.expect(3, b"err\n")?;
    }
    input.write(b"go\n")?;
    watched.end()?;
    for client in clients.iter().chain([&late]) {
        while let Some((stream, text)) = client.message()? {
            ensure!((stream, &text[..]) == (3, b"err\n"), "{stream} {text:?}");
        }
    }
    Ok(())
}

pub(crate) fn what_a_client_writes_is_read(case: &Case) -> Result<()> {
    let mut watched = case
        .container("head -c 300000 | md5sum; exit 6")
        .with("-i")
        .begin()?;
    watched.container()?;
    let client = watched.client()?;
    let text: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    for part in text.chunks(30_000) {
        client.write(part)?;
    }
    let sum = tests::Cmd::new("md5sum").stdin(text).ok()?;
    client.expect(2, sum.stdout.as_bytes())?;
    let code = watched.code()?;
    ensure!(code == "6", "{code}");
    watched.end()
}

pub(crate) fn the_end_of_a_client_ends_input(case: &Case) -> Result<()> {
    let mut watched = case.container("cat; echo over").with("-i").begin()?;
    watched.container()?;
    let client = watched.client()?;
    client.write(b"text without end")?;
    client.end_input()?;
    client.expect(2, b"text without endover\n")?;
    watched.end()
}

pub(crate) fn input_stays_open_where_asked(case: &Case) -> Result<()> {
    let mut watched = case
        .container("read one; echo $one; read two; echo $two")
        .with("-i --leave-stdin-open")
        .begin()?;
    watched.container()?;
    let first = watched.client()?;
    first.write(b"first\n")?;
    first.expect(2, b"first\n")?;
    first.end_input()?;
    drop(first);
    let second = watched.client()?;
    second.write(b"second\n")?;
    second.expect(2, b"second\n")?;
    watched.end()
}

pub(crate) fn a_client_that_goes_stops_nobody(case: &Case) -> Result<()> {
    let mut watched = case
        .container("for n in 1 2 3 4 5 6 7 8 9; do echo $n; sleep 0.02; done; exit 8")
        .created_only()
        .begin()?;
    watched.container()?;
    let stays = watched.client()?;
    let goes = watched.client()?;
    watched.start()?;
    goes.message()?;
    drop(goes);
    stays.expect(2, b"1\n2\n3\n4\n5\n6\n7\n8\n9\n")?;
    let code = watched.code()?;
    ensure!(code == "8", "{code}");
    watched.end()
}

pub(crate) fn long_paths_are_reached_through_a_link(case: &Case) -> Result<()> {
    let long = case.path("bundle").join("long-name/".repeat(15));
    fs::create_dir_all(&long)?;
    let mut watched = case
        .container("echo said")
        .without("-b")
        .arg("-b")
        .arg(&long)
        .created_only()
        .begin()?;
    watched.container()?;
    let link = case.path("sockets").join(case.cid());
    ensure!(fs::read_link(&link)? == long, "the link points elsewhere");
    let client = watched.client()?;
    watched.start()?;
    client.expect(2, b"said\n")?;
    watched.end()?;
    case.since(&[2, 2], "leaves the link behind")?;
    ensure!(link.symlink_metadata().is_err(), "the link is still there");
    Ok(())
}

pub(crate) fn a_full_path_is_a_socket_in_the_bundle(case: &Case) -> Result<()> {
    let long = case.path("bundle").join("long-name/".repeat(15));
    fs::create_dir_all(&long)?;
    let mut watched = case
        .container("echo said")
        .without("-b")
        .arg("-b")
        .arg(&long)
        .with("--full-attach")
        .created_only()
        .begin()?;
    watched.container()?;
    ensure!(
        fs::read_dir(case.path("sockets"))?.next().is_none(),
        "there is a link"
    );
    // As a client does that cannot name it whole.
    let dir = fs::File::open(&long)?;
    let near = format!("/proc/self/fd/{}/attach", dir.as_raw_fd());
    let client = Client::connect(Path::new(&near))?;
    watched.start()?;
    client.expect(2, b"said\n")?;
    watched.end()?;
    ensure!(!long.join("attach").exists(), "the socket is still there");
    Ok(())
}
